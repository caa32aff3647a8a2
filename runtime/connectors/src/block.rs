//! Blocks: whole records of one input in memory, with padding behind them, and the buffers they are
//! read into. What a source hands to a decoder; knows neither where bytes come from nor what they mean.

use crate::scan::{PADDING, Text};
use flow_data::{BATCH_ROWS, Buffer};
use flow_engine::source::{Emit, SourceError, Stop};
use std::sync::Arc;

/// The longest line that is decoded: a longer one is a record error.
pub(crate) const MAX_LINE: usize = 64 << 20;

/// Whole records.
pub(crate) struct Block {
    /// File path, or `<stdin>`.
    pub(crate) name: Arc<str>,
    /// The bytes and [`PADDING`] more.
    pub(crate) buffer: Buffer,
    /// The first record.
    pub(crate) start: usize,
    /// Behind the last line end (which is there, also where the input lacks it).
    pub(crate) end: usize,
    /// Position of the buffer's first byte in the (decompressed) input.
    pub(crate) base: u64,
    /// For CSV: what the columns of the file are.
    pub(crate) columns: Option<Arc<Columns>>,
}

/// The columns of a CSV file.
#[derive(Debug)]
pub(crate) struct Columns {
    /// For each column the slot that is read from it.
    pub(crate) slots: Vec<Option<usize>>,
    /// Slots that the file has no column for.
    pub(crate) absent: Vec<usize>,
}

impl Block {
    /// The text up to the end of the block.
    pub(crate) fn text(&self) -> Text<'_> {
        Text::new(&self.buffer, self.end)
    }
}

/// Makes rows of blocks. One per worker: it may keep what it learns.
pub(crate) trait Decoder: Send {
    /// Decodes all records of a block.
    fn decode(&mut self, block: &Block, out: &mut dyn Emit) -> Result<(), Stop>;
}

/// Guesses how many rows a block has, from the ones before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowLength(usize);

impl Default for RowLength {
    fn default() -> RowLength {
        RowLength(128)
    }
}

impl RowLength {
    /// How many rows to expect in so many bytes, at most a batch.
    pub(crate) fn rows_in(self, bytes: usize) -> usize {
        (bytes / self.0.max(1)).min(BATCH_ROWS)
    }

    /// Learns from rows seen.
    pub(crate) fn saw(&mut self, rows: usize, bytes: usize) {
        self.0 = bytes.checked_div(rows).unwrap_or(self.0);
    }
}

/// Buffers that are used again when nothing points into them any more.
#[derive(Default)]
pub(crate) struct Pool {
    buffers: Vec<Buffer>,
}

/// How many buffers are kept, and how large a kept one may be.
const KEPT: usize = 16;
const KEPT_SIZE: usize = 4 << 20;

impl Pool {
    /// A buffer of at least `size` bytes, content unknown.
    pub(crate) fn take(&mut self, size: usize) -> Vec<u8> {
        for i in 0..self.buffers.len() {
            if Arc::strong_count(&self.buffers[i]) == 1
                && let Ok(mut buffer) = Arc::try_unwrap(self.buffers.swap_remove(i))
            {
                if buffer.len() < size {
                    buffer.resize(size, 0);
                }
                return buffer;
            }
        }
        vec![0; size]
    }

    /// Shares a buffer and remembers it.
    pub(crate) fn share(&mut self, buffer: Vec<u8>) -> Buffer {
        let small = buffer.len() <= KEPT_SIZE;
        let buffer = Arc::new(buffer);
        if small && self.buffers.len() < KEPT {
            self.buffers.push(buffer.clone());
        }
        buffer
    }
}

/// Puts a line end (if it is missing) and the padding behind the first `len` bytes; gives the length
/// of the text.
pub(crate) fn close(buffer: &mut Vec<u8>, mut len: usize) -> usize {
    if buffer.len() < len + 1 + PADDING {
        buffer.resize(len + 1 + PADDING, 0);
    }
    if len > 0 && buffer[len - 1] != b'\n' {
        buffer[len] = b'\n';
        len += 1;
    }
    buffer[len..len + PADDING].fill(0);
    len
}

/// An error while reading: the job cannot go on.
pub(crate) fn read_error(name: &str, at: u64, error: impl std::fmt::Display) -> SourceError {
    SourceError::Read(format!("cannot read {name} at byte {at}: {error}"))
}
