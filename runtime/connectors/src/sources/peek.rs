//! A look at the event time of the first record of a piece, so that pieces of several files can be handed
//! out in the order of time. A record that is no good, whatever its time, is passed over here: its error
//! comes at its place, and no row of it.

use super::lines::Piece;
use super::open::OpenFile;
use crate::block::{Block, Columns, Decoder, Pool, close, read_error};
use crate::format::Reading;
use crate::scan::PADDING;
use flow_data::Batch;
use flow_engine::source::{BadRecord, Emit, SourceError, Stop};
use std::sync::Arc;

/// Bytes that are looked at first, and at most.
const LITTLE: usize = 4 << 10;
const MUCH: usize = 64 << 10;

/// Decodes records for their time.
pub(crate) struct Peeker {
    decoder: Box<dyn Decoder>,
    /// Which of the columns that are read it is.
    column: usize,
    pool: Pool,
}

impl Peeker {
    /// Of this column of the rows that are read.
    pub(crate) fn new(reading: &Reading, column: usize) -> Peeker {
        Peeker { decoder: reading.decoder(), column, pool: Pool::default() }
    }

    /// The time of the first good record of a piece; of a range, of the lines that start in it.
    pub(crate) fn piece(&mut self, piece: &Piece) -> Result<Option<i64>, SourceError> {
        match piece {
            Piece::Range(range) => self.range(&range.file, range.start),
            Piece::Block(block) => Ok(self.block(block)),
            Piece::TooLong(..) | Piece::Nothing => Ok(None),
        }
    }

    /// Of the lines of a file that start at an offset or behind it.
    pub(crate) fn range(&mut self, file: &OpenFile, at: u64) -> Result<Option<i64>, SourceError> {
        let base = at.saturating_sub(1);
        for size in [LITTLE, MUCH] {
            let left = usize::try_from(file.len - base).unwrap_or(usize::MAX);
            let mut bytes = vec![0; size.min(left)];
            let mut filled = 0;
            while filled < bytes.len() {
                let from = base + filled as u64;
                match file.file.read_at(&mut bytes[filled..], from) {
                    // It is shorter than it was: that is said when the range is read.
                    Ok(0) => return Ok(None),
                    Ok(n) => filled += n,
                    Err(error) => return Err(read_error(&file.name, from, error)),
                }
            }
            let start = match at {
                0 => Some(if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }),
                _ => memchr::memchr(b'\n', &bytes).map(|end| end + 1),
            };
            let whole = filled == left;
            if let Some(time) = start.and_then(|start| self.lines(&bytes[start..], whole, None)) {
                return Ok(Some(time));
            }
            if whole {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn block(&mut self, block: &Block) -> Option<i64> {
        let bytes = &block.buffer[block.start..block.end];
        [LITTLE, MUCH].into_iter().find_map(|size| {
            let size = size.min(bytes.len());
            self.lines(&bytes[..size], size == bytes.len(), block.columns.clone())
        })
    }

    /// Of the first line if it is good, else of all whole lines. Is the last one whole?
    fn lines(&mut self, bytes: &[u8], whole: bool, columns: Option<Arc<Columns>>) -> Option<i64> {
        let end = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        let end = if whole { bytes.len() } else { end };
        let first = memchr::memchr(b'\n', &bytes[..end]).map_or(end, |at| at + 1);
        let ends = if first < end { vec![first, end] } else { vec![end] };
        ends.into_iter().filter(|end| *end > 0).find_map(|end| self.decode(&bytes[..end], columns.clone()))
    }

    fn decode(&mut self, bytes: &[u8], columns: Option<Arc<Columns>>) -> Option<i64> {
        let mut buffer = self.pool.take(bytes.len() + 1 + PADDING);
        buffer[..bytes.len()].copy_from_slice(bytes);
        let end = close(&mut buffer, bytes.len());
        let buffer = self.pool.share(buffer);
        let block = Block { name: "".into(), buffer, start: 0, end, base: 0, columns };
        let mut first = First { column: self.column, time: None };
        // It stops at the first time.
        let _ = self.decoder.decode(&block, &mut first);
        first.time
    }
}

/// Takes the first time there is.
struct First {
    column: usize,
    time: Option<i64>,
}

impl Emit for First {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop> {
        self.time = batch.first_int(self.column);
        if self.time.is_some() { Err(Stop) } else { Ok(()) }
    }

    fn bad_record(&mut self, _record: BadRecord) -> Result<(), Stop> {
        Ok(())
    }

    fn consumed(&mut self, _bytes: u64) {}
}
