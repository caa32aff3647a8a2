//! Whose event time a state keeps beside rows or groups: only where a stage below it reads that, so a stage that is added there
//! may ask for times that nobody kept.

use flow_plan::operator::{Plan, RunningTrigger, WindowKind};
use flow_plan::passes::lower;
use flow_plan::physical::{Node, NodeKind, RunningAggregate, Windowing};
use std::collections::HashSet;

/// The ids of the states that keep the event time of their rows, to give it with them later. None of a plan that cannot run.
pub(super) fn keep_times(plan: &Plan) -> HashSet<String> {
    let Ok(graph) = lower(plan) else { return HashSet::new() };
    graph.nodes.iter().filter_map(keeps_time).collect()
}

fn keeps_time(node: &Node) -> Option<String> {
    let (state, keeps) = match &node.kind {
        NodeKind::Aggregate(aggregate) => {
            (&aggregate.state, aggregate.hidden.time.is_some() && waits(aggregate))
        }
        NodeKind::WindowAggregate(aggregate) => (&aggregate.state, of_rows(&aggregate.windowing)),
        NodeKind::Pick(pick) => {
            (&pick.state, pick.windowing.as_ref().map_or(pick.hidden.time.is_some(), of_rows))
        }
        NodeKind::Join(join) => {
            (&join.state, join.left.hidden.time.is_some() || join.right.hidden.time.is_some())
        }
        _ => return None,
    };
    keeps.then(|| state.id.clone())
}

/// Are results given later than the row that makes them?
fn waits(aggregate: &RunningAggregate) -> bool {
    aggregate.trigger != RunningTrigger::EachRow
}

/// Windows of rows give times of rows; all others have their own.
fn of_rows(windowing: &Windowing) -> bool {
    matches!(windowing.window.kind, WindowKind::Count { .. }) && windowing.time.is_some()
}
