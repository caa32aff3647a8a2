//! A disk on which there is no room, for state or for the rows of a sink: who has to write waits until there is.

use crate::checkpoints::{SpaceFor, Tell, Told};
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Before it is tried again, at first and at most: what took the space may go at once, or in the morning.
const AT_FIRST: Duration = Duration::from_millis(1);
const AT_MOST: Duration = Duration::from_secs(1);
/// Between two looks at whether the job still waits.
const LOOK: Duration = Duration::from_millis(50);

/// Why a job does not wait (any more), if it does not: the end of a sentence that says what is missing.
pub(crate) type Hurry = Box<dyn Fn() -> Option<&'static str> + Send + Sync>;

/// An error that may mean that there was no space.
pub trait NoSpace {
    /// What is missing, where, and what to do, if this was for want of space, which may return.
    fn missing(&self) -> Option<&str>;
    /// The same, with the end of the sentence: why nobody waits for it.
    fn given_up(self, why: &str) -> Self;
}

/// Does an error say that there is no space, which may return? (Not that a file may become no larger.)
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The space that state on disk, or a sink, has: for all workers of a job.
pub struct Space {
    what: SpaceFor,
    tell: Option<Tell>,
    /// Not known before the job runs: until then nobody waits.
    hurry: OnceLock<Hurry>,
    /// Workers that wait. The job is told of once, when the first begins and when the last goes on.
    waiting: Mutex<usize>,
}

impl Space {
    /// Space for which nobody waits yet; `tell` hears of it when somebody does.
    pub fn new(what: SpaceFor, tell: Option<Tell>) -> Space {
        Space { what, tell, hurry: OnceLock::new(), waiting: Mutex::new(0) }
    }

    /// From here on it is waited for, unless workers must hurry.
    pub(crate) fn wait_unless(&self, hurry: Hurry) {
        // It is said once.
        let _ = self.hurry.set(hurry);
    }

    /// Does what takes space. Where there is none, it is done again when there may be some: it is told that it is, so that it
    /// takes away first what it left half done. Any other error is one, and this one is if the job does not wait.
    pub fn take<T, E: NoSpace>(&self, mut act: impl FnMut(bool) -> Result<T, E>) -> Result<T, E> {
        let mut full = match act(false) {
            Err(error) if error.missing().is_some() => error,
            done => return done,
        };
        full = self.still(full)?;
        let mut wait = self.begin(&full);
        let mut pause = AT_FIRST;
        loop {
            self.rest(pause, full)?;
            pause = (pause * 2).min(AT_MOST);
            full = match act(true) {
                Err(error) if error.missing().is_some() => error,
                done => {
                    wait.goes_on = done.is_ok();
                    return done;
                }
            };
        }
    }

    /// Lets some time pass.
    fn rest<E: NoSpace>(&self, time: Duration, mut full: E) -> Result<(), E> {
        // Nobody wakes it: what returns space does not say so.
        let (parker, _) = flow_env::parker();
        let mut left = time;
        while !left.is_zero() {
            let nap = left.min(LOOK);
            parker.park(nap);
            left -= nap;
            full = self.still(full)?;
        }
        Ok(())
    }

    /// The error again if the job does not wait (any more).
    fn still<E: NoSpace>(&self, full: E) -> Result<E, E> {
        match self.hurry.get().map_or(Some(""), |hurry| hurry()) {
            None => Ok(full),
            Some(why) => Err(full.given_up(why)),
        }
    }

    fn begin<E: NoSpace>(&self, full: &E) -> Wait<'_> {
        let mut waiting = self.waiting();
        *waiting += 1;
        if *waiting == 1 {
            let why = full.missing().unwrap_or_default().to_string();
            self.tell(Told::Full { what: self.what.clone(), why });
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
            self.space.tell(Told::Fits { what: self.space.what.clone() });
        }
    }
}
