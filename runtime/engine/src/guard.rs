//! The protocol between operators, checked around every operator in builds with debug assertions.

use crate::context::Context;
use crate::error::Halt;
use crate::incomplete::{self, may_lack};
use crate::layout::Feed;
use crate::number::{Number, base};
use crate::operator::{Flush, Operator};
use crate::preaggregate::gives_parts;
use crate::shared::Shared;
use crate::sink::Sealing;
use crate::snapshot::{Loading, Saving};
use crate::state::Held;
use flow_data::{Batch, Column, ColumnData};
use flow_env::Deadline;
use flow_plan::physical::NodeKind;
use flow_plan::physical::hidden::{NO_WATERMARK, WATERMARK, position};
use flow_plan::{DataType, RecordType};
use std::sync::Arc;

/// An operator that is watched.
pub(crate) struct Guard {
    inner: Box<dyn Operator>,
    label: String,
    /// Of each input, its columns and the last number that came by it.
    inputs: Vec<(Columns, Number)>,
    /// The columns of the output; a sink has none.
    output: Option<Columns>,
    given: Number,
    /// The own watermarks of the rows that come, and of those that are given, if order tells something of them.
    time: Option<[Time; 2]>,
    advanced: Number,
    flushed: bool,
    finished: bool,
}

/// The watermarks that rows of a number bring. In the order in which a row-by-row run sees them they do not go back: where rows come
/// so, they are given so. What time gives brings none.
struct Time {
    column: Option<usize>,
    /// The number of the last rows, and the greatest watermark that they brought.
    last: (Number, i64),
    /// The last number in which it went back.
    back: Option<Number>,
}

impl Time {
    fn of(record: &RecordType) -> Time {
        Time::at(position(record, WATERMARK))
    }

    /// In this column, if there is one.
    fn at(column: Option<usize>) -> Time {
        Time { column, last: (0, NO_WATERMARK), back: None }
    }

    fn read(&mut self, number: Number, batch: &Batch) {
        let Some(ColumnData::I64(watermarks)) = self.column.map(|column| &batch.columns[column].data) else {
            return;
        };
        if self.last.0 != number {
            self.last = (number, NO_WATERMARK);
        }
        for watermark in watermarks.iter().filter(|watermark| **watermark != NO_WATERMARK) {
            if *watermark < self.last.1 {
                self.back = Some(number);
            }
            self.last.1 = *watermark;
        }
    }
}

/// What the columns of a stream are.
#[derive(Clone)]
struct Columns {
    declared: Arc<RecordType>,
    /// Behind them: ranks.
    more: usize,
    /// May values be missing that must be there? Then they are record errors.
    lacks: bool,
}

impl Columns {
    fn check(&self, batch: &Batch, label: &str, side: &str) {
        let Columns { declared, more, lacks } = self;
        assert_eq!(batch.columns.len(), declared.fields.len() + more, "{label}: {side} columns");
        for (column, field) in batch.columns.iter().zip(&declared.fields) {
            let fits = fits(column, &field.ty) || *lacks && is_kind(column, &field.ty);
            assert!(fits, "{label}: {side} column `{}` is no `{}`", field.name, field.ty);
        }
        let ranks = &batch.columns[declared.fields.len()..];
        assert!(ranks.iter().all(|rank| fits(rank, &DataType::Int)), "{label}: {side} ranks");
        assert!(
            batch.columns.iter().all(|column| column.len() == batch.len),
            "{label}: {side} column length"
        );
    }
}

/// Is a column of this type, and null only where it may be?
fn fits(column: &Column, ty: &DataType) -> bool {
    is_kind(column, ty) && !incomplete::lacks(column, ty)
}

fn is_kind(column: &Column, ty: &DataType) -> bool {
    match ty.unwrapped() {
        DataType::Bool => matches!(column.data, ColumnData::Bool(_)),
        DataType::Int | DataType::Timestamp | DataType::Duration => matches!(column.data, ColumnData::I64(_)),
        DataType::Float => matches!(column.data, ColumnData::F64(_)),
        DataType::Decimal => matches!(column.data, ColumnData::Decimal(_)),
        DataType::String => matches!(column.data, ColumnData::Str(_)),
        DataType::Bytes => matches!(column.data, ColumnData::Bytes(_)),
        _ => matches!(column.data, ColumnData::Any(_)),
    }
}

impl Guard {
    pub(crate) fn around(inner: Box<dyn Operator>, shared: &Shared, node: usize) -> Box<dyn Operator> {
        let layout = &shared.layout.nodes[node];
        let of = |node: usize, more: usize| Columns {
            declared: shared.graph.nodes[node].output.clone(),
            more,
            lacks: false,
        };
        let columns = |(input, feed): (usize, &Feed)| {
            let from = match *feed {
                Feed::Local { node } => node,
                Feed::Exchange { edge } => shared.layout.edges[edge].from,
            };
            (of(from, shared.layout.width(node, input)), 0)
        };
        let mut inputs: Vec<(Columns, Number)> = layout.inputs.iter().enumerate().map(columns).collect();
        let late = matches!(shared.graph.nodes[node].kind, NodeKind::Late);
        if inputs.is_empty() || late {
            // A source, record errors, or rows that are not the output of what stands before.
            inputs = vec![(of(node, if late { layout.rank } else { 0 }), 0)];
        }
        let time = match (&shared.graph.nodes[node].kind, inputs.as_slice()) {
            // Joins give pairs in an order of their own, and unions take one input behind the other.
            (NodeKind::Join(_) | NodeKind::Union | NodeKind::Late | NodeKind::Errors { .. }, _) => None,
            // Parts of windows come slice by slice.
            (NodeKind::WindowAggregate(_), _) if gives_parts(&shared.graph.nodes[node]) => None,
            (kind, [(input, _)]) => {
                let sets = matches!(kind, NodeKind::EventTime(_));
                let output = Time::of(&shared.graph.nodes[node].output);
                // The order of an event-time node is its own.
                let input = if sets { Time::at(None) } else { Time::of(&input.declared) };
                Some([input, output])
            }
            _ => None,
        };
        let sink = matches!(shared.graph.nodes[node].kind, NodeKind::Sink { .. });
        Box::new(Guard {
            inner,
            label: shared.graph.nodes[node].label.clone(),
            inputs,
            output: (!sink)
                .then(|| Columns { lacks: may_lack(&shared.graph.nodes[node]), ..of(node, layout.rank) }),
            given: 0,
            time,
            advanced: 0,
            flushed: false,
            finished: false,
        })
    }

    /// The operator gave this.
    fn gave(&mut self, given: &[(Number, Batch)]) {
        for (number, batch) in given {
            assert!(*number >= self.given, "{}: number {number} behind {}", self.label, self.given);
            self.given = *number;
            let Some(columns) = &self.output else { panic!("{}: a sink gives rows", self.label) };
            columns.check(batch, &self.label, "output");
            if let Some([came, gives]) = &mut self.time {
                gives.read(*number, batch);
                // At the end, what is left comes in the order in which groups were first seen.
                let at_end = *number >= base(0);
                let in_order = at_end || gives.back != Some(*number) || came.back == Some(*number);
                assert!(in_order, "{}: the watermark goes back in number {number}", self.label);
            }
        }
    }

    /// Rows of a number come; those of record errors do from several operators, each with its own progress.
    fn comes(&mut self, input: usize, number: Number, batch: &Batch, errors: bool) {
        assert!(!self.flushed, "{}: rows behind the end of the input", self.label);
        let (columns, last) = &mut self.inputs[input];
        columns.check(batch, &self.label, "input");
        assert!(number >= *last || errors, "{}: number {number} behind {last}", self.label);
        assert!(number >= self.advanced, "{}: number {number} was complete", self.label);
        *last = number;
        if let Some([came, _]) = &mut self.time {
            came.read(number, batch);
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
        self.gave(&cx.out[before..]);
        Ok(result)
    }
}

impl Operator for Guard {
    fn push(&mut self, cx: &mut Context<'_>, input: usize, batch: Batch) -> Result<(), Halt> {
        let errors = matches!(cx.shared.graph.nodes[cx.node].kind, NodeKind::Errors { .. });
        self.comes(input, cx.number, &batch, errors);
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

    fn unfinished(&self) -> bool {
        self.inner.unfinished()
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

    fn follow(&mut self) {
        self.inner.follow();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::PassOperator;
    use flow_plan::Field;

    /// Around an operator that reads and gives an `int` and a `string?`, and one rank.
    fn guard() -> Guard {
        let fields = [("n", DataType::Int), ("s", DataType::Optional(Arc::new(DataType::String)))]
            .map(|(n, ty)| Field::new(n, ty));
        let columns = Columns { declared: Arc::new(RecordType::new(fields.to_vec())), more: 1, lacks: false };
        Guard {
            inner: Box::new(PassOperator),
            label: "pass".into(),
            inputs: vec![(columns.clone(), 0)],
            output: Some(columns),
            given: 0,
            time: Some([Time::at(None), Time::at(Some(0))]),
            advanced: 0,
            flushed: false,
            finished: false,
        }
    }

    fn ints(values: &[i64]) -> Arc<Column> {
        Arc::new(Column::new(ColumnData::I64(values.to_vec())))
    }

    /// One row.
    fn row() -> Batch {
        let text = Batch::from_rows(&[vec![flow_plan::Value::Null]], &guard().inputs[0].0.only("s"));
        Batch::new(1, vec![ints(&[7]), text.columns[0].clone(), ints(&[0])])
    }

    impl Columns {
        /// The column of this name.
        fn only(&self, name: &str) -> RecordType {
            let fields = self.declared.fields.iter().filter(|field| &*field.name == name);
            RecordType::new(fields.cloned().collect())
        }
    }

    #[test]
    fn rows_in_order_and_as_declared_pass() {
        let mut guard = guard();
        guard.comes(0, 3, &row(), false);
        guard.gave(&[(3, row()), (3, row()), (4, row())]);
        guard.comes(0, 3, &row(), false);
    }

    #[test]
    #[should_panic(expected = "pass: number 3 behind 4")]
    fn a_number_does_not_go_back() {
        guard().gave(&[(4, row()), (3, row())]);
    }

    #[test]
    #[should_panic(expected = "pass: the watermark goes back in number 4")]
    fn the_time_of_a_number_does_not_go_back() {
        let at = |time: i64| Batch::new(1, [&[ints(&[time])], &row().columns[1..]].concat());
        let mut guard = guard();
        // Another number begins with what its own rows bring.
        guard.gave(&[(3, at(7)), (3, at(NO_WATERMARK)), (3, at(7)), (4, at(5))]);
        guard.gave(&[(4, at(7)), (4, at(NO_WATERMARK)), (4, at(6))]);
    }

    #[test]
    #[should_panic(expected = "pass: number 2 was complete")]
    fn nothing_comes_of_a_number_that_was_complete() {
        let mut guard = guard();
        guard.advanced = 3;
        guard.comes(0, 2, &row(), false);
    }

    #[test]
    #[should_panic(expected = "pass: rows behind the end of the input")]
    fn nothing_comes_behind_the_end() {
        let mut guard = guard();
        guard.flushed = true;
        guard.comes(0, 2, &row(), false);
    }

    #[test]
    #[should_panic(expected = "pass: output columns")]
    fn a_row_has_all_its_columns() {
        let mut short = row();
        short.columns.pop();
        guard().gave(&[(0, short)]);
    }

    #[test]
    #[should_panic(expected = "pass: output column `n` is no `int`")]
    fn a_column_is_of_its_type() {
        let mut other = row();
        other.columns[0] = Arc::new(Column::new(ColumnData::F64(vec![7.0])));
        guard().gave(&[(0, other)]);
    }

    #[test]
    #[should_panic(expected = "pass: input column `n` is no `int`")]
    fn only_what_is_optional_is_null() {
        let mut null = row();
        null.columns[0] = Arc::new(Column { data: ColumnData::I64(vec![0]), validity: Some(vec![0]) });
        guard().comes(0, 0, &null, false);
    }
}
