//! The catalogue: what is known of all jobs of a state folder, in one place that is quick to list. It holds nothing that the jobs'
//! folders do not say themselves: whenever it is opened it is brought up to date from them, and if it is damaged, or gone, it is
//! made anew. The one place that knows sled, with the engine's backend for large state.
//!
//! Opening it takes some milliseconds, and a job must not wait for that: only listings open it. A process that finds it open
//! elsewhere waits a moment. A listing of a folder that can only be read reads the jobs' folders instead ([`Listing`]).

use crate::failure::{Failure, Problem};
use crate::folder::{CATALOGUE, Folder};
use crate::hash::Hash128;
use crate::manifest::ScriptFile;
use crate::protocol::Generation;
use crate::runs::{Ending, Run, Version};
use flow_env::Env;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is tried to open a catalogue that another process has open, and how long it is waited in between.
const TRIES: usize = 40;
const PAUSE: Duration = Duration::from_millis(25);

/// A job, as the catalogue knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEntry {
    /// Its name.
    pub job: String,
    /// Its last run; if that has no end, it goes on, or it died ([`Folder::is_in_use`] tells).
    pub last: Run,
}

/// A version of a job's script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionEntry {
    /// The job.
    pub job: String,
    /// Its number; the first is 1.
    pub version: u64,
    /// Hash of its files' paths and texts.
    pub hash: Hash128,
    /// The script and what it imports.
    pub scripts: Vec<ScriptFile>,
    /// When it was run first: microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// How often it was run.
    pub runs: u64,
    /// Its first run's number.
    pub generation: Generation,
    /// Workers of its last run.
    pub parallelism: usize,
    /// How its last run ended; `None`: it goes on, or it died.
    pub ended: Option<Ending>,
    /// What there is to say about it.
    pub why: Option<String>,
}

/// An open catalogue.
pub struct Catalogue {
    path: PathBuf,
    database: sled::Db,
    jobs: sled::Tree,
    versions: sled::Tree,
    runs: sled::Tree,
}

/// What is known of the jobs of a state folder.
pub enum Listing {
    /// From the catalogue.
    Kept(Box<Catalogue>),
    /// From the jobs' folders: there are none, or the catalogue can neither be opened nor made.
    Read(Vec<Folder>),
}

impl Listing {
    /// Opens the catalogue, if there are jobs and it can be.
    pub fn open(env: &Env, state: &Path) -> Result<Listing, Failure> {
        let folders = Folder::all(&env.disk, state)?;
        if folders.is_empty() {
            return Ok(Listing::Read(folders));
        }
        match Catalogue::open(env, state) {
            Ok(catalogue) => Ok(Listing::Kept(Box::new(catalogue))),
            // A disk that is full or can only be read, another process that has it open for long: the folders say the same.
            Err(failure) if failure.path == state.join(CATALOGUE) => Ok(Listing::Read(folders)),
            Err(other) => Err(other),
        }
    }

    /// All jobs that were ever run, by name.
    pub fn jobs(&self) -> Result<Vec<JobEntry>, Failure> {
        match self {
            Listing::Kept(catalogue) => catalogue.jobs(),
            Listing::Read(folders) => {
                let entry = |folder: &Folder| {
                    Ok(folder.last_run()?.map(|last| JobEntry { job: folder.job().into(), last }))
                };
                folders.iter().filter_map(|folder| entry(folder).transpose()).collect()
            }
        }
    }

    /// All runs of a job that are known, oldest first.
    pub fn runs(&self, job: &str) -> Result<Vec<Run>, Failure> {
        match self {
            Listing::Kept(catalogue) => catalogue.runs(job),
            Listing::Read(folders) => match folders.iter().find(|folder| folder.job() == job) {
                Some(folder) => folder.runs(),
                None => Ok(Vec::new()),
            },
        }
    }

    /// All versions of a job's script that were run, oldest first.
    pub fn versions(&self, job: &str) -> Result<Vec<VersionEntry>, Failure> {
        match self {
            Listing::Kept(catalogue) => catalogue.history(job),
            Listing::Read(folders) => match folders.iter().find(|folder| folder.job() == job) {
                Some(folder) => {
                    let runs = folder.runs()?;
                    let all = folder.versions()?.into_iter();
                    Ok(all.filter_map(|version| version_entry(job, version, &runs)).collect())
                }
                None => Ok(Vec::new()),
            },
        }
    }
}

impl Catalogue {
    /// Opens the catalogue of a state folder as its jobs' folders are now.
    pub fn open(env: &Env, state: &Path) -> Result<Catalogue, Failure> {
        let path = state.join(CATALOGUE);
        let mut failure = None;
        for _ in 0..TRIES {
            match attempt(&path) {
                Ok(catalogue) => match catalogue.refresh(env, state) {
                    Err(Failure { problem: Problem::Damaged(_), path: damaged }) if damaged == path => {
                        drop(catalogue);
                        return Catalogue::anew(env, state, &path);
                    }
                    refreshed => return refreshed.map(|()| catalogue),
                },
                Err(Failure { problem: Problem::Damaged(_), .. }) => {
                    return Catalogue::anew(env, state, &path);
                }
                Err(busy @ Failure { problem: Problem::InUse, .. }) => failure = Some(busy),
                Err(other) => return Err(other),
            }
            env.clock.sleep(PAUSE);
        }
        Err(failure.unwrap_or_else(|| Failure::new(&path, Problem::InUse)))
    }

    /// Makes it from the jobs' folders alone.
    fn anew(env: &Env, state: &Path, path: &Path) -> Result<Catalogue, Failure> {
        env.disk.remove_dir_all(path).map_err(Failure::io(path))?;
        let catalogue = attempt(path)?;
        catalogue.refresh(env, state)?;
        Ok(catalogue)
    }

    /// All jobs, by name.
    pub fn jobs(&self) -> Result<Vec<JobEntry>, Failure> {
        self.values(self.jobs.iter())
    }

    /// All versions of a job's script, oldest first.
    pub fn history(&self, job: &str) -> Result<Vec<VersionEntry>, Failure> {
        self.values(self.versions.scan_prefix(key(job, None)))
    }

    /// All runs of a job that are known, oldest first.
    pub fn runs(&self, job: &str) -> Result<Vec<Run>, Failure> {
        self.values(self.runs.scan_prefix(key(job, None)))
    }

    fn values<T: DeserializeOwned>(&self, entries: sled::Iter) -> Result<Vec<T>, Failure> {
        entries.map(|entry| self.value(&entry.map_err(|error| failed(&self.path, error))?.1)).collect()
    }

    fn value<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(bytes).map_err(|error| Failure::damaged(&self.path, error.to_string()))
    }

    /// Reads the folders of jobs of which something happened since the last time, and forgets those that are gone.
    fn refresh(&self, env: &Env, state: &Path) -> Result<(), Failure> {
        let folders = Folder::all(&env.disk, state)?;
        for known in self.jobs()? {
            if folders.iter().all(|folder| folder.job() != known.job) {
                self.forget(&known.job)?;
            }
        }
        let mut changed = false;
        for folder in folders {
            if let Some(last) = folder.last_run()? {
                let known = self.jobs.get(folder.job()).map_err(|error| failed(&self.path, error))?;
                let known: Option<JobEntry> = known.map(|bytes| self.value(&bytes)).transpose()?;
                // Has something happened since?
                if known.is_none_or(|known| known.last != last) {
                    self.take(&folder)?;
                    changed = true;
                }
            }
        }
        if changed {
            self.database.flush().map_err(|error| failed(&self.path, error))?;
        }
        Ok(())
    }

    fn forget(&self, job: &str) -> Result<(), Failure> {
        let failed = |error| failed(&self.path, error);
        for tree in [&self.versions, &self.runs] {
            for entry in tree.scan_prefix(key(job, None)) {
                tree.remove(entry.map_err(failed)?.0).map_err(failed)?;
            }
        }
        self.jobs.remove(job).map_err(failed).map(|_| ())
    }

    /// Writes down what a job's folder says. The job comes last: if this is cut off, it is done again.
    fn take(&self, folder: &Folder) -> Result<(), Failure> {
        self.forget(folder.job())?;
        let runs = folder.runs()?;
        for version in folder.versions()? {
            let number = version.version;
            if let Some(entry) = version_entry(folder.job(), version, &runs) {
                self.put(&self.versions, key(folder.job(), Some(number)), &entry)?;
            }
        }
        for run in &runs {
            self.put(&self.runs, key(folder.job(), Some(run.begun.generation)), run)?;
        }
        match runs.last() {
            Some(last) => {
                let entry = JobEntry { job: folder.job().into(), last: last.clone() };
                self.put(&self.jobs, folder.job().as_bytes().to_vec(), &entry)
            }
            None => Ok(()),
        }
    }

    fn put<T: Serialize>(&self, tree: &sled::Tree, key: Vec<u8>, entry: &T) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(entry)
            .map_err(|e| Failure::new(&self.path, Problem::Contradiction(e.to_string())))?;
        tree.insert(key, bytes).map_err(|error| failed(&self.path, error)).map(|_| ())
    }
}

/// Opens the files. Sled does not say of all damage that it is one: it may also panic.
fn attempt(path: &Path) -> Result<Catalogue, Failure> {
    let open = || {
        // Small, and flushed when something was written: no thread of its own, no cache worth the name.
        let config = sled::Config::new().path(path).cache_capacity(1 << 20).flush_every_ms(None);
        let database = config.open()?;
        let tree = |name: &str| database.open_tree(name);
        let (jobs, versions, runs) = (tree("jobs")?, tree("versions")?, tree("runs")?);
        Ok(Catalogue { path: path.to_path_buf(), database, jobs, versions, runs })
    };
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(opened) => opened.map_err(|error| failed(path, error)),
        Err(_) => Err(Failure::damaged(path, "it cannot be opened")),
    }
}

fn failed(path: &Path, error: sled::Error) -> Failure {
    match error {
        // Sled says so of a lock that another process holds, with the same kind as of much else.
        sled::Error::Io(error) if error.to_string().contains("lock") => Failure::new(path, Problem::InUse),
        sled::Error::Io(error) => Failure::new(path, Problem::Io(error)),
        other => Failure::damaged(path, other.to_string()),
    }
}

/// Keys of a job's versions (and of its runs) stand together, in their order; the length in front keeps `word` from being the beginning of `words`.
fn key(job: &str, number: Option<u64>) -> Vec<u8> {
    let mut key = (job.len() as u32).to_be_bytes().to_vec();
    key.extend_from_slice(job.as_bytes());
    key.extend(number.into_iter().flat_map(u64::to_be_bytes));
    key
}

/// A version, if it was ever run.
fn version_entry(job: &str, version: Version, runs: &[Run]) -> Option<VersionEntry> {
    let of: Vec<&Run> = runs.iter().filter(|run| run.begun.version == version.version).collect();
    let (first, last) = (of.first()?, of.last()?);
    Some(VersionEntry {
        job: job.into(),
        version: version.version,
        hash: script_hash(&version.scripts),
        at: version.at,
        scripts: version.scripts,
        runs: of.len() as u64,
        generation: first.begun.generation,
        parallelism: last.begun.parallelism,
        ended: last.end.as_ref().map(|end| end.how),
        why: last.end.as_ref().and_then(|end| end.why.clone()),
    })
}

/// A hash of a script's files.
pub fn script_hash(scripts: &[ScriptFile]) -> Hash128 {
    let mut bytes = Vec::new();
    for text in scripts.iter().flat_map(|script| [&script.path, &script.text]) {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    Hash128::of(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Job, Launch};
    use flow_env::Disk;
    use std::sync::Arc;

    fn launch(text: &str) -> Launch {
        let scripts = vec![ScriptFile { path: "a.flow".into(), text: text.into() }];
        Launch { flow: "0.1.0".into(), scripts, parameters: Vec::new(), parallelism: 4 }
    }

    /// Runs of two jobs, one of which goes on.
    fn state() -> tempfile::TempDir {
        let state = tempfile::tempdir().unwrap();
        let words = Job::open(&Env::real(), state.path(), "words").unwrap();
        for (text, how) in [("one", Ending::Finished), ("two", Ending::Failed), ("two", Ending::Stopped)] {
            let generation = words.begin(&launch(text)).unwrap();
            words.end(generation, how, (how == Ending::Failed).then(|| "no space".into())).unwrap();
        }
        Job::open(&Env::real(), state.path(), "word").unwrap().begin(&launch("other")).unwrap();
        state
    }

    fn all(state: &Path) -> (Vec<JobEntry>, Vec<VersionEntry>, Vec<VersionEntry>) {
        let catalogue = Catalogue::open(&Env::real(), state).unwrap();
        let history = |job| catalogue.history(job).unwrap();
        (catalogue.jobs().unwrap(), history("words"), history("word"))
    }

    #[test]
    fn it_says_what_the_folders_say() {
        let state = state();
        let (jobs, words, word) = all(state.path());
        let ended = |job: &JobEntry| job.last.end.as_ref().map(|end| end.how);
        let names: Vec<(&str, u64, Option<Ending>)> =
            jobs.iter().map(|job| (job.job.as_str(), job.last.begun.generation, ended(job))).collect();
        assert_eq!(names, [("word", 1, None), ("words", 3, Some(Ending::Stopped))]);
        let catalogue = Catalogue::open(&Env::real(), state.path()).unwrap();
        let words_folder = Folder::open(Env::real().disk, state.path(), "words").unwrap();
        assert_eq!(catalogue.runs("words").unwrap(), words_folder.runs().unwrap());
        let versions: Vec<(u64, &str, u64, u64)> =
            words.iter().map(|v| (v.version, v.scripts[0].text.as_str(), v.runs, v.generation)).collect();
        assert_eq!(versions, [(1, "one", 1, 1), (2, "two", 2, 2)]);
        assert_ne!(words[0].hash, words[1].hash);
        assert_eq!((word.len(), word[0].parallelism, word[0].ended), (1, 4, None));
    }

    #[test]
    fn it_is_the_same_when_it_is_made_anew() {
        let state = state();
        let before = all(state.path());
        Env::real().disk.remove_dir_all(&state.path().join(CATALOGUE)).unwrap();
        assert_eq!(all(state.path()), before);
    }

    #[test]
    fn it_is_made_anew_when_it_is_damaged() {
        let state = state();
        let before = all(state.path());
        let disk = Env::real().disk;
        for file in ["conf", "db"] {
            let path = state.path().join(CATALOGUE).join(file);
            disk.create(&path).unwrap().write_all(&[7; 5000]).unwrap();
            assert_eq!(all(state.path()), before, "{file}");
        }
    }

    #[test]
    fn what_happens_later_and_what_goes_is_seen_at_the_next_look() {
        let state = state();
        all(state.path());
        let word = Job::open(&Env::real(), state.path(), "word").unwrap();
        word.end(1, Ending::Finished, None).unwrap();
        Env::real().disk.remove_dir_all(&state.path().join("words")).unwrap();
        let (jobs, words, word) = all(state.path());
        assert_eq!((jobs.len(), words.len(), word[0].ended), (1, 0, Some(Ending::Finished)));
        assert!(Catalogue::open(&Env::real(), state.path()).unwrap().runs("words").unwrap().is_empty());
    }

    #[test]
    fn two_at_once_wait_for_each_other() {
        let state = state();
        let env = Env::real();
        let threads = [(); 2].map(|()| {
            let (env, path) = (env.clone(), state.path().to_path_buf());
            flow_env::spawn("catalogue", move || Catalogue::open(&env, &path).map(drop)).unwrap()
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
        assert!(env.disk.info(&state.path().join(CATALOGUE)).unwrap().is_dir);
    }

    fn listed(listing: &Listing) -> (Vec<JobEntry>, Vec<Vec<Run>>, Vec<Vec<VersionEntry>>) {
        let jobs = listing.jobs().unwrap();
        let runs = jobs.iter().map(|job| listing.runs(&job.job).unwrap()).collect();
        let versions = jobs.iter().map(|job| listing.versions(&job.job).unwrap()).collect();
        (jobs, runs, versions)
    }

    #[test]
    fn a_listing_says_the_same_where_the_catalogue_cannot_be_made() {
        let state = state();
        let kept = listed(&Listing::open(&Env::real(), state.path()).unwrap());
        // A file where its folder would be: as on a disk that can only be read.
        let path = state.path().join(CATALOGUE);
        Env::real().disk.remove_dir_all(&path).unwrap();
        Env::real().disk.create(&path).unwrap();
        let listing = Listing::open(&Env::real(), state.path()).unwrap();
        assert!(matches!(listing, Listing::Read(_)));
        assert_eq!(listed(&listing), kept);
    }

    #[test]
    fn listing_a_folder_without_jobs_makes_nothing_in_it() {
        let state = tempfile::tempdir().unwrap();
        for folder in [state.path().to_path_buf(), state.path().join("missing")] {
            assert!(Listing::open(&Env::real(), &folder).unwrap().jobs().unwrap().is_empty());
        }
        assert!(Env::real().disk.list(state.path()).unwrap().is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_named() {
        let state = state();
        let path = state.path().join("words/runs/3.begun");
        let disk: Arc<dyn Disk> = Env::real().disk;
        disk.create(&path).unwrap().write_all(b"?").unwrap();
        assert_eq!(Catalogue::open(&Env::real(), state.path()).err().unwrap().path, path);
    }
}
