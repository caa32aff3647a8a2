//! Starting, watching and ending a job.

use crate::assemble::{self, OpenSink};
use crate::checkpoints::{Checkpointer, Checkpoints, Desk, Order, Reply, Setup, Tell};
use crate::connect::{Connectors, Kernels};
use crate::error::{Again, ErrorKind, Halt, JobError, StartError};
use crate::idle::{Look, Quiet};
use crate::progress::{Progress, Summary};
use crate::sequencer::TURN;
use crate::shared::{Shared, TapCallback};
use crate::sink::SinkError;
use crate::snapshot::{JobPosition, Outcome, Piece, Sealings, Snapshot};
use crate::space::Space;
use flow_data::Batch;
use flow_env::{Env, Parker};
use flow_plan::physical::Graph;
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How to run a job.
#[derive(Clone, Default)]
pub struct JobOptions {
    /// Workers; `None`: as the `job` block says, else one per core.
    pub parallelism: Option<usize>,
    /// What relative paths of connectors are relative to.
    pub base: PathBuf,
    /// Gets the rows that pass taps.
    pub taps: Option<TapCallback>,
    /// What the job goes on from.
    pub from: Option<Snapshot>,
    /// Will there be barriers? See [`JobHandle::snapshots`].
    pub barriers: bool,
    /// How it keeps checkpoints; `None`: it does not. Then `from` and `barriers` are for who keeps them himself.
    pub checkpoints: Option<Checkpoints>,
    /// Makes queues so small that nearly every number waits for room, and so the pieces in which state is written down that
    /// nearly all of it changes meanwhile, and what trees on disk keep in memory (for tests).
    pub tiny_queues: bool,
    /// Where groups of running aggregates go that memory has no room for; `None`: all are in memory.
    pub spill: Option<SpillOptions>,
    /// Is told when the job waits for space on a disk, and when it goes on.
    pub tell: Option<Tell>,
    /// Set by somebody else meanwhile: a job that is still taking over its state does not start.
    pub cancelled: Arc<AtomicBool>,
}

impl SpillOptions {
    /// So many bytes of state are in memory at once when a checkpoint is read: tables and trees need the rest.
    pub(crate) fn at_once(&self) -> usize {
        self.memory / 8
    }
}

/// How state is kept on disk.
#[derive(Clone)]
pub struct SpillOptions {
    /// A folder for nothing else: whatever is there is removed when the job starts.
    pub folder: PathBuf,
    /// About so many bytes of memory may be used for state.
    pub memory: usize,
}

/// A job: a namespace for [`Job::start`].
pub struct Job;

impl Job {
    /// Opens all sources and sinks, compiles all chains (all of them are interpreted without
    /// `kernels`), and starts the workers. If it gives an error, nothing was started.
    pub fn start(
        graph: Arc<Graph>,
        connectors: &dyn Connectors,
        kernels: Option<Arc<dyn Kernels>>,
        env: &Env,
        options: &JobOptions,
    ) -> Result<JobHandle, StartError> {
        let assembled = assemble::assemble(graph, connectors, kernels, env, options)?;
        let start = env.clock.elapsed();
        let (shared, mut sinks) = (assembled.shared, assembled.sinks);
        let (done, finished) = flow_env::parker();
        let (orders, thread) = flow_env::parker();
        let desk = Arc::new(Desk::new(thread));
        let mut threads = Vec::new();
        shared.begin();
        for (index, mut worker) in assembled.workers.into_iter().enumerate() {
            let (theirs, finished, desk) = (shared.clone(), finished.clone(), desk.clone());
            let thread = flow_env::spawn(&format!("flow-worker-{index}"), move || {
                guarded(&theirs, || worker.run());
                theirs.idle[index].set_asleep(true);
                theirs.running.fetch_sub(1, Ordering::AcqRel);
                theirs.wake_all();
                finished.unpark();
                desk.wake();
            });
            match thread {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    shared.abort();
                    sinks.iter_mut().for_each(|(_, sink)| sink.abort());
                    let node = &shared.graph.nodes[0];
                    let message = format!("a worker thread could not be started: {error}");
                    return Err(StartError::new(message, &node.label, node.place));
                }
            }
        }
        let sizes = assembled.sizes;
        let snapshots = Snapshots { shared: shared.clone(), passed: assembled.barriers };
        let mut handle = JobHandle {
            desk: None,
            checkpointer: None,
            snapshots: None,
            shared,
            threads,
            done,
            sinks,
            spaces: assembled.spaces,
            sizes,
            start,
            last: None,
        };
        match (&options.checkpoints, assembled.from) {
            (Some(checkpoints), Some(from)) => {
                let sinks = std::mem::take(&mut handle.sinks);
                let shared = handle.shared.clone();
                let memory = options.spill.as_ref().map(SpillOptions::at_once);
                let setup = Setup { shared, sinks, snapshots, desk: desk.clone(), parker: orders, memory };
                handle.check(Checkpointer::new(checkpoints, from, setup), desk)?;
            }
            _ => handle.snapshots = options.barriers.then_some(snapshots),
        }
        Ok(handle)
    }
}

/// Runs a worker; a panic in it fails the job rather than hang it.
fn guarded(shared: &Shared, run: impl FnOnce() -> Result<(), Halt>) {
    let node = 0;
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(()) | Err(Halt)) => {}
        Err(panic) => {
            let message = format!("internal error: {}", panic_text(panic.as_ref()));
            shared.fail(shared.node_error(node, 0, ErrorKind::Internal, message));
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a worker panicked",
    }
}

/// A running job.
pub struct JobHandle {
    shared: Arc<Shared>,
    threads: Vec<flow_env::Worker<()>>,
    done: Parker,
    sinks: Vec<OpenSink>,
    /// The space that each of them has.
    spaces: Vec<Arc<Space>>,
    sizes: Vec<Option<u64>>,
    start: Duration,
    last: Option<Duration>,
    snapshots: Option<Snapshots>,
    /// Where orders to the checkpointer are left, and its thread.
    desk: Option<Arc<Desk>>,
    checkpointer: Option<flow_env::Worker<()>>,
}

/// Takes snapshots of a running job, one at a time.
pub struct Snapshots {
    shared: Arc<Shared>,
    passed: Parker,
}

impl Snapshots {
    /// Puts a barrier into the sequence, and waits until all workers have passed it. With `last`, the job ends
    /// there, as by [`JobControl::stop`]. `None`: the inputs have ended already, or the job is over: there is no
    /// snapshot of it any more.
    pub fn take(&self, last: bool) -> Option<Snapshot> {
        self.take_meanwhile(last, true, || {})
    }

    /// The same; without `whole`, only what has changed since the snapshot before. Calls `passed` when all workers have passed
    /// the barrier, and before anything of what they marked there is waited for.
    pub fn take_meanwhile(&self, last: bool, whole: bool, passed: impl FnOnce()) -> Option<Snapshot> {
        let (mut snapshot, _, mut rest) = self.with_sinks(last, whole)?;
        passed();
        for (worker, part) in snapshot.parts.iter_mut().enumerate() {
            for (state, table) in rest[worker].open() {
                while let Some(rows) = rest[worker].next(self)? {
                    part.states[state].tables[table].rows.push(rows);
                }
            }
        }
        Some(snapshot)
    }

    /// Without `whole`, operators may hand over only what has changed since the snapshot before. Of each worker, the rest
    /// of its part is still to come, and all of it must be taken before the next one.
    pub(crate) fn with_sinks(&self, last: bool, whole: bool) -> Option<(Snapshot, Sealings, Vec<Rest>)> {
        let shared = &self.shared;
        let held = shared.sequencer.hold(last, whole)?;
        shared.wake_all();
        let (mut times, saved) = loop {
            match shared.sequencer.barrier().outcome(|| shared.is_over()) {
                Outcome::Passed(times, saved) => break (times, saved),
                Outcome::Over => return None,
                Outcome::Waits => self.passed.park(Duration::from_millis(10)),
            }
        };
        let (mut parts, mut sealings, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for (worker, saved) in saved.into_iter().enumerate() {
            parts.push(saved.marks.part);
            rest.push(Rest { worker, open: saved.marks.open.into() });
            sealings.extend(saved.sealings);
        }
        times.push((TURN.into(), held.turn.to_string()));
        let names = shared.source_names().into_iter();
        let sources = names.zip(held.sources).filter_map(|(name, position)| Some((name, position?)));
        let position = JobPosition { number: held.number, sources: sources.collect(), times };
        Some((Snapshot { position, parts }, sealings, rest))
    }
}

/// What is still to come of a worker's part.
pub(crate) struct Rest {
    worker: usize,
    /// Tables that are not complete: which state, and which of its tables.
    open: VecDeque<(usize, usize)>,
}

impl Rest {
    /// The table whose entries come next.
    pub(crate) fn first(&self) -> Option<(usize, usize)> {
        self.open.front().copied()
    }

    /// The tables that are not complete, in the order in which their entries come.
    pub(crate) fn open(&self) -> Vec<(usize, usize)> {
        self.open.iter().copied().collect()
    }

    /// More entries of the first of these tables; `Some(None)`: it is complete. `None`: the job is over, and nothing comes any more.
    pub(crate) fn next(&mut self, from: &Snapshots) -> Option<Option<Batch>> {
        let shared = &from.shared;
        loop {
            // Asked first: what came before the end is there.
            let over = shared.is_over();
            match shared.sequencer.barrier().next_piece(self.worker) {
                Some((piece, was_full)) => {
                    if was_full {
                        shared.wake_all();
                    }
                    return Some(match piece {
                        Piece::Rows(rows) => Some(rows),
                        Piece::End => {
                            self.open.pop_front();
                            None
                        }
                    });
                }
                None if over => return None,
                None => from.passed.park(Duration::from_millis(10)),
            }
        }
    }

    /// Lets what is still to come go.
    pub(crate) fn forget(&mut self, from: &Snapshots) {
        while !self.open.is_empty() && self.next(from).is_some() {}
    }
}

/// Stops a job from elsewhere (a signal handler's thread).
#[derive(Clone)]
pub struct JobControl {
    shared: Arc<Shared>,
    desk: Option<Arc<Desk>>,
}

impl JobControl {
    /// Takes no more input, lets what is on its way through, and commits what was written: with checkpoints, as the
    /// last one, from which the job can go on.
    pub fn stop(&self) {
        self.shared.told_to_stop();
        match &self.desk {
            Some(desk) => desk.leave(Order::Stop(None)),
            None => self.shared.sequencer.stop(),
        }
        self.shared.wake_all();
    }

    /// Asks for a savepoint; its number, or why there is none, comes when it is complete.
    pub fn savepoint(&self) -> Receiver<Result<u64, String>> {
        self.order(Order::Savepoint)
    }

    /// As [`JobControl::stop`], and makes a savepoint of where the job ends.
    pub fn stop_with_savepoint(&self) -> Receiver<Result<u64, String>> {
        self.shared.told_to_stop();
        let answer = self.order(|reply| Order::Stop(Some(reply)));
        self.shared.wake_all();
        answer
    }

    fn order(&self, order: impl FnOnce(Reply) -> Order) -> Receiver<Result<u64, String>> {
        let (reply, answer) = channel();
        match &self.desk {
            Some(desk) => desk.leave(order(reply)),
            None => {
                // The receiver is at hand.
                let _ = reply.send(Err("the job keeps no checkpoints".into()));
            }
        }
        answer
    }

    /// Ends at once; what was written is thrown away.
    pub fn abort(&self) {
        self.shared.abort();
    }

    /// Makes workers look at once whether there is something to do.
    pub fn wake(&self) {
        self.shared.wake_all();
    }
}

impl JobHandle {
    /// Starts the checkpointer.
    fn check(&mut self, mut checkpointer: Checkpointer, desk: Arc<Desk>) -> Result<(), StartError> {
        let shared = self.shared.clone();
        let thread = flow_env::spawn("flow-checkpoints", move || {
            guarded(&shared, || {
                checkpointer.run();
                Ok(())
            });
        });
        match thread {
            Ok(thread) => (self.checkpointer, self.desk) = (Some(thread), Some(desk)),
            Err(error) => {
                self.abort();
                let node = &self.shared.graph.nodes[0];
                let message = format!("the thread of checkpoints could not be started: {error}");
                return Err(StartError::new(message, &node.label, node.place));
            }
        }
        Ok(())
    }

    /// For stopping the job from elsewhere.
    pub fn control(&self) -> JobControl {
        JobControl { shared: self.shared.clone(), desk: self.desk.clone() }
    }

    /// For taking snapshots on another thread; `None` without [`JobOptions::barriers`], and at the second call.
    pub fn snapshots(&mut self) -> Option<Snapshots> {
        self.snapshots.take()
    }

    /// See [`JobControl::stop`].
    pub fn stop(&self) {
        self.control().stop();
    }

    /// See [`JobControl::abort`].
    pub fn abort(&self) {
        self.control().abort();
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let now = self.last.unwrap_or_else(|| self.shared.env.clock.elapsed());
        Progress::of(&self.shared, &self.sizes, now.saturating_sub(self.start))
    }

    /// Waits until everything that sources have handed out is through and nothing moves any more (or the
    /// job is over). For whoever drives a job in virtual time: the clock must not move meanwhile.
    pub fn wait_quiet(&mut self) -> Quiet {
        let look = Look::new(&self.shared);
        while self.shared.running.load(Ordering::Acquire) > 0 {
            self.shared.wake_all();
            if let Some(quiet) = look.again(&self.shared) {
                return quiet;
            }
            self.done.park(Duration::from_micros(50));
        }
        Quiet { deadline: None }
    }

    /// Waits until all workers are through, at most this long; gives whether they are.
    pub fn wait_at_most(&mut self, time: Duration) -> bool {
        if self.shared.running.load(Ordering::Acquire) > 0 {
            self.done.park(time);
        }
        self.shared.running.load(Ordering::Acquire) == 0
    }

    /// Waits for the end, then commits all sinks, or aborts them if the job failed.
    pub fn wait(mut self) -> Result<Summary, Box<JobError>> {
        for thread in self.threads.drain(..) {
            // Panics are caught inside.
            let _ = thread.join();
        }
        if let Some(thread) = self.checkpointer.take() {
            let _ = thread.join();
        }
        self.last = Some(self.shared.env.clock.elapsed());
        if let Some(error) = self.shared.take_failure() {
            self.sinks.iter_mut().for_each(|(_, sink)| sink.abort());
            let again = if self.may_begin_again() { error.again } else { Again::Never };
            return Err(Box::new(error.again(again)));
        }
        if self.shared.aborted() {
            self.sinks.iter_mut().for_each(|(_, sink)| sink.abort());
            return Ok(Summary { progress: self.progress(), stopped: true });
        }
        let mut sinks = std::mem::take(&mut self.sinks).into_iter();
        for space in &self.spaces {
            let Some((node, mut sink)) = sinks.next() else { break };
            let sealed = self.shared.take_sealed(node);
            match space.take(|_| sink.finish(&sealed)) {
                Ok(()) | Err(SinkError::Closed) => {}
                Err(error) => {
                    sink.abort();
                    sinks.for_each(|(_, mut sink)| sink.abort());
                    let message = error.to_string();
                    return Err(Box::new(self.shared.node_error(node, 0, ErrorKind::Sink, message)));
                }
            }
        }
        Ok(Summary { progress: self.progress(), stopped: self.shared.sequencer.cut() })
    }
}

impl JobHandle {
    /// Are there checkpoints to go on from, can what came behind the last one be read again, and was it not told to stop?
    fn may_begin_again(&self) -> bool {
        self.desk.is_some() && self.shared.sequencer.repeats() && !self.shared.is_stopping()
    }
}

impl Drop for JobHandle {
    /// A job that nobody waits for must not run on unseen.
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.shared.abort();
        }
    }
}
