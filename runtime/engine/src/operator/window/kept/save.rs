//! Windows that are kept, as tables: their groups; what these hold, slice by slice; what was given of them. How they are
//! taken over.

use super::super::births::{Births, Reborn};
use super::super::bounds::{Bounds, Overlapping};
use super::super::pane::Pane;
use super::super::written::{WINDOW_END, WINDOW_START, add_bounds, add_states, load_given, states};
use super::{Common, Kept, Open, Shape, Slice, Spans, State, order_of};
use crate::snapshot::{Columns, Loaded, Loading};
use crate::state::{Groups, KeyTable, NO_SLOT};
use flow_data::hash::hash_columns;
use flow_data::{Column, ColumnData};
use flow_plan::DataType;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Where a slice begins; of changelogs, whose windows keep rows as they come, nowhere.
pub(in super::super) const SLICE_START: &str = "sliceStart";
/// Of slices that windows share: up to where windows were given, if event time does not say it.
pub(in super::super) const GIVEN_TO: &str = "·givenTo";

/// Why slices are not taken over.
const OTHER_SLICES: &str = "its overlapping windows kept rows as they came, and now keep them by slice, or the other way round: what it reads was a changelog, or is one now";

impl Kept {
    /// Is a window one slice? Then its groups hold what they aggregate, as those of windows do that are given once.
    pub(super) fn is_alone(&self) -> bool {
        is_alone(&self.spans)
    }

    /// A window that comes.
    fn new_open(&self, common: &Common) -> Open {
        Open::begin(common, !self.is_alone(), self.book.begin())
    }

    pub(super) fn load_all(
        &mut self,
        common: &mut Common,
        from: &mut Loading,
        now: i64,
    ) -> Result<(), String> {
        common.output.origin.widen(from.rank_columns("windows").max(from.rank_columns("slices")));
        let saved = reborn(common, &from.table("windows"));
        let (starts, ends) = (saved.groups.ints(WINDOW_START), saved.groups.ints(WINDOW_END));
        for (window, rows) in saved.by(|row| (ends[row], starts[row])) {
            let new = self.new_open(common);
            let open = self.open.entry(window).or_insert(new);
            let known = open.index.len();
            open.load(common, window, &saved, &rows)?;
            self.book.grow(open.index.len() - known);
        }
        common.rows += saved.groups.len() as u64;
        let slices = from.table("slices");
        match slices.len() > 0 && !slices.has(WINDOW_START) {
            true => self.load_shared(common, &slices, now)?,
            false => self.load_slices(common, &slices)?,
        }
        let open = &mut self.open;
        let mut windows = Vec::new();
        let found = |saved: &Loaded, bounds: &[(i64, i64)]| {
            windows = bounds.to_vec();
            let one = |(row, &(start, end)): (usize, &(i64, i64))| match open.get_mut(&(end, start)) {
                Some(open) => Ok(open.find(common, &saved.in_order(&[row as u32]), false)?.first().copied()),
                None => Ok(None),
            };
            bounds.iter().enumerate().map(one).collect::<Result<Vec<_>, String>>()
        };
        let mut rows = Vec::new();
        load_given(common, &from.table("given"), found, |row, slot, values| rows.push((row, slot, values)))?;
        for (row, slot, values) in rows.into_iter().filter(|(_, slot, _)| *slot != NO_SLOT) {
            let (start, end) = windows[row];
            if let Some(open) = self.open.get_mut(&(end, start)) {
                open.given.push(slot, values);
            }
        }
        self.relieve(common).map_err(|error| error.to_string())
    }

    /// Takes over slices that windows shared: each window that is still to be given has its own now.
    fn load_shared(&mut self, common: &mut Common, saved: &Loaded, now: i64) -> Result<(), String> {
        let Spans::Overlapping(windows, _) = self.spans else { return Err(OTHER_SLICES.into()) };
        if self.changelog {
            return Err(OTHER_SLICES.into());
        }
        let saved = reborn(common, saved);
        let given_to = saved.groups.ints(GIVEN_TO).into_iter().min().filter(|_| saved.groups.has(GIVEN_TO));
        let starts = saved.groups.ints(SLICE_START);
        for (slice, rows) in saved.by(|row| starts[row]) {
            let groups = saved.groups.in_order(&rows);
            let mut after = i128::from(given_to.unwrap_or(now));
            while let Some(next) = windows.next_end(slice, after) {
                after = next;
                let Bounds { start, end } = windows.window(next);
                let (apart, known) = (!self.is_alone(), self.book.begin());
                let new = || Open::begin(common, apart, known);
                let open = self.open.entry((end, start)).or_insert_with(new);
                let groups_known = open.index.len();
                for (slot, &row) in open.find(common, &groups, true)?.into_iter().zip(&rows) {
                    let birth = saved.birth(row);
                    if slot as usize == open.state.len() {
                        open.births.push(&birth);
                        open.state.push(State::NEW);
                    } else if birth.place < open.births.place(slot as usize) {
                        open.births.set(slot as usize, &birth);
                    }
                }
                open.load_slice(&common.shape, slice, &groups)?;
                self.book.grow(open.index.len() - groups_known);
            }
        }
        common.rows += saved.groups.len() as u64;
        Ok(())
    }

    fn load_slices(&mut self, common: &Common, saved: &Loaded) -> Result<(), String> {
        let all = Reborn::in_order(saved);
        let [starts, ends, slices] = [WINDOW_START, WINDOW_END, SLICE_START].map(|name| saved.ints(name));
        for ((end, start, slice), rows) in all.by(|row| (ends[row], starts[row], slices[row])) {
            if let Some(open) = self.open.get_mut(&(end, start)) {
                open.load_slice(&common.shape, slice, &saved.in_order(&rows))?;
            }
        }
        Ok(())
    }
}

/// What windows that keep slices of their own hold, as slices that windows share; and up to where windows are given.
pub(in super::super) fn shared(
    common: &mut Common,
    from: &mut Loading,
    windows: Overlapping,
    now: i64,
) -> Result<(BTreeMap<i64, Pane>, i128), String> {
    let mut kept = Kept::new(Spans::Overlapping(windows, windows.slices()), 0, None, false, false);
    kept.load_all(common, from, now)?;
    if kept.open.values().flat_map(|open| &open.state).any(|state| state.rows != 0) {
        return Err(OTHER_SLICES.into());
    }
    // The clock on the wall does not say which are given: these have passed.
    let passed = kept.open.iter().filter(|(_, open)| open.state.iter().any(|state| state.done));
    let given_to = match common.is_processing_time() {
        true => passed.map(|(&(end, _), _)| i128::from(end)).max().unwrap_or(i128::MIN),
        false => now.into(),
    };
    let mut slices = BTreeMap::new();
    // A slice is the same in all windows that are not given yet: no row was too late for one of them.
    for (_, open) in kept.open.into_iter().rev().filter(|((end, _), _)| i128::from(*end) > given_to) {
        let Open { index, births, slices: own, .. } = open;
        for (start, Slice { groups, .. }) in own {
            if let Entry::Vacant(entry) = slices.entry(start) {
                let mut of_slice = Births::new(common.output.origin);
                known(&index, &groups).iter().for_each(|&slot| of_slice.push(&births.get(slot as usize)));
                entry.insert(Pane::of(groups, of_slice));
            }
        }
    }
    Ok((slices, given_to))
}

/// Groups that were written down, maybe by windows that were not kept.
fn reborn(common: &Common, saved: &Loaded) -> Reborn {
    Reborn::new(saved, common.output.origin).with_numbers(|number| order_of(number, false))
}

/// The slots in a window of all groups of one of its slices.
fn known(index: &KeyTable, groups: &Groups) -> Vec<u32> {
    let slots: Vec<u32> = (0..groups.len() as u32).collect();
    let keys = groups.keys(&slots);
    let columns: Vec<&Column> = keys.iter().collect();
    let (mut hashes, mut of_window) = (Vec::new(), Vec::new());
    hash_columns(&columns, slots.len(), &mut hashes);
    index.known(&columns, &hashes, &mut of_window);
    of_window
}

/// What groups of a slice hold.
pub(super) fn slice_of(
    common: &Common,
    window: (i64, i64),
    slice: i64,
    groups: &Groups,
    slots: &[u32],
) -> Columns {
    let mut out = Columns::default();
    out.rows(&common.shape.key_fields(), groups.keys(slots));
    add_bounds(&mut out, &vec![window; slots.len()]);
    out.push(SLICE_START, DataType::Timestamp, Column::new(ColumnData::I64(vec![slice; slots.len()])));
    groups.store(&common.shape, slots, &mut out);
    out
}

/// Are windows one slice each?
pub(super) fn is_alone(spans: &Spans) -> bool {
    !matches!(spans, Spans::Overlapping(..))
}

impl Open {
    /// Takes over groups that were written down, and are these rows of them; gives their slots.
    pub(super) fn load(
        &mut self,
        common: &Common,
        (_, start): (i64, i64),
        saved: &Reborn,
        rows: &[u32],
    ) -> Result<Vec<u32>, String> {
        let groups = saved.groups.in_order(rows);
        let slots = self.find(common, &groups, true)?;
        rows.iter().for_each(|&row| self.births.push(&saved.birth(row)));
        self.state.extend(states(&groups));
        if !self.apart {
            self.load_slice(&common.shape, start, &groups)?;
        }
        Ok(slots)
    }

    /// Takes over what groups of a slice hold; gives their slots there.
    pub(super) fn load_slice(
        &mut self,
        shape: &Shape,
        start: i64,
        saved: &Loaded,
    ) -> Result<(Vec<u32>, &mut Slice), String> {
        let notes = self.apart && self.noted.changes.notes();
        let slice = self.slices.entry(start).or_insert_with(|| Slice::new(shape, notes));
        Ok((slice.groups.load(shape, saved)?, slice))
    }

    /// Groups, and what they wait for.
    pub(super) fn groups(&self, common: &Common, bounds: (i64, i64), slots: &[u32]) -> Columns {
        let mut columns = Columns::default();
        columns.rows(&common.shape.key_fields(), self.index.gather(slots));
        add_bounds(&mut columns, &vec![bounds; slots.len()]);
        if !self.apart {
            // The slice knows the same keys, in the same order.
            match self.slices.values().next() {
                Some(slice) => slice.groups.store(&common.shape, slots, &mut columns),
                None => Groups::new(&common.shape).store(&common.shape, slots, &mut columns),
            }
        }
        let states: Vec<State> = slots.iter().map(|slot| self.state[*slot as usize]).collect();
        add_states(&mut columns, &states);
        columns
    }

    /// The slots of entries that were written down, which may be new.
    pub(super) fn find(&mut self, common: &Common, saved: &Loaded, new: bool) -> Result<Vec<u32>, String> {
        let keys = saved.rows(&common.shape.key_fields())?;
        let columns: Vec<&Column> = keys.iter().map(AsRef::as_ref).collect();
        let (mut hashes, mut slots) = (Vec::new(), Vec::new());
        hash_columns(&columns, saved.len(), &mut hashes);
        match new {
            true => self.index.slots(&columns, &hashes, &mut slots),
            false => self.index.known(&columns, &hashes, &mut slots),
        }
        Ok(slots)
    }
}
