//! From a worker's state to a part file.

use super::{END, GONE, HEAD, MAGIC, PartKey, ROWS, Sealed, TABLE, TAIL};
use crate::FORMAT;
use crate::failure::{Failure, Problem};
use crate::hash::Hashing;
use crate::state::{Change, Part, Table};
use flow_data::{Batch, codec};
use flow_env::{Disk, WriteFile, planted};
use std::path::Path;

/// So many bytes are collected before they are written.
const PIECE: usize = 1 << 20;

/// Writes a part that holds all there is.
#[cfg(test)]
pub(crate) fn write(disk: &dyn Disk, path: &Path, key: PartKey, part: &Part) -> Result<Sealed, Failure> {
    write_with(disk, path, key, part, &mut |_, _| Ok(None))
}

/// More entries of a table, by the numbers of its state and of the table in it; `None`: it has all.
pub type More<'a> = dyn FnMut(usize, usize) -> Result<Option<Batch>, Failure> + 'a;

/// Writes a part and makes it durable, but for its name in the folder. `more` brings what the tables of the part do not hold.
pub(crate) fn write_with(
    disk: &dyn Disk,
    path: &Path,
    key: PartKey,
    part: &Part,
    more: &mut More<'_>,
) -> Result<Sealed, Failure> {
    let file = disk.create(path).map_err(Failure::io(path))?;
    let mut out =
        Out { path, file, pending: Vec::with_capacity(PIECE + (PIECE >> 2)), hash: Hashing::default() };
    out.pending.extend_from_slice(MAGIC);
    out.pending.extend_from_slice(&FORMAT.to_le_bytes());
    out.pending.extend_from_slice(&key.generation.to_le_bytes());
    out.pending.extend_from_slice(&key.epoch.to_le_bytes());
    out.pending.extend_from_slice(&(key.worker as u32).to_le_bytes());
    debug_assert_eq!(out.pending.len(), HEAD);
    for (number, state) in part.states.iter().enumerate() {
        for (at, table) in state.tables.iter().enumerate() {
            out.table(&state.id, table)?;
            while let Some(batch) = more(number, at)? {
                out.batch(ROWS, &batch)?;
            }
        }
    }
    out.seal()
}

struct Out<'a> {
    path: &'a Path,
    file: Box<dyn WriteFile>,
    pending: Vec<u8>,
    hash: Hashing,
}

impl Out<'_> {
    fn table(&mut self, state: &str, table: &Table) -> Result<(), Failure> {
        self.pending.push(TABLE);
        self.name(state)?;
        self.name(&table.name)?;
        let gone: &[Batch] = match &table.change {
            Change::Whole => {
                self.pending.push(0);
                &[]
            }
            Change::Delta { gone } => {
                self.pending.push(1);
                gone
            }
        };
        table.rows.iter().try_for_each(|batch| self.batch(ROWS, batch))?;
        gone.iter().try_for_each(|batch| self.batch(GONE, batch))
    }

    fn name(&mut self, name: &str) -> Result<(), Failure> {
        let len = u16::try_from(name.len()).map_err(|_| {
            Failure::new(self.path, Problem::Contradiction("a name has more than 65,535 bytes".into()))
        })?;
        self.pending.extend_from_slice(&len.to_le_bytes());
        self.pending.extend_from_slice(name.as_bytes());
        Ok(())
    }

    fn batch(&mut self, sign: u8, batch: &Batch) -> Result<(), Failure> {
        self.pending.push(sign);
        let at = self.pending.len();
        self.pending.extend_from_slice(&[0; 8]);
        codec::encode(batch, &mut self.pending)
            .map_err(|why| Failure::new(self.path, Problem::Unencodable(why)))?;
        let len = (self.pending.len() - at - 8) as u64;
        self.pending[at..at + 8].copy_from_slice(&len.to_le_bytes());
        if self.pending.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.hash.take(&self.pending);
        self.file.write_all(&self.pending).map_err(Failure::io(self.path))?;
        self.pending.clear();
        Ok(())
    }

    fn seal(mut self) -> Result<Sealed, Failure> {
        self.pending.push(END);
        let length = self.hash.taken() + self.pending.len() as u64 + (TAIL - 1) as u64;
        self.pending.extend_from_slice(&length.to_le_bytes());
        self.flush()?;
        let hash = self.hash.finish();
        self.file.write_all(&hash.to_bytes()).map_err(Failure::io(self.path))?;
        if !planted("skip-part-sync") {
            self.file.sync().map_err(Failure::io(self.path))?;
        }
        Ok(Sealed { length, hash })
    }
}
