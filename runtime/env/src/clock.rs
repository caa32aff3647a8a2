//! Time as the runtime sees it.

use std::time::Duration;

/// Wall clock and stopwatch.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01 UTC; may jump.
    fn wall_micros(&self) -> i64;
    /// Time since some moment before the job; never goes back.
    fn elapsed(&self) -> Duration;
    /// Waits.
    fn sleep(&self, time: Duration);
}

/// A moment on the stopwatch that something waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Duration);

impl Deadline {
    /// The moment `after` from now.
    pub fn after(clock: &dyn Clock, after: Duration) -> Deadline {
        Deadline(clock.elapsed() + after)
    }

    /// The moment that comes so much later.
    pub fn later(self, by: Duration) -> Deadline {
        Deadline(self.0.saturating_add(by))
    }

    /// The moment, on the stopwatch.
    pub fn at(self) -> Duration {
        self.0
    }

    /// Has it come?
    pub fn passed(self, clock: &dyn Clock) -> bool {
        clock.elapsed() >= self.0
    }

    /// How long until then; zero if it has passed.
    pub fn remaining(self, clock: &dyn Clock) -> Duration {
        self.0.saturating_sub(clock.elapsed())
    }
}
