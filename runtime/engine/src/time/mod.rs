//! Event time: what watermark stands behind each number of the sequence, on all workers alike. Knows
//! numbers, splits and timestamps; never rows. See `docs/architecture.md`, "Time in the sequence".

mod clock;
mod log;
mod origin;
mod splits;
#[cfg(test)]
mod tests;

pub(crate) use clock::{Above, Clock, met};
pub(crate) use log::{Latest, TimeLog};
pub(crate) use origin::{column_before, origin, time_columns};
pub(crate) use splits::{Origin, Promise, SavedSplits, Splits};

use flow_plan::physical::hidden::END_OF_TIME;
use std::time::Duration;

/// Stands for the watermark of a node all of whose splits are silent: it holds nobody back, and lets nothing go.
pub(crate) const ASIDE: i64 = END_OF_TIME - 1;

/// A part of the input that is read in order: the source (its index among the job's sources), and the
/// split of it.
pub(crate) type Split = (usize, u32);

/// What happens to splits beside rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It has no more chunks.
    SplitEnded(Split),
    /// A source has no more chunks.
    SourceEnded(usize),
    /// A source has had nothing for so long.
    Silent(usize, Duration),
    /// A source that was silent has something again.
    Awake(usize),
}
