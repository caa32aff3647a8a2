//! A clock that stands still unless a case says otherwise: what a job gives must not depend on how fast the machine is.

use flow_env::{Clock, Env};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// What the clock on the wall shows when a job begins: the first minute of 2026-11-27.
pub(super) const BEGINNING: i64 = 1_795_737_600_000_000;

/// The time of all jobs of a case.
#[derive(Default)]
pub(super) struct StillClock {
    /// Microseconds since the beginning.
    passed: AtomicI64,
}

impl StillClock {
    /// It goes on by so many microseconds; what it shows then.
    pub(super) fn move_by(&self, micros: i64) -> i64 {
        self.passed.fetch_add(micros, Ordering::SeqCst);
        self.wall_micros()
    }
}

impl Clock for StillClock {
    fn wall_micros(&self) -> i64 {
        BEGINNING + self.passed.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.passed.load(Ordering::SeqCst).unsigned_abs())
    }

    fn sleep(&self, _time: Duration) {
        std::thread::yield_now();
    }
}

/// This machine with another clock.
pub(super) fn env(clock: &Arc<StillClock>) -> Env {
    Env { clock: clock.clone(), ..Env::real() }
}
