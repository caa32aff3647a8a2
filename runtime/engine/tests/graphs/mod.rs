//! Sources and sinks in memory, and graphs by hand.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::disallowed_methods)]

pub mod random_graph;

use flow_data::Batch;
use flow_engine::connect::Connectors;
use flow_engine::sink::{Epoch, Mark, Run, Sealed, Sealing, Sink, SinkError, Writer};
use flow_engine::source::{BadRecord, Chunk, ChunkReader, Emit, Next, Position, Source, SourceError};
use flow_engine::{Job, JobError, JobHandle, JobOptions, StartError, Summary};
use flow_env::Env;
use flow_plan::connector::ConnectorCall;
use flow_plan::operator::{Declaration, DeclarationKind, JobConfig, OnError, StateIdentity};
use flow_plan::physical::{Chain, Exchange, Graph, Input, Node, NodeKind, Step, StepKind};
use flow_plan::{DataType, Expr, Field, Place, RecordType, Value};
use std::any::Any;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub type Row = Vec<Value>;

/// What a source in memory gives.
#[derive(Clone, Default)]
pub struct Script {
    pub rows: Vec<Row>,
    pub chunk: usize,
    /// Give the rows again and again.
    pub endless: bool,
    /// `next` waits, on its own thread.
    pub blocks: bool,
    /// Row after which the source breaks.
    pub breaks_at: Option<usize>,
    /// Rows that cannot be decoded.
    pub bad: Vec<usize>,
    pub panics_at: Option<usize>,
}

impl Script {
    pub fn of(rows: Vec<Row>, chunk: usize) -> Script {
        Script { rows, chunk, ..Script::default() }
    }
}

/// What a sink in memory got.
#[derive(Clone, Default)]
pub struct Collected {
    pub rows: Arc<Mutex<Vec<Row>>>,
    pub committed: Arc<Mutex<Option<bool>>>,
    pub slow: Option<Duration>,
    pub closes_after: Option<usize>,
    pub panics: bool,
    pub flushes: Arc<AtomicU64>,
}

#[derive(Default)]
pub struct Memory {
    pub sources: HashMap<String, Script>,
    pub sinks: HashMap<String, Collected>,
    pub chunks: Arc<AtomicU64>,
}

struct MemorySource {
    script: Arc<Script>,
    schema: Arc<RecordType>,
    at: usize,
    chunks: Arc<AtomicU64>,
}

struct MemoryChunk(std::ops::Range<usize>);

impl Chunk for MemoryChunk {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Source for MemorySource {
    fn next(&mut self) -> Result<Next, SourceError> {
        if self.script.breaks_at.is_some_and(|at| self.at >= at) {
            return Err(SourceError::Read("the wire was cut".into()));
        }
        if self.at >= self.script.rows.len() {
            if !self.script.endless {
                return Ok(Next::End);
            }
            self.at = 0;
        }
        let end = (self.at + self.script.chunk).min(self.script.rows.len());
        let chunk = MemoryChunk(self.at..end);
        self.at = end;
        self.chunks.fetch_add(1, Ordering::Relaxed);
        Ok(Next::Chunk(Box::new(chunk)))
    }

    fn blocks(&self) -> bool {
        self.script.blocks
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(MemoryReader { script: self.script.clone(), schema: self.schema.clone() })
    }
}

struct MemoryReader {
    script: Arc<Script>,
    schema: Arc<RecordType>,
}

impl ChunkReader for MemoryReader {
    fn read(&mut self, chunk: Box<dyn Chunk>, out: &mut dyn Emit) -> Result<(), SourceError> {
        let range = chunk.into_any().downcast::<MemoryChunk>().expect("its own chunk").0;
        // Small batches: borders between batches must not matter.
        for start in range.clone().step_by(3) {
            let mut good = Vec::new();
            for row in start..(start + 3).min(range.end) {
                assert!(self.script.panics_at != Some(row), "a reader that panics");
                if self.script.bad.contains(&row) {
                    out.batch(Batch::from_rows(&std::mem::take(&mut good), &self.schema))?;
                    out.bad_record(BadRecord {
                        error: "not a record".into(),
                        code: "bad-test",
                        position: Position { name: "memory".into(), offset: row as u64, line: None },
                        raw: format!("row {row}"),
                    })?;
                } else {
                    good.push(self.script.rows[row].clone());
                }
            }
            out.consumed(3);
            out.batch(Batch::from_rows(&good, &self.schema))?;
        }
        Ok(())
    }
}

struct MemorySink {
    to: Collected,
    schema: Arc<RecordType>,
}

impl Sink for MemorySink {
    fn begin(&mut self, _run: &Run) -> Result<Option<Mark>, SinkError> {
        Ok(None)
    }

    fn clean(&mut self, _keep: &[String]) -> Result<(), SinkError> {
        Ok(())
    }

    fn writer(&mut self, _worker: usize) -> Result<Box<dyn Writer>, SinkError> {
        Ok(Box::new(MemoryWriter { to: self.to.clone(), schema: self.schema.clone(), staged: Vec::new() }))
    }

    fn commit(&mut self, _epoch: Epoch, _sealed: &[String]) -> Result<(), SinkError> {
        *self.to.committed.lock().unwrap() = Some(true);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn abort(&mut self) {
        *self.to.committed.lock().unwrap() = Some(false);
    }
}

struct MemoryWriter {
    to: Collected,
    schema: Arc<RecordType>,
    staged: Vec<Row>,
}

impl Writer for MemoryWriter {
    fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        assert!(!self.to.panics, "a sink that panics");
        assert_eq!(batch.columns.len(), self.schema.fields.len(), "sinks see declared columns only");
        if let Some(time) = self.to.slow {
            std::thread::sleep(time);
        }
        self.staged.extend((0..batch.len).map(|row| batch.row(row, &self.schema)));
        if self.to.closes_after.is_some_and(|n| self.staged.len() >= n) {
            return Err(SinkError::Closed);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.to.flushes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn seal(&mut self) -> Result<Box<dyn Sealing>, SinkError> {
        self.to.rows.lock().unwrap().append(&mut self.staged);
        Ok(Box::new(Sealed))
    }
}

impl Connectors for Memory {
    fn source(
        &self,
        call: &ConnectorCall,
        read: &[usize],
        _base: &Path,
        _env: &Env,
    ) -> Result<Box<dyn Source>, SourceError> {
        assert_eq!(read.len(), call.schema.fields.len(), "test sources read all columns");
        match self.sources.get(&call.name) {
            Some(script) => Ok(Box::new(MemorySource {
                script: Arc::new(script.clone()),
                schema: call.schema.clone(),
                at: 0,
                chunks: self.chunks.clone(),
            })),
            None => Err(SourceError::Open(format!("there is no {}", call.name))),
        }
    }

    fn sink(
        &self,
        call: &ConnectorCall,
        schema: &Arc<RecordType>,
        _base: &Path,
        _env: &Env,
    ) -> Result<Box<dyn Sink>, SinkError> {
        match self.sinks.get(&call.name) {
            Some(to) => Ok(Box::new(MemorySink { to: to.clone(), schema: schema.clone() })),
            None => Err(SinkError::Open(format!("there is no {}", call.name))),
        }
    }
}

impl Memory {
    pub fn source(&mut self, name: &str, script: Script) {
        self.sources.insert(name.into(), script);
    }

    pub fn sink(&mut self, name: &str) -> Collected {
        self.with_sink(name, Collected::default())
    }

    pub fn with_sink(&mut self, name: &str, to: Collected) -> Collected {
        self.sinks.insert(name.into(), to.clone());
        to
    }

    pub fn start(&self, graph: &Graph, workers: usize, tiny_queues: bool) -> JobHandle {
        let options = JobOptions { parallelism: Some(workers), tiny_queues, ..JobOptions::default() };
        Job::start(Arc::new(graph.clone()), self, None, &Env::real(), &options).expect("it starts")
    }

    /// Why it does not start.
    pub fn refused(&self, graph: &Graph) -> StartError {
        let options = JobOptions { parallelism: Some(2), ..JobOptions::default() };
        match Job::start(Arc::new(graph.clone()), self, None, &Env::real(), &options) {
            Ok(_) => panic!("it starts"),
            Err(error) => error,
        }
    }

    pub fn run(&self, graph: &Graph, workers: usize) -> Result<Summary, Box<JobError>> {
        self.start(graph, workers, false).wait()
    }
}

impl Collected {
    pub fn take(&self) -> Vec<Row> {
        std::mem::take(&mut self.rows.lock().unwrap())
    }

    pub fn committed(&self) -> Option<bool> {
        *self.committed.lock().unwrap()
    }
}

/// Graphs by hand.
pub struct Build {
    pub graph: Graph,
}

pub fn record(fields: &[(&str, DataType)]) -> Arc<RecordType> {
    Arc::new(RecordType::new(fields.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect()))
}

impl Build {
    pub fn new() -> Build {
        let job = JobConfig::default();
        let graph = Graph { scripts: Vec::new(), job, declarations: Vec::new(), nodes: Vec::new() };
        let mut build = Build { graph };
        build.declare("main", OnError::Fail);
        build
    }

    pub fn declare(&mut self, name: &str, on_error: OnError) -> u32 {
        self.graph.declarations.push(Declaration {
            name: name.into(),
            was: None,
            kind: DeclarationKind::Stream,
            on_error,
            late_consumed: false,
            place: Place::default(),
        });
        self.graph.declarations.len() as u32 - 1
    }

    pub fn node(&mut self, kind: NodeKind, inputs: Vec<(usize, Exchange)>, output: Arc<RecordType>) -> usize {
        self.node_of(0, kind, inputs, output)
    }

    pub fn node_of(
        &mut self,
        declaration: u32,
        kind: NodeKind,
        inputs: Vec<(usize, Exchange)>,
        output: Arc<RecordType>,
    ) -> usize {
        let inputs = inputs.into_iter().map(|(node, exchange)| Input { node, exchange }).collect();
        let label = format!("main.{}", self.graph.nodes.len());
        self.graph.nodes.push(Node { kind, inputs, output, declaration, label, place: Place::default() });
        self.graph.nodes.len() - 1
    }

    fn call(name: &str, schema: Arc<RecordType>) -> ConnectorCall {
        let (args, generators) = (Vec::new(), Vec::new());
        ConnectorCall { name: name.into(), args, format: None, schema, generators, place: Place::default() }
    }

    pub fn source(&mut self, name: &str, schema: &Arc<RecordType>) -> usize {
        let read = (0..schema.fields.len()).collect();
        let connector = Build::call(name, schema.clone());
        self.node(NodeKind::Source { connector, read }, Vec::new(), schema.clone())
    }

    pub fn table(&mut self, name: &str, schema: &Arc<RecordType>) -> usize {
        let read = (0..schema.fields.len()).collect();
        let connector = Build::call(name, schema.clone());
        self.node(NodeKind::Table { connector, read }, Vec::new(), schema.clone())
    }

    pub fn sink(&mut self, name: &str, from: usize) -> usize {
        let schema = self.graph.nodes[from].output.clone();
        let connector = Build::call(name, schema);
        self.node(NodeKind::Sink { connector }, vec![(from, Exchange::Gather)], Arc::default())
    }

    /// Each worker writes what it has.
    pub fn local_sink(&mut self, name: &str, from: usize) -> usize {
        let connector = Build::call(name, self.schema(from));
        self.node(NodeKind::Sink { connector }, vec![(from, Exchange::Local)], Arc::default())
    }

    pub fn schema(&self, node: usize) -> Arc<RecordType> {
        self.graph.nodes[node].output.clone()
    }

    pub fn chain(&mut self, from: usize, steps: Vec<(StepKind, Arc<RecordType>)>) -> usize {
        self.chain_of(0, from, steps)
    }

    pub fn chain_of(
        &mut self,
        declaration: u32,
        from: usize,
        steps: Vec<(StepKind, Arc<RecordType>)>,
    ) -> usize {
        let input = self.schema(from);
        let output = steps.last().map_or(input.clone(), |(_, output)| output.clone());
        let steps = steps.into_iter().enumerate().map(|(i, (kind, output))| Step {
            kind,
            output,
            declaration,
            label: format!("step {i}"),
            place: Place::default(),
        });
        let chain = Chain { input, steps: steps.collect() };
        self.node_of(declaration, NodeKind::Chain(chain), vec![(from, Exchange::Local)], output)
    }
}

pub fn state(id: &str) -> StateIdentity {
    StateIdentity { id: id.into(), was: None }
}

pub fn column(index: usize, ty: DataType) -> Expr {
    Expr::column(index, ty, Place::default())
}

pub fn int(value: i64) -> Value {
    Value::Int(value)
}
