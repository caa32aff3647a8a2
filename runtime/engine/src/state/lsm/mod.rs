//! Entries by key on disk, in the order of their keys: a log-structured merge tree (O'Neil, Cheng, Gawlick and O'Neil 1996).
//!
//! What is put is sorted in memory and, when that is full, written as a [`Run`]; runs of one size are merged into one of the next.
//! A key is in memory or in one run, never twice: putting it anew takes the old one out first, and taking it out sets a bit in
//! memory. So there are no tombstones, whoever finds a key need not look further, and merging only leaves out what is gone.
//!
//! It is made for what it is used for: nothing outlives the process, so there is no log and nothing is synced; entries come in
//! crowds and go one by one, at random. Each has a checksum with its block.

mod bloom;
mod run;

use super::cold::ColdError;
use flow_env::Disk;
use run::{Cursor, Run, Writer};
use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// So many runs of one size are merged.
const FAN: usize = 4;

/// What an entry in memory takes beside key and value, about.
const BESIDE: usize = 80;

/// Where the runs of all trees are.
pub(crate) struct Folder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    files: AtomicU64,
    open: AtomicUsize,
}

impl Folder {
    /// Makes the folder.
    pub(crate) fn new(disk: Arc<dyn Disk>, path: &Path) -> Result<Arc<Folder>, ColdError> {
        disk.create_dir_all(path)?;
        let path = path.to_path_buf();
        Ok(Arc::new(Folder { disk, path, files: AtomicU64::new(0), open: AtomicUsize::new(0) }))
    }

    /// The path of a file that is not there yet.
    fn next(&self) -> PathBuf {
        self.path.join(format!("{}.run", self.files.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Bytes by key, on disk but for the latest.
pub(crate) struct Tree {
    folder: Arc<Folder>,
    latest: BTreeMap<Vec<u8>, Vec<u8>>,
    latest_bytes: usize,
    /// So many bytes stay in memory.
    most: usize,
    runs: Vec<Run>,
}

/// An entry: its key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

impl Tree {
    /// An empty one, which keeps so many bytes of entries in memory.
    pub(crate) fn new(folder: &Arc<Folder>, most: usize) -> Tree {
        Tree { folder: folder.clone(), latest: BTreeMap::new(), latest_bytes: 0, most, runs: Vec::new() }
    }

    /// What it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.latest_bytes + self.runs.iter().map(Run::bytes).sum::<usize>()
    }

    /// Puts an entry; gives what stood there before.
    pub(crate) fn insert(&mut self, key: &[u8], value: Vec<u8>) -> Result<Option<Vec<u8>>, ColdError> {
        let before = self.remove(key)?;
        self.latest_bytes += key.len() + value.len() + BESIDE;
        self.latest.insert(key.to_vec(), value);
        if self.latest_bytes > self.most {
            self.write_latest()?;
        }
        Ok(before)
    }

    /// What stands there.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ColdError> {
        if let Some(value) = self.latest.get(key) {
            return Ok(Some(value.clone()));
        }
        Ok(self.find(key)?.map(|(.., value)| value))
    }

    /// Takes out what stands there.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, ColdError> {
        if let Some(value) = self.latest.remove(key) {
            self.latest_bytes -= key.len() + value.len() + BESIDE;
            return Ok(Some(value));
        }
        let Some((run, number, value)) = self.find(key)? else { return Ok(None) };
        self.runs[run].take(number);
        if self.runs[run].live() == 0 {
            self.runs.swap_remove(run);
        }
        Ok(Some(value))
    }

    /// In which run and where there a key is, and what it has.
    fn find(&self, key: &[u8]) -> Result<Option<(usize, usize, Vec<u8>)>, ColdError> {
        for (at, run) in self.runs.iter().enumerate().filter(|(_, run)| run.perhaps(key)) {
            let block = run.block_of(key);
            let bytes = run.read(block)?;
            let found = run.entries_of(block, &bytes).find(|entry| bytes[entry.key.clone()] == *key);
            if let Some(entry) = found.filter(|entry| run.is_live(entry.number)) {
                return Ok(Some((at, entry.number, bytes[entry.value].to_vec())));
            }
        }
        Ok(None)
    }

    /// The entries from a key on, to before another one, in the order of their keys.
    pub(crate) fn range(&self, from: &[u8], to: Option<&[u8]>) -> Result<Range<'_>, ColdError> {
        let end = to.map_or(Bound::Unbounded, Bound::Excluded);
        let latest = match to.is_some_and(|to| to <= from) {
            true => btree_map::Range::default(),
            false => self.latest.range::<[u8], _>((Bound::Included(from), end)),
        };
        let cursors = self.runs.iter().map(|run| Cursor::new(run, from)).collect::<Result<_, _>>()?;
        let mut latest = latest;
        Ok(Range { next: latest.next(), latest, cursors, to: to.map(<[u8]>::to_vec) })
    }

    /// Takes out all entries from a key on, to before another one.
    pub(crate) fn remove_range(&mut self, from: &[u8], to: Option<&[u8]>) -> Result<(), ColdError> {
        if to.is_some_and(|to| to <= from) {
            return Ok(());
        }
        let mut behind = self.latest.split_off(from);
        if let Some(to) = to {
            self.latest.append(&mut behind.split_off(to));
        }
        self.latest_bytes -=
            behind.iter().map(|(key, value)| key.len() + value.len() + BESIDE).sum::<usize>();
        for run in &mut self.runs {
            run.take_range(from, to)?;
        }
        self.runs.retain(|run| run.live() > 0);
        Ok(())
    }

    /// Writes down what is in memory, and makes few runs of many.
    fn write_latest(&mut self) -> Result<(), ColdError> {
        let mut writer = Writer::new(&self.folder, self.latest.len())?;
        for (key, value) in &self.latest {
            writer.push(key, value)?;
        }
        self.runs.extend(writer.finish()?);
        self.latest.clear();
        self.latest_bytes = 0;
        while let Some(runs) = self.crowded() {
            let merged = self.merged(&runs)?;
            let mut at = 0..;
            self.runs.retain(|_| at.next().is_some_and(|at| !runs.contains(&at)));
            self.runs.extend(merged);
        }
        Ok(())
    }

    /// The runs that are to be merged: as many of one size as there may be, or those that hold little but what is gone.
    fn crowded(&self) -> Option<Vec<usize>> {
        let level = |run: &Run| (run.live_bytes() / self.most.max(1)).max(1).ilog(FAN);
        let at = |which: &dyn Fn(&Run) -> bool| -> Vec<usize> {
            self.runs.iter().enumerate().filter(|(_, run)| which(run)).map(|(at, _)| at).collect()
        };
        let sparse = at(&|run| run.is_sparse());
        if !sparse.is_empty() {
            return Some(sparse);
        }
        let highest = self.runs.iter().map(level).max()?;
        (0..=highest).map(|of| at(&|run| level(run) == of)).find(|runs| runs.len() >= FAN)
    }

    /// What is still there of some runs, as one.
    fn merged(&self, runs: &[usize]) -> Result<Option<Run>, ColdError> {
        let runs: Vec<&Run> = runs.iter().map(|&at| &self.runs[at]).collect();
        let mut writer = Writer::new(&self.folder, runs.iter().map(|run| run.live()).sum())?;
        let mut cursors = runs.iter().map(|run| Cursor::new(run, &[])).collect::<Result<Vec<_>, _>>()?;
        while let Some(first) = first_of(&cursors) {
            if let Some((key, value)) = cursors[first].entry() {
                writer.push(key, value)?;
            }
            cursors[first].step()?;
        }
        writer.finish()
    }
}

/// The cursor whose key comes first.
fn first_of(cursors: &[Cursor<'_>]) -> Option<usize> {
    let keys = cursors.iter().enumerate().filter_map(|(at, cursor)| Some((cursor.entry()?.0, at)));
    keys.min().map(|(_, at)| at)
}

/// Entries of a [`Tree`], in the order of their keys.
pub(crate) struct Range<'a> {
    latest: btree_map::Range<'a, Vec<u8>, Vec<u8>>,
    next: Option<(&'a Vec<u8>, &'a Vec<u8>)>,
    cursors: Vec<Cursor<'a>>,
    to: Option<Vec<u8>>,
}

impl Range<'_> {
    fn step(&mut self) -> Result<Option<Pair>, ColdError> {
        let first = first_of(&self.cursors);
        let on_disk = first.and_then(|at| Some((at, self.cursors[at].entry()?)));
        match (self.next, on_disk) {
            (Some((key, value)), on_disk) if on_disk.is_none_or(|(_, (other, _))| **key < *other) => {
                let pair = (key.clone(), value.clone());
                self.next = self.latest.next();
                Ok(Some(pair))
            }
            (_, Some((at, (key, value)))) => {
                if self.to.as_ref().is_some_and(|to| **to <= *key) {
                    return Ok(None);
                }
                let pair = (key.to_vec(), value.to_vec());
                self.cursors[at].step()?;
                Ok(Some(pair))
            }
            (_, None) => Ok(None),
        }
    }
}

impl Iterator for Range<'_> {
    type Item = Result<Pair, ColdError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
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
