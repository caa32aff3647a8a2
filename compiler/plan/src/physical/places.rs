//! Rows of one chunk that part and meet again. They come to a union branch by branch, and to a join side by side, which is
//! not the order of the source: where that counts, the rows carry their place in the chunk, so that results do not depend on
//! where chunks end. A union puts them in that order; of two rows that meet in an interval join it says which one came later.

use super::{Graph, Input, Node, NodeKind, RunningAggregate, StreamBound, WindowAggregate};
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
    read: Vec<bool>,
}

impl Places {
    /// Do the rows that a node gives carry their place?
    pub fn carried(&self, node: usize) -> bool {
        self.carried[node]
    }

    /// Does a node go by the places of the rows that come to it? So do unions, and interval joins.
    pub fn read(&self, node: usize) -> bool {
        self.read[node]
    }
}

impl Graph {
    /// Which rows must carry their place: those of a source that come to both sides of an interval join, or to a union by
    /// several ways, if there is something below for which their order counts.
    pub fn places(&self) -> Places {
        let sources = self.sources_row_by_row();
        let counts = self.order_counts_below();
        let mut places =
            Places { carried: vec![false; self.nodes.len()], read: vec![false; self.nodes.len()] };
        // From the sinks upwards: inputs stand before their consumers.
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let counts = is_placed_join(node) || matches!(node.kind, NodeKind::Union) && counts[index];
            let parts = counts && meet_again(node, &sources);
            let passes = places.carried[index] && !matches!(node.kind, NodeKind::Source { .. });
            if parts || passes {
                for input in row_inputs(node) {
                    places.carried[input.node] |= !sources[input.node].is_empty();
                }
            }
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let carried = |input: &Input| places.carried[input.node];
            places.read[index] = match node.kind {
                NodeKind::Union => node.inputs.iter().any(carried),
                _ => is_placed_join(node) && node.inputs.iter().all(carried),
            };
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

/// Is it a join for which it counts which of two rows came later? What is kept of the rows of an interval join goes by that.
/// (Rows that may be withdrawn are not made for one row each.)
fn is_placed_join(node: &Node) -> bool {
    let NodeKind::Join(join) = &node.kind else { return false };
    let sides = [&join.left.hidden, &join.right.hidden];
    matches!(join.bound, StreamBound::Interval { .. })
        && sides.iter().all(|hidden| hidden.watermark.is_some() && hidden.change.is_none())
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
