//! One barrier at a time: who has let everything below it through, and what each worker wrote down.

use crate::number::Number;
use crate::sink::Sealing;
use flow_checkpoint::state::Part;
use flow_data::Batch;
use flow_env::Unparker;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the sequencer fixed when it was asked for a barrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The barrier.
    pub(crate) number: Number,
    /// Whose turn it is among the sources.
    pub(crate) turn: usize,
    /// Where each source is, if it can say.
    pub(crate) sources: Vec<Option<String>>,
}

/// What the writers of sinks wrote until a barrier, by the node of their sink.
pub(crate) type Sealings = Vec<(usize, Box<dyn Sealing>)>;

/// What was known of time at a barrier: names, and texts.
pub(crate) type Times = Vec<(String, String)>;

/// The state of a worker's operators at a barrier, some of which is still to come.
#[derive(Default)]
pub(crate) struct Marks {
    pub(crate) part: Part,
    /// Tables whose entries come as pieces, one table behind the other: which state, and which of its tables.
    pub(crate) open: Vec<(usize, usize)>,
}

/// What comes of marked tables.
pub(crate) enum Piece {
    /// Entries of the first table that is still open.
    Rows(Batch),
    /// It has all its entries.
    End,
}

/// So many pieces of a worker may wait: then it makes no more of them before some are taken. And so many where everything is to
/// happen between two chunks (for tests).
pub(crate) const WAITING: usize = 64;
pub(crate) const FEW_WAITING: usize = 2;

/// What a worker hands over at a barrier.
pub(crate) struct Saved {
    /// The state of its operators.
    pub(crate) marks: Marks,
    /// What its writers wrote until then, by the node of their sink.
    pub(crate) sealings: Sealings,
}

/// What comes of a barrier.
pub(crate) enum Outcome {
    /// All workers have passed it: what was known of time, and what they handed over.
    Passed(Times, Vec<Saved>),
    /// Some have not passed it yet.
    Waits,
    /// Some never will: the job is over.
    Over,
}

/// Shared by all workers.
pub(crate) struct Barrier {
    /// Barriers that were fixed; the last one is that of `number`.
    round: AtomicU64,
    number: AtomicU64,
    /// Is all of the state wanted, also what has not changed since the barrier before?
    whole: AtomicBool,
    /// Workers behind which nothing below the barrier is left.
    drained: AtomicUsize,
    /// All of them, and what the time logs know is written down.
    open: AtomicBool,
    times: Mutex<Times>,
    saved: Mutex<Vec<Option<Saved>>>,
    /// For how long a worker stood still for the checkpoint on its way, at most at once: microseconds.
    stopped: AtomicU64,
    /// By worker, behind what it handed over.
    pieces: Vec<Mutex<VecDeque<Piece>>>,
    /// How many of these may wait.
    waiting: usize,
    /// Who waits for the parts.
    waiter: Unparker,
}

impl Barrier {
    pub(crate) fn new(workers: usize, waiting: usize, waiter: Unparker) -> Barrier {
        Barrier {
            round: AtomicU64::new(0),
            number: AtomicU64::new(0),
            whole: AtomicBool::new(true),
            drained: AtomicUsize::new(0),
            open: AtomicBool::new(false),
            times: Mutex::default(),
            saved: Mutex::new((0..workers).map(|_| None).collect()),
            stopped: AtomicU64::new(0),
            pieces: (0..workers).map(|_| Mutex::default()).collect(),
            waiting,
            waiter,
        }
    }

    fn saved(&self) -> MutexGuard<'_, Vec<Option<Saved>>> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fixes the next barrier. Called by the sequencer while it hands out nothing, when the one before is over.
    pub(crate) fn fix(&self, number: Number, whole: bool) {
        self.whole.store(whole, Ordering::Release);
        self.drained.store(0, Ordering::Release);
        self.open.store(false, Ordering::Release);
        self.number.store(number, Ordering::Release);
        self.round.fetch_add(1, Ordering::AcqRel);
    }

    /// The barrier in front of a worker that has passed so many of them.
    pub(crate) fn ahead(&self, passed: u64) -> Option<Number> {
        (self.round.load(Ordering::Acquire) > passed).then(|| self.number.load(Ordering::Acquire))
    }

    /// Is all of the state wanted?
    pub(crate) fn wants_all(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }

    /// A worker has let everything below the barrier through; gives whether it is the last one: it opens the barrier.
    pub(crate) fn drain(&self) -> bool {
        self.drained.fetch_add(1, Ordering::AcqRel) + 1 == self.saved().len()
    }

    /// Lets the workers write down their state and pass. What was known of time is this.
    pub(crate) fn open(&self, times: Times) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) = times;
        self.open.store(true, Ordering::Release);
    }

    /// Is it open?
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// What a worker hands over.
    pub(crate) fn save(&self, worker: usize, saved: Saved) {
        self.saved()[worker] = Some(saved);
        self.waiter.unpark();
    }

    /// A worker stood still for so long.
    pub(crate) fn stopped(&self, time: Duration) {
        self.stopped.fetch_max(time.as_micros() as u64, Ordering::AcqRel);
    }

    /// For how long a worker stood still at once, at most, since this was asked last.
    pub(crate) fn longest_stop(&self) -> Duration {
        Duration::from_micros(self.stopped.swap(0, Ordering::AcqRel))
    }

    fn pieces(&self, worker: usize) -> MutexGuard<'_, VecDeque<Piece>> {
        self.pieces[worker].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May a worker hand over more pieces?
    pub(crate) fn has_room(&self, worker: usize) -> bool {
        self.pieces(worker).len() < self.waiting
    }

    /// More of what a worker marked.
    pub(crate) fn hand_over(&self, worker: usize, pieces: Vec<Piece>) {
        self.pieces(worker).extend(pieces);
        self.waiter.unpark();
    }

    /// The next piece of a worker, if it is there; and whether the worker may have waited for room.
    pub(crate) fn next_piece(&self, worker: usize) -> Option<(Piece, bool)> {
        let mut pieces = self.pieces(worker);
        let was_full = pieces.len() >= self.waiting;
        Some((pieces.pop_front()?, was_full))
    }

    /// What has come of the barrier so far. Whether the job is `over` is asked first: what its workers handed over before they
    /// ended is there then.
    pub(crate) fn outcome(&self, over: impl FnOnce() -> bool) -> Outcome {
        let over = over();
        match self.take() {
            Some((times, saved)) => Outcome::Passed(times, saved),
            None if over => Outcome::Over,
            None => Outcome::Waits,
        }
    }

    /// What was known of time, and what all workers handed over, once it is there.
    fn take(&self) -> Option<(Times, Vec<Saved>)> {
        let mut saved = self.saved();
        if saved.iter().any(Option::is_none) {
            return None;
        }
        let times = std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner));
        Some((times, saved.iter_mut().filter_map(Option::take).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job that is stopped, or whose inputs end, right behind a barrier: its last worker passes it and ends in the moment
    /// in which somebody looks. The look found the barrier not passed and the job over, and what was handed over was lost.
    #[test]
    fn what_workers_hand_over_in_the_moment_in_which_the_job_ends_is_there() {
        let saved = || Saved { marks: Marks::default(), sealings: Sealings::new() };
        let barrier = Barrier::new(2, WAITING, flow_env::parker().1);
        barrier.fix(7, true);
        barrier.save(0, saved());
        assert!(matches!(barrier.outcome(|| false), Outcome::Waits));
        let ends = || {
            barrier.save(1, saved());
            true
        };
        assert!(matches!(barrier.outcome(ends), Outcome::Passed(_, saved) if saved.len() == 2));
        assert!(matches!(barrier.outcome(|| true), Outcome::Over));
    }
}
