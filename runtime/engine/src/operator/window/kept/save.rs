//! Windows that are kept, as tables: their groups; what these hold, slice by slice; what was given of them.

use super::super::births::{Reborn, Written};
use super::super::written::{Rows, WINDOW_END, WINDOW_START, add_bounds, add_states, load_given, states};
use super::{Common, Kept, Open, Spans};
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use crate::state::{Groups, NO_SLOT};
use flow_data::hash::hash_columns;
use flow_data::{Column, ColumnData};
use flow_plan::DataType;

/// Where a slice begins; of changelogs, whose windows keep rows as they come, nowhere.
const SLICE: &str = "sliceStart";

/// Why slices are not taken over.
pub(crate) const OTHER_SLICES: &str = "its overlapping windows were kept otherwise: lateness and early results cannot come or go in a running job";

impl Kept {
    pub(super) fn save_all(&self, common: &Common, out: &mut Saving) {
        let shape = &common.shape;
        let mut births = Written::new(common.output.rank);
        let empty = Open::new(common);
        let alone = self.is_alone().then(|| Groups::new(shape));
        let mut groups = empty.groups(common, (0, 0), alone.as_ref());
        let mut slices = Columns::default();
        slices_of(&mut slices, common, (0, 0), 0, &Groups::new(shape));
        let mut given = Rows::new();
        given.add(&empty.given, |slots| empty.index.gather(slots), |_| (0, 0));
        for (&(end, start), open) in &self.open {
            let of_slice = open.slices.values().next().filter(|_| self.is_alone());
            groups.append(open.groups(common, (start, end), of_slice.or(alone.as_ref())));
            births.add(&open.births, 0..open.index.len() as u32);
            given.add(&open.given, |slots| open.index.gather(slots), |_| (start, end));
            for (&slice, of_slice) in open.slices.iter().filter(|_| !self.is_alone()) {
                let mut columns = Columns::default();
                slices_of(&mut columns, common, (start, end), slice, of_slice);
                slices.append(columns);
            }
        }
        let keys = shape.keys.len();
        out.table("windows", shape.home(), keys + 2, births.finish(groups));
        if !self.is_alone() {
            out.table("slices", shape.home(), keys + 3, slices);
        }
        given.save(common, out);
    }

    /// Is a window one slice? Then its groups hold what they aggregate, as those of windows do that are given once.
    fn is_alone(&self) -> bool {
        !matches!(self.spans, Spans::Overlapping(..))
    }

    pub(super) fn load_all(&mut self, common: &mut Common, from: &mut Loading) -> Result<(), String> {
        let saved = Reborn::new(&from.table("windows"), common.output.rank);
        let (starts, ends) = (saved.groups.ints(WINDOW_START), saved.groups.ints(WINDOW_END));
        let states = states(&saved.groups);
        for (window, rows) in saved.by(|row| (ends[row], starts[row])) {
            let mut open = Open::new(common);
            open.find(common, &saved.groups.in_order(&rows), true)?;
            rows.iter().for_each(|&row| open.births.push(&saved.birth(row)));
            open.state = rows.iter().map(|&row| states[row as usize]).collect();
            if self.is_alone() {
                let mut groups = Groups::new(&common.shape);
                groups.load(&common.shape, &saved.groups.in_order(&rows))?;
                open.slices.insert(window.1, groups);
            }
            self.open.insert(window, open);
        }
        common.rows = saved.groups.len() as u64;
        let slices = from.table("slices");
        if slices.len() > 0 && !slices.has(WINDOW_START) {
            return Err(OTHER_SLICES.into());
        }
        self.load_slices(common, &slices)?;
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
        load_given(common, from, found, |row, slot, values| rows.push((row, slot, values)))?;
        for (row, slot, values) in rows.into_iter().filter(|(_, slot, _)| *slot != NO_SLOT) {
            let (start, end) = windows[row];
            if let Some(open) = self.open.get_mut(&(end, start)) {
                open.given.push(slot, values);
            }
        }
        Ok(())
    }

    fn load_slices(&mut self, common: &Common, saved: &Loaded) -> Result<(), String> {
        let all = Reborn::in_order(saved);
        let [starts, ends, slices] = [WINDOW_START, WINDOW_END, SLICE].map(|name| saved.ints(name));
        for ((end, start, slice), rows) in all.by(|row| (ends[row], starts[row], slices[row])) {
            let mut groups = Groups::new(&common.shape);
            groups.load(&common.shape, &saved.in_order(&rows))?;
            if let Some(open) = self.open.get_mut(&(end, start)) {
                open.slices.insert(slice, groups);
            }
        }
        Ok(())
    }
}

/// What groups of a slice hold.
fn slices_of(out: &mut Columns, common: &Common, (start, end): (i64, i64), slice: i64, groups: &Groups) {
    let slots: Vec<u32> = (0..groups.len() as u32).collect();
    out.rows(&common.shape.key_fields(), groups.keys(&slots));
    add_bounds(out, &vec![(start, end); slots.len()]);
    out.push(SLICE, DataType::Timestamp, Column::new(ColumnData::I64(vec![slice; slots.len()])));
    groups.store(&common.shape, &slots, out);
}

impl Open {
    /// Its groups, and what they wait for.
    fn groups(&self, common: &Common, bounds: (i64, i64), alone: Option<&Groups>) -> Columns {
        let slots: Vec<u32> = (0..self.index.len() as u32).collect();
        let mut columns = Columns::default();
        columns.rows(&common.shape.key_fields(), self.index.gather(&slots));
        add_bounds(&mut columns, &vec![bounds; slots.len()]);
        // The slice knows the same keys, in the same order.
        alone.into_iter().for_each(|groups| groups.store(&common.shape, &slots, &mut columns));
        add_states(&mut columns, &self.state);
        columns
    }

    /// The slots of entries that were written down, which may be new.
    fn find(&mut self, common: &Common, saved: &Loaded, new: bool) -> Result<Vec<u32>, String> {
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
