//! How a run is told to end, by signals and from elsewhere, whether its job works or is still to begin.

use flow_engine::{JobControl, SpaceFor, Told};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The job of a run, while there is one. Between two, when a disk has failed and the run begins again, it can be kept from that.
#[derive(Default)]
pub(crate) struct RunControl {
    job: Mutex<Option<JobControl>>,
    /// There was a job.
    has_begun: AtomicBool,
    /// No job is to begin.
    cancelled: Arc<AtomicBool>,
    /// For what the job waits for space, and what is missing.
    full: Mutex<BTreeMap<SpaceFor, String>>,
}

impl RunControl {
    /// The job has begun. Whoever told the run to stop may have come too late to keep it from that.
    pub(crate) fn begun(&self, control: JobControl) {
        let mut job = self.job();
        if self.is_cancelled() {
            control.stop();
        }
        *job = Some(control);
        self.has_begun.store(true, Ordering::Release);
    }

    /// The job is over, and another one may begin.
    pub(crate) fn over(&self) {
        *self.job() = None;
        self.full().clear();
    }

    /// Hears what happens to all that the job writes.
    pub(crate) fn told(&self, told: &Told) {
        match told {
            Told::Full { what, why } => drop(self.full().insert(what.clone(), why.clone())),
            Told::Fits { what } => drop(self.full().remove(what)),
            _ => {}
        }
    }

    /// Is no job to begin any more?
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// The same, for who begins one.
    pub(crate) fn cancelled(&self) -> Arc<AtomicBool> {
        self.cancelled.clone()
    }

    /// Did a job begin, at some time?
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    /// Is there a job that works?
    pub(crate) fn works(&self) -> bool {
        self.job().is_some()
    }

    /// Lets the job come to its end, and keeps another one from beginning: it may fail before it hears of this.
    pub(crate) fn stop(&self) {
        let job = self.job();
        self.cancelled.store(true, Ordering::Release);
        job.iter().for_each(JobControl::stop);
    }

    /// Ends the job at once; gives whether there is one.
    pub(crate) fn abort(&self) -> bool {
        let job = self.job();
        job.iter().for_each(JobControl::abort);
        job.is_some()
    }

    /// Asks for a savepoint. Of a job that waits for space there is none before it has some: who asks is told.
    pub(crate) fn savepoint(&self) -> Receiver<Result<u64, String>> {
        if let Some(why) = self.full().values().next() {
            return refused(format!("it waits for space ({why}); ask once more when it goes on"));
        }
        self.job().as_ref().map_or_else(waits, JobControl::savepoint)
    }

    /// Asks for a savepoint of where the job ends.
    pub(crate) fn stop_with_savepoint(&self) -> Receiver<Result<u64, String>> {
        self.job().as_ref().map_or_else(waits, JobControl::stop_with_savepoint)
    }

    fn job(&self) -> MutexGuard<'_, Option<JobControl>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn full(&self) -> MutexGuard<'_, BTreeMap<SpaceFor, String>> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer of a run whose job does not work.
fn waits() -> Receiver<Result<u64, String>> {
    refused(
        "its disk failed, and it waits to begin again; ask once more when it works, or stop it: its last checkpoint can be saved then".into(),
    )
}

fn refused(why: String) -> Receiver<Result<u64, String>> {
    let (reply, answer) = channel();
    // The receiver is at hand.
    let _ = reply.send(Err(why));
    answer
}
