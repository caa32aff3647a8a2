//! Accumulators of one aggregate over all slots, applied a batch at a time.

use super::distinct::{Distinct, MOST_CALLS};
use super::numbers::{AverageFloats, AverageInts, Counts, Extremes, SumDecimals, SumFloats, SumInts};
use super::reversing::reversing;
use super::stored::StoredPart;
use super::values::Values;
use flow_data::{Batch, Column};
use flow_plan::catalogue::AggFunc;
use flow_plan::error::Fault;
use flow_plan::physical::ColumnAggregate;
use flow_plan::{DataType, RecordType};
use std::any::Any;

/// One aggregate of every slot. Results are those of adding the rows one by one, in order.
pub(crate) trait Accumulators: Send {
    /// Makes empty accumulators for slots up to this number.
    fn grow(&mut self, slots: usize);

    /// Can a row be refused? Then [`Accumulators::save`] is called before each batch.
    fn fallible(&self) -> bool {
        false
    }

    /// Adds rows; `slots` has one entry per row. Gives whether a row would have been refused: then
    /// what was done is undone by [`Accumulators::restore`].
    fn update(&mut self, slots: &[u32], batch: &Batch) -> bool;

    /// As [`Accumulators::update`], and gives the result behind every row.
    fn running(&mut self, slots: &[u32], batch: &Batch, refused: &mut bool) -> Column;

    /// Notes the state of these slots.
    fn save(&mut self, _slots: &[u32]) {}

    /// Goes back to what was noted.
    fn restore(&mut self) {}

    /// Would this row be refused?
    fn check(&self, _slot: usize, _batch: &Batch, _row: usize) -> Result<(), Fault> {
        Ok(())
    }

    /// Results of these slots.
    fn results(&self, slots: &[u32]) -> Column;

    /// Of those whose result is a list of rows: the rows of these slots, and which of the slots each is of.
    fn rows(&self, _slots: &[u32]) -> Option<(Vec<u32>, Vec<Column>)> {
        None
    }

    /// Why a slot has no result (of changelogs, which refuse no rows).
    fn fault(&self, _slot: usize) -> Option<Fault> {
        None
    }

    /// The rows behind which the last [`Accumulators::running`] had no result.
    fn take_faults(&mut self) -> Vec<(usize, Fault)> {
        Vec::new()
    }

    /// Of a changelog: is a row there that could be withdrawn, as far as is known?
    fn holds(&self, _slot: usize, _batch: &Batch, _row: usize) -> bool {
        true
    }

    /// Makes a slot empty again.
    fn reset(&mut self, slot: usize);

    /// The bytes they take, about.
    fn bytes(&self) -> usize;

    /// Keeps these slots, which ascend; they become slots `0..`.
    fn retain(&mut self, slots: &[u32]);

    /// Adds what the slots of another one of the same aggregate hold, whose rows count as later ones:
    /// its slot `from[n]` to our slot `slots[n]`. A slot that refuses it is noted, and has no result.
    fn merge(
        &mut self,
        slots: &[u32],
        later: &dyn Accumulators,
        from: &[u32],
        refused: &mut Vec<(u32, Fault)>,
    );

    /// Adds results of the same aggregate over other rows, one per slot, if it can do so without accumulators of
    /// their own; gives whether it has.
    fn add_results(&mut self, _slots: &[u32], _results: &Column) -> bool {
        false
    }

    /// Adds what another slot holds, whose rows count as later ones. What is refused changes nothing.
    fn join(&mut self, slot: u32, later: u32) -> Result<(), Fault>;

    /// What a slot keeps, as columns of a checkpoint: their names behind that of the aggregate, and their types.
    fn parts(&self) -> Vec<StoredPart>;

    /// What these slots keep: one column per part.
    fn store(&self, slots: &[u32]) -> Vec<Column>;

    /// Gives these slots, which are empty, what was stored of others: a row per slot.
    fn load(&mut self, slots: &[u32], parts: &[Column]);

    /// For [`Accumulators::merge`].
    fn as_any(&self) -> &dyn Any;
}

/// The same aggregate of other slots.
pub(crate) fn same<T: 'static>(other: &dyn Accumulators) -> &T {
    match other.as_any().downcast_ref() {
        Some(other) => other,
        None => unreachable!("accumulators of one aggregate are of one type"),
    }
}

/// Which column is aggregated, and which rows count.
#[derive(Clone, Copy)]
pub(crate) struct Reads {
    pub(crate) arg: Option<usize>,
    pub(crate) filter: Option<usize>,
}

impl Reads {
    /// Calls `each` with every row that counts: `where:` is true and the argument is not null.
    #[inline]
    pub(crate) fn each(self, batch: &Batch, mut each: impl FnMut(usize)) {
        let filter = self.filter.map(|column| bools(&batch.columns[column]));
        let valid = self.arg.and_then(|column| batch.columns[column].validity.as_deref());
        match (filter, valid) {
            (None, None) => (0..batch.len).for_each(each),
            (Some(wanted), None) => (0..batch.len).filter(|&row| wanted[row] != 0).for_each(each),
            (None, Some(valid)) => (0..batch.len).filter(|&row| valid[row] != 0).for_each(each),
            (Some(wanted), Some(valid)) => {
                for row in 0..batch.len {
                    if wanted[row] != 0 && valid[row] != 0 {
                        each(row);
                    }
                }
            }
        }
    }

    /// Does the row count?
    pub(crate) fn counts(self, batch: &Batch, row: usize) -> bool {
        self.filter.is_none_or(|column| bools(&batch.columns[column])[row] != 0)
            && self.arg.is_none_or(|column| batch.columns[column].is_valid(row))
    }
}

fn bools(column: &Column) -> &[u8] {
    match &column.data {
        flow_data::ColumnData::Bool(v) => v,
        other => unreachable!("`where:` is a bool, not {other:?}"),
    }
}

/// The accumulators of each of some calls. Those that count distinct values of the same column share a set.
pub(crate) fn all_accumulators(
    calls: &[ColumnAggregate],
    input: &RecordType,
    change: Option<usize>,
) -> Vec<Box<dyn Accumulators>> {
    if let Some(change) = change {
        return calls.iter().map(|call| reversing(call, input, change)).collect();
    }
    let mut made: Vec<Option<Box<dyn Accumulators>>> = calls.iter().map(|_| None).collect();
    for (index, call) in calls.iter().enumerate() {
        if made[index].is_some() {
            continue;
        }
        let Some(column) = call.arg.filter(|_| call.func == AggFunc::CountDistinct) else {
            made[index] = Some(accumulators(call, input));
            continue;
        };
        let alike = |other: &usize| calls[*other].func == call.func && calls[*other].arg == call.arg;
        let group = (index..calls.len()).filter(|other| made[*other].is_none()).filter(alike);
        let group: Vec<usize> = group.take(MOST_CALLS).collect();
        let filters = group.iter().map(|&of| calls[of].filter).collect();
        let sharing = Distinct::of_column(column, filters, input.fields[column].ty.unwrapped());
        for (of, call) in group.into_iter().zip(sharing) {
            made[of] = Some(Box::new(call));
        }
    }
    made.into_iter().flatten().collect()
}

/// The accumulators of a call over these input columns.
pub(crate) fn accumulators(call: &ColumnAggregate, input: &RecordType) -> Box<dyn Accumulators> {
    let reads = Reads { arg: call.arg, filter: call.filter };
    let ty = call.arg.map(|column| input.fields[column].ty.unwrapped().clone());
    match (call.func, &ty) {
        (AggFunc::Count, _) => Box::new(Counts::new(reads, None)),
        (AggFunc::Sum, Some(DataType::Int | DataType::Duration)) => Box::new(SumInts::new(reads, call)),
        (AggFunc::Sum, Some(DataType::Float)) => Box::new(SumFloats::new(reads, call)),
        (AggFunc::Sum, Some(DataType::Decimal)) => Box::new(SumDecimals::new(reads, call)),
        (AggFunc::Avg, Some(DataType::Int)) => Box::new(AverageInts::new(reads, call)),
        (AggFunc::Avg, Some(DataType::Float)) => Box::new(AverageFloats::new(reads, call)),
        (AggFunc::Min | AggFunc::Max, Some(DataType::Int | DataType::Timestamp | DataType::Duration)) => {
            Box::new(Extremes::new(reads, call))
        }
        (AggFunc::CountDistinct, Some(_)) => {
            all_accumulators(std::slice::from_ref(call), input, None).remove(0)
        }
        _ => Box::new(Values::new(call, input)),
    }
}
