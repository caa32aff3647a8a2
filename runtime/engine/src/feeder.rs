//! A thread of its own for a source that blocks: standard input, or a compressed file that is
//! unpacked while workers decode. Without it a worker that waits for input could not go on with
//! its shard of the operators, and a job could not stop while nobody types.

use crate::source::{Next, Source, SourceError};
use flow_env::{Parker, Unparker, parker, spawn};
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Chunks that wait for a worker.
const AHEAD: usize = 4;
/// How long the feeder sleeps when its source has nothing: the outside cannot wake it.
const PENDING: Duration = Duration::from_millis(1);
/// What a lost wake-up would cost at the most.
const SAFETY: Duration = Duration::from_millis(50);

/// The workers' end of a source that runs on a thread of its own.
pub(crate) struct Feeder {
    shared: Arc<Shared>,
    thread: Unparker,
}

struct Shared {
    waiting: Mutex<VecDeque<Result<Next, SourceError>>>,
    /// The job does not want any more.
    dropped: AtomicBool,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Result<Next, SourceError>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feeder {
    /// Moves the source to its thread. Nobody joins it: it may hang in a read that never returns.
    pub(crate) fn start(source: Box<dyn Source>, workers: Vec<Unparker>) -> io::Result<Feeder> {
        let shared = Arc::new(Shared { waiting: Mutex::default(), dropped: AtomicBool::new(false) });
        let (rest, thread) = parker();
        let theirs = shared.clone();
        spawn("flow-feeder", move || feed(source, &theirs, &rest, &workers))?;
        Ok(Feeder { shared, thread })
    }

    /// As [`Source::next`], without waiting.
    pub(crate) fn next(&self) -> Result<Next, SourceError> {
        let taken = self.shared.waiting().pop_front();
        self.thread.unpark();
        taken.unwrap_or(Ok(Next::Pending))
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.shared.dropped.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

fn feed(mut source: Box<dyn Source>, shared: &Shared, rest: &Parker, workers: &[Unparker]) {
    while !shared.dropped.load(Ordering::Acquire) {
        if shared.waiting().len() >= AHEAD {
            rest.park(SAFETY);
            continue;
        }
        let next = catch_unwind(AssertUnwindSafe(|| source.next()))
            .unwrap_or_else(|_| Err(SourceError::Read("internal error: the source panicked".into())));
        if matches!(next, Ok(Next::Pending)) {
            rest.park(PENDING);
            continue;
        }
        let last = !matches!(next, Ok(Next::Chunk(_)));
        shared.waiting().push_back(next);
        workers.iter().for_each(Unparker::unpark);
        if last {
            return;
        }
    }
}
