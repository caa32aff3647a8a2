//! Word counts: a tuned one (vector scan, keys of up to 16 bytes inside the table, lookups a batch
//! ahead of the counting) and a plain one (split, a hash map with a fast hash, borrowed keys).
#![allow(unsafe_code)]

use super::Output;
use crate::scan::word_ends;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::io;

/// Words looked up together: their table lines are asked for before the first is needed.
const BATCH: usize = 64;

/// A word of at most 16 bytes, the rest zero; longer words live in `Tuned::long`.
#[derive(Clone, Copy, Default)]
#[repr(C, align(32))]
struct Slot {
    low: u64,
    high: u64,
    count: u64,
    length: u64,
}

/// Counts in an open-addressing table with the keys inside.
pub(super) struct Tuned {
    slots: Vec<Slot>,
    mask: usize,
    used: usize,
    long: HashMap<Vec<u8>, u64, FixedState>,
    batch: [(u64, u64, u64, usize); BATCH],
    held: usize,
}

impl Tuned {
    pub(super) fn new() -> Tuned {
        let size = 1 << 16;
        Tuned {
            slots: vec![Slot::default(); size],
            mask: size - 1,
            used: 0,
            long: HashMap::default(),
            batch: [(0, 0, 0, 0); BATCH],
            held: 0,
        }
    }

    /// Counts the words of a block of whole lines.
    pub(super) fn count(&mut self, block: &[u8]) {
        let mut start = 0;
        let mut base = 0;
        while base < block.len() {
            // SAFETY: 64 bytes of padding follow each block.
            let mut ends = unsafe { word_ends(block.as_ptr().add(base)) };
            if block.len() - base < 64 {
                ends &= (1 << (block.len() - base)) - 1;
            }
            while ends != 0 {
                let end = base + ends.trailing_zeros() as usize;
                ends &= ends - 1;
                // SAFETY: `start..end` is inside the block and 64 bytes of padding follow it.
                unsafe { self.word(block.as_ptr().add(start), end - start) };
                start = end + 1;
            }
            base += 64;
        }
        if start < block.len() {
            // SAFETY: the last line has no line end; as above.
            unsafe { self.word(block.as_ptr().add(start), block.len() - start) };
        }
        self.settle();
    }

    #[inline(always)]
    unsafe fn word(&mut self, at: *const u8, length: usize) {
        if length.wrapping_sub(1) >= 16 {
            // SAFETY: handed on.
            unsafe { self.other(at, length) };
            return;
        }
        // SAFETY: 16 bytes from a place inside the block are readable.
        let (low, high) =
            unsafe { (at.cast::<u64>().read_unaligned(), at.add(8).cast::<u64>().read_unaligned()) };
        let (low, high) = if length <= 8 {
            (low & (u64::MAX >> (64 - 8 * length)), 0)
        } else {
            (low, high & (u64::MAX >> (128 - 8 * length)))
        };
        let slot = hash(low, high) as usize & self.mask;
        prefetch(&self.slots[slot]);
        self.batch[self.held] = (low, high, length as u64, slot);
        self.held += 1;
        if self.held == BATCH {
            self.settle();
        }
    }

    /// Empty words count for nothing; long ones go to the map.
    #[cold]
    unsafe fn other(&mut self, at: *const u8, length: usize) {
        if length > 0 {
            // SAFETY: the word lies inside the block.
            let word = unsafe { std::slice::from_raw_parts(at, length) };
            *self.long.entry_ref(word).or_insert(0) += 1;
        }
    }

    fn settle(&mut self) {
        for i in 0..self.held {
            let (low, high, length, mut at) = self.batch[i];
            loop {
                let slot = &mut self.slots[at];
                if slot.low == low && slot.high == high {
                    slot.count += 1;
                    break;
                }
                if slot.length == 0 {
                    *slot = Slot { low, high, count: 1, length };
                    self.used += 1;
                    break;
                }
                at = (at + 1) & self.mask;
            }
        }
        self.held = 0;
        // Between batches only: a batch remembers places in the table.
        if self.used * 2 > self.slots.len() {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let size = self.slots.len() * 4;
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); size]);
        self.mask = size - 1;
        for slot in old.into_iter().filter(|s| s.length > 0) {
            let mut at = hash(slot.low, slot.high) as usize & self.mask;
            while self.slots[at].length > 0 {
                at = (at + 1) & self.mask;
            }
            self.slots[at] = slot;
        }
    }

    pub(super) fn write(&self, out: &mut Output) {
        for slot in self.slots.iter().filter(|s| s.length > 0) {
            let mut word = [0; 16];
            word[..8].copy_from_slice(&slot.low.to_le_bytes());
            word[8..].copy_from_slice(&slot.high.to_le_bytes());
            write_row(out, &word[..slot.length as usize], slot.count);
        }
        for (word, count) in &self.long {
            write_row(out, word, *count);
        }
    }
}

/// Counts as a programmer would on a first try with good parts.
pub(super) fn plain(path: &str, out: &mut Output) -> io::Result<()> {
    let file = std::fs::File::open(path)?;
    // SAFETY: the benchmark data is not changed while the program runs.
    let map = unsafe { memmap2::Mmap::map(&file)? };
    let mut counts: HashMap<&[u8], u64, FixedState> = HashMap::default();
    for line in map.split(|b| *b == b'\n') {
        for word in line.split(|b| *b == b' ').filter(|w| !w.is_empty()) {
            *counts.entry(word).or_insert(0) += 1;
        }
    }
    for (word, count) in &counts {
        write_row(out, word, *count);
    }
    Ok(())
}

fn write_row(out: &mut Output, word: &[u8], count: u64) {
    out.reserve(word.len() + 64);
    out.buffer.extend_from_slice(b"{\"word\":\"");
    out.buffer.extend_from_slice(word);
    out.buffer.extend_from_slice(b"\",\"n\":");
    out.buffer.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    out.buffer.extend_from_slice(b"}\n");
}

#[inline(always)]
fn hash(low: u64, high: u64) -> u64 {
    let product = u128::from(low ^ 0x2d35_8dcc_aa6c_78a5) * u128::from(high ^ 0x8bb8_4b93_962e_acc9);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline(always)]
fn prefetch(slot: &Slot) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; any address is allowed.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
            std::ptr::from_ref(slot).cast(),
        );
    }
}
