//! What the grammar sees: one letter per token.
//!
//! The parser does not read characters but tokens, each written as one ASCII byte, its *class*;
//! `grammar.pest` names every class in its last section. Words that can also be names have lower-case
//! classes, reserved words upper-case ones.

use crate::lines;
use crate::span::{FileId, Span};
use crate::token::{Token, TokenKind};

/// A token as the grammar sees it. A whole string is one of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tok {
    /// The letter in the grammar.
    pub(crate) class: u8,
    /// First byte.
    pub(crate) start: u32,
    /// Behind the last byte; `start` for a token that was missing and has been put in.
    pub(crate) end: u32,
    /// Index of its first lexer token.
    pub(crate) first: u32,
    /// Index behind its last lexer token.
    pub(crate) last: u32,
    /// Is it the first on its line?
    pub(crate) starts_line: bool,
}

impl Tok {
    pub(crate) fn span(&self, file: FileId) -> Span {
        Span { file, start: self.start, end: self.end }
    }

    pub(crate) fn text<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start as usize..self.end as usize]
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.class, b'(' | b'[' | b'{')
    }

    pub(crate) fn is_close(&self) -> bool {
        matches!(self.class, b')' | b']' | b'}')
    }

    /// Can it be a name?
    pub(crate) fn is_name(&self) -> bool {
        self.class.is_ascii_lowercase()
    }
}

/// Does a step of a test begin with a token of this class, right inside the test's braces? A step's word is also
/// a name where a name must stand: behind `given` and `expect`.
pub(crate) fn begins_step(class: u8, newline: bool, before: u8) -> bool {
    is_step(class) && (newline || !matches!(before, b'g' | b'x' | b'r'))
}

/// The words of a test's steps.
pub(crate) fn is_step(class: u8) -> bool {
    matches!(class, b'g' | b'v' | b'x' | b'p' | b'e')
}

/// The tokens of `tokens[range]` without comments, strings folded into one each.
pub(crate) fn classify(text: &str, tokens: &[Token], range: std::ops::Range<usize>) -> Vec<Tok> {
    let mut out = Vec::with_capacity(range.len());
    let mut i = range.start;
    let mut line_from = if i == 0 { 0 } else { tokens[i - 1].span.end as usize };
    while i < range.end {
        let token = tokens[i];
        let first = i;
        i += 1;
        if token.is_comment() || token.kind == TokenKind::Unknown {
            continue;
        }
        if token.kind == TokenKind::StringOpen {
            i = behind_string(tokens, first).min(range.end);
        }
        let (start, end) = (token.span.start, tokens[i - 1].span.end);
        let starts_line = out.is_empty() && range.start == 0
            || text.as_bytes()[line_from..start as usize].iter().any(|byte| lines::is_end(*byte));
        let class = class_of(token.kind, &text[start as usize..end as usize]);
        out.push(Tok { class, start, end, first: first as u32, last: i as u32, starts_line });
        line_from = end as usize;
    }
    out
}

/// Index behind the close quote that belongs to the open quote at `open`.
pub(crate) fn behind_string(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            TokenKind::StringOpen => depth += 1,
            TokenKind::StringClose => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

fn class_of(kind: TokenKind, text: &str) -> u8 {
    match kind {
        TokenKind::Keyword => keyword_class(text),
        TokenKind::Ident => name_class(text),
        TokenKind::QuotedIdent => b'i',
        TokenKind::Number => b'0',
        TokenKind::Timestamp => b'1',
        TokenKind::Bytes => b'2',
        TokenKind::StringOpen | TokenKind::RawString => b'"',
        TokenKind::Open | TokenKind::Close | TokenKind::Punctuation => text.as_bytes()[0],
        _ => operator_class(text),
    }
}

fn operator_class(text: &str) -> u8 {
    match text {
        "|>" => b'|',
        "->" | "→" => b'$',
        "=>" | "⇒" => b'^',
        "|" => b'#',
        ".." | "…" => b'~',
        "-" | "–" | "—" | "−" => b'-',
        "=" | "<" | ">" | "!" | "?" => text.as_bytes()[0],
        "，" => b',',
        "：" => b':',
        "；" => b';',
        _ => b'+',
    }
}

fn keyword_class(word: &str) -> u8 {
    match word {
        "or" | "and" => b'+',
        "not" => b'!',
        "in" => b'N',
        "if" => b'I',
        "then" => b'T',
        "else" => b'E',
        "match" => b'M',
        "try" => b'Y',
        "let" => b'L',
        "as" => b'A',
        "true" | "false" | "null" => b'3',
        _ => b'D',
    }
}

/// Is a word a name wherever the grammar finds it, and nothing else?
pub fn is_only_a_name(word: &str) -> bool {
    !crate::token::is_keyword(word) && name_class(word) == b'i'
}

/// Words that mean something where the grammar has a place for them, by length because every name is asked; in capitals
/// those that SQL writes so.
fn name_class(word: &str) -> u8 {
    match (word.len(), word) {
        (1, "_") => b'u',
        (2, "OR") => b'+',
        (2, "IN") => b'N',
        (2, "AS") => b'A',
        (2, "on" | "ON") => b'n',
        (2, "is" | "IS") => b's',
        (3, "AND") => b'+',
        (3, "NOT") => b'!',
        (3, "key") => b'k',
        (3, "map") => b'm',
        (3, "asc" | "ASC") => b'd',
        (4, "TRUE" | "NULL") => b'3',
        (4, "asOf") => b'f',
        (4, "desc" | "DESC") => b'd',
        (4, "join") => b'j',
        (5, "FALSE") => b'3',
        (5, "given") => b'g',
        (6, "expect") => b'x',
        (7, "advance") => b'v',
        (9, "savepoint") => b'p',
        (7, "restore") => b'e',
        (4, "into") => b'o',
        (7, "ordered") => b'r',
        (7, "flatMap" | "flatmap") | (8, "flat_map") => b'l',
        (8, "leftJoin" | "semiJoin" | "antiJoin" | "leftjoin") | (9, "left_join" | "innerJoin") => b'j',
        (8, "fullJoin") | (9, "rightJoin" | "outerJoin" | "crossJoin" | "full_join") | (10, "right_join") => {
            b'j'
        }
        _ => b'i',
    }
}
