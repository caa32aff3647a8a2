//! Stages that look at one row at a time.

use super::PipeCx;
use crate::args::{self, Spec};
use crate::expr::{ExprCx, Fields};
use crate::hash::{HashMap, HashSet};
use crate::names;
use crate::stream::{Column, EventTime, StreamType};
use flow_plan::operator::{OperatorKind, StreamMode};
use flow_plan::{DataType, Expr, Value};
use flow_syntax::ast::{Arg, ExprId, ExprKind, Ident, RecordItem, Stage};
use flow_syntax::codes;
use flow_syntax::{Applicability, Diagnostic, Span};
use std::sync::Arc;

/// A column of a `map`: where it comes from in the input, if it is one of its columns.
pub(super) struct Item {
    pub column: Column,
    pub expr: Option<Expr>,
    pub from: Option<usize>,
}

impl<'c, 'a> PipeCx<'c, 'a> {
    pub(super) fn map(&mut self, stage: &'a Stage, items: &'a [RecordItem]) {
        let before = self.stream.clone();
        if items.is_empty() {
            let diag =
                Diagnostic::new(codes::STAGE_OPTION, stage.span, "this `map` makes a record without fields")
                    .at("no field is named")
                    .help("name what is kept and computed: `map { a, b: expr }`, or `..` for all fields");
            self.ck.report(diag);
            return self.lose(stage.span);
        }
        let made = self.items(&before, items, stage.span, "map", usize::MAX);
        let has_rest = items.iter().any(|item| matches!(item, RecordItem::Rest { .. }));
        let all_named = !self.lost_field && !has_rest;
        self.replace_columns(before, made, stage, "map");
        if all_named {
            // Whatever was in front of it.
            self.stream.open = false;
        }
    }

    /// The items of `map { … }` or `emit: { … }` over a stream; `..` keeps columns below `rest_until`.
    pub(super) fn items(
        &mut self,
        before: &StreamType,
        items: &'a [RecordItem],
        stage: Span,
        word: &str,
        rest_until: usize,
    ) -> Vec<Item> {
        let mut made: Vec<Item> = Vec::with_capacity(items.len() + before.columns.len());
        let named: HashSet<&str> =
            items.iter().filter_map(|item| self.item_name(item)).map(|n| n.name.as_str()).collect();
        let mut seen: HashMap<&str, Vec<&RecordItem>> = crate::hash::with_room(items.len());
        for item in items {
            if let Some(name) = self.item_name(item) {
                let before = seen.entry(&name.name).or_default();
                before.push(item);
                if self.named_before(name, item, &before[..before.len() - 1]) {
                    continue;
                }
            }
            match item {
                RecordItem::Keep(id) => {
                    let Some(name) = self.item_name(item) else {
                        self.ok = false;
                        if matches!(self.ast.exprs[*id].kind, ExprKind::Error) {
                            // It may have had any name.
                            self.lost_field = true;
                            continue;
                        }
                        self.rows(before, stage).unnamed_field(*id);
                        continue;
                    };
                    self.item(before, &mut made, name, *id, stage, word, true);
                }
                RecordItem::Field { name, value } => {
                    self.item(before, &mut made, name, *value, stage, word, false)
                }
                RecordItem::Rest { of, span } => {
                    self.rest(before, &mut made, of.as_ref(), *span, &named, rest_until)
                }
            }
        }
        made
    }

    /// Reports a field that one of the items `before` has named already. `l.a, r.a` are two: aliases tell them apart.
    fn named_before(&mut self, name: &Ident, item: &'a RecordItem, before: &[&'a RecordItem]) -> bool {
        let text = |item: &RecordItem| match item {
            RecordItem::Keep(id) => Some(self.ck.text(self.ast.exprs[*id].span)),
            _ => None,
        };
        let two_sides = |other: &RecordItem| matches!((text(other), text(item)), (Some(a), Some(b)) if a != b && a.contains('.') && b.contains('.'));
        let first = before.iter().find(|other| !two_sides(other)).and_then(|other| self.item_name(other));
        let Some(first) = first else { return false };
        let diag = names::duplicate(&name.name, name.span, first.span, "a field of this record");
        self.ck.report(diag);
        true
    }

    /// The name an item gives to its field.
    fn item_name(&self, item: &'a RecordItem) -> Option<&'a Ident> {
        match item {
            RecordItem::Field { name, .. } => Some(name),
            RecordItem::Keep(id) => match &self.ast.exprs[*id].kind {
                ExprKind::Name(name) | ExprKind::Field { name, .. } => Some(name),
                _ => None,
            },
            RecordItem::Rest { .. } => None,
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one item, told apart by what the caller knows of it")]
    fn item(
        &mut self,
        before: &StreamType,
        made: &mut Vec<Item>,
        name: &'a Ident,
        value: ExprId,
        stage: Span,
        word: &str,
        keep: bool,
    ) {
        let mut cx = self.rows(before, stage);
        let typed = cx.expr(value, None);
        let from = typed.as_ref().and_then(|t| t.path.as_ref()).and_then(crate::expr::Path::as_column);
        let expr = typed.as_ref().map(|t| cx.finish(t));
        let written = typed.as_ref().and_then(|t| t.written);
        let ty = typed.map(|t| t.ty);
        let same = from.filter(|i| before.columns[*i].name.as_ref() == name.name);
        let column = match same {
            // Kept under its own name: still the same column.
            Some(index) if keep => Column { ty, ..before.columns[index].clone() },
            Some(index) => Column { ty, origin: name.span, written, ..before.columns[index].clone() },
            None => Column { written, ..self.computed(&name.name, ty, name.span, word) },
        };
        made.push(Item { column, expr, from });
    }

    fn rest(
        &mut self,
        before: &StreamType,
        made: &mut Vec<Item>,
        of: Option<&Ident>,
        span: Span,
        named: &HashSet<&str>,
        until: usize,
    ) {
        if let Some(side) = of
            && !before.has_side(&side.name)
            && !before.open
        {
            let sides: Vec<&str> = before.columns.iter().filter_map(|c| c.side.as_deref()).collect();
            let diag = Diagnostic::new(
                codes::UNKNOWN_NAME,
                side.span,
                format!("there is no side `{}` here", side.name),
            )
            .at("not an alias of this stream");
            let near = crate::suggest::nearest(&side.name, sides);
            self.ck.report(match near {
                Some(near) => crate::expr::did_you_mean(diag, side.span, near),
                None => diag.help("give a side a name with `as`: `join(other as o on …)`"),
            });
        }
        if let Some(side) = of
            && let Some(declared) = before.side_declared(&side.name)
        {
            self.ck.reference(side.span, declared);
        }
        let made_so: HashSet<(usize, Arc<str>)> =
            made.iter().filter_map(|item| Some((item.from?, item.column.name.clone()))).collect();
        for (index, column) in before.columns.iter().enumerate().take(until) {
            let wanted = of.is_none_or(|side| column.side.as_deref() == Some(&*side.name));
            let already = made_so.contains(&(index, column.name.clone()));
            if !wanted || already || named.contains(&*column.name) {
                continue;
            }
            let expr = column.ty.clone().map(|ty| Expr::column(index, ty, crate::checker::place(span)));
            made.push(Item { column: column.clone(), expr, from: Some(index) });
        }
    }

    /// The stream behind a `map`: keys, event time and update key follow their columns.
    pub(super) fn replace_columns(
        &mut self,
        before: StreamType,
        made: Vec<Item>,
        stage: &'a Stage,
        word: &str,
    ) {
        let (by_column, names) = made_of(&made);
        let moved = |index: usize| by_column.get(&index).copied();
        let mut after = before.clone();
        if let Some(keys) = &before.keys {
            let columns: Vec<Option<usize>> = keys.columns.iter().map(|c| moved(*c)).collect();
            if made.iter().any(|item| item.column.ty.is_none()) && columns.iter().any(Option::is_none) {
                // What was wrong in it may have been what the key was for.
                after.keys = None;
                self.ok = false;
            } else if let Some(lost) = columns.iter().position(Option::is_none) {
                let name = before.columns[keys.columns[lost]].name.clone();
                let diag = Diagnostic::new(
                    codes::LOST_KEY,
                    stage.span,
                    format!("this `{word}` loses the key `{name}` before anything used it"),
                )
                .at(format!("`{name}` is not kept"))
                .label(keys.span, "the key is set here")
                .help(format!("keep `{name}` in the `{word}`, or move the `keyBy` behind it"));
                self.ck.report(diag);
                after.keys = None;
                self.ok = false;
            } else if let Some(keys) = &mut after.keys {
                keys.columns = columns.into_iter().flatten().collect();
            }
        }
        if let Some(event_time) = &mut after.event_time {
            event_time.column = event_time.column.and_then(&moved);
        }
        if let StreamMode::Updating { key } = &before.mode {
            let columns: Option<Vec<usize>> = key.iter().map(|c| moved(*c)).collect();
            after.update_key_lost |= columns.is_none();
            after.mode = StreamMode::Updating { key: columns.unwrap_or_default() };
        }
        let all = before.columns.iter().enumerate().filter(|(_, column)| !names.contains(&column.name));
        let dropped = all.map(|(index, column)| {
            let renamed = moved(index).map(|at| made[at].column.name.clone());
            (column.name.clone(), renamed)
        });
        after.note_all_dropped(dropped.collect(), word, stage.span);
        after.dropped.retain(|d| !names.contains(&d.name));
        let (columns, exprs): (Vec<Column>, Vec<Option<Expr>>) =
            made.into_iter().map(|i| (i.column, i.expr)).unzip();
        after.open |= std::mem::take(&mut self.lost_field);
        after.columns = columns.into();
        after.made_by = (format!("the record of this `{word}`"), stage.span);
        self.stream = after;
        match exprs.into_iter().collect::<Option<Vec<Expr>>>() {
            Some(exprs) => self.emit(OperatorKind::Map { exprs }, stage, Vec::new()),
            None => self.broken(),
        }
    }

    pub(super) fn filter(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        if self.input_as_argument(args) {
            return self.broken();
        }
        if args.len() > 1 && args.iter().all(|a| a.name.is_none()) {
            self.several_conditions(args);
            return self.broken();
        }
        let spec = Spec { what: "`filter`", params: &[("condition", true)], first: true };
        let Some(slots) = args::bind(self.ck, self.ast, &spec, args, stage.span) else {
            return self.broken();
        };
        let Some(cond) = slots[0] else { return self.broken() };
        let before = self.stream.clone();
        let mut cx = self.rows(&before, stage.span);
        let Some(typed) = cx.expect(cond, &DataType::Bool, "the condition of `filter`") else {
            return self.broken();
        };
        let expr = cx.finish(&typed);
        self.constant_condition(&expr, typed.span);
        for index in ExprCx::narrowed_columns(&typed.when_true) {
            let column = &mut self.stream.columns[index];
            column.ty = column.ty.take().map(|ty| ty.unwrapped().clone());
        }
        self.emit(OperatorKind::Filter { cond: expr }, stage, Vec::new());
    }

    /// A lint: the condition does not depend on the row.
    fn constant_condition(&mut self, cond: &Expr, span: Span) {
        let known = if crate::constants::is_constant(cond) {
            match flow_plan::eval::eval(cond, &[]) {
                Ok(Value::Bool(value)) => Some(value),
                _ => None,
            }
        } else {
            same_on_both_sides(cond)
        };
        if let Some(value) = known {
            let (always, then) = if value {
                ("true", "the filter keeps every row")
            } else {
                ("false", "the filter drops every row")
            };
            let diag = Diagnostic::new(
                codes::ALWAYS_TRUE_FILTER,
                span,
                format!("this condition is always {always}: {then}"),
            )
            .at(format!("always {always}"))
            .help("compare with a field of the row, or remove the stage");
            self.ck.report(diag);
        }
    }

    pub(super) fn flat_map(&mut self, stage: &'a Stage, var: &'a Ident, list: ExprId) {
        let before = self.stream.clone();
        let mut cx = self.rows(&before, stage.span);
        let typed = cx.bare(list, None, "`flatMap`");
        let mut element = None;
        let mut expr = None;
        let written = typed.as_ref().and_then(|list| list.written);
        let written = written.and_then(|at| cx.ck.written_element(at));
        if let Some(typed) = typed {
            match &typed.ty {
                DataType::List(of) => {
                    element = Some((**of).clone());
                    expr = Some(cx.finish(&typed));
                }
                other => {
                    let diag = Diagnostic::new(
                        codes::TYPE_MISMATCH,
                        typed.span,
                        format!("`flatMap` needs a list, and this is `{other}`"),
                    )
                    .at(format!("this is `{other}`"));
                    let diag = cx.origin_label(diag, &typed);
                    let text = cx.ck.text(typed.span);
                    cx.ck.report(if *other == DataType::String {
                        let fix = format!("split({text}, \" \")");
                        diag.help("`split(s, \" \")` makes a list of words").with_fix(
                            "split it at blanks",
                            typed.span,
                            fix,
                            Applicability::MaybeIncorrect,
                        )
                    } else {
                        diag
                    });
                }
            }
        }
        if let Some((_, first)) = before.named(&var.name).next() {
            let diag = names::duplicate(&var.name, var.span, first.origin, "a field");
            self.ck.report(diag.help("`flatMap` adds a field: give it a name the record does not have"));
            return self.broken();
        }
        let column = Column { written, ..self.computed(&var.name, element, var.span, "flatMap") };
        self.stream.columns.push(column);
        self.stream.made_by = ("the record of this `flatMap`".into(), stage.span);
        match expr {
            Some(list) => self.emit(OperatorKind::FlatMap { list }, stage, Vec::new()),
            None => self.broken(),
        }
    }

    pub(super) fn event_time(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        let spec = Spec {
            what: "`eventTime`",
            params: &[("field", true), ("delay", false), ("idle", false)],
            first: true,
        };
        let slots = args::bind(self.ck, self.ast, &spec, args, stage.span);
        // Even a wrong eventTime says that the stream has one.
        let fallback = EventTime { column: None, delayed: true, span: stage.span };
        let previous = self.stream.event_time.replace(fallback);
        let Some(slots) = slots else { return self.broken() };
        if let Some(first) = previous.filter(|p| p.span != stage.span && !self.stream.vague) {
            let diag = Diagnostic::new(codes::SET_TWICE, stage.span, "the stream has event time already")
                .at("set again")
                .label(first.span, "set here first");
            self.ck.report(diag);
            return self.broken();
        }
        let delay = slots[1].map(|id| self.ck.duration_option(self.ast, id, "`delay` of `eventTime`", 0));
        let idle = slots[2].map(|id| self.ck.duration_option(self.ast, id, "`idle` of `eventTime`", 1));
        let Some(column) = slots[0].and_then(|id| self.timestamp_column(stage, id)) else {
            return self.broken();
        };
        let (Some(delay), Some(idle)) = (delay.unwrap_or(Some(0)), idle.map_or(Some(None), |i| i.map(Some)))
        else {
            return self.broken();
        };
        self.stream.event_time =
            Some(EventTime { column: Some(column), delayed: slots[1].is_some(), span: stage.span });
        self.emit(OperatorKind::EventTime { column, delay, idle }, stage, Vec::new());
    }

    fn timestamp_column(&mut self, stage: &'a Stage, id: ExprId) -> Option<usize> {
        let before = self.stream.clone();
        let mut cx = self.rows(&before, stage.span);
        let typed = cx.expr(id, None)?;
        let text = cx.ck.text(typed.span).to_string();
        if typed.ty == DataType::Timestamp.optional() {
            cx.optional_use(&typed, "`eventTime`");
            return None;
        }
        let column = typed.path.as_ref().and_then(crate::expr::Path::as_column);
        if typed.ty != DataType::Timestamp {
            let diag = Diagnostic::new(
                codes::TYPE_MISMATCH,
                typed.span,
                format!("`eventTime` needs a timestamp, and this is `{}`", typed.ty),
            )
            .at(format!("this is `{}`", typed.ty));
            let diag = cx.origin_label(diag, &typed);
            cx.ck.report(match typed.ty {
                DataType::Int => diag.help(format!("make it one first: `|> map {{ .., at: fromEpochMillis({text}) }} |> eventTime(at)`")),
                DataType::String => diag.help(format!("declare the field as `timestamp`, or make it one first: `|> map {{ .., at: timestamp({text}) }}`")),
                _ => diag,
            });
            return None;
        }
        if column.is_none() {
            let diag =
                Diagnostic::new(codes::STAGE_SHAPE, typed.span, "`eventTime` takes a field of the row")
                    .at("a computed value")
                    .help(format!(
                        "compute the field first: `|> map {{ .., at: {} }} |> eventTime(at)`",
                        crate::expr::short(&text)
                    ));
            cx.ck.report(diag);
        }
        column
    }

    pub(super) fn sample(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        let spec = Spec { what: "`sample`", params: &[("probability", true)], first: true };
        let Some(slots) = args::bind(self.ck, self.ast, &spec, args, stage.span) else {
            return self.broken();
        };
        let Some(id) = slots[0] else { return self.broken() };
        let value = self.ck.constant_option(self.ast, id, &DataType::Float, "the probability of `sample`");
        match value {
            Some(Value::Float(probability)) if (0.0..=1.0).contains(&probability) => {
                self.emit(OperatorKind::Sample { probability }, stage, Vec::new());
            }
            Some(_) => {
                let span = self.ast.exprs[id].span;
                let diag = Diagnostic::new(codes::STAGE_OPTION, span, "a probability is between 0 and 1")
                    .at("out of range");
                self.ck.report(
                    diag.help("`sample(0.01)` keeps one row of a hundred; `limit(n)` keeps the first n"),
                );
                self.broken();
            }
            None => self.broken(),
        }
    }

    pub(super) fn limit(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        let spec = Spec { what: "`limit`", params: &[("n", true)], first: true };
        let Some(slots) = args::bind(self.ck, self.ast, &spec, args, stage.span) else {
            return self.broken();
        };
        let n = slots[0].and_then(|id| self.ck.count_option(self.ast, id, "the count of `limit`", 0));
        match n {
            Some(n) => {
                self.stream.bounded = true;
                self.emit(OperatorKind::Limit { n }, stage, Vec::new());
            }
            None => self.broken(),
        }
    }

    pub(super) fn tap(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        let spec = Spec { what: "`tap`", params: &[("label", false)], first: true };
        let Some(slots) = args::bind(self.ck, self.ast, &spec, args, stage.span) else {
            return self.broken();
        };
        let label = match slots[0] {
            Some(id) => {
                match self.ck.constant_option(self.ast, id, &DataType::String, "the label of `tap`") {
                    Some(Value::String(label)) => label.to_string(),
                    _ => return self.broken(),
                }
            }
            None => self.name.to_string(),
        };
        self.emit(OperatorKind::Tap { label }, stage, Vec::new());
    }

    pub(super) fn drop_fields(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        let before = self.stream.clone();
        let Some(dropped) = self.field_list(&before, stage, args, "`drop`") else { return self.broken() };
        let kept: Vec<Item> = self.kept(&before, stage.span, |index, _| !dropped.contains(&index));
        if kept.is_empty() && !before.open {
            let diag = Diagnostic::new(codes::STAGE_OPTION, stage.span, "this `drop` leaves no field")
                .at("drops them all");
            self.ck.report(diag);
            return self.broken();
        }
        self.replace_columns(before, kept, stage, "drop");
    }

    fn kept(&self, before: &StreamType, span: Span, keep: impl Fn(usize, &Column) -> bool) -> Vec<Item> {
        let columns = before.columns.iter().enumerate().filter(|(index, column)| keep(*index, column));
        columns
            .map(|(index, column)| Item {
                column: column.clone(),
                expr: column.ty.clone().map(|ty| Expr::column(index, ty, crate::checker::place(span))),
                from: Some(index),
            })
            .collect()
    }

    /// Arguments that are fields: `drop(a, b.c)`, `distinct(a, b)`. Does not count as reading them.
    pub(super) fn field_list(
        &mut self,
        before: &StreamType,
        stage: &'a Stage,
        args: &'a [Arg],
        what: &str,
    ) -> Option<Vec<usize>> {
        if args.is_empty() {
            let diag = Diagnostic::new(
                codes::MISSING_ARGUMENT,
                stage.span,
                format!("{what} needs to know which fields"),
            );
            self.ck.report(
                diag.at("no field is named").help(format!("name them: {}", what.replace('`', "") + "(a, b)")),
            );
            return None;
        }
        if self.fields_in_quotes(args, what) {
            return None;
        }
        let mut found = Vec::with_capacity(args.len());
        let mut ok = true;
        for arg in args {
            let span = self.ast.exprs[arg.value].span;
            if let Some(name) = &arg.name {
                let diag = Diagnostic::new(
                    codes::UNKNOWN_ARGUMENT,
                    name.span,
                    format!("{what} takes fields without names"),
                );
                self.ck.report(diag.at("no such argument").note("only the fields are listed: `drop(a, b)`"));
                ok = false;
                continue;
            }
            let mut cx = self.rows(before, stage.span);
            let Some(typed) = cx.expr(arg.value, None) else {
                ok = false;
                continue;
            };
            match typed.path.as_ref().and_then(crate::expr::Path::as_column) {
                Some(index) if matches!(cx.fields, Fields::Row(_)) => found.push(index),
                _ => {
                    let diag =
                        Diagnostic::new(codes::STAGE_SHAPE, span, format!("{what} takes fields of the row"));
                    self.ck.report(diag.at("not a field"));
                    ok = false;
                }
            }
        }
        ok.then_some(found)
    }

    /// `rename(a, b)`, `rename(a: "b")`.
    fn not_two_names(&mut self, args: &'a [Arg], arg: &'a Arg) {
        let value = self.ast.exprs[arg.value].span;
        let diag = Diagnostic::new(codes::STAGE_SHAPE, value, "`rename` is written `rename(old: new)`")
            .at("two names are needed");
        let text = self.ck.text(value);
        let plain = text.trim_matches('"');
        let is_name = |text: &str| {
            !text.is_empty()
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !flow_syntax::is_keyword(text)
        };
        let diag = match args {
            [Arg { name: None, value: old }, Arg { name: None, value: new }] => {
                let (old, new) = (self.ast.exprs[*old].span, self.ast.exprs[*new].span);
                let fixed = format!(
                    "{}: {}",
                    self.ck.text(old).trim_matches('"'),
                    self.ck.text(new).trim_matches('"')
                );
                diag.fix(format!("write `{}`", crate::expr::short(&fixed)), old.to(new), fixed)
            }
            _ if arg.name.is_some() && text != plain && is_name(plain) => {
                diag.fix("remove the quotes", value, plain)
            }
            _ => diag,
        };
        self.ck.report(diag);
    }

    /// `drop("a", "b")`, `drop([a, b])`, `drop(columns: ["a"])`: reported with the fields' names as the fix.
    pub(super) fn fields_in_quotes(&mut self, args: &'a [Arg], what: &str) -> bool {
        let mut names = Vec::new();
        let mut foreign = false;
        for arg in args {
            let kind = &self.ast.exprs[arg.value].kind;
            let elements = match kind {
                ExprKind::List(elements) => elements.as_slice(),
                _ if arg.name.is_some() => return false,
                _ => std::slice::from_ref(&arg.value),
            };
            foreign |= matches!(kind, ExprKind::List(_));
            for id in elements {
                let text = self.ck.text(self.ast.exprs[*id].span);
                match &self.ast.exprs[*id].kind {
                    ExprKind::Str(_) => {
                        foreign = true;
                        names.push(text.trim_matches('"'));
                    }
                    ExprKind::Name(_) | ExprKind::Field { .. } => names.push(text),
                    _ => return false,
                }
            }
        }
        let (Some(first), Some(last)) = (args.first(), args.last()) else { return false };
        if !foreign {
            return false;
        }
        let from = first.name.as_ref().map_or(self.ast.exprs[first.value].span, |name| name.span);
        let whole = from.to(self.ast.exprs[last.value].span);
        let fixed = names.join(", ");
        let message = format!("{what} takes the names of fields, without quotes and lists");
        let diag = Diagnostic::new(codes::STAGE_SHAPE, whole, message).at("not a field");
        self.ck.report(diag.fix(format!("write `{}`", crate::expr::short(&fixed)), whole, fixed));
        true
    }

    /// `rename(old: new)`.
    pub(super) fn rename(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        let before = self.stream.clone();
        let mut renamed: Vec<(usize, &'a Ident)> = Vec::new();
        // New names of fields that are not there: what stands further down may use them.
        let mut meant: Vec<&'a Ident> = Vec::new();
        let mut ok = true;
        for arg in args {
            let value = &self.ast.exprs[arg.value];
            let (Some(old), ExprKind::Name(new)) = (&arg.name, &value.kind) else {
                // One habit, one diagnostic.
                if std::mem::take(&mut ok) {
                    self.not_two_names(args, arg);
                }
                continue;
            };
            let found: Vec<usize> = before.named(&old.name).map(|(index, _)| index).collect();
            match found.as_slice() {
                [index] => {
                    let origin = before.columns[*index].origin;
                    self.ck.reference(old.span, origin);
                    renamed.push((*index, new));
                }
                [] if before.open => ok = false,
                [] => {
                    // `rename(new: old)`: the other way round.
                    let swapped = before.named(&new.name).next().is_some();
                    let diag = crate::expr::unknown_field(&before, old, &[]);
                    self.ck.report(if swapped {
                        let text = format!("{}: {}", self.ck.text(new.span), self.ck.text(old.span));
                        Diagnostic { fixes: Vec::new(), help: None, ..diag }
                            .help("the old name stands first: `rename(old: new)`")
                            .fix("swap the two", old.span.to(new.span), text)
                    } else {
                        diag
                    });
                    match swapped {
                        true => ok = false,
                        false => meant.push(new),
                    }
                }
                several => {
                    let columns: Vec<Column> = several.iter().map(|i| before.columns[*i].clone()).collect();
                    self.ck.report(crate::expr::ambiguous(&old.name, old.span, &columns));
                    ok = false;
                }
            }
        }
        if args.is_empty() {
            let diag =
                Diagnostic::new(codes::MISSING_ARGUMENT, stage.span, "`rename` needs to know which fields");
            self.ck.report(diag.at("no field is named").help("write `rename(old: new)`"));
        }
        let mut items = self.kept(&before, stage.span, |_, _| true);
        for (index, new) in &renamed {
            if let Some(other) = items.iter().find(|i| *i.column.name == *new.name && i.from != Some(*index))
            {
                let origin = other.column.origin;
                self.ck.report(names::duplicate(&new.name, new.span, origin, "a field"));
                ok = false;
            }
            items[*index].column.name = new.name.as_str().into();
            let column = &mut items[*index].column;
            column.written = column.written.or_else(|| self.ck.written_of(column.origin));
            column.origin = new.span;
            items[*index].column.side = None;
        }
        for new in &meant {
            let column = self.computed(&new.name, None, new.span, "rename");
            items.push(Item { column, expr: None, from: None });
        }
        self.lost_field = !ok;
        self.ok &= ok && meant.is_empty() && !args.is_empty();
        self.replace_columns(before, items, stage, "rename");
    }
}

/// Of a record that is made: the first item of each column it comes from, and the names of all.
fn made_of(made: &[Item]) -> (HashMap<usize, usize>, HashSet<Arc<str>>) {
    let from = made.iter().enumerate().rev().filter_map(|(at, item)| Some((item.from?, at)));
    (from.collect(), made.iter().map(|item| item.column.name.clone()).collect())
}

/// `x == x`: the answer does not need the row.
fn same_on_both_sides(cond: &Expr) -> Option<bool> {
    use flow_plan::expr::{BinaryOp, Kind, NodeId};
    let Kind::Binary(op, a, b) = &cond[cond.root()].kind else { return None };
    let shape = |id| {
        let mut part = crate::expr::compact(cond, id);
        part.nodes.iter_mut().for_each(|n| n.place = flow_plan::Place::default());
        format!("{part:?}")
    };
    let answer = match op {
        BinaryOp::Eq | BinaryOp::Le | BinaryOp::Ge => true,
        BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Gt => false,
        _ => return None,
    };
    let reads_clock = !cond.nodes.iter().any(|n| matches!(n.kind, Kind::Column(_)));
    let kind = |id: NodeId| std::mem::discriminant(&cond[id].kind);
    let same = !reads_clock && kind(*a) == kind(*b) && shape(*a) == shape(*b);
    same.then_some(answer)
}
