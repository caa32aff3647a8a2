//! Batches as bytes, for files: written fast, read from any bytes without harm. Whoever stores them keeps the schema;
//! here stand values only (docs/file-formats.md says each byte).
//!
//! Reading never panics, and what it allocates is bounded by a small multiple of the bytes it was given: each row
//! of each column takes at least one byte, so no number in the bytes can ask for more than stands behind it.

mod bytes;
mod decode;
mod encode;
mod numbers;
mod values;

#[cfg(test)]
mod tests;

pub use bytes::Bytes;
pub use decode::decode;
pub use encode::{encode, encode_rows};
pub use values::MAX_DEPTH;

use std::fmt;

/// Bytes that are no batch of the schema they are read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where, from the beginning of what was read.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.at, self.what)
    }
}

impl std::error::Error for Malformed {}

/// A batch that has no form as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unencodable {
    /// A value is nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A batch of more rows than a `u32` counts.
    TooManyRows,
}

impl fmt::Display for Unencodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unencodable::TooDeep => write!(f, "a value is nested deeper than {MAX_DEPTH} levels"),
            Unencodable::TooManyRows => f.write_str("a batch has more than 4,294,967,295 rows"),
        }
    }
}

impl std::error::Error for Unencodable {}

/// What a column is made of. Numbers in files: they never change.
mod kind {
    pub(super) const BOOL: u8 = 1;
    pub(super) const INT: u8 = 2;
    pub(super) const FLOAT: u8 = 3;
    pub(super) const DECIMAL: u8 = 4;
    pub(super) const STRING: u8 = 5;
    pub(super) const BYTES: u8 = 6;
    pub(super) const VALUES: u8 = 7;
}
