//! What workers say when they have nothing to do: who drives a job in virtual time must know when
//! everything that was read is through, and what would happen next.

use crate::number::Number;
use crate::shared::Shared;
use flow_env::Deadline;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What one worker said last.
pub(crate) struct Idle {
    /// How often it had nothing to do.
    rounds: AtomicU64,
    /// Below this number, everything is through.
    reached: AtomicU64,
    /// Its next deadline on the stopwatch, in nanoseconds; `u64::MAX`: none.
    deadline: AtomicU64,
    /// Does it wait for others at this moment?
    asleep: AtomicBool,
    /// Of the chunks, the one it is at.
    at: AtomicU64,
}

impl Default for Idle {
    fn default() -> Idle {
        Idle {
            rounds: AtomicU64::new(0),
            reached: AtomicU64::new(0),
            deadline: AtomicU64::new(u64::MAX),
            asleep: AtomicBool::new(false),
            at: AtomicU64::new(0),
        }
    }
}

impl Idle {
    /// The worker found nothing to do.
    pub(crate) fn say(&self, reached: Number, deadline: Option<Deadline>) {
        let deadline = deadline.map_or(u64::MAX, |deadline| deadline.at().as_nanos() as u64);
        self.deadline.store(deadline, Ordering::Relaxed);
        self.reached.store(reached, Ordering::Relaxed);
        self.rounds.fetch_add(1, Ordering::Release);
    }

    /// The worker begins to wait, or has waited.
    pub(crate) fn set_asleep(&self, asleep: bool) {
        self.asleep.store(asleep, Ordering::Relaxed);
    }

    /// The worker begins a chunk.
    pub(crate) fn set_at(&self, number: Number) {
        self.at.store(number, Ordering::Relaxed);
    }

    pub(crate) fn at(&self) -> Number {
        self.at.load(Ordering::Relaxed)
    }

    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Relaxed)
    }
}

/// A job in which nothing moves any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// When, on the stopwatch, an operator wants to be called.
    pub deadline: Option<Duration>,
}

/// A look at all workers: they are quiet if each has found nothing to do twice since the first look.
pub(crate) struct Look {
    since: Vec<u64>,
}

impl Look {
    pub(crate) fn new(shared: &Shared) -> Look {
        Look { since: shared.idle.iter().map(|idle| idle.rounds.load(Ordering::Acquire)).collect() }
    }

    pub(crate) fn again(&self, shared: &Shared) -> Option<Quiet> {
        let taken = shared.sequencer.next();
        let through = |(idle, since): (&Idle, &u64)| {
            idle.rounds.load(Ordering::Acquire) >= since + 2 && idle.reached.load(Ordering::Relaxed) >= taken
        };
        if !shared.idle.iter().zip(&self.since).all(through) {
            return None;
        }
        let deadline = shared.idle.iter().map(|idle| idle.deadline.load(Ordering::Relaxed)).min();
        let deadline = deadline.filter(|nanos| *nanos < u64::MAX).map(Duration::from_nanos);
        Some(Quiet { deadline })
    }
}
