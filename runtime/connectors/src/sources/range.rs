//! Reading a range of a file: the lines that start in it. Any worker can read any range, so the
//! source's own work is arithmetic.

use super::open::{OpenFile, shrank};
use crate::block::{Block, MAX_LINE, Pool, close, read_error};
use crate::scan::PADDING;
use flow_engine::source::SourceError;
use std::io;
use std::sync::Arc;

/// How many bytes a range has.
pub(crate) const RANGE: u64 = 256 << 10;
/// Bytes read behind the range at once, in the hope that its last line ends there.
const AHEAD: usize = 4 << 10;
/// Reads begin at multiples of so many bytes. Processors whose one instruction copies a whole buffer may need five times as long
/// where it has to go less than 32 bytes behind its place in the page (AMD's Zen 3): one byte in front of a range, read into a
/// buffer that stands 16 bytes behind a page's start, as large ones do, is such a case.
const EVEN: u64 = 64;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines that start in `start..end`.
pub(crate) struct Range {
    pub(crate) file: Arc<OpenFile>,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// What is in a range.
pub(crate) struct Lines {
    /// Whole lines, if any start here.
    pub(crate) block: Option<Block>,
    /// Where the last line starts if it is longer than [`MAX_LINE`], and its beginning.
    pub(crate) too_long: Option<(u64, Vec<u8>)>,
}

impl Range {
    /// Reads its lines into a buffer of the pool.
    pub(crate) fn read(&self, pool: &mut Pool) -> Result<Lines, SourceError> {
        // At least one byte more in front: a line starts at `start` if a line end stands before it.
        let base = self.start.saturating_sub(1) / EVEN * EVEN;
        let until = (self.end + AHEAD as u64).min(self.file.len);
        let size = (until - base) as usize;
        let mut buffer = pool.take(size + 1 + PADDING);
        self.fill(&mut buffer[..size], base)?;
        let (before, range_end) = ((self.start - base) as usize, (self.end - base) as usize);
        let Some(first) = self.first_line(&buffer[..size], before, range_end) else {
            pool.share(buffer);
            return Ok(Lines { block: None, too_long: None });
        };
        let (mut end, too_long) = self.last_line_end(&mut buffer, size, first, base)?;
        let too_long = too_long.then(|| {
            let beginning = buffer[end..].iter().take(4096).copied().collect();
            (base + end as u64, beginning)
        });
        end = close(&mut buffer, end);
        let buffer = pool.share(buffer);
        let name = self.file.name.clone();
        let block = (first < end).then_some(Block { name, buffer, start: first, end, base, columns: None });
        Ok(Lines { block, too_long })
    }

    /// Where the first line of the range starts, in the buffer, where the range itself starts at `start`.
    fn first_line(&self, bytes: &[u8], start: usize, range_end: usize) -> Option<usize> {
        let Some(before) = start.checked_sub(1) else {
            return Some(if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 });
        };
        let first = before + memchr::memchr(b'\n', &bytes[before..range_end])? + 1;
        (first < range_end).then_some(first)
    }

    /// Reads on until the last line of the range is whole: where it ends. If it is too long: where it
    /// starts, and `true`.
    fn last_line_end(
        &self,
        buffer: &mut Vec<u8>,
        mut filled: usize,
        first: usize,
        base: u64,
    ) -> Result<(usize, bool), SourceError> {
        let range_end = (self.end - base) as usize;
        // The line that holds the last byte of the range ends at or behind that byte.
        let mut from = range_end - 1;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &buffer[from..filled]) {
                return Ok((from + at + 1, false));
            }
            let left = (self.file.len - base) as usize - filled;
            if left == 0 {
                return Ok((filled, false));
            }
            let last_start = memchr::memrchr(b'\n', &buffer[..range_end - 1]).map_or(first, |at| at + 1);
            if filled - last_start > MAX_LINE {
                return Ok((last_start, true));
            }
            from = filled;
            let more = filled.clamp(AHEAD, 8 << 20).min(left);
            if buffer.len() < filled + more + 1 + PADDING {
                buffer.resize(filled + more + 1 + PADDING, 0);
            }
            self.fill(&mut buffer[filled..filled + more], base + filled as u64)?;
            filled += more;
        }
    }

    fn fill(&self, buffer: &mut [u8], from: u64) -> Result<(), SourceError> {
        let mut done = 0;
        while done < buffer.len() {
            let at = from + done as u64;
            match self.file.file.read_at(&mut buffer[done..], at) {
                Ok(0) => return Err(read_error(&self.file.name, at, shrank(self.file.len, at))),
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(&self.file.name, at, error)),
            }
        }
        Ok(())
    }
}
