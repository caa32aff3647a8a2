//! The `flow` command: thin. It joins compiler and runtime, speaks to people, and decides exit statuses.

pub mod args;
mod commands;
#[cfg(unix)]
mod control;
mod failure;
pub mod kernels;
mod numbers;
mod output;
mod progress;
pub mod render;
pub mod report;
mod script;
pub mod status;
mod terminal;
mod testing;

use clap::Parser;
use status::Status;

/// Runs the command line of this process.
pub fn main() -> Status {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match commands::run(&cli) {
        Ok(status) => status,
        Err(stop) => {
            if let Some(message) = stop.message {
                let paint = render::Paint { color: terminal::stderr(&cli.shown).color };
                output::say(&format!("{}: {message}\n", paint.red("error")));
            }
            stop.status
        }
    }
}

/// Help and version are results; everything else clap says is a mistake in the call.
fn usage(error: &clap::Error) -> Status {
    match error.print() {
        Err(e) if !error.use_stderr() && e.kind() != std::io::ErrorKind::BrokenPipe => {
            output::say(&format!("error: standard output cannot be written: {e}\n"));
            Status::Outside
        }
        _ if error.use_stderr() => Status::Outside,
        _ => Status::Done,
    }
}
