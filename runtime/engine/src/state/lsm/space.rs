//! A disk on which there is no room for state: who has to write waits until there is.

use super::ColdError;
use crate::checkpoints::{Tell, Told};
use flow_checkpoint::{Failure, Problem};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Before it is tried again, at first and at most: what took the space may go at once, or in the morning.
const AT_FIRST: Duration = Duration::from_millis(1);
const AT_MOST: Duration = Duration::from_secs(1);
/// Between two looks at whether the job still waits.
const LOOK: Duration = Duration::from_millis(50);

/// Why a job does not wait (any more), if it does not: the end of a sentence that says what is missing.
pub(crate) type Hurry = Box<dyn Fn() -> Option<&'static str> + Send + Sync>;

/// The space in a folder, for all workers of a job.
pub(crate) struct Space {
    folder: PathBuf,
    hurry: Hurry,
    tell: Option<Tell>,
    /// Workers that wait. The job is told of once, when the first begins and when the last goes on.
    waiting: Mutex<usize>,
}

/// Does an error say that there is no space, which may return? (Not that a file may become no larger.)
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Space {
    pub(super) fn new(folder: PathBuf, hurry: Hurry, tell: Option<Tell>) -> Space {
        Space { folder, hurry, tell, waiting: Mutex::new(0) }
    }

    /// Does what takes space. Where there is none, it is done again when there may be some: it is told that it is, so that it
    /// takes away first what it left half done. Any other error is one, and this one is if the job does not wait.
    pub(super) fn take<T>(&self, mut act: impl FnMut(bool) -> io::Result<T>) -> Result<T, ColdError> {
        let mut full = match act(false) {
            Err(error) if is_full(&error) => error,
            done => return Ok(done?),
        };
        self.still(&full)?;
        let mut wait = self.begin(&full);
        let mut pause = AT_FIRST;
        loop {
            self.rest(pause, &full)?;
            pause = (pause * 2).min(AT_MOST);
            full = match act(true) {
                Err(error) if is_full(&error) => error,
                done => {
                    wait.goes_on = done.is_ok();
                    return Ok(done?);
                }
            };
        }
    }

    /// Lets some time pass.
    fn rest(&self, time: Duration, full: &io::Error) -> Result<(), ColdError> {
        // Nobody wakes it: what returns space does not say so.
        let (parker, _) = flow_env::parker();
        let mut left = time;
        while !left.is_zero() {
            let nap = left.min(LOOK);
            parker.park(nap);
            left -= nap;
            self.still(full)?;
        }
        Ok(())
    }

    /// An error if the job does not wait (any more).
    fn still(&self, full: &io::Error) -> Result<(), ColdError> {
        match (self.hurry)() {
            None => Ok(()),
            Some(why) => Err(ColdError::new(format!("{}{why}", self.missing(full)))),
        }
    }

    /// What is missing and what to do, in the words of checkpoints.
    fn missing(&self, full: &io::Error) -> String {
        Failure::new(&self.folder, Problem::Io(full.kind().into())).to_string()
    }

    fn begin(&self, full: &io::Error) -> Wait<'_> {
        let mut waiting = self.waiting();
        *waiting += 1;
        if *waiting == 1 {
            self.tell(Told::Full { why: self.missing(full) });
        }
        Wait { space: self, goes_on: false }
    }

    fn tell(&self, told: Told) {
        self.tell.iter().for_each(|tell| tell(&told));
    }

    fn waiting(&self) -> MutexGuard<'_, usize> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker that waits.
struct Wait<'a> {
    space: &'a Space,
    /// There is space again.
    goes_on: bool,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut waiting = self.space.waiting();
        *waiting -= 1;
        if *waiting == 0 && self.goes_on {
            self.space.tell(Told::Fits);
        }
    }
}
