//! Rows of one chunk that part and meet again. They come to a union branch by branch, which is not the order of the source:
//! where somebody below can tell, the rows carry their place in the chunk, and the union puts them in its order, so that
//! results do not depend on where chunks end.

use super::{Graph, Input, Node, NodeKind, RunningAggregate, WindowAggregate};
use crate::catalogue::AggFunc;
use crate::operator::{RunningTrigger, WindowKind};
use crate::types::DataType;
use std::collections::BTreeSet;

/// The place of a row that has none, since it was not made for one row of a chunk: behind all others of its number.
pub const NO_PLACE: i64 = i64::MAX;

/// Which rows carry their place in the chunk.
#[derive(Clone, Debug)]
pub struct Places {
    carried: Vec<bool>,
    merged: Vec<bool>,
}

impl Places {
    /// Do the rows that a node gives carry their place?
    pub fn carried(&self, node: usize) -> bool {
        self.carried[node]
    }

    /// Is it a union that puts the rows of a number in the order of their places?
    pub fn merged(&self, node: usize) -> bool {
        self.merged[node]
    }
}

impl Graph {
    /// Which rows must carry their place: those of a source that come to a union by several ways, if there is something
    /// below for which their order counts.
    pub fn places(&self) -> Places {
        let sources = self.sources_row_by_row();
        let counts = self.order_counts_below();
        let mut places =
            Places { carried: vec![false; self.nodes.len()], merged: vec![false; self.nodes.len()] };
        // From the sinks upwards: inputs stand before their consumers.
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let parts = matches!(node.kind, NodeKind::Union) && counts[index] && meet_again(node, &sources);
            let passes = places.carried[index] && !matches!(node.kind, NodeKind::Source { .. });
            if parts || passes {
                for input in row_inputs(node) {
                    places.carried[input.node] |= !sources[input.node].is_empty();
                }
            }
        }
        for (index, node) in self.nodes.iter().enumerate() {
            places.merged[index] = matches!(node.kind, NodeKind::Union)
                && node.inputs.iter().any(|input| places.carried[input.node]);
        }
        places
    }

    /// The sources from which rows come to each node one by one: each row that it gives was made for one row of theirs, in
    /// their order.
    fn sources_row_by_row(&self) -> Vec<BTreeSet<usize>> {
        let mut sources: Vec<BTreeSet<usize>> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let of = match node.kind {
                NodeKind::Source { .. } => BTreeSet::from([index]),
                _ if !is_row_by_row(&node.kind) => BTreeSet::new(),
                _ => row_inputs(node).iter().flat_map(|input| sources[input.node].iter().copied()).collect(),
            };
            sources.push(of);
        }
        sources
    }

    /// Is there something below a node for which it counts in which order rows of one number come?
    fn order_counts_below(&self) -> Vec<bool> {
        let mut counts = vec![false; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if counts[index] || order_counts(node) {
                node.inputs.iter().for_each(|input| counts[input.node] = true);
            }
        }
        counts
    }
}

/// The inputs whose rows a node works at one by one.
fn row_inputs(node: &Node) -> &[Input] {
    match node.kind {
        NodeKind::Lookup(_) => &node.inputs[..1],
        _ => &node.inputs,
    }
}

/// Is each row that it gives made for one row of its input, in their order?
fn is_row_by_row(kind: &NodeKind) -> bool {
    match kind {
        NodeKind::Distinct(distinct) => distinct.hidden.change.is_none(),
        NodeKind::Chain(_)
        | NodeKind::Union
        | NodeKind::EventTime(_)
        | NodeKind::Lookup(_)
        | NodeKind::Sample { .. }
        | NodeKind::Tap { .. }
        | NodeKind::Limit { .. }
        | NodeKind::Scan { .. } => true,
        _ => false,
    }
}

/// Come rows of one source by several inputs?
fn meet_again(node: &Node, sources: &[BTreeSet<usize>]) -> bool {
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    node.inputs.iter().any(|input| {
        let again = sources[input.node].iter().any(|source| seen.contains(source));
        seen.extend(&sources[input.node]);
        again
    })
}

/// Depends what a node gives on the order in which rows of one number come to it? The order in which it gives its rows does
/// not count; who writes them down takes them as they come.
fn order_counts(node: &Node) -> bool {
    match &node.kind {
        NodeKind::EventTime(_)
        | NodeKind::Scan { .. }
        | NodeKind::Limit { .. }
        | NodeKind::Distinct(_)
        | NodeKind::Pick(_)
        | NodeKind::Join(_) => true,
        NodeKind::Aggregate(RunningAggregate { trigger, calls, hidden, .. }) => {
            *trigger != RunningTrigger::AtEnd
                || hidden.time.is_some()
                || !calls.iter().all(|call| is_unordered(call.func, &call.ty))
        }
        NodeKind::WindowAggregate(WindowAggregate { windowing, calls, .. }) => {
            matches!(windowing.window.kind, WindowKind::Count { .. } | WindowKind::Session { .. })
                || windowing.late.is_some()
                || !calls.iter().all(|call| is_unordered(call.func, &call.ty))
        }
        _ => false,
    }
}

/// Is the result the same in whatever order the values come (but for a sum that overflows on its way)?
fn is_unordered(func: AggFunc, ty: &DataType) -> bool {
    match func {
        AggFunc::Count
        | AggFunc::CountDistinct
        | AggFunc::ApproxCountDistinct
        | AggFunc::BoolAnd
        | AggFunc::BoolOr => true,
        // Of equal decimals or floats, the first is kept; sums of floats depend on the order.
        AggFunc::Min | AggFunc::Max | AggFunc::Sum => {
            matches!(ty.unwrapped(), DataType::Int | DataType::Timestamp | DataType::Duration)
        }
        _ => false,
    }
}
