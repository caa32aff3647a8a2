//! One line a diagnostic: `file:line:col: error[E0203]: message`.

use super::{Checked, each, place};
use crate::render::severity_word;
use std::fmt::Write as _;

pub(super) fn write(checked: &[Checked]) -> String {
    let mut out = String::new();
    for (diagnostic, sources) in each(checked) {
        let at = place(diagnostic.primary.span, sources);
        let word = severity_word(diagnostic.severity);
        let message = diagnostic.message.replace('\n', " ");
        let _ =
            writeln!(out, "{}:{}:{}: {word}[{}]: {message}", at.file, at.line, at.column, diagnostic.code);
    }
    out
}
