//! Savepoints: made, copied, damaged, gone on from.

use super::sample::{Sample, head, launch};
use crate::protocol::Mark;
use crate::{Failure, Job, Problem, Saved};
use flow_env::{Disk, Env, Random, RealClock, SimDisk};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const STATE: &str = "/state";

fn open(disk: &SimDisk, job: &str) -> Job {
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(RealClock::new()) };
    Job::open(&env, Path::new(STATE), job).unwrap()
}

fn find(disk: &SimDisk, name: &str) -> Result<Saved, Failure> {
    Saved::find(Arc::new(disk.clone()), Path::new(STATE), name)
}

/// A job with three checkpoints that build on each other and a savepoint of the last; the state at it.
fn saved(disk: &SimDisk) -> Sample {
    let job = open(disk, "words").keeping(1);
    let generation = job.begin(&launch("a")).unwrap();
    let recovered = job.recover(generation, |_| Vec::new()).unwrap();
    job.start(&recovered.recovery).unwrap();
    let (mut random, mut sample, mut parent) = (Random::new(5), Sample::default(), None);
    for epoch in 1..=3 {
        (0..5).for_each(|_| sample.go_on(&mut random));
        parent = Some(sample.publish(&job, generation, epoch, parent.as_ref()).unwrap());
        job.retire(generation, epoch).unwrap();
    }
    assert_eq!(job.save(generation, 3).unwrap(), 1);
    sample
}

/// The files of the savepoint, copied to another place.
fn copied(from: &SimDisk, to: &SimDisk, dir: &str) {
    let folder = Path::new(STATE).join("words/savepoints/1");
    for file in from.files().iter().filter(|file| file.starts_with(&folder)) {
        let target = Path::new(dir).join(file.file_name().unwrap());
        to.put(&target, &from.get(file).unwrap()).unwrap();
    }
}

fn files(disk: &SimDisk, dir: &str) -> Vec<PathBuf> {
    disk.files().into_iter().filter(|file| file.starts_with(dir)).collect()
}

#[test]
fn a_savepoint_is_found_by_number_and_by_path_also_on_another_machine() {
    let disk = SimDisk::new(1);
    let sample = saved(&disk);
    let by_number = find(&disk, "words@1").unwrap();
    by_number.verify().unwrap();
    sample.expect(&by_number.load().unwrap(), "by number");
    let elsewhere = SimDisk::new(2);
    copied(&disk, &elsewhere, "/copy");
    let by_path = find(&elsewhere, "/copy").unwrap();
    by_path.verify().unwrap();
    sample.expect(&by_path.load().unwrap(), "by path");
    assert_eq!(by_path.manifest, by_number.manifest);
    assert_eq!(by_path.manifest.scripts, launch("sink a = …").scripts);
}

#[test]
fn numbers_of_savepoints_are_not_given_twice() {
    let disk = SimDisk::new(1);
    saved(&disk);
    let job = open(&disk, "words");
    assert_eq!(job.save(1, 3).unwrap(), 2);
    job.folder().delete_savepoint(2).unwrap();
    assert_eq!(job.save(1, 3).unwrap(), 3);
    assert_eq!(job.folder().savepoints().unwrap(), [1, 3]);
    assert!(matches!(find(&disk, "words@2").err().unwrap().problem, Problem::Missing));
}

#[test]
fn a_savepoint_outlives_all_checkpoints() {
    let disk = SimDisk::new(1);
    let mut sample = saved(&disk);
    let then = sample.clone();
    let job = open(&disk, "words").keeping(1);
    let generation = job.begin(&launch("a")).unwrap();
    let recovered = job.recover(generation, |_| Vec::new()).unwrap();
    job.start(&recovered.recovery).unwrap();
    sample.go_on(&mut Random::new(9));
    sample.publish(&job, generation, 4, None).unwrap();
    job.retire(generation, 4).unwrap();
    assert!(files(&disk, "/state/words/chk-3-g1").is_empty());
    then.expect(&find(&disk, "words@1").unwrap().load().unwrap(), "still there");
}

#[test]
fn a_half_copied_savepoint_names_what_is_missing() {
    let disk = SimDisk::new(1);
    saved(&disk);
    let all = files(&disk, "/state/words/savepoints/1");
    assert_eq!(all.len(), 1 + 2 * 3);
    for file in all {
        let half = disk.copy(0);
        half.take(&file).unwrap();
        let error = find(&half, "words@1").err().unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn every_damage_of_a_savepoint_is_detected() {
    let disk = SimDisk::new(1);
    saved(&disk);
    let whole = |disk: &SimDisk| find(disk, "words@1").and_then(|saved| saved.verify().and(saved.load()));
    assert!(whole(&disk).is_ok());
    for file in files(&disk, "/state/words/savepoints/1") {
        let bytes = disk.get(&file).unwrap();
        for bit in 0..bytes.len() * 8 {
            let damaged = disk.copy(0);
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            damaged.put(&file, &flipped).unwrap();
            let error = whole(&damaged).err();
            assert!(error.is_some_and(|error| error.path == file), "{}, bit {bit}", file.display());
        }
    }
}

#[test]
fn a_run_that_adopts_a_savepoint_goes_on_from_it_also_after_a_death() {
    for die in [false, true] {
        let (disk, elsewhere) = (SimDisk::new(1), SimDisk::new(2));
        let mut sample = saved(&disk);
        copied(&disk, &elsewhere, "/copy");
        // The job there has a past of its own, and a sink that shows it.
        let job = open(&elsewhere, "words");
        let generation = job.begin(&launch("a")).unwrap();
        let mut other = Sample::default();
        other.go_on(&mut Random::new(3));
        other.publish(&job, generation, 8, None).unwrap();
        let mark = Some(Mark { generation, epoch: 8 });

        let generation = job.begin(&launch("b")).unwrap();
        let saved = find(&elsewhere, "/copy").unwrap();
        let adopted = job.adopt(generation, &[mark], Some(&saved), head(0)).unwrap();
        assert_eq!((adopted.recovery.epoch, adopted.recovery.recommit.len()), (9, 1));
        job.start(&adopted.recovery).unwrap();
        let adopted = if die {
            let next = job.begin(&launch("b")).unwrap();
            let recovered = job.recover(next, |_| vec![mark]).unwrap();
            assert_eq!(recovered.recovery.recommit, [0]);
            recovered
        } else {
            adopted
        };
        let manifest = adopted.manifest.unwrap();
        assert_eq!((manifest.epoch, manifest.barrier, manifest.sinks.len()), (9, 300, 0));
        sample.expect(&job.folder().load(&manifest).unwrap(), "adopted");
        // What is sealed next may build on it.
        sample.go_on(&mut Random::new(4));
        let next = sample.publish(&job, adopted.recovery.generation, 10, Some(&manifest)).unwrap();
        job.retire(adopted.recovery.generation, 10).unwrap();
        sample.expect(&job.folder().load(&next).unwrap(), "and on");
    }
}

#[test]
fn a_run_that_begins_anew_leaves_the_old_state_behind() {
    let disk = SimDisk::new(1);
    saved(&disk);
    let job = open(&disk, "words");
    let mark = Some(Mark { generation: 1, epoch: 3 });
    let generation = job.begin(&launch("a")).unwrap();
    let fresh = job.adopt(generation, &[mark], None, head(0)).unwrap();
    job.start(&fresh.recovery).unwrap();
    let next = job.begin(&launch("a")).unwrap();
    let recovered = job.recover(next, |_| vec![mark]).unwrap();
    assert_eq!((recovered.recovery.from, recovered.recovery.epoch), (generation, 4));
    assert!(job.folder().load(&recovered.manifest.unwrap()).unwrap().is_empty());
}

#[test]
fn a_full_disk_leaves_no_half_savepoint() {
    let disk = SimDisk::new(1);
    saved(&disk);
    let job = open(&disk, "words");
    let used: usize = disk.files().iter().map(|file| disk.get(file).unwrap().len()).sum();
    for room in (50..2000).step_by(150) {
        disk.set_space(Some(used as u64 + room));
        let error = job.save(1, 3).unwrap_err();
        assert!(error.is_io(), "{error}");
        assert_eq!(job.folder().savepoints().unwrap(), [1]);
    }
    disk.set_space(None);
    assert!(job.save(1, 3).unwrap() > 1);
}

#[test]
fn a_folder_that_is_no_savepoint_is_refused() {
    let disk = SimDisk::new(1);
    disk.create_dir_all(Path::new("/photos")).unwrap();
    let error = find(&disk, "/photos").err().unwrap();
    assert!(matches!(error.problem, Problem::Foreign { .. }), "{error}");
    assert!(matches!(find(&disk, "/nowhere").err().unwrap().problem, Problem::Missing));
}
