//! Cutting a stream of bytes that can only be read in order into blocks of whole records: at line
//! ends, and for CSV only at line ends outside of quotes. Knows no more of a format than that.

use crate::block::{Block, MAX_LINE, Pool, close, read_error};
use crate::scan::PADDING;
use crate::sources::gzip::Garbage;
use flow_engine::source::SourceError;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes of a block, about.
pub(crate) const BLOCK: usize = 256 << 10;

/// Where records end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// At every line end.
    Line,
    /// At line ends outside of quoted fields, which this byte separates.
    Csv(u8),
}

/// What comes next.
pub(crate) enum Cut {
    /// Whole records.
    Block(Block),
    /// A record that is longer than [`MAX_LINE`]: where it starts, and its beginning.
    TooLong(u64, Vec<u8>),
    /// The input is over.
    End,
}

/// A stream of bytes and what was read of it beyond the last block.
pub(crate) struct Cutter {
    name: Arc<str>,
    input: Box<dyn Read + Send>,
    ends: Ends,
    /// Hand out what is there, or fill the block first? (A person may be typing.)
    eager: bool,
    /// Bytes of a block, about.
    block: usize,
    carry: Vec<u8>,
    /// Position of the first byte of `carry`.
    at: u64,
    started: bool,
    over: bool,
    /// In the middle of a record that was too long.
    skipping: bool,
    pool: Pool,
}

impl Cutter {
    /// Cuts this input.
    pub(crate) fn new(name: Arc<str>, input: Box<dyn Read + Send>, ends: Ends, eager: bool) -> Cutter {
        Cutter {
            name,
            input,
            ends,
            eager,
            block: BLOCK,
            carry: Vec::new(),
            at: 0,
            started: false,
            over: false,
            skipping: false,
            pool: Pool::default(),
        }
    }

    /// Begins in the middle of the input: these bytes were read before. Is it in the middle of a record that was
    /// too long?
    pub(crate) fn behind(self, at: u64, skipping: bool) -> Cutter {
        Cutter { at, started: true, skipping, ..self }
    }

    /// How far the input is read, without what waits for its record's end.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Makes blocks of about this size.
    pub(crate) fn in_blocks_of(self, block: usize) -> Cutter {
        Cutter { block, ..self }
    }

    /// The next block.
    pub(crate) fn next(&mut self) -> Result<Cut, SourceError> {
        let mut buffer = self.pool.take(self.block + 1 + PADDING);
        let mut filled = self.carry.len();
        if buffer.len() < filled + self.block {
            buffer.resize(filled + self.block + 1 + PADDING, 0);
        }
        buffer[..filled].copy_from_slice(&self.carry);
        self.carry.clear();
        let mut scan = Scan::new(self.ends);
        loop {
            if !self.over {
                filled += self.read(&mut buffer, filled)?;
            }
            if !std::mem::replace(&mut self.started, true) && buffer[..filled].starts_with(b"\xef\xbb\xbf") {
                buffer.copy_within(3..filled, 0);
                filled -= 3;
                self.at += 3;
            }
            if self.skipping && !self.skip(&mut buffer, &mut filled) {
                if self.over {
                    return Ok(Cut::End);
                }
                continue;
            }
            let end = if self.over { filled } else { scan.last_end(&buffer[..filled]) };
            if end > 0 {
                return Ok(Cut::Block(self.block(buffer, end, filled)));
            }
            if self.over {
                return Ok(Cut::End);
            }
            if filled > MAX_LINE {
                self.skipping = true;
                let at = self.at;
                self.at += filled as u64;
                return Ok(Cut::TooLong(at, buffer[..4096].to_vec()));
            }
            let wanted = (filled * 2).min(MAX_LINE + BLOCK) + 1 + PADDING;
            if buffer.len() < wanted {
                buffer.resize(wanted, 0);
            }
        }
    }

    /// The block up to `end`; what was read behind it is kept.
    fn block(&mut self, mut buffer: Vec<u8>, end: usize, filled: usize) -> Block {
        self.carry.extend_from_slice(&buffer[end..filled]);
        let base = self.at;
        self.at += end as u64;
        let end = close(&mut buffer, end);
        let buffer = self.pool.share(buffer);
        Block { name: self.name.clone(), buffer, start: 0, end, base, columns: None }
    }

    /// Reads behind `filled` until the buffer is full, or once if eager.
    fn read(&mut self, buffer: &mut [u8], filled: usize) -> Result<usize, SourceError> {
        let limit = buffer.len() - 1 - PADDING;
        let mut done = 0;
        while filled + done < limit {
            match self.input.read(&mut buffer[filled + done..limit]) {
                Ok(0) => {
                    self.over = true;
                    break;
                }
                Ok(n) => {
                    done += n;
                    if self.eager {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let at = self.at + (filled + done) as u64;
                    return Err(read_error(&self.name, at, damaged(error)));
                }
            }
        }
        Ok(done)
    }

    /// Drops the rest of a record that was too long. Is it over?
    fn skip(&mut self, buffer: &mut [u8], filled: &mut usize) -> bool {
        let drop = memchr::memchr(b'\n', &buffer[..*filled]).map(|at| at + 1);
        let gone = drop.unwrap_or(*filled);
        buffer.copy_within(gone..*filled, 0);
        *filled -= gone;
        self.at += gone as u64;
        self.skipping = drop.is_none();
        drop.is_some()
    }
}

/// An error of a decompressor in words.
fn damaged(error: io::Error) -> io::Error {
    if error.get_ref().is_some_and(|inner| inner.is::<Garbage>()) {
        return error;
    }
    let words = match error.kind() {
        io::ErrorKind::UnexpectedEof if !error.to_string().contains("shorter") => {
            "the compressed data ends too early (is the file truncated?)"
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::Other => {
            return io::Error::new(error.kind(), format!("the compressed data is damaged: {error}"));
        }
        _ => return error,
    };
    io::Error::new(error.kind(), words)
}

/// Looks for the last record end in a growing text.
struct Scan {
    ends: Ends,
    /// Up to here it was looked at.
    at: usize,
    quoted: bool,
    last: usize,
}

impl Scan {
    fn new(ends: Ends) -> Scan {
        Scan { ends, at: 0, quoted: false, last: 0 }
    }

    /// Behind the last record end in `bytes` (0: there is none), which only ever grow.
    fn last_end(&mut self, bytes: &[u8]) -> usize {
        match self.ends {
            Ends::Line => {
                let end = memchr::memrchr(b'\n', &bytes[self.at..]).map(|at| self.at + at + 1);
                self.at = bytes.len();
                self.last = end.unwrap_or(self.last);
            }
            Ends::Csv(delimiter) => self.csv(bytes, delimiter),
        }
        self.last
    }

    /// Hops from quote to quote. A quote opens a field only at its start; in a quoted field two
    /// quotes are one. The decoder reads by the same rule.
    fn csv(&mut self, bytes: &[u8], delimiter: u8) {
        while self.at < bytes.len() {
            let quote = memchr::memchr(b'"', &bytes[self.at..]).map(|at| self.at + at);
            let until = quote.unwrap_or(bytes.len());
            if !self.quoted
                && let Some(end) = memchr::memrchr(b'\n', &bytes[self.at..until])
            {
                self.last = self.at + end + 1;
            }
            let Some(quote) = quote else {
                self.at = bytes.len();
                return;
            };
            self.at = quote + 1;
            if !self.quoted {
                self.quoted =
                    quote == 0 || matches!(bytes[quote - 1], b'\n') || bytes[quote - 1] == delimiter;
            } else if bytes.get(quote + 1) == Some(&b'"') {
                self.at += 1;
            } else if quote + 1 == bytes.len() {
                // The byte behind it tells what it is: look again when there is one.
                self.at = quote;
                return;
            } else {
                self.quoted = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(text: &str) -> usize {
        let mut scan = Scan::new(Ends::Csv(b','));
        let whole = scan.last_end(text.as_bytes());
        // In pieces of any size it must be the same.
        for piece in 1..text.len() {
            let mut scan = Scan::new(Ends::Csv(b','));
            let mut at = 0;
            while at < text.len() {
                at = (at + piece).min(text.len());
                scan.last_end(&text.as_bytes()[..at]);
            }
            assert_eq!(scan.last, whole, "{text:?} in pieces of {piece}");
        }
        whole
    }

    #[test]
    fn csv_records_end_outside_of_quotes_only() {
        assert_eq!(ends("a,b\nc,d\ne"), 8);
        assert_eq!(ends("a,\"b\nc\",d\ne"), 10);
        assert_eq!(ends("a,\"b\nc"), 0);
        assert_eq!(ends("a,\"b\"\"\nc\"\nx"), 10);
        assert_eq!(ends("5\" pipe,1\nx,2\n"), 14);
    }

    #[test]
    fn blocks_are_whole_lines_and_the_last_line_needs_no_end() {
        let text: String = (0..100_000).map(|i| format!("line {i}\n")).collect::<String>() + "last";
        let mut cutter =
            Cutter::new("x".into(), Box::new(io::Cursor::new(text.clone().into_bytes())), Ends::Line, false);
        let mut seen = String::new();
        while let Cut::Block(block) = cutter.next().unwrap() {
            assert_eq!(block.base as usize, seen.len());
            let bytes = &block.buffer[block.start..block.end];
            assert_eq!(bytes.last(), Some(&b'\n'));
            seen.push_str(std::str::from_utf8(bytes).unwrap());
        }
        assert_eq!(seen, text + "\n");
    }

    #[test]
    fn a_record_that_is_too_long_is_told_and_the_next_one_comes() {
        let mut text = vec![b'x'; MAX_LINE + 3 * BLOCK];
        text.extend_from_slice(b"\nnext\n");
        let mut cutter = Cutter::new("x".into(), Box::new(io::Cursor::new(text)), Ends::Line, false);
        assert!(matches!(cutter.next().unwrap(), Cut::TooLong(0, _)));
        let Cut::Block(block) = cutter.next().unwrap() else { panic!("no block behind the long line") };
        assert_eq!(&block.buffer[block.start..block.end], b"next\n");
        assert!(matches!(cutter.next().unwrap(), Cut::End));
    }
}
