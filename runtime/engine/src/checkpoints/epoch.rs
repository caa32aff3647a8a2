//! One epoch: from a snapshot, or the end of the job, to files that count.

use super::Told;
use super::begin::after;
use super::thread::Checkpointer;
use crate::job::Rest;
use crate::snapshot::Snapshot;
use flow_checkpoint::protocol::{Decision, Epoch, Event, Share};
use flow_checkpoint::state::Part;
use flow_checkpoint::{Failure, Head, Job as Store, Position, Problem, Sealing, SinkSeal};
use flow_env::{planted, reach};
use std::time::Duration;

/// What an epoch holds.
pub(super) enum Contents {
    /// The job at a barrier; of each worker, what is still to come.
    Barrier(Box<Snapshot>, Vec<Rest>),
    /// The job is over: all its inputs have ended, and everything was written.
    Finished,
}

impl Checkpointer {
    /// Carries out the injection of an epoch up to its manifest; gives what is decided then.
    pub(super) fn epoch(&mut self, epoch: Epoch, mut contents: Contents, began: Duration) -> Vec<Decision> {
        // Changes only mean something on top of what this run has published, or went on from.
        let (store, parent) = (self.store.clone(), self.parent.clone());
        let sealed = store.seal(self.generation(), epoch, parent.as_deref());
        let written = sealed.and_then(|mut sealing| {
            let bytes = self.write_parts(&mut sealing, &mut contents)?;
            Ok((sealing, bytes))
        });
        if let Contents::Barrier(_, rest) = &mut contents {
            // Of an epoch that is given up, all must come all the same, before the next one.
            rest.iter_mut().for_each(|rest| rest.forget(&self.snapshots));
        }
        let (sealing, bytes) = match written {
            Ok(written) => written,
            Err(failure) if failure.is_fenced() => return self.coordinator.on(Event::Fenced),
            Err(_) if self.shared.aborted() => {
                // Of a job that failed at its first epoch, no folder may look as if there were a checkpoint.
                if let Err(failure) = self.store.abandon(self.generation(), epoch) {
                    self.tell(Told::Left { why: failure.to_string() });
                }
                self.over = true;
                return Vec::new();
            }
            Err(failure) => {
                self.give_up(epoch, failure.to_string());
                return self.coordinator.on(Event::SealFailed(epoch));
            }
        };
        let shares = (0..self.workers).map(Share::Worker).chain((0..self.sinks.len()).map(Share::Sink));
        let decided: Vec<Decision> =
            shares.flat_map(|share| self.coordinator.on(Event::Sealed(epoch, share))).collect();
        debug_assert_eq!(decided, [Decision::Publish(epoch)]);
        if planted("commit-before-publish") {
            (0..self.sinks.len()).for_each(|sink| drop(self.commit(epoch, sink)));
        }
        reach("written");
        match sealing.publish(self.head(&contents)) {
            Ok(manifest) => {
                reach("published");
                self.parent = Some(manifest.into());
                self.whole = false;
                self.written = Some((bytes, began));
                self.coordinator.on(Event::Published(epoch))
            }
            Err(error) if error.failure.is_fenced() => self.coordinator.on(Event::Fenced),
            Err(error) if error.sure => {
                self.give_up(epoch, error.to_string());
                self.coordinator.on(Event::PublishFailed(epoch))
            }
            // Whether it counts is on disk, and nobody can say: as if the process had died here. The next job looks.
            Err(error) => {
                let again = after(&error.failure);
                self.fail_and(format!("checkpoint {epoch} may count or not: {error}"), again);
                Vec::new()
            }
        }
    }

    fn head(&self, contents: &Contents) -> Head {
        let (position, finished) = match contents {
            Contents::Barrier(snapshot, _) => (snapshot.position.clone(), false),
            Contents::Finished => (Default::default(), true),
        };
        let sinks = self.sinks.iter().map(|(node, _)| SinkSeal {
            id: self.shared.states[*node].id.clone(),
            sealed: self.sealed.get(node).cloned().unwrap_or_default(),
        });
        Head {
            barrier: position.number,
            at: self.shared.env.clock.wall_micros(),
            flow: self.launch.flow.clone(),
            finished,
            parallelism: self.workers,
            scripts: self.launch.scripts.clone(),
            parameters: self.launch.parameters.clone(),
            sources: positions(position.sources),
            times: positions(position.times),
            sinks: sinks.collect(),
        }
    }

    /// Writes the workers' parts; what is still to come of them is written as it comes.
    fn write_parts(&self, sealing: &mut Sealing<'_>, contents: &mut Contents) -> Result<u64, Failure> {
        let mut bytes = 0;
        for worker in 0..self.workers {
            bytes += match contents {
                Contents::Barrier(snapshot, rest) => {
                    let rest = &mut rest[worker];
                    let mut more = |state: usize, table: usize| match rest.first() == Some((state, table)) {
                        true => rest.next(&self.snapshots).ok_or_else(|| cut_off(&self.store)),
                        false => Ok(None),
                    };
                    sealing.part_with(worker, &snapshot.parts[worker], &mut more)?
                }
                Contents::Finished => sealing.part(worker, &Part::default())?,
            };
        }
        Ok(bytes)
    }
}

fn cut_off(store: &Store) -> Failure {
    let why = "the job ended before all of its state was written down".into();
    Failure::new(store.folder().path(), Problem::Contradiction(why))
}

fn positions(of: Vec<(String, String)>) -> Vec<Position> {
    of.into_iter().map(|(id, position)| Position { id, position }).collect()
}
