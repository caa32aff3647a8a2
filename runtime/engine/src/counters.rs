//! Numbers that people watch while a job runs.

use crate::state::Held;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one worker counts; only this worker writes it.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct WorkerCounters {
    nodes: Vec<NodeCounters>,
    skipped: Vec<AtomicU64>,
}

#[derive(Default)]
pub(crate) struct NodeCounters {
    pub(crate) rows_in: AtomicU64,
    pub(crate) rows_out: AtomicU64,
    /// Rows that came too late for their windows.
    pub(crate) late: AtomicU64,
    /// Bytes read, of a source.
    pub(crate) bytes: AtomicU64,
    /// What its state has one entry for each, and its bytes, when it was last looked at.
    held: [AtomicU64; 2],
}

impl NodeCounters {
    pub(crate) fn hold(&self, held: Held) {
        self.held[0].store(held.keys as u64, Ordering::Relaxed);
        self.held[1].store(held.bytes as u64, Ordering::Relaxed);
    }
}

pub(crate) struct Counters {
    workers: Vec<WorkerCounters>,
}

impl Counters {
    pub(crate) fn new(workers: usize, nodes: usize, declarations: usize) -> Counters {
        let worker = || WorkerCounters {
            nodes: (0..nodes).map(|_| NodeCounters::default()).collect(),
            skipped: (0..declarations).map(|_| AtomicU64::new(0)).collect(),
        };
        Counters { workers: (0..workers).map(|_| worker()).collect() }
    }

    pub(crate) fn node(&self, worker: usize, node: usize) -> &NodeCounters {
        &self.workers[worker].nodes[node]
    }

    pub(crate) fn skip(&self, worker: usize, declaration: u32) {
        add(&self.workers[worker].skipped[declaration as usize], 1);
    }

    pub(crate) fn rows_in(&self, node: usize) -> u64 {
        self.sum(|worker| &worker.nodes[node].rows_in)
    }

    pub(crate) fn rows_out(&self, node: usize) -> u64 {
        self.sum(|worker| &worker.nodes[node].rows_out)
    }

    pub(crate) fn late(&self, node: usize) -> u64 {
        self.sum(|worker| &worker.nodes[node].late)
    }

    /// The state of a node on all workers.
    pub(crate) fn held(&self, node: usize) -> Held {
        let [keys, bytes] = [0, 1].map(|at| self.sum(|worker| &worker.nodes[node].held[at]) as usize);
        Held { keys, bytes }
    }

    pub(crate) fn bytes(&self, node: usize) -> u64 {
        self.sum(|worker| &worker.nodes[node].bytes)
    }

    pub(crate) fn skipped(&self, declaration: usize) -> u64 {
        self.sum(|worker| &worker.skipped[declaration])
    }

    fn sum(&self, of: impl Fn(&WorkerCounters) -> &AtomicU64) -> u64 {
        self.workers.iter().map(|worker| of(worker).load(Ordering::Relaxed)).sum()
    }
}

/// Adds to a counter that only this thread writes: no locked instruction.
pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed) + n, Ordering::Relaxed);
}
