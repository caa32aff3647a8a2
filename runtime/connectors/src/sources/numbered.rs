//! Sources that make rows themselves: each row is a function of its number, so any worker can make any
//! part, and a run can be repeated. Pacing (`rate:`) stands here; what the rows are does not.

use flow_data::Batch;
use flow_engine::source::{Chunk, ChunkReader, Count, Emit, Next, Source, SourceError, Step, Tracker};
use flow_env::{Clock, Env};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// Makes the rows of a range of numbers; some numbers may have none.
pub(crate) trait Maker: Send + Sync {
    /// The columns that are read.
    fn make(&self, first: u64, count: u64) -> Batch;
    /// The numbers from `first` on up to the first that has a row, and no more.
    fn up_to_a_row(&self, first: u64) -> u64 {
        first + 1
    }
}

/// Numbers of one chunk: about one batch of rows.
const CHUNK: u64 = 4096;

/// Hands out numbers.
pub(crate) struct NumberedSource {
    maker: Arc<dyn Maker>,
    next: u64,
    /// Behind the last number.
    end: u64,
    pace: Option<Pace>,
    /// The column of the event time, if it decides which source is read next.
    time: Option<usize>,
}

/// So many numbers a second.
struct Pace {
    rate: f64,
    clock: Arc<dyn Clock>,
    start: Option<Duration>,
    /// The number that is due at the start.
    first: u64,
}

impl Pace {
    /// How many numbers are due.
    fn due(&mut self) -> u64 {
        let now = self.clock.elapsed();
        let start = *self.start.get_or_insert(now);
        self.first.saturating_add(((now - start).as_secs_f64() * self.rate) as u64 + 1)
    }
}

impl NumberedSource {
    /// The numbers `0..count`, at most `rate` a second.
    pub(crate) fn new(
        maker: Arc<dyn Maker>,
        count: Option<i64>,
        rate: Option<f64>,
        env: &Env,
    ) -> Result<NumberedSource, SourceError> {
        if count.is_some_and(|n| n < 0) || rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            let text = "the number of rows must not be negative, and the rate must be more than 0";
            return Err(SourceError::Open(text.into()));
        }
        let end = count.map_or(u64::MAX, |n| n as u64);
        let pace = rate.map(|rate| Pace { rate, clock: env.clock.clone(), start: None, first: 0 });
        Ok(NumberedSource { maker, next: 0, end, pace, time: None })
    }
}

struct Numbers {
    first: u64,
    count: u64,
    time: Option<i64>,
    last: bool,
}

impl Chunk for Numbers {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn time(&self) -> Option<i64> {
        self.time
    }

    fn last(&self) -> bool {
        self.last
    }

    fn step(&self) -> Step {
        Step { to: self.first + self.count, ..Step::default() }
    }
}

impl NumberedSource {
    /// The event time of the first row from a number on.
    fn time_at(&self, first: u64) -> Option<i64> {
        let column = self.time?;
        let row = self.maker.make(first, self.maker.up_to_a_row(first) - first);
        row.first_int(column)
    }
}

impl Source for NumberedSource {
    fn next(&mut self) -> Result<Next, SourceError> {
        if self.next >= self.end {
            return Ok(Next::End);
        }
        let due = self.pace.as_mut().map_or(self.end, Pace::due).min(self.end);
        if due <= self.next {
            return Ok(Next::Pending);
        }
        let (first, count) = (self.next, (due - self.next).min(CHUNK));
        self.next += count;
        let (time, last) = (self.time_at(first), self.next >= self.end);
        Ok(Next::Chunk(Box::new(Numbers { first, count, time, last })))
    }

    fn live(&self) -> bool {
        self.pace.is_some()
    }

    fn tracker(&self) -> Option<Box<dyn Tracker>> {
        Some(Box::new(Count(self.next)))
    }

    fn seek(&mut self, position: &str) -> Result<(), SourceError> {
        self.next = Count::read(position)?;
        if let Some(pace) = &mut self.pace {
            // What was not given while the job stood still is not made up for.
            pace.first = self.next;
        }
        Ok(())
    }

    fn order_by(&mut self, column: usize, others: bool) -> Result<bool, SourceError> {
        self.time = others.then_some(column);
        Ok(true)
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(NumberedReader(self.maker.clone()))
    }
}

struct NumberedReader(Arc<dyn Maker>);

impl ChunkReader for NumberedReader {
    fn read(&mut self, chunk: Box<dyn Chunk>, out: &mut dyn Emit) -> Result<(), SourceError> {
        let numbers = chunk
            .into_any()
            .downcast::<Numbers>()
            .map_err(|_| SourceError::Read("a chunk of another source reached this reader".to_string()))?;
        let batch = self.0.make(numbers.first, numbers.count);
        if batch.len > 0 {
            out.batch(batch)?;
        }
        Ok(())
    }
}
