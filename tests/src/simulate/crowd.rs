//! The folder for state on disk is full for a while, beside whatever else happens to a run.

use super::misfortune::LOOK;
use flow_env::SimDisk;
use flow_plan::arbitrary::Arbitrary;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Where runs put state for which they have no memory.
pub(super) const SPILLED: &str = "/spilled";

/// When the folder becomes full, in the simulation's time from the start of the run, but for how many bytes, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    comes: Duration,
    left: u64,
    lasts: Duration,
}

impl Crowd {
    pub(super) fn any(random: &mut Arbitrary) -> Crowd {
        let mut moment = |most| Duration::from_micros(random.below(most) as u64);
        let (comes, lasts) = (moment(1_500), moment(6_000));
        Crowd { comes, lasts, left: random.below(600) as u64 }
    }

    /// Goes on beside the run until that is over; `since` says whether so much time has passed.
    pub(super) fn happens(self, disk: &SimDisk, since: impl Fn(Duration) -> bool, over: &AtomicBool) {
        let (rest, _) = flow_env::parker();
        let until = |moment: Duration| {
            while !since(moment) && !over.load(Ordering::SeqCst) {
                rest.park(LOOK);
            }
        };
        until(self.comes);
        disk.set_quota(Path::new(SPILLED), Some(self.left));
        until(self.comes + self.lasts);
        disk.set_quota(Path::new(SPILLED), None);
    }
}
