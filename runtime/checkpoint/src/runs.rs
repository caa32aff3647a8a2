//! What is written down of a job's runs: that one began and with which script, from where it went on, how it ended. Each is a
//! small file that is durable before the next step, and never changed.

use crate::failure::Failure;
use crate::folder::{Folder, entries};
use crate::manifest::ScriptFile;
use crate::protocol::{Epoch, Generation, Start};
use crate::record::{self, Record};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A script, as it was from some run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its number; the first is 1.
    pub version: u64,
    /// When it was run first: microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// The script and what it imports; the main one comes first.
    pub scripts: Vec<ScriptFile>,
}

/// A run begins: nothing else of it can be durable before this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// Its number.
    pub generation: Generation,
    /// When: microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// The version of the script.
    pub version: u64,
    /// The version of `flow`.
    pub flow: String,
    /// Workers.
    pub parallelism: usize,
    /// Parameters that were given: name and value.
    pub parameters: Vec<(String, String)>,
}

/// Where a run begins to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Its number.
    pub generation: Generation,
    /// When: microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// The run and epoch of the checkpoint it goes on from; 0 and 0: none.
    pub from: (Generation, Epoch),
    /// The savepoint that it began with: `job@n`, or the path of one that is elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Its number.
    pub generation: Generation,
    /// When: microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// How.
    pub how: Ending,
    /// What there is to say about it.
    pub why: Option<String>,
}

/// How a run can end, if it can say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// All inputs ended.
    Finished,
    /// Somebody stopped it.
    Stopped,
    /// It failed.
    Failed,
}

/// All that is known of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// That it began.
    pub begun: Begun,
    /// Where; `None`: it did not come that far.
    pub start: Option<Started>,
    /// How it ended; `None`: it goes on, or it died.
    pub end: Option<Ended>,
}

impl Record for Version {
    const WORD: &'static str = "flow-version";
    const NAME: &'static str = "a version of a job's script";
}

impl Record for Begun {
    const WORD: &'static str = "flow-begun";
    const NAME: &'static str = "the beginning of a run";
}

impl Record for Started {
    const WORD: &'static str = "flow-start";
    const NAME: &'static str = "the start of a run";
}

impl Record for Ended {
    const WORD: &'static str = "flow-end";
    const NAME: &'static str = "the end of a run";
}

impl Started {
    /// As the protocol sees it.
    pub(crate) fn decided(&self) -> Start {
        Start { generation: self.generation, from: self.from }
    }
}

impl Folder {
    /// All runs there were, oldest first.
    pub fn runs(&self) -> Result<Vec<Run>, Failure> {
        self.generations("begun")?.into_iter().map(|generation| self.run(generation)).collect()
    }

    /// The last run there was.
    pub fn last_run(&self) -> Result<Option<Run>, Failure> {
        self.generations("begun")?.pop().map(|generation| self.run(generation)).transpose()
    }

    /// The last run that began to read; what was refused before, or died, left everything as it was.
    pub fn last_started(&self) -> Result<Option<Run>, Failure> {
        self.generations("start")?.pop().map(|generation| self.run(generation)).transpose()
    }

    /// All versions of the script, oldest first.
    pub fn versions(&self) -> Result<Vec<Version>, Failure> {
        self.version_numbers()?.into_iter().map(|number| self.version(number)).collect()
    }

    /// A version of the script.
    pub fn version(&self, number: u64) -> Result<Version, Failure> {
        record::read(&*self.disk, &self.version_path(number))
    }

    pub(crate) fn version_numbers(&self) -> Result<Vec<u64>, Failure> {
        let names = entries(&*self.disk, &self.dir.join("versions"))?;
        let mut numbers: Vec<u64> =
            names.iter().filter_map(|entry| entry.path.file_name()?.to_str()?.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(crate) fn version_path(&self, number: u64) -> PathBuf {
        self.dir.join("versions").join(number.to_string())
    }

    pub(crate) fn run_path(&self, generation: Generation, what: &str) -> PathBuf {
        self.dir.join("runs").join(format!("{generation}.{what}"))
    }

    pub(crate) fn begun(&self, generation: Generation) -> Result<Begun, Failure> {
        record::read(&*self.disk, &self.run_path(generation, "begun"))
    }

    fn run(&self, generation: Generation) -> Result<Run, Failure> {
        let begun = self.begun(generation)?;
        Ok(Run { begun, start: self.optional(generation, "start")?, end: self.optional(generation, "end")? })
    }

    /// Where the newest run began that came so far.
    pub(crate) fn newest_start(&self) -> Result<Option<Started>, Failure> {
        match self.generations("start")?.pop() {
            Some(generation) => self.optional(generation, "start"),
            None => Ok(None),
        }
    }

    fn optional<R: Record>(&self, generation: Generation, what: &str) -> Result<Option<R>, Failure> {
        let path = self.run_path(generation, what);
        if !crate::folder::exists(&*self.disk, &path)? {
            return Ok(None);
        }
        record::read(&*self.disk, &path).map(Some)
    }

    /// The runs of which there is such a record, oldest first.
    pub(crate) fn generations(&self, what: &str) -> Result<Vec<Generation>, Failure> {
        let mut found = Vec::new();
        for entry in entries(&*self.disk, &self.dir.join("runs"))? {
            let name = entry.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some((generation, kind)) = name.split_once('.')
                && kind == what
                && let Ok(generation) = generation.parse()
            {
                found.push(generation);
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}
