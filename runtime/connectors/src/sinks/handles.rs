//! The open files of a sink: how many there are, how many there may be, and what space there is for them. Knows no parts.

use flow_engine::space::Space;
use flow_env::{Disk, Env, WriteFile, open_files};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A sink holds so many files open at most, over all its writers.
const MOST: usize = 128;
/// Of those that a process may have open, a sink takes this part: there are sources, state and other sinks.
const PART: usize = 8;
/// And at least so many.
const LEAST: usize = 8;

/// Opens the files of one sink.
pub(crate) struct Handles {
    disk: Arc<dyn Disk>,
    /// Where there is none, writers wait for it.
    pub(crate) space: Arc<Space>,
    open: AtomicUsize,
    most: usize,
}

/// A file that is open.
pub(crate) struct Handle {
    pub(crate) file: Box<dyn WriteFile>,
    of: Arc<Handles>,
}

impl Handles {
    /// None yet.
    pub(crate) fn new(env: &Env, space: Arc<Space>) -> Arc<Handles> {
        let most = open_files().map_or(MOST, |limit| (limit / PART).clamp(LEAST, MOST));
        Arc::new(Handles { disk: env.disk.clone(), space, open: AtomicUsize::new(0), most })
    }

    /// Should one be closed before the next is opened? (Who has none to close opens it all the same.)
    pub(crate) fn is_full(&self) -> bool {
        self.open.load(Ordering::SeqCst) >= self.most
    }

    /// Creates a file; one that was begun already is gone on with behind its end.
    pub(crate) fn open(self: &Arc<Self>, path: &Path, begun: bool) -> io::Result<Handle> {
        let file = if begun { self.disk.append(path)? } else { self.disk.create(path)? };
        self.open.fetch_add(1, Ordering::SeqCst);
        Ok(Handle { file, of: self.clone() })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.of.open.fetch_sub(1, Ordering::SeqCst);
    }
}
