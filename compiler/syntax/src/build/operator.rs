//! Operators: their precedence, and the spellings other languages use for them.

use super::{Build, Pair};
use crate::ast::{BinaryOp, ExprId, ExprKind, UnaryOp};
use crate::class::Tok;
use crate::codes::FOREIGN_WORD;
use crate::diagnose;
use crate::diagnostic::Edit;
use crate::grammar::Rule;
use crate::span::Span;

/// What an operator does with its operands.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Unary(UnaryOp),
    Binary(BinaryOp),
    In { negated: bool },
    Range,
}

/// An operator waiting for its right operand.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub(super) action: Action,
    pub(super) span: Span,
}

impl Action {
    /// Higher binds tighter.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Action::Binary(BinaryOp::Or) => 1,
            Action::Binary(BinaryOp::And) => 2,
            Action::Unary(UnaryOp::Not) => 3,
            Action::In { .. } => 4,
            Action::Binary(op) if is_comparison(op) => 4,
            Action::Range => 5,
            Action::Binary(BinaryOp::Coalesce) => 6,
            Action::Binary(BinaryOp::Add | BinaryOp::Sub) => 7,
            Action::Binary(_) => 8,
            Action::Unary(UnaryOp::Neg) => 9,
        }
    }
}

pub(super) fn is_comparison(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge)
}

fn is_logical(op: BinaryOp) -> bool {
    is_comparison(op) || matches!(op, BinaryOp::And | BinaryOp::Or)
}

/// The tokens of an expression on one side of an operator, without what stands in brackets; only some, as nobody writes
/// more in one.
fn outside<'t>(
    toks: impl Iterator<Item = &'t Tok>,
    opens: fn(&Tok) -> bool,
    closes: fn(&Tok) -> bool,
) -> impl Iterator<Item = &'t Tok> {
    let mut depth = 0usize;
    let next = move |tok: &'t Tok| {
        let ends = matches!(tok.class, b',' | b':' | b'|' | b'$' | b'^' | b'I' | b'T' | b'E');
        if depth == 0 && (ends || closes(tok)) {
            return None;
        }
        depth = depth + usize::from(opens(tok)) - usize::from(closes(tok));
        Some((depth == 0).then_some(tok))
    };
    toks.take(64).map_while(next).flatten()
}

impl Build<'_, '_, '_> {
    /// An operator before its operand.
    pub(super) fn prefix(&mut self, pair: &Pair<'_>) -> Pending {
        let tok = self.tok(pair);
        let span = tok.span(self.file());
        let text = self.tok_text(tok);
        let action =
            if tok.class == b'-' { Action::Unary(UnaryOp::Neg) } else { Action::Unary(UnaryOp::Not) };
        if tok.class == b'!' && text != "not" {
            let glued = self.shared.text[span.end as usize..].starts_with(|c: char| !c.is_whitespace());
            let replacement = if glued && text == "!" { "not " } else { "not" };
            self.foreign_operator(span, text, "not", replacement);
        }
        Pending { action, span }
    }

    /// An operator between operands.
    pub(super) fn infix(&mut self, pair: &Pair<'_>) -> Pending {
        let span = self.span(pair);
        let first = self.tok(pair);
        let text = self.tok_text(first);
        let action = match first.class {
            b'N' => Action::In { negated: false },
            b'!' => Action::In { negated: true },
            b'~' => Action::Range,
            b'-' => Action::Binary(BinaryOp::Sub),
            b'<' => Action::Binary(BinaryOp::Lt),
            b'>' => Action::Binary(BinaryOp::Gt),
            b'=' => Action::Binary(BinaryOp::Eq),
            _ => Action::Binary(binary(text)),
        };
        match first.class {
            b'N' if text != "in" => self.foreign_operator(span, text, "in", "in"),
            b'!' if text != "not" => self.foreign_operator(first.span(self.file()), text, "not", "not "),
            b'=' => self.assignment_for_equality(span),
            b'+' if diagnose::is_match(text) => self.matched(pair.as_span().start(), span, text),
            b'+' => {
                if text == "||" && self.joins_texts(pair.as_span().start()) {
                    self.foreign_operator(span, text, "+", "+");
                    return Pending { action: Action::Binary(BinaryOp::Add), span };
                }
                if let Some(ours) = ours(text) {
                    let bytes = self.shared.text.as_bytes();
                    let blank = |at: usize| bytes.get(at).is_none_or(u8::is_ascii_whitespace);
                    let word = ours.starts_with(|c: char| c.is_alphabetic());
                    let left =
                        if word && span.start > 0 && !blank(span.start as usize - 1) { " " } else { "" };
                    let right = if word && !blank(span.end as usize) { " " } else { "" };
                    self.foreign_operator(span, text, ours, &format!("{left}{ours}{right}"));
                }
            }
            _ => {}
        }
        Pending { action, span }
    }

    /// `channel =~ "web.*"`: the operator at a token.
    fn matched(&mut self, at: usize, span: Span, theirs: &str) {
        let diagnostic = diagnose::no_match_operator(span, theirs);
        let first = diagnose::operand_start(self.toks, at);
        let pattern = self.toks.get(at + 1).filter(|t| t.class == b'"');
        let (Some(first), Some(pattern)) = (first, pattern) else { return self.report(diagnostic) };
        let value = &self.shared.text[self.toks[first].start as usize..self.toks[at - 1].end as usize];
        let text = self.tok_text(*pattern);
        let raw = if text.starts_with('"') && !text.contains('\\') { "r" } else { "" };
        let fixed = format!("{}matches({value}, {raw}{text})", diagnose::negation(theirs));
        let whole = self.toks[first].span(self.file()).to(pattern.span(self.file()));
        self.report(diagnostic.fix(format!("write `{fixed}`"), whole, fixed));
    }

    /// Does SQL's `||` at this token join texts? One stands beside it, and nothing in the expression is true or false.
    fn joins_texts(&self, at: usize) -> bool {
        let is_text = |i: usize| self.toks.get(i).is_some_and(|t| t.class == b'"');
        if !is_text(at.wrapping_sub(1)) && !is_text(at + 1) {
            return false;
        }
        let before = outside(self.toks[..at].iter().rev(), Tok::is_close, Tok::is_open);
        let mut all = before.chain(outside(self.toks[at..].iter(), Tok::is_open, Tok::is_close));
        !all.any(|tok| match tok.class {
            b'<' | b'>' | b'=' | b'!' | b'N' => true,
            b'+' => is_logical(binary(self.tok_text(*tok))) && self.tok_text(*tok) != "||",
            _ => false,
        })
    }

    fn assignment_for_equality(&mut self, span: Span) {
        let edit = vec![Edit { span, replacement: "==".into() }];
        self.habit(
            FOREIGN_WORD,
            span,
            "a comparison is written `==`",
            "`=` only gives names to declarations",
            ("write `==`", edit),
        );
    }

    fn foreign_operator(&mut self, span: Span, theirs: &str, ours: &str, replacement: &str) {
        // What a fix writes anew as a whole (`a BETWEEN 1 AND 10`) is no mistake of its own.
        let within = |e: &Edit| e.span.start <= span.start && span.end <= e.span.end;
        let mut here = self.shared.diagnostics[self.from..].iter();
        if here.any(|d| d.code == FOREIGN_WORD && d.fixes.iter().any(|f| f.edits.iter().any(within))) {
            return;
        }
        let edit = vec![Edit { span, replacement: replacement.into() }];
        self.habit(
            FOREIGN_WORD,
            span,
            &format!("`{theirs}` is written `{ours}` in flow"),
            "",
            (&format!("write `{ours}`"), edit),
        );
    }

    /// `x is null`, `x is not null`: an equality with `null`.
    pub(super) fn is_null(&mut self, pair: Pair<'_>) -> (Pending, ExprId) {
        let span = self.span(&pair);
        let negated = pair.clone().into_inner().any(|p| p.as_rule() == Rule::not);
        let word = pair.into_inner().last().map(|p| self.pair_text(&p)).unwrap_or("null");
        let constant = match word.to_ascii_lowercase().as_str() {
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            _ => ExprKind::Null,
        };
        let shown = word.to_ascii_lowercase();
        let (op, ours) = if negated { (BinaryOp::Ne, "!=") } else { (BinaryOp::Eq, "==") };
        let theirs = if negated { format!("is not {shown}") } else { format!("is {shown}") };
        let ours = format!("{ours} {shown}");
        self.foreign_operator(span, &theirs, &ours, &ours);
        let constant = self.shared.exprs.add(constant, span);
        (Pending { action: Action::Binary(op), span }, constant)
    }

    /// Makes the node of an operator from the operands it has waited for.
    pub(super) fn reduce(&mut self, operands: &mut Vec<(ExprId, Span)>, pending: Pending) {
        let Some((right, right_span)) = operands.pop() else { return };
        if let Action::Unary(op) = pending.action {
            let span = pending.span.to(right_span);
            let id = self.shared.exprs.add(ExprKind::Unary { op, operand: right }, span);
            return operands.push((id, span));
        }
        let Some((left, left_span)) = operands.pop() else { return };
        let span = left_span.to(right_span);
        let kind = match pending.action {
            Action::Binary(op) => ExprKind::Binary { op, op_span: pending.span, lhs: left, rhs: right },
            Action::In { negated } => ExprKind::In { negated, item: left, list: right },
            Action::Range | Action::Unary(_) => ExprKind::Range { lo: left, hi: right },
        };
        let id = self.shared.exprs.add(kind, span);
        operands.push((id, span));
    }
}

fn binary(text: &str) -> BinaryOp {
    match text {
        "or" | "OR" | "||" | "|" => BinaryOp::Or,
        "and" | "AND" | "&&" | "&" => BinaryOp::And,
        "==" | "===" => BinaryOp::Eq,
        _ if diagnose::is_match(text) => BinaryOp::Eq,
        "!=" | "!==" | "<>" | "≠" => BinaryOp::Ne,
        "<=" | "≤" => BinaryOp::Le,
        ">=" | "≥" => BinaryOp::Ge,
        "??" => BinaryOp::Coalesce,
        "+" => BinaryOp::Add,
        "/" | "÷" => BinaryOp::Div,
        "%" => BinaryOp::Rem,
        _ => BinaryOp::Mul,
    }
}

/// Flow's spelling of an operator of another language.
fn ours(text: &str) -> Option<&'static str> {
    match text {
        "||" | "|" | "OR" => Some("or"),
        "&&" | "&" | "AND" => Some("and"),
        "===" => Some("=="),
        "!==" | "<>" => Some("!="),
        _ => None,
    }
}
