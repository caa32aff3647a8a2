//! `countDistinct`: one set of pairs of slot and value for all slots, and for all calls that count values of the same
//! column. With each pair stands by which of these calls it was seen, a bit each, so that totals beside the same with
//! `where:` cost one look for a row.
//!
//! A value is a word: an int itself, of anything else its number in a table of the values that were
//! seen. A slot that begins anew gets another name in the pairs, and those of the old name are left
//! out when the set grows; so are values that no slot holds any more.

use super::accumulate::{Accumulators, same};
use super::held::room;
use super::stored::StoredPart;
use super::table::KeyTable;
use flow_data::hash::{hash_columns, hash_pair};
use flow_data::{Batch, Column, ColumnBuilder, ColumnData};
use flow_plan::error::Fault;
use flow_plan::{DataType, Value};
use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many calls can share a set.
pub(crate) const MOST_CALLS: usize = 32;

/// One call. The first of those that share a set does what concerns all of them, before the others are asked.
pub(crate) struct Distinct {
    shared: Arc<Mutex<Shared>>,
    /// Its place among them.
    call: usize,
}

/// What calls that count values of one column have in common. One worker's, so nobody waits for it.
struct Shared {
    /// The column.
    column: usize,
    /// The filter of each call.
    filters: Vec<Option<usize>>,
    /// Of the values.
    ty: DataType,
    /// The values that were seen, unless they are ints.
    values: Option<KeyTable>,
    set: Pairs,
    /// Of every call and slot.
    counts: Vec<Vec<i64>>,
    /// Of every slot, its name in the set.
    names: Vec<u32>,
    /// Of every name, its slot; [`NOBODY`] of names that are not used any more.
    slots: Vec<u32>,
    /// Has the set left out pairs since values were last looked through?
    renamed: bool,
    /// Of the rows of a batch: their words, and the calls that they count for.
    words: Vec<u64>,
    calls: Vec<u32>,
    hashes: Vec<u64>,
    numbers: Vec<u32>,
    /// What [`Accumulators::running`] has made for each call.
    running: Vec<Vec<i64>>,
}

const NOBODY: u32 = u32::MAX;
/// Rows that are looked up together.
const BLOCK: usize = 64;

impl Distinct {
    /// Calls that count values of this type in the same column, each with its filter.
    pub(crate) fn of_column(column: usize, filters: Vec<Option<usize>>, ty: &DataType) -> Vec<Distinct> {
        debug_assert!(filters.len() <= MOST_CALLS, "there is a bit for each");
        let is_word = matches!(ty, DataType::Int | DataType::Timestamp | DataType::Duration);
        let count = filters.len();
        let shared = Arc::new(Mutex::new(Shared {
            column,
            filters,
            ty: ty.clone(),
            values: (!is_word).then(|| KeyTable::new(std::iter::once(ty))),
            set: Pairs::default(),
            counts: vec![Vec::new(); count],
            names: Vec::new(),
            slots: Vec::new(),
            renamed: false,
            words: Vec::new(),
            calls: Vec::new(),
            hashes: Vec::new(),
            numbers: Vec::new(),
            running: Vec::new(),
        }));
        (0..count).map(|call| Distinct { shared: shared.clone(), call }).collect()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done for all calls, if this is the first one.
    fn lead(&self) -> Option<MutexGuard<'_, Shared>> {
        (self.call == 0).then(|| self.shared())
    }
}

impl Shared {
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

    /// The words of a batch's rows, and which calls each row counts for.
    fn read(&mut self, batch: &Batch) {
        let column = &batch.columns[self.column];
        self.find_words(column, batch.len);
        self.calls.clear();
        self.calls.resize(batch.len, 0);
        for (call, filter) in self.filters.iter().enumerate() {
            let bit = 1 << call;
            match filter.map(|filter| &batch.columns[filter].data) {
                None => self.calls.iter_mut().for_each(|calls| *calls |= bit),
                Some(ColumnData::Bool(wanted)) => {
                    let rows = self.calls.iter_mut().zip(wanted);
                    rows.for_each(|(calls, wanted)| *calls |= u32::from(*wanted) << call);
                }
                Some(other) => unreachable!("`where:` is a bool, not {other:?}"),
            }
        }
        if let Some(valid) = &column.validity {
            let rows = self.calls.iter_mut().zip(valid.iter());
            rows.filter(|(_, valid)| **valid == 0).for_each(|(calls, _)| *calls = 0);
        }
    }

    /// The value of a word.
    fn value(&self, word: u64) -> Value {
        match &self.values {
            None => Column::new(ColumnData::I64(vec![word as i64])).value(0, &self.ty),
            Some(values) => values.gather(&[word as u32])[0].value(0, &self.ty),
        }
    }

    #[inline]
    fn insert(&mut self, slot: u32, word: u64, calls: u32) {
        let name = self.names[slot as usize];
        let mut new = self.set.insert(name, word, calls);
        while new != 0 {
            self.counts[new.trailing_zeros() as usize][slot as usize] += 1;
            new &= new - 1;
        }
        if self.set.is_full() {
            self.make_room();
        }
    }

    /// A larger set, in which slots have their own numbers as names.
    fn make_room(&mut self) {
        let slots = &self.slots;
        let live = self.set.iter().filter(|pair| slots[pair.0 as usize] != NOBODY).count();
        self.set = self.set.renamed(|name| slots[name as usize], |word| word, live);
        self.names = (0..self.names.len() as u32).collect();
        self.slots = self.names.clone();
        self.renamed = true;
    }

    /// Forgets values that no slot holds any more, once they may be as many as others. They get other numbers: nobody has
    /// words of rows in hand.
    fn forget_values(&mut self) {
        let Some(values) = self.values.as_mut().filter(|_| std::mem::take(&mut self.renamed)) else { return };
        let slots = &self.slots;
        let pairs = self.set.iter().filter(|pair| slots[pair.0 as usize] != NOBODY);
        let mut held = vec![false; values.len()];
        let mut live = 0;
        for (_, word, _) in pairs {
            held[word as usize] = true;
            live += 1;
        }
        let kept: Vec<u32> = (0..).zip(&held).filter(|(_, held)| **held).map(|(number, _)| number).collect();
        if kept.len() * 2 > values.len() {
            return;
        }
        values.retain(&kept);
        let moved = |word: u64| kept.partition_point(|number| u64::from(*number) < word) as u64;
        self.set = self.set.renamed(|name| slots[name as usize], moved, live);
        self.names = (0..self.names.len() as u32).collect();
        self.slots = self.names.clone();
    }

    fn name(&mut self, slot: usize) {
        self.names[slot] = self.slots.len() as u32;
        self.slots.push(slot as u32);
    }

    fn update(&mut self, slots: &[u32], batch: &Batch) {
        self.read(batch);
        let (words, calls) = (std::mem::take(&mut self.words), std::mem::take(&mut self.calls));
        let rows = slots.iter().zip(&words).zip(&calls).map(|((slot, word), calls)| (*slot, *word, *calls));
        let mut block = [(0, 0, 0); BLOCK];
        let mut count = 0;
        for row in rows.filter(|(.., calls)| *calls != 0) {
            // The load of its place is under way while the other rows of the block are looked at.
            std::hint::black_box(self.set.first(self.names[row.0 as usize], row.1));
            block[count] = row;
            count += 1;
            if count == BLOCK {
                block.iter().for_each(|&(slot, word, calls)| self.insert(slot, word, calls));
                count = 0;
            }
        }
        block[..count].iter().for_each(|&(slot, word, calls)| self.insert(slot, word, calls));
        (self.words, self.calls) = (words, calls);
        self.forget_values();
    }

    /// The counts behind every row.
    fn run(&mut self, slots: &[u32], batch: &Batch) {
        self.read(batch);
        let (words, calls) = (std::mem::take(&mut self.words), std::mem::take(&mut self.calls));
        let mut running = vec![Vec::with_capacity(batch.len); self.filters.len()];
        for ((&slot, &word), &of) in slots.iter().zip(&words).zip(&calls) {
            if of != 0 {
                self.insert(slot, word, of);
            }
            for (counts, running) in self.counts.iter().zip(&mut running) {
                running.push(counts[slot as usize]);
            }
        }
        (self.words, self.calls, self.running) = (words, calls, running);
        self.forget_values();
    }

    /// Adds what another set's slots hold; `calls` says what a pair there counts for here.
    fn merge(&mut self, slots: &[u32], later: &Shared, from: &[u32], calls: impl Fn(u32) -> u32) {
        if let (Some(values), Some(others)) = (&mut self.values, &later.values) {
            values.merge(others, &mut self.numbers);
        }
        let mut to = vec![NOBODY; later.names.len()];
        slots.iter().zip(from).for_each(|(slot, from)| to[*from as usize] = *slot);
        for (name, word, of) in later.set.iter() {
            let from = later.slots[name as usize];
            if from != NOBODY && to[from as usize] != NOBODY {
                let word = if self.values.is_some() { self.numbers[word as usize].into() } else { word };
                self.insert(to[from as usize], word, calls(of));
            }
        }
        self.forget_values();
    }

    fn store(&self, call: usize, slots: &[u32]) -> Column {
        let mut wanted = vec![NOBODY; self.names.len()];
        slots.iter().enumerate().for_each(|(row, &slot)| wanted[slot as usize] = row as u32);
        let mut words: Vec<Vec<u64>> = vec![Vec::new(); slots.len()];
        for (name, word, _) in self.set.iter().filter(|(.., calls)| calls >> call & 1 == 1) {
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
        Column::new(ColumnData::Any(lists.collect()))
    }
}

impl Accumulators for Distinct {
    fn grow(&mut self, slots: usize) {
        let Some(mut all) = self.lead() else { return };
        let known = all.names.len();
        for slot in slots..known {
            let name = all.names[slot] as usize;
            all.slots[name] = NOBODY;
        }
        all.counts.iter_mut().for_each(|counts| counts.resize(slots, 0));
        all.names.resize(slots, NOBODY);
        (known..slots).for_each(|slot| all.name(slot));
    }

    fn update(&mut self, slots: &[u32], batch: &Batch) -> bool {
        if let Some(mut all) = self.lead() {
            all.update(slots, batch);
        }
        false
    }

    fn running(&mut self, slots: &[u32], batch: &Batch, _refused: &mut bool) -> Column {
        if let Some(mut all) = self.lead() {
            all.run(slots, batch);
        }
        let filtered = self.shared().filters[self.call].is_some();
        let running = std::mem::take(&mut self.shared().running[self.call]);
        debug_assert_eq!(running.len(), slots.len(), "the first call comes first");
        column(running, filtered)
    }

    fn results(&self, slots: &[u32]) -> Column {
        let all = self.shared();
        let counts = slots.iter().map(|&slot| all.counts[self.call][slot as usize]).collect();
        column(counts, all.filters[self.call].is_some())
    }

    fn reset(&mut self, slot: usize) {
        let Some(mut all) = self.lead() else { return };
        if all.counts.iter().any(|counts| counts[slot] > 0) {
            let name = all.names[slot] as usize;
            all.slots[name] = NOBODY;
            all.counts.iter_mut().for_each(|counts| counts[slot] = 0);
            all.name(slot);
        }
    }

    fn merge(
        &mut self,
        slots: &[u32],
        later: &dyn Accumulators,
        from: &[u32],
        _refused: &mut Vec<(u32, Fault)>,
    ) {
        let later = same::<Distinct>(later).shared();
        let mut all = self.shared();
        if later.filters.len() == all.filters.len() && self.call == 0 {
            all.merge(slots, &later, from, |calls| calls);
        } else if later.filters.len() < all.filters.len() {
            // This call alone.
            let bit = 1 << self.call;
            all.merge(slots, &later, from, |_| bit);
        }
    }

    fn join(&mut self, slot: u32, later: u32) -> Result<(), Fault> {
        let Some(mut all) = self.lead() else { return Ok(()) };
        let name = all.names[later as usize];
        let of_name = all.set.iter().filter(|pair| pair.0 == name);
        let pairs: Vec<(u64, u32)> = of_name.map(|(_, word, calls)| (word, calls)).collect();
        pairs.into_iter().for_each(|(word, calls)| all.insert(slot, word, calls));
        Ok(())
    }

    fn retain(&mut self, slots: &[u32]) {
        let Some(mut all) = self.lead() else { return };
        let all = &mut *all;
        for name in &all.names {
            all.slots[*name as usize] = NOBODY;
        }
        all.names = slots.iter().map(|&slot| all.names[slot as usize]).collect();
        for counts in &mut all.counts {
            *counts = slots.iter().map(|&slot| counts[slot as usize]).collect();
        }
        for (slot, name) in all.names.iter().enumerate() {
            all.slots[*name as usize] = slot as u32;
        }
    }

    fn parts(&self) -> Vec<StoredPart> {
        vec![(String::new(), DataType::list(self.shared().ty.clone()))]
    }

    fn store(&self, slots: &[u32]) -> Vec<Column> {
        vec![self.shared().store(self.call, slots)]
    }

    fn load(&mut self, slots: &[u32], parts: &[Column]) {
        let ColumnData::Any(lists) = &parts[0].data else { return };
        let mut all = self.shared();
        for (&slot, list) in slots.iter().zip(lists) {
            let Value::List(values) = list else { continue };
            let mut column = ColumnBuilder::new(&all.ty);
            values.iter().for_each(|value| column.push(value));
            all.find_words(&column.finish(), values.len());
            let words = std::mem::take(&mut all.words);
            words.iter().for_each(|&word| all.insert(slot, word, 1 << self.call));
            all.words = words;
        }
    }

    fn bytes(&self) -> usize {
        let Some(all) = self.lead() else { return 0 };
        let counts = all.counts.iter().map(room).sum::<usize>();
        let tables = counts + room(&all.names) + room(&all.slots);
        tables + room(&all.set.entries) + all.values.as_ref().map_or(0, KeyTable::bytes)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Counts; of calls with `where:`, null where there are no values.
fn column(counts: Vec<i64>, filtered: bool) -> Column {
    let nulls = filtered && counts.contains(&0);
    let validity = nulls.then(|| counts.iter().map(|count| u8::from(*count > 0)).collect());
    Column { data: ColumnData::I64(counts), validity }
}

/// A set of names and words, each with the calls that saw it: open addressing, at most half full.
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
    calls: u32,
}

const FIRST: usize = 16;

impl Pairs {
    /// Adds a pair for some calls; gives those for which it is new.
    #[inline]
    fn insert(&mut self, name: u32, word: u64, calls: u32) -> u32 {
        if self.entries.is_empty() {
            self.entries = vec![Pair::default(); FIRST];
        }
        let mask = self.entries.len() - 1;
        let mut at = hash_pair(name.into(), word) as usize & mask;
        loop {
            let found = &mut self.entries[at];
            if found.name == 0 {
                *found = Pair { word, name: name + 1, calls };
                self.len += 1;
                return calls;
            }
            if found.name == name + 1 && found.word == word {
                let new = calls & !found.calls;
                found.calls |= new;
                return new;
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

    fn iter(&self) -> impl Iterator<Item = (u32, u64, u32)> {
        let used = self.entries.iter().filter(|pair| pair.name > 0);
        used.map(|pair| (pair.name - 1, pair.word, pair.calls))
    }

    /// The pairs whose names are still used, under their new names, with room for half as many more at least. If all are
    /// used, that is twice the memory.
    fn renamed(&self, new: impl Fn(u32) -> u32, moved: impl Fn(u64) -> u64, live: usize) -> Pairs {
        let size = (live * 3).next_power_of_two().max(FIRST);
        let mut pairs = Pairs { entries: vec![Pair::default(); size], len: 0 };
        for (name, word, calls) in self.iter() {
            let name = new(name);
            if name != NOBODY {
                pairs.insert(name, moved(word), calls);
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

    #[test]
    fn a_set_that_is_full_takes_twice_the_memory_and_no_more() {
        let mut pairs = Pairs::default();
        for word in 0..1_000 {
            pairs.insert(0, word, 1);
            let before = pairs.entries.len();
            if pairs.is_full() {
                pairs = pairs.renamed(|name| name, |word| word, pairs.len);
                assert_eq!(pairs.entries.len(), before * 2);
                assert!(!pairs.is_full());
            }
        }
        assert_eq!(pairs.iter().count(), 1_000);
    }

    #[test]
    fn values_that_no_slot_holds_any_more_are_forgotten() {
        let mut calls = Distinct::of_column(0, vec![None], &DataType::String);
        let call = &mut calls[0];
        call.grow(2);
        let mut most = 0;
        for round in 0..200 {
            let mut values = ColumnBuilder::new(&DataType::String);
            (0..500).for_each(|value| values.push(&Value::string(format!("value {round} {value}"))));
            call.update(&[round % 2; 500], &Batch::new(500, vec![Arc::new(values.finish())]));
            assert_eq!(call.results(&[round % 2]).value(0, &DataType::Int), Value::Int(500));
            call.reset(1 - round as usize % 2);
            most = call.bytes().max(most);
        }
        assert!(most < 1 << 18, "{most} bytes of at most 1,000 values");
    }

    /// Values, which of them are in question, and (of a string column too) slots.
    struct Rows {
        values: Vec<u64>,
        wanted: Vec<bool>,
        slots: Vec<u32>,
    }

    impl Rows {
        fn new(random: &mut Random) -> Rows {
            let rows = random.below(60) as usize;
            let values = (0..rows).map(|_| random.below(300)).collect();
            let wanted = (0..rows).map(|_| random.below(3) == 0).collect();
            Rows { values, wanted, slots: (0..rows).map(|_| random.below(9) as u32).collect() }
        }

        fn batch(&self, ty: &DataType) -> Batch {
            let value = |value: &u64| match ty {
                DataType::Int => Value::Int(*value as i64),
                _ => Value::string(format!("value {value}")),
            };
            let mut columns = [ColumnBuilder::new(ty), ColumnBuilder::new(&DataType::Bool)];
            self.values.iter().for_each(|of| columns[0].push(&value(of)));
            self.wanted.iter().for_each(|wanted| columns[1].push(&Value::Bool(*wanted)));
            let columns = columns.into_iter().map(|column| std::sync::Arc::new(column.finish()));
            Batch::new(self.values.len(), columns.collect())
        }
    }

    type Expected = [Vec<HashSet<u64>>; 2];

    /// All values, and those that are wanted, of nine slots.
    fn nine() -> (Vec<Distinct>, Expected) {
        (Vec::new(), [vec![HashSet::new(); 9], vec![HashSet::new(); 9]])
    }

    fn check(calls: &[Distinct], expected: &Expected, what: &str) {
        for ((call, expected), filtered) in calls.iter().zip(expected).zip([false, true]) {
            let counts = call.results(&(0..9).collect::<Vec<_>>());
            for (slot, expected) in expected.iter().enumerate() {
                let count = expected.len() as i64;
                let wanted = if count == 0 && filtered { Value::Null } else { Value::Int(count) };
                assert_eq!(counts.value(slot, &DataType::Int), wanted, "{what}");
            }
        }
    }

    #[test]
    fn random_values_are_counted_as_sets_do_also_when_slots_begin_anew_and_are_merged() {
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let ty = if seed % 2 == 0 { DataType::Int } else { DataType::String };
            let mut all = [nine(), nine()];
            for (calls, _) in &mut all {
                *calls = Distinct::of_column(0, vec![None, Some(1)], &ty);
                calls.iter_mut().for_each(|call| call.grow(9));
            }
            for _ in 0..40 {
                let (calls, expected) = &mut all[random.below(2) as usize];
                let rows = Rows::new(&mut random);
                let batch = rows.batch(&ty);
                match random.below(3) {
                    0 => {
                        calls.iter_mut().for_each(|call| drop(call.running(&rows.slots, &batch, &mut false)))
                    }
                    _ => calls.iter_mut().for_each(|call| assert!(!call.update(&rows.slots, &batch))),
                }
                for ((slot, value), wanted) in rows.slots.iter().zip(&rows.values).zip(&rows.wanted) {
                    expected[0][*slot as usize].insert(*value);
                    if *wanted {
                        expected[1][*slot as usize].insert(*value);
                    }
                }
                if random.below(4) == 0 {
                    let slot = random.below(9) as usize;
                    calls.iter_mut().for_each(|call| call.reset(slot));
                    expected.iter_mut().for_each(|slots| slots[slot].clear());
                }
                if random.below(5) == 0 {
                    let (slot, later) = (random.below(9) as usize, random.below(9) as usize);
                    calls.iter_mut().for_each(|call| call.join(slot as u32, later as u32).unwrap());
                    for slots in expected {
                        let more: Vec<u64> = slots[later].iter().copied().collect();
                        slots[slot].extend(more);
                    }
                }
            }
            let what = format!("seed {seed}");
            all.iter().for_each(|(calls, expected)| check(calls, expected, &what));
            let [(one, mut expected), (other, more)] = all;
            // What each call has stored is loaded by itself, and merged into one set.
            let slots: Vec<u32> = (0..9).collect();
            let mut loaded = Distinct::of_column(0, vec![None, Some(1)], &ty);
            for (call, from) in loaded.iter_mut().zip(&one) {
                call.grow(9);
                call.load(&slots, &from.store(&slots));
            }
            check(&loaded, &expected, &what);
            let moved: Vec<u32> = (0..9).rev().collect();
            for (call, later) in loaded.iter_mut().zip(&other) {
                call.merge(&moved, later, &slots, &mut Vec::new());
                let mut alone = Distinct::of_column(0, vec![None], &ty).remove(0);
                alone.grow(9);
                alone.load(&slots, &later.store(&slots));
                call.merge(&moved, &alone, &slots, &mut Vec::new());
            }
            for (expected, more) in expected.iter_mut().zip(more) {
                more.into_iter().enumerate().for_each(|(slot, values)| expected[8 - slot].extend(values));
            }
            check(&loaded, &expected, &what);
        }
    }
}
