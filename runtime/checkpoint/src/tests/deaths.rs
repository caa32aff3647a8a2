//! What a job's folder is worth when the power goes at any moment, any operation fails, or space ends: the state that comes back is
//! always that of the last checkpoint that was said to count, or of the one that was on its way.

use super::sample::{Sample, head, launch};
use crate::manifest::Manifest;
use crate::protocol::{Mark, Recovery};
use crate::{Job, RecoverError};
use flow_env::{Env, Operation, Random, RealClock, SimDisk};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// What the world knows of the job, however often it dies.
struct World {
    disk: SimDisk,
    random: Random,
    /// The state at each checkpoint that was ever tried.
    states: BTreeMap<(u64, u64), Sample>,
    /// The last one that was said to count: its sinks show it.
    counts: Option<(u64, u64)>,
    /// Those that may count or not.
    perhaps: Vec<(u64, u64)>,
}

/// The process ended before its work did.
#[derive(Debug)]
struct Died(#[allow(dead_code, reason = "for the message of a test that fails")] String);

fn died(failure: impl std::fmt::Display) -> Died {
    Died(failure.to_string())
}

impl World {
    fn new(seed: u64) -> World {
        World {
            disk: SimDisk::new(seed),
            random: Random::new(seed),
            states: BTreeMap::new(),
            counts: None,
            perhaps: Vec::new(),
        }
    }

    fn env(&self) -> Env {
        Env { disk: Arc::new(self.disk.clone()), clock: Arc::new(RealClock::new()) }
    }

    /// One process: recovers, checks what it got, and makes some checkpoints.
    fn run(&mut self, epochs: u64, context: &str) -> Result<(), Died> {
        let env = self.env();
        let job = Job::open(&env, Path::new("/state"), "words").map_err(died)?.keeping(2);
        let generation = job.begin(&launch("a")).map_err(died)?;
        let mark = self.counts.map(|(generation, epoch)| Mark { generation, epoch });
        let recovered = match job.recover(generation, |_| vec![mark]) {
            Ok(recovered) => recovered,
            Err(RecoverError::Failure(failure)) if failure.is_io() => return Err(died(failure)),
            Err(error) => panic!("{context}: {error}"),
        };
        let from = recovered.manifest.as_ref().map(|manifest| (manifest.generation, manifest.epoch));
        let known = from == self.counts || from.is_some_and(|from| self.perhaps.contains(&from));
        assert!(known, "{context}: {from:?}, {:?} counts", self.counts);
        if let Some(manifest) = &recovered.manifest {
            let loaded = job.folder().load(manifest);
            match loaded {
                Ok(loaded) => self.states[&from.unwrap_or_default()].expect(&loaded, context),
                Err(failure) if failure.is_io() => return Err(died(failure)),
                Err(failure) => panic!("{context}: {failure}"),
            }
        }
        let mut sample = from.map_or_else(Sample::default, |from| self.states[&from].clone());
        let (mut recovery, mut from) = (recovered.recovery, from);
        if let Some(adopted) = from.filter(|_| self.random.below(3) == 0) {
            recovery = self.adopt(&job, generation, mark, adopted)?;
            from = Some((generation, recovery.epoch));
        }
        // It is shown again where it was not, so it counts.
        job.start(&recovery).map_err(died)?;
        (self.counts, self.perhaps) = (from, Vec::new());
        let first = recovery.epoch.max(recovery.highest) + 1;
        let mut parent: Option<Manifest> = None;
        for epoch in first..first + epochs {
            sample.go_on(&mut self.random);
            self.states.insert((generation, epoch), sample.clone());
            parent = self.epoch(&job, &mut sample, generation, epoch, parent)?;
        }
        Ok(())
    }

    /// Begins with a savepoint of what it could go on from: the same state, as a checkpoint of its own.
    fn adopt(
        &mut self,
        job: &Job,
        generation: u64,
        mark: Option<Mark>,
        from: (u64, u64),
    ) -> Result<Recovery, Died> {
        let saved = job.folder().saved(from.0, from.1).map_err(died)?;
        let adopted = job.adopt(generation, &[mark], Some(&saved), head(0)).map_err(died)?;
        self.states.insert((generation, adopted.recovery.epoch), self.states[&from].clone());
        // If it dies before it has started, nobody knows whether it has begun with it.
        self.perhaps.push((generation, adopted.recovery.epoch));
        Ok(adopted.recovery)
    }

    /// A checkpoint, and what the coordinator would do about it. Gives the parent of the next one.
    fn epoch(
        &mut self,
        job: &Job,
        sample: &mut Sample,
        generation: u64,
        epoch: u64,
        parent: Option<Manifest>,
    ) -> Result<Option<Manifest>, Died> {
        self.perhaps = vec![(generation, epoch)];
        match sample.publish(job, generation, epoch, parent.as_ref()) {
            Ok(mut manifest) => {
                (self.counts, self.perhaps) = (Some((generation, epoch)), Vec::new());
                job.retire(generation, epoch).map_err(|why| died(crate::Failure::from(why)))?;
                if self.random.below(3) == 0 {
                    job.fold(&mut manifest, 0).map_err(died)?;
                }
                Ok(Some(manifest))
            }
            Err(error) if error.sure => {
                self.perhaps.clear();
                job.abandon(generation, epoch).map_err(died)?;
                Ok(parent)
            }
            Err(error) => Err(died(error)),
        }
    }
}

/// Operations of a life of two processes.
fn life(seed: u64) -> [u64; 2] {
    let mut world = World::new(seed);
    [3, 2].map(|epochs| {
        world.run(epochs, "without trouble").unwrap();
        let operations = world.disk.operations();
        world.disk.boot();
        operations
    })
}

#[test]
fn the_power_may_go_at_any_operation_and_again_while_it_recovers() {
    for seed in 0..6 {
        let [first, second] = life(seed);
        for off in 0..=first {
            let mut world = World::new(seed);
            world.disk.power_off_at(off);
            let context = format!("seed {seed}, off at {off}");
            let _ = world.run(3, &context);
            world.disk.boot();
            let again = world.random.below(second);
            world.disk.power_off_at(again);
            let _ = world.run(2, &format!("{context}, then at {again}"));
            world.disk.boot();
            world.run(1, &format!("{context}, {again}, whole")).unwrap();
            world.disk.boot();
            world.run(0, &format!("{context}, {again}, at last")).unwrap();
        }
    }
}

#[test]
fn any_operation_may_fail_and_the_power_may_go_some_time_after() {
    let mut kinds = BTreeSet::new();
    for seed in 10..14 {
        let [first, _] = life(seed);
        for fail in 0..first {
            let mut world = World::new(seed);
            world.disk.fail_at(fail);
            let context = format!("seed {seed}, failed at {fail}");
            if world.run(4, &context).is_err() && world.random.below(2) == 0 {
                // The process ends, the machine does not.
                let _ = world.run(1, &format!("{context}, again"));
            }
            kinds.extend(world.disk.failed().map(|kind| format!("{kind:?}")));
            world.disk.boot();
            world.run(1, &format!("{context}, then the power went")).unwrap();
        }
    }
    let all = [
        Operation::Open,
        Operation::Create,
        Operation::Read,
        Operation::Write,
        Operation::Sync,
        Operation::CreateDir,
        Operation::Rename,
        Operation::Remove,
        Operation::SyncDir,
    ];
    assert_eq!(kinds, all.iter().map(|kind| format!("{kind:?}")).collect());
}

#[test]
fn a_full_disk_loses_nothing_and_the_job_goes_on_when_space_returns() {
    for seed in 20..40 {
        let mut world = World::new(seed);
        let env = world.env();
        let job = Job::open(&env, Path::new("/state"), "words").unwrap();
        let generation = job.begin(&launch("a")).unwrap();
        let mut sample = Sample::default();
        sample.go_on(&mut world.random);
        let first = sample.publish(&job, generation, 1, None).unwrap();
        let used: u64 =
            world.disk.files().iter().map(|file| world.disk.get(file).unwrap().len() as u64).sum();
        let good = sample.clone();
        for epoch in 2..6 {
            world.disk.set_space(Some(used + world.random.below(1000)));
            sample.go_on(&mut world.random);
            let error = sample.publish(&job, generation, epoch, Some(&first)).unwrap_err();
            assert!(error.sure && error.failure.is_io(), "seed {seed}: {error}");
            job.abandon(generation, epoch).unwrap();
            good.expect(&job.folder().load(&first).unwrap(), "the last good one stays");
        }
        world.disk.set_space(None);
        let sixth = sample.publish(&job, generation, 6, Some(&first)).unwrap();
        sample.expect(&job.folder().load(&sixth).unwrap(), "space returned");
    }
}
