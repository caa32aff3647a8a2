//! Threads and waiting: workers are spawned here and park here, so that a simulator can schedule them: threads that
//! belong to a [`Simulation`] start and wait as it says, all others as the machine does.

use crate::simulated::{Simulation, here};
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A running thread.
pub struct Worker<T> {
    thread: JoinHandle<T>,
    /// Its number in the simulation it belongs to.
    simulated: Option<usize>,
}

impl<T> Worker<T> {
    /// Waits for its end; a panic in it is given back.
    pub fn join(self) -> std::thread::Result<T> {
        if let (Some((simulation, me)), Some(number)) = (here(), self.simulated) {
            simulation.join(me, number);
        }
        self.thread.join()
    }
}

/// Starts a named thread.
pub fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Worker<T>> {
    if let Some((simulation, me)) = here() {
        let (thread, number) = simulation.spawn(me, name, work)?;
        return Ok(Worker { thread, simulated: Some(number) });
    }
    let thread = std::thread::Builder::new().name(name.to_string()).spawn(work)?;
    Ok(Worker { thread, simulated: None })
}

#[derive(Default)]
struct Token {
    woken: Mutex<bool>,
    changed: Condvar,
}

/// Waits until someone wakes it.
pub struct Parker(Rest);

/// Wakes a [`Parker`].
#[derive(Clone)]
pub struct Unparker(Rest);

#[derive(Clone)]
enum Rest {
    Real(Arc<Token>),
    Simulated(Simulation, usize),
}

/// A parker and its waker. A wake-up before the wait is not lost.
pub fn parker() -> (Parker, Unparker) {
    let rest = match here() {
        Some((simulation, _)) => {
            let parker = simulation.new_parker();
            Rest::Simulated(simulation, parker)
        }
        None => Rest::Real(Arc::default()),
    };
    (Parker(rest.clone()), Unparker(rest))
}

impl Parker {
    /// Waits for a wake-up, at most this long.
    pub fn park(&self, at_most: Duration) {
        match &self.0 {
            Rest::Real(token) => {
                let mut woken = token.woken.lock().unwrap_or_else(PoisonError::into_inner);
                if !*woken {
                    let waited = token.changed.wait_timeout(woken, at_most);
                    woken = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                *woken = false;
            }
            Rest::Simulated(simulation, parker) => {
                if let Some((_, me)) = here() {
                    simulation.park(me, *parker, at_most);
                }
            }
        }
    }
}

impl Unparker {
    /// Wakes the parker, now or at its next wait.
    pub fn unpark(&self) {
        match &self.0 {
            Rest::Real(token) => {
                let mut woken = token.woken.lock().unwrap_or_else(PoisonError::into_inner);
                if !*woken {
                    *woken = true;
                    token.changed.notify_one();
                }
            }
            Rest::Simulated(simulation, parker) => simulation.unpark(*parker),
        }
    }
}

/// How many workers this machine runs side by side.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
