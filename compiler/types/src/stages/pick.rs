//! Stages that give whole rows of a group: `top`, `bottom`, `latest`, `earliest`, `distinct`.

use super::PipeCx;
use super::aggregate::emits_once;
use crate::args::{self, Spec};
use crate::names;
use crate::stream::{Columns, StreamType};
use flow_plan::operator::{OperatorKind, SortKey, StreamMode, Trigger};
use flow_plan::{DataType, Expr, Value};
use flow_syntax::ast::{Arg, ExprId, ExprKind, Stage, StageKind};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

impl<'c, 'a> PipeCx<'c, 'a> {
    pub(super) fn top(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        let word = stage.name.name.as_str();
        let what = format!("`{word}`");
        let grouped = self.take_grouping();
        let before = self.stream.clone();
        let spec = Spec { what: &what, params: &[("n", true), ("by", true), ("ties", false)], first: true };
        let slots = args::bind(self.ck, self.ast, &spec, args, stage.span).unwrap_or_default();
        let get = |slot: usize| slots.get(slot).copied().flatten();
        let n = get(0).and_then(|id| self.ck.count_option(self.ast, id, &format!("the count of {what}"), 1));
        let by = get(1).and_then(|id| self.sort_keys(&before, stage.span, id, word == "top", &what));
        let ties = match get(2) {
            Some(id) => {
                match self.ck.constant_option(self.ast, id, &DataType::Bool, &format!("`ties` of {what}")) {
                    Some(Value::Bool(ties)) => Some(ties),
                    _ => None,
                }
            }
            None => Some(false),
        };
        let StageKind::Call { alias, .. } = &stage.kind else { return };
        let mut columns = before.columns.to_vec();
        let bounds = self.has_bounds(&grouped, &before);
        if bounds {
            self.add_bounds(&mut columns, grouped.window.as_ref().map_or(stage.span, |(_, span)| *span));
        }
        if let Some(rank) = alias {
            if let Some(first) = columns.iter().find(|c| *c.name == *rank.name) {
                let first = first.origin;
                self.ck.report(names::duplicate(&rank.name, rank.span, first, "a field"));
            }
            let column = self.computed(&rank.name, Some(DataType::Int), rank.span, word);
            columns.push(column);
        }
        self.groups_of_moments(&before, &grouped, stage);
        self.after_rows(&before, columns.into(), &grouped, stage);
        let (Some(n), Some(by), Some(ties)) = (n, by, ties) else { return self.broken() };
        let kind = OperatorKind::Top {
            keys: grouped.keys,
            n,
            by,
            ties,
            rank: alias.is_some(),
            window: grouped.window.map(|(w, _)| w),
            trigger: grouped.trigger.map(|(t, _)| t).unwrap_or_default(),
        };
        self.emit(kind, stage, Vec::new());
    }

    /// Whole rows come out: all of a row tells it from another.
    fn after_rows(
        &mut self,
        before: &StreamType,
        columns: Columns,
        grouped: &super::keys::Grouped,
        stage: &Stage,
    ) {
        let count = columns.len();
        self.after_state(before, columns, grouped, stage, false);
        self.stream.open = before.open;
        self.stream.made_by = before.made_by.clone();
        let default = Trigger::default();
        if !emits_once(grouped, grouped.trigger.as_ref().map_or(&default, |(t, _)| t)) {
            let latest = matches!(stage.name.name.as_str(), "latest" | "earliest");
            let key = if latest { grouped.keys.clone() } else { (0..count).collect() };
            self.stream.mode = StreamMode::Updating { key };
        }
        if let (None, Some(time)) = (&grouped.window, &before.event_time) {
            self.stream.event_time = Some(time.clone());
        }
    }

    /// `by: x`, `by: x desc`, `by: [price desc, at asc]`; best first.
    fn sort_keys(
        &mut self,
        before: &StreamType,
        stage: Span,
        id: ExprId,
        largest: bool,
        what: &str,
    ) -> Option<Vec<SortKey>> {
        let ids: Vec<ExprId> = match &self.ast.exprs[id].kind {
            ExprKind::List(items) => items.clone(),
            _ => vec![id],
        };
        let mut keys = Vec::with_capacity(ids.len());
        let mut ok = !ids.is_empty();
        for id in ids {
            let (key, descending) = match &self.ast.exprs[id].kind {
                ExprKind::Sorted { key, descending } => (*key, *descending),
                _ => (id, largest),
            };
            match self.ordered_expr(before, stage, key, what) {
                Some(expr) => keys.push(SortKey { expr, descending }),
                None => ok = false,
            }
        }
        ok.then_some(keys)
    }

    fn ordered_expr(&mut self, before: &StreamType, stage: Span, id: ExprId, what: &str) -> Option<Expr> {
        let mut cx = self.rows(before, stage);
        let typed = cx.bare(id, None, &format!("`by` of {what}"))?;
        if !typed.ty.is_ordered() {
            let diag = Diagnostic::new(
                codes::NOT_COMPARABLE,
                typed.span,
                format!("values of type `{}` have no order", typed.ty),
            )
            .at(format!("this is `{}`", typed.ty));
            let diag = cx.origin_label(diag, &typed);
            cx.ck.report(diag);
            return None;
        }
        Some(cx.finish(&typed))
    }

    pub(super) fn latest(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        let what = format!("`{}`", stage.name.name);
        let grouped = self.take_grouping();
        let before = self.stream.clone();
        let spec = Spec { what: &what, params: &[("by", true)], first: false };
        let slots = args::bind(self.ck, self.ast, &spec, args, stage.span).unwrap_or_default();
        let by = slots.first().copied().flatten();
        let by = by.and_then(|id| {
            let told = self.ck.diags.len();
            let ordered = self.ordered_expr(&before, stage.span, id, &what);
            let several = matches!(&self.ast.exprs[id].kind, ExprKind::List(keys) if keys.len() > 1);
            // Values of different types are no list, and `top` takes them as they are.
            if let Some(last) = self.ck.diags[told..].last_mut().filter(|_| several) {
                let pick = if stage.name.name == "latest" { "top" } else { "bottom" };
                last.help =
                    Some(format!("{what} orders by one value; several are taken by `{pick}(1, by: [a, b])`"));
            }
            ordered
        });
        let mut columns = before.columns.to_vec();
        if self.has_bounds(&grouped, &before) {
            self.add_bounds(&mut columns, grouped.window.as_ref().map_or(stage.span, |(_, span)| *span));
        }
        self.groups_of_moments(&before, &grouped, stage);
        self.after_rows(&before, columns.into(), &grouped, stage);
        let Some(by) = by else { return self.broken() };
        let kind = OperatorKind::Latest {
            keys: grouped.keys,
            by,
            earliest: stage.name.name == "earliest",
            window: grouped.window.map(|(w, _)| w),
            trigger: grouped.trigger.map(|(t, _)| t).unwrap_or_default(),
        };
        self.emit(kind, stage, Vec::new());
    }

    pub(super) fn distinct(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        let within = args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.name == "within"));
        let fields: Vec<Arg> =
            args.iter().filter(|a| a.name.as_ref().is_none_or(|n| n.name != "within")).cloned().collect();
        for (what, span) in [
            self.stream.window.take().map(|w| ("window", w.1)),
            self.stream.trigger.take().map(|t| ("trigger", t.1)),
        ]
        .into_iter()
        .flatten()
        {
            let diag = Diagnostic::new(codes::STAGE_OPTION, span, format!("`distinct` takes no {what}"))
                .at("not used by `distinct`")
                .label(stage.span, "this is the next stateful stage");
            self.ck.report(diag.help("to forget values after a time, write `distinct(a, within: 1h)`"));
        }
        let grouped = self.take_grouping();
        let before = self.stream.clone();
        let columns = if fields.is_empty() {
            Some((0..before.columns.len()).collect())
        } else {
            self.distinct_fields(&before, stage, args)
        };
        let forget = match within {
            Some(arg) => self.ck.duration_option(self.ast, arg.value, "`within` of `distinct`", 1).map(Some),
            None => Some(None),
        };
        self.stream.stateful = true;
        if within.is_none() && !self.stream.bounded {
            self.unbounded_distinct(stage);
        }
        match (columns, forget) {
            (Some(columns), Some(within)) => {
                let kind = OperatorKind::Distinct { keys: grouped.keys, columns, within };
                self.emit(kind, stage, Vec::new());
            }
            _ => self.broken(),
        }
    }

    fn distinct_fields(
        &mut self,
        before: &StreamType,
        stage: &'a Stage,
        args: &'a [Arg],
    ) -> Option<Vec<usize>> {
        let mut found = Vec::new();
        let mut ok = true;
        for arg in args {
            match &arg.name {
                Some(name) if name.name == "within" => {}
                _ => match self.field_list(before, stage, std::slice::from_ref(arg), "`distinct`") {
                    Some(columns) => found.extend(columns),
                    None => ok = false,
                },
            }
        }
        ok.then_some(found)
    }
}
