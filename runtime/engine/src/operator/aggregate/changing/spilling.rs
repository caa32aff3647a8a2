//! Changing aggregates of more groups than memory has room for: groups are the first table, what was given of them the second.

use super::super::{NUMBER, PENDING};
use super::save::ROWS;
use super::{ChangingOperator, RunningTrigger};
use crate::context::Context;
use crate::error::Halt;
use crate::number::at_end;
use crate::operator::{Flush, on_disk};
use crate::snapshot::{Columns, Loaded};
use crate::state::{ColdError, KeyTable, Rows, Sorted, Spilled, Spills};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column};

/// Bytes of a number in front of a place.
const NUMBER_BYTES: usize = 8;

impl ChangingOperator {
    /// Brings back the groups of a batch's rows.
    pub(super) fn bring_groups(&mut self, cx: &mut Context<'_>, batch: &Batch) -> Result<(), Halt> {
        if self.spilled.is_none() {
            return Ok(());
        }
        let columns: Vec<&Column> = self.core.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, batch.len, &mut hashes);
        self.bring(&columns, &hashes).map_err(|error| on_disk(cx, &error))
    }

    /// The end of the input: gives what is held, in the order of the groups' births.
    pub(super) fn flush_sorted(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        if self.trigger == RunningTrigger::EachRow {
            return Ok(Flush::Done);
        }
        let level = cx.shared.layout.nodes[cx.node].level;
        let mut sorted = match self.sorted.take() {
            Some(sorted) => sorted,
            None => self.sort_groups().map_err(|error| on_disk(cx, &error))?,
        };
        let next = self.only_next(&mut sorted, NUMBER_BYTES, BATCH_ROWS);
        let Some(next) = next.map_err(|error| on_disk(cx, &error))? else { return Ok(Flush::Done) };
        cx.number = at_end(level, self.lives.born(0));
        let slots: Vec<u32> = (0..self.core.table.len() as u32).collect();
        self.give(cx, &slots, None)?;
        self.sorted = Some(sorted);
        let number = |bytes: Vec<u8>| bytes.try_into().map(u64::from_be_bytes).unwrap_or_default();
        Ok(next.map_or(Flush::Done, |next| Flush::More(at_end(level, number(next)))))
    }

    /// All groups that the end gives, by birth.
    fn sort_groups(&mut self) -> Result<Sorted, ColdError> {
        let waits = if self.trigger == RunningTrigger::AtEnd { ROWS } else { PENDING };
        let place = self.lives.place(NUMBER);
        self.sort(move |entry: &Loaded| {
            let is_held = entry.ints(waits).first().is_some_and(|rows| *rows > 0);
            is_held.then(|| place(entry)).flatten()
        })
    }
}

impl Spills for ChangingOperator {
    fn keys(&self) -> &KeyTable {
        &self.core.table
    }

    fn spilled(&mut self) -> Option<&mut Spilled> {
        self.spilled.as_mut()
    }

    fn rows(&self, slot: u32) -> usize {
        usize::from(self.is_live(slot))
    }

    fn copy_ahead(&mut self, slots: &[u32]) {
        self.copy_changing(slots);
        self.say_emptied(slots.iter().copied().filter(|slot| self.given_noted.changes.has(*slot)).collect());
    }

    fn leave_memory(&mut self, slots: &[u32]) -> Result<(), ColdError> {
        self.changed.leave(slots, &self.core.table)
    }

    fn rows_of(&mut self, table: usize, slots: &[u32]) -> Rows {
        let (slots, noted) = match table {
            0 => (slots.to_vec(), &self.noted),
            _ => (self.with_given(slots), &self.given_noted),
        };
        let changed = slots.iter().map(|&slot| noted.changes.has(slot)).collect();
        let rows = if table == 0 { self.groups_of(&slots) } else { self.given_of(&slots) };
        Rows { slots, changed, rows }
    }

    fn take_in(&mut self, table: usize, rows: &Loaded, changed: &[bool]) -> Result<(), String> {
        let slots = match table {
            0 => {
                let known = self.core.table.len() as u32;
                self.take_groups(rows)?;
                (known..self.core.table.len() as u32).collect()
            }
            _ => self.take_given(rows)?,
        };
        let changed = slots.into_iter().zip(changed).filter(|(_, changed)| **changed);
        let changed: Vec<u32> = changed.map(|(slot, _)| slot).collect();
        let noted = if table == 0 { &mut self.noted } else { &mut self.given_noted };
        noted.changes.change(&changed, self.core.table.len());
        Ok(())
    }

    fn copied(&mut self, table: usize, rows: Columns) {
        if table == 0 { self.noted.copied(rows) } else { self.given_noted.copied(rows) }
    }

    fn keep(&mut self, slots: &[u32], empty: &[u32]) {
        self.leave(slots, empty);
        self.retain(slots);
    }

    fn bytes_in_memory(&self) -> usize {
        self.bytes()
    }
}
