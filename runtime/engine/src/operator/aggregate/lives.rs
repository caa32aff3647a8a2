//! When groups that come and go came to be: a group that was empty is a new one when it comes again.

use crate::number::Number;
use crate::operator::origins::Origins;
use crate::snapshot::{Columns, Loaded};
use crate::state::room;
use flow_data::{Batch, ColumnData};

/// By slot: the order of the groups' births, the number of each, and the ranks of its first row.
pub(crate) struct Lives {
    births: Vec<(u64, Number)>,
    /// The ranks of rows, and, where groups may be on disk, others that tell groups of one number apart.
    ranks: Vec<Vec<i64>>,
    /// So many of them are those of the row.
    own: usize,
    next: u64,
}

impl Lives {
    /// With so many ranks of each row.
    pub(crate) fn new(ranks: usize) -> Lives {
        Lives { births: Vec::new(), ranks: vec![Vec::new(); ranks], own: ranks, next: 0 }
    }

    /// Groups may be on disk, and were made by a job whose rows had so many ranks: their places say in which order they
    /// were born.
    pub(crate) fn widen(&mut self, ranks: usize) {
        let wide = self.ranks.len().max(ranks).max(1);
        self.ranks.resize(wide, vec![0; self.births.len()]);
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
        for (at, ranks) in self.ranks.iter_mut().enumerate().skip(self.own) {
            // On one worker, rows have none: their order among all.
            ranks[slot] = if at == 0 { self.births[slot].0 as i64 } else { 0 };
        }
    }

    /// Groups from `known` on were made in the order of their slots, and nobody kept when.
    pub(crate) fn begin_from(&mut self, known: usize) {
        for slot in known..self.births.len() {
            self.births[slot] = (self.next, 0);
            self.next += 1;
        }
    }

    /// The number in which the group of a slot was made.
    pub(crate) fn born(&self, slot: u32) -> Number {
        self.births[slot as usize].1
    }

    /// Sorts slots by the birth of their groups.
    pub(crate) fn sort(&self, slots: &mut [u32]) {
        slots.sort_unstable_by_key(|&slot| self.births[slot as usize].0);
    }

    /// Per rank column of rows, of each slot.
    pub(crate) fn ranks(&self) -> &[Vec<i64>] {
        &self.ranks[..self.own]
    }

    /// Writes down when the groups of slots were born: their numbers, under this name, and ranks.
    pub(crate) fn write(&self, slots: &[u32], number: &str, out: &mut Columns) {
        let of = |ranks: &Vec<i64>| slots.iter().map(|&slot| ranks[slot as usize]).collect();
        let mut ranks: Vec<Vec<i64>> = self.ranks.iter().map(of).collect();
        if ranks.is_empty() {
            // On one worker, births are in the order of the sequence.
            ranks.push(slots.iter().map(|&slot| self.births[slot as usize].0 as i64).collect());
        }
        out.ints(number, slots.iter().map(|&slot| self.born(slot) as i64));
        out.ranks(ranks.iter().map(Vec::as_slice));
    }

    /// Where a group that was written down stands among all, as bytes.
    pub(crate) fn place(&self, number: &'static str) -> impl Fn(&Loaded) -> Option<Vec<u8>> + use<> {
        let width = self.ranks.len();
        move |entry| Origins::place(entry, number, width)
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

    /// Takes over the births of more slots, from `known` on, as they were written down, in the order of them.
    pub(crate) fn extend(&mut self, known: usize, saved: &Loaded, number: &str) {
        self.resize(known);
        for number in saved.ints(number) {
            self.births.push((self.next, number as Number));
            self.next += 1;
        }
        let more = saved.ranks(self.ranks.len());
        self.ranks.iter_mut().zip(more).for_each(|(ranks, more)| ranks.extend(more));
    }
}
