//! The reference execution of chains and whole graphs: row by row, on one thread, without any of the
//! engine's machinery. It says what a graph means; engine and native code are compared with it.

mod accumulators;
mod aggregate;
mod given;
mod graph;
mod join;
mod pick;
mod sequence;
#[cfg(test)]
mod tests;
mod time;
mod window;

pub use graph::{Failure, Outcome, RowError, evaluate, evaluate_sequence};
pub use sequence::{Event, Inputs, Row, Sequence};

use crate::error::{Fault, RecordError};
use crate::eval::Evaluator;
use crate::physical::{Chain, Step, StepKind};
use crate::value::Value;

/// A record error with the step of the chain that raised it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepError {
    /// Index of the step.
    pub step: usize,
    /// What went wrong.
    pub error: RecordError,
}

/// Runs one row through a chain. Rows that fail on the way are left out and noted in `failed`, in
/// order; rows beside them (a `flatMap` makes several) go on.
pub fn run_chain(
    evaluator: &mut Evaluator,
    chain: &Chain,
    row: Vec<Value>,
    failed: &mut Vec<StepError>,
) -> Vec<Vec<Value>> {
    let mut rows = vec![row];
    for (index, step) in chain.steps.iter().enumerate() {
        let mut made = Vec::with_capacity(rows.len());
        for row in rows {
            if let Err(error) = run_step(evaluator, step, row, &mut made) {
                failed.push(StepError { step: index, error });
            }
        }
        rows = made;
    }
    rows
}

/// Runs a batch through a chain: its rows, or the first error.
pub fn run_rows(
    evaluator: &mut Evaluator,
    chain: &Chain,
    rows: &[Vec<Value>],
) -> Result<Vec<Vec<Value>>, StepError> {
    let mut failed = Vec::new();
    let mut made = Vec::new();
    for row in rows {
        made.extend(run_chain(evaluator, chain, row.clone(), &mut failed));
        if !failed.is_empty() {
            return Err(failed.swap_remove(0));
        }
    }
    Ok(made)
}

fn run_step(
    evaluator: &mut Evaluator,
    step: &Step,
    row: Vec<Value>,
    made: &mut Vec<Vec<Value>>,
) -> Result<(), RecordError> {
    match &step.kind {
        StepKind::Map(exprs) => {
            let values: Result<Vec<_>, _> = exprs.iter().map(|expr| evaluator.eval(expr, &row)).collect();
            made.push(values?);
        }
        StepKind::Filter(cond) => {
            if evaluator.test(cond, &row)? {
                made.push(row);
            }
        }
        StepKind::FlatMap(list) => match evaluator.eval(list, &row)? {
            Value::List(items) => made.extend(items.iter().map(|item| {
                let mut row = row.clone();
                row.push(item.clone());
                row
            })),
            _ => return Err(Fault::untyped().at(step.place)),
        },
    }
    Ok(())
}
