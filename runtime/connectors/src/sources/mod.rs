//! The sources: [`file`] and [`stdin`] read bytes that decoders make rows of; [`generate`] and
//! [`nexmark`] make rows themselves.

pub(crate) mod cut;
pub(crate) mod file;
pub(crate) mod generate;
pub(crate) mod gzip;
pub(crate) mod lines;
pub(crate) mod merge;
pub(crate) mod nexmark;
pub(crate) mod numbered;
pub(crate) mod open;
pub(crate) mod opened;
pub(crate) mod paths;
pub(crate) mod peek;
pub(crate) mod position;
pub(crate) mod range;
pub(crate) mod stdin;
