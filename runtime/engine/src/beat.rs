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

/// The moments of an operator that gives something again and again.
pub(crate) struct Beats {
    every: Duration,
    next: Deadline,
}

impl Beats {
    pub(crate) fn new(beat: &Beat, every: Duration) -> Beats {
        Beats { every, next: beat.first(every) }
    }

    pub(crate) fn next(&self) -> Deadline {
        self.next
    }

    /// This one was heard: goes on to the first behind now.
    pub(crate) fn heard(&mut self, clock: &dyn Clock) {
        if self.next.passed(clock) {
            self.step(self.missed(clock) + 1);
        }
    }

    /// Those before now had nothing to give: goes on to the first that is not before now.
    pub(crate) fn skip(&mut self, clock: &dyn Clock) {
        let missed = self.missed(clock);
        self.step(missed);
        if self.next.at() < clock.elapsed() {
            self.step(1);
        }
    }

    /// How many whole beats lie between the next one and now.
    fn missed(&self, clock: &dyn Clock) -> u128 {
        clock.elapsed().saturating_sub(self.next.at()).as_nanos() / self.every.as_nanos().max(1)
    }

    fn step(&mut self, beats: u128) {
        let nanos = self.every.as_nanos().saturating_mul(beats);
        self.next = self.next.later(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
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

    #[test]
    fn beats_that_were_missed_are_left_out_and_the_others_stay_where_they_are() {
        let seconds = Duration::from_secs;
        let beats = || Beats::new(&Beat::new(Arc::new(At(1000)), None), seconds(10));
        assert_eq!(beats().next().at(), seconds(1010));
        // (now, the next beat if that one was heard, the next one if those before had nothing to give)
        for (now, heard, skipped) in [
            (1009, 1010, 1010),
            (1010, 1020, 1010),
            (1011, 1020, 1020),
            (1040, 1050, 1040),
            (87_405, 87_410, 87_410),
        ] {
            let mut beats = [beats(), beats()];
            beats[0].heard(&At(now));
            beats[1].skip(&At(now));
            let next = beats.map(|beats| beats.next().at());
            assert_eq!(next, [seconds(heard), seconds(skipped)], "at second {now}");
        }
    }
}
