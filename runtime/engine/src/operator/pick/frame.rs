//! What all picks have in common: where keys, rows, time and ranks stand in the input and the output.

use super::sort::By;
use crate::context::Context;
use crate::ranks::{Phase, Ranks};
use crate::snapshot::Loaded;
use crate::state::{KeyTable, RowStore};
use flow_checkpoint::state::Home;
use flow_data::{Batch, Column, ColumnData};
use flow_plan::physical::{Hidden, Pick, hidden};
use flow_plan::{DataType, Field, RecordType};
use std::sync::Arc;

/// Columns of the engine's own in tables of picks: the number in which a group was first seen; the place of a row
/// in its list, best first.
pub(super) const NUMBER: &str = "·number";
pub(super) const PLACE: &str = "·place";

pub(crate) struct Frame {
    pub(super) keys: Vec<usize>,
    pub(super) row: Vec<usize>,
    pub(super) hidden: Hidden,
    pub(super) input: Arc<RecordType>,
    /// Rank columns of the output.
    pub(super) rank: usize,
    /// Do the ranks begin with those of time? (Distinct rows come as their input did.)
    leading: usize,
}

impl Frame {
    pub(super) fn new(pick: &Pick, input: &Arc<RecordType>, rank: usize) -> Frame {
        Frame {
            keys: pick.keys.clone(),
            row: pick.row.clone(),
            hidden: pick.hidden.clone(),
            input: input.clone(),
            rank,
            leading: Ranks::LEADING,
        }
    }

    /// For the first row of each value of these columns: the output is the input.
    pub(super) fn distinct(columns: &[usize], input: &Arc<RecordType>, rank: usize) -> Frame {
        let position = |name| hidden::position(input, name);
        Frame {
            keys: columns.to_vec(),
            row: (0..hidden::visible(input)).collect(),
            hidden: Hidden {
                time: position(hidden::TIME),
                watermark: position(hidden::WATERMARK),
                change: position(hidden::CHANGE),
            },
            input: input.clone(),
            rank,
            leading: 0,
        }
    }

    /// Rank columns of the rows themselves.
    pub(super) fn own_ranks(&self) -> usize {
        self.rank.saturating_sub(self.leading)
    }

    pub(super) fn key_table(&self) -> KeyTable {
        KeyTable::new(self.keys.iter().map(|&key| &self.input.fields[key].ty))
    }

    /// A store of the columns that are given, and with `timed` of the event time.
    pub(super) fn store(&self, timed: bool) -> RowStore {
        let time = self.hidden.time.filter(|_| timed).map(|_| &DataType::Timestamp);
        RowStore::new(self.row.iter().map(|&column| &self.input.fields[column].ty).chain(time))
    }

    /// The columns that such a store keeps.
    pub(super) fn stored<'a>(&self, batch: &'a Batch, timed: bool) -> impl Iterator<Item = &'a Column> {
        let time = self.hidden.time.filter(|_| timed);
        self.row.iter().copied().chain(time).map(|column| batch.columns[column].as_ref())
    }

    pub(super) fn key_columns<'a>(&self, batch: &'a Batch) -> Vec<&'a Column> {
        self.keys.iter().map(|&key| batch.columns[key].as_ref()).collect()
    }

    /// The columns of the input that are written down of a row: the key, what is given of it, with `timed` its
    /// event time, and what rows are compared by.
    pub(super) fn written(&self, given: bool, timed: bool, by: &By) -> Vec<usize> {
        let mut columns = self.keys.clone();
        let row: &[usize] = if given { &self.row } else { &[] };
        for column in row.iter().copied().chain(self.hidden.time.filter(|_| timed)).chain(by.columns()) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    }

    /// The fields of some columns of the input.
    pub(super) fn fields(&self, columns: &[usize]) -> Vec<Field> {
        columns.iter().map(|&column| self.input.fields[column].clone()).collect()
    }

    /// Rows of which these columns of the input were written down; nobody may look at the others.
    pub(super) fn loaded(&self, columns: &[usize], from: &Loaded) -> Result<Batch, String> {
        let nothing = Arc::new(Column::new(ColumnData::I64(vec![0; from.len()])));
        let mut all = vec![nothing; self.input.fields.len()];
        for (&column, loaded) in columns.iter().zip(from.rows(&self.fields(columns))?) {
            all[column] = loaded;
        }
        Ok(Batch::new(from.len(), all))
    }

    /// The worker that a key's rows go to.
    pub(super) fn home(&self) -> Home {
        Home::Key(self.keys.len())
    }

    /// Event time and watermark of these rows.
    pub(super) fn times(&self, batch: &Batch, rows: &[u32]) -> impl Iterator<Item = Column> {
        let columns = [self.hidden.time, self.hidden.watermark].into_iter().flatten();
        columns.map(|column| batch.columns[column].gather(rows))
    }

    /// The rank columns of what is given for these rows.
    pub(super) fn ranks(&self, number: u64, batch: &Batch, rows: &[u32]) -> Vec<Column> {
        if self.rank == 0 {
            return Vec::new();
        }
        let same = |value: i64| Column::new(ColumnData::I64(vec![value; rows.len()]));
        let own = batch.columns[self.input.fields.len()..].iter().map(|column| column.gather(rows));
        let leading = [same(Phase::Row as i64), same(0), same(0), same(number as i64)];
        debug_assert_eq!(leading.len(), Ranks::LEADING);
        leading
            .into_iter()
            .take(self.leading)
            .chain(own)
            .chain(std::iter::repeat_with(|| same(0)))
            .take(self.rank)
            .collect()
    }

    /// Gives rows of a batch as they are.
    pub(super) fn give_rows(&self, cx: &mut Context<'_>, batch: &Batch, rows: &[u32]) {
        let hidden = [self.hidden.time, self.hidden.watermark].into_iter().flatten();
        let columns = self.row.iter().copied().chain(hidden).map(|column| batch.columns[column].clone());
        let mut given = Batch::new(batch.len, columns.collect());
        if rows.len() < batch.len {
            given = given.gather(rows);
        }
        given.columns.extend(self.ranks(cx.number, batch, rows).into_iter().map(Arc::new));
        cx.emit(given);
    }
}
