//! What the engine asks of a sink.

use flow_data::Batch;
use std::fmt;

/// Opened once per job, before anything is read.
pub trait Sink: Send {
    /// How many workers may write side by side? 1: the plan gathers rows on worker 0.
    fn writer(&mut self, worker: usize) -> Result<Box<dyn Writer>, SinkError>;
    /// All writers are finished: makes the whole of it visible. Not called if the job failed.
    fn commit(&mut self) -> Result<(), SinkError>;
    /// The job failed or was stopped at once: leaves nothing that looks complete.
    fn abort(&mut self);
}

/// One worker's end of a sink.
pub trait Writer: Send {
    /// Stages rows.
    fn write(&mut self, batch: &Batch) -> Result<(), SinkError>;
    /// No rows for the moment: shows what people wait for (stdout).
    fn flush(&mut self) -> Result<(), SinkError>;
    /// No more rows.
    fn finish(&mut self) -> Result<(), SinkError>;
}

/// Why a sink cannot go on.
#[derive(Debug)]
pub enum SinkError {
    /// Refused before the start: exit status 2.
    Open(String),
    /// Broke while running: exit status 3.
    Write(String),
    /// The reader of a pipe has gone away: the job ends without a message, as Unix tools do.
    Closed,
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SinkError::Open(text) | SinkError::Write(text) => f.write_str(text),
            SinkError::Closed => f.write_str("the reader of the output has gone away"),
        }
    }
}

impl std::error::Error for SinkError {}
