//! The `flow` binary.

fn main() {}
