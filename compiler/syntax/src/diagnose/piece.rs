//! A piece of a script by its tokens: what finding other languages' words needs. Knows none of those words.

use crate::build::Shared;
use crate::class::Tok;
use crate::span::Span;

/// Tokens that are read together.
pub(super) struct Piece<'p, 'a> {
    pub(super) shared: &'p Shared<'a>,
    pub(super) toks: &'p [Tok],
}

impl<'a> Piece<'_, 'a> {
    /// The class of a token; 0 behind the last one.
    pub(super) fn class(&self, at: usize) -> u8 {
        self.toks.get(at).map_or(0, |t| t.class)
    }

    pub(super) fn is_name(&self, at: usize) -> bool {
        self.toks.get(at).is_some_and(Tok::is_name)
    }

    /// May an operand end with this token?
    pub(super) fn ends_operand(&self, at: usize) -> bool {
        self.toks
            .get(at)
            .is_some_and(|t| t.is_name() || t.is_close() || matches!(t.class, b'0'..=b'3' | b'"'))
    }

    /// A token in small letters; nothing behind the last one.
    pub(super) fn word(&self, at: usize) -> String {
        self.toks.get(at).map_or(String::new(), |t| t.text(self.shared.text).to_ascii_lowercase())
    }

    /// The tokens `from..end`.
    pub(super) fn span(&self, from: usize, end: usize) -> Span {
        self.toks[from].span(self.shared.file).to(self.toks[end - 1].span(self.shared.file))
    }

    /// Their text; nothing where there are none.
    pub(super) fn text(&self, from: usize, end: usize) -> &'a str {
        if from >= end || end > self.toks.len() {
            return "";
        }
        &self.shared.text[self.span(from, end).range()]
    }

    /// From the end of the token before `from` to the start of the one at `end`.
    pub(super) fn gap(&self, from: usize, end: usize) -> Span {
        Span { file: self.shared.file, start: self.toks[from - 1].end, end: self.toks[end].start }
    }
}
