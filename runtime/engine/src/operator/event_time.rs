//! Makes watermarks: each row gets that of the rows before it in the same number, and the time log the
//! greatest time of each number.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::snapshot::{Loading, Saving};
use flow_data::{Batch, Column, ColumnData};
use flow_plan::physical::hidden::NO_WATERMARK;
use std::sync::Arc;

pub(crate) struct EventTimeOperator {
    column: usize,
    delay: i64,
    /// Declared columns of the input: the watermark comes behind them, in front of ranks.
    declared: usize,
    number: Number,
    /// The greatest time in the current number.
    greatest: i64,
}

impl EventTimeOperator {
    pub(crate) fn new(column: usize, delay: i64, declared: usize) -> EventTimeOperator {
        EventTimeOperator { column, delay, declared, number: Number::MAX, greatest: NO_WATERMARK }
    }
}

impl Operator for EventTimeOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, mut batch: Batch) -> Result<(), Halt> {
        if self.number != cx.number {
            self.number = cx.number;
            self.greatest = NO_WATERMARK;
        }
        let ColumnData::I64(times) = &batch.columns[self.column].data else {
            unreachable!("event time is a timestamp");
        };
        let mut greatest = self.greatest;
        // Saturating: what is before all times stays there.
        let own = |time: &i64| {
            let watermark = greatest.saturating_sub(self.delay);
            greatest = greatest.max(*time);
            watermark
        };
        let watermarks: Vec<i64> = times.iter().map(own).collect();
        self.greatest = greatest;
        if batch.len > 0 {
            cx.shared.time(cx.node).report(cx.worker, cx.number, cx.split, greatest);
        }
        batch.columns.insert(self.declared, Arc::new(Column::new(ColumnData::I64(watermarks))));
        cx.emit(batch);
        Ok(())
    }

    fn save(&mut self, _out: &mut Saving) {
        // What it knows of a number is in the time log when the number is over.
    }

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}
