//! The further conditions of a join: a chain over pairs of rows that gives one `bool`.

use crate::context::{BadRow, Context};
use crate::error::Halt;
use crate::operator::{ChainRun, CompiledChain};
use flow_data::{Batch, Column, ColumnData};
use flow_plan::expr::Kind;
use flow_plan::physical::{Chain, Step, StepKind};
use flow_plan::{DataType, Expr, Field, RecordType, Value};
use std::sync::Arc;

/// Only the columns that the condition reads, in the order of the pair's columns: what is compiled.
pub(crate) fn narrowed(rest: &Chain) -> (Chain, Vec<usize>) {
    let Some((first, steps)) = rest.steps.split_first() else { return (rest.clone(), Vec::new()) };
    let StepKind::Map(exprs) = &first.kind else { return (rest.clone(), rest.reads()) };
    let read = rest.reads();
    let moved = |expr: &Expr| {
        let mut expr = expr.clone();
        for node in &mut expr.nodes {
            if let Kind::Column(column) = &mut node.kind {
                *column = read.partition_point(|&read| read < *column as usize) as u32;
            }
        }
        expr
    };
    let first = Step { kind: StepKind::Map(exprs.iter().map(moved).collect()), ..first.clone() };
    let fields = read.iter().map(|&column| rest.input.fields[column].clone()).collect();
    let steps = std::iter::once(first).chain(steps.iter().cloned()).collect();
    (Chain { input: Arc::new(RecordType::new(fields)), steps }, read)
}

/// A worker's instance of it.
pub(crate) struct Condition {
    run: ChainRun,
    /// The columns of the pair that it reads.
    reads: Vec<usize>,
    /// All columns of the pair, and how many are the left side's.
    pair: Arc<RecordType>,
    left: usize,
    can_fail: bool,
    made: Vec<Batch>,
}

/// Gives columns of a side for its rows of some pairs.
pub(crate) trait Side {
    /// The values of a column, pair by pair.
    fn column(&self, column: usize) -> Column;
    /// One of them.
    fn value(&self, column: usize, pair: usize, ty: &DataType) -> Value;
}

/// Rows of a batch.
pub(crate) struct BatchSide<'a> {
    pub(crate) batch: &'a Batch,
    pub(crate) rows: &'a [u32],
}

impl Side for BatchSide<'_> {
    fn column(&self, column: usize) -> Column {
        self.batch.columns[column].gather(self.rows)
    }

    fn value(&self, column: usize, pair: usize, ty: &DataType) -> Value {
        self.batch.columns[column].value(self.rows[pair] as usize, ty)
    }
}

impl Condition {
    pub(crate) fn new(rest: &Chain, left: usize, compiled: &CompiledChain) -> Condition {
        let (_, reads) = narrowed(rest);
        let (pair, can_fail) = (rest.input.clone(), rest.can_fail());
        Condition { run: ChainRun::new(compiled), reads, pair, left, can_fail, made: Vec::new() }
    }

    /// Can it raise a record error?
    pub(crate) fn can_fail(&self) -> bool {
        self.can_fail
    }

    /// Which pairs it is true of, in order. A pair for which it fails is a record error, and does not meet.
    pub(crate) fn holds(
        &mut self,
        cx: &mut Context<'_>,
        pairs: usize,
        left: &dyn Side,
        right: &dyn Side,
    ) -> Result<Vec<u32>, Halt> {
        let of_left = self.left;
        let column = |column: usize| {
            if column < of_left { left.column(column) } else { right.column(column - of_left) }
        };
        let columns = self.reads.iter().map(|&read| Arc::new(column(read))).collect();
        let batch = Batch::new(pairs, columns);
        let mut failed: Vec<u32> = Vec::new();
        let pair = &self.pair;
        let shared = cx.shared;
        self.made.clear();
        self.run.run(&shared.env, &batch, &mut self.made, &mut |row, step, error| {
            failed.push(row as u32);
            let value = |(at, field): (usize, &Field)| match at < of_left {
                true => left.value(at, row, &field.ty),
                false => right.value(at - of_left, row, &field.ty),
            };
            let values: Vec<Value> = pair.fields.iter().enumerate().map(value).collect();
            cx.record_error(BadRow {
                declaration: step.declaration,
                label: step.label.clone(),
                place: error.place,
                code: error.code.as_str().into(),
                message: error.message,
                record: crate::row_text::json(&values, pair),
                position: None,
            })
        })?;
        let mut failed = failed.into_iter().peekable();
        // Results stand in the order of the pairs, without those that failed.
        let mut sound = (0..pairs as u32).filter(|pair| failed.next_if_eq(pair).is_none());
        let mut holds = Vec::with_capacity(pairs);
        for made in self.made.drain(..) {
            let column = &made.columns[0];
            let ColumnData::Bool(values) = &column.data else {
                unreachable!("a condition is a bool");
            };
            let rows = values.iter().enumerate().zip(sound.by_ref());
            holds.extend(
                rows.filter(|((row, value), _)| **value != 0 && column.is_valid(*row)).map(|(_, pair)| pair),
            );
        }
        Ok(holds)
    }
}
