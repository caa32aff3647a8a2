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

/// So many threads share such work at most: it comes from files, which may say that there were thousands.
const MOST_HELPERS: usize = 16;

/// Does something with each of these, side by side in some threads of which this one is one; gives what comes of it, in their
/// order. A panic in one goes on here. All are waited for, also if one cannot be started.
pub fn side_by_side<T: Send + 'static, R: Send + 'static>(
    name: &str,
    items: Vec<T>,
    act: impl Fn(T) -> R + Send + Sync + 'static,
) -> io::Result<Vec<R>> {
    let act = Arc::new(act);
    let each = items.len().div_ceil(MOST_HELPERS).max(1);
    let mut items = items.into_iter();
    let mut groups = Vec::new();
    while items.len() > each {
        groups.push(items.by_ref().take(each).collect::<Vec<T>>());
    }
    let helpers = groups.into_iter().map(|group| {
        let act = act.clone();
        spawn(name, move || group.into_iter().map(|item| act(item)).collect::<Vec<R>>())
    });
    let helpers = helpers.collect::<Vec<_>>();
    let last: Vec<R> = items.map(|item| act(item)).collect();
    let joined = helpers
        .into_iter()
        .map(|helper| Ok(helper?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))));
    let joined = joined.collect::<Vec<io::Result<Vec<R>>>>().into_iter().collect::<io::Result<Vec<_>>>()?;
    Ok(joined.into_iter().flatten().chain(last).collect())
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

#[cfg(test)]
mod tests {
    use super::side_by_side;
    use std::collections::HashSet;

    #[test]
    fn thousands_of_things_are_done_in_some_threads_and_come_back_in_order() {
        for count in [0, 1, 2, 15, 16, 17, 31, 33, 5000] {
            let items: Vec<usize> = (0..count).collect();
            let done = side_by_side("test", items, |n| (n * 2, std::thread::current().id())).unwrap();
            assert!(done.iter().map(|(n, _)| *n).eq((0..count).map(|n| n * 2)), "{count}");
            let threads = done.iter().map(|(_, thread)| thread).collect::<HashSet<_>>().len();
            assert!(
                threads == count.min(threads) && threads <= 16 && (count != 16 || threads == 16),
                "{count}: {threads}"
            );
        }
    }
}
