//! What people watch while a job runs, and its end.

use crate::shared::Shared;
use flow_plan::operator::DeclarationKind;
use flow_plan::physical::NodeKind;
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
            }
        });
        Progress {
            elapsed,
            sources: sources.collect(),
            sinks: sinks.collect(),
            declarations: declarations.collect(),
        }
    }
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
