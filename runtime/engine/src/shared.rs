//! What all workers of a job share.

use crate::beat::{BEGAN, Beat};
use crate::channel::Channel;
use crate::counters::Counters;
use crate::error::{Again, ErrorKind, JobError};
use crate::heard::Heard;
use crate::idle::Idle;
use crate::layout::Layout;
use crate::number::{DONE, Number};
use crate::sequencer::Sequencer;
use crate::snapshot::state_ids;
use crate::state::Held;
use crate::time::{Above, Clock, News, TimeLog};
use flow_data::Batch;
use flow_env::{Env, Unparker};
use flow_plan::RecordType;
use flow_plan::operator::StateIdentity;
use flow_plan::physical::{Graph, NodeKind};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Called with what passes a tap: its label, and rows or a watermark.
pub type TapCallback = Arc<dyn Fn(&str, Tapped<'_>) + Send + Sync>;

/// What passes a tap.
#[derive(Clone, Copy, Debug)]
pub enum Tapped<'a> {
    /// Rows, and what their columns are.
    Rows(&'a Batch, &'a RecordType),
    /// From here on, no rows are expected whose event time is before this (microseconds since 1970).
    Watermark(i64),
}

pub(crate) struct Shared {
    /// When triggers by the wall clock are due first.
    pub(crate) beat: Beat,
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
    /// How far in time each tap is, for all workers.
    tap_clocks: Mutex<HashMap<usize, Clock>>,
    pub(crate) wake: Vec<Unparker>,
    /// The Errors node of each declaration.
    pub(crate) errors: Vec<Option<usize>>,
    /// The time log of each event-time node.
    pub(crate) times: Vec<Option<TimeLog>>,
    /// What the state of each node is called in snapshots.
    pub(crate) states: Vec<StateIdentity>,
    /// How far time is at each barrier, for all readers of the same event-time nodes; kept if there are barriers.
    barrier_clocks: Mutex<Vec<(Vec<Above>, Clock)>>,
    /// How far time is where the job begins, as the readers of these event-time nodes have it.
    pub(crate) times_begun: Vec<(Vec<Above>, i64)>,
    /// What goes by the clock on the wall.
    pub(crate) heard: Heard,
    /// What each worker said when it had nothing to do.
    pub(crate) idle: Vec<Idle>,
    /// Workers that still run.
    pub(crate) running: AtomicUsize,
    /// Workers that wait in the middle of a number, since a queue is full.
    pub(crate) short_of_room: AtomicUsize,
    aborted: AtomicBool,
    /// Workers run, or are about to.
    begun: AtomicBool,
    /// The job was told to stop.
    stopping: AtomicBool,
    failure: Mutex<Option<JobError>>,
    /// Do writers seal what they have written at each barrier?
    pub(crate) seals: bool,
    /// Will it be asked what has changed since the last barrier?
    pub(crate) tracks: bool,
    /// The last complete checkpoint, and when on the stopwatch that was.
    checkpoint: Mutex<Option<(u64, Duration)>>,
    /// Nodes that want no more rows.
    satisfied: Mutex<Vec<bool>>,
    /// Of limits: the number in which they were full; that of [`DONE`] before.
    full: Vec<AtomicU64>,
    /// Of limits: in the numbers below, it is known whether they are full.
    passed: Vec<AtomicU64>,
    /// What each sink's writers sealed at the end.
    sealed: Mutex<HashMap<usize, Vec<String>>>,
}

/// The parts of a job that run beside its operators.
pub(crate) struct Parts {
    /// When triggers by the wall clock are due first.
    pub(crate) beat: Beat,
    pub(crate) sequencer: Sequencer,
    /// Node of each source of the sequencer.
    pub(crate) sources: Vec<usize>,
    /// The time log of each event-time node.
    pub(crate) times: Vec<Option<TimeLog>>,
    pub(crate) channels: Vec<Vec<Channel>>,
    pub(crate) wake: Vec<Unparker>,
    /// How far time is where the job begins.
    pub(crate) times_begun: Vec<(Vec<Above>, i64)>,
    /// Do writers seal what they have written at each barrier?
    pub(crate) seals: bool,
    /// Will it be asked what has changed since the last barrier?
    pub(crate) tracks: bool,
}

impl Shared {
    pub(crate) fn new(
        graph: Arc<Graph>,
        layout: Layout,
        env: Env,
        taps: Option<TapCallback>,
        parts: Parts,
    ) -> Shared {
        let Parts { beat, sequencer, sources, times, channels, wake, times_begun, seals, tracks } = parts;
        let errors = (0..graph.declarations.len()).map(|declaration| {
            let of_it =
                |kind: &NodeKind| matches!(kind, NodeKind::Errors { of } if *of as usize == declaration);
            graph.nodes.iter().position(|node| of_it(&node.kind))
        });
        let nodes = graph.nodes.len();
        Shared {
            beat,
            states: state_ids(&graph),
            barrier_clocks: Mutex::default(),
            times_begun,
            seals,
            tracks,
            checkpoint: Mutex::default(),
            times,
            sources,
            errors: errors.collect(),
            counters: Counters::new(wake.len(), nodes, graph.declarations.len()),
            heard: Heard::new(&graph, wake.len()),
            idle: wake.iter().map(|_| Idle::default()).collect(),
            running: AtomicUsize::new(wake.len()),
            short_of_room: AtomicUsize::new(0),
            aborted: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            failure: Mutex::default(),
            satisfied: Mutex::new(vec![false; nodes]),
            full: (0..nodes).map(|_| AtomicU64::new(DONE)).collect(),
            passed: (0..nodes).map(|_| AtomicU64::new(0)).collect(),
            sealed: Mutex::default(),
            graph,
            layout,
            env,
            sequencer,
            channels,
            taps,
            tap_clocks: Mutex::default(),
            wake,
        }
    }

    /// The names of the job's sources in snapshots.
    pub(crate) fn source_names(&self) -> Vec<String> {
        self.sources.iter().map(|node| self.states[*node].id.clone()).collect()
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

    pub(crate) fn tap_clocks(&self) -> MutexGuard<'_, HashMap<usize, Clock>> {
        self.tap_clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, it is known at every barrier how far time is.
    pub(crate) fn watch_barriers(&self) {
        let mut sets: Vec<&Vec<Above>> = self.layout.clock_sets().collect();
        sets.sort();
        sets.dedup();
        let clocks = sets.into_iter().filter(|clocks| !clocks.is_empty());
        let clocks = clocks.map(|clocks| (clocks.clone(), Clock::over(self, clocks))).collect();
        *self.barrier_clocks.lock().unwrap_or_else(PoisonError::into_inner) = clocks;
    }

    /// What is known of time at a barrier below which everything is through: each time log, and how far the readers
    /// of these nodes are.
    pub(crate) fn times_at(&self, barrier: Number) -> Vec<(String, String)> {
        let names = self.source_names();
        let logs = self.times.iter().zip(&self.states);
        let logs = logs.filter_map(|(log, state)| Some((state.id.clone(), log.as_ref()?.save(&names))));
        let mut clocks = self.barrier_clocks.lock().unwrap_or_else(PoisonError::into_inner);
        let clocks = clocks.iter_mut().map(|(nodes, clock)| {
            clock.steps(self, barrier);
            (clock_name(&self.states, nodes), clock.now().to_string())
        });
        let began = (BEGAN.to_string(), self.beat.began().to_string());
        logs.chain(clocks).chain([began]).collect()
    }

    /// Tells all who watch time what holds from these numbers on.
    pub(crate) fn tell(&self, news: Vec<(Number, News)>) {
        for (number, news) in news {
            self.times.iter().flatten().for_each(|log| log.tell(number, news));
        }
    }

    pub(crate) fn channel(&self, edge: usize, from: usize, to: usize) -> &Channel {
        &self.channels[edge][from * self.workers() + to]
    }

    /// Must workers leave at once?
    pub(crate) fn aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    /// From here on, workers run.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }

    /// The job was told to stop: from here on, nobody waits for space.
    pub(crate) fn told_to_stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Why a worker must not wait for space, if it must not: a start is refused rather than waited for, and a stop waits for
    /// nothing that may never come, as its last checkpoint does not. The end of a sentence that says what is missing.
    pub(crate) fn hurry(&self) -> Option<&'static str> {
        let told_to_stop = match self.seals {
            true => {
                "; the job was told to stop and cannot wait for that: rows behind the last checkpoint are not shown, and come again with the next run"
            }
            false => {
                "; the job was told to stop and cannot wait for that: it keeps no checkpoints, so nothing of this run is shown"
            }
        };
        match self {
            _ if self.aborted() || !self.begun.load(Ordering::Acquire) => Some(""),
            _ => self.is_stopping().then_some(told_to_stop),
        }
    }

    /// Was it told to stop?
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Have all workers left, or must they?
    pub(crate) fn is_over(&self) -> bool {
        self.running.load(Ordering::Acquire) == 0 || self.aborted()
    }

    /// Makes all workers leave at once.
    pub(crate) fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.wake_all();
    }

    pub(crate) fn wake_all(&self) {
        self.wake.iter().for_each(Unparker::unpark);
    }

    /// The job fails; of several failures the earliest in the sequence is kept. (A worker that waited for space until the job
    /// was over is none of them.)
    pub(crate) fn fail(&self, error: JobError) {
        if error.kind == ErrorKind::Disk && self.aborted() {
            return;
        }
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

    /// A checkpoint is complete.
    pub(crate) fn checkpointed(&self, epoch: u64) {
        let now = self.env.clock.elapsed();
        *self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some((epoch, now));
    }

    /// The last complete checkpoint, and how long ago that was.
    pub(crate) fn checkpoint(&self) -> Option<(u64, Duration)> {
        let last = *self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|(epoch, at)| (epoch, self.env.clock.elapsed().saturating_sub(at)))
    }

    /// Why the job fails, in a sentence.
    pub(crate) fn failure_text(&self) -> Option<String> {
        self.failure().as_ref().map(|error| format!("{} ({})", error.message, error.label))
    }

    pub(crate) fn take_failure(&self) -> Option<JobError> {
        self.failure().take()
    }

    /// What to say if all state together is more than the job's limit: which operator holds most of it.
    pub(crate) fn over_limit(&self) -> Option<JobError> {
        let limit = usize::try_from(self.graph.job.state_limit?).unwrap_or(usize::MAX);
        let held: Vec<Held> = (0..self.graph.nodes.len()).map(|node| self.counters.held(node)).collect();
        let all = held.iter().fold(Held::default(), |all, held| all + *held);
        if all.bytes <= limit {
            return None;
        }
        let (node, most) = held.iter().enumerate().max_by_key(|(_, held)| held.bytes)?;
        let message = format!(
            "the job's state needs {}, and its limit is {}: `{}` holds {} for {} keys",
            bytes(all.bytes),
            bytes(limit),
            self.graph.nodes[node].label,
            bytes(most.bytes),
            most.keys
        );
        Some(self.node_error(node, self.sequencer.next(), ErrorKind::State, message))
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
            ErrorKind::State => "state-limit",
            ErrorKind::Disk => "state-disk",
            ErrorKind::Checkpoint => "checkpoint",
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
            again: Again::Never,
            number,
        }
    }

    /// A writer of a sink sealed its share.
    pub(crate) fn sealed(&self, node: usize, sealed: Vec<String>) {
        let mut all = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(node).or_default().extend(sealed);
    }

    /// What the writers of a sink sealed.
    pub(crate) fn take_sealed(&self, node: usize) -> Vec<String> {
        let mut all = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&node).unwrap_or_default()
    }

    /// A limit is full since this number. Its worker has not closed it yet, so that nobody below is behind it.
    pub(crate) fn fill(&self, node: usize, number: Number) {
        self.full[node].store(number, Ordering::Release);
        self.times.iter().flatten().for_each(|log| log.fill(|limit| self.full(limit)));
    }

    /// Since which number is a limit full?
    pub(crate) fn full(&self, node: usize) -> Option<Number> {
        Some(self.full[node].load(Ordering::Acquire)).filter(|number| *number < DONE)
    }

    /// A limit has seen all its rows of the numbers below.
    pub(crate) fn pass(&self, node: usize, to: Number) {
        self.passed[node].store(to, Ordering::Release);
    }

    /// In which numbers from the first one on is it known whether a limit is full?
    pub(crate) fn passed(&self, node: usize) -> Number {
        match self.full(node) {
            Some(_) => DONE,
            None => self.passed[node].load(Ordering::Acquire),
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

/// What the common clock of some event-time nodes is called in snapshots.
pub(crate) fn clock_name(states: &[StateIdentity], nodes: &[Above]) -> String {
    let name = |above: &Above| {
        let limits = above.limits.iter().map(|limit| format!(" to {}", states[*limit].id));
        let name = format!("{}{}", states[above.node].id, limits.collect::<String>());
        if above.behind == 0 { name } else { format!("{name} less {}", above.behind) }
    };
    let names: Vec<String> = nodes.iter().map(name).collect();
    format!("·clock {}", names.join(" + "))
}

/// Bytes for people: `4 GiB`, `1.3 MiB`.
fn bytes(bytes: usize) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| bytes >> shift > 0);
    let Some((shift, name)) = unit else { return format!("{bytes} bytes") };
    let tenths = (bytes as u128 * 10) >> shift;
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        rest => format!("{}.{rest} {name}", tenths / 10),
    }
}
