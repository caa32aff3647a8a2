//! Which files are kept: the newest checkpoints and all that they need. A manifest goes before the files it names, so
//! that none is ever left without them.

use crate::failure::{Failure, Problem};
use crate::folder::{CheckpointFolder, entries, exists, part_path, read_manifest};
use crate::job::{Job, RUNS};
use crate::protocol::{Epoch, Generation};
use crate::record::{self, Record};
use flow_env::planted;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::PoisonError;

/// The checkpoint that must be there: it was published, and nothing was decided since that would have freed it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Latest {
    pub(crate) generation: Generation,
    pub(crate) epoch: Epoch,
}

impl Record for Latest {
    const WORD: &'static str = "flow-latest";
    const NAME: &'static str = "the name of a job's latest checkpoint";
}

/// Why a checkpoint that all sinks show is not retired. It counts all the same.
#[derive(Debug)]
pub enum NotRetired {
    /// That it is the latest one could not be written down: nothing was freed.
    Unnamed(Failure),
    /// What only older ones need could not be removed.
    Left(Failure),
}

impl From<NotRetired> for Failure {
    fn from(why: NotRetired) -> Failure {
        match why {
            NotRetired::Unnamed(failure) | NotRetired::Left(failure) => failure,
        }
    }
}

impl Job {
    /// All sinks show this checkpoint: writes that down, and frees what only older ones need, but for those that are kept.
    pub fn retire(&self, generation: Generation, epoch: Epoch) -> Result<(), NotRetired> {
        let _files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        self.fence(generation)
            .and_then(|()| self.latest((generation, epoch)))
            .map_err(NotRetired::Unnamed)?;
        self.free_older(generation, epoch).map_err(NotRetired::Left)
    }

    fn free_older(&self, generation: Generation, epoch: Epoch) -> Result<(), Failure> {
        let mut published = self.published()?;
        // Later ones are of runs that were over and did not know it.
        let is_late = |folder: &mut CheckpointFolder| folder.epoch > epoch && folder.generation < generation;
        let late: Vec<CheckpointFolder> = published.extract_if(.., is_late).collect();
        let kept = if planted("clean-too-much") { 0 } else { self.keep };
        let old = published.len().saturating_sub(kept);
        let old: Vec<CheckpointFolder> = published.drain(..old).collect();
        for folder in late.iter().chain(&old).filter(|folder| self.may_remove(folder)) {
            let path = folder.manifest();
            gone(self.env.disk.remove_file(&path)).map_err(Failure::io(&path))?;
            gone(self.env.disk.sync_dir(&folder.path)).map_err(Failure::io(&folder.path))?;
        }
        self.free(&published)
    }

    /// Removes what runs left that died: checkpoints that were not published, files that have no name yet. What a newer
    /// run is about to name stays: this one is over, and does not know it.
    pub(crate) fn clean(&self) -> Result<(), Failure> {
        let _files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for dir in ["", "runs", "versions", "savepoints"] {
            for entry in entries(&*self.env.disk, &self.folder.dir.join(dir))? {
                let is_beside = entry.path.extension().is_some_and(|extension| extension == "tmp");
                if is_beside && record::run_of(&entry.path) <= self.run() {
                    let disk = &self.env.disk;
                    let removed = if entry.info.is_dir {
                        disk.remove_dir_all(&entry.path)
                    } else {
                        disk.remove_file(&entry.path)
                    };
                    // A run that everyone takes for dead was perhaps about to put it in its place.
                    gone(removed).map_err(Failure::io(&entry.path))?;
                }
            }
        }
        self.free(&self.published()?)
    }

    /// Forgets runs that are long over.
    pub(crate) fn prune(&self) -> Result<(), Failure> {
        let begun = self.folder.generations("begun")?;
        let started = self.folder.generations("start")?.pop();
        let mut known = HashSet::new();
        for &generation in &begun[..begun.len().saturating_sub(RUNS)] {
            let first = known.insert(self.folder.begun(generation)?.version);
            // From where the newest of them began is what the next one goes by.
            if first || Some(generation) == started {
                continue;
            }
            // That it was comes last: what is left of it by a death would be a run without a beginning.
            for what in ["end", "start", "begun"] {
                let path = self.folder.run_path(generation, what);
                gone(self.env.disk.remove_file(&path)).map_err(Failure::io(&path))?;
            }
        }
        Ok(())
    }

    /// Folders with a manifest, oldest first.
    pub(crate) fn published(&self) -> Result<Vec<CheckpointFolder>, Failure> {
        let mut published = self.folder.checkpoints()?;
        let mut error = None;
        published.retain(|folder| match exists(&*self.env.disk, &folder.manifest()) {
            Ok(there) => there,
            Err(failure) => {
                error = Some(failure);
                true
            }
        });
        error.map_or(Ok(published), Err)
    }

    /// Removes all files of checkpoints that these do not need.
    fn free(&self, kept: &[CheckpointFolder]) -> Result<(), Failure> {
        let mut needed: HashSet<PathBuf> = HashSet::new();
        for folder in kept {
            match read_manifest(&*self.env.disk, &folder.path) {
                Ok(manifest) => {
                    needed.extend(manifest.parts.iter().map(|part| part_path(&folder.path, &part.file)))
                }
                // What a damaged one needs nobody knows; it stays for whoever can mend it.
                Err(Failure {
                    problem:
                        Problem::Damaged(_) | Problem::Newer { .. } | Problem::Foreign { .. } | Problem::NotAFile,
                    ..
                }) => {
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            }
            needed.insert(folder.manifest());
        }
        for folder in self.folder.checkpoints()?.iter().filter(|folder| self.may_remove(folder)) {
            let files = entries(&*self.env.disk, &folder.path)?;
            if !files.iter().any(|file| needed.contains(&file.path)) {
                gone(self.env.disk.remove_dir_all(&folder.path)).map_err(Failure::io(&folder.path))?;
                continue;
            }
            for file in files.iter().filter(|file| !needed.contains(&file.path)) {
                gone(self.env.disk.remove_file(&file.path)).map_err(Failure::io(&file.path))?;
            }
        }
        Ok(())
    }

    /// What a newer run makes is not for this one to remove: it is over, and was about to free something when it fell
    /// asleep.
    fn may_remove(&self, folder: &CheckpointFolder) -> bool {
        folder.generation <= self.run()
    }

    /// Writes down which checkpoint must be there.
    pub(crate) fn latest(&self, (generation, epoch): (Generation, Epoch)) -> Result<(), Failure> {
        self.write(&self.folder.dir.join("LATEST"), &Latest { generation, epoch })
    }
}

/// Two runs may free the same files.
pub(crate) fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
