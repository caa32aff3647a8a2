//! Literals of the tree: numbers, timestamps, strings with their interpolated expressions.

use super::{Build, Pair};
use crate::ast::{ExprId, ExprKind, StrPart};
use crate::class::{Tok, behind_string, classify};
use crate::codes::{BAD_LITERAL, UNEXPECTED_TOKEN};
use crate::diagnostic::Diagnostic;
use crate::grammar::Rule;
use crate::literal::{self, LiteralError};
use crate::span::Span;
use crate::token::TokenKind;

impl Build<'_, '_, '_> {
    /// A literal of one token; `negative` if a minus belongs to it.
    pub(super) fn literal(&mut self, pair: &Pair<'_>, negative: bool) -> ExprKind {
        let tok = self.tok(pair);
        let text = self.tok_text(tok);
        let span = tok.span(self.file());
        match tok.class {
            b'0' => literal::number(text, negative).unwrap_or_else(|e| {
                let error = self.thousands(pair.as_span().start(), text).unwrap_or(e);
                self.bad_literal(span, error, "")
            }),
            b'1' => literal::timestamp(&text[1..])
                .map_or_else(|e| self.bad_literal(span, e, "@"), ExprKind::Timestamp),
            b'2' => self.bytes(tok),
            b'"' => self.string(tok),
            _ => match text {
                "true" | "TRUE" => self.constant(span, text, ExprKind::Bool(true)),
                "false" | "FALSE" => self.constant(span, text, ExprKind::Bool(false)),
                _ => self.constant(span, text, ExprKind::Null),
            },
        }
    }

    /// `1k`, `2M` where no size is wanted: a thousand, a million.
    fn thousands(&self, at: usize, text: &str) -> Option<LiteralError> {
        let named = at.checked_sub(2).filter(|_| self.toks[at - 1].class == b':').map(|i| self.toks[i]);
        let option = named.map_or("", |tok| self.tok_text(tok)).to_ascii_lowercase();
        let is_size = ["size", "memory", "limit", "bytes"].iter().any(|word| option.contains(word));
        if is_size { None } else { literal::thousands(text) }
    }

    fn constant(&mut self, span: Span, text: &str, kind: ExprKind) -> ExprKind {
        let lower = text.to_ascii_lowercase();
        if lower != text {
            self.report(
                Diagnostic::new(
                    crate::codes::FOREIGN_WORD,
                    span,
                    format!("`{text}` is written `{lower}` in flow"),
                )
                .fix(format!("write `{lower}`"), span, lower),
            );
        }
        kind
    }

    fn bad_literal(&mut self, span: Span, error: LiteralError, prefix: &str) -> ExprKind {
        let mut diagnostic = Diagnostic::new(BAD_LITERAL, span, error.message);
        if let Some(help) = error.help {
            diagnostic = diagnostic.help(help);
        }
        if let Some(instead) = error.instead {
            let instead = format!("{prefix}{instead}");
            diagnostic = diagnostic.fix(format!("write `{instead}`"), span, instead);
        }
        self.report(diagnostic);
        ExprKind::Error
    }

    fn bytes(&mut self, tok: Tok) -> ExprKind {
        let inner = self.tok_text(tok)[2..].trim_end_matches('"');
        let inner = if self.tok_text(tok).ends_with("\\\"\"") {
            &self.tok_text(tok)[2..tok.end as usize - tok.start as usize - 1]
        } else {
            inner
        };
        match literal::byte_string(inner) {
            Ok(bytes) => ExprKind::Bytes(bytes),
            Err((from, to, error)) => {
                let at = tok.start as usize + 2;
                let span = Span::new(self.file(), at + from, at + to);
                self.bad_literal(span, error, "")
            }
        }
    }

    /// The text of a string without interpolation (an import's path, a test's name).
    pub(super) fn plain_string(&mut self, pair: &Pair<'_>, what: &str) -> String {
        let tok = self.tok(pair);
        let span = tok.span(self.file());
        match self.string(tok) {
            ExprKind::Str(parts) if parts.iter().all(|p| matches!(p, StrPart::Text(_))) => {
                parts.into_iter().map(|p| if let StrPart::Text(t) = p { t } else { String::new() }).collect()
            }
            _ => {
                self.report(
                    Diagnostic::new(UNEXPECTED_TOKEN, span, format!("{what} cannot have `{{…}}` in it"))
                        .help("a brace itself is written twice: `{{`"),
                );
                String::new()
            }
        }
    }

    /// A string of any kind.
    pub(super) fn string(&mut self, tok: Tok) -> ExprKind {
        let (first, last) = (tok.first as usize, tok.last as usize);
        let tokens = self.shared.tokens;
        if tokens[first].kind == TokenKind::RawString {
            let text = &self.tok_text(tok)[2..];
            return ExprKind::Str(vec![StrPart::Text(text.strip_suffix('"').unwrap_or(text).to_string())]);
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut i = first + 1;
        while i + 1 < last {
            let token = tokens[i];
            let text = &self.shared.text[token.span.range()];
            match token.kind {
                TokenKind::StringText => plain.push_str(text),
                TokenKind::Escape => match literal::escape(text) {
                    Ok(c) => plain.push(c),
                    Err(error) => {
                        self.bad_literal(token.span, error, "");
                    }
                },
                TokenKind::InterpOpen => {
                    let close = self.interpolation_end(i, last);
                    if !plain.is_empty() {
                        parts.push(StrPart::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(StrPart::Expr(self.interpolated(i, close)));
                    i = close;
                }
                _ => {}
            }
            i += 1;
        }
        if !plain.is_empty() {
            parts.push(StrPart::Text(plain));
        }
        ExprKind::Str(parts)
    }

    /// Index of the `}` that belongs to the interpolation opened at `open`.
    fn interpolation_end(&self, open: usize, last: usize) -> usize {
        let tokens = self.shared.tokens;
        let mut i = open + 1;
        while i < last {
            match tokens[i].kind {
                TokenKind::StringOpen => i = behind_string(tokens, i),
                TokenKind::InterpClose => return i,
                _ => i += 1,
            }
        }
        last - 1
    }

    /// The expression between token `open` and token `close`.
    fn interpolated(&mut self, open: usize, close: usize) -> ExprId {
        let tokens = self.shared.tokens;
        let (file, text) = (self.file(), self.shared.text);
        let whole = tokens[open].span.to(tokens[close].span);
        let toks = classify(text, tokens, open + 1..close);
        if toks.is_empty() {
            self.report(
                Diagnostic::new(UNEXPECTED_TOKEN, whole, "an expression is missing between the braces")
                    .help("a brace itself is written twice: `{{` or `}}`"),
            );
            return self.shared.exprs.add(ExprKind::Error, whole);
        }
        let before = self.shared.diagnostics.len();
        let segments =
            crate::scan::segments(file, text, &toks, self.shared.depth, &mut self.shared.diagnostics);
        let reported = self.shared.diagnostics.len() > before;
        let [segment] = &segments[..] else {
            return self.shared.exprs.add(ExprKind::Error, whole);
        };
        if segment.too_deep {
            return self.shared.exprs.add(ExprKind::Error, whole);
        }
        let parsed = crate::parse::with_pairs(
            self.shared,
            Rule::interpolated,
            &segment.toks,
            reported,
            |build, pair| pair.into_inner().next().map(|expr| build.expr(expr)),
        );
        parsed.flatten().unwrap_or_else(|| self.shared.exprs.add(ExprKind::Error, whole))
    }
}
