//! When groups that come and go came to be: a group that was empty is a new one when it comes again.

use crate::number::Number;
use crate::state::room;
use flow_data::{Batch, ColumnData};

/// By slot: the order of the groups' births, the number of each, and the ranks of its first row.
pub(crate) struct Lives {
    births: Vec<(u64, Number)>,
    ranks: Vec<Vec<i64>>,
    next: u64,
}

impl Lives {
    /// With so many ranks of each row.
    pub(crate) fn new(ranks: usize) -> Lives {
        Lives { births: Vec::new(), ranks: vec![Vec::new(); ranks], next: 0 }
    }

    pub(crate) fn resize(&mut self, slots: usize) {
        self.births.resize(slots, (0, 0));
        self.ranks.iter_mut().for_each(|ranks| ranks.resize(slots, 0));
    }

    /// A row makes the group of a slot; ranks stand behind `declared` columns.
    pub(crate) fn begin(&mut self, slot: usize, number: Number, batch: &Batch, declared: usize, row: usize) {
        self.births[slot] = (self.next, number);
        self.next += 1;
        for (ranks, column) in self.ranks.iter_mut().zip(&batch.columns[declared..]) {
            match &column.data {
                ColumnData::I64(values) => ranks[slot] = values[row],
                other => unreachable!("ranks are ints, not {other:?}"),
            }
        }
    }

    /// The number in which the group of a slot was made.
    pub(crate) fn born(&self, slot: u32) -> Number {
        self.births[slot as usize].1
    }

    /// Where the birth of a slot's group stands among those of all.
    pub(crate) fn order(&self, slot: u32) -> u64 {
        self.births[slot as usize].0
    }

    /// Sorts slots by the birth of their groups.
    pub(crate) fn sort(&self, slots: &mut [u32]) {
        slots.sort_unstable_by_key(|&slot| self.births[slot as usize].0);
    }

    /// Per rank column, of each slot.
    pub(crate) fn ranks(&self) -> &[Vec<i64>] {
        &self.ranks
    }

    /// The bytes it has taken.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.births) + self.ranks.iter().map(room).sum::<usize>()
    }

    /// Keeps these slots; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        self.births = slots.iter().map(|&slot| self.births[slot as usize]).collect();
        for ranks in &mut self.ranks {
            *ranks = slots.iter().map(|&slot| ranks[slot as usize]).collect();
        }
    }

    /// Takes over the births of all slots, which are in the order of them.
    pub(crate) fn load(&mut self, numbers: &[Number], ranks: Vec<Vec<i64>>) {
        self.births = numbers.iter().enumerate().map(|(order, number)| (order as u64, *number)).collect();
        self.next = numbers.len() as u64;
        self.ranks = ranks;
    }
}
