//! Where the programs, the scripts and the data of the benchmark are, and how each program is started.

use crate::queries::{Compare, Events, Query};
use flow_benches::measure::{Usage, run_in_memory};
use flow_benches::nexmark::{self, Shape};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders.
pub(crate) struct Places {
    /// The programs of the workspace.
    pub(crate) bins: PathBuf,
    /// The `flow` that is looked at.
    pub(crate) flow: PathBuf,
    /// The scripts, as they are in the repository.
    pub(crate) scripts: PathBuf,
    /// Queries and programs of the peers.
    pub(crate) peers: PathBuf,
    /// What is made: events, the programs of others. Not in the repository.
    pub(crate) data: PathBuf,
    /// Where programs write.
    pub(crate) output: PathBuf,
}

impl Places {
    /// Below the folder of this crate, with the programs in `bins`; what they write in `output`, if it says where.
    pub(crate) fn new(bins: PathBuf, flow: Option<PathBuf>, output: Option<PathBuf>) -> Places {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        Places {
            output: output.unwrap_or_else(|| home.join("data").join("nexmark")),
            flow: flow.unwrap_or_else(|| bins.join(format!("flow{}", std::env::consts::EXE_SUFFIX))),
            bins,
            scripts: home.join("../lang-examples/nexmark"),
            peers: home.join("peers"),
            data: home.join("data"),
        }
    }

    /// The folder of the events of a shape; they are made if they are not there.
    pub(crate) fn events(&self, shape: Shape) -> Result<PathBuf, String> {
        let Shape { events, gap, disorder, side, seed } = shape;
        let folder = self.data.join("nexmark").join(format!("{events}-{gap}-{disorder}-{side}-{seed}"));
        if folder.exists() {
            return Ok(folder);
        }
        // It appears under its name only when it is whole.
        let part = folder.with_extension("part");
        eprintln!("making {events} events");
        nexmark::write(&part, shape).map_err(|e| format!("{}: {e}", part.display()))?;
        std::fs::rename(&part, &folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(folder)
    }

    /// Runs a query's script with so many workers; its rows are below the folder that comes back.
    pub(crate) fn flow(
        &self,
        query: &Query,
        events: &Path,
        workers: u32,
    ) -> Result<(Usage, PathBuf), String> {
        let here = self.output.join("run");
        remove(&here)?;
        std::fs::create_dir_all(&here).map_err(|e| format!("{}: {e}", here.display()))?;
        let script = format!("{}.flow", query.name);
        for name in [&script[..], "events.flow"] {
            let from = self.scripts.join(name);
            std::fs::copy(&from, here.join(name)).map_err(|e| format!("{}: {e}", from.display()))?;
        }
        let mut command = Command::new(&self.flow);
        command.arg("run").arg(here.join(script)).args(["--fresh", "--parallelism", &workers.to_string()]);
        command.arg("-p").arg(format!("data={}", events.display())).env("NO_COLOR", "1");
        let (used, _) = run_in_memory(&mut command, &format!("{} by flow, {workers} workers", query.name))?;
        Ok((used, here.join("out").join(query.name)))
    }

    /// Runs a query's hand-written program.
    pub(crate) fn limit(&self, query: &Query, events: &Path) -> Result<(Usage, PathBuf), String> {
        let output = self.limit_output(query);
        remove(&output)?;
        let mut command = Command::new(self.bins.join("limit"));
        let input = match query.reads {
            [Events::Bids] => events.join(Events::Bids.file()),
            _ => events.to_path_buf(),
        };
        command.arg(query.name).arg(input).arg(&output);
        let (used, _) = run_in_memory(&mut command, &format!("{} by the limit", query.name))?;
        Ok((used, output))
    }

    /// Where a hand-written program writes.
    pub(crate) fn limit_output(&self, query: &Query) -> PathBuf {
        self.output.join(format!("{}.limit", query.name))
    }

    /// Runs a query in Flink: what it used from the submission of the job to its end, as it says itself, and
    /// the peak of the whole process. Rows go to files, as `flow`'s do; results that are updated go nowhere,
    /// since Flink cannot write them to files.
    pub(crate) fn flink(
        &self,
        query: &Query,
        events: &Path,
        jars: &Path,
        parallelism: u32,
    ) -> Result<Usage, String> {
        let peers = self.peers.join("flink");
        let mut command = Command::new("java");
        command.args(JAVA).arg("-cp").arg(format!("{}/*", jars.display())).arg(peers.join("FlinkJob.java"));
        command.arg(peers.join("tables.sql")).arg(peers.join(format!("{}.sql", query.name))).arg(events);
        let output = self.output.join("flink");
        remove(&output)?;
        command.arg(parallelism.to_string());
        match query.compare {
            Compare::Last(_) => command.arg("blackhole"),
            Compare::Rows | Compare::Sum(..) => command.arg(&output),
        };
        let name = format!("{} by Flink", query.name);
        let done = run_in_memory(&mut command, &name);
        remove(&output)?;
        let (whole, said) = done?;
        let used = said.lines().find_map(|line| line.strip_prefix("used "));
        let mut numbers = used.unwrap_or_default().split(' ').filter_map(|n| n.parse().ok());
        match (numbers.next(), numbers.next()) {
            (Some(cpu), Some(wall)) => Ok(Usage { cpu, wall, ..whole }),
            _ => Err(format!("{name} did not say what it used:\n{said}")),
        }
    }

    /// Runs queries in DuckDB; the rows of `q0` are in the file `q0.ndjson` of the folder that comes back.
    pub(crate) fn duckdb(&self, queries: &[&Query], events: &Path) -> Result<PathBuf, String> {
        let python = flow_benches::tools::duckdb(&self.data)?;
        let output = self.data.join("nexmark").join("duckdb");
        remove(&output)?;
        let mut command = Command::new(python);
        command.arg(self.peers.join("nexmark").join("run.py")).arg(events).arg(&output);
        command.args(queries.iter().map(|q| q.name));
        run_in_memory(&mut command, "DuckDB")?;
        Ok(output)
    }
}

/// Flink looks into Java's own classes, which a newer Java has to be told to allow.
pub(crate) const JAVA: [&str; 13] = [
    "-Xmx8g",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.invoke=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.net=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/java.text=ALL-UNNAMED",
    "--add-opens=java.base/java.time=ALL-UNNAMED",
];

/// Removes a file or folder if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), String> {
    let done = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match done {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {e}", path.display())),
        _ => Ok(()),
    }
}
