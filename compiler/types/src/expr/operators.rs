//! Arithmetic, comparison, logic, `??`, `in`.

use super::{ExprCx, Typed};
use flow_plan::expr::{BinaryOp as Op, Kind, OnFail};
use flow_plan::{DataType, Value};
use flow_syntax::ast::{BinaryOp, ExprId, ExprKind};
use flow_syntax::codes;
use flow_syntax::{Applicability, Diagnostic, Span};

/// How an operator is written.
fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Coalesce => "??",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
    }
}

/// The right-hand part of one link of an operator chain.
struct Link {
    op: BinaryOp,
    op_span: Span,
    rhs: ExprId,
    span: Span,
    lhs: ExprId,
}

impl<'a> ExprCx<'_, 'a> {
    /// A chain of operators, from its left end: `a + b + c` is never recursed into.
    pub(super) fn binary(&mut self, id: ExprId, want: Option<&DataType>) -> Option<Typed> {
        let ast = self.ast;
        if self.choice_by_words(id) {
            return None;
        }
        let mut links = Vec::new();
        let mut left = id;
        while let ExprKind::Binary { op, op_span, lhs, rhs } = &ast.exprs[left].kind {
            links.push(Link { op: *op, op_span: *op_span, rhs: *rhs, span: ast.exprs[left].span, lhs: *lhs });
            left = *lhs;
        }
        let innermost = links.last()?;
        // `null == x` is read as `x == null`.
        let mut value = if self.is_null(left) && !matches!(innermost.op, BinaryOp::Coalesce) {
            let last = links.pop()?;
            self.null_on_the_left(&last)
        } else {
            let want = if is_arithmetic(innermost.op) { want } else { None };
            self.expr(left, want)
        };
        for link in links.iter().rev() {
            value = self.link(value, link, want);
            if let Some(value) = &value
                && link.span != self.span(id)
            {
                self.ck.effects.facts.types.push((value.span, value.ty.clone()));
            }
        }
        value
    }

    fn null_on_the_left(&mut self, link: &Link) -> Option<Typed> {
        match link.op {
            BinaryOp::Eq | BinaryOp::Ne if !self.is_null(link.rhs) => {
                let rhs = self.expr(link.rhs, None)?;
                Some(self.null_test(rhs, link.op == BinaryOp::Ne, link.span))
            }
            _ => {
                let diag = Diagnostic::new(
                    codes::NO_OPERATOR,
                    link.span,
                    format!("`{}` is not defined for `null`", symbol(link.op)),
                )
                .at("only `==`, `!=` and `??` take `null`");
                self.ck.report(diag);
                None
            }
        }
    }

    fn link(&mut self, lhs: Option<Typed>, link: &Link, want: Option<&DataType>) -> Option<Typed> {
        match link.op {
            BinaryOp::And | BinaryOp::Or => self.logic(lhs, link),
            BinaryOp::Coalesce => self.coalesce(lhs, link, want),
            BinaryOp::Eq | BinaryOp::Ne if self.is_null(link.rhs) => {
                let lhs = lhs?;
                Some(self.null_test(lhs, link.op == BinaryOp::Ne, link.span))
            }
            _ => {
                let hint = lhs.as_ref().map(|l| l.ty.unwrapped().clone()).filter(hint_helps);
                let rhs = self.expr(link.rhs, hint.as_ref());
                let (lhs, rhs) = (lhs?, rhs?);
                match link.op {
                    BinaryOp::Eq | BinaryOp::Ne => self.equality(lhs, rhs, link),
                    BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                        self.ordering(lhs, rhs, link)
                    }
                    _ => self.arithmetic(lhs, rhs, link),
                }
            }
        }
    }

    fn logic(&mut self, lhs: Option<Typed>, link: &Link) -> Option<Typed> {
        if let Some(lhs) = &lhs
            && self.logic_of_values(lhs, link.op_span, link.rhs)
        {
            return None;
        }
        let and = link.op == BinaryOp::And;
        if lhs.as_ref().is_some_and(|l| l.ty == DataType::String) && self.ck.text(link.op_span) == "||" {
            // SQL's concatenation: the parser has said that `||` is not a word of flow.
            return None;
        }
        let what = format!("`{}`", symbol(link.op));
        let lhs = lhs.and_then(|l| self.coerce(l, &DataType::Bool, &what));
        let known = self.narrowed.len();
        if let Some(lhs) = &lhs {
            self.narrowed.extend(if and {
                lhs.when_true.iter().cloned()
            } else {
                lhs.when_false.iter().cloned()
            });
        }
        let rhs = self.expect(link.rhs, &DataType::Bool, &what);
        self.narrowed.truncate(known);
        let (lhs, rhs) = (lhs?, rhs?);
        let kind = if and { Kind::And(lhs.node, rhs.node) } else { Kind::Or(lhs.node, rhs.node) };
        let mut typed = self.push(kind, DataType::Bool, link.span);
        if and {
            typed.when_true = lhs.when_true.into_iter().chain(rhs.when_true).collect();
        } else {
            typed.when_false = lhs.when_false.into_iter().chain(rhs.when_false).collect();
        }
        Some(typed)
    }

    pub(super) fn not(&mut self, operand: ExprId, span: Span) -> Option<Typed> {
        let value = self.expr(operand, Some(&DataType::Bool))?;
        if self.not_of_a_value(&value, span) {
            return None;
        }
        let value = self.coerce(value, &DataType::Bool, "`not`")?;
        let mut typed = self.push(Kind::Not(value.node), DataType::Bool, span);
        typed.when_true = value.when_false;
        typed.when_false = value.when_true;
        Some(typed)
    }

    /// `x == null`, `x != null`.
    pub(super) fn null_test(&mut self, value: Typed, negated: bool, span: Span) -> Typed {
        if !value.ty.is_optional() {
            self.never_null(
                &value,
                if negated { "so this is always true" } else { "so this is always false" },
                None,
            );
        }
        let path = value.path.clone();
        let mut typed = self.push(Kind::IsNull(value.node), DataType::Bool, span);
        if negated {
            typed = self.push(Kind::Not(typed.node), DataType::Bool, span);
            typed.when_true.extend(path);
        } else {
            typed.when_false.extend(path);
        }
        typed
    }

    /// A lint: `??` is thought to catch a failure.
    fn never_caught(&mut self, value: &Typed, so: &str, link: &Link) {
        let text = self.ck.text(value.span).to_string();
        let other = self.ck.text(self.ast.exprs[link.rhs].span);
        let fixed = format!("try {text} else {other}");
        let shown = super::messages::short(&text);
        let diag = Diagnostic::new(codes::NEVER_NULL, value.span, format!("`{shown}` is never null, {so}"))
            .at("can fail, but is never null")
            .help("a failure (overflow, division by zero, a cast) is caught with `try … else …`")
            .with_fix("catch the failure", link.span, fixed, Applicability::MaybeIncorrect);
        self.ck.report(diag);
    }

    /// A lint: the value is never null.
    pub(super) fn never_null(&mut self, value: &Typed, so: &str, remove: Option<Span>) {
        let text = super::messages::short(self.ck.text(value.span));
        let mut diag =
            Diagnostic::new(codes::NEVER_NULL, value.span, format!("`{text}` is never null, {so}"))
                .at(format!("this is `{}`", value.ty));
        diag = self.origin_label(diag, value);
        if let Some(span) = remove {
            diag = diag.fix("remove it", span, "");
        }
        self.ck.report(diag);
    }

    fn coalesce(&mut self, lhs: Option<Typed>, link: &Link, want: Option<&DataType>) -> Option<Typed> {
        if self.is_null(link.lhs) {
            return None;
        }
        let hint = lhs.as_ref().map(|l| l.ty.unwrapped().clone()).or(want.cloned());
        let rhs = self.expr(link.rhs, hint.as_ref());
        let (lhs, rhs) = (lhs?, rhs?);
        if !lhs.ty.is_optional() {
            self.dead = true;
            let so = "so the right side of `??` is never used";
            if flow_plan::fallible::node_can_fail(&self.out, lhs.node) {
                self.never_caught(&lhs, so, link);
            } else {
                let remove = Span { start: lhs.span.end, ..link.span };
                self.never_null(&lhs, so, Some(remove));
            }
            return Some(lhs);
        }
        let inner = lhs.ty.unwrapped().clone();
        if *rhs.ty.unwrapped() != inner {
            let message = format!("both sides of `??` need one type: `{}` and `{}`", lhs.ty, rhs.ty);
            let diag = Diagnostic::new(codes::BRANCHES_DIFFER, rhs.span, message)
                .at(format!("this is `{}`", rhs.ty))
                .label(lhs.span, format!("this is `{}`", lhs.ty));
            self.report_with_cast(diag, &rhs, &inner);
            return None;
        }
        let ty = rhs.ty.clone();
        let written = self.made_of(&[(link.lhs, &lhs), (link.rhs, &rhs)], &ty);
        Some(Typed { written, ..self.push(Kind::Coalesce(lhs.node, rhs.node), ty, link.span) })
    }

    /// Adds "convert it" where a cast can.
    pub(super) fn report_with_cast(&mut self, diag: Diagnostic, value: &Typed, want: &DataType) {
        let cast = flow_plan::catalogue::CASTS.iter().find(|c| c.ty == *want.unwrapped());
        let possible = cast.filter(|c| {
            !value.ty.is_optional()
                && flow_plan::cast::rule(&value.ty, &c.ty) != flow_plan::cast::CastRule::Never
        });
        let text = self.ck.text(value.span);
        if *want.unwrapped() == DataType::String && value.ty == DataType::list(DataType::String) {
            return self.list_for_text(diag, value.span, text);
        }
        if let Kind::Literal(literal @ Value::String(inner)) = &self.out[value.node].kind {
            // A text that is written down: either the other literal was meant, or nothing helps.
            let inner = inner.to_string();
            if self.is_field_of(&inner, want) {
                let field = super::quoted(&inner);
                let diag = diag.help("a field is named without quotes");
                return self.ck.report(diag.fix(format!("write `{field}`"), value.span, field));
            }
            let fits = possible.is_some_and(|c| {
                flow_plan::eval::convert::convert(literal, &DataType::String, &c.ty).is_ok()
            });
            if let Some(plain) = crate::durations::in_words(&inner)
                .filter(|_| !fits && *want.unwrapped() == DataType::Duration)
            {
                let diag = diag.help(format!("a duration is written without quotes: `{plain}`"));
                return self.ck.report(diag.fix(format!("write `{plain}`"), value.span, plain));
            }
            self.ck.report(if fits && *want.unwrapped() != DataType::Bool {
                let plain = match want.unwrapped() {
                    DataType::Timestamp => format!("@{inner}"),
                    DataType::Decimal => format!("{inner}d"),
                    _ => inner,
                };
                diag.help(format!("without quotes it is {}: `{plain}`", super::messages::a(want.unwrapped())))
                    .fix(format!("write `{plain}`"), value.span, plain)
            } else {
                diag
            });
            return;
        }
        if *want.unwrapped() == DataType::Timestamp && is_date(text) {
            let moment = format!("@{text}");
            let diag = diag.help("a moment is written with an `@`; without it this is a subtraction");
            return self.ck.report(diag.fix(format!("write `{moment}`"), value.span, moment));
        }
        let days = text.strip_suffix('d').filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
        if let (DataType::Decimal, DataType::Duration, Some(n)) = (want.unwrapped(), &value.ty, days) {
            let decimal = format!("{n}.0d");
            let diag = diag.help(format!("`{text}` is a number of days; a decimal has a point: `{decimal}`"));
            return self.ck.report(diag.fix(format!("write `{decimal}`"), value.span, decimal));
        }
        self.ck.report(match possible {
            Some(cast) => {
                diag.help(format!("convert it: `{}({})`", cast.name, super::messages::short(text))).with_fix(
                    format!("convert it with `{}`", cast.name),
                    value.span,
                    format!("{}({text})", cast.name),
                    Applicability::MaybeIncorrect,
                )
            }
            None => diag,
        });
    }

    /// Is there a field of this name and type?
    pub(super) fn is_field_of(&self, name: &str, want: &DataType) -> bool {
        let Some(row) = self.row() else { return false };
        row.named(name).any(|(_, column)| {
            let ty = column.ty.as_ref().map(DataType::unwrapped);
            let number = |ty: &DataType| matches!(ty, DataType::Int | DataType::Float | DataType::Decimal);
            ty.is_some_and(|ty| ty == want.unwrapped() || number(ty) && number(want.unwrapped()))
        })
    }

    /// `brokers: ["a:1", "b:1"]`: one text in which they stand side by side.
    fn list_for_text(&mut self, diag: Diagnostic, at: Span, text: &str) {
        let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or_default();
        let parts = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
        let texts: Option<Vec<&str>> = parts.map(|p| p.strip_prefix('"')?.strip_suffix('"')).collect();
        let joined = texts.filter(|t| !t.is_empty() && t.iter().all(|t| !t.contains(['"', '{'])));
        self.ck.report(match joined {
            Some(texts) => {
                let fixed = format!("\"{}\"", texts.join(","));
                diag.help("several stand in one text, with `,` between them").with_fix(
                    format!("write `{}`", super::short(&fixed)),
                    at,
                    fixed,
                    Applicability::MaybeIncorrect,
                )
            }
            None => diag.help("the elements of a list become one text with `join(xs, \",\")`"),
        });
    }

    /// Makes an int a float or decimal: the one conversion that needs no word.
    pub(super) fn widen(&mut self, value: &Typed, to: &DataType) -> Typed {
        if value.ty == *to {
            return value.clone();
        }
        if let Some(converted) = self.convert_literal(value, to) {
            return converted;
        }
        let mut typed = self.push(Kind::Cast(value.node, OnFail::Error), to.clone(), value.span);
        typed.path = None;
        typed
    }

    /// Gives both operands one type if int meets float or decimal.
    fn balance(&mut self, lhs: Typed, rhs: Typed) -> (Typed, Typed) {
        match (&lhs.ty, &rhs.ty) {
            (DataType::Int, to @ (DataType::Float | DataType::Decimal)) => {
                let to = to.clone();
                (self.widen(&lhs, &to), rhs)
            }
            (to @ (DataType::Float | DataType::Decimal), DataType::Int) => {
                let to = to.clone();
                let rhs = self.widen(&rhs, &to);
                (lhs, rhs)
            }
            _ => (lhs, rhs),
        }
    }

    fn equality(&mut self, lhs: Typed, rhs: Typed, link: &Link) -> Option<Typed> {
        let (lhs, rhs) = self.balance(lhs, rhs);
        if lhs.ty.unwrapped() != rhs.ty.unwrapped() {
            self.not_comparable(&lhs, &rhs, link);
            return None;
        }
        let op = if link.op == BinaryOp::Eq { Op::Eq } else { Op::Ne };
        let facts: Vec<_> = match (lhs.ty.is_optional(), rhs.ty.is_optional()) {
            (true, false) => lhs.path.clone().into_iter().collect(),
            (false, true) => rhs.path.clone().into_iter().collect(),
            _ => Vec::new(),
        };
        let mut typed = self.push(Kind::Binary(op, lhs.node, rhs.node), DataType::Bool, link.span);
        if op == Op::Eq {
            typed.when_true = facts;
        } else {
            typed.when_false = facts;
        }
        Some(typed)
    }

    fn ordering(&mut self, lhs: Typed, rhs: Typed, link: &Link) -> Option<Typed> {
        let what = format!("`{}`", symbol(link.op));
        let lhs = self.not_null(lhs, &what);
        let rhs = self.not_null(rhs, &what);
        let (lhs, rhs) = self.balance(lhs?, rhs?);
        if lhs.ty != rhs.ty {
            self.not_comparable(&lhs, &rhs, link);
            return None;
        }
        if !lhs.ty.is_ordered() {
            let diag = Diagnostic::new(
                codes::NOT_COMPARABLE,
                link.op_span,
                format!("values of type `{}` have no order", lhs.ty),
            )
            .at("cannot be ordered")
            .label(lhs.span, format!("this is `{}`", lhs.ty))
            .note("all types but `bool`, `map`, `json` and records have an order");
            self.ck.report(diag);
            return None;
        }
        let op = match link.op {
            BinaryOp::Lt => Op::Lt,
            BinaryOp::Le => Op::Le,
            BinaryOp::Gt => Op::Gt,
            _ => Op::Ge,
        };
        Some(self.push(Kind::Binary(op, lhs.node, rhs.node), DataType::Bool, link.span))
    }

    fn not_comparable(&mut self, lhs: &Typed, rhs: &Typed, link: &Link) {
        let (plain, other) = if is_literal(self, rhs) { (rhs, lhs) } else { (lhs, rhs) };
        if *other.ty.unwrapped() == DataType::Duration && plain.ty.is_numeric() && is_literal(self, plain) {
            self.bare_duration(plain.span, "the other side of this comparison");
            return;
        }
        let message = format!("`{}` and `{}` cannot be compared", lhs.ty, rhs.ty);
        let mut diag = Diagnostic::new(codes::NOT_COMPARABLE, link.op_span, message)
            .at(format!("`{}` needs the same type on both sides", symbol(link.op)))
            .label(lhs.span, format!("this is `{}`", lhs.ty))
            .label(rhs.span, format!("this is `{}`", rhs.ty));
        diag = self.origin_label(diag, lhs);
        self.report_with_cast(diag, rhs, &lhs.ty);
    }

    fn arithmetic(&mut self, lhs: Typed, rhs: Typed, link: &Link) -> Option<Typed> {
        if lhs.ty.is_optional() && !rhs.ty.is_optional() && self.ck.text(link.op_span) == "||" {
            self.default_by_or(&lhs, link.op_span);
            return None;
        }
        let what = format!("`{}`", symbol(link.op));
        let lhs = self.not_null(lhs, &what);
        let rhs = self.not_null(rhs, &what);
        let (lhs, rhs) = self.balance(lhs?, rhs?);
        let Some(ty) = arithmetic_type(link.op, &lhs.ty, &rhs.ty) else {
            self.no_operator(&lhs, &rhs, link);
            return None;
        };
        let op = match link.op {
            BinaryOp::Add => Op::Add,
            BinaryOp::Sub => Op::Sub,
            BinaryOp::Mul => Op::Mul,
            BinaryOp::Div => Op::Div,
            _ => Op::Rem,
        };
        // `duration + timestamp` and `int * duration` are written the other way round in the plan.
        let swap = matches!(
            (link.op, &lhs.ty, &rhs.ty),
            (BinaryOp::Add, DataType::Duration, DataType::Timestamp)
                | (BinaryOp::Mul, DataType::Int, DataType::Duration)
        );
        let (a, b) = if swap { (rhs.node, lhs.node) } else { (lhs.node, rhs.node) };
        Some(self.push(Kind::Binary(op, a, b), ty, link.span))
    }

    fn no_operator(&mut self, lhs: &Typed, rhs: &Typed, link: &Link) {
        for (number, other) in [(rhs, lhs), (lhs, rhs)] {
            if matches!(other.ty, DataType::Duration | DataType::Timestamp)
                && matches!(link.op, BinaryOp::Add | BinaryOp::Sub)
                && number.ty.is_numeric()
            {
                self.bare_duration(number.span, "what is added to a time");
                return;
            }
        }
        let message = format!("`{}` is not defined for `{}` and `{}`", symbol(link.op), lhs.ty, rhs.ty);
        let mut diag = Diagnostic::new(codes::NO_OPERATOR, link.op_span, message)
            .at("these types do not go together")
            .label(lhs.span, format!("this is `{}`", lhs.ty))
            .label(rhs.span, format!("this is `{}`", rhs.ty));
        let text_side = match (&lhs.ty, &rhs.ty) {
            (DataType::String, _) => Some(rhs),
            (_, DataType::String) => Some(lhs),
            _ => None,
        };
        if let (BinaryOp::Add, Some(other)) = (link.op, text_side) {
            let text = self.ck.text(other.span);
            diag = diag
                .help(format!(
                    "make it text: `string({})`, or put it into the text: `\"… {{{}}}\"`",
                    super::messages::short(text),
                    super::messages::short(text)
                ))
                .fix("make it text", other.span, format!("string({text})"));
            self.ck.report(diag);
            return;
        }
        let target = if lhs.ty.is_numeric() {
            Some((rhs, lhs.ty.clone()))
        } else if rhs.ty.is_numeric() {
            Some((lhs, rhs.ty.clone()))
        } else {
            None
        };
        match target {
            Some((value, want)) => self.report_with_cast(diag, value, &want),
            None => self.ck.report(diag),
        }
    }

    pub(super) fn negate(&mut self, operand: ExprId, span: Span, want: Option<&DataType>) -> Option<Typed> {
        let value = self.bare(operand, want, "unary `-`")?;
        if !value.ty.is_numeric() && value.ty != DataType::Duration {
            let diag =
                Diagnostic::new(codes::NO_OPERATOR, span, format!("`-` is not defined for `{}`", value.ty));
            self.ck.report(diag.at(format!("this is `{}`", value.ty)));
            return None;
        }
        // A negative literal is a literal: it can take a wanted type.
        let node = &mut self.out.nodes[value.node.0 as usize];
        let negative = match &node.kind {
            Kind::Literal(Value::Int(i)) => i.checked_neg().map(Value::Int),
            Kind::Literal(Value::Float(x)) => Some(Value::Float(-x)),
            Kind::Literal(Value::Decimal(d)) => Some(Value::Decimal(-*d)),
            Kind::Literal(Value::Duration(d)) => d.checked_neg().map(Value::Duration),
            _ => None,
        };
        if let Some(negative) = negative {
            node.kind = Kind::Literal(negative);
            node.place = crate::checker::place(span);
            return Some(Typed { span, path: None, ..value });
        }
        let ty = value.ty.clone();
        Some(self.push(Kind::Neg(value.node), ty, span))
    }

    /// `x in [..]`, `x in lo..hi`, `x in list`.
    pub(super) fn membership(
        &mut self,
        negated: bool,
        item: ExprId,
        list: ExprId,
        span: Span,
    ) -> Option<Typed> {
        let ast = self.ast;
        let item_span = self.span(item);
        let value = self.bare(item, None, "`in`");
        let found = match &ast.exprs[list].kind {
            ExprKind::Range { lo, hi } => self.in_range(value, *lo, *hi, span),
            _ => self.in_list(value, list, item_span, span),
        }?;
        if negated {
            return Some(self.push(Kind::Not(found.node), DataType::Bool, span));
        }
        Some(found)
    }

    fn in_range(&mut self, value: Option<Typed>, lo: ExprId, hi: ExprId, span: Span) -> Option<Typed> {
        let hint = value.as_ref().map(|v| v.ty.clone());
        let lo = self.bare(lo, hint.as_ref(), "a range");
        let hi = self.bare(hi, hint.as_ref(), "a range");
        let (value, lo, hi) = (value?, lo?, hi?);
        let ty = value.ty.clone();
        if !ty.is_ordered() {
            let diag = Diagnostic::new(
                codes::NOT_COMPARABLE,
                value.span,
                format!("values of type `{ty}` have no order"),
            );
            self.ck
                .report(diag.at(format!("this is `{ty}`")).note("a range needs values that can be ordered"));
            return None;
        }
        let local = self.next_local;
        self.next_local += 1;
        let mut bounds = Vec::with_capacity(2);
        for bound in [lo, hi] {
            let bound =
                if bound.ty == DataType::Int && ty.is_numeric() { self.widen(&bound, &ty) } else { bound };
            if bound.ty != ty {
                self.mismatch(&bound, &ty, "the range of this value");
                return None;
            }
            bounds.push(bound);
        }
        let x = self.push(Kind::Local(local), ty.clone(), value.span).node;
        let above = self.push(Kind::Binary(Op::Ge, x, bounds[0].node), DataType::Bool, span).node;
        let x = self.push(Kind::Local(local), ty, value.span).node;
        let below = self.push(Kind::Binary(Op::Lt, x, bounds[1].node), DataType::Bool, span).node;
        let both = self.push(Kind::And(above, below), DataType::Bool, span).node;
        let bind = Kind::Let { local, value: value.node, body: both };
        Some(self.push(bind, DataType::Bool, span))
    }

    fn in_list(&mut self, value: Option<Typed>, list: ExprId, item_span: Span, span: Span) -> Option<Typed> {
        let literal = matches!(&self.ast.exprs[list].kind, ExprKind::List(items) if !items.is_empty());
        let known =
            value.as_ref().filter(|v| !literal || matches!(v.ty, DataType::Float | DataType::Decimal));
        let hint = known.map(|v| DataType::list(v.ty.clone()));
        let xs = self.bare(list, hint.as_ref(), "`in`");
        let (value, xs) = (value?, xs?);
        let element = match &xs.ty {
            DataType::List(of) => (**of).clone(),
            DataType::Map(_) if value.ty == DataType::String => {
                let func = flow_plan::catalogue::lookup("contains")?.func;
                return Some(self.push(Kind::Call(func, vec![xs.node, value.node]), DataType::Bool, span));
            }
            DataType::String if value.ty == DataType::String => {
                let text = format!("contains({}, {})", self.ck.text(xs.span), self.ck.text(item_span));
                let diag = Diagnostic::new(
                    codes::NO_OPERATOR,
                    xs.span,
                    "`in` looks into a list, and this is a text",
                )
                .at("this is `string`")
                .fix(format!("write `{text}`"), span, text);
                self.ck.report(diag);
                return None;
            }
            other => {
                let diag = Diagnostic::new(
                    codes::NO_OPERATOR,
                    xs.span,
                    format!("`in` looks into a list or range, and this is `{other}`"),
                );
                self.ck.report(diag.at(format!("this is `{other}`")));
                return None;
            }
        };
        let value = if value.ty == DataType::Int && matches!(element, DataType::Float | DataType::Decimal) {
            self.widen(&value, &element)
        } else {
            value
        };
        if *element.unwrapped() != value.ty {
            let diag = Diagnostic::new(
                codes::NOT_COMPARABLE,
                xs.span,
                format!("`{}` is looked for among `{element}`", value.ty),
            )
            .at(format!("a list of `{element}`"))
            .label(item_span, format!("this is `{}`", value.ty));
            self.ck.report(diag);
            return None;
        }
        if let Some(values) = self.constant_list(&xs) {
            let kind = Kind::InSet(value.node, values.into());
            return Some(self.push(kind, DataType::Bool, span));
        }
        let func = flow_plan::catalogue::lookup("contains")?.func;
        Some(self.push(Kind::Call(func, vec![xs.node, value.node]), DataType::Bool, span))
    }

    /// The elements, if all of them are constants of a scalar type.
    fn constant_list(&self, xs: &Typed) -> Option<Vec<Value>> {
        match &self.out[xs.node].kind {
            Kind::List(items) => items
                .iter()
                .map(|id| match &self.out[*id].kind {
                    Kind::Literal(value) => Some(value.clone()),
                    _ => None,
                })
                .collect(),
            Kind::Literal(Value::List(items)) => Some(items.to_vec()),
            _ => None,
        }
        .filter(|_| !matches!(&xs.ty, DataType::List(of) if matches!(**of, DataType::List(_) | DataType::Map(_) | DataType::Record(_) | DataType::Json)))
    }
}

fn is_arithmetic(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem)
}

/// Does knowing the left type help to read a literal on the right?
fn hint_helps(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Float | DataType::Decimal | DataType::List(_) | DataType::Map(_) | DataType::Record(_)
    )
}

fn is_literal(cx: &ExprCx<'_, '_>, value: &Typed) -> bool {
    matches!(cx.out[value.node].kind, Kind::Literal(_))
}

/// The type of `a op b` after balancing, if there is one.
fn arithmetic_type(op: BinaryOp, a: &DataType, b: &DataType) -> Option<DataType> {
    use BinaryOp::{Add, Div, Mul, Rem, Sub};
    use DataType as T;
    Some(match (op, a, b) {
        (Add | Sub | Mul | Div | Rem, T::Int, T::Int) => T::Int,
        (Add | Sub | Mul | Div | Rem, T::Float, T::Float) => T::Float,
        (Add | Sub | Mul | Div | Rem, T::Decimal, T::Decimal) => T::Decimal,
        (Add | Sub, T::Duration, T::Duration) => T::Duration,
        (Sub, T::Timestamp, T::Timestamp) => T::Duration,
        (Add | Sub, T::Timestamp, T::Duration) | (Add, T::Duration, T::Timestamp) => T::Timestamp,
        (Mul | Div, T::Duration, T::Int) | (Mul, T::Int, T::Duration) => T::Duration,
        (Div, T::Duration, T::Duration) => T::Float,
        (Add, T::String, T::String) => T::String,
        (Add, T::Bytes, T::Bytes) => return None,
        (Add, T::List(x), T::List(y)) if x == y => a.clone(),
        _ => return None,
    })
}

/// `2026-01-31` without its `@`.
fn is_date(text: &str) -> bool {
    text.len() == 10 && flow_plan::text::parse_timestamp(text).is_some()
}
