//! Writes a run, block by block.

use super::{BLOCK, CHECKSUM, LENGTHS, Place, Run};
use crate::state::lsm::bloom::Bloom;
use crate::state::lsm::{ColdError, Folder, digest};
use flow_env::WriteFile;
use std::path::PathBuf;
use std::sync::Arc;

/// So many bytes are written at once.
const WRITE: usize = 256 << 10;

/// A run that is being written; a file that is not finished goes with it.
pub(crate) struct Writer {
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
    pub(in crate::state::lsm) fn new(folder: &Arc<Folder>, entries: usize) -> Result<Writer, ColdError> {
        let path = folder.next();
        Ok(Writer {
            file: folder.take(|_| folder.create(&path))?,
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
    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), ColdError> {
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
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.capacity() + self.keys.len() + self.bloom.bytes() + size_of_val(&self.blocks[..])
    }

    /// The bytes of what was given.
    pub(crate) fn len(&self) -> usize {
        self.written as usize + self.buffer.len()
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
        let Writer { folder, file, buffer, written, .. } = self;
        folder.take(|again| {
            if again {
                file.cut(*written)?;
            }
            // What found no room for all of it takes up none while it waits.
            file.write_all(buffer).inspect_err(|_| drop(file.cut(*written)))
        })?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.block = 0;
        Ok(())
    }

    /// All entries were given. `None`: there were none.
    pub(in crate::state::lsm) fn finish(mut self) -> Result<Option<Run>, ColdError> {
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
            first: 0,
            entries: self.entries,
            bytes: self.written,
        }))
    }
}
