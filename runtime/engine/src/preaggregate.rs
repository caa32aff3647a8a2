//! Aggregation in two steps where it gives the same result: every worker first aggregates the rows
//! it has, and only its groups change workers.
//!
//! That is so for aggregates that are given once at the end, and whose result depends neither on the
//! order of rows nor, by an overflow on the way, on how they were divided: counts, extremes of
//! numbers, conjunctions. A sum of ints is not among them: whether it overflows on the way does.
//!
//! And it is so for windows without a key over such aggregates: of each batch, one row per slice of time goes to the
//! worker that has the windows (see `operator/window/parts.rs`).

use flow_plan::catalogue::AggFunc;
use flow_plan::physical::{
    ColumnAggregate, Exchange, Graph, Input, Node, NodeKind, RunningAggregate, WindowAggregate, hidden,
};
use flow_plan::{DataType, Field, RecordType};
use std::sync::Arc;

/// The same graph with a first step before every aggregate that can have one.
pub(crate) fn in_two_steps(graph: &Graph) -> Graph {
    let mut nodes: Vec<Node> = Vec::new();
    let mut moved = Vec::new();
    for node in &graph.nodes {
        let mut node = node.clone();
        node.inputs.iter_mut().for_each(|input| input.node = moved[input.node]);
        if graph.nodes[moved.len()].divides() {
            let first = first_step(&mut node, &nodes);
            nodes.push(first);
        } else if graph.divides_window(moved.len()) {
            let first = parts_of_window(&mut node, nodes.len());
            nodes.push(first);
        }
        moved.push(nodes.len());
        nodes.push(node);
    }
    Graph { nodes, ..graph.clone() }
}

/// Splits the first step off; `node` becomes the second, which reads it.
fn first_step(node: &mut Node, before: &[Node]) -> Node {
    let NodeKind::Aggregate(aggregate) = &mut node.kind else { unreachable!("only aggregates are divided") };
    let input = node.inputs[0].node;
    let keys = aggregate.keys.len();
    let key_fields = aggregate.keys.iter().map(|&key| before[input].output.fields[key].clone());
    let call_fields = aggregate.calls.iter().map(|call| Field::new(&*call.name, partial(call)));
    let output = Arc::new(RecordType::new(key_fields.chain(call_fields).collect()));
    let first =
        RunningAggregate { calls: aggregate.calls.iter().map(first_call).collect(), ..aggregate.clone() };
    aggregate.keys = (0..keys).collect();
    for (index, call) in aggregate.calls.iter_mut().enumerate() {
        let func = if call.func == AggFunc::Count { AggFunc::Sum } else { call.func };
        *call = ColumnAggregate { func, arg: Some(keys + index), filter: None, ..call.clone() };
    }
    let exchange = match &node.inputs[0].exchange {
        Exchange::Hash(_) => Exchange::Hash((0..keys).collect()),
        other => other.clone(),
    };
    // The second step is the next node.
    node.inputs = vec![Input { node: before.len(), exchange }];
    Node {
        kind: NodeKind::Aggregate(first),
        inputs: vec![Input { node: input, exchange: Exchange::Local }],
        output,
        declaration: node.declaration,
        label: node.label.clone(),
        place: node.place,
    }
}

/// What the state of the first step of windows is called. (It has none.)
const PARTS: &str = "·parts";
/// How many rows a part is made of.
pub(crate) const ROWS: &str = "·rows";

/// Is it the first step of windows?
pub(crate) fn gives_parts(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::WindowAggregate(aggregate) if aggregate.state.id.ends_with(PARTS))
}

/// Splits the first step of windows off: parts, the number of their rows, time and watermark. `node`, which becomes the
/// second one, reads it at `at`.
fn parts_of_window(node: &mut Node, at: usize) -> Node {
    let NodeKind::WindowAggregate(aggregate) = &mut node.kind else {
        unreachable!("only windows have parts")
    };
    let calls = aggregate.calls.iter().map(|call| Field::new(&*call.name, partial(call)));
    let behind = [
        (ROWS, DataType::Int),
        (hidden::TIME, DataType::Timestamp),
        (hidden::WATERMARK, DataType::Timestamp),
    ];
    let behind = behind.map(|(name, ty)| Field::new(name, ty));
    let output = Arc::new(RecordType::new(calls.chain(behind).collect()));
    let mut first =
        WindowAggregate { calls: aggregate.calls.iter().map(first_call).collect(), ..aggregate.clone() };
    first.state.id.push_str(PARTS);
    first.state.was = None;
    for (index, call) in aggregate.calls.iter_mut().enumerate() {
        let func = if call.func == AggFunc::Count { AggFunc::Sum } else { call.func };
        *call = ColumnAggregate { func, arg: Some(index), filter: None, ..call.clone() };
    }
    let count = aggregate.calls.len();
    (aggregate.windowing.time, aggregate.windowing.watermark) = (Some(count + 1), Some(count + 2));
    aggregate.windowing.late_rows = None;
    let read = std::mem::replace(&mut node.inputs, vec![Input { node: at, exchange: Exchange::Gather }]);
    let inputs = read.into_iter().map(|input| Input { exchange: Exchange::Local, ..input }).collect();
    Node { kind: NodeKind::WindowAggregate(first), inputs, output, ..node.clone() }
}

/// The type of a worker's result: with `where:`, there may be none.
fn partial(call: &ColumnAggregate) -> DataType {
    match call.func {
        AggFunc::Count => DataType::Int,
        _ => call.ty.clone().optional(),
    }
}

fn first_call(call: &ColumnAggregate) -> ColumnAggregate {
    ColumnAggregate { ty: partial(call), ..call.clone() }
}
