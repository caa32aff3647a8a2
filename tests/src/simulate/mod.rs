//! Whole jobs in a simulation (`flow_env::Simulation`): the engine's own workers, sequencer, checkpointer, sources and file
//! sinks, one thread at a time as the seed says, on a disk that loses, tears, reorders, fails and fills up. A job is started
//! again and again, dies at any operation of the disk, also while it recovers, is stopped, or goes on unseen while the
//! next run begins. What its sink shows is compared with the evaluator's rows at every moment.
//!
//! A seed is one life of one job: the same seed gives the same trace, whatever the machine does.

mod crowd;
mod input;
mod life;
mod misfortune;

pub use life::{Life, live};

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a campaign is run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Lives.
    pub runs: u64,
    /// The first one's seed; the next ones have the numbers behind it.
    pub seed: u64,
    /// Threads of this machine, each with lives of its own.
    pub threads: usize,
}

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Jobs, from their first start until they were done.
    pub runs: u64,
    /// All of their lives together.
    pub all: Life,
}

/// Lives of jobs, until one goes wrong.
pub fn campaign(plan: Plan) -> Result<Tally, String> {
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let wrong = Mutex::new(None::<(u64, String)>);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            if number >= plan.runs || wrong.lock().is_ok_and(|wrong| wrong.is_some()) {
                return;
            }
            let seed = plan.seed.wrapping_add(number);
            match live(seed) {
                Ok(life) => {
                    let Ok(mut tally) = tally.lock() else { return };
                    tally.runs += 1;
                    tally.all.add(&life);
                }
                Err(why) => {
                    let Ok(mut wrong) = wrong.lock() else { return };
                    // The same one every time, however many threads there are.
                    if wrong.as_ref().is_none_or(|(known, _)| seed < *known) {
                        *wrong = Some((seed, why));
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        (0..plan.threads.max(1)).for_each(|_| drop(scope.spawn(work)));
    });
    match wrong.into_inner() {
        Ok(Some((seed, why))) => Err(format!("seed {seed}: {why}")),
        _ => tally.into_inner().map_err(|_| "a thread of the campaign broke".to_string()),
    }
}
