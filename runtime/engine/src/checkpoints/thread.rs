//! The checkpointer: waits for what makes a checkpoint due, and carries out what the protocol decides.

use super::epoch::Contents;
use super::{Checkpoints, Resumption, Told};
use crate::assemble::OpenSink;
use crate::error::{Again, ErrorKind};
use crate::job::Snapshots;
use crate::shared::Shared;
use crate::sink::{Sealing, SinkError};
use flow_checkpoint::protocol::{Coordinator, Decision, Epoch, Event, Generation};
use flow_checkpoint::runs::Ending;
use flow_checkpoint::{Job as Store, Launch, Manifest, NotRetired};
use flow_env::{Parker, Unparker, planted, reach};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Between two looks at whether there is something to do: what concerns the thread wakes it.
const LOOK: Duration = Duration::from_millis(50);
/// Before the last checkpoint is tried once more.
const PATIENCE: Duration = Duration::from_secs(1);
/// Why a job that is told to stop fails.
/// Said of a sink that cannot show a checkpoint, behind why.
const NOT_SHOWN: &str = "; the job was told to stop and cannot wait for that: the checkpoint counts, and the next run shows its rows";
const NOT_WRITTEN: &str = "the last checkpoint could not be written: rows behind the one before are not shown, and come again with the next run";
/// Before a sink is asked once more to show an epoch.
const AGAIN: Duration = Duration::from_millis(250);

/// The savepoint's number, or why there is none.
pub(crate) type Reply = Sender<Result<u64, String>>;

/// What others ask the checkpointer for.
pub(crate) enum Order {
    /// A last checkpoint, and the end of the job; with a savepoint of it, if that is wanted.
    Stop(Option<Reply>),
    /// A savepoint.
    Savepoint(Reply),
}

/// Where orders are left.
pub(crate) struct Desk {
    orders: Mutex<VecDeque<Order>>,
    thread: Unparker,
    /// Nobody will look any more.
    closed: AtomicBool,
}

impl Desk {
    pub(crate) fn new(thread: Unparker) -> Desk {
        Desk { orders: Mutex::default(), thread, closed: AtomicBool::new(false) }
    }

    /// Leaves an order.
    pub(crate) fn leave(&self, order: Order) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push_back(order);
        if self.closed.load(Ordering::SeqCst) {
            self.close();
        }
        self.thread.unpark();
    }

    pub(crate) fn wake(&self) {
        self.thread.unpark();
    }

    fn next(&self) -> Option<Order> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Answers what is left, and whatever comes later.
    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        while let Some(order) = self.next() {
            if let Order::Savepoint(reply) | Order::Stop(Some(reply)) = order {
                // Who asked may have gone.
                let _ = reply.send(Err("the job is over".into()));
            }
        }
    }
}

/// The thread's state.
pub(crate) struct Checkpointer {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Arc<Store>,
    pub(super) launch: Launch,
    pub(super) coordinator: Coordinator,
    pub(super) sinks: Vec<OpenSink>,
    pub(super) workers: usize,
    /// What sinks sealed and do not show yet.
    pub(super) sealed: HashMap<usize, Vec<String>>,
    /// The checkpoint that was published last, by this run or the one that it follows.
    pub(super) parent: Option<Arc<Manifest>>,
    /// Bytes written for it, and when it began.
    pub(super) written: Option<(u64, Duration)>,
    pub(super) snapshots: Snapshots,
    every: Option<Duration>,
    tell: Option<super::Tell>,
    desk: Arc<Desk>,
    parker: Parker,
    /// Savepoints that the next checkpoint is copied to.
    wanted: Vec<Reply>,
    /// Why the last epoch that was given up was.
    abandoned: Option<String>,
    /// The next checkpoint must hold all state: there is none that it could follow, or what changed since was lost.
    pub(super) whole: bool,
    /// The job is to end with the next checkpoint.
    ending: bool,
    /// The inputs have ended, and everything was written.
    ended: bool,
    /// The manifest of the end counts.
    finished: bool,
    /// Nothing more is to be carried out.
    pub(super) over: bool,
    /// How much of the state may be in memory at once.
    memory: Option<usize>,
}

/// The parts of a checkpointer that come from the job.
pub(crate) struct Setup {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sinks: Vec<OpenSink>,
    pub(crate) snapshots: Snapshots,
    pub(crate) desk: Arc<Desk>,
    pub(crate) parker: Parker,
    pub(crate) memory: Option<usize>,
}

impl Checkpointer {
    pub(crate) fn new(checkpoints: &Checkpoints, from: Resumption, setup: Setup) -> Checkpointer {
        let Setup { shared, sinks, snapshots, desk, parker, memory } = setup;
        let workers = shared.workers();
        // What had to be shown again was shown when the run began.
        let (coordinator, _) = Coordinator::new(&from.recovery, workers, sinks.len());
        let finished = from.finished;
        Checkpointer {
            shared,
            store: checkpoints.store.clone(),
            launch: checkpoints.launch.clone(),
            coordinator,
            sinks,
            workers,
            sealed: HashMap::new(),
            whole: from.follows.is_none(),
            parent: from.follows.map(Arc::new),
            written: None,
            snapshots,
            every: checkpoints.every,
            tell: checkpoints.tell.clone(),
            desk,
            parker,
            wanted: Vec::new(),
            abandoned: None,
            ending: false,
            ended: finished,
            finished,
            over: finished,
            memory,
        }
    }

    pub(super) fn generation(&self) -> Generation {
        self.coordinator.generation()
    }

    pub(super) fn tell(&self, told: Told) {
        if let Some(tell) = &self.tell {
            tell(&told);
        }
    }

    /// The job cannot go on.
    pub(super) fn fail(&mut self, why: String) {
        self.fail_and(why, Again::Never);
    }

    /// The same; and may another job go on from what is there?
    pub(super) fn fail_and(&mut self, why: String, again: Again) {
        self.over = true;
        let failed = self.shared.node_error(0, 0, ErrorKind::Checkpoint, why);
        self.shared.fail(failed.again(again));
    }

    /// Works until the job is over; the failure of the job, if there is one, is with the job.
    pub(crate) fn run(&mut self) {
        let mut due = self.next_due();
        loop {
            if self.shared.running.load(Ordering::Acquire) == 0 {
                break;
            }
            while let Some(order) = self.desk.next() {
                self.take(order);
            }
            if due.is_some_and(|due| self.now() >= due) && !self.over && !self.ending {
                let decisions = self.coordinator.on(Event::Due);
                self.carry_out(decisions);
                due = self.next_due();
            }
            let nap = due.map_or(LOOK, |due| due.saturating_sub(self.now()).min(LOOK));
            self.parker.park(nap);
        }
        self.end();
        self.desk.close();
    }

    fn now(&self) -> Duration {
        self.shared.env.clock.elapsed()
    }

    fn next_due(&self) -> Option<Duration> {
        Some(self.now() + self.every?)
    }

    fn take(&mut self, order: Order) {
        let event = match order {
            Order::Stop(reply) => {
                self.wanted.extend(reply);
                self.ending = true;
                Event::Ending
            }
            Order::Savepoint(reply) => {
                self.wanted.push(reply);
                Event::Due
            }
        };
        if !self.over {
            let decisions = self.coordinator.on(event);
            self.carry_out(decisions);
        }
        self.answer_wanted();
    }

    /// Whoever still waits for a savepoint waits for nothing.
    fn answer_wanted(&mut self) {
        let why = self.abandoned.take().map_or_else(String::new, |why| format!(": {why}"));
        self.wanted.drain(..).for_each(|reply| {
            let _ = reply.send(Err(format!("the checkpoint for it could not be written{why}")));
        });
    }

    /// Says that an epoch was given up.
    pub(super) fn give_up(&mut self, epoch: Epoch, why: String) {
        self.abandoned = Some(why.clone());
        self.tell(Told::Abandoned { epoch, why });
    }

    fn carry_out(&mut self, decisions: Vec<Decision>) {
        let mut waiting: VecDeque<Decision> = decisions.into();
        while let Some(decision) = waiting.pop_front()
            && !self.over
        {
            waiting.extend(match decision {
                Decision::Inject(epoch) => self.inject(epoch),
                Decision::Publish(_) => unreachable!("an epoch is published where it is sealed"),
                Decision::Commit(epoch, sink) => self.commit(epoch, sink),
                Decision::Abandon(epoch) => {
                    self.whole = true;
                    if let Err(failure) = self.store.abandon(self.generation(), epoch) {
                        self.tell(Told::Left { why: failure.to_string() });
                    }
                    Vec::new()
                }
                Decision::Retire(epoch) => self.retire(epoch),
                Decision::Finish => {
                    self.finished = self.ended;
                    self.over = true;
                    Vec::new()
                }
                Decision::Halt => {
                    self.fail(
                        "another process runs this job now, and this one must not touch anything".into(),
                    );
                    Vec::new()
                }
            });
        }
    }

    fn inject(&mut self, epoch: Epoch) -> Vec<Decision> {
        let began = self.now();
        let Some((snapshot, sealings, rest)) = self.snapshots.with_sinks(self.ending, self.whole) else {
            // The inputs have ended: the last epoch is that of the end.
            while self.shared.running.load(Ordering::Acquire) > 0 {
                self.parker.park(LOOK);
            }
            return self.inject_end(epoch, began);
        };
        for (node, sealing) in sealings {
            if !self.seal(node, sealing) {
                return Vec::new();
            }
        }
        self.epoch(epoch, Contents::Barrier(Box::new(snapshot), rest), began)
    }

    /// The epoch of a job that is over, if it ended well.
    fn inject_end(&mut self, epoch: Epoch, began: Duration) -> Vec<Decision> {
        if self.shared.aborted() {
            self.over = true;
            return Vec::new();
        }
        if self.shared.sequencer.cut() {
            // The state at the last barrier is gone with its workers.
            self.fail(NOT_WRITTEN.into());
            return Vec::new();
        }
        if self.ended && self.whole && !self.waits_for_space() {
            self.fail(NOT_WRITTEN.into());
            return Vec::new();
        }
        for at in 0..self.sinks.len() {
            let node = self.sinks[at].0;
            let sealed = self.shared.take_sealed(node);
            self.sealed.entry(node).or_default().extend(sealed);
        }
        self.ended = true;
        self.epoch(epoch, Contents::Finished, began)
    }

    /// The end could not be written before: space may return. Gives whether the job still waits for that, and is not told to
    /// stop.
    fn waits_for_space(&mut self) -> bool {
        self.parker.park(PATIENCE);
        let mut waits = true;
        while let Some(order) = self.desk.next() {
            waits &= matches!(order, Order::Savepoint(_));
            self.wanted.extend(match order {
                Order::Savepoint(reply) => Some(reply),
                Order::Stop(reply) => reply,
            });
        }
        waits
    }

    /// Makes a share of a sink durable. If it cannot be, its rows are in no later one: the job must begin at the
    /// last checkpoint.
    fn seal(&mut self, node: usize, sealing: Box<dyn Sealing>) -> bool {
        match sealing.finish() {
            Ok(sealed) if planted("forget-a-sink-seal") => drop(self.sealed.insert(node, sealed)),
            Ok(sealed) => self.sealed.entry(node).or_default().extend(sealed),
            Err(SinkError::Closed) => {}
            Err(SinkError::Full(_)) if self.shared.aborted() => {
                self.over = true;
                return false;
            }
            Err(error) => {
                self.over = true;
                let failed = self.shared.node_error(node, 0, ErrorKind::Sink, error.to_string());
                self.shared.fail(failed.again(error.again()));
                return false;
            }
        }
        true
    }

    pub(super) fn commit(&mut self, epoch: Epoch, index: usize) -> Vec<Decision> {
        let (node, sink) = &mut self.sinks[index];
        let node = *node;
        let sealed = self.sealed.get(&node).map(Vec::as_slice).unwrap_or_default();
        match sink.commit(epoch, sealed) {
            Ok(()) | Err(SinkError::Closed) => {
                self.sealed.remove(&node);
                reach("shown");
                self.coordinator.on(Event::Committed(epoch, index))
            }
            Err(SinkError::Fenced(_)) => self.coordinator.on(Event::Fenced),
            Err(error) => {
                self.tell(Told::Waiting { epoch, why: error.to_string() });
                // It counts, and the next run shows it.
                if self.shared.aborted() {
                    self.over = true;
                    return Vec::new();
                }
                if self.shared.hurry().is_some() {
                    self.over = true;
                    let message = format!("{error}{NOT_SHOWN}");
                    self.shared.fail(self.shared.node_error(node, 0, ErrorKind::Sink, message));
                    return Vec::new();
                }
                self.parker.park(AGAIN);
                self.coordinator.on(Event::CommitFailed(epoch, index))
            }
        }
    }

    fn retire(&mut self, epoch: Epoch) -> Vec<Decision> {
        match self.store.retire(self.generation(), epoch) {
            Ok(()) => {}
            Err(NotRetired::Unnamed(failure) | NotRetired::Left(failure)) if failure.is_fenced() => {
                return self.coordinator.on(Event::Fenced);
            }
            Err(NotRetired::Unnamed(failure)) => self.tell(Told::NotNamed { why: failure.to_string() }),
            Err(NotRetired::Left(failure)) => self.tell(Told::Left { why: failure.to_string() }),
        }
        let (bytes, began) = self.written.take().unwrap_or_default();
        reach("retired");
        self.shared.checkpointed(epoch);
        let (took, stopped) =
            (self.now().saturating_sub(began), self.shared.sequencer.barrier().longest_stop());
        self.tell(Told::Complete { epoch, bytes, took, stopped });
        self.make_bases();
        for reply in std::mem::take(&mut self.wanted) {
            let saved = match &self.parent {
                Some(manifest) => {
                    let saved = self.store.save(manifest.generation, manifest.epoch);
                    saved.map_err(|failure| failure.to_string())
                }
                None => Err("there is no checkpoint".into()),
            };
            // Who asked may have gone.
            let _ = reply.send(saved);
        }
        Vec::new()
    }

    /// Changes that have outgrown their base become one with it; or the workers are asked for all there is, if that costs
    /// little more than the next changes. (Not with state on disk, from where all of it takes long to copy.)
    fn make_bases(&mut self) {
        let Some(manifest) = &mut self.parent else { return };
        if self.memory.is_none() && manifest.changes_everywhere() {
            self.whole = true;
            return;
        }
        for worker in manifest.outgrown() {
            if let Err(failure) = self.store.fold_within(Arc::make_mut(manifest), worker, self.memory) {
                // The old base and its changes are still there, and count.
                self.tell.iter().for_each(|tell| tell(&Told::NotFolded { why: failure.to_string() }));
                return;
            }
        }
    }

    /// Is there no checkpoint of the job, so that nothing that was staged will ever be asked for? One that cannot be read
    /// may be read again later: it is enough that it is there.
    fn nothing_counts(&self) -> bool {
        self.store.folder().has_checkpoints().is_ok_and(|any| !any)
    }

    /// All workers are through.
    fn end(&mut self) {
        if !self.over && !self.finished && !self.shared.aborted() {
            let decisions = self.coordinator.on(Event::Ending);
            self.carry_out(decisions);
        }
        self.answer_wanted();
        let failed = self.shared.failure_text();
        if self.finished && failed.is_none() {
            for (_, sink) in &mut self.sinks {
                if let Err(error) = sink.end() {
                    self.tell.iter().for_each(|tell| tell(&Told::Left { why: error.to_string() }));
                }
            }
        }
        if !self.finished && self.nothing_counts() {
            self.sinks.iter_mut().for_each(|(_, sink)| sink.abort());
        }
        let how = match (&failed, self.finished) {
            (Some(_), _) => Ending::Failed,
            (None, true) => Ending::Finished,
            (None, false) => Ending::Stopped,
        };
        // It only says what the checkpoints say too; without it, the next run goes on from the last of them.
        if let Err(failure) = self.store.end(self.generation(), how, failed) {
            self.tell(Told::EndNotWritten { why: failure.to_string() });
        }
    }
}
