//! Kills: the real binary, `kill -9` at random moments and deaths at named points, again during recovery, until the
//! job is done; then what its sinks show against the evaluator. At every death, no row is shown twice and none that
//! should not be there.

mod cases;
mod run;

pub use cases::{Case, cases};
pub use run::{Plan, Tally, campaign};

/// Places in a run at which a debug build dies if it is told to (`FLOW_DIE=name:count`).
pub const POINTS: [&str; 8] =
    ["begun", "recovered", "shown again", "started", "written", "published", "shown", "retired"];
