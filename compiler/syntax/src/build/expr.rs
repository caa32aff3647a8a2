//! Expressions: the grammar gives them flat; precedence climbs here, with an explicit stack.

use super::operator::{Action, Pending, is_comparison};
use super::{Build, Pair};
use crate::ast::{BinaryOp, ExprId, ExprKind, Ident, MatchArm, Pattern, PatternKind, UnaryOp};
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit};
use crate::grammar::Rule;
use crate::literal;
use crate::span::Span;

/// Operands and operators seen so far.
#[derive(Default)]
struct Climb {
    operands: Vec<(ExprId, Span)>,
    pending: Vec<Pending>,
    broken: bool,
}

impl Build<'_, '_, '_> {
    pub(super) fn add(&mut self, kind: ExprKind, span: Span) -> ExprId {
        self.shared.exprs.add(kind, span)
    }

    /// An expression.
    pub(crate) fn expr(&mut self, pair: Pair<'_>) -> ExprId {
        let span = self.span(&pair);
        self.expr_parts(pair.into_inner(), span)
    }

    /// The flat parts of an expression.
    pub(super) fn expr_parts<'p>(&mut self, parts: impl Iterator<Item = Pair<'p>>, span: Span) -> ExprId {
        self.shared.depth += 1;
        let mut climb = Climb::default();
        let mut last = Rule::EOI;
        for part in parts {
            let rule = part.as_rule();
            self.expr_part(&mut climb, part, last);
            last = rule;
        }
        self.reduce_to(&mut climb, 0);
        self.shared.depth -= 1;
        match climb.operands.pop() {
            Some((id, _)) if !climb.broken => id,
            _ => self.add(ExprKind::Error, span),
        }
    }

    fn expr_part(&mut self, climb: &mut Climb, part: Pair<'_>, last: Rule) {
        match part.as_rule() {
            Rule::prefix => {
                let pending = self.prefix(&part);
                climb.pending.push(pending);
            }
            Rule::infix => {
                let pending = self.infix(&part);
                self.check_chain(climb, pending);
                self.reduce_to(climb, pending.action.precedence());
                climb.pending.push(pending);
            }
            Rule::is_null => {
                self.reduce_to(climb, Action::Binary(BinaryOp::Eq).precedence());
                let (pending, constant) = self.is_null(part);
                climb.pending.push(pending);
                climb.operands.push((constant, pending.span));
            }
            Rule::ternary => self.ternary(climb, part),
            Rule::member | Rule::index => {
                if let Some((base, base_span)) = climb.operands.pop() {
                    let operand = self.postfix(base, base_span, part);
                    climb.operands.push(operand);
                }
            }
            _ => {
                let span = self.span(&part);
                let negated = last == Rule::prefix
                    && matches!(climb.pending.last(), Some(p) if matches!(p.action, Action::Unary(UnaryOp::Neg)));
                if negated && self.only_negative(&part) {
                    let minus = climb.pending.pop().map_or(span, |p| p.span);
                    let kind = self.literal(&part, true);
                    let span = minus.to(span);
                    let id = self.add(kind, span);
                    return climb.operands.push((id, span));
                }
                let id = self.primary(part);
                climb.operands.push((id, span));
            }
        }
    }

    /// Is it a number that only fits with a minus (the smallest `int`)?
    fn only_negative(&self, pair: &Pair<'_>) -> bool {
        pair.as_rule() == Rule::number && {
            let text = self.pair_text(pair);
            literal::number(text, false).is_err() && literal::number(text, true).is_ok()
        }
    }

    fn reduce_to(&mut self, climb: &mut Climb, precedence: u8) {
        while climb.pending.last().is_some_and(|p| p.action.precedence() >= precedence) {
            if let Some(pending) = climb.pending.pop() {
                self.reduce(&mut climb.operands, pending);
            }
        }
    }

    /// `a < b < c`: comparisons do not chain.
    fn check_chain(&mut self, climb: &mut Climb, next: Pending) {
        let comparison = |action| matches!(action, Action::Binary(op) if is_comparison(op));
        if climb.broken || !comparison(next.action) {
            return;
        }
        let Some(at) = climb.pending.iter().rposition(|p| comparison(p.action)) else { return };
        let direct = climb.pending[at + 1..].iter().all(|p| p.action.precedence() > 4);
        let Some((_, middle)) = climb.operands.last().copied().filter(|_| direct) else { return };
        let first = climb.pending[at].span;
        let from = Span { start: first.end, end: middle.end, ..first };
        let middle = self.shared.text[from.range()].trim().to_string();
        climb.broken = true;
        self.report(
            Diagnostic::new(FOREIGN_WORD, next.span, "comparisons do not chain")
                .label(first, "the first comparison")
                .help("compare twice and join with `and`")
                .with_fix(
                    format!("repeat `{middle}`"),
                    next.span.before(),
                    format!("and {middle} "),
                    Applicability::MachineApplicable,
                ),
        );
    }

    /// `c ? a : b`.
    fn ternary(&mut self, climb: &mut Climb, pair: Pair<'_>) {
        self.reduce_to(climb, 0);
        let Some((cond, cond_span)) = climb.operands.pop() else { return };
        let span = cond_span.to(self.span(&pair));
        let mut edits = vec![Edit { span: cond_span.before(), replacement: "if ".into() }];
        let mut values = Vec::new();
        for part in pair.into_inner() {
            let place = self.span(&part);
            match part.as_rule() {
                Rule::question => edits.push(self.spaced(place, "then")),
                Rule::colon => edits.push(self.spaced(place, "else")),
                _ => values.push(self.expr(part)),
            }
        }
        self.habit(
            FOREIGN_WORD,
            span,
            "a choice is written `if c then a else b`",
            "flow has no `c ? a : b`",
            ("write `if … then … else …`", edits),
        );
        if let [then, otherwise] = values[..] {
            let id = self.add(ExprKind::If { cond, then, otherwise }, span);
            climb.operands.push((id, span));
        }
    }

    /// A replacement by a word, with blanks where the text has none.
    fn spaced(&self, span: Span, word: &str) -> Edit {
        let bytes = self.shared.text.as_bytes();
        let blank = |at: Option<usize>| at.and_then(|i| bytes.get(i)).is_none_or(u8::is_ascii_whitespace);
        let left = if blank((span.start as usize).checked_sub(1)) { "" } else { " " };
        let right = if blank(Some(span.end as usize)) { "" } else { " " };
        Edit { span, replacement: format!("{left}{word}{right}") }
    }

    /// `.field`, `.f(args)`, `[index]` behind an operand.
    fn postfix(&mut self, base: ExprId, base_span: Span, pair: Pair<'_>) -> (ExprId, Span) {
        let span = base_span.to(self.span(&pair));
        let is_index = pair.as_rule() == Rule::index;
        let mut name = None;
        let mut args = None;
        let mut index = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::field_name => name = Some(self.ident(&part)),
                Rule::call_args => args = Some(self.call_args(part, "")),
                Rule::expr => index = Some(self.expr(part)),
                _ => {}
            }
        }
        let kind = match (is_index, index, name, args) {
            (true, Some(index), ..) => ExprKind::Index { base, index },
            (_, _, Some(name), None) => ExprKind::Field { base, name },
            (_, _, Some(name), Some(args)) => ExprKind::MethodCall { base, name, args },
            _ => ExprKind::Error,
        };
        (self.add(kind, span), span)
    }

    fn primary(&mut self, pair: Pair<'_>) -> ExprId {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::name | Rule::keyword_name => {
                let name = self.ident(&pair);
                self.add(ExprKind::Name(name), span)
            }
            Rule::paren => match pair.into_inner().find(|p| p.as_rule() == Rule::expr) {
                Some(inner) => self.expr(inner),
                None => self.add(ExprKind::Error, span),
            },
            Rule::call => self.call(pair, span),
            Rule::lambda | Rule::lambda_many => self.lambda(pair, span),
            Rule::list => self.list(pair),
            Rule::record => self.record(pair, span),
            Rule::map_literal => self.map_literal(pair, span),
            Rule::if_expr => self.if_expr(pair, span),
            Rule::try_expr => self.try_expr(pair, span),
            Rule::match_expr => self.match_expr(pair, span),
            _ => {
                let kind = self.literal(&pair, false);
                self.add(kind, span)
            }
        }
    }

    fn call(&mut self, pair: Pair<'_>, span: Span) -> ExprId {
        let mut callee = None;
        let mut args = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => callee = Some(self.ident(&part)),
                _ => {
                    let name = callee.as_ref().map_or(String::new(), |c: &Ident| c.name.clone());
                    args = self.call_args(part, &name);
                }
            }
        }
        match callee {
            Some(callee) => self.add(ExprKind::Call { callee, args }, span),
            None => self.add(ExprKind::Error, span),
        }
    }

    fn lambda(&mut self, pair: Pair<'_>, span: Span) -> ExprId {
        let mut params = Vec::new();
        let mut body = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => params.push(self.ident(&part)),
                Rule::expr => body = Some(self.expr(part)),
                _ => {}
            }
        }
        match body {
            Some(body) => self.add(ExprKind::Lambda { params, body }, span),
            None => self.add(ExprKind::Error, span),
        }
    }

    /// The expressions right inside a pair.
    fn inner_exprs(&mut self, pair: Pair<'_>) -> Vec<ExprId> {
        let parts = pair.into_inner().filter(|p| p.as_rule() == Rule::expr);
        parts.map(|p| self.expr(p)).collect()
    }

    fn if_expr(&mut self, pair: Pair<'_>, span: Span) -> ExprId {
        let word = Span { end: span.start + 2, ..span };
        let mut parts = self.inner_exprs(pair);
        if parts.len() == 2 {
            self.report(
                Diagnostic::new(UNEXPECTED_TOKEN, span.after(), "an `if` needs an `else`")
                    .at("expected `else`")
                    .label(word, "this `if`")
                    .help("an `if` is a value: both sides must give one; `else null` says there is none")
                    .with_fix("add `else null`", span.after(), " else null", Applicability::MaybeIncorrect),
            );
            let missing = self.add(ExprKind::Error, span.after());
            parts.push(missing);
        }
        match parts[..] {
            [cond, then, otherwise] => self.add(ExprKind::If { cond, then, otherwise }, span),
            _ => self.add(ExprKind::Error, span),
        }
    }

    fn try_expr(&mut self, pair: Pair<'_>, span: Span) -> ExprId {
        match self.inner_exprs(pair)[..] {
            [value, fallback] => self.add(ExprKind::Try { value, fallback }, span),
            _ => self.add(ExprKind::Error, span),
        }
    }

    fn match_expr(&mut self, pair: Pair<'_>, span: Span) -> ExprId {
        let mut subject = None;
        let mut arms = Vec::new();
        let mut commas = self.commas("an arm");
        for part in pair.into_inner() {
            commas.see(self, &part);
            match part.as_rule() {
                Rule::expr => subject = Some(self.expr(part)),
                Rule::match_arm => arms.extend(self.match_arm(part)),
                _ => {}
            }
        }
        match subject {
            Some(subject) => self.add(ExprKind::Match { subject, arms }, span),
            None => self.add(ExprKind::Error, span),
        }
    }

    fn match_arm(&mut self, pair: Pair<'_>) -> Option<MatchArm> {
        let span = self.span(&pair);
        let mut patterns = Vec::new();
        let mut value = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::pattern => patterns.push(self.pattern(part)),
                Rule::op => self.pattern_or(&part),
                Rule::expr => value = Some(self.expr(part)),
                _ => {}
            }
        }
        value.map(|value| MatchArm { patterns, value, span })
    }

    /// Patterns are joined by `or`; `|` is Rust's.
    fn pattern_or(&mut self, pair: &Pair<'_>) {
        let span = self.span(pair);
        let text = self.pair_text(pair);
        if text != "or" {
            let edit = vec![Edit { span, replacement: "or".into() }];
            self.habit(FOREIGN_WORD, span, "patterns are joined by `or`", "", ("write `or`", edit));
        }
    }

    fn pattern(&mut self, pair: Pair<'_>) -> Pattern {
        let span = self.span(&pair);
        let mut bounds = Vec::new();
        for part in pair.into_inner() {
            if part.as_rule() == Rule::bound {
                bounds.push(self.bound(part));
            }
        }
        let kind = match bounds[..] {
            [] => PatternKind::Wildcard,
            [one] => PatternKind::Literal(one),
            [lo, hi, ..] => PatternKind::Range(lo, hi),
        };
        Pattern { kind, span }
    }

    /// A literal of a pattern, its minus folded in.
    fn bound(&mut self, pair: Pair<'_>) -> ExprId {
        let span = self.span(&pair);
        let mut negative = false;
        let mut kind = ExprKind::Error;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::minus => negative = true,
                _ => kind = self.literal(&part, negative),
            }
        }
        let kind = match kind {
            ExprKind::Float(value) if negative => ExprKind::Float(-value),
            ExprKind::Decimal(digits) if negative => ExprKind::Decimal(format!("-{digits}")),
            other => other,
        };
        self.add(kind, span)
    }
}
