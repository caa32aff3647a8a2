//! Whole rows that an operator keeps, as columns over slots. A slot that is free is used again.

use super::held::room;
use super::keys::KeyColumn;
use flow_data::Column;
use flow_plan::DataType;

pub(crate) struct RowStore {
    columns: Vec<KeyColumn>,
    free: Vec<u32>,
    slots: u32,
}

impl RowStore {
    pub(crate) fn new<'a>(types: impl Iterator<Item = &'a DataType>) -> RowStore {
        RowStore { columns: types.map(KeyColumn::new).collect(), free: Vec::new(), slots: 0 }
    }

    /// A slot for a row that [`RowStore::put`] brings, before any slot that is reserved later.
    pub(crate) fn reserve(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            assert!(self.slots < u32::MAX, "a worker holds at most 2^32 rows of an operator");
            self.slots += 1;
            self.slots - 1
        })
    }

    /// Puts rows of these columns into the slots that were reserved for them: `(row, slot)`.
    pub(crate) fn put<'a>(&mut self, columns: impl Iterator<Item = &'a Column>, places: &[(u32, u32)]) {
        self.columns.iter_mut().zip(columns).for_each(|(to, column)| to.put(column, places));
    }

    /// The bytes it has taken, about.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.free) + self.columns.iter().map(KeyColumn::bytes).sum::<usize>()
    }

    /// Forgets the row of a slot.
    pub(crate) fn free(&mut self, slot: u32) {
        self.columns.iter_mut().for_each(|column| column.clear(slot as usize));
        self.free.push(slot);
    }

    /// Keeps the rows of these slots, which become `0..` in this order.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        self.columns.iter_mut().for_each(|column| column.retain(slots));
        (self.free, self.slots) = (Vec::new(), slots.len() as u32);
    }

    /// Does a slot hold a row of these columns, bit for bit?
    pub(crate) fn is<'a>(
        &self,
        slot: u32,
        mut columns: impl Iterator<Item = &'a Column>,
        row: usize,
    ) -> bool {
        let slot = slot as usize;
        self.columns.iter().all(|known| {
            let alike = |column| known.equals(slot, column, row) && known.looks_like(slot, column, row);
            columns.next().is_some_and(alike)
        })
    }

    /// One column of the rows of these slots.
    pub(crate) fn gather_of(&self, column: usize, slots: &[u32]) -> Column {
        self.columns[column].gather(slots)
    }

    /// The rows of these slots, a column each.
    pub(crate) fn gather(&self, slots: &[u32]) -> Vec<Column> {
        self.columns.iter().map(|column| column.gather(slots)).collect()
    }
}
