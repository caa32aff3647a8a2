//! The columns of stateful nodes: the output must be what the node's description says.

use super::graph::types;
use super::{Finding, fits};
use crate::operator::{JoinKind, WindowKind};
use crate::physical::{
    Chain, ColumnAggregate, Graph, Hidden, Lookup, Node, NodeKind, Pick, RunningAggregate, StreamJoin,
    WindowAggregate, Windowing,
};
use crate::types::{DataType, RecordType};
use crate::validate::plan::window_bounds;

/// Compares the types of an output's columns with those that are expected.
fn expect(wanted: Vec<DataType>, output: &RecordType) -> Result<(), Finding> {
    let given = types(output);
    let fit = wanted.len() == given.len() && wanted.iter().zip(&given).all(|(a, b)| fits(a, b));
    match fit {
        true => Ok(()),
        false => Err(format!("its columns {output} do not fit {wanted:?}")),
    }
}

fn pick_types(record: &RecordType, columns: &[usize]) -> impl Iterator<Item = DataType> {
    columns.iter().map(|column| record.fields[*column].ty.clone())
}

/// Filters of aggregates are `bool`.
fn calls_fit(calls: &[ColumnAggregate], input: &RecordType) -> Result<(), Finding> {
    for call in calls {
        if call.filter.is_some_and(|column| input.fields[column].ty != DataType::Bool) {
            return Err(format!("the filter of `{}` is no bool", call.name));
        }
    }
    Ok(())
}

/// Time, watermark and change of what is given for a row.
fn carried(hidden: &Hidden, changes: bool) -> impl Iterator<Item = DataType> {
    let times = usize::from(hidden.time.is_some()) + usize::from(hidden.watermark.is_some());
    std::iter::repeat_n(DataType::Timestamp, times).chain(changes.then_some(DataType::Int))
}

pub(super) fn late_fits(graph: &Graph, node: &Node) -> Result<(), Finding> {
    let window = &graph.nodes[node.inputs[0].node];
    let windowing = match &window.kind {
        NodeKind::WindowAggregate(aggregate) => Some(&aggregate.windowing),
        NodeKind::Pick(pick) => pick.windowing.as_ref(),
        _ => None,
    };
    let rows = windowing.and_then(|windowing| windowing.late_rows.as_ref());
    let Some(rows) = rows else { return Err("the node it reads gives no late rows".into()) };
    let input = &graph.nodes[window.inputs[0].node].output;
    expect(pick_types(input, rows).collect(), &node.output)
}

pub(super) fn time_fits(input: &RecordType, output: &RecordType) -> Result<(), Finding> {
    expect(input.fields.iter().map(|f| f.ty.clone()).chain([DataType::Timestamp]).collect(), output)
}

pub(super) fn aggregate_fits(
    aggregate: &RunningAggregate,
    input: &RecordType,
    output: &RecordType,
) -> Result<(), Finding> {
    calls_fit(&aggregate.calls, input)?;
    let keys = pick_types(input, &aggregate.keys);
    let results = aggregate.calls.iter().map(|call| call.ty.clone());
    expect(keys.chain(results).chain(carried(&aggregate.hidden, aggregate.changes)).collect(), output)
}

/// `windowStart` and `windowEnd`, as far as a windowing adds them.
fn bounds(windowing: &Windowing) -> impl Iterator<Item = DataType> {
    let same = matches!(windowing.window.kind, WindowKind::Same);
    let count = if same && windowing.bounds.is_none() { 0 } else { window_bounds(&windowing.window) };
    std::iter::repeat_n(DataType::Timestamp, count)
}

/// What the results of a window carry: time and watermark of their own, of windows of rows those of a row.
fn window_hidden(windowing: &Windowing) -> Hidden {
    match windowing.window.kind {
        WindowKind::Count { .. } => {
            Hidden { time: windowing.time, watermark: windowing.watermark, change: None }
        }
        _ => Hidden { time: Some(0), watermark: Some(0), change: None },
    }
}

pub(super) fn window_fits(
    aggregate: &WindowAggregate,
    input: &RecordType,
    output: &RecordType,
) -> Result<(), Finding> {
    calls_fit(&aggregate.calls, input)?;
    let windowing = &aggregate.windowing;
    let keys = pick_types(input, &aggregate.keys).chain(bounds(windowing));
    let results = aggregate.calls.iter().map(|call| call.ty.clone());
    let hidden = window_hidden(windowing);
    expect(keys.chain(results).chain(carried(&hidden, aggregate.changes)).collect(), output)
}

pub(super) fn pick_fits(pick: &Pick, input: &RecordType, output: &RecordType) -> Result<(), Finding> {
    let rows = pick_types(input, &pick.row);
    let added = pick.windowing.as_ref().filter(|windowing| windowing.bounds.is_none()).map(bounds);
    let rank = pick.rank.then_some(DataType::Int);
    let hidden = match &pick.windowing {
        Some(windowing) => window_hidden(windowing),
        None => pick.hidden.clone(),
    };
    let given = rows.chain(added.into_iter().flatten()).chain(rank);
    expect(given.chain(carried(&hidden, pick.changes)).collect(), output)
}

/// The further conditions of a join: from the columns of both sides to one `bool`.
fn rest_fits(rest: Option<&Chain>, inputs: &[&RecordType]) -> Result<(), Finding> {
    let Some(rest) = rest else { return Ok(()) };
    let both = inputs.iter().flat_map(|input| input.fields.iter().map(|f| f.ty.clone()));
    expect(both.collect(), &rest.input)?;
    match rest.steps.last() {
        Some(step) => expect(vec![DataType::Bool], &step.output),
        None => Err("its further conditions are empty".into()),
    }
}

fn keys_fit(inputs: &[&RecordType], left: &[usize], right: &[usize]) -> Result<(), Finding> {
    let unwrapped = |input: &RecordType, column: &usize| input.fields[*column].ty.unwrapped().clone();
    let same = left.len() == right.len()
        && left.iter().zip(right).all(|(l, r)| unwrapped(inputs[0], l) == unwrapped(inputs[1], r));
    if same { Ok(()) } else { Err("its sides have other keys".into()) }
}

/// The columns of the right side, as far as this kind of join gives them.
fn right_types(kind: JoinKind, input: &RecordType, row: &[usize]) -> Vec<DataType> {
    match kind {
        JoinKind::Inner => pick_types(input, row).collect(),
        JoinKind::Left => pick_types(input, row).map(DataType::optional).collect(),
        JoinKind::Semi | JoinKind::Anti => Vec::new(),
    }
}

pub(super) fn join_fits(
    join: &StreamJoin,
    inputs: &[&RecordType],
    output: &RecordType,
) -> Result<(), Finding> {
    keys_fit(inputs, &join.left.keys, &join.right.keys)?;
    rest_fits(join.rest.as_ref(), inputs)?;
    let left = pick_types(inputs[0], &join.left.row);
    let right = right_types(join.kind, inputs[1], &join.right.row);
    let both = join.left.hidden.watermark.is_some() && join.right.hidden.watermark.is_some();
    let times = std::iter::repeat_n(DataType::Timestamp, if both { 2 } else { 0 });
    let change = join.changes.then_some(DataType::Int);
    expect(left.chain(right).chain(times).chain(change).collect(), output)
}

pub(super) fn lookup_fits(
    lookup: &Lookup,
    inputs: &[&RecordType],
    output: &RecordType,
) -> Result<(), Finding> {
    keys_fit(inputs, &lookup.left_keys, &lookup.right_keys)?;
    rest_fits(lookup.rest.as_ref(), inputs)?;
    let left = pick_types(inputs[0], &lookup.left_row);
    let right = right_types(lookup.kind, inputs[1], &lookup.right_row);
    expect(left.chain(right).chain(pick_types(inputs[0], &lookup.behind)).collect(), output)
}
