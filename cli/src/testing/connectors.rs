//! Sources that give a test's rows, step by step, and sinks that keep what they get.

use flow_data::Batch;
use flow_driver::testing::Step;
use flow_engine::connect::Connectors;
use flow_engine::sink::{Epoch, Mark, Run, Sealed, Sealing, Sink, SinkError, Writer};
use flow_engine::source::{Chunk, ChunkReader, Emit, Next, Source, SourceError};
use flow_env::Env;
use flow_plan::connector::{ArgValue, ConnectorCall};
use flow_plan::{RecordType, Value};
use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Rows = Vec<Vec<Value>>;

/// The rows of all `given` steps, and how far the test has come.
pub(super) struct Given {
    /// Per declaration: the number of the step (from 1) and its rows, in order.
    rows: HashMap<String, Vec<(usize, Rows)>>,
    /// Steps up to this one may be read.
    released: AtomicUsize,
    /// The last step that was read.
    taken: AtomicUsize,
    /// Steps that a source of the job will read; others are a table's, or of a source nobody needs.
    awaited: Mutex<HashSet<usize>>,
    ended: AtomicBool,
}

impl Given {
    pub(super) fn new(steps: &[Step]) -> Given {
        let mut all: HashMap<String, Vec<(usize, Rows)>> = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            if let Step::Given { declaration, rows } = step {
                all.entry(declaration.clone()).or_default().push((index + 1, rows.clone()));
            }
        }
        Given {
            rows: all,
            released: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            awaited: Mutex::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// Lets sources read on, up to this step.
    pub(super) fn release(&self, step: usize) {
        self.released.store(step, Ordering::SeqCst);
    }

    /// Was this step read, or is it nobody's?
    pub(super) fn is_taken(&self, step: usize) -> bool {
        self.taken.load(Ordering::SeqCst) >= step || !self.awaited().contains(&step)
    }

    fn awaited(&self) -> MutexGuard<'_, HashSet<usize>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There will be no more rows.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

/// The rows that each target received.
pub(super) struct Received(Vec<Mutex<Rows>>);

impl Received {
    pub(super) fn new(targets: usize) -> Received {
        Received((0..targets).map(|_| Mutex::default()).collect())
    }

    /// Those so far.
    pub(super) fn rows(&self, target: usize) -> Rows {
        self.0[target].lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Opens these.
pub(super) struct TestConnectors {
    pub(super) given: Arc<Given>,
    pub(super) received: Arc<Received>,
}

impl Connectors for TestConnectors {
    fn source(
        &self,
        call: &ConnectorCall,
        read: &[usize],
        _base: &Path,
        _env: &Env,
    ) -> Result<Box<dyn Source>, SourceError> {
        let named = |arg: &str| match call.arg(arg).map(|arg| &arg.value) {
            Some(ArgValue::Value(Value::String(name))) => Some(name.to_string()),
            _ => None,
        };
        let table = named("table");
        let Some(name) = table.clone().or_else(|| named("given")) else {
            return Err(SourceError::Open("only given rows are read in a test".into()));
        };
        let fields = read.iter().map(|column| call.schema.fields[*column].clone()).collect();
        let pick = |row: &Vec<Value>| read.iter().map(|column| row[*column].clone()).collect();
        let steps = self.given.rows.get(&name).map_or(&[][..], Vec::as_slice);
        let steps = steps.iter().map(|(step, rows)| (*step, rows.iter().map(pick).collect()));
        let mut steps: Vec<(usize, Rows)> = steps.collect();
        if table.is_none() {
            self.given.awaited().extend(steps.iter().map(|(step, _)| *step));
        }
        steps.reverse();
        let schema = Arc::new(RecordType::new(fields));
        let waits = table.is_none();
        Ok(Box::new(GivenSource { given: self.given.clone(), steps, schema, waits }))
    }

    fn sink(
        &self,
        call: &ConnectorCall,
        schema: &Arc<RecordType>,
        _base: &Path,
        _env: &Env,
    ) -> Result<Box<dyn Sink>, SinkError> {
        let target = match call.arg("target").map(|arg| &arg.value) {
            Some(ArgValue::Value(Value::Int(target))) => usize::try_from(*target).ok(),
            _ => None,
        };
        Ok(Box::new(Keep { received: self.received.clone(), target, schema: schema.clone() }))
    }
}

struct GivenSource {
    given: Arc<Given>,
    /// What is still to come, the next one last.
    steps: Vec<(usize, Rows)>,
    schema: Arc<RecordType>,
    /// Does it wait for the test to come to its steps? (A table is there from the beginning.)
    waits: bool,
}

struct Piece(Rows);

impl Chunk for Piece {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Source for GivenSource {
    fn next(&mut self) -> Result<Next, SourceError> {
        let released = self.given.released.load(Ordering::SeqCst);
        if let Some((step, rows)) = self.steps.pop_if(|(step, _)| !self.waits || *step <= released) {
            if self.waits {
                self.given.taken.fetch_max(step, Ordering::SeqCst);
            }
            return Ok(Next::Chunk(Box::new(Piece(rows))));
        }
        let over = self.steps.is_empty() && (!self.waits || self.given.ended.load(Ordering::SeqCst));
        Ok(if over { Next::End } else { Next::Pending })
    }

    fn live(&self) -> bool {
        self.waits
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(Reader { schema: self.schema.clone() })
    }
}

struct Reader {
    schema: Arc<RecordType>,
}

impl ChunkReader for Reader {
    fn read(&mut self, chunk: Box<dyn Chunk>, out: &mut dyn Emit) -> Result<(), SourceError> {
        let piece = chunk
            .into_any()
            .downcast::<Piece>()
            .map_err(|_| SourceError::Read("a chunk of another source".to_string()))?;
        Ok(out.batch(Batch::from_rows(&piece.0, &self.schema))?)
    }
}

struct Keep {
    received: Arc<Received>,
    /// `None`: nobody looks.
    target: Option<usize>,
    schema: Arc<RecordType>,
}

impl Sink for Keep {
    fn begin(&mut self, _run: &Run) -> Result<Option<Mark>, SinkError> {
        Ok(None)
    }

    fn clean(&mut self, _keep: &[String]) -> Result<(), SinkError> {
        Ok(())
    }

    fn writer(&mut self, _worker: usize) -> Result<Box<dyn Writer>, SinkError> {
        let received = self.received.clone();
        Ok(Box::new(KeepWriter { received, target: self.target, schema: self.schema.clone() }))
    }

    fn commit(&mut self, _epoch: Epoch, _sealed: &[String]) -> Result<(), SinkError> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn abort(&mut self) {}
}

struct KeepWriter {
    received: Arc<Received>,
    target: Option<usize>,
    schema: Arc<RecordType>,
}

impl Writer for KeepWriter {
    fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        if let Some(target) = self.target {
            let rows = (0..batch.len).map(|row| batch.row(row, &self.schema));
            self.received.0[target].lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn seal(&mut self) -> Result<Box<dyn Sealing>, SinkError> {
        Ok(Box::new(Sealed))
    }
}
