//! Part files: what one worker seals for one epoch, as docs/file-formats.md draws it.
//!
//! Everything is written front to back and hashed on the way; the hash stands at the end, and again in the manifest.
//! Reading goes front to back too, a block at a time, and what was read counts only when the hash at the end is right.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use read::{Slice, Tables, read, verify};
pub use write::More;
#[cfg(test)]
pub(crate) use write::write;
pub(crate) use write::write_with;

use crate::hash::Hash128;
use crate::protocol::{Epoch, Generation};

/// The first bytes of a part file.
const MAGIC: &[u8; 8] = b"flowpart";

/// Length of what stands before the first table: magic, format, generation, epoch, worker.
const HEAD: usize = 8 + 4 + 8 + 8 + 4;

/// Length of what stands behind the last table: a sign, the file's length, its hash.
const TAIL: usize = 1 + 8 + 16;

/// Begins a table: state, table, whole or delta.
const TABLE: u8 = b'T';
/// Begins a batch of entries.
const ROWS: u8 = b'R';
/// Begins a batch of keys whose entries are no more.
const GONE: u8 = b'G';
/// Stands behind the last table.
const END: u8 = b'E';

/// Whose part it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartKey {
    /// The run.
    pub generation: Generation,
    /// The epoch.
    pub epoch: Epoch,
    /// The worker.
    pub worker: usize,
}

/// A file that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its length.
    pub length: u64,
    /// Its hash.
    pub hash: Hash128,
}
