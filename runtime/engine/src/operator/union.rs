//! All rows of all inputs: within a number, input by input.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::snapshot::{Loading, Saving};
use flow_data::{Batch, Column, ColumnData};
use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) struct UnionOperator {
    waiting: Vec<VecDeque<(Number, Batch)>>,
    /// Declared columns.
    columns: usize,
    /// Rank columns of the output: the input, then that input's own ranks.
    rank: usize,
}

impl UnionOperator {
    pub(crate) fn new(inputs: usize, columns: usize, rank: usize) -> UnionOperator {
        UnionOperator { waiting: (0..inputs).map(|_| VecDeque::new()).collect(), columns, rank }
    }

    /// Gives the batch the rank columns of the output.
    fn ranked(&self, input: usize, mut batch: Batch) -> Batch {
        let ranks = batch.columns.split_off(self.columns.min(batch.columns.len()));
        if self.rank > 0 {
            let fill = |value: i64| Arc::new(Column::new(ColumnData::I64(vec![value; batch.len])));
            batch.columns.push(fill(input as i64));
            batch.columns.extend(ranks);
            batch.columns.resize_with(self.columns + self.rank, || fill(0));
        }
        batch
    }
}

impl Operator for UnionOperator {
    fn push(&mut self, cx: &mut Context<'_>, input: usize, batch: Batch) -> Result<(), Halt> {
        let batch = self.ranked(input, batch);
        self.waiting[input].push_back((cx.number, batch));
        Ok(())
    }

    fn advance(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        loop {
            let first =
                self.waiting.iter().filter_map(|queue| queue.front().map(|(number, _)| *number)).min();
            let Some(number) = first.filter(|&number| number < to) else {
                return Ok(());
            };
            cx.number = number;
            for queue in &mut self.waiting {
                while queue.front().is_some_and(|(n, _)| *n == number) {
                    if let Some((_, batch)) = queue.pop_front() {
                        cx.emit(batch);
                    }
                }
            }
        }
    }

    fn save(&mut self, _out: &mut Saving) {
        // Rows below the barrier have gone out.
    }

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}
