//! The folder of a file sink: what earlier runs left in it, and making staged parts visible. Knows
//! names and renames, never rows.
//!
//! A part is written under a hidden name in the folder it will stand in, made to last (`sync`), and
//! renamed when the job is done: whoever lists the folder sees whole parts only.

use flow_engine::sink::SinkError;
use flow_env::Disk;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to do with results that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Nothing may be there.
    Refuse,
    /// They stay.
    Append,
    /// They go when the new ones come.
    Overwrite,
}

/// End of the names of parts that are not finished.
const STAGED: &str = ".inprogress";

/// A part that is complete and waits to become visible.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) hidden: PathBuf,
    pub(crate) visible: PathBuf,
}

/// The folder.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    mode: Mode,
    /// Parts of earlier runs.
    old: Vec<PathBuf>,
    made: bool,
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

impl Folder {
    /// Looks at the folder, makes it if it is missing, and clears away what a killed run left staged.
    pub(crate) fn open(path: PathBuf, mode: Mode, disk: Arc<dyn Disk>) -> Result<Folder, SinkError> {
        let made = match disk.info(&path) {
            Ok(info) if !info.is_dir => {
                let text = format!("{} is a file; a file sink writes a folder of part files", path.display());
                return Err(SinkError::Open(text));
            }
            Ok(_) => false,
            Err(_) => true,
        };
        let mut folder = Folder { path, disk, mode, old: Vec::new(), made };
        if made {
            let made = folder.disk.create_dir_all(&folder.path);
            made.map_err(|error| SinkError::Open(failed("create", &folder.path, &error)))?;
            return Ok(folder);
        }
        let (old, left) = folder.contents().map_err(SinkError::Open)?;
        if let (Mode::Refuse, Some(first)) = (mode, old.first()) {
            return Err(SinkError::Open(format!(
                "{} holds the results of another run ({}); add `mode: overwrite` to replace them or `mode: append` to keep them",
                folder.path.display(),
                first.strip_prefix(&folder.path).unwrap_or(first).display(),
            )));
        }
        for path in left {
            let removed = folder.disk.remove_file(&path);
            removed.map_err(|error| SinkError::Open(failed("remove", &path, &error)))?;
        }
        folder.old = old;
        Ok(folder)
    }

    /// Visible files, and staged ones, below the folder.
    fn contents(&self) -> Result<(Vec<PathBuf>, Vec<PathBuf>), String> {
        let (mut visible, mut staged) = (Vec::new(), Vec::new());
        let mut open = vec![self.path.clone()];
        while let Some(dir) = open.pop() {
            for entry in self.disk.list(&dir).map_err(|error| failed("read the folder", &dir, &error))? {
                let name = entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                match entry.info.is_dir {
                    true if !name.starts_with('.') => open.push(entry.path),
                    true => {}
                    false if name.starts_with(".part-") && name.ends_with(STAGED) => staged.push(entry.path),
                    false if name.starts_with(['.', '_']) => {}
                    false => visible.push(entry.path),
                }
            }
        }
        visible.sort();
        Ok((visible, staged))
    }

    /// The first number that no part of an earlier run has.
    pub(crate) fn first_number(&self) -> u64 {
        if self.mode != Mode::Append {
            return 0;
        }
        let number = |path: &PathBuf| -> Option<u64> {
            let name = path.file_name()?.to_str()?.strip_prefix("part-")?;
            let (_, rest) = name.split_once('-')?;
            rest.split('.').next()?.parse().ok()
        };
        self.old.iter().filter_map(number).max().map_or(0, |n| n + 1)
    }

    /// Where a part is written, and where it will stand.
    pub(crate) fn names(path: &Path, below: &str, worker: usize, number: u64, extension: &str) -> Staged {
        let dir = if below.is_empty() { path.to_path_buf() } else { path.join(below) };
        let name = format!("part-{worker}-{number}.{extension}");
        Staged { hidden: dir.join(format!(".{name}{STAGED}")), visible: dir.join(name) }
    }

    /// Makes all parts visible, and under `overwrite` removes those of earlier runs.
    pub(crate) fn commit(&mut self, parts: &[Staged]) -> Result<(), SinkError> {
        let write = |what, path: &Path, error| SinkError::Write(failed(what, path, &error));
        let mut dirs = vec![self.path.clone()];
        for part in parts {
            let renamed = self.disk.rename(&part.hidden, &part.visible);
            renamed.map_err(|error| write("rename", &part.hidden, error))?;
            if let Some(dir) = part.visible.parent()
                && !dirs.iter().any(|d| d == dir)
            {
                dirs.push(dir.to_path_buf());
            }
        }
        if self.mode == Mode::Overwrite {
            for old in self.old.iter().filter(|old| !parts.iter().any(|part| part.visible == **old)) {
                self.disk.remove_file(old).map_err(|error| write("remove", old, error))?;
            }
        }
        for dir in dirs {
            self.disk.sync_dir(&dir).map_err(|error| write("sync", &dir, error))?;
        }
        Ok(())
    }

    /// Removes everything that is staged, and the folder if it was made for nothing.
    pub(crate) fn clear(&mut self) {
        // Nothing can be done about errors here: the job has failed already, and what stays is hidden.
        let Ok((visible, staged)) = self.contents() else { return };
        for path in staged {
            let _ = self.disk.remove_file(&path);
        }
        if self.made && visible.is_empty() {
            let _ = self.disk.remove_dir_all(&self.path);
        }
    }
}
