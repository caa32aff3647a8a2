//! An open-addressing index from keys to slots.
//!
//! An entry holds a word of its key (the key itself where it is short) and the slot, so that a
//! lookup touches one place in memory. A block of rows is looked up in passes without branches: read
//! the first entry of some rows, so that their cache misses overlap, then compare; the few rows whose
//! key stands elsewhere, or nowhere, are looked up one by one behind it. A new key takes the first
//! free entry behind its hash's place. Nothing is removed but the keys that came last; who has dropped
//! many keys says which ones stay, and the index is made anew ([`Index::retain`]).

/// Rows that are looked up together; an index grows by this at the most between looks.
pub(super) const BLOCK: usize = 1024;
/// Stands for a key that is not known.
pub(crate) const NO_SLOT: u32 = u32::MAX;
/// Rows whose entries are read before the first of them is compared.
const AHEAD: usize = 64;

#[derive(Clone, Copy, Default)]
struct Entry<W> {
    word: W,
    /// The slot plus one; 0: free.
    slot: u32,
}

/// What an index stores of a key.
pub(super) trait Word: Copy + Default + Eq {}
impl<T: Copy + Default + Eq> Word for T {}

pub(super) struct Index<W> {
    entries: Vec<Entry<W>>,
    /// The hash of every slot's key.
    hashes: Vec<u64>,
}

/// The keys of a block of rows, compared with those that are stored.
pub(super) trait Probe {
    type Word: Word;
    /// Equal keys have equal words.
    fn word(&self, row: usize, hash: u64) -> Self::Word;
    /// The words of a slot's key and a row's key are equal: are the keys?
    fn equal(&self, slot: usize, row: usize) -> bool;
}

/// The keys of a block of rows, which are stored if they are new.
pub(super) trait Keys: Probe {
    /// Stores the key of a row in the next slot.
    fn insert(&mut self, row: usize);
}

impl<W: Word> Index<W> {
    pub(super) fn new() -> Index<W> {
        Index { entries: vec![Entry::default(); BLOCK * 4], hashes: Vec::new() }
    }

    /// Number of keys.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The slots of a block of rows.
    #[inline]
    pub(super) fn slots<K: Keys<Word = W>>(&mut self, hashes: &[u64], mut keys: K, out: &mut Vec<u32>) {
        debug_assert!(hashes.len() <= BLOCK);
        self.make_room(hashes.len());
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

    /// The slots of a block of rows, [`NO_SLOT`] for keys that are not known.
    #[inline]
    pub(super) fn known<K: Probe<Word = W>>(&self, hashes: &[u64], keys: &K, out: &mut Vec<u32>) {
        debug_assert!(hashes.len() <= BLOCK);
        let start = out.len();
        out.resize(start + hashes.len(), 0);
        let slots = &mut out[start..];
        let mut missed = [0u16; BLOCK];
        let misses = self.guess(hashes, keys, slots, &mut missed);
        let mask = self.entries.len() - 1;
        for &row in &missed[..misses] {
            let row = usize::from(row);
            let word = keys.word(row, hashes[row]);
            let mut at = hashes[row] as usize & mask;
            slots[row] = loop {
                let found = self.entries[at];
                if found.slot == 0 {
                    break NO_SLOT;
                }
                if found.word == word && keys.equal(found.slot as usize - 1, row) {
                    break found.slot - 1;
                }
                at = (at + 1) & mask;
            };
        }
    }

    /// Takes the first entry for that of the key; notes the rows where it is not.
    #[inline]
    fn guess<K: Probe<Word = W>>(
        &self,
        hashes: &[u64],
        keys: &K,
        slots: &mut [u32],
        missed: &mut [u16; BLOCK],
    ) -> usize {
        let mask = self.entries.len() - 1;
        let mut misses = 0;
        let mut read = [Entry::default(); AHEAD];
        for (part, (hashes, slots)) in hashes.chunks(AHEAD).zip(slots.chunks_mut(AHEAD)).enumerate() {
            for (entry, &hash) in read.iter_mut().zip(hashes) {
                *entry = self.entries[hash as usize & mask];
            }
            for (offset, ((entry, &hash), out)) in read.iter().zip(hashes).zip(slots).enumerate() {
                let row = part * AHEAD + offset;
                let slot = entry.slot.wrapping_sub(1);
                let alike = (entry.word == keys.word(row, hash)) & (entry.slot != 0);
                let hit = alike && keys.equal(slot as usize, row);
                *out = slot;
                missed[misses & (BLOCK - 1)] = row as u16;
                misses += usize::from(!hit);
            }
        }
        misses
    }

    /// The slot of a row's key, which may be new.
    fn find<K: Keys<Word = W>>(&mut self, hash: u64, row: usize, keys: &mut K) -> usize {
        let mask = self.entries.len() - 1;
        let word = keys.word(row, hash);
        let mut at = hash as usize & mask;
        loop {
            let found = self.entries[at];
            if found.slot == 0 {
                let slot = self.hashes.len();
                self.entries[at] = Entry { word, slot: slot as u32 + 1 };
                self.hashes.push(hash);
                keys.insert(row);
                return slot;
            }
            if found.word == word && keys.equal(found.slot as usize - 1, row) {
                return found.slot as usize - 1;
            }
            at = (at + 1) & mask;
        }
    }

    /// Takes back the slots from `known` on. The last ones go first: no entry that stays was placed
    /// behind one that goes.
    pub(super) fn forget(&mut self, known: usize) {
        let mask = self.entries.len() - 1;
        for slot in (known..self.hashes.len()).rev() {
            let mut at = self.hashes[slot] as usize & mask;
            while self.entries[at].slot as usize != slot + 1 {
                at = (at + 1) & mask;
            }
            self.entries[at] = Entry::default();
        }
        self.hashes.truncate(known);
    }

    /// Keeps the index at most half full with this many more keys: the first entry is nearly always
    /// the right one. Keys move in the order of their slots, so that those seen first, the frequent
    /// ones, get the first entries again.
    fn make_room(&mut self, more: usize) {
        let keys = self.len() + more;
        if keys * 2 <= self.entries.len() {
            return;
        }
        assert!(keys < u32::MAX as usize, "a worker holds at most 2^32 keys of an operator");
        let words = self.words();
        self.place(&words, (keys * 2).next_power_of_two());
    }

    /// Makes the entries anew: so many, for all slots, whose words these are.
    fn place(&mut self, words: &[W], size: usize) {
        self.entries = Vec::new();
        self.entries.resize(size, Entry::default());
        let mask = size - 1;
        for (slot, (&hash, &word)) in self.hashes.iter().zip(words).enumerate() {
            let mut at = hash as usize & mask;
            while self.entries[at].slot != 0 {
                at = (at + 1) & mask;
            }
            self.entries[at] = Entry { word, slot: slot as u32 + 1 };
        }
    }

    /// Keeps the keys of these slots, which ascend; they become slots `0..`.
    pub(super) fn retain(&mut self, slots: &[u32]) {
        let words = self.words();
        let kept: Vec<W> = slots.iter().map(|&slot| words[slot as usize]).collect();
        self.hashes = slots.iter().map(|&slot| self.hashes[slot as usize]).collect();
        self.place(&kept, (kept.len() * 2).next_power_of_two().max(BLOCK * 4));
    }

    /// The word of each slot's key.
    fn words(&self) -> Vec<W> {
        let mut words = vec![W::default(); self.len()];
        for entry in self.entries.iter().filter(|entry| entry.slot != 0) {
            words[entry.slot as usize - 1] = entry.word;
        }
        words
    }
}
