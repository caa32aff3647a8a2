//! The table from keys to slots: an index made for the type of the keys, and the keys as columns.

use super::index::{BLOCK, Index, Keys, NO_SLOT, Packed, Probe, Wide};
use super::keys::{KeyColumn, KeyValues};
use super::same::same_rows;
use flow_data::view::INLINE;
use flow_data::{Column, ColumnData, StrBuilder, StrColumn};
use flow_plan::DataType;
use std::ops::{Deref, Range};

pub(crate) struct KeyTable {
    keys: Vec<KeyColumn>,
    /// Are keys told apart by every bit that can be seen?
    exact: bool,
    index: KeyIndex,
}

enum KeyIndex {
    /// No key: all rows are one group, once there is one.
    None(usize),
    /// One string: its length and bytes, or of a long one first bytes and hash.
    Text(Index<Packed>),
    /// The same for more keys than packed entries can number.
    ManyTexts(Index<Wide<[u64; 2]>>),
    /// One int, timestamp or duration.
    Int(Index<Wide<i64>>),
    /// Anything: the hash.
    Any(Index<Wide<u64>>),
}

impl KeyTable {
    pub(crate) fn new<'a>(types: impl Iterator<Item = &'a DataType>) -> KeyTable {
        let types: Vec<&DataType> = types.collect();
        let index = match types.as_slice() {
            [] => KeyIndex::None(0),
            [DataType::String] => KeyIndex::Text(Index::new()),
            [DataType::Int | DataType::Timestamp | DataType::Duration] => KeyIndex::Int(Index::new()),
            _ => KeyIndex::Any(Index::new()),
        };
        KeyTable { keys: types.into_iter().map(KeyColumn::new).collect(), exact: false, index }
    }

    /// A table that tells equal values apart which look different (`0.0` and `-0.0`, `1.0d` and `1.00d`).
    pub(crate) fn exact<'a>(types: impl Iterator<Item = &'a DataType>) -> KeyTable {
        KeyTable { exact: true, ..KeyTable::new(types) }
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        match &self.index {
            KeyIndex::None(groups) => *groups,
            KeyIndex::Text(index) => index.len(),
            KeyIndex::ManyTexts(index) => index.len(),
            KeyIndex::Int(index) => index.len(),
            KeyIndex::Any(index) => index.len(),
        }
    }

    /// The bytes it has taken, about.
    pub(crate) fn bytes(&self) -> usize {
        let index = match &self.index {
            KeyIndex::None(_) => 0,
            KeyIndex::Text(index) => index.bytes(),
            KeyIndex::ManyTexts(index) => index.bytes(),
            KeyIndex::Int(index) => index.bytes(),
            KeyIndex::Any(index) => index.bytes(),
        };
        index + self.keys.iter().map(KeyColumn::bytes).sum::<usize>()
    }

    /// No row comes any more: the keys stay, but none is looked for again.
    pub(crate) fn close(&mut self) {
        match &mut self.index {
            KeyIndex::None(_) => {}
            KeyIndex::Text(index) => index.close(),
            KeyIndex::ManyTexts(index) => index.close(),
            KeyIndex::Int(index) => index.close(),
            KeyIndex::Any(index) => index.close(),
        }
    }

    /// The slot of every row's key; new keys get the next slots, in the order of their rows.
    pub(crate) fn slots(&mut self, columns: &[&Column], hashes: &[u64], out: &mut Vec<u32>) {
        out.clear();
        if let KeyIndex::None(groups) = &mut self.index {
            *groups = hashes.len().min(1).max(*groups);
            out.resize(hashes.len(), 0);
            return;
        }
        out.reserve(hashes.len());
        for start in (0..hashes.len()).step_by(BLOCK) {
            let hashes = &hashes[start..(start + BLOCK).min(hashes.len())];
            if matches!(&self.index, KeyIndex::Text(index) if index.is_full()) {
                self.widen();
            }
            match &mut self.index {
                KeyIndex::None(_) => {}
                KeyIndex::Text(index) => {
                    index.slots(hashes, TextKeys::new(&mut self.keys, columns, start), out);
                }
                KeyIndex::ManyTexts(index) => {
                    index.slots(hashes, ManyTexts(TextKeys::new(&mut self.keys, columns, start)), out);
                }
                KeyIndex::Int(index) => {
                    index.slots(hashes, IntKeys::new(&mut self.keys, columns, start), out);
                }
                KeyIndex::Any(index) => {
                    index.slots(
                        hashes,
                        AnyKeys { stored: &mut self.keys[..], columns, start, exact: self.exact },
                        out,
                    );
                }
            }
        }
    }

    /// The slot of every row's key, [`super::NO_SLOT`] of keys that are not known.
    pub(crate) fn known(&self, columns: &[&Column], hashes: &[u64], out: &mut Vec<u32>) {
        out.clear();
        if let KeyIndex::None(groups) = &self.index {
            out.resize(hashes.len(), if *groups > 0 { 0 } else { NO_SLOT });
            return;
        }
        out.reserve(hashes.len());
        for start in (0..hashes.len()).step_by(BLOCK) {
            let hashes = &hashes[start..(start + BLOCK).min(hashes.len())];
            match &self.index {
                KeyIndex::None(_) => {}
                KeyIndex::Text(index) => {
                    index.known(hashes, &TextKeys::known(&self.keys, columns, start), out);
                }
                KeyIndex::ManyTexts(index) => {
                    index.known(hashes, &ManyTexts(TextKeys::known(&self.keys, columns, start)), out);
                }
                KeyIndex::Int(index) => index.known(hashes, &IntKeys::known(columns, start), out),
                KeyIndex::Any(index) => {
                    index.known(
                        hashes,
                        &AnyKeys { stored: &self.keys[..], columns, start, exact: self.exact },
                        out,
                    );
                }
            }
        }
    }

    /// So many more keys come at once, at most.
    pub(crate) fn reserve(&mut self, more: usize) {
        match &mut self.index {
            KeyIndex::None(_) => {}
            KeyIndex::Text(index) => index.reserve(more),
            KeyIndex::ManyTexts(index) => index.reserve(more),
            KeyIndex::Int(index) => index.reserve(more),
            KeyIndex::Any(index) => index.reserve(more),
        }
    }

    fn widen(&mut self) {
        if let KeyIndex::Text(index) = &mut self.index {
            self.index = KeyIndex::ManyTexts(index.widen());
        }
    }

    /// The slots of all keys of another table, in the order of its slots; new keys get the next slots.
    pub(crate) fn merge(&mut self, other: &KeyTable, out: &mut Vec<u32>) {
        let all: Vec<u32> = (0..other.len() as u32).collect();
        let columns = other.gather(&all);
        let hashes = match &other.index {
            KeyIndex::None(_) => &vec![0; all.len()][..],
            _ => other.hashes(),
        };
        self.slots(&columns.iter().collect::<Vec<_>>(), hashes, out);
    }

    /// The hash of every slot's key; without a key there are none.
    pub(crate) fn hashes(&self) -> &[u64] {
        match &self.index {
            KeyIndex::None(_) => &[],
            KeyIndex::Text(index) => index.hashes(),
            KeyIndex::ManyTexts(index) => index.hashes(),
            KeyIndex::Int(index) => index.hashes(),
            KeyIndex::Any(index) => index.hashes(),
        }
    }

    /// How many columns a key has.
    pub(crate) fn columns(&self) -> usize {
        self.keys.len()
    }

    /// The keys of these slots, a column each.
    pub(crate) fn gather(&self, slots: &[u32]) -> Vec<Column> {
        self.keys.iter().map(|key| key.gather(slots)).collect()
    }

    /// Some columns of the keys of these slots.
    pub(crate) fn gather_of(&self, columns: Range<usize>, slots: &[u32]) -> Vec<Column> {
        self.keys[columns].iter().map(|key| key.gather(slots)).collect()
    }

    /// Are some columns of two slots the same?
    pub(crate) fn same(&self, columns: Range<usize>, a: u32, b: u32) -> bool {
        self.keys[columns].iter().all(|key| {
            let column = key.gather(&[a, b]);
            let mut same = [true];
            same_rows(&column, &[(0, 1)], &mut same);
            same[0]
        })
    }

    /// The int, timestamp or duration of a slot in a column.
    pub(crate) fn int(&self, column: usize, slot: u32) -> i64 {
        match &self.keys[column].values {
            KeyValues::I64(values) => values[slot as usize],
            _ => unreachable!("a column of ints"),
        }
    }

    /// Takes back the slots from `known` on.
    pub(crate) fn forget(&mut self, known: usize) {
        match &mut self.index {
            KeyIndex::None(groups) => *groups = known.min(*groups),
            KeyIndex::Text(index) => index.forget(known),
            KeyIndex::ManyTexts(index) => index.forget(known),
            KeyIndex::Int(index) => index.forget(known),
            KeyIndex::Any(index) => index.forget(known),
        }
        self.keys.iter_mut().for_each(|key| key.truncate(known));
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        match &mut self.index {
            KeyIndex::None(groups) => *groups = slots.len(),
            KeyIndex::Text(index) => index.retain(slots),
            KeyIndex::ManyTexts(index) => index.retain(slots),
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
    type Entry = Wide<i64>;

    #[inline]
    fn word(&self, row: usize, _hash: u64) -> Wide<i64> {
        Wide { word: self.column[row], number: 0 }
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
    type Entry = Packed;

    #[inline]
    fn word(&self, row: usize, hash: u64) -> Packed {
        let view = self.column.column().views()[self.start + row];
        // Of a short string the length needs four bits, above those of the slot.
        let length = view.len().min(INLINE + 1) as u64;
        [view.lo >> 32 << 32 | length << 28, if view.is_inline() { view.hi } else { hash }]
    }

    #[inline]
    fn equal(&self, slot: usize, row: usize) -> bool {
        let row = self.start + row;
        // The view of a short string is all of it.
        self.column.column().views()[row].is_inline() || self.stored.get(slot) == self.column.get(row)
    }

    #[inline]
    fn surely_equal(&self, _slot: usize, row: usize) -> bool {
        self.column.column().views()[self.start + row].is_inline()
    }
}

impl Keys for TextKeys<'_, &mut StrBuilder> {
    #[inline]
    fn insert(&mut self, row: usize) {
        self.stored.push_row(self.column, self.start + row);
    }
}

/// Texts with the words of packed entries in wide ones.
struct ManyTexts<T>(T);

impl<T: Probe<Entry = Packed>> Probe for ManyTexts<T> {
    type Entry = Wide<[u64; 2]>;

    #[inline]
    fn word(&self, row: usize, hash: u64) -> Wide<[u64; 2]> {
        Wide { word: self.0.word(row, hash), number: 0 }
    }

    #[inline]
    fn equal(&self, slot: usize, row: usize) -> bool {
        self.0.equal(slot, row)
    }

    #[inline]
    fn surely_equal(&self, slot: usize, row: usize) -> bool {
        self.0.surely_equal(slot, row)
    }
}

impl<T: Keys<Entry = Packed>> Keys for ManyTexts<T> {
    #[inline]
    fn insert(&mut self, row: usize) {
        self.0.insert(row);
    }
}

struct AnyKeys<'a, S> {
    stored: S,
    columns: &'a [&'a Column],
    start: usize,
    exact: bool,
}

impl<S: Deref<Target = [KeyColumn]>> Probe for AnyKeys<'_, S> {
    type Entry = Wide<u64>;

    #[inline]
    fn word(&self, _row: usize, hash: u64) -> Wide<u64> {
        Wide { word: hash, number: 0 }
    }

    fn equal(&self, slot: usize, row: usize) -> bool {
        let row = self.start + row;
        self.stored.iter().zip(self.columns).all(|(key, column)| {
            key.equals(slot, column, row) && (!self.exact || key.looks_like(slot, column, row))
        })
    }
}

impl Keys for AnyKeys<'_, &mut [KeyColumn]> {
    fn insert(&mut self, row: usize) {
        let row = self.start + row;
        self.stored.iter_mut().zip(self.columns).for_each(|(key, column)| key.push(column, row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_data::hash::hash_columns;

    fn texts(texts: impl Iterator<Item = String>) -> Column {
        let mut builder = StrBuilder::default();
        texts.for_each(|text| builder.push(&text));
        Column::new(ColumnData::Str(builder.finish()))
    }

    fn slots(table: &mut KeyTable, column: &Column, rows: usize) -> Vec<u32> {
        let (mut hashes, mut out) = (Vec::new(), Vec::new());
        hash_columns(&[column], rows, &mut hashes);
        table.slots(&[column], &hashes, &mut out);
        out
    }

    #[test]
    fn room_for_keys_changes_nothing_but_where_they_stand() {
        let column = texts((0..5_000).map(|n| format!("a key of many {n}")));
        let (mut plain, mut roomy) =
            (KeyTable::new([&DataType::String].into_iter()), KeyTable::new([&DataType::String].into_iter()));
        let first = texts((0..70).map(|n| format!("{n}")));
        for table in [&mut plain, &mut roomy] {
            slots(table, &first, 70);
        }
        roomy.reserve(5_000);
        assert_eq!(slots(&mut plain, &column, 5_000), slots(&mut roomy, &column, 5_000));
        assert_eq!(known(&roomy, &first, 70), (0..70).collect::<Vec<u32>>());
    }

    #[test]
    fn room_that_was_made_for_all_is_not_made_again_for_pieces() {
        let mut tables = [(); 2].map(|()| KeyTable::new([&DataType::String].into_iter()));
        for (at, table) in tables.iter_mut().enumerate() {
            table.reserve(5_003);
            for piece in 0..5_003usize.div_ceil(1_000) {
                let keys = piece * 1_000..5_003.min(piece * 1_000 + 1_000);
                let column = texts(keys.clone().map(|n| format!("a key of many {n}")));
                if at == 1 {
                    table.reserve(keys.len());
                }
                slots(table, &column, keys.len());
            }
        }
        assert_eq!(tables[0].bytes(), tables[1].bytes());
    }

    #[test]
    fn room_for_keys_is_room_for_some_more_and_takes_less_than_to_grow() {
        let column = texts((0..5_000).map(|n| format!("a key of many {n}")));
        let (mut grown, mut roomy) =
            (KeyTable::new([&DataType::String].into_iter()), KeyTable::new([&DataType::String].into_iter()));
        slots(&mut grown, &column, 5_000);
        roomy.reserve(5_000);
        slots(&mut roomy, &column, 5_000);
        let bytes = roomy.bytes();
        assert!(bytes < grown.bytes() * 4 / 5, "{bytes} of {} bytes", grown.bytes());
        let more = texts((0..200).map(|n| format!("{n}")));
        assert_eq!(slots(&mut roomy, &more, 200), (5_000..5_200).collect::<Vec<u32>>());
        assert!(roomy.bytes() < bytes + (100 << 10), "all entries were made anew");
        // From here on it grows as any other.
        let many = texts((0..50_000).map(|n| format!("{n} more")));
        assert_eq!(slots(&mut roomy, &many, 50_000), (5_200..55_200).collect::<Vec<u32>>());
        assert_eq!(known(&roomy, &column, 5_000), (0..5_000).collect::<Vec<u32>>());
    }

    fn known(table: &KeyTable, column: &Column, rows: usize) -> Vec<u32> {
        let (mut hashes, mut out) = (Vec::new(), Vec::new());
        hash_columns(&[column], rows, &mut hashes);
        table.known(&[column], &hashes, &mut out);
        out
    }

    #[test]
    fn a_table_that_looks_for_no_key_any_more_still_has_them_all_in_less_memory() {
        let column = texts((0..5_000).map(|n| format!("a key of many {n}")));
        let mut table = KeyTable::new([&DataType::String].into_iter());
        slots(&mut table, &column, 5_000);
        let (keys, bytes) = (table.gather(&[0, 4_999]), table.bytes());
        table.close();
        assert_eq!(table.len(), 5_000);
        assert_eq!(format!("{:?}", table.gather(&[0, 4_999])), format!("{keys:?}"));
        assert!(table.bytes() < bytes, "{} of {bytes} bytes", table.bytes());
    }

    #[test]
    fn texts_keep_their_slots_when_the_entries_become_wide() {
        // Lengths around the longest inline one; some differ in their last byte only.
        let text = |i: usize| format!("{}{i:02}", "abcdefghijklmnop".repeat(2).split_at(i % 17).0);
        let column = texts((0..3000).map(|i| text(i % 1500)));
        let mut table = KeyTable::new(std::iter::once(&DataType::String));
        let first = slots(&mut table, &column, 3000);
        table.widen();
        assert_eq!(known(&table, &column, 3000), first);
        assert_eq!(slots(&mut table, &column, 3000), first);
        let more = texts((1000..2000).map(text));
        let after = slots(&mut table, &more, 1000);
        assert_eq!(after[..500], first[1000..1500]);
        assert_eq!(after[500..], (table.len() as u32 - 500..table.len() as u32).collect::<Vec<_>>());
        assert_eq!(first[1500..], first[..1500]);
    }

    #[test]
    fn texts_that_are_kept_get_the_first_slots() {
        let column = texts((0..2000).map(|i| format!("{i}{}", "x".repeat(i % 20))));
        let mut table = KeyTable::new(std::iter::once(&DataType::String));
        slots(&mut table, &column, 2000);
        let kept: Vec<u32> = (0..2000).filter(|slot| slot % 3 == 0).collect();
        table.retain(&kept);
        let again = slots(&mut table, &column, 2000);
        for (slot, &old) in kept.iter().enumerate() {
            assert_eq!(again[old as usize], slot as u32, "key {old}");
        }
        assert_eq!(table.len(), 2000);
    }

    #[test]
    fn the_empty_text_is_a_key() {
        let column = texts(["", "a", ""].map(str::to_string).into_iter());
        let mut table = KeyTable::new(std::iter::once(&DataType::String));
        assert_eq!(slots(&mut table, &column, 3), [0, 1, 0]);
    }
}
