//! A word right before a string: prefixes of Python and others (`f"…"`), and SQL's typed literals
//! (`timestamp '2026-01-31'`, `interval '1' hour`).

use super::Build;
use crate::class::Tok;
use crate::codes::FOREIGN_WORD;
use crate::diagnostic::{Applicability, Diagnostic};

impl Build<'_, '_, '_> {
    /// Answers a word that stands before the string at `index`; false if it is none of these.
    pub(super) fn word_before_string(&mut self, index: usize) -> bool {
        let Some(word) = index.checked_sub(1).map(|i| self.toks[i]).filter(Tok::is_name) else {
            return false;
        };
        let string = self.toks[index];
        let found = match self.tok_text(word).to_ascii_lowercase().as_str() {
            "f" | "s" | "u" | "fr" | "rf" | "n" | "e" if word.end == string.start => {
                Some(self.prefix_of(word))
            }
            "timestamp" | "date" | "datetime" | "timestamptz" => Some(self.typed_timestamp(word, string)),
            "interval" | "duration" => Some(self.typed_duration(word, index)),
            _ => None,
        };
        let Some(diagnostic) = found else { return false };
        // Single quotes were reported before anybody knew what they belong to.
        let quotes = string.span(self.file());
        match self.shared.diagnostics.iter_mut().find(|d| d.primary.span == quotes) {
            Some(known) => *known = diagnostic,
            None => self.report(diagnostic),
        }
        true
    }

    fn prefix_of(&self, word: Tok) -> Diagnostic {
        let span = word.span(self.file());
        Diagnostic::new(FOREIGN_WORD, span, "strings have no prefix for interpolation")
            .help("every string interpolates: `\"price {price}\"`; `r\"…\"` does not")
            .fix("remove it", span, "")
    }

    fn inner(&self, string: Tok) -> &str {
        let text = self.tok_text(string);
        text.get(1..text.len() - 1).unwrap_or_default()
    }

    fn typed_timestamp(&self, word: Tok, string: Tok) -> Diagnostic {
        let whole = word.span(self.file()).to(string.span(self.file()));
        let inner = self.inner(string).trim().replacen(' ', "T", 1);
        let zone =
            if inner.contains('T') && !inner.ends_with('Z') && !inner.contains('+') { "Z" } else { "" };
        let literal = format!("{inner}{zone}");
        let diagnostic = Diagnostic::new(FOREIGN_WORD, whole, "a moment is written with an `@`")
            .help("as in `@2026-01-31` and `@2026-01-31T12:00:00Z`; a text becomes one with `timestamp(s)`");
        if crate::literal::timestamp(&literal).is_err() {
            return diagnostic;
        }
        diagnostic.fix(format!("write `@{literal}`"), whole, format!("@{literal}"))
    }

    fn typed_duration(&self, word: Tok, index: usize) -> Diagnostic {
        let string = self.toks[index];
        let inner = self.inner(string).trim().to_ascii_lowercase();
        let (number, within) = inner.split_once(' ').unwrap_or((&inner, ""));
        let behind = self.toks.get(index + 1).filter(|t| t.is_name());
        let (unit, last) = match behind {
            Some(tok) if within.is_empty() => (self.tok_text(*tok).to_ascii_lowercase(), *tok),
            _ => (within.trim().to_string(), string),
        };
        let whole = word.span(self.file()).to(last.span(self.file()));
        let diagnostic = Diagnostic::new(FOREIGN_WORD, whole, "a duration is a number with a unit")
            .help("as in `500ms`, `10s`, `5min`, `1h30min`, `7d`");
        let ours = match unit.trim_end_matches('s') {
            "millisecond" | "m" => "ms",
            "second" => "s",
            "minute" => "min",
            "hour" => "h",
            "day" => "d",
            _ => return diagnostic,
        };
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return diagnostic;
        }
        let literal = format!("{number}{ours}");
        diagnostic.with_fix(format!("write `{literal}`"), whole, literal, Applicability::MachineApplicable)
    }
}
