//! The `flow` command: thin. It joins compiler and runtime, speaks to people, and decides exit statuses.

pub mod render;
pub mod report;
