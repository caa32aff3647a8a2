//! `nexmark bench`: every query by `flow`, by the hand-written programs and by Flink on the same files, in
//! turns; outputs are compared with the hand-written program's; then the table.

use crate::places::{Places, remove};
use crate::queries::{Compare, Events, Query};
use crate::results::{Results, Who};
use crate::rows::{difference, read};
use flow_benches::checksum;
use flow_benches::measure::Usage;
use flow_benches::nexmark::Shape;
use std::fmt::Write;
use std::io::Read;
use std::path::Path;
use std::process::Command;

/// What is measured.
pub(crate) struct Plan {
    pub(crate) events: u64,
    pub(crate) repeat: usize,
    pub(crate) without: Vec<String>,
}

/// Measures the queries and prints the table of all that was measured at this size.
pub(crate) fn run(places: &Places, queries: &[&Query], plan: &Plan) -> Result<(), String> {
    let data = places.events(Shape::of(plan.events))?;
    let mut results = Results::open(&places.data);
    let without = |who: &str| plan.without.iter().any(|w| w == who);
    let jars = if without("flink") { None } else { Some(flow_benches::tools::flink(&places.data)?) };
    for query in queries {
        warm(&data, query)?;
        let mut who = Vec::new();
        who.extend(query.limit.then_some(Who::Limit).filter(|_| !without("limit")));
        if !without("flow") {
            who.extend([Who::Flow(1), Who::Flow(2)]);
        }
        who.iter().try_for_each(|who| results.forget(plan.events, query.name, *who))?;
        for round in 0..plan.repeat {
            for who in &who {
                let (used, output) = match who {
                    Who::Limit => places.limit(query, &data)?,
                    Who::Flow(n) => places.flow(query, &data, *n)?,
                    Who::Flink(_) => continue,
                };
                say(query, *who, used);
                let compared = query.limit && *who != Who::Limit && !without("limit");
                if round == 0 && compared && !without("compare") {
                    compare(query, &places.limit_output(query), &output)?;
                }
                if *who != Who::Limit {
                    remove(&output)?;
                }
                results.add(plan.events, query.name, *who, used)?;
            }
        }
        remove(&places.limit_output(query))?;
        for parallelism in [1, 2] {
            let Some(jars) = &jars else { continue };
            let who = Who::Flink(parallelism);
            results.forget(plan.events, query.name, who)?;
            let used = places.flink(query, &data, jars, parallelism)?;
            say(query, who, used);
            results.add(plan.events, query.name, who, used)?;
        }
    }
    print!("{}", table(&results, queries, plan.events));
    Ok(())
}

fn say(query: &Query, who: Who, used: Usage) {
    eprintln!(
        "{} {}: {:.2} CPU s, {:.2} wall s, {:.0} MB",
        query.name,
        who.name(),
        used.cpu,
        used.wall,
        used.peak
    );
}

/// Compares in a process of its own: what the comparing takes would count as memory of the programs that are started
/// behind it, whose peak begins with that of the process they were started by.
fn compare(query: &Query, limit: &Path, flow: &Path) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", query.name);
    let this = std::env::current_exe().map_err(failed)?;
    let done = Command::new(this).arg("same").arg(query.name).args([limit, flow]).output().map_err(failed)?;
    match done.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&done.stderr).trim().to_string()),
    }
}

/// Do two programs agree? Rows by a checksum that no order changes, updated results by their last rows;
/// windows of the wall clock by their sums.
pub(crate) fn same(query: &Query, limit: &Path, flow: &Path) -> Result<(), String> {
    let problem = match query.compare {
        Compare::Rows => {
            let failed = |e: std::io::Error| format!("{}: {e}", query.name);
            let (a, b) = (checksum::of(limit).map_err(failed)?, checksum::of(flow).map_err(failed)?);
            (a != b).then(|| format!("flow wrote {b:?}, the limit {a:?}"))
        }
        compare => difference(&read(limit, compare)?, &read(flow, compare)?),
    };
    problem.map_or(Ok(()), |why| Err(format!("{}: {why}", query.name)))
}

/// Reads the files of a query once, so that everyone finds them in the page cache.
fn warm(data: &Path, query: &Query) -> Result<(), String> {
    let mut buffer = vec![0; 1 << 20];
    for events in query.reads {
        let path = data.join(events.file());
        let failed = |e: std::io::Error| format!("{}: {e}", path.display());
        let mut file = std::fs::File::open(&path).map_err(failed)?;
        while file.read(&mut buffer).map_err(failed)? > 0 {}
    }
    Ok(())
}

/// Rows a query reads, of so many events.
pub(crate) fn rows(query: &Query, events: u64) -> u64 {
    let of = |kind: &Events| match kind {
        Events::Persons => events / 50,
        Events::Auctions => events / 50 * 3,
        Events::Bids => events / 50 * 46,
    };
    query.reads.iter().map(of).sum()
}

/// One line a query.
fn table(results: &Results, queries: &[&Query], events: u64) -> String {
    let mut text = format!(
        "{events} events, CPU seconds of one worker (Flink: parallelism 1) unless it says otherwise.\n\n\
         | query | rows | flow rows/s | flow CPU s | peak MB | limit CPU s | of limit | 2 workers, wall | \
         Flink CPU s | Flink peak MB | Flink / flow | Flink, parallelism 2 |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    let cell = |value: Option<f64>, digits: usize, unit: &str| {
        value.map_or_else(|| "–".to_string(), |v| format!("{v:.digits$}{unit}"))
    };
    for query in queries {
        let of = |who| results.best(events, query.name, who);
        let (one, two, limit) = (of(Who::Flow(1)), of(Who::Flow(2)), of(Who::Limit));
        let (flink, flink2) = (of(Who::Flink(1)), of(Who::Flink(2)));
        let ratio = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a / b);
        let (cpu, wall) = (|u: Usage| u.cpu, |u: Usage| u.wall);
        let rows = rows(query, events);
        let _ = writeln!(
            text,
            "| {} {} | {rows} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            query.name,
            query.about,
            cell(one.map(|u| rows as f64 / u.wall), 0, ""),
            cell(one.map(cpu), 2, ""),
            cell(one.map(|u| u.peak), 0, ""),
            cell(limit.map(cpu), 2, ""),
            cell(ratio(one.map(cpu), limit.map(cpu)), 2, " ×"),
            cell(ratio(two.map(wall), one.map(wall)), 2, " ×"),
            cell(flink.map(cpu), 1, ""),
            cell(flink.map(|u| u.peak), 0, ""),
            cell(ratio(flink.map(cpu), one.map(cpu)), 1, " ×"),
            cell(flink2.map(cpu), 1, ""),
        );
    }
    text
}
