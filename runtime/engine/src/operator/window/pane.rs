//! The rows of one window, or slice of windows: its groups, freed as a whole when it is over.

use super::births::{Births, Places};
use super::bounds::Bounds;
use crate::number::Number;
use crate::ranks::Ranks;
use crate::state::{Groups, Held, Refused, Scratch, Shape};
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData};
use flow_plan::Place;
use flow_plan::error::Fault;
use flow_plan::physical::hidden::NO_WATERMARK;
use std::sync::Arc;

pub(crate) struct Pane {
    groups: Groups,
    births: Births,
}

/// What the results of a pane look like.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    /// Rank columns.
    pub(crate) rank: usize,
    /// Is the output a changelog?
    pub(crate) changes: bool,
}

/// A result that was refused: whose, why, and the aggregate's place.
pub(crate) struct RefusedResult {
    pub(crate) slot: u32,
    pub(crate) fault: Fault,
    pub(crate) place: Place,
}

impl Pane {
    pub(crate) fn new(shape: &Shape, output: &Output) -> Pane {
        Pane { groups: Groups::new(shape), births: Births::new(output.rank) }
    }

    /// How much state it is.
    pub(crate) fn held(&self) -> Held {
        self.groups.held() + Held { keys: 0, bytes: self.births.bytes() }
    }

    /// How many groups it has.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Adds rows, which have these places among all rows of this worker.
    pub(crate) fn add(
        &mut self,
        shape: &Shape,
        scratch: &mut Scratch,
        number: Number,
        mut places: Places,
        mut batch: Batch,
    ) -> Option<Refused> {
        let known = self.len();
        let refused = self.groups.add(shape, scratch, &mut batch);
        if self.len() > known {
            if let Some(refused) = &refused {
                places.leave_out(refused);
            }
            self.births.note(number, &places, &scratch.slots, &batch, shape.input.fields.len());
        }
        refused
    }

    /// Adds a later slice.
    pub(crate) fn merge(
        &mut self,
        shape: &Shape,
        scratch: &mut Scratch,
        later: &Pane,
        refused: &mut Vec<RefusedResult>,
    ) {
        let mut faults = Vec::new();
        self.groups.merge(shape, &later.groups, &mut scratch.slots, &mut faults);
        self.births.merge(&later.births, &scratch.slots);
        for (slot, fault, place) in faults {
            if refused.iter().all(|known| known.slot != slot) {
                refused.push(RefusedResult { slot, fault, place });
            }
        }
    }

    /// All slots in the order in which they were first seen.
    pub(crate) fn order(&self) -> Vec<u32> {
        self.births.order()
    }

    /// Where the first rows of all groups stand among all rows, in the order of [`Pane::order`].
    pub(crate) fn places(&self) -> impl Iterator<Item = u64> {
        self.order().into_iter().map(|slot| self.births.place(slot as usize))
    }

    /// The key and window of a slot: the columns in front of the results.
    pub(crate) fn group(&self, slot: u32, bounds: Bounds) -> Batch {
        let same = |value: i64| Column::new(ColumnData::I64(vec![value]));
        let keys = self.groups.keys(&[slot]).into_iter();
        Batch::new(1, keys.chain([same(bounds.start), same(bounds.end)]).map(Arc::new).collect())
    }

    /// The results of the groups whose places in the order of first rows begin at `from`, as many as a batch
    /// holds; `None`: there are no more.
    pub(crate) fn results(&self, from: usize, bounds: Bounds, output: &Output) -> Option<Batch> {
        let to = self.groups.len().min(from + BATCH_ROWS);
        if from >= to {
            return None;
        }
        let slots: Vec<u32> = (from as u32..to as u32).collect();
        Some(self.results_of(&slots, bounds, output))
    }

    /// The results of these slots.
    pub(crate) fn results_of(&self, slots: &[u32], bounds: Bounds, output: &Output) -> Batch {
        let (starts, ends) = (vec![bounds.start; slots.len()], vec![bounds.end; slots.len()]);
        let results = self.groups.results(slots).collect();
        let mut batch =
            results_with_bounds(self.groups.keys(slots), starts, ends, results, NO_WATERMARK, output);
        let mut ranks = Ranks::new(output.rank);
        self.births.rank(slots, bounds.end, &mut ranks);
        ranks.append_to(&mut batch);
        batch
    }
}

/// Keys, windows, results and hidden columns.
pub(crate) fn results_with_bounds(
    keys: Vec<Column>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    results: Vec<Column>,
    watermark: i64,
    output: &Output,
) -> Batch {
    let len = ends.len();
    let ints = |values: Vec<i64>| Column::new(ColumnData::I64(values));
    let times = ends.iter().map(|end| end.saturating_sub(1)).collect();
    let hidden = [ints(times), ints(vec![watermark; len])];
    let columns = keys.into_iter().chain([ints(starts), ints(ends)]).chain(results).chain(hidden);
    let change = output.changes.then(|| ints(vec![1; len]));
    Batch::new(len, columns.chain(change).map(Arc::new).collect())
}
