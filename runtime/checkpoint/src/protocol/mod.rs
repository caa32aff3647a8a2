//! The checkpoint protocol as a state machine.
//!
//! An **epoch** is everything between two barriers. It goes through these steps, and at each the process may die:
//!
//! 1. *inject*: sources put barrier `e` behind what they have read; workers and sinks seal their share of `e`;
//! 2. *publish*: when all of it is sealed, the manifest of `e` is made durable. **This is the one commit point.**
//! 3. *commit*: each sink shows what it sealed, in one step with its mark `(generation, e)`;
//! 4. *retire*: what only older epochs need is freed. Then the next epoch may be injected.
//!
//! A **generation** is one run of the job. It begins so: (a) its number is made durable, (b) each sink's own system is
//! told of it, says what it shows, and refuses older runs from then on, (c) [`recover`] decides from which epoch it goes on,
//! (d) that is made durable ([`Start`]). So an older run that wakes up late cannot show anything after (b), and what it
//! publishes after (c) does not count.
//!
//! After Chandy and Lamport's snapshots as Flink aligns them, with the two-phase sinks of its exactly-once files;
//! the explicit start of a generation is the fencing token of ZooKeeper's recipes.

mod coordinator;
mod recovery;
#[cfg(test)]
mod tests;

pub use coordinator::{Coordinator, Decision, Event, Share};
pub use recovery::{Manifest, Mark, Recovery, Refusal, Start, counts, recover};

/// Number of a checkpoint; the first is 1.
pub type Epoch = u64;

/// Number of a run of the job; the first is 1.
pub type Generation = u64;
