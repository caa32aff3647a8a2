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
    flow_env::large_files_are_errors();
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

/// Reads a command line as [`main`] would, and does nothing: what is wrong with it, if anything is. For the tests of what
/// the documentation tells people to type; `sketch`: what is asked for may be missing (`flow check --format`), and what
/// stands in capitals stands for something (`--parallelism N`).
pub fn misread(words: &[&str], sketch: bool) -> Option<String> {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let error = match args::Cli::try_parse_from(words) {
        Ok(args::Cli { command: args::Command::Other(words), .. }) => {
            return Some(format!("there is no command {words:?}"));
        }
        Ok(_) => return None,
        Err(error) => error,
    };
    let given = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => sketch,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => sketch,
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            sketch && given.chars().all(|c| c.is_uppercase())
        }
        _ => false,
    };
    if fine { None } else { Some(error.to_string()) }
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
