//! Entries by key on disk, in the order of their keys: a log-structured merge tree (O'Neil, Cheng, Gawlick and O'Neil 1996).
//!
//! What is put is sorted in memory and, when that is full, written as a [`Run`]; runs of one size are merged into one of the next,
//! a little with each entry that is put ([`Merge`]), so that nobody ever waits for all of it.
//! A key is in memory or in one run, never twice: putting it anew takes the old one out first, and taking it out sets a bit in
//! memory. So there are no tombstones, whoever finds a key need not look further, and merging only leaves out what is gone.
//!
//! It is made for what it is used for: nothing outlives the process, so there is no log and nothing is synced; entries come in
//! crowds and go one by one, at random. Each has a checksum with its block.

mod bloom;
mod folder;
mod merge;
mod range;
mod run;

pub(crate) use folder::Folder;
pub use folder::clear_spilled;
pub(crate) use range::Range;
pub(crate) use run::Writer;

use super::cold::ColdError;
use merge::Merge;
use run::Run;
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many runs of one size are merged.
const FAN: usize = 4;

/// What an entry in memory takes beside key and value, about.
const BESIDE: usize = 80;

/// Behind so many bytes that were put, merges go on; by how much more than these: as runs of a size are merged before as many
/// new ones are there, there is one merge of each.
const STEP: usize = 16 << 10;
const FASTER: usize = 2;

/// Bytes by key, on disk but for the latest.
pub(crate) struct Tree {
    folder: Arc<Folder>,
    latest: BTreeMap<Vec<u8>, Vec<u8>>,
    latest_bytes: usize,
    /// So many bytes stay in memory.
    most: usize,
    runs: Vec<Run>,
    merges: Vec<Merge>,
    /// Bytes that were put since merges went on.
    owed: usize,
}

impl Tree {
    /// An empty one, which keeps so many bytes of entries in memory.
    pub(crate) fn new(folder: &Arc<Folder>, most: usize) -> Tree {
        Tree {
            folder: folder.clone(),
            latest: BTreeMap::new(),
            latest_bytes: 0,
            most,
            runs: Vec::new(),
            merges: Vec::new(),
            owed: 0,
        }
    }

    /// What it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let runs: usize = self.runs.iter().map(Run::bytes).sum();
        self.latest_bytes + runs + self.merges.iter().map(Merge::bytes).sum::<usize>()
    }

    /// Puts an entry; gives what stood there before.
    pub(crate) fn insert(&mut self, key: &[u8], value: Vec<u8>) -> Result<Option<Vec<u8>>, ColdError> {
        let before = self.remove(key)?;
        self.add(key, value)?;
        Ok(before)
    }

    /// Puts an entry of a key that has none.
    pub(crate) fn add(&mut self, key: &[u8], value: Vec<u8>) -> Result<(), ColdError> {
        let bytes = key.len() + value.len() + BESIDE;
        self.latest.insert(key.to_vec(), value);
        self.latest_bytes += bytes;
        self.owed += bytes;
        if self.latest_bytes > self.most {
            self.write_latest()?;
        }
        if self.owed > STEP {
            self.merge()?;
        }
        Ok(())
    }

    /// Begins to put many entries in the order of their keys, so many at most, of keys that have none: they are a run from the first, and
    /// never in memory. They are there when that is ended.
    pub(crate) fn begin_run(&self, entries: usize) -> Result<Writer, ColdError> {
        Writer::new(&self.folder, entries)
    }

    /// All of them were given.
    pub(crate) fn end_run(&mut self, entries: Writer) -> Result<(), ColdError> {
        self.owed += entries.len();
        self.runs.extend(entries.finish()?);
        self.make_merges()?;
        self.merge()
    }

    /// What stands there.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ColdError> {
        if let Some(value) = self.latest.get(key) {
            return Ok(Some(value.clone()));
        }
        for run in self.all_runs() {
            if let Some((_, value)) = run.find(key)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Takes out what stands there.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, ColdError> {
        if let Some(value) = self.latest.remove(key) {
            self.latest_bytes -= key.len() + value.len() + BESIDE;
            return Ok(Some(value));
        }
        for at in 0..self.runs.len() {
            let run = &mut self.runs[at];
            if let Some((number, value)) = run.find(key)? {
                run.take(number);
                if run.live() == 0 {
                    self.runs.swap_remove(at);
                }
                return Ok(Some(value));
            }
        }
        for merge in &mut self.merges {
            if let Some(value) = merge.remove(key)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn all_runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().chain(self.merges.iter().flat_map(|merge| &merge.runs))
    }

    /// The entries from a key on, to before another one, in the order of their keys.
    pub(crate) fn range(&self, from: &[u8], to: Option<&[u8]>) -> Result<Range<'_>, ColdError> {
        Range::new(&self.latest, self.all_runs().collect(), from, to)
    }

    /// Takes out all entries from a key on, to before another one.
    pub(crate) fn remove_range(&mut self, from: &[u8], to: Option<&[u8]>) -> Result<(), ColdError> {
        if to.is_some_and(|to| to <= from) {
            return Ok(());
        }
        let mut there = self.latest.split_off(from);
        if let Some(to) = to {
            self.latest.append(&mut there.split_off(to));
        }
        self.latest_bytes -= there.iter().map(|(key, value)| key.len() + value.len() + BESIDE).sum::<usize>();
        for run in &mut self.runs {
            run.take_range(from, to)?;
        }
        self.runs.retain(|run| run.live() > 0);
        self.merges.iter_mut().try_for_each(|merge| merge.remove_range(from, to))
    }

    /// Writes down what is in memory.
    fn write_latest(&mut self) -> Result<(), ColdError> {
        let mut writer = Writer::new(&self.folder, self.latest.len())?;
        for (key, value) in &self.latest {
            writer.push(key, value)?;
        }
        self.runs.extend(writer.finish()?);
        self.latest.clear();
        self.latest_bytes = 0;
        self.make_merges()
    }

    /// Begins to merge what is to be.
    fn make_merges(&mut self) -> Result<(), ColdError> {
        while let Some(crowded) = self.crowded() {
            let (runs, others) =
                std::mem::take(&mut self.runs).into_iter().zip(crowded).partition::<Vec<_>, _>(|(_, is)| *is);
            self.runs = others.into_iter().map(|(run, _)| run).collect();
            let runs = runs.into_iter().map(|(run, _)| run).collect();
            self.merges.push(Merge::new(&self.folder, runs)?);
        }
        Ok(())
    }

    /// Which runs are to be merged: as many of one size as there may be, or those that hold little but what is gone.
    fn crowded(&self) -> Option<Vec<bool>> {
        let which = |is: &dyn Fn(&Run) -> bool| self.runs.iter().map(is).collect::<Vec<bool>>();
        let sparse = which(&Run::is_sparse);
        if sparse.contains(&true) {
            return Some(sparse);
        }
        let level = |run: &Run| (run.live_bytes() / self.most.max(1)).max(1).ilog(FAN);
        let highest = self.runs.iter().map(level).max()?;
        let levels = (0..=highest).map(|of| which(&|run| level(run) == of));
        levels.into_iter().find(|runs| runs.iter().filter(|is| **is).count() >= FAN)
    }

    /// Merges go on by so much as is owed.
    fn merge(&mut self) -> Result<(), ColdError> {
        let bytes = std::mem::take(&mut self.owed) * FASTER;
        let mut at = 0;
        while at < self.merges.len() {
            match self.merges[at].advance(bytes)? {
                true => {
                    let merged = self.merges.remove(at).finish()?;
                    self.runs.extend(merged);
                }
                false => at += 1,
            }
        }
        Ok(())
    }
}

/// Stands for bytes: folded 128-bit products (as wyhash makes them), two words at a time.
fn digest(bytes: &[u8]) -> u64 {
    const ODD: [u64; 2] = [0x2d35_8dcc_aa6c_78a5, 0x8bb8_4b93_962e_acc9];
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let mut pieces = bytes.chunks_exact(16);
    let mut sum = bytes.len() as u64 ^ ODD[0];
    for piece in &mut pieces {
        let (low, high) = piece.split_at(8);
        sum = fold(word(low) ^ sum, word(high) ^ ODD[1]);
    }
    let rest = pieces.remainder();
    let (low, high) = rest.split_at(rest.len().min(8));
    fold(fold(word(low) ^ sum, word(high) ^ ODD[1]), ODD[0])
}

#[cfg(test)]
mod tests;
