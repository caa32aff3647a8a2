//! Checkpoints that hold what changed: how much that is, whether it is what was there at the barrier, and whether a job goes on
//! from it as if nothing had happened.

use super::compare::{compare, compile, folded, snapshots_behind, start_tiny, wait_for};
use super::memory::Memory;
use super::model::{Inputs, Row, show_row};
use flow_checkpoint::state::{Change, Table};
use flow_data::{Batch, codec};
use flow_engine::snapshot::Snapshot;
use flow_plan::Value;
use flow_plan::physical::{Graph, Node, NodeKind, StreamBound};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rows of a source, chunk by chunk.
pub type Rows = Vec<Vec<Row>>;

/// Runs a script up to snapshots behind so many chunks each (a whole one, and what changed until the others), goes on from all of
/// them with as many workers, and compares what came out with the evaluator; and each snapshot with a whole one that is taken
/// while nothing else happens. Gives their bytes.
pub fn changes(
    script: &str,
    sources: &[(&str, Rows)],
    stops: &[usize],
    workers: [usize; 2],
) -> Result<Vec<usize>, String> {
    let chunks = sources.iter().map(|(name, rows)| ((*name).to_string(), rows.clone())).collect();
    let inputs = Inputs { chunks, ..Inputs::default() };
    let graph = flow_driver::runnable(&compile(script)?).map_err(|found| format!("{found:?}"))?;
    let (graph, memory) = (Arc::new(graph), Memory::new(&inputs));
    let taken = take(&graph, &memory, stops, workers[0], true)?;
    // Of rows that go block by block, a whole snapshot leaves out those that are over; the changes do not say it of each.
    let lingers = has(&graph, |bound| matches!(bound, StreamBound::Interval { .. }));
    for (at, stop) in stops.iter().enumerate() {
        let there = take(&graph, &Memory::new(&inputs), &[*stop], workers[0], true)?;
        let (there, known) = (contents(&graph, there), contents(&graph, taken[..=at].to_vec()));
        if let Some(difference) = difference(&there, &known, lingers) {
            return Err(format!("the snapshot behind {stop} chunks: {difference}"));
        }
    }
    // The inputs end while the last one is written down.
    let to_the_end = take(&graph, &Memory::new(&inputs), stops, workers[0], false)?;
    let (there, known) = (contents(&graph, taken.clone()), contents(&graph, to_the_end));
    if let Some(difference) = difference(&there, &known, false) {
        return Err(format!("the last snapshot, behind which the inputs end: {difference}"));
    }
    let bytes = taken.iter().map(bytes).collect();
    let mut job = start_tiny(&graph, &memory, folded(taken), workers[1])?;
    wait_for(&mut job, || false)?;
    compare(&inputs, &graph, &memory, job.wait())?;
    Ok(bytes)
}

/// The snapshots of a job, which may end with the last of them.
fn take(
    graph: &Arc<Graph>,
    memory: &Memory<'_>,
    stops: &[usize],
    workers: usize,
    last: bool,
) -> Result<Vec<Snapshot>, String> {
    // Said before it begins, or it may be over before.
    memory.pause_after(stops.first().copied());
    let mut job = start_tiny(graph, memory, None, workers)?;
    let taken = snapshots_behind(&mut job, memory, stops, last)?;
    memory.pause_after(None);
    job.control().wake();
    wait_for(&mut job, || false)?;
    job.wait().map_err(|error| error.message.clone())?;
    if taken.is_empty() { Err("it was over before".into()) } else { Ok(taken) }
}

/// By state, table and worker: all entries, but for what the clock on the wall says in them.
fn contents(graph: &Graph, taken: Vec<Snapshot>) -> BTreeMap<String, Vec<Row>> {
    let by_clock = has(graph, |bound| *bound == StreamBound::Regular { ttl: None });
    let mut contents = BTreeMap::new();
    for (worker, part) in folded(taken).into_iter().flat_map(|snapshot| snapshot.parts).enumerate() {
        for (id, table) in part.states.iter().flat_map(|state| state.tables.iter().map(|t| (&state.id, t))) {
            let used = table.schema.position("·used").filter(|_| by_clock);
            let row = |batch: &Batch, row: usize| {
                let mut row = batch.row(row, &table.schema);
                used.into_iter().for_each(|used| row[used] = Value::Null);
                row
            };
            let rows = |batch: &Batch| -> Vec<Row> { (0..batch.len).map(|at| row(batch, at)).collect() };
            let mut rows: Vec<Row> = table.rows.iter().flat_map(rows).collect();
            rows.sort();
            contents.insert(format!("{id} {} of worker {worker}", table.name), rows);
        }
    }
    contents
}

/// Is there a join with such a bound?
fn has(graph: &Graph, is: impl Fn(&StreamBound) -> bool) -> bool {
    let joins = |node: &Node| matches!(&node.kind, NodeKind::Join(join) if is(&join.bound));
    graph.nodes.iter().any(joins)
}

/// What there is and is not known, or known and not there, if that is wrong.
fn difference(
    there: &BTreeMap<String, Vec<Row>>,
    known: &BTreeMap<String, Vec<Row>>,
    lingers: bool,
) -> Option<String> {
    there.iter().find_map(|(name, rows)| {
        let known = known.get(name).map(Vec::as_slice).unwrap_or_default();
        let missing = rows.iter().find(|row| known.binary_search(row).is_err());
        let too_many = known.iter().find(|row| rows.binary_search(row).is_err());
        match (missing, too_many) {
            (Some(row), _) => Some(format!("{name} lacks {}", show_row(row))),
            (_, Some(row)) if !lingers => Some(format!("{name} still has {}", show_row(row))),
            _ => None,
        }
    })
}

fn bytes(snapshot: &Snapshot) -> usize {
    let tables = snapshot.parts.iter().flat_map(|part| &part.states).flat_map(|state| &state.tables);
    tables.map(bytes_of).sum()
}

/// What a file has of a table's entries.
fn bytes_of(table: &Table) -> usize {
    let gone = match &table.change {
        Change::Whole => [].as_slice(),
        Change::Delta { gone } => gone,
    };
    let mut file = Vec::new();
    table.rows.iter().chain(gone).for_each(|batch| codec::encode(batch, &mut file).unwrap_or_default());
    file.len()
}
