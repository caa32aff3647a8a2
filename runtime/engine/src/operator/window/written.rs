//! What windows that give results again write down beside their groups: what each group waits for, and the rows
//! that were given of it.

use super::given::Given;
use super::kept::State;
use super::windows::Common;
use crate::snapshot::{Columns, Loaded, Saving};
use flow_data::{Batch, Column, ColumnData};
use flow_plan::{DataType, Field, Value};
use std::sync::Arc;

/// Columns of a window's bounds.
pub(super) const WINDOW_START: &str = "windowStart";
pub(super) const WINDOW_END: &str = "windowEnd";
/// The place of a row among those that were given of a group.
const PLACE: &str = "·place";

/// Adds the bounds of windows: start and end of each.
pub(super) fn add_bounds(columns: &mut Columns, bounds: &[(i64, i64)]) {
    let times = |times: Vec<i64>| Column::new(ColumnData::I64(times));
    let starts = times(bounds.iter().map(|(start, _)| *start).collect());
    let ends = times(bounds.iter().map(|(_, end)| *end).collect());
    columns.push(WINDOW_START, DataType::Timestamp, starts);
    columns.push(WINDOW_END, DataType::Timestamp, ends);
}

/// Adds what groups wait for.
pub(super) fn add_states(columns: &mut Columns, states: &[State]) {
    let mut flags = |name: &str, flag: fn(&State) -> bool| {
        columns.ints(name, states.iter().map(|state| i64::from(flag(state))));
    };
    flags("·done", |state| state.done);
    flags("·changed", |state| state.changed);
    flags("·filled", |state| state.filled);
    flags("·dead", |state| state.dead);
    flags("·given", |state| state.given);
    columns.ints("·rows", states.iter().map(|state| state.rows));
}

/// What groups wait for, as it was written down.
pub(super) fn states(from: &Loaded) -> Vec<State> {
    if !from.has("·done") {
        // Of windows that are given once: those that are there are not given yet.
        return vec![State::NEW; from.len()];
    }
    let flags = |name: &str| from.ints(name).into_iter().map(|flag| flag != 0).collect::<Vec<_>>();
    let [done, changed, filled, dead, given] = ["·done", "·changed", "·filled", "·dead", "·given"].map(flags);
    let rows = from.ints("·rows");
    let state = |row: usize| State {
        done: done[row],
        changed: changed[row],
        filled: filled[row],
        rows: rows[row],
        dead: dead[row],
        given: given[row],
    };
    (0..from.len()).map(state).collect()
}

/// The rows that were given of all groups, as they are written down.
pub(super) struct Rows {
    keys: Vec<Column>,
    bounds: Vec<(i64, i64)>,
    places: Vec<i64>,
    rows: Vec<Vec<Value>>,
}

impl Rows {
    pub(super) fn new() -> Rows {
        Rows { keys: Vec::new(), bounds: Vec::new(), places: Vec::new(), rows: Vec::new() }
    }

    /// Adds what was given of a window's groups, all or these, whose keys are found by slot.
    pub(super) fn add(
        &mut self,
        given: &Given,
        only: Option<&[u32]>,
        keys: impl FnOnce(&[u32]) -> Vec<Column>,
        bounds: impl Fn(u32) -> (i64, i64),
    ) {
        let mut slots = Vec::new();
        for (slot, rows) in given.rows_of(only) {
            for (place, row) in rows.iter().enumerate() {
                slots.push(slot);
                self.bounds.push(bounds(slot));
                self.places.push(place as i64);
                self.rows.push(row.clone());
            }
        }
        let keys = keys(&slots);
        match self.keys.is_empty() {
            true => self.keys = keys,
            false => self.keys.iter_mut().zip(&keys).for_each(|(all, more)| all.append(more)),
        }
    }

    /// Writes them down: what there is, or what changed, beside the groups that they replace. All of a group stand together.
    pub(super) fn save(self, common: &Common, out: &mut Saving, gone: Option<Vec<Batch>>) {
        let (home, keys) = (common.shape.home(), common.shape.keys.len() + 2);
        let columns = self.columns(common);
        match gone {
            None => out.table("given", home, keys, columns),
            Some(gone) => out.changes("given", home, keys, columns, gone),
        }
    }

    /// The same, and more is to come of what is on disk.
    pub(super) fn begin(self, common: &Common, out: &mut Saving, gone: Option<Vec<Batch>>) {
        let (home, keys) = (common.shape.home(), common.shape.keys.len() + 2);
        out.begin_changes("given", home, keys, self.columns(common), gone);
    }

    /// As a checkpoint has them.
    pub(super) fn columns(self, common: &Common) -> Columns {
        let shape = &common.shape;
        let mut columns = Columns::default();
        columns.rows(&shape.key_fields(), self.keys);
        add_bounds(&mut columns, &self.bounds);
        columns.ints(PLACE, self.places.into_iter());
        let rows = Batch::from_rows(&self.rows, &common.given);
        columns.rows(&common.given.fields, rows.columns);
        columns
    }
}

/// Gives groups the rows that were given of them: `found` says the group of each entry, if it is still there.
pub(super) fn load_given(
    common: &Common,
    saved: &Loaded,
    mut found: impl FnMut(&Loaded, &[(i64, i64)]) -> Result<Vec<Option<u32>>, String>,
    mut give: impl FnMut(usize, u32, Vec<Value>),
) -> Result<(), String> {
    if saved.len() == 0 {
        return Ok(());
    }
    let bound = |name: &str| Field::new(name, DataType::Timestamp);
    let mut fields = common.shape.key_fields();
    let keys = fields.len();
    fields.extend([bound(WINDOW_START), bound(WINDOW_END)]);
    fields.extend(common.given.fields.iter().cloned());
    let columns: Vec<Arc<Column>> = saved.rows(&fields)?;
    let rows = Batch::new(saved.len(), columns[keys + 2..].to_vec());
    let bounds: Vec<(i64, i64)> = saved.ints(WINDOW_START).into_iter().zip(saved.ints(WINDOW_END)).collect();
    for (row, slot) in found(saved, &bounds)?.into_iter().enumerate() {
        if let Some(slot) = slot {
            give(row, slot, rows.row(row, &common.given));
        }
    }
    Ok(())
}
