//! Running compiled chains over batches.

mod columns;
mod scan;
mod segment;
mod split;
mod unfold;

use crate::CompiledChain;
use crate::lower::End;
use flow_data::{Batch, Column, Origin};
use segment::{Failed, Worker};
use std::sync::Arc;
use unfold::Unfolding;

/// What came of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// The result was appended.
    Done,
    /// A record error is in this batch; nothing was appended. The interpreter must run it to find
    /// the row, the place and the message.
    RecordError,
}

/// Columns on their way through a chain; those that nobody reads are left out.
pub(crate) struct Rows {
    len: usize,
    columns: Vec<Option<Arc<Column>>>,
}

/// A worker's runner: the chain and scratch memory of its own.
pub struct Instance {
    chain: Arc<CompiledChain>,
    workers: Vec<Worker>,
}

impl Instance {
    /// A runner of this chain.
    pub fn new(chain: Arc<CompiledChain>) -> Instance {
        let workers = chain.segments.iter().map(Worker::new).collect();
        Instance { chain, workers }
    }

    /// Changes what `now()` gives (microseconds).
    pub fn set_now(&mut self, now: i64) {
        self.workers.iter_mut().for_each(|w| w.set_now(now));
    }

    /// Runs the chain over a batch and appends the result: one batch, or several behind a `flatMap`.
    pub fn run(&mut self, batch: &Batch, out: &mut Vec<Batch>) -> Outcome {
        let before = out.len();
        match self.run_all(batch, out) {
            Ok(()) => Outcome::Done,
            Err(Failed(_)) => {
                out.truncate(before);
                Outcome::RecordError
            }
        }
    }

    /// Like [`Instance::run`] for a chain without `flatMap`, but gives the first output whatever
    /// happened, with a bit per expression (modulo 64) that raised an error. For tests.
    pub fn run_raw(&mut self, batch: &Batch) -> (u64, Batch) {
        let rows = Rows { len: batch.len, columns: batch.columns.iter().cloned().map(Some).collect() };
        let (errors, rows, _) = self.workers[0]
            .run(&self.chain, 0, rows, true)
            .unwrap_or_else(|Failed(bits)| (bits, Rows { len: 0, columns: Vec::new() }, None));
        (errors, Batch::new(rows.len, rows.columns.into_iter().flatten().collect()))
    }

    fn run_all(&mut self, batch: &Batch, out: &mut Vec<Batch>) -> Result<(), Failed> {
        let last = self.workers.len() - 1;
        let rows = Rows { len: batch.len, columns: batch.columns.iter().cloned().map(Some).collect() };
        let all = rows.len;
        let mut open: Vec<Unfolding> = Vec::new();
        let mut next = Some(rows);
        loop {
            let rows = match next.take().or_else(|| open.last_mut().and_then(Unfolding::next)) {
                Some(rows) => rows,
                None if open.pop().is_some() => continue,
                None => return Ok(()),
            };
            let number = open.len();
            let (_, rows, unfolded) = self.workers[number].run(&self.chain, number, rows, false)?;
            if rows.len == 0 {
                continue;
            }
            if number < last {
                let end: &End = &self.chain.segments[number].segment.end;
                open.push(Unfolding::new(end, rows, unfolded)?);
                continue;
            }
            let origin = batch.origin.as_ref().filter(|_| last == 0);
            let kept = |origin: &Origin| match rows.len == all {
                true => origin.clone(),
                false => origin.gather(&self.workers[number].kept()[..rows.len]),
            };
            let origin = origin.map(kept);
            let mut result = Batch::new(rows.len, rows.columns.into_iter().flatten().collect());
            result.origin = origin;
            out.push(result);
        }
    }
}
