//! Event time: what watermark stands behind each number of the sequence, on all workers alike. Knows
//! numbers and timestamps; never rows. See `docs/architecture.md`, "Time in the sequence".

mod clock;
mod log;
#[cfg(test)]
mod tests;

pub(crate) use clock::{Clock, met};
pub(crate) use log::{Split, TimeLog};
