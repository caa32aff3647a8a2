//! The folder of a job: which file stands where. Looking at it changes nothing and needs no lock.
//!
//! ```text
//! <state>/<job>/FORMAT                      what this folder is
//!               LOCK                        taken by the process that runs the job
//!               LATEST                      the checkpoint that must be there
//!               versions/<n>                the script, each time that it changed
//!               runs/<generation>.begun     a run, before it looks at anything
//!               runs/<generation>.start     where it began, before it reads anything
//!               runs/<generation>.end       how it ended, if it could say so
//!               chk-<epoch>-g<generation>/  a checkpoint: MANIFEST and part-<worker>
//!               savepoints/<n>/             a copy of one, complete in itself
//! ```
//!
//! The run stands in a checkpoint's name because a run that is over without knowing may use a number once more.

use crate::failure::{Failure, Problem};
use crate::manifest::Manifest;
use crate::part::PartKey;
use crate::protocol::{Epoch, Generation};
use crate::record::{self, Record};
use flow_env::{Disk, FileInfo, FileLock, ReadFile};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of a job.
#[derive(Clone)]
pub struct Folder {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) job: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    job: String,
}

impl Record for Format {
    const WORD: &'static str = "flow-job";
    const NAME: &'static str = "the folder of a job";
}

impl Folder {
    /// The folder of a job that has one.
    pub fn open(disk: Arc<dyn Disk>, state: &Path, job: &str) -> Result<Folder, Failure> {
        is_folder(&*disk, state)?;
        let dir = state.join(folder_name(job));
        let folder = Folder { disk, dir, job: job.into() };
        folder.disk.info(&folder.dir).map_err(Failure::io(&folder.dir))?;
        folder.check()?;
        Ok(folder)
    }

    /// All jobs that have a folder here, by name. One that is called after another job than its own is a copy, or was moved: it
    /// is nobody's.
    pub fn all(disk: &Arc<dyn Disk>, state: &Path) -> Result<Vec<Folder>, Failure> {
        is_folder(&**disk, state)?;
        let mut folders = Vec::new();
        for entry in entries(&**disk, state)? {
            let format = entry.path.join("FORMAT");
            if entry.info.is_dir && exists(&**disk, &format)? {
                let job = record::read::<Format>(&**disk, &format)?.job;
                if entry.path == state.join(folder_name(&job)) {
                    folders.push(Folder { disk: disk.clone(), dir: entry.path, job });
                }
            }
        }
        folders.sort_by(|a, b| a.job.cmp(&b.job));
        Ok(folders)
    }

    /// The folders in a state folder that hold the state of a job and are not called after it, with the names of these jobs.
    pub fn misplaced(disk: &Arc<dyn Disk>, state: &Path) -> Result<Vec<Failure>, Failure> {
        is_folder(&**disk, state)?;
        let mut failures = Vec::new();
        for entry in entries(&**disk, state)? {
            let format = entry.path.join("FORMAT");
            if entry.info.is_dir && exists(&**disk, &format)? {
                let of = record::read::<Format>(&**disk, &format)?.job;
                if entry.path != state.join(folder_name(&of)) {
                    let wanted = entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    failures.push(Failure::new(&entry.path, Problem::OtherJob { of, wanted }));
                }
            }
        }
        failures.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(failures)
    }

    /// The job's name.
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Does a process run the job?
    pub fn is_in_use(&self) -> Result<bool, Failure> {
        match self.lock() {
            Ok(_) => Ok(false),
            Err(Failure { problem: Problem::InUse, .. }) => Ok(true),
            Err(failure) => Err(failure),
        }
    }

    /// Creates the folder if it is not there; refuses one that is something else. It does not say yet what it is: that
    /// needs the lock.
    pub(crate) fn create(disk: Arc<dyn Disk>, state: &Path, job: &str) -> Result<Folder, Failure> {
        is_folder(&*disk, state)?;
        let dir = state.join(folder_name(job));
        let folder = Folder { disk, dir, job: job.into() };
        let disk = &*folder.disk;
        disk.create_dir_all(&folder.dir).map_err(Failure::io(&folder.dir))?;
        let format = folder.dir.join("FORMAT");
        if exists(disk, &format)? {
            folder.check()?;
            return Ok(folder);
        }
        // What a process leaves that died while it made the folder.
        let is_ours = |path: &Path| {
            FOLDERS.iter().chain(&["LOCK"]).any(|name| path.ends_with(name))
                || (path.extension().is_some_and(|end| end == "tmp")
                    && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("FORMAT")))
        };
        if entries(disk, &folder.dir)?.iter().any(|entry| !is_ours(&entry.path)) {
            return Err(Failure::new(&folder.dir, Problem::Foreign { expected: Format::NAME }));
        }
        for name in FOLDERS {
            let inner = folder.dir.join(name);
            disk.create_dir_all(&inner).map_err(Failure::io(&inner))?;
        }
        disk.sync_dir(&folder.dir).map_err(Failure::io(&folder.dir))?;
        // The names of all folders on the way here must last before this one says what it is.
        for above in folder.dir.ancestors().skip(1) {
            let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
            match disk.sync_dir(above) {
                // What we may not even open we did not make.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
                synced => synced.map_err(Failure::io(above))?,
            }
        }
        Ok(folder)
    }

    /// Says what a folder is that was just made.
    pub(crate) fn sign(&self) -> Result<(), Failure> {
        let format = self.dir.join("FORMAT");
        if exists(&*self.disk, &format)? {
            return Ok(());
        }
        record::write(&*self.disk, &format, 0, &Format { job: self.job.clone() })
    }

    fn check(&self) -> Result<(), Failure> {
        let path = self.dir.join("FORMAT");
        if !exists(&*self.disk, &path)? {
            return Err(Failure::new(&self.dir, Problem::Foreign { expected: Format::NAME }));
        }
        let format = record::read::<Format>(&*self.disk, &path)?;
        if format.job != self.job {
            let problem = Problem::OtherJob { of: format.job, wanted: self.job.clone() };
            return Err(Failure::new(&self.dir, problem));
        }
        Ok(())
    }

    pub(crate) fn lock(&self) -> Result<FileLock, Failure> {
        let path = self.dir.join("LOCK");
        self.disk.lock(&path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Failure::new(&path, Problem::InUse),
            _ => Failure::io(&path)(error),
        })
    }

    /// The folder of a checkpoint.
    pub(crate) fn checkpoint(&self, generation: Generation, epoch: Epoch) -> PathBuf {
        self.dir.join(checkpoint_name(generation, epoch))
    }

    /// Is there a folder of a checkpoint at all: published or not, to be read or damaged?
    pub fn has_checkpoints(&self) -> Result<bool, Failure> {
        Ok(!self.checkpoints()?.is_empty())
    }

    /// All folders of checkpoints, published or not.
    pub(crate) fn checkpoints(&self) -> Result<Vec<CheckpointFolder>, Failure> {
        let mut found = Vec::new();
        for entry in entries(&*self.disk, &self.dir)? {
            if let Some((generation, epoch)) =
                entry.path.file_name().and_then(|name| parse_name(name.to_str()?))
                && entry.info.is_dir
            {
                found.push(CheckpointFolder { generation, epoch, path: entry.path });
            }
        }
        found.sort_by_key(|folder| (folder.epoch, folder.generation));
        Ok(found)
    }
}

/// Refuses a state folder that is a file.
fn is_folder(disk: &dyn Disk, state: &Path) -> Result<(), Failure> {
    match disk.info(state) {
        Ok(info) if !info.is_dir => {
            Err(Failure::new(state, Problem::Foreign { expected: "a folder for state, but a file" }))
        }
        // What is not there yet is made; what else is wrong shows when it is used.
        _ => Ok(()),
    }
}

/// A folder that is named as one of a checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct CheckpointFolder {
    pub(crate) generation: Generation,
    pub(crate) epoch: Epoch,
    pub(crate) path: PathBuf,
}

impl CheckpointFolder {
    pub(crate) fn manifest(&self) -> PathBuf {
        self.path.join(MANIFEST)
    }
}

/// What stands in every job's folder.
const FOLDERS: [&str; 3] = ["runs", "versions", "savepoints"];

/// The manifest's name in its folder.
pub(crate) const MANIFEST: &str = "MANIFEST";

pub(crate) fn checkpoint_name(generation: Generation, epoch: Epoch) -> String {
    format!("chk-{epoch}-g{generation}")
}

fn parse_name(name: &str) -> Option<(Generation, Epoch)> {
    let (epoch, generation) = name.strip_prefix("chk-")?.split_once("-g")?;
    let numbers = (generation.parse().ok()?, epoch.parse().ok()?);
    (checkpoint_name(numbers.0, numbers.1) == name).then_some(numbers)
}

/// Reads the manifest in a folder, and checks that it makes sense by itself.
pub(crate) fn read_manifest(disk: &dyn Disk, folder: &Path) -> Result<Manifest, Failure> {
    let path = folder.join(MANIFEST);
    let manifest: Manifest = record::read(disk, &path)?;
    manifest.check().map_err(|why| Failure::damaged(&path, why))?;
    Ok(manifest)
}

/// The file of a part, seen from the manifest's folder.
pub(crate) fn part_path(folder: &Path, file: &str) -> PathBuf {
    match file.strip_prefix("../") {
        Some(beside) => folder.parent().unwrap_or(folder).join(beside),
        None => folder.join(file),
    }
}

/// How a part is called in a checkpoint's folder.
pub(crate) fn part_name(worker: usize) -> String {
    format!("part-{worker}")
}

/// Is it a name that a manifest may give to a part's file: beside the manifest, or in another checkpoint's folder?
pub(crate) fn is_part_file(file: &str, key: PartKey) -> bool {
    let (folder, name) = match file.strip_prefix("../") {
        Some(beside) => match beside.split_once('/') {
            Some((folder, name)) if parse_name(folder).is_some() => (folder, name),
            _ => return false,
        },
        None => ("", file),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    // A copy of a part may stand in another checkpoint's folder than it was sealed for, under a name that says so.
    let whose = format!("{}-{}-{}", part_name(key.worker), key.epoch, key.generation);
    let of_folder =
        folder.is_empty() || parse_name(folder) == Some((key.generation, key.epoch)) || name == whose;
    of_folder && name.starts_with("part-") && name.chars().all(plain)
}

/// What stands in a folder; nothing if it is not there.
pub(crate) fn entries(disk: &dyn Disk, dir: &Path) -> Result<Vec<flow_env::DirEntry>, Failure> {
    match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(Failure::io(dir)),
    }
}

pub(crate) fn exists(disk: &dyn Disk, path: &Path) -> Result<bool, Failure> {
    match disk.info(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::io(path)(error)),
    }
}

/// Looks at a file; refuses what is none, which would be waited for, or read without an end.
pub(crate) fn file_info(disk: &dyn Disk, path: &Path) -> Result<FileInfo, Failure> {
    let info = disk.info(path).map_err(Failure::io(path))?;
    if info.is_file { Ok(info) } else { Err(Failure::new(path, Problem::NotAFile)) }
}

/// Opens a file; refuses what is none.
pub(crate) fn open_file(disk: &dyn Disk, path: &Path) -> Result<Box<dyn ReadFile>, Failure> {
    file_info(disk, path)?;
    disk.open(path).map_err(Failure::io(path))
}

/// A job's name as the name of its folder: what is no plain letter, digit, `_`, `-` or `.` stands as `%` and two digits.
fn folder_name(job: &str) -> String {
    let mut name = String::new();
    for (at, byte) in job.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || (byte == b'.' && at > 0);
        if plain && !(job == CATALOGUE && at == 0) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    name
}

/// The folder of the catalogue, beside those of the jobs.
pub(crate) const CATALOGUE: &str = "catalogue";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_of_a_job_is_a_plain_folder_of_its_own() {
        let names = ["wordCount", "a.flow", "..", ".", "a/b", "two words", "é", CATALOGUE, "%2e"];
        let folders = names.map(folder_name);
        assert_eq!(folders[0], "wordCount");
        assert_eq!(folders[2], "%2e.");
        for (number, folder) in folders.iter().enumerate() {
            assert!(!folder.starts_with('.') && !folder.contains('/') && folder != CATALOGUE, "{folder}");
            assert!(!folders[..number].contains(folder), "{folder}");
        }
    }

    #[test]
    fn a_manifest_can_name_files_of_checkpoints_only() {
        let key = PartKey { generation: 2, epoch: 5, worker: 0 };
        for good in ["part-0", "../chk-5-g2/part-0", "part-0-5-2", "../chk-9-g4/part-0-5-2"] {
            assert!(is_part_file(good, key), "{good}");
        }
        for bad in [
            "",
            "MANIFEST",
            "../part-0",
            "../../part-0",
            "/part-0",
            "../chk-4-g2/part-0",
            "part-/../x",
            "../chk-5-g2/../part-0",
        ] {
            assert!(!is_part_file(bad, key), "{bad}");
        }
    }
}
