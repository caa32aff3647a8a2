//! What was measured, kept in a file: a table can be put together from several runs, since a peer that
//! needs a minute a query is not measured each time that `flow` is.

use flow_benches::measure::Usage;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Limit,
    Flow(u32),
    Flink(u32),
}

impl Who {
    /// The short form of the file.
    pub(crate) fn name(self) -> String {
        match self {
            Who::Limit => "limit".to_string(),
            Who::Flow(n) => format!("flow-{n}"),
            Who::Flink(n) => format!("flink-{n}"),
        }
    }
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) events: u64,
    pub(crate) query: String,
    pub(crate) who: String,
    pub(crate) used: Usage,
}

/// The runs so far.
pub(crate) struct Results {
    file: PathBuf,
    pub(crate) runs: Vec<Run>,
}

impl Results {
    /// Reads what is there.
    pub(crate) fn open(data: &Path) -> Results {
        let file = data.join("nexmark").join("results.tsv");
        Results { runs: read(&file), file }
    }

    /// Forgets what a program needed for a query, before it is measured again.
    pub(crate) fn forget(&mut self, events: u64, query: &str, who: Who) -> Result<(), String> {
        let who = who.name();
        self.change(|runs| runs.retain(|r| r.events != events || r.query != query || r.who != who))
    }

    /// Keeps a run.
    pub(crate) fn add(&mut self, events: u64, query: &str, who: Who, used: Usage) -> Result<(), String> {
        let run = Run { events, query: query.to_string(), who: who.name(), used };
        self.change(|runs| runs.push(run))
    }

    /// Changes the file as it is now: a slow peer may be measured by another process meanwhile.
    fn change(&mut self, change: impl FnOnce(&mut Vec<Run>)) -> Result<(), String> {
        self.runs = read(&self.file);
        change(&mut self.runs);
        let mut text = String::new();
        for run in &self.runs {
            let Usage { cpu, wall, peak } = run.used;
            let _ =
                writeln!(text, "{}\t{}\t{}\t{cpu:.3}\t{wall:.3}\t{peak:.1}", run.events, run.query, run.who);
        }
        std::fs::write(&self.file, text).map_err(|e| format!("{}: {e}", self.file.display()))
    }

    /// The run with the least CPU; of two workers and more, the one with the least wall time.
    pub(crate) fn best(&self, events: u64, query: &str, who: Who) -> Option<Usage> {
        let name = who.name();
        let runs = self.runs.iter().filter(|r| r.events == events && r.query == query && r.who == name);
        let cost = |used: &Usage| match who {
            Who::Flow(n) if n > 1 => used.wall,
            _ => used.cpu,
        };
        runs.map(|r| r.used).min_by(|a, b| cost(a).total_cmp(&cost(b)))
    }
}

fn read(file: &Path) -> Vec<Run> {
    std::fs::read_to_string(file).unwrap_or_default().lines().filter_map(parse).collect()
}

fn parse(line: &str) -> Option<Run> {
    let mut words = line.split('\t');
    let mut next = || words.next();
    let (events, query, who) = (next()?.parse().ok()?, next()?.to_string(), next()?.to_string());
    let mut number = || next()?.parse().ok();
    let used = Usage { cpu: number()?, wall: number()?, peak: number()? };
    Some(Run { events, query, who, used })
}
