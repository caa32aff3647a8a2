//! Sources that give a test's rows, step by step, and sinks that keep what they get.

use flow_data::{Batch, Origin, Text};
use flow_driver::testing::{GivenRow, Step};
use flow_engine::connect::Connectors;
use flow_engine::sink::{Epoch, Mark, Run, Sealed, Sealing, Sink, SinkError, Writer};
use flow_engine::source::{self, Chunk, ChunkReader, Count, Emit, Next, Source, SourceError, Tracker};
use flow_env::Env;
use flow_plan::connector::{ArgValue, ConnectorCall};
use flow_plan::{RecordType, Value};
use std::any::Any;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Rows = Vec<Vec<Value>>;

/// In what pieces the rows of a `given` come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pieces {
    /// All at once.
    Steps,
    /// One by one.
    Rows,
}

/// The rows of all `given` steps in pieces, which are numbered from 1, and how far the test has come.
pub(super) struct Given {
    /// Per declaration: the numbers of its pieces and their rows, in order.
    rows: HashMap<String, Vec<(usize, Vec<GivenRow>)>>,
    /// The script they stand in.
    script: Arc<str>,
    /// Per step, the numbers of its pieces.
    numbers: Vec<Range<usize>>,
    /// Pieces up to this one may be read.
    released: AtomicUsize,
    /// The last piece that was read.
    taken: AtomicUsize,
    /// Pieces that so many sources of the job will read; others are a table's, or of a source nobody needs.
    awaited: Mutex<HashMap<usize, usize>>,
    ended: AtomicBool,
    /// Per declaration: pieces that the jobs of the parts before have read.
    before: HashMap<String, usize>,
}

impl Given {
    /// The rows of a part of a test, which goes on where the other one stopped.
    pub(super) fn new(steps: &[Step], script: &str, pieces: Pieces, earlier: Option<&Given>) -> Given {
        let mut before = earlier.map(|given| given.before.clone()).unwrap_or_default();
        for (declaration, pieces) in earlier.into_iter().flat_map(|given| &given.rows) {
            *before.entry(declaration.clone()).or_default() += pieces.len();
        }
        let mut all: HashMap<String, Vec<(usize, Vec<GivenRow>)>> = HashMap::new();
        let mut numbers = Vec::new();
        let mut next = 1;
        for step in steps {
            let first = next;
            if let Step::Given { declaration, rows } = step {
                let of_declaration = all.entry(declaration.clone()).or_default();
                let size = if pieces == Pieces::Rows { 1 } else { rows.len().max(1) };
                for piece in rows.chunks(size) {
                    of_declaration.push((next, piece.to_vec()));
                    next += 1;
                }
            }
            numbers.push(first..next);
        }
        Given {
            rows: all,
            script: script.into(),
            numbers,
            released: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            awaited: Mutex::default(),
            ended: AtomicBool::new(false),
            before,
        }
    }

    /// The pieces of the step with this index.
    pub(super) fn pieces(&self, step: usize) -> Range<usize> {
        self.numbers[step].clone()
    }

    /// Lets sources read on, up to this piece.
    pub(super) fn release(&self, piece: usize) {
        self.released.store(piece, Ordering::SeqCst);
    }

    /// Was this piece read, or is it nobody's?
    pub(super) fn is_taken(&self, piece: usize) -> bool {
        let awaited = || self.awaited().get(&piece).is_some_and(|sources| *sources > 0);
        self.taken.load(Ordering::SeqCst) >= piece || !awaited()
    }

    fn awaited(&self) -> MutexGuard<'_, HashMap<usize, usize>> {
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
        let pick = |row: &GivenRow| GivenRow {
            values: read.iter().map(|column| row.values[*column].clone()).collect(),
            ..row.clone()
        };
        let pieces = self.given.rows.get(&name).map_or(&[][..], Vec::as_slice);
        let pieces = pieces.iter().map(|(piece, rows)| (*piece, rows.iter().map(pick).collect()));
        let pieces: Vec<(usize, Vec<GivenRow>)> = pieces.collect();
        let waits = table.is_none();
        if waits {
            let mut awaited = self.given.awaited();
            pieces.iter().for_each(|(piece, _)| *awaited.entry(*piece).or_default() += 1);
        }
        let schema = Arc::new(RecordType::new(fields));
        let before = self.given.before.get(&name).copied().unwrap_or(0);
        Ok(Box::new(GivenSource { given: self.given.clone(), pieces, before, next: 0, schema, waits }))
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
    pieces: Vec<(usize, Vec<GivenRow>)>,
    /// Pieces of the source that jobs before have read: positions count them too.
    before: usize,
    /// Index of the next one.
    next: usize,
    schema: Arc<RecordType>,
    /// Does it wait for the test to come to its steps? (A table is there from the beginning.)
    waits: bool,
}

impl Drop for GivenSource {
    /// The job reads no more of it: what is left is not waited for.
    fn drop(&mut self) {
        if self.waits {
            let mut awaited = self.given.awaited();
            for (piece, _) in &self.pieces {
                if let Some(sources) = awaited.get_mut(piece) {
                    *sources = sources.saturating_sub(1);
                }
            }
        }
    }
}

struct Piece {
    /// Behind it, so many pieces of the source are read.
    to: usize,
    rows: Vec<GivenRow>,
}

impl Chunk for Piece {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn step(&self) -> source::Step {
        source::Step { to: self.to as u64, ..source::Step::default() }
    }
}

impl Source for GivenSource {
    fn next(&mut self) -> Result<Next, SourceError> {
        let released = self.given.released.load(Ordering::SeqCst);
        // Looked at before the pieces: when it is set, all of them are released.
        let ended = !self.waits || self.given.ended.load(Ordering::SeqCst);
        match self.pieces.get(self.next) {
            Some((piece, rows)) if !self.waits || *piece <= released => {
                if self.waits {
                    self.given.taken.fetch_max(*piece, Ordering::SeqCst);
                }
                self.next += 1;
                Ok(Next::Chunk(Box::new(Piece { to: self.before + self.next, rows: rows.clone() })))
            }
            Some(_) => Ok(Next::Pending),
            None => Ok(if ended { Next::End } else { Next::Pending }),
        }
    }

    fn tracker(&self) -> Option<Box<dyn Tracker>> {
        Some(Box::new(Count((self.before + self.next) as u64)))
    }

    fn seek(&mut self, position: &str) -> Result<(), SourceError> {
        let read = usize::try_from(Count::read(position)?).unwrap_or(usize::MAX);
        self.next = read.saturating_sub(self.before);
        Ok(())
    }

    fn live(&self) -> bool {
        self.waits
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(Reader { schema: self.schema.clone(), script: self.given.script.clone() })
    }
}

struct Reader {
    schema: Arc<RecordType>,
    script: Arc<str>,
}

impl Reader {
    /// The rows, and where each of them stands: what is wrong with one is told as of a file.
    fn batch(&self, rows: &[GivenRow]) -> Batch {
        let values: Vec<Vec<Value>> = rows.iter().map(|row| row.values.clone()).collect();
        let mut batch = Batch::from_rows(&values, &self.schema);
        let (mut buffer, mut starts, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            starts.push(buffer.len() as u32);
            lines.push(row.line as u32);
            buffer.extend_from_slice(row.text.as_bytes());
            buffer.push(b'\n');
        }
        let text = Text { name: self.script.clone(), buffer: Arc::new(buffer), base: 0, starts, lines };
        batch.origin = Some(Origin::new(text));
        batch
    }
}

impl ChunkReader for Reader {
    fn read(&mut self, chunk: Box<dyn Chunk>, out: &mut dyn Emit) -> Result<(), SourceError> {
        let piece = chunk
            .into_any()
            .downcast::<Piece>()
            .map_err(|_| SourceError::Read("a chunk of another source".to_string()))?;
        Ok(out.batch(self.batch(&piece.rows))?)
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
