//! What an editor asks, on every example of the language: whatever stands there must be offered, renamed, extracted.
#![allow(missing_docs, clippy::disallowed_methods)]

mod actions;
mod again;
mod answers;
mod completion;
mod renames;

use flow_driver::{Compilation, LoadError, Options, compile};
use std::path::Path;

/// Compiles a text in the place of a file on the disk.
pub(crate) fn compiled(path: &Path, text: &str) -> Compilation {
    let mut loader = |asked: &Path| match asked == path {
        true => Ok(text.as_bytes().to_vec()),
        false => std::fs::read(asked).map_err(|_| LoadError::Missing),
    };
    compile(&mut loader, path, &Options::default()).unwrap()
}

/// Compiles a text that imports nothing.
pub(crate) fn script(text: &str) -> Compilation {
    compiled(Path::new("s.flow"), text)
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Codes and messages, without places.
pub(crate) fn findings(compiled: &Compilation) -> Vec<String> {
    let mut all: Vec<String> =
        compiled.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    all.sort();
    all
}

/// A text with edits of its own file done, the last first.
pub(crate) fn edited(text: &str, edits: &[flow_syntax::Edit]) -> String {
    let mut edits: Vec<_> = edits.iter().filter(|edit| edit.span.file.0 == 0).collect();
    edits.sort_by_key(|edit| std::cmp::Reverse((edit.span.start, edit.span.end)));
    let mut text = text.to_string();
    for edit in edits {
        text.replace_range(edit.span.range(), &edit.replacement);
    }
    text
}
