//! Exit statuses, as scripts and CI know them.

use flow_driver::Compilation;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    /// Done.
    Done = 0,
    /// The script is wrong.
    Wrong = 1,
    /// Usage, or something outside the script is missing or unreadable before the start.
    Outside = 2,
    /// The job failed while running.
    Failed = 3,
}

impl Status {
    /// Of a script that cannot be used: with `-p` it may be the call that is wrong, and not the script.
    pub(crate) fn of_wrong(compiled: &Compilation) -> Status {
        if compiled.is_misused() { Status::Outside } else { Status::Wrong }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

/// Why a command stopped: a sentence for people and the status to exit with.
#[derive(Debug)]
pub struct Stop {
    /// What to exit with.
    pub status: Status,
    /// What to say; nothing if all was said already.
    pub message: Option<String>,
}

impl Stop {
    /// Something outside the script stands in the way.
    pub fn outside(message: impl Into<String>) -> Stop {
        Stop { status: Status::Outside, message: Some(message.into()) }
    }

    /// All was said already.
    pub fn silent(status: Status) -> Stop {
        Stop { status, message: None }
    }
}

/// What a command gives.
pub type Outcome = Result<Status, Stop>;
