//! What a job holds at a barrier, as people see it.

use super::compare::{compile, start, wait_for};
use super::memory::Memory;
use super::model::{Inputs, Row};
use std::sync::Arc;

/// The tables of a script's state when the rows of its one source `a` are through and more may come: a line each,
/// `state table: columns (entries)`. Columns of the engine's own are left out.
pub fn held(script: &str, rows: Vec<Row>, workers: usize) -> Result<Vec<String>, String> {
    let graph = flow_driver::runnable(&compile(script)?).map_err(|found| format!("{found:?}"))?;
    let mut inputs = Inputs::default();
    inputs.chunks.insert("a".into(), vec![rows, Vec::new()]);
    let memory = Memory::new(&inputs);
    memory.pause_after(Some(1));
    let mut job = start(&Arc::new(graph), &memory, workers)?;
    wait_for(&mut job, || memory.paused())?;
    let snapshot = job.snapshots().and_then(|snapshots| snapshots.take(true));
    memory.pause_after(None);
    job.control().wake();
    wait_for(&mut job, || false)?;
    job.wait().map_err(|error| error.message.clone())?;
    let snapshot = snapshot.ok_or("no snapshot was taken")?;
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
