//! What the engine asks of a sink: rows are **staged**, what was staged between two barriers is **sealed** as
//! one epoch's share, and when the checkpoint counts, the sealed epoch is **committed**: shown to whoever
//! reads the sink's system.
//!
//! The order of a run: [`Sink::begin`]; a recovered job commits again what its checkpoint sealed; then
//! [`Sink::clean`], and the writers begin. Each epoch is sealed by every writer and committed once. At the end
//! of the job comes [`Sink::end`]; a run of which nothing will ever be asked for again ends with [`Sink::abort`].

use crate::error::Again;
use crate::space::{NoSpace, Space};
pub use flow_checkpoint::protocol::{Epoch, Generation, Mark};
pub use flow_checkpoint::{Hash128, Hashing};
use flow_data::Batch;
use std::fmt;
use std::sync::Arc;

/// One run of a job, as its sinks' systems are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The job's name.
    pub job: String,
    /// The run's number.
    pub generation: Generation,
    /// Does it begin with nothing, not from a checkpoint?
    pub fresh: bool,
}

/// Opened once per run, before anything is read. Opening it changes nothing outside.
pub trait Sink: Send {
    /// Would a run be refused: over what is shown, if it begins with nothing (`fresh`), or because nothing can be shown there?
    /// Asked before the run has a number, so that a refusal costs none. What it makes to find out, it removes again.
    fn may_begin(&self, _fresh: bool) -> Result<(), SinkError> {
        Ok(())
    }
    /// Tells the sink's system of the new run: from here on it refuses older ones, and a run that begins anew is
    /// refused over results that must not be touched. What older runs sealed can still be committed. Gives
    /// what a run that goes on finds shown there, if its system knows.
    fn begin(&mut self, run: &Run) -> Result<Option<Mark>, SinkError>;
    /// The start of the run counts: forgets what is staged and not among `keep`, the sealed shares that a
    /// checkpoint still names. Nobody will ask for it any more.
    fn clean(&mut self, keep: &[String]) -> Result<(), SinkError>;
    /// Does its system remember what it shows? One that does not is not asked after a death: it may show rows
    /// again (standard output), or shows none.
    fn remembers(&self) -> bool {
        true
    }
    /// The last epoch of which it shows rows, where `begin` found this mark. Where that is not known, it is the mark's: the epochs
    /// before may all have had some.
    fn filled(&self, mark: Mark) -> Epoch {
        mark.epoch
    }
    /// Does it show some of this sealed share? (A run may have died before it moved the mark.)
    fn shows(&self, _sealed: &[String]) -> Result<bool, SinkError> {
        Ok(false)
    }
    /// Where its writers may wait for space on a disk that is full, and who wants to hear of that. Told before there are writers.
    fn may_wait_for(&mut self, _space: &Arc<Space>) {}
    /// How many workers may write side by side? 1: the plan gathers rows on worker 0.
    fn writer(&mut self, worker: usize) -> Result<Box<dyn Writer>, SinkError>;
    /// Shows a sealed epoch together with its mark. May be asked again after a death in the middle, also by a
    /// later run: what is shown already stays as it is.
    fn commit(&mut self, epoch: Epoch, sealed: &[String]) -> Result<(), SinkError>;
    /// The end of a job without checkpoints: shows all that was sealed, and leaves nothing else. May be asked again if there was
    /// no space for that.
    fn finish(&mut self, sealed: &[String]) -> Result<(), SinkError> {
        self.commit(1, sealed)?;
        self.end()
    }
    /// The job is over, and will not be gone on with: leaves what is shown, and nothing else.
    fn end(&mut self) -> Result<(), SinkError>;
    /// No checkpoint of this run will ever be asked for (it never started, or makes none): takes away what its
    /// writers staged, and what a [`Sink::finish`] that failed had shown of it. What runs before it sealed stays.
    fn abort(&mut self);
}

/// One worker's end of a sink.
pub trait Writer: Send {
    /// Stages rows.
    fn write(&mut self, batch: &Batch) -> Result<(), SinkError>;
    /// No rows for the moment: shows what people wait for (stdout).
    fn flush(&mut self) -> Result<(), SinkError>;
    /// All rows so far are this writer's share of an epoch. Quick: what takes long is left to the sealing.
    fn seal(&mut self) -> Result<Box<dyn Sealing>, SinkError>;
}

/// A writer's share of an epoch, on its way to be durable.
pub trait Sealing: Send {
    /// Makes it durable, on whatever thread; gives what [`Sink::commit`] needs to show it. If the epoch is
    /// abandoned, its share can be committed with the next one.
    fn finish(self: Box<Self>) -> Result<Vec<String>, SinkError>;
}

/// A share that needs no sealing: what was written is shown already, or gone.
pub struct Sealed;

impl Sealing for Sealed {
    fn finish(self: Box<Self>) -> Result<Vec<String>, SinkError> {
        Ok(Vec::new())
    }
}

/// Why a sink cannot go on.
#[derive(Debug)]
pub enum SinkError {
    /// Refused before the start: exit status 2.
    Open(String),
    /// Broke while running: exit status 3.
    Write(String),
    /// Its disk failed, and what was written since the last checkpoint may be lost. (A file whose sync failed is never synced
    /// again.) Another run may go well; exit status 3, if none is tried.
    Disk(String),
    /// There is no space on its disk, which may return: exit status 3, if nobody waits for it.
    Full(String),
    /// A newer run of the job has taken over; nothing more may be touched.
    Fenced(String),
    /// The reader of a pipe has gone away: the job ends without a message, as Unix tools do.
    Closed,
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SinkError::Open(text)
            | SinkError::Write(text)
            | SinkError::Disk(text)
            | SinkError::Full(text)
            | SinkError::Fenced(text) => f.write_str(text),
            SinkError::Closed => f.write_str("the reader of the output has gone away"),
        }
    }
}

impl std::error::Error for SinkError {}

impl SinkError {
    /// May another run go well?
    pub fn again(&self) -> Again {
        match self {
            SinkError::Disk(_) => Again::Perhaps,
            SinkError::Full(_) => Again::WithSpace,
            SinkError::Open(_) | SinkError::Write(_) | SinkError::Fenced(_) | SinkError::Closed => {
                Again::Never
            }
        }
    }
}

impl NoSpace for SinkError {
    fn missing(&self) -> Option<&str> {
        match self {
            SinkError::Full(why) => Some(why),
            _ => None,
        }
    }

    fn given_up(self, why: &str) -> SinkError {
        SinkError::Full(format!("{self}{why}"))
    }
}
