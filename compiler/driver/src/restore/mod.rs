//! The restore check: does the state of yesterday's script fit today's? Compares two plans, state id by
//! state id, and says what becomes of each. Knows nothing of savepoints on disk: it compares what the
//! scripts say.

mod compare;
mod feeds;
mod groups;
mod held;
mod moved;
mod places;
mod report;
mod reworded;
mod rows;
mod shape;
mod timed;
mod withdrawn;

pub use compare::compare;
pub(crate) use compare::compare_shapes;
pub use moved::{Looked, Moved, moved};
pub use report::{Report, gone, report};
pub(crate) use reworded::Reworded;
pub use shape::{StateShape, shapes};

use flow_plan::Place;

/// What becomes of a state, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing has changed.
    Identical,
    /// It restores as it is; something may start empty or be given at other times.
    Restores,
    /// It restores in another form: wider types, other fields of the rows it holds.
    Migrates,
    /// Something of it has no place in the new script and would be lost.
    Drops,
    /// It cannot be restored.
    Incompatible,
}

impl Effect {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Effect::Identical => "identical",
            Effect::Restores => "restores",
            Effect::Migrates => "migrates",
            Effect::Drops => "drops",
            Effect::Incompatible => "incompatible",
        }
    }
}

/// One difference, with its place in the old and in the new script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it does to the state.
    pub effect: Effect,
    /// Would old rows and new rows, differently made, mix in the state?
    pub changes_meaning: bool,
    /// Is something lost by it that was saved?
    pub loses: bool,
    /// One sentence without a full stop.
    pub message: String,
    /// Where the old script says it.
    pub old: Option<Place>,
    /// Where the new script says it.
    pub new: Option<Place>,
    /// What to do about it.
    pub help: Option<String>,
}

/// What becomes of one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its id in the new script; in the old one if the new one does not have it.
    pub id: String,
    /// Its id in the old script, if that was another one.
    pub was: Option<String>,
    /// The worst of the findings.
    pub effect: Effect,
    /// Is any of them such that old and new rows would mix?
    pub changes_meaning: bool,
    /// The differences, in the order of the new script; of a state that cannot be restored, only those that are why.
    pub findings: Vec<Finding>,
    /// An id the new script could give it with `@was`: this state is new, and that one has no place.
    pub renamed_from: Option<String>,
    /// The stage in the new script; of a dropped state, the stage that could be it under another name, or the declaration it
    /// stood in, if there are such.
    pub place: Option<Place>,
}

#[cfg(test)]
mod tests;
