//! What is on disk after a death, given to [`protocol::recover`], and what it decided.

use crate::failure::{Failure, Problem};
use crate::folder::{CheckpointFolder, Folder, MANIFEST, exists, part_path, read_manifest};
use crate::job::Job;
use crate::loading::side_by_side;
use crate::manifest::{Manifest, PartFile};
use crate::part;
use crate::protocol::{self, Epoch, Generation, Mark, Recovery, Refusal};
use crate::record;
use crate::retention::Latest;
use flow_env::Disk;
use std::fmt;
use std::path::Path;

/// From where a job goes on.
#[derive(Debug)]
pub struct Recovered {
    /// What the protocol decided.
    pub recovery: Recovery,
    /// The checkpoint it decided for, whose parts are all whole; `None`: from the beginning.
    pub manifest: Option<Manifest>,
    /// Newer checkpoints that are damaged and that nobody has built on.
    pub damaged: Vec<Failure>,
}

/// Why a job cannot go on.
#[derive(Debug)]
pub enum RecoverError {
    /// Something is wrong with the folder.
    Failure(Failure),
    /// The protocol refuses.
    Refused {
        /// Why.
        refusal: Refusal,
        /// What is damaged, if anything is.
        damaged: Vec<Failure>,
        /// How many checkpoints there are.
        checkpoints: usize,
    },
}

impl From<Failure> for RecoverError {
    fn from(failure: Failure) -> RecoverError {
        RecoverError::Failure(failure)
    }
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (refusal, damaged) = match self {
            RecoverError::Failure(failure) => return failure.fmt(f),
            RecoverError::Refused { refusal, damaged, .. } => (refusal, damaged),
        };
        match refusal {
            Refusal::SinkAhead { mark, epoch, .. } => write!(
                f,
                "a sink shows epoch {} already, the newest checkpoint here is {epoch}: the state folder is an old copy, or another one's",
                mark.epoch
            )?,
            Refusal::SinkBehind { mark, epoch, .. } => write!(
                f,
                "a sink shows epoch {} only, it should show {epoch}: its results were removed or replaced",
                mark.map_or(0, |mark| mark.epoch)
            )?,
            Refusal::Damaged { epoch } => {
                write!(
                    f,
                    "checkpoint {epoch} is damaged, and a sink shows its results already, so that no older one can be gone on from (move what the sinks show away, and start from a savepoint with `--from`, or anew with `--fresh`)"
                )?;
            }
        }
        damaged.iter().try_for_each(|failure| write!(f, "; {failure}"))
    }
}

impl std::error::Error for RecoverError {}

/// A checkpoint that was published.
struct Published {
    folder: CheckpointFolder,
    /// What it is, or why that cannot be said.
    manifest: Result<Manifest, Failure>,
}

impl Job {
    /// Decides where this run begins. `marks`, one per sink, as they were when the sink was told of the run; what they mean
    /// may depend on the newest checkpoint that counts and is whole.
    pub fn recover(
        &self,
        generation: Generation,
        marks: impl Fn(Option<&Manifest>) -> Vec<Option<Mark>>,
    ) -> Result<Recovered, RecoverError> {
        let start = self.folder.newest_start()?.map(|started| started.decided());
        let mut found = self.folder.manifests()?;
        self.folder.check_latest(&found, start)?;
        let starts: Vec<protocol::Start> = start.into_iter().collect();
        loop {
            let seen: Vec<protocol::Manifest> = found.iter().map(Published::seen).collect();
            let mut whole =
                found.iter().filter(|one| one.counts(&starts)).filter_map(|one| one.manifest.as_ref().ok());
            let marks = marks(whole.next_back());
            let decided = protocol::recover(generation, &starts, &seen, &marks);
            let chosen = decided.as_ref().ok().filter(|recovery| recovery.epoch > 0);
            let chosen = chosen.and_then(|recovery| {
                found
                    .iter_mut()
                    .find(|one| (one.folder.generation, one.folder.epoch) == (recovery.from, recovery.epoch))
            });
            // Only the one that is wanted is read as a whole. If it is not whole, the protocol decides anew.
            if let Some(one) = chosen
                && let Ok(manifest) = &one.manifest
                && let Err(failure) = verify(&self.folder, manifest, &one.folder.path)
            {
                one.manifest = Err(only_damage(failure)?);
                continue;
            }
            self.folder.make_last(decided.as_ref().ok())?;
            return finish(decided, found);
        }
    }
}

fn finish(decided: Result<Recovery, Refusal>, found: Vec<Published>) -> Result<Recovered, RecoverError> {
    let checkpoints = found.len();
    let (mut manifest, mut damaged) = (None, Vec::new());
    let chosen = decided.as_ref().map_or((0, 0), |recovery| (recovery.from, recovery.epoch));
    for one in found {
        match one.manifest {
            Ok(whole) if (whole.generation, whole.epoch) == chosen => manifest = Some(whole),
            Ok(_) => {}
            Err(failure) => damaged.push(failure),
        }
    }
    match decided {
        Ok(recovery) => Ok(Recovered { recovery, manifest, damaged }),
        Err(refusal) => Err(RecoverError::Refused { refusal, damaged, checkpoints }),
    }
}

impl Published {
    fn seen(&self) -> protocol::Manifest {
        let CheckpointFolder { generation, epoch, .. } = self.folder;
        protocol::Manifest { generation, epoch, whole: self.manifest.is_ok() }
    }

    fn counts(&self, starts: &[protocol::Start]) -> bool {
        protocol::counts(starts, &self.seen())
    }
}

impl Folder {
    /// All published checkpoints, oldest first. What cannot be said for sure is an error: a disk that does not answer now, or files
    /// that only a newer version understands.
    fn manifests(&self) -> Result<Vec<Published>, Failure> {
        let mut found = Vec::new();
        for folder in self.checkpoints()? {
            if !exists(&*self.disk, &folder.manifest())? {
                continue;
            }
            let manifest = match self.manifest_in(&folder) {
                Err(failure) => Err(only_damage(failure)?),
                manifest => manifest,
            };
            found.push(Published { folder, manifest });
        }
        Ok(found)
    }

    /// The manifest in a checkpoint's folder, which must be the one that the folder's name says.
    pub(crate) fn manifest_in(&self, folder: &CheckpointFolder) -> Result<Manifest, Failure> {
        let manifest = read_manifest(&*self.disk, &folder.path)?;
        let is = (manifest.generation, manifest.epoch);
        if is != (folder.generation, folder.epoch) || manifest.job != self.job {
            let why = format!("it is that of epoch {}, run {}, of the job `{}`", is.1, is.0, manifest.job);
            return Err(Failure::damaged(&folder.manifest(), why));
        }
        Ok(manifest)
    }

    /// A run that was killed between a rename and the sync of its folder leaves names that a loss of power takes away again.
    /// What this run builds on must last before it does.
    fn make_last(&self, decided: Option<&Recovery>) -> Result<(), Failure> {
        let sync = |dir: &Path| match exists(&*self.disk, dir)? {
            true => self.disk.sync_dir(dir).map_err(Failure::io(dir)),
            false => Ok(()),
        };
        if let Some(chosen) = decided.filter(|recovery| recovery.epoch > 0) {
            sync(&self.checkpoint(chosen.from, chosen.epoch))?;
        }
        for dir in ["runs", "versions", ""] {
            sync(&self.dir.join(dir))?;
        }
        Ok(())
    }

    /// The checkpoints that a run could go on from, oldest first; files are not looked into. What a run published that was over
    /// and did not know it, is none of them.
    pub fn counting(&self) -> Result<Vec<Manifest>, Failure> {
        let starts = self.newest_start()?.map(|started| started.decided());
        let found = self.manifests()?.into_iter().filter(|one| one.counts(starts.as_slice()));
        Ok(found.filter_map(|one| one.manifest.ok()).collect())
    }

    /// All checkpoints behind an epoch that can be read, also those that count no more: sinks may show what they name.
    pub fn published_behind(&self, epoch: Epoch) -> Result<Vec<Manifest>, Failure> {
        let found = self.manifests()?.into_iter().filter(|one| one.folder.epoch > epoch);
        Ok(found.filter_map(|one| one.manifest.ok()).collect())
    }

    /// Is it written down that all sinks show a checkpoint? If it is not, they may show it all the same.
    pub fn is_known_to_be_shown(&self, manifest: &Manifest) -> Result<bool, Failure> {
        let path = self.dir.join("LATEST");
        if !exists(&*self.disk, &path)? {
            return Ok(false);
        }
        let Latest { generation, epoch } = record::read(&*self.disk, &path)?;
        Ok((generation, epoch) == (manifest.generation, manifest.epoch))
    }

    /// The one that must be there is there, and counts.
    fn check_latest(&self, found: &[Published], start: Option<protocol::Start>) -> Result<(), Failure> {
        let path = self.dir.join("LATEST");
        if !exists(&*self.disk, &path)? {
            return Ok(());
        }
        let Latest { generation, epoch } = record::read(&*self.disk, &path)?;
        let missing = |path: &Path| Err(Failure::new(path, Problem::Missing));
        let is_there = |wanted| found.iter().any(|one| (one.folder.generation, one.folder.epoch) == wanted);
        let Some(start) = start.filter(|start| start.generation >= generation) else {
            return missing(&self.run_path(generation, "start"));
        };
        if start.generation > generation {
            // The newest run has made none, or a run wrote it that was over and did not know it. What that one began with is
            // there as long as it has none of its own.
            let (run, from) = (start.generation, start.from);
            let has_own = found.iter().any(|one| one.folder.generation >= run);
            let needed = !has_own && from != (0, 0) && !is_there(from);
            return if needed { missing(&self.checkpoint(from.0, from.1).join(MANIFEST)) } else { Ok(()) };
        }
        if !is_there((generation, epoch)) {
            return missing(&self.checkpoint(generation, epoch).join(MANIFEST));
        }
        Ok(())
    }
}

/// Damage is something to decide about; everything else stops the start.
fn only_damage(failure: Failure) -> Result<Failure, Failure> {
    match failure.problem {
        Problem::Damaged(_) | Problem::Missing | Problem::Foreign { .. } | Problem::NotAFile => Ok(failure),
        _ => Err(failure),
    }
}

/// Reads all parts of a checkpoint for their hashes.
pub(crate) fn verify(folder: &Folder, manifest: &Manifest, dir: &Path) -> Result<(), Failure> {
    let whole = |disk: &dyn Disk, dir: &Path, chain: &[PartFile]| {
        let mut parts = chain.iter();
        parts.try_for_each(|part| part::verify(disk, &part_path(dir, &part.file), part.key(), part.sealed()))
    };
    side_by_side(&folder.disk, dir, manifest, whole).into_iter().collect()
}

impl Folder {
    /// The published checkpoint of this run and epoch.
    pub fn published_at(&self, generation: Generation, epoch: Epoch) -> Result<Manifest, Failure> {
        let path = self.checkpoint(generation, epoch);
        self.manifest_in(&CheckpointFolder { generation, epoch, path })
    }
}
