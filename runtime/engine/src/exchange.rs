//! Rows from worker to worker: divided by key where they leave, put in order again where they arrive.

use crate::channel::{Channel, Progress};
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
    /// The ranks of the last one, where others are merged with it.
    #[cfg(debug_assertions)]
    last: Vec<i64>,
}

impl Sender {
    /// Divides rows and sends them.
    pub(crate) fn send(&mut self, shared: &Shared, edge: usize, from: usize, number: Number, batch: Batch) {
        let layout = &shared.layout.edges[edge];
        #[cfg(debug_assertions)]
        self.watch(shared, layout, number, &batch);
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

    /// Who merges rows of workers counts on it that each sends them in the order of their ranks.
    #[cfg(debug_assertions)]
    fn watch(&mut self, shared: &Shared, edge: &Edge, number: Number, batch: &Batch) {
        if !edge.merges() || !shared.sequencer.is_ranked(number) {
            return;
        }
        if self.number != number {
            self.last.clear();
        }
        for row in 0..batch.len {
            let ranks = rank_of(batch, row, edge);
            assert!(self.last <= ranks, "number {number}: ranks {ranks:?} behind {:?}", self.last);
            self.last = ranks;
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
        self.merged = number + 1;
        let channels = (0..shared.workers()).map(|from| shared.channel(edge, from, to));
        let layout = &shared.layout.edges[edge];
        layout.stripped(layout.gathered(channels, number, |batch| batch.len))
    }

    /// Takes rows of a number although more of it may come: those in front of which no other can. All lower ones are taken.
    pub(crate) fn take_begun(shared: &Shared, edge: usize, to: usize, number: Number) -> Vec<Batch> {
        let channels = || (0..shared.workers()).map(|from| shared.channel(edge, from, to));
        if channels().filter_map(Channel::first).min() != Some(number) {
            return Vec::new();
        }
        let layout = &shared.layout.edges[edge];
        let begun: Vec<Begun<'_>> = channels().map(|channel| (channel, channel.progress(number))).collect();
        layout.stripped(match layout.merges() {
            true => layout.next_by_rank(number, &begun),
            false => layout.next_by_worker(number, &begun),
        })
    }
}

/// A queue, and how far its producer is with the number in question.
type Begun<'a> = (&'a Channel, Progress);

impl Edge {
    /// Are rows of several workers merged by their ranks?
    fn merges(&self) -> bool {
        self.spread && self.merge_by > 0
    }

    /// Takes of each batch of a number so many rows from its front as `part` says, and puts all in order.
    fn gathered<'a>(
        &self,
        channels: impl Iterator<Item = &'a Channel>,
        number: Number,
        part: impl Fn(&Batch) -> usize,
    ) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut producers = 0;
        for channel in channels {
            let before = batches.len();
            channel.take_part(number, &part, &mut batches);
            producers += usize::from(batches.len() > before);
        }
        match producers > 1 && self.merges() {
            true => vec![in_order(Batch::concat(batches), self)],
            false => batches,
        }
    }

    /// The next rows in the order of workers: none of a worker that others before it may still send.
    fn next_by_worker(&self, number: Number, begun: &[Begun<'_>]) -> Vec<Batch> {
        let mut batches = Vec::new();
        for (channel, progress) in begun {
            channel.take(number, &mut batches);
            if self.spread && !matches!(progress, Progress::Through) {
                break;
            }
        }
        batches
    }

    /// The next rows in the order of their ranks: up to the last one of the worker that is behind all others. None if it has sent
    /// nothing.
    fn next_by_rank(&self, number: Number, begun: &[Begun<'_>]) -> Vec<Batch> {
        let mut bound: Option<Vec<i64>> = None;
        for (_, progress) in begun {
            match progress {
                Progress::Through => {}
                Progress::At | Progress::Behind => return Vec::new(),
                Progress::In(last) => {
                    let last = rank_of(last, last.len - 1, self);
                    bound = Some(bound.map_or(last.clone(), |bound| bound.min(last)));
                }
            }
        }
        self.gathered(begun.iter().map(|(channel, _)| *channel), number, |batch| match &bound {
            None => batch.len,
            Some(bound) => rows_up_to(batch, bound, self),
        })
    }

    /// Without the ranks that rows were merged by, if nobody needs them behind.
    fn stripped(&self, mut batches: Vec<Batch>) -> Vec<Batch> {
        if !self.number_rows {
            batches.iter_mut().for_each(|batch| batch.columns.truncate(self.columns));
        }
        batches
    }
}

/// A row's ranks.
fn rank_of(batch: &Batch, row: usize, edge: &Edge) -> Vec<i64> {
    ranks(batch, edge).iter().map(|ranks| ranks[row]).collect()
}

/// How many rows at the front of a batch, which is in order, come no later than this.
fn rows_up_to(batch: &Batch, bound: &[i64], edge: &Edge) -> usize {
    let ranks = ranks(batch, edge);
    let later = |row: usize| ranks.iter().map(|ranks| ranks[row]).gt(bound.iter().copied());
    let (mut from, mut to) = (0, batch.len);
    while from < to {
        let middle = (from + to) / 2;
        match later(middle) {
            true => to = middle,
            false => from = middle + 1,
        }
    }
    from
}

/// The columns that say in which order rows were.
fn ranks<'a>(batch: &'a Batch, edge: &Edge) -> Vec<&'a [i64]> {
    let column = |column: usize| match &batch.columns[column].data {
        ColumnData::I64(ranks) => ranks.as_slice(),
        other => unreachable!("ranks are ints, not {other:?}"),
    };
    (edge.columns..edge.columns + edge.merge_by).map(column).collect()
}

/// Sorts rows by their ranks; equal ranks only come from one worker, in order.
fn in_order(batch: Batch, edge: &Edge) -> Batch {
    let ranks = ranks(&batch, edge);
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

#[cfg(test)]
mod tests {
    use super::{Begun, Edge};
    use crate::channel::{Channel, Progress, QueueLimit};
    use flow_data::{Batch, Column, ColumnData};
    use flow_env::parker;
    use std::sync::Arc;

    fn edge() -> Edge {
        Edge { from: 0, keys: Some(vec![0]), columns: 0, merge_by: 1, spread: true, number_rows: false }
    }

    fn ranked(ranks: &[i64]) -> Batch {
        Batch::new(ranks.len(), vec![Arc::new(Column::new(ColumnData::I64(ranks.to_vec())))])
    }

    /// Queues of two workers, which have sent these rows of number 7.
    fn two(first: &[i64], second: &[i64]) -> [Channel; 2] {
        let channel = || Channel::new(QueueLimit { rows: 2, batches: 2 }, parker().1, parker().1);
        let channels = [channel(), channel()];
        channels[0].send(7, ranked(first));
        channels[1].send(7, ranked(second));
        channels
    }

    fn begun(channels: &[Channel; 2]) -> [Begun<'_>; 2] {
        channels.each_ref().map(|channel| (channel, channel.progress(7)))
    }

    fn taken(channels: &[Channel; 2]) -> Vec<i64> {
        let batches = edge().next_by_rank(7, &begun(channels));
        let ranks = batches.iter().flat_map(|batch| match &batch.columns[0].data {
            ColumnData::I64(ranks) => ranks.clone(),
            _ => unreachable!(),
        });
        ranks.collect()
    }

    #[test]
    fn of_a_begun_number_those_rows_are_taken_before_which_no_other_can_come() {
        let channels = two(&[1, 4, 6], &[2, 3, 9]);
        assert_eq!(taken(&channels), vec![1, 2, 3, 4, 6]);
        assert_eq!(
            taken(&channels),
            Vec::<i64>::new(),
            "the first worker may send rows of any rank from 6 on"
        );
        channels[0].send(7, ranked(&[7, 12]));
        assert_eq!(taken(&channels), vec![7, 9]);
        channels[1].close(8);
        assert_eq!(taken(&channels), vec![12], "nothing more comes of the second one");
    }

    #[test]
    fn a_worker_that_has_sent_rows_of_a_later_number_is_not_waited_for() {
        let channels = two(&[5], &[8]);
        channels[0].send(8, ranked(&[0]));
        assert_eq!(taken(&channels), vec![5, 8]);
    }

    /// Between the look which number is the lowest and the look how far each worker is, a lower one may come: rows of number 66
    /// went before those of 65 (found by the random pipelines of `tests/reference.rs`).
    #[test]
    fn rows_of_a_lower_number_that_have_come_meanwhile_come_first() {
        let channels = two(&[5], &[8]);
        assert!(matches!(channels[0].progress(8), Progress::Behind));
        channels[0].close(9);
        assert!(matches!(channels[0].progress(8), Progress::Behind));
        assert!(matches!(channels[0].progress(6), Progress::Through));
    }

    #[test]
    fn rows_without_ranks_come_worker_by_worker() {
        let channels = two(&[0, 0], &[0, 0, 0]);
        let rows = |edge: &Edge| {
            let batches = edge.next_by_worker(7, &begun(&channels));
            batches.iter().map(|batch| batch.len).collect::<Vec<_>>()
        };
        let edge = Edge { merge_by: 0, ..edge() };
        assert_eq!(rows(&edge), [2], "the first worker may send more");
        channels[0].close(8);
        assert_eq!(rows(&edge), [3]);
    }
}
