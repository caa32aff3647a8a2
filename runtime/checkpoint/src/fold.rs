//! From a table as it once was and what changed since to the table as it is.
//!
//! The newest word about a key counts: its rows in the newest change that has any, or nothing if it is gone there. Rows stay in
//! the order in which they were saved, those of later changes behind those of earlier ones.

use crate::state::{Change, Table};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column};
use hashbrown::HashTable;

/// The table that these (of one worker, oldest first) come to; `None` of none.
pub(crate) fn fold(mut versions: Vec<Table>) -> Option<Table> {
    // What was before the newest whole one says nothing any more.
    let base = versions.iter().rposition(|table| matches!(table.change, Change::Whole)).unwrap_or(0);
    let mut changes = versions.drain(base..);
    let mut table = changes.next()?;
    let mut said = Keys::new(table.keys);
    // From the newest to the oldest, so that whoever comes later has been overruled. The base, which is large, is
    // only looked up, never taken in.
    let mut newer: Vec<Vec<Batch>> = Vec::new();
    for change in changes.rev() {
        newer.push(change.rows.iter().filter_map(|batch| said.without(batch)).collect());
        let gone = match change.change {
            Change::Whole => Vec::new(),
            Change::Delta { gone } => gone,
        };
        change.rows.into_iter().chain(gone).for_each(|batch| said.take(batch));
    }
    if !said.is_empty() {
        // Each batch is freed before the next one is looked at.
        table.rows = table.rows.into_iter().filter_map(|batch| said.without(&batch)).collect();
    }
    table.rows.extend(newer.into_iter().rev().flatten());
    table.change = Change::Whole;
    Some(table)
}

/// Keys of which the last word was said.
struct Keys {
    columns: usize,
    batches: Vec<Batch>,
    places: HashTable<Place>,
    /// A bit for some hashes each, of which a key here has one: most keys of a base are told from these in the nearest
    /// memory.
    bits: Vec<u64>,
    hashes: Vec<u64>,
}

/// So many bits for each key, at least.
const BITS: usize = 8;

/// Words of bits before there is any key.
const FIRST_WORDS: usize = 1 << 6;

/// The word and the bit of a hash, from bits that neither the table nor slices divide by.
fn bit_of(hash: u64, words: usize) -> (usize, u64) {
    ((hash >> 32) as usize & (words - 1), 1 << (hash >> 10 & 63))
}

/// Where a key stands.
struct Place {
    hash: u64,
    batch: u32,
    row: u32,
}

impl Keys {
    fn new(columns: usize) -> Keys {
        let bits = vec![0; FIRST_WORDS];
        Keys { columns, batches: Vec::new(), places: HashTable::new(), bits, hashes: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn hash(&mut self, batch: &Batch) {
        let keys: Vec<&Column> = batch.columns.iter().take(self.columns).map(|column| &**column).collect();
        hash_columns(&keys, batch.len, &mut self.hashes);
    }

    fn has(&self, batch: &Batch, row: usize) -> bool {
        let hash = self.hashes[row];
        let (word, bit) = bit_of(hash, self.bits.len());
        if self.bits[word] & bit == 0 {
            return false;
        }
        let same = |place: &Place| {
            let there = &self.batches[place.batch as usize];
            let mut keys = batch.columns.iter().zip(&there.columns).take(self.columns);
            place.hash == hash && keys.all(|(a, b)| a.same_as(row, b, place.row as usize))
        };
        self.places.find(hash, same).is_some()
    }

    /// Takes in the keys of a batch.
    fn take(&mut self, batch: Batch) {
        self.hash(&batch);
        let number = self.batches.len() as u32;
        // Its own keys are compared with each other too: they stand in the table already when the next row comes.
        self.batches.push(batch.clone());
        self.make_room(batch.len);
        for row in 0..batch.len {
            if !self.has(&batch, row) {
                let hash = self.hashes[row];
                let (word, bit) = bit_of(hash, self.bits.len());
                self.bits[word] |= bit;
                let place = Place { hash, batch: number, row: row as u32 };
                self.places.insert_unique(hash, place, |place| place.hash);
            }
        }
    }

    /// Makes room for the bits of so many more keys.
    fn make_room(&mut self, more: usize) {
        let words = ((self.places.len() + more) * BITS / 64).next_power_of_two();
        if words > self.bits.len() {
            self.bits = vec![0; words * 2];
            for place in &self.places {
                let (word, bit) = bit_of(place.hash, self.bits.len());
                self.bits[word] |= bit;
            }
        }
    }

    /// The rows of a batch whose keys are not here; `None` if there is none.
    fn without(&mut self, batch: &Batch) -> Option<Batch> {
        if self.places.is_empty() {
            return Some(batch.clone());
        }
        self.hash(batch);
        let left: Vec<u32> = (0..batch.len as u32).filter(|row| !self.has(batch, *row as usize)).collect();
        match left.len() {
            0 => None,
            len if len == batch.len => Some(batch.clone()),
            _ => Some(batch.gather(&left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Home;
    use flow_env::Random;
    use flow_plan::{DataType, Field, RecordType, Value};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn schema() -> Arc<RecordType> {
        let fields = ["key", "other", "n"].map(|name| Field::new(name, DataType::Int.optional()));
        Arc::new(RecordType::new(fields.to_vec()))
    }

    fn key_schema() -> RecordType {
        RecordType::new(schema().fields[..2].to_vec())
    }

    fn table(rows: &[Vec<Value>], change: Change) -> Table {
        let batches = rows.chunks(3).map(|rows| Batch::from_rows(rows, &schema())).collect();
        Table { name: "groups".into(), schema: schema(), keys: 2, home: Home::Key(2), rows: batches, change }
    }

    fn row(key: (i64, i64), n: i64) -> Vec<Value> {
        // Null is a key like any other.
        let part = |x: i64| if x == 0 { Value::Null } else { Value::Int(x) };
        vec![part(key.0), part(key.1), Value::Int(n)]
    }

    fn rows_of(table: &Table) -> Vec<Vec<Value>> {
        table.rows.iter().flat_map(|batch| (0..batch.len).map(|row| batch.row(row, &schema()))).collect()
    }

    #[test]
    fn a_base_alone_is_passed_on_as_it_is() {
        let base = table(&[row((1, 1), 1), row((1, 1), 2)], Change::Whole);
        let column = base.rows[0].columns[0].clone();
        let folded = fold(vec![base]).unwrap();
        assert!(Arc::ptr_eq(&folded.rows[0].columns[0], &column));
        assert_eq!(rows_of(&folded).len(), 2);
    }

    #[test]
    fn a_whole_table_overrules_all_before_it() {
        let old = table(&[row((1, 1), 1)], Change::Whole);
        let new = table(&[row((2, 2), 2)], Change::Whole);
        assert_eq!(rows_of(&fold(vec![old, new]).unwrap()), [row((2, 2), 2)]);
    }

    #[test]
    fn several_rows_of_a_key_are_replaced_together() {
        let base = table(&[row((1, 1), 1), row((1, 1), 2), row((2, 2), 3)], Change::Whole);
        let delta = table(&[row((1, 1), 4), row((1, 1), 5)], Change::Delta { gone: Vec::new() });
        let expected = [row((2, 2), 3), row((1, 1), 4), row((1, 1), 5)];
        assert_eq!(rows_of(&fold(vec![base, delta]).unwrap()), expected);
    }

    #[test]
    fn a_key_that_went_and_came_again_within_one_change_is_there() {
        let base = table(&[row((1, 1), 1)], Change::Whole);
        let gone = vec![Batch::from_rows(&[row((1, 1), 0)[..2].to_vec()], &key_schema())];
        let delta = table(&[row((1, 1), 2)], Change::Delta { gone });
        assert_eq!(rows_of(&fold(vec![base, delta]).unwrap()), [row((1, 1), 2)]);
    }

    #[test]
    fn changes_of_many_keys_replace_all_of_them_and_no_other() {
        let rows = |keys: std::ops::Range<i64>, n: i64| -> Vec<Vec<Value>> {
            keys.map(|key| row((key, key % 7), n)).collect()
        };
        let delta = |rows: &[Vec<Value>]| table(rows, Change::Delta { gone: Vec::new() });
        let base = table(&rows(0..9000, 1), Change::Whole);
        let versions = vec![base, delta(&rows(100..400, 2)), delta(&rows(300..6000, 3))];
        let mut expected = rows(0..100, 1);
        expected.extend(rows(6000..9000, 1));
        expected.extend(rows(100..300, 2));
        expected.extend(rows(300..6000, 3));
        assert_eq!(rows_of(&fold(versions).unwrap()), expected);
    }

    #[test]
    fn random_changes_come_to_what_a_map_says() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let mut model: BTreeMap<(i64, i64), i64> = BTreeMap::new();
            let mut versions = Vec::new();
            for step in 0..1 + random.below(6) {
                let mut changed = BTreeMap::new();
                let mut gone = Vec::new();
                for _ in 0..random.below(20) {
                    let key = (random.below(4) as i64, random.below(4) as i64);
                    if random.below(3) == 0 && model.contains_key(&key) {
                        model.remove(&key);
                        changed.remove(&key);
                        gone.push(row(key, 0)[..2].to_vec());
                    } else {
                        let n = random.below(1000) as i64;
                        model.insert(key, n);
                        changed.insert(key, n);
                    }
                }
                let whole = step == 0 || random.below(8) == 0;
                let from = if whole { &model } else { &changed };
                let rows: Vec<Vec<Value>> = from.iter().map(|(key, n)| row(*key, *n)).collect();
                let gone = vec![Batch::from_rows(&gone, &key_schema())];
                let change = if whole { Change::Whole } else { Change::Delta { gone } };
                versions.push(table(&rows, change));
            }
            let mut rows = rows_of(&fold(versions).unwrap());
            rows.sort();
            let mut expected: Vec<Vec<Value>> = model.iter().map(|(key, n)| row(*key, *n)).collect();
            expected.sort();
            assert_eq!(rows, expected, "seed {seed}");
        }
    }
}
