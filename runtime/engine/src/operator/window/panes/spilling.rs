//! Panes of more groups than memory has room for: those that no row came for lately are on disk, as the rows that a checkpoint
//! would hold of them, and come back with the next row of their key. A window whose groups are there is given piece by piece.

use super::super::births::{Reborn, Written};
use super::super::bounds::Bounds;
use super::super::divide::Rows;
use super::super::pane::Pane;
use super::super::windows::Common;
use super::Panes;
use crate::context::Context;
use crate::snapshot::Loaded;
use crate::state::{ColdError, Row, Shelf, Taken};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column};

/// Groups are put on disk so many at once.
const PIECE: usize = 1 << 12;

/// An entry from disk takes as long as so many from memory.
pub(super) const COLDER: usize = 8;

/// Where groups take so many bytes each, those of a window on disk find room in memory.
const LARGE: usize = 1 << 12;

/// Of so many bytes of budget, one group that is no more is remembered until the next checkpoint.
const GONE: usize = 1 << 9;

/// Windows that end together and have groups on disk, while they are given.
pub(super) struct Closing {
    windows: Vec<Shelf>,
    row: Row,
}

impl Panes {
    /// Brings back the groups of rows that are about to be added to a window.
    pub(super) fn bring(
        &mut self,
        common: &Common,
        key: Shelf,
        batch: &Batch,
        rows: &Rows,
    ) -> Result<(), ColdError> {
        let (Some(pane), Some(shelves)) = (self.open.get_mut(&key), &mut self.shelves) else { return Ok(()) };
        if shelves.on(key) == 0 {
            return Ok(());
        }
        let part = match rows {
            Rows::All => batch.clone(),
            Rows::These(rows) => batch.gather(rows),
        };
        let columns: Vec<&Column> = common.shape.keys.iter().map(|&key| part.columns[key].as_ref()).collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, part.len, &mut hashes);
        let taken = shelves.take(key, &pane.missing((&columns, &hashes)))?;
        self.take_in(common, key, taken)
    }

    /// Groups of a window come back.
    fn take_in(&mut self, common: &Common, key: Shelf, taken: Taken) -> Result<(), ColdError> {
        self.ahead.extend(taken.marked);
        let Some(entries) = taken.entries else { return Ok(()) };
        self.begin(common, key);
        let Some(pane) = self.open.get_mut(&key) else { return Ok(()) };
        if taken.changed.contains(&true) {
            self.book.touch(key, pane);
        } else {
            self.book.look(pane);
        }
        let bytes = pane.weight();
        pane.take_in(&common.shape, common.output.origin, &entries, &taken.changed)
            .map_err(ColdError::new)?;
        self.bytes = self.bytes + pane.weight() - bytes;
        Ok(())
    }

    /// Groups that were not used since the last time go to disk, and half of all at least: those that are used stay where they
    /// came last.
    pub(super) fn cool(&mut self, common: &Common) -> Result<(), ColdError> {
        let mut stays = self.open.values().map(Pane::len).sum::<usize>() / 2;
        for key in self.open.keys().rev().copied().collect::<Vec<_>>() {
            let Some(pane) = self.open.get(&key) else { continue };
            let mut kept = pane.in_use();
            kept.drain(..kept.len().saturating_sub(stays));
            stays -= kept.len();
            self.put(common, key, &kept)?;
        }
        Ok(())
    }

    /// All groups of a window but these, which ascend, go to disk.
    fn put(&mut self, common: &Common, key: Shelf, kept: &[u32]) -> Result<(), ColdError> {
        let (Some(pane), Some(shelves)) = (self.open.get_mut(&key), &mut self.shelves) else { return Ok(()) };
        let bytes = pane.weight();
        let bounds = (self.described.columns)(key, self.written_to);
        self.book.look(pane);
        let mut stays = kept.iter().copied().peekable();
        let all = 0..pane.len() as u32;
        let goes: Vec<u32> = all.filter(|slot| stays.next_if_eq(slot).is_none()).collect();
        let save = |pane: &Pane, slots: &[u32]| {
            let mut births = Written::new(common.output.origin);
            let columns = pane.save(&common.shape, &bounds, slots, &mut births);
            births.finish(columns)
        };
        let mut hashes = Vec::new();
        for slots in goes.chunks(PIECE) {
            let marked = pane.take_marked(slots);
            if !marked.is_empty() {
                self.ahead.push(save(pane, &marked));
            }
            let keys = pane.keys(slots);
            hash_columns(&keys.iter().collect::<Vec<_>>(), slots.len(), &mut hashes);
            let entries = save(pane, slots);
            shelves.put(key, &hashes, entries, &pane.changed(slots))?;
        }
        pane.retain(kept);
        self.bytes = self.bytes + pane.weight() - bytes;
        if kept.is_empty() {
            self.remove(key);
        }
        Ok(())
    }

    /// Brings back all groups of windows that end together, if there is room for them, or none is on disk. Else they are to be
    /// given by [`Panes::next_piece`].
    pub(in super::super) fn bring_back(
        &mut self,
        common: &Common,
        windows: &[Shelf],
    ) -> Result<bool, ColdError> {
        let Some(shelves) = &self.shelves else { return Ok(true) };
        let on_disk: usize = windows.iter().map(|&key| shelves.on(key)).sum();
        if windows.len() == 1 && on_disk <= shelves.budget() / LARGE {
            for &key in windows.iter().filter(|_| on_disk > 0) {
                let Some(shelves) = &mut self.shelves else { break };
                let taken = shelves.take_all(key)?;
                self.take_in(common, key, taken)?;
            }
            return Ok(true);
        }
        for &key in windows {
            self.put(common, key, &[])?;
        }
        let Some(shelves) = &self.shelves else { return Ok(true) };
        let origin = common.output.origin;
        let row = shelves.sorted(windows, |entries| Reborn::places(entries, origin))?;
        self.closing = Some(Closing { windows: windows.to_vec(), row });
        Ok(false)
    }

    /// Are windows given piece by piece?
    pub(in super::super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Gives the next groups of windows whose groups are on disk, in the order in which they were first seen; whether there are
    /// more.
    pub(in super::super) fn next_piece(
        &mut self,
        common: &Common,
        cx: &mut Context<'_>,
    ) -> Result<bool, ColdError> {
        let (Some(closing), Some(shelves)) = (&mut self.closing, &mut self.shelves) else { return Ok(false) };
        if let Some(entries) = shelves.next_of(&mut closing.row, BATCH_ROWS)? {
            self.book.bound_gone(shelves.budget() / GONE);
            self.give(common, cx, &entries).map_err(ColdError::new)?;
            return Ok(true);
        }
        for key in std::mem::take(&mut closing.windows) {
            self.book.shrink(shelves.on(key));
            shelves.leave(key)?;
        }
        self.closing = None;
        Ok(false)
    }

    /// Gives groups, which are in order.
    fn give(&mut self, common: &Common, cx: &mut Context<'_>, entries: &Loaded) -> Result<(), String> {
        let of_window = (self.described.columns)((0, 0), None);
        let columns: Vec<Vec<i64>> =
            of_window.iter().take(self.described.key).map(|(name, _)| entries.ints(name)).collect();
        let window = |row: u32| -> Vec<i64> { columns.iter().map(|column| column[row as usize]).collect() };
        let rows: Vec<u32> = (0..entries.len() as u32).collect();
        for rows in rows.chunk_by(|a, b| window(*a) == window(*b)) {
            let part = entries.in_order(rows);
            let mut pane = Pane::new(&common.shape, &common.output);
            pane.take_in(&common.shape, common.output.origin, &part, &[])?;
            let bounds = window(rows[0]);
            self.book.gone(0, pane.keys_of_all(&bounds));
            let bounds = Bounds { start: bounds[0], end: bounds[1] };
            let slots: Vec<u32> = (0..pane.len() as u32).collect();
            cx.emit(pane.results_of(&slots, bounds, &common.output).batch);
        }
        Ok(())
    }
}
