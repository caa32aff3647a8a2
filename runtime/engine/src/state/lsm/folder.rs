//! The folder in which all trees of a job have their runs.

use super::ColdError;
use crate::checkpoints::{SpaceFor, Tell};
use crate::space::{Hurry, NoSpace, Space, is_full};
use flow_checkpoint::{Failure, Problem};
use flow_env::{Disk, ReadFile, WriteFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// So many files of a job are kept open: a process may have some thousand, often only one.
const OPEN: usize = 256;

/// Removes what runs with lower numbers than this one left in a folder for state on disk, and the folder if nothing is left in it.
/// A run that goes on beside this one, where locks do not hold, keeps what it has.
pub fn clear_spilled(disk: &dyn Disk, folder: &Path, below: u64) -> io::Result<()> {
    let known = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let listed = match disk.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        listed => listed?,
    };
    let mut all = true;
    for entry in listed {
        let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
        let run = name.split_once('-').and_then(|(run, _)| run.parse::<u64>().ok());
        if run.is_some_and(|run| run >= below) {
            all = false;
        } else if entry.info.is_dir {
            known(disk.remove_dir_all(&entry.path))?;
        } else {
            known(disk.remove_file(&entry.path))?;
        }
    }
    // What another run puts there in this moment stays.
    if all {
        let _ = disk.remove_empty_dir(folder);
    }
    Ok(())
}

pub(crate) struct Folder {
    pub(super) disk: Arc<dyn Disk>,
    space: Space,
    path: PathBuf,
    /// The number of the job's run.
    run: u64,
    files: AtomicU64,
    open: AtomicUsize,
}

impl Folder {
    /// Makes the folder. Where its disk is full, workers wait for space unless they must hurry.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        path: &Path,
        run: u64,
        hurry: Hurry,
        tell: Option<Tell>,
    ) -> Result<Arc<Folder>, ColdError> {
        disk.create_dir_all(path)?;
        let path = path.to_path_buf();
        let space = Space::new(SpaceFor::State, tell);
        space.wait_unless(hurry);
        let (files, open) = (AtomicU64::new(0), AtomicUsize::new(0));
        Ok(Arc::new(Folder { disk, space, path, run, files, open }))
    }

    /// Does what takes space in the folder, and waits for that where there is none: see [`Space::take`].
    pub(super) fn take<T>(&self, mut act: impl FnMut(bool) -> io::Result<T>) -> Result<T, ColdError> {
        let done = self.space.take(|again| act(again).map_err(|error| self.unwritten(&error)));
        done.map_err(|unwritten| ColdError::new(unwritten.why))
    }

    /// In the words of checkpoints, if space is missing.
    fn unwritten(&self, error: &io::Error) -> Unwritten {
        let full = is_full(error);
        let said = || Failure::new(&self.path, Problem::Io(error.kind().into())).to_string();
        Unwritten { why: if full { said() } else { error.to_string() }, full }
    }

    /// The path of a file that is not there yet: also not of a run that goes on beside this one, where locks do not hold.
    pub(super) fn next(&self) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("{}-{number}.run", self.run))
    }

    /// Creates a file. A run that goes on beside this one may have removed the folder while nothing was in it.
    pub(super) fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        match self.disk.create(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.disk.create_dir_all(&self.path)?;
                self.disk.create(path)
            }
            created => created,
        }
    }

    /// Opens a file, to be kept open; `None`: too many are.
    pub(super) fn open(&self, path: &Path) -> Result<Option<Box<dyn ReadFile>>, ColdError> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= OPEN {
            self.closed();
            return Ok(None);
        }
        self.disk.open(path).map(Some).inspect_err(|_| self.closed()).map_err(ColdError::from)
    }

    /// A file that was kept open is not any more.
    pub(super) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn open_now(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// Why a file could not be written.
struct Unwritten {
    why: String,
    full: bool,
}

impl NoSpace for Unwritten {
    fn missing(&self) -> Option<&str> {
        self.full.then_some(&self.why)
    }

    fn given_up(self, why: &str) -> Unwritten {
        Unwritten { why: self.why + why, ..self }
    }
}
