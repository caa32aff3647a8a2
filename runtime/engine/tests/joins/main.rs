//! Joins: which rows meet, and that it is the same at any parallelism.
#![allow(clippy::disallowed_methods)]

#[path = "../graphs/mod.rs"]
mod graphs;
mod lookups;
