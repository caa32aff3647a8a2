//! The hidden folder in which a run of a job stages the parts of a file sink, and how it passes from run to run.
//!
//! Its name says the job and the run: `.flow-<job>-g<generation>-<token>`. A run makes it when it begins, and
//! nowhere else; an older run's it takes over in one rename. So an older run that wakes up late finds nothing to
//! rename into place and no folder to stage in. Beside the parts it holds a small file, `mark`: what is shown.

use crate::advice;
use crate::fingerprint::fingerprint;
use flow_engine::Again;
use flow_engine::sink::{Generation, Mark, Run, SinkError};
use flow_env::Disk;
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often to look again when others begin at the same time.
pub(crate) const ROUNDS: usize = 100;
const MARK: &str = "mark";
/// Bytes of a job's name that are used as they are.
const LONGEST: usize = 80;

/// The folder of one run.
pub(crate) struct Staging {
    pub(crate) path: PathBuf,
    run: Generation,
    /// Is all here that older runs staged: there was a folder of one, or there was none to be here?
    pub(crate) follows: bool,
    disk: Arc<dyn Disk>,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The epoch that was shown last; 0: none yet.
    pub(crate) mark: Mark,
    /// The last epoch of which parts were shown, or it may be so.
    pub(crate) filled: u64,
    /// No part that was ever shown has this number or one behind it.
    pub(crate) next: u64,
    /// Files of earlier runs, by their paths in the sink's folder, that go when the first epoch is shown.
    pub(crate) replaces: Vec<String>,
}

/// What an error of its disk means to a sink.
pub(crate) fn disk_error(what: &str, path: &Path, error: &io::Error) -> SinkError {
    let text = failed(what, path, error);
    match Again::after(error) {
        Again::WithSpace => SinkError::Full(text),
        Again::Perhaps => SinkError::Disk(text),
        Again::Never => SinkError::Write(text),
    }
}

/// What cannot be done, why, and what to do about it.
pub(crate) fn failed(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} {}: {}", path.display(), advice::said(error))
}

fn missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

impl Staging {
    /// Makes the folder of a run in `folder`, with what an older run staged in it. The `token` makes it another
    /// one than that of a run of the same number whose state folder is another one, or was deleted.
    pub(crate) fn take(
        folder: &Path,
        run: &Run,
        token: u64,
        disk: &Arc<dyn Disk>,
    ) -> Result<Staging, SinkError> {
        let stem = format!(".flow-{}-g", file_name(&run.job));
        let path = folder.join(format!("{stem}{}-{token:x}", run.generation));
        let mut staging = Staging { path, run: run.generation, follows: run.fresh, disk: disk.clone() };
        let open = |what: &str, path: &Path, error: io::Error| disk_error(what, path, &error);
        let mut made = false;
        for _ in 0..ROUNDS {
            let others = staging.others(folder, &stem);
            let mut others = others.map_err(|error| open("read the folder", folder, error))?;
            if let Some((newest, other)) = others.last()
                && !run.fresh
                && *newest >= run.generation
            {
                return Err(staging.belongs_to(*newest, other));
            }
            match others.pop() {
                None if made => {
                    // What a run that was killed left, is built on from here on: it must last.
                    for dir in [folder, &staging.path] {
                        disk.sync_dir(dir).map_err(|error| open("sync", dir, error))?;
                    }
                    return Ok(staging);
                }
                None => {
                    let created = disk.create_dir_all(&staging.path);
                    created.map_err(|error| open("create", &staging.path, error))?;
                    made = true;
                }
                Some((_, other)) => match staging.adopt(&other, made) {
                    Ok(()) => (made, staging.follows) = (true, true),
                    // Somebody else was faster: it shows at the next look.
                    Err(error) if missing(&error) => {}
                    Err(error) => return Err(open("take over", &other, error)),
                },
            }
        }
        Err(SinkError::Open(format!("runs of this job begin again and again in {}", folder.display())))
    }

    /// The folders of other runs of the job, by their numbers.
    fn others(&self, folder: &Path, stem: &str) -> io::Result<Vec<(Generation, PathBuf)>> {
        let other = |path: PathBuf| {
            let rest = path.file_name()?.to_str()?.strip_prefix(stem)?;
            let (generation, token) = rest.split_once('-')?;
            u64::from_str_radix(token, 16).ok()?;
            let generation = generation.parse().ok()?;
            (path != self.path).then_some((generation, path))
        };
        let entries = self.disk.list(folder)?;
        let folders = entries.into_iter().filter(|entry| entry.info.is_dir);
        let mut others: Vec<_> = folders.filter_map(|entry| other(entry.path)).collect();
        others.sort();
        Ok(others)
    }

    /// Takes over what another run has: in one rename, unless this folder is there already because both began
    /// at the same time.
    fn adopt(&self, other: &Path, made: bool) -> io::Result<()> {
        if !made {
            return self.disk.rename(other, &self.path);
        }
        for entry in self.disk.list(other)? {
            if let Some(name) = entry.path.file_name() {
                self.disk.rename(&entry.path, &self.path.join(name))?;
            }
        }
        self.disk.remove_dir_all(other)
    }

    /// There is the folder of a run that is as new, or newer.
    fn belongs_to(&self, newest: Generation, other: &Path) -> SinkError {
        SinkError::Fenced(format!(
            "{} belongs to run {newest} of this job, and this is run {}: either that one has begun since, or its state is in \
             another state folder. Go on with that one (`--state DIR`), write elsewhere, or remove {}: what that run did not \
             show yet goes with it",
            self.path.parent().unwrap_or(&self.path).display(),
            self.run,
            other.display(),
        ))
    }

    /// Another run has taken over.
    fn fenced(&self) -> SinkError {
        let folder = self.path.parent().unwrap_or(&self.path).display();
        SinkError::Fenced(format!(
            "{folder} belongs to run {} of this job no longer: a newer run has begun, or its hidden folder was removed",
            self.run
        ))
    }

    /// What an error means that came from inside the folder.
    pub(crate) fn error(&self, what: &str, path: &Path, error: &io::Error) -> SinkError {
        match missing(error) && self.is_gone() {
            true => self.fenced(),
            false => disk_error(what, path, error),
        }
    }

    /// Has another run taken it over?
    fn is_gone(&self) -> bool {
        self.disk.info(&self.path).is_err_and(|error| missing(&error))
    }

    /// Refuses to go on if another run has taken over.
    pub(crate) fn still_mine(&self) -> Result<(), SinkError> {
        if self.is_gone() { Err(self.fenced()) } else { Ok(()) }
    }

    /// The staged parts.
    pub(crate) fn parts(&self) -> io::Result<Vec<PathBuf>> {
        let entries = self.disk.list(&self.path)?;
        let part =
            |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("part-"));
        Ok(entries.into_iter().map(|entry| entry.path).filter(|path| part(path)).collect())
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), SinkError> {
        match self.disk.remove_file(path) {
            Err(error) if !missing(&error) => Err(self.error("remove", path, &error)),
            _ => Ok(()),
        }
    }

    /// What was shown last, if anything is known.
    pub(crate) fn shown(&self) -> Result<Option<Shown>, SinkError> {
        let path = self.path.join(MARK);
        let bytes = match self.disk.read(&path) {
            Err(error) if missing(&error) => return Ok(None),
            bytes => bytes.map_err(|error| disk_error("read", &path, &error))?,
        };
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let number = |key: &str| value.get(key).and_then(Value::as_u64);
        let replaces = || {
            let names = value.get("replaces")?.as_array()?.iter();
            names.map(|name| Some(name.as_str()?.to_string())).collect()
        };
        match (number("generation"), number("epoch"), number("next"), replaces()) {
            (Some(generation), Some(epoch), Some(next), Some(replaces)) => {
                // Who wrote no `filled` did not know.
                let filled = number("filled").unwrap_or(epoch);
                Ok(Some(Shown { mark: Mark { generation, epoch }, filled, next, replaces }))
            }
            _ => {
                Err(SinkError::Open(format!("{} is damaged: it does not say what is shown", path.display())))
            }
        }
    }

    /// Remembers what is shown: in one step, so that the file is there whole or as it was.
    pub(crate) fn show(&self, shown: &Shown) -> Result<(), SinkError> {
        let Shown { mark: Mark { generation, epoch }, filled, next, replaces } = shown;
        let value = json!({
            "generation": generation, "epoch": epoch, "filled": filled, "next": next, "replaces": replaces
        });
        let (path, new) = (self.path.join(MARK), self.path.join(format!("{MARK}.new")));
        // What an attempt before left is never synced again: perhaps its sync failed.
        self.remove(&new)?;
        let written = self.disk.create(&new).and_then(|mut file| {
            file.write_all(format!("{value}\n").as_bytes())?;
            file.sync()?;
            self.disk.rename(&new, &path)?;
            self.disk.sync_dir(&self.path)
        });
        written.map_err(|error| self.error("write", &path, &error))
    }

    /// Forgets what is shown.
    pub(crate) fn forget(&self) -> Result<(), SinkError> {
        self.remove(&self.path.join(MARK))
    }

    /// Makes what stands in the folder last.
    pub(crate) fn sync(&self) -> Result<(), SinkError> {
        self.disk.sync_dir(&self.path).map_err(|error| self.error("sync", &self.path, &error))
    }
}

/// A job's name as part of a file's name.
fn file_name(job: &str) -> String {
    let mut name = String::new();
    super::partition::escape(job, &mut name);
    if name.len() <= LONGEST {
        return name;
    }
    // Names that begin alike must stay different.
    name.truncate(name.floor_char_boundary(LONGEST));
    format!("{name}-{:x}", fingerprint(job.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn job_names_of_any_letters_and_length_are_names_of_files_and_stay_different() {
        assert_eq!(file_name("wordCount"), "wordCount");
        assert_eq!(file_name("a/b ..\n"), "a%2Fb ..%0A");
        let long = |end: &str| file_name(&("ä".repeat(300) + end));
        assert!(long("1").len() < 110 && long("1") != long("2"));
    }
}
