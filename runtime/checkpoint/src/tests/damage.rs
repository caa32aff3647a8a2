//! Every file of a job's folder damaged in every way: what comes back is right, or there is an error that names a file.

use super::sample::{Sample, launch};
use crate::protocol::{Mark, Recovery};
use crate::{Job, Manifest, RecoverError};
use flow_env::{Env, Random, RealClock, SimDisk};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Two runs with three checkpoints each, of which the newest three are kept and build on each other.
struct Whole {
    disk: SimDisk,
    states: BTreeMap<(u64, u64), Sample>,
    newest: Manifest,
}

fn open(disk: &SimDisk) -> Result<Job, crate::Failure> {
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(RealClock::new()) };
    Job::open(&env, Path::new("/state"), "words")
}

fn whole() -> Whole {
    let disk = SimDisk::new(1);
    let mut random = Random::new(1);
    let (mut states, mut sample, mut newest) = (BTreeMap::new(), Sample::default(), None);
    for first in [1, 4] {
        let job = open(&disk).unwrap();
        let generation = job.begin(&launch("a")).unwrap();
        let recovered = job.recover(generation, |_| Vec::new()).unwrap();
        job.start(&recovered.recovery).unwrap();
        let mut parent = None;
        for epoch in first..first + 3 {
            sample.go_on(&mut random);
            let manifest = sample.publish(&job, generation, epoch, parent.as_ref()).unwrap();
            job.retire(generation, epoch).unwrap();
            states.insert((generation, epoch), sample.clone());
            parent = Some(manifest.clone());
            newest = Some(manifest);
        }
    }
    Whole { disk, states, newest: newest.unwrap() }
}

impl Whole {
    /// Files of which the newest checkpoint needs every bit.
    fn needed(&self) -> BTreeSet<PathBuf> {
        let dir = Path::new("/state/words/chk-6-g2");
        let mut files: BTreeSet<PathBuf> =
            self.newest.parts.iter().map(|part| crate::folder::part_path(dir, &part.file)).collect();
        files.insert(dir.join("MANIFEST"));
        files
    }

    /// Starts a run on a damaged disk. Gives the epoch it goes on from, whose state was compared; an error is as good.
    fn start(&self, disk: &SimDisk, shown: Option<Mark>, context: &str) -> Option<u64> {
        let attempt = || -> Result<(Recovery, Option<Manifest>, usize), String> {
            let job = open(disk).map_err(|error| error.to_string())?;
            let generation = job.begin(&launch("a")).map_err(|error| error.to_string())?;
            let marks: Vec<Option<Mark>> = shown.iter().map(|mark| Some(*mark)).collect();
            let recovered = job.recover(generation, |_| marks.clone()).map_err(|error| match error {
                RecoverError::Failure(failure) => failure.to_string(),
                refused => format!("/state/ {refused}"),
            })?;
            if let Some(manifest) = &recovered.manifest {
                let loaded = job.folder().load(manifest).map_err(|error| error.to_string())?;
                self.states[&(manifest.generation, manifest.epoch)].expect(&loaded, context);
            }
            Ok((recovered.recovery, recovered.manifest, recovered.damaged.len()))
        };
        match attempt() {
            Err(message) => {
                assert!(message.contains("/state/"), "{context}: {message}");
                None
            }
            Ok((recovery, manifest, damaged)) => {
                assert!(recovery.epoch == 6 || damaged > 0, "{context}: {recovery:?} without a word");
                assert_eq!(manifest.is_some(), recovery.epoch > 0, "{context}");
                Some(recovery.epoch)
            }
        }
    }

    /// As [`Whole::start`], without sinks and with one that shows the newest checkpoint. If `needed`, it cannot be gone on from.
    fn check(&self, disk: &SimDisk, needed: bool, context: &str) {
        let again = disk.copy(0);
        let from = self.start(disk, None, context);
        let shown = self.start(&again, Some(Mark { generation: 2, epoch: 6 }), context);
        if needed {
            assert_ne!(from, Some(6), "{context}");
            assert_eq!(shown, None, "{context}: what is shown cannot be gone behind");
        }
        assert!(shown.is_none_or(|epoch| epoch == 6), "{context}");
    }
}

#[test]
fn undamaged_it_goes_on_from_the_newest() {
    let whole = whole();
    assert_eq!(whole.start(&whole.disk.copy(0), None, "whole"), Some(6));
    assert_eq!(whole.needed().len(), 1 + 2 * 3);
}

#[test]
fn every_flipped_bit_of_every_file_is_detected_or_means_nothing() {
    let whole = whole();
    let needed = whole.needed();
    for file in whole.disk.files() {
        let bytes = whole.disk.get(&file).unwrap();
        // Of files that the newest checkpoint does not need, some bits are enough.
        let step = if needed.contains(&file) { 1 } else { 7 };
        for bit in (0..bytes.len() * 8).step_by(step) {
            let disk = whole.disk.copy(0);
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            disk.put(&file, &flipped).unwrap();
            let context = format!("{}, bit {bit}", file.display());
            let shown = Some(Mark { generation: 2, epoch: 6 }).filter(|_| bit % 2 == 0);
            let from = whole.start(&disk, shown, &context);
            assert!(from != Some(6) || !needed.contains(&file), "{context}");
            assert!(from.is_none_or(|epoch| shown.is_none() || epoch == 6), "{context}");
        }
    }
}

#[test]
fn every_truncation_of_every_file_is_detected_or_means_nothing() {
    let whole = whole();
    let needed = whole.needed();
    for file in whole.disk.files() {
        let bytes = whole.disk.get(&file).unwrap();
        for len in 0..bytes.len() {
            let disk = whole.disk.copy(0);
            disk.put(&file, &bytes[..len]).unwrap();
            whole.check(&disk, needed.contains(&file), &format!("{}, {len} bytes", file.display()));
        }
    }
}

#[test]
fn every_file_that_is_gone_is_detected_or_means_nothing() {
    let whole = whole();
    let needed = whole.needed();
    for file in whole.disk.files() {
        let disk = whole.disk.copy(0);
        disk.take(&file).unwrap();
        whole.check(&disk, needed.contains(&file), &format!("{}, gone", file.display()));
    }
}

#[test]
fn every_file_in_another_ones_place_is_detected_or_means_nothing() {
    let whole = whole();
    let needed = whole.needed();
    let files = whole.disk.files();
    for file in &files {
        for other in files.iter().filter(|other| *other != file) {
            let (bytes, others) = (whole.disk.get(file).unwrap(), whole.disk.get(other).unwrap());
            if bytes == others {
                continue;
            }
            let context = format!("{} holds {}", file.display(), other.display());
            let copied = whole.disk.copy(0);
            copied.put(file, &others).unwrap();
            whole.check(&copied, needed.contains(file), &context);
            let swapped = copied.copy(0);
            swapped.put(other, &bytes).unwrap();
            whole.check(
                &swapped,
                needed.contains(file) || needed.contains(other),
                &format!("{context}, swapped"),
            );
        }
    }
}

#[test]
fn a_checkpoint_folder_in_another_ones_place_is_detected() {
    let whole = whole();
    for from in [4, 5] {
        let disk = whole.disk.copy(0);
        for file in ["MANIFEST", "part-0", "part-1"] {
            let bytes =
                whole.disk.get(&Path::new(&format!("/state/words/chk-{from}-g2")).join(file)).unwrap();
            disk.put(&Path::new("/state/words/chk-6-g2").join(file), &bytes).unwrap();
        }
        whole.check(&disk, true, &format!("checkpoint {from} as checkpoint 6"));
    }
}
