//! Ctrl-C: the first lets what is on its way through, or keeps a job that still takes over its state from beginning; the second
//! ends at once.

use crate::control::RunControl;
use crate::progress::Live;
use crate::status::Status;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What signals came, and what they tell to end.
#[derive(Default)]
pub(super) struct Signals {
    seen: AtomicU32,
    /// The run.
    pub(super) control: Arc<RunControl>,
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

    fn come(&self, live: &Live) {
        match self.seen.fetch_add(1, Ordering::SeqCst) {
            0 => {
                // Said first: the job may end, and the process with it, as soon as it is told.
                live.say(match self.control.works() {
                    true => "stopping: what was read is finished and written (again to stop at once)\n",
                    false if self.control.has_begun() => {
                        "stopping before the job begins again (again to stop at once)\n"
                    }
                    false => "stopping before the job has begun (again to stop at once)\n",
                });
                self.control.stop();
            }
            1 if self.control.abort() => {}
            _ => std::process::exit(Status::Failed as i32),
        }
    }
}
