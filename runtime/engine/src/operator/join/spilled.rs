//! Joins of more keys than memory has room for. A key that no row came for lately is on disk with the rows of both its
//! sides, as a checkpoint holds them, and comes back in front of the next rows that came for it, or when the first of its own
//! is over: so who works with rows finds all of them in memory. Rows keep their ids, by which checkpoints know them; the
//! numbers under which they are kept are others when they come back, and when those that stay move together.

use super::stream::{Bound, Core, key_columns};
use crate::context::Context;
use crate::error::Halt;
use crate::operator::on_disk;
use crate::snapshot::{Columns, Loaded, Saving};
use crate::state::{
    Cold, ColdError, NO_SLOT, Pieces, Spill, Spilled as Keys, Turns, in_order_of_hashes, share,
};
use flow_checkpoint::state::Home;
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column, NO_ROW};
use std::sync::Arc;

/// So many keys come back at once because time passes.
pub(super) const PIECE: usize = 1 << 12;

/// The keys that are on disk, with a table of rows for each side.
pub(crate) struct Spilled {
    pub(super) keys: Keys,
    /// When the first row of a key is over.
    pub(super) turns: Turns,
    /// Is there a table beside those of rows, and what a checkpoint still has to get of entries of it that came back.
    beside: bool,
    copied: Vec<Columns>,
}

/// The table that is not one of rows.
const BESIDE: usize = 2;

impl Spilled {
    /// `beside`: with a table beside those of rows.
    pub(crate) fn new(spill: &Arc<Spill>, beside: bool) -> Result<Spilled, ColdError> {
        let keys = Keys::new(Cold::new(spill)?, BESIDE + usize::from(beside))?;
        Ok(Spilled { keys, turns: Turns::new(spill), beside, copied: Vec::new() })
    }

    /// What it takes in memory itself, about.
    pub(super) fn bytes(&self) -> usize {
        self.keys.bytes() + self.turns.bytes()
    }

    /// Keys are used; there are so many in memory.
    pub(super) fn touch(&mut self, slots: &[u32], all: usize) {
        self.keys.touched().touch(slots.iter().copied().filter(|slot| *slot != NO_ROW), all);
    }

    /// Only these keys stay in memory, which ascend: they become `0..`.
    pub(super) fn keep_keys(&mut self, slots: &[u32]) {
        self.keys.touched().keep(slots);
    }

    /// A barrier: the rows of a side are to be written down, all of them or what changed.
    pub(super) fn mark(&mut self, side: usize, whole: bool) {
        self.keys.table(side).mark(whole);
    }
}

impl Core {
    /// Brings back the keys of a batch that are on disk.
    pub(super) fn bring_keys(
        &mut self,
        bound: &mut dyn Bound,
        side: usize,
        batch: &Batch,
    ) -> Result<(), ColdError> {
        if self.spilled.is_none() {
            return Ok(());
        }
        let columns = key_columns(&self.sides[side], batch);
        let keyed: Vec<Column> = match super::table::keyed_rows(&columns, batch.len) {
            None => columns.into_iter().cloned().collect(),
            Some(rows) => {
                columns.into_iter().map(|column| Column { validity: None, ..column.gather(&rows) }).collect()
            }
        };
        let columns: Vec<&Column> = keyed.iter().collect();
        let (mut hashes, mut found) = (Vec::new(), Vec::new());
        hash_columns(&columns, columns.first().map_or(0, |column| column.len()), &mut hashes);
        self.table.known(&columns, &hashes, &mut found);
        self.bring(bound, &crate::state::unknown(&hashes, &found, NO_SLOT)).map(drop)
    }

    /// Up to which watermark all keys are in memory of which a row is over, if it is not this one.
    pub(super) fn in_memory_up_to(&self, now: i64) -> Result<Option<i64>, ColdError> {
        self.spilled.as_ref().map_or(Ok(None), |spilled| spilled.turns.first_before(now))
    }

    /// Brings back some of the keys of which a row is over at this watermark: those of which that is so first.
    pub(super) fn bring_due(&mut self, bound: &mut dyn Bound, now: i64) -> Result<(), ColdError> {
        let Some(spilled) = &mut self.spilled else { return Ok(()) };
        let (hashes, _) = spilled.turns.take_whole(now, PIECE)?;
        self.bring(bound, &hashes).map(drop)
    }

    /// At the end of the input, brings back keys until the left row is in memory that is over first. Gives up to which watermark
    /// all are that are over then.
    pub(super) fn bring_last(&mut self, bound: &mut dyn Bound) -> Result<i64, ColdError> {
        while let Some(next) = self.in_memory_up_to(i64::MAX)? {
            let first = bound.waiting().and_then(|(due, near)| due.first().map(|time| near.last(0, time)));
            if first.is_some_and(|first| first < next) {
                return Ok(next);
            }
            self.bring_due(bound, i64::MAX)?;
            // Nobody meets the others any more.
            let slots = (0..self.table.len() as u32).filter(|&slot| !bound.is_met_at_end(self, slot));
            let rows: Vec<u32> = slots.flat_map(|slot| self.kept[1].list(slot)).collect();
            rows.into_iter().for_each(|row| self.remove(1, row));
        }
        Ok(i64::MAX)
    }

    /// Brings back the keys with these hashes, each of which comes once; gives their left rows.
    pub(super) fn bring(&mut self, bound: &mut dyn Bound, hashes: &[u64]) -> Result<Vec<u32>, ColdError> {
        let known = self.table.len() as u32;
        let mut left = Vec::new();
        bound.bring_beside(self, hashes)?;
        for side in [0, 1] {
            let Some(spilled) = &mut self.spilled else { return Ok(left) };
            let taken = spilled.keys.table(side).take(hashes)?;
            if let Some(marked) = taken.marked {
                self.kept[side].book.settle(Some(marked), None);
            }
            let Some(entries) = taken.entries else { continue };
            let rows = self.take_in(side, &entries, Some(&taken.changed)).map_err(ColdError::new)?;
            bound.came(self, side, &rows);
            if side == 0 {
                left = rows;
            }
        }
        for slot in known..self.table.len() as u32 {
            let over = bound.first_over(self, slot);
            if let (Some(over), Some(spilled)) = (over, &mut self.spilled) {
                spilled.turns.remove(over, self.table.hashes()[slot as usize])?;
            }
        }
        Ok(left)
    }

    /// If all that is in memory takes too much of it, keys go to disk that were not used since the last time, and half of
    /// them at least. No row is being worked with.
    pub(super) fn relieve(&mut self, bound: &mut dyn Bound) -> Result<(), ColdError> {
        let Some(budget) = self.spilled.as_ref().map(|spilled| spilled.keys.budget()) else {
            return Ok(());
        };
        let all = self.table.len();
        if self.bytes() + bound.bytes() <= budget || all == 0 {
            return Ok(());
        }
        let Some(spilled) = &mut self.spilled else { return Ok(()) };
        let mut kept = spilled.keys.touched().stay(all);
        let used = kept.len();
        bound.in_hand(self, &mut kept);
        if kept.len() > used {
            kept.sort_unstable();
            kept.dedup();
        }
        self.cool(bound, &kept)
    }

    /// All other keys go to disk, in the order of their hashes; these, which ascend, become `0..`.
    fn cool(&mut self, bound: &mut dyn Bound, kept: &[u32]) -> Result<(), ColdError> {
        let rows = |slot: u32| self.kept.iter().map(|kept| kept.list(slot).count()).sum::<usize>();
        let goes = in_order_of_hashes(&self.table, kept, |slot| rows(slot).max(1));
        let bytes = share(self.bytes() + bound.bytes(), goes.len(), self.table.len());
        if let Some(spilled) = &mut self.spilled {
            spilled.keys.begin_crowd(goes.len(), bytes)?;
        }
        for piece in Pieces(&goes) {
            self.put(bound, &piece.iter().map(|going| going.slot).collect::<Vec<u32>>())?;
        }
        if let Some(spilled) = &mut self.spilled {
            spilled.keys.end_crowd()?;
        }
        for side in [0, 1] {
            self.settle(side);
            let mut rows: Vec<u32> = kept.iter().flat_map(|&slot| self.kept[side].list(slot)).collect();
            rows.extend(self.kept[side].list(NO_ROW));
            rows.sort_unstable();
            let moved = self.kept[side].keep_rows(&rows);
            bound.rows_move(side, &moved);
        }
        bound.keys_move(self, kept);
        self.keep_keys(kept);
        if let Some(spilled) = &mut self.spilled {
            spilled.keys.touched().forget(kept);
        }
        Ok(())
    }

    /// Puts keys on disk; their rows are still in memory.
    fn put(&mut self, bound: &mut dyn Bound, slots: &[u32]) -> Result<(), ColdError> {
        let hash_of = |table: &crate::state::KeyTable, slot: u32| table.hashes()[slot as usize];
        for &slot in slots {
            let over = bound.first_over(self, slot);
            if let (Some(over), Some(spilled)) = (over, &mut self.spilled) {
                spilled.turns.put(over, hash_of(&self.table, slot))?;
            }
        }
        for side in [0, 1] {
            let (mut hashes, mut changed, mut entries) = (Vec::new(), Vec::new(), Vec::new());
            for &slot in slots {
                let rows: Vec<u32> = self.kept[side].list(slot).collect();
                for row in rows {
                    hashes.push(hash_of(&self.table, slot));
                    changed.push(self.kept[side].leaves(row));
                    entries.push(self.kept[side].entry(row));
                }
            }
            if entries.is_empty() {
                continue;
            }
            self.settle(side);
            let rows = self.written(side, &entries);
            if let Some(spilled) = &mut self.spilled {
                spilled.keys.table(side).put(&hashes, rows, &changed)?;
            }
        }
        bound.put_beside(self, slots)
    }

    /// Puts entries of the table beside rows on disk, whose keys have these hashes.
    pub(super) fn put_beside(
        &mut self,
        hashes: &[u64],
        entries: Columns,
        changed: &[bool],
    ) -> Result<(), ColdError> {
        match &mut self.spilled {
            Some(spilled) => spilled.keys.table(BESIDE).put(hashes, entries, changed),
            None => Ok(()),
        }
    }

    /// Takes the entries of keys with these hashes from there, and whether they changed since the last barrier.
    pub(super) fn take_beside(&mut self, hashes: &[u64]) -> Result<Option<(Loaded, Vec<bool>)>, ColdError> {
        let Some(spilled) = &mut self.spilled else { return Ok(None) };
        let taken = spilled.keys.table(BESIDE).take(hashes)?;
        spilled.copied.extend(taken.marked);
        Ok(taken.entries.map(|entries| (entries, taken.changed)))
    }

    /// A barrier: the table beside rows is to be written down, all of it or what changed, but these entries are in memory.
    pub(super) fn save_beside(
        &mut self,
        name: &str,
        (home, keys): (Home, usize),
        entries: Columns,
        gone: Option<Vec<Batch>>,
        out: &mut Saving,
    ) {
        match (&mut self.spilled, gone) {
            (Some(spilled), gone) => {
                spilled.copied.clear();
                spilled.mark(BESIDE, gone.is_none());
                out.begin_changes(name, home, keys, entries, gone);
            }
            (None, Some(gone)) => out.changes(name, home, keys, entries, gone),
            (None, None) => out.table(name, home, keys, entries),
        }
    }

    /// Writes down about so many entries of that table that are on disk; gives whether there may be more.
    pub(super) fn save_more_beside(&mut self, out: &mut Saving, keys: usize) -> Result<bool, ColdError> {
        match &mut self.spilled {
            Some(spilled) if spilled.beside => {
                spilled.copied.drain(..).for_each(|copy| out.more(copy));
                self.save_cold(BESIDE, out, keys)
            }
            _ => Ok(false),
        }
    }

    /// The first turn of keys on disk, if it is before `now` or that is the end of time.
    pub(super) fn next_turn(&self, now: i64) -> Result<Option<i64>, ColdError> {
        let Some(Spilled { turns, .. }) = &self.spilled else { return Ok(None) };
        if now == i64::MAX { turns.first() } else { turns.first_before(now) }
    }

    /// How many keys are on disk, about.
    pub(super) fn on_disk(&self) -> usize {
        self.spilled.as_ref().map_or(0, |spilled| spilled.keys.len())
    }

    /// Writes down rows of a table that are on disk, about so many keys of them; gives whether there may be more.
    pub(super) fn save_cold(
        &mut self,
        table: usize,
        out: &mut Saving,
        keys: usize,
    ) -> Result<bool, ColdError> {
        let Some(spilled) = &mut self.spilled else { return Ok(false) };
        if let Some(rows) = spilled.keys.table(table).next_marked(keys)? {
            out.more(rows);
        }
        Ok(spilled.keys.is_marked(table))
    }
}

/// The disk cannot hold keys, or does not give them back: the job fails.
pub(super) fn or_halt<T>(cx: &Context<'_>, done: Result<T, ColdError>) -> Result<T, Halt> {
    done.map_err(|error| on_disk(cx, &error))
}
