//! The groups of a window: keys and their aggregates. Knows rows and slots; never knows time.

use super::Held;
use super::calls::{Calls, Made, Shape};
use super::cold::unknown;
use super::index::NO_SLOT;
use super::table::KeyTable;
use crate::snapshot::{Columns, Loaded};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column};
use flow_plan::Place;
use flow_plan::error::Fault;

/// Memory that is used again for every batch.
#[derive(Default)]
pub(crate) struct Scratch {
    hashes: Vec<u64>,
    /// The slot of every row that was added last.
    pub(crate) slots: Vec<u32>,
}

/// Rows that an aggregate refused.
pub(crate) struct Refused {
    /// The batch they stand in.
    pub(crate) batch: Batch,
    /// Which they are, why, and the aggregate's place.
    pub(crate) rows: Vec<(usize, Fault, Place)>,
}

pub(crate) struct Groups {
    table: KeyTable,
    calls: Calls,
}

impl Groups {
    pub(crate) fn new(shape: &Shape) -> Groups {
        let types = shape.keys.iter().map(|&key| &shape.input.fields[key].ty);
        Groups { table: KeyTable::new(types), calls: Calls::new(shape) }
    }

    /// How many there are: their slots are `0..len`, in the order in which they were first seen.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many there are, and the bytes they take, about.
    pub(crate) fn held(&self) -> Held {
        Held { keys: self.len(), bytes: self.table.bytes() + self.calls.bytes() }
    }

    /// Adds rows in order. A row that an aggregate refuses is left out of all of them, and of the batch;
    /// it makes no group.
    pub(crate) fn add(&mut self, shape: &Shape, scratch: &mut Scratch, batch: &mut Batch) -> Option<Refused> {
        let known = self.len();
        self.find_slots(shape, scratch, batch);
        if self.calls.apply(shape, &scratch.slots, batch) {
            return None;
        }
        let (good, rows) = self.calls.divide(shape, &scratch.slots, batch);
        let good = batch.gather(&good);
        let batch = std::mem::replace(batch, good.clone());
        self.table.forget(known);
        self.calls.grow(known);
        self.find_slots(shape, scratch, &good);
        let applied = self.calls.apply(shape, &scratch.slots, &good);
        debug_assert!(applied, "the rows that are refused are gone");
        Some(Refused { batch, rows })
    }

    fn find_slots(&mut self, shape: &Shape, scratch: &mut Scratch, batch: &Batch) {
        let columns: Vec<&Column> = shape.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut scratch.hashes);
        let known = self.len();
        self.table.slots(&columns, &scratch.hashes, &mut scratch.slots);
        if self.len() > known {
            self.calls.grow(self.table.len());
        }
    }

    /// The groups that rows would be added to, of those that are there: their slots.
    pub(crate) fn known(&self, shape: &Shape, batch: &Batch) -> Vec<u32> {
        let columns: Vec<&Column> = shape.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, batch.len, &mut hashes);
        self.slots_of((&columns, &hashes))
    }

    /// The slots of those of these keys that are there.
    pub(crate) fn slots_of(&self, (keys, hashes): (&[&Column], &[u64])) -> Vec<u32> {
        let mut found = Vec::new();
        self.table.known(keys, hashes, &mut found);
        found.retain(|slot| *slot != NO_SLOT);
        found
    }

    /// Adds the groups of later rows: their slot `n` is our slot `slots[n]`. Slots whose results are refused,
    /// with the reason and the aggregate's place, are noted.
    pub(crate) fn merge(
        &mut self,
        shape: &Shape,
        later: &Groups,
        slots: &mut Vec<u32>,
        refused: &mut Vec<(u32, Fault, Place)>,
    ) {
        self.table.merge(&later.table, slots);
        self.calls.grow(self.table.len());
        let from: Vec<u32> = (0..later.len() as u32).collect();
        self.calls.merge(shape, &later.calls, slots, &from, refused);
    }

    /// Adds those of these keys' groups that there are to accumulators whose slots are the keys' rows.
    pub(crate) fn merge_into(
        &self,
        shape: &Shape,
        (keys, hashes): (&[&Column], &[u64]),
        calls: &mut Calls,
        refused: &mut Vec<(u32, Fault, Place)>,
    ) {
        let mut found = Vec::new();
        self.table.known(keys, hashes, &mut found);
        let (mut slots, mut from) = (Vec::new(), Vec::new());
        for (slot, &of) in found.iter().enumerate().filter(|(_, of)| **of != NO_SLOT) {
            slots.push(slot as u32);
            from.push(of);
        }
        calls.merge(shape, &self.calls, &slots, &from, refused);
    }

    /// Of a changelog: is a row of this key there that could be withdrawn, as far as is known?
    pub(crate) fn holds(&self, (keys, hashes): (&[&Column], &[u64]), row: &Batch) -> bool {
        let mut found = Vec::new();
        self.table.known(keys, hashes, &mut found);
        found.first().is_some_and(|&slot| slot != NO_SLOT && self.calls.holds(slot, row, 0))
    }

    /// Those of keys with these hashes that are not there: their hashes, each once.
    pub(crate) fn missing(&self, (keys, hashes): (&[&Column], &[u64])) -> Vec<u64> {
        let mut found = Vec::new();
        self.table.known(keys, hashes, &mut found);
        unknown(hashes, &found, NO_SLOT)
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        self.table.retain(slots);
        self.calls.retain(slots);
    }

    /// Makes groups empty.
    pub(crate) fn reset(&mut self, slots: &[u32]) {
        slots.iter().for_each(|slot| self.calls.reset(*slot as usize));
    }

    /// Writes down what these slots keep, beside their keys.
    pub(crate) fn store(&self, shape: &Shape, slots: &[u32], out: &mut Columns) {
        self.calls.store(shape, slots, out);
    }

    /// Takes over groups that were written down, each once; gives their slots.
    pub(crate) fn load(&mut self, shape: &Shape, from: &Loaded) -> Result<Vec<u32>, String> {
        let keys = from.rows(&shape.key_fields())?;
        let columns: Vec<&Column> = keys.iter().map(AsRef::as_ref).collect();
        let (mut hashes, mut slots) = (Vec::new(), Vec::new());
        hash_columns(&columns, from.len(), &mut hashes);
        self.table.slots(&columns, &hashes, &mut slots);
        self.calls.grow(self.table.len());
        self.calls.load(shape, &slots, from)?;
        Ok(slots)
    }

    /// The keys of these slots, a column each.
    pub(crate) fn keys(&self, slots: &[u32]) -> Vec<Column> {
        self.table.gather(slots)
    }

    /// The results of these slots.
    pub(crate) fn results(&self, slots: &[u32]) -> Made {
        self.calls.results(slots)
    }
}
