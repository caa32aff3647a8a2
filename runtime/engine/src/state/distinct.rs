//! `countDistinct`: one set of pairs of slot and value for all slots.
//!
//! A value is a word: an int itself, of anything else its number in a table of the values that were
//! seen. A slot that begins anew gets another name in the pairs, and those of the old name are left
//! out when the set grows.

use super::accumulate::{Accumulators, Reads, same};
use super::held::room;
use super::stored::StoredPart;
use super::table::KeyTable;
use flow_data::hash::{hash_columns, hash_pair};
use flow_data::{Batch, Column, ColumnBuilder, ColumnData};
use flow_plan::error::Fault;
use flow_plan::{DataType, Value};
use std::any::Any;

pub(crate) struct Distinct {
    reads: Reads,
    /// Of the values.
    ty: DataType,
    /// The values that were seen, unless they are ints.
    values: Option<KeyTable>,
    set: Pairs,
    counts: Vec<i64>,
    /// Of every slot, its name in the set.
    names: Vec<u32>,
    /// Of every name, its slot; [`NOBODY`] of names that are not used any more.
    slots: Vec<u32>,
    /// Words of the rows of a batch.
    words: Vec<u64>,
    hashes: Vec<u64>,
    numbers: Vec<u32>,
}

const NOBODY: u32 = u32::MAX;
/// Rows that are looked up together.
const BLOCK: usize = 64;

impl Distinct {
    pub(crate) fn new(reads: Reads, ty: &DataType) -> Distinct {
        let is_word = matches!(ty, DataType::Int | DataType::Timestamp | DataType::Duration);
        Distinct {
            reads,
            ty: ty.clone(),
            values: (!is_word).then(|| KeyTable::new(std::iter::once(ty))),
            set: Pairs::default(),
            counts: Vec::new(),
            names: Vec::new(),
            slots: Vec::new(),
            words: Vec::new(),
            hashes: Vec::new(),
            numbers: Vec::new(),
        }
    }

    /// The words of a column's rows.
    fn find_words(&mut self, column: &Column, rows: usize) {
        self.words.clear();
        match (&mut self.values, &column.data) {
            (None, ColumnData::I64(values)) => self.words.extend(values.iter().map(|value| *value as u64)),
            (None, other) => unreachable!("ints are words, not {other:?}"),
            (Some(values), _) => {
                hash_columns(&[column], rows, &mut self.hashes);
                values.slots(&[column], &self.hashes, &mut self.numbers);
                self.words.extend(self.numbers.iter().map(|number| u64::from(*number)));
            }
        }
    }

    /// The value of a word.
    fn value(&self, word: u64) -> Value {
        match &self.values {
            None => Column::new(ColumnData::I64(vec![word as i64])).value(0, &self.ty),
            Some(values) => values.gather(&[word as u32])[0].value(0, &self.ty),
        }
    }

    fn insert(&mut self, slot: u32, word: u64) {
        let name = self.names[slot as usize];
        self.counts[slot as usize] += i64::from(self.set.insert(name, word));
        if self.set.is_full() {
            self.make_room();
        }
    }

    /// A larger set, in which slots have their own numbers as names.
    fn make_room(&mut self) {
        let slots = &self.slots;
        self.set = self.set.renamed(|name| slots[name as usize], self.counts.iter().sum::<i64>() as usize);
        self.names = (0..self.counts.len() as u32).collect();
        self.slots = self.names.clone();
    }

    fn name(&mut self, slot: usize) {
        self.names[slot] = self.slots.len() as u32;
        self.slots.push(slot as u32);
    }

    fn column(&self) -> usize {
        match self.reads.arg {
            Some(column) => column,
            None => unreachable!("countDistinct has an argument"),
        }
    }
}

impl Accumulators for Distinct {
    fn grow(&mut self, slots: usize) {
        let known = self.counts.len();
        for slot in slots..known {
            self.slots[self.names[slot] as usize] = NOBODY;
        }
        self.counts.resize(slots, 0);
        self.names.resize(slots, NOBODY);
        (known..slots).for_each(|slot| self.name(slot));
    }

    fn update(&mut self, slots: &[u32], batch: &Batch) -> bool {
        self.find_words(&batch.columns[self.column()], batch.len);
        let words = std::mem::take(&mut self.words);
        let mut block = [(0, 0); BLOCK];
        let mut count = 0;
        self.reads.each(batch, |row| {
            let (slot, word) = (slots[row], words[row]);
            // The load of its place is under way while the other rows of the block are looked at.
            std::hint::black_box(self.set.first(self.names[slot as usize], word));
            block[count] = (slot, word);
            count += 1;
            if count == BLOCK {
                block.iter().for_each(|&(slot, word)| self.insert(slot, word));
                count = 0;
            }
        });
        block[..count].iter().for_each(|&(slot, word)| self.insert(slot, word));
        self.words = words;
        false
    }

    fn running(&mut self, slots: &[u32], batch: &Batch, _refused: &mut bool) -> Column {
        self.find_words(&batch.columns[self.column()], batch.len);
        let words = std::mem::take(&mut self.words);
        let mut counts = Vec::with_capacity(batch.len);
        for (row, &slot) in slots.iter().enumerate() {
            if self.reads.counts(batch, row) {
                self.insert(slot, words[row]);
            }
            counts.push(self.counts[slot as usize]);
        }
        self.words = words;
        column(counts)
    }

    fn results(&self, slots: &[u32]) -> Column {
        column(slots.iter().map(|&slot| self.counts[slot as usize]).collect())
    }

    fn reset(&mut self, slot: usize) {
        if self.counts[slot] > 0 {
            self.slots[self.names[slot] as usize] = NOBODY;
            self.counts[slot] = 0;
            self.name(slot);
        }
    }

    fn merge(
        &mut self,
        slots: &[u32],
        later: &dyn Accumulators,
        from: &[u32],
        _refused: &mut Vec<(u32, Fault)>,
    ) {
        let later = same::<Distinct>(later);
        if let (Some(values), Some(others)) = (&mut self.values, &later.values) {
            values.merge(others, &mut self.numbers);
        }
        let mut to = vec![NOBODY; later.counts.len()];
        slots.iter().zip(from).for_each(|(slot, from)| to[*from as usize] = *slot);
        for (name, word) in later.set.iter() {
            let from = later.slots[name as usize];
            if from != NOBODY && to[from as usize] != NOBODY {
                let word = if self.values.is_some() { self.numbers[word as usize].into() } else { word };
                self.insert(to[from as usize], word);
            }
        }
    }

    fn join(&mut self, slot: u32, later: u32) -> Result<(), Fault> {
        let name = self.names[later as usize];
        let words: Vec<u64> = self.set.iter().filter(|pair| pair.0 == name).map(|pair| pair.1).collect();
        words.into_iter().for_each(|word| self.insert(slot, word));
        Ok(())
    }

    fn retain(&mut self, slots: &[u32]) {
        for name in &self.names {
            self.slots[*name as usize] = NOBODY;
        }
        self.names = slots.iter().map(|&slot| self.names[slot as usize]).collect();
        self.counts = slots.iter().map(|&slot| self.counts[slot as usize]).collect();
        for (slot, name) in self.names.iter().enumerate() {
            self.slots[*name as usize] = slot as u32;
        }
    }

    fn parts(&self) -> Vec<StoredPart> {
        vec![(String::new(), DataType::list(self.ty.clone()))]
    }

    fn store(&self, slots: &[u32]) -> Vec<Column> {
        let mut wanted = vec![NOBODY; self.counts.len()];
        slots.iter().enumerate().for_each(|(row, &slot)| wanted[slot as usize] = row as u32);
        let mut words: Vec<Vec<u64>> = vec![Vec::new(); slots.len()];
        for (name, word) in self.set.iter() {
            let slot = self.slots[name as usize];
            let row = if slot == NOBODY { NOBODY } else { wanted[slot as usize] };
            if row != NOBODY {
                words[row as usize].push(word);
            }
        }
        let lists = words.into_iter().map(|mut words| {
            // A set has no order; the same state is the same bytes.
            words.sort_unstable();
            Value::List(words.into_iter().map(|word| self.value(word)).collect())
        });
        vec![Column::new(ColumnData::Any(lists.collect()))]
    }

    fn load(&mut self, slots: &[u32], parts: &[Column]) {
        let ColumnData::Any(lists) = &parts[0].data else { return };
        for (&slot, list) in slots.iter().zip(lists) {
            let Value::List(values) = list else { continue };
            let mut column = ColumnBuilder::new(&self.ty);
            values.iter().for_each(|value| column.push(value));
            self.find_words(&column.finish(), values.len());
            let words = std::mem::take(&mut self.words);
            words.iter().for_each(|&word| self.insert(slot, word));
            self.words = words;
        }
    }

    fn bytes(&self) -> usize {
        let tables = room(&self.counts) + room(&self.names) + room(&self.slots);
        tables + room(&self.set.entries) + self.values.as_ref().map_or(0, KeyTable::bytes)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Counts; of no values, null.
fn column(counts: Vec<i64>) -> Column {
    let nulls = counts.contains(&0);
    let validity = nulls.then(|| counts.iter().map(|count| u8::from(*count > 0)).collect());
    Column { data: ColumnData::I64(counts), validity }
}

/// A set of names and words: open addressing, at most half full.
#[derive(Default)]
struct Pairs {
    entries: Vec<Pair>,
    len: usize,
}

#[derive(Clone, Copy, Default)]
struct Pair {
    word: u64,
    /// The name plus one; 0: free.
    name: u32,
}

const FIRST: usize = 16;

impl Pairs {
    /// Adds a pair; was it new?
    #[inline]
    fn insert(&mut self, name: u32, word: u64) -> bool {
        if self.entries.is_empty() {
            self.entries = vec![Pair::default(); FIRST];
        }
        let mask = self.entries.len() - 1;
        let mut at = hash_pair(name.into(), word) as usize & mask;
        loop {
            let found = self.entries[at];
            if found.name == 0 {
                self.entries[at] = Pair { word, name: name + 1 };
                self.len += 1;
                return true;
            }
            if found.name == name + 1 && found.word == word {
                return false;
            }
            at = (at + 1) & mask;
        }
    }

    /// The name at the place where the search for a pair begins.
    #[inline]
    fn first(&self, name: u32, word: u64) -> u32 {
        let at = hash_pair(name.into(), word) as usize & self.entries.len().wrapping_sub(1);
        self.entries.get(at).map_or(0, |pair| pair.name)
    }

    fn is_full(&self) -> bool {
        self.len * 2 > self.entries.len()
    }

    fn iter(&self) -> impl Iterator<Item = (u32, u64)> {
        self.entries.iter().filter(|pair| pair.name > 0).map(|pair| (pair.name - 1, pair.word))
    }

    /// The pairs whose names are still used, under their new names, with room for twice as many.
    fn renamed(&self, new: impl Fn(u32) -> u32, live: usize) -> Pairs {
        let size = (live * 4).next_power_of_two().max(FIRST);
        let mut pairs = Pairs { entries: vec![Pair::default(); size], len: 0 };
        for (name, word) in self.iter() {
            let name = new(name);
            if name != NOBODY {
                pairs.insert(name, word);
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_data::ColumnBuilder;
    use flow_env::Random;
    use flow_plan::Value;
    use std::collections::HashSet;

    fn batch(ty: &DataType, values: &[Value]) -> Batch {
        let mut column = ColumnBuilder::new(ty);
        values.iter().for_each(|value| column.push(value));
        Batch::new(values.len(), vec![std::sync::Arc::new(column.finish())])
    }

    #[test]
    fn random_values_are_counted_as_sets_do_also_when_slots_begin_anew_and_are_merged() {
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let ty = if seed % 2 == 0 { DataType::Int } else { DataType::String };
            let reads = Reads { arg: Some(0), filter: None };
            let mut all = [0, 1].map(|_| Distinct::new(reads, &ty));
            let mut expected: [Vec<HashSet<u64>>; 2] = Default::default();
            all.iter_mut().for_each(|one| one.grow(9));
            expected.iter_mut().for_each(|one| one.resize(9, HashSet::new()));
            for _ in 0..40 {
                let of = random.below(2) as usize;
                let rows = random.below(60) as usize;
                let values: Vec<u64> = (0..rows).map(|_| random.below(300)).collect();
                let slots: Vec<u32> = (0..rows).map(|_| random.below(9) as u32).collect();
                let value = |value: &u64| match ty {
                    DataType::Int => Value::Int(*value as i64),
                    _ => Value::string(format!("value {value}")),
                };
                all[of].update(&slots, &batch(&ty, &values.iter().map(value).collect::<Vec<_>>()));
                slots.iter().zip(&values).for_each(|(slot, value)| {
                    expected[of][*slot as usize].insert(*value);
                });
                if random.below(4) == 0 {
                    let slot = random.below(9) as usize;
                    all[of].reset(slot);
                    expected[of][slot].clear();
                }
                if random.below(5) == 0 {
                    let (slot, later) = (random.below(9) as usize, random.below(9) as usize);
                    all[of].join(slot as u32, later as u32).unwrap();
                    let more: Vec<u64> = expected[of][later].iter().copied().collect();
                    expected[of][slot].extend(more);
                }
            }
            let moved: Vec<u32> = (0..9).rev().collect();
            let [one, other] = &mut all;
            one.merge(&moved, other, &(0..9).collect::<Vec<_>>(), &mut Vec::new());
            for (slot, values) in expected[1].clone().into_iter().enumerate() {
                expected[0][8 - slot].extend(values);
            }
            let counts = one.results(&(0..9).collect::<Vec<_>>());
            for (slot, expected) in expected[0].iter().enumerate() {
                let count = counts.value(slot, &DataType::Int);
                let wanted =
                    if expected.is_empty() { Value::Null } else { Value::Int(expected.len() as i64) };
                assert_eq!(count, wanted, "seed {seed}");
            }
        }
    }
}
