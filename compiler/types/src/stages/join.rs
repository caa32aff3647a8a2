//! Joins: sides, condition, what bounds them, what comes out.

use super::PipeCx;
use crate::args::{self, Spec};
use crate::expr::{ExprCx, Fields, compact};
use crate::stream::{EventTime, StreamType};
use crate::stream_decls::Readable;
use crate::type_exprs::MOST_PARTS;
use flow_plan::expr::{BinaryOp as Op, Kind, NodeId};
use flow_plan::operator::{Join, JoinBound, JoinKind, OperatorKind, StreamMode};
use flow_plan::{DataType, Expr};
use flow_syntax::ast::{Arg, BinaryOp, ExprId, ExprKind, Stage, StageKind};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

/// The parts of a join's condition.
#[derive(Default)]
struct Condition {
    /// Both sides of each equality, and the whole of it over the columns of both.
    equal: Vec<(Expr, Expr, Expr)>,
    rest: Option<Expr>,
    ok: bool,
}

impl<'c, 'a> PipeCx<'c, 'a> {
    pub(super) fn join(&mut self, stage: &'a Stage) {
        let StageKind::Join { other, alias, as_of, on, args } = &stage.kind else { return };
        for (what, span) in [
            self.stream.window.take().map(|w| ("window", w.1)),
            self.stream.trigger.take().map(|t| ("trigger", t.1)),
        ]
        .into_iter()
        .flatten()
        {
            let diag =
                Diagnostic::new(codes::BAD_JOIN, span, format!("a join does not use the {what} before it"))
                    .at("not used by the join")
                    .label(stage.span, "this is the next stateful stage");
            self.ck.report(if what == "window" {
                diag.help("give the join its own: `join(other on …, window: tumbling(10s))`")
            } else {
                diag
            });
        }
        self.stream.keys = None;
        let kind = match stage.name.name.as_str() {
            "leftJoin" => JoinKind::Left,
            "semiJoin" => JoinKind::Semi,
            "antiJoin" => JoinKind::Anti,
            _ => JoinKind::Inner,
        };
        let side = alias.as_ref().unwrap_or(&other.name);
        let right = self.ck.readable(other, true);
        let Some(right) = right else {
            // The other side is not known: its fields may be any.
            (self.stream.open, self.stream.vague) = (true, true);
            let unknown = StreamType::unknown(stage.span);
            self.stream.event_time.get_or_insert(unknown.event_time.unwrap_or(EventTime {
                column: None,
                delayed: true,
                span: stage.span,
            }));
            return self.broken();
        };
        let left = self.stream.clone();
        if left.has_side(&side.name) {
            let diag = Diagnostic::new(
                codes::BAD_JOIN,
                side.span,
                format!("both sides of the join are called `{}`", side.name),
            )
            .at("the left side has this name already")
            .help(format!(
                "give this one another name: `{}({} as other on …)`",
                stage.name.name, other.name.name
            ));
            self.ck.report(diag);
            return self.lose(stage.span);
        }
        let right_stream =
            right.stream.clone().with_side(&side.name, alias.as_ref().map_or(right.span, |a| a.span));
        if left.columns.len() + right_stream.columns.len() > MOST_PARTS {
            let diag = Diagnostic::new(
                codes::TYPE_TOO_LARGE,
                stage.name.span,
                "the rows of both sides have more than 10,000 fields together",
            )
            .at("joined here")
            .help("a join keeps all fields of both sides: leave some out with a `map` before it");
            self.ck.report(diag);
            return self.lose(stage.span);
        }
        let mut both = left.clone();
        both.columns.extend(right_stream.columns.iter().cloned());
        both.open |= right_stream.open;
        both.vague |= right_stream.vague;
        both.made_by = (format!("the rows of `{}` and the other side", side.name), other.span());
        let mut condition = self.condition(stage, on, &both, left.columns.len());
        let bound = self.bound(stage, args, &right, as_of.is_some(), as_of.unwrap_or(stage.name.span));
        self.check_lookup(&right, &condition, stage);
        if right.table {
            condition.look_up(&right.table_key, left.columns.len());
        }
        self.joined(stage, kind, &left, right_stream, &both, bound.as_ref());
        let (Some(bound), true) = (bound, condition.ok) else { return self.broken() };
        let equal = condition.equal.into_iter().map(|(left, right, _)| (left, right)).collect();
        let operator = OperatorKind::Join(Join { kind, bound, equal, rest: condition.rest });
        self.emit(operator, stage, vec![right.input]);
    }

    /// Checks the condition and takes it apart at its `and`s.
    fn condition(
        &mut self,
        stage: &'a Stage,
        on: &Option<ExprId>,
        both: &StreamType,
        left: usize,
    ) -> Condition {
        let mut out = Condition { ok: true, ..Condition::default() };
        let Some(on) = on else {
            // The parser has said that it is missing.
            out.ok = false;
            return out;
        };
        let mut parts = Vec::new();
        let mut rest = *on;
        while let ExprKind::Binary { op: BinaryOp::And, lhs, rhs, .. } = &self.ast.exprs[rest].kind {
            parts.push(*rhs);
            rest = *lhs;
        }
        parts.push(rest);
        parts.reverse();
        let open = both.open;
        for part in parts {
            let now = self.now_rule();
            let mut cx =
                ExprCx::new(self.ck, self.ast, Fields::Join { both, left }).at_stage(stage.span, now);
            let Some(typed) = cx.expect(part, &DataType::Bool, "the condition of a join") else {
                out.ok = false;
                continue;
            };
            let expr = cx.finish(&typed);
            match equality(&expr, left) {
                Some((left, right)) => out.equal.push((left, right, expr)),
                None => out.rest = Some(and(out.rest.take(), expr)),
            }
        }
        if out.ok && out.equal.is_empty() && !open {
            let span = self.ast.exprs[*on].span;
            let diag = Diagnostic::new(
                codes::BAD_JOIN,
                span,
                "a join needs at least one equality between the two sides",
            )
            .at("compares no field of one side with one of the other")
            .help("write `a.x == b.y`, and add further conditions with `and`");
            self.ck.report(diag);
            out.ok = false;
        }
        out
    }

    /// What bounds the state of the join.
    fn bound(
        &mut self,
        stage: &'a Stage,
        args: &'a [Arg],
        right: &Readable,
        as_of: bool,
        as_of_span: Span,
    ) -> Option<JoinBound> {
        let what = format!("`{}`", stage.name.name);
        let spec = Spec {
            what: &what,
            params: &[("within", false), ("window", false), ("ttl", false)],
            first: false,
        };
        let slots = args::bind(self.ck, self.ast, &spec, args, stage.span)?;
        let given: Vec<Span> = slots.iter().flatten().map(|id| self.ast.exprs[*id].span).collect();
        if let (true, Some(second)) = (given.len() > 1, given.get(1)) {
            let diag = Diagnostic::new(
                codes::BAD_JOIN,
                *second,
                "a join has one bound: `within`, `window` or `ttl`",
            );
            self.ck.report(diag.at("a second bound").label(given[0], "the first one"));
            return None;
        }
        if right.table || as_of {
            if let Some(first) = given.first() {
                let what = if right.table { "a lookup in a table" } else { "an `asOf` join" };
                let diag = Diagnostic::new(codes::BAD_JOIN, *first, format!("{what} takes no bound"))
                    .at("has no meaning here");
                self.ck.report(diag);
                return None;
            }
            if right.table {
                return Some(JoinBound::Lookup);
            }
            return self.as_of_bound(right, as_of_span);
        }
        if let Some(id) = slots[0] {
            let (lo, hi) = self.interval(id)?;
            let span = self.ast.exprs[id].span;
            self.both_timed(right, span, "an interval join")?;
            return Some(JoinBound::Interval { lo, hi });
        }
        if let Some(id) = slots[1] {
            let window = self.window_kind(id)?;
            let span = self.ast.exprs[id].span;
            if !super::windows::is_time_window(&window) {
                let diag = Diagnostic::new(codes::BAD_JOIN, span, "a join needs a window of time");
                self.ck.report(
                    diag.at("not a window of time")
                        .help("`tumbling`, `sliding`, `session` and `cumulative` are windows of time"),
                );
                return None;
            }
            if !window.processing_time {
                self.both_timed(right, span, "this window")?;
            }
            return Some(JoinBound::Window(window));
        }
        let ttl = match slots[2] {
            Some(id) => Some(self.ck.duration_option(self.ast, id, "`ttl` of a join", 1)?),
            None => None,
        };
        if ttl.is_none() {
            let diag = Diagnostic::new(
                codes::UNBOUNDED_STATE,
                stage.span,
                "this join keeps all rows of both sides for ever",
            )
            .at("its state grows with every row")
            .help("bound it: `within: 10min` by event time, `window: tumbling(10s)`, or `ttl: 1d`");
            self.ck.report(diag);
        }
        Some(JoinBound::Regular { ttl })
    }

    fn as_of_bound(&mut self, right: &Readable, span: Span) -> Option<JoinBound> {
        if right.stream.mode == StreamMode::Append && !right.stream.vague {
            let diag = Diagnostic::new(
                codes::BAD_JOIN,
                span,
                format!("`asOf` needs an updating stream, and the rows of `{}` are final", right.name),
            )
            .at("versions of what?")
            .label(right.span, "an append stream")
            .help("make one row per key of it first: `|> keyBy(id) |> latest(by: at)`");
            self.ck.report(diag);
            return None;
        }
        self.both_timed(right, span, "an `asOf` join")?;
        Some(JoinBound::AsOf)
    }

    fn both_timed(&mut self, right: &Readable, at: Span, what: &str) -> Option<()> {
        let left_missing = self.stream.event_time.is_none() && !self.stream.vague;
        let right_missing = right.stream.event_time.is_none() && !right.stream.vague;
        if !left_missing && !right_missing {
            return Some(());
        }
        let (side, place) = if left_missing {
            ("the left side".to_string(), self.stream.made_by.1)
        } else {
            (format!("`{}`", right.name), right.span)
        };
        let diag = Diagnostic::new(
            codes::NO_EVENT_TIME,
            at,
            format!("{what} needs event time, and {side} has none"),
        )
        .at("compares event times")
        .label(place, "no `eventTime` on the way from here")
        .help("say which field is the time, best at the source: `|> eventTime(at, delay: 5s)`");
        self.ck.report(diag);
        None
    }

    /// `10min` (both ways) or `-5min..1h`.
    fn interval(&mut self, id: ExprId) -> Option<(i64, i64)> {
        let duration = |cx: &mut Self, id: ExprId| match cx.ck.constant_option(
            cx.ast,
            id,
            &DataType::Duration,
            "`within`",
        ) {
            Some(flow_plan::Value::Duration(d)) => Some(d),
            _ => None,
        };
        let span = self.ast.exprs[id].span;
        let (lo, hi) = match &self.ast.exprs[id].kind {
            ExprKind::Range { lo, hi } => {
                let (lo, hi) = (duration(self, *lo), duration(self, *hi));
                (lo?, hi?)
            }
            _ => {
                let d = self.ck.duration_option(self.ast, id, "`within`", 0)?;
                (-d, d)
            }
        };
        if lo > hi {
            let diag = Diagnostic::new(codes::BAD_JOIN, span, "the interval ends before it begins")
                .at("holds no time");
            self.ck.report(diag.note("`-5min..1h` is other's time minus this one's"));
            return None;
        }
        Some((lo, hi))
    }

    /// A lookup must say the whole key.
    fn check_lookup(&mut self, right: &Readable, condition: &Condition, stage: &Stage) {
        if !right.table || !condition.ok {
            return;
        }
        let found: Vec<usize> = condition.equal.iter().filter_map(|(_, r, _)| r.as_column()).collect();
        for key in &right.table_key {
            if found.contains(key) {
                continue;
            }
            let name = &right.stream.columns[*key].name;
            let diag = Diagnostic::new(
                codes::BAD_JOIN,
                stage.span,
                format!("the lookup does not say the key `{name}` of `{}`", right.name),
            )
            .at(format!("no equality with `{name}`"))
            .label(right.span, "the table is looked up by its key")
            .help(format!("add `… == {}.{name}` to the condition", right.name));
            self.ck.report(diag);
            self.ok = false;
        }
    }

    /// The stream behind the join.
    fn joined(
        &mut self,
        stage: &'a Stage,
        kind: JoinKind,
        left: &StreamType,
        right: StreamType,
        both: &StreamType,
        bound: Option<&JoinBound>,
    ) {
        let word = stage.name.name.as_str();
        let mut after = left.clone();
        after.stateful = true;
        (after.open, after.vague) = (both.open, both.vague);
        after.bounded = left.bounded && right.bounded;
        if matches!(kind, JoinKind::Inner | JoinKind::Left) {
            after.columns.extend(right.columns.iter().cloned().map(|mut column| {
                if kind == JoinKind::Left {
                    if column.ty.as_ref().is_some_and(|ty| !ty.is_optional()) {
                        column.optional_by = Some(stage.span);
                    }
                    column.ty = column.ty.map(DataType::optional);
                }
                column
            }));
            after.made_by = (format!("the rows of this `{word}`"), stage.span);
            // The left side needs its name too when both have a field of one name.
            after.dropped.retain(|d| after.columns.iter().all(|c| c.name != d.name));
        } else if let Some(side) = right.columns.iter().find_map(|column| column.side.clone()) {
            after.gone_sides.push((side, word.to_string(), stage.span));
        }
        let lookup = matches!(bound, Some(JoinBound::Lookup | JoinBound::AsOf));
        let updating = matches!(left.mode, StreamMode::Updating { .. })
            || !lookup && matches!(right.mode, StreamMode::Updating { .. });
        if matches!(bound, Some(JoinBound::Regular { .. })) || updating {
            let columns = after.columns.len();
            if !(lookup && updating) {
                after.mode = StreamMode::Updating { key: (0..columns).collect() };
            }
            if after.updating_by.is_none() {
                after.updating_by = right.updating_by.clone().or(Some((word.to_string(), stage.span)));
            }
        }
        if !lookup {
            after.event_time = match (&left.event_time, &right.event_time) {
                (Some(_), Some(_)) => Some(EventTime { column: None, delayed: true, span: stage.span }),
                _ => None,
            };
            after.from_window = None;
        }
        self.stream = after;
    }
}

impl Condition {
    /// Keeps one equality for each field of a table's key; what else must be equal is a further condition.
    fn look_up(&mut self, key: &[usize], left: usize) {
        let mut found = Vec::new();
        for key in key {
            let of_key = |(_, right, _): &(Expr, Expr, Expr)| right.as_column() == Some(*key);
            if let Some(at) = self.equal.iter().position(of_key) {
                found.push(self.equal.remove(at));
            }
        }
        let others = std::mem::replace(&mut self.equal, found);
        let rest = self.rest.take();
        for next in others.into_iter().map(|pair| not_null(pair, left)).chain(rest) {
            self.rest = Some(and(self.rest.take(), next));
        }
    }
}

/// An equality of two sides that is not true of two nulls.
fn not_null((a, b, whole): (Expr, Expr, Expr), left: usize) -> Expr {
    let optional = |expr: &Expr| matches!(expr.ty(), DataType::Optional(_));
    if !(optional(&a) && optional(&b)) {
        return whole;
    }
    let place = whole[whole.root()].place;
    let mut there = b;
    for node in &mut there.nodes {
        if let Kind::Column(index) = &mut node.kind {
            *index += left as u32;
        }
    }
    let value = there.root();
    let null = there.push(Kind::IsNull(value), DataType::Bool, place);
    there.push(Kind::Not(null), DataType::Bool, place);
    and(Some(whole), there)
}

/// `left == right` with one side's columns on each side, as expressions over each.
fn equality(expr: &Expr, left: usize) -> Option<(Expr, Expr)> {
    let Kind::Binary(Op::Eq, a, b) = &expr[expr.root()].kind else { return None };
    let (a, b) = (compact(expr, *a), compact(expr, *b));
    match (side(&a, left)?, side(&b, left)?) {
        (true, false) => Some((a, shifted(b, left))),
        (false, true) => Some((b, shifted(a, left))),
        _ => None,
    }
}

/// Does it read left columns only (`true`) or right ones only (`false`)?
fn side(expr: &Expr, left: usize) -> Option<bool> {
    let mut columns = expr.nodes.iter().filter_map(|n| match n.kind {
        Kind::Column(index) => Some((index as usize) < left),
        _ => None,
    });
    let first = columns.next()?;
    columns.all(|c| c == first).then_some(first)
}

fn shifted(mut expr: Expr, left: usize) -> Expr {
    for node in &mut expr.nodes {
        if let Kind::Column(index) = &mut node.kind {
            *index -= left as u32;
        }
    }
    expr
}

/// `a and b` of two whole expressions. Locals keep apart: each condition counts its own.
fn and(before: Option<Expr>, next: Expr) -> Expr {
    let Some(mut all) = before else { return next };
    let first = all.root();
    let offset = all.nodes.len() as u32;
    let locals = all.nodes.iter().filter_map(|n| match &n.kind {
        Kind::Let { local, .. } => Some(*local + 1),
        Kind::Lambda { params, .. } => params.iter().max().map(|p| p + 1),
        _ => None,
    });
    let shift = locals.max().unwrap_or(0);
    for mut node in next.nodes {
        crate::expr::rename_operands(&mut node.kind, &mut |id| *id = NodeId(id.0 + offset));
        match &mut node.kind {
            Kind::Local(local) | Kind::Let { local, .. } => *local += shift,
            Kind::Lambda { params, .. } => params.iter_mut().for_each(|p| *p += shift),
            _ => {}
        }
        all.nodes.push(node);
    }
    let second = all.root();
    let place = all[first].place;
    all.push(Kind::And(first, second), DataType::Bool, place);
    all
}
