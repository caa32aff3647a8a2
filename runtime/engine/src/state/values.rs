//! Aggregates without columns of their own: the reference accumulators, one per slot.

use super::accumulate::{Accumulators, same};
use super::held::room;
use super::stored::{StoredPart, columns_of, parts_of, state_of};
use flow_data::{Batch, Column, ColumnBuilder};
use flow_plan::aggregate::Accumulator;
use flow_plan::error::Fault;
use flow_plan::physical::ColumnAggregate;
use flow_plan::weight::of_accumulator;
use flow_plan::{DataType, RecordType, Value};
use std::any::Any;

pub(crate) struct Values {
    empty: Accumulator,
    slots: Vec<Accumulator>,
    /// What they keep on the heap, about.
    heap: usize,
    arg: Option<(usize, DataType)>,
    by: Option<(usize, DataType)>,
    filter: Option<usize>,
    ty: DataType,
    /// See [`ColumnAggregate::counts_values`].
    counts: bool,
}

impl Values {
    pub(crate) fn new(call: &ColumnAggregate, input: &RecordType) -> Values {
        let column = |index: Option<usize>| index.map(|index| (index, input.fields[index].ty.clone()));
        let arg = column(call.arg);
        Values {
            empty: Accumulator::new(call.func, arg.as_ref().map(|(_, ty)| ty), call.param.as_ref()),
            slots: Vec::new(),
            heap: 0,
            arg,
            by: column(call.by),
            filter: call.filter,
            ty: call.ty.clone(),
            counts: call.counts_values(),
        }
    }

    fn result(&self, slot: u32) -> Value {
        match self.slots[slot as usize].result() {
            Value::Null if self.counts => Value::Int(0),
            result => result,
        }
    }

    fn add(&mut self, slot: u32, batch: &Batch, row: usize) {
        if let Some(filter) = self.filter
            && !matches!(batch.columns[filter].value(row, &DataType::Bool), Value::Bool(true))
        {
            return;
        }
        let value = |column: &Option<(usize, DataType)>| {
            column.as_ref().map(|(index, ty)| batch.columns[*index].value(row, ty))
        };
        let (arg, by) = (value(&self.arg), value(&self.by));
        let accumulator = &mut self.slots[slot as usize];
        self.heap -= of_accumulator(accumulator);
        let added = accumulator.add(arg.as_ref(), by.as_ref());
        self.heap += of_accumulator(accumulator);
        // Sums, the only aggregates that refuse rows, have columns.
        debug_assert!(added.is_ok());
    }
}

impl Values {
    fn merge_one(&mut self, slot: u32, later: &Accumulator) -> Result<(), Fault> {
        let accumulator = &mut self.slots[slot as usize];
        self.heap -= of_accumulator(accumulator);
        let merged = accumulator.merge(later);
        self.heap += of_accumulator(accumulator);
        merged
    }
}

impl Accumulators for Values {
    fn grow(&mut self, slots: usize) {
        let known = self.slots.len();
        self.heap += slots.saturating_sub(known) * of_accumulator(&self.empty);
        self.heap -= self.slots.iter().skip(slots).map(of_accumulator).sum::<usize>();
        self.slots.resize(slots, self.empty.clone());
    }

    fn update(&mut self, slots: &[u32], batch: &Batch) -> bool {
        slots.iter().enumerate().for_each(|(row, &slot)| self.add(slot, batch, row));
        false
    }

    fn running(&mut self, slots: &[u32], batch: &Batch, _refused: &mut bool) -> Column {
        let mut results = ColumnBuilder::new(&self.ty);
        for (row, &slot) in slots.iter().enumerate() {
            self.add(slot, batch, row);
            results.push(&self.result(slot));
        }
        results.finish()
    }

    fn results(&self, slots: &[u32]) -> Column {
        let mut results = ColumnBuilder::new(&self.ty);
        slots.iter().for_each(|&slot| results.push(&self.result(slot)));
        results.finish()
    }

    fn reset(&mut self, slot: usize) {
        self.heap -= of_accumulator(&self.slots[slot]);
        self.slots[slot] = self.empty.clone();
        self.heap += of_accumulator(&self.empty);
    }

    fn bytes(&self) -> usize {
        room(&self.slots) + self.heap
    }

    fn merge(
        &mut self,
        slots: &[u32],
        later: &dyn Accumulators,
        from: &[u32],
        refused: &mut Vec<(u32, Fault)>,
    ) {
        let later = &same::<Values>(later).slots;
        for (&slot, &from) in slots.iter().zip(from) {
            if let Err(fault) = self.merge_one(slot, &later[from as usize]) {
                refused.push((slot, fault));
            }
        }
    }

    fn join(&mut self, slot: u32, later: u32) -> Result<(), Fault> {
        let later = self.slots[later as usize].clone();
        self.merge_one(slot, &later)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn retain(&mut self, slots: &[u32]) {
        self.slots = slots.iter().map(|&slot| self.slots[slot as usize].clone()).collect();
        self.heap = self.slots.iter().map(of_accumulator).sum();
    }

    fn parts(&self) -> Vec<StoredPart> {
        let ty = |column: &Option<(usize, DataType)>| column.as_ref().map(|(_, ty)| ty.clone());
        parts_of(self.empty.stored_type(ty(&self.arg).as_ref(), ty(&self.by).as_ref()))
    }

    fn store(&self, slots: &[u32]) -> Vec<Column> {
        columns_of(&self.parts(), slots.iter().map(|&slot| self.slots[slot as usize].stored()))
    }

    fn load(&mut self, slots: &[u32], parts: &[Column]) {
        let named = self.parts();
        for (row, &slot) in slots.iter().enumerate() {
            let accumulator = &mut self.slots[slot as usize];
            self.heap -= of_accumulator(accumulator);
            accumulator.load(&state_of(&named, parts, row));
            self.heap += of_accumulator(accumulator);
        }
    }
}
