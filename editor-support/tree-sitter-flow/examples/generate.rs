//! Makes `src/parser.c` and what stands beside it of `grammar.js`; needs Node. The files are committed,
//! because editors compile them as they find them. ABI 14 is the newest that Debian's Neovim can load.
#![allow(clippy::print_stderr, reason = "a command talks to people")]

use std::process::ExitCode;
use tree_sitter_generate::{OptLevel, generate_parser_in_directory};

/// `generate [FOLDER]`: into `src`, or into another folder.
fn main() -> ExitCode {
    let here = env!("CARGO_MANIFEST_DIR");
    let folder = std::env::args().nth(1).unwrap_or_else(|| format!("{here}/src"));
    let mut remarks = Vec::new();
    let done = generate_parser_in_directory(
        here,
        Some(folder),
        None::<String>,
        14,
        None,
        Some("node"),
        true,
        OptLevel::default(),
        &mut remarks,
    );
    remarks.iter().for_each(|remark| eprintln!("{remark}"));
    match done {
        Ok(()) if remarks.is_empty() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
