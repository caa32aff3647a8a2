//! Several runs become one, a little at a time: whoever puts entries does so much of the work as keeps up with them, and never
//! waits for all of it.

use super::run::{Cursor, Run, Writer};
use super::{ColdError, Folder};
use std::sync::Arc;

/// Runs on their way to be one. They hold their entries until it is there.
pub(super) struct Merge {
    pub(super) runs: Vec<Run>,
    cursors: Vec<Cursor>,
    writer: Writer,
    /// The last key that was copied.
    copied: Vec<u8>,
    /// What went behind that: it is to be taken out of the new run.
    gone: Vec<Gone>,
    gone_bytes: usize,
}

enum Gone {
    Key(Vec<u8>),
    /// From a key on, to before another one.
    Range(Vec<u8>, Option<Vec<u8>>),
}

impl Merge {
    pub(super) fn new(folder: &Arc<Folder>, runs: Vec<Run>) -> Result<Merge, ColdError> {
        let writer = Writer::new(folder, runs.iter().map(Run::live).sum())?;
        let cursors = runs.iter().map(|run| Cursor::new(run, &[])).collect::<Result<_, _>>()?;
        Ok(Merge { runs, cursors, writer, copied: Vec::new(), gone: Vec::new(), gone_bytes: 0 })
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.runs.iter().map(Run::bytes).sum::<usize>() + self.writer.bytes() + self.gone_bytes
    }

    /// Copies so many bytes, about; gives whether all are copied.
    pub(super) fn advance(&mut self, bytes: usize) -> Result<bool, ColdError> {
        for (cursor, run) in self.cursors.iter_mut().zip(&self.runs) {
            // What it is at may have gone since.
            cursor.settle(run)?;
        }
        let mut done = 0;
        while done < bytes {
            let Some(first) = first_of(&self.cursors) else { return Ok(true) };
            let Some((key, value)) = self.cursors[first].entry() else { return Ok(true) };
            self.writer.push(key, value)?;
            done += key.len() + value.len();
            self.copied.clear();
            self.copied.extend_from_slice(key);
            self.cursors[first].step(&self.runs[first])?;
        }
        Ok(false)
    }

    /// Takes out the entry of a key, if one of the runs has it; gives what it was.
    pub(super) fn remove(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, ColdError> {
        for run in &mut self.runs {
            if let Some((number, value)) = run.find(key)? {
                run.take(number);
                if *key <= *self.copied {
                    self.gone_bytes += size_of::<Gone>() + key.len();
                    self.gone.push(Gone::Key(key.to_vec()));
                }
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Takes out all entries from a key on, to before another one.
    pub(super) fn remove_range(&mut self, from: &[u8], to: Option<&[u8]>) -> Result<(), ColdError> {
        for run in &mut self.runs {
            run.take_range(from, to)?;
        }
        if *from <= *self.copied {
            self.gone_bytes += size_of::<Gone>() + from.len() + to.map_or(0, <[u8]>::len);
            self.gone.push(Gone::Range(from.to_vec(), to.map(<[u8]>::to_vec)));
        }
        Ok(())
    }

    /// All is copied: what there is of it, as one run.
    pub(super) fn finish(self) -> Result<Option<Run>, ColdError> {
        let Some(mut run) = self.writer.finish()? else { return Ok(None) };
        for gone in self.gone {
            match gone {
                Gone::Key(key) => run.find(&key)?.into_iter().for_each(|(number, _)| run.take(number)),
                Gone::Range(from, to) => run.take_range(&from, to.as_deref())?,
            }
        }
        Ok(Some(run).filter(|run| run.live() > 0))
    }
}

/// The cursor whose key comes first.
fn first_of(cursors: &[Cursor]) -> Option<usize> {
    let keys = cursors.iter().enumerate().filter_map(|(at, cursor)| Some((cursor.entry()?.0, at)));
    keys.min().map(|(_, at)| at)
}

/// Entries of several runs, in the order of their keys.
pub(super) struct Merged<'a> {
    runs: Vec<&'a Run>,
    cursors: Vec<Cursor>,
}

impl<'a> Merged<'a> {
    /// From a key on.
    pub(super) fn new(runs: Vec<&'a Run>, from: &[u8]) -> Result<Merged<'a>, ColdError> {
        let cursors = runs.iter().map(|run| Cursor::new(run, from)).collect::<Result<_, _>>()?;
        Ok(Merged { runs, cursors })
    }

    /// The next one: its key, its value, and whose it is.
    pub(super) fn first(&self) -> Option<(&[u8], &[u8], usize)> {
        let first = first_of(&self.cursors)?;
        self.cursors[first].entry().map(|(key, value)| (key, value, first))
    }

    /// Goes on behind it.
    pub(super) fn step(&mut self, first: usize) -> Result<(), ColdError> {
        self.cursors[first].step(self.runs[first])
    }
}
