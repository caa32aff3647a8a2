//! A clock that goes on when a test says so.

use flow_env::Clock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Midnight of 2026-01-01 UTC: when tests begin.
const START: i64 = 1_767_225_600_000_000;

/// Virtual time.
pub(super) struct VirtualClock {
    /// Nanoseconds since the test began.
    elapsed: AtomicU64,
}

impl VirtualClock {
    pub(super) fn new() -> VirtualClock {
        VirtualClock { elapsed: AtomicU64::new(0) }
    }

    pub(super) fn now(&self) -> Duration {
        Duration::from_nanos(self.elapsed.load(Ordering::SeqCst))
    }

    pub(super) fn set(&self, to: Duration) {
        self.elapsed.store(to.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn wall_micros(&self) -> i64 {
        START + self.now().as_micros() as i64
    }

    fn elapsed(&self) -> Duration {
        self.now()
    }

    fn sleep(&self, _time: Duration) {
        // Nobody waits for virtual time by sleeping.
        std::thread::yield_now();
    }
}
