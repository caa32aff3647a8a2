//! The open-addressing table from keys to slots.
//!
//! An entry is one word: the upper half of the key's hash and the slot plus one (0: empty). A batch
//! is looked up a block of rows at a time, in passes without branches: read the first entry of every
//! row, then compare its key, so that the cache misses of a block overlap; the few rows whose key
//! stands elsewhere, or nowhere, are looked up one by one behind it. A new key takes the first free
//! entry behind its hash's place; nothing is ever removed.

use super::keys::{KeyColumn, KeyValues};
use flow_data::{Column, ColumnData, StrBuilder, StrColumn, View};
use flow_plan::DataType;

/// Rows whose first entries are read ahead. The table also grows by this at the most between looks.
const BLOCK: usize = 1024;
/// Rows whose keys are read before the first of them is compared.
const AHEAD: usize = 64;

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
        let mut probe =
            Probe { entries: &mut self.entries, hashes: &mut self.hashes, touched: &mut self.touched };
        if let ([key], [column], true) = (self.keys.as_mut_slice(), columns, plain) {
            match (&mut key.values, &column.data) {
                (KeyValues::Str(stored), ColumnData::Str(column)) => {
                    return probe.block(hashes, TextKeys { stored, column, start }, out);
                }
                (KeyValues::I64(stored), ColumnData::I64(column)) => {
                    return probe.block(hashes, IntKeys { stored, column: &column[start..] }, out);
                }
                _ => {}
            }
        }
        probe.block(hashes, AnyKeys { stored: &mut self.keys, columns, start }, out);
    }

    /// The keys of these slots, a column each.
    pub(crate) fn gather(&self, slots: &[u32]) -> Vec<Column> {
        self.keys.iter().map(|key| key.gather(slots)).collect()
    }

    /// Takes back the slots from `known` on. The last ones go first: no entry that stays was placed
    /// behind one that goes.
    pub(crate) fn forget(&mut self, known: usize) {
        let mask = self.entries.len() - 1;
        for slot in (known..self.hashes.len()).rev() {
            let hash = self.hashes[slot];
            let mut at = hash as usize & mask;
            while self.entries[at] != entry(hash, slot) {
                at = (at + 1) & mask;
            }
            self.entries[at] = 0;
        }
        self.hashes.truncate(known);
        self.keys.iter_mut().for_each(|key| key.truncate(known));
    }

    /// Keeps the table at most half full with this many more keys: the first entry is nearly always
    /// the right one.
    fn make_room(&mut self, more: usize) {
        let keys = self.len() + more;
        if keys * 2 <= self.entries.len() {
            return;
        }
        assert!(keys < u32::MAX as usize, "a worker holds at most 2^32 keys of an operator");
        let size = (keys * 2).next_power_of_two();
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
    /// What is read of a stored key to compare it quickly.
    type Key: Copy;
    /// Reads it, without a branch that depends on the key.
    fn read(&self, slot: usize) -> Self::Key;
    /// Is this the key of a row? May say no where it takes longer to find out.
    fn quick(&self, key: Self::Key, row: usize) -> bool;
    fn equal(&self, slot: usize, row: usize) -> bool;
    fn insert(&mut self, row: usize);
}

/// The parts of a table that a lookup changes.
struct Probe<'a> {
    entries: &'a mut [u64],
    hashes: &'a mut Vec<u64>,
    touched: &'a mut Vec<u64>,
}

impl Probe<'_> {
    #[inline]
    fn block<K: BlockKeys>(&mut self, hashes: &[u64], mut keys: K, out: &mut Vec<u32>) {
        let start = out.len();
        out.resize(start + hashes.len(), 0);
        let slots = &mut out[start..];
        let mut missed = [0u16; BLOCK];
        let misses = self.guess(hashes, &keys, slots, &mut missed);
        for &row in &missed[..misses] {
            let row = usize::from(row);
            slots[row] = self.find(hashes[row], row, &mut keys) as u32;
        }
    }

    /// Takes the first entry for that of the key, without a branch; notes the rows where it is not.
    #[inline]
    fn guess<K: BlockKeys>(
        &mut self,
        hashes: &[u64],
        keys: &K,
        slots: &mut [u32],
        missed: &mut [u16; BLOCK],
    ) -> usize {
        let mask = self.entries.len() - 1;
        self.touched.clear();
        self.touched.extend(hashes.iter().map(|&hash| self.entries[hash as usize & mask]));
        // Of a free entry, any slot: the comparison of keys decides.
        let last = self.hashes.len().saturating_sub(1) as u32;
        for (found, out) in self.touched.iter().zip(slots.iter_mut()) {
            *out = (*found as u32).wrapping_sub(1).min(last);
        }
        if self.hashes.is_empty() {
            (0..hashes.len()).for_each(|row| missed[row] = row as u16);
            return hashes.len();
        }
        let mut misses = 0;
        // Some rows ahead of the comparison, so that reads of many keys are on their way at once.
        for (part, slots) in slots.chunks(AHEAD).enumerate() {
            let mut read = [keys.read(0); AHEAD];
            read.iter_mut().zip(slots).for_each(|(key, &slot)| *key = keys.read(slot as usize));
            for (offset, key) in read[..slots.len()].iter().enumerate() {
                let row = part * AHEAD + offset;
                let hit = ((self.touched[row] ^ hashes[row]) >> 32 == 0) & keys.quick(*key, row);
                missed[misses & (BLOCK - 1)] = row as u16;
                misses += usize::from(!hit);
            }
        }
        misses
    }

    /// The slot of a row's key, which may be new.
    fn find<K: BlockKeys>(&mut self, hash: u64, row: usize, keys: &mut K) -> usize {
        let mask = self.entries.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let found = self.entries[at];
            if found == 0 {
                let slot = self.hashes.len();
                self.entries[at] = entry(hash, slot);
                self.hashes.push(hash);
                keys.insert(row);
                return slot;
            }
            let slot = (found as u32 - 1) as usize;
            if (found ^ hash) >> 32 == 0 && keys.equal(slot, row) {
                return slot;
            }
            at = (at + 1) & mask;
        }
    }
}

struct IntKeys<'a> {
    stored: &'a mut Vec<i64>,
    column: &'a [i64],
}

impl BlockKeys for IntKeys<'_> {
    type Key = i64;

    #[inline]
    fn read(&self, slot: usize) -> i64 {
        self.stored[slot]
    }

    #[inline]
    fn quick(&self, key: i64, row: usize) -> bool {
        key == self.column[row]
    }

    fn equal(&self, slot: usize, row: usize) -> bool {
        self.quick(self.stored[slot], row)
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
    type Key = View;

    #[inline]
    fn read(&self, slot: usize) -> View {
        self.stored.bytes().views()[slot]
    }

    /// Short strings are equal if their views are; of long ones, only the addresses are compared.
    #[inline]
    fn quick(&self, key: View, row: usize) -> bool {
        let other = self.column.column().views()[self.start + row];
        (key.lo == other.lo) & (key.hi == other.hi)
    }

    fn equal(&self, slot: usize, row: usize) -> bool {
        self.stored.get(slot) == self.column.get(self.start + row)
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
    type Key = usize;

    fn read(&self, slot: usize) -> usize {
        slot
    }

    fn quick(&self, key: usize, row: usize) -> bool {
        self.equal(key, row)
    }

    fn equal(&self, slot: usize, row: usize) -> bool {
        self.stored.iter().zip(self.columns).all(|(key, column)| key.equals(slot, column, self.start + row))
    }

    fn insert(&mut self, row: usize) {
        let row = self.start + row;
        self.stored.iter_mut().zip(self.columns).for_each(|(key, column)| key.push(column, row));
    }
}
