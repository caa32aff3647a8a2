//! A run that goes on although another one has begun: it can change nothing any more.

use super::sample::{Sample, launch};
use crate::protocol::Mark;
use crate::{Job, Manifest, Problem};
use flow_env::{Disk, Env, Random, RealClock, SimDisk};
use std::path::Path;
use std::sync::Arc;

#[test]
fn a_run_that_wakes_up_late_is_refused_at_every_step_and_touches_nothing() {
    let disk = SimDisk::new(1);
    let open = || {
        let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(RealClock::new()) };
        Job::open(&env, Path::new("/state"), "words").unwrap().keeping(1)
    };
    let mut random = Random::new(1);
    let zombie = open();
    let old = zombie.begin(&launch("a")).unwrap();
    let recovered = zombie.recover(old, |_| Vec::new()).unwrap();
    zombie.start(&recovered.recovery).unwrap();
    let mut sample = Sample::default();
    sample.go_on(&mut random);
    let first = sample.publish(&zombie, old, 1, None).unwrap();
    // It has sealed all of a second one, and falls asleep.
    let second = zombie.seal(old, 2, Some(&first)).unwrap();
    let mut third = zombie.seal(old, 3, Some(&first)).unwrap();

    disk.break_locks();
    let job = open();
    let new = job.begin(&launch("a")).unwrap();
    let recovered = job.recover(new, |_| Vec::new()).unwrap();
    job.start(&recovered.recovery).unwrap();
    let mut ours = sample.clone();
    ours.go_on(&mut random);
    let published = ours.publish(&job, new, 2, None).unwrap();

    let before = disk.files();
    let fenced = |error: &crate::Failure| matches!(error.problem, Problem::Fenced);
    assert!(fenced(&second.publish(super::sample::head(2)).unwrap_err().failure));
    assert!(fenced(&third.part(0, &crate::state::Part::default()).unwrap_err()));
    assert!(fenced(&zombie.seal(old, 4, None).err().unwrap()));
    assert!(fenced(&zombie.retire(old, 1).unwrap_err().into()));
    assert!(fenced(&zombie.start(&recovered_again(old)).unwrap_err()));
    let files = disk.files().into_iter().filter(|file| !file.ends_with("MANIFEST.tmp"));
    assert_eq!(files.collect::<Vec<_>>(), before);
    job.retire(new, 2).unwrap();
    ours.expect(&job.folder().load(&published).unwrap(), "ours");
    assert!(disk.files().iter().all(|file| !file.starts_with("/state/words/chk-2-g1")), "its rest is gone");
}

#[test]
fn a_number_that_a_run_took_before_it_died_is_passed_over() {
    let disk = SimDisk::new(1);
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(RealClock::new()) };
    let job = Job::open(&env, Path::new("/state"), "words").unwrap();
    disk.put(Path::new("/state/words/runs/1.claim"), b"").unwrap();
    assert_eq!(job.begin(&launch("a")).unwrap(), 2);
    assert_eq!(job.begin(&launch("a")).unwrap(), 3);
    assert!(!disk.files().iter().any(|file| file.ends_with("1.claim")), "nobody needs it any more");
}

#[test]
fn what_a_run_publishes_in_the_moment_in_which_it_is_over_is_no_checkpoint_to_go_on_from() {
    let disk = SimDisk::new(1);
    let open = || {
        let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(RealClock::new()) };
        Job::open(&env, Path::new("/state"), "words").unwrap()
    };
    let job = open();
    let old = job.begin(&launch("a")).unwrap();
    job.start(&job.recover(old, |_| Vec::new()).unwrap().recovery).unwrap();
    let (mut random, mut sample) = (Random::new(1), Sample::default());
    sample.go_on(&mut random);
    let first = sample.publish(&job, old, 1, None).unwrap();
    sample.go_on(&mut random);
    sample.publish(&job, old, 2, Some(&first)).unwrap();
    // It was about to give the second one its name when it fell asleep: it comes behind the start of the next run, which
    // dies before it has made one of its own.
    let (manifest, beside) =
        (Path::new("/state/words/chk-2-g1/MANIFEST"), Path::new("/state/words/chk-2-g1/MANIFEST.tmp"));
    disk.rename(manifest, beside).unwrap();
    disk.break_locks();
    let next = open();
    let new = next.begin(&launch("a")).unwrap();
    let recovered = next.recover(new, |_| Vec::new()).unwrap();
    assert_eq!(recovered.recovery.epoch, 1);
    disk.rename(beside, manifest).unwrap();
    next.start(&recovered.recovery).unwrap();
    drop(next);

    let last = open();
    let counting = |job: &Job| -> Vec<(u64, u64)> {
        job.folder().counting().unwrap().iter().map(|one| (one.generation, one.epoch)).collect()
    };
    assert_eq!(counting(&last), [(old, 1)]);
    let run = last.begin(&launch("a")).unwrap();
    // What sinks show is seen against the one that counts, so that none of them seems to be ahead.
    let recovered =
        last.recover(run, |newest| vec![newest.map(|one| Mark { generation: old, epoch: one.epoch })]);
    assert_eq!(recovered.unwrap().recovery.epoch, 1);
}

#[test]
fn what_sinks_show_is_seen_against_the_checkpoint_before_if_the_newest_one_is_damaged() {
    let disk = SimDisk::new(1);
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(RealClock::new()) };
    let job = Job::open(&env, Path::new("/state"), "words").unwrap();
    let run = job.begin(&launch("a")).unwrap();
    job.start(&job.recover(run, |_| Vec::new()).unwrap().recovery).unwrap();
    let (mut random, mut sample) = (Random::new(1), Sample::default());
    // Epoch 2 was given up.
    for epoch in [1, 3] {
        sample.go_on(&mut random);
        sample.publish(&job, run, epoch, None).unwrap();
    }
    let part = Path::new("/state/words/chk-3-g1/part-0");
    let mut bytes = disk.get(part).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    disk.put(part, &bytes).unwrap();
    let next = job.begin(&launch("a")).unwrap();
    let before = |newest: Option<&Manifest>| {
        vec![newest.map(|newest| Mark { generation: run, epoch: newest.epoch - 1 })]
    };
    let recovered = job.recover(next, before).unwrap();
    assert_eq!((recovered.recovery.epoch, recovered.recovery.recommit.as_slice()), (1, [0].as_slice()));
}

fn recovered_again(generation: u64) -> crate::protocol::Recovery {
    crate::protocol::Recovery { generation, from: 0, epoch: 0, highest: 0, recommit: Vec::new() }
}

/// A job that was run so often, with a new script every so many runs; none of them was ended.
fn after(runs: usize, every: usize) -> (SimDisk, Job) {
    let disk = SimDisk::new(2);
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(RealClock::new()) };
    let job = Job::open(&env, Path::new("/state"), "words").unwrap();
    for run in 0..runs {
        let generation = job.begin(&launch(&format!("script {}", run / every))).unwrap();
        job.start(&recovered_again(generation)).unwrap();
    }
    (disk, job)
}

#[test]
fn the_last_hundred_runs_are_known_and_of_older_ones_the_first_of_each_version() {
    let (disk, job) = after(250, 70);
    let known: Vec<u64> = job.folder().runs().unwrap().iter().map(|run| run.begun.generation).collect();
    // Versions begin at 1, 71, 141 and 211; the last one is among the last hundred.
    let wanted: Vec<u64> = [1, 71, 141].into_iter().chain(151..=250).collect();
    assert_eq!(known, wanted);
    let of_runs = |file: &&std::path::PathBuf| file.starts_with("/state/words/runs/");
    assert_eq!(disk.files().iter().filter(of_runs).count(), 2 * wanted.len(), "nothing else is left of them");
    assert_eq!(job.folder().versions().unwrap().len(), 4);
}

#[test]
fn a_run_of_which_nothing_is_known_any_more_is_refused_when_it_wakes_up() {
    let (_, job) = after(150, 1_000);
    assert!(job.folder().runs().unwrap().iter().all(|run| run.begun.generation != 3));
    let refused = job.seal(2, 7, None).err().unwrap();
    assert!(matches!(refused.problem, Problem::Fenced), "{refused}");
}

#[test]
fn starts_that_were_refused_do_not_push_out_from_where_the_last_run_began() {
    let (_, job) = after(5, 1_000);
    for _ in 0..120 {
        job.begin(&launch("script 0")).unwrap();
    }
    job.prune().unwrap();
    let known: Vec<u64> = job.folder().runs().unwrap().iter().map(|run| run.begun.generation).collect();
    assert_eq!(known, [1, 5].into_iter().chain(26..=125).collect::<Vec<_>>());
    assert_eq!(job.folder().last_started().unwrap().unwrap().begun.generation, 5);
}
