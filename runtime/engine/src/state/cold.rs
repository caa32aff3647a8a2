//! Entries of an operator that memory has no room for, on disk.
//!
//! An entry is what the operator's table in a checkpoint holds of a key, one row or several, kept under the hash of the key.
//! It is here or in memory, never in both: [`Cold::take`] removes what it gives. Nothing here outlives the process: what
//! lasts is in checkpoints, which find here what they still have to copy ([`Cold::mark`], [`Cold::next_marked`]): each row
//! says whether it changed since the barrier before it was put. Knows bytes and hashes; never knows what the columns mean.

#[cfg(test)]
mod tests;
mod turns;

pub(crate) use turns::Turns;

use super::lsm::{Folder, Tree, Writer};
use super::seen::Seen;
use super::shelves::Row;
use crate::checkpoints::Tell;
use crate::error::Again;
use crate::snapshot::{Columns, Loaded};
use crate::space::Hurry;
use flow_data::Batch;
use flow_data::codec::{self, Bytes};
use flow_env::Disk;
use flow_plan::RecordType;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Where the operators of a job put what memory has no room for.
pub(crate) struct Spill {
    folder: Arc<Folder>,
    /// Bytes that a tree keeps in memory before it writes them.
    latest: usize,
    /// Bytes that the tables of one operator of one worker may take in memory.
    budget: usize,
}

/// The disk cannot hold it, or does not give it back.
#[derive(Debug)]
pub(crate) struct ColdError {
    why: String,
    again: Again,
}

impl ColdError {
    /// What is on disk is not what was put there, or the like: a run that begins at the last checkpoint puts it there anew.
    pub(crate) fn new(why: String) -> ColdError {
        ColdError { why, again: Again::Perhaps }
    }

    /// May another run go well?
    pub(crate) fn again(&self) -> Again {
        self.again
    }
}

impl fmt::Display for ColdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "state on disk: {}", self.why)
    }
}

impl From<io::Error> for ColdError {
    fn from(error: io::Error) -> ColdError {
        ColdError { why: error.to_string(), again: Again::after(&error) }
    }
}

impl Spill {
    /// Makes a folder for the run of this number, with so many tables that may take so much memory together. Where its disk is full, workers wait for space
    /// unless they must hurry.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        (folder, run): (&Path, u64),
        (memory, tables): (usize, usize),
        hurry: Hurry,
        tell: Option<Tell>,
    ) -> Result<Spill, ColdError> {
        // Half for tables; the rest for trees, and for what is copied on the way between the two.
        let budget = memory / 2 / tables.max(1);
        let folder = Folder::new(disk, folder, run, hurry, tell)?;
        Ok(Spill { folder, latest: (budget / 8).clamp(1 << 14, 1 << 22), budget })
    }

    /// The same, whose trees keep so little in memory that nearly every entry goes to disk (for tests).
    pub(crate) fn tiny(self) -> Spill {
        Spill { latest: 1 << 10, ..self }
    }

    /// One that does not wait.
    #[cfg(test)]
    pub(crate) fn of(disk: impl Disk + 'static, memory: usize) -> Spill {
        let hurry: Hurry = Box::new(|| Some(""));
        Spill::open(Arc::new(disk), (Path::new("/spilled"), 1), (memory, 1), hurry, None).unwrap()
    }

    /// Bytes that the tables of one operator of one worker may take in memory.
    pub(super) fn budget(&self) -> usize {
        self.budget
    }

    /// A tree of its own.
    pub(super) fn tree(&self) -> Tree {
        Tree::new(&self.folder, self.latest)
    }
}

/// Hashes of keys, in the same order in every run: checkpoints are written so, and simulated jobs repeat.
type Hashes = HashSet<u64, BuildHasherDefault<DefaultHasher>>;

/// What a known hash takes; and of so few entries it is always known which have changed.
const KNOWN: usize = 9;
const FEW: usize = 8;

/// The entries of one operator of one worker that are on disk.
pub(crate) struct Cold {
    spill: Arc<Spill>,
    tree: Tree,
    /// The columns of entries, once there was one.
    schema: Arc<RecordType>,
    seen: Seen,
    entries: usize,
    /// Of entries with rows that changed since the last barrier, unless these are too many to be known in memory.
    changed: Option<Hashes>,
    left: Left,
    /// Entries in it were put before the current mark, all others behind it.
    round: u32,
    /// Where entries go while many come in the order of their hashes, and the last of these.
    crowd: Option<(Writer, Option<u64>)>,
}

/// What a checkpoint on its way still has to copy.
enum Left {
    Nothing,
    /// Entries from this hash on that were put before this round: all, or of those put in the one before it the rows that
    /// had changed.
    From(u64, bool),
    /// Of the entries of these hashes that were put in the round before this one, the rows that had changed.
    Of(Hashes),
}

/// An entry as it was put.
struct Entry {
    /// The round in which that was.
    round: u32,
    rows: Batch,
    /// Had they changed since the barrier before it? By row.
    changed: Vec<bool>,
}

/// What was taken.
#[derive(Default)]
pub(crate) struct Taken {
    /// The rows of all entries.
    pub(crate) entries: Option<Loaded>,
    /// Have they changed since the last barrier? By row.
    pub(crate) changed: Vec<bool>,
    /// The rows that a checkpoint still needs: the caller gives it them.
    pub(crate) marked: Option<Columns>,
}

impl Cold {
    pub(crate) fn new(spill: &Arc<Spill>) -> Result<Cold, ColdError> {
        Ok(Cold {
            tree: spill.tree(),
            spill: spill.clone(),
            schema: Arc::default(),
            seen: Seen::default(),
            entries: 0,
            changed: Some(Hashes::default()),
            left: Left::Nothing,
            round: 0,
            crowd: None,
        })
    }

    /// The same for another table of the operator.
    pub(super) fn beside(&self) -> Result<Cold, ColdError> {
        Cold::new(&self.spill)
    }

    /// A row, in which nothing stands yet.
    pub(crate) fn row(&self) -> Row {
        Row::new(&self.spill)
    }

    /// The rows of the next entries from this hash on, of about so many, and where those behind them begin. What is here stays.
    pub(crate) fn read(&self, from: u64, most: usize) -> Result<(Option<Loaded>, Option<u64>), ColdError> {
        let (mut rows, mut next) = (Vec::new(), None);
        for (at, entry) in self.tree.range(&from.to_be_bytes(), None)?.enumerate() {
            let (hash, bytes) = entry?;
            if at >= most {
                next = hash[..].try_into().map(u64::from_be_bytes).ok();
                break;
            }
            rows.extend(self.decode(&bytes)?.into_iter().map(|entry| entry.rows));
        }
        Ok((joined(rows).map(|rows| Loaded::of(self.schema.clone(), rows)), next))
    }

    /// When entries of the operator have their turn.
    pub(crate) fn turns(&self) -> Turns {
        Turns::new(&self.spill)
    }

    /// Bytes that the operator's tables may take in memory.
    pub(crate) fn budget(&self) -> usize {
        self.spill.budget
    }

    /// How many entries.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// What it takes in memory itself, about.
    pub(crate) fn bytes(&self) -> usize {
        let left = if let Left::Of(left) = &self.left { left.capacity() } else { 0 };
        (self.changed.as_ref().map_or(0, Hashes::capacity) + left) * KNOWN
            + self.seen.bytes()
            + self.tree.bytes()
            + self.crowd.as_ref().map_or(0, |(crowd, _)| crowd.bytes())
    }

    /// So many entries come next, of about so many bytes, in the order of their hashes, and all of a hash at once: where that are
    /// many, they need not be sorted in memory, nor merged with each other.
    pub(crate) fn begin_crowd(&mut self, entries: usize, bytes: usize) -> Result<(), ColdError> {
        if bytes > self.spill.latest {
            self.crowd = Some((self.tree.begin_run(entries)?, None));
        }
        Ok(())
    }

    /// All of them were put.
    pub(crate) fn end_crowd(&mut self) -> Result<(), ColdError> {
        self.crowd.take().map_or(Ok(()), |(crowd, _)| self.tree.end_run(crowd))
    }

    /// Puts rows, whose keys have these hashes: those of a key stand together, and are an entry. Have they changed since the
    /// last barrier? Those whose copy a checkpoint still needs have been copied by the caller.
    pub(crate) fn put(&mut self, hashes: &[u64], rows: Columns, changed: &[bool]) -> Result<(), ColdError> {
        let (schema, batch) = rows.into_rows();
        self.schema = schema;
        let most = (self.spill.budget / 16 / KNOWN).max(FEW);
        let mut end = 0;
        for same in hashes.chunk_by(|a, b| a == b) {
            let (hash, of) = (same[0], end..end + same.len());
            end = of.end;
            let key = hash.to_be_bytes();
            // Another key may have the same hash.
            let other = if self.seen.perhaps(hash) { self.tree.remove(&key)? } else { None };
            let mut bytes = other.unwrap_or_default();
            encode(self.round, &batch, of.clone(), &changed[of.clone()], &mut bytes)?;
            match &mut self.crowd {
                // Who finds it later relies on that.
                Some((_, Some(last))) if hash <= *last => {
                    return Err(ColdError::new("keys are not in the order of their hashes".into()));
                }
                Some((crowd, last)) => {
                    crowd.push(&key, &bytes)?;
                    *last = Some(hash);
                }
                None => self.tree.add(&key, bytes)?,
            }
            self.seen.note(hash, Seen::most_words(self.spill.budget));
            if changed[of].contains(&true) {
                self.changed.take_if(|changed| {
                    changed.insert(hash);
                    changed.len() > most
                });
            }
            self.entries += 1;
        }
        Ok(())
    }

    /// The entries of a hash.
    fn decode(&self, bytes: &[u8]) -> Result<Vec<Entry>, ColdError> {
        let broken = |_| ColdError::new("what was put there comes back otherwise".into());
        let mut bytes = Bytes::new(bytes);
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            let round = bytes.u32().map_err(broken)?;
            let rows = codec::decode(&mut bytes, &self.schema).map_err(broken)?;
            let changed = bytes.take(rows.len).map_err(broken)?.iter().map(|changed| *changed != 0).collect();
            entries.push(Entry { round, rows, changed });
        }
        Ok(entries)
    }

    /// Takes out the entries of these hashes, each of which comes once.
    pub(crate) fn take(&mut self, hashes: &[u64]) -> Result<Taken, ColdError> {
        let (mut rows, mut changed, mut marked) = (Vec::new(), Vec::new(), Vec::new());
        for &hash in hashes.iter().filter(|hash| self.seen.perhaps(**hash)) {
            let Some(bytes) = self.tree.remove(&hash.to_be_bytes())? else { continue };
            let needed = match &mut self.left {
                Left::Nothing => None,
                Left::From(from, all) => (hash >= *from).then_some(*all),
                Left::Of(left) => left.remove(&hash).then_some(false),
            };
            if let Some(changed) = &mut self.changed {
                changed.remove(&hash);
            }
            for entry in self.decode(&bytes)? {
                marked.extend(needed.and_then(|all| entry.needed(all, self.round)));
                let is_new = entry.round == self.round;
                changed.extend(entry.changed.iter().map(|changed| *changed && is_new));
                rows.push(entry.rows);
                self.entries -= 1;
            }
        }
        Ok(Taken {
            entries: joined(rows).map(|rows| Loaded::of(self.schema.clone(), rows)),
            changed,
            marked: joined(marked).map(|rows| Columns::of(&self.schema, rows)),
        })
    }

    /// A checkpoint needs what is here now: all of it, or what changed since the last one.
    pub(crate) fn mark(&mut self, all: bool) {
        self.round += 1;
        self.left = match self.changed.replace(Hashes::default()) {
            Some(changed) if !all => Left::Of(changed),
            _ => Left::From(0, all),
        };
    }

    /// Does the checkpoint on its way still have to copy something?
    pub(crate) fn is_marked(&self) -> bool {
        !matches!(self.left, Left::Nothing)
    }

    /// About so many entries that the checkpoint still has to copy, as they were; `None`: it has all.
    pub(crate) fn next_marked(&mut self, most: usize) -> Result<Option<Columns>, ColdError> {
        let mut found = Vec::new();
        let (mut ends, mut all) = (false, false);
        match &mut self.left {
            Left::Nothing => return Ok(None),
            Left::From(from, everything) => {
                all = *everything;
                let mut next = None;
                for (at, entry) in self.tree.range(&from.to_be_bytes(), None)?.enumerate() {
                    let (key, bytes) = entry?;
                    let hash = key[..].try_into().map(u64::from_be_bytes).unwrap_or(u64::MAX);
                    if at == most {
                        next = Some(hash);
                        break;
                    }
                    found.push(bytes);
                }
                match next {
                    Some(next) => *from = next,
                    None => ends = true,
                }
            }
            Left::Of(left) => {
                let next: Vec<u64> = left.iter().take(most).copied().collect();
                for hash in next {
                    left.remove(&hash);
                    found.extend(self.tree.get(&hash.to_be_bytes())?);
                }
                ends = left.is_empty();
            }
        }
        if ends {
            self.left = Left::Nothing;
        }
        let mut batches = Vec::new();
        for bytes in &found {
            let entries = self.decode(bytes)?;
            batches.extend(entries.into_iter().filter_map(|entry| entry.needed(all, self.round)));
        }
        Ok(Some(joined(batches).map(|rows| Columns::of(&self.schema, rows)).unwrap_or_default()))
    }

    /// All entries for which `place` gives where they stand, in that order. What is here stays.
    pub(crate) fn sorted(&self, place: impl Fn(&Loaded) -> Option<Vec<u8>>) -> Result<Sorted, ColdError> {
        let mut tree = self.spill.tree();
        for entries in self.tree.range(&[], None)? {
            let (hash, bytes) = entries?;
            for (number, entry) in self.decode(&bytes)?.into_iter().enumerate() {
                let Some(mut at) = place(&Loaded::of(self.schema.clone(), entry.rows.clone())) else {
                    continue;
                };
                at.extend_from_slice(&hash);
                at.extend_from_slice(&(number as u32).to_be_bytes());
                let mut bytes = Vec::new();
                encode(entry.round, &entry.rows, 0..entry.rows.len, &entry.changed, &mut bytes)?;
                tree.add(&at, bytes)?;
            }
        }
        Ok(Sorted { tree, from: Vec::new() })
    }

    /// The next of sorted entries: of so many rows, about, those that stand at the same `prefix` bytes as the first.
    pub(crate) fn next_of(
        &self,
        sorted: &mut Sorted,
        prefix: usize,
        most: usize,
    ) -> Result<Option<InOrder>, ColdError> {
        let (mut rows, mut first, mut next) = (Vec::<Batch>::new(), None, None);
        let (mut len, mut from) = (0, None);
        for entry in sorted.tree.range(&sorted.from, None)? {
            let (key, bytes) = entry?;
            let place = key[..prefix].to_vec();
            if len >= most || first.as_ref().is_some_and(|first| *first != place) {
                from = Some(key);
                next = Some(place);
                break;
            }
            first = Some(place);
            for entry in self.decode(&bytes)? {
                len += entry.rows.len;
                rows.push(entry.rows);
            }
        }
        match from {
            Some(from) => sorted.from = from,
            // That was the last of them.
            None => sorted.tree.remove_range(&[], None)?,
        }
        Ok(joined(rows).map(|rows| InOrder { entries: Loaded::of(self.schema.clone(), rows), next }))
    }
}

pub(super) fn joined(rows: Vec<Batch>) -> Option<Batch> {
    (!rows.is_empty()).then(|| Batch::concat(rows))
}

/// Some of sorted entries, and the bytes at which the one behind them stands.
pub(crate) struct InOrder {
    pub(crate) entries: Loaded,
    pub(crate) next: Option<Vec<u8>>,
}

/// Entries in an order.
pub(crate) struct Sorted {
    tree: Tree,
    from: Vec<u8>,
}

/// Appends an entry that is put in this round: these rows, of which these had changed.
fn encode(
    round: u32,
    rows: &Batch,
    of: Range<usize>,
    changed: &[bool],
    out: &mut Vec<u8>,
) -> Result<(), ColdError> {
    out.extend_from_slice(&round.to_le_bytes());
    codec::encode_rows(rows, of, out).map_err(|why| ColdError::new(why.to_string()))?;
    out.extend(changed.iter().map(|changed| u8::from(*changed)));
    Ok(())
}

impl Entry {
    /// The rows that a checkpoint needs whose barrier began this round: all of them, or those that had changed. What came
    /// here behind the barrier was copied in memory.
    fn needed(&self, all: bool, round: u32) -> Option<Batch> {
        if all {
            return (self.round < round).then(|| self.rows.clone());
        }
        if self.round + 1 != round || !self.changed.contains(&true) {
            return None;
        }
        let changed = (0..).zip(&self.changed).filter(|(_, changed)| **changed);
        Some(self.rows.gather(&changed.map(|(row, _)| row).collect::<Vec<u32>>()))
    }
}

/// The hashes of rows whose keys are not known to be in memory, each once.
pub(crate) fn unknown(hashes: &[u64], found: &[u32], none: u32) -> Vec<u64> {
    let missing = hashes.iter().zip(found).filter(|(_, slot)| **slot == none);
    let mut missing: Vec<u64> = missing.map(|(hash, _)| *hash).collect();
    missing.sort_unstable();
    missing.dedup();
    missing
}
