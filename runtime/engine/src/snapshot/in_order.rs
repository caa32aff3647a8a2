//! A table of a snapshot in the order of the sequence, piece by piece. All of it in one piece, and once more in its order,
//! would be most of the memory that a job needs to go on, and fresh memory is most of the time.

use super::loading::{Loaded, rank_columns};
use flow_data::{Batch, ColumnData};
use flow_plan::{DataType, RecordType};
use std::cmp::Ordering;
use std::sync::Arc;

/// So many entries are given at once.
const PIECE: usize = 1 << 14;

/// Says that a batch has no rows in a piece.
const NONE: u32 = u32::MAX;

/// A table whose entries leave it.
pub(crate) struct InOrder {
    schema: Arc<RecordType>,
    batches: Vec<Batch>,
    /// How many rows of each batch were not given yet; without any, it is freed.
    left: Vec<usize>,
    /// Batch and row of each entry.
    order: Vec<(u32, u32)>,
    /// How many of them were given.
    given: usize,
}

impl InOrder {
    /// By these ints (the number in which entries came, mostly), then by rank, then as they were saved.
    pub(super) fn new(schema: Arc<RecordType>, batches: Vec<Batch>, first: &str) -> InOrder {
        let ranks = (0..rank_columns(&schema)).map(|at| format!("·rank{at}"));
        let names = std::iter::once(first.to_string()).chain(ranks);
        let is_int = |at: &usize| *schema.fields[*at].ty.unwrapped() == DataType::Int;
        let by: Vec<usize> = names.filter_map(|name| schema.position(&name)).filter(is_int).collect();
        let compared: Vec<Vec<&[i64]>> = batches
            .iter()
            .filter(|batch| batch.len > 0)
            .map(|batch| by.iter().map(|&column| ints(batch, column)).collect())
            .collect();
        let rows = batches.iter().filter(|batch| batch.len > 0).map(|batch| batch.len as u32);
        let mut order: Vec<(u32, u32)> =
            rows.zip(0..).flat_map(|(rows, batch)| (0..rows).map(move |row| (batch, row))).collect();
        order.sort_by(|&(a, i), &(b, j)| {
            let mut columns = compared[a as usize].iter().zip(&compared[b as usize]);
            let unlike =
                columns.find_map(|(a, b)| Some(a[i as usize].cmp(&b[j as usize])).filter(|o| o.is_ne()));
            unlike.unwrap_or(Ordering::Equal)
        });
        let batches: Vec<Batch> = batches.into_iter().filter(|batch| batch.len > 0).collect();
        InOrder { left: batches.iter().map(|batch| batch.len).collect(), schema, batches, order, given: 0 }
    }

    /// How many entries are still to be given.
    pub(crate) fn len(&self) -> usize {
        self.order.len() - self.given
    }

    /// The next entries.
    pub(crate) fn next(&mut self) -> Option<Loaded> {
        let rest = &self.order[self.given..];
        let &(first, _) = rest.first()?;
        let whole = self.batches[first as usize].len;
        let as_it_is = rest.len() >= whole
            && rest.iter().take(whole).copied().eq((0..whole as u32).map(|row| (first, row)));
        let rows = match as_it_is {
            true => std::mem::take(&mut self.batches[first as usize]),
            false => self.gather(self.given..self.order.len().min(self.given + PIECE)),
        };
        self.given += rows.len;
        Some(Loaded::of(self.schema.clone(), rows))
    }

    /// Takes some entries out of their batches.
    fn gather(&mut self, entries: std::ops::Range<usize>) -> Batch {
        // The rows of each batch that has any, and where the batch stands among these.
        let (mut rows, mut place) = (Vec::<(u32, Vec<u32>)>::new(), vec![NONE; self.batches.len()]);
        for &(batch, row) in &self.order[entries.clone()] {
            if place[batch as usize] == NONE {
                place[batch as usize] = rows.len() as u32;
                rows.push((batch, Vec::new()));
            }
            rows[place[batch as usize] as usize].1.push(row);
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
        let to = self.order[entries].iter().map(|(batch, _)| {
            let next = &mut starts[place[*batch as usize] as usize];
            *next += 1;
            *next - 1
        });
        all.gather(&to.collect::<Vec<u32>>())
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
                if random.below(2) == 0 {
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
