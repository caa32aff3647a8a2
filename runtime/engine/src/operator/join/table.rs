//! A table in memory: its rows by key. Read before the job starts, never changed, shared by all workers.

use crate::state::{KeyTable, NO_SLOT};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column};
use flow_plan::{DataType, RecordType};
use std::sync::Arc;

pub(crate) struct Table {
    /// Key columns of the rows.
    columns: Vec<usize>,
    keys: KeyTable,
    /// Rows by slot, one for each key.
    parts: Vec<Batch>,
    /// All of them, once it is sealed.
    pub(crate) rows: Batch,
}

/// Scratch of one reader of a table.
#[derive(Default)]
pub(crate) struct Probing {
    hashes: Vec<u64>,
    found: Vec<u32>,
}

/// The rows without null in these columns; `None`: all.
pub(crate) fn keyed_rows(columns: &[&Column], rows: usize) -> Option<Vec<u32>> {
    if columns.iter().all(|column| column.validity.is_none()) {
        return None;
    }
    let valid = |row: &u32| columns.iter().all(|column| column.is_valid(*row as usize));
    Some((0..rows as u32).filter(valid).collect())
}

impl Table {
    /// An empty table of rows of this type.
    pub(crate) fn new(columns: &[usize], schema: &RecordType) -> Table {
        let types: Vec<DataType> =
            columns.iter().map(|&key| schema.fields[key].ty.unwrapped().clone()).collect();
        let empty = Batch::from_rows(&[], schema);
        Table {
            columns: columns.to_vec(),
            keys: KeyTable::new(types.iter()),
            parts: vec![empty],
            rows: Batch::default(),
        }
    }

    /// Adds rows; those with null in a key can never be found and are left out. `note` gets the row of
    /// each key. A key that is known is an error: its row, and which of the keys it is.
    pub(crate) fn add(&mut self, batch: &Batch, mut note: impl FnMut(usize)) -> Result<(), (usize, usize)> {
        let columns: Vec<&Column> = self.columns.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let rows = keyed_rows(&columns, batch.len).unwrap_or_else(|| (0..batch.len as u32).collect());
        let copied = |column: &Arc<Column>| Arc::new(column.copy_of(&rows));
        let batch = Batch::new(rows.len(), batch.columns.iter().map(copied).collect());
        let columns: Vec<&Column> = self.columns.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let (mut hashes, mut slots) = (Vec::new(), Vec::new());
        hash_columns(&columns, batch.len, &mut hashes);
        let known = self.keys.len();
        self.keys.slots(&columns, &hashes, &mut slots);
        // Each new key gets the next slot: a lower one is a key that was there.
        for (next, (&row, &slot)) in (known..).zip(rows.iter().zip(&slots)) {
            if (slot as usize) < next {
                return Err((row as usize, slot as usize));
            }
            note(row as usize);
        }
        self.parts.push(batch);
        Ok(())
    }

    /// All rows are there.
    pub(crate) fn seal(&mut self) {
        let all = Batch::concat(std::mem::take(&mut self.parts));
        let every: Vec<u32> = (0..all.len as u32).collect();
        // Copied once more: strings lie in one buffer, whose counter is all that sharing them costs.
        let columns = all.columns.iter().map(|column| Arc::new(column.copy_of(&every)));
        self.rows = Batch::new(all.len, columns.collect());
    }

    /// The row of every row's key, [`flow_data::NO_ROW`] of keys that are not there.
    pub(crate) fn find<'a>(
        &self,
        columns: &[&Column],
        rows: usize,
        probing: &'a mut Probing,
    ) -> &'a mut [u32] {
        const { assert!(NO_SLOT == flow_data::NO_ROW) };
        let Probing { hashes, found } = probing;
        match keyed_rows(columns, rows) {
            None => {
                hash_columns(columns, rows, hashes);
                self.keys.known(columns, hashes, found);
            }
            Some(keyed) => {
                let picked: Vec<Column> =
                    columns.iter().map(|column| Column { validity: None, ..column.gather(&keyed) }).collect();
                let picked: Vec<&Column> = picked.iter().collect();
                hash_columns(&picked, keyed.len(), hashes);
                let mut slots = Vec::new();
                self.keys.known(&picked, hashes, &mut slots);
                found.clear();
                found.resize(rows, NO_SLOT);
                keyed.iter().zip(slots).for_each(|(&row, slot)| found[row as usize] = slot);
            }
        }
        found
    }
}
