//! `keyBy` and `trigger`, and what the next stateful stage takes of them.

use super::PipeCx;
use crate::args::{self, Spec};
use crate::checker::place;
use crate::names;
use crate::stream::{Column, Keys, StreamType};
use crate::suggest;
use flow_plan::operator::{
    DeclarationKind, GroupedAt, LateTrigger, OperatorKind, RunningTrigger, Trigger, Window, WindowKind,
};
use flow_plan::{DataType, Expr};
use flow_syntax::ast::{Arg, ExprId, ExprKind, Stage};
use flow_syntax::codes;
use flow_syntax::{Applicability, Diagnostic, Span};

/// What was set before a stateful stage.
pub(super) struct Grouped {
    pub keys: Vec<usize>,
    pub key_span: Option<Span>,
    pub window: Option<(Window, Span)>,
    pub trigger: Option<(Trigger, Span)>,
}

impl<'c, 'a> PipeCx<'c, 'a> {
    pub(super) fn key_by(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        if let Some(first) = &self.stream.keys {
            let diag =
                Diagnostic::new(codes::SET_TWICE, stage.span, "a key is set already and nothing has used it")
                    .at("set again")
                    .label(first.span, "set here first")
                    .help("name all key fields in one `keyBy(a, b)`");
            self.ck.report(diag);
        }
        if args.is_empty() {
            let diag =
                Diagnostic::new(codes::MISSING_ARGUMENT, stage.span, "`keyBy` needs at least one field")
                    .at("no key is named")
                    .help("a stateful stage without `keyBy` works on one group of all rows");
            self.ck.report(diag);
            self.stream.keys = Some(Keys { columns: Vec::new(), span: stage.span });
            return self.broken();
        }
        let listed = args.iter().any(|arg| matches!(self.ast.exprs[arg.value].kind, ExprKind::List(_)));
        if listed && self.fields_in_quotes(args, "`keyBy`") {
            self.stream.keys = Some(Keys { columns: Vec::new(), span: stage.span });
            self.stream.open = true;
            return self.broken();
        }
        let before = self.stream.clone();
        let mut columns = Vec::with_capacity(args.len());
        let mut added: Vec<(Column, Option<Expr>)> = Vec::new();
        let mut ok = true;
        // A key of which nothing is known may be used further down.
        let mut unknown = false;
        for arg in args {
            let mut cx = self.rows(&before, stage.span);
            let typed = cx.expr(arg.value, None);
            let from = typed.as_ref().and_then(|t| t.path.as_ref()).and_then(crate::expr::Path::as_column);
            match (&arg.name, from) {
                (None, Some(index)) => columns.push(index),
                (Some(name), Some(index)) if *before.columns[index].name == *name.name => columns.push(index),
                (None, None) => {
                    if typed.is_some() {
                        cx.unnamed_field(arg.value);
                    }
                    match self.meant_field(arg.value, &before) {
                        Some(index) => columns.push(index),
                        None => unknown = true,
                    }
                    ok = false;
                }
                (Some(name), _) => {
                    let expr = typed.as_ref().map(|t| cx.finish(t));
                    if let Some((_, first)) = before.named(&name.name).next() {
                        let diag = names::duplicate(&name.name, name.span, first.origin, "a field");
                        self.ck.report(
                            diag.help(
                                "a computed key is a new field: give it a name the record does not have",
                            ),
                        );
                        (ok, unknown) = (false, true);
                        continue;
                    }
                    let column = self.computed(&name.name, typed.map(|t| t.ty), name.span, "keyBy");
                    // A key is used by being one.
                    self.ck.mark_read(column.id);
                    unknown |= expr.is_none();
                    ok &= expr.is_some();
                    columns.push(before.columns.len() + added.len());
                    added.push((column, expr));
                }
            }
        }
        if let Some(twice) = (1..columns.len()).find(|i| columns[..*i].contains(&columns[*i])) {
            let span = self.ast.exprs[args[twice.min(args.len() - 1)].value].span;
            self.ck.report(
                Diagnostic::new(codes::DUPLICATE_ARGUMENT, span, "the key names this field twice")
                    .at("named again"),
            );
        }
        if !added.is_empty() {
            let mut exprs: Vec<Option<Expr>> = before
                .columns
                .iter()
                .enumerate()
                .map(|(i, c)| c.ty.clone().map(|ty| Expr::column(i, ty, crate::checker::place(stage.span))))
                .collect();
            for (column, expr) in added {
                self.stream.columns.push(column);
                exprs.push(expr);
            }
            match exprs.into_iter().collect::<Option<Vec<_>>>() {
                Some(exprs) if ok => self.emit(OperatorKind::Map { exprs }, stage, Vec::new()),
                _ => self.broken(),
            }
        }
        self.stream.keys = Some(Keys { columns, span: stage.span });
        if !ok {
            self.stream.open |= unknown;
            self.broken();
        }
    }

    /// The field that a name stands for whose type is not known: itself, or the one it was most likely meant to be. With it
    /// as the key, what stands further down is checked as if all was mended.
    fn meant_field(&mut self, name: ExprId, before: &StreamType) -> Option<usize> {
        let ExprKind::Name(name) = &self.ast.exprs[name].kind else { return None };
        if let Some((index, _)) = before.named(&name.name).next() {
            return Some(index);
        }
        if before.dropped.iter().any(|dropped| *dropped.name == *name.name) {
            return None;
        }
        let near = suggest::nearest(&name.name, before.columns.iter().map(|column| &*column.name))?;
        let (index, column) = before.named(near).next()?;
        self.ck.mark_read(column.id);
        Some(index)
    }

    pub(super) fn trigger(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        if let Some((_, first)) = &self.stream.trigger {
            let diag = Diagnostic::new(
                codes::SET_TWICE,
                stage.span,
                "a trigger is set already and nothing has used it",
            )
            .at("set again")
            .label(*first, "set here first")
            .help("put all of it into one: `trigger(early: 10s, late: eachRow)`");
            self.ck.report(diag);
        }
        let said = self.ck.diags.len();
        let mut trigger = Trigger::default();
        let params = [
            ("when", false),
            ("early", false),
            ("late", false),
            ("every", false),
            ("count", false),
            ("mode", false),
        ];
        let spec = Spec { what: "`trigger`", params: &params, first: true };
        let told = match args {
            [Arg { name: None, value }] => self.trigger_of_others(*value, stage.span),
            [arg] => self.trigger_of_spark(arg, stage.span),
            _ => false,
        };
        if told {
            return self.broken();
        }
        if let Some(rows) = args.iter().find(|arg| self.counts_rows(arg)) {
            self.trigger_of_rows(rows);
            return self.broken();
        }
        let Some(slots) = args::bind(self.ck, self.ast, &spec, args, stage.span) else {
            return self.broken();
        };
        let running = [slots[0], slots[3], slots[4]].iter().flatten().count();
        if running > 1 || args.is_empty() {
            let (message, at) = if args.is_empty() {
                ("`trigger` needs to know when", "when?")
            } else {
                ("a trigger has one moment to emit", "several are named")
            };
            let diag = Diagnostic::new(codes::BAD_TRIGGER, stage.span, message).at(at);
            self.ck.report(diag.note("one of `eachRow`, `atEnd`, `every: 1s`, `count: 100`"));
            self.broken();
        }
        if let Some(id) = slots[0] {
            match self.word(id) {
                Some("eachRow") => trigger.running = RunningTrigger::EachRow,
                Some("atEnd") => trigger.running = RunningTrigger::AtEnd,
                _ if matches!(self.ast.exprs[id].kind, ExprKind::Duration(_)) => self.bare_moment(id),
                _ => self.bad_word(id, "a trigger", &["eachRow", "atEnd"]),
            }
        }
        if let Some(id) = slots[1] {
            trigger.early = self.ck.duration_option(self.ast, id, "`early` of `trigger`", 1);
        }
        if let Some(id) = slots[2] {
            trigger.late = match self.word(id) {
                Some("eachRow") => Some(LateTrigger::EachRow),
                _ => self.ck.duration_option(self.ast, id, "`late` of `trigger`", 1).map(LateTrigger::Every),
            };
        }
        if let Some(id) = slots[3]
            && let Some(every) = self.ck.duration_option(self.ast, id, "`every` of `trigger`", 1)
        {
            trigger.running = RunningTrigger::Every(every);
        }
        if let Some(id) = slots[4]
            && let Some(count) = self.ck.count_option(self.ast, id, "`count` of `trigger`", 1)
        {
            trigger.running = RunningTrigger::Count(count);
        }
        if let Some(id) = slots[5] {
            match self.word(id) {
                Some("accumulating") => {}
                Some("discarding") => trigger.discarding = true,
                _ => self.bad_word(id, "`mode` of `trigger`", &["accumulating", "discarding"]),
            }
        }
        // Of a moment that was not understood, nobody knows whether it fits.
        if self.ck.diags[said..].iter().any(Diagnostic::is_error) {
            return self.broken();
        }
        self.stream.trigger = Some((trigger, stage.span));
    }

    /// `afterWatermark()`, `AfterCount(100)`, `CountTrigger.of(100)`: true if that was reported.
    fn trigger_of_others(&mut self, id: ExprId, stage: Span) -> bool {
        let span = self.ast.exprs[id].span;
        let windowed = self.stream.window.is_some();
        let text = self.ck.text(span);
        let Some(ours) = crate::elsewhere::trigger(text, windowed) else { return false };
        let diag = Diagnostic::new(codes::BAD_TRIGGER, span, ours.message).at("not a moment of flow");
        let diag = diag.help(ours.help);
        self.ck.report(match ours.fixed {
            Some(fixed) => {
                let whole = format!("trigger({fixed})");
                diag.with_fix(format!("write `{whole}`"), stage, whole, Applicability::MaybeIncorrect)
            }
            None => diag,
        });
        true
    }

    /// `trigger(processingTime: "10 seconds")`: true if that was reported.
    fn trigger_of_spark(&mut self, arg: &Arg, stage: Span) -> bool {
        let Some(name) = arg.name.as_ref().filter(|name| name.name.eq_ignore_ascii_case("processingTime"))
        else {
            return false;
        };
        let option = if self.stream.window.is_some() { "early" } else { "every" };
        let value = self.ck.text(self.ast.exprs[arg.value].span);
        let text = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(value);
        let whole = name.span.to(self.ast.exprs[arg.value].span);
        let message = format!("so often is `{option}:` in flow");
        let diag = Diagnostic::new(codes::FOREIGN_WORD, whole, message)
            .at("not an argument of `trigger`")
            .help("`early: 10s` gives so often what a window has so far, `every: 10s` a running result");
        self.ck.report(match crate::durations::in_words(text) {
            Some(length) => {
                let fixed = format!("trigger({option}: {length})");
                diag.with_fix(format!("write `{fixed}`"), stage, fixed, Applicability::MaybeIncorrect)
            }
            None => diag,
        });
        true
    }

    /// `trigger(5s)`.
    fn bare_moment(&mut self, id: ExprId) {
        let span = self.ast.exprs[id].span;
        let word = if self.stream.window.is_some() { "early" } else { "every" };
        let fixed = format!("{word}: {}", self.ck.text(span));
        let diag =
            Diagnostic::new(codes::BAD_TRIGGER, span, "a time of a trigger has a name").at("which one?");
        self.ck.report(
            diag.help("`every: 5s` gives a running result so often, `early: 5s` what a window has so far")
                .with_fix(format!("write `{fixed}`"), span, fixed, Applicability::MaybeIncorrect),
        );
        self.broken();
    }

    /// `count(100)` in a trigger.
    fn counts_rows(&self, arg: &Arg) -> bool {
        let ExprKind::Call { callee, args } = &self.ast.exprs[arg.value].kind else { return false };
        let timed = arg.name.as_ref().is_none_or(|n| n.name != "count" && n.name != "mode");
        timed && callee.name == "count" && matches!(args[..], [Arg { name: None, .. }])
    }

    /// `trigger(early: count(100))`: moments that rows make are of running aggregates only.
    fn trigger_of_rows(&mut self, arg: &'a Arg) {
        let ExprKind::Call { args, .. } = &self.ast.exprs[arg.value].kind else { return };
        let value = self.ast.exprs[arg.value].span;
        let whole = arg.name.as_ref().map_or(value, |name| name.span.to(value));
        let fixed = format!("count: {}", self.ck.text(self.ast.exprs[args[0].value].span));
        let window = self.stream.window.as_ref().map(|(_, span)| *span);
        let (message, at) = match window {
            None => (
                format!("so many rows are written `trigger({})`", crate::expr::short(&fixed)),
                "`count` is an argument here",
            ),
            Some(_) => (
                "a window emits early by time: `trigger(early: 10s)`".to_string(),
                "rows are not counted within a window",
            ),
        };
        let diag = Diagnostic::new(codes::BAD_TRIGGER, whole, message).at(at);
        self.ck.report(match window {
            None => diag.fix(format!("write `{}`", crate::expr::short(&fixed)), whole, fixed),
            Some(window) => diag
                .label(window, "the window is set here")
                .help(format!("without a window an aggregate emits after so many rows with `trigger({fixed})`; a window of so many rows is `window(count(100))`"))
        });
    }

    /// The bare word an argument is.
    pub(super) fn word(&self, id: ExprId) -> Option<&'a str> {
        match &self.ast.exprs[id].kind {
            ExprKind::Name(name) => Some(&name.name),
            ExprKind::Call { callee, args } if args.is_empty() => Some(&callee.name),
            _ => None,
        }
    }

    pub(super) fn bad_word(&mut self, id: ExprId, what: &str, words: &[&str]) {
        let span = self.ast.exprs[id].span;
        let list = crate::expr::list_names(words.iter().copied());
        let diag = Diagnostic::new(codes::BAD_TRIGGER, span, format!("{what} is one of {list}"))
            .at("not one of them");
        let near = self.word(id).and_then(|w| crate::suggest::nearest(w, words.iter().copied()));
        self.ck.report(match near {
            Some(near) => crate::expr::did_you_mean(diag, span, near),
            None => diag,
        });
        self.broken();
    }

    /// `window(same)` finds a row's window by its bounds: a `map` may have left them out.
    fn needs_bounds(&mut self, span: Span) {
        let is_there = |name: &&str| {
            let column = self.stream.columns.iter().find(|column| &*column.name == *name);
            column.is_some_and(|column| column.ty.as_ref().is_none_or(|ty| *ty == DataType::Timestamp))
        };
        let missing = ["windowStart", "windowEnd"].into_iter().find(|name| !is_there(name));
        if let Some(name) = missing.filter(|_| !self.stream.open) {
            let diag = Diagnostic::new(
                codes::BAD_WINDOW,
                span,
                format!("`window(same)` needs `{name}`, which the rows do not have any more"),
            )
            .at("by the bounds of a window, its rows are found")
            .help("keep both where the rows are mapped: `map { windowStart, windowEnd, … }`");
            self.ck.report(diag);
            self.ok = false;
        }
    }

    /// Takes key, window and trigger for a stateful stage and checks that they go together.
    pub(super) fn take_grouping(&mut self) -> Grouped {
        let keys = self.stream.keys.take();
        let window = self.stream.window.take();
        let trigger = self.stream.trigger.take();
        self.grouped_at = GroupedAt {
            key: keys.as_ref().map(|keys| place(keys.span)),
            window: window.as_ref().map(|(_, span)| place(*span)),
            trigger: trigger.as_ref().map(|(_, span)| place(*span)),
        };
        if let Some((Window { kind: WindowKind::Same, .. }, span)) = &window {
            self.needs_bounds(*span);
        }
        if let Some((t, span)) = &trigger {
            // What says nothing of early or late results speaks of running ones.
            let running = t.running != RunningTrigger::EachRow || (t.early.is_none() && t.late.is_none());
            let problem = match &window {
                Some((_, window)) if running => Some((
                    "a window emits when it ends",
                    *window,
                    "the window is set here",
                    "use `early:` for partial results, or take the window out",
                )),
                None if t.early.is_some() || t.late.is_some() => Some((
                    "`early` and `late` are for windows, and there is none",
                    *span,
                    "",
                    "use `every: 1s`, `count: 100`, `eachRow` or `atEnd` for a running result",
                )),
                _ => None,
            };
            if let Some((message, label, text, help)) = problem {
                let mut diag =
                    Diagnostic::new(codes::BAD_TRIGGER, *span, message).at("does not fit").help(help);
                if !text.is_empty() {
                    diag = diag.label(label, text);
                }
                self.ck.report(diag);
                self.ok = false;
            }
        }
        Grouped {
            key_span: keys.as_ref().map(|k| k.span),
            keys: keys.map(|k| k.columns).unwrap_or_default(),
            window,
            trigger,
        }
    }

    /// At the end of a pipeline, or before a stage they cannot pass: key, window, trigger unused.
    pub(super) fn nothing_stateful(&mut self) {
        let keys = self.stream.keys.take().map(|k| ("key", k.span));
        let window = self.stream.window.take().map(|w| ("window", w.1));
        let trigger = self.stream.trigger.take().map(|t| ("trigger", t.1));
        if self.stream.open || self.stream.vague {
            return;
        }
        // One mistake: the last of them is where the aggregate is missing.
        let mut set: Vec<(&str, Span)> = [keys, window, trigger].into_iter().flatten().collect();
        set.sort_by_key(|(_, span)| span.start);
        let Some((what, span)) = set.pop() else { return };
        // A name for rows that have a key, as other systems have it: here the key belongs to one chain.
        let help = match self.kind {
            DeclarationKind::Stream => format!(
                "a {what} does not go with the name of a stream: set it where `{}` is read, in front of the stateful stage, or \
                 put such a stage behind it here",
                self.name
            ),
            _ => "follow it by a stateful stage, such as `|> aggregate { n: count() }`, or remove it"
                .to_string(),
        };
        let mut diag =
            Diagnostic::new(codes::NOTHING_STATEFUL, span, format!("this {what} is set and nothing uses it"))
                .at("no stage behind it keeps state")
                .help(help);
        for (what, other) in set {
            diag = diag.label(other, format!("this {what} is not used either"));
        }
        diag =
            diag.with_fix("count the rows", span.after(), " |> count() as n", Applicability::MaybeIncorrect);
        self.ck.report(diag);
        self.ok = false;
    }
}
