//! Aggregation in windows of event time.
//!
//! Each window has a pane of its own, with its groups; rows are divided by pane. A row that may come
//! behind the end of its window waits, with all rows behind it, until its number is complete: only then
//! is the watermark known that it meets. See `docs/architecture.md`, "Time in the sequence".

mod births;
mod bounds;
mod divide;
mod pane;

use super::{Flush, Operator};
use crate::context::{BadRow, Context, describe};
use crate::error::Halt;
use crate::number::{Number, at_end_of_time};
use crate::shared::Shared;
use crate::state::{Held, Refused, Scratch, Shape};
use crate::time::Clock;
use bounds::{Bounds, Tumbling};
use divide::{Moment, Rows, divide};
use flow_data::{Batch, ColumnData};
use flow_plan::RecordType;
use flow_plan::civil::Zone;
use flow_plan::operator::WindowKind;
use flow_plan::physical::WindowAggregate;
use flow_plan::physical::hidden::NO_WATERMARK;
use pane::{Output, Pane};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub(crate) struct WindowOperator {
    shape: Shape,
    windows: Tumbling,
    time: usize,
    watermark: usize,
    /// Columns of late rows.
    late_rows: Option<Vec<usize>>,
    output: Output,
    /// By end and start.
    panes: BTreeMap<(i64, i64), Pane>,
    clock: Clock,
    /// The watermark behind all numbers that are settled.
    now: i64,
    /// All numbers below are settled.
    settled: Number,
    /// Rows that wait until their number is complete.
    held: VecDeque<(Number, Batch)>,
    /// Rows of numbers that are not complete, behind the end of their window.
    behind: VecDeque<(Number, Batch)>,
    /// The next slot of the first pane that the end of the input gives.
    flushed: usize,
    scratch: Scratch,
}

impl WindowOperator {
    pub(crate) fn new(
        aggregate: &WindowAggregate,
        input: &Arc<RecordType>,
        shared: &Shared,
        node: usize,
    ) -> WindowOperator {
        let windowing = &aggregate.windowing;
        let windows = match &windowing.window.kind {
            WindowKind::Tumbling { size, offset, zone } => {
                let zone = zone.as_deref().map(|name| Zone::find(name).unwrap_or(Zone::UTC));
                Tumbling::new(*size, *offset, zone)
            }
            other => unreachable!("refused before: {other:?}"),
        };
        let (Some(time), Some(watermark)) = (windowing.time, windowing.watermark) else {
            unreachable!("a window of event time without event time");
        };
        WindowOperator {
            shape: Shape::new(&aggregate.keys, &aggregate.calls, input),
            windows,
            time,
            watermark,
            late_rows: windowing.late_rows.clone(),
            output: Output { rank: shared.layout.nodes[node].rank, changes: aggregate.changes },
            panes: BTreeMap::new(),
            clock: Clock::new(shared, node),
            now: NO_WATERMARK,
            settled: 0,
            held: VecDeque::new(),
            behind: VecDeque::new(),
            flushed: 0,
            scratch: Scratch::default(),
        }
    }

    /// Takes the rows of a number that are not behind; the others are kept for later.
    fn take(&mut self, cx: &mut Context<'_>, batch: Batch, moment: Moment) -> Result<(), Halt> {
        let (times, own) = (ints(&batch, self.time), ints(&batch, self.watermark));
        let divided = divide(&self.windows, times, own, moment);
        for (bounds, rows) in divided.parts {
            let part = match rows {
                Rows::All => batch.clone(),
                Rows::These(rows) => batch.gather(&rows),
            };
            self.add(cx, bounds, part)?;
        }
        if !divided.behind.is_empty() {
            self.behind.push_back((cx.number, batch.gather(&divided.behind)));
        }
        if let Some(from) = divided.held_from {
            let rows: Vec<u32> = (from as u32..batch.len as u32).collect();
            self.held.push_back((cx.number, batch.gather(&rows)));
        }
        Ok(())
    }

    /// Adds rows of one window.
    fn add(&mut self, cx: &mut Context<'_>, bounds: Bounds, batch: Batch) -> Result<(), Halt> {
        let (shape, output) = (&self.shape, &self.output);
        let pane = self.panes.entry((bounds.end, bounds.start)).or_insert_with(|| Pane::new(shape, output));
        match pane.add(shape, &mut self.scratch, cx.number, batch) {
            Some(refused) => self.refuse(cx, refused),
            None => Ok(()),
        }
    }

    fn refuse(&self, cx: &mut Context<'_>, refused: Refused) -> Result<(), Halt> {
        for (row, fault, place) in refused.rows {
            let (record, position) = describe(&refused.batch, row, &self.shape.input);
            let node = &cx.shared.graph.nodes[cx.node];
            cx.record_error(BadRow {
                declaration: node.declaration,
                label: node.label.clone(),
                place,
                code: fault.code.as_str().into(),
                message: fault.message,
                record,
                position,
            })?;
        }
        Ok(())
    }

    /// All numbers below `to` are complete: takes what waits, and gives what is due, number by number.
    fn settle(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        let number = cx.number;
        for (risen, watermark) in self.clock.steps(cx.shared, to) {
            self.complete_below(cx, risen)?;
            cx.number = risen;
            self.take_held(cx, watermark)?;
            self.now = watermark;
            self.give(cx);
            self.take_behind(cx);
        }
        self.complete_below(cx, to)?;
        self.settled = to;
        cx.number = number;
        Ok(())
    }

    /// Completes numbers behind which the watermark did not rise.
    fn complete_below(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        let first = |queue: &VecDeque<(Number, Batch)>| queue.front().map(|(number, _)| *number);
        while let Some(number) = first(&self.held).into_iter().chain(first(&self.behind)).min()
            && number < to
        {
            cx.number = number;
            self.take_held(cx, self.now)?;
            self.take_behind(cx);
        }
        Ok(())
    }

    /// Takes the rows of this number that waited for it to be complete.
    fn take_held(&mut self, cx: &mut Context<'_>, behind: i64) -> Result<(), Halt> {
        let moment = Moment { before: self.now, behind: Some(behind) };
        while self.held.front().is_some_and(|(number, _)| *number == cx.number) {
            if let Some((_, batch)) = self.held.pop_front() {
                self.take(cx, batch, moment)?;
            }
        }
        Ok(())
    }

    /// Hands on the rows of this number that are late.
    fn take_behind(&mut self, cx: &mut Context<'_>) {
        while self.behind.front().is_some_and(|(number, _)| *number == cx.number) {
            if let Some((_, batch)) = self.behind.pop_front() {
                cx.emit_late(self.late(batch));
            }
        }
    }

    /// A late row as it came.
    fn late(&self, batch: Batch) -> Batch {
        let Some(columns) = &self.late_rows else { return batch };
        let ranks = self.shape.input.fields.len()..batch.columns.len();
        let columns = columns.iter().copied().chain(ranks).map(|column| batch.columns[column].clone());
        Batch::new(batch.len, columns.collect())
    }

    /// Gives the windows that are due.
    fn give(&mut self, cx: &mut Context<'_>) {
        while let Some(first) = self.panes.first_entry()
            && first.key().0 <= self.now
        {
            let ((end, start), pane) = first.remove_entry();
            let mut from = 0;
            while let Some(batch) = pane.results(from, Bounds { start, end }, &self.output) {
                from += batch.len;
                cx.emit(batch);
            }
        }
    }
}

fn ints(batch: &Batch, column: usize) -> &[i64] {
    match &batch.columns[column].data {
        ColumnData::I64(values) => values,
        other => unreachable!("times are ints, not {other:?}"),
    }
}

impl Operator for WindowOperator {
    fn held(&self) -> Held {
        self.panes.values().fold(Held::default(), |all, pane| all + pane.held())
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let mut known = self.clock.known(cx.shared);
        if cx.number > self.settled && known > self.settled {
            self.settle(cx, known.min(cx.number))?;
            known = self.clock.known(cx.shared);
        }
        if cx.number > self.settled || !self.held.is_empty() {
            self.held.push_back((cx.number, batch));
            return Ok(());
        }
        let behind = (known > cx.number).then(|| self.clock.behind(cx.shared, cx.number));
        self.take(cx, batch, Moment { before: self.now, behind })
    }

    fn advance(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        self.settle(cx, to)
    }

    /// The least end first.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        let level = cx.shared.layout.nodes[cx.node].level;
        let Some((&(end, start), pane)) = self.panes.first_key_value() else { return Ok(Flush::Done) };
        cx.number = at_end_of_time(level, end);
        if let Some(batch) = pane.results(self.flushed, Bounds { start, end }, &self.output) {
            self.flushed += batch.len;
            cx.emit(batch);
        }
        if self.flushed >= pane.len() {
            self.panes.pop_first();
            self.flushed = 0;
        }
        Ok(match self.panes.first_key_value() {
            Some((&(end, _), _)) => Flush::More(at_end_of_time(level, end)),
            None => Flush::Done,
        })
    }
}
