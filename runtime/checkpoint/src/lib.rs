//! Exactly once: when a checkpoint begins, when it counts, when sinks may show it, and what is left to do after a
//! death ([`protocol`]: pure, events in, decisions out); what a job remembers, as tables ([`state`]); and how that lies
//! on disk. Never knows operators, connectors or how rows move.

pub mod protocol;
pub mod state;

pub mod catalogue;
mod export;
mod failure;
mod fold;
mod folder;
mod hash;
pub mod job;
mod loading;
mod manifest;
mod numbers;
mod part;
mod record;
mod recovering;
mod retention;
pub mod runs;
mod savepoint;
mod schema;
mod sealing;

pub use export::{ExportError, ExportFormat};
pub use failure::{Failure, Problem};
pub use folder::Folder;
pub use hash::{Hash128, Hashing};
pub use job::{Job, Launch};
pub use loading::Pieces;
pub use manifest::{Manifest, PartFile, Position, ScriptFile, SinkSeal, StateSchema, TableSchema};
pub use part::{More, PartKey, Sealed};
pub use recovering::{RecoverError, Recovered};
pub use retention::NotRetired;
pub use savepoint::Saved;
pub use sealing::{Head, PublishError, Sealing};

/// The version of all file formats (docs/file-formats.md). Files of this version and below are read for ever.
pub const FORMAT: u32 = 1;

#[cfg(test)]
mod tests;
