//! What a job holds at a barrier, as people see it.

use super::compare::{compile, start, wait_for};
use super::memory::Memory;
use super::model::{Inputs, Row, show_row};
use flow_engine::snapshot::Snapshot;
use std::sync::Arc;

/// A snapshot behind the first chunk of a script's one source `a`.
pub(super) fn snapshot(script: &str, memory: &Memory<'_>, workers: usize) -> Result<Snapshot, String> {
    snapshot_behind(1, script, memory, workers)
}

/// A snapshot behind so many chunks of a script's sources.
pub(super) fn snapshot_behind(
    chunks: usize,
    script: &str,
    memory: &Memory<'_>,
    workers: usize,
) -> Result<Snapshot, String> {
    let graph = flow_driver::runnable(&compile(script)?).map_err(|found| format!("{found:?}"))?;
    memory.pause_after(Some(chunks));
    let mut job = start(&Arc::new(graph), memory, None, workers)?;
    wait_for(&mut job, || memory.paused())?;
    let snapshot = job.snapshots().and_then(|snapshots| snapshots.take(true));
    memory.pause_after(None);
    job.control().wake();
    wait_for(&mut job, || false)?;
    job.wait().map_err(|error| error.message.clone())?;
    snapshot.ok_or_else(|| "no snapshot was taken".into())
}

fn inputs(chunks: Vec<Vec<Row>>) -> Inputs {
    let mut inputs = Inputs::default();
    inputs.chunks.insert("a".into(), chunks);
    inputs
}

/// What another script prints that goes on from the snapshot which this one made behind the first chunk; or why it
/// does not start.
pub fn goes_on(before: &str, after: &str, chunks: Vec<Vec<Row>>) -> Result<Vec<String>, String> {
    goes_on_from(before, after, chunks, |_| {})
}

/// The same, from what `change` makes of the snapshot.
pub fn goes_on_from(
    before: &str,
    after: &str,
    chunks: Vec<Vec<Row>>,
    change: impl FnOnce(&mut Snapshot),
) -> Result<Vec<String>, String> {
    let inputs = inputs(chunks);
    let memory = Memory::in_real_time(&inputs);
    let mut snapshot = snapshot(before, &memory, 2)?;
    change(&mut snapshot);
    let graph = flow_driver::runnable(&compile(after)?).map_err(|found| format!("{found:?}"))?;
    let mut job = start(&Arc::new(graph), &memory, Some(snapshot), 3)?;
    wait_for(&mut job, || false)?;
    job.wait().map_err(|error| error.message.clone())?;
    Ok(memory.all_written().iter().map(|row| show_row(row)).collect())
}

/// The tables of a script's state when the rows of its one source `a` are through and more may come: a line each,
/// `state table: columns (entries)`. Columns of the engine's own are left out.
pub fn held(script: &str, rows: Vec<Row>, workers: usize) -> Result<Vec<String>, String> {
    let inputs = inputs(vec![rows, Vec::new()]);
    let snapshot = snapshot(script, &Memory::new(&inputs), workers)?;
    let mut lines: Vec<(String, usize)> = Vec::new();
    for table in snapshot
        .parts
        .iter()
        .flat_map(|part| &part.states)
        .flat_map(|state| state.tables.iter().map(|table| (&state.id, table)))
    {
        let (id, table) = table;
        let names = table.schema.fields.iter().map(|field| field.name.to_string());
        let names: Vec<String> = names.filter(|name| !name.starts_with('·')).collect();
        let line = format!("{id} {}: {}", table.name, names.join(", "));
        let entries = table.rows();
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, known)) => *known += entries,
            None => lines.push((line, entries)),
        }
    }
    Ok(lines.into_iter().map(|(line, entries)| format!("{line} ({entries})")).collect())
}
