//! Exactly once, as decisions: when a checkpoint begins, when it counts, when sinks may show it, and what is
//! left to do after a death. Pure: events in, decisions out; whoever carries them out knows disks and rows.

pub mod protocol;
