//! What can go wrong, with everything a diagnostic wants to show.

use crate::source::Position;
use crate::space::is_full;
use flow_plan::Place;
use std::fmt;
use std::io;

/// May what failed go well another time, from the last checkpoint on?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Again {
    /// No: what was asked for cannot be done, or a mistake of ours was found.
    #[default]
    Never,
    /// A disk failed, which may not happen the next time.
    Perhaps,
    /// When there is space on a disk.
    WithSpace,
}

impl Again {
    /// What an error of a disk means. (That a file may become no larger is a limit which the next run meets as well.)
    pub fn after(error: &io::Error) -> Again {
        match error.kind() {
            _ if is_full(error) => Again::WithSpace,
            io::ErrorKind::FileTooLarge => Again::Never,
            _ => Again::Perhaps,
        }
    }
}

/// Why a job did not start: something outside the script is missing, or the plan cannot run here.
#[derive(Clone, Debug)]
pub struct StartError {
    /// One sentence.
    pub message: String,
    /// The stage it belongs to, for people (`bids.source`).
    pub label: String,
    /// Where that stands in the script.
    pub place: Place,
    /// The records it is about, if it is about records of a table.
    pub records: Vec<StartRecord>,
    /// Nothing is wrong: it was told not to start.
    pub cancelled: bool,
    /// May it start another time?
    pub again: Again,
}

/// A record of a table that cannot be used.
#[derive(Clone, Debug)]
pub struct StartRecord {
    /// As it stands in the source, else its row as JSON.
    pub text: String,
    /// Where it stands in the source, if that is still known.
    pub position: Option<Position>,
}

impl StartError {
    /// One that is not about records.
    pub fn new(message: impl Into<String>, label: &str, place: Place) -> StartError {
        let (message, label) = (message.into(), label.to_string());
        StartError { message, label, place, records: Vec::new(), cancelled: false, again: Again::Never }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.label, self.message)
    }
}

impl std::error::Error for StartError {}

/// What made a running job fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A record that an expression or decoder cannot handle, under `onError: fail`.
    Record,
    /// A source broke.
    Source,
    /// A sink broke.
    Sink,
    /// There is more state than the job's limit allows.
    State,
    /// State does not go to its disk, or does not come back.
    Disk,
    /// Its checkpoints say that the job must end, or cannot be written.
    Checkpoint,
    /// A mistake of ours.
    Internal,
}

/// Why a running job failed.
#[derive(Clone, Debug)]
pub struct JobError {
    /// What kind of thing went wrong.
    pub kind: ErrorKind,
    /// Short stable code (`overflow`, `badJson`, …).
    pub code: String,
    /// One sentence.
    pub message: String,
    /// The failing expression, or the stage.
    pub place: Place,
    /// `declaration.word` of the stage.
    pub label: String,
    /// Index of its declaration.
    pub declaration: u32,
    /// The record: its raw text if it came straight from a source, else its row as JSON.
    pub record: Option<String>,
    /// Where it stood in the source, if that is still known.
    pub position: Option<Position>,
    /// May another run, from the last checkpoint on, go well?
    pub again: Again,
    /// The sequence number of its chunk: of several failures the earliest one is reported.
    pub(crate) number: u64,
}

impl JobError {
    /// The same, and whether another run may go well.
    pub(crate) fn again(self, again: Again) -> JobError {
        JobError { again, ..self }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.label, self.message)
    }
}

impl std::error::Error for JobError {}

/// The worker must unwind: the job failed or is aborted, and the reason is already known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halt;
