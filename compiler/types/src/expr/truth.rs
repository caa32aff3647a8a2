//! What other languages take for true or false, and their operators on it: `!price`, `price ? a : b`, `note || "x"`,
//! `price & 1`. The parser has said how the operator is written in flow; what is said here of the same place is said instead.

use super::{ExprCx, Typed, short};
use flow_plan::DataType;
use flow_syntax::ast::{BinaryOp, ExprId, ExprKind};
use flow_syntax::{Applicability, Diagnostic, Span, codes};

/// How a value is tested that stands for true or false elsewhere, or that it is not so.
pub(super) fn test_of(text: &str, ty: &DataType, truth: bool) -> Option<String> {
    let equal = if truth { "!=" } else { "==" };
    Some(match ty {
        DataType::Optional(_) => format!("{text} {equal} null"),
        DataType::Int => format!("{text} {equal} 0"),
        DataType::String => format!("{text} {equal} \"\""),
        DataType::List(_) | DataType::Map(_) if truth => format!("len({text}) > 0"),
        DataType::List(_) | DataType::Map(_) => format!("len({text}) == 0"),
        _ => return None,
    })
}

const NO_TRUTH: &str = "no value stands for true or false: compare it";

impl ExprCx<'_, '_> {
    /// `!price`: true if that was reported.
    pub(super) fn not_of_a_value(&mut self, value: &Typed, span: Span) -> bool {
        let mark = Span { end: span.start + 1, ..span };
        if self.ck.text(mark) != "!" || value.ty == DataType::Bool || value.path.is_none() {
            return false;
        }
        let Some(test) = test_of(self.ck.text(value.span), &value.ty, false) else { return false };
        let diag =
            Diagnostic::new(codes::FOREIGN_WORD, mark, "`!` is written `not` in flow, and takes a `bool`")
                .label(value.span, format!("this is `{}`", value.ty))
                .help(NO_TRUTH)
                .with_fix(format!("write `{}`", short(&test)), span, test, Applicability::MaybeIncorrect);
        self.ck.report(diag);
        true
    }

    /// `price ? a : b`: true if that was reported.
    pub(super) fn choice_by_a_value(
        &mut self,
        cond: &Typed,
        then: ExprId,
        otherwise: ExprId,
        span: Span,
    ) -> bool {
        let written = self.ck.text(span).starts_with("if");
        if written || cond.ty == DataType::Bool || cond.path.is_none() {
            return false;
        }
        let Some(test) = test_of(self.ck.text(cond.span), &cond.ty, true) else { return false };
        let (then, otherwise) = (self.ck.text(self.span(then)), self.ck.text(self.span(otherwise)));
        let fixed = format!("if {test} then {then} else {otherwise}");
        let diag = Diagnostic::new(codes::FOREIGN_WORD, span, "a choice is written `if c then a else b`")
            .label(cond.span, format!("this is `{}`", cond.ty))
            .help(NO_TRUTH)
            .with_fix(format!("write `{}`", short(&fixed)), span, fixed, Applicability::MaybeIncorrect);
        self.ck.report(diag);
        true
    }

    /// `price > 3 and "high" or "low"`: true if that was reported.
    pub(super) fn choice_by_words(&mut self, id: ExprId) -> bool {
        let binary = |id: ExprId, op: BinaryOp| match &self.ast.exprs[id].kind {
            ExprKind::Binary { op: found, lhs, rhs, .. } if *found == op => Some((*lhs, *rhs)),
            _ => None,
        };
        let Some((chosen, otherwise)) = binary(id, BinaryOp::Or) else { return false };
        let Some((cond, then)) = binary(chosen, BinaryOp::And) else { return false };
        let literal = |id: ExprId| {
            use ExprKind::{Decimal, Duration, Float, Int, Str, Timestamp};
            matches!(
                self.ast.exprs[id].kind,
                Str(_) | Int(_) | Float(_) | Decimal(_) | Duration(_) | Timestamp(_)
            )
        };
        if !literal(then) {
            return false;
        }
        let text = |id: ExprId| self.ck.text(self.span(id));
        let fixed = format!("if {} then {} else {}", text(cond), text(then), text(otherwise));
        let span = self.span(id);
        let diag = Diagnostic::new(codes::FOREIGN_WORD, span, "a choice is written `if c then a else b`")
            .label(self.span(then), "`and` and `or` join conditions, and give `true` or `false`");
        self.ck.report(diag.fix(format!("write `{}`", short(&fixed)), span, fixed));
        true
    }

    /// `note or "x"`, `note || "x"`, `price & 1`: true if that was reported. Looks at the right side only then.
    pub(super) fn logic_of_values(&mut self, lhs: &Typed, operator: Span, rhs: ExprId) -> bool {
        let theirs = self.ck.text(operator);
        let inner = lhs.ty.unwrapped().clone();
        match theirs {
            "or" | "OR" | "||" | "|" if lhs.ty.is_optional() && inner != DataType::Bool => {
                let Some(right) = self.expr(rhs, Some(&inner)) else { return true };
                if *right.ty.unwrapped() != inner {
                    return false;
                }
                self.default_by_or(lhs, operator);
                true
            }
            "&" | "|" if inner == DataType::Int => {
                let right = self.expr(rhs, Some(&inner));
                if right.is_some_and(|r| *r.ty.unwrapped() != DataType::Int) {
                    return false;
                }
                let diag = Diagnostic::new(
                    codes::FOREIGN_WORD,
                    operator,
                    format!("there is no `{theirs}` of bits"),
                )
                .label(lhs.span, format!("this is `{}`", lhs.ty))
                .help("the lowest bit is tested with `x % 2 == 1`, a higher one with `x / 4 % 2 == 1`; conditions are joined by `and` and `or`");
                self.ck.report(diag);
                true
            }
            _ => false,
        }
    }

    /// `note || "x"` where `note` may be null.
    pub(super) fn default_by_or(&mut self, lhs: &Typed, operator: Span) {
        let theirs = self.ck.text(operator);
        let diag = Diagnostic::new(codes::FOREIGN_WORD, operator, "a default is given with `??`")
            .at("written `??` in flow")
            .label(lhs.span, format!("this is `{}`", lhs.ty));
        let diag = match theirs {
            "||" => diag.help("texts are joined by `+`, conditions by `or`"),
            _ => diag,
        };
        self.ck.report(diag.with_fix("write `??`", operator, "??", Applicability::MaybeIncorrect));
    }
}
