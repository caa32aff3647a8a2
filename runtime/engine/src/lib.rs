//! Workers, exchange, operators, state tables, sources and sinks as traits, and the job handle.
//! Knows plans and batches; never a syntax tree, a file format or machine code.

mod assemble;
mod beat;
mod channel;
mod checkpoints;
pub mod connect;
mod context;
mod counters;
mod error;
mod exchange;
mod feeder;
mod flow;
mod guard;
mod heard;
mod idle;
mod incomplete;
mod job;
mod layout;
mod number;
mod operator;
mod pace;
mod preaggregate;
mod progress;
mod promises;
mod ranked;
mod ranks;
mod room;
mod row_text;
mod sequencer;
mod shared;
pub mod sink;
pub mod snapshot;
pub mod source;
pub mod space;
mod state;
mod supply;
mod tables;
mod time;
mod timing;
mod worker;

pub use checkpoints::{Beginning, Checkpoints, SpaceFor, Tell, Told};
pub use error::{Again, ErrorKind, JobError, StartError, StartRecord};
pub use idle::Quiet;
pub use job::{Job, JobControl, JobHandle, JobOptions, Snapshots, SpillOptions};
pub use progress::{
    DeclarationProgress, Progress, SinkProgress, SourceProgress, StateProgress, Summary, TimeProgress,
};
pub use shared::{TapCallback, Tapped};
pub use state::clear_spilled;
