//! An open-addressing index from keys to slots.
//!
//! An entry holds a word of its key (the key itself where it is short) and the slot, so that a
//! lookup touches one place in memory. A block of rows is looked up in a pass without branches that
//! compares a row with its first entry, which it asked the memory for some rows before; the few rows
//! whose key stands elsewhere, or nowhere, are looked up one by one behind it. A new key takes the first
//! free entry behind its hash's place. Nothing is removed but the keys that came last; who has dropped
//! many keys says which ones stay, and the index is made anew ([`Index::retain`]).

use super::held::room;
use flow_data::view::ask_for;

/// Rows that are looked up together.
pub(super) const BLOCK: usize = 1024;
/// Stands for a key that is not known.
pub(crate) const NO_SLOT: u32 = u32::MAX;
/// So many rows ahead, entries are asked for.
const AHEAD: usize = 64;
/// Entries of an index without keys: a window of few keys costs little.
const FIRST: usize = 8;

/// A key's word and its slot.
pub(super) trait Entry: Copy + Default {
    /// Slots that fit.
    const SLOTS: usize;
    /// The slot plus one; 0: free.
    fn number(self) -> u32;
    /// The same word with a slot.
    fn at(self, slot: usize) -> Self;
    /// Are the words equal, whatever the slots?
    fn alike(self, other: Self) -> bool;
}

/// Any word beside a slot.
#[derive(Clone, Copy, Default)]
pub(super) struct Wide<W> {
    pub(super) word: W,
    pub(super) number: u32,
}

impl<W: Copy + Default + Eq> Entry for Wide<W> {
    const SLOTS: usize = u32::MAX as usize;

    #[inline]
    fn number(self) -> u32 {
        self.number
    }

    #[inline]
    fn at(self, slot: usize) -> Wide<W> {
        Wide { word: self.word, number: slot as u32 + 1 }
    }

    #[inline]
    fn alike(self, other: Wide<W>) -> bool {
        self.word == other.word
    }
}

/// Two words whose first leaves its lowest 28 bits to the slot: 16 bytes, four to a cache line. (Of plain words: those of a
/// large table come from the system as zeros, and nobody writes them once more; see `env/memory.rs`.)
pub(super) type Packed = [u64; 2];

/// The bits of a slot's number in a [`Packed`] entry.
const NUMBER: u64 = (1 << 28) - 1;

impl Entry for Packed {
    const SLOTS: usize = NUMBER as usize;

    #[inline]
    fn number(self) -> u32 {
        (self[0] & NUMBER) as u32
    }

    #[inline]
    fn at(self, slot: usize) -> Packed {
        [self[0] & !NUMBER | (slot as u64 + 1), self[1]]
    }

    #[inline]
    fn alike(self, other: Packed) -> bool {
        ((self[0] ^ other[0]) & !NUMBER) | (self[1] ^ other[1]) == 0
    }
}

pub(super) struct Index<E> {
    entries: Vec<E>,
    /// With so many keys it is full.
    most: usize,
    /// The hash of every slot's key.
    hashes: Vec<u64>,
}

/// Where a key with this hash stands among so many entries, or is looked for first. The highest bits say which worker has a
/// key, and those below the middle which slice of a snapshot: neither divides the keys of one index, so both are left out.
#[inline]
fn place_of(hash: u64, entries: usize) -> usize {
    ((u64::from((hash >> 24) as u32) * entries as u64) >> 32) as usize
}

/// The place behind one.
#[inline]
fn behind(at: usize, entries: usize) -> usize {
    if at + 1 == entries { 0 } else { at + 1 }
}

/// The keys of a block of rows, compared with those that are stored.
pub(super) trait Probe {
    type Entry: Entry;
    /// The word of a row's key, without a slot. Equal keys have equal words.
    fn word(&self, row: usize, hash: u64) -> Self::Entry;
    /// The words of a slot's key and a row's key are equal: are the keys?
    fn equal(&self, slot: usize, row: usize) -> bool;
    /// The same, but `false` if it takes more than a look at the row.
    fn surely_equal(&self, slot: usize, row: usize) -> bool {
        self.equal(slot, row)
    }
}

/// The keys of a block of rows, which are stored if they are new.
pub(super) trait Keys: Probe {
    /// Stores the key of a row in the next slot.
    fn insert(&mut self, row: usize);
}

impl Index<Packed> {
    /// The same keys in entries with room for more slots.
    pub(super) fn widen(&mut self) -> Index<Wide<[u64; 2]>> {
        let wide = |e: &Packed| Wide { word: [e[0] & !NUMBER, e[1]], number: e.number() };
        let entries = self.entries.iter().map(wide).collect();
        Index { entries, most: self.most, hashes: std::mem::take(&mut self.hashes) }
    }
}

impl<E: Entry> Index<E> {
    pub(super) fn new() -> Index<E> {
        Index { entries: vec![E::default(); FIRST], most: FIRST / 2, hashes: Vec::new() }
    }

    /// The bytes it has taken.
    pub(super) fn bytes(&self) -> usize {
        room(&self.entries) + room(&self.hashes)
    }

    /// Number of keys.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The hash of every slot's key.
    pub(super) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Nobody looks for a key any more: its memory is better used by those that take over the groups.
    pub(super) fn close(&mut self) {
        self.entries = Vec::new();
    }

    /// Are there slots for the keys of another block?
    pub(super) fn is_full(&self) -> bool {
        self.len() + BLOCK > E::SLOTS
    }

    /// The slots of a block of rows.
    #[inline]
    pub(super) fn slots<K: Keys<Entry = E>>(&mut self, hashes: &[u64], mut keys: K, out: &mut Vec<u32>) {
        debug_assert!(hashes.len() <= BLOCK);
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
    pub(super) fn known<K: Probe<Entry = E>>(&self, hashes: &[u64], keys: &K, out: &mut Vec<u32>) {
        debug_assert!(hashes.len() <= BLOCK);
        let start = out.len();
        out.resize(start + hashes.len(), 0);
        let slots = &mut out[start..];
        let mut missed = [0u16; BLOCK];
        let misses = self.guess(hashes, keys, slots, &mut missed);
        let size = self.entries.len();
        for &row in &missed[..misses] {
            let row = usize::from(row);
            let word = keys.word(row, hashes[row]);
            let mut at = place_of(hashes[row], size);
            slots[row] = loop {
                let found = self.entries[at];
                if found.number() == 0 {
                    break NO_SLOT;
                }
                if found.alike(word) && keys.equal(found.number() as usize - 1, row) {
                    break found.number() - 1;
                }
                at = behind(at, size);
            };
        }
    }

    /// Takes the first entry for that of the key; notes the rows where it is not.
    #[inline]
    fn guess<K: Probe<Entry = E>>(
        &self,
        hashes: &[u64],
        keys: &K,
        slots: &mut [u32],
        missed: &mut [u16; BLOCK],
    ) -> usize {
        let size = self.entries.len();
        let ask = |hash: &u64| ask_for(&self.entries, place_of(*hash, size));
        hashes.iter().take(AHEAD).for_each(ask);
        let mut misses = 0;
        for (row, (&hash, out)) in hashes.iter().zip(slots).enumerate() {
            hashes.get(row + AHEAD).into_iter().for_each(ask);
            let entry = self.entries[place_of(hash, size)];
            let slot = entry.number().wrapping_sub(1);
            let alike = entry.alike(keys.word(row, hash)) & (entry.number() != 0);
            let hit = alike && keys.surely_equal(slot as usize, row);
            *out = slot;
            missed[misses & (BLOCK - 1)] = row as u16;
            misses += usize::from(!hit);
        }
        misses
    }

    /// The slot of a row's key, which may be new.
    fn find<K: Keys<Entry = E>>(&mut self, hash: u64, row: usize, keys: &mut K) -> usize {
        self.make_room();
        let size = self.entries.len();
        let word = keys.word(row, hash);
        let mut at = place_of(hash, size);
        loop {
            let found = self.entries[at];
            if found.number() == 0 {
                let slot = self.hashes.len();
                self.entries[at] = word.at(slot);
                self.hashes.push(hash);
                keys.insert(row);
                return slot;
            }
            if found.alike(word) && keys.equal(found.number() as usize - 1, row) {
                return found.number() as usize - 1;
            }
            at = behind(at, size);
        }
    }

    /// Takes back the slots from `known` on. The last ones go first: no entry that stays was placed
    /// behind one that goes.
    pub(super) fn forget(&mut self, known: usize) {
        let size = self.entries.len();
        for slot in (known..self.hashes.len()).rev() {
            let mut at = place_of(self.hashes[slot], size);
            while self.entries[at].number() as usize != slot + 1 {
                at = behind(at, size);
            }
            self.entries[at] = E::default();
        }
        self.hashes.truncate(known);
    }

    /// Keeps the index at most half full with one more key: the first entry is nearly always the right
    /// one.
    #[inline]
    fn make_room(&mut self) {
        if self.len() == self.most {
            self.grow();
        }
    }

    /// So many more keys come at once: growing step by step would make all entries anew at each of them. There is room for
    /// some more, and the index is somewhat fuller than one that has grown: fresh memory is most of what a job takes to go on.
    pub(super) fn reserve(&mut self, more: usize) {
        let keys = (self.len() + more).min(E::SLOTS);
        if keys > self.most {
            let most = (keys + keys / 16).max(BLOCK);
            self.place(&self.words(), most.div_ceil(5) * 8);
            self.most = most;
        }
    }

    /// Twice as many entries. A place becomes one of two beside each other, so that entries move in the order in which they
    /// stand, and both tables go through the caches once. Keys of one place, of which the first are the frequent ones,
    /// keep their order.
    #[cold]
    fn grow(&mut self) {
        assert!(self.len() < E::SLOTS, "a worker holds at most 2^32 keys of an operator");
        let old = std::mem::take(&mut self.entries);
        self.most = old.len();
        self.entries = vec![E::default(); old.len() * 2];
        // Entries before the first free one may belong to the end of the table.
        let free = old.iter().position(|entry| entry.number() == 0).unwrap_or(0);
        let (front, others) = old.split_at(free);
        let mut taken = [E::default(); BLOCK];
        for block in others.chunks(BLOCK).chain(front.chunks(BLOCK)) {
            // Without a branch: which places are free, nobody could foresee.
            let mut count = 0;
            for entry in block {
                taken[count & (BLOCK - 1)] = *entry;
                count += usize::from(entry.number() != 0);
            }
            taken[..count].iter().for_each(|entry| self.put(*entry));
        }
    }

    /// Puts an entry into the first free place for it.
    fn put(&mut self, entry: E) {
        let size = self.entries.len();
        let mut at = place_of(self.hashes[entry.number() as usize - 1], size);
        while self.entries[at].number() != 0 {
            at = behind(at, size);
        }
        self.entries[at] = entry;
    }

    /// Makes the entries anew: so many, for all slots, whose words these are, in their order. With keys in half of them it is
    /// full.
    fn place(&mut self, words: &[E], size: usize) {
        self.entries = Vec::new();
        self.entries = vec![E::default(); size];
        self.most = size / 2;
        for (slot, (&hash, word)) in self.hashes.iter().zip(words).enumerate() {
            let mut at = place_of(hash, size);
            while self.entries[at].number() != 0 {
                at = behind(at, size);
            }
            self.entries[at] = word.at(slot);
        }
    }

    /// Keeps the keys of these slots, which ascend; they become slots `0..`.
    pub(super) fn retain(&mut self, slots: &[u32]) {
        let words = self.words();
        let kept: Vec<E> = slots.iter().map(|&slot| words[slot as usize]).collect();
        self.hashes = slots.iter().map(|&slot| self.hashes[slot as usize]).collect();
        self.place(&kept, (kept.len() * 2).next_power_of_two().max(BLOCK * 4));
    }

    /// The word of each slot's key.
    fn words(&self) -> Vec<E> {
        let mut words = vec![E::default(); self.len()];
        for entry in self.entries.iter().filter(|entry| entry.number() != 0) {
            words[entry.number() as usize - 1] = *entry;
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_env::Random;

    struct Words<'a> {
        stored: &'a mut Vec<u64>,
        rows: &'a [u64],
    }

    impl Probe for Words<'_> {
        type Entry = Wide<u64>;

        fn word(&self, row: usize, _hash: u64) -> Wide<u64> {
            Wide { word: self.rows[row], number: 0 }
        }

        fn equal(&self, slot: usize, row: usize) -> bool {
            self.stored[slot] == self.rows[row]
        }
    }

    impl Keys for Words<'_> {
        fn insert(&mut self, row: usize) {
            self.stored.push(self.rows[row]);
        }
    }

    /// Of words that stand close together, mostly about the end of the table and its front.
    fn hash(word: u64) -> u64 {
        match word % 4 {
            0 => word.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            _ => ((word % 61).wrapping_sub(30) ^ (word % 3) << 9) << 24,
        }
    }

    fn compare(seed: u64) {
        let mut random = Random::new(seed);
        let (mut index, mut stored) = (Index::<Wide<u64>>::new(), Vec::new());
        for _ in 0..30 {
            let rows: Vec<u64> = (0..random.below(200)).map(|_| random.below(2_000)).collect();
            let hashes: Vec<u64> = rows.iter().map(|&word| hash(word)).collect();
            let mut slots = Vec::new();
            index.slots(&hashes, Words { stored: &mut stored, rows: &rows }, &mut slots);
            assert!(rows.iter().zip(&slots).all(|(row, &slot)| stored[slot as usize] == *row), "seed {seed}");
            if random.below(3) == 0 {
                let known = stored.len() - random.below(stored.len() as u64 / 3 + 1) as usize;
                index.forget(known);
                stored.truncate(known);
            }
            let all = stored.clone();
            let hashes: Vec<u64> = all.iter().map(|&word| hash(word)).collect();
            for (start, hashes) in (0..).step_by(BLOCK).zip(hashes.chunks(BLOCK)) {
                let mut slots = Vec::new();
                index.known(hashes, &Words { stored: &mut stored, rows: &all[start..] }, &mut slots);
                let right: Vec<u32> = (start as u32..).take(hashes.len()).collect();
                assert_eq!(slots, right, "seed {seed}");
            }
        }
        assert!(index.entries.len() >= 2 * stored.len());
    }

    #[test]
    fn an_index_that_grows_finds_all_keys_and_takes_back_the_last_ones() {
        (0..200).for_each(compare);
    }
}
