//! Tokens: the smallest pieces of a script, comments and string parts included.
//!
//! The same list feeds the parser, the formatter and an editor's colours. Knows no grammar.

use crate::span::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A reserved word: `stream`, `if`, `and`, ….
    Keyword,
    /// A name.
    Ident,
    /// A name in backticks.
    QuotedIdent,
    /// Integer, float, decimal, duration or size.
    Number,
    /// `@2026-01-31T12:00:00Z`.
    Timestamp,
    /// An opening quote of a string with interpolation.
    StringOpen,
    /// Plain text inside a string.
    StringText,
    /// `\n`, `{{`, … inside a string.
    Escape,
    /// `{` that begins an interpolated expression.
    InterpOpen,
    /// `}` that ends one.
    InterpClose,
    /// The closing quote; empty when it is missing.
    StringClose,
    /// `r"raw"`.
    RawString,
    /// `b"\x00"`.
    Bytes,
    /// `+`, `==`, `|>`, ….
    Operator,
    /// `(`, `[`, `{`.
    Open,
    /// `)`, `]`, `}`.
    Close,
    /// `,`, `:`, `.`, `;`, `@`.
    Punctuation,
    /// `// …`.
    LineComment,
    /// `/// …`.
    DocComment,
    /// `/* … */`.
    BlockComment,
    /// A character without meaning; reported.
    Unknown,
}

/// A token with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

impl Token {
    /// Is it a comment of any kind?
    pub fn is_comment(&self) -> bool {
        matches!(self.kind, TokenKind::LineComment | TokenKind::DocComment | TokenKind::BlockComment)
    }
}

/// Words that begin a declaration.
pub const DECLARATION_WORDS: &[&str] =
    &["import", "job", "param", "const", "type", "fn", "source", "table", "stream", "sink", "test"];

/// Words of expressions that cannot be names either.
pub const EXPRESSION_WORDS: &[&str] =
    &["or", "and", "not", "in", "if", "then", "else", "match", "try", "let", "as", "true", "false", "null"];

/// Is the word reserved (so that a field of this name needs backticks)?
pub fn is_keyword(word: &str) -> bool {
    // By length, because this is asked of every word.
    match word.len() {
        2 => matches!(word, "fn" | "or" | "in" | "if" | "as"),
        3 => matches!(word, "job" | "and" | "not" | "try" | "let"),
        4 => matches!(word, "type" | "sink" | "test" | "then" | "else" | "true" | "null"),
        5 => matches!(word, "param" | "const" | "table" | "match" | "false"),
        6 => matches!(word, "import" | "source" | "stream"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_of_the_lists_are_reserved_and_no_others_are() {
        let listed: Vec<&str> = DECLARATION_WORDS.iter().chain(EXPRESSION_WORDS).copied().collect();
        assert_eq!(listed.iter().filter(|word| is_keyword(word)).count(), 25);
        assert_eq!(listed.len(), 25);
        assert!(!is_keyword("key") && !is_keyword("strean") && !is_keyword(""));
    }
}
