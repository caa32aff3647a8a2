//! Where event time comes from: which column of which source an event-time node reads.

use super::{Origin, Promise};
use crate::source::SplitStart;
use flow_plan::physical::{Exchange, Graph, Node, NodeKind, Step, StepKind};

/// For each source (a node and its index among the job's sources): the column of its rows that is their
/// event time. If several event-time nodes read different ones, that of the first.
pub(crate) fn time_columns(graph: &Graph, sources: &[usize]) -> Vec<Option<usize>> {
    let mut columns = vec![None; sources.len()];
    for node in &graph.nodes {
        let NodeKind::EventTime(time) = &node.kind else { continue };
        for (source, column) in traced(graph, node.inputs[0].node, Some(time.column)) {
            if let Some(index) = sources.iter().position(|node| *node == source) {
                columns[index] = columns[index].or(column);
            }
        }
    }
    columns
}

/// Where the rows of an event-time node come from. `ordered` are the columns by which sources hand out
/// their chunks, `starts` what is known of their splits: of these, the promise is that of their first row.
pub(crate) fn origin(
    graph: &Graph,
    node: usize,
    sources: &[usize],
    ordered: &[Option<usize>],
    starts: &[Vec<SplitStart>],
) -> Origin {
    let NodeKind::EventTime(time) = &graph.nodes[node].kind else { return Origin::default() };
    let input = &graph.nodes[node].inputs[0];
    let of_source = |(source, column): (usize, Option<usize>)| {
        let index = sources.iter().position(|node| *node == source)?;
        let known = column.is_some() && column == ordered[index];
        let promise = |start: &SplitStart| Some(Promise { time: start.first?, seen: start.begun });
        let promises = starts[index].iter().map(promise).collect::<Option<Vec<Promise>>>();
        Some((index, promises.filter(|_| known)))
    };
    let traced = traced(graph, input.node, Some(time.column));
    let limited = traced.iter().filter_map(|&(source, _)| {
        let index = sources.iter().position(|node| *node == source)?;
        let ways = ways(graph, input.node, source);
        ways.iter().all(|limits| !limits.is_empty()).then_some((index, ways))
    });
    Origin {
        limited: limited.collect(),
        sources: traced.into_iter().filter_map(of_source).collect(),
        gathered: input.exchange != Exchange::Local,
    }
}

/// The ways by which rows of a source come to a node: the limits that they pass on each.
fn ways(graph: &Graph, node: usize, source: usize) -> Vec<Vec<usize>> {
    if node == source {
        return vec![Vec::new()];
    }
    let inputs = match &graph.nodes[node].kind {
        NodeKind::Lookup(_) => &graph.nodes[node].inputs[..1],
        _ => &graph.nodes[node].inputs[..],
    };
    let mut ways: Vec<Vec<usize>> =
        inputs.iter().flat_map(|input| self::ways(graph, input.node, source)).collect();
    if let NodeKind::Limit { .. } = graph.nodes[node].kind {
        ways.iter_mut().for_each(|limits| limits.push(node));
    }
    ways.sort();
    ways.dedup();
    ways
}

/// The sources above a node, each with the column of it that is this column of the node.
fn traced(graph: &Graph, node: usize, column: Option<usize>) -> Vec<(usize, Option<usize>)> {
    let node_index = node;
    let node = &graph.nodes[node];
    let before = column.and_then(|column| column_before(graph, node, column));
    let inputs = match &node.kind {
        NodeKind::Source { .. } => return vec![(node_index, column)],
        NodeKind::Lookup(_) => &node.inputs[..1],
        _ => &node.inputs[..],
    };
    let mut sources: Vec<(usize, Option<usize>)> = Vec::new();
    for input in inputs {
        for (source, column) in traced(graph, input.node, before) {
            match sources.iter_mut().find(|(known, _)| *known == source) {
                // A source that comes by two ways.
                Some((_, known)) if *known != column => *known = None,
                Some(_) => {}
                None => sources.push((source, column)),
            }
        }
    }
    sources
}

/// Where a column of a node stands in its (first) input, if it is passed on as it is.
pub(crate) fn column_before(graph: &Graph, node: &Node, column: usize) -> Option<usize> {
    match &node.kind {
        NodeKind::Chain(chain) => {
            let step = |column: usize, step: &Step| match &step.kind {
                StepKind::Map(exprs) => exprs[column].as_column(),
                StepKind::Filter(_) => Some(column),
                // The last one is the element.
                StepKind::FlatMap(_) => Some(column).filter(|column| column + 1 < step.output.fields.len()),
            };
            chain.steps.iter().rev().try_fold(column, step)
        }
        NodeKind::Lookup(lookup) => {
            let behind = node.output.fields.len() - lookup.behind.len();
            match column.checked_sub(behind) {
                Some(column) => lookup.behind.get(column).copied(),
                None => lookup.left_row.get(column).copied(),
            }
        }
        NodeKind::EventTime(_) => {
            Some(column).filter(|column| *column < graph.nodes[node.inputs[0].node].output.fields.len())
        }
        NodeKind::Union | NodeKind::Sample { .. } | NodeKind::Limit { .. } | NodeKind::Tap { .. } => {
            Some(column)
        }
        _ => None,
    }
}
