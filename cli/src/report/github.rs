//! GitHub workflow commands: each diagnostic becomes an annotation on its line.

use super::{Checked, each, place, text_with_places};
use flow_syntax::Severity;
use std::fmt::Write as _;

pub(super) fn write(checked: &[Checked]) -> String {
    let mut out = String::new();
    for (d, sources) in each(checked) {
        let at = place(d.primary.span, sources);
        let command = match d.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let _ =
            write!(out, "::{command} file={},line={},endLine={}", property(at.file), at.line, at.end_line);
        // GitHub refuses columns of an annotation that spans lines.
        if at.line == at.end_line {
            let _ = write!(out, ",col={},endColumn={}", at.column, at.end_column);
        }
        let title = format!("{} {}", d.code, d.code.info().name);
        let _ = writeln!(out, ",title={}::{}", property(&title), data(&text_with_places(d, sources)));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
