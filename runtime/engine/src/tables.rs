//! Tables are read whole before the job starts, and shared by all workers. What is wrong with a table
//! stops the job before it starts, unless the record errors of the table are skipped or read.

use crate::connect::Connectors;
use crate::context::{BadRow, describe};
use crate::error::{Halt, StartError, StartRecord};
use crate::operator::{ChainRun, CompiledChain, Table, bad_row};
use crate::row_text;
use crate::source::{BadRecord, Emit, Next, SourceError, Stop};
use flow_data::Batch;
use flow_env::Env;
use flow_plan::operator::OnError;
use flow_plan::physical::{Graph, Lookup, NodeKind};
use flow_plan::{RecordType, Value};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What was read.
pub(crate) struct Tables {
    /// The table of each lookup node.
    pub(crate) of: Vec<Option<Arc<Table>>>,
    /// By table node: its records that are skipped or go to `.errors`.
    pub(crate) refused: Vec<Vec<BadRow>>,
}

/// Reads what the lookups of a graph need.
pub(crate) fn load(
    graph: &Graph,
    chains: &[Option<CompiledChain>],
    connectors: &dyn Connectors,
    base: &Path,
    env: &Env,
) -> Result<Tables, StartError> {
    let nodes = graph.nodes.len();
    let mut loader = Loader {
        graph,
        chains,
        connectors,
        base,
        env,
        rows: vec![None; nodes],
        refused: (0..nodes).map(|_| Vec::new()).collect(),
    };
    let mut of: Vec<Option<Arc<Table>>> = vec![None; nodes];
    for node in 0..nodes {
        let NodeKind::Lookup(lookup) = &graph.nodes[node].kind else { continue };
        let right = graph.nodes[node].inputs[1].node;
        // One table for all lookups by the same key.
        let shared = (0..node).find(|&other| match &graph.nodes[other].kind {
            NodeKind::Lookup(known) => {
                graph.nodes[other].inputs[1].node == right && known.right_keys == lookup.right_keys
            }
            _ => false,
        });
        of[node] = match shared {
            Some(other) => of[other].clone(),
            None => Some(Arc::new(loader.table(lookup, right)?)),
        };
    }
    Ok(Tables { of, refused: loader.refused })
}

struct Loader<'a> {
    graph: &'a Graph,
    chains: &'a [Option<CompiledChain>],
    connectors: &'a dyn Connectors,
    base: &'a Path,
    env: &'a Env,
    /// The rows of the nodes that were read so far.
    rows: Vec<Option<Vec<Batch>>>,
    refused: Vec<Vec<BadRow>>,
}

impl Loader<'_> {
    fn table(&mut self, lookup: &Lookup, node: usize) -> Result<Table, StartError> {
        let schema = &self.graph.nodes[node].output;
        let batches = self.rows(node)?;
        let mut table = Table::new(&lookup.right_keys, schema);
        let mut firsts = Vec::new();
        for (at, batch) in batches.iter().enumerate() {
            if let Err((row, first)) = table.add(batch, |row| firsts.push((at, row))) {
                let (first_batch, first_row) = firsts[first];
                let rows = [(&batches[first_batch], first_row), (batch, row)];
                return Err(self.twice(lookup, node, rows));
            }
        }
        table.seal();
        Ok(table)
    }

    /// Two rows of a table have one key.
    fn twice(&self, lookup: &Lookup, node: usize, rows: [(&Batch, usize); 2]) -> StartError {
        let schema = &self.graph.nodes[node].output;
        let (batch, row) = rows[1];
        let value = |&key: &usize| batch.columns[key].value(row, &schema.fields[key].ty);
        let key: Vec<Value> = lookup.right_keys.iter().map(value).collect();
        let keys = lookup.right_keys.iter().map(|&key| schema.fields[key].clone()).collect();
        let key = row_text::json(&key, &RecordType::new(keys));
        let record = |(batch, row): (&Batch, usize)| {
            let (text, position) = describe(batch, row, schema);
            StartRecord { text, position }
        };
        let head = &self.graph.nodes[self.head(node)];
        let message = format!("two rows of the table have the key {key}");
        StartError { records: rows.map(record).into(), ..StartError::new(message, &head.label, head.place) }
    }

    /// The table at the head of a chain over one.
    fn head(&self, node: usize) -> usize {
        match self.graph.nodes[node].inputs.first() {
            Some(input) => self.head(input.node),
            None => node,
        }
    }

    /// The rows a node gives.
    fn rows(&mut self, node: usize) -> Result<Vec<Batch>, StartError> {
        if let Some(rows) = &self.rows[node] {
            return Ok(rows.clone());
        }
        let made = match (&self.graph.nodes[node].kind, &self.chains[node]) {
            (NodeKind::Table { .. }, _) => self.read(node)?,
            (NodeKind::Chain(_), Some(chain)) => self.run(node, chain)?,
            (other, _) => unreachable!("checked: a table is read through chains only, not {other:?}"),
        };
        self.rows[node] = Some(made.clone());
        Ok(made)
    }

    /// Reads a table.
    fn read(&mut self, node: usize) -> Result<Vec<Batch>, StartError> {
        let head = &self.graph.nodes[node];
        let NodeKind::Table { connector, read } = &head.kind else { unreachable!("only tables are read") };
        let broken = |error: SourceError| StartError::new(error.to_string(), &head.label, connector.place);
        let mut source = self.connectors.source(connector, read, self.base, self.env).map_err(broken)?;
        let mut reader = source.reader();
        let mut taken = Taken { node, loader: self, batches: Vec::new(), failed: None };
        loop {
            match source.next().map_err(broken)? {
                Next::Chunk(chunk) => {
                    let result = reader.read(chunk, &mut taken);
                    if let Some(failed) = taken.failed.take() {
                        return Err(failed);
                    }
                    result.map_err(broken)?;
                }
                Next::Pending => flow_env::parker().0.park(Duration::from_millis(1)),
                Next::End => return Ok(taken.batches),
            }
        }
    }

    /// Runs a chain over a table.
    fn run(&mut self, node: usize, chain: &CompiledChain) -> Result<Vec<Batch>, StartError> {
        let input = self.graph.nodes[node].inputs[0].node;
        let schema = &self.graph.nodes[input].output;
        let batches = self.rows(input)?;
        let mut run = ChainRun::new(chain);
        let head = self.head(node);
        let mut made = Vec::new();
        for batch in &batches {
            let mut failed = None;
            let result = run.run(self.env, batch, &mut made, &mut |row, step, error| {
                let bad = bad_row(batch, row, schema, step, error);
                self.refuse(head, bad).map_err(|error| {
                    failed = Some(error);
                    Halt
                })
            });
            if let (Err(Halt), Some(error)) = (result, failed) {
                return Err(error);
            }
        }
        Ok(made)
    }

    /// Follows the declaration's policy for a bad record.
    fn refuse(&mut self, node: usize, bad: BadRow) -> Result<(), StartError> {
        let read = |of: u32| {
            self.graph.nodes.iter().any(|node| matches!(node.kind, NodeKind::Errors { of: d } if d == of))
        };
        match self.graph.declarations[bad.declaration as usize].on_error {
            OnError::Skip => {}
            OnError::Route if read(bad.declaration) => {}
            OnError::Fail | OnError::Route => {
                let records = vec![StartRecord { text: bad.record, position: bad.position }];
                return Err(StartError { records, ..StartError::new(bad.message, &bad.label, bad.place) });
            }
        }
        self.refused[node].push(bad);
        Ok(())
    }
}

/// What a table's reader gives.
struct Taken<'a, 'b> {
    node: usize,
    loader: &'a mut Loader<'b>,
    batches: Vec<Batch>,
    failed: Option<StartError>,
}

impl Emit for Taken<'_, '_> {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop> {
        self.batches.push(batch);
        Ok(())
    }

    fn bad_record(&mut self, record: BadRecord) -> Result<(), Stop> {
        let node = &self.loader.graph.nodes[self.node];
        let bad = BadRow {
            declaration: node.declaration,
            label: node.label.clone(),
            place: node.place,
            code: record.code.into(),
            message: record.error,
            record: record.raw,
            position: Some(record.position),
        };
        self.loader.refuse(self.node, bad).map_err(|error| {
            self.failed = Some(error);
            Stop
        })
    }

    fn consumed(&mut self, _bytes: u64) {}
}
