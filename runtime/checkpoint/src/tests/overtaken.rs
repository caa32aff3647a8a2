//! A run that is over and does not know it, asleep at any operation of the disk while the next one begins and goes on: it
//! disturbs it at no step, and the run after that finds all in order.

use super::sample::{Sample, launch};
use crate::{Failure, Job};
use flow_env::{DirEntry, Disk, Env, FileInfo, FileLock, Random, ReadFile, SimDisk, Simulation, WriteFile};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The disk of a run that falls asleep before one operation.
struct Sleepy {
    disk: SimDisk,
    done: AtomicU64,
    at: AtomicU64,
    nap: Duration,
}

impl Sleepy {
    fn disk(&self) -> &SimDisk {
        if self.done.fetch_add(1, Ordering::SeqCst) == self.at.load(Ordering::SeqCst) {
            flow_env::parker().0.park(self.nap);
        }
        &self.disk
    }
}

impl Disk for Sleepy {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.disk().open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.disk().create(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.disk().create_new(path)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.disk().append(path)
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.disk().info(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.disk().list(dir)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk().create_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk().rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk().remove_file(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk().remove_dir_all(dir)
    }

    fn remove_empty_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk().remove_empty_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk().sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        self.disk().lock(path)
    }
}

fn open(disk: Arc<dyn Disk>, simulation: &Simulation) -> Job {
    let env = Env { disk, clock: Arc::new(simulation.clock()) };
    Job::open(&env, Path::new("/state"), "words").unwrap().keeping(1)
}

/// Begins a run; gives its number, and what it goes on from.
fn begin(job: &Job) -> Result<(u64, crate::protocol::Recovery), Failure> {
    let run = job.begin(&launch("a"))?;
    let recovery = job.recover(run, |_| Vec::new()).unwrap_or_else(|error| panic!("{error}")).recovery;
    job.start(&recovery)?;
    Ok((run, recovery))
}

/// Makes checkpoints behind this one, as many as come or until one fails.
fn go_on(job: &Job, run: u64, behind: u64, epochs: u64) -> Result<u64, Failure> {
    let (mut random, mut sample) = (Random::new(run), Sample::default());
    for epoch in behind + 1..=behind + epochs {
        sample.go_on(&mut random);
        sample.publish(job, run, epoch, None).map_err(|error| error.failure)?;
        job.retire(run, epoch)?;
    }
    Ok(behind + epochs)
}

/// The old run sleeps so long before this operation.
fn overtaken(seed: u64, at: u64, nap: Duration) {
    let simulation = Simulation::new(seed);
    let disk = SimDisk::new(seed);
    simulation.run(|| {
        let never = AtomicU64::new(u64::MAX);
        let sleepy = Arc::new(Sleepy { disk: disk.clone(), done: AtomicU64::new(0), at: never, nap });
        let old = open(sleepy.clone(), &simulation);
        let (run, _) = begin(&old).unwrap();
        let asleep = sleepy.done.load(Ordering::SeqCst) + at;
        sleepy.at.store(asleep, Ordering::SeqCst);
        let zombie = flow_env::spawn("zombie", move || go_on(&old, run, 0, 8).is_err()).unwrap();
        while sleepy.done.load(Ordering::SeqCst) <= asleep {
            flow_env::parker().0.park(Duration::from_micros(20));
        }
        disk.break_locks();
        let context = format!("seed {seed}, asleep at {at} for {nap:?}");
        let job = open(Arc::new(disk.clone()), &simulation);
        let (new, from) = begin(&job).unwrap_or_else(|error| panic!("{context}: {error}"));
        let last = go_on(&job, new, from.highest, 3);
        let last = last.unwrap_or_else(|error| panic!("{context}: {error}"));
        assert!(zombie.join().unwrap(), "{context}: it was not told that it is over");
        drop(job);
        let job = open(Arc::new(disk.clone()), &simulation);
        let (_, recovery) = begin(&job).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!((recovery.from, recovery.epoch), (new, last), "{context}");
        let left = disk.files().into_iter().find(|file| file.extension().is_some_and(|end| end == "tmp"));
        assert_eq!(left, None, "{context}: it was not removed");
    });
}

#[test]
fn a_run_that_is_over_and_does_not_know_it_disturbs_the_next_one_at_no_step() {
    // Two of its checkpoints take some hundred operations, the life of the next run a few thousand microseconds.
    for at in 0..120 {
        for nap in [300, 1_000, 3_000, 10_000, 60_000] {
            overtaken(at * 7 + nap, at, Duration::from_micros(nap));
        }
    }
}

/// Two runs begin with scripts of their own; one of them sleeps before this operation until the other one has begun. Gives
/// whether it came so far.
fn both_begin(seed: u64, at: u64, nap: Duration) -> bool {
    let simulation = Simulation::new(seed);
    let disk = SimDisk::new(seed);
    let context = format!("seed {seed}, asleep at {at}");
    let slept = simulation.run(|| {
        let never = AtomicU64::new(u64::MAX);
        let sleepy = Arc::new(Sleepy { disk: disk.clone(), done: AtomicU64::new(0), at: never, nap });
        let slow = open(sleepy.clone(), &simulation);
        let asleep = sleepy.done.load(Ordering::SeqCst) + at;
        sleepy.at.store(asleep, Ordering::SeqCst);
        disk.break_locks();
        let quick = open(Arc::new(disk.clone()), &simulation);
        let theirs = flow_env::spawn("slow", move || {
            let number = slow.begin(&launch("b")).unwrap();
            (slow, number)
        });
        flow_env::parker().0.park(nap / 4);
        let mine = quick.begin(&launch("c")).unwrap();
        let (slow, theirs) = theirs.unwrap().join().unwrap();
        assert_ne!(mine, theirs, "{context}");
        let script = |number: u64| {
            let version = quick.folder().begun(number).unwrap().version;
            quick.folder().version(version).unwrap().scripts
        };
        assert_eq!((script(theirs), script(mine)), (launch("b").scripts, launch("c").scripts), "{context}");
        // One of them is over, and is told so.
        let start = |job: &Job, run| {
            let recovery =
                job.recover(run, |_| Vec::new()).unwrap_or_else(|error| panic!("{error}")).recovery;
            job.start(&recovery)
        };
        let (slow, quick) = (start(&slow, theirs), start(&quick, mine));
        let (over, goes_on) = if theirs < mine { (slow, quick) } else { (quick, slow) };
        assert!(over.is_err_and(|failure| failure.is_fenced()) && goes_on.is_ok(), "{context}");
        sleepy.done.load(Ordering::SeqCst) > asleep
    });
    let left = disk.files().into_iter().find(|file| file.extension().is_some_and(|end| end == "claim"));
    assert_eq!(left, None, "{context}");
    slept
}

#[test]
fn runs_that_begin_at_the_same_moment_have_numbers_and_versions_of_their_own() {
    let mut tried = 0;
    for at in 0.. {
        // For a moment, so that both are at work, or until the other one is through.
        let slept =
            [30, 100, 300, 50_000].map(|nap| both_begin(at * 5 + nap, at, Duration::from_micros(nap)));
        tried += 1;
        if slept == [false; 4] {
            break;
        }
    }
    assert!(tried > 20, "only {tried} operations");
}
