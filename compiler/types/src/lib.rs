//! Names, types, stream kinds, fallibility and lints: parsed programs → checked declarations whose
//! expressions and operators are the plan's own. Knows neither files nor running.
//!
//! [`check`] is a pure function of its input; [`plan`] links what it found into an operator graph.
//! A part that is wrong becomes an unknown (`None`, [`stream::StreamType::open`]) that absorbs what
//! follows from it: one mistake, one diagnostic.

mod again;
mod args;
pub mod checked;
mod checker;
mod columns;
mod connectors;
mod constants;
mod durations;
mod elsewhere;
mod expr;
mod fallible;
pub mod forms;
mod functions;
pub mod guarantees;
mod hash;
mod job;
mod link;
mod lints;
mod moved;
mod names;
mod order;
mod shared;
mod stages;
mod state_ids;
pub mod stream;
mod stream_decls;
pub mod suggest;
mod test_decls;
mod type_exprs;
mod walk;
mod words;
mod written;
mod zones;

pub use again::{Before, Edit};
pub use checked::{Checked, CheckedStep, CheckedTest, ExpectedRow, Wanted};
pub use checker::{Input, check, check_again, check_steps};
pub use fallible::{Failure, failures};
pub use link::{plan, plan_for_test};
pub use lints::{Level, Levels, is_allowed};
