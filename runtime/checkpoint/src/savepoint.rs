//! Savepoints: checkpoints as folders that are complete in themselves, to be kept, copied to other machines and gone on from.
//!
//! A savepoint is made under another name and renamed when it is whole; one that was copied by half lacks files that its
//! manifest names, and says which.

use crate::failure::{Failure, Problem};
use crate::folder::{
    CheckpointFolder, Folder, MANIFEST, entries, exists, file_info, open_file, part_name, part_path,
    read_manifest,
};
use crate::hash::Hashing;
use crate::job::Job;
use crate::loading;
use crate::manifest::{Manifest, PartFile};
use crate::part;
use crate::protocol::{Epoch, Generation, Mark, Recovery};
use crate::record::{self, Record};
use crate::recovering::Recovered;
use crate::sealing::{Head, PublishError};
use crate::state::{Part, State};
use flow_env::Disk;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

/// So many bytes are copied at once.
const PIECE: usize = 1 << 20;

/// A savepoint, or a checkpoint of some job: a folder with a manifest.
#[derive(Clone)]
pub struct Saved {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// What it is.
    pub manifest: Manifest,
}

/// The number that was given last: none is given twice, also if its savepoint was deleted.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastNumber {
    number: u64,
}

impl Record for LastNumber {
    const WORD: &'static str = "flow-savepoints";
    const NAME: &'static str = "the number of a job's last savepoint";
}

impl Saved {
    /// Opens the one in this folder: reads the manifest, and looks whether its files are there in their length.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path) -> Result<Saved, Failure> {
        if !disk.info(dir).map_err(Failure::io(dir))?.is_dir {
            return Err(Failure::new(
                dir,
                Problem::Foreign { expected: "the folder of a savepoint, but a file" },
            ));
        }
        if !exists(&*disk, &dir.join(MANIFEST))? {
            return Err(Failure::new(
                dir,
                Problem::Foreign { expected: "a savepoint, or only a part of one: it has no MANIFEST" },
            ));
        }
        let manifest = read_manifest(&*disk, dir)?;
        for part in &manifest.parts {
            let path = part_path(dir, &part.file);
            let length = file_info(&*disk, &path)?.len;
            if length != part.length {
                let why = format!("it has {length} bytes, the manifest says {}", part.length);
                return Err(Failure::damaged(&path, why));
            }
        }
        Ok(Saved { disk, dir: dir.to_path_buf(), manifest })
    }

    /// Opens what a user calls `job@n`, or by its path.
    pub fn find(disk: Arc<dyn Disk>, state: &Path, name: &str) -> Result<Saved, Failure> {
        let numbered = name.rsplit_once('@').and_then(|(job, number)| Some((job, number.parse().ok()?)));
        match numbered {
            Some((job, number)) if !exists(&*disk, Path::new(name))? => {
                let folder = Folder::open(disk.clone(), state, job)?;
                Saved::open(disk, &folder.savepoint(number))
            }
            _ => Saved::open(disk, Path::new(name)),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Reads all of it for its hashes.
    pub fn verify(&self) -> Result<(), Failure> {
        let whole = |part: &PartFile| {
            part::verify(&*self.disk, &part_path(&self.dir, &part.file), part.key(), part.sealed())
        };
        self.manifest.parts.iter().try_for_each(whole)
    }

    /// All its tables, as each worker held them.
    pub fn load(&self) -> Result<Vec<Part>, Failure> {
        loading::load(&self.disk, &self.dir, &self.manifest)
    }

    /// The same in pieces of about so many bytes.
    pub fn pieces(&self, memory: Option<usize>) -> loading::Pieces {
        loading::Pieces::new(self.disk.clone(), self.dir.clone(), self.manifest.clone(), memory)
    }

    /// The tables of one state, as each worker held them.
    pub(crate) fn load_state(&self, id: &str) -> Result<Vec<State>, Failure> {
        loading::load_state(&self.disk, &self.dir, &self.manifest, id)
    }

    /// Copies its files into a folder, under names that are plain there; gives the parts as they are named then.
    fn copy_into(&self, to: &dyn Disk, dir: &Path) -> Result<Vec<PartFile>, Failure> {
        let mut parts = self.manifest.parts.clone();
        for part in &mut parts {
            let from = part_path(&self.dir, &part.file);
            part.file = format!("{}-{}-{}", part_name(part.worker), part.epoch, part.generation);
            let path = dir.join(&part.file);
            copy(&*self.disk, &from, to, &path, part)?;
            part::verify(to, &path, part.key(), part.sealed())?;
        }
        Ok(parts)
    }
}

/// Copies a part and makes the copy durable, but for its name.
fn copy(disk: &dyn Disk, from: &Path, to: &dyn Disk, path: &Path, part: &PartFile) -> Result<(), Failure> {
    let source = open_file(disk, from)?;
    let mut target = to.create(path).map_err(Failure::io(path))?;
    let (mut hash, mut buffer) = (Hashing::default(), vec![0; PIECE]);
    loop {
        let len = source.read_at(&mut buffer, hash.taken()).map_err(Failure::io(from))?;
        if len == 0 {
            break;
        }
        hash.take(&buffer[..len]);
        target.write_all(&buffer[..len]).map_err(Failure::io(path))?;
    }
    target.sync().map_err(Failure::io(path))?;
    if hash.taken() == part.length { Ok(()) } else { Err(Failure::damaged(from, "it was cut off")) }
}

impl Folder {
    /// The folder of a savepoint.
    pub fn savepoint(&self, number: u64) -> PathBuf {
        self.dir.join("savepoints").join(number.to_string())
    }

    /// What a user of this job calls a savepoint: `job@n` if it is one of its own, else by its path.
    pub(crate) fn name_of(&self, saved: &Saved) -> String {
        let number = saved.dir.file_name().and_then(|name| name.to_str()?.parse::<u64>().ok());
        match number.filter(|number| self.savepoint(*number) == saved.dir) {
            Some(number) => format!("{}@{number}", self.job),
            None => saved.dir.display().to_string(),
        }
    }

    /// The numbers of all savepoints, oldest first.
    pub fn savepoints(&self) -> Result<Vec<u64>, Failure> {
        let listed = entries(&*self.disk, &self.dir.join("savepoints"))?;
        let folders = listed.iter().filter(|entry| entry.info.is_dir);
        let mut numbers: Vec<u64> =
            folders.filter_map(|entry| entry.path.file_name()?.to_str()?.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Removes a savepoint: first it loses its name, so that no half of it is left under it.
    pub fn delete_savepoint(&self, number: u64) -> Result<(), Failure> {
        let (path, all) = (self.savepoint(number), self.dir.join("savepoints"));
        let beside = path.with_extension("tmp");
        self.disk.rename(&path, &beside).map_err(Failure::io(&path))?;
        self.disk.sync_dir(&all).map_err(Failure::io(&all))?;
        self.disk.remove_dir_all(&beside).map_err(Failure::io(&beside))
    }

    /// A published checkpoint as a folder with a manifest.
    pub fn saved(&self, generation: Generation, epoch: Epoch) -> Result<Saved, Failure> {
        let path = self.checkpoint(generation, epoch);
        let manifest = self.manifest_in(&CheckpointFolder { generation, epoch, path: path.clone() })?;
        Ok(Saved { disk: self.disk.clone(), dir: path, manifest })
    }
}

impl Job {
    /// Makes a savepoint of a published checkpoint. Gives its number.
    pub fn save(&self, generation: Generation, epoch: Epoch) -> Result<u64, Failure> {
        let _files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = self.folder.saved(generation, epoch)?;
        let number = self.next_savepoint()?;
        let (path, all) = (self.folder.savepoint(number), self.folder.dir.join("savepoints"));
        let beside = record::beside(&path, self.run());
        let copied = self.fill(&saved, &beside);
        if let Err(failure) = copied {
            // What is left of it is removed at the next start, if it cannot be now.
            let _ = self.env.disk.remove_dir_all(&beside);
            return Err(failure);
        }
        self.env.disk.rename(&beside, &path).map_err(Failure::io(&path))?;
        self.env.disk.sync_dir(&all).map_err(Failure::io(&all))?;
        Ok(number)
    }

    fn fill(&self, saved: &Saved, dir: &Path) -> Result<(), Failure> {
        let disk = &*self.env.disk;
        disk.create_dir_all(dir).map_err(Failure::io(dir))?;
        let parts = saved.copy_into(disk, dir)?;
        let manifest = Manifest { parts, parent: None, ..saved.manifest.clone() };
        record::prepare(disk, &dir.join(MANIFEST), &manifest)?;
        disk.sync_dir(dir).map_err(Failure::io(dir))
    }

    fn next_savepoint(&self) -> Result<u64, Failure> {
        let all = self.folder.dir.join("savepoints");
        let path = all.join("LAST");
        let disk = &*self.env.disk;
        disk.create_dir_all(&all).map_err(Failure::io(&all))?;
        let last = if exists(disk, &path)? { record::read::<LastNumber>(disk, &path)?.number } else { 0 };
        let number = last.max(self.folder.savepoints()?.pop().unwrap_or(0)) + 1;
        self.write(&path, &LastNumber { number })?;
        Ok(number)
    }

    /// Instead of [`Job::recover`]: begins with a savepoint, or anew. What is begun with is published first as a checkpoint of this
    /// run, above all that was there; so a death later finds it, and sinks that show older results take a mark of this run. They
    /// have nothing of it to show: all of them are asked to commit what they sealed for it, which is nothing.
    pub fn adopt(
        &self,
        generation: Generation,
        marks: &[Option<Mark>],
        saved: Option<&Saved>,
        head: Head,
    ) -> Result<Recovered, PublishError> {
        let sure = |failure| PublishError { failure, sure: true };
        let folders = self.folder.checkpoints().map_err(sure)?;
        let shown = marks.iter().flatten().map(|mark| mark.epoch);
        let highest = folders.iter().map(|folder| folder.epoch).chain(shown).max().unwrap_or(0);
        let epoch = highest.max(saved.map_or(0, |saved| saved.manifest.epoch)) + 1;
        let sealing = self.seal(generation, epoch, None).map_err(sure)?;
        let manifest = match saved {
            None => sealing.publish(head)?,
            Some(saved) => {
                let dir = self.folder.checkpoint(generation, epoch);
                let parts = saved.copy_into(&*self.env.disk, &dir).map_err(sure)?;
                sealing.publish_copy(saved.manifest.clone(), parts)?
            }
        };
        let recommit = (0..marks.len()).collect();
        let recovery = Recovery { generation, from: generation, epoch, highest: epoch, recommit };
        Ok(Recovered { recovery, manifest: Some(manifest), damaged: Vec::new() })
    }
}
