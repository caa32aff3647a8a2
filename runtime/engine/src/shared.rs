//! What all workers of a job share.

use crate::channel::Channel;
use crate::counters::Counters;
use crate::error::{ErrorKind, JobError};
use crate::idle::Idle;
use crate::layout::Layout;
use crate::number::Number;
use crate::sequencer::Sequencer;
use crate::time::TimeLog;
use flow_data::Batch;
use flow_env::{Env, Unparker};
use flow_plan::RecordType;
use flow_plan::physical::{Graph, Node, NodeKind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Called with the rows that pass a tap: its label, the rows, and what their columns are.
pub type TapCallback = Arc<dyn Fn(&str, &Batch, &RecordType) + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) graph: Arc<Graph>,
    pub(crate) layout: Layout,
    pub(crate) env: Env,
    pub(crate) sequencer: Sequencer,
    /// Node of each source of the sequencer.
    pub(crate) sources: Vec<usize>,
    /// Per edge: the queue from worker `a` to worker `b` at `a * workers + b`.
    pub(crate) channels: Vec<Vec<Channel>>,
    pub(crate) counters: Counters,
    pub(crate) taps: Option<TapCallback>,
    pub(crate) wake: Vec<Unparker>,
    /// The Errors node of each declaration.
    pub(crate) errors: Vec<Option<usize>>,
    /// The time log of each event-time node.
    pub(crate) times: Vec<Option<TimeLog>>,
    /// What each worker said when it had nothing to do.
    pub(crate) idle: Vec<Idle>,
    /// Workers that still run.
    pub(crate) running: AtomicUsize,
    aborted: AtomicBool,
    failure: Mutex<Option<JobError>>,
    /// Nodes that want no more rows.
    satisfied: Mutex<Vec<bool>>,
}

impl Shared {
    pub(crate) fn new(
        graph: Arc<Graph>,
        layout: Layout,
        env: Env,
        sequencer: Sequencer,
        channels: Vec<Vec<Channel>>,
        taps: Option<TapCallback>,
        wake: Vec<Unparker>,
    ) -> Shared {
        let is_source = |&node: &usize| matches!(graph.nodes[node].kind, NodeKind::Source { .. });
        let errors = (0..graph.declarations.len()).map(|declaration| {
            let of_it =
                |kind: &NodeKind| matches!(kind, NodeKind::Errors { of } if *of as usize == declaration);
            graph.nodes.iter().position(|node| of_it(&node.kind))
        });
        let nodes = graph.nodes.len();
        let sources: Vec<usize> = (0..nodes).filter(is_source).collect();
        let time = |(index, node): (usize, &Node)| match &node.kind {
            NodeKind::EventTime(time) => {
                let splits = layout.splits(&graph, index, &sources);
                Some(TimeLog::new(time.delay, &splits, wake.len()))
            }
            _ => None,
        };
        Shared {
            times: graph.nodes.iter().enumerate().map(time).collect(),
            sources,
            errors: errors.collect(),
            counters: Counters::new(wake.len(), nodes, graph.declarations.len()),
            idle: wake.iter().map(|_| Idle::default()).collect(),
            running: AtomicUsize::new(wake.len()),
            aborted: AtomicBool::new(false),
            failure: Mutex::default(),
            satisfied: Mutex::new(vec![false; nodes]),
            graph,
            layout,
            env,
            sequencer,
            channels,
            taps,
            wake,
        }
    }

    pub(crate) fn workers(&self) -> usize {
        self.wake.len()
    }

    /// The time log of an event-time node.
    pub(crate) fn time(&self, node: usize) -> &TimeLog {
        match &self.times[node] {
            Some(log) => log,
            None => unreachable!("only event-time nodes are clocks"),
        }
    }

    pub(crate) fn channel(&self, edge: usize, from: usize, to: usize) -> &Channel {
        &self.channels[edge][from * self.workers() + to]
    }

    /// Must workers leave at once?
    pub(crate) fn aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    /// Makes all workers leave at once.
    pub(crate) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.wake_all();
    }

    pub(crate) fn wake_all(&self) {
        self.wake.iter().for_each(Unparker::unpark);
    }

    /// The job fails; of several failures the earliest in the sequence is kept.
    pub(crate) fn fail(&self, error: JobError) {
        {
            let mut failure = self.failure();
            if failure.as_ref().is_none_or(|known| error.number < known.number) {
                *failure = Some(error);
            }
        }
        self.abort();
    }

    fn failure(&self) -> MutexGuard<'_, Option<JobError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take_failure(&self) -> Option<JobError> {
        self.failure().take()
    }

    /// An error that belongs to a node as a whole.
    pub(crate) fn node_error(
        &self,
        node: usize,
        number: Number,
        kind: ErrorKind,
        message: String,
    ) -> JobError {
        let node = &self.graph.nodes[node];
        let code = match kind {
            ErrorKind::Source => "source",
            ErrorKind::Sink => "sink",
            ErrorKind::Record => "record",
            ErrorKind::Internal => "internal",
        };
        JobError {
            kind,
            code: code.into(),
            message,
            place: node.place,
            label: node.label.clone(),
            declaration: node.declaration,
            record: None,
            position: None,
            number,
        }
    }

    /// Does this node want no more rows?
    pub(crate) fn is_satisfied(&self, node: usize) -> bool {
        self.satisfied.lock().unwrap_or_else(PoisonError::into_inner)[node]
    }

    /// A node wants no more rows (a limit is reached, the reader of a pipe is gone): sources whose
    /// rows reach nobody else end here.
    pub(crate) fn satisfy(&self, node: usize) {
        let mut satisfied = self.satisfied.lock().unwrap_or_else(PoisonError::into_inner);
        satisfied[node] = true;
        let mut wanted = vec![false; self.graph.nodes.len()];
        for &node in self.layout.order.iter().rev() {
            let is_end = matches!(self.graph.nodes[node].kind, NodeKind::Sink { .. });
            if satisfied[node] || !(is_end || wanted[node]) {
                wanted[node] = false;
                continue;
            }
            wanted[node] = true;
            let feeders = self.graph.nodes[node].inputs.iter().map(|input| input.node);
            feeders
                .chain(self.layout.nodes[node].erring.iter().copied())
                .for_each(|from| wanted[from] = true);
        }
        for (index, &node) in self.sources.iter().enumerate() {
            if !wanted[node] {
                self.sequencer.satisfy(index);
            }
        }
    }
}
