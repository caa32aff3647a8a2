//! `nexmark growth`: does the cost of a row stay while the input, and with it the number of keys, grows?

use crate::bench::rows;
use crate::places::{Places, remove};
use crate::queries::Query;
use flow_benches::nexmark::Shape;
use std::fmt::Write;

/// Millions of events.
const SIZES: [u64; 3] = [1, 10, 30];

/// One worker at three sizes; the best of `repeat` runs.
pub(crate) fn run(places: &Places, queries: &[&Query], repeat: usize) -> Result<(), String> {
    let mut text = String::from("| query |");
    for size in SIZES {
        let _ = write!(text, " {size} M: ns a row | MB |");
    }
    text.push_str(" largest / smallest |\n|---|");
    text.push_str(&"---:|---:|".repeat(SIZES.len()));
    text.push_str("---:|\n");
    for query in queries {
        let mut costs = Vec::new();
        let _ = write!(text, "| {} {} |", query.name, query.about);
        for size in SIZES {
            let events = size * 1_000_000;
            let data = places.events(Shape::of(events))?;
            let (mut best, mut peak) = (f64::INFINITY, 0.0);
            for _ in 0..repeat {
                let (used, output) = places.flow(query, &data, 1)?;
                remove(&output)?;
                if used.cpu < best {
                    (best, peak) = (used.cpu, used.peak);
                }
            }
            let cost = best * 1e9 / rows(query, events) as f64;
            eprintln!("{} at {size} M: {cost:.0} ns a row, {peak:.0} MB", query.name);
            let _ = write!(text, " {cost:.0} | {peak:.0} |");
            costs.push(cost);
        }
        let (least, most) = costs.iter().fold((f64::INFINITY, 0.0f64), |(a, b), c| (a.min(*c), b.max(*c)));
        let _ = writeln!(text, " {:.2} × |", most / least);
    }
    print!("{text}");
    Ok(())
}
