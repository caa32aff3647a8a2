//! `scan(state: init, next: e, emit: { … })`: a fold with a state of the user's own.

use super::PipeCx;
use super::rows::Item;
use crate::args::{self, Spec};
use crate::expr::{ExprCx, Fields};
use crate::stream::{Column, StreamType};
use flow_plan::Expr;
use flow_plan::operator::{OperatorKind, StreamMode};
use flow_syntax::ast::{Arg, ExprId, ExprKind, Stage};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

impl<'c, 'a> PipeCx<'c, 'a> {
    pub(super) fn scan(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        if let Some((_, span)) = self.stream.window.take() {
            let diag = Diagnostic::new(codes::STAGE_OPTION, span, "`scan` takes no window")
                .at("not used by `scan`")
                .label(stage.span, "this is the next stateful stage");
            self.ck.report(diag);
            self.ok = false;
        }
        let grouped = self.take_grouping();
        if let (StreamMode::Updating { .. }, Some((word, at))) =
            (&self.stream.mode, self.stream.updating_by.clone())
        {
            let diag = Diagnostic::new(
                codes::UPDATING_STREAM,
                stage.span,
                "`scan` folds final rows, and these rows can still be replaced",
            )
            .at("needs an append stream")
            .label(at, format!("this `{word}` makes the stream updating"))
            .help("let it emit only final rows: give it a window, or `trigger(atEnd)`");
            self.ck.report(diag);
            self.ok = false;
        }
        let before = self.stream.clone();
        let spec =
            Spec { what: "`scan`", params: &[("state", true), ("next", true), ("emit", true)], first: false };
        let Some(slots) = args::bind(self.ck, self.ast, &spec, args, stage.span) else {
            self.half_scan(args, stage);
            return self.lose(stage.span);
        };
        let (Some(init), Some(next), Some(emit)) = (slots[0], slots[1], slots[2]) else {
            return self.lose(stage.span);
        };
        let (with_state, init_expr, written) = self.with_state(init);
        let ty = init_expr.as_ref().map(|e| e.ty().clone());
        let next_expr = ty.as_ref().and_then(|ty| {
            let mut cx = self.rows(&with_state, stage.span);
            let typed = cx.expect(next, ty, "the next state")?;
            if let Some(at) = written {
                cx.ck.literal_references(cx.ast, next, at);
                typed.written.into_iter().for_each(|of| cx.ck.same_records(at, of));
            }
            Some(cx.finish(&typed))
        });
        let items = match &self.ast.exprs[emit].kind {
            ExprKind::Record(items) => {
                self.items(&with_state, items, stage.span, "scan", before.columns.len())
            }
            _ => {
                let span = self.ast.exprs[emit].span;
                let diag = Diagnostic::new(
                    codes::STAGE_SHAPE,
                    span,
                    "`emit` is a record: the fields of the rows that come out",
                );
                self.ck.report(diag.at("not a record").help("write `emit: { total: state, .. }`"));
                Vec::new()
            }
        };
        self.groups_of_moments(&before, &grouped, stage);
        if let Some(expr) = &next_expr {
            self.unbounded_scan(&before, expr, self.ast.exprs[next].span);
        }
        self.scan_output(stage, &grouped, items, init_expr, next_expr);
    }

    /// The rows with the state beside them; the first state, and where its type is written.
    fn with_state(&mut self, init: ExprId) -> (StreamType, Option<Expr>, Option<Span>) {
        let (init_expr, written) = self.scan_init(init).unzip();
        let written = written.flatten();
        let mut with_state = self.stream.clone();
        with_state.columns.push(Column {
            name: "state".into(),
            ty: init_expr.as_ref().map(|e| e.ty().clone()),
            side: None,
            side_at: None,
            origin: self.ast.exprs[init].span,
            written,
            optional_by: None,
            id: self.ck.new_column(),
        });
        (with_state, init_expr, written)
    }

    /// What is there of a `scan` that is being written is looked at for its types; what it lacks was said.
    fn half_scan(&mut self, args: &'a [Arg], stage: &'a Stage) {
        let named = |wanted: &str| {
            let arg = args.iter().find(|arg| arg.name.as_ref().is_some_and(|name| name.name == wanted));
            arg.map(|arg| arg.value)
        };
        let (Some(init), Some(next)) = (named("state"), named("next")) else { return };
        let told = self.ck.diags.len();
        let (with_state, ..) = self.with_state(init);
        self.rows(&with_state, stage.span).expr(next, None);
        self.ck.diags.truncate(told);
    }

    /// The first state, and where its type is written: a record's fields are named by itself.
    fn scan_init(&mut self, init: ExprId) -> Option<(Expr, Option<Span>)> {
        let mut cx = ExprCx::new(self.ck, self.ast, Fields::None("in the first state"));
        let typed = cx.expr(init, None)?;
        let expr = cx.finish(&typed);
        if !crate::constants::is_constant(&expr) {
            let diag = Diagnostic::new(codes::NOT_CONSTANT, typed.span, "the first state must be a constant");
            self.ck.report(diag.at("not known before it runs"));
            return None;
        }
        let record = matches!(self.ast.exprs[init].kind, ExprKind::Record(_));
        Some((expr, if record { Some(typed.span) } else { typed.written }))
    }

    fn scan_output(
        &mut self,
        stage: &'a Stage,
        grouped: &super::keys::Grouped,
        items: Vec<Item>,
        init: Option<Expr>,
        next: Option<Expr>,
    ) {
        let before = self.stream.clone();
        let time = before.event_time.as_ref().and_then(|e| e.column);
        let kept_time = time.and_then(|t| items.iter().position(|i| i.from == Some(t)));
        let (columns, exprs): (Vec<Column>, Vec<Option<Expr>>) =
            items.into_iter().map(|i| (i.column, i.expr)).unzip();
        let append = before.mode.clone();
        self.after_state(&before, columns.into(), grouped, stage, true);
        self.stream.mode = append;
        self.stream.updating_by = before.updating_by.clone();
        if let Some(event_time) = &mut self.stream.event_time {
            event_time.column = kept_time;
        }
        let emit: Option<Vec<Expr>> = exprs.into_iter().collect();
        match (init, next, emit) {
            (Some(init), Some(next), Some(emit)) if !emit.is_empty() => {
                let kind = OperatorKind::Scan { keys: grouped.keys.clone(), init, next, emit };
                self.emit(kind, stage, Vec::new());
            }
            _ => self.broken(),
        }
    }
}
