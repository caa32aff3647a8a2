//! A reader of a stream changes nothing of what others get: a job that stops and goes on with one more of them, or without one
//! that it had, gives its other sinks what it gives them otherwise. The stages above it may keep their state in another form from
//! then on, since they take results out again that they did not before, or do so no more.

use super::Effort;
use super::compare::{compile, start, start_on_disk, wait_for};
use super::held::snapshot_behind;
use super::memory::Memory;
use super::model::{Case, show_row};
use flow_driver::restore::{self, Effect};
use flow_engine::ErrorKind;
use flow_plan::arbitrary::Arbitrary;
use flow_plan::physical::{Graph, NodeKind};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The rows of each sink of the old script, once each: a stage that takes results out again gives none that did not change.
type Shown = Vec<BTreeSet<String>>;

/// Why a job failed.
struct Failed {
    text: String,
    /// Is a row to blame, and not the engine?
    is_of_rows: bool,
}

impl From<String> for Failed {
    fn from(text: String) -> Failed {
        Failed { text, is_of_rows: false }
    }
}

/// What may come to read a stream, or go again.
const READERS: [&str; 7] = [
    "aggregate { fresh: count() }",
    "keyBy(k) |> sum(v) as fresh",
    "keyBy(s) |> aggregate { fresh: count(), most: max(v) }",
    "keyBy(k) |> latest(by: at)",
    "keyBy(k) |> top(2, by: v)",
    "distinct(k, v)",
    "filter(v > 0) |> keyBy(v) |> aggregate { fresh: countDistinct(k) }",
];

/// Gives one random pipeline a reader of one of its streams while it holds state, or takes it away. Gives whether that was looked
/// at: not where the restore check refuses it, something in it cannot run, or the clock decides.
///
/// # Errors
/// The script, and what its sinks got that differs.
pub fn reader_changes_nothing(seed: u64, effort: Effort) -> Result<bool, String> {
    let mut case = super::case(seed, effort);
    // The sources in memory count their chunks in the order in which they hand them out, whoever reads their time.
    case.inputs.by_time = false;
    let alone = case.script.text();
    // Where a part of the rows is dropped by chance, or by the clock, each run may give others. A stage that takes results out
    // again gives none that did not change: who counts rows counts fewer, and an as-of join sees fewer versions. Of a stream of
    // which only `.late` is read the check knows too little (`docs/reliability.md`).
    let depends = case.script.has("limit(") || case.script.has(" asOf ") || alone.contains(".late");
    if case.script.samples || case.script.moves_clock || depends {
        return Ok(false);
    }
    let mut random = Arbitrary::new(seed ^ 0x6e65_7772);
    let streams: Vec<&str> = case.script.declarations.iter().filter_map(|d| stream_of(&d.head)).collect();
    if streams.is_empty() {
        return Ok(false);
    }
    let (read, by) = (random.pick(&streams), random.pick(&READERS));
    let reader = format!("sink fresh = {read} |> {by} -> file(\"fresh\", format: json)\n");
    let read = format!("{alone}{reader}");
    // Sources take turns: with one more, rows of others come in another order.
    if sources(&read).is_none() || sources(&read) != sources(&alone) {
        return Ok(false);
    }
    let goes = random.one_in(3);
    let (old, new) = if goes { (&read, &alone) } else { (&alone, &read) };
    let verdicts = restore::compare(&compile(old)?, &compile(new)?);
    if verdicts.iter().any(|verdict| verdict.effect == Effect::Incompatible) {
        return Ok(false);
    }
    let workers = (1 + random.below(3), 1 + random.below(3));
    let stop = 1 + random.below(4);
    // Behind the stop, state may be on disk: so many bytes are in memory.
    let disk = random.one_in(3).then(|| random.below(4_000));
    let shown = |old, new| shown(&case, (&alone, old, new), stop, workers, disk);
    let told = format!(
        "seed {seed}, {workers:?} workers, behind {stop} chunks, on disk beside {disk:?} bytes\n{alone}\n{} {reader}",
        if goes { "without" } else { "with" }
    );
    let (before, behind) = match (shown(old, old), shown(old, new)) {
        (Ok(before), Ok(behind)) => (before, behind),
        (Err(why), _) | (_, Err(why)) if !why.is_of_rows => return Err(format!("{told}\n{}", why.text)),
        // What fails for rows that are wrong fails with either script; which of both did, other tests look at.
        _ => return Ok(false),
    };
    let (lost, new) = (lacks(&before, &behind), lacks(&behind, &before));
    match lost.is_empty() && new.is_empty() {
        true => Ok(true),
        false => Err(format!("{told}\nlost: {lost:#?}\nnew: {new:#?}")),
    }
}

/// The rows that these sinks show and the same ones of another run do not.
fn lacks(of: &Shown, other: &Shown) -> Vec<String> {
    of.iter().zip(other).flat_map(|(rows, others)| rows.difference(others).cloned()).collect()
}

/// How many sources a script reads, if it can run.
fn sources(script: &str) -> Option<usize> {
    let graph = flow_driver::runnable(&compile(script).ok()?).ok()?;
    Some(graph.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Source { .. })).count())
}

/// The name of the stream that a declaration begins with.
fn stream_of(head: &str) -> Option<&str> {
    head.strip_prefix("stream ")?.split_whitespace().next()
}

/// What the sinks of the script without the reader show in the end of a job that stops behind so many chunks and goes on with
/// another script.
fn shown(
    case: &Case,
    (alone, old, new): (&str, &str, &str),
    stop: usize,
    (before, behind): (usize, usize),
    disk: Option<usize>,
) -> Result<Shown, Failed> {
    let memory = Memory::new(&case.inputs);
    let runnable =
        |script: &str| flow_driver::runnable(&compile(script)?).map_err(|found| format!("{found:?}"));
    // There may be fewer chunks; a stop that fails is what other tests look at.
    let snapshot = snapshot_behind(stop, old, &memory, before);
    let snapshot = snapshot.map_err(|text| Failed { text, is_of_rows: true })?;
    let of_all = runnable(alone)?;
    let mut shown = rows(&of_all, &memory);
    let new = Arc::new(runnable(new)?);
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut job = match disk {
        None => start(&new, &memory, Some(snapshot), behind)?,
        Some(bytes) => start_on_disk(&new, &memory, Some(snapshot), behind, (folder.path(), bytes))?,
    };
    wait_for(&mut job, || false)?;
    job.wait().map_err(|error| Failed {
        is_of_rows: error.kind == ErrorKind::Record,
        text: error.message.clone(),
    })?;
    shown.iter_mut().zip(rows(&of_all, &memory)).for_each(|(all, more)| all.extend(more));
    Ok(shown)
}

/// What each sink got since the last look. (The reader stands behind the other declarations, so that these have their places.)
fn rows(graph: &Graph, memory: &Memory<'_>) -> Shown {
    let sinks = graph.nodes.iter().filter_map(|node| match &node.kind {
        NodeKind::Sink { connector } => Some(connector.place.start),
        _ => None,
    });
    sinks.map(|place| memory.written(place).iter().map(|row| show_row(row)).collect()).collect()
}
