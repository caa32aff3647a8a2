//! All aggregates of an operator over the same slots: what one refuses, none takes.

use super::{Accumulators, accumulators, all_accumulators, load_calls, reversing, store_calls, stored_names};
use crate::operator::pick::Keeps;
use crate::snapshot::{Columns, Loaded};
use flow_checkpoint::state::Home;
use flow_data::{Batch, Column};
use flow_plan::error::Fault;
use flow_plan::physical::ColumnAggregate;
use flow_plan::{Field, Place, RecordType};
use std::sync::Arc;

/// What all groups of an operator have in common.
pub(crate) struct Shape {
    pub(crate) keys: Vec<usize>,
    pub(crate) calls: Vec<ColumnAggregate>,
    pub(crate) input: Arc<RecordType>,
    /// The input is a changelog: the column that says whether a row is added or withdrawn.
    pub(crate) change: Option<usize>,
    /// Calls in the order in which they are applied: those that can refuse a row come first, as what
    /// they did can be undone.
    order: Vec<usize>,
    /// The best rows are kept instead of what the one call says.
    rows: Option<Keeps>,
}

/// Results of slots.
pub(crate) struct Made {
    pub(crate) columns: Vec<Column>,
    /// Of results that are rows of the input: the slot (its place among those that were asked for) of each row.
    pub(crate) of: Option<Vec<u32>>,
}

impl Shape {
    /// The fields of the key.
    pub(crate) fn key_fields(&self) -> Vec<Field> {
        self.keys.iter().map(|&key| self.input.fields[key].clone()).collect()
    }

    /// The worker that a key's rows go to.
    pub(crate) fn home(&self) -> Home {
        Home::Key(self.keys.len())
    }

    pub(crate) fn new(
        keys: &[usize],
        calls: &[ColumnAggregate],
        input: &Arc<RecordType>,
        change: Option<usize>,
    ) -> Shape {
        let (keys, calls, input) = (keys.to_vec(), calls.to_vec(), input.clone());
        let mut shape = Shape { order: (0..calls.len()).collect(), keys, calls, input, change, rows: None };
        let fallible: Vec<bool> = Calls::new(&shape).0.iter().map(|call| call.fallible()).collect();
        shape.order.sort_by_key(|&call| !fallible[call]);
        shape
    }

    /// Each group is a list of rows; `call` says what they are, and where that stands.
    pub(crate) fn of_rows(
        keys: &[usize],
        call: ColumnAggregate,
        (input, change): (&Arc<RecordType>, Option<usize>),
        keeps: Keeps,
    ) -> Shape {
        let (keys, input) = (keys.to_vec(), input.clone());
        Shape { keys, calls: vec![call], input, change, order: vec![0], rows: Some(keeps) }
    }

    fn accumulators(&self, call: &ColumnAggregate) -> Box<dyn Accumulators> {
        match (&self.rows, self.change) {
            (Some(rows), _) => rows.nothing(),
            (None, Some(change)) => reversing(call, &self.input, change),
            (None, None) => accumulators(call, &self.input),
        }
    }
}

pub(crate) struct Calls(Vec<Box<dyn Accumulators>>);

impl Calls {
    pub(crate) fn new(shape: &Shape) -> Calls {
        match &shape.rows {
            Some(rows) => Calls(vec![rows.nothing()]),
            None => Calls(all_accumulators(&shape.calls, &shape.input, shape.change)),
        }
    }

    /// Makes it so many slots.
    pub(crate) fn grow(&mut self, slots: usize) {
        self.0.iter_mut().for_each(|call| call.grow(slots));
    }

    /// The bytes they take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|call| call.bytes()).sum()
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        self.0.iter_mut().for_each(|call| call.retain(slots));
    }

    /// Makes a slot empty.
    pub(crate) fn reset(&mut self, slot: usize) {
        self.0.iter_mut().for_each(|call| call.reset(slot));
    }

    /// Of a changelog: is a row there that could be withdrawn, as far as is known?
    pub(crate) fn holds(&self, slot: u32, batch: &Batch, row: usize) -> bool {
        self.0.iter().all(|call| call.holds(slot as usize, batch, row))
    }

    /// Does any of them refuse rows?
    pub(crate) fn is_fallible(&self) -> bool {
        self.0.iter().any(|call| call.fallible())
    }

    fn fallible(&mut self) -> impl Iterator<Item = &mut Box<dyn Accumulators>> {
        self.0.iter_mut().filter(|call| call.fallible())
    }

    /// Adds the rows to all aggregates, or, if one refuses a row, to none.
    pub(crate) fn apply(&mut self, shape: &Shape, slots: &[u32], batch: &Batch) -> bool {
        let mut refused = false;
        for &index in &shape.order {
            let call = &mut self.0[index];
            if call.fallible() {
                call.save(slots);
            } else if refused {
                break;
            }
            refused |= call.update(slots, batch);
        }
        if refused {
            self.fallible().for_each(|call| call.restore());
        }
        !refused
    }

    /// Looks at row after row: the rows that can be added, and why the others cannot. Adds nothing.
    pub(crate) fn divide(
        &mut self,
        shape: &Shape,
        slots: &[u32],
        batch: &Batch,
    ) -> (Vec<u32>, Vec<(usize, Fault, Place)>) {
        let (mut good, mut refused) = (Vec::new(), Vec::new());
        self.fallible().for_each(|call| call.save(slots));
        for (row, &slot) in slots.iter().enumerate() {
            match self.check(shape, slot, batch, row) {
                Err((fault, place)) => refused.push((row, fault, place)),
                Ok(()) => {
                    let one = batch.gather(&[row as u32]);
                    self.fallible().for_each(|call| {
                        call.update(&[slot], &one);
                    });
                    good.push(row as u32);
                }
            }
        }
        self.fallible().for_each(|call| call.restore());
        (good, refused)
    }

    fn check(&self, shape: &Shape, slot: u32, batch: &Batch, row: usize) -> Result<(), (Fault, Place)> {
        let mut calls = self.0.iter().zip(&shape.calls);
        calls.try_for_each(|(call, of)| {
            call.check(slot as usize, batch, row).map_err(|fault| (fault, of.place))
        })
    }

    /// Merges later slots into one, and adds a row to it. If something is refused, nothing has changed.
    pub(crate) fn join(
        &mut self,
        shape: &Shape,
        slot: u32,
        later: &[u32],
        row: &Batch,
    ) -> Result<(), (Fault, Place)> {
        self.fallible().for_each(|call| call.save(&[slot]));
        let mut joined = Ok(());
        for &of in later {
            for (call, at) in self.0.iter_mut().zip(&shape.calls).filter(|(call, _)| call.fallible()) {
                joined = joined.and_then(|()| call.join(slot, of).map_err(|fault| (fault, at.place)));
            }
        }
        if let Err(fault) = joined.and_then(|()| self.check(shape, slot, row, 0)) {
            self.fallible().for_each(|call| call.restore());
            return Err(fault);
        }
        for call in &mut self.0 {
            if !call.fallible() {
                for &of in later {
                    // Only what is fallible refuses.
                    let merged = call.join(slot, of);
                    debug_assert!(merged.is_ok());
                }
            }
            call.update(&[slot], row);
        }
        Ok(())
    }

    /// Adds what later groups hold: their slot `from[n]` to our `slots[n]`. Slots whose results are refused are
    /// noted, with the reason and the aggregate's place.
    pub(crate) fn merge(
        &mut self,
        shape: &Shape,
        later: &Calls,
        slots: &[u32],
        from: &[u32],
        refused: &mut Vec<(u32, Fault, Place)>,
    ) {
        let mut faults = Vec::new();
        for ((call, later), of) in self.0.iter_mut().zip(&later.0).zip(&shape.calls) {
            call.merge(slots, later.as_ref(), from, &mut faults);
            refused.extend(faults.drain(..).map(|(slot, fault)| (slot, fault, of.place)));
        }
    }

    /// Writes down what slots keep.
    pub(crate) fn store(&self, shape: &Shape, slots: &[u32], out: &mut Columns) {
        store_calls(&self.0, &stored_names(&shape.calls), slots, out);
    }

    /// Gives slots, which are empty, what was written down of them: a row per slot.
    pub(crate) fn load(&mut self, shape: &Shape, slots: &[u32], from: &Loaded) -> Result<(), String> {
        let empty = |call: usize| shape.accumulators(&shape.calls[call]);
        // Of lists of rows, the key is only written in them where somebody reads it there: who saved this may not have.
        let with_keys = shape.rows.as_ref().and_then(|rows| {
            let written = shape.keys.iter().filter(|key| rows.writes(**key));
            let keys: Vec<Field> = written.map(|&key| shape.input.fields[key].clone()).collect();
            from.with_fields(&shape.calls[0].name, &keys)
        });
        let from = with_keys.as_ref().unwrap_or(from);
        load_calls(&mut self.0, &empty, &stored_names(&shape.calls), (0, slots), from)
    }

    /// Why slots have no result, and the aggregate's place.
    pub(crate) fn faults(&self, shape: &Shape, slots: &[u32]) -> Vec<(u32, Fault, Place)> {
        let mut faults = Vec::new();
        for &slot in slots.iter().filter(|_| shape.change.is_some()) {
            let mut calls = self.0.iter().zip(&shape.calls);
            let fault = calls.find_map(|(call, of)| Some((call.fault(slot as usize)?, of.place)));
            faults.extend(fault.map(|(fault, place)| (slot, fault, place)));
        }
        faults
    }

    /// The results of these slots: a column for each aggregate, or rows.
    pub(crate) fn results(&self, slots: &[u32]) -> Made {
        if let Some((of, columns)) = self.0.first().and_then(|call| call.rows(slots)) {
            return Made { columns, of: Some(of) };
        }
        Made { columns: self.0.iter().map(|call| call.results(slots)).collect(), of: None }
    }
}
