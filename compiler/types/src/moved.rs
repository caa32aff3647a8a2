//! A checked declaration, moved: its places by an edit elsewhere in the script, and the numbers of the declarations that
//! it reads to what they are now.

use crate::again::{Edit, Effects};
use crate::checked::{CheckedPipeline, Input};
use crate::checker::{place, span_of};
use crate::fallible::expressions_mut;
use crate::stream::StreamType;
use flow_plan::Place;
use flow_plan::connector::ConnectorCall;
use flow_plan::operator::{GroupedAt, OperatorKind};
use flow_syntax::Span;

/// Where to.
#[derive(Debug)]
pub(crate) struct Moves {
    pub(crate) edit: Edit,
    /// The number each declaration had, and has now if it is there still.
    pub(crate) now: Vec<Option<usize>>,
}

impl Moves {
    fn span(&self, span: &mut Span) {
        *span = self.edit.moved(*span);
    }

    fn place(&self, at: &mut Place) {
        *at = place(self.edit.moved(span_of(*at)));
    }

    fn index(&self, index: &mut usize) -> Option<()> {
        *index = (*self.now.get(*index)?)?;
        Some(())
    }

    fn input(&self, input: &mut Input) -> Option<()> {
        match input {
            Input::Operator(_) => Some(()),
            Input::Declaration(index) | Input::Errors(index) | Input::Late(index) => self.index(index),
        }
    }

    /// Moves a pipeline; `None` if it reads a declaration that is gone.
    pub(crate) fn pipeline(&self, pipeline: &mut CheckedPipeline) -> Option<()> {
        if let Some(result) = &mut pipeline.result {
            self.input(result)?;
        }
        for operator in &mut pipeline.operators {
            operator.inputs.iter_mut().try_for_each(|input| self.input(input))?;
        }
        if self.edit.still() {
            return Some(());
        }
        for operator in &mut pipeline.operators {
            self.span(&mut operator.span);
            let GroupedAt { key, window, trigger } = &mut operator.grouped_at;
            [key, window, trigger].into_iter().flatten().for_each(|at| self.place(at));
            self.operator(&mut operator.kind);
        }
        for stage in &mut pipeline.stages {
            self.span(&mut stage.span);
            self.stream(&mut stage.after);
        }
        self.stream(&mut pipeline.head);
        self.stream(&mut pipeline.output);
        pipeline.late.iter_mut().for_each(|late| self.stream(late));
        Some(())
    }

    fn operator(&self, kind: &mut OperatorKind) {
        for expr in expressions_mut(kind) {
            expr.nodes.iter_mut().for_each(|node| self.place(&mut node.place));
        }
        match kind {
            OperatorKind::Aggregate(aggregate) => {
                aggregate.calls.iter_mut().for_each(|call| self.place(&mut call.place));
            }
            OperatorKind::Source(connector) | OperatorKind::Table { connector } => self.connector(connector),
            OperatorKind::Sink(connector) => self.connector(connector),
            _ => {}
        }
    }

    fn connector(&self, connector: &mut ConnectorCall) {
        self.place(&mut connector.place);
        connector.args.iter_mut().for_each(|arg| self.place(&mut arg.place));
    }

    fn stream(&self, stream: &mut StreamType) {
        stream.columns.iter_mut().for_each(|column| {
            self.span(&mut column.origin);
            column.written.iter_mut().for_each(|ty| self.span(ty));
            column.side_at.iter_mut().for_each(|declared| self.span(declared));
            column.optional_by.iter_mut().for_each(|join| self.span(join));
        });
        stream.updating_by.iter_mut().for_each(|(_, span)| self.span(span));
        stream.keys.iter_mut().for_each(|keys| self.span(&mut keys.span));
        stream.window.iter_mut().for_each(|(_, span)| self.span(span));
        stream.trigger.iter_mut().for_each(|(_, span)| self.span(span));
        stream.event_time.iter_mut().for_each(|time| self.span(&mut time.span));
        self.span(&mut stream.made_by.1);
        stream.dropped.iter_mut().for_each(|dropped| self.span(&mut dropped.span));
        stream.gone_sides.iter_mut().for_each(|(.., join)| self.span(join));
    }

    /// Moves what a declaration did beside; `None` if it reads a declaration that is gone.
    pub(crate) fn effects(&self, effects: &mut Effects) -> Option<()> {
        effects.uses.iter_mut().try_for_each(|(index, _)| self.index(index))?;
        if self.edit.still() {
            return Some(());
        }
        effects.computed.iter_mut().for_each(|computed| self.span(&mut computed.span));
        effects.facts.types.iter_mut().for_each(|(span, _)| self.span(span));
        for (used, declared) in effects.facts.references.iter_mut().chain(&mut effects.facts.same) {
            self.span(used);
            self.span(declared);
        }
        Some(())
    }
}
