//! What a simulated job reads: a few rows in a few files, each of which is one chunk.

use crate::crash::cases::{self, Case, NAMES, Packing, Row, line};
use crate::crash::files::packed;
use crate::crash::rows::{self, Bag};
use flow_env::SimDisk;
use flow_plan::Value;
use flow_plan::arbitrary::Arbitrary;
use flow_plan::interpret::Event;
use flow_plan::physical::{Graph, NodeKind};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the job lives on the simulated disk.
pub(super) const FOLDER: &str = "/job";

/// A job and its rows.
pub(super) struct Input {
    pub(super) case: Case,
    pub(super) graph: Arc<Graph>,
    /// What its sink must show in the end.
    pub(super) expected: Bag,
}

/// What a script is when it runs: the same for all lives.
fn graph(name: &'static str, script: &str) -> Result<Arc<Graph>, String> {
    static KNOWN: Mutex<Option<HashMap<&'static str, Arc<Graph>>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(graph) = known.get(name) {
        return Ok(graph.clone());
    }
    let graph = Arc::new(rows::graph(&format!("job killed {{ checkpoint: 1s }}\n{script}"))?);
    known.insert(name, graph.clone());
    Ok(graph)
}

/// The time of a file's first row.
fn first(rows: &[Row]) -> i64 {
    match rows.first().and_then(|row| row.last()) {
        Some(Value::Timestamp(at)) => *at,
        _ => i64::MAX,
    }
}

/// A random job, whose files are put on the disk.
pub(super) fn input(random: &mut Arbitrary, disk: &SimDisk) -> Result<Input, String> {
    let name = *random.pick(&NAMES);
    let rows = 120 + random.below(400);
    let case = cases::cases(random, rows, |wanted| wanted == name).pop();
    let case = case.ok_or_else(|| format!("there is no case `{name}`"))?;
    let graph = graph(name, &case.script)?;
    let files = 16 + random.below(90);
    let mut chunks = Vec::new();
    for (source, rows) in &case.sources {
        for (number, rows) in rows.chunks(rows.len().div_ceil(files).max(1)).enumerate() {
            let text = rows.iter().map(|row| line(row, 0)).collect();
            let packing = if random.one_in(4) { case.packing } else { Packing::None };
            let (bytes, end) = packed(text, number, packing).map_err(|error| error.to_string())?;
            let path = format!("{FOLDER}/{source}/{number:03}.ndjson{end}");
            disk.put(Path::new(&path), &bytes).map_err(|error| error.to_string())?;
            chunks.push((first(rows), source.clone(), number as u32, rows.to_vec()));
        }
    }
    // Where time matters, sources hand out the chunk that begins earliest.
    if graph.nodes.iter().any(|node| matches!(node.kind, NodeKind::EventTime(_))) {
        chunks.sort_by_key(|(first, ..)| *first);
    }
    let events = chunks.into_iter().flat_map(|(_, source, split, rows)| {
        let end = Event::End { source: source.clone(), split };
        [Event::Chunk { source, split, rows }, end]
    });
    let expected = rows::expected(&graph, events.collect())?;
    Ok(Input { case, graph, expected })
}
