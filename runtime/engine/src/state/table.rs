//! The table from keys to slots: an index made for the type of the keys, and the keys as columns.

use super::index::{BLOCK, Index, Keys};
use super::keys::{KeyColumn, KeyValues};
use flow_data::{Column, ColumnData, StrBuilder, StrColumn};
use flow_plan::DataType;

pub(crate) struct KeyTable {
    keys: Vec<KeyColumn>,
    index: KeyIndex,
}

enum KeyIndex {
    /// One string: its view, or of a long one length, first bytes and hash.
    Text(Index<[u64; 2]>),
    /// One int, timestamp or duration.
    Int(Index<i64>),
    /// Anything: the hash.
    Any(Index<u64>),
}

impl KeyTable {
    pub(crate) fn new<'a>(types: impl Iterator<Item = &'a DataType>) -> KeyTable {
        let types: Vec<&DataType> = types.collect();
        let index = match types.as_slice() {
            [DataType::String] => KeyIndex::Text(Index::new()),
            [DataType::Int | DataType::Timestamp | DataType::Duration] => KeyIndex::Int(Index::new()),
            _ => KeyIndex::Any(Index::new()),
        };
        KeyTable { keys: types.into_iter().map(KeyColumn::new).collect(), index }
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        match &self.index {
            KeyIndex::Text(index) => index.len(),
            KeyIndex::Int(index) => index.len(),
            KeyIndex::Any(index) => index.len(),
        }
    }

    /// The slot of every row's key; new keys get the next slots, in the order of their rows.
    pub(crate) fn slots(&mut self, columns: &[&Column], hashes: &[u64], out: &mut Vec<u32>) {
        out.clear();
        out.reserve(hashes.len());
        for start in (0..hashes.len()).step_by(BLOCK) {
            let hashes = &hashes[start..(start + BLOCK).min(hashes.len())];
            match &mut self.index {
                KeyIndex::Text(index) => {
                    index.slots(hashes, TextKeys::new(&mut self.keys, columns, start), out);
                }
                KeyIndex::Int(index) => {
                    index.slots(hashes, IntKeys::new(&mut self.keys, columns, start), out);
                }
                KeyIndex::Any(index) => {
                    index.slots(hashes, AnyKeys { stored: &mut self.keys, columns, start }, out);
                }
            }
        }
    }

    /// The keys of these slots, a column each.
    pub(crate) fn gather(&self, slots: &[u32]) -> Vec<Column> {
        self.keys.iter().map(|key| key.gather(slots)).collect()
    }

    /// Takes back the slots from `known` on.
    pub(crate) fn forget(&mut self, known: usize) {
        match &mut self.index {
            KeyIndex::Text(index) => index.forget(known),
            KeyIndex::Int(index) => index.forget(known),
            KeyIndex::Any(index) => index.forget(known),
        }
        self.keys.iter_mut().for_each(|key| key.truncate(known));
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        match &mut self.index {
            KeyIndex::Text(index) => index.retain(slots),
            KeyIndex::Int(index) => index.retain(slots),
            KeyIndex::Any(index) => index.retain(slots),
        }
        self.keys.iter_mut().for_each(|key| key.retain(slots));
    }
}

struct IntKeys<'a> {
    stored: &'a mut Vec<i64>,
    column: &'a [i64],
}

impl<'a> IntKeys<'a> {
    fn new(keys: &'a mut [KeyColumn], columns: &'a [&Column], start: usize) -> IntKeys<'a> {
        match (&mut keys[0].values, &columns[0].data) {
            (KeyValues::I64(stored), ColumnData::I64(column)) => IntKeys { stored, column: &column[start..] },
            _ => unreachable!("an int key of another type"),
        }
    }
}

impl Keys for IntKeys<'_> {
    type Word = i64;

    #[inline]
    fn word(&self, row: usize, _hash: u64) -> i64 {
        self.column[row]
    }

    #[inline]
    fn equal(&self, _slot: usize, _row: usize) -> bool {
        true
    }

    #[inline]
    fn insert(&mut self, row: usize) {
        self.stored.push(self.column[row]);
    }
}

struct TextKeys<'a> {
    stored: &'a mut StrBuilder,
    column: &'a StrColumn,
    start: usize,
}

impl<'a> TextKeys<'a> {
    fn new(keys: &'a mut [KeyColumn], columns: &'a [&Column], start: usize) -> TextKeys<'a> {
        match (&mut keys[0].values, &columns[0].data) {
            (KeyValues::Str(stored), ColumnData::Str(column)) => TextKeys { stored, column, start },
            _ => unreachable!("a text key of another type"),
        }
    }
}

impl Keys for TextKeys<'_> {
    type Word = [u64; 2];

    #[inline]
    fn word(&self, row: usize, hash: u64) -> [u64; 2] {
        let view = self.column.column().views()[self.start + row];
        [view.lo, if view.is_inline() { view.hi } else { hash }]
    }

    #[inline]
    fn equal(&self, slot: usize, row: usize) -> bool {
        let row = self.start + row;
        // The view of a short string is all of it.
        self.column.column().views()[row].is_inline() || self.stored.get(slot) == self.column.get(row)
    }

    #[inline]
    fn insert(&mut self, row: usize) {
        self.stored.push(self.column.get(self.start + row));
    }
}

struct AnyKeys<'a> {
    stored: &'a mut [KeyColumn],
    columns: &'a [&'a Column],
    start: usize,
}

impl Keys for AnyKeys<'_> {
    type Word = u64;

    #[inline]
    fn word(&self, _row: usize, hash: u64) -> u64 {
        hash
    }

    fn equal(&self, slot: usize, row: usize) -> bool {
        self.stored.iter().zip(self.columns).all(|(key, column)| key.equals(slot, column, self.start + row))
    }

    fn insert(&mut self, row: usize) {
        let row = self.start + row;
        self.stored.iter_mut().zip(self.columns).for_each(|(key, column)| key.push(column, row));
    }
}
