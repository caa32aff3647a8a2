//! `nexmark check`: every query by `flow` with one worker and with four, and by its hand-written program,
//! against DuckDB on the same events.

use crate::places::{Places, remove};
use crate::queries::Query;
use crate::rows::{Row, difference, read};
use flow_benches::nexmark::Shape;
use std::path::Path;

/// Which events: rows far apart, so that windows and sessions close; and rows close together, so that
/// many of them share a time.
fn shapes(events: u64) -> [Shape; 2] {
    let sparse = Shape { events: events / 4, gap: 40_000, side: 1200, seed: 7, ..Shape::of(0) };
    [sparse, Shape { events, gap: 500, seed: 8, ..Shape::of(0) }]
}

/// Compares; an error if a query differs.
pub(crate) fn run(places: &Places, queries: &[&Query], events: u64) -> Result<(), String> {
    let mut different = Vec::new();
    for shape in shapes(events) {
        let data = places.events(shape)?;
        println!("{} events, {} ms apart, seed {}", shape.events, shape.gap as f64 / 1000.0, shape.seed);
        let expected = places.duckdb(queries, &data)?;
        for query in queries {
            let want = read(&expected.join(format!("{}.ndjson", query.name)), query.compare)?;
            println!("  {}, {}: {} rows to compare", query.name, query.about, want.len());
            for (who, result) in contenders(places, query, &data) {
                let problem = match result {
                    Ok(rows) => difference(&want, &rows),
                    Err(why) => Some(why),
                };
                let verdict = if problem.is_some() { "DIFFERENT" } else { "equal" };
                println!("    {who:16} {verdict}");
                if let Some(problem) = problem {
                    problem.lines().take(9).for_each(|line| println!("      {line}"));
                    different.push(query.name);
                }
            }
        }
    }
    if different.is_empty() {
        println!("nexmark: {} queries equal", queries.len());
        return Ok(());
    }
    different.dedup();
    Err(format!("not equal to DuckDB: {}", different.join(", ")))
}

type Outcome = Result<Vec<Row>, String>;

fn contenders(places: &Places, query: &Query, data: &Path) -> Vec<(String, Outcome)> {
    let mut all = Vec::new();
    for workers in [1, 4] {
        let made = places.flow(query, data, workers);
        let rows = made.and_then(|(_, output)| rows(&output, query));
        all.push((format!("flow, {workers} workers"), rows));
    }
    if query.limit {
        let made = places.limit(query, data).and_then(|(_, output)| rows(&output, query));
        all.push(("limit".to_string(), made));
    }
    all
}

fn rows(output: &Path, query: &Query) -> Outcome {
    let rows = if output.exists() { read(output, query.compare)? } else { Vec::new() };
    remove(output)?;
    Ok(rows)
}
