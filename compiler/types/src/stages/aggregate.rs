//! `aggregate { … }`, `count() as n` and what comes out of a window.

use super::PipeCx;
use super::keys::Grouped;
use super::windows::is_time_window;
use crate::expr::{ExprCx, Fields, Grouping};
use crate::hash::{HashMap, HashSet};
use crate::names;
use crate::stream::{Column, Columns, EventTime, StreamType};
use flow_plan::operator::{Aggregate, OperatorKind, RunningTrigger, StreamMode, Trigger, Window, WindowKind};
use flow_plan::{DataType, Expr};
use flow_syntax::ast::{Arg, ExprId, ExprKind, Ident, RecordItem, Stage, StageKind};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};
use std::sync::Arc;

/// A named result: its name and what computes it.
enum Computes<'a> {
    Expr(ExprId),
    Call(&'a Ident, &'a [Arg], Span),
}

impl<'c, 'a> PipeCx<'c, 'a> {
    pub(super) fn aggregate(&mut self, stage: &'a Stage, items: &'a [RecordItem]) {
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            match item {
                RecordItem::Field { name, value } => results.push((name, Computes::Expr(*value))),
                RecordItem::Keep(id) => self.unnamed_result(*id),
                RecordItem::Rest { span, .. } => {
                    let diag = Diagnostic::new(
                        codes::MISPLACED_EXPRESSION,
                        *span,
                        "`..` cannot stand in `aggregate`: rows are no longer there",
                    )
                    .at("which of the rows?")
                    .help(
                        "key fields are kept by themselves; `first(x)` or `last(x)` keeps a value of one row",
                    );
                    self.ck.report(diag);
                    self.ok = false;
                }
            }
        }
        if items.is_empty() {
            let diag =
                Diagnostic::new(codes::MISSING_ARGUMENT, stage.span, "`aggregate` needs at least one result");
            self.ck.report(diag.at("nothing is computed").help("write `aggregate { n: count() }`"));
            self.ok = false;
        }
        self.finish_aggregate(stage, results);
    }

    fn unnamed_result(&mut self, id: ExprId) {
        let span = self.ast.exprs[id].span;
        self.ok = false;
        if matches!(self.ast.exprs[id].kind, ExprKind::Error) {
            self.lost_field = true;
            return;
        }
        if let ExprKind::Name(name) | ExprKind::Field { name, .. } = &self.ast.exprs[id].kind {
            let is_key = self
                .stream
                .keys
                .as_ref()
                .is_some_and(|k| k.columns.iter().any(|c| *self.stream.columns[*c].name == *name.name));
            if is_key {
                let diag = Diagnostic::new(
                    codes::DUPLICATE_NAME,
                    span,
                    format!("`{}` is kept already: it is part of the key", name.name),
                )
                .at("key fields come first by themselves");
                self.ck.report(diag.help("remove it"));
                return;
            }
            let before = self.stream.clone();
            if before.named(&name.name).next().is_some() {
                let diag = Diagnostic::new(
                    codes::NOT_AGGREGATED,
                    span,
                    format!(
                        "`{}` differs from row to row; an aggregate gives one value for all of them",
                        name.name
                    ),
                )
                .at("a field of the single rows")
                .help(format!(
                    "aggregate it (`{0}: first({0})`), or make it part of the key with `keyBy`",
                    name.name
                ))
                .fix(
                    format!("take the first: `{0}: first({0})`", name.name),
                    span,
                    format!("{0}: first({0})", self.ck.text(span)),
                );
                self.ck.report(diag);
            } else {
                let diag = crate::expr::unknown_field(&before, name, &[]);
                self.ck.report(diag);
            }
            return;
        }
        let before = self.stream.clone();
        let word = match &self.ast.exprs[id].kind {
            ExprKind::Call { callee, .. } => callee.name.clone(),
            _ => "name".to_string(),
        };
        let text = self.ck.text(span);
        let diag = Diagnostic::new(codes::UNNAMED_FIELD, span, "a result needs a name")
            .at("what is this called?")
            .fix(format!("call it `{word}`"), span, format!("{word}: {text}"));
        let _ = before;
        self.ck.report(diag);
    }

    /// `count() as n`, `sum(x)`.
    pub(super) fn shorthand(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        let StageKind::Call { alias, .. } = &stage.kind else { return };
        let name = alias.as_ref().unwrap_or(&stage.name);
        let span = Span { start: stage.name.span.start, ..stage.span };
        self.finish_aggregate(stage, vec![(name, Computes::Call(&stage.name, args, span))]);
    }

    fn finish_aggregate(&mut self, stage: &'a Stage, results: Vec<(&'a Ident, Computes<'a>)>) {
        let grouped = self.take_grouping();
        let before = self.stream.clone();
        let bounds = self.has_bounds(&grouped, &before);
        let now = self.now_rule();
        let grouping = Grouping {
            input: &before,
            keys: grouped.keys.clone(),
            key_span: grouped.key_span,
            bounds,
            calls: Vec::new(),
            result: String::new(),
        };
        let mut cx =
            ExprCx::new(self.ck, self.ast, Fields::Grouped(Box::new(grouping))).at_stage(stage.span, now);
        let mut made: Vec<(&'a Ident, Option<Expr>, Option<Span>)> = Vec::with_capacity(results.len());
        for (name, computes) in &results {
            if let Fields::Grouped(grouping) = &mut cx.fields {
                grouping.result = name.name.clone();
            }
            let typed = match computes {
                Computes::Expr(id) => cx.expr(*id, None),
                Computes::Call(callee, args, span) => cx.aggregate_stage(callee, args, *span),
            };
            let written = typed.as_ref().and_then(|typed| typed.written);
            let expr = typed.map(|t| cx.finish(&t));
            made.push((name, expr, written));
        }
        let calls = match &mut cx.fields {
            Fields::Grouped(grouping) => std::mem::take(&mut grouping.calls),
            _ => Vec::new(),
        };
        if calls.is_empty() && !made.is_empty() && made.iter().all(|(_, e, _)| e.is_some()) {
            let diag = Diagnostic::new(
                codes::MISSING_ARGUMENT,
                stage.span,
                "this `aggregate` aggregates nothing",
            )
            .at("no aggregate in it")
            .help(
                "use one, such as `count()` or `sum(x)`; to make a new record of each row, write `map { … }`",
            );
            self.ck.report(diag);
        }
        self.groups_of_moments(&before, &grouped, stage);
        self.unbounded_calls(&before, &grouped, &calls);
        self.aggregate_output(stage, &before, &grouped, bounds, &made);
        let exprs: Option<Vec<Expr>> = made.into_iter().map(|(_, expr, _)| expr).collect();
        match exprs {
            Some(results) => {
                let kind = OperatorKind::Aggregate(Aggregate {
                    keys: grouped.keys,
                    window: grouped.window.map(|(w, _)| w),
                    trigger: grouped.trigger.map(|(t, _)| t).unwrap_or_default(),
                    calls,
                    results,
                });
                self.emit(kind, stage, Vec::new());
            }
            None => self.broken(),
        }
    }

    fn aggregate_output(
        &mut self,
        stage: &'a Stage,
        before: &StreamType,
        grouped: &Grouped,
        bounds: bool,
        made: &[(&'a Ident, Option<Expr>, Option<Span>)],
    ) {
        let word = stage.name.name.as_str();
        let mut columns: Vec<Column> = grouped.keys.iter().map(|c| before.columns[*c].clone()).collect();
        for key in &columns {
            self.ck.mark_read(key.id);
        }
        if bounds {
            let span = grouped.window.as_ref().map_or(stage.span, |(_, span)| *span);
            self.add_bounds(&mut columns, span);
        }
        let mut taken: HashMap<Arc<str>, usize> = crate::hash::with_room(columns.len() + made.len());
        for (index, column) in columns.iter().enumerate() {
            taken.entry(column.name.clone()).or_insert(index);
        }
        for (name, expr, written) in made {
            if let Some(&index) = taken.get(&*name.name) {
                let diag =
                    names::duplicate(&name.name, name.span, columns[index].origin, "a field of the result");
                let kept = index < grouped.keys.len() + 2 * usize::from(bounds);
                self.ck.report(match (kept, word) {
                    (true, "aggregate") => diag.help("key fields and window bounds are kept by themselves; give the result another name"),
                    (true, _) => diag.help(format!("key fields and window bounds are kept by themselves; call the result something else: `{word}(…) as other`")),
                    (false, _) => diag,
                });
                self.ok = false;
                continue;
            }
            let ty = expr.as_ref().map(|e| e.ty().clone());
            let column = Column { written: *written, ..self.computed(&name.name, ty, name.span, word) };
            taken.insert(column.name.clone(), columns.len());
            columns.push(column);
        }
        self.after_state(before, columns.into(), grouped, stage, true);
    }

    /// Does the result carry `windowStart` and `windowEnd`? Says when the input has them already.
    pub(super) fn has_bounds(&mut self, grouped: &Grouped, before: &StreamType) -> bool {
        let Some((window, span)) = &grouped.window else { return false };
        if window.kind == WindowKind::Same {
            let named = grouped.keys.iter().map(|c| &before.columns[*c].name);
            if let Some(name) = named.clone().find(|n| matches!(&***n, "windowStart" | "windowEnd")) {
                let diag = Diagnostic::new(
                    codes::WINDOW_BOUNDS,
                    *span,
                    format!("`window(same)` groups by the window already: `{name}` is no further key"),
                )
                .at("keeps `windowStart` and `windowEnd`")
                .label(grouped.key_span.unwrap_or(*span), "the key is set here")
                .help(format!("take `{name}` out of the `keyBy`"));
                self.ck.report(diag);
                self.ok = false;
            }
            return before.from_window.as_ref().is_some_and(is_time_window);
        }
        if !is_time_window(window) {
            return false;
        }
        let taken: Vec<&Column> =
            before.columns.iter().filter(|c| matches!(&*c.name, "windowStart" | "windowEnd")).collect();
        if let Some(column) = taken.first() {
            let name = column.name.clone();
            let renamed: Vec<String> =
                taken.iter().map(|c| format!("{}: innerW{}", c.name, &c.name[1..])).collect();
            let diag = Diagnostic::new(codes::WINDOW_BOUNDS, *span, format!("the rows have a field `{name}` already, and this window adds one"))
                .at("adds `windowStart` and `windowEnd`")
                .label(column.origin, format!("`{name}` comes from here"))
                .help(format!("rename it first: `|> rename({name}: other)`; to aggregate within the same windows again, use `window(same)`"))
                .with_fix("rename it first", span.before(), format!("rename({}) |> ", renamed.join(", ")), flow_syntax::Applicability::MaybeIncorrect);
            self.ck.report(diag);
            self.ok = false;
        }
        true
    }

    pub(super) fn add_bounds(&mut self, columns: &mut Vec<Column>, span: Span) {
        for name in ["windowStart", "windowEnd"] {
            if columns.iter().any(|c| &*c.name == name) {
                continue;
            }
            let id = self.ck.new_column();
            columns.push(Column {
                name: name.into(),
                ty: Some(DataType::Timestamp),
                optional_by: None,
                side: None,
                side_at: None,
                origin: span,
                written: None,
                id,
            });
        }
    }

    /// The stream behind a stateful stage.
    pub(super) fn after_state(
        &mut self,
        before: &StreamType,
        columns: Columns,
        grouped: &Grouped,
        stage: &Stage,
        keyed_rows: bool,
    ) {
        let word = stage.name.name.as_str();
        let mut after = before.clone();
        after.stateful = true;
        after.keys = None;
        after.window = None;
        after.trigger = None;
        let names: HashSet<&str> = columns.iter().map(|column| &*column.name).collect();
        let gone = before.columns.iter().filter(|column| !names.contains(&*column.name));
        after.note_all_dropped(gone.map(|column| (column.name.clone(), None)).collect(), word, stage.span);
        after.dropped.retain(|dropped| !names.contains(&*dropped.name));
        after.columns = columns;
        after.open |= std::mem::take(&mut self.lost_field);
        after.made_by = (format!("the result of this `{word}`"), stage.span);
        after.from_window = match grouped.window.as_ref().map(|(w, _)| w) {
            Some(Window { kind: WindowKind::Same, .. }) => before.from_window.clone(),
            Some(window) if is_time_window(window) => Some(window.clone()),
            _ => None,
        };
        let timed =
            grouped.window.as_ref().is_some_and(|(w, _)| is_time_window(w) || w.kind == WindowKind::Same);
        after.event_time = if timed {
            Some(EventTime { column: None, delayed: true, span: stage.span })
        } else {
            before.event_time.clone().map(|e| EventTime { column: None, ..e })
        };
        let default = Trigger::default();
        let trigger = grouped.trigger.as_ref().map_or(&default, |(t, _)| t);
        if emits_once(grouped, trigger) {
            after.mode = StreamMode::Append;
            after.updating_by = None;
            after.update_key_lost = false;
        } else {
            // Keys first, then the bounds of the window: what tells one result from another.
            let count = if keyed_rows { grouped.keys.len() + 2 * usize::from(timed) } else { 0 };
            after.mode = StreamMode::Updating { key: (0..count).collect() };
            after.updating_by = Some((word.to_string(), stage.span));
            after.update_key_lost = false;
        }
        self.stream = after;
    }
}

/// Is each result final when it is emitted?
pub(super) fn emits_once(grouped: &Grouped, trigger: &Trigger) -> bool {
    if trigger.discarding {
        return true;
    }
    match &grouped.window {
        Some(_) => trigger.early.is_none() && trigger.late.is_none(),
        None => trigger.running == RunningTrigger::AtEnd,
    }
}
