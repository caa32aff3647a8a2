//! Windows of rows of more keys than memory has room for: a key that no row came for lately is on disk, groups in the first
//! table, their rows in the second. A checkpoint gets all there is; what is on disk is copied behind the barrier.

use super::{NUMBER, PENDING, RowsOperator};
use crate::context::Context;
use crate::error::Halt;
use crate::number::at_end;
use crate::operator::{Flush, on_disk};
use crate::snapshot::{Columns, Loaded, Saving};
use crate::state::{COLDER, Cold, ColdError, Held, KeyTable, Rows, Sorted, Spill, Spilled, Spills};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column};
use std::sync::Arc;

/// Bytes of a number in front of a place.
const NUMBER_BYTES: usize = 8;

/// How many tables there are.
const TABLES: usize = 2;

/// The keys that are on disk.
pub(super) struct Disk {
    keys: Spilled,
    /// The table that the checkpoint on its way is getting, and what was copied for it, by table, of keys that came back.
    table: usize,
    ahead: [Vec<Columns>; TABLES],
    /// What the end of the input gives, in its order.
    sorted: Option<Sorted>,
}

impl Disk {
    /// How much state it is.
    pub(super) fn held(&self) -> Held {
        Held { keys: self.keys.len(), bytes: self.keys.bytes() }
    }

    /// A barrier: all is to be written down.
    pub(super) fn mark(&mut self) {
        (self.table, self.ahead) = (0, Default::default());
        (0..TABLES).for_each(|table| self.keys.table(table).mark(true));
    }

    /// Writes down about so many entries of a table; gives whether there are more of it.
    pub(super) fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        let Some(ahead) = self.ahead.get_mut(self.table) else { return Ok(false) };
        ahead.drain(..).for_each(|copy| out.more(copy));
        let next = self.keys.table(self.table).next_marked(entries.div_ceil(COLDER));
        let next = next.map_err(|error| error.to_string())?;
        self.table += usize::from(next.is_none());
        Ok(next.map(|copy| out.more(copy)).is_some())
    }
}

impl RowsOperator {
    /// Keys may be on disk from now on, if there is where.
    pub(crate) fn spill(mut self, spill: Option<&Arc<Spill>>) -> Result<RowsOperator, ColdError> {
        let keys = spill.map(|spill| Spilled::new(Cold::new(spill)?, TABLES)).transpose()?;
        self.disk = keys.map(|keys| Disk { keys, table: TABLES, ahead: Default::default(), sorted: None });
        if self.disk.is_some() {
            self.lives.widen(1);
        }
        Ok(self)
    }

    /// Brings back the keys of a batch's rows.
    pub(super) fn bring_groups(&mut self, batch: &Batch) -> Result<(), ColdError> {
        if self.disk.is_none() {
            return Ok(());
        }
        let columns: Vec<&Column> = self.shape.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, batch.len, &mut hashes);
        self.bring(&columns, &hashes)
    }

    /// Rows came for the groups that were looked up last: others may have to go.
    pub(super) fn relieve_groups(&mut self) -> Result<(), ColdError> {
        if self.disk.is_none() {
            return Ok(());
        }
        let slots = std::mem::take(&mut self.slots);
        self.relieve(&slots)
    }

    /// The end of the input: gives what is held, in the order of the groups' births.
    pub(super) fn flush_sorted(&mut self, cx: &mut Context<'_>, level: u32) -> Result<Flush, Halt> {
        let sorted = self.disk.as_mut().and_then(|disk| disk.sorted.take());
        let mut sorted = match sorted {
            Some(sorted) => sorted,
            None => {
                let place = self.lives.place(NUMBER);
                let waits = |entry: &Loaded| entry.ints(PENDING).first().is_some_and(|rows| *rows > 0);
                let sorted = self.sort(move |entry| waits(entry).then(|| place(entry)).flatten());
                sorted.map_err(|error| on_disk(cx, &error))?
            }
        };
        let next = self.only_next(&mut sorted, NUMBER_BYTES, BATCH_ROWS);
        let Some(next) = next.map_err(|error| on_disk(cx, &error))? else { return Ok(Flush::Done) };
        cx.number = at_end(level, self.lives.born(0));
        for slot in 0..self.groups.len() as u32 {
            self.give_rest(slot).into_iter().for_each(|given| cx.emit(given));
        }
        if let Some(disk) = &mut self.disk {
            disk.sorted = Some(sorted);
        }
        let number = |bytes: Vec<u8>| bytes.try_into().map(u64::from_be_bytes).unwrap_or_default();
        Ok(next.map_or(Flush::Done, |next| Flush::More(at_end(level, number(next)))))
    }
}

impl Spills for RowsOperator {
    fn keys(&self) -> &KeyTable {
        &self.keys
    }

    fn spilled(&mut self) -> Option<&mut Spilled> {
        self.disk.as_mut().map(|disk| &mut disk.keys)
    }

    fn rows(&self, slot: u32) -> usize {
        1 + self.groups[slot as usize].rows.len()
    }

    fn copy_ahead(&mut self, _slots: &[u32]) {
        // What is in memory is written down at the barrier.
    }

    fn rows_of(&mut self, table: usize, slots: &[u32]) -> Rows {
        let (slots, rows) = match table {
            0 => (slots.to_vec(), self.groups_of(slots)),
            _ => self.all_rows(slots),
        };
        Rows { changed: vec![false; slots.len()], slots, rows }
    }

    fn take_in(&mut self, table: usize, rows: &Loaded, _changed: &[bool]) -> Result<(), String> {
        if table == 0 { self.take_groups(rows) } else { self.take_rows(rows) }
    }

    fn copied(&mut self, table: usize, rows: Columns) {
        if let Some(disk) = &mut self.disk {
            disk.ahead[table].push(rows);
        }
    }

    fn keep(&mut self, slots: &[u32], _empty: &[u32]) {
        self.keys.retain(slots);
        self.lives.retain(slots);
        let mut groups: Vec<_> = std::mem::take(&mut self.groups).into_iter().map(Some).collect();
        self.groups = slots.iter().filter_map(|&slot| groups[slot as usize].take()).collect();
        let rows: Vec<u32> = self.groups.iter().flat_map(|group| &group.rows).copied().collect();
        self.rows.retain(&rows);
        let mut next = 0..;
        self.groups
            .iter_mut()
            .flat_map(|group| &mut group.rows)
            .zip(&mut next)
            .for_each(|(row, at)| *row = at);
    }

    fn bytes_in_memory(&self) -> usize {
        self.held_in_memory().bytes + self.disk.as_ref().map_or(0, |disk| disk.keys.bytes())
    }
}
