//! A table of a snapshot in the order of the sequence, piece by piece. All of it in one piece, and once more in its order,
//! would be most of the memory that a job needs to go on, and fresh memory is most of the time.

use super::loading::{Loaded, rank_columns};
use flow_data::{Batch, ColumnData};
use flow_plan::{DataType, RecordType};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

/// So many entries are given at once.
const PIECE: usize = 1 << 14;

/// Stretches of rows in order that are shorter than this on average are not worth while.
const SHORT: usize = 4;

/// Says that a batch has no rows in a piece.
const NONE: u32 = u32::MAX;

/// A table whose entries leave it.
pub(crate) struct InOrder {
    schema: Arc<RecordType>,
    batches: Vec<Batch>,
    /// How many rows of each batch were not given yet; without any, it is freed.
    left: Vec<usize>,
    /// What is still to be given, in its order.
    runs: VecDeque<Run>,
    /// How many entries that are.
    len: usize,
}

/// Rows of a batch that follow each other, also in the order of the sequence.
struct Run {
    batch: u32,
    rows: Range<u32>,
}

impl InOrder {
    /// By these ints (the number in which entries came, mostly), then by rank, then as they were saved.
    pub(super) fn new(schema: Arc<RecordType>, batches: Vec<Batch>, first: &str) -> InOrder {
        let ranks = (0..rank_columns(&schema)).map(|at| format!("·rank{at}"));
        let names = std::iter::once(first.to_string()).chain(ranks);
        let is_int = |at: &usize| *schema.fields[*at].ty.unwrapped() == DataType::Int;
        let by: Vec<usize> = names.filter_map(|name| schema.position(&name)).filter(is_int).collect();
        let batches: Vec<Batch> = batches.into_iter().filter(|batch| batch.len > 0).collect();
        let ints = batches.iter().map(|batch| by.iter().map(|&column| ints(batch, column)).collect());
        let runs = Places(ints.collect()).merged(&batches);
        let left: Vec<usize> = batches.iter().map(|batch| batch.len).collect();
        InOrder { len: left.iter().sum(), schema, left, batches, runs }
    }

    /// As they were saved.
    pub(super) fn as_saved(schema: Arc<RecordType>, batches: Vec<Batch>) -> InOrder {
        let batches: Vec<Batch> = batches.into_iter().filter(|batch| batch.len > 0).collect();
        let left: Vec<usize> = batches.iter().map(|batch| batch.len).collect();
        let runs = (0..).zip(&left).map(|(batch, rows)| Run { batch, rows: 0..*rows as u32 }).collect();
        InOrder { len: left.iter().sum(), schema, left, batches, runs }
    }

    /// How many entries are still to be given.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The next entries.
    pub(crate) fn next(&mut self) -> Option<Loaded> {
        let first = self.runs.front()?;
        let batch = first.batch as usize;
        let rows = match first.rows.len() == self.batches[batch].len {
            true => {
                self.runs.pop_front();
                std::mem::take(&mut self.batches[batch])
            }
            false => self.gather(),
        };
        self.len -= rows.len;
        Some(Loaded::of(self.schema.clone(), rows))
    }

    /// The runs of the next piece.
    fn piece(&mut self) -> Vec<Run> {
        let (mut runs, mut room) = (Vec::new(), PIECE as u32);
        while room > 0
            && let Some(run) = self.runs.front_mut()
        {
            let end = run.rows.end.min(run.rows.start.saturating_add(room));
            let rows = std::mem::replace(&mut run.rows.start, end)..end;
            room -= rows.len() as u32;
            runs.push(Run { batch: run.batch, rows });
            if run.rows.is_empty() {
                self.runs.pop_front();
            }
        }
        runs
    }

    /// Takes the entries of a piece out of their batches.
    fn gather(&mut self) -> Batch {
        let runs = self.piece();
        // The rows of each batch that has any, and where the batch stands among these.
        let (mut rows, mut place) = (Vec::<(u32, Vec<u32>)>::new(), vec![NONE; self.batches.len()]);
        for run in &runs {
            let place = &mut place[run.batch as usize];
            if *place == NONE {
                *place = rows.len() as u32;
                rows.push((run.batch, Vec::new()));
            }
            rows[*place as usize].1.extend(run.rows.clone());
        }
        // One batch's behind those of another, and from there to where they belong.
        let mut starts: Vec<u32> = Vec::with_capacity(rows.len());
        let mut parts = Vec::with_capacity(rows.len());
        let mut start = 0;
        for (batch, rows) in &rows {
            starts.push(start);
            start += rows.len() as u32;
            parts.push(self.batches[*batch as usize].gather(rows));
            let left = &mut self.left[*batch as usize];
            *left -= rows.len();
            if *left == 0 {
                self.batches[*batch as usize] = Batch::default();
            }
        }
        let apart = rows.len() > 1;
        let all = Batch::concat(parts);
        if !apart {
            return all;
        }
        let mut to = Vec::with_capacity(all.len);
        for run in &runs {
            let next = &mut starts[place[run.batch as usize] as usize];
            to.extend(*next..*next + run.rows.len() as u32);
            *next += run.rows.len() as u32;
        }
        all.gather(&to)
    }
}

/// What says where entries have their place: by batch, the columns that are compared.
struct Places<'b>(Vec<Vec<&'b [i64]>>);

impl Places<'_> {
    fn compare(&self, (a, i): (u32, u32), (b, j): (u32, u32)) -> Ordering {
        let mut columns = self.0[a as usize].iter().zip(&self.0[b as usize]);
        let unlike =
            columns.find_map(|(a, b)| Some(a[i as usize].cmp(&b[j as usize])).filter(|order| order.is_ne()));
        unlike.unwrap_or(Ordering::Equal)
    }

    /// All rows in their order. What was saved is in order but for what changed since, so that whole stretches of rows are
    /// found and moved at once.
    fn merged(&self, batches: &[Batch]) -> VecDeque<Run> {
        let sorted: Vec<Run> =
            batches.iter().zip(0..).flat_map(|(rows, batch)| self.sorted(batch, rows.len as u32)).collect();
        let rows: usize = batches.iter().map(|batch| batch.len).sum();
        let mut merged = VecDeque::new();
        if sorted.len() > rows / SHORT {
            self.row_by_row(batches)
                .into_iter()
                .for_each(|(batch, row)| add(&mut merged, batch, row..row + 1));
            return merged;
        }
        let head = |(at, run): (usize, &Run)| Head {
            places: self,
            first: (run.batch, run.rows.start),
            end: run.rows.end,
            at,
        };
        let mut heads: BinaryHeap<Head<'_>> = sorted.iter().enumerate().map(head).collect();
        while let Some(mut head) = heads.pop() {
            let (batch, start) = head.first;
            let end = heads.peek().map_or(head.end, |next| self.before(&head, next));
            add(&mut merged, batch, start..end);
            if end < head.end {
                head.first.1 = end;
                heads.push(head);
            }
        }
        merged
    }

    /// The same where stretches are too short for that.
    fn row_by_row(&self, batches: &[Batch]) -> Vec<(u32, u32)> {
        let rows = batches.iter().zip(0..);
        let mut order: Vec<(u32, u32)> =
            rows.flat_map(|(rows, batch)| (0..rows.len as u32).map(move |row| (batch, row))).collect();
        order.sort_by(|&a, &b| self.compare(a, b));
        order
    }

    /// The stretches of a batch that are in order.
    fn sorted(&self, batch: u32, rows: u32) -> Vec<Run> {
        let (mut runs, mut start) = (Vec::new(), 0);
        for row in 1..=rows {
            if row == rows || self.compare((batch, row - 1), (batch, row)).is_gt() {
                runs.push(Run { batch, rows: start..row });
                start = row;
            }
        }
        runs
    }

    /// The end of the rows of a head, of which the first has its place before the next head, that come before it.
    fn before(&self, head: &Head<'_>, next: &Head<'_>) -> u32 {
        let (batch, start) = head.first;
        let is_before = |row: u32| match self.compare((batch, row), next.first) {
            Ordering::Equal => head.at < next.at,
            order => order.is_lt(),
        };
        // In steps that double, then by halves: most stretches are short, or very long.
        let (mut known, mut step) = (start, 1);
        let mut end = loop {
            let row = known.saturating_add(step).min(head.end);
            if row == head.end || !is_before(row) {
                break row;
            }
            (known, step) = (row, step * 2);
        };
        while known + 1 < end {
            let middle = known + (end - known) / 2;
            if is_before(middle) { known = middle } else { end = middle }
        }
        end
    }
}

/// A stretch of rows that is in order, by its first one. The greatest of a heap is the one that comes first.
struct Head<'p> {
    places: &'p Places<'p>,
    first: (u32, u32),
    end: u32,
    /// Which stretch it is, as they were saved.
    at: usize,
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.places.compare(other.first, self.first).then(other.at.cmp(&self.at))
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head<'_> {}

/// Adds rows behind all others.
fn add(runs: &mut VecDeque<Run>, batch: u32, rows: Range<u32>) {
    match runs.back_mut() {
        Some(last) if last.batch == batch && last.rows.end == rows.start => last.rows.end = rows.end,
        _ => runs.push_back(Run { batch, rows }),
    }
}

fn ints(batch: &Batch, column: usize) -> &[i64] {
    match &batch.columns[column].data {
        ColumnData::I64(values) => values,
        _ => unreachable!("its type was looked at"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_data::Column;
    use flow_env::Random;
    use flow_plan::{Field, Value};

    const NUMBER: &str = "·number";

    fn schema() -> Arc<RecordType> {
        let int = |name: &str| Field::new(name, DataType::Int);
        let fields = vec![Field::new("key", DataType::String), int(NUMBER), int("·rank0")];
        Arc::new(RecordType::new(fields))
    }

    /// Rows of these numbers and ranks, whose key says which they are.
    fn batch(rows: &[(i64, i64)]) -> Batch {
        let row = |(number, rank): &(i64, i64)| {
            let key = format!("the entry of number {number} and rank {rank}");
            vec![Value::string(key.as_str()), Value::Int(*number), Value::Int(*rank)]
        };
        Batch::from_rows(&rows.iter().map(row).collect::<Vec<_>>(), &schema())
    }

    fn given(mut table: InOrder) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        let all = table.len();
        while let Some(piece) = table.next() {
            let columns: Vec<Arc<Column>> = schema()
                .fields
                .iter()
                .map(|field| piece.column(&field.name, &field.ty).unwrap().unwrap())
                .collect();
            let batch = Batch::new(piece.len(), columns);
            rows.extend((0..batch.len).map(|row| batch.row(row, &schema())));
        }
        assert_eq!((rows.len(), table.len()), (all, 0));
        rows
    }

    #[test]
    fn entries_come_by_number_then_by_rank_wherever_they_were_saved() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut batches = Vec::new();
            let mut all = Vec::new();
            for _ in 0..random.below(8) {
                let mut rows: Vec<(i64, i64)> =
                    (0..random.below(40)).map(|_| (random.below(5) as i64, random.below(5) as i64)).collect();
                // What a worker wrote is mostly in order already.
                if random.below(8) >= seed % 8 {
                    rows.sort_unstable();
                }
                batches.push(batch(&rows));
                all.extend(rows);
            }
            all.sort_unstable();
            let expected = batch(&all);
            let expected: Vec<Vec<Value>> = (0..all.len()).map(|row| expected.row(row, &schema())).collect();
            assert_eq!(given(InOrder::new(schema(), batches, NUMBER)), expected, "seed {seed}");
        }
    }

    #[test]
    fn a_batch_that_is_in_its_place_is_given_as_it_is() {
        let batches = vec![batch(&[(1, 0), (1, 1)]), batch(&[(2, 0), (4, 0)]), batch(&[(3, 0)])];
        let first = batches[0].columns[0].clone();
        let mut table = InOrder::new(schema(), batches, NUMBER);
        let piece = table.next().unwrap();
        assert!(Arc::ptr_eq(&piece.column("key", &DataType::String).unwrap().unwrap(), &first));
        assert_eq!(given(table).len(), 3);
    }

    #[test]
    fn a_table_that_was_not_saved_has_no_entries() {
        assert!(InOrder::new(Arc::default(), Vec::new(), NUMBER).next().is_none());
    }
}
