//! What a job remembers at a barrier, and how a job begins with it.
//!
//! A barrier is a number of the sequence. The sequencer fixes it, together with the positions of the sources
//! ([`Barrier`]); every worker lets what lies below it through, takes no chunk meanwhile, and when all of them
//! are so far, each writes down its operators' state as tables ([`Saving`]) and goes on. Nothing is in any queue
//! then, so a snapshot is the tables of all workers and the positions, and nothing else.
//!
//! A job that begins with a snapshot ([`Begin`]) deals the entries of all tables to its workers by key, so that it
//! may have other workers than before; operators take theirs over ([`Loading`]) before the first row comes.

mod barrier;
mod begin;
mod cast;
mod in_order;
mod loading;
mod saving;

pub(crate) use barrier::{Barrier, FEW_WAITING, Held, Marks, Outcome, Piece, Saved, Sealings, WAITING};
pub(crate) use begin::{Begin, Share, identity, state_ids};
pub(crate) use loading::{Loaded, Loading, nulls};
pub(crate) use saving::{Columns, Saving};

use flow_checkpoint::state::Part;

/// All a job is at a barrier, except what its sinks have written.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Where its sequence and its sources are.
    pub position: JobPosition,
    /// What each worker held.
    pub parts: Vec<Part>,
}

/// Where a job is in its input. The texts are JSON that people can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobPosition {
    /// All chunks with lower numbers are through, none with this one or a higher one was begun.
    pub number: u64,
    /// Each source that can be read again: its name, and where it is.
    pub sources: Vec<(String, String)>,
    /// Each watermark, and what else goes on with the sequence: its name, and where it is.
    pub times: Vec<(String, String)>,
}
