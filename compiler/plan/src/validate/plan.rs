//! The logical plan.

use super::{Finding, expression, narrows, record_fits};
use crate::catalogue::AggFunc;
use crate::expr::Expr;
use crate::operator::{Aggregate, Operator, OperatorId, OperatorKind, Plan, Window, WindowKind};
use crate::types::{DataType, RecordType};

/// Checks the whole plan; says the first thing that is wrong.
pub fn validate_plan(plan: &Plan) -> Result<(), Finding> {
    for (index, operator) in plan.operators.iter().enumerate() {
        check(plan, index, operator).map_err(|f| format!("operator {index} ({}): {f}", operator.word))?;
    }
    Ok(())
}

fn check(plan: &Plan, index: usize, operator: &Operator) -> Result<(), Finding> {
    let mut inputs = Vec::new();
    for OperatorId(input) in &operator.inputs {
        if *input as usize >= index {
            return Err("it stands before one of its inputs".into());
        }
        inputs.push(&*plan.operators[*input as usize].output);
    }
    if operator.declaration as usize >= plan.declarations.len() {
        return Err("its declaration does not exist".into());
    }
    let (least, most) = arity(&operator.kind);
    if inputs.len() < least || inputs.len() > most {
        return Err(format!("it has {} inputs", inputs.len()));
    }
    kind_fits(plan, operator, &inputs)
}

fn arity(kind: &OperatorKind) -> (usize, usize) {
    match kind {
        OperatorKind::Source(_)
        | OperatorKind::Table { .. }
        | OperatorKind::Errors { .. }
        | OperatorKind::Late { .. } => (0, 0),
        OperatorKind::Union => (1, usize::MAX),
        OperatorKind::Join(_) => (2, 2),
        _ => (1, 1),
    }
}

fn kind_fits(plan: &Plan, operator: &Operator, inputs: &[&RecordType]) -> Result<(), Finding> {
    let output = &operator.output;
    let types: Vec<&DataType> =
        inputs.first().map(|i| i.fields.iter().map(|f| &f.ty).collect()).unwrap_or_default();
    match &operator.kind {
        OperatorKind::Errors { declaration } | OperatorKind::Late { declaration } => {
            if *declaration as usize >= plan.declarations.len() {
                return Err("the declaration it reads does not exist".into());
            }
            Ok(())
        }
        OperatorKind::Map { exprs } => expressions(exprs, &types, output),
        OperatorKind::Filter { cond } => {
            expression(cond, &types, &DataType::Bool)?;
            same_columns(inputs[0], output)
        }
        OperatorKind::FlatMap { list } => {
            let Some((element, kept)) = output.fields.split_last() else {
                return Err("it has no element".into());
            };
            expression(list, &types, &DataType::list(element.ty.clone()))?;
            same_columns(inputs[0], &RecordType::new(kept.to_vec()))
        }
        OperatorKind::EventTime { column, .. } => {
            columns(&[*column], &types)?;
            same_columns(inputs[0], output)
        }
        OperatorKind::Union => {
            let fits = inputs.iter().all(|input| record_fits(input, output));
            if fits { Ok(()) } else { Err("an input has other columns".into()) }
        }
        OperatorKind::Aggregate(aggregate) => aggregate_fits(aggregate, &types, output),
        OperatorKind::Top { keys, by, .. } => {
            columns(keys, &types)?;
            by.iter().try_for_each(|key| expression(&key.expr, &types, &key.expr.ty().clone()))
        }
        OperatorKind::Latest { keys, by, .. } => {
            columns(keys, &types)?;
            expression(by, &types, &by.ty().clone())
        }
        OperatorKind::Distinct { keys, columns: compared, .. } => {
            columns(keys, &types)?;
            columns(compared, &types)
        }
        OperatorKind::Join(join) => {
            let right: Vec<&DataType> = inputs[1].fields.iter().map(|f| &f.ty).collect();
            for (a, b) in &join.equal {
                expression(a, &types, &a.ty().clone())?;
                expression(b, &right, &b.ty().clone())?;
            }
            let both: Vec<&DataType> = types.iter().chain(&right).copied().collect();
            join.rest.as_ref().map_or(Ok(()), |rest| expression(rest, &both, &DataType::Bool))
        }
        OperatorKind::Scan { keys, init, next, emit } => scan_fits(keys, [init, next], emit, &types, output),
        OperatorKind::Sample { .. } | OperatorKind::Limit { .. } | OperatorKind::Tap { .. } => {
            same_columns(inputs[0], output)
        }
        OperatorKind::Source(_) | OperatorKind::Table { .. } | OperatorKind::Sink(_) => Ok(()),
    }
}

/// One expression per column.
pub(super) fn expressions(exprs: &[Expr], columns: &[&DataType], output: &RecordType) -> Result<(), Finding> {
    if exprs.len() != output.fields.len() {
        return Err(format!("{} expressions for {} columns", exprs.len(), output.fields.len()));
    }
    for (expr, field) in exprs.iter().zip(&output.fields) {
        expression(expr, columns, &field.ty).map_err(|f| format!("column `{}`: {f}", field.name))?;
    }
    Ok(())
}

/// The same columns; a type may have lost its `?`.
pub(super) fn same_columns(from: &RecordType, to: &RecordType) -> Result<(), Finding> {
    let same = from.fields.len() == to.fields.len()
        && from.fields.iter().zip(&to.fields).all(|(a, b)| narrows(&a.ty, &b.ty));
    if same { Ok(()) } else { Err(format!("its columns {to} are not those of its input {from}")) }
}

pub(super) fn columns(indexes: &[usize], types: &[&DataType]) -> Result<(), Finding> {
    match indexes.iter().find(|index| **index >= types.len()) {
        Some(index) => Err(format!("there is no column {index}")),
        None => Ok(()),
    }
}

pub(super) fn scan_fits(
    keys: &[usize],
    [init, next]: [&Expr; 2],
    emit: &[Expr],
    types: &[&DataType],
    output: &RecordType,
) -> Result<(), Finding> {
    columns(keys, types)?;
    let state = next.ty().clone();
    expression(init, &[], &state)?;
    let mut with_state = types.to_vec();
    with_state.push(&state);
    expression(next, &with_state, &state)?;
    expressions(emit, &with_state, output)
}

fn aggregate_fits(aggregate: &Aggregate, types: &[&DataType], output: &RecordType) -> Result<(), Finding> {
    columns(&aggregate.keys, types)?;
    let bounds = aggregate.window.as_ref().map_or(0, window_bounds);
    let mut result_columns: Vec<&DataType> = aggregate.keys.iter().map(|key| types[*key]).collect();
    result_columns.extend(std::iter::repeat_n(&DataType::Timestamp, bounds));
    for call in &aggregate.calls {
        for expr in [&call.arg, &call.by].into_iter().flatten() {
            expression(expr, types, &expr.ty().clone())?;
        }
        if let Some(filter) = &call.filter {
            expression(filter, types, &DataType::Bool)?;
        }
        if call.arg.is_none() && call.func != AggFunc::Count {
            return Err(format!("{} has no argument", call.func.name()));
        }
        result_columns.push(&call.ty);
    }
    let results = aggregate.keys.len() + bounds;
    let Some(fields) = output.fields.get(results..) else { return Err("columns are missing".into()) };
    expressions(&aggregate.results, &result_columns, &RecordType::new(fields.to_vec()))
}

/// How many columns say the window.
pub(crate) fn window_bounds(window: &Window) -> usize {
    match window.kind {
        WindowKind::Count { .. } | WindowKind::Global => 0,
        _ => 2,
    }
}
