//! The groups of a window: keys and their accumulators. Knows rows and slots; never knows time.

use super::{Accumulators, Held, KeyTable, accumulators};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column};
use flow_plan::error::Fault;
use flow_plan::physical::ColumnAggregate;
use flow_plan::{Place, RecordType};
use std::sync::Arc;

/// What all groups of an operator have in common.
pub(crate) struct Shape {
    pub(crate) keys: Vec<usize>,
    pub(crate) calls: Vec<ColumnAggregate>,
    pub(crate) input: Arc<RecordType>,
    /// Calls in the order in which they are applied: those that can refuse a row come first, as what
    /// they did can be undone.
    order: Vec<usize>,
}

impl Shape {
    pub(crate) fn new(keys: &[usize], calls: &[ColumnAggregate], input: &Arc<RecordType>) -> Shape {
        let mut order: Vec<usize> = (0..calls.len()).collect();
        order.sort_by_key(|&call| !accumulators(&calls[call], input).fallible());
        Shape { keys: keys.to_vec(), calls: calls.to_vec(), input: input.clone(), order }
    }
}

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
    calls: Vec<Box<dyn Accumulators>>,
}

impl Groups {
    pub(crate) fn new(shape: &Shape) -> Groups {
        let input = &shape.input;
        Groups {
            table: KeyTable::new(shape.keys.iter().map(|&key| &input.fields[key].ty)),
            calls: shape.calls.iter().map(|call| accumulators(call, input)).collect(),
        }
    }

    /// How many there are: their slots are `0..len`, in the order in which they were first seen.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many there are, and the bytes they take, about.
    pub(crate) fn held(&self) -> Held {
        let calls = self.calls.iter().map(|call| call.bytes()).sum::<usize>();
        Held { keys: self.len(), bytes: self.table.bytes() + calls }
    }

    /// Adds rows in order. A row that an aggregate refuses is left out of all of them, and of the batch;
    /// it makes no group.
    pub(crate) fn add(&mut self, shape: &Shape, scratch: &mut Scratch, batch: &mut Batch) -> Option<Refused> {
        let known = self.len();
        self.find_slots(shape, scratch, batch);
        if self.apply(shape, &scratch.slots, batch) {
            return None;
        }
        let (good, rows) = self.divide(shape, &scratch.slots, batch);
        let good = batch.gather(&good);
        let batch = std::mem::replace(batch, good.clone());
        self.forget(known);
        self.find_slots(shape, scratch, &good);
        let applied = self.apply(shape, &scratch.slots, &good);
        debug_assert!(applied, "the rows that are refused are gone");
        Some(Refused { batch, rows })
    }

    fn find_slots(&mut self, shape: &Shape, scratch: &mut Scratch, batch: &Batch) {
        let columns: Vec<&Column> = shape.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut scratch.hashes);
        let known = self.len();
        self.table.slots(&columns, &scratch.hashes, &mut scratch.slots);
        if self.len() > known {
            let slots = self.table.len();
            self.calls.iter_mut().for_each(|call| call.grow(slots));
        }
    }

    /// Adds the rows to all aggregates, or, if one refuses a row, to none.
    fn apply(&mut self, shape: &Shape, slots: &[u32], batch: &Batch) -> bool {
        let mut refused = false;
        for &index in &shape.order {
            let call = &mut self.calls[index];
            if call.fallible() {
                call.save(slots);
            } else if refused {
                break;
            }
            refused |= call.update(slots, batch);
        }
        if refused {
            self.calls.iter_mut().filter(|call| call.fallible()).for_each(|call| call.restore());
        }
        !refused
    }

    /// Looks at row after row: the rows that can be added, and why the others cannot. Adds nothing.
    fn divide(
        &mut self,
        shape: &Shape,
        slots: &[u32],
        batch: &Batch,
    ) -> (Vec<u32>, Vec<(usize, Fault, Place)>) {
        let (mut good, mut refused) = (Vec::new(), Vec::new());
        let fallible = |call: &&mut Box<dyn Accumulators>| call.fallible();
        self.calls.iter_mut().filter(fallible).for_each(|call| call.save(slots));
        for (row, &slot) in slots.iter().enumerate() {
            let fault = self.calls.iter().zip(&shape.calls).find_map(|(call, of)| {
                let fault = call.check(slot as usize, batch, row).err()?;
                Some((row, fault, of.place))
            });
            match fault {
                Some(fault) => refused.push(fault),
                None => {
                    let one = batch.gather(&[row as u32]);
                    self.calls.iter_mut().filter(fallible).for_each(|call| {
                        call.update(&[slot], &one);
                    });
                    good.push(row as u32);
                }
            }
        }
        self.calls.iter_mut().filter(fallible).for_each(|call| call.restore());
        (good, refused)
    }

    /// Takes back the groups from `known` on.
    fn forget(&mut self, known: usize) {
        self.table.forget(known);
        self.calls.iter_mut().for_each(|call| call.grow(known));
    }

    /// The keys of these slots, a column each.
    pub(crate) fn keys(&self, slots: &[u32]) -> Vec<Column> {
        self.table.gather(slots)
    }

    /// The results of these slots, a column for each aggregate.
    pub(crate) fn results(&self, slots: &[u32]) -> impl Iterator<Item = Column> {
        self.calls.iter().map(|call| call.results(slots))
    }
}
