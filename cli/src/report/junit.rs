//! JUnit XML: each script is a test case that fails with its errors; warnings go to its output.

use super::{Checked, place};
use crate::render::{self, Look};
use flow_syntax::Diagnostic;
use std::fmt::Write as _;

pub(super) fn write(checked: &[Checked]) -> String {
    let failed = checked.iter().filter(|c| c.diagnostics.iter().any(Diagnostic::is_error)).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!("tests=\"{}\" failures=\"{failed}\" errors=\"0\"", checked.len());
    let _ = writeln!(out, "<testsuites name=\"flow check\" {counts}>");
    let _ = writeln!(out, "  <testsuite name=\"flow check\" {counts}>");
    for file in checked {
        case(&mut out, file);
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(out: &mut String, file: &Checked) {
    let name = escape(&file.title());
    if file.diagnostics.is_empty() {
        let _ = writeln!(out, "    <testcase classname=\"flow check\" name=\"{name}\"/>");
        return;
    }
    let _ = writeln!(out, "    <testcase classname=\"flow check\" name=\"{name}\">");
    for d in file.diagnostics.iter().filter(|d| d.is_error()) {
        let at = place(d.primary.span, file.sources());
        let message = escape(&format!("{}:{}:{}: {}", at.file, at.line, at.column, d.message));
        let _ = write!(out, "      <failure type=\"{}\" message=\"{message}\">", d.code);
        out.push_str(&escape(&render::one(d, file.sources(), Look::plain(100))));
        out.push_str("</failure>\n");
    }
    let warnings: Vec<_> = file.diagnostics.iter().filter(|d| !d.is_error()).collect();
    if !warnings.is_empty() {
        out.push_str("      <system-out>");
        for d in warnings {
            out.push_str(&escape(&render::one(d, file.sources(), Look::plain(100))));
        }
        out.push_str("</system-out>\n");
    }
    out.push_str("    </testcase>\n");
}

/// XML 1.0 has no way to write most control characters: they become `U+FFFD`.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
