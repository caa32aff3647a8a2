//! Checkpoints of a running job: a thread that carries out what the protocol decides.
//!
//! ```text
//! clock, savepoint, stop → Coordinator → barrier → parts, sealed rows → files → manifest → sinks show → old files go
//! ```
//!
//! Workers only mark: they hand over their tables and the sealed ends of their sinks at the barrier, and go on.
//! Encoding, writing and syncing happen here. Knows the protocol and who carries out its decisions; how files look
//! is `flow_checkpoint`'s business, and what rows mean nobody's.

mod begin;
mod epoch;
mod recover;
mod thread;

pub(crate) use begin::{Resumption, begin};
pub(crate) use thread::{Checkpointer, Desk, Order, Reply, Setup};

use flow_checkpoint::protocol::{Epoch, Generation};
use flow_checkpoint::{Job as Store, Launch, Saved};
use std::sync::Arc;
use std::time::Duration;

/// How a job keeps checkpoints.
#[derive(Clone)]
pub struct Checkpoints {
    /// The job's folder, which this process holds.
    pub store: Arc<Store>,
    /// What the run is started with.
    pub launch: Launch,
    /// From one to the next; `None`: only the last one.
    pub every: Option<Duration>,
    /// What the run begins with.
    pub beginning: Beginning,
    /// Is told what people want to know.
    pub tell: Option<Tell>,
}

/// Called with what happens to checkpoints and to all that the job writes, on the thread to which it does.
pub type Tell = Arc<dyn Fn(&Told) + Send + Sync>;

/// What a run begins with.
#[derive(Clone)]
pub enum Beginning {
    /// Nothing, whatever there was before.
    Anew,
    /// The last checkpoint that is whole; nothing if there is none.
    GoOn,
    /// A savepoint.
    Savepoint(Box<Saved>),
}

/// Who needs space on a disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpaceFor {
    /// State that memory has no room for.
    State,
    /// The sink of this name, for its rows.
    Sink(String),
}

/// What happens to checkpoints, and to all that the job writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The run goes on from this one.
    Recovered {
        /// The run that made it.
        generation: Generation,
        /// Its epoch.
        epoch: Epoch,
        /// When it was sealed: microseconds since 1970-01-01 UTC.
        at: i64,
    },
    /// A newer one could not be used.
    Damaged {
        /// What is wrong with it.
        why: String,
    },
    /// One is complete, and sinks show it.
    Complete {
        /// Its epoch.
        epoch: Epoch,
        /// Bytes that were written for it.
        bytes: u64,
        /// From the barrier to the end.
        took: Duration,
        /// For how long a worker stood still for it at once, at most: until all had let what lies below the barrier through, or
        /// to write down a piece of its state.
        stopped: Duration,
    },
    /// One could not be written. The job goes on, and the last complete one counts.
    Abandoned {
        /// Its epoch.
        epoch: Epoch,
        /// Why.
        why: String,
    },
    /// It counts, but a sink cannot show it yet.
    Waiting {
        /// Its epoch.
        epoch: Epoch,
        /// Why.
        why: String,
    },
    /// The job had finished already, except that its sinks may not have shown its last results.
    FinishedBefore,
    /// How the run ended could not be written down.
    EndNotWritten {
        /// Why.
        why: String,
    },
    /// One is complete, and that it is the latest one could not be written down: older ones stay.
    NotNamed {
        /// Why.
        why: String,
    },
    /// What changed since the last base could not be made one with it: the next checkpoints are written as before, and need more files.
    NotFolded {
        /// Why.
        why: String,
    },
    /// Old files could not be removed.
    Left {
        /// Why.
        why: String,
    },
    /// There is no space: the job waits until there is.
    Full {
        /// For what.
        what: SpaceFor,
        /// What is missing, where, and what to do.
        why: String,
    },
    /// There is, and the job goes on.
    Fits {
        /// For what.
        what: SpaceFor,
    },
}
