//! `countDistinct` of ints and timestamps: one table for all slots, whose entries are a group and a value.
//!
//! A slot that is emptied gets a new group; the entries of the old one are dead and go when the table grows.

use super::accumulate::{Accumulators, Reads};
use flow_data::{Batch, Column, ColumnData};

/// The group of no entry.
const NONE: u32 = u32::MAX;
/// Rows looked up together: their table lines are asked for before the first is needed.
const BLOCK: usize = 64;

#[derive(Clone, Copy)]
struct Entry {
    group: u32,
    value: i64,
}

/// Values seen per slot, and how many they are.
pub(crate) struct DistinctInts {
    reads: Reads,
    entries: Vec<Entry>,
    /// Entries that are taken, dead ones with them.
    used: usize,
    /// The group of each slot.
    groups: Vec<u32>,
    counts: Vec<i64>,
    /// The number that the next group gets.
    next: u32,
}

impl DistinctInts {
    pub(crate) fn new(reads: Reads) -> DistinctInts {
        DistinctInts {
            reads,
            entries: vec![Entry { group: NONE, value: 0 }; 64],
            used: 0,
            groups: Vec::new(),
            counts: Vec::new(),
            next: 0,
        }
    }

    fn new_group(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn place(&self, group: u32, value: i64) -> usize {
        home(group, value) & (self.entries.len() - 1)
    }

    #[inline]
    fn add(&mut self, slot: u32, value: i64) {
        let group = self.groups[slot as usize];
        let mask = self.entries.len() - 1;
        let mut at = home(group, value) & mask;
        loop {
            let entry = &mut self.entries[at];
            if entry.group == group && entry.value == value {
                return;
            }
            if entry.group == NONE {
                *entry = Entry { group, value };
                self.used += 1;
                self.counts[slot as usize] += 1;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Makes room for so many more entries; dead ones go, and groups are numbered anew.
    fn reserve(&mut self, more: usize) {
        if (self.used + more) * 4 <= self.entries.len() * 3 && self.next < NONE / 2 {
            return;
        }
        let living = self.counts.iter().sum::<i64>() as usize;
        let size = ((living + more) * 2).next_power_of_two().max(64);
        let mut slot_of = vec![NONE; self.next as usize];
        for (slot, group) in self.groups.iter_mut().enumerate() {
            slot_of[*group as usize] = slot as u32;
            *group = slot as u32;
        }
        self.next = self.groups.len() as u32;
        let old = std::mem::replace(&mut self.entries, vec![Entry { group: NONE, value: 0 }; size]);
        self.used = living;
        for Entry { group, value } in old.into_iter().filter(|e| e.group != NONE) {
            let group = slot_of[group as usize];
            if group == NONE {
                continue;
            }
            let mut at = self.place(group, value);
            while self.entries[at].group != NONE {
                at = (at + 1) & (size - 1);
            }
            self.entries[at] = Entry { group, value };
        }
    }

    fn values(reads: Reads, batch: &Batch) -> &[i64] {
        match reads.arg.map(|column| &batch.columns[column].data) {
            Some(ColumnData::I64(values)) => values,
            other => unreachable!("distinct ints of {other:?}"),
        }
    }

    fn result(&self, slot: u32) -> Option<i64> {
        Some(self.counts[slot as usize]).filter(|n| *n > 0)
    }
}

/// Where the search for an entry begins, before it is cut to the table.
#[inline]
fn home(group: u32, value: i64) -> usize {
    let product = u128::from(value as u64 ^ 0x2d35_8dcc_aa6c_78a5)
        * u128::from(u64::from(group).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x8bb8_4b93_962e_acc9);
    (product as u64 ^ (product >> 64) as u64) as usize
}

impl Accumulators for DistinctInts {
    fn grow(&mut self, slots: usize) {
        while self.groups.len() < slots {
            let group = self.new_group();
            self.groups.push(group);
        }
        if slots < self.groups.len() {
            (slots..self.groups.len()).for_each(|slot| self.reset(slot));
            self.groups.truncate(slots);
        }
        self.counts.resize(slots, 0);
    }

    fn update(&mut self, slots: &[u32], batch: &Batch) -> bool {
        let values = Self::values(self.reads, batch);
        let reads = self.reads;
        let mut held = [(0, 0); BLOCK];
        let mut count = 0;
        // Room for the whole batch at once: the table does not move between its rows.
        self.reserve(batch.len);
        reads.each(batch, |row| {
            let (slot, value) = (slots[row], values[row]);
            // The load of its home is under way while the other rows of the block are looked at.
            std::hint::black_box(self.entries[self.place(self.groups[slot as usize], value)].group);
            held[count] = (slot, value);
            count += 1;
            if count == BLOCK {
                held.iter().for_each(|&(slot, value)| self.add(slot, value));
                count = 0;
            }
        });
        held[..count].iter().for_each(|&(slot, value)| self.add(slot, value));
        false
    }

    fn running(&mut self, slots: &[u32], batch: &Batch, _refused: &mut bool) -> Column {
        let values = Self::values(self.reads, batch);
        self.reserve(batch.len);
        let results = slots.iter().enumerate().map(|(row, &slot)| {
            if self.reads.counts(batch, row) {
                self.add(slot, values[row]);
            }
            self.result(slot)
        });
        column(results)
    }

    fn results(&self, slots: &[u32]) -> Column {
        column(slots.iter().map(|&slot| self.result(slot)))
    }

    fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.groups.capacity() * 4 + self.counts.capacity() * 8
    }

    fn reset(&mut self, slot: usize) {
        if self.counts[slot] > 0 {
            self.counts[slot] = 0;
            self.groups[slot] = self.new_group();
        }
    }
}

/// Counts, null where nothing was seen.
fn column(results: impl Iterator<Item = Option<i64>>) -> Column {
    let (mut values, mut valid, mut nulls) = (Vec::new(), Vec::new(), false);
    for result in results {
        nulls |= result.is_none();
        valid.push(u8::from(result.is_some()));
        values.push(result.unwrap_or(0));
    }
    Column { data: ColumnData::I64(values), validity: nulls.then_some(valid) }
}

#[cfg(test)]
mod tests {
    use super::{Accumulators, DistinctInts, Reads};
    use flow_data::{Batch, Column, ColumnData};
    use flow_env::Random;
    use std::collections::HashSet;
    use std::sync::Arc;

    #[test]
    fn counts_are_those_of_sets_whatever_is_emptied_meanwhile() {
        let seed = std::time::UNIX_EPOCH.elapsed().map_or(1, |d| d.as_nanos() as u64);
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let mut distinct = DistinctInts::new(Reads { arg: Some(0), filter: Some(1) });
        let mut sets: Vec<HashSet<i64>> = vec![HashSet::new(); 20];
        distinct.grow(20);
        let all: Vec<u32> = (0..20).collect();
        for _ in 0..300 {
            let n = random.below(200) as usize;
            let slots: Vec<u32> = (0..n).map(|_| random.below(20) as u32).collect();
            let values: Vec<i64> = (0..n).map(|_| random.below(500) as i64 - 100).collect();
            let wanted: Vec<u8> = (0..n).map(|_| random.below(2) as u8).collect();
            for row in (0..n).filter(|&row| wanted[row] != 0) {
                sets[slots[row] as usize].insert(values[row]);
            }
            let columns = [ColumnData::I64(values), ColumnData::Bool(wanted)];
            let batch = Batch::new(n, columns.into_iter().map(|c| Arc::new(Column::new(c))).collect());
            assert!(!distinct.update(&slots, &batch));
            let emptied = random.below(20) as usize;
            distinct.reset(emptied);
            sets[emptied].clear();
            let expected: Vec<Option<i64>> =
                sets.iter().map(|set| Some(set.len() as i64).filter(|n| *n > 0)).collect();
            let found: Vec<Option<i64>> = all.iter().map(|&slot| distinct.result(slot)).collect();
            assert_eq!(found, expected);
            assert_eq!(distinct.results(&all).validity.is_some(), expected.contains(&None));
        }
    }
}
