//! One file per command.

mod against;
mod check;
mod completions;
mod explain;
mod fmt;
mod infer;
mod jobs;
mod lsp;
mod misspelt;
mod new;
mod plan;
mod run;
mod savepoint;
mod test;

use crate::args::{Cli, Command};
use crate::status::{Outcome, Stop};

/// Something is wrong with a state folder.
fn outside(failure: flow_checkpoint::Failure) -> Stop {
    Stop::outside(failure.to_string())
}

/// Does what the command line says.
pub(crate) fn run(cli: &Cli) -> Outcome {
    match &cli.command {
        Command::Run(args) => run::run(cli, args),
        Command::Test(args) => test::run(cli, args),
        Command::Check(args) => check::run(cli, args),
        Command::Fmt(args) => fmt::run(cli, args),
        Command::Plan(args) => plan::run(cli, args),
        Command::Jobs(args) => jobs::run(args),
        Command::Stop(args) => jobs::stop(args),
        Command::Savepoint(args) => savepoint::run(cli, args),
        Command::Explain(args) => explain::run(cli, args),
        Command::Infer(args) => infer::run(args),
        Command::New(args) => new::run(args),
        Command::Lsp => lsp::run(),
        Command::Completions(args) => completions::run(args),
        Command::Other(words) => misspelt::run(words),
    }
}
