//! What people watch while a job runs, and its end.

use crate::shared::Shared;
use crate::state::Held;
use crate::time::Latest;
use flow_plan::operator::DeclarationKind;
use flow_plan::physical::hidden::{END_OF_TIME, NO_WATERMARK};
use flow_plan::physical::{Node, NodeKind};
use std::time::Duration;

/// A look at a running job.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Since the start.
    pub elapsed: Duration,
    /// Every source.
    pub sources: Vec<SourceProgress>,
    /// Every sink.
    pub sinks: Vec<SinkProgress>,
    /// Every declaration that has operators.
    pub declarations: Vec<DeclarationProgress>,
    /// Every `eventTime` whose watermark something waits for.
    pub times: Vec<TimeProgress>,
    /// Every operator that holds state.
    pub state: Vec<StateProgress>,
    /// The last complete checkpoint, and how long ago that was.
    pub checkpoint: Option<(u64, Duration)>,
}

/// The state of an operator, about.
#[derive(Clone, Debug)]
pub struct StateProgress {
    /// `declaration.word`.
    pub label: String,
    /// What there is one entry for each.
    pub keys: u64,
    /// Bytes in memory.
    pub bytes: u64,
}

/// How far event time is at an `eventTime`; microseconds since 1970.
#[derive(Clone, Debug)]
pub struct TimeProgress {
    /// `declaration.word`.
    pub label: String,
    /// Rows before this are no longer expected; `None` before the first.
    pub watermark: Option<i64>,
    /// The latest event time seen.
    pub latest: Option<i64>,
    /// The number of the sequence from which on all its inputs are silent, if they are: nothing waits for it.
    pub idle_since: Option<u64>,
}

/// A source.
#[derive(Clone, Debug)]
pub struct SourceProgress {
    /// `declaration.word`.
    pub label: String,
    /// Rows read.
    pub rows: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Bytes of the whole input, if known.
    pub size: Option<u64>,
}

/// A sink.
#[derive(Clone, Debug)]
pub struct SinkProgress {
    /// `declaration.word`.
    pub label: String,
    /// Rows written.
    pub rows: u64,
    /// Its reader went away before the end: what came after is written nowhere.
    pub closed: bool,
}

/// A declaration.
#[derive(Clone, Debug)]
pub struct DeclarationProgress {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: DeclarationKind,
    /// Rows that came in from other declarations (or were read).
    pub rows_in: u64,
    /// Rows that went out to other declarations (or were written).
    pub rows_out: u64,
    /// Records that `onError: skip` dropped.
    pub skipped: u64,
    /// Rows that came too late for its windows.
    pub late: u64,
    /// Does anybody read these? Else they are only counted.
    pub late_consumed: bool,
}

impl Progress {
    /// Rows of all sources.
    pub fn rows_in(&self) -> u64 {
        self.sources.iter().map(|source| source.rows).sum()
    }

    /// Rows of all sinks.
    pub fn rows_out(&self) -> u64 {
        self.sinks.iter().map(|sink| sink.rows).sum()
    }

    /// Records dropped under `onError: skip`.
    pub fn skipped(&self) -> u64 {
        self.declarations.iter().map(|declaration| declaration.skipped).sum()
    }

    /// Rows that came too late for their windows.
    pub fn late(&self) -> u64 {
        self.declarations.iter().map(|declaration| declaration.late).sum()
    }

    /// The least watermark, and how far it is behind the latest row, in microseconds. Nothing while some
    /// event time has not begun. One that is idle does not count; if all are, time stands still where the last of them left it.
    pub fn watermark(&self) -> Option<(i64, i64)> {
        let awake = self.times.iter().filter(|time| time.idle_since.is_none());
        let last = self.times.iter().max_by_key(|time| (time.idle_since, time.watermark));
        let least = awake.map(|time| time.watermark).min().or(last.map(|time| time.watermark))??;
        let latest = self.times.iter().filter_map(|time| time.latest).max()?;
        Some((least, latest.saturating_sub(least)))
    }

    pub(crate) fn of(shared: &Shared, sizes: &[Option<u64>], elapsed: Duration) -> Progress {
        let (graph, counters) = (&shared.graph, &shared.counters);
        let sources = shared.sources.iter().zip(sizes).map(|(&node, &size)| SourceProgress {
            label: graph.nodes[node].label.clone(),
            rows: counters.rows_out(node),
            bytes: counters.bytes(node),
            size,
        });
        let is_sink = |&node: &usize| matches!(graph.nodes[node].kind, NodeKind::Sink { .. });
        let sinks = (0..graph.nodes.len()).filter(is_sink).map(|node| SinkProgress {
            label: graph.nodes[node].label.clone(),
            rows: counters.rows_out(node),
            closed: shared.is_satisfied(node),
        });
        let declarations = graph.declarations.iter().enumerate().map(|(index, declaration)| {
            let (rows_in, rows_out) = through(shared, index as u32);
            DeclarationProgress {
                name: declaration.name.clone(),
                kind: declaration.kind,
                rows_in,
                rows_out,
                skipped: counters.skipped(index),
                late: late(shared, index as u32),
                late_consumed: declaration.late_consumed,
            }
        });
        Progress {
            checkpoint: shared.checkpoint(),
            elapsed,
            sources: sources.collect(),
            sinks: sinks.collect(),
            declarations: declarations.collect(),
            times: times(shared),
            state: state(shared),
        }
    }
}

/// Rows that came too late for the windows of a declaration.
fn late(shared: &Shared, declaration: u32) -> u64 {
    let nodes = shared.graph.nodes.iter().enumerate();
    nodes
        .filter(|(_, node)| node.declaration == declaration)
        .map(|(index, _)| shared.counters.late(index))
        .sum()
}

fn state(shared: &Shared) -> Vec<StateProgress> {
    let nodes = shared.graph.nodes.iter().enumerate();
    let held = nodes.map(|(index, node)| (node, shared.counters.held(index)));
    let some = held.filter(|(_, held)| held.bytes > 0);
    let progress = |(node, held): (&Node, Held)| StateProgress {
        label: node.label.clone(),
        keys: held.keys as u64,
        bytes: held.bytes as u64,
    };
    some.map(progress).collect()
}

/// Event time whose inputs have all ended is over: nothing waits for it any more.
fn times(shared: &Shared) -> Vec<TimeProgress> {
    let known = |time: i64| Some(time).filter(|time| *time != NO_WATERMARK);
    let nodes = shared.graph.nodes.iter().zip(&shared.times);
    let logs = nodes.filter_map(|(node, log)| Some((node, log.as_ref()?.latest())));
    let running = logs.filter(|(_, latest)| latest.watermark < END_OF_TIME);
    let progress = |(node, latest): (&Node, Latest)| TimeProgress {
        label: node.label.clone(),
        watermark: known(latest.watermark),
        latest: known(latest.seen),
        idle_since: latest.aside,
    };
    running.map(progress).collect()
}

/// Rows into and out of a declaration. A chain belongs to the declaration of its last step.
fn through(shared: &Shared, declaration: u32) -> (u64, u64) {
    let (graph, counters) = (&shared.graph, &shared.counters);
    let (mut rows_in, mut rows_out) = (0, 0);
    for (index, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.declaration == declaration) {
        let from_outside = node.inputs.iter().all(|input| graph.nodes[input.node].declaration != declaration);
        let read_inside = graph.nodes.iter().any(|reader| {
            reader.declaration == declaration && reader.inputs.iter().any(|input| input.node == index)
        });
        if matches!(node.kind, NodeKind::Source { .. }) {
            rows_in += counters.rows_out(index);
        } else if from_outside {
            rows_in += counters.rows_in(index);
        }
        if !read_inside {
            rows_out += counters.rows_out(index);
        }
    }
    (rows_in, rows_out)
}

/// How a job ended that did not fail.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The last look at it.
    pub progress: Progress,
    /// Stopped by the user before its inputs ended: triggers at the end have not fired.
    pub stopped: bool,
}
