//! Text → tokens. Never fails: what it cannot read becomes a diagnostic and a token that lets the
//! parser go on. Strings are closed at the end of their line at the latest.

use crate::codes::{BAD_CHARACTER, BAD_LITERAL, FOREIGN_WORD, TOO_DEEP, UNCLOSED_STRING, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Label};
use crate::lines;
use crate::quotes::{braces_of_json, guess_string_end, open_interpolation, quote_in_raw, unopened};
use crate::span::{FileId, Span};
use crate::token::{Token, TokenKind, is_keyword};
use std::ops::Range;

/// Said of strings in single quotes.
const SINGLE_QUOTES: &str = "strings stand between double quotes";

/// How deep brackets, interpolations and chains may nest.
pub(crate) const MAX_NESTING: usize = 128;

/// Tokens of a text with what was wrong.
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// The tokens of a text, comments included, in order; for editors.
pub fn tokens(text: &str) -> Vec<Token> {
    lex(FileId::default(), text).tokens
}

/// Reads the whole text.
pub(crate) fn lex(file: FileId, text: &str) -> Lexed {
    let mut lexer = Lexer {
        file,
        text,
        bytes: text.as_bytes(),
        at: 0,
        tokens: Vec::new(),
        diagnostics: Vec::new(),
        reopened: 0,
        line: 0..0,
    };
    if text.starts_with('\u{feff}') {
        lexer.at = 3;
    }
    lexer.tokens.reserve(text.len() / 4);
    while lexer.at < text.len() {
        lexer.next();
    }
    Lexed { tokens: lexer.tokens, diagnostics: lexer.diagnostics }
}

struct Lexer<'a> {
    file: FileId,
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token>,
    diagnostics: Vec<Diagnostic>,
    /// Behind the last string that was never opened: the line is not searched for it again.
    reopened: usize,
    /// Where the line that was looked at last goes on from, and its line break: a line may hold thousands of strings.
    line: Range<usize>,
}

/// Where the lexer is inside a string: in its text, or in an interpolation with open braces.
enum Mode {
    Text,
    Interp { braces: u32 },
}

/// How a try to read a string ended.
enum StringEnd {
    Closed,
    Unclosed,
    TooDeep,
}

impl Lexer<'_> {
    fn span(&self, start: usize) -> Span {
        Span::new(self.file, start, self.at)
    }

    /// Adds a diagnostic; a binary file must not give a million of them.
    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        let span = self.span(start);
        self.tokens.push(Token { kind, span });
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Reads one token (or blanks, or a whole string).
    fn next(&mut self) {
        let start = self.at;
        let byte = self.bytes[start];
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(start),
            b'0'..=b'9' => self.number(start),
            b'"' => self.string(start),
            b'\'' => self.single_quoted(start),
            b'`' => self.backtick(start),
            b'/' if self.peek(1) == b'/' => self.line_comment(start),
            b'/' if self.peek(1) == b'*' => self.block_comment(start),
            b'#' => self.hash_comment(start),
            b'@' if self.peek(1).is_ascii_digit() => self.timestamp(start),
            b'(' | b'[' | b'{' => self.one(TokenKind::Open, start),
            b')' | b']' | b'}' => self.one(TokenKind::Close, start),
            b',' | b':' | b';' | b'@' => self.one(TokenKind::Punctuation, start),
            0x80.. => self.foreign_character(start),
            _ => self.operator(start),
        }
    }

    fn one(&mut self, kind: TokenKind, start: usize) {
        self.at += 1;
        self.push(kind, start);
    }

    fn word(&mut self, start: usize) {
        while is_word_byte(self.peek(0)) {
            self.at += 1;
        }
        if self.peek(0) >= 0x80 && self.char_at(self.at).is_alphanumeric() {
            return self.unicode_word(start);
        }
        let word = &self.text[start..self.at];
        if self.peek(0) == b'"' && matches!(word, "r" | "b") {
            return self.raw_or_bytes(start);
        }
        let kind = if is_keyword(word) { TokenKind::Keyword } else { TokenKind::Ident };
        self.push(kind, start);
    }

    fn char_at(&self, at: usize) -> char {
        self.text[at..].chars().next().unwrap_or('\0')
    }

    /// A name with letters outside ASCII: one name, one diagnostic.
    fn unicode_word(&mut self, start: usize) {
        while let Some(c) = self.text[self.at..].chars().next() {
            if !(c.is_alphanumeric() || c == '_') {
                break;
            }
            self.at += c.len_utf8();
        }
        let span = self.span(start);
        let word = &self.text[start..self.at];
        self.report(
            Diagnostic::new(
                BAD_CHARACTER,
                span,
                format!("the name `{word}` has letters outside a-z, A-Z, 0-9 and _"),
            )
            .help("put the name in backticks")
            .fix("write it in backticks", span, format!("`{word}`")),
        );
        self.push(TokenKind::Ident, start);
    }

    fn number(&mut self, start: usize) {
        let hex = self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X');
        self.at += 1;
        loop {
            let byte = self.peek(0);
            let exponent_sign = matches!(byte, b'+' | b'-')
                && !hex
                && matches!(self.bytes[self.at - 1], b'e' | b'E')
                && self.peek(1).is_ascii_digit()
                && self.bytes[start..self.at - 1]
                    .iter()
                    .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_'));
            let fraction = byte == b'.'
                && !hex
                && self.peek(1).is_ascii_digit()
                && self.bytes[start..self.at].iter().all(|b| b.is_ascii_digit() || *b == b'_');
            if is_word_byte(byte) || exponent_sign || fraction {
                self.at += 1;
            } else {
                break;
            }
        }
        // `500µs`: the micro sign is the one letter outside ASCII people write in numbers.
        if matches!(self.char_at(self.at), 'µ' | 'μ') && self.bytes.get(self.at + 2) == Some(&b's') {
            self.at += 3;
        }
        self.push(TokenKind::Number, start);
    }

    fn timestamp(&mut self, start: usize) {
        self.at += 1;
        while self.peek(0).is_ascii_digit()
            || (matches!(self.peek(0), b'-' | b'.' | b'/') && self.peek(1).is_ascii_digit())
        {
            self.at += 1;
        }
        if matches!(self.peek(0), b'T' | b't') {
            self.at += 1;
            while matches!(self.peek(0), b'0'..=b'9' | b':')
                || (self.peek(0) == b'.' && self.peek(1).is_ascii_digit())
            {
                self.at += 1;
            }
            if matches!(self.peek(0), b'Z' | b'z') {
                self.at += 1;
            } else if matches!(self.peek(0), b'+' | b'-')
                && self.peek(1).is_ascii_digit()
                && self.peek(2).is_ascii_digit()
            {
                self.at += 3;
                while matches!(self.peek(0), b'0'..=b'9' | b':') {
                    self.at += 1;
                }
            }
        }
        while is_word_byte(self.peek(0)) {
            self.at += 1;
        }
        self.push(TokenKind::Timestamp, start);
    }

    /// The offset of the line's end, or the end of the text.
    fn line_end(&mut self, from: usize) -> usize {
        if !self.line.contains(&from) {
            self.line = from..lines::end(self.text, from);
        }
        self.line.end
    }

    fn line_comment(&mut self, start: usize) {
        let doc = self.peek(2) == b'/' && self.peek(3) != b'/';
        self.at = self.line_end(start);
        self.push(if doc { TokenKind::DocComment } else { TokenKind::LineComment }, start);
    }

    fn hash_comment(&mut self, start: usize) {
        self.at = self.line_end(start);
        let mark = Span::new(self.file, start, start + 1);
        self.report(Diagnostic::new(FOREIGN_WORD, mark, "a comment begins with `//`, not with `#`").fix(
            "write `//`",
            mark,
            "//",
        ));
        self.push(TokenKind::LineComment, start);
    }

    fn block_comment(&mut self, start: usize) {
        self.at += 2;
        let mut depth = 1;
        while depth > 0 && self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => (depth, self.at) = (depth + 1, self.at + 2),
                (b'*', b'/') => (depth, self.at) = (depth - 1, self.at + 2),
                _ => self.at += 1,
            }
        }
        if depth > 0 {
            let opening = Span::new(self.file, start, start + 2);
            let end = self.span(start).after();
            self.report(
                Diagnostic::new(UNCLOSED_STRING, opening, "this comment is never closed")
                    .at("opened here")
                    .help("comments nest: each `/*` needs its own `*/`")
                    .with_fix("close it at the end of the file", end, " */", Applicability::MaybeIncorrect),
            );
        }
        self.push(TokenKind::BlockComment, start);
    }

    fn operator(&mut self, start: usize) {
        if let Some(theirs) = self.match_operator() {
            self.at += theirs;
            return self.push(TokenKind::Operator, start);
        }
        const LONG: &[&str] =
            &["===", "!==", "|>", "||", "->", "=>", "==", "!=", "<=", "<>", ">=", "&&", "??", ".."];
        let rest = &self.bytes[start..];
        let long = matches!(self.peek(1), b'=' | b'>' | b'|' | b'&' | b'?' | b'.');
        let known = LONG.iter().filter(|_| long).find(|op| rest.starts_with(op.as_bytes()));
        if let Some(op) = known {
            self.at += op.len();
            return self.push(TokenKind::Operator, start);
        }
        match self.bytes[start] {
            b'.' => self.one(TokenKind::Punctuation, start),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'!' | b'?' | b'|' | b'&' => {
                self.one(TokenKind::Operator, start);
            }
            _ => self.unknown_character(start),
        }
    }

    /// How long the operator is by which another language tests a text by a pattern, if one stands here: `=~`, `!~`.
    fn match_operator(&self) -> Option<usize> {
        let rest = &self.bytes[self.at..];
        let ends_operand = |t: &Token| matches!(t.kind, TokenKind::Ident | TokenKind::Close);
        let mut theirs = ["=~", "!~*", "!~", "~=", "~*", "~"].into_iter();
        let found = theirs.find(|op| rest.starts_with(op.as_bytes()))?;
        (found.len() > 1 || self.tokens.last().is_some_and(ends_operand)).then_some(found.len())
    }

    /// `$price`, and awk's `$1`.
    fn dollar(&self, diagnostic: Diagnostic, start: usize) -> Diagnostic {
        let behind = self.bytes.get(start + 1).copied().unwrap_or(b' ');
        let span = self.span(start);
        let help = "a name is written alone: `price`, and `{price}` inside a string";
        match behind {
            b'0'..=b'9' => diagnostic.help(
                "fields have names here: those of the source's type, or `split(line, \" \")[0]` of a line of text",
            ),
            b'{' => diagnostic.help(help),
            _ if is_word_byte(behind) => diagnostic.help(help).fix("remove the `$`", span, ""),
            _ => diagnostic.help(help),
        }
    }

    fn unknown_character(&mut self, start: usize) {
        let c = self.char_at(start);
        self.at += c.len_utf8();
        let span = self.span(start);
        let shown = if c.is_control() { format!("{:?}", c) } else { format!("`{c}`") };
        let mut diagnostic = Diagnostic::new(BAD_CHARACTER, span, format!("{shown} has no meaning in flow"));
        diagnostic = match c {
            '$' => self.dollar(diagnostic, start),
            '^' => diagnostic.help("powers are `pow(x, y)`"),
            '~' if self.text[self.at..].starts_with(|c: char| c.is_alphabetic() || c == '(') => {
                diagnostic.help("what is not so is `not x`").fix("write `not`", span, "not ")
            }
            '~' => {
                diagnostic.help("a string is compared with a regular expression by `matches(text, r\"…\")`")
            }
            _ => diagnostic.with_fix("remove it", span, "", Applicability::MaybeIncorrect),
        };
        self.report(diagnostic);
        self.push(TokenKind::Unknown, start);
    }

    /// Something outside ASCII: look-alikes of what we know are read as such.
    fn foreign_character(&mut self, start: usize) {
        let c = self.char_at(start);
        if c.is_alphabetic() {
            return self.unicode_word(start);
        }
        if matches!(c, '“' | '”' | '„' | '«' | '»' | '‘' | '’') {
            return self.smart_quoted(start);
        }
        self.at += c.len_utf8();
        let span = self.span(start);
        if matches!(c, '\u{a0}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{3000}' | '\u{feff}') {
            // One run of look-alike blanks is one mistake, and one habit is one diagnostic.
            let known = self
                .diagnostics
                .iter_mut()
                .find(|d| d.code == BAD_CHARACTER && d.fixes.iter().any(|f| f.title == BLANK_FIX));
            match known {
                Some(known) => {
                    known.fixes[0].edits.push(crate::diagnostic::Edit { span, replacement: " ".into() })
                }
                None => self.report(
                    Diagnostic::new(
                        BAD_CHARACTER,
                        span,
                        format!("this is not a plain blank but U+{:04X}", c as u32),
                    )
                    .note("such blanks come along when text is copied from a web page or a document")
                    .fix(BLANK_FIX, span, " "),
                ),
            }
            return;
        }
        let meant = match c {
            '–' | '—' | '−' => Some("-"),
            '×' | '·' => Some("*"),
            '÷' => Some("/"),
            '≤' => Some("<="),
            '≥' => Some(">="),
            '≠' => Some("!="),
            '→' => Some("->"),
            '⇒' => Some("=>"),
            '…' => Some(".."),
            '，' => Some(","),
            '：' => Some(":"),
            '；' => Some(";"),
            _ => None,
        };
        let Some(meant) = meant else {
            self.at = start;
            return self.unknown_character(start);
        };
        self.report(
            Diagnostic::new(BAD_CHARACTER, span, format!("`{c}` is not a character of flow"))
                .help(format!("write `{meant}`"))
                .fix(format!("write `{meant}`"), span, meant),
        );
        let kind =
            if matches!(meant, "," | ":" | ";") { TokenKind::Punctuation } else { TokenKind::Operator };
        self.push(kind, start);
    }

    /// `“text”`: read as a string, mended by replacing the quotes.
    fn smart_quoted(&mut self, start: usize) {
        let open = self.char_at(start);
        let end = self.line_end(start);
        let inner = start + open.len_utf8();
        let close = self.text[inner..end]
            .char_indices()
            .find(|(_, c)| matches!(c, '”' | '“' | '»' | '«' | '’' | '‘' | '"'));
        let (text_end, after) = match close {
            Some((i, c)) => (inner + i, inner + i + c.len_utf8()),
            None => (guess_string_end(self.text, inner, end), guess_string_end(self.text, inner, end)),
        };
        self.at = after;
        let span = self.span(start);
        let fixed = format!("\"{}\"", &self.text[inner..text_end]);
        self.report(
            Diagnostic::new(BAD_CHARACTER, span, "these are typographic quotes")
                .help("strings stand between plain double quotes: `\"`")
                .fix("write plain double quotes", span, fixed),
        );
        self.push_string(start, inner, text_end, after);
    }

    /// SQL's `'text'`: read as a string.
    fn single_quoted(&mut self, start: usize) {
        let end = self.line_end(start);
        let close = self.bytes[start + 1..end].iter().position(|b| *b == b'\'').map(|i| start + 1 + i);
        let text_end = close.unwrap_or_else(|| guess_string_end(self.text, start + 1, end));
        self.at = close.map_or(text_end, |c| c + 1);
        let span = self.span(start);
        let inner = &self.text[start + 1..text_end];
        let diagnostic = if close.is_some() {
            let fixed = format!(
                "\"{}\"",
                inner.replace('\\', "\\\\").replace('"', "\\\"").replace('{', "{{").replace('}', "}}")
            );
            if self.quoted_before(span, &fixed) {
                let after = self.at;
                return self.push_string(start, start + 1, text_end, after);
            }
            Diagnostic::new(FOREIGN_WORD, span, SINGLE_QUOTES)
                .help("single quotes have no meaning in flow")
                .fix("write double quotes", span, fixed)
        } else {
            let opening = Span::new(self.file, start, start + 1);
            Diagnostic::new(UNCLOSED_STRING, opening, "a single quote has no meaning here")
                .help("strings stand between double quotes")
        };
        self.report(diagnostic);
        let after = self.at;
        self.push_string(start, start + 1, text_end, after);
    }

    /// A string in single quotes on the same line is told with the one before; true if there is one.
    fn quoted_before(&mut self, span: Span, fixed: &str) -> bool {
        let text = self.text;
        let Some(known) = self.diagnostics.last_mut().filter(|d| d.message == SINGLE_QUOTES) else {
            return false;
        };
        let before = known.labels.last().map_or(known.primary.span, |label| label.span);
        if lines::count(&text[before.end as usize..span.start as usize]) > 0 {
            return false;
        }
        known.labels.push(Label { span, text: "here too".into() });
        known.fixes[0].edits.push(Edit { span, replacement: fixed.to_string() });
        true
    }

    /// Pushes open quote, text and close quote with the given borders.
    fn push_string(&mut self, start: usize, inner: usize, text_end: usize, after: usize) {
        let file = self.file;
        let mut add = |kind, from, to| self.tokens.push(Token { kind, span: Span::new(file, from, to) });
        add(TokenKind::StringOpen, start, inner);
        if text_end > inner {
            add(TokenKind::StringText, inner, text_end);
        }
        add(TokenKind::StringClose, text_end, after);
        self.at = after;
    }

    fn backtick(&mut self, start: usize) {
        let end = self.line_end(start);
        match self.bytes[start + 1..end].iter().position(|b| *b == b'`') {
            Some(0) => {
                self.at = start + 2;
                let span = self.span(start);
                self.report(Diagnostic::new(BAD_CHARACTER, span, "a name in backticks cannot be empty"));
            }
            Some(i) => self.at = start + i + 2,
            None => {
                self.at += 1;
                while is_word_byte(self.peek(0)) {
                    self.at += 1;
                }
                let opening = Span::new(self.file, start, start + 1);
                let end = self.span(start).after();
                self.report(
                    Diagnostic::new(UNCLOSED_STRING, opening, "this backtick is never closed")
                        .at("opened here")
                        .with_fix("close it", end, "`", Applicability::MaybeIncorrect),
                );
            }
        }
        self.push(TokenKind::QuotedIdent, start);
    }

    /// `r"…"` without escapes, `b"…"` with them; the cursor stands at the quote.
    fn raw_or_bytes(&mut self, start: usize) {
        let raw = self.bytes[start] == b'r';
        let end = self.line_end(start);
        let mut i = self.at + 1;
        while i < end && self.bytes[i] != b'"' {
            i += if !raw && self.bytes[i] == b'\\' { 2 } else { 1 };
        }
        if let Some(close) = raw.then(|| quote_in_raw(self.bytes, i, end)).flatten() {
            self.at = close + 1;
            self.quote_in_raw(start, i);
            return self.push(TokenKind::RawString, start);
        }
        if i < end {
            self.at = i + 1;
        } else {
            let quote = Span::new(self.file, start, self.at + 1);
            self.at = guess_string_end(self.text, self.at + 1, end);
            let close = self.span(start).after();
            self.unclosed_string(quote, close);
        }
        self.push(if raw { TokenKind::RawString } else { TokenKind::Bytes }, start);
    }

    /// `r"\"x"`: told once, and read as it was meant.
    fn quote_in_raw(&mut self, start: usize, quote: usize) {
        let inner = &self.text[start + 2..self.at - 1];
        let plain = inner.replace("\\\"", "\"").replace('\\', "\\\\").replace('"', "\\\"");
        let fixed = format!("\"{}\"", plain.replace('{', "{{").replace('}', "}}"));
        let whole = self.span(start);
        self.report(
            Diagnostic::new(
                BAD_LITERAL,
                Span::new(self.file, quote - 1, quote + 1),
                "a raw string cannot hold a `\"`",
            )
            .at("nothing is escaped in a raw string: this ends it")
            .help("a string without the `r` can: `\\\"` is a quote in it, and each `\\` is written twice")
            .with_fix("write a string with escapes", whole, fixed, Applicability::MaybeIncorrect),
        );
    }

    /// `[ATL", "DFW"]`: on a line with a quote too few, a quote right behind a word closes what was never opened.
    /// Said if so, and read from there again.
    fn never_opened(&mut self, failed: usize) -> bool {
        let line = lines::start(self.text, failed);
        let Some((start, quote)) = unopened(self.bytes, line.max(self.reopened), failed) else {
            return false;
        };
        // Not within another token or another string.
        let kept = self.tokens.iter().rposition(|t| (t.span.start as usize) < start).map_or(0, |i| i + 1);
        let before = &self.tokens[..kept];
        let of_line = before.iter().rev().take_while(|t| t.span.start as usize >= line);
        let open: i32 = of_line
            .map(|t| i32::from(t.kind == TokenKind::StringOpen) - i32::from(t.kind == TokenKind::StringClose))
            .sum();
        if open != 0 || before.last().is_some_and(|t| t.span.end as usize > start) {
            return false;
        }
        self.tokens.truncate(kept);
        self.diagnostics.retain(|d| (d.primary.span.start as usize) < start);
        let word = Span::new(self.file, start, quote);
        let shown: String = self.text[start..quote].chars().take(30).collect();
        self.report(
            Diagnostic::new(UNCLOSED_STRING, word, format!("a `\"` is missing before `{shown}`"))
                .at("this string is never opened")
                .label(Span::new(self.file, quote, quote + 1), "closed here")
                .with_fix("open the string", word.before(), "\"", Applicability::MaybeIncorrect),
        );
        self.push_string(start, start, quote, quote + 1);
        self.reopened = quote + 1;
        true
    }

    fn unclosed_string(&mut self, quote: Span, close: Span) {
        self.report(
            Diagnostic::new(UNCLOSED_STRING, quote, "this string is never closed")
                .at("opened here")
                .label(close, "a `\"` is missing, at the latest here")
                .help("a string ends on the line it begins on; a line break inside one is written `\\n`")
                .with_fix("close the string", close, "\"", Applicability::MaybeIncorrect),
        );
    }

    /// `"{\"a\": 1}"`: JSON in a string, whose braces are text.
    fn braces_of_text(&mut self, start: usize, close: usize, fixed: String) {
        let inner = Span::new(self.file, start + 1, close);
        self.report(
            Diagnostic::new(UNEXPECTED_TOKEN, inner, "what stands between `{` and `}` in a string is an expression")
                .at("these braces are meant as text")
                .help("braces that are text are written `{{` and `}}`; a record becomes JSON with `toJson({ k: 1 })`")
                .fix("double the braces", inner, fixed),
        );
    }

    fn unclosed_interpolation(&mut self, brace: usize, value_end: usize) {
        let opening = Span::new(self.file, brace, brace + 1);
        let close = Span::new(self.file, value_end, value_end);
        self.report(
            Diagnostic::new(UNCLOSED_STRING, opening, "this `{` in a string is never closed")
                .at("a value begins here")
                .label(close, "a `}` is missing behind it")
                .help("a brace that is text is written `{{`")
                .with_fix("close it", close, "}", Applicability::MaybeIncorrect),
        );
    }

    /// `"text {expr} text"`, with strings inside of the expressions.
    fn string(&mut self, start: usize) {
        let tokens = self.tokens.len();
        let diagnostics = self.diagnostics.len();
        let outcome = self.string_parts();
        if matches!(outcome, StringEnd::Closed) {
            return;
        }
        self.tokens.truncate(tokens);
        self.diagnostics.truncate(diagnostics);
        if matches!(outcome, StringEnd::Unclosed) && self.never_opened(start) {
            return;
        }
        let end = self.line_end(start);
        let guess = guess_string_end(self.text, start + 1, end);
        let quote = Span::new(self.file, start, start + 1);
        if matches!(outcome, StringEnd::TooDeep) {
            self.report(Diagnostic::new(TOO_DEEP, quote, format!("strings nest deeper than {MAX_NESTING}")));
        } else if let Some((close, fixed)) = braces_of_json(self.text, start + 1, end) {
            self.braces_of_text(start, close, fixed);
            return self.push_string(start, start + 1, close, close + 1);
        } else if let Some((brace, value_end, quote)) = open_interpolation(self.bytes, start + 1, end) {
            self.unclosed_interpolation(brace, value_end);
            return self.push_string(start, start + 1, quote, quote + 1);
        } else {
            let close = Span::new(self.file, guess, guess);
            self.unclosed_string(quote, close);
        }
        self.push_string(start, start + 1, guess, guess);
    }

    /// Reads a string and all strings nested in its interpolations with an explicit stack.
    fn string_parts(&mut self) -> StringEnd {
        let mut modes = vec![Mode::Text];
        let line = self.line_end(self.at);
        self.one(TokenKind::StringOpen, self.at);
        while !modes.is_empty() {
            if modes.len() > 2 * MAX_NESTING {
                return StringEnd::TooDeep;
            }
            let Some(mode) = modes.last_mut() else { break };
            let mode = match mode {
                Mode::Text => None,
                Mode::Interp { braces } => Some(braces),
            };
            let byte = self.peek(0);
            if self.at >= self.bytes.len() || lines::is_end(byte) {
                return StringEnd::Unclosed;
            }
            match mode {
                None => match self.string_text() {
                    b'"' => {
                        self.one(TokenKind::StringClose, self.at);
                        modes.pop();
                    }
                    b'{' => {
                        self.one(TokenKind::InterpOpen, self.at);
                        modes.push(Mode::Interp { braces: 0 });
                    }
                    _ => {}
                },
                Some(braces) => match byte {
                    b'"' => {
                        self.one(TokenKind::StringOpen, self.at);
                        modes.push(Mode::Text);
                    }
                    b'}' if *braces == 0 => {
                        self.one(TokenKind::InterpClose, self.at);
                        modes.pop();
                    }
                    b'{' => {
                        *braces += 1;
                        self.one(TokenKind::Open, self.at);
                    }
                    b'}' => {
                        *braces -= 1;
                        self.one(TokenKind::Close, self.at);
                    }
                    b'/' if self.peek(1) == b'/' => return StringEnd::Unclosed,
                    b'#' => return StringEnd::Unclosed,
                    _ => {
                        let before = self.diagnostics.len();
                        self.next();
                        let failed = self.diagnostics[before..].iter().any(|d| d.code == UNCLOSED_STRING);
                        if failed || self.at > line {
                            return StringEnd::Unclosed;
                        }
                    }
                },
            }
        }
        StringEnd::Closed
    }

    /// Plain text and escapes up to a quote, a brace or the end of the line; returns what stands there.
    fn string_text(&mut self) -> u8 {
        let mut start = self.at;
        loop {
            let byte = self.peek(0);
            let escape = match byte {
                b'\\' => 2,
                b'{' if self.peek(1) == b'{' => 2,
                b'}' if self.peek(1) == b'}' => 2,
                b'"' | b'{' | b'\n' | b'\r' => 0,
                _ if self.at >= self.bytes.len() => 0,
                _ => {
                    self.at += 1;
                    continue;
                }
            };
            if self.at > start {
                self.push(TokenKind::StringText, start);
            }
            if escape == 0 {
                return byte;
            }
            let from = self.at;
            self.escape(byte);
            self.push(TokenKind::Escape, from);
            start = self.at;
        }
    }

    /// Steps over an escape: `\n`, `\u{1F600}`, `{{`.
    fn escape(&mut self, first: u8) {
        self.at += 1;
        if first != b'\\' {
            self.at += 1;
            return;
        }
        if self.at >= self.bytes.len() || lines::is_end(self.peek(0)) {
            return;
        }
        let unicode = self.peek(0) == b'u' && self.peek(1) == b'{';
        self.at += self.char_at(self.at).len_utf8();
        if unicode {
            let line = self.line_end(self.at);
            if let Some(close) = self.bytes[self.at..line].iter().position(|b| *b == b'}') {
                self.at += close + 1;
            }
        }
    }
}

/// More mistakes than this in the characters of one file are not read by anybody.
const MAX_DIAGNOSTICS: usize = 200;

const BLANK_FIX: &str = "write a plain blank";

pub(crate) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
