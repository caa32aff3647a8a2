//! Connectors in memory: rows go in and come out as values, and the order in which chunks were handed out
//! is written down.

use super::clock::{StillClock, env};
use super::model::{Inputs, Row};
use flow_data::Batch;
use flow_engine::connect::Connectors;
use flow_engine::sink::{Epoch, Mark, Run, Sealed, Sealing, Sink, SinkError, Writer};
use flow_engine::source::{
    Chunk, ChunkReader, Count, Emit, Next, Source, SourceError, SplitStart, Step, Tracker,
};
use flow_env::Env;
use flow_plan::connector::{ArgValue, ConnectorCall};
use flow_plan::interpret::Event;
use flow_plan::{RecordType, Value};
use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Sources, tables and sinks of one run.
pub(super) struct Memory<'a> {
    inputs: &'a Inputs,
    /// What was handed out, in order.
    log: Log,
    pause: Arc<Mutex<Pause>>,
    /// The clock of its jobs; `None`: the real one.
    clock: Option<Arc<StillClock>>,
    /// How often it moved.
    moved: Mutex<usize>,
    /// What was written, by where the sink's connector stands in the script.
    written: Mutex<HashMap<u32, Rows>>,
}

type Rows = Arc<Mutex<Vec<Row>>>;
type Log = Arc<Mutex<Vec<Event>>>;

/// A place in the sequence of chunks at which sources have nothing for the moment.
#[derive(Default)]
struct Pause {
    /// Chunks that may be handed out; `None`: all.
    chunks: Option<usize>,
    /// So many may be before the clock has moved.
    moment: Option<usize>,
    /// A source was asked for more. It belongs to these numbers: with others, nobody was asked yet.
    reached: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Memory<'a> {
    /// Time stands still but for the inputs' moments.
    pub(super) fn new(inputs: &'a Inputs) -> Memory<'a> {
        Memory::with(inputs, Some(Arc::default()))
    }

    /// Time goes on as it does.
    pub(super) fn in_real_time(inputs: &'a Inputs) -> Memory<'a> {
        Memory::with(inputs, None)
    }

    fn with(inputs: &'a Inputs, clock: Option<Arc<StillClock>>) -> Memory<'a> {
        let memory = Memory {
            inputs,
            log: Arc::default(),
            pause: Arc::default(),
            clock,
            moved: Mutex::default(),
            written: Mutex::default(),
        };
        memory.pause_after(None);
        memory
    }

    /// Where its jobs run.
    pub(super) fn env(&self) -> Env {
        self.clock.as_ref().map_or_else(Env::real, env)
    }

    /// Lets so many chunks through from the beginning, and then none before another word; `None`: all. Before the clock has
    /// moved where it has to, none comes either.
    pub(super) fn pause_after(&self, chunks: Option<usize>) {
        let moment = self.inputs.moments.get(*locked(&self.moved)).map(|moment| moment.behind);
        *locked(&self.pause) = Pause { chunks, moment, reached: false };
    }

    /// Has the clock to move now?
    pub(super) fn is_moment(&self) -> bool {
        let next = self.inputs.moments.get(*locked(&self.moved));
        self.clock.is_some() && next.is_some_and(|moment| chunks_of(&self.log) >= moment.behind)
    }

    /// Moves the clock.
    pub(super) fn move_clock(&self) {
        let mut moved = locked(&self.moved);
        if let (Some(clock), Some(moment)) = (&self.clock, self.inputs.moments.get(*moved)) {
            let wall = clock.move_by(moment.micros);
            locked(&self.log).push(Event::Moment { wall });
            *moved += 1;
        }
    }

    /// Lets chunks through up to the next pause or moment.
    pub(super) fn go_on(&self) {
        let chunks = locked(&self.pause).chunks;
        self.pause_after(chunks);
    }

    /// Does a source wait for that word?
    pub(super) fn paused(&self) -> bool {
        locked(&self.pause).reached
    }

    /// The chunks that were handed out, and the ends that were noticed.
    pub(super) fn log(&self) -> Vec<Event> {
        std::mem::take(&mut locked(&self.log))
    }

    /// The same in short, and they stay: of each its source.
    pub(super) fn events(&self) -> Vec<String> {
        let short = |event: &Event| match event {
            Event::Chunk { source, rows, .. } => format!("{source}: {} rows", rows.len()),
            Event::End { source, .. } => format!("{source} ends"),
            Event::Moment { .. } => "a moment".to_string(),
        };
        locked(&self.log).iter().map(short).collect()
    }

    /// How many of them there were so far.
    pub(super) fn seen(&self) -> usize {
        locked(&self.log).len()
    }

    /// What all sinks got so far, which is forgotten.
    pub(super) fn take_written(&self) -> Vec<Row> {
        let written = std::mem::take(&mut *locked(&self.written));
        written.values().flat_map(|rows| std::mem::take(&mut *locked(rows))).collect()
    }

    /// What all sinks got.
    pub(super) fn all_written(&self) -> Vec<Row> {
        locked(&self.written).values().flat_map(|rows| locked(rows).clone()).collect()
    }

    /// What the sink whose connector stands at this place got.
    pub(super) fn written(&self, place: u32) -> Vec<Row> {
        let rows = locked(&self.written).get(&place).cloned();
        rows.map(|rows| std::mem::take(&mut *locked(&rows))).unwrap_or_default()
    }
}

/// How many chunks were handed out.
fn chunks_of(log: &Log) -> usize {
    locked(log).iter().filter(|event| matches!(event, Event::Chunk { .. })).count()
}

/// The file's name in a connector's call.
pub(super) fn name_of(call: &ConnectorCall) -> String {
    match call.arg("path").map(|arg| &arg.value) {
        Some(ArgValue::Value(Value::String(name))) => name.to_string(),
        _ => call.name.clone(),
    }
}

impl Connectors for Memory<'_> {
    fn source(
        &self,
        call: &ConnectorCall,
        read: &[usize],
        _base: &Path,
        _env: &Env,
    ) -> Result<Box<dyn Source>, SourceError> {
        let name = name_of(call);
        let (table, chunks) = match self.inputs.tables.get(&name) {
            Some(rows) => (true, vec![rows.clone()]),
            None => (false, self.inputs.chunks_of(&name)),
        };
        let piece = |(at, rows)| Piece { split: self.inputs.split_of(&name, at), rows, last: false };
        let pieces = chunks.into_iter().enumerate().map(piece).collect();
        let fields = read.iter().map(|column| call.schema.fields[*column].clone()).collect();
        let firsts = self.inputs.firsts().into_iter().filter(|((source, _), _)| *source == name);
        Ok(Box::new(MemorySource {
            firsts: firsts.map(|((_, split), first)| (split, first)).collect(),
            name,
            pieces,
            time: None,
            by_time: self.inputs.by_time && !table,
            next: 0,
            read: read.into(),
            schema: Arc::new(RecordType::new(fields)),
            // The rows of tables belong to no number.
            log: (!table).then(|| self.log.clone()),
            pause: self.pause.clone(),
        }))
    }

    fn sink(
        &self,
        call: &ConnectorCall,
        schema: &Arc<RecordType>,
        _base: &Path,
        _env: &Env,
    ) -> Result<Box<dyn Sink>, SinkError> {
        // A job that goes on writes behind what was written before it stopped.
        let rows = locked(&self.written).entry(call.place.start).or_default().clone();
        Ok(Box::new(MemorySink { rows, schema: schema.clone() }))
    }
}

/// A chunk.
#[derive(Clone)]
struct Piece {
    split: u32,
    rows: Vec<Row>,
    /// Is it the last one of its split, and is that told?
    last: bool,
}

impl Piece {
    /// The time of its first row; of one without rows, before all others.
    fn begins(&self, column: usize) -> i64 {
        match self.rows.first().map(|row| &row[column]) {
            Some(Value::Timestamp(time)) => *time,
            _ => i64::MIN,
        }
    }
}

/// Chunks that are in order within each split, in the order in which they are handed out: the one that begins earliest is the next.
fn by_time(pieces: &[Piece], column: usize) -> Vec<Piece> {
    let mut splits: BTreeMap<u32, VecDeque<&Piece>> = BTreeMap::new();
    pieces.iter().for_each(|piece| splits.entry(piece.split).or_default().push_back(piece));
    let mut ordered = Vec::new();
    loop {
        let begins = |split: &&mut VecDeque<&Piece>| split.front().map(|piece| piece.begins(column));
        let waiting = splits.values_mut().filter(|split| !split.is_empty());
        let Some(split) = waiting.min_by_key(begins) else { return ordered };
        let piece = split.pop_front().cloned();
        let last = split.is_empty();
        ordered.extend(piece.map(|piece| Piece { last, ..piece }));
    }
}

struct MemorySource {
    name: String,
    /// In the order in which they are handed out.
    pieces: Arc<[Piece]>,
    /// The column that chunks go by, if they do.
    time: Option<usize>,
    /// When splits begin, as far as it tells; all else that comes is waited for.
    firsts: BTreeMap<u32, i64>,
    by_time: bool,
    next: usize,
    read: Arc<[usize]>,
    schema: Arc<RecordType>,
    log: Option<Log>,
    pause: Arc<Mutex<Pause>>,
}

impl MemorySource {
    fn waits(&self) -> bool {
        let Some(log) = &self.log else { return false };
        let handed_out = chunks_of(log);
        let mut pause = locked(&self.pause);
        let waits = pause.chunks.into_iter().chain(pause.moment).any(|chunks| handed_out >= chunks);
        pause.reached |= waits;
        waits
    }
}

/// Writes down what is handed out: a source is looked at before that.
struct Notes {
    count: Count,
    name: String,
    pieces: Arc<[Piece]>,
    log: Option<Log>,
}

impl Notes {
    /// Writes down that splits have ended. A job that goes on finds out once more.
    fn end(&self, splits: impl IntoIterator<Item = u32>) {
        let Some(log) = &self.log else { return };
        let mut log = locked(log);
        for of in splits {
            let ends = |event: &Event| matches!(event, Event::End { source, split } if *source == self.name && *split == of);
            if !log.iter().any(ends) {
                log.push(Event::End { source: self.name.clone(), split: of });
            }
        }
    }
}

impl Tracker for Notes {
    fn passed(&mut self, step: Step) {
        self.count.passed(step);
        let Some(log) = &self.log else { return };
        let Piece { split, rows, last } = self.pieces[step.to as usize - 1].clone();
        locked(log).push(Event::Chunk { source: self.name.clone(), split, rows });
        self.end(last.then_some(split));
    }

    fn ended(&mut self) {
        self.end(0..splits_of(&self.pieces));
    }

    fn position(&self) -> String {
        self.count.position()
    }
}

/// How many splits there are: of a source without rows, one.
fn splits_of(pieces: &[Piece]) -> u32 {
    pieces.iter().map(|piece| piece.split + 1).max().unwrap_or(1)
}

struct MemoryChunk {
    /// Which one it is.
    at: usize,
    split: u32,
    last: bool,
    /// The time of its first row.
    begins: Option<i64>,
}

impl Chunk for MemoryChunk {
    fn split(&self) -> u32 {
        self.split
    }

    fn step(&self) -> Step {
        Step { to: self.at as u64 + 1, ..Step::default() }
    }

    fn time(&self) -> Option<i64> {
        self.begins
    }

    fn last(&self) -> bool {
        self.last
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Source for MemorySource {
    fn next(&mut self) -> Result<Next, SourceError> {
        if self.waits() {
            return Ok(Next::Pending);
        }
        let Some(piece) = self.pieces.get(self.next) else {
            return Ok(Next::End);
        };
        self.next += 1;
        Ok(Next::Chunk(Box::new(MemoryChunk {
            at: self.next - 1,
            split: piece.split,
            last: piece.last,
            begins: self.time.map(|column| piece.begins(column)),
        })))
    }

    fn order_by(&mut self, column: usize, _others: bool) -> Result<bool, SourceError> {
        if self.by_time {
            let column = self.read[column];
            self.time = Some(column);
            self.pieces = by_time(&self.pieces, column).into();
        }
        Ok(self.by_time)
    }

    fn splits(&self) -> Vec<SplitStart> {
        let handed_out = &self.pieces[..self.next];
        let begun = |split| handed_out.iter().any(|piece| piece.split == split);
        let first = |split| self.firsts.get(&split).copied().unwrap_or(i64::MIN);
        let start = |split| SplitStart { first: self.time.map(|_| first(split)), begun: begun(split) };
        (0..splits_of(&self.pieces)).map(start).collect()
    }

    fn tracker(&self) -> Option<Box<dyn Tracker>> {
        Some(Box::new(Notes {
            count: Count(self.next as u64),
            name: self.name.clone(),
            pieces: self.pieces.clone(),
            log: self.log.clone(),
        }))
    }

    fn seek(&mut self, position: &str) -> Result<(), SourceError> {
        self.next = Count::read(position)? as usize;
        Ok(())
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(MemoryReader {
            pieces: self.pieces.clone(),
            read: self.read.clone(),
            schema: self.schema.clone(),
        })
    }
}

struct MemoryReader {
    pieces: Arc<[Piece]>,
    read: Arc<[usize]>,
    schema: Arc<RecordType>,
}

impl ChunkReader for MemoryReader {
    fn read(&mut self, chunk: Box<dyn Chunk>, out: &mut dyn Emit) -> Result<(), SourceError> {
        let Ok(chunk) = chunk.into_any().downcast::<MemoryChunk>() else {
            return Err(SourceError::Read("a chunk of another source".into()));
        };
        // Small batches: borders between batches must not matter.
        for rows in self.pieces[chunk.at].rows.chunks(3) {
            let pick = |row: &Row| self.read.iter().map(|column| row[*column].clone()).collect();
            let rows: Vec<Row> = rows.iter().map(pick).collect();
            out.consumed(1);
            out.batch(Batch::from_rows(&rows, &self.schema))?;
        }
        Ok(())
    }
}

struct MemorySink {
    rows: Rows,
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
        let (rows, schema) = (self.rows.clone(), self.schema.clone());
        Ok(Box::new(MemoryWriter { rows, schema, staged: Vec::new() }))
    }

    fn commit(&mut self, _epoch: Epoch, _sealed: &[String]) -> Result<(), SinkError> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn abort(&mut self) {}
}

struct MemoryWriter {
    rows: Rows,
    schema: Arc<RecordType>,
    staged: Vec<Row>,
}

impl Writer for MemoryWriter {
    fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.staged.extend((0..batch.len).map(|row| batch.row(row, &self.schema)));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn seal(&mut self) -> Result<Box<dyn Sealing>, SinkError> {
        locked(&self.rows).append(&mut self.staged);
        Ok(Box::new(Sealed))
    }
}
