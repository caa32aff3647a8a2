//! The kept rows of a join at a barrier: a table for each side, `left` and `right`. First the key, then the
//! fields that are kept under their own names, then what the engine notes beside. Rows stand in the order in which they
//! came, so that everything that follows from it (lists of keys, queues) is built anew.

use super::kept::Notes;
use super::stream::Core;
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use flow_checkpoint::state::Home;
use flow_data::{Column, ColumnData};
use flow_plan::Field;
use std::sync::Arc;

const NAMES: [&str; 2] = ["left", "right"];
/// The number in which a row came.
pub(super) const NUMBER: &str = "·number";
/// Its event time, or when it was used last.
const USED: &str = "·used";
/// How many partners it has.
const PARTNERS: &str = "·partners";

impl Core {
    /// The columns of a side that are written beside its keys.
    fn beside_keys(&self, side: usize) -> Vec<usize> {
        let declared = self.inputs[side].fields.len();
        let kept = self.kept[side].columns().iter().copied();
        kept.filter(|column| *column < declared && !self.sides[side].keys.contains(column)).collect()
    }

    fn fields(&self, side: usize) -> Vec<Field> {
        let columns = self.sides[side].keys.iter().copied().chain(self.beside_keys(side));
        columns.map(|column| self.inputs[side].fields[column].clone()).collect()
    }

    /// The rank columns that are kept of a side's rows.
    fn ranks(&self, side: usize) -> impl Iterator<Item = usize> + '_ {
        let declared = self.inputs[side].fields.len();
        self.kept[side].columns().iter().copied().filter(move |column| *column >= declared)
    }

    /// Writes down kept rows of a side, in the order in which they came; `more` adds columns of the engine's own.
    pub(super) fn save_side(
        &self,
        side: usize,
        rows: &[u32],
        more: impl FnOnce(&mut Columns),
        out: &mut Saving,
    ) {
        let (kept, keys) = (&self.kept[side], &self.sides[side].keys);
        let mut columns = Columns::default();
        let of_keys: Vec<Column> = match keys.iter().all(|key| kept.columns().contains(key)) {
            true => keys.iter().map(|&key| kept.gather(key, rows)).collect(),
            false => {
                // Rows without a key are kept only where the key's columns are.
                self.table.gather(&kept.keys_of(rows))
            }
        };
        let beside = self.beside_keys(side).into_iter().map(|column| kept.gather(column, rows));
        columns.rows(&self.fields(side), of_keys.into_iter().chain(beside));
        let of = |row: &u32| *row as usize;
        columns.ints(NUMBER, rows.iter().map(|row| kept.number[of(row)] as i64));
        columns.ints(USED, rows.iter().map(|row| kept.time[of(row)]));
        columns.ints(PARTNERS, rows.iter().map(|row| i64::from(kept.partners[of(row)])));
        more(&mut columns);
        let ranks: Vec<Column> = self.ranks(side).map(|column| kept.gather(column, rows)).collect();
        let ranks: Vec<&[i64]> = ranks.iter().map(ints).collect();
        columns.ranks(ranks.into_iter());
        out.table(NAMES[side], Home::Key(keys.len()), 0, columns);
    }

    /// The keys of slots, as the columns of a table.
    pub(super) fn save_keys(&self, slots: &[u32]) -> Columns {
        let mut columns = Columns::default();
        columns.rows(&self.key_fields(), self.table.gather(slots));
        columns
    }

    /// The slots of keys that were saved.
    pub(super) fn load_keys(&mut self, from: &Loaded) -> Result<Vec<u32>, String> {
        let columns = from.rows(&self.key_fields())?;
        let columns: Vec<&Column> = columns.iter().map(AsRef::as_ref).collect();
        Ok(self.slots_of(&columns, from.len()))
    }

    /// The key's columns, under their names on the left side.
    fn key_fields(&self) -> Vec<Field> {
        self.sides[0].keys.iter().map(|&key| self.inputs[0].fields[key].clone()).collect()
    }

    /// Takes over the rows of a side: what was saved of them, in the order in which they came, and where they are
    /// kept now.
    pub(super) fn load_side(
        &mut self,
        side: usize,
        from: &mut Loading,
    ) -> Result<(Loaded, Vec<u32>), String> {
        let saved = from.table(NAMES[side]);
        let saved = saved.in_order(&saved.by_rank(NUMBER));
        let columns = saved.rows(&self.fields(side))?;
        let keys = self.sides[side].keys.clone();
        let of_keys: Vec<&Column> = columns[..keys.len()].iter().map(AsRef::as_ref).collect();
        let slots = self.slots_of(&of_keys, saved.len());
        let ranks: Vec<usize> = self.ranks(side).collect();
        let ranks = saved.ranks(ranks.len()).into_iter();
        let ranks: Vec<Arc<Column>> =
            ranks.map(|ranks| Arc::new(Column::new(ColumnData::I64(ranks)))).collect();
        let beside = self.beside_keys(side);
        let declared = self.inputs[side].fields.len();
        let place = |column: &usize| match keys.iter().position(|key| key == column) {
            Some(at) => columns[at].as_ref(),
            None if *column >= declared => ranks[*column - declared].as_ref(),
            None => columns[keys.len() + beside.partition_point(|other| other < column)].as_ref(),
        };
        let kept = &mut self.kept[side];
        let of_kept: Vec<&Column> = kept.columns().iter().map(place).collect();
        let partners: Vec<u32> = saved.ints(PARTNERS).into_iter().map(|count| count.max(0) as u32).collect();
        let times = saved.ints(USED);
        let notes = Notes { slots: &slots, partners: &partners, times: &times, number: 0 };
        let rows = kept.load(&of_kept, &notes, &saved.ints(NUMBER));
        Ok((saved, rows))
    }
}

/// The values of an int column.
pub(super) fn ints(column: &Column) -> &[i64] {
    match &column.data {
        ColumnData::I64(values) => values,
        other => unreachable!("ints are written, not {other:?}"),
    }
}
