//! What is due at which time: least time first, of one time in the order in which it came.

use crate::state::room;
use flow_data::NO_ROW;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// A time, how many came before, and the row.
type Entry = (i64, u64, u32);

/// Entries by time. Those that come in the order of their times stand in a queue. The others are put into buckets of
/// time, each of which is sorted when its turn comes; a heap takes what comes for a bucket that has its turn or has had it.
#[derive(Default)]
pub(crate) struct Due {
    run: VecDeque<Entry>,
    /// The bucket that has its turn, the least entry last. It is empty only if there are no others.
    open: Vec<Entry>,
    /// Which one it is.
    bucket: i64,
    heap: BinaryHeap<Reverse<Entry>>,
    later: BTreeMap<i64, Vec<Entry>>,
    came: u64,
}

/// How long the time of a bucket is: so many bits of microseconds.
const BUCKET_BITS: u32 = 16;

/// Where the first entry stands.
enum Place {
    Run,
    Open,
    Heap,
}

impl Due {
    /// A row is due at a time.
    pub(crate) fn push(&mut self, time: i64, row: u32) {
        let entry = (time, self.came, row);
        self.came += 1;
        if self.run.back().is_none_or(|last| last.0 <= time) {
            self.run.push_back(entry);
            return;
        }
        let bucket = time >> BUCKET_BITS;
        if self.open.is_empty() {
            self.bucket = bucket;
            self.open.push(entry);
        } else if bucket > self.bucket {
            self.later.entry(bucket).or_default().push(entry);
        } else {
            self.heap.push(Reverse(entry));
        }
    }

    /// Rows have moved: each is where this says, or is no more (`NO_ROW`).
    pub(crate) fn rows_move(&mut self, moved: &[u32]) {
        let to = |(time, came, row): Entry| {
            let row = moved[row as usize];
            (row != NO_ROW).then_some((time, came, row))
        };
        self.run = self.run.drain(..).filter_map(to).collect();
        self.open = self.open.drain(..).filter_map(to).collect();
        self.heap = self.heap.drain().filter_map(|Reverse(entry)| to(entry).map(Reverse)).collect();
        for entries in self.later.values_mut() {
            *entries = entries.drain(..).filter_map(to).collect();
        }
        self.open_next();
    }

    /// The bytes it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let later: usize = self.later.values().map(room).sum();
        let rows = self.run.capacity() + self.heap.capacity();
        later + room(&self.open) + rows * size_of::<Entry>()
    }

    /// If the bucket that has its turn is empty, the next one has.
    fn open_next(&mut self) {
        while self.open.is_empty()
            && let Some((bucket, mut entries)) = self.later.pop_first()
        {
            entries.sort_unstable_by(|a, b| b.cmp(a));
            (self.bucket, self.open) = (bucket, entries);
        }
    }

    fn least(&self) -> Option<(Entry, Place)> {
        let run = self.run.front().map(|entry| (*entry, Place::Run));
        let open = self.open.last().map(|entry| (*entry, Place::Open));
        let heap = self.heap.peek().map(|Reverse(entry)| (*entry, Place::Heap));
        run.into_iter().chain(open).chain(heap).min_by_key(|(entry, _)| *entry)
    }

    /// The least time.
    pub(crate) fn first(&self) -> Option<i64> {
        self.least().map(|((time, ..), _)| time)
    }

    /// The first entry, which stays.
    pub(crate) fn peek(&self) -> Option<(i64, u32)> {
        self.least().map(|((time, _, row), _)| (time, row))
    }

    /// The first entry.
    pub(crate) fn pop(&mut self) -> Option<(i64, u32)> {
        self.pop_if(|_| true)
    }

    /// The first entry, if its time is before `now`.
    pub(crate) fn pop_before(&mut self, now: i64) -> Option<(i64, u32)> {
        self.pop_if(|time| time < now)
    }

    /// Takes all rows whose time is before `now`, in no order: buckets that are over are not sorted for it.
    pub(crate) fn free_before(&mut self, now: i64, rows: &mut Vec<u32>) {
        let run = self.run.partition_point(|entry| entry.0 < now);
        rows.extend(self.run.drain(..run).map(|(.., row)| row));
        while let Some(Reverse(entry)) = self.heap.peek()
            && entry.0 < now
        {
            rows.push(entry.2);
            self.heap.pop();
        }
        let open = self.open.partition_point(|entry| entry.0 >= now);
        rows.extend(self.open.drain(open..).map(|(.., row)| row));
        while self.open.is_empty()
            && let Some((bucket, mut entries)) = self.later.pop_first()
        {
            if bucket < now >> BUCKET_BITS {
                rows.extend(entries.into_iter().map(|(.., row)| row));
                continue;
            }
            entries.sort_unstable_by(|a, b| b.cmp(a));
            let over = entries.partition_point(|entry| entry.0 >= now);
            rows.extend(entries.drain(over..).map(|(.., row)| row));
            (self.bucket, self.open) = (bucket, entries);
        }
    }

    fn pop_if(&mut self, wanted: impl Fn(i64) -> bool) -> Option<(i64, u32)> {
        let ((time, _, row), place) = self.least().filter(|((time, ..), _)| wanted(*time))?;
        match place {
            Place::Run => drop(self.run.pop_front()),
            Place::Heap => drop(self.heap.pop()),
            Place::Open => {
                self.open.pop();
                self.open_next();
            }
        }
        Some((time, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_env::Random;

    #[test]
    fn entries_come_by_time_and_then_as_they_were_put() {
        let mut due = Due::default();
        for (row, time) in [5, 7, 6, 7, 5, 9, i64::MIN, i64::MAX].into_iter().enumerate() {
            due.push(time, row as u32);
        }
        assert_eq!(due.first(), Some(i64::MIN));
        let before: Vec<u32> = std::iter::from_fn(|| due.pop_before(7)).map(|(_, row)| row).collect();
        assert_eq!(before, [6, 0, 4, 2]);
        let rest: Vec<u32> = std::iter::from_fn(|| due.pop()).map(|(_, row)| row).collect();
        assert_eq!(rest, [1, 3, 5, 7]);
    }

    #[test]
    fn random_entries_come_as_sorted_ones_do() {
        for seed in 0..50 {
            let mut random = Random::new(seed);
            // From all in one bucket to one in each.
            let spread = 1 << random.below(30);
            let mut due = Due::default();
            let mut expected: Vec<(i64, u32)> = Vec::new();
            let mut now = 0;
            for row in 0..2_000 {
                let time = now + random.below(spread) as i64 - random.below(spread / 8 + 1) as i64;
                due.push(time, row);
                expected.push((time, row));
                if random.below(20) == 0 {
                    now += random.below(spread) as i64;
                    expected.sort_unstable();
                    let until = expected.partition_point(|(time, _)| *time < now);
                    let over: Vec<_> = expected.drain(..until).collect();
                    if random.below(2) == 0 {
                        let popped: Vec<_> = std::iter::from_fn(|| due.pop_before(now)).collect();
                        assert_eq!(popped, over, "seed {seed}");
                    } else {
                        let mut freed = Vec::new();
                        due.free_before(now, &mut freed);
                        freed.sort_unstable();
                        let mut rows: Vec<u32> = over.into_iter().map(|(_, row)| row).collect();
                        rows.sort_unstable();
                        assert_eq!(freed, rows, "seed {seed}");
                    }
                    assert_eq!(due.peek(), expected.first().copied(), "seed {seed}");
                }
            }
        }
    }
}
