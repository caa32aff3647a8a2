//! The one test binary of what joins the halves: every module is one kind of test.
#![allow(clippy::disallowed_methods)]

mod against;
mod bad_input;
mod catalogue;
mod changes;
mod ci;
mod cli;
mod crash;
mod diagnostics;
mod edges_of_time;
mod exactly_once;
mod explain;
mod flow_test;
mod formatted;
mod guide;
mod guide_blocks;
mod held;
mod join_limits;
mod joins;
mod lang_examples;
mod language;
mod larger_than_memory;
mod left_on_disk;
mod migrations;
mod model;
mod nexmark;
mod pipelines;
mod planted;
mod report_formats;
mod signals;
mod simulate;
mod state_folders;
mod time;
mod time_limits;
mod updating;
mod windows_on_disk;
