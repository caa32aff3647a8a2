//! Goes through a run.

use super::{Found, Run};
use crate::state::lsm::ColdError;

/// Goes through the entries of a run that are there, from a key on.
pub(in crate::state::lsm) struct Cursor {
    /// The block it is in, and its entries.
    block: usize,
    bytes: Vec<u8>,
    entries: Vec<Found>,
    at: usize,
}

impl Cursor {
    pub(in crate::state::lsm) fn new(run: &Run, from: &[u8]) -> Result<Cursor, ColdError> {
        let mut cursor =
            Cursor { block: run.first_block(from), bytes: Vec::new(), entries: Vec::new(), at: 0 };
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
    pub(in crate::state::lsm) fn settle(&mut self, run: &Run) -> Result<(), ColdError> {
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
    pub(in crate::state::lsm) fn entry(&self) -> Option<(&[u8], &[u8])> {
        let entry = self.entries.get(self.at)?;
        Some((&self.bytes[entry.key.clone()], &self.bytes[entry.value.clone()]))
    }

    /// Goes on.
    pub(in crate::state::lsm) fn step(&mut self, run: &Run) -> Result<(), ColdError> {
        self.at += 1;
        self.settle(run)
    }
}
