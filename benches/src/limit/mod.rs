//! The honest limit: one hand-written program per job, with everything that can be known in advance
//! built in (schema, key order, plain ASCII strings). They do the typed work of the job: numbers and
//! timestamps are parsed and written again, never copied as text.
//!
//! They are limits, not products: a row that is not as expected ends the program with an error.

mod bids;
mod text;

use crate::input::{Mode, blocks};
use std::fs::File;
use std::io::{self, Write};

/// The jobs [`run`] knows.
pub const JOBS: [&str; 5] = ["q0", "q1", "q2", "words", "words-plain"];

/// Runs one job from the file `input` to the file `output`.
pub fn run(job: &str, input: &str, output: &str, mode: Mode) -> io::Result<()> {
    let mut out = Output::create(output)?;
    match job {
        "q0" => {
            let mut row = bids::PassThrough::default();
            blocks(input, mode, &mut |block| bids::each_row(&mut row, block, &mut out))?;
        }
        "q1" => {
            let mut row = bids::Currency::default();
            blocks(input, mode, &mut |block| bids::each_row(&mut row, block, &mut out))?;
        }
        "q2" => blocks(input, mode, &mut |block| bids::each_row(&mut bids::Filter, block, &mut out))?,
        "words" => {
            let mut counts = text::Tuned::new();
            blocks(input, mode, &mut |block| counts.count(block))?;
            counts.write(&mut out);
        }
        "words-plain" => text::plain(input, &mut out)?,
        other => return Err(io::Error::other(format!("no job `{other}`; there are {JOBS:?}"))),
    }
    out.finish()
}

/// The output file behind a buffer that rows are written into directly.
struct Output {
    file: File,
    buffer: Vec<u8>,
    failed: Option<io::Error>,
}

impl Output {
    const FLUSH_AT: usize = 256 << 10;

    fn create(path: &str) -> io::Result<Output> {
        Ok(Output { file: File::create(path)?, buffer: Vec::with_capacity(Self::FLUSH_AT * 2), failed: None })
    }

    /// Room for a row of at most `bytes`.
    #[inline(always)]
    fn reserve(&mut self, bytes: usize) {
        if self.buffer.len() >= Self::FLUSH_AT {
            self.flush();
        }
        self.buffer.reserve(bytes);
    }

    #[cold]
    fn flush(&mut self) {
        if let Err(e) = self.file.write_all(&self.buffer) {
            self.failed.get_or_insert(e);
        }
        self.buffer.clear();
    }

    fn finish(mut self) -> io::Result<()> {
        self.flush();
        self.failed.map_or(Ok(()), Err)
    }
}
