//! The ranks of rows that an operator of time gives: their order among all workers' rows of a number.
//!
//! Such rows do not come in the order of the input, so their ranks begin with columns of their own: the
//! phase (what is given for a row; what is due, as time has passed), a time (of what is due: when; of what is
//! given for a row behind time: the watermark that it meets), which of one time comes first, a number (that in
//! which the row or group was first seen), and then the ranks which that row had.

use flow_data::{Batch, Column, ColumnData};
use std::iter::repeat_n;
use std::sync::Arc;

/// When in its number a row is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// For a row of the first input.
    Row = 0,
    /// For a row of the second input.
    OtherRow = 1,
    /// Because the clock on the wall says so.
    Early = 5,
    /// Because time has passed.
    Due = 2,
    /// For a row that is behind time.
    Behind = 3,
}

/// When something is given: a time, and which of that time comes first.
pub(crate) type Turn = (i64, i64);

/// Rank columns under construction. Without width, nothing is kept.
pub(crate) struct Ranks {
    columns: Vec<Vec<i64>>,
}

impl Ranks {
    /// Columns in front of a row's own ranks.
    pub(crate) const LEADING: usize = 4;

    /// For a node whose layout has so many rank columns.
    pub(crate) fn new(width: usize) -> Ranks {
        Ranks { columns: vec![Vec::new(); width] }
    }

    /// Does anybody need them?
    pub(crate) fn wanted(&self) -> bool {
        !self.columns.is_empty()
    }

    /// The ranks of one more row.
    pub(crate) fn push(&mut self, phase: Phase, time: i64, number: u64, own: &[i64]) {
        self.push_at(phase, (time, 0), number, own);
    }

    /// The ranks of one more row, which has this turn among those of one phase.
    pub(crate) fn push_at(&mut self, phase: Phase, (time, then): Turn, number: u64, own: &[i64]) {
        let leading = [phase as i64, time, then, number as i64];
        let values = leading.into_iter().chain(own.iter().copied()).chain(std::iter::repeat(0));
        self.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }

    /// The ranks of more rows of one turn: of each of these slots, the number and its row's own ranks.
    pub(crate) fn extend(
        &mut self,
        phase: Phase,
        (time, then): Turn,
        slots: &[u32],
        numbers: &[u64],
        own: &[Vec<i64>],
    ) {
        let leading = [phase as i64, time, then];
        for (at, column) in self.columns.iter_mut().enumerate() {
            match (leading.get(at), at.checked_sub(Ranks::LEADING).and_then(|rank| own.get(rank))) {
                (Some(same), _) => column.extend(repeat_n(*same, slots.len())),
                (None, Some(ranks)) => column.extend(slots.iter().map(|&slot| ranks[slot as usize])),
                (None, None) if at < Ranks::LEADING => {
                    column.extend(slots.iter().map(|&slot| numbers[slot as usize] as i64));
                }
                (None, None) => column.extend(repeat_n(0, slots.len())),
            }
        }
    }

    /// Puts them behind the columns of a batch, and begins anew.
    pub(crate) fn append_to(&mut self, batch: &mut Batch) {
        for column in &mut self.columns {
            batch.columns.push(Arc::new(Column::new(ColumnData::I64(std::mem::take(column)))));
        }
    }
}

/// The ranks of a row, behind the declared columns of its batch.
pub(crate) fn of_row(batch: &Batch, declared: usize, row: usize) -> Vec<i64> {
    batch.columns[declared..].iter().map(|ranks| rank_of(ranks, row)).collect()
}

/// The rank of a row in one of these columns.
pub(crate) fn rank_of(ranks: &Column, row: usize) -> i64 {
    match &ranks.data {
        ColumnData::I64(ranks) => ranks[row],
        other => unreachable!("ranks are ints, not {other:?}"),
    }
}
