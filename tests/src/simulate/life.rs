//! The life of one job, from its first start until it is done.

use super::crowd::{Crowd, SPILLED};
use super::input::{FOLDER, Input, input};
use super::misfortune::Misfortune;
use crate::crash::files::rows_of;
use crate::crash::rows::{Bag, compare, no_more_than};
use flow_checkpoint::{Job as Store, Launch};
use flow_connectors::StandardConnectors;
use flow_engine::{Beginning, Checkpoints, Job, JobHandle, JobOptions, SpillOptions, Told};
use flow_env::{Clock, Env, SimDisk, Simulation};
use flow_plan::arbitrary::Arbitrary;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a job went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// Stands for everything that happened, and in which order.
    pub trace: u64,
    /// How often a thread was chosen.
    pub steps: u64,
    /// Starts.
    pub starts: u64,
    /// Starts that went on from a checkpoint.
    pub recovered: u64,
    /// Losses of power.
    pub power: u64,
    /// Kills.
    pub kills: u64,
    /// Runs that failed because an operation of the disk did, or because there was no space.
    pub failed: u64,
    /// Operations that failed, or disks that were full, while the job went on.
    pub survived: u64,
    /// Runs that were stopped.
    pub stopped: u64,
    /// Runs that went on beside the next one.
    pub late: u64,
    /// Starts with state on disk, where it can be there.
    pub on_disk: u64,
    /// How often a run waited for space, for that or for the rows of its sink.
    pub waited: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Rows that were compared at the end.
    pub rows: u64,
}

impl Life {
    /// Adds another one.
    pub fn add(&mut self, other: &Life) {
        self.trace = self.trace.wrapping_mul(31).wrapping_add(other.trace);
        self.steps += other.steps;
        self.starts += other.starts;
        self.recovered += other.recovered;
        self.power += other.power;
        self.kills += other.kills;
        self.failed += other.failed;
        self.survived += other.survived;
        self.stopped += other.stopped;
        self.late += other.late;
        self.on_disk += other.on_disk;
        self.waited += other.waited;
        self.checkpoints += other.checkpoints;
        self.rows += other.rows;
    }
}

/// Misfortunes of one job, at most.
const MOST: usize = 6;
/// Said of a run that was told to stop while it waited for space.
const STOPPED: &str = "the job was told to stop and cannot wait for that";
/// Between two looks at a run.
const LOOK: Duration = Duration::from_micros(150);

/// The life that belongs to a seed.
pub fn live(seed: u64) -> Result<Life, String> {
    let simulation = Simulation::new(seed);
    let life = catch_unwind(AssertUnwindSafe(|| {
        let world = simulation.clone();
        simulation.run(move || World::new(seed, world)?.live())
    }));
    let life = life.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default())
    });
    life.map(|life| Life { trace: simulation.trace(), steps: simulation.steps(), ..life })
}

/// What was shown when a checkpoint was complete, by run and epoch.
type Complete = Arc<Mutex<HashMap<(u64, u64), Vec<String>>>>;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct World {
    random: Arbitrary,
    simulation: Simulation,
    disk: SimDisk,
    input: Input,
    life: Life,
    /// Misfortunes so far, for people.
    story: Vec<String>,
    complete: Complete,
    /// A run found that the one before had finished.
    had_finished: Arc<AtomicBool>,
    /// Rows that were shown once, and must be for ever.
    shown: Bag,
    /// The power went: what was shown may be missing until the next run has begun.
    owed: bool,
    /// Runs that everyone takes for dead.
    late: Vec<JobHandle>,
    /// Which runs have no memory for state: that changes nothing else.
    spills: Arbitrary,
    /// Of which of these the folder for state is full for a while, whatever else comes.
    crowds: Arbitrary,
    /// How often a run waited for space.
    waits: Arc<AtomicU64>,
}

/// How a run ended.
enum End {
    /// The job is done.
    Done,
    /// It was stopped.
    Stopped,
    /// It failed.
    Failed(String),
    /// It goes on, and nobody knows.
    Late(JobHandle),
}

impl World {
    fn new(seed: u64, simulation: Simulation) -> Result<World, String> {
        let mut random = Arbitrary::new(seed);
        let disk = SimDisk::new(seed);
        let input = input(&mut random, &disk)?;
        Ok(World {
            random,
            simulation,
            disk,
            input,
            life: Life::default(),
            story: Vec::new(),
            complete: Complete::default(),
            had_finished: Arc::default(),
            shown: Bag::new(),
            owed: false,
            late: Vec::new(),
            spills: Arbitrary::new(!seed),
            crowds: Arbitrary::new(seed.rotate_left(32)),
            waits: Arc::default(),
        })
    }

    fn live(mut self) -> Result<Life, String> {
        let misfortunes = self.random.below(MOST + 1);
        let result = (0..=misfortunes).try_fold(false, |done, number| {
            let misfortune = match number == misfortunes {
                true => Misfortune::None,
                false => Misfortune::any(&mut self.random),
            };
            if done { Ok(true) } else { self.run(misfortune) }
        });
        let result = match result {
            Ok(true) => self.done(),
            Ok(false) => Err("it does not come to an end".into()),
            Err(why) => Err(why),
        };
        self.late.drain(..).for_each(end_late);
        let told = |why| format!("job `{}`: {why}\n  {}", self.input.case.name, self.story.join("\n  "));
        result.map_err(told)?;
        Ok(self.life)
    }

    /// The job is done: all rows are shown, also when late runs have noticed that they are.
    fn done(&mut self) -> Result<(), String> {
        compare(&self.look()?, &self.input.expected)?;
        let late = self.late.drain(..);
        // Some of them have ended well: they were never overtaken.
        late.for_each(|job| drop(job.wait()));
        let shown = self.look()?;
        self.life.rows += shown.len() as u64;
        self.life.waited = self.waits.load(Ordering::SeqCst);
        self.life.checkpoints = locked(&self.complete).len() as u64;
        compare(&shown, &self.input.expected)
    }

    /// One run, whatever comes; gives whether the job is done.
    fn run(&mut self, misfortune: Misfortune) -> Result<bool, String> {
        let workers = 1 + self.random.below(3);
        self.story.push(format!("{misfortune:?}, {workers} workers"));
        misfortune.begins(&self.disk);
        self.had_finished.store(false, Ordering::SeqCst);
        self.life.starts += 1;
        let spill = self.spill();
        let crowd = (spill.is_some() && self.crowds.one_in(2)).then(|| Crowd::any(&mut self.crowds));
        self.story.extend(crowd.map(|crowd| format!("  {crowd:?}")));
        let end = self.begin(workers, spill).and_then(|job| match job {
            Ok(job) => self.watch(job, misfortune, crowd),
            Err(why) => Ok(End::Failed(why)),
        })?;
        let came = misfortune.came(&self.disk);
        let done = match end {
            // What it said last may not have reached the disk.
            End::Done => !self.disk.is_off(),
            End::Stopped => {
                self.life.stopped += 1;
                false
            }
            // It began while a run that was taken for dead completed a checkpoint.
            End::Failed(why) if !self.late.is_empty() && why.contains("start again") => {
                self.story.push(format!("  {why}"));
                return self.run(misfortune);
            }
            End::Failed(why) if !came => return Err(format!("the job failed: {why}")),
            End::Failed(why) => {
                self.story.push(format!("  {why}"));
                false
            }
            End::Late(job) => {
                self.late.push(job);
                self.life.late += 1;
                self.disk.break_locks();
                return Ok(false);
            }
        };
        self.count(misfortune, came, done);
        if !done {
            // With the machine, late runs are gone as well.
            self.late.drain(..).for_each(end_late);
            misfortune.ends(&self.disk);
            if came && matches!(misfortune, Misfortune::PowerOff(_)) {
                // Between the rename of a part and the sync of its folder a reader may see rows that go with the
                // power. They must be shown again as soon as the next run has begun.
                self.owed = true;
            }
        }
        self.disk.set_space(None);
        self.look()?;
        Ok(done)
    }

    fn count(&mut self, misfortune: Misfortune, came: bool, done: bool) {
        match misfortune {
            Misfortune::PowerOff(_) => self.life.power += u64::from(came),
            Misfortune::Kill(_) => self.life.kills += u64::from(came),
            Misfortune::Fail(_) | Misfortune::Full(..) if done => self.life.survived += u64::from(came),
            Misfortune::Fail(_) | Misfortune::Full(..) => self.life.failed += u64::from(came),
            _ => {}
        }
    }

    /// Starts the job; the inner error is why it did not start.
    fn begin(
        &mut self,
        workers: usize,
        spill: Option<SpillOptions>,
    ) -> Result<Result<JobHandle, String>, String> {
        let clock: Arc<dyn Clock> = Arc::new(self.simulation.clock());
        let env = Env { disk: Arc::new(self.disk.clone()), clock };
        let store = match Store::open(&env, Path::new(&format!("{FOLDER}/.flow")), "killed") {
            Ok(store) => store,
            Err(failure) => return Ok(Err(failure.to_string())),
        };
        let launch = Launch {
            flow: "simulated".into(),
            scripts: Vec::new(),
            parameters: Vec::new(),
            parallelism: workers,
        };
        let generation = self.next_generation();
        let (disk, complete) = (self.disk.clone(), self.complete.clone());
        let went_on = Arc::new(Mutex::new(None));
        let (goes_on, had_finished) = (went_on.clone(), self.had_finished.clone());
        let tell = move |told: &Told| match told {
            Told::FinishedBefore => had_finished.store(true, Ordering::SeqCst),
            Told::Recovered { generation, epoch, .. } => *locked(&goes_on) = Some((*generation, *epoch)),
            Told::Complete { epoch, .. } => {
                // What cannot be read is found at the next look.
                let mut rows = shown(&disk).unwrap_or_default();
                rows.sort();
                locked(&complete).insert((generation, *epoch), rows);
            }
            _ => {}
        };
        let checkpoints = Checkpoints {
            store: Arc::new(store),
            launch,
            every: Some(Duration::from_micros(20 + self.random.below(300) as u64)),
            beginning: Beginning::GoOn,
            tell: Some(Arc::new(tell)),
        };
        let waits = self.waits.clone();
        let waits = move |told: &Told| {
            waits.fetch_add(u64::from(matches!(told, Told::Full { .. })), Ordering::SeqCst);
        };
        let options = JobOptions {
            parallelism: Some(workers),
            base: FOLDER.into(),
            checkpoints: Some(checkpoints),
            tiny_queues: self.random.one_in(2),
            spill,
            tell: Some(Arc::new(waits)),
            ..JobOptions::default()
        };
        let connectors =
            StandardConnectors::with_streams(Box::new(std::io::empty()), Box::new(std::io::sink()));
        let job = match Job::start(self.input.graph.clone(), &connectors, None, &env, &options) {
            Ok(job) => job,
            Err(error) => return Ok(Err(format!("{} ({})", error.message, error.label))),
        };
        self.owed = false;
        let went_on = *locked(&went_on);
        if let Some(from) = went_on {
            self.life.recovered += 1;
            self.shows_what_it_went_on_from(from, generation).inspect_err(|_| job.abort())?;
        }
        Ok(Ok(job))
    }

    /// Where a run puts state for which it has no memory, if it is one of those.
    fn spill(&mut self) -> Option<SpillOptions> {
        let can = self.input.graph.nodes.iter().any(|node| node.kind.spills());
        if !(can && self.spills.one_in(3)) {
            return None;
        }
        self.life.on_disk += 1;
        Some(SpillOptions { folder: SPILLED.into(), memory: 1 })
    }

    /// A run that has begun shows its checkpoint, nothing more and nothing less, as long as it has made none.
    fn shows_what_it_went_on_from(&mut self, from: (u64, u64), generation: u64) -> Result<(), String> {
        let Some(wanted) = locked(&self.complete).get(&from).cloned() else { return Ok(()) };
        let mut rows = self.look()?;
        rows.sort();
        // It is told of a checkpoint when its rows are shown already; the manifest is there before.
        let own = format!("-g{generation}/MANIFEST");
        let made = self.disk.files().iter().any(|path| path.to_string_lossy().ends_with(&own));
        if made || rows == wanted {
            return Ok(());
        }
        let (rows, wanted) = (rows.len(), wanted.len());
        Err(format!("it goes on from checkpoint {from:?} and shows {rows} rows, not the {wanted} of that"))
    }

    /// The number of the next run.
    fn next_generation(&self) -> u64 {
        let number = |path: &std::path::PathBuf| {
            let name = path.file_name()?.to_str()?;
            let name = Some(name).filter(|_| path.parent().is_some_and(|dir| dir.ends_with("runs")));
            let run = name.and_then(|name| {
                [".begun", ".start", ".claim"].iter().find_map(|end| name.strip_suffix(end))
            });
            let of_checkpoint = || path.parent()?.file_name()?.to_str()?.split_once("-g").map(|(_, run)| run);
            run.or_else(of_checkpoint)?.parse().ok()
        };
        self.disk.files().iter().filter_map(number).max().unwrap_or(0) + 1
    }

    /// Looks at a run until it is over.
    fn watch(
        &mut self,
        mut job: JobHandle,
        misfortune: Misfortune,
        crowd: Option<Crowd>,
    ) -> Result<End, String> {
        let (clock, disk, control) = (self.simulation.clock(), self.disk.clone(), job.control());
        let start = clock.elapsed();
        let since = move |moment: Duration| clock.elapsed().saturating_sub(start) >= moment;
        let over = Arc::new(AtomicBool::new(false));
        let crowd = crowd.map(|crowd| {
            let (disk, since, over) = (disk.clone(), since.clone(), over.clone());
            flow_env::spawn("crowd", move || crowd.happens(&disk, since, &over))
        });
        let crowd = crowd.transpose().map_err(|error| error.to_string())?;
        let fate = {
            let (since, over) = (since.clone(), over.clone());
            move || misfortune.happens(&disk, &control, since, &over)
        };
        let fate = flow_env::spawn("fate", fate).map_err(|error| error.to_string())?;
        let mut looked = Ok(());
        while looked.is_ok() && !job.wait_at_most(LOOK) {
            if matches!(misfortune, Misfortune::Late(moment) if since(moment)) {
                over.store(true, Ordering::SeqCst);
                return Ok(End::Late(job));
            }
            if self.random.one_in(4) {
                looked = self.look().map(drop).inspect_err(|_| job.abort());
            }
        }
        let ended = job.wait();
        over.store(true, Ordering::SeqCst);
        drop(fate.join());
        crowd.into_iter().for_each(|crowd| drop(crowd.join()));
        looked?;
        Ok(match ended {
            Ok(summary) if summary.stopped && !self.had_finished.load(Ordering::SeqCst) => End::Stopped,
            Ok(_) => End::Done,
            Err(error) if error.code == "state-disk" && error.message.contains(STOPPED) => End::Stopped,
            Err(error)
                if ["state-disk", "sink"].contains(&&*error.code)
                    && matches!(misfortune, Misfortune::Full(..)) =>
            {
                return Err(format!("it does not wait for space: {} ({})", error.message, error.label));
            }
            Err(error) => End::Failed(format!("{} ({})", error.message, error.label)),
        })
    }

    /// What is shown now: never a row too many, and none that was shown is gone.
    fn look(&mut self) -> Result<Vec<String>, String> {
        let rows = shown(&self.disk)?;
        no_more_than(&rows, &self.input.expected)?;
        if self.owed {
            return Ok(rows);
        }
        let mut now = Bag::new();
        rows.iter().for_each(|row| *now.entry(row.clone()).or_insert(0) += 1);
        for (row, count) in &self.shown {
            if now.get(row).is_none_or(|now| now < count) {
                return Err(format!("this row was shown and is not any more: {row}"));
            }
        }
        self.shown = now;
        Ok(rows)
    }
}

/// The machine is off.
fn end_late(job: JobHandle) {
    job.abort();
    drop(job.wait());
}

/// What a reader of the sink's folder sees.
fn shown(disk: &SimDisk) -> Result<Vec<String>, String> {
    let out = format!("{FOLDER}/out");
    let mut rows = Vec::new();
    for path in disk.files() {
        let Ok(below) = path.strip_prefix(&out) else { continue };
        if !below.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.')) {
            let bytes = disk.get(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            rows.extend(rows_of(&path, &bytes)?);
        }
    }
    Ok(rows)
}
