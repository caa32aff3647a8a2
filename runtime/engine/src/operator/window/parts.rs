//! Before windows without a key: of each batch, one row per slice of time, with what the aggregates make of the slice's
//! rows. So little changes workers, and the worker that has the windows only adds up.
//!
//! Knows rows and slices; never which windows are open. A part must be as late as each of its rows: rows that may be
//! behind a window because of rows in front of them in their number are parts of their own. What stands in front of the
//! number concerns all rows of a slice alike.

use super::bounds::Bounds;
use super::kept::Spans;
use super::windows::ints;
use super::{input_of, spans};
use crate::context::Context;
use crate::error::Halt;
use crate::operator::Operator;
use crate::shared::Shared;
use crate::snapshot::{Loading, Saving};
use crate::state::{Calls, Shape};
use flow_data::{Batch, Column, ColumnData};
use flow_plan::physical::WindowAggregate;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) struct PartsOperator {
    shape: Shape,
    spans: Spans,
    time: usize,
    watermark: usize,
}

/// Rows of one slice.
struct Part {
    slice: Bounds,
    /// When the first window ends that the slice is in.
    end: i64,
    /// The first row, and how many there are.
    first: u32,
    rows: i64,
    time: i64,
    /// The greatest watermark of its rows.
    watermark: i64,
}

impl PartsOperator {
    pub(crate) fn new(aggregate: &WindowAggregate, shared: &Shared, node: usize) -> PartsOperator {
        let windowing = &aggregate.windowing;
        let (Some(time), Some(watermark)) = (windowing.time, windowing.watermark) else {
            unreachable!("windows of event time are divided")
        };
        let shape = Shape::new(&[], &aggregate.calls, input_of(shared, node), None);
        PartsOperator { shape, spans: spans(windowing), time, watermark }
    }

    /// The slice of a time, and when the first window ends that it is in.
    fn slice(&self, time: i64) -> (Bounds, i64) {
        match &self.spans {
            Spans::Tumbling(windows) => {
                let bounds = windows.of(time);
                (bounds, bounds.end)
            }
            Spans::Overlapping(windows, slices) => {
                let slice = slices.of(time);
                let end = windows.next_end(slice.start, i128::MIN);
                (slice, end.map_or(i64::MIN, |end| end.clamp(i64::MIN.into(), i64::MAX.into()) as i64))
            }
            Spans::Same(..) | Spans::Sessions(_) => unreachable!("they have no slices"),
        }
    }

    /// The parts of a batch in the order of their first rows, and the part of every row.
    fn divide(&self, batch: &Batch) -> (Vec<Part>, Vec<u32>) {
        let (times, watermarks) = (ints(batch, self.time), ints(batch, self.watermark));
        let mut parts: Vec<Part> = Vec::new();
        let mut of_rows: Vec<u32> = Vec::with_capacity(batch.len);
        // Parts that more rows can be added to; most rows are in the slice of the one before.
        let mut open: BTreeMap<i64, u32> = BTreeMap::new();
        let mut last: Option<u32> = None;
        for (row, (&time, &watermark)) in times.iter().zip(watermarks).enumerate() {
            let same = last.filter(|&part| parts[part as usize].takes(time, watermark));
            let known = same.or_else(|| {
                let (_, &part) = open.range(..=time).next_back()?;
                parts[part as usize].takes(time, watermark).then_some(part)
            });
            let part = known.unwrap_or_else(|| {
                let (slice, end) = self.slice(time);
                let part = parts.len() as u32;
                parts.push(Part { slice, end, first: row as u32, rows: 0, time, watermark });
                if watermark < end {
                    open.insert(slice.start, part);
                }
                part
            });
            let is_open = watermark < parts[part as usize].end;
            last = is_open.then_some(part);
            let to = &mut parts[part as usize];
            to.rows += 1;
            to.watermark = to.watermark.max(watermark);
            of_rows.push(part);
        }
        (parts, of_rows)
    }
}

impl Part {
    /// Can this row be one of the part's?
    fn takes(&self, time: i64, watermark: i64) -> bool {
        self.slice.contain(time) && watermark < self.end
    }
}

impl Operator for PartsOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let (parts, of_rows) = self.divide(&batch);
        let mut calls = Calls::new(&self.shape);
        calls.grow(parts.len());
        let applied = calls.apply(&self.shape, &of_rows, &batch);
        debug_assert!(applied, "what is divided refuses no row");
        let slots: Vec<u32> = (0..parts.len() as u32).collect();
        let ints = |of: fn(&Part) -> i64| Column::new(ColumnData::I64(parts.iter().map(of).collect()));
        let mut columns = calls.results(&slots).columns;
        columns.extend([ints(|part| part.rows), ints(|part| part.time), ints(|part| part.watermark)]);
        let first: Vec<u32> = parts.iter().map(|part| part.first).collect();
        let ranks = &batch.columns[self.shape.input.fields.len()..];
        columns.extend(ranks.iter().map(|rank| rank.gather(&first)));
        cx.emit(Batch::new(parts.len(), columns.into_iter().map(Arc::new).collect()));
        Ok(())
    }

    fn save(&mut self, _out: &mut Saving) {
        // It holds nothing behind a batch.
    }

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}
