//! Pieces of byte sources and the reader that decodes them, whatever source they come from.

use super::range::Range;
use crate::block::{Block, Decoder, MAX_LINE, Pool};
use crate::fault::{Fault, code};
use flow_engine::source::{BadRecord, Chunk, ChunkReader, Emit, SourceError, Step};
use std::any::Any;
use std::sync::Arc;

/// Work for one worker.
pub(crate) struct Work {
    pub(crate) piece: Piece,
    /// The file it belongs to, where files are merged by event time.
    pub(crate) split: u32,
    /// The event time of its first record, if it was looked at.
    pub(crate) time: Option<i64>,
    /// Is it known to be the last of its split?
    pub(crate) last: bool,
    /// How far it brings its source.
    pub(crate) step: Step,
}

impl Work {
    /// Of the only split.
    pub(crate) fn of(piece: Piece) -> Work {
        Work { piece, split: 0, time: None, last: false, step: Step::default() }
    }
}

/// Bytes to decode.
pub(crate) enum Piece {
    /// A range of a file that the worker reads itself.
    Range(Range),
    /// Bytes that were read already.
    Block(Block),
    /// A line that nobody will hold in memory.
    TooLong(Arc<str>, u64, Vec<u8>),
    /// A split that turned out to be empty.
    Nothing,
}

impl Chunk for Work {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn split(&self) -> u32 {
        self.split
    }

    fn time(&self) -> Option<i64> {
        self.time
    }

    fn last(&self) -> bool {
        self.last
    }

    fn step(&self) -> Step {
        self.step
    }
}

/// One worker's decoder with its buffers.
pub(crate) struct LineReader {
    decoder: Box<dyn Decoder>,
    pool: Pool,
}

impl LineReader {
    /// Reads with this decoder.
    pub(crate) fn new(decoder: Box<dyn Decoder>) -> LineReader {
        LineReader { decoder, pool: Pool::default() }
    }
}

fn too_long(name: &str, at: u64, beginning: &[u8]) -> BadRecord {
    let error = format!("the line is longer than {} MiB", MAX_LINE >> 20);
    Fault::new(code::TOO_LONG, error).record(name, at, beginning)
}

impl ChunkReader for LineReader {
    fn read(&mut self, chunk: Box<dyn Chunk>, out: &mut dyn Emit) -> Result<(), SourceError> {
        let work = chunk
            .into_any()
            .downcast::<Work>()
            .map_err(|_| SourceError::Read("a chunk of another source reached this reader".to_string()))?;
        match work.piece {
            Piece::Range(range) => {
                let lines = range.read(&mut self.pool)?;
                if let Some(block) = &lines.block {
                    self.decoder.decode(block, out)?;
                }
                if let Some((at, beginning)) = &lines.too_long {
                    out.bad_record(too_long(&range.file.name, *at, beginning))?;
                }
                out.consumed(range.end - range.start);
            }
            Piece::Block(block) => {
                self.decoder.decode(&block, out)?;
                out.consumed((block.end - block.start) as u64);
            }
            Piece::TooLong(name, at, beginning) => out.bad_record(too_long(&name, at, &beginning))?,
            Piece::Nothing => {}
        }
        Ok(())
    }
}
