//! Diagnostics as people read them on a terminal: a heading, the script with the places marked
//! (drawn by miette), notes, and what to do about it. Decides nothing about mistakes; knows no files.

mod fixes;
mod marks;
mod snippet;
pub(crate) mod text;
mod view;

pub use text::Paint;

use flow_syntax::{Diagnostic, Label, Severity, SourceMap, Span};
use std::fmt::Write as _;

/// How the terminal wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns of a line.
    pub width: usize,
    /// ANSI colours?
    pub color: bool,
    /// Box-drawing characters (else ASCII)?
    pub unicode: bool,
}

impl Look {
    /// Without colours, as tests and files want it.
    pub fn plain(width: usize) -> Look {
        Look { width, color: false, unicode: true }
    }
}

/// All diagnostics and a closing line that counts them; nothing when there are none.
pub fn report(diagnostics: &[Diagnostic], sources: &SourceMap, look: Look) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&one(diagnostic, sources, look));
        out.push('\n');
    }
    if let Some(counts) = summary(diagnostics.iter().map(|d| d.severity), look) {
        out.push_str(&counts);
        out.push('\n');
    }
    out
}

/// So many places beside the first are shown of a mistake that is made everywhere.
const MOST_PLACES: usize = 20;

/// One diagnostic, ending in a newline.
pub fn one(diagnostic: &Diagnostic, sources: &SourceMap, look: Look) -> String {
    let paint = Paint { color: look.color };
    let mut out = heading(diagnostic, look, paint);
    // A note about a whole file has nothing to show in it.
    let of_file = diagnostic.severity == Severity::Note && diagnostic.primary.text.is_empty();
    if !of_file || !diagnostic.labels.is_empty() {
        let labels = &diagnostic.labels[..diagnostic.labels.len().min(MOST_PLACES)];
        let pictures = marks::groups(&diagnostic.primary, labels, sources);
        out.push_str(&snippet::draw_all(&pictures, sources, diagnostic.severity, look));
    }
    if let Some(more @ 1..) = diagnostic.labels.len().checked_sub(MOST_PLACES) {
        let note = format!("the same in {more} more {}", if more == 1 { "place" } else { "places" });
        text::hanging(&mut out, &paint.bold("  note: "), 8, &note, look.width);
    }
    for note in &diagnostic.notes {
        text::hanging(&mut out, &paint.bold("  note: "), 8, note, look.width);
    }
    if let Some(help) = &diagnostic.help {
        text::hanging(&mut out, &paint.cyan("  help: "), 8, help, look.width);
    }
    for fix in &diagnostic.fixes {
        out.push_str(&fixes::draw(fix, diagnostic.help.as_deref(), sources, look));
    }
    text::without_trailing_blanks(&out)
}

fn heading(diagnostic: &Diagnostic, look: Look, paint: Paint) -> String {
    let word = format!("{}[{}]", severity_word(diagnostic.severity), diagnostic.code);
    let painted = match diagnostic.severity {
        Severity::Error => paint.red(&word),
        Severity::Warning => paint.yellow(&word),
        Severity::Note => paint.cyan(&word),
    };
    let mut out = String::new();
    let message = text::visible(&diagnostic.message);
    let lines = text::wrap(&message, look.width.saturating_sub(word.len() + 2).max(24));
    for (i, line) in lines.iter().enumerate() {
        let lead = if i == 0 { format!("{painted}: ") } else { " ".repeat(word.len() + 2) };
        let _ = writeln!(out, "{lead}{}", paint.bold(line));
    }
    out
}

/// Something that went wrong outside the compiler, shown like a diagnostic.
pub(crate) struct Failure<'a> {
    pub(crate) word: &'a str,
    pub(crate) message: &'a str,
    pub(crate) place: Span,
    pub(crate) label: &'a str,
    /// Names and values, one under the other.
    pub(crate) facts: &'a [(&'a str, String)],
    pub(crate) help: Option<&'a str>,
}

/// A failure with its place in the script.
pub(crate) fn failure(failure: &Failure<'_>, sources: &SourceMap, look: Look) -> String {
    let paint = Paint { color: look.color };
    let mut out = String::new();
    let lead = format!("{}: ", paint.red(failure.word));
    text::hanging(&mut out, &lead, failure.word.len() + 2, failure.message, look.width);
    let place = Label { span: failure.place, text: failure.label.to_string() };
    let pictures = marks::groups(&place, &[], sources);
    out.push_str(&snippet::draw_all(&pictures, sources, Severity::Error, look));
    for (name, value) in failure.facts {
        text::hanging(&mut out, &paint.bold(&format!("  {name}: ")), name.len() + 4, value, look.width);
    }
    if let Some(help) = failure.help {
        text::hanging(&mut out, &paint.cyan("  help: "), 8, help, look.width);
    }
    text::without_trailing_blanks(&out)
}

/// `error`, `warning`, `note`.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// `2 errors, 1 warning`.
pub fn summary(found: impl IntoIterator<Item = Severity>, look: Look) -> Option<String> {
    let (mut errors, mut warnings) = (0, 0);
    for severity in found {
        match severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
            Severity::Note => {}
        }
    }
    let paint = Paint { color: look.color };
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(paint.red(&text::counted(errors, "error")));
    }
    if warnings > 0 {
        parts.push(paint.yellow(&text::counted(warnings, "warning")));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests;
