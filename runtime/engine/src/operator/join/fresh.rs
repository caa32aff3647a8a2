//! The left rows of the number at hand, of an interval join whose sides come from one source: of two rows of one chunk, their
//! places say which one came later, although the left side's are all taken first.

use super::kept::Kept;
use super::stream::ints;
use crate::number::Number;
use flow_data::Batch;

/// What is known of them while their number is worked at.
pub(crate) struct Fresh {
    /// The columns in which the rows of each side have their place.
    places: [usize; 2],
    /// The number in which left rows came last, and the first one's id.
    number: Number,
    first: u64,
    rows: Vec<Came>,
}

/// When a left row came.
#[derive(Clone, Copy)]
pub(crate) struct Came {
    place: i64,
    /// The watermark that it met, and its own.
    pub(crate) met: i64,
    pub(crate) own: i64,
}

impl Fresh {
    pub(crate) fn new(places: [usize; 2]) -> Fresh {
        Fresh { places, number: Number::MAX, first: 0, rows: Vec::new() }
    }

    /// Where the rows of a side stand in their chunk.
    pub(crate) fn places<'b>(&self, side: usize, batch: &'b Batch) -> &'b [i64] {
        ints(batch, self.places[side])
    }

    /// These rows of a left batch will be kept, in this order. `met`, `own`: of each row of the batch.
    pub(crate) fn come(
        &mut self,
        kept: &Kept,
        number: Number,
        batch: &Batch,
        rows: &[u32],
        (met, own): (&[i64], &[i64]),
    ) {
        if self.number != number {
            (self.number, self.first) = (number, kept.next_id());
            self.rows.clear();
        }
        let places = self.places(0, batch);
        let came = |&row: &u32| {
            let row = row as usize;
            Came { place: places[row], met: met[row], own: own[row] }
        };
        self.rows.extend(rows.iter().map(came));
    }

    /// When a left row that is kept came, if that was later than what has this place in a number.
    pub(crate) fn later(&self, kept: &Kept, row: u32, number: Number, place: i64) -> Option<Came> {
        if self.number != number || kept.number(row) != number {
            return None;
        }
        let at = kept.id(row).checked_sub(self.first)?;
        self.rows.get(at as usize).copied().filter(|came| came.place > place)
    }
}
