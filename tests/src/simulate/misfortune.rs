//! What happens to a run.

use flow_engine::JobControl;
use flow_env::SimDisk;
use flow_plan::arbitrary::Arbitrary;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Between two looks at whether it is time.
pub(super) const LOOK: Duration = Duration::from_micros(200);

/// What happens to a run; counted in operations of the disk, or in the simulation's time, from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfortune {
    /// The power goes: what was not synced may be lost.
    PowerOff(u64),
    /// The process is killed: the disk keeps all.
    Kill(u64),
    /// One operation fails.
    Fail(u64),
    /// The disk has so many bytes of space left, until some are freed.
    Full(u64, Duration),
    /// It is told to stop.
    Stop(Duration),
    /// Everyone takes it for dead, and it goes on beside the next run.
    Late(Duration),
    /// None.
    None,
}

impl Misfortune {
    pub(super) fn any(random: &mut Arbitrary) -> Misfortune {
        // One in four comes while the run begins and recovers.
        let most = if random.one_in(4) { 60 } else { 1200 };
        let operation = random.below(most) as u64;
        let moment = Duration::from_micros(random.below(6_000) as u64);
        match random.below(18) {
            0..6 => Misfortune::PowerOff(operation),
            6..9 => Misfortune::Kill(operation),
            9..12 => Misfortune::Fail(operation),
            12 => Misfortune::Full(random.below(3000) as u64, moment),
            13 => Misfortune::Stop(moment),
            14..17 => Misfortune::Late(moment),
            _ => Misfortune::None,
        }
    }

    /// Tells the disk.
    pub(super) fn begins(self, disk: &SimDisk) {
        let now = disk.operations();
        match self {
            Misfortune::PowerOff(operation) | Misfortune::Kill(operation) => {
                disk.power_off_at(now + operation);
            }
            Misfortune::Fail(operation) => disk.fail_at(now + operation),
            Misfortune::Full(bytes, _) => disk.set_space(Some(disk.used() + bytes)),
            Misfortune::Stop(_) | Misfortune::Late(_) | Misfortune::None => {}
        }
    }

    /// Goes on beside the run until that is over; `since` says whether so much time has passed.
    pub(super) fn happens(
        self,
        disk: &SimDisk,
        control: &JobControl,
        since: impl Fn(Duration) -> bool,
        over: &AtomicBool,
    ) {
        let (rest, _) = flow_env::parker();
        while !over.load(Ordering::SeqCst) {
            match self {
                _ if disk.is_off() => return control.abort(),
                Misfortune::Full(_, moment) if since(moment) => return disk.set_space(None),
                Misfortune::Stop(moment) if since(moment) => return control.stop(),
                _ => rest.park(LOOK),
            }
        }
    }

    /// Has it come, so that the run may have failed?
    pub(super) fn came(self, disk: &SimDisk) -> bool {
        match self {
            Misfortune::PowerOff(_) | Misfortune::Kill(_) => disk.is_off(),
            Misfortune::Fail(_) => disk.failed().is_some(),
            Misfortune::Full(..) => true,
            Misfortune::Stop(_) | Misfortune::Late(_) | Misfortune::None => false,
        }
    }

    /// The run is over: what the next one finds.
    pub(super) fn ends(self, disk: &SimDisk) {
        disk.set_space(None);
        match self {
            Misfortune::PowerOff(_) if disk.is_off() => disk.boot(),
            _ => disk.kill(),
        }
    }
}
