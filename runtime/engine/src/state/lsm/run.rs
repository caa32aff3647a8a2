//! A run: entries in the order of their keys in a file that is written once. In memory are the first key of each block, a
//! [`Bloom`] filter, and a bit for each entry that was taken out since.
//!
//! A block is its checksum and, entry behind entry, the lengths of key and value and both of them. It holds as many entries as
//! fit in [`BLOCK`] bytes, at least one.

mod cursor;
mod writer;

pub(super) use cursor::Cursor;
pub(crate) use writer::Writer;

use super::bloom::Bloom;
use super::{ColdError, Folder, digest};
use flow_env::ReadFile;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of a block, about: what has to be read for one entry.
const BLOCK: usize = 4 << 10;

const CHECKSUM: usize = size_of::<u64>();
const LENGTHS: usize = size_of::<u16>() + size_of::<u32>();

/// Where a block is.
struct Place {
    at: u64,
    len: u32,
    /// Entries in front of it.
    first: u32,
    /// Where its first key begins among all of these.
    key: usize,
}

pub(super) struct Run {
    folder: Arc<Folder>,
    path: PathBuf,
    /// Without it, it is opened for each block: too many are open.
    file: Option<Box<dyn ReadFile>>,
    blocks: Vec<Place>,
    /// First keys of blocks, one behind the other.
    keys: Vec<u8>,
    bloom: Bloom,
    /// A bit for each entry that is there no more.
    taken: Vec<u64>,
    entries: usize,
    live: usize,
    /// All entries in front of this one are gone: whoever takes them in their order does not look at them again.
    first: usize,
    bytes: u64,
}

/// An entry of a block: its number in the run, and where in the block key and value are.
struct Found {
    number: usize,
    key: Range<usize>,
    value: Range<usize>,
}

impl Run {
    /// Entries that are there.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// Of the file, what those take, about.
    pub(super) fn live_bytes(&self) -> usize {
        (self.bytes as u128 * self.live as u128 / self.entries.max(1) as u128) as usize
    }

    /// Are most entries gone?
    pub(super) fn is_sparse(&self) -> bool {
        3 * self.live < self.entries
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.blocks[..]) + self.keys.len() + self.bloom.bytes() + self.taken.len() * 8
    }

    fn first_key(&self, block: usize) -> &[u8] {
        let end = self.blocks.get(block + 1).map_or(self.keys.len(), |next| next.key);
        &self.keys[self.blocks[block].key..end]
    }

    /// The block that has a key if one does: the last one that does not begin behind it.
    fn block_of(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.blocks.len());
        while low < high {
            let middle = (low + high) / 2;
            match self.first_key(middle) <= key {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low.saturating_sub(1)
    }

    /// The block in which a search from this key on begins: those in front have no entry any more that is there.
    fn first_block(&self, from: &[u8]) -> usize {
        let live = self.blocks.partition_point(|block| block.first as usize <= self.first);
        self.block_of(from).max(live.saturating_sub(1))
    }

    /// The bytes of a block.
    fn read(&self, block: usize) -> Result<Vec<u8>, ColdError> {
        let Place { at, len, .. } = self.blocks[block];
        let mut bytes = vec![0; len as usize];
        let opened;
        let file = match &self.file {
            Some(file) => file,
            None => {
                opened = self.folder.disk.open(&self.path)?;
                &opened
            }
        };
        let mut done = 0;
        while done < bytes.len() {
            match file.read_at(&mut bytes[done..], at + done as u64)? {
                0 => return Err(ColdError::new(format!("{} is shorter than it was", self.path.display()))),
                n => done += n,
            }
        }
        let (sum, rest) = bytes.split_at(CHECKSUM);
        match sum == digest(rest).to_le_bytes() {
            true => Ok(bytes),
            false => Err(ColdError::new(format!("{} does not hold what was written", self.path.display()))),
        }
    }

    /// The entries of a block, also those that are gone.
    fn entries_of<'a>(&self, block: usize, bytes: &'a [u8]) -> impl Iterator<Item = Found> + use<'a> {
        let mut at = CHECKSUM;
        let mut number = self.blocks[block].first as usize;
        std::iter::from_fn(move || {
            let lengths = bytes.get(at..at + LENGTHS)?;
            let key_len = u16::from_le_bytes([lengths[0], lengths[1]]) as usize;
            let len = u32::from_le_bytes([lengths[2], lengths[3], lengths[4], lengths[5]]) as usize;
            let key = at + LENGTHS..at + LENGTHS + key_len;
            let value = key.end..key.end + len;
            at = value.end;
            number += 1;
            Some(Found { number: number - 1, key, value })
        })
    }

    /// An entry that is there, if a key has one: its number, and what it has.
    pub(super) fn find(&self, key: &[u8]) -> Result<Option<(usize, Vec<u8>)>, ColdError> {
        if self.live == 0 || !self.bloom.perhaps(key) {
            return Ok(None);
        }
        let block = self.block_of(key);
        let bytes = self.read(block)?;
        let found = self.entries_of(block, &bytes).find(|entry| bytes[entry.key.clone()] == *key);
        let found = found.filter(|entry| self.is_live(entry.number));
        Ok(found.map(|entry| (entry.number, bytes[entry.value].to_vec())))
    }

    /// Is an entry there?
    #[inline]
    fn is_live(&self, number: usize) -> bool {
        self.taken[number / 64] & (1 << (number % 64)) == 0
    }

    /// An entry goes.
    pub(super) fn take(&mut self, number: usize) {
        self.live -= usize::from(self.is_live(number));
        self.taken[number / 64] |= 1 << (number % 64);
        while self.first < self.entries && !self.is_live(self.first) {
            self.first += 1;
        }
    }

    /// How many entries have keys before this one.
    fn before(&self, key: &[u8]) -> Result<usize, ColdError> {
        let block = self.block_of(key);
        let bytes = self.read(block)?;
        let first = self.blocks[block].first as usize;
        Ok(first + self.entries_of(block, &bytes).take_while(|entry| bytes[entry.key.clone()] < *key).count())
    }

    /// The entries with keys from the one to before the other go.
    pub(super) fn take_range(&mut self, from: &[u8], to: Option<&[u8]>) -> Result<(), ColdError> {
        let end = to.map_or(Ok(self.entries), |to| self.before(to))?;
        let from = if from.is_empty() { 0 } else { self.before(from)? };
        (from.max(self.first)..end).for_each(|number| self.take(number));
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            self.folder.closed();
        }
        // The folder is emptied before the next start, should this fail.
        drop(self.folder.disk.remove_file(&self.path));
    }
}
