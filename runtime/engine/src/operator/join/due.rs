//! What is due at which time: least time first, of one time in the order in which it came.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Entries that come nearly in the order of their times: those that do stand in a queue, the others in a
/// heap.
#[derive(Default)]
pub(crate) struct Due {
    run: VecDeque<(i64, u64, u32)>,
    heap: BinaryHeap<Reverse<(i64, u64, u32)>>,
    came: u64,
}

impl Due {
    /// A row is due at a time.
    pub(crate) fn push(&mut self, time: i64, row: u32) {
        let entry = (time, self.came, row);
        self.came += 1;
        match self.run.back() {
            Some(last) if last.0 > time => self.heap.push(Reverse(entry)),
            _ => self.run.push_back(entry),
        }
    }

    /// The least time.
    pub(crate) fn first(&self) -> Option<i64> {
        let heap = self.heap.peek().map(|Reverse(entry)| entry.0);
        let run = self.run.front().map(|entry| entry.0);
        run.into_iter().chain(heap).min()
    }

    /// The first entry, which stays.
    pub(crate) fn peek(&self) -> Option<(i64, u32)> {
        let heap = self.heap.peek().map(|Reverse(entry)| *entry);
        self.run.front().copied().into_iter().chain(heap).min().map(|(time, _, row)| (time, row))
    }

    /// The first entry.
    pub(crate) fn pop(&mut self) -> Option<(i64, u32)> {
        let from_heap = match (self.run.front(), self.heap.peek()) {
            (Some(run), Some(Reverse(heap))) => heap < run,
            (run, _) => run.is_none(),
        };
        let entry =
            if from_heap { self.heap.pop().map(|Reverse(entry)| entry) } else { self.run.pop_front() };
        entry.map(|(time, _, row)| (time, row))
    }

    /// The rows of all entries, in the order in which they were put.
    pub(crate) fn as_they_came(&self) -> Vec<u32> {
        let heap = self.heap.iter().map(|Reverse(entry)| entry);
        let mut all: Vec<(u64, u32)> =
            self.run.iter().chain(heap).map(|&(_, came, row)| (came, row)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, row)| row).collect()
    }

    /// The first entry, if its time is before `now`.
    pub(crate) fn pop_before(&mut self, now: i64) -> Option<(i64, u32)> {
        self.first().filter(|time| *time < now).and_then(|_| self.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
