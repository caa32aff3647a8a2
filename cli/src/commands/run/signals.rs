//! Ctrl-C: the first lets what is on its way through, or keeps a job that still takes over its state from beginning; the second
//! ends at once.

use crate::progress::Live;
use crate::status::Status;
use flow_engine::JobControl;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What signals came, and whom they tell.
#[derive(Default)]
pub(super) struct Signals {
    seen: AtomicU32,
    /// The job is not to begin.
    pub(super) cancelled: Arc<AtomicBool>,
    /// The job, once it has begun.
    control: Mutex<Option<JobControl>>,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn listen(live: Arc<Live>) -> Arc<Signals> {
        let signals = Arc::new(Signals::default());
        let told = signals.clone();
        // Without a handler the first signal ends the process: no reason to refuse to run.
        let _ = ctrlc::set_handler(move || told.come(&live));
        signals
    }

    /// How many came.
    pub(super) fn count(&self) -> u32 {
        self.seen.load(Ordering::SeqCst)
    }

    /// The job has begun. A signal may have come too late to keep it from that.
    pub(super) fn begun(&self, control: JobControl) {
        let mut job = self.job();
        if self.cancelled.load(Ordering::Acquire) {
            control.stop();
        }
        *job = Some(control);
    }

    fn job(&self) -> MutexGuard<'_, Option<JobControl>> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn come(&self, live: &Live) {
        let count = self.seen.fetch_add(1, Ordering::SeqCst);
        match (count, &*self.job()) {
            (0, Some(control)) => {
                live.say("stopping: what was read is finished and written (again to stop at once)\n");
                control.stop();
            }
            (0, None) => {
                live.say("stopping before the job has begun (again to stop at once)\n");
                self.cancelled.store(true, Ordering::Release);
            }
            (1, Some(control)) => control.abort(),
            _ => std::process::exit(Status::Failed as i32),
        }
    }
}
