//! What the engine asks of a source.
//!
//! A source hands out **chunks** (a range of a file, a message block, a slice of generated rows), and
//! every chunk gets the next number of the job's one **sequence**. Workers decode chunks side by side,
//! but every exchange delivers in the order of the sequence: results do not depend on parallelism,
//! rows of one key keep their order, and a barrier is simply a number in the sequence.
//!
//! A source may have several **splits** (the files of a folder): each is read in order, has a time of its
//! own, and ends on its own. A source that knows the event time of its rows hands out the chunk that
//! begins earliest, so that the splits' times advance together.

use flow_data::Batch;
use std::fmt;

/// Opened once per job. Called under the sequencer's lock: answers must be quick, except where the
/// outside can only be read in order (standard input, a compressed file).
pub trait Source: Send {
    /// The next piece of work.
    fn next(&mut self) -> Result<Next, SourceError>;
    /// May `next` wait long for the outside (standard input, a socket) or work long (unpacking)?
    /// Then it is called on a thread of its own, which nobody waits for when the job stops.
    fn blocks(&self) -> bool {
        false
    }
    /// Do rows come as time passes? While such a source has nothing, others are read; any other source is
    /// waited for, so that the order of chunks does not depend on speed.
    fn live(&self) -> bool {
        false
    }
    /// Called before anything else, if this column of its rows is their event time: hand out the chunk that
    /// begins earliest. Are there `others` whose chunks are compared with this source's? Gives whether its
    /// chunks tell their times.
    fn order_by(&mut self, _column: usize, _others: bool) -> Result<bool, SourceError> {
        Ok(false)
    }
    /// Its splits, by their numbers.
    fn splits(&self) -> Vec<SplitStart> {
        vec![SplitStart::default()]
    }
    /// The first rows of a split from where it goes on, as far as a short look at it shows them: until who takes them
    /// stops it. Only asked, and before the start, where the time of its first row is known.
    fn first_rows(&self, _split: usize, _out: &mut dyn Emit) -> Result<(), SourceError> {
        Ok(())
    }
    /// A decoder for one worker.
    fn reader(&self) -> Box<dyn ChunkReader>;
    /// Bytes of the whole input, if known, for progress.
    fn size(&self) -> Option<u64> {
        None
    }
    /// What follows its position, from where it stands: asked for when it is ready to be read. `None`: what was
    /// read cannot be read again (standard input).
    fn tracker(&self) -> Option<Box<dyn Tracker>> {
        None
    }
    /// Goes on from a position: what comes is what would have come. Called before anything else is asked, once.
    fn seek(&mut self, _position: &str) -> Result<(), SourceError> {
        Err(SourceError::Open("what it has read cannot be read again".into()))
    }
}

/// What is known of a split before the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SplitStart {
    /// The event time of its first row, in microseconds, if it is known.
    pub first: Option<i64>,
    /// Was some of it read before?
    pub begun: bool,
}

/// Follows where a source is while its chunks are handed out. (The source itself may be ahead: it is asked for
/// chunks that are not handed out yet.) A chunk that was handed out counts as read.
pub trait Tracker: Send {
    /// A chunk was handed out.
    fn passed(&mut self, step: Step);
    /// The source has nothing any more.
    fn ended(&mut self) {}
    /// Where the source is behind the chunks that were handed out, as JSON that people can read.
    fn position(&self) -> String;
}

/// How far a chunk brings its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Which part of the input it is about (a file), by the source's own count.
    pub part: u32,
    /// How far this part is read with it.
    pub to: u64,
    /// Is nothing left of the part?
    pub done: bool,
    /// What decides when the part's next chunk comes, if the source goes by event time.
    pub next: Option<i64>,
}

/// The position of a source that counts what it gives: how many there were.
pub struct Count(pub u64);

impl Tracker for Count {
    fn passed(&mut self, step: Step) {
        self.0 = step.to;
    }

    fn position(&self) -> String {
        format!("{{\"next\":{}}}", self.0)
    }
}

impl Count {
    /// What such a position says.
    pub fn read(position: &str) -> Result<u64, SourceError> {
        let next = serde_json::from_str(position)
            .ok()
            .and_then(|value: serde_json::Value| value.get("next")?.as_u64());
        next.ok_or_else(|| SourceError::Open(format!("`{position}` is no position in it")))
    }
}

/// What a source has.
pub enum Next {
    /// Work for one worker.
    Chunk(Box<dyn Chunk>),
    /// Nothing yet; ask again in a moment.
    Pending,
    /// Nothing ever again.
    End,
}

/// A piece of a source's input that some worker will decode; its reader downcasts it.
pub trait Chunk: Send {
    /// For the reader of the same source.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
    /// The split it belongs to.
    fn split(&self) -> u32 {
        0
    }
    /// The event time of its first row, if it is known.
    fn time(&self) -> Option<i64> {
        None
    }
    /// Is it known to be the last one of its split?
    fn last(&self) -> bool {
        false
    }
    /// How far it brings its source, if that has a position.
    fn step(&self) -> Step {
        Step::default()
    }
}

/// One worker's decoder of a source; keeps what it learnt between chunks (key order, buffers).
pub trait ChunkReader: Send {
    /// Decodes a chunk, giving batches and bad records in order.
    fn read(&mut self, chunk: Box<dyn Chunk>, out: &mut dyn Emit) -> Result<(), SourceError>;
}

/// Where a reader puts what it read.
pub trait Emit {
    /// Rows, in the node's output columns.
    fn batch(&mut self, batch: Batch) -> Result<(), Stop>;
    /// A record that could not be decoded.
    fn bad_record(&mut self, record: BadRecord) -> Result<(), Stop>;
    /// Bytes of input consumed, for progress.
    fn consumed(&mut self, bytes: u64);
}

/// The job is stopping: the reader returns [`SourceError::Stopped`].
#[derive(Clone, Copy, Debug)]
pub struct Stop;

impl From<Stop> for SourceError {
    fn from(_: Stop) -> SourceError {
        SourceError::Stopped
    }
}

/// A record that could not be decoded (or, at a sink, encoded).
#[derive(Clone, Debug)]
pub struct BadRecord {
    /// What is wrong with it, a sentence without full stop.
    pub error: String,
    /// Short stable code, such as `badJson`, `badUtf8`, `badCsv`, `missingField`.
    pub code: &'static str,
    /// Where it stood: file and byte offset.
    pub position: Position,
    /// The record, as text (lossy), cut to some kilobytes.
    pub raw: String,
}

/// Where a record stood outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// File path, or `<stdin>`.
    pub name: String,
    /// Byte offset in the (decompressed) input.
    pub offset: u64,
    /// The line, from 1, where that is known.
    pub line: Option<u32>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.name),
            None => write!(f, "{}@{}", self.name, self.offset),
        }
    }
}

/// Why a source cannot go on.
#[derive(Debug)]
pub enum SourceError {
    /// Missing or unreadable before the start: exit status 2.
    Open(String),
    /// Broke while running: exit status 3. Tells file and position.
    Read(String),
    /// The engine asked it to stop.
    Stopped,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::Open(text) | SourceError::Read(text) => f.write_str(text),
            SourceError::Stopped => f.write_str("the job is stopping"),
        }
    }
}

impl std::error::Error for SourceError {}
