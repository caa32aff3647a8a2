//! Where groups come from, when their slots say nothing of it: groups come back from disk in any order.

use crate::number::Number;
use crate::snapshot::Loaded;
use crate::state::room;
use flow_data::{Batch, ColumnData};

/// Of each slot, the number and the place in it that made its group.
pub(crate) struct Origins {
    numbers: Vec<Number>,
    /// The place: columns of which the first that differs decides.
    ranks: Vec<Vec<i64>>,
    /// So many of them are those of the row.
    own: usize,
    /// On one worker, rows have none: their order among all.
    next: i64,
}

impl Origins {
    /// Rows have so many ranks.
    pub(crate) fn new(ranks: usize) -> Origins {
        Origins { numbers: Vec::new(), ranks: vec![Vec::new(); ranks.max(1)], own: ranks, next: 0 }
    }

    /// Notes the slots from `known` on, which rows of this batch made; ranks stand behind `declared` columns.
    pub(crate) fn note(&mut self, number: Number, slots: &[u32], batch: &Batch, declared: usize) {
        for (row, &slot) in slots.iter().enumerate() {
            if slot as usize != self.numbers.len() {
                continue;
            }
            self.numbers.push(number);
            for (at, ranks) in self.ranks.iter_mut().enumerate() {
                ranks.push(match batch.columns.get(declared + at).map(|column| &column.data) {
                    Some(ColumnData::I64(values)) if at < self.own => values[row],
                    _ if at == 0 && self.own == 0 => self.next,
                    _ => 0,
                });
            }
            self.next += 1;
        }
    }

    /// Takes back the slots from `known` on.
    pub(crate) fn forget(&mut self, known: usize) {
        self.numbers.truncate(known);
        self.ranks.iter_mut().for_each(|ranks| ranks.truncate(known));
    }

    /// Keeps these slots; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        self.numbers = slots.iter().map(|&slot| self.numbers[slot as usize]).collect();
        for ranks in &mut self.ranks {
            *ranks = slots.iter().map(|&slot| ranks[slot as usize]).collect();
        }
    }

    /// Groups were made by a job whose rows had so many ranks.
    pub(crate) fn widen(&mut self, ranks: usize) {
        let wide = self.ranks.len().max(ranks);
        self.ranks.resize(wide, vec![0; self.numbers.len()]);
    }

    /// How many ranks a group has.
    pub(crate) fn width(&self) -> usize {
        self.ranks.len()
    }

    /// More slots, with these numbers and ranks.
    pub(crate) fn extend(&mut self, numbers: &[Number], ranks: &[Vec<i64>]) {
        self.numbers.extend_from_slice(numbers);
        self.ranks.iter_mut().zip(ranks).for_each(|(all, more)| all.extend_from_slice(more));
    }

    pub(crate) fn numbers(&self) -> &[Number] {
        &self.numbers
    }

    /// Per column, of each slot.
    pub(crate) fn ranks(&self) -> &[Vec<i64>] {
        &self.ranks
    }

    /// Per column of rows, of each slot.
    pub(crate) fn own_ranks(&self) -> &[Vec<i64>] {
        &self.ranks[..self.own]
    }

    /// Where a saved entry stands among all, as bytes: its number, under this name, and so many ranks.
    pub(crate) fn place(entry: &Loaded, number: &str, width: usize) -> Option<Vec<u8>> {
        let mut place = entry.ints(number).first()?.to_be_bytes().to_vec();
        for rank in entry.ranks(width) {
            // Bytes are compared as if they had no sign.
            place.extend_from_slice(&(rank.first()? ^ i64::MIN).to_be_bytes());
        }
        Some(place)
    }

    pub(crate) fn bytes(&self) -> usize {
        room(&self.numbers) + self.ranks.iter().map(room).sum::<usize>()
    }
}
