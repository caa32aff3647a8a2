//! The rows of one window, or slice of windows: its groups, freed as a whole when it is over.

use super::births::{Births, Origin, Places, Reborn, Written};
use super::book::{Barrier, Booked, Noted, Passed};
use super::bounds::Bounds;
use crate::number::Number;
use crate::ranks::{Ranks, Turn};
use crate::snapshot::{Columns, Loaded};
use crate::state::{Groups, Held, Made, Refused, Scratch, Shape, Touched};
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData};
use flow_plan::error::Fault;
use flow_plan::physical::hidden::NO_WATERMARK;
use flow_plan::{DataType, Place};
use std::sync::Arc;

pub(crate) struct Pane {
    groups: Groups,
    births: Births,
    /// What checkpoints hold of it.
    noted: Noted,
    passed: Passed,
    /// If groups may be on disk.
    used: Touched,
}

/// What the results of a pane look like.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    /// Its rank columns, and what is kept of the rows that made groups.
    pub(crate) origin: Origin,
    /// Is the output a changelog?
    pub(crate) changes: bool,
    /// Of results that are lists of rows: what stands behind the columns of a row.
    pub(crate) listed: Option<Listed>,
    /// Is a window known by its end, wherever it begins?
    pub(crate) any_start: bool,
}

impl Output {
    /// Must be known what was given?
    pub(super) fn remembers(&self) -> bool {
        self.changes || self.listed.is_some_and(|listed| listed.again)
    }

    /// When a window is given: at its end, and of those that end behind all times (where ends are one) the one that
    /// begins first.
    pub(crate) fn turn(&self, bounds: Bounds) -> Turn {
        (bounds.end, if self.any_start { 0 } else { bounds.start })
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Listed {
    /// The window's bounds?
    pub(crate) bounds: bool,
    /// The row's place in the list?
    pub(crate) place: bool,
    /// Is only what is new in a list given, when it is given again?
    pub(crate) again: bool,
}

/// Rows that say results, and which of the groups each is of.
pub(crate) struct Rows {
    pub(crate) batch: Batch,
    pub(crate) of: Vec<u32>,
}

/// A result that was refused: whose, why, and the aggregate's place.
pub(crate) struct RefusedResult {
    pub(crate) slot: u32,
    pub(crate) fault: Fault,
    pub(crate) place: Place,
}

impl Pane {
    pub(crate) fn new(shape: &Shape, output: &Output) -> Pane {
        Pane::of(Groups::new(shape), Births::new(output.origin))
    }

    /// Of groups that were kept otherwise, and when they were first seen.
    pub(crate) fn of(groups: Groups, births: Births) -> Pane {
        Pane { groups, births, noted: Noted::new(false), passed: Passed::default(), used: Touched::default() }
    }

    /// A new one that knows this of barriers.
    pub(super) fn begin(shape: &Shape, output: &Output, (passed, notes): (Passed, bool)) -> Pane {
        Pane { noted: Noted::new(notes), passed, ..Pane::new(shape, output) }
    }

    /// How much state it is.
    pub(crate) fn held(&self) -> Held {
        self.groups.held() + Held { keys: 0, bytes: self.births.bytes() + self.noted.changes.bytes() }
    }

    /// The bytes that its groups take, which are others only when groups come, change or go.
    pub(super) fn weight(&self) -> usize {
        self.groups.held().bytes + self.births.bytes()
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
        self.noted.changes.change(&scratch.slots, self.groups.len());
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

    /// The key and window of a slot: the columns in front of the results.
    pub(crate) fn group(&self, slot: u32, bounds: Bounds) -> Batch {
        let same = |value: i64| Column::new(ColumnData::I64(vec![value]));
        let keys = self.groups.keys(&[slot]).into_iter();
        Batch::new(1, keys.chain([same(bounds.start), same(bounds.end)]).map(Arc::new).collect())
    }

    /// The results of the groups whose places in the order of first rows begin at `from`, as many as a batch
    /// holds, and where the next ones begin; `None`: there are no more.
    pub(crate) fn results(&self, from: usize, bounds: Bounds, output: &Output) -> Option<(Batch, usize)> {
        let to = self.groups.len().min(from + BATCH_ROWS);
        if from >= to {
            return None;
        }
        let slots: Vec<u32> = (from as u32..to as u32).collect();
        Some((self.results_of(&slots, bounds, output).batch, to))
    }

    /// The results of these slots.
    pub(crate) fn results_of(&self, slots: &[u32], bounds: Bounds, output: &Output) -> Rows {
        let (starts, ends) = (vec![bounds.start; slots.len()], vec![bounds.end; slots.len()]);
        let made = self.groups.results(slots);
        let keys = self.groups.keys(slots);
        let mut rows = results_with_bounds(keys, starts, ends, made, NO_WATERMARK, output);
        if output.origin.rank > 0 {
            let mut ranks = Ranks::new(output.origin.rank);
            let slots: Vec<u32> = rows.of.iter().map(|&of| slots[of as usize]).collect();
            self.births.rank(&slots, output.turn(bounds), &mut ranks);
            ranks.append_to(&mut rows.batch);
        }
        rows
    }

    /// Those of the groups of these rows, which are to be added, that a checkpoint needs as they are now.
    pub(super) fn ahead(&mut self, shape: &Shape, batch: &Batch) -> Vec<u32> {
        self.noted.changes.ahead(&self.groups.known(shape, batch))
    }

    /// The next groups that a checkpoint needs.
    pub(super) fn next(&mut self, most: usize) -> Vec<u32> {
        self.noted.changes.next(most)
    }

    /// The keys of the groups that the last checkpoint holds, and behind them these bounds.
    pub(super) fn keys_known(&self, bounds: &[i64]) -> Batch {
        self.keys_beside(&self.noted.known(), bounds)
    }

    fn keys_beside(&self, slots: &[u32], bounds: &[i64]) -> Batch {
        let bounds = bounds.iter().map(|&bound| Column::new(ColumnData::I64(vec![bound; slots.len()])));
        let columns = self.groups.keys(slots).into_iter().chain(bounds);
        Batch::new(slots.len(), columns.map(Arc::new).collect())
    }

    /// The keys of groups.
    pub(super) fn keys(&self, slots: &[u32]) -> Vec<Column> {
        self.groups.keys(slots)
    }

    /// Of keys with these hashes, those that are not there: their hashes.
    pub(super) fn missing(&self, keys: (&[&Column], &[u64])) -> Vec<u64> {
        self.groups.missing(keys)
    }

    /// Rows came for these groups.
    pub(super) fn used(&mut self, slots: &[u32]) {
        self.used.touch(slots.iter().copied(), self.groups.len());
    }

    /// The groups for which rows came, so many at most: those that came last.
    pub(super) fn in_use(&self, most: usize) -> Vec<u32> {
        self.used.last(most)
    }

    /// Those of these groups that a checkpoint needs as they are now.
    pub(super) fn take_marked(&mut self, slots: &[u32]) -> Vec<u32> {
        self.noted.changes.ahead(slots)
    }

    /// Have groups changed since the last barrier?
    pub(super) fn changed(&self, slots: &[u32]) -> Vec<bool> {
        slots.iter().map(|&slot| self.noted.changes.has(slot)).collect()
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    pub(super) fn retain(&mut self, slots: &[u32]) {
        self.groups.retain(slots);
        self.births.retain(slots);
        self.noted.retain(slots);
        self.used = Touched::default();
    }

    /// Takes groups in that were on disk; some have changed since the last barrier.
    pub(super) fn take_in(
        &mut self,
        shape: &Shape,
        origin: Origin,
        saved: &Loaded,
        changed: &[bool],
    ) -> Result<(), String> {
        let known = self.len() as u32;
        let rows: Vec<u32> = (0..saved.len() as u32).collect();
        self.load(shape, &Reborn::from_disk(saved, origin), &rows)?;
        let changed = rows.iter().zip(changed).filter(|(_, changed)| **changed);
        let changed: Vec<u32> = changed.map(|(row, _)| known + row).collect();
        self.noted.came_back(&changed, self.len());
        Ok(())
    }

    /// Writes down groups: keys, bounds of the window (or slice), what they keep, and when they were first seen.
    pub(super) fn save(
        &self,
        shape: &Shape,
        bounds: &[(&str, i64)],
        slots: &[u32],
        births: &mut Written,
    ) -> Columns {
        let mut columns = Columns::default();
        columns.rows(&shape.key_fields(), self.groups.keys(slots));
        for (name, bound) in bounds {
            let times = Column::new(ColumnData::I64(vec![*bound; slots.len()]));
            columns.push(name, DataType::Timestamp, times);
        }
        self.groups.store(shape, slots, &mut columns);
        births.add(&self.births, slots.iter().copied());
        columns
    }

    /// Takes over groups, which are these rows of those that were written down.
    pub(crate) fn load(&mut self, shape: &Shape, saved: &Reborn, rows: &[u32]) -> Result<(), String> {
        let slots = self.groups.load(shape, &saved.groups.in_order(rows))?;
        debug_assert!(slots.is_sorted(), "each group was written down once");
        rows.iter().for_each(|&row| self.births.push(&saved.birth(row)));
        Ok(())
    }

    /// Where the first row of a slot's group stands among all rows.
    pub(crate) fn place(&self, slot: u32) -> u64 {
        self.births.place(slot as usize)
    }
}

impl Booked for Pane {
    fn passed(&mut self) -> &mut Passed {
        &mut self.passed
    }

    fn pass(&mut self, barrier: Barrier) {
        self.noted.pass(barrier, self.groups.len());
    }

    fn is_marked(&self) -> bool {
        self.noted.changes.is_marked()
    }

    fn count(&self) -> usize {
        self.noted.changes.count()
    }
}

/// Keys, windows, results and hidden columns; of lists, their rows.
pub(crate) fn results_with_bounds(
    keys: Vec<Column>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    made: Made,
    watermark: i64,
    output: &Output,
) -> Rows {
    let ints = |values: Vec<i64>| Column::new(ColumnData::I64(values));
    let all = || (0..ends.len() as u32).collect();
    let (mut columns, of): (Vec<Column>, Vec<u32>) = match (made.of, output.listed) {
        (Some(of), Some(listed)) => {
            let mut columns = made.columns;
            let gather = |values: &[i64]| ints(of.iter().map(|&of| values[of as usize]).collect());
            columns.extend(listed.bounds.then(|| [gather(&starts), gather(&ends)]).into_iter().flatten());
            columns.extend(listed.place.then(|| ints(places(&of))));
            (columns, of)
        }
        _ => {
            (keys.into_iter().chain([ints(starts), ints(ends.clone())]).chain(made.columns).collect(), all())
        }
    };
    columns.push(ints(of.iter().map(|&of| ends[of as usize].saturating_sub(1)).collect()));
    columns.push(ints(vec![watermark; of.len()]));
    columns.extend(output.changes.then(|| ints(vec![1; of.len()])));
    Rows { batch: Batch::new(of.len(), columns.into_iter().map(Arc::new).collect()), of }
}

/// The place of each row in its list, from 1.
pub(crate) fn places(of: &[u32]) -> Vec<i64> {
    let mut place = 0;
    let each = of.iter().enumerate().map(|(row, list)| {
        place = if row > 0 && of[row - 1] == *list { place + 1 } else { 1 };
        place
    });
    each.collect()
}
