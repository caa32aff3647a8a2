//! The `flow` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    flow_cli::main().into()
}
