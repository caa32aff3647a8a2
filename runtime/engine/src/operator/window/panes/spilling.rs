//! Panes of more groups than memory has room for: those that no row came for lately are on disk, as the rows that a checkpoint
//! would hold of them, and come back with the next row of their key. A window whose groups are there is given piece by piece.

use super::super::births::{Reborn, Written};
use super::super::bounds::Bounds;
use super::super::divide::Rows;
use super::super::pane::Pane;
use super::super::windows::Common;
use super::super::written::{WINDOW_END, WINDOW_START};
use super::Panes;
use crate::context::Context;
use crate::snapshot::Loaded;
use crate::state::{ColdError, Row, Shelf, Shelves, Taken};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column};
use std::ops::RangeInclusive;

/// Groups are put on disk so many at once.
const PIECE: usize = 1 << 12;

/// Where groups take so many bytes each, those of a window on disk find room in memory.
const LARGE: usize = 1 << 12;

/// Of so many bytes of budget, one group that is no more is remembered until the next checkpoint.
const GONE: usize = 1 << 9;

/// Groups on disk that are given, in their order.
pub(super) struct Closing {
    row: Row,
    /// The window they are of; without, entries say it, and these windows are over when they are given.
    of: Option<Bounds>,
    windows: Vec<Shelf>,
}

impl Closing {
    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.row.bytes()
    }
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
        let marked = taken.marked.map(|marked| self.written_now(marked));
        self.ahead.extend(marked);
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
            let kept = pane.in_use(stays);
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

    /// How many groups of some windows are on disk.
    pub(in super::super) fn on_disk(&self, windows: &[Shelf]) -> usize {
        self.shelves.iter().flat_map(|shelves| windows.iter().map(|&key| shelves.on(key))).sum()
    }

    /// Brings back all groups of some windows, if there is room for them; whether none is on disk.
    pub(in super::super) fn bring_back(
        &mut self,
        common: &Common,
        windows: &[Shelf],
    ) -> Result<bool, ColdError> {
        let on_disk = self.on_disk(windows);
        for &key in windows.iter().filter(|_| on_disk > 0) {
            let Some(shelves) = &mut self.shelves else { break };
            if on_disk > shelves.budget() / LARGE {
                return Ok(false);
            }
            let taken = shelves.take_all(key)?;
            self.take_in(common, key, taken)?;
        }
        Ok(true)
    }

    /// Windows that end together are to be given by [`Panes::next_piece`], and are over then.
    pub(in super::super) fn close(&mut self, common: &Common, windows: Vec<Shelf>) -> Result<(), ColdError> {
        let Some(mut row) = self.row() else { return Ok(()) };
        for &key in &windows {
            self.put(common, key, &[])?;
            let mut next = Some(0);
            while let (Some(from), Some(shelves)) = (next, &self.shelves) {
                let (entries, behind) = shelves.read(key, from..=u64::MAX, PIECE)?;
                if let Some(entries) = entries {
                    let order = Reborn::places(&entries, common.output.origin);
                    row.add(order, entries)?;
                }
                next = behind;
            }
        }
        self.closing = Some(Closing { row, of: None, windows });
        Ok(())
    }

    /// A window that others share slices with is to be given by [`Panes::next_piece`]: these groups.
    pub(in super::super) fn give_row(&mut self, row: Row, of: Bounds) {
        self.closing = Some(Closing { row, of: Some(of), windows: Vec::new() });
    }

    /// Adds groups of a pane to those that are to be given.
    pub(in super::super) fn line_up(
        &self,
        common: &Common,
        row: &mut Row,
        pane: &Pane,
        slots: &[u32],
    ) -> Result<(), ColdError> {
        let entries = self.saved(common, (0, 0), pane, slots);
        row.add(Reborn::places(&entries, common.output.origin), entries)
    }

    /// Where a group stands among others.
    pub(in super::super) fn order_of(&self, common: &Common, pane: &Pane, slot: u32) -> Vec<u8> {
        let entry = self.saved(common, (0, 0), pane, &[slot]);
        Reborn::places(&entry, common.output.origin).pop().unwrap_or_default()
    }

    /// Groups as they would stand on disk.
    fn saved(&self, common: &Common, key: Shelf, pane: &Pane, slots: &[u32]) -> Loaded {
        let mut births = Written::new(common.output.origin);
        let bounds = (self.described.columns)(key, self.written_to);
        let columns = pane.save(&common.shape, &bounds, slots, &mut births);
        let (schema, rows) = births.finish(columns).into_rows();
        Loaded::of(schema, rows)
    }

    /// The groups of a window whose keys have such hashes, wherever they are; those in memory are these slots.
    pub(in super::super) fn part(
        &self,
        common: &Common,
        key: Shelf,
        hashes: RangeInclusive<u64>,
        in_memory: &[u32],
    ) -> Result<Pane, ColdError> {
        let mut part = Pane::new(&common.shape, &common.output);
        let here = self.open.get(&key).filter(|_| !in_memory.is_empty());
        let here = here.map(|pane| self.saved(common, key, pane, in_memory));
        let there = match &self.shelves {
            Some(shelves) if shelves.on(key) > 0 => shelves.read(key, hashes, usize::MAX)?.0,
            _ => None,
        };
        for entries in here.into_iter().chain(there) {
            let taken = part.take_in(&common.shape, common.output.origin, &entries, &[]);
            taken.map_err(ColdError::new)?;
        }
        Ok(part)
    }

    /// An empty row on disk, if groups may be there.
    pub(in super::super) fn row(&self) -> Option<Row> {
        self.shelves.as_ref().map(Shelves::row)
    }

    /// A window is over, wherever its groups are.
    pub(in super::super) fn leave(&mut self, common: &Common, key: Shelf) -> Result<(), ColdError> {
        let mut next = Some(0).filter(|_| self.on_disk(&[key]) > 0 && self.book.says_gone());
        while let (Some(from), Some(shelves)) = (next, &self.shelves) {
            let (entries, behind) = shelves.read(key, from..=u64::MAX, PIECE)?;
            let gone = entries.map(|entries| self.keys_of(common, &entries));
            let most = shelves.budget() / GONE;
            gone.into_iter().for_each(|keys| self.book.gone(0, keys));
            self.book.bound_gone(most);
            next = behind;
        }
        if let Some(shelves) = &mut self.shelves {
            self.book.shrink(shelves.on(key));
            shelves.leave(key)?;
        }
        if let Some(pane) = self.remove(key) {
            self.forget(key, pane);
        }
        Ok(())
    }

    /// What tells entries from others: the first columns.
    fn keys_of(&self, common: &Common, entries: &Loaded) -> Batch {
        entries.first_columns(common.shape.keys.len() + self.described.key).into_rows()
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
        if let Some(entries) = closing.row.next(BATCH_ROWS)? {
            let (of, most) = (closing.of, shelves.budget() / GONE);
            if of.is_none() {
                let gone = self.keys_of(common, &entries);
                self.book.gone(0, gone);
                self.book.bound_gone(most);
            }
            self.give(common, cx, &entries, of).map_err(ColdError::new)?;
            return Ok(true);
        }
        for key in std::mem::take(&mut closing.windows) {
            self.book.shrink(shelves.on(key));
            shelves.leave(key)?;
        }
        self.closing = None;
        Ok(false)
    }

    /// Gives groups, which are in order, of one window or of those that they say.
    fn give(
        &self,
        common: &Common,
        cx: &mut Context<'_>,
        entries: &Loaded,
        of: Option<Bounds>,
    ) -> Result<(), String> {
        let (starts, ends) = (entries.ints(WINDOW_START), entries.ints(WINDOW_END));
        let bounds =
            |row: u32| of.unwrap_or_else(|| Bounds { start: starts[row as usize], end: ends[row as usize] });
        let rows: Vec<u32> = (0..entries.len() as u32).collect();
        for rows in rows.chunk_by(|a, b| bounds(*a) == bounds(*b)) {
            let mut pane = Pane::new(&common.shape, &common.output);
            pane.take_in(&common.shape, common.output.origin, &entries.in_order(rows), &[])?;
            let slots: Vec<u32> = (0..pane.len() as u32).collect();
            cx.emit(pane.results_of(&slots, bounds(rows[0]), &common.output).batch);
        }
        Ok(())
    }
}
