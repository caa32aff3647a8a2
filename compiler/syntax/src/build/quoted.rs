//! A word right before a string: prefixes of Python and others (`f"…"`), and SQL's typed literals
//! (`timestamp '2026-01-31'`).

use super::Build;
use crate::class::Tok;
use crate::codes::FOREIGN_WORD;
use crate::diagnose;
use crate::diagnostic::Diagnostic;

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
            _ => None,
        };
        let Some(diagnostic) = found else { return false };
        // Single quotes were reported before anybody knew what they belong to.
        diagnose::take_back(self.shared, string.span(self.file()));
        self.from = self.from.min(self.shared.diagnostics.len());
        self.report(diagnostic);
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
}
