//! The open-addressing table from keys to slots.
//!
//! An entry is one word: the upper half of the key's hash and the slot plus one (0: empty). A batch
//! is looked up in two passes over a block of rows: the first only reads the first entry of every
//! row, so that the cache misses of a block overlap; the second compares keys and inserts. The
//! first free entry behind the hash's place holds a new key; nothing is ever removed.

use super::keys::{KeyColumn, KeyValues};
use flow_data::{Column, ColumnData, StrBuilder, StrColumn};
use flow_plan::DataType;

/// Rows whose first entries are read ahead. The table also grows by this at the most between looks.
const BLOCK: usize = 1024;

pub(crate) struct KeyTable {
    keys: Vec<KeyColumn>,
    entries: Vec<u64>,
    /// The hash of every slot's key.
    hashes: Vec<u64>,
    touched: Vec<u64>,
}

impl KeyTable {
    pub(crate) fn new<'a>(types: impl Iterator<Item = &'a DataType>) -> KeyTable {
        KeyTable {
            keys: types.map(KeyColumn::new).collect(),
            entries: vec![0; BLOCK * 4],
            hashes: Vec::new(),
            touched: Vec::new(),
        }
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The slot of every row's key; new keys get the next slots, in the order of their rows.
    pub(crate) fn slots(&mut self, columns: &[&Column], hashes: &[u64], out: &mut Vec<u32>) {
        out.clear();
        out.reserve(hashes.len());
        let mut start = 0;
        while start < hashes.len() {
            let end = (start + BLOCK).min(hashes.len());
            self.make_room(end - start);
            self.block(columns, &hashes[start..end], start, out);
            start = end;
        }
    }

    fn block(&mut self, columns: &[&Column], hashes: &[u64], start: usize, out: &mut Vec<u32>) {
        let plain = self.keys.iter().zip(columns).all(|(key, column)| key.is_plain(column));
        match (self.keys.as_mut_slice(), columns) {
            ([key], [column]) if plain => match (&mut key.values, &column.data) {
                (KeyValues::Str(stored), ColumnData::Str(column)) => {
                    let keys = TextKeys { stored, column, start };
                    probe(&mut self.entries, &mut self.hashes, &mut self.touched, hashes, keys, out);
                }
                (KeyValues::I64(stored), ColumnData::I64(column)) => {
                    let keys = IntKeys { stored, column: &column[start..] };
                    probe(&mut self.entries, &mut self.hashes, &mut self.touched, hashes, keys, out);
                }
                _ => {
                    let keys = AnyKeys { stored: &mut self.keys, columns, start };
                    probe(&mut self.entries, &mut self.hashes, &mut self.touched, hashes, keys, out);
                }
            },
            (stored, columns) => {
                let keys = AnyKeys { stored, columns, start };
                probe(&mut self.entries, &mut self.hashes, &mut self.touched, hashes, keys, out);
            }
        }
    }

    /// The keys of these slots, a column each.
    pub(crate) fn gather(&self, slots: &[u32]) -> Vec<Column> {
        self.keys.iter().map(|key| key.gather(slots)).collect()
    }

    /// Keeps the table at most 5/8 full with this many more keys.
    fn make_room(&mut self, more: usize) {
        let keys = self.len() + more;
        if keys * 8 <= self.entries.len() * 5 {
            return;
        }
        assert!(keys < u32::MAX as usize, "a worker holds at most 2^32 keys of an operator");
        let size = (keys * 8 / 5 + 1).next_power_of_two();
        let mut entries = vec![0u64; size];
        let mask = size - 1;
        for (slot, &hash) in self.hashes.iter().enumerate() {
            let mut at = hash as usize & mask;
            while entries[at] != 0 {
                at = (at + 1) & mask;
            }
            entries[at] = entry(hash, slot);
        }
        self.entries = entries;
    }
}

#[inline]
fn entry(hash: u64, slot: usize) -> u64 {
    hash & !0xffff_ffff | (slot as u64 + 1)
}

/// How the stored keys are compared with those of a block of rows, and added to.
trait BlockKeys {
    fn equal(&self, slot: usize, row: usize) -> bool;
    fn insert(&mut self, row: usize);
}

#[inline]
fn probe<K: BlockKeys>(
    entries: &mut [u64],
    slot_hashes: &mut Vec<u64>,
    touched: &mut Vec<u64>,
    hashes: &[u64],
    mut keys: K,
    out: &mut Vec<u32>,
) {
    let mask = entries.len() - 1;
    touched.clear();
    touched.extend(hashes.iter().map(|&hash| entries[hash as usize & mask]));
    for (row, (&hash, &first)) in hashes.iter().zip(touched.iter()).enumerate() {
        let mut at = hash as usize & mask;
        // An entry that was free may have been taken by a row of this block.
        let mut found = if first == 0 { entries[at] } else { first };
        let slot = loop {
            if found == 0 {
                let slot = slot_hashes.len();
                entries[at] = entry(hash, slot);
                slot_hashes.push(hash);
                keys.insert(row);
                break slot;
            }
            let slot = (found as u32 - 1) as usize;
            if (found ^ hash) >> 32 == 0 && keys.equal(slot, row) {
                break slot;
            }
            at = (at + 1) & mask;
            found = entries[at];
        };
        out.push(slot as u32);
    }
}

struct IntKeys<'a> {
    stored: &'a mut Vec<i64>,
    column: &'a [i64],
}

impl BlockKeys for IntKeys<'_> {
    #[inline]
    fn equal(&self, slot: usize, row: usize) -> bool {
        self.stored[slot] == self.column[row]
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

impl BlockKeys for TextKeys<'_> {
    #[inline]
    fn equal(&self, slot: usize, row: usize) -> bool {
        let row = self.start + row;
        let (a, b) = (self.stored.bytes().views()[slot], self.column.column().views()[row]);
        // Length and first bytes, then the rest of a short string, or the address of a long one.
        a.lo == b.lo && (a.hi == b.hi || (!a.is_inline() && self.stored.get(slot) == self.column.get(row)))
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

impl BlockKeys for AnyKeys<'_> {
    fn equal(&self, slot: usize, row: usize) -> bool {
        self.stored.iter().zip(self.columns).all(|(key, column)| key.equals(slot, column, self.start + row))
    }

    fn insert(&mut self, row: usize) {
        let row = self.start + row;
        self.stored.iter_mut().zip(self.columns).for_each(|(key, column)| key.push(column, row));
    }
}
