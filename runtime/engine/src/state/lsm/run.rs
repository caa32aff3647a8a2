//! A run: entries in the order of their keys in a file that is written once. In memory are the first key of each block, a
//! [`Bloom`] filter, and a bit for each entry that was taken out since.
//!
//! A block is its checksum and, entry behind entry, the lengths of key and value and both of them. It holds as many entries as
//! fit in [`BLOCK`] bytes, at least one.

use super::bloom::Bloom;
use super::{ColdError, Folder, digest};
use flow_env::{ReadFile, WriteFile};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of a block, about: what has to be read for one entry.
const BLOCK: usize = 4 << 10;

/// So many bytes are written at once.
const WRITE: usize = 256 << 10;

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
        (self.before(from)?..end).for_each(|number| self.take(number));
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

/// Writes a run.
pub(super) struct Writer {
    folder: Arc<Folder>,
    path: PathBuf,
    file: Box<dyn WriteFile>,
    /// What is not written yet, and where the block that grows begins in it.
    buffer: Vec<u8>,
    block: usize,
    written: u64,
    blocks: Vec<Place>,
    keys: Vec<u8>,
    bloom: Bloom,
    entries: usize,
    finished: bool,
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            drop(self.folder.disk.remove_file(&self.path));
        }
    }
}

impl Writer {
    /// Of so many entries at the most.
    pub(super) fn new(folder: &Arc<Folder>, entries: usize) -> Result<Writer, ColdError> {
        let path = folder.next();
        Ok(Writer {
            file: folder.disk.create(&path)?,
            folder: folder.clone(),
            path,
            buffer: Vec::with_capacity(WRITE + 2 * BLOCK),
            block: 0,
            written: 0,
            blocks: Vec::new(),
            keys: Vec::new(),
            bloom: Bloom::new(entries),
            entries: 0,
            finished: false,
        })
    }

    /// The next entry; its key is behind all others.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), ColdError> {
        let too_long = || ColdError::new("a key is too long".into());
        let len = u16::try_from(key.len()).map_err(|_| too_long())?;
        let more = LENGTHS + key.len() + value.len();
        if self.buffer.len() > self.block && self.buffer.len() - self.block + more > BLOCK {
            self.end_block()?;
        }
        if self.buffer.len() == self.block {
            let at = self.written + self.block as u64;
            self.blocks.push(Place { at, len: 0, first: self.entries as u32, key: self.keys.len() });
            self.keys.extend_from_slice(key);
            self.buffer.extend_from_slice(&[0; CHECKSUM]);
        }
        let value_len =
            u32::try_from(value.len()).map_err(|_| ColdError::new("a key has too much state".into()))?;
        self.buffer.extend_from_slice(&len.to_le_bytes());
        self.buffer.extend_from_slice(&value_len.to_le_bytes());
        self.buffer.extend_from_slice(key);
        self.buffer.extend_from_slice(value);
        self.bloom.add(key);
        self.entries += 1;
        Ok(())
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.capacity() + self.keys.len() + self.bloom.bytes() + size_of_val(&self.blocks[..])
    }

    fn end_block(&mut self) -> Result<(), ColdError> {
        let bytes = &mut self.buffer[self.block..];
        let sum = digest(&bytes[CHECKSUM..]);
        bytes[..CHECKSUM].copy_from_slice(&sum.to_le_bytes());
        if let Some(place) = self.blocks.last_mut() {
            place.len = bytes.len() as u32;
        }
        self.block = self.buffer.len();
        if self.buffer.len() >= WRITE {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), ColdError> {
        self.file.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.block = 0;
        Ok(())
    }

    /// All entries were given. `None`: there were none.
    pub(super) fn finish(mut self) -> Result<Option<Run>, ColdError> {
        if self.entries == 0 {
            return Ok(None);
        }
        self.end_block()?;
        self.write()?;
        let file = self.folder.open(&self.path)?;
        self.finished = true;
        Ok(Some(Run {
            folder: self.folder.clone(),
            path: std::mem::take(&mut self.path),
            file,
            blocks: std::mem::take(&mut self.blocks),
            keys: std::mem::take(&mut self.keys),
            bloom: std::mem::take(&mut self.bloom),
            taken: vec![0; self.entries.div_ceil(64)],
            live: self.entries,
            entries: self.entries,
            bytes: self.written,
        }))
    }
}

/// Goes through the entries of a run that are there, from a key on.
pub(super) struct Cursor {
    /// The block it is in, and its entries.
    block: usize,
    bytes: Vec<u8>,
    entries: Vec<Found>,
    at: usize,
}

impl Cursor {
    pub(super) fn new(run: &Run, from: &[u8]) -> Result<Cursor, ColdError> {
        let mut cursor = Cursor { block: run.block_of(from), bytes: Vec::new(), entries: Vec::new(), at: 0 };
        cursor.open(run)?;
        let before = |entry: &&Found| cursor.bytes[entry.key.clone()] < *from;
        cursor.at = cursor.entries.iter().take_while(before).count();
        cursor.settle(run)?;
        Ok(cursor)
    }

    fn open(&mut self, run: &Run) -> Result<(), ColdError> {
        self.bytes = run.read(self.block)?;
        self.entries.clear();
        self.entries.extend(run.entries_of(self.block, &self.bytes));
        self.at = 0;
        Ok(())
    }

    /// Goes on to the next entry that is there, if this one is not.
    pub(super) fn settle(&mut self, run: &Run) -> Result<(), ColdError> {
        loop {
            match self.entries.get(self.at) {
                Some(entry) if run.is_live(entry.number) => return Ok(()),
                Some(_) => self.at += 1,
                None if self.block + 1 < run.blocks.len() => {
                    self.block += 1;
                    self.open(run)?;
                }
                None => return Ok(()),
            }
        }
    }

    /// The entry it is at; `None` behind the last one.
    pub(super) fn entry(&self) -> Option<(&[u8], &[u8])> {
        let entry = self.entries.get(self.at)?;
        Some((&self.bytes[entry.key.clone()], &self.bytes[entry.value.clone()]))
    }

    /// Goes on.
    pub(super) fn step(&mut self, run: &Run) -> Result<(), ColdError> {
        self.at += 1;
        self.settle(run)
    }
}
