//! Words that are no commands: those that are misspelt.

use crate::args::Cli;
use crate::status::{Outcome, Stop};
use clap::CommandFactory;
use std::ffi::OsString;

pub(super) fn run(words: &[OsString]) -> Outcome {
    let word = words.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
    let command = Cli::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let near = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, &word), name))
        // Of a word of three letters, one may be wrong.
        .filter(|(distance, name)| *distance <= name.len().min(word.len()).div_ceil(3))
        .min();
    let hint = match near {
        Some((_, name)) => format!("did you mean `flow {name}`?"),
        None if word.ends_with(".flow") => format!("to run a script: `flow run {word}`"),
        None => format!("there are {}; see `flow help`", names.join(", ")),
    };
    Err(Stop::outside(format!("there is no command `{word}`\n  help: {hint}")))
}
