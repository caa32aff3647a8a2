//! `match`: patterns, exhaustiveness, arms that can never be reached.

use super::{ExprCx, Typed};
use flow_plan::expr::{BinaryOp as Op, Kind, NodeId};
use flow_plan::{DataType, Value};
use flow_syntax::ast::{ExprId, MatchArm, Pattern, PatternKind};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

/// What earlier arms already take.
#[derive(Default)]
struct Covered {
    null: Option<Span>,
    wildcard: Option<Span>,
    literals: Vec<(String, Span)>,
    /// Half-open ranges of int-like values.
    ranges: Vec<(i64, i64, Span)>,
}

impl Covered {
    /// Where the value is already taken.
    fn literal(&self, value: &Value) -> Option<Span> {
        let key = format!("{value:?}");
        if let Some((_, span)) = self.literals.iter().find(|(k, _)| *k == key) {
            return Some(*span);
        }
        let number = as_int(value)?;
        self.ranges.iter().find(|(lo, hi, _)| (*lo..*hi).contains(&number)).map(|(.., span)| *span)
    }
}

fn as_int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(i) | Value::Timestamp(i) | Value::Duration(i) => Some(*i),
        _ => None,
    }
}

impl<'a> ExprCx<'_, 'a> {
    pub(super) fn match_expr(
        &mut self,
        subject: ExprId,
        arms: &'a [MatchArm],
        span: Span,
        want: Option<&DataType>,
    ) -> Option<Typed> {
        let subject = self.expr(subject, None);
        let local = self.next_local;
        self.next_local += 1;
        let mut covered = Covered::default();
        let mut ok = subject.is_some();
        let mut built: Vec<(NodeId, Typed)> = Vec::with_capacity(arms.len());
        let mut wanted = want.cloned();
        let mut nulls: Vec<usize> = Vec::new();
        for (position, arm) in arms.iter().enumerate() {
            let cond = subject.as_ref().map(|s| self.arm_condition(s, local, arm, &mut covered));
            if self.is_null(arm.value) && wanted.is_none() {
                // Takes its type from the other arms.
                nulls.push(position);
                match cond {
                    Some(Some(cond)) => built
                        .push((cond, self.push_literal(Value::Null, DataType::Json.optional(), arm.span))),
                    _ => ok = false,
                }
                continue;
            }
            let facts = self.arm_facts(subject.as_ref(), arm, &covered);
            let value = self.knowing(&facts, arm.value, wanted.as_ref());
            match (cond, value) {
                (Some(Some(cond)), Some(value)) => {
                    wanted.get_or_insert_with(|| value.ty.clone());
                    built.push((cond, value));
                }
                _ => ok = false,
            }
        }
        let subject = subject?;
        let made_of: Vec<(ExprId, Typed)> = if built.len() == arms.len() {
            arms.iter().map(|arm| arm.value).zip(built.iter().map(|(_, value)| value.clone())).collect()
        } else {
            Vec::new()
        };
        let ty = if ok && !built.is_empty() { self.arms_type(&mut built, &nulls, span) } else { None };
        // What the rest may be given: whatever the arms are known to have.
        let rest = match (&ty, wanted) {
            (None, Some(wanted)) if nulls.is_empty() => Some(wanted),
            (ty, _) => ty.clone(),
        };
        self.exhaustive(&subject, &covered, arms, rest.as_ref(), span);
        let ty = ty?;
        let made_of: Vec<(ExprId, &Typed)> = made_of.iter().map(|(id, typed)| (*id, typed)).collect();
        let written = self.made_of(&made_of, &ty);
        Some(Typed { written, ..self.fold_arms(&subject, local, built, ty, span) })
    }

    /// The nodes of `if p1 then v1 else if p2 … else vn`.
    fn fold_arms(
        &mut self,
        subject: &Typed,
        local: u32,
        built: Vec<(NodeId, Typed)>,
        ty: DataType,
        span: Span,
    ) -> Typed {
        let mut arms = built.into_iter().rev();
        let mut body = arms.next().map(|(_, value)| value.node).unwrap_or(subject.node);
        for (cond, value) in arms {
            let kind = Kind::If { cond, then: value.node, otherwise: body };
            body = self.push(kind, ty.clone(), span).node;
        }
        self.push(Kind::Let { local, value: subject.node, body }, ty, span)
    }

    fn arms_type(&mut self, built: &mut [(NodeId, Typed)], nulls: &[usize], span: Span) -> Option<DataType> {
        let Some(first) = (0..built.len()).find(|i| !nulls.contains(i)) else {
            let diag =
                Diagnostic::new(codes::UNKNOWN_LITERAL_TYPE, span, "nothing says what type this `match` has");
            self.ck.report(diag.at("all its values are `null`"));
            return None;
        };
        let mut ty = built[first].1.ty.clone();
        for position in 0..built.len() {
            if position == first || nulls.contains(&position) {
                continue;
            }
            let (a, b, joined) =
                self.one_type(built[first].1.clone(), built[position].1.clone(), "`match`")?;
            built[first].1 = a;
            built[position].1 = b;
            ty = if ty.is_optional() { joined.optional() } else { joined };
        }
        if !nulls.is_empty() {
            ty = ty.optional();
        }
        for position in nulls {
            let node = built[*position].1.node;
            self.out.nodes[node.0 as usize].ty = ty.clone();
        }
        Some(ty)
    }

    /// What an arm's value may rely on.
    fn arm_facts(&self, subject: Option<&Typed>, arm: &MatchArm, covered: &Covered) -> Vec<super::Path> {
        let Some(path) = subject.and_then(|s| s.path.clone()) else { return Vec::new() };
        let takes_null = arm.patterns.iter().any(|p| match &p.kind {
            PatternKind::Literal(id) => self.is_null(*id),
            PatternKind::Wildcard => covered.null.is_none(),
            PatternKind::Range(..) => false,
        });
        if takes_null { Vec::new() } else { vec![path] }
    }

    /// The condition of an arm: any of its patterns.
    fn arm_condition(
        &mut self,
        subject: &Typed,
        local: u32,
        arm: &'a MatchArm,
        covered: &mut Covered,
    ) -> Option<NodeId> {
        let mut cond: Option<NodeId> = None;
        let mut ok = true;
        for pattern in &arm.patterns {
            match self.pattern(subject, local, pattern, covered) {
                Some(next) => {
                    cond = Some(match cond {
                        Some(before) => self.push(Kind::Or(before, next), DataType::Bool, pattern.span).node,
                        None => next,
                    });
                }
                None => ok = false,
            }
        }
        if ok { cond } else { None }
    }

    fn pattern(
        &mut self,
        subject: &Typed,
        local: u32,
        pattern: &Pattern,
        covered: &mut Covered,
    ) -> Option<NodeId> {
        let span = pattern.span;
        if let Some(all) = covered.wildcard {
            self.unreachable(span, all, "takes everything");
            return Some(self.push_literal(Value::Bool(false), DataType::Bool, span).node);
        }
        match &pattern.kind {
            PatternKind::Wildcard => {
                covered.wildcard = Some(span);
                Some(self.push_literal(Value::Bool(true), DataType::Bool, span).node)
            }
            PatternKind::Literal(id) if self.is_null(*id) => {
                if let Some(first) = covered.null {
                    self.unreachable(span, first, "takes `null` already");
                }
                covered.null = Some(span);
                if !subject.ty.is_optional() {
                    let diag = Diagnostic::new(codes::BAD_PATTERN, span, "the value is never null")
                        .at("can never match")
                        .label(subject.span, format!("this is `{}`", subject.ty));
                    self.ck.report(diag);
                    return None;
                }
                let x = self.push(Kind::Local(local), subject.ty.clone(), span).node;
                Some(self.push(Kind::IsNull(x), DataType::Bool, span).node)
            }
            PatternKind::Literal(id) => {
                let literal = self.pattern_value(subject, *id)?;
                if let Kind::Literal(value) = &self.out[literal.node].kind {
                    let value = value.clone();
                    if let Some(first) = covered.literal(&value) {
                        self.unreachable(span, first, "takes this value already");
                    }
                    covered.literals.push((format!("{value:?}"), span));
                }
                let x = self.push(Kind::Local(local), subject.ty.clone(), span).node;
                Some(self.push(Kind::Binary(Op::Eq, x, literal.node), DataType::Bool, span).node)
            }
            PatternKind::Range(lo, hi) => self.range_pattern(subject, local, *lo, *hi, span, covered),
        }
    }

    fn range_pattern(
        &mut self,
        subject: &Typed,
        local: u32,
        lo: ExprId,
        hi: ExprId,
        span: Span,
        covered: &mut Covered,
    ) -> Option<NodeId> {
        let inner = subject.ty.unwrapped().clone();
        let (lo, hi) = (self.pattern_value(subject, lo), self.pattern_value(subject, hi));
        let (lo, hi) = (lo?, hi?);
        if !inner.is_ordered() {
            let diag =
                Diagnostic::new(codes::BAD_PATTERN, span, format!("values of type `{inner}` have no order"));
            self.ck.report(
                diag.at("a range of what has no order")
                    .label(subject.span, format!("this is `{}`", subject.ty)),
            );
            return None;
        }
        if let (Kind::Literal(a), Kind::Literal(b)) = (&self.out[lo.node].kind, &self.out[hi.node].kind)
            && let (Some(a), Some(b)) = (as_int(a), as_int(b))
        {
            if a >= b {
                let diag = Diagnostic::new(codes::BAD_PATTERN, span, "the range is empty");
                self.ck.report(diag.at("holds no value").note("ranges are half-open: `8..18` holds 8 to 17"));
                return None;
            }
            if let Some((.., first)) = covered.ranges.iter().find(|(x, y, _)| *x <= a && b <= *y) {
                let first = *first;
                self.unreachable(span, first, "takes these values already");
            }
            covered.ranges.push((a, b, span));
        }
        // A null is in no range; the comparison is only made for values.
        let x = self.push(Kind::Local(local), inner.clone(), span).node;
        let above = self.push(Kind::Binary(Op::Ge, x, lo.node), DataType::Bool, span).node;
        let x = self.push(Kind::Local(local), inner, span).node;
        let below = self.push(Kind::Binary(Op::Lt, x, hi.node), DataType::Bool, span).node;
        let inside = self.push(Kind::And(above, below), DataType::Bool, span).node;
        if !subject.ty.is_optional() {
            return Some(inside);
        }
        let x = self.push(Kind::Local(local), subject.ty.clone(), span).node;
        let null = self.push(Kind::IsNull(x), DataType::Bool, span).node;
        let value = self.push(Kind::Not(null), DataType::Bool, span).node;
        Some(self.push(Kind::And(value, inside), DataType::Bool, span).node)
    }

    fn pattern_value(&mut self, subject: &Typed, id: ExprId) -> Option<Typed> {
        let inner = subject.ty.unwrapped().clone();
        let literal = self.expr(id, Some(&inner))?;
        if literal.ty == inner {
            return Some(literal);
        }
        if let Some(converted) = self.convert_literal(&literal, &inner) {
            return Some(converted);
        }
        let message =
            format!("a pattern of type `{}` never matches {}", literal.ty, super::messages::a(&inner));
        let diag = Diagnostic::new(codes::BAD_PATTERN, literal.span, message)
            .at(format!("this is `{}`", literal.ty))
            .label(subject.span, format!("this is `{}`", subject.ty));
        self.ck.report(diag);
        None
    }

    fn unreachable(&mut self, span: Span, first: Span, why: &str) {
        let diag = Diagnostic::new(codes::UNREACHABLE_ARM, span, "this pattern can never be reached")
            .at("never reached")
            .label(first, format!("this {why}"));
        self.ck.report(diag.help("remove it, or put it before the other"));
    }

    /// Tells what no arm takes; `rest` is the type of the arms' values, where it is known.
    fn exhaustive(
        &mut self,
        subject: &Typed,
        covered: &Covered,
        arms: &[MatchArm],
        rest: Option<&DataType>,
        span: Span,
    ) {
        if covered.wildcard.is_some() {
            return;
        }
        let mut missing = Vec::new();
        if *subject.ty.unwrapped() == DataType::Bool {
            for value in [true, false] {
                if covered.literal(&Value::Bool(value)).is_none() {
                    missing.push(format!("`{value}`"));
                }
            }
        } else {
            missing.push("all other values (`_`)".to_string());
        }
        if subject.ty.is_optional() && covered.null.is_none() {
            missing.insert(0, "`null`".to_string());
        }
        if missing.is_empty() {
            return;
        }
        let value = rest.map_or_else(|| "null".to_string(), super::messages::default_literal);
        let (end, arm) = match arms.last() {
            Some(last) => (last.span.after(), format!(", _ => {value}")),
            None => (Span { start: span.end.saturating_sub(1), ..span }.before(), format!(" _ => {value} ")),
        };
        let diag = Diagnostic::new(
            codes::NOT_EXHAUSTIVE,
            span,
            format!("the `match` does not cover {}", missing.join(" and ")),
        )
        .at("not every value has an arm")
        .label(subject.span, format!("this is `{}`", subject.ty))
        .help("add an arm for the rest: `_ => …`")
        .with_fix("add an arm for the rest", end, arm, flow_syntax::Applicability::HasPlaceholders);
        self.ck.report(diag);
    }
}
