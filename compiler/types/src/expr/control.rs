//! `if`, `try`: and how branches come to one type.

use super::{ExprCx, Path, Typed};
use flow_plan::DataType;
use flow_plan::expr::Kind;
use flow_syntax::ast::{ExprId, ExprKind};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

impl ExprCx<'_, '_> {
    pub(super) fn if_else(
        &mut self,
        cond: ExprId,
        then: ExprId,
        otherwise: ExprId,
        span: Span,
        want: Option<&DataType>,
    ) -> Option<Typed> {
        let cond = self.expr(cond, Some(&DataType::Bool));
        if let Some(cond) = &cond
            && self.choice_by_a_value(cond, then, otherwise, span)
        {
            return None;
        }
        let cond = cond.and_then(|cond| self.coerce(cond, &DataType::Bool, "the condition of `if`"));
        let (yes, no) = match &cond {
            Some(cond) => (cond.when_true.clone(), cond.when_false.clone()),
            None => (Vec::new(), Vec::new()),
        };
        // `null` takes the type of the other branch, so that one is looked at first.
        let (a, b) = if self.is_null(then) && !self.is_null(otherwise) {
            let b = self.knowing(&no, otherwise, want);
            let hint = b.as_ref().map(|b| b.ty.clone());
            (self.knowing(&yes, then, want.or(hint.as_ref()).filter(|_| b.is_some())), b)
        } else {
            let a = self.knowing(&yes, then, want);
            let hint = a.as_ref().map(|a| a.ty.clone());
            if a.is_none() && self.is_null(otherwise) {
                return None;
            }
            let b = self.knowing(&no, otherwise, want.or(hint.as_ref()));
            (a, b)
        };
        let (cond, a, b) = (cond?, a?, b?);
        let (a, b, ty) = self.one_type(a, b, "`if`")?;
        let kind = Kind::If { cond: cond.node, then: a.node, otherwise: b.node };
        let written = self.made_of(&[(then, &a), (otherwise, &b)], &ty);
        Some(Typed { written, ..self.push(kind, ty, span) })
    }

    /// Checks an expression where some values are known not to be null.
    pub(super) fn knowing(&mut self, facts: &[Path], id: ExprId, want: Option<&DataType>) -> Option<Typed> {
        // A `null` whose type would come from a broken branch says nothing more.
        if self.is_null(id) && want.is_none() && !facts.is_empty() {
            return None;
        }
        let known = self.narrowed.len();
        self.narrowed.extend(facts.iter().cloned());
        let typed = self.expr(id, want);
        self.narrowed.truncate(known);
        typed
    }

    /// The type of two branches: the same, or optional if one is; an int literal joins floats.
    pub(super) fn one_type(
        &mut self,
        mut a: Typed,
        mut b: Typed,
        what: &str,
    ) -> Option<(Typed, Typed, DataType)> {
        if a.ty.unwrapped() != b.ty.unwrapped() {
            let (to_a, to_b) = (a.ty.unwrapped().clone(), b.ty.unwrapped().clone());
            if let Some(converted) = self.convert_literal(&b, &to_a) {
                b = converted;
            } else if let Some(converted) = self.convert_literal(&a, &to_b) {
                a = converted;
            } else {
                let message =
                    format!("the branches of {what} have different types: `{}` and `{}`", a.ty, b.ty);
                let diag = Diagnostic::new(codes::BRANCHES_DIFFER, b.span, message)
                    .at(format!("this is `{}`", b.ty))
                    .label(a.span, format!("this is `{}`", a.ty));
                self.report_with_cast(diag, &b, &a.ty.clone());
                return None;
            }
        }
        let ty =
            if a.ty.is_optional() || b.ty.is_optional() { a.ty.clone().optional() } else { a.ty.clone() };
        Some((a, b, ty))
    }

    /// `try e else d`.
    pub(super) fn try_else(
        &mut self,
        value: ExprId,
        fallback: ExprId,
        span: Span,
        want: Option<&DataType>,
    ) -> Option<Typed> {
        let a = self.expr(value, want);
        let hint = a.as_ref().map(|a| a.ty.clone());
        if a.is_none() && matches!(self.ast.exprs[fallback].kind, ExprKind::Null) {
            return None;
        }
        let b = self.expr(fallback, want.or(hint.as_ref()));
        let (a, b) = (a?, b?);
        let (a, b, ty) = self.one_type(a, b, "`try … else`")?;
        let written = self.made_of(&[(value, &a), (fallback, &b)], &ty);
        Some(Typed { written, ..self.push(Kind::Try(a.node, b.node), ty, span) })
    }
}
