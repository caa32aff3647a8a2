//! The results as Markdown: one table of what was used, one of targets and whether they are met.

use crate::contenders::{Job, MOST_MEMORY, OF_PLAIN, TWO_WORKERS, Who};
use flow_benches::measure::Usage;
use std::fmt::Write;

/// The best run of each program in one job.
pub(crate) struct Results {
    pub(crate) job: &'static Job,
    pub(crate) best: Vec<(Who, Usage)>,
    pub(crate) input_bytes: u64,
}

impl Results {
    fn of(&self, who: Who) -> Option<Usage> {
        self.best.iter().find(|(w, _)| *w == who).map(|(_, u)| *u)
    }
}

/// Both tables.
pub(crate) fn markdown(all: &[Results]) -> String {
    let mut text = String::from(
        "| job | program | CPU s | wall s | peak MB | input MB/s (wall) | CPU against the limit |\n\
         |---|---|---:|---:|---:|---:|---:|\n",
    );
    for results in all {
        let limit = results.of(Who::Limit).map(|u| u.cpu);
        for (who, used) in &results.best {
            let ratio = limit.map_or_else(|| "–".to_string(), |l| format!("{:.2} ×", used.cpu / l));
            let _ = writeln!(
                text,
                "| {} | {} | {:.2} | {:.2} | {:.0} | {:.0} | {ratio} |",
                results.job.name,
                who.title(),
                used.cpu,
                used.wall,
                used.peak,
                results.input_bytes as f64 / 1e6 / used.wall,
            );
        }
    }
    text.push_str("\n| job | target | measured | met |\n|---|---|---:|---|\n");
    for results in all {
        targets(results, &mut text);
    }
    text
}

fn targets(results: &Results, text: &mut String) {
    let Some(flow) = results.of(Who::Flow(1)) else { return };
    let job = results.job;
    let mut line = |target: String, measured: f64, met: bool| {
        let met = if met { "yes" } else { "no" };
        let _ = writeln!(text, "| {} ({}) | {target} | {measured:.2} | {met} |", job.name, job.about);
    };
    if let Some(limit) = results.of(Who::Limit) {
        let ratio = flow.cpu / limit.cpu;
        line(format!("CPU at most {} × the limit", job.of_limit), ratio, ratio <= job.of_limit);
    }
    if let Some(plain) = results.of(Who::Plain) {
        let ratio = flow.cpu / plain.cpu;
        line(format!("CPU at most {OF_PLAIN} × the plain one"), ratio, ratio <= OF_PLAIN);
    }
    if let Some(duckdb) = results.of(Who::DuckDb) {
        let ratio = duckdb.cpu / flow.cpu;
        line(format!("DuckDB's CPU at least {} × flow's", job.duckdb), ratio, ratio >= job.duckdb);
    }
    if let Some(two) = results.of(Who::Flow(2)) {
        let ratio = two.wall / flow.wall;
        line(format!("wall of 2 workers at most {TWO_WORKERS} × of 1"), ratio, ratio <= TWO_WORKERS);
    }
    if job.name.starts_with('q') {
        line(format!("peak under {MOST_MEMORY} MB"), flow.peak, flow.peak < MOST_MEMORY);
    }
}
