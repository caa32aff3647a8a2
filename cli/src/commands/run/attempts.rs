//! The jobs of a run, one after the other: where a disk failed, so that what was written since the last checkpoint may be lost,
//! the next one begins there, as a `flow run` by hand would. (Flink calls it a restart strategy, with delays that grow.)

use super::signals::Signals;
use crate::commands::jobs::begins_from;
use crate::control::{Seen, Server};
use crate::failure;
use crate::numbers::{count, time};
use crate::progress::Live;
use crate::render::Look;
use crate::status::{Outcome, Status, Stop};
use flow_driver::Compilation;
use flow_engine::{Again, Beginning, JobError, JobHandle, JobOptions, StartError};
use flow_env::Env;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Between two drawings of the live line.
const REDRAW: Duration = Duration::from_millis(200);
/// How long a job that must end at once may take to end by itself.
const GRACE: Duration = Duration::from_secs(1);
/// Before the first attempt behind a failure, and before any: each waits twice as long as the one before.
const AT_FIRST: Duration = Duration::from_secs(1);
const AT_MOST: Duration = Duration::from_secs(30);
/// So many attempts one after the other may bring no checkpoint. (Space is waited for however long it takes.)
const ATTEMPTS: u32 = 5;
/// Said behind so many that brought none.
const EXHAUSTED: &str = "the job was begun again 5 times and came to no checkpoint: what is committed stays, and the next `flow run` goes on from there\n";
/// Said of a job that was ended at once.
const NOTHING_KEPT: &str = "nothing of this run was kept\n";
/// The same if it had made checkpoints.
const COMMITTED_KEPT: &str =
    "what the last checkpoint holds stays, and rows behind it come again with the next run\n";

/// Begins a job.
type Start<'a> = dyn Fn(&JobOptions) -> Result<JobHandle, StartError> + 'a;

/// A run: what its jobs have in common.
pub(super) struct Attempts<'a> {
    pub(super) start: &'a Start<'a>,
    pub(super) compiled: &'a Compilation,
    pub(super) live: &'a Arc<Live>,
    pub(super) signals: &'a Signals,
    pub(super) look: Look,
    pub(super) env: &'a Env,
}

/// Why there is no job any more.
enum Failed {
    /// It did not begin.
    Start(StartError),
    /// It began.
    Job(Box<JobError>),
}

impl Failed {
    /// May another one go well?
    fn again(&self) -> Again {
        match self {
            Failed::Start(error) => error.again,
            Failed::Job(error) => error.again,
        }
    }
}

impl Attempts<'_> {
    /// Works until the end, or until nothing can be done any more.
    pub(super) fn work(&self, mut options: JobOptions) -> Outcome {
        let mut patience = Patience::default();
        let (seen, mut server) = (Seen::default(), None);
        loop {
            let failed = match (self.start)(&options) {
                Ok(job) => {
                    self.signals.control.begun(job.control());
                    if let (None, Some(checkpoints)) = (&server, &options.checkpoints) {
                        server = self.listen(checkpoints.store.folder().path(), &seen);
                    }
                    match self.follow(job, &seen, &mut patience) {
                        Ok(status) => return Ok(status),
                        Err(failed) => failed,
                    }
                }
                Err(error) if error.cancelled => {
                    self.live.say("stopped before it began: what it goes on from is as it was\n");
                    return Ok(Status::Done);
                }
                // The first one begins, or is refused.
                Err(error) if patience.waited == 0 => {
                    Failed::Start(StartError { again: Again::Never, ..error })
                }
                Err(error) => Failed::Start(error),
            };
            self.signals.control.over();
            let Some(pause) = patience.next(failed.again()) else {
                let outcome = self.give_up(&failed, &options.base);
                if patience.broken > ATTEMPTS {
                    self.live.say(EXHAUSTED);
                }
                return outcome;
            };
            self.say(&failed, &patience, pause, &options);
            if !self.wait(pause) {
                self.live.say("stopped before it began again\n");
                return self.give_up(&failed, &options.base);
            }
            if let Some(checkpoints) = &mut options.checkpoints {
                checkpoints.beginning = Beginning::GoOn;
            }
        }
    }

    /// Listens to `flow stop` and its like. A job that cannot be asked runs all the same.
    fn listen(&self, folder: &Path, seen: &Seen) -> Option<Server> {
        match Server::start(folder, self.signals.control.clone(), seen.clone(), self.env) {
            Ok(server) => Some(server),
            Err(error) => {
                self.live.say(&format!(
                    "the job cannot be stopped from elsewhere, or asked for savepoints: {error}\n"
                ));
                None
            }
        }
    }

    /// Waits for the end of a job, and says how it ended, unless another one is to follow.
    fn follow(&self, mut job: JobHandle, seen: &Seen, patience: &mut Patience) -> Result<Status, Failed> {
        let ended_in_time = self.watch(&mut job, seen);
        if job.progress().checkpoint.is_some() {
            patience.progressed();
        }
        let kept = if patience.committed { COMMITTED_KEPT } else { NOTHING_KEPT };
        if !ended_in_time {
            // A sink waits for a reader that does not read. What it holds is not looked at again.
            self.live.say(kept);
            std::process::exit(Status::Failed as i32);
        }
        let ended = job.wait();
        let at_once = self.signals.count() > 1;
        match ended {
            Ok(_) if at_once => {
                self.live.say(kept);
                Ok(Status::Failed)
            }
            Ok(summary) => {
                self.live.say(&super::told(&summary));
                Ok(Status::Done)
            }
            Err(error) => Err(Failed::Job(error)),
        }
    }

    /// Waits for a job's end; `false` if it was told to end at once and does not.
    fn watch(&self, job: &mut JobHandle, seen: &Seen) -> bool {
        let mut overdue = Duration::ZERO;
        while !job.wait_at_most(REDRAW) {
            if self.signals.count() > 1 {
                overdue += REDRAW;
                if overdue > GRACE {
                    self.live.clear();
                    return false;
                }
            }
            let progress = job.progress();
            if self.live.draws() {
                self.live.draw(&progress);
            }
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = progress;
        }
        self.live.clear();
        true
    }

    /// Says that the next job begins, and when. What goes on for a night is no log of a thousand lines.
    fn say(&self, failed: &Failed, patience: &Patience, pause: Duration, options: &JobOptions) {
        let what = match failed {
            Failed::Start(error) => error.to_string(),
            Failed::Job(error) => error.to_string(),
        };
        let attempt = match failed.again() {
            Again::Perhaps => format!("{} of {ATTEMPTS}", patience.broken),
            _ if patience.waited > ATTEMPTS && !patience.waited.is_power_of_two() => return,
            _ => count(patience.waited.into()),
        };
        let folder = options.checkpoints.as_ref().map(|checkpoints| checkpoints.store.folder());
        let from = folder.map_or("its last checkpoint", begins_from);
        self.live.say(&format!(
            "{what}\nthe job begins again from {from} in {} (attempt {attempt})\n",
            time(pause),
        ));
    }

    /// Lets time pass; `false`: nobody wants another job any more.
    fn wait(&self, pause: Duration) -> bool {
        let mut left = pause;
        while !left.is_zero() && !self.signals.control.is_cancelled() {
            let nap = left.min(REDRAW);
            self.env.clock.sleep(nap);
            left -= nap;
        }
        !self.signals.control.is_cancelled()
    }

    /// Says why there is no next job.
    fn give_up(&self, failed: &Failed, base: &Path) -> Outcome {
        let sources = &self.compiled.sources;
        match failed {
            Failed::Start(error) => {
                self.live.say(&failure::not_started(error, sources, base, self.env, self.look));
                // What had begun, and cannot go on, has failed.
                match self.signals.control.has_begun() {
                    true => Ok(Status::Failed),
                    false => Err(Stop::silent(Status::Outside)),
                }
            }
            Failed::Job(error) => {
                self.live.say(&failure::failed(error, sources, base, self.env, self.look));
                Ok(Status::Failed)
            }
        }
    }
}

/// How often jobs failed one after the other without a checkpoint between, and how long the next one waits.
#[derive(Default)]
struct Patience {
    /// For whatever reason.
    waited: u32,
    /// For another reason than space.
    broken: u32,
    /// A job of this run has made a checkpoint.
    committed: bool,
}

impl Patience {
    /// A job made a checkpoint.
    fn progressed(&mut self) {
        *self = Patience { committed: true, ..Patience::default() };
    }

    /// How long to wait before the next one; `None`: there is none.
    fn next(&mut self, again: Again) -> Option<Duration> {
        match again {
            Again::Never => return None,
            Again::Perhaps => self.broken += 1,
            Again::WithSpace => {}
        }
        if self.broken > ATTEMPTS {
            return None;
        }
        self.waited += 1;
        Some(AT_FIRST.saturating_mul(1 << (self.waited - 1).min(8)).min(AT_MOST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(again: impl IntoIterator<Item = Again>) -> Vec<Option<u64>> {
        let mut patience = Patience::default();
        again.into_iter().map(|again| patience.next(again).map(|pause| pause.as_secs())).collect()
    }

    #[test]
    fn a_disk_that_fails_is_tried_five_times_and_each_time_later() {
        assert_eq!(pauses([Again::Perhaps; 6]), [Some(1), Some(2), Some(4), Some(8), Some(16), None]);
        assert!(EXHAUSTED.contains(&format!(" {ATTEMPTS} times")));
    }

    #[test]
    fn space_is_waited_for_however_long_it_takes() {
        assert_eq!(pauses([Again::WithSpace; 1_000]).last(), Some(&Some(30)));
    }

    #[test]
    fn what_cannot_go_well_is_not_tried_again() {
        assert_eq!(pauses([Again::Never]), [None]);
    }

    #[test]
    fn who_waited_for_space_has_all_attempts_left_when_the_disk_breaks() {
        let night = pauses([Again::WithSpace; 100].into_iter().chain([Again::Perhaps; 6]));
        assert!(night[..105].iter().all(Option::is_some) && night[105].is_none());
    }

    #[test]
    fn a_checkpoint_between_two_failures_gives_all_attempts_back() {
        let mut patience = Patience::default();
        for _ in 0..100 {
            assert_eq!(patience.next(Again::Perhaps), Some(AT_FIRST));
            patience.progressed();
        }
        assert!(patience.committed);
    }
}
