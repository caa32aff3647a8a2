//! Which aggregations several workers may do in two steps: a fact about the aggregation, on which the
//! order of its results at the end depends (each step is a level, see [`super::number`]); and which windows.

use super::{ColumnAggregate, Exchange, Graph, Input, Node, NodeKind};
use crate::catalogue::AggFunc;
use crate::operator::{RunningTrigger, WindowKind};
use crate::types::DataType;

impl Node {
    /// Can this node's work be divided? So it is for aggregates that are given once at the end, and whose
    /// result depends neither on the order of rows nor, by an overflow on the way, on how they were divided;
    /// and which carry nothing of the row that came last.
    pub fn divides(&self) -> bool {
        let NodeKind::Aggregate(aggregate) = &self.kind else { return false };
        let exchanged =
            matches!(self.inputs.as_slice(), [Input { exchange: Exchange::Hash(_) | Exchange::Gather, .. }]);
        let hidden = &aggregate.hidden;
        let carries = [hidden.time, hidden.watermark, hidden.change].iter().any(Option::is_some);
        exchanged
            && !carries
            && aggregate.trigger == RunningTrigger::AtEnd
            && aggregate.calls.iter().all(is_one_of_parts)
    }
}

impl Graph {
    /// Can several workers each add up what they read for this window, so that only their parts meet on one worker?
    /// So it is without a key (with one, the rows are spread by it), if no single row can be seen in what is given:
    /// rows behind are late, and nobody reads them; and no result depends on how rows were divided.
    pub fn divides_window(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        let NodeKind::WindowAggregate(aggregate) = &node.kind else { return false };
        let windowing = &aggregate.windowing;
        let is_late = |node: &Node| matches!(node.kind, NodeKind::Late) && node.inputs[0].node == index;
        aggregate.keys.is_empty()
            && aggregate.change.is_none()
            && matches!(
                windowing.window.kind,
                WindowKind::Tumbling { .. } | WindowKind::Sliding { .. } | WindowKind::Cumulative { .. }
            )
            && windowing.time.is_some()
            && windowing.watermark.is_some()
            && windowing.window.lateness == 0
            && windowing.early.is_none()
            && windowing.late.is_none()
            && !self.nodes.iter().any(is_late)
            && aggregate.calls.iter().all(is_one_of_parts)
    }
}

/// Is the result of all rows that of the results of any parts of them?
fn is_one_of_parts(call: &ColumnAggregate) -> bool {
    match call.func {
        AggFunc::Count | AggFunc::BoolAnd | AggFunc::BoolOr => true,
        AggFunc::Min | AggFunc::Max => {
            // Of equal decimals or floats, the first is kept: 1.0 or 1.00, 0.0 or -0.0.
            matches!(call.ty.unwrapped(), DataType::Int | DataType::Timestamp | DataType::Duration)
        }
        _ => false,
    }
}
