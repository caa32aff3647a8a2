//! The `flow` binary.

use flow_env::Memory;
use std::process::ExitCode;

#[global_allocator]
static MEMORY: Memory = Memory;

fn main() -> ExitCode {
    flow_cli::main().into()
}
