//! When the groups of a window were first seen: the rank of their results among those of all workers.

use crate::number::Number;
use crate::ranks::{Phase, Ranks, of_row};
use crate::state::room;
use flow_data::Batch;

/// Per slot, the number and the ranks of the row that made it. Without width, nothing is kept.
pub(crate) struct Births {
    numbers: Vec<Number>,
    /// The row's own ranks, a column each.
    ranks: Vec<Vec<i64>>,
    wanted: bool,
}

impl Births {
    /// For a node whose output has so many rank columns.
    pub(crate) fn new(rank: usize) -> Births {
        let own = rank.saturating_sub(Ranks::LEADING);
        Births { numbers: Vec::new(), ranks: vec![Vec::new(); own], wanted: rank > 0 }
    }

    /// Notes the slots that rows of this batch made: those that are not known yet.
    pub(crate) fn note(&mut self, number: Number, slots: &[u32], batch: &Batch, declared: usize) {
        if !self.wanted {
            return;
        }
        for (row, &slot) in slots.iter().enumerate() {
            if slot as usize == self.numbers.len() {
                self.numbers.push(number);
                let own = of_row(batch, declared, row);
                self.ranks.iter_mut().zip(own).for_each(|(column, rank)| column.push(rank));
            }
        }
    }

    /// The bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.numbers) + self.ranks.iter().map(room).sum::<usize>()
    }

    /// The ranks of these slots' results, given when their window ends.
    pub(crate) fn rank(&self, slots: &[u32], end: i64, out: &mut Ranks) {
        if !self.wanted {
            return;
        }
        let mut own = vec![0; self.ranks.len()];
        for &slot in slots {
            let slot = slot as usize;
            own.iter_mut().zip(&self.ranks).for_each(|(rank, column)| *rank = column[slot]);
            out.push(Phase::Due, end, self.numbers[slot], &own);
        }
    }
}
