//! Files and folders as the runtime sees them.

use std::io;
use std::path::{Path, PathBuf};

/// A file system. Paths are the process's own; errors are the system's.
pub trait Disk: Send + Sync {
    /// Opens a file for reading at any position; an error if it is a pipe or a socket, which have none (and may let one wait
    /// for ever).
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>>;
    /// Creates a file for writing; an existing one is emptied.
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Creates a file for writing; [`io::ErrorKind::AlreadyExists`] if there is one. Of several that try at once, one succeeds.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Opens a file for writing behind its end.
    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// What a path leads to.
    fn info(&self, path: &Path) -> io::Result<FileInfo>;
    /// What stands in a folder, sorted by name; not folders that it lies in itself (links lead anywhere).
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    /// The one path of a file or folder that may be reached by several, through links.
    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        self.info(path).map(|_| path.to_path_buf())
    }
    /// Creates a folder and those above it.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Renames; an existing target is replaced in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with all in it.
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Removes a folder in which nothing is; [`io::ErrorKind::DirectoryNotEmpty`] if something is, also since a moment ago.
    fn remove_empty_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a folder last.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes a file for this holder alone, and creates it if it is not there; [`io::ErrorKind::WouldBlock`] if another one has
    /// it, in this process or another. The lock goes with the value, and with the process however it dies.
    fn lock(&self, path: &Path) -> io::Result<FileLock>;

    /// The whole of a small file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        file.read_first(file.len()?)
    }
}

/// Holds a lock for as long as it lives; see [`Disk::lock`].
pub type FileLock = Box<dyn Send + Sync>;

/// A file open for reading.
pub trait ReadFile: Send + Sync {
    /// Reads up to `buffer.len()` bytes from `offset`; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Its length now.
    fn len(&self) -> io::Result<u64>;
    /// So many bytes from its beginning on, fewer if it is shorter; an error if memory has no room for them.
    fn read_first(&self, most: u64) -> io::Result<Vec<u8>> {
        let most = usize::try_from(most).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(most)?;
        bytes.resize(most, 0);
        let mut at = 0;
        while at < most {
            match self.read_at(&mut bytes[at..], at as u64)? {
                0 => break,
                n => at += n,
            }
        }
        bytes.truncate(at);
        Ok(bytes)
    }
    /// Is it empty now?
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// A file open for writing.
pub trait WriteFile: Send {
    /// Appends all of it.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Takes away what was written behind so many bytes; what is written next comes there.
    fn cut(&mut self, len: u64) -> io::Result<()>;
    /// Asks that what was written be on its way to the disk soon, so that a later [`WriteFile::sync`] waits less. No promise:
    /// after a loss of power, what was not synced may be gone all the same.
    fn write_out(&mut self) -> io::Result<()> {
        Ok(())
    }
    /// Makes what was written last. A failed sync must never be tried again on the same file.
    fn sync(&mut self) -> io::Result<()>;
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Length in bytes.
    pub len: u64,
    /// Is it a folder?
    pub is_dir: bool,
    /// Is it a file with bytes of its own: no folder, pipe, device or socket?
    pub is_file: bool,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Its path (the folder's path and the name).
    pub path: PathBuf,
    /// What it is.
    pub info: FileInfo,
}
