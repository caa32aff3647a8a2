//! Pieces of byte sources and the reader that decodes them, whatever source they come from.

use super::range::Range;
use crate::block::{Block, Decoder, MAX_LINE, Pool};
use crate::fault::{Fault, code};
use flow_engine::source::{BadRecord, Chunk, ChunkReader, Emit, SourceError};
use std::any::Any;
use std::sync::Arc;

/// Work for one worker.
pub(crate) enum Piece {
    /// A range of a file that the worker reads itself.
    Range(Range),
    /// Bytes that were read already.
    Block(Block),
    /// A line that nobody will hold in memory.
    TooLong(Arc<str>, u64, Vec<u8>),
}

impl Chunk for Piece {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
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
        let piece = chunk
            .into_any()
            .downcast::<Piece>()
            .map_err(|_| SourceError::Read("a chunk of another source reached this reader".to_string()))?;
        match *piece {
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
        }
        Ok(())
    }
}
