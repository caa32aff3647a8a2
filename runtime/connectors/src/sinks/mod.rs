//! The sinks: [`file`] (a folder of part files), [`stream`] (standard output) and [`blackhole`].

pub(crate) mod blackhole;
pub(crate) mod file;
pub(crate) mod folder;
pub(crate) mod handles;
pub(crate) mod pack;
pub(crate) mod part;
pub(crate) mod partition;
mod sealed;
pub(crate) mod staging;
pub(crate) mod stream;
