//! From a part file to a worker's state, or the reason why not.

use super::{END, GONE, HEAD, MAGIC, PartKey, ROWS, Sealed, TABLE, TAIL};
use crate::FORMAT;
use crate::failure::{Failure, Problem};
use crate::folder::open_file;
use crate::hash::Hashing;
use crate::loading::Schemas;
use crate::manifest::TableSchema;
use crate::state::{Change, Home, Table};
use flow_data::codec::{self, Bytes, Malformed};
use flow_data::hash::{hash_columns, range_of};
use flow_data::{Batch, Column};
use flow_env::{Disk, ReadFile};
use flow_plan::RecordType;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// So many bytes are read at once.
const PIECE: usize = 1 << 20;

const EARLY: &str = "it ends too early";

/// The tables of a part, by their places in the manifest.
pub(crate) type Tables = BTreeMap<(usize, usize), Table>;

/// Reads a part that must be this one; gives those of its tables that are wanted. It may have no others than the manifest.
pub(crate) fn read(
    disk: &dyn Disk,
    path: &Path,
    key: PartKey,
    sealed: Sealed,
    schemas: &Schemas,
    slice: Slice,
) -> Result<Tables, Failure> {
    let mut from = In::open(disk, path, key, sealed)?;
    let part = from.part(schemas, slice);
    // Damage is better told by the hash over all than by the first thing that it made senseless.
    from.finish()?;
    part
}

/// Reads a part that must be this one, for its hash alone.
pub(crate) fn verify(disk: &dyn Disk, path: &Path, key: PartKey, sealed: Sealed) -> Result<(), Failure> {
    In::open(disk, path, key, sealed)?.finish()
}

/// The entries whose hashes lie in one of several equal ranges: what memory has no room for is read one slice after the other.
/// They are those of the columns that say which worker an entry belongs to, so that what several tables of an operator hold of
/// a key is in one slice. Entries without such columns are in the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    pub(crate) number: usize,
    pub(crate) of: usize,
}

impl Slice {
    /// All entries.
    pub(crate) const ALL: Slice = Slice { number: 0, of: 1 };

    /// The rows of a batch that are in it; `None`: there are none, of a batch that had some.
    fn of(self, batch: Batch, keys: usize) -> Option<Batch> {
        if self.of <= 1 || batch.len == 0 {
            return Some(batch);
        }
        if keys == 0 {
            return (self.number == 0).then_some(batch);
        }
        let columns: Vec<&Column> = batch.columns.iter().take(keys).map(|column| &**column).collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, batch.len, &mut hashes);
        // The highest bits say which worker an entry belongs to: of these, each slice has some of all.
        let here = |row: &u32| range_of(hashes[*row as usize].rotate_left(32), self.of) == self.number;
        let rows: Vec<u32> = (0..batch.len as u32).filter(here).collect();
        (!rows.is_empty()).then(|| batch.gather(&rows))
    }
}

struct In<'a> {
    path: &'a Path,
    file: Box<dyn ReadFile>,
    sealed: Sealed,
    hash: Hashing,
    /// What was read from the file and not taken yet.
    ready: Vec<u8>,
    at: usize,
    /// Place in the file behind `ready`.
    next: u64,
}

impl<'a> In<'a> {
    fn open(disk: &dyn Disk, path: &'a Path, key: PartKey, sealed: Sealed) -> Result<In<'a>, Failure> {
        let file = open_file(disk, path)?;
        let length = file.len().map_err(Failure::io(path))?;
        let ready = Vec::new();
        let mut from = In { path, file, sealed, hash: Hashing::default(), ready, at: 0, next: 0 };
        let head = from.take(HEAD.min(usize::try_from(length).unwrap_or(HEAD)))?;
        check_head(path, head, key)?;
        if length != sealed.length {
            let why = format!("it has {length} bytes, the manifest says {}", sealed.length);
            return Err(Failure::damaged(path, why));
        }
        if length < (HEAD + TAIL) as u64 {
            return Err(Failure::damaged(path, EARLY));
        }
        Ok(from)
    }

    /// How many bytes of tables are left, with the sign at their end.
    fn left(&self) -> u64 {
        let taken = self.next - (self.ready.len() - self.at) as u64;
        (self.sealed.length - (TAIL - 1) as u64).saturating_sub(taken)
    }

    /// The next `len` bytes, of which the caller knows that the file has them.
    fn take(&mut self, len: usize) -> Result<&[u8], Failure> {
        while self.ready.len() - self.at < len {
            self.ready.drain(..self.at);
            self.at = 0;
            let have = self.ready.len();
            // A small file needs no more than it has.
            let left = self.sealed.length.saturating_sub(self.next);
            let piece = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            self.ready.resize(have + piece.max(len - have), 0);
            let count =
                self.file.read_at(&mut self.ready[have..], self.next).map_err(Failure::io(self.path))?;
            self.ready.truncate(have + count);
            self.next += count as u64;
            if count == 0 {
                return Err(Failure::damaged(self.path, EARLY));
            }
        }
        let bytes = &self.ready[self.at..self.at + len];
        self.hash.take(bytes);
        self.at += len;
        Ok(bytes)
    }

    /// The next `len` bytes of a table.
    fn body(&mut self, len: u64) -> Result<&[u8], Failure> {
        match usize::try_from(len) {
            Ok(bytes) if len <= self.left() => self.take(bytes),
            _ => Err(Failure::damaged(self.path, EARLY)),
        }
    }

    fn byte(&mut self) -> Result<u8, Failure> {
        Ok(self.body(1)?[0])
    }

    /// How many bytes a batch has.
    fn length(&mut self) -> Result<u64, Failure> {
        Ok(Bytes::new(self.body(8)?).u64().unwrap_or(u64::MAX))
    }

    fn name(&mut self) -> Result<String, Failure> {
        let len = self.body(2)?;
        let len = u16::from_le_bytes([len[0], len[1]]);
        let text = String::from_utf8(self.body(u64::from(len))?.to_vec());
        text.map_err(|_| Failure::damaged(self.path, "a name is not UTF-8"))
    }

    fn part(&mut self, schemas: &Schemas, slice: Slice) -> Result<Tables, Failure> {
        let (mut tables, mut passed) = (Tables::new(), HashSet::new());
        let mut sign = self.byte()?;
        while sign == TABLE {
            let (id, name) = (self.name()?, self.name()?);
            let path = self.path;
            let (at, schema) = schemas.find(&id, &name).ok_or_else(|| {
                Failure::damaged(path, format!("the manifest has no table `{name}` of the state `{id}`"))
            })?;
            if !passed.insert(at) {
                return Err(Failure::damaged(path, format!("a second table `{name}` of the state `{id}`")));
            }
            sign = match schemas.wants(at) {
                true => {
                    let (table, next) = self.table(schema, slice)?;
                    tables.insert(at, table);
                    next
                }
                false => self.pass()?,
            };
        }
        if sign != END || self.left() != 0 {
            return Err(Failure::damaged(self.path, "it goes on where it should end"));
        }
        Ok(tables)
    }

    /// Passes by a table that nobody wants; gives the sign behind it.
    fn pass(&mut self) -> Result<u8, Failure> {
        self.byte()?;
        loop {
            match self.byte()? {
                ROWS | GONE => {
                    let mut left = self.length()?;
                    while left > 0 {
                        let piece = left.min(PIECE as u64);
                        self.body(piece)?;
                        left -= piece;
                    }
                }
                sign => return Ok(sign),
            }
        }
    }

    /// A table, and the sign behind it.
    fn table(&mut self, schema: &TableSchema, slice: Slice) -> Result<(Table, u8), Failure> {
        let delta = match self.byte()? {
            0 => false,
            1 => true,
            _ => return Err(Failure::damaged(self.path, "a table is neither whole nor a change")),
        };
        let keys = schema.key_columns();
        let divided_by = match schema.home {
            Home::Key(columns) => columns,
            Home::Any => schema.keys,
        };
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        let sign = loop {
            match self.byte()? {
                ROWS => rows.extend(slice.of(self.batch(&schema.columns)?, divided_by)),
                GONE if delta => gone.extend(slice.of(self.batch(&keys)?, divided_by)),
                sign => break sign,
            }
        };
        let change = if delta { Change::Delta { gone } } else { Change::Whole };
        let table = Table {
            name: schema.name.clone(),
            schema: schema.columns.clone(),
            keys: schema.keys,
            home: schema.home,
            rows,
            change,
        };
        Ok((table, sign))
    }

    fn batch(&mut self, schema: &RecordType) -> Result<Batch, Failure> {
        let path = self.path;
        let len = self.length()?;
        let mut bytes = Bytes::new(self.body(len)?);
        let batch = codec::decode(&mut bytes, schema);
        let batch = batch.and_then(|batch| {
            if bytes.is_empty() { Ok(batch) } else { Err(bytes.wrong("a batch goes on where it should end")) }
        });
        batch.map_err(|Malformed { what, .. }| Failure::damaged(path, what))
    }

    /// Reads what is left, and compares the hash.
    fn finish(mut self) -> Result<(), Failure> {
        while self.left() > 0 {
            self.take(self.left().min(PIECE as u64) as usize)?;
        }
        let length = Bytes::new(self.take(8)?).u64().unwrap_or(0);
        let hash = self.hash.finish();
        let path = self.path;
        let stored = self.take(16)? == hash.to_bytes();
        if !stored || length != self.sealed.length {
            return Err(Failure::damaged(path, "its hash differs"));
        }
        if hash != self.sealed.hash {
            return Err(Failure::damaged(path, "it is whole, but not the one that the manifest names"));
        }
        Ok(())
    }
}

/// Compares the head with what should be there.
fn check_head(path: &Path, head: &[u8], key: PartKey) -> Result<(), Failure> {
    let mut head = Bytes::new(head);
    let early = |_: Malformed| Failure::damaged(path, EARLY);
    if head.take(MAGIC.len()).map_err(early)? != MAGIC {
        return Err(Failure::new(path, Problem::Foreign { expected: "a part of a checkpoint" }));
    }
    let format = head.u32().map_err(early)?;
    if format > FORMAT {
        return Err(Failure::new(path, Problem::Newer { format }));
    }
    let (generation, epoch) = (head.u64().map_err(early)?, head.u64().map_err(early)?);
    let worker = head.u32().map_err(early)? as usize;
    if (PartKey { generation, epoch, worker }) != key {
        let why = format!(
            "it is worker {worker}'s part of run {generation}, epoch {epoch}; here should be worker {}'s of run {}, epoch {}",
            key.worker, key.generation, key.epoch
        );
        return Err(Failure::damaged(path, why));
    }
    Ok(())
}
