//! Rules about files as text: length, module docs, names, and traces of one machine.

use super::SourceFile;

const MAX_LINES: usize = 800;
const VAGUE_NAMES: &[&str] = &["util", "utils", "common", "manager", "helper", "helpers", "misc"];

/// Written in two halves, so that this file does not find itself.
const TRACES: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/tm", "p/"),
    concat!("/wo", "rk/"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("registry.", "npmjs.org"),
    concat!("files.", "pythonhosted.org"),
    concat!("pypi", ".org"),
    concat!("deb.", "debian.org"),
];

/// Adds what is wrong with one file.
pub(super) fn check(file: &SourceFile, found: &mut Vec<String>) {
    let path = &file.path;
    let rust = path.ends_with(".rs");
    let lines = file.text.lines().count();
    let grammar = path.ends_with(".pest");
    if (rust || grammar) && lines > MAX_LINES {
        found.push(format!("{path}: {lines} lines, the most is {MAX_LINES}"));
    }
    // A `tests` module beside the code it tests says what it is by its name and its tests' names.
    if rust && !path.ends_with("/tests.rs") && !has_module_doc(&file.text) {
        found.push(format!("{path}: does not open with a `//!` doc that says what it is"));
    }
    if rust {
        for part in path.trim_end_matches(".rs").split('/') {
            if VAGUE_NAMES.contains(&part) {
                found.push(format!("{path}: `{part}` says nothing; name the idea"));
            }
        }
    }
    if path.ends_with("Cargo.lock") {
        check_lock(file, found);
        return;
    }
    if path.ends_with("Cargo.toml")
        && path != "Cargo.toml"
        && !file.text.contains("[lints]\nworkspace = true")
    {
        found.push(format!("{path}: does not take the workspace's lints"));
    }
    for (number, line) in file.text.lines().enumerate() {
        if let Some(trace) = TRACES.iter().find(|t| line.contains(**t)) {
            found.push(format!("{path}:{}: `{trace}` belongs to one machine or host", number + 1));
        }
    }
}

/// A `//!` line comes before anything but inner attributes and plain comments.
fn has_module_doc(text: &str) -> bool {
    let plain = |l: &&str| {
        let l = l.trim();
        l.is_empty() || l.starts_with("#![") || (l.starts_with("//") && !l.starts_with("//!"))
    };
    text.lines()
        .find(|l| !plain(l))
        .is_some_and(|l| l.trim_start().strip_prefix("//!").is_some_and(|d| d.len() > 12))
}

fn check_lock(file: &SourceFile, found: &mut Vec<String>) {
    let ours = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    for line in file.text.lines().filter(|l| l.starts_with("source = ") && *l != ours) {
        found.push(format!("{}: {line}: only the default registry", file.path));
    }
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, check};

    fn findings(path: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        check(&SourceFile { path: path.into(), text: text.into() }, &mut found);
        found
    }

    #[test]
    fn a_documented_module_is_fine() {
        assert!(findings("a/src/lib.rs", "#![allow(x)]\n//! What this module is.\nfn f() {}\n").is_empty());
    }

    #[test]
    fn a_module_without_a_doc_is_found() {
        assert_eq!(findings("a/src/lib.rs", "use std::io;\n//! late\n").len(), 1);
        assert_eq!(findings("a/src/lib.rs", "//! placeholder-less: a doc\n").len(), 0);
        assert_eq!(findings("a/src/lib.rs", "//! short\n").len(), 1);
    }

    #[test]
    fn a_long_file_is_found() {
        let text = format!("//! A module that is long.\n{}", "fn f() {}\n".repeat(800));
        assert_eq!(findings("a/src/long.rs", &text), ["a/src/long.rs: 801 lines, the most is 800"]);
    }

    #[test]
    fn a_name_that_says_nothing_is_found() {
        assert_eq!(findings("a/src/utils/x.rs", "//! A module with a doc.\n").len(), 1);
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        let line = format!("see {}me/x/y\n", "/ho");
        assert_eq!(findings("docs/a.md", &line).len(), 1);
    }
}
