//! Event time before the start: which sources go by it, and what watches it.

use crate::assemble::refused;
use crate::error::StartError;
use crate::layout::Layout;
use crate::promises::keep;
use crate::sequencer::Timing;
use crate::source::{Source, SourceError};
use crate::time::{Split, TimeLog, origin};
use flow_env::Env;
use flow_plan::physical::{Graph, Node, NodeKind};
use std::collections::BTreeSet;
use std::time::Duration;

/// Tells sources the column of their event time; gives which of them can go by it.
pub(crate) fn order_by_time(
    graph: &Graph,
    nodes: &[usize],
    sources: &mut [Box<dyn Source>],
    columns: &[Option<usize>],
) -> Result<Vec<bool>, StartError> {
    let others = columns.iter().flatten().count() > 1;
    let told = nodes.iter().zip(sources).zip(columns).map(|((&node, source), column)| {
        let refused = |error: SourceError| refused(&graph.nodes[node], error.to_string());
        column.map_or(Ok(false), |column| source.order_by(column, others).map_err(refused))
    });
    told.collect()
}

/// Splits of which no row has come to an event-time node, although they may have been begun.
pub(crate) enum Unseen {
    All,
    These(BTreeSet<Split>),
}

impl Unseen {
    fn contains(&self, split: Split) -> bool {
        match self {
            Unseen::All => true,
            Unseen::These(splits) => splits.contains(&split),
        }
    }
}

/// The time log of each event-time node.
pub(crate) fn time_logs(
    graph: &Graph,
    nodes: &[usize],
    sources: &[Box<dyn Source>],
    columns: &[Option<usize>],
    workers: usize,
    env: &Env,
    unseen: &[Unseen],
) -> Result<Vec<Option<TimeLog>>, StartError> {
    let starts: Vec<_> = sources.iter().map(|source| source.splits()).collect();
    let mut logs = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let NodeKind::EventTime(time) = &node.kind else {
            logs.push(None);
            continue;
        };
        let mut origin = origin(graph, index, nodes, columns, &starts);
        for (source, promises) in &mut origin.sources {
            let (Some(promises), node) = (promises, nodes[*source]) else { continue };
            for (split, promise) in promises.iter_mut().enumerate() {
                promise.seen = promise.seen && !unseen[index].contains((*source, split as u32));
            }
            let kept = keep(graph, index, node, &*sources[*source], promises, env);
            kept.map_err(|error| refused(&graph.nodes[node], error.to_string()))?;
        }
        logs.push(Some(TimeLog::new(time.delay, time.idle, origin, workers)));
    }
    Ok(logs)
}

/// What the sequencer must know of sources: of any, after how much silence somebody stops to wait for it.
pub(crate) fn timing(graph: &Graph, layout: &Layout, nodes: &[usize], timed: &[bool]) -> Vec<Timing> {
    let idle = |node: &Node| match &node.kind {
        NodeKind::EventTime(time) => time.idle,
        _ => None,
    };
    let mut limits: Vec<Duration> =
        graph.nodes.iter().filter_map(idle).map(|idle| Duration::from_micros(idle.unsigned_abs())).collect();
    limits.sort();
    limits.dedup();
    let mut ends = ends_with(graph, layout);
    let ahead = graph.reads_ahead();
    let timing = |(&timed, &node): (&bool, &usize)| Timing {
        timed,
        ahead: ahead[node],
        limits: limits.clone(),
        ends_with: ends[node].take().unwrap_or_default(),
    };
    timed.iter().zip(nodes).map(timing).collect()
}

/// Of each node: the limits that its rows come to, if they come to no sink by a way without one.
fn ends_with(graph: &Graph, layout: &Layout) -> Vec<Option<Vec<usize>>> {
    let mut ends: Vec<Option<Vec<usize>>> = vec![Some(Vec::new()); graph.nodes.len()];
    for &node in layout.order.iter().rev() {
        let of_node = match graph.nodes[node].kind {
            NodeKind::Limit { .. } => Some(vec![node]),
            NodeKind::Sink { .. } => None,
            _ => ends[node].take(),
        };
        let inputs = graph.nodes[node].inputs.iter().map(|input| input.node);
        for from in inputs.chain(layout.nodes[node].erring.iter().copied()) {
            ends[from] = match (ends[from].take(), &of_node) {
                (Some(mut limits), Some(more)) => {
                    limits.extend(more);
                    limits.sort_unstable();
                    limits.dedup();
                    Some(limits)
                }
                _ => None,
            };
        }
        ends[node] = of_node;
    }
    ends
}
