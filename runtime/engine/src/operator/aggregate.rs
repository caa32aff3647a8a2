//! Running keyed aggregation.

use super::{Flush, Operator};
use crate::context::{BadRow, Context, describe};
use crate::error::Halt;
use crate::number::{Number, at_end};
use crate::state::{Accumulators, KeyTable, accumulators};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData};
use flow_env::{Deadline, Env};
use flow_plan::error::Fault;
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::RunningAggregate;
use flow_plan::{Place, RecordType};
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct AggregateOperator {
    keys: Vec<usize>,
    trigger: RunningTrigger,
    discarding: bool,
    input: Arc<RecordType>,
    table: KeyTable,
    calls: Vec<Box<dyn Accumulators>>,
    places: Vec<Place>,
    /// Rows of each slot since it was last given (of `count:`).
    pending: Vec<u64>,
    /// Slots that changed since they were last given (of `every:`).
    changed: Vec<u32>,
    is_changed: Vec<bool>,
    births: Births,
    deadline: Option<Deadline>,
    /// The next slot that a flush looks at.
    flushed: usize,
    hashes: Vec<u64>,
    slots: Vec<u32>,
}

/// When slots were made: results at the end are given in that order, under numbers made of it.
#[derive(Default)]
struct Births {
    /// The first slot that was made in a number.
    numbers: Vec<(Number, u32)>,
    /// The ranks of the row that made a slot.
    ranks: Vec<Vec<i64>>,
}

impl AggregateOperator {
    pub(crate) fn new(
        aggregate: &RunningAggregate,
        input: &Arc<RecordType>,
        ranks: usize,
        env: &Env,
    ) -> AggregateOperator {
        let deadline = match aggregate.trigger {
            RunningTrigger::Every(micros) => Some(Deadline::after(env.clock.as_ref(), interval(micros))),
            _ => None,
        };
        AggregateOperator {
            keys: aggregate.keys.clone(),
            trigger: aggregate.trigger.clone(),
            discarding: aggregate.discarding,
            input: input.clone(),
            table: KeyTable::new(aggregate.keys.iter().map(|&key| &input.fields[key].ty)),
            calls: aggregate.calls.iter().map(|call| accumulators(call, input)).collect(),
            places: aggregate.calls.iter().map(|call| call.place).collect(),
            pending: Vec::new(),
            changed: Vec::new(),
            is_changed: Vec::new(),
            births: Births { numbers: Vec::new(), ranks: vec![Vec::new(); ranks] },
            deadline,
            flushed: 0,
            hashes: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// Finds the slots of all rows, making new ones.
    fn find_slots(&mut self, number: Number, batch: &Batch) {
        let columns: Vec<&Column> = self.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut self.hashes);
        let known = self.table.len();
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        let slots = self.table.len();
        if slots > known {
            self.calls.iter_mut().for_each(|call| call.grow(slots));
            self.births.note(number, known, &self.slots, batch, self.input.fields.len());
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
    fn forget(&mut self, known: usize) {
        self.table.forget(known);
        self.calls.iter_mut().for_each(|call| call.grow(known));
        self.births.forget(known);
    }

    /// Adds all rows of the batch; gives the results behind every row if they are wanted. Rows that
    /// an aggregate refuses are taken out of the batch (and of `self.slots`).
    fn apply(&mut self, cx: &mut Context<'_>, batch: &mut Batch, running: bool) -> Result<Vec<Column>, Halt> {
        let known = self.table.len();
        self.find_slots(cx.number, batch);
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

    /// Rows of keys and results, with ranks.
    fn rows(&self, slots: &[u32]) -> Batch {
        let keys = self.table.gather(slots);
        let results = self.calls.iter().map(|call| call.results(slots));
        let ranks = self.births.ranks.iter().map(|ranks| {
            Column::new(ColumnData::I64(slots.iter().map(|&slot| ranks[slot as usize]).collect()))
        });
        Batch::new(slots.len(), keys.into_iter().chain(results).chain(ranks).map(Arc::new).collect())
    }

    /// The results behind each of these rows, with their keys and ranks.
    fn row_results(&self, batch: &Batch, results: Vec<Column>) -> Batch {
        let keys = self.keys.iter().map(|&key| batch.columns[key].clone());
        let ranks = batch.columns[self.input.fields.len()..].iter().cloned();
        Batch::new(batch.len, keys.chain(results.into_iter().map(Arc::new)).chain(ranks).collect())
    }

    fn each_row(&mut self, cx: &mut Context<'_>, mut batch: Batch) -> Result<(), Halt> {
        if !self.discarding {
            let results = self.apply(cx, &mut batch, true)?;
            cx.emit(self.row_results(&batch, results));
            return Ok(());
        }
        // Every row is a group of its own.
        self.every_nth(cx, batch, 1)
    }

    /// Gives a key's results at every `n`th of its rows.
    fn every_nth(&mut self, cx: &mut Context<'_>, mut batch: Batch, n: u64) -> Result<(), Halt> {
        if !self.discarding {
            let results = self.apply(cx, &mut batch, true)?;
            self.pending.resize(self.table.len(), 0);
            let mut due = Vec::new();
            for (row, &slot) in self.slots.iter().enumerate() {
                let pending = &mut self.pending[slot as usize];
                *pending += 1;
                if *pending == n {
                    *pending = 0;
                    due.push(row as u32);
                }
            }
            cx.emit(self.row_results(&batch, results).gather(&due));
            return Ok(());
        }
        // A key begins anew behind each of its results: row by row.
        let mut made = Vec::new();
        for row in 0..batch.len {
            let mut one = batch.gather(&[row as u32]);
            let results = self.apply(cx, &mut one, true)?;
            let Some(&slot) = self.slots.first() else { continue };
            self.pending.resize(self.table.len(), 0);
            let pending = &mut self.pending[slot as usize];
            *pending += 1;
            if *pending == n {
                *pending = 0;
                made.push(self.row_results(&one, results));
                self.calls.iter_mut().for_each(|call| call.reset(slot as usize));
            }
        }
        cx.emit(Batch::concat(made));
        Ok(())
    }
}

fn interval(micros: i64) -> Duration {
    Duration::from_micros(micros.max(1) as u64)
}

impl Births {
    /// Notes the slots from `known` on, which rows of this batch made.
    fn note(&mut self, number: Number, known: usize, slots: &[u32], batch: &Batch, declared: usize) {
        if self.numbers.last().is_none_or(|(last, _)| *last != number) {
            self.numbers.push((number, known as u32));
        }
        if self.ranks.is_empty() {
            return;
        }
        let mut next = known as u32;
        for (row, &slot) in slots.iter().enumerate() {
            if slot == next {
                next += 1;
                for (ranks, column) in self.ranks.iter_mut().zip(&batch.columns[declared..]) {
                    match &column.data {
                        ColumnData::I64(values) => ranks.push(values[row]),
                        other => unreachable!("ranks are ints, not {other:?}"),
                    }
                }
            }
        }
    }

    fn forget(&mut self, known: usize) {
        while self.numbers.last().is_some_and(|(_, first)| *first as usize >= known) {
            self.numbers.pop();
        }
        self.ranks.iter_mut().for_each(|ranks| ranks.truncate(known));
    }

    /// The number in which a slot was made, and the first slot of the next number.
    fn of(&self, slot: usize) -> (Number, usize) {
        let next = self.numbers.partition_point(|(_, first)| *first as usize <= slot);
        let number = self.numbers[next - 1].0;
        (number, self.numbers.get(next).map_or(usize::MAX, |(_, first)| *first as usize))
    }
}

impl Operator for AggregateOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, mut batch: Batch) -> Result<(), Halt> {
        match self.trigger {
            RunningTrigger::EachRow => self.each_row(cx, batch),
            RunningTrigger::Count(n) => self.every_nth(cx, batch, n.max(1)),
            RunningTrigger::AtEnd => self.apply(cx, &mut batch, false).map(|_| ()),
            RunningTrigger::Every(_) => {
                self.apply(cx, &mut batch, false)?;
                self.is_changed.resize(self.table.len(), false);
                for &slot in &self.slots {
                    if !std::mem::replace(&mut self.is_changed[slot as usize], true) {
                        self.changed.push(slot);
                    }
                }
                Ok(())
            }
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn tick(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        if let RunningTrigger::Every(micros) = self.trigger {
            self.deadline = Some(Deadline::after(cx.shared.env.clock.as_ref(), interval(micros)));
        }
        let changed = std::mem::take(&mut self.changed);
        for slots in changed.chunks(BATCH_ROWS) {
            cx.emit(self.rows(slots));
        }
        for slot in changed {
            self.is_changed[slot as usize] = false;
            if self.discarding {
                self.calls.iter_mut().for_each(|call| call.reset(slot as usize));
            }
        }
        Ok(())
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let slots = self.table.len();
        let layout = &cx.shared.layout.nodes[cx.node];
        // As if the first of two steps had given the groups before.
        let place = |born: Number| match layout.divided {
            true => at_end(layout.level + 1, at_end(layout.level, born)),
            false => at_end(layout.level, born),
        };
        if matches!(self.trigger, RunningTrigger::EachRow) || self.flushed >= slots {
            return Ok(Flush::Done);
        }
        let (born, next) = self.births.of(self.flushed);
        let end = next.min(slots).min(self.flushed + BATCH_ROWS);
        let held = |slot: &u32| match self.trigger {
            RunningTrigger::Count(_) => self.pending[*slot as usize] > 0,
            RunningTrigger::Every(_) => self.is_changed[*slot as usize],
            _ => true,
        };
        let given: Vec<u32> = (self.flushed as u32..end as u32).filter(held).collect();
        cx.number = place(born);
        cx.emit(self.rows(&given));
        self.flushed = end;
        if end == slots {
            return Ok(Flush::Done);
        }
        Ok(Flush::More(place(self.births.of(end).0)))
    }
}
