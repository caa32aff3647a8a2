//! Kills: the real binary, `kill -9` at random moments and deaths at named points, again during recovery, until the
//! job is done; then what its sinks show against the evaluator. At every death, no row is shown twice and none that
//! should not be there.

mod cases;
mod files;
mod run;

pub use cases::{Case, Packing, cases};
pub use run::{Plan, Tally, campaign};

/// Places in a run at which a debug build dies if it is told to (`FLOW_DIE=name:count`).
pub const POINTS: [&str; 10] = [
    "begun",
    "recovered",
    "shown again",
    "started",
    "written",
    "published",
    "part shown",
    "parts shown",
    "shown",
    "retired",
];
