//! The running job's side: one epoch at a time, from barrier to retirement.

use super::{Epoch, Generation, Recovery};
use flow_env::planted;
use std::collections::BTreeSet;

/// Who seals a share of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Share {
    /// A worker's state.
    Worker(usize),
    /// The rows a sink staged.
    Sink(usize),
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// The interval is over, or somebody asks for a checkpoint.
    Due,
    /// The inputs have ended, or somebody wants to stop: one last epoch, and nothing behind it.
    Ending,
    /// A share is durable.
    Sealed(Epoch, Share),
    /// A share could not be made durable.
    SealFailed(Epoch),
    /// The manifest is durable, and was read back.
    Published(Epoch),
    /// It is not, and never will be: nothing of it is left under its name.
    PublishFailed(Epoch),
    /// A sink shows the epoch.
    Committed(Epoch, usize),
    /// A sink could not; its system says that it may be tried again.
    CommitFailed(Epoch, usize),
    /// A sink has heard of a newer generation: this process is a zombie.
    Fenced,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// Put the barrier into the streams; all shares are to be sealed.
    Inject(Epoch),
    /// Make the manifest durable.
    Publish(Epoch),
    /// Let a sink show what it sealed.
    Commit(Epoch, usize),
    /// Throw away what was sealed of an epoch that will never be published; its rows belong to the next one.
    Abandon(Epoch),
    /// Free what only epochs before this one need.
    Retire(Epoch),
    /// The last epoch is shown: the job is over.
    Finish,
    /// Stop at once and touch nothing.
    Halt,
}

/// Where the current epoch is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    Sealing { epoch: Epoch, missing: BTreeSet<Share> },
    Publishing { epoch: Epoch },
    Committing { epoch: Epoch, missing: BTreeSet<usize> },
    Over,
}

/// Decides for a running job. Events of epochs that are over are ignored, so they may come late or twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coordinator {
    generation: Generation,
    workers: usize,
    sinks: usize,
    /// The epoch that was published last.
    published: Epoch,
    /// The highest number that was ever injected: numbers are never used again, also of abandoned epochs.
    injected: Epoch,
    phase: Phase,
    /// A checkpoint became due while another one was on its way.
    due: bool,
    ending: bool,
    /// Is the epoch on its way the last one?
    last: bool,
}

impl Coordinator {
    /// A job that starts or goes on; gives what must be done before anything is read.
    pub fn new(recovery: &Recovery, workers: usize, sinks: usize) -> (Coordinator, Vec<Decision>) {
        let mut coordinator = Coordinator {
            generation: recovery.generation,
            workers,
            sinks,
            published: recovery.epoch,
            injected: recovery.highest.max(recovery.epoch).saturating_sub(planted("reuse-an-epoch").into()),
            phase: Phase::Idle,
            due: false,
            ending: false,
            last: false,
        };
        let decisions = if recovery.recommit.is_empty() {
            Vec::new()
        } else {
            coordinator.commit(recovery.epoch, recovery.recommit.iter().copied().collect())
        };
        (coordinator, decisions)
    }

    /// The generation it decides for.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Takes an event; gives what is to be done now.
    pub fn on(&mut self, event: Event) -> Vec<Decision> {
        match event {
            Event::Fenced => {
                self.phase = Phase::Over;
                return vec![Decision::Halt];
            }
            Event::Due => self.due = true,
            Event::Ending => self.ending = true,
            Event::Sealed(epoch, share) => return self.sealed(epoch, share),
            Event::SealFailed(epoch) => {
                if matches!(self.phase, Phase::Sealing { epoch: current, .. } if current == epoch) {
                    return self.abandon(epoch);
                }
            }
            Event::Published(epoch) => {
                if self.phase == (Phase::Publishing { epoch }) {
                    self.published = epoch;
                    return self.commit(epoch, (0..self.sinks).collect());
                }
            }
            Event::PublishFailed(epoch) => {
                if self.phase == (Phase::Publishing { epoch }) {
                    return self.abandon(epoch);
                }
            }
            Event::Committed(epoch, sink) => return self.committed(epoch, sink),
            Event::CommitFailed(epoch, sink) => {
                if matches!(&self.phase, Phase::Committing { epoch: current, missing } if *current == epoch && missing.contains(&sink))
                {
                    return vec![Decision::Commit(epoch, sink)];
                }
            }
        }
        self.next()
    }

    /// Begins an epoch if one is wanted and none is on its way.
    fn next(&mut self) -> Vec<Decision> {
        if self.phase != Phase::Idle || !(self.due || self.ending) {
            return Vec::new();
        }
        self.due = false;
        self.last = self.ending;
        self.injected += 1;
        let epoch = self.injected;
        let workers = (0..self.workers).map(Share::Worker);
        let missing: BTreeSet<Share> = workers.chain((0..self.sinks).map(Share::Sink)).collect();
        self.phase = Phase::Sealing { epoch, missing };
        vec![Decision::Inject(epoch)]
    }

    fn sealed(&mut self, epoch: Epoch, share: Share) -> Vec<Decision> {
        let Phase::Sealing { epoch: current, missing } = &mut self.phase else { return Vec::new() };
        if *current != epoch {
            return Vec::new();
        }
        missing.remove(&share);
        if !missing.is_empty() {
            return Vec::new();
        }
        self.phase = Phase::Publishing { epoch };
        vec![Decision::Publish(epoch)]
    }

    /// The epoch will never count. What it sealed stays with its owners and becomes part of the next epoch.
    fn abandon(&mut self, epoch: Epoch) -> Vec<Decision> {
        self.phase = Phase::Idle;
        // The next interval tries again; an ending job at once.
        let mut decisions = vec![Decision::Abandon(epoch)];
        decisions.extend(self.next());
        decisions
    }

    fn commit(&mut self, epoch: Epoch, missing: BTreeSet<usize>) -> Vec<Decision> {
        let decisions: Vec<Decision> = missing.iter().map(|sink| Decision::Commit(epoch, *sink)).collect();
        self.phase = Phase::Committing { epoch, missing };
        if decisions.is_empty() { self.shown(epoch) } else { decisions }
    }

    fn committed(&mut self, epoch: Epoch, sink: usize) -> Vec<Decision> {
        let Phase::Committing { epoch: current, missing } = &mut self.phase else { return Vec::new() };
        if *current != epoch || !missing.remove(&sink) || !missing.is_empty() {
            return Vec::new();
        }
        self.shown(epoch)
    }

    /// All sinks show the epoch.
    fn shown(&mut self, epoch: Epoch) -> Vec<Decision> {
        let mut decisions = vec![Decision::Retire(epoch)];
        if std::mem::take(&mut self.last) {
            self.phase = Phase::Over;
            decisions.push(Decision::Finish);
            return decisions;
        }
        self.phase = Phase::Idle;
        decisions.extend(self.next());
        decisions
    }
}
