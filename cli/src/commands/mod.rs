//! One file per command.

mod check;
mod completions;
mod explain;
mod later;
mod run;

use crate::args::{Cli, Command};
use crate::status::{Outcome, Stop};

/// Does what the command line says.
pub(crate) fn run(cli: &Cli) -> Outcome {
    match &cli.command {
        Command::Run(args) => run::run(cli, args),
        Command::Check(args) => check::run(cli, args),
        Command::Explain(args) => explain::run(cli, args),
        Command::Completions(args) => completions::run(args),
        Command::Other(words) => later::run(words),
        _ => Err(Stop::outside("not joined yet")),
    }
}
