//! Groups and their accumulators: finds the groups of rows, adds the rows, refuses those that cannot be
//! added. Knows nothing of when results are given.

use crate::context::{BadRow, Context, describe};
use crate::error::Halt;
use crate::number::Number;
use crate::operator::births::Births;
use crate::operator::origins::Origins;
use crate::snapshot::{Columns, Loaded};
use crate::state::{
    Accumulators, Held, KeyTable, accumulators, all_accumulators, load_calls, reversing, store_calls,
    stored_names,
};
use flow_checkpoint::state::Home;
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column};
use flow_plan::error::Fault;
use flow_plan::physical::{ColumnAggregate, RunningAggregate};
use flow_plan::{Field, Place, RecordType};
use std::sync::Arc;

pub(super) struct Core {
    pub(super) keys: Vec<usize>,
    pub(super) input: Arc<RecordType>,
    pub(super) table: KeyTable,
    pub(super) calls: Vec<Box<dyn Accumulators>>,
    pub(super) places: Vec<Place>,
    /// What the aggregates are called.
    pub(super) names: Vec<Arc<str>>,
    pub(super) aggregates: Vec<ColumnAggregate>,
    change: Option<usize>,
    pub(super) births: Births,
    /// In the place of births where slots are not in the order of them.
    pub(super) origins: Option<Origins>,
    hashes: Vec<u64>,
    /// The slot of each row that was looked for last.
    pub(super) slots: Vec<u32>,
}

impl Core {
    /// `ranks`: how many rank columns of a group's first row are kept.
    pub(super) fn new(aggregate: &RunningAggregate, input: &Arc<RecordType>, ranks: usize) -> Core {
        let change = aggregate.hidden.change;
        Core {
            keys: aggregate.keys.clone(),
            input: input.clone(),
            table: KeyTable::new(aggregate.keys.iter().map(|&key| &input.fields[key].ty)),
            calls: all_accumulators(&aggregate.calls, input, change),
            places: aggregate.calls.iter().map(|call| call.place).collect(),
            names: stored_names(&aggregate.calls),
            aggregates: aggregate.calls.clone(),
            change,
            births: Births::new(ranks),
            origins: None,
            hashes: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// Finds the slots of all rows, making new ones; gives how many there were before.
    pub(super) fn find_slots(&mut self, number: Number, batch: &Batch) -> usize {
        let columns: Vec<&Column> = self.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut self.hashes);
        let known = self.table.len();
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        let slots = self.table.len();
        if slots > known {
            self.calls.iter_mut().for_each(|call| call.grow(slots));
            let declared = self.input.fields.len();
            match &mut self.origins {
                Some(origins) => origins.note(number, &self.slots, batch, declared),
                None => self.births.note(number, known, &self.slots, batch, declared),
            }
        }
        known
    }

    /// Finds the slots of groups, whose keys are the first columns, making new ones without births.
    pub(super) fn find_groups(&mut self, groups: &Batch) {
        let columns: Vec<&Column> = groups.columns[..self.keys.len()].iter().map(AsRef::as_ref).collect();
        hash_columns(&columns, groups.len, &mut self.hashes);
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        self.calls.iter_mut().for_each(|call| call.grow(self.table.len()));
    }

    /// Adds the results of groups that were found last, of aggregates whose result is all they keep.
    pub(super) fn merge(&mut self, results: &[Arc<Column>]) {
        let mut rows: Vec<u32> = Vec::new();
        for (index, (call, result)) in self.calls.iter_mut().zip(results).enumerate() {
            if call.add_results(&self.slots, result) {
                continue;
            }
            rows = if rows.is_empty() { (0..self.slots.len() as u32).collect() } else { rows };
            let mut more = empty(&self.aggregates[index], &self.input, self.change);
            more.grow(rows.len());
            more.load(&rows, std::slice::from_ref(result.as_ref()));
            // What is divided among workers never refuses.
            call.merge(&self.slots, more.as_ref(), &rows, &mut Vec::new());
        }
    }

    /// Finds the rows that some aggregate refuses, in order, and hands them to the error policy.
    /// Gives the others.
    fn refuse(&mut self, cx: &mut Context<'_>, batch: &Batch) -> Result<Vec<u32>, Halt> {
        let mut good = Vec::new();
        for row in 0..batch.len {
            let slot = self.slots[row];
            let refusal = self.calls.iter().zip(&self.places).find_map(|(call, place)| {
                call.check(slot as usize, batch, row).err().map(|fault| (fault, *place))
            });
            match refusal {
                None => {
                    let one = batch.gather(&[row as u32]);
                    for call in self.calls.iter_mut().filter(|call| call.fallible()) {
                        call.update(&[slot], &one);
                    }
                    good.push(row as u32);
                }
                Some((fault, place)) => self.refused(cx, batch, row, fault, place)?,
            }
        }
        self.calls.iter_mut().filter(|call| call.fallible()).for_each(|call| call.restore());
        Ok(good)
    }

    fn refused(
        &self,
        cx: &mut Context<'_>,
        batch: &Batch,
        row: usize,
        fault: Fault,
        place: Place,
    ) -> Result<(), Halt> {
        let (record, position) = describe(batch, row, &self.input);
        let node = &cx.shared.graph.nodes[cx.node];
        cx.record_error(BadRow {
            declaration: node.declaration,
            label: node.label.clone(),
            place,
            code: fault.code.as_str().into(),
            message: fault.message,
            record,
            position,
        })
    }

    /// Takes back the slots from `known` on.
    pub(super) fn forget(&mut self, known: usize) {
        self.table.forget(known);
        self.calls.iter_mut().for_each(|call| call.grow(known));
        match &mut self.origins {
            Some(origins) => origins.forget(known),
            None => self.births.forget(known),
        }
    }

    /// Adds all rows of the batch; gives the results behind every row if they are wanted. Rows that
    /// an aggregate refuses are taken out of the batch (and of `self.slots`).
    pub(super) fn apply(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Batch,
        running: bool,
    ) -> Result<Vec<Column>, Halt> {
        let known = self.find_slots(cx.number, batch);
        self.apply_found(cx, batch, known, running)
    }

    /// The same, behind [`Core::find_slots`].
    pub(super) fn apply_found(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Batch,
        known: usize,
        running: bool,
    ) -> Result<Vec<Column>, Halt> {
        loop {
            let mut refused = false;
            let mut results = Vec::new();
            for call in self.calls.iter_mut().filter(|call| call.fallible()) {
                call.save(&self.slots);
            }
            // Those that can refuse come first: what they did can be undone.
            let mut order: Vec<usize> = (0..self.calls.len()).collect();
            order.sort_by_key(|&call| !self.calls[call].fallible());
            for &index in &order {
                let call = &mut self.calls[index];
                if refused && !call.fallible() {
                    break;
                }
                if running {
                    results.push((index, call.running(&self.slots, batch, &mut refused)));
                } else {
                    refused |= call.update(&self.slots, batch);
                }
            }
            if !refused {
                results.sort_by_key(|(index, _)| *index);
                return Ok(results.into_iter().map(|(_, column)| column).collect());
            }
            self.calls.iter_mut().filter(|call| call.fallible()).for_each(|call| call.restore());
            for call in self.calls.iter_mut().filter(|call| call.fallible()) {
                call.save(&self.slots);
            }
            let good = self.refuse(cx, batch)?;
            *batch = batch.gather(&good);
            // A row that is refused makes no group: all slots of the batch are made anew.
            self.forget(known);
            self.find_slots(cx.number, batch);
        }
    }

    pub(super) fn held(&self) -> Held {
        let calls = self.calls.iter().map(|call| call.bytes()).sum::<usize>();
        let births = self.births.bytes() + self.origins.as_ref().map_or(0, Origins::bytes);
        Held { keys: self.table.len(), bytes: self.table.bytes() + calls + births }
    }

    /// Keeps these slots, which ascend; they become slots `0..`. Births, which go by slots, are forgotten.
    pub(super) fn retain(&mut self, slots: &[u32]) {
        self.table.retain(slots);
        self.calls.iter_mut().for_each(|call| call.retain(slots));
        match &mut self.origins {
            Some(origins) => origins.retain(slots),
            None => self.births = Births::new(0),
        }
    }

    pub(super) fn key_fields(&self) -> Vec<Field> {
        self.keys.iter().map(|&key| self.input.fields[key].clone()).collect()
    }

    /// Keys and accumulators of slots, as columns.
    pub(super) fn save(&self, slots: &[u32]) -> Columns {
        let mut columns = Columns::default();
        columns.rows(&self.key_fields(), self.table.gather(slots));
        store_calls(&self.calls, &self.names, slots, &mut columns);
        columns
    }

    /// Where groups belong.
    pub(super) fn home(&self) -> Home {
        Home::Key(self.keys.len())
    }

    /// The slots of the groups that these entries belong to; new ones for those that are not known.
    pub(super) fn slots_of(&mut self, from: &Loaded) -> Result<Vec<u32>, String> {
        let keys = from.columns(&self.key_fields())?;
        let columns: Vec<&Column> = keys.iter().map(AsRef::as_ref).collect();
        hash_columns(&columns, from.len(), &mut self.hashes);
        let mut slots = Vec::new();
        self.table.reserve(from.len());
        self.table.slots(&columns, &self.hashes, &mut slots);
        self.calls.iter_mut().for_each(|call| call.grow(self.table.len()));
        Ok(slots)
    }

    /// Takes over groups that were saved; gives the slot of each of these entries, in their order.
    pub(super) fn load(&mut self, from: &Loaded) -> Result<Vec<u32>, String> {
        let known = self.table.len();
        let slots = self.slots_of(from)?;
        let (aggregates, input, change) = (&self.aggregates, &self.input, self.change);
        let empty = |index: usize| empty(&aggregates[index], input, change);
        load_calls(&mut self.calls, &empty, &self.names, (known, &slots), from)?;
        Ok(slots)
    }
}

fn empty(call: &ColumnAggregate, input: &RecordType, change: Option<usize>) -> Box<dyn Accumulators> {
    match change {
        Some(change) => reversing(call, input, change),
        None => accumulators(call, input),
    }
}
