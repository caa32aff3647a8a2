//! All rows of all inputs: within a number input by input, or in the order in which a source gave what they were made for.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::snapshot::{Loading, Saving};
use flow_data::{Batch, Column, ColumnData};
use flow_plan::physical::NO_PLACE;
use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) struct UnionOperator {
    waiting: Vec<VecDeque<(Number, Batch)>>,
    /// If rows are put in the order of their places: of each input, whether these are the first of its ranks.
    places: Option<Vec<bool>>,
    /// Declared columns.
    columns: usize,
    /// Rank columns of the output: the place, if there is one; the input; then that input's own ranks.
    rank: usize,
}

impl UnionOperator {
    pub(crate) fn new(
        inputs: usize,
        places: Option<Vec<bool>>,
        columns: usize,
        rank: usize,
    ) -> UnionOperator {
        UnionOperator { waiting: (0..inputs).map(|_| VecDeque::new()).collect(), places, columns, rank }
    }

    /// Gives the batch the rank columns of the output; if rows are put in order, in any case their places.
    fn ranked(&self, input: usize, mut batch: Batch) -> Batch {
        let width = self.rank.max(usize::from(self.places.is_some()));
        let mut ranks = batch.columns.split_off(self.columns.min(batch.columns.len())).into_iter();
        if width > 0 {
            let fill = |value: i64| Arc::new(Column::new(ColumnData::I64(vec![value; batch.len])));
            if let Some(placed) = &self.places {
                let place = if placed[input] { ranks.next() } else { None };
                batch.columns.push(place.unwrap_or_else(|| fill(NO_PLACE)));
            }
            batch.columns.push(fill(input as i64));
            batch.columns.extend(ranks);
            batch.columns.resize_with(self.columns + width, || fill(0));
        }
        batch
    }

    /// The rows of a number, input by input.
    fn of_number(&mut self, number: Number) -> Vec<Vec<Batch>> {
        let of_input = |queue: &mut VecDeque<(Number, Batch)>| {
            let next = || queue.pop_front_if(|(n, _)| *n == number).map(|(_, batch)| batch);
            std::iter::from_fn(next).collect()
        };
        self.waiting.iter_mut().map(of_input).filter(|batches: &Vec<Batch>| !batches.is_empty()).collect()
    }

    /// Puts the rows of several inputs in the order of their places; those without one come last.
    fn in_order(&self, inputs: Vec<Vec<Batch>>) -> Batch {
        let batch = Batch::concat(inputs.into_iter().flatten().collect());
        let ColumnData::I64(places) = &batch.columns[self.columns].data else {
            unreachable!("places are ints")
        };
        let mut rows: Vec<u32> = (0..batch.len as u32).collect();
        // Of one row, what came by the first input comes first. The rows of each input are in order, mostly.
        rows.sort_by_key(|&row| places[row as usize]);
        batch.gather(&rows)
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
            let mut inputs = self.of_number(number);
            if self.places.is_some() && inputs.len() > 1 {
                inputs = vec![vec![self.in_order(inputs)]];
            }
            for mut batch in inputs.into_iter().flatten() {
                batch.columns.truncate(self.columns + self.rank);
                cx.emit(batch);
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
