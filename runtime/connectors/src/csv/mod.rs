//! The format `csv` (RFC 4180): [`decode`] reads records into columns, [`header`] finds the columns by
//! name, [`encode`] writes rows.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod header;
pub(crate) mod record;
#[cfg(test)]
mod tests;
