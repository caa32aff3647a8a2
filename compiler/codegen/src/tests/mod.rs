//! Kernels against the evaluator.
#![allow(clippy::disallowed_methods)]

mod chains;
mod expressions;
mod random;

use crate::{Instance, Outcome, compile};
use flow_data::Batch;
use flow_plan::eval::Evaluator;
use flow_plan::expr::{Expr, Kind, NodeId, Place};
use flow_plan::order::identical;
use flow_plan::physical::{Chain, Step, StepKind};
use flow_plan::types::{DataType, Field, RecordType};
use flow_plan::value::Value;
use std::sync::Arc;

/// A record of columns `c0`, `c1`, …
fn record(types: &[DataType]) -> Arc<RecordType> {
    let field = |(i, ty): (usize, &DataType)| Field::new(format!("c{i}"), ty.clone());
    Arc::new(RecordType::new(types.iter().enumerate().map(field).collect()))
}

fn step(kind: StepKind, output: Arc<RecordType>) -> Step {
    Step { kind, output, declaration: 0, label: "test".into(), place: Place::default() }
}

fn map(exprs: Vec<Expr>) -> Step {
    let types: Vec<DataType> = exprs.iter().map(|e| e.ty().clone()).collect();
    step(StepKind::Map(exprs), record(&types))
}

/// Builds an expression from the operands up.
#[derive(Default)]
struct Build(Expr);

impl Build {
    fn push(&mut self, kind: Kind, ty: DataType) -> NodeId {
        self.0.push(kind, ty, Place::default())
    }

    fn col(&mut self, index: u32, ty: DataType) -> NodeId {
        self.push(Kind::Column(index), ty)
    }

    fn lit(&mut self, value: Value, ty: DataType) -> NodeId {
        self.push(Kind::Literal(value), ty)
    }
}

fn expr(build: impl FnOnce(&mut Build)) -> Expr {
    let mut b = Build::default();
    build(&mut b);
    b.0
}

/// What the evaluator makes of the rows: the output, or nothing if one has an error.
fn interpret(chain: &Chain, rows: &[Vec<Value>]) -> Option<Vec<Vec<Value>>> {
    let mut evaluator = Evaluator::new(0);
    let mut rows = rows.to_vec();
    for step in &chain.steps {
        let mut next = Vec::new();
        for row in rows {
            match &step.kind {
                StepKind::Map(exprs) => {
                    let values: Result<Vec<_>, _> = exprs.iter().map(|e| evaluator.eval(e, &row)).collect();
                    next.push(values.ok()?);
                }
                StepKind::Filter(expr) => {
                    if evaluator.test(expr, &row).ok()? {
                        next.push(row);
                    }
                }
                StepKind::FlatMap(expr) => {
                    let Value::List(items) = evaluator.eval(expr, &row).ok()? else { return None };
                    for item in items.iter() {
                        let mut row = row.clone();
                        row.push(item.clone());
                        next.push(row);
                    }
                }
            }
        }
        rows = next;
    }
    Some(rows)
}

/// What the kernels make of them.
fn execute(chain: &Chain, rows: &[Vec<Value>]) -> Option<Vec<Vec<Value>>> {
    let compiled = compile(chain).unwrap_or_else(|e| panic!("{e}"));
    let mut instance = Instance::new(compiled);
    let mut out = Vec::new();
    if instance.run(&Batch::from_rows(rows, &chain.input), &mut out) == Outcome::RecordError {
        assert!(out.is_empty());
        return None;
    }
    let schema = chain.steps.last().map_or(&chain.input, |s| &s.output);
    Some(out.iter().flat_map(|b| (0..b.len).map(|row| b.row(row, schema)).collect::<Vec<_>>()).collect())
}

fn same(a: &Option<Vec<Vec<Value>>>, b: &Option<Vec<Vec<Value>>>) -> bool {
    let rows = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical(a, b));
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| rows(a, b)),
        _ => false,
    }
}

/// Kernels and evaluator agree on each row alone and on all together.
fn agree(chain: &Chain, rows: &[Vec<Value>]) {
    let mut cases: Vec<&[Vec<Value>]> = rows.chunks(1).collect();
    cases.push(rows);
    for case in cases {
        let (expected, found) = (interpret(chain, case), execute(chain, case));
        assert!(same(&expected, &found), "{chain:#?}\nrows {case:?}\nexpected {expected:?}\nfound {found:?}");
    }
}

fn agree_expr(expr: Expr, types: &[DataType], rows: &[Vec<Value>]) {
    let input = record(types);
    agree(&Chain { input: input.clone(), steps: vec![map(vec![expr])] }, rows);
}
