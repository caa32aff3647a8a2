//! Rows that look for partners: which kept rows of the other side they are paired with, piece by piece.

use super::kept::Kept;
use super::moment::Moment;
use flow_data::{Batch, NO_ROW};

/// Pairs of a row of a batch and a kept row of the other side.
#[derive(Default)]
pub(crate) struct Pairs {
    pub(crate) rows: Vec<u32>,
    pub(crate) kept: Vec<u32>,
}

impl Pairs {
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.kept.clear();
    }

    pub(crate) fn push(&mut self, row: u32, kept: u32) {
        self.rows.push(row);
        self.kept.push(kept);
    }

    /// Keeps those at these places.
    pub(crate) fn keep(&mut self, places: &[u32]) {
        let pick = |all: &[u32]| places.iter().map(|&place| all[place as usize]).collect();
        (self.rows, self.kept) = (pick(&self.rows), pick(&self.kept));
    }
}

/// A batch whose rows look for partners among the kept rows of the other side, piece by piece.
pub(crate) struct Probe {
    pub(crate) side: usize,
    pub(crate) batch: Batch,
    pub(crate) slots: Vec<u32>,
    pub(crate) at: Moment,
    /// The row that looks.
    pub(crate) row: usize,
    /// The kept row it looks at next, once it has begun.
    cursor: Option<u32>,
    /// Of rows that go block by block: those behind that one, the next one last.
    rest: Vec<u32>,
}

impl Probe {
    pub(crate) fn new(side: usize, batch: Batch, slots: Vec<u32>, at: Moment) -> Probe {
        Probe { side, batch, slots, at, row: 0, cursor: None, rest: Vec::new() }
    }

    /// More pairs of rows that may meet, up to `most`. Gives whether all rows are through.
    #[inline]
    pub(crate) fn candidates(
        &mut self,
        other: &Kept,
        most: usize,
        first_only: bool,
        meets: impl Fn(usize, u32, &Pairs) -> Look,
        pairs: &mut Pairs,
    ) -> bool {
        let by_blocks = other.goes_by_blocks();
        while self.row < self.batch.len {
            let slot = self.slots[self.row];
            let mut next = match self.cursor.take() {
                Some(next) => next,
                None if slot == NO_ROW => NO_ROW,
                None if by_blocks => {
                    other.rows_of(slot, &mut self.rest);
                    self.rest.pop().unwrap_or(NO_ROW)
                }
                None => other.first(slot),
            };
            while next != NO_ROW {
                let kept = next;
                next = match by_blocks {
                    true => self.rest.pop().unwrap_or(NO_ROW),
                    false => other.following(kept),
                };
                match meets(self.row, kept, pairs) {
                    Look::Pass => {}
                    Look::Wait => {
                        self.cursor = Some(kept);
                        if by_blocks && next != NO_ROW {
                            self.rest.push(next);
                        }
                        return false;
                    }
                    Look::Take => {
                        pairs.push(self.row as u32, kept);
                        if first_only {
                            break;
                        }
                        if pairs.rows.len() >= most {
                            self.cursor = Some(next);
                            return false;
                        }
                    }
                }
            }
            self.row += 1;
        }
        true
    }
}

/// What becomes of a pair that is looked at.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Look {
    /// It cannot meet.
    Pass,
    /// It may meet.
    Take,
    /// That depends on pairs of the same piece, which has to be worked off first.
    Wait,
}
