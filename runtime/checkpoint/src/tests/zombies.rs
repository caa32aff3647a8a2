//! A run that goes on although another one has begun: it can change nothing any more.

use super::sample::{Sample, launch};
use crate::{Job, Problem};
use flow_env::{Env, Random, RealClock, SimDisk};
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
    let recovered = zombie.recover(old, &[]).unwrap();
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
    let recovered = job.recover(new, &[]).unwrap();
    job.start(&recovered.recovery).unwrap();
    let mut ours = sample.clone();
    ours.go_on(&mut random);
    let published = ours.publish(&job, new, 2, None).unwrap();

    let before = disk.files();
    let fenced = |error: &crate::Failure| matches!(error.problem, Problem::Fenced);
    assert!(fenced(&second.publish(super::sample::head(2)).unwrap_err().failure));
    assert!(fenced(&third.part(0, &crate::state::Part::default()).unwrap_err()));
    assert!(fenced(&zombie.seal(old, 4, None).err().unwrap()));
    assert!(fenced(&zombie.retire(old, 1).unwrap_err()));
    assert!(fenced(&zombie.start(&recovered_again(old)).unwrap_err()));
    let files = disk.files().into_iter().filter(|file| !file.ends_with("MANIFEST.tmp"));
    assert_eq!(files.collect::<Vec<_>>(), before);
    job.retire(new, 2).unwrap();
    ours.expect(&job.folder().load(&published).unwrap(), "ours");
    assert!(disk.files().iter().all(|file| !file.starts_with("/state/words/chk-2-g1")), "its rest is gone");
}

fn recovered_again(generation: u64) -> crate::protocol::Recovery {
    crate::protocol::Recovery { generation, from: 0, epoch: 0, highest: 0, recommit: Vec::new() }
}
