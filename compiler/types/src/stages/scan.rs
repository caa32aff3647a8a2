//! `scan(state: init, next: e, emit: { … })`: a fold with a state of the user's own.

use super::PipeCx;
use super::rows::Item;
use crate::args::{self, Spec};
use crate::expr::{ExprCx, Fields};
use crate::stream::Column;
use flow_plan::Expr;
use flow_plan::operator::{OperatorKind, StreamMode};
use flow_syntax::Diagnostic;
use flow_syntax::ast::{Arg, ExprId, ExprKind, Stage};
use flow_syntax::codes;

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
            return self.lose(stage.span);
        };
        let (Some(init), Some(next), Some(emit)) = (slots[0], slots[1], slots[2]) else {
            return self.lose(stage.span);
        };
        let init_expr = self.scan_init(init);
        let ty = init_expr.as_ref().map(|e| e.ty().clone());
        let mut with_state = before.clone();
        let id = self.ck.new_column();
        let origin = self.ast.exprs[init].span;
        let (name, side, side_at, written, optional_by) = ("state".into(), None, None, None, None);
        with_state.columns.push(Column {
            name,
            ty: ty.clone(),
            side,
            side_at,
            origin,
            written,
            optional_by,
            id,
        });
        let next_expr = ty.as_ref().and_then(|ty| {
            let mut cx = self.rows(&with_state, stage.span);
            let typed = cx.expect(next, ty, "the next state")?;
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
        self.scan_output(stage, &grouped, items, init_expr, next_expr);
    }

    fn scan_init(&mut self, init: ExprId) -> Option<Expr> {
        let mut cx = ExprCx::new(self.ck, self.ast, Fields::None("in the first state"));
        let typed = cx.expr(init, None)?;
        let expr = cx.finish(&typed);
        if !crate::constants::is_constant(&expr) {
            let diag = Diagnostic::new(codes::NOT_CONSTANT, typed.span, "the first state must be a constant");
            self.ck.report(diag.at("not known before it runs"));
            return None;
        }
        Some(expr)
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
        self.after_state(&before, columns, grouped, stage, true);
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
