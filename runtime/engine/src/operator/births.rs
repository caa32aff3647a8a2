//! When slots were made: what is given at the end goes out in that order, under numbers made of it.

use crate::number::Number;
use crate::state::room;
use flow_data::{Batch, ColumnData};

/// The number, and the ranks of the row, that made each slot.
pub(crate) struct Births {
    /// The first slot that was made in a number.
    numbers: Vec<(Number, u32)>,
    /// Per rank column, of each slot.
    ranks: Vec<Vec<i64>>,
}

impl Births {
    /// With so many ranks of each row.
    pub(crate) fn new(ranks: usize) -> Births {
        Births { numbers: Vec::new(), ranks: vec![Vec::new(); ranks] }
    }

    /// Notes the slots from `known` on, which rows of this batch made; ranks stand behind `declared`
    /// columns.
    pub(crate) fn note(
        &mut self,
        number: Number,
        known: usize,
        slots: &[u32],
        batch: &Batch,
        declared: usize,
    ) {
        if self.numbers.last().is_none_or(|(last, _)| *last != number) {
            self.numbers.push((number, known as u32));
        }
        if self.ranks.is_empty() {
            return;
        }
        let mut next = known as u32;
        for (row, &slot) in slots.iter().enumerate() {
            if slot == next {
                next += 1;
                for (ranks, column) in self.ranks.iter_mut().zip(&batch.columns[declared..]) {
                    match &column.data {
                        ColumnData::I64(values) => ranks.push(values[row]),
                        other => unreachable!("ranks are ints, not {other:?}"),
                    }
                }
            }
        }
    }

    /// Takes back the slots from `known` on.
    pub(crate) fn forget(&mut self, known: usize) {
        while self.numbers.last().is_some_and(|(_, first)| *first as usize >= known) {
            self.numbers.pop();
        }
        self.ranks.iter_mut().for_each(|ranks| ranks.truncate(known));
    }

    /// The number in which a slot was made, and the first slot of the next number.
    pub(crate) fn of(&self, slot: usize) -> (Number, usize) {
        let next = self.numbers.partition_point(|(_, first)| *first as usize <= slot);
        let number = self.numbers[next - 1].0;
        (number, self.numbers.get(next).map_or(usize::MAX, |(_, first)| *first as usize))
    }

    /// The first slot that was made in such a number, if it is so of all numbers behind one.
    pub(crate) fn first_slot(&self, is_behind: impl Fn(Number) -> bool) -> usize {
        let first = self.numbers.partition_point(|(number, _)| !is_behind(*number));
        self.numbers.get(first).map_or(usize::MAX, |(_, slot)| *slot as usize)
    }

    /// The number in which each of these slots was made; slots that ascend are found at once.
    pub(crate) fn numbers_of(&self, slots: &[u32]) -> impl Iterator<Item = i64> {
        let (mut first, mut next, mut number) = (0, 0, 0);
        slots.iter().map(move |&slot| {
            if (slot as usize) < first || slot as usize >= next {
                (number, next) = self.of(slot as usize);
                first = slot as usize;
            }
            number as i64
        })
    }

    /// The bytes it has taken.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.numbers) + self.ranks.iter().map(room).sum::<usize>()
    }

    /// Per rank column, of each slot.
    pub(crate) fn ranks(&self) -> &[Vec<i64>] {
        &self.ranks
    }

    /// Takes over the births of more slots, from `known` on, whose numbers ascend.
    pub(crate) fn extend(&mut self, known: usize, numbers: &[Number], ranks: &[Vec<i64>]) {
        for (slot, &number) in (known..).zip(numbers) {
            if self.numbers.last().is_none_or(|(last, _)| *last != number) {
                self.numbers.push((number, slot as u32));
            }
        }
        self.ranks.iter_mut().zip(ranks).for_each(|(all, more)| all.extend_from_slice(more));
    }

    /// How many ranks are kept of each row.
    pub(crate) fn width(&self) -> usize {
        self.ranks.len()
    }
}
