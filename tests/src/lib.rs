//! What the tests that join compiler and runtime share: starting the real binary.
#![allow(clippy::disallowed_methods)]

pub mod crash;
pub mod flow_binary;
pub mod options;
pub mod pipelines;
pub mod simulate;
pub mod xsd;
