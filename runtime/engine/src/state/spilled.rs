//! Operators of which a key has rows in several tables of a checkpoint, with more keys than memory has room for: a key goes
//! to disk with all of its rows, and comes back with them.

use super::cold::{Cold, ColdError, InOrder, Sorted, unknown};
use super::crowd::{Pieces, in_order_of_hashes, share};
use super::index::NO_SLOT;
use super::table::KeyTable;
use super::touched::Touched;
use crate::snapshot::{Columns, Loaded};
use flow_data::Column;

/// The keys that are on disk.
pub(crate) struct Spilled {
    /// Their rows, by table.
    tables: Vec<Cold>,
    touched: Touched,
}

/// Rows of a table: those of a key stand side by side.
pub(crate) struct Rows {
    /// The key of each.
    pub(crate) slots: Vec<u32>,
    /// Have they changed since the last barrier?
    pub(crate) changed: Vec<bool>,
    pub(crate) rows: Columns,
}

impl Spilled {
    /// With so many tables, of which one is given.
    pub(crate) fn new(first: Cold, tables: usize) -> Result<Spilled, ColdError> {
        let mut all = vec![first];
        while all.len() < tables {
            all.push(all[0].beside()?);
        }
        Ok(Spilled { tables: all, touched: Touched::default() })
    }

    /// Bytes that all tables may take in memory.
    pub(crate) fn budget(&self) -> usize {
        self.tables[0].budget()
    }

    /// How many keys there are, about: most have rows in all tables, or in one.
    pub(crate) fn len(&self) -> usize {
        self.tables.iter().map(Cold::len).max().unwrap_or_default()
    }

    /// The bytes it has taken itself.
    pub(crate) fn bytes(&self) -> usize {
        self.tables.iter().map(Cold::bytes).sum()
    }

    /// The rows of a table.
    pub(crate) fn table(&mut self, table: usize) -> &mut Cold {
        &mut self.tables[table]
    }

    /// Has the checkpoint on its way still to copy rows of a table?
    pub(crate) fn is_marked(&self, table: usize) -> bool {
        self.tables[table].is_marked()
    }

    /// So many keys come next, of about so many bytes, see [`Cold::begin_crowd`].
    pub(crate) fn begin_crowd(&mut self, keys: usize, bytes: usize) -> Result<(), ColdError> {
        let each = bytes / self.tables.len();
        self.tables.iter_mut().try_for_each(|table| table.begin_crowd(keys, each))
    }

    /// All of them were put.
    pub(crate) fn end_crowd(&mut self) -> Result<(), ColdError> {
        self.tables.iter_mut().try_for_each(Cold::end_crowd)
    }

    /// Which keys were used lately.
    pub(crate) fn touched(&mut self) -> &mut Touched {
        &mut self.touched
    }
}

/// An operator whose keys have rows in several tables.
pub(crate) trait Spills: Sized {
    /// The slots of keys.
    fn keys(&self) -> &KeyTable;
    /// What is on disk, if something may be.
    fn spilled(&mut self) -> Option<&mut Spilled>;
    /// How many rows a slot has, about; none if there is no more to it than its key.
    fn rows(&self, slot: u32) -> usize;
    /// Copies what a checkpoint still needs of slots, which are about to go.
    fn copy_ahead(&mut self, slots: &[u32]);
    /// These slots are about to go to disk.
    fn leave_memory(&mut self, _slots: &[u32]) -> Result<(), ColdError> {
        Ok(())
    }
    /// The rows of slots in a table.
    fn rows_of(&mut self, table: usize, slots: &[u32]) -> Rows;
    /// Takes in rows of a table that were on disk, or in a checkpoint. Those of the first table come first: their keys have
    /// no slots. Have they changed since the last barrier?
    fn take_in(&mut self, table: usize, rows: &Loaded, changed: &[bool]) -> Result<(), String>;
    /// These rows of a table were copied on disk for the checkpoint on its way.
    fn copied(&mut self, table: usize, rows: Columns);
    /// Keeps these slots, which ascend; they become slots `0..`. The others are on disk, but for these, which were empty.
    fn keep(&mut self, slots: &[u32], empty: &[u32]);
    /// The bytes that all slots take.
    fn bytes_in_memory(&self) -> usize;

    /// Brings back the keys with these hashes that are not in memory.
    fn bring(&mut self, keys: &[&Column], hashes: &[u64]) -> Result<(), ColdError> {
        let mut found = Vec::new();
        self.keys().known(keys, hashes, &mut found);
        self.bring_back(&unknown(hashes, &found, NO_SLOT))
    }

    /// Brings back the keys with these hashes, each of which comes once.
    fn bring_back(&mut self, hashes: &[u64]) -> Result<(), ColdError> {
        let tables = self.spilled().map_or(0, |spilled| spilled.tables.len());
        for table in 0..tables {
            self.bring_rows(table, hashes)?;
        }
        Ok(())
    }

    /// The same, of one table.
    fn bring_rows(&mut self, table: usize, hashes: &[u64]) -> Result<(), ColdError> {
        let Some(spilled) = self.spilled() else { return Ok(()) };
        let taken = spilled.tables[table].take(hashes)?;
        if let Some(marked) = taken.marked {
            self.copied(table, marked);
        }
        match taken.entries {
            Some(rows) => self.take_in(table, &rows, &taken.changed).map_err(ColdError::new),
            None => Ok(()),
        }
    }

    /// These slots were used; keys go to disk if all of them take too much memory.
    fn relieve(&mut self, used: &[u32]) -> Result<(), ColdError> {
        let (all, bytes) = (self.keys().len(), self.bytes_in_memory());
        let Some(spilled) = self.spilled() else { return Ok(()) };
        spilled.touched.touch(used.iter().copied(), all);
        if bytes <= spilled.budget() || all == 0 {
            return Ok(());
        }
        let stay = spilled.touched.stay(all);
        self.cool(&stay)
    }

    /// All other keys go to disk, in the order of their hashes; these, which ascend, become slots `0..`.
    fn cool(&mut self, stay: &[u32]) -> Result<(), ColdError> {
        let all = self.keys().len();
        let goes = in_order_of_hashes(self.keys(), stay, |slot| self.rows(slot));
        let bytes = share(self.bytes_in_memory(), goes.len(), all);
        if let Some(spilled) = self.spilled() {
            spilled.begin_crowd(goes.len(), bytes)?;
        }
        for piece in Pieces(&goes) {
            self.put(&piece.iter().map(|going| going.slot).collect::<Vec<u32>>())?;
        }
        if let Some(spilled) = self.spilled() {
            spilled.end_crowd()?;
        }
        let mut stays = stay.iter().copied().peekable();
        let others = (0..all as u32).filter(|slot| stays.next_if_eq(slot).is_none());
        let empty: Vec<u32> = others.filter(|slot| self.rows(*slot) == 0).collect();
        self.keep(stay, &empty);
        if let Some(spilled) = self.spilled() {
            spilled.touched.forget(stay);
        }
        Ok(())
    }

    /// Puts keys on disk, which are still in memory.
    fn put(&mut self, slots: &[u32]) -> Result<(), ColdError> {
        self.copy_ahead(slots);
        self.leave_memory(slots)?;
        let tables = self.spilled().map_or(0, |spilled| spilled.tables.len());
        for table in 0..tables {
            let Rows { slots, changed, rows } = self.rows_of(table, slots);
            if slots.is_empty() {
                continue;
            }
            let hashes = self.keys().hashes();
            let hashes: Vec<u64> = slots.iter().map(|&slot| hashes[slot as usize]).collect();
            if let Some(spilled) = self.spilled() {
                spilled.tables[table].put(&hashes, rows, &changed)?;
            }
        }
        Ok(())
    }

    /// Puts all keys on disk, in the order of the places that `place` gives for rows of the first table; those without are
    /// left out.
    fn sort(&mut self, place: impl Fn(&Loaded) -> Option<Vec<u8>>) -> Result<Sorted, ColdError> {
        self.cool(&[])?;
        match self.spilled() {
            Some(spilled) => spilled.tables[0].sorted(place),
            None => Err(ColdError::new("nothing is on disk".into())),
        }
    }

    /// From here on only the next of sorted keys are in memory, see [`Cold::next_of`]. `None` if there are no more; else
    /// where the one behind them stands.
    fn only_next(
        &mut self,
        sorted: &mut Sorted,
        prefix: usize,
        most: usize,
    ) -> Result<Option<Option<Vec<u8>>>, ColdError> {
        let Some(spilled) = self.spilled() else { return Ok(None) };
        let Some(InOrder { entries, next }) = spilled.tables[0].next_of(sorted, prefix, most)? else {
            return Ok(None);
        };
        let tables = spilled.tables.len();
        self.keep(&[], &[]);
        self.take_in(0, &entries, &vec![false; entries.len()]).map_err(ColdError::new)?;
        let mut hashes = self.keys().hashes().to_vec();
        hashes.sort_unstable();
        hashes.dedup();
        (1..tables).try_for_each(|table| self.bring_rows(table, &hashes))?;
        Ok(Some(next))
    }
}
