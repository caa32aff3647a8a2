//! Kills: the real binary, `kill -9` at random moments and deaths at named points, again during recovery, until the
//! job is done; then what its sinks show against the evaluator. At every death, no row is shown twice and none that
//! should not be there.

pub(crate) mod cases;
pub(crate) mod files;
pub(crate) mod rows;
mod run;

pub use cases::{Case, Packing, cases};
pub use rows::graph;
pub use run::{Plan, Tally, campaign};

/// So many of the [`POINTS`] are reached while a run starts, all but the first only if it goes on from a checkpoint.
pub const STARTING: usize = 4;

/// Places in a run at which a debug build dies if it is told to (`FLOW_DIE=name:count`).
pub const POINTS: [&str; 10] = [
    "begun",
    "recovered",
    "started",
    "shown again",
    "written",
    "published",
    "part shown",
    "parts shown",
    "shown",
    "retired",
];
