//! Which aggregations several workers may do in two steps: a fact about the aggregation, on which the
//! order of its results at the end depends (each step is a level, see [`super::number`]).

use super::{Exchange, Input, Node, NodeKind};
use crate::catalogue::AggFunc;
use crate::operator::RunningTrigger;
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
            && aggregate.calls.iter().all(|call| match call.func {
                AggFunc::Count | AggFunc::BoolAnd | AggFunc::BoolOr => true,
                AggFunc::Min | AggFunc::Max => {
                    // Of equal decimals or floats, the first is kept: 1.0 or 1.00, 0.0 or -0.0.
                    matches!(call.ty.unwrapped(), DataType::Int | DataType::Timestamp | DataType::Duration)
                }
                _ => false,
            })
    }
}
