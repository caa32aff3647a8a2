//! The kept rows of a join at a barrier: a table for each side, `left` and `right`. First the key, then the
//! fields that are kept under their own names, then what the engine notes beside. Rows are taken over in the order in which they
//! came, so that everything that follows from it (lists of keys, queues) is built anew. A row goes by its key and its id, so
//! that a checkpoint can say of each row alone that it changed or went.

use super::book::{Entry, Over};
use super::fire::clamp;
use super::kept::{Notes, Saved};
use super::stream::Core;
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use crate::state::{COLDER, ColdError};
use flow_checkpoint::state::Home;
use flow_data::{Column, ColumnData};
use flow_plan::{DataType, Field, Value};
use std::sync::Arc;

const NAMES: [&str; 2] = ["left", "right"];
/// A row's id.
pub(super) const ROW: &str = "·row";
/// Its id once more, where it has no ranks.
const RANK: &str = "·rank0";
/// The number in which a row came.
const NUMBER: &str = "·number";
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
    pub(super) fn ranks(&self, side: usize) -> impl Iterator<Item = usize> + '_ {
        let declared = self.inputs[side].fields.len();
        self.kept[side].columns().iter().copied().filter(move |column| *column >= declared)
    }

    /// A barrier: what changed of a side since the last one, or all of it, is to be written down, but for rows that are over.
    pub(super) fn save_side(&mut self, side: usize, over: Option<Over>, out: &mut Saving) {
        self.settle(side);
        let gone = self.kept[side].mark(out.whole(), over);
        if let Some(spilled) = &mut self.spilled {
            spilled.mark(side, gone.is_none());
        }
        let (home, keys) = (Home::Key(self.sides[side].keys.len()), self.sides[side].keys.len() + 1);
        out.begin_changes(NAMES[side], home, keys, self.written(side, &[]), gone);
    }

    /// Writes down about so many rows of the first side that is not complete; gives whether there is more of it.
    pub(super) fn save_more(&mut self, out: &mut Saving, rows: usize) -> Result<bool, ColdError> {
        let on_disk = |side: usize| self.spilled.as_ref().is_some_and(|of| of.keys.is_marked(side));
        let Some(side) = (0..2).find(|&side| self.kept[side].book.is_marked() || on_disk(side)) else {
            return self.save_more_beside(out, rows.div_ceil(COLDER));
        };
        let on_disk = on_disk(side);
        self.settle(side);
        self.kept[side].book.ahead().into_iter().for_each(|copy| out.more(copy));
        if !self.kept[side].book.is_marked() {
            return self.save_cold(side, out, rows.div_ceil(COLDER));
        }
        let (entries, more) = self.kept[side].next_marked(rows);
        out.more(self.written(side, &entries));
        Ok(more || on_disk)
    }

    /// Copies what checkpoints want of rows of a side that changed or went, before their block goes or keys are called otherwise.
    pub(super) fn settle(&mut self, side: usize) {
        let (mut before, went) = self.kept[side].book.unsettled();
        before.retain(|entry| !self.kept[side].book.is_over(entry.time));
        let ahead = (!before.is_empty()).then(|| self.written(side, &before));
        let gone = (!went.is_empty()).then(|| {
            let (rows, slots) = went.iter().map(|gone| (gone.row, gone.slot)).unzip();
            self.identities(side, rows, slots, went.iter().map(|gone| gone.id)).into_rows().1
        });
        self.kept[side].book.settle(ahead, gone);
    }

    /// What tells rows from all others: their keys and their ids.
    fn identities(
        &self,
        side: usize,
        rows: Vec<u32>,
        slots: Vec<u32>,
        ids: impl Iterator<Item = u64>,
    ) -> Columns {
        let (kept, keys) = (&self.kept[side], &self.sides[side].keys);
        let of_keys: Vec<Column> = match keys.iter().all(|key| kept.columns().contains(key)) {
            true => keys.iter().map(|&key| kept.gather(key, &rows)).collect(),
            // Rows without a key are kept only where the key's columns are.
            false => self.table.gather(&slots),
        };
        let mut columns = Columns::default();
        columns.rows(&self.fields(side)[..keys.len()], of_keys);
        columns.ints(ROW, ids.map(|id| id as i64));
        columns
    }

    /// Kept rows of a side, as a checkpoint has them.
    pub(super) fn written(&self, side: usize, entries: &[Entry]) -> Columns {
        let kept = &self.kept[side];
        let (rows, slots): (Vec<u32>, Vec<u32>) = entries.iter().map(|entry| (entry.row, entry.slot)).unzip();
        let ids = || entries.iter().map(|entry| entry.id);
        let mut columns = self.identities(side, rows.clone(), slots, ids());
        let beside = self.beside_keys(side).into_iter().map(|column| kept.gather(column, &rows));
        columns.rows(&self.fields(side)[self.sides[side].keys.len()..], beside);
        columns.ints(NUMBER, entries.iter().map(|entry| entry.number as i64));
        columns.ints(USED, entries.iter().map(|entry| entry.time));
        columns.ints(PARTNERS, entries.iter().map(|entry| i64::from(entry.partners)));
        if let Some(note) = kept.notes() {
            columns.ints(note.name, entries.iter().map(|entry| entry.note));
            if let Some(name) = note.ends {
                let last = |end: &i128| Value::Timestamp(clamp(*end - 1));
                let ends = |entry: &Entry| Value::List(entry.ends.iter().map(last).collect());
                let ends = ColumnData::Any(entries.iter().map(ends).collect());
                columns.push(name, DataType::list(DataType::Timestamp), Column::new(ends));
            }
        }
        let ranks: Vec<Column> = self.ranks(side).map(|column| kept.gather(column, &rows)).collect();
        match ranks.is_empty() {
            // A job that goes on with more workers needs some: their order is that in which they came.
            true => columns.ints(RANK, ids().map(|id| id as i64)),
            false => columns.ranks(ranks.iter().map(ints)),
        }
        columns
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
        let saved = saved.in_order(&saved.by_rank_and(NUMBER, ROW));
        let rows = self.take_in(side, &saved, None)?;
        Ok((saved, rows))
    }

    /// Keeps rows of a side that were written down, in this order; if they are `back` from disk, this says whether they
    /// changed since the last barrier. Gives their numbers.
    pub(super) fn take_in(
        &mut self,
        side: usize,
        saved: &Loaded,
        back: Option<&[bool]>,
    ) -> Result<Vec<u32>, String> {
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
        let (numbers, ids) = (saved.ints(NUMBER), saved.ints(ROW));
        // A checkpoint that is loaded slice by slice says by them in which order rows of other slices came.
        let same = self.spilled.is_some() && ranks.is_empty() && saved.ints(RANK) == ids;
        let same_ids = (same && saved.has(ROW)).then(|| vec![true; ids.len()]);
        let back = back.or(same_ids.as_deref());
        let notes = Notes { slots: &slots, partners: &partners, times: &times, number: 0 };
        let rows = kept.load(&of_kept, &notes, &Saved { numbers: &numbers, ids: &ids, back });
        if let Some(note) = kept.notes().filter(|note| saved.has(note.name)) {
            let withdrawn = match note.ends {
                Some(name) => saved.column(name, &DataType::list(DataType::Timestamp))?,
                None => None,
            };
            for (at, (&row, noted)) in rows.iter().zip(saved.ints(note.name)).enumerate() {
                kept.recall(row, noted, withdrawn.as_ref().map_or(Vec::new(), |ends| self::ends(ends, at)));
            }
        }
        Ok(rows)
    }
}

/// The ends of windows whose last moments were written down.
fn ends(column: &Column, row: usize) -> Vec<i128> {
    let ColumnData::Any(lists) = &column.data else { return Vec::new() };
    let Value::List(moments) = &lists[row] else { return Vec::new() };
    let end = |moment: &Value| match moment {
        Value::Timestamp(moment) => Some(i128::from(*moment) + 1),
        _ => None,
    };
    moments.iter().filter_map(end).collect()
}

/// The values of an int column.
pub(super) fn ints(column: &Column) -> &[i64] {
    match &column.data {
        ColumnData::I64(values) => values,
        other => unreachable!("ints are written, not {other:?}"),
    }
}
