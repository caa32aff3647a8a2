//! The jobs and the programs that compete in each: how each is started and where its rows go.

use flow_benches::measure::{Usage, run_in_memory};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One line of the table of targets.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) input: &'static str,
    /// `flow` may use this many times the CPU of the hand-written limit.
    pub(crate) of_limit: f64,
    /// DuckDB must use at least this many times the CPU of `flow`.
    pub(crate) duckdb: f64,
}

/// The jobs of the suite.
pub(crate) const JOBS: [Job; 4] = [
    Job { name: "q0", about: "pass-through, 7 fields", input: BIDS, of_limit: 1.5, duckdb: 1.0 },
    Job { name: "q1", about: "currency, 5 fields", input: BIDS, of_limit: 1.5, duckdb: 1.0 },
    Job { name: "q2", about: "filter, 2 of 7 fields", input: BIDS, of_limit: 1.5, duckdb: 3.0 },
    Job { name: "words", about: "split, count per word, at end", input: WORDS, of_limit: 2.0, duckdb: 2.0 },
];

/// At most this many times the CPU of the plain word count.
pub(crate) const OF_PLAIN: f64 = 0.6;
/// Wall time of two workers, as a part of one's.
pub(crate) const TWO_WORKERS: f64 = 0.6;
/// Most memory of `flow` in q0 to q2, in MB.
pub(crate) const MOST_MEMORY: f64 = 100.0;

pub(crate) const BIDS: &str = "bids.ndjson";
pub(crate) const WORDS: &str = "words.txt";

/// A program that can do a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Limit,
    Plain,
    DuckDb,
    Flow(u32),
}

impl Who {
    pub(crate) fn title(self) -> String {
        match self {
            Who::Limit => "hand-written limit".to_string(),
            Who::Plain => "hand-written, plain".to_string(),
            Who::DuckDb => "DuckDB, 1 thread".to_string(),
            Who::Flow(1) => "flow, 1 worker".to_string(),
            Who::Flow(n) => format!("flow, {n} workers"),
        }
    }
}

/// Where programs and data are.
pub(crate) struct Places {
    pub(crate) bins: PathBuf,
    pub(crate) data: PathBuf,
    /// Where results are written: a folder in memory leaves the disk out.
    pub(crate) into: PathBuf,
    pub(crate) scripts: PathBuf,
    pub(crate) python: Option<PathBuf>,
    pub(crate) peers: PathBuf,
}

impl Places {
    /// Runs `who` once; the result stays at [`Places::output`].
    pub(crate) fn run(&self, job: &Job, who: Who) -> Result<Usage, String> {
        let output = self.output(job, who);
        remove(&output)?;
        let name = format!("{} by {}", job.name, who.title());
        match who {
            Who::Limit | Who::Plain => {
                let which =
                    if who == Who::Plain { format!("{}-plain", job.name) } else { job.name.to_string() };
                let mut command = Command::new(self.bins.join("limit"));
                command.arg(which).arg(self.data.join(job.input)).arg(&output);
                Ok(run_in_memory(&mut command, &name)?.0)
            }
            Who::DuckDb => {
                let python = self.python.as_ref().ok_or("no DuckDB")?;
                let mut command = Command::new(python);
                command.arg(self.peers.join("duckdb_job.py")).arg(job.name);
                command.arg(self.data.join(job.input)).arg(&output);
                let (whole, said) = run_in_memory(&mut command, &name)?;
                // Python's own start is not DuckDB's cost: the script measures the query.
                let mut numbers = said.split_whitespace().filter_map(|w| w.parse::<f64>().ok());
                match (numbers.next(), numbers.next()) {
                    (Some(cpu), Some(wall)) => Ok(Usage { cpu, wall, ..whole }),
                    _ => Err(format!("{name} did not say what it used:\n{said}")),
                }
            }
            Who::Flow(workers) => {
                remove(&self.data.join(".flow"))?;
                let script = format!("{}.flow", job.name);
                let here = self.data.join(&script);
                let from = self.scripts.join(&script);
                let text = std::fs::read_to_string(&from).map_err(|e| format!("{}: {e}", from.display()))?;
                let text = text.replace(&format!("\"out/{}\"", job.name), &format!("{:?}", output));
                std::fs::write(&here, text).map_err(|e| format!("{}: {e}", here.display()))?;
                let mut command = Command::new(self.bins.join("flow"));
                command.arg("run").arg(&here).args(["--fresh", "--parallelism", &workers.to_string()]);
                Ok(run_in_memory(&mut command, &name)?.0)
            }
        }
    }

    pub(crate) fn output(&self, job: &Job, who: Who) -> PathBuf {
        match who {
            Who::Flow(_) => self.into.join("out").join(job.name),
            Who::Limit => self.into.join(format!("{}.limit", job.name)),
            Who::Plain => self.into.join(format!("{}.plain", job.name)),
            Who::DuckDb => self.into.join(format!("{}.duckdb", job.name)),
        }
    }
}

/// Removes a file or folder if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), String> {
    let done = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match done {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {e}", path.display())),
        _ => Ok(()),
    }
}
