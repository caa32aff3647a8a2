//! The rows of one window (or slice of windows): its groups, freed as a whole when it is over.

use super::births::Births;
use super::bounds::Bounds;
use crate::number::Number;
use crate::ranks::Ranks;
use crate::state::{Groups, Held, Refused, Scratch, Shape};
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData};
use flow_plan::physical::hidden::NO_WATERMARK;
use std::sync::Arc;

pub(crate) struct Pane {
    groups: Groups,
    births: Births,
}

/// What the results of a pane look like.
pub(crate) struct Output {
    /// Rank columns.
    pub(crate) rank: usize,
    /// Is the output a changelog?
    pub(crate) changes: bool,
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

    pub(crate) fn add(
        &mut self,
        shape: &Shape,
        scratch: &mut Scratch,
        number: Number,
        mut batch: Batch,
    ) -> Option<Refused> {
        let refused = self.groups.add(shape, scratch, &mut batch);
        self.births.note(number, &scratch.slots, &batch, shape.input.fields.len());
        refused
    }

    /// The results from the slot `from` on, as many as a batch holds; `None`: there are no more.
    pub(crate) fn results(&self, from: usize, bounds: Bounds, output: &Output) -> Option<Batch> {
        let to = self.groups.len().min(from + BATCH_ROWS);
        if from >= to {
            return None;
        }
        let slots: Vec<u32> = (from as u32..to as u32).collect();
        let same = |value: i64| Column::new(ColumnData::I64(vec![value; slots.len()]));
        let keys = self.groups.keys(&slots).into_iter();
        let bounds_columns = [same(bounds.start), same(bounds.end)];
        let hidden = [same(bounds.end.saturating_sub(1)), same(NO_WATERMARK)];
        let change = output.changes.then(|| same(1));
        let columns =
            keys.chain(bounds_columns).chain(self.groups.results(&slots)).chain(hidden).chain(change);
        let mut batch = Batch::new(slots.len(), columns.map(Arc::new).collect());
        let mut ranks = Ranks::new(output.rank);
        self.births.rank(&slots, bounds.end, &mut ranks);
        ranks.append_to(&mut batch);
        Some(batch)
    }
}
