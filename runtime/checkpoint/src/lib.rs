//! Exactly once: when a checkpoint begins, when it counts, when sinks may show it, and what is left to do after a
//! death ([`protocol`]: pure, events in, decisions out); and what a job remembers, as tables ([`state`]). Never knows
//! operators, connectors or how rows move.

pub mod protocol;
pub mod state;
