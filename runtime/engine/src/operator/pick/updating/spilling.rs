//! Updating picks of more rows than memory has room for: keys are the first table, their rows the second, the lists that were
//! given the third.

use super::super::frame::NUMBER;
use super::save::{PENDING, Written};
use super::{Place, RunningTrigger, Table, UpdatingOperator};
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

impl<P: Place> UpdatingOperator<P> {
    /// Brings back the keys of a batch's rows.
    pub(super) fn bring_keys(&mut self, cx: &mut Context<'_>, batch: &Batch) -> Result<(), Halt> {
        if self.spilled.is_none() {
            return Ok(());
        }
        let columns: Vec<&Column> = self.frame.key_columns(batch);
        let mut hashes = Vec::new();
        hash_columns(&columns, batch.len, &mut hashes);
        self.bring(&columns, &hashes).map_err(|error| on_disk(cx, &error))
    }

    /// The end of the input: gives what is held, in the order in which keys came.
    pub(super) fn flush_sorted(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        if self.gives.trigger == RunningTrigger::EachRow {
            return Ok(Flush::Done);
        }
        let level = cx.shared.layout.nodes[cx.node].level;
        let mut sorted = match self.sorted.take() {
            Some(sorted) => sorted,
            None => self.sort_keys().map_err(|error| on_disk(cx, &error))?,
        };
        let next = self.only_next(&mut sorted, NUMBER_BYTES, BATCH_ROWS);
        let Some(next) = next.map_err(|error| on_disk(cx, &error))? else { return Ok(Flush::Done) };
        cx.number = at_end(level, self.lives.born(0));
        let slots: Vec<u32> = (0..self.table.len() as u32).collect();
        self.give(cx, &slots);
        self.sorted = Some(sorted);
        let number = |bytes: Vec<u8>| bytes.try_into().map(u64::from_be_bytes).unwrap_or_default();
        Ok(next.map_or(Flush::Done, |next| Flush::More(at_end(level, number(next)))))
    }

    /// All keys of which the end gives something, by birth.
    fn sort_keys(&mut self) -> Result<Sorted, ColdError> {
        let (all, place) = (self.gives.trigger == RunningTrigger::AtEnd, self.lives.place(NUMBER));
        self.sort(move |entry: &Loaded| {
            let waits = all || entry.ints(PENDING).first().is_some_and(|rows| *rows > 0);
            waits.then(|| place(entry)).flatten()
        })
    }

    /// The rows of slots, and the slot of each.
    fn all_rows(&self, slots: &[u32]) -> (Vec<u32>, Written) {
        let (mut of, mut written) = (Vec::new(), Written::default());
        for &slot in slots {
            for ((_, number), content) in &self.groups[slot as usize].rows {
                of.push(slot);
                written.contents.push(*content);
                written.numbers.push(*number);
            }
        }
        (of, written)
    }
}

impl<P: Place> Spills for UpdatingOperator<P> {
    fn keys(&self) -> &KeyTable {
        &self.table
    }

    fn spilled(&mut self) -> Option<&mut Spilled> {
        self.spilled.as_mut()
    }

    fn rows(&self, slot: u32) -> usize {
        let group = &self.groups[slot as usize];
        usize::from(self.is_live(slot)) + group.rows.len() + group.given.len()
    }

    fn copy_ahead(&mut self, slots: &[u32]) {
        self.copy_changing(slots);
        if self.noted.rows.changes.is_marked() {
            let (_, rows) = self.all_rows(slots);
            let (contents, numbers) = (self.noted.rows.changes.ahead(&rows.contents), self.noted.numbers());
            let copies = |content: u32| {
                self.contents.copies(content, numbers.clone()).map(move |number| (content, number))
            };
            let copy = self.numbered(&contents.into_iter().flat_map(copies).collect::<Vec<_>>());
            self.noted.rows.copied(copy);
        }
    }

    fn leave_memory(&mut self, slots: &[u32]) -> Result<(), ColdError> {
        self.changed.leave(slots, &self.table)
    }

    fn rows_of(&mut self, table: usize, slots: &[u32]) -> Rows {
        match Table::of(table) {
            Table::Groups => {
                let changed = slots.iter().map(|&slot| self.noted.groups.changes.has(slot)).collect();
                Rows { slots: slots.to_vec(), changed, rows: self.groups_of(slots) }
            }
            Table::Rows => {
                let (slots, written) = self.all_rows(slots);
                let changed = written.numbers.iter().map(|number| self.noted.is_new(number.abs())).collect();
                Rows { slots, changed, rows: self.write(&written, false) }
            }
            Table::Given => {
                let rows = self.given_of(slots);
                let given = |slot: u32| self.groups[slot as usize].given.iter().map(move |_| slot);
                let slots: Vec<u32> = slots.iter().flat_map(|&slot| given(slot)).collect();
                let changed = slots.iter().map(|&slot| self.noted.given.changes.has(slot)).collect();
                Rows { slots, changed, rows }
            }
        }
    }

    fn take_in(&mut self, table: usize, rows: &Loaded, changed: &[bool]) -> Result<(), String> {
        let table = Table::of(table);
        let known = self.table.len() as u32;
        let (of, all) = match table {
            Table::Groups => {
                self.take_groups(rows)?;
                ((known..self.table.len() as u32).collect(), self.table.len())
            }
            Table::Rows => (self.take_rows(rows)?, self.contents.len()),
            Table::Given => (self.take_given(rows)?, self.table.len()),
        };
        let changed = of.into_iter().zip(changed).filter(|(_, changed)| **changed);
        let changed: Vec<u32> = changed.map(|(entry, _)| entry).collect();
        self.noted.of(table).changes.change(&changed, all);
        Ok(())
    }

    fn copied(&mut self, table: usize, rows: Columns) {
        self.noted.of(Table::of(table)).copied(rows);
    }

    fn keep(&mut self, slots: &[u32], empty: &[u32]) {
        self.leave(slots, empty);
        self.settle();
        self.retain(slots);
        let mut used = vec![false; self.contents.len()];
        for group in &self.groups {
            let given = group.given.iter().map(|listed| listed.content);
            group.rows.values().copied().chain(given).for_each(|content| used[content as usize] = true);
        }
        let moved = self.contents.keep(&used);
        self.move_contents(&used, &moved);
    }

    fn bytes_in_memory(&self) -> usize {
        self.bytes()
    }
}
