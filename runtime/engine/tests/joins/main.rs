//! Joins: which rows meet, and that it is the same at any parallelism.
#![allow(clippy::disallowed_methods)]

#[path = "../graphs/mod.rs"]
mod graphs;
mod intervals;
mod lookups;
mod regulars;
mod streams;
mod versions;
mod windows;
