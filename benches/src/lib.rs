//! The benchmark suite: data generators, hand-written programs that mark the honest limit of each
//! job on this machine, and what the runner needs to compare outputs. Knows nothing of the engine:
//! `flow` is measured from outside, as a process, like its peers.
#![allow(clippy::disallowed_methods)]

pub mod bids;
pub mod checksum;
pub mod input;
pub mod limit;
pub mod measure;
pub mod nexmark;
pub mod random;
pub mod scan;
pub mod tools;
pub mod words;
