//! `union(other, …)`: streams of the same record type become one.

use super::PipeCx;
use crate::checked::{CheckedOperator, Input};
use crate::stream::{Column, StreamType};
use flow_plan::operator::{GroupedAt, OperatorKind, StreamMode};
use flow_plan::{DataType, Expr};
use flow_syntax::ast::{Arg, ExprKind, Path, Stage};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

impl<'c, 'a> PipeCx<'c, 'a> {
    pub(super) fn union(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        self.nothing_stateful();
        if args.is_empty() {
            let diag = Diagnostic::new(codes::MISSING_ARGUMENT, stage.span, "`union` needs another stream");
            self.ck.report(diag.at("union with what?").help("write `union(other)`"));
            return self.broken();
        }
        let mut inputs = Vec::new();
        let mut ok = true;
        for arg in args {
            let value = &self.ast.exprs[arg.value];
            let path = match &value.kind {
                ExprKind::Name(name) => Path { name: name.clone(), side: None },
                ExprKind::Field { base, name } => match &self.ast.exprs[*base].kind {
                    ExprKind::Name(decl) => Path { name: decl.clone(), side: Some(name.clone()) },
                    _ => {
                        ok = self.not_a_stream(value.span);
                        continue;
                    }
                },
                ExprKind::Error => {
                    ok = false;
                    continue;
                }
                _ => {
                    ok = self.not_a_stream(value.span);
                    continue;
                }
            };
            let Some(other) = self.ck.readable(&path, false) else {
                ok = false;
                continue;
            };
            match self.align(stage, &other.stream, other.input, value.span, &other.name) {
                Some(input) => inputs.push(input),
                None => ok = false,
            }
        }
        if ok {
            self.emit(OperatorKind::Union, stage, inputs);
        } else {
            self.broken();
        }
    }

    fn not_a_stream(&mut self, span: Span) -> bool {
        let diag = Diagnostic::new(codes::STAGE_SHAPE, span, "`union` takes names of streams and sources");
        self.ck.report(
            diag.at("not a name")
                .help("give the pipeline a name with `stream name = …` and write `union(name)`"),
        );
        false
    }

    /// Brings another stream into the order of this one; says what differs.
    fn align(
        &mut self,
        stage: &'a Stage,
        other: &StreamType,
        input: Input,
        at: Span,
        name: &str,
    ) -> Option<Input> {
        let this = self.stream.clone();
        let mut problems = Vec::new();
        let mut order = Vec::with_capacity(this.columns.len());
        for (index, column) in this.columns.iter().enumerate() {
            match other.named(&column.name).next() {
                None if other.open => {}
                None => problems.push(format!("`{name}` has no field `{}`", column.name)),
                Some((position, theirs)) => {
                    order.push(position);
                    self.ck.mark_read(theirs.id);
                    self.ck.same_field(column.origin, theirs.origin);
                    let written =
                        |column: &Column| column.written.or_else(|| self.ck.written_of(column.origin));
                    if let (Some(one), Some(other)) = (written(column), written(theirs)) {
                        self.ck.same_records(one, other);
                    }
                    if let (Some(a), Some(b)) = (&column.ty, &theirs.ty) {
                        if a.unwrapped() != b.unwrapped() {
                            problems.push(format!("`{}` is `{a}` here and `{b}` in `{name}`", column.name));
                        } else if b.is_optional() {
                            self.stream.columns[index].ty = Some(b.clone());
                        }
                    }
                }
            }
        }
        for column in other.columns.iter() {
            if this.named(&column.name).next().is_none() && !this.open {
                problems.push(format!("only `{name}` has a field `{}`", column.name));
            }
        }
        if !problems.is_empty() {
            let mut diag = Diagnostic::new(
                codes::UNION_TYPES,
                at,
                format!("`{name}` has other fields than the rows it is joined with"),
            )
            .at(problems[0].clone())
            .label(this.made_by.1, "the fields here come from this");
            for problem in problems.iter().skip(1).take(3) {
                diag = diag.note(problem.clone());
            }
            self.ck.report(diag.help("bring both to one record with a `map { … }` first"));
            return None;
        }
        self.union_kind(other, stage);
        if this.open || other.open {
            return None;
        }
        if order.iter().enumerate().all(|(i, o)| i == *o) {
            return Some(input);
        }
        self.reordered(stage, other, input, &order)
    }

    /// A `Map` that puts the other's columns into this order.
    fn reordered(
        &mut self,
        stage: &'a Stage,
        other: &StreamType,
        input: Input,
        order: &[usize],
    ) -> Option<Input> {
        let mut columns = Vec::with_capacity(order.len());
        let mut exprs = Vec::with_capacity(order.len());
        for position in order {
            let column = other.columns[*position].clone();
            let ty: DataType = column.ty.clone()?;
            exprs.push(Expr::column(*position, ty, crate::checker::place(stage.span)));
            columns.push(column);
        }
        let mut aligned = other.clone();
        aligned.columns = columns.into();
        self.operators.push(CheckedOperator {
            kind: OperatorKind::Map { exprs },
            inputs: vec![input],
            output: aligned.record()?,
            mode: other.mode.clone(),
            word: stage.name.name.clone(),
            span: stage.span,
            state: None,
            grouped_at: GroupedAt::default(),
        });
        Some(Input::Operator(self.operators.len() - 1))
    }

    fn union_kind(&mut self, other: &StreamType, stage: &Stage) {
        let _ = stage;
        if let StreamMode::Updating { .. } = other.mode
            && self.stream.mode != other.mode
        {
            let columns = self.stream.columns.len();
            self.stream.mode = StreamMode::Updating { key: (0..columns).collect() };
            self.stream.updating_by = self.stream.updating_by.clone().or(other.updating_by.clone());
        }
        if other.event_time.is_none() {
            self.stream.event_time = None;
        } else if let (Some(mine), Some(theirs)) = (&mut self.stream.event_time, &other.event_time)
            && mine.column != theirs.column
        {
            mine.column = None;
        }
        if self.stream.from_window != other.from_window {
            self.stream.from_window = None;
        }
        self.stream.bounded &= other.bounded;
        self.stream.stateful |= other.stateful;
        self.stream.vague |= other.vague;
        for column in self.stream.columns.iter() {
            self.ck.mark_read(column.id);
        }
    }
}
