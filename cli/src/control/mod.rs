//! The control plane: a running job listens on a socket in its state folder, and `flow stop` and `flow savepoint create`
//! talk to it. One question and one answer per connection, each a line of JSON.
//!
//! Everything that moves rows is threads and queues; this is the one place for tokio.

mod client;
mod measures;
mod run;
mod server;

pub(crate) use client::{Unreachable, ask};
pub(crate) use measures::Measures;
pub(crate) use run::RunControl;
pub(crate) use server::{Seen, Server};

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a running job can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "ask")]
pub(crate) enum Question {
    /// A savepoint, and then the job goes on.
    Savepoint,
    /// The end, behind a last checkpoint; with a savepoint of it, if that is wanted.
    Stop {
        /// Is it?
        savepoint: bool,
    },
    /// How far it is.
    Progress,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "answer")]
pub(crate) enum Answer {
    /// The savepoint is complete.
    Savepoint {
        /// Its number.
        number: u64,
    },
    /// It will end now.
    Stopping,
    /// How far it is.
    Progress(Box<Measures>),
    /// It cannot.
    Refused {
        /// Why.
        why: String,
    },
}

/// The socket of a job.
pub(crate) fn socket(job: &Path) -> PathBuf {
    job.join("control")
}
