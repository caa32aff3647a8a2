//! A job's folder in the hands of the one process that runs the job.
//!
//! The steps of a run, in this order, and which thread takes them:
//!
//! ```text
//! Job::open            takes the lock; refuses a folder that is something else            (start of the process)
//! Job::begin           makes the run's number durable                                     (then sinks are told of it)
//! Job::recover         which checkpoint is whole and counts                               (with the sinks' marks)
//! Job::adopt           instead: begins with a savepoint, or anew
//! Job::load            its tables
//! Job::start           makes durable where the run begins, and removes leftovers          (only then anything is read)
//! Job::seal            a new checkpoint: Sealing::part for each worker, Sealing::publish  (the checkpointer thread)
//! Job::retire          frees what no kept checkpoint needs; Job::abandon: one that failed (the checkpointer thread)
//! Job::fold            for workers that Manifest::outgrown names, behind retire           (the checkpointer thread)
//! Job::save            a savepoint                                                        (the checkpointer thread)
//! Job::end             how it ended
//! ```
//!
//! All of it is `Send + Sync`; what must not happen at the same time waits for each other. The manifest that `publish` gives back is
//! the parent of the next checkpoint. Where the lock cannot be trusted (some network disks), a run that goes on although a
//! newer one has begun is refused at its next step here ([`Problem::Fenced`](crate::Problem::Fenced)).

use crate::failure::{Failure, Problem};
use crate::folder::Folder;
use crate::manifest::ScriptFile;
use crate::protocol::{Generation, Recovery};
use crate::record::{self, Record};
use crate::runs::{Begun, Ended, Ending, Started, Version};
use crate::savepoint::Saved;
use flow_env::{Env, FileLock, planted};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many checkpoints are kept if nobody says otherwise.
pub const KEEP: usize = 3;
/// Of how many runs is kept what is known of them; further back, only of the first one of each version of the script.
pub const RUNS: usize = 100;

/// A job's folder, locked by this process.
pub struct Job {
    pub(crate) folder: Folder,
    pub(crate) env: Env,
    /// How many checkpoints are kept.
    pub(crate) keep: usize,
    /// The run that this process has begun; 0: none yet.
    run: AtomicU64,
    /// Held while files are freed or copied.
    pub(crate) files: Mutex<()>,
    _lock: FileLock,
}

/// What a run is started with.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The version of `flow`.
    pub flow: String,
    /// The script and what it imports; the main one comes first.
    pub scripts: Vec<ScriptFile>,
    /// Parameters that were given: name and value.
    pub parameters: Vec<(String, String)>,
    /// Workers.
    pub parallelism: usize,
}

impl Job {
    /// Takes a job's folder in a state folder; makes it if it is not there.
    pub fn open(env: &Env, state: &Path, job: &str) -> Result<Job, Failure> {
        let folder = Folder::create(env.disk.clone(), state, job)?;
        let lock = folder.lock()?;
        folder.sign()?;
        let (run, files) = (AtomicU64::new(0), Mutex::new(()));
        Ok(Job { folder, env: env.clone(), keep: KEEP, run, files, _lock: lock })
    }

    /// Keeps so many checkpoints, at least one.
    pub fn keeping(mut self, keep: usize) -> Job {
        self.keep = keep.max(1);
        self
    }

    /// The folder, to look at.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Makes a record of this run durable.
    pub(crate) fn write<R: Record>(&self, path: &Path, record: &R) -> Result<(), Failure> {
        record::write(&*self.env.disk, path, self.run(), record)
    }

    pub(crate) fn run(&self) -> Generation {
        self.run.load(Ordering::SeqCst)
    }

    /// Makes a new run's number durable, and its script if that changed.
    pub fn begin(&self, launch: &Launch) -> Result<Generation, Failure> {
        let at = self.env.clock.wall_micros();
        let claim = self.claim("runs", Job::last_number)?;
        let generation = claim.number;
        self.run.store(generation, Ordering::SeqCst);
        let version = self.version_of(launch, at)?;
        let begun = Begun {
            generation,
            at,
            version,
            flow: launch.flow.clone(),
            parallelism: launch.parallelism,
            parameters: launch.parameters.clone(),
        };
        self.write(&self.folder.run_path(generation, "begun"), &begun)?;
        self.release(&claim)?;
        Ok(generation)
    }

    /// The last run of which anything is known.
    fn last_number(&self) -> Result<Generation, Failure> {
        let mut known = self.folder.generations("begun")?;
        known.extend(self.folder.generations("start")?);
        known.extend(self.folder.checkpoints()?.iter().map(|folder| folder.generation));
        Ok(known.into_iter().max().unwrap_or(0))
    }

    /// The version of a script: the last one if it is the same, else a new one.
    fn version_of(&self, launch: &Launch, at: i64) -> Result<u64, Failure> {
        let last = self.folder.version_numbers()?.pop().unwrap_or(0);
        if last > 0 && self.folder.version(last)?.scripts == launch.scripts {
            return Ok(last);
        }
        let claim = self.claim("versions", |job| Ok(job.folder.version_numbers()?.pop().unwrap_or(0)))?;
        let number = claim.number;
        let version = Version { version: number, at, scripts: launch.scripts.clone() };
        self.write(&self.folder.version_path(number), &version)?;
        self.release(&claim)?;
        Ok(number)
    }

    /// Makes durable where a run begins. From then on nothing that older runs may still write counts, and what
    /// they left unfinished is removed.
    pub fn start(&self, recovery: &Recovery) -> Result<(), Failure> {
        self.start_from(recovery, None)
    }

    /// The same, of a run that has adopted this savepoint.
    pub fn start_from(&self, recovery: &Recovery, saved: Option<&Saved>) -> Result<(), Failure> {
        let Recovery { generation, from, epoch, .. } = *recovery;
        self.fence(generation)?;
        // What a run has adopted is its own first checkpoint: it began from nothing.
        let began = if from == generation { (0, 0) } else { (from, epoch) };
        let savepoint = saved.map(|saved| self.folder.name_of(saved));
        let started = Started { generation, at: self.env.clock.wall_micros(), from: began, savepoint };
        self.write(&self.folder.run_path(generation, "start"), &started)?;
        self.clean()?;
        self.prune()
    }

    /// All sinks show what a run begins with: writes that down. Not before they do: a run that dies in between must not be believed.
    pub fn shown(&self, recovery: &Recovery) -> Result<(), Failure> {
        match recovery.epoch {
            0 => Ok(()),
            epoch => self.latest((recovery.from, epoch)),
        }
    }

    /// An error if a run after this one has begun.
    pub(crate) fn fence(&self, generation: Generation) -> Result<(), Failure> {
        if planted("ignore-generation") {
            return Ok(());
        }
        // Any newer one: what is known of the next one may have been removed since ([`Job::prune`]).
        match self.folder.generations("begun")?.pop() {
            Some(newest) if newest > generation => {
                Err(Failure::new(&self.folder.run_path(newest, "begun"), Problem::Fenced))
            }
            _ => Ok(()),
        }
    }

    /// Writes down how a run ended.
    pub fn end(&self, generation: Generation, how: Ending, why: Option<String>) -> Result<(), Failure> {
        let ended = Ended { generation, at: self.env.clock.wall_micros(), how, why };
        self.write(&self.folder.run_path(generation, "end"), &ended)
    }
}
