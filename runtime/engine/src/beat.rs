//! When triggers that go by the wall clock (`every: 1h`) are due first: a job that goes on keeps the beat of the one
//! before, else one that is restarted more often than that would never give anything.

use flow_env::{Clock, Deadline};
use std::sync::Arc;
use std::time::Duration;

/// Counts from the moment at which the job first began.
#[derive(Clone)]
pub(crate) struct Beat {
    clock: Arc<dyn Clock>,
    /// Microseconds since 1970-01-01 UTC.
    began: i64,
}

/// What the moment is called in snapshots.
pub(crate) const BEGAN: &str = "·began";

impl Beat {
    /// `began` is what a snapshot says; a job that begins anew begins now.
    pub(crate) fn new(clock: Arc<dyn Clock>, began: Option<i64>) -> Beat {
        let began = began.unwrap_or_else(|| clock.wall_micros());
        Beat { clock, began }
    }

    /// For a snapshot.
    pub(crate) fn began(&self) -> i64 {
        self.began
    }

    /// The first moment from now on that is a multiple of this behind the beginning.
    pub(crate) fn first(&self, every: Duration) -> Deadline {
        let micros = (every.as_micros() as i64).max(1);
        // A clock that was put back counts as one that has just begun.
        let passed = self.clock.wall_micros().saturating_sub(self.began).max(0);
        Deadline::after(self.clock.as_ref(), Duration::from_micros((micros - passed % micros) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many seconds after 1970, on both clocks.
    struct At(u64);

    impl Clock for At {
        fn wall_micros(&self) -> i64 {
            self.0 as i64 * 1_000_000
        }
        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.0)
        }
        fn sleep(&self, _time: Duration) {}
    }

    #[test]
    fn a_job_that_goes_on_keeps_the_beat_of_its_first_start() {
        let hour = Duration::from_secs(3600);
        assert_eq!(Beat::new(Arc::new(At(1000)), None).first(hour).at(), Duration::from_secs(4600));
        // Begun at second 1000, and restarted 50 minutes later.
        let again = Beat::new(Arc::new(At(4000)), Some(1_000_000_000));
        assert_eq!(again.first(hour).at(), Duration::from_secs(4600));
        let late = Beat::new(Arc::new(At(10_000)), Some(1_000_000_000));
        assert_eq!(late.first(hour).at(), Duration::from_secs(11_800));
    }
}
