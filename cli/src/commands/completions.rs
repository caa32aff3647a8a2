//! `flow completions`: a script for a shell.

use crate::args::{Cli, Completions};
use crate::output;
use crate::status::{Outcome, Status};
use clap::CommandFactory;

pub(super) fn run(args: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "flow", &mut script);
    output::result(&String::from_utf8_lossy(&script))?;
    Ok(Status::Done)
}
