//! The honest limit: one hand-written program per job, with everything that can be known in advance
//! built in (schema, key order, plain ASCII strings). They do the typed work of the job: numbers and
//! timestamps are parsed and written again, never copied as text.
//!
//! They are limits, not products: a row that is not as expected ends the program with an error.

mod bids;
mod nexmark;
mod text;
mod write;

use crate::input::{Mapped, Mode, blocks};
use std::fs::File;
use std::io::{self, Write};

/// The jobs [`run`] knows.
pub const JOBS: [&str; 14] =
    ["q0", "q1", "q2", "q5", "q7", "q8", "q11", "q12", "q15", "q18", "q19", "q20", "words", "words-plain"];

/// Runs one job from `input` to the file `output`. The input is one file, but for the joins q8 and q20 the
/// folder of the events.
pub fn run(job: &str, input: &str, output: &str, mode: Mode) -> io::Result<()> {
    let mut out = Output::create(output)?;
    let events = |name: &str| Mapped::open(&format!("{input}/{name}.ndjson"));
    match job {
        "q0" => rows(bids::PassThrough::default(), input, mode, &mut out)?,
        "q1" => rows(bids::Currency::default(), input, mode, &mut out)?,
        "q2" => rows(bids::Filter, input, mode, &mut out)?,
        "q5" => query::<nexmark::Hot>(input, mode, &mut out)?,
        "q7" => query::<nexmark::Highest>(input, mode, &mut out)?,
        "q8" => nexmark::newcomers(&events("persons")?, &events("auctions")?, &mut out),
        "q11" => query::<nexmark::Sessions>(input, mode, &mut out)?,
        "q12" => query::<nexmark::Arrivals>(input, mode, &mut out)?,
        "q15" => query::<nexmark::Day>(input, mode, &mut out)?,
        "q18" => nexmark::last_bids(&Mapped::open(input)?, &mut out)?,
        "q19" => nexmark::top_bids(&Mapped::open(input)?, &mut out)?,
        "q20" => nexmark::expand(&events("auctions")?, &events("bids")?, &mut out),
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

fn rows(mut job: impl bids::Row, input: &str, mode: Mode, out: &mut Output) -> io::Result<()> {
    blocks(input, mode, &mut |block| bids::each_row(&mut job, block, out))
}

fn query<Q: nexmark::Query + Default>(input: &str, mode: Mode, out: &mut Output) -> io::Result<()> {
    let mut each = nexmark::Each::<Q>::default();
    blocks(input, mode, &mut |block| bids::each_row(&mut each, block, out))?;
    each.query.finish(out);
    Ok(())
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
