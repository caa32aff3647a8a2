//! The table from keys to slots: an index made for the type of the keys, and the keys as columns.

use super::index::{BLOCK, Index, Keys, Probe};
use super::keys::{KeyColumn, KeyValues};
use flow_data::{Column, ColumnData, StrBuilder, StrColumn};
use flow_plan::DataType;
use std::ops::Deref;

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
                    index.slots(hashes, AnyKeys { stored: &mut self.keys[..], columns, start }, out);
                }
            }
        }
    }

    /// The slot of every row's key, [`super::NO_SLOT`] of keys that are not known.
    pub(crate) fn known(&self, columns: &[&Column], hashes: &[u64], out: &mut Vec<u32>) {
        out.clear();
        out.reserve(hashes.len());
        for start in (0..hashes.len()).step_by(BLOCK) {
            let hashes = &hashes[start..(start + BLOCK).min(hashes.len())];
            match &self.index {
                KeyIndex::Text(index) => {
                    index.known(hashes, &TextKeys::known(&self.keys, columns, start), out);
                }
                KeyIndex::Int(index) => index.known(hashes, &IntKeys::known(columns, start), out),
                KeyIndex::Any(index) => {
                    index.known(hashes, &AnyKeys { stored: &self.keys[..], columns, start }, out);
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

struct IntKeys<'a, S> {
    stored: S,
    column: &'a [i64],
}

impl<'a> IntKeys<'a, &'a mut Vec<i64>> {
    fn new(keys: &'a mut [KeyColumn], columns: &'a [&Column], start: usize) -> Self {
        match &mut keys[0].values {
            KeyValues::I64(stored) => IntKeys { stored, column: ints(columns, start) },
            _ => unreachable!("an int key of another type"),
        }
    }
}

impl<'a> IntKeys<'a, ()> {
    fn known(columns: &'a [&Column], start: usize) -> Self {
        IntKeys { stored: (), column: ints(columns, start) }
    }
}

fn ints<'a>(columns: &'a [&Column], start: usize) -> &'a [i64] {
    match &columns[0].data {
        ColumnData::I64(column) => &column[start..],
        _ => unreachable!("an int key of another type"),
    }
}

impl<S> Probe for IntKeys<'_, S> {
    type Word = i64;

    #[inline]
    fn word(&self, row: usize, _hash: u64) -> i64 {
        self.column[row]
    }

    #[inline]
    fn equal(&self, _slot: usize, _row: usize) -> bool {
        true
    }
}

impl Keys for IntKeys<'_, &mut Vec<i64>> {
    #[inline]
    fn insert(&mut self, row: usize) {
        self.stored.push(self.column[row]);
    }
}

struct TextKeys<'a, S> {
    stored: S,
    column: &'a StrColumn,
    start: usize,
}

impl<'a> TextKeys<'a, &'a mut StrBuilder> {
    fn new(keys: &'a mut [KeyColumn], columns: &'a [&Column], start: usize) -> Self {
        match (&mut keys[0].values, &columns[0].data) {
            (KeyValues::Str(stored), ColumnData::Str(column)) => TextKeys { stored, column, start },
            _ => unreachable!("a text key of another type"),
        }
    }
}

impl<'a> TextKeys<'a, &'a StrBuilder> {
    fn known(keys: &'a [KeyColumn], columns: &'a [&Column], start: usize) -> Self {
        match (&keys[0].values, &columns[0].data) {
            (KeyValues::Str(stored), ColumnData::Str(column)) => TextKeys { stored, column, start },
            _ => unreachable!("a text key of another type"),
        }
    }
}

impl<S: Deref<Target = StrBuilder>> Probe for TextKeys<'_, S> {
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
}

impl Keys for TextKeys<'_, &mut StrBuilder> {
    #[inline]
    fn insert(&mut self, row: usize) {
        self.stored.push(self.column.get(self.start + row));
    }
}

struct AnyKeys<'a, S> {
    stored: S,
    columns: &'a [&'a Column],
    start: usize,
}

impl<S: Deref<Target = [KeyColumn]>> Probe for AnyKeys<'_, S> {
    type Word = u64;

    #[inline]
    fn word(&self, _row: usize, hash: u64) -> u64 {
        hash
    }

    fn equal(&self, slot: usize, row: usize) -> bool {
        self.stored.iter().zip(self.columns).all(|(key, column)| key.equals(slot, column, self.start + row))
    }
}

impl Keys for AnyKeys<'_, &mut [KeyColumn]> {
    fn insert(&mut self, row: usize) {
        let row = self.start + row;
        self.stored.iter_mut().zip(self.columns).for_each(|(key, column)| key.push(column, row));
    }
}
