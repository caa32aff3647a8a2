//! A checkpoint on its way: parts are written one by one, then the manifest makes it count.

use crate::failure::{Failure, Problem};
use crate::folder::{MANIFEST, checkpoint_name, part_name, part_path};
use crate::job::Job;
use crate::manifest::{Manifest, PartFile, Position, ScriptFile, SinkSeal, StateSchema, TableSchema};
use crate::part::{self, More, PartKey};
use crate::protocol::{Epoch, Generation};
use crate::record;
use crate::state::{Change, Part, State, Table};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// What the engine says of a checkpoint, besides its parts.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The barrier: chunks with lower numbers are in it.
    pub barrier: u64,
    /// When it was sealed: microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// The version of `flow`.
    pub flow: String,
    /// Does the job finish with it?
    pub finished: bool,
    /// Workers; as many parts there are.
    pub parallelism: usize,
    /// The script and what it imports; the main one comes first.
    pub scripts: Vec<ScriptFile>,
    /// Parameters that were given: name and value.
    pub parameters: Vec<(String, String)>,
    /// Where the sources stand.
    pub sources: Vec<Position>,
    /// Where the watermarks stand, and what else goes on with the sequence.
    pub times: Vec<Position>,
    /// What the sinks sealed.
    pub sinks: Vec<SinkSeal>,
}

/// A checkpoint on its way. Dropping it leaves files that do not count; [`Job::abandon`] removes them.
pub struct Sealing<'a> {
    job: &'a Job,
    generation: Generation,
    epoch: Epoch,
    dir: PathBuf,
    /// The checkpoint that changes are changes to.
    parent: Option<&'a Manifest>,
    states: Vec<StateSchema>,
    /// The files of each worker, the base first.
    chains: BTreeMap<usize, Vec<PartFile>>,
}

/// A checkpoint could not be published.
#[derive(Debug)]
pub struct PublishError {
    /// Why.
    pub failure: Failure,
    /// Is it sure that it does not count? If it is not, the job must stop as if it had died: what is on disk decides.
    pub sure: bool,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl std::error::Error for PublishError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.failure)
    }
}

impl Job {
    /// Begins a checkpoint. `parent` is the one before, published by this very run or what it went on from: parts may then hold
    /// changes to it.
    pub fn seal<'a>(
        &'a self,
        generation: Generation,
        epoch: Epoch,
        parent: Option<&'a Manifest>,
    ) -> Result<Sealing<'a>, Failure> {
        self.fence(generation)?;
        let dir = self.folder.checkpoint(generation, epoch);
        let disk = &*self.env.disk;
        disk.create_dir_all(&dir).map_err(Failure::io(&dir))?;
        // The folder's own name must last before anything in it counts.
        disk.sync_dir(&self.folder.dir).map_err(Failure::io(&self.folder.dir))?;
        Ok(Sealing { job: self, generation, epoch, dir, parent, states: Vec::new(), chains: BTreeMap::new() })
    }

    /// Removes what is there of a checkpoint that was not published.
    pub fn abandon(&self, generation: Generation, epoch: Epoch) -> Result<(), Failure> {
        let dir = self.folder.checkpoint(generation, epoch);
        let disk = &*self.env.disk;
        match disk.remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::io(&dir)(error));
            }
            _ => {}
        }
        disk.sync_dir(&self.folder.dir).map_err(Failure::io(&self.folder.dir))
    }
}

impl Sealing<'_> {
    /// Writes what a worker sealed and makes it durable. Gives the bytes that were written.
    ///
    /// A table that holds changes, and one that is not there, are as in the parent otherwise.
    pub fn part(&mut self, worker: usize, part: &Part) -> Result<u64, Failure> {
        self.part_with(worker, part, &mut |_, _| Ok(None))
    }

    /// The same; `more` is asked of each table for what the part does not hold of it.
    pub fn part_with(&mut self, worker: usize, part: &Part, more: &mut More<'_>) -> Result<u64, Failure> {
        let path = self.dir.join(part_name(worker));
        let contradiction = |what: String| Failure::new(&path, Problem::Contradiction(what));
        let mut chain = Vec::new();
        if part.is_delta() {
            let before =
                self.parent.iter().flat_map(|parent| parent.parts.iter().map(|part| beside(parent, part)));
            chain.extend(before.filter(|part| part.worker == worker));
            if chain.is_empty() {
                return Err(contradiction("it holds changes to a checkpoint that is not there".into()));
            }
        }
        part.states.iter().try_for_each(|state| self.know(state)).map_err(contradiction)?;
        let key = PartKey { generation: self.generation, epoch: self.epoch, worker };
        let sealed = part::write_with(&*self.job.env.disk, &path, key, part, more);
        let sealed = sealed.or_else(|failure| self.job.fence(self.generation).and(Err(failure)))?;
        chain.push(PartFile {
            worker,
            generation: self.generation,
            epoch: self.epoch,
            base: chain.is_empty(),
            file: part_name(worker),
            length: sealed.length,
            hash: sealed.hash,
        });
        self.chains.insert(worker, chain);
        Ok(sealed.length)
    }

    /// Takes a state's tables into the manifest; they must be the same for all workers.
    fn know(&mut self, state: &State) -> Result<(), String> {
        let at = match self.states.iter().position(|known| known.id == state.id) {
            Some(at) => at,
            None => {
                self.states.push(StateSchema { id: state.id.clone(), tables: Vec::new() });
                self.states.len() - 1
            }
        };
        for table in &state.tables {
            let schema = TableSchema::of(table);
            let parent = self.parent.and_then(|parent| parent.state(&state.id)?.table(&table.name));
            let changes = matches!(table.change, Change::Delta { .. });
            if changes && parent.is_some_and(|parent| *parent != schema) {
                return Err(format!("{} has other columns than before", described(state, table)));
            }
            match self.states[at].table(&table.name) {
                None => self.states[at].tables.push(schema),
                Some(known) if *known == schema => {}
                Some(_) => return Err(format!("{} has other columns elsewhere", described(state, table))),
            }
        }
        Ok(())
    }

    /// Makes the checkpoint count: everything is durable and was read back when this comes back well.
    pub fn publish(mut self, head: Head) -> Result<Manifest, PublishError> {
        let manifest = self.manifest(head);
        self.publish_as(manifest)
    }

    /// Publishes what was copied from a savepoint as this checkpoint. Sinks sealed nothing for it.
    pub(crate) fn publish_copy(
        self,
        saved: Manifest,
        parts: Vec<PartFile>,
    ) -> Result<Manifest, PublishError> {
        let manifest = Manifest {
            job: self.job.folder.job.clone(),
            generation: self.generation,
            epoch: self.epoch,
            finished: false,
            sinks: Vec::new(),
            parent: None,
            parts,
            ..saved
        };
        self.publish_as(manifest)
    }

    fn publish_as(&self, manifest: Manifest) -> Result<Manifest, PublishError> {
        let (at, beside) = (self.dir.join(MANIFEST), self.dir.join("MANIFEST.tmp"));
        let disk = &*self.job.env.disk;
        let prepared = self.verify(&manifest).and_then(|()| record::prepare(disk, &beside, &manifest));
        // Asked last, so that the time between the answer and the new name is short; and first of all reasons to fail: a newer
        // run may have removed what is missing here.
        let alone = self.job.fence(self.generation).and(prepared);
        alone.map_err(|failure| PublishError { failure, sure: true })?;
        let renamed = disk.rename(&beside, &at).map_err(Failure::io(&at));
        let counts = renamed.and_then(|()| disk.sync_dir(&self.dir).map_err(Failure::io(&self.dir)));
        counts.map_err(|failure| {
            // The name may stand on disk or not. It surely does not if the whole folder is gone from the job's, which
            // is another folder than the one that could not be synced.
            let sure = self.job.abandon(self.generation, self.epoch).is_ok();
            PublishError { failure, sure }
        })?;
        Ok(manifest)
    }

    fn manifest(&mut self, head: Head) -> Manifest {
        let parts: Vec<PartFile> = std::mem::take(&mut self.chains).into_values().flatten().collect();
        let changes = parts.iter().any(|part| part.epoch != self.epoch);
        let parent = self.parent.filter(|_| changes);
        let mut states = std::mem::take(&mut self.states);
        for state in parent.into_iter().flat_map(|parent| &parent.states) {
            match states.iter_mut().find(|known| known.id == state.id) {
                None => states.push(state.clone()),
                Some(known) => {
                    let more = state.tables.iter().filter(|table| known.table(&table.name).is_none());
                    let more: Vec<TableSchema> = more.cloned().collect();
                    known.tables.extend(more);
                }
            }
        }
        Manifest {
            job: self.job.folder.job.clone(),
            generation: self.generation,
            epoch: self.epoch,
            barrier: head.barrier,
            at: head.at,
            flow: head.flow,
            finished: head.finished,
            parallelism: head.parallelism,
            scripts: head.scripts,
            parameters: head.parameters,
            sources: head.sources,
            times: head.times,
            sinks: head.sinks,
            states,
            parent: parent.map(|parent| (parent.generation, parent.epoch)),
            parts,
        }
    }

    /// Reads back what was written for this checkpoint; what it builds on was read when it was published.
    fn verify(&self, manifest: &Manifest) -> Result<(), Failure> {
        let path = self.dir.join(MANIFEST);
        manifest.check().map_err(|why| Failure::new(&path, Problem::Contradiction(why)))?;
        let own = manifest.parts.iter().filter(|part| part.epoch == self.epoch);
        let disk = &*self.job.env.disk;
        own.clone().try_for_each(|part| {
            part::verify(disk, &part_path(&self.dir, &part.file), part.key(), part.sealed())
        })?;
        disk.sync_dir(&self.dir).map_err(Failure::io(&self.dir))
    }
}

/// A part of an earlier checkpoint, as it is named from the folder of another one.
fn beside(parent: &Manifest, part: &PartFile) -> PartFile {
    let mut part = part.clone();
    if !part.file.starts_with("../") {
        part.file = format!("../{}/{}", checkpoint_name(parent.generation, parent.epoch), part.file);
    }
    part
}

fn described(state: &State, table: &Table) -> String {
    format!("the table `{}` of the state `{}`", table.name, state.id)
}
