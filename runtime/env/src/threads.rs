//! Threads and waiting: workers are spawned here and park here, so that a simulator can schedule them.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A running thread.
pub struct Worker<T>(JoinHandle<T>);

impl<T> Worker<T> {
    /// Waits for its end; a panic in it is given back.
    pub fn join(self) -> std::thread::Result<T> {
        self.0.join()
    }
}

/// Starts a named thread.
pub fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Worker<T>> {
    std::thread::Builder::new().name(name.to_string()).spawn(work).map(Worker)
}

#[derive(Default)]
struct Token {
    woken: Mutex<bool>,
    changed: Condvar,
}

/// Waits until someone wakes it.
pub struct Parker(Arc<Token>);

/// Wakes a [`Parker`].
#[derive(Clone)]
pub struct Unparker(Arc<Token>);

/// A parker and its waker. A wake-up before the wait is not lost.
pub fn parker() -> (Parker, Unparker) {
    let token = Arc::new(Token::default());
    (Parker(token.clone()), Unparker(token))
}

impl Parker {
    /// Waits for a wake-up, at most this long.
    pub fn park(&self, at_most: Duration) {
        let mut woken = self.0.woken.lock().unwrap_or_else(PoisonError::into_inner);
        if !*woken {
            woken = self.0.changed.wait_timeout(woken, at_most).unwrap_or_else(PoisonError::into_inner).0;
        }
        *woken = false;
    }
}

impl Unparker {
    /// Wakes the parker, now or at its next wait.
    pub fn unpark(&self) {
        let mut woken = self.0.woken.lock().unwrap_or_else(PoisonError::into_inner);
        if !*woken {
            *woken = true;
            self.0.changed.notify_one();
        }
    }
}

/// How many workers this machine runs side by side.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
