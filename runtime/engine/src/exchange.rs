//! Rows from worker to worker: divided by key where they leave, put in order again where they arrive.

use crate::layout::Edge;
use crate::number::Number;
use crate::shared::Shared;
use flow_data::hash::{hash_columns, range_of};
use flow_data::{Batch, Column, ColumnData};
use std::sync::Arc;

/// One worker's sending end of an edge.
#[derive(Default)]
pub(crate) struct Sender {
    hashes: Vec<u64>,
    /// Rows for each worker.
    rows: Vec<Vec<u32>>,
    /// Rows of the current number that were sent.
    number: Number,
    sent: i64,
}

impl Sender {
    /// Divides rows and sends them.
    pub(crate) fn send(&mut self, shared: &Shared, edge: usize, from: usize, number: Number, batch: Batch) {
        let layout = &shared.layout.edges[edge];
        let batch = self.numbered(layout, number, batch);
        let Some(keys) = &layout.keys else {
            shared.channel(edge, from, 0).send(number, batch);
            return;
        };
        let columns: Vec<&Column> = keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut self.hashes);
        let workers = shared.workers();
        self.rows.resize_with(workers, Vec::new);
        self.rows.iter_mut().for_each(Vec::clear);
        for (row, &hash) in self.hashes.iter().enumerate() {
            self.rows[range_of(hash, workers)].push(row as u32);
        }
        for (to, rows) in self.rows.iter().enumerate() {
            if rows.len() == batch.len {
                shared.channel(edge, from, to).send(number, batch);
                return;
            }
            if !rows.is_empty() {
                shared.channel(edge, from, to).send(number, batch.gather(rows));
            }
        }
    }

    /// Without ranks if nobody below needs them, else with one more: the row's place among those sent.
    fn numbered(&mut self, edge: &Edge, number: Number, mut batch: Batch) -> Batch {
        if self.number != number {
            self.number = number;
            self.sent = 0;
        }
        if edge.merge_by == 0 {
            batch.columns.truncate(edge.columns);
        }
        if edge.number_rows {
            let ranks = (self.sent..self.sent + batch.len as i64).collect();
            self.sent += batch.len as i64;
            batch.columns.push(Arc::new(Column::new(ColumnData::I64(ranks))));
        } else if !edge.spread {
            batch.columns.truncate(edge.columns);
        }
        batch
    }
}

/// One worker's receiving end of an edge.
#[derive(Default)]
pub(crate) struct Receiver {
    /// All numbers below are taken.
    pub(crate) merged: Number,
}

impl Receiver {
    /// The frontier up to which rows can be taken, and the lowest number that waits below it.
    pub(crate) fn next(&self, shared: &Shared, edge: usize, to: usize) -> (Number, Option<Number>) {
        let workers = 0..shared.workers();
        let closed = workers.clone().map(|from| shared.channel(edge, from, to).closed()).min();
        let closed = closed.unwrap_or(self.merged);
        if closed == self.merged {
            return (closed, None);
        }
        let first = workers.filter_map(|from| shared.channel(edge, from, to).first()).min();
        (closed, first.filter(|&first| first < closed))
    }

    /// Takes the rows of a complete number, in order.
    pub(crate) fn take(&mut self, shared: &Shared, edge: usize, to: usize, number: Number) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut producers = 0;
        for from in 0..shared.workers() {
            let before = batches.len();
            shared.channel(edge, from, to).take(number, &mut batches);
            producers += usize::from(batches.len() > before);
        }
        self.merged = number + 1;
        let layout = &shared.layout.edges[edge];
        if producers > 1 && layout.spread && layout.merge_by > 0 {
            batches = vec![in_order(Batch::concat(batches), layout)];
        }
        if !layout.number_rows {
            batches.iter_mut().for_each(|batch| batch.columns.truncate(layout.columns));
        }
        batches
    }
}

/// Sorts rows by their ranks; equal ranks only come from one worker, in order.
fn in_order(batch: Batch, edge: &Edge) -> Batch {
    let ranks: Vec<&[i64]> = (edge.columns..edge.columns + edge.merge_by)
        .map(|column| match &batch.columns[column].data {
            ColumnData::I64(ranks) => ranks.as_slice(),
            other => unreachable!("ranks are ints, not {other:?}"),
        })
        .collect();
    let mut rows: Vec<u32> = (0..batch.len as u32).collect();
    // The stable sort of the library merges ascending runs, which is what each worker sent.
    match ranks.as_slice() {
        [only] => rows.sort_by_key(|&row| only[row as usize]),
        all => rows.sort_by(|&a, &b| {
            all.iter()
                .map(|rank| rank[a as usize].cmp(&rank[b as usize]))
                .find(|o| o.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        }),
    }
    batch.gather(&rows)
}
