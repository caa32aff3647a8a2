//! The protocol between operators, checked around every operator in builds with debug assertions.

use crate::context::Context;
use crate::error::Halt;
use crate::layout::Feed;
use crate::number::Number;
use crate::operator::{Flush, Operator};
use crate::shared::Shared;
use crate::sink::Sealing;
use crate::snapshot::{Loading, Saving};
use crate::state::Held;
use flow_data::Batch;
use flow_env::Deadline;

/// An operator that is watched.
pub(crate) struct Guard {
    inner: Box<dyn Operator>,
    label: String,
    /// Columns of each input, and the last number that came by it.
    inputs: Vec<(usize, Number)>,
    /// Columns of the output; a sink has none.
    output: Option<usize>,
    given: Number,
    advanced: Number,
    flushed: bool,
    finished: bool,
}

impl Guard {
    pub(crate) fn around(inner: Box<dyn Operator>, shared: &Shared, node: usize) -> Box<dyn Operator> {
        let layout = &shared.layout.nodes[node];
        let declared = |node: usize| shared.graph.nodes[node].output.fields.len();
        let columns = |feed: &Feed| match *feed {
            Feed::Local { node } => declared(node) + shared.layout.nodes[node].rank,
            Feed::Exchange { edge } => {
                declared(shared.layout.edges[edge].from) + shared.layout.edges[edge].width()
            }
        };
        let mut inputs: Vec<(usize, Number)> = layout.inputs.iter().map(|feed| (columns(feed), 0)).collect();
        let late = matches!(shared.graph.nodes[node].kind, flow_plan::physical::NodeKind::Late);
        if inputs.is_empty() || late {
            // A source, record errors, or rows that are not the output of what stands before.
            inputs = vec![(declared(node) + layout.rank, 0)];
        }
        let sink = matches!(shared.graph.nodes[node].kind, flow_plan::physical::NodeKind::Sink { .. });
        Box::new(Guard {
            inner,
            label: shared.graph.nodes[node].label.clone(),
            inputs,
            output: (!sink).then(|| declared(node) + layout.rank),
            given: 0,
            advanced: 0,
            flushed: false,
            finished: false,
        })
    }

    /// What the operator gave since `before`.
    fn gave(&mut self, cx: &Context<'_>, before: usize) {
        for (number, batch) in &cx.out[before..] {
            assert!(*number >= self.given, "{}: number {number} behind {}", self.label, self.given);
            self.given = *number;
            let Some(columns) = self.output else { panic!("{}: a sink gives rows", self.label) };
            assert_eq!(batch.columns.len(), columns, "{}: output columns", self.label);
            assert!(
                batch.columns.iter().all(|column| column.len() == batch.len),
                "{}: column length",
                self.label
            );
        }
    }

    fn watched<T>(
        &mut self,
        cx: &mut Context<'_>,
        act: impl FnOnce(&mut dyn Operator, &mut Context<'_>) -> Result<T, Halt>,
    ) -> Result<T, Halt> {
        assert!(!self.finished, "{}: called behind its end", self.label);
        let before = cx.out.len();
        let result = act(self.inner.as_mut(), cx)?;
        self.gave(cx, before);
        Ok(result)
    }
}

impl Operator for Guard {
    fn push(&mut self, cx: &mut Context<'_>, input: usize, batch: Batch) -> Result<(), Halt> {
        assert!(!self.flushed, "{}: rows behind the end of the input", self.label);
        // Record errors come from several operators, each with its own progress.
        let errors =
            matches!(cx.shared.graph.nodes[cx.node].kind, flow_plan::physical::NodeKind::Errors { .. });
        let (columns, last) = &mut self.inputs[input];
        assert_eq!(batch.columns.len(), *columns, "{}: input columns", self.label);
        assert!(cx.number >= *last || errors, "{}: number {} behind {last}", self.label, cx.number);
        assert!(cx.number >= self.advanced, "{}: number {} was complete", self.label, cx.number);
        *last = cx.number;
        self.watched(cx, |operator, cx| operator.push(cx, input, batch))
    }

    fn advance(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        assert!(to > self.advanced, "{}: the frontier goes back", self.label);
        self.advanced = to;
        self.watched(cx, |operator, cx| operator.advance(cx, to))
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Result<bool, Halt> {
        self.watched(cx, |operator, cx| operator.resume(cx))
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        self.flushed = true;
        let before = self.given;
        let flush = self.watched(cx, |operator, cx| operator.flush(cx))?;
        if let Flush::More(next) = flush {
            assert!(next >= self.given.max(before), "{}: a flush goes back", self.label);
        }
        Ok(flush)
    }

    fn held(&self) -> Held {
        self.inner.held()
    }

    fn deadline(&self) -> Option<Deadline> {
        self.inner.deadline()
    }

    fn waits(&self) -> Option<Deadline> {
        self.inner.waits()
    }

    fn tick(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        self.watched(cx, |operator, cx| operator.tick(cx))
    }

    fn idle(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        self.watched(cx, |operator, cx| operator.idle(cx))
    }

    fn seal(&mut self, cx: &mut Context<'_>) -> Result<Option<Box<dyn Sealing>>, Halt> {
        self.watched(cx, |operator, cx| operator.seal(cx))
    }

    fn finish(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        self.watched(cx, |operator, cx| operator.finish(cx))?;
        self.finished = true;
        Ok(())
    }

    fn save(&mut self, out: &mut Saving) {
        self.inner.save(out);
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.inner.save_more(out, entries)
    }

    fn load(&mut self, cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        self.inner.load(cx, from)
    }
}
