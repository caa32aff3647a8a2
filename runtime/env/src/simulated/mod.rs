//! A simulated machine: a schedule of threads and a clock ([`Simulation`]), and a disk.
//!
//! The disk is in memory and as bad as disks are: what was not synced may be lost, torn or come in another order; any operation can
//! fail; space ends; the power goes at any moment. Test support: the same seed gives the same misfortunes.
//!
//! What is promised is what POSIX and a journal promise and no more: a synced file keeps its bytes, a synced folder keeps its
//! names, a rename is there or not. A new
//! file's name is not kept by syncing the file. After a failed sync nothing of it is ever made durable, whatever later syncs say.

mod files;
mod schedule;
mod tree;

pub(crate) use schedule::here;
pub use schedule::{SimClock, Simulation, point};

use crate::disk::{DirEntry, Disk, FileInfo, FileLock, ReadFile, WriteFile};
use files::{Lock, Reader, Writer};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tree::Tree;

/// A simulated disk. Clones are the same disk.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<Machine>>);

/// What a simulated operation does to the disk, for choosing the ones that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Opens or creates a file, or takes a lock.
    Open,
    /// Creates a file that must not be there.
    Create,
    /// Reads bytes, a length, or what a folder holds.
    Read,
    /// Writes bytes.
    Write,
    /// Syncs a file.
    Sync,
    /// Creates a folder.
    CreateDir,
    /// Renames.
    Rename,
    /// Removes.
    Remove,
    /// Syncs a folder.
    SyncDir,
}

impl Operation {
    /// How many microseconds it takes in a simulation at most. What only looks at the disk takes none, also because it is
    /// done under locks.
    fn takes(self) -> Option<u64> {
        match self {
            Operation::Open | Operation::Read => None,
            Operation::Create
            | Operation::Write
            | Operation::CreateDir
            | Operation::Rename
            | Operation::Remove => Some(8),
            Operation::Sync | Operation::SyncDir => Some(60),
        }
    }
}

struct Machine {
    tree: Tree,
    locks: HashSet<PathBuf>,
    /// Handles of an earlier boot are dead.
    boot: u64,
    /// Operations since the last boot.
    done: u64,
    /// From this one on, the power is off.
    off_at: Option<u64>,
    /// This one fails, and no other.
    fail_at: Option<u64>,
    failed: Option<Operation>,
    /// Bytes that all files together may have.
    space: Option<u64>,
    /// Bytes that the files in a folder may have.
    quota: Option<(PathBuf, u64)>,
}

impl SimDisk {
    /// An empty disk whose misfortunes belong to this seed.
    pub fn new(seed: u64) -> SimDisk {
        SimDisk(Arc::new(Mutex::new(Machine {
            tree: Tree::new(seed),
            locks: HashSet::new(),
            boot: 0,
            done: 0,
            off_at: None,
            fail_at: None,
            failed: None,
            space: None,
            quota: None,
        })))
    }

    /// A disk with the same files, all of them durable.
    pub fn copy(&self, seed: u64) -> SimDisk {
        let copy = SimDisk::new(seed);
        copy.machine().tree = self.machine().tree.settled(seed);
        copy
    }

    /// How many operations were done since the last boot.
    pub fn operations(&self) -> u64 {
        self.machine().done
    }

    /// Takes the power away before the operation of this number (counted from the last boot).
    pub fn power_off_at(&self, operation: u64) {
        self.machine().off_at = Some(operation);
    }

    /// Lets the operation of this number fail (counted from the last boot).
    pub fn fail_at(&self, operation: u64) {
        self.machine().fail_at = Some(operation);
    }

    /// Is the power off?
    pub fn is_off(&self) -> bool {
        let machine = self.machine();
        machine.off_at.is_some_and(|off| machine.done > off)
    }

    /// What kind of operation it was that failed, if it came.
    pub fn failed(&self) -> Option<Operation> {
        self.machine().failed
    }

    /// So many bytes all files may have together; `None`: any number.
    pub fn set_space(&self, bytes: Option<u64>) {
        self.machine().space = bytes;
    }

    /// So many bytes more the files in a folder may have than they have now; `None`: any number.
    pub fn set_quota(&self, folder: &Path, left: Option<u64>) {
        let mut machine = self.machine();
        machine.quota = left.map(|left| (folder.to_path_buf(), machine.tree.used_in(folder) + left));
    }

    /// The power comes back: of what was not synced some is lost, some is torn, some is there. Open files and locks are gone.
    pub fn boot(&self) {
        self.machine().tree.crash();
        self.kill();
    }

    /// The process was killed and another one begins: the disk is as it was left. Open files and locks are gone.
    pub fn kill(&self) {
        let mut machine = self.machine();
        machine.locks.clear();
        machine.boot += 1;
        (machine.done, machine.off_at, machine.fail_at, machine.failed) = (0, None, None, None);
    }

    /// Forgets all locks while their holders go on, as network disks do.
    pub fn break_locks(&self) {
        self.machine().locks.clear();
    }

    /// Bytes of all files together.
    pub fn used(&self) -> u64 {
        self.machine().tree.used()
    }

    /// All files, by path.
    pub fn files(&self) -> Vec<PathBuf> {
        self.machine().tree.files()
    }

    /// Makes a file's bytes these, durably and without an operation; creates it if it is not there.
    pub fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.machine().tree.put(path, bytes)
    }

    /// The bytes of a file, without an operation.
    pub fn get(&self, path: &Path) -> io::Result<Vec<u8>> {
        let machine = self.machine();
        machine.tree.file(path).map(|file| machine.tree.bytes(file).to_vec())
    }

    /// Removes a file, durably and without an operation.
    pub fn take(&self, path: &Path) -> io::Result<()> {
        self.machine().tree.take(path)
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn operation(&self, what: Operation) -> io::Result<MutexGuard<'_, Machine>> {
        schedule::note(what as u64);
        if let Some(time) = what.takes() {
            schedule::work(time);
        }
        let mut machine = self.machine();
        machine.count(what)?;
        Ok(machine)
    }
}

impl Machine {
    /// How many bytes fit in a file, and what it is to write more.
    fn left_for(&self, file: usize) -> (u64, io::ErrorKind) {
        let left = self.space.map_or(u64::MAX, |space| space.saturating_sub(self.tree.used()));
        let quota = self.quota.as_ref().and_then(|(folder, quota)| {
            let has = self.tree.is_in(folder, file);
            has.then(|| quota.saturating_sub(self.tree.used_in(folder)))
        });
        match quota.filter(|quota| *quota < left) {
            Some(quota) => (quota, io::ErrorKind::QuotaExceeded),
            None => (left, io::ErrorKind::StorageFull),
        }
    }

    /// Counts an operation; an error if it cannot be done.
    fn count(&mut self, what: Operation) -> io::Result<()> {
        let number = self.done;
        self.done += 1;
        if self.off_at.is_some_and(|off| number >= off) {
            return Err(io::Error::other("the power is off"));
        }
        if self.fail_at == Some(number) {
            self.failed = Some(what);
            return Err(io::Error::other("the disk failed"));
        }
        Ok(())
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        let machine = self.operation(Operation::Open)?;
        let file = machine.tree.file(path)?;
        Ok(Box::new(Reader { disk: self.clone(), boot: machine.boot, file }))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut machine = self.operation(Operation::Open)?;
        let file = machine.tree.create(path, true)?;
        Ok(Box::new(Writer { disk: self.clone(), boot: machine.boot, file }))
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut machine = self.operation(Operation::Create)?;
        if machine.tree.info(path).is_ok() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let file = machine.tree.create(path, true)?;
        Ok(Box::new(Writer { disk: self.clone(), boot: machine.boot, file }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut machine = self.operation(Operation::Open)?;
        let file = machine.tree.create(path, false)?;
        Ok(Box::new(Writer { disk: self.clone(), boot: machine.boot, file }))
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.operation(Operation::Read)?.tree.info(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.operation(Operation::Read)?.tree.list(dir)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.operation(Operation::CreateDir)?.tree.create_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operation(Operation::Rename)?.tree.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut machine = self.operation(Operation::Remove)?;
        machine.tree.file(path)?;
        machine.tree.remove(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.operation(Operation::Remove)?.tree.remove(dir)
    }

    fn remove_empty_dir(&self, dir: &Path) -> io::Result<()> {
        self.operation(Operation::Remove)?.tree.remove_empty_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.operation(Operation::SyncDir)?.tree.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        let mut machine = self.operation(Operation::Open)?;
        machine.tree.create(path, false)?;
        if !machine.locks.insert(path.to_path_buf()) {
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        }
        Ok(Box::new(Lock { disk: self.clone(), boot: machine.boot, path: path.to_path_buf() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(disk: &SimDisk, path: &str, sync: bool) {
        let mut file = disk.create(Path::new(path)).unwrap();
        file.write_all(b"flow").unwrap();
        if sync {
            file.sync().unwrap();
        }
    }

    #[test]
    fn a_folder_with_a_quota_is_full_by_itself() {
        let disk = SimDisk::new(1);
        disk.create_dir_all(Path::new("/a")).unwrap();
        written(&disk, "/a/x", false);
        disk.set_quota(Path::new("/a"), Some(6));
        written(&disk, "/a/y", false);
        let mut file = disk.create(Path::new("/a/z")).unwrap();
        assert_eq!(file.write_all(b"flow").unwrap_err().kind(), io::ErrorKind::QuotaExceeded);
        assert_eq!(disk.read(Path::new("/a/z")).unwrap(), b"fl");
        file.cut(1).unwrap();
        written(&disk, "/z", false);
        disk.set_quota(Path::new("/a"), None);
        file.write_all(b"our").unwrap();
        assert_eq!(disk.read(Path::new("/a/z")).unwrap(), b"four");
    }

    #[test]
    fn what_was_synced_with_its_name_is_there_after_any_crash() {
        for seed in 0..50 {
            let disk = SimDisk::new(seed);
            disk.create_dir_all(Path::new("/a/b")).unwrap();
            written(&disk, "/a/b/x", true);
            ["/", "/a", "/a/b"].iter().for_each(|dir| disk.sync_dir(Path::new(dir)).unwrap());
            disk.boot();
            assert_eq!(disk.read(Path::new("/a/b/x")).unwrap(), b"flow", "seed {seed}");
        }
    }

    #[test]
    fn a_folder_in_which_something_appears_meanwhile_is_not_removed_as_an_empty_one() {
        let mut removed = 0;
        for seed in 0..50 {
            let disk = SimDisk::new(seed);
            disk.create_dir_all(Path::new("/a")).unwrap();
            let (gone, made) = Simulation::new(seed).run(|| {
                let other = disk.clone();
                let maker = crate::spawn("maker", move || other.create_dir_all(Path::new("/a/b")).is_ok());
                let gone = disk.remove_empty_dir(Path::new("/a"));
                (gone, maker.unwrap().join().unwrap())
            });
            assert!(made && disk.list(Path::new("/a")).unwrap().len() == 1, "seed {seed}");
            let refused = |error: &io::Error| error.kind() == io::ErrorKind::DirectoryNotEmpty;
            assert!(gone.as_ref().err().is_none_or(refused), "seed {seed}");
            removed += usize::from(gone.is_ok());
        }
        assert!((1..50).contains(&removed), "{removed}");
    }

    #[test]
    fn a_name_or_bytes_that_were_not_synced_are_lost_sometimes() {
        let survives = |sync: bool, sync_dir: bool| {
            let there = (0..100).filter(|seed| {
                let disk = SimDisk::new(*seed);
                written(&disk, "/x", sync);
                if sync_dir {
                    disk.sync_dir(Path::new("/")).unwrap();
                }
                disk.boot();
                disk.read(Path::new("/x")).is_ok_and(|bytes| bytes == b"flow")
            });
            there.count()
        };
        assert_eq!(survives(true, true), 100);
        assert!((10..90).contains(&survives(true, false)), "{}", survives(true, false));
        assert!((10..90).contains(&survives(false, true)), "{}", survives(false, true));
    }

    #[test]
    fn after_a_failed_sync_nothing_of_the_file_becomes_durable() {
        let lost = (0..50).filter(|seed| {
            let disk = SimDisk::new(*seed);
            let mut file = disk.create(Path::new("/x")).unwrap();
            disk.sync_dir(Path::new("/")).unwrap();
            file.write_all(b"flow").unwrap();
            disk.fail_at(disk.operations());
            assert!(file.sync().is_err());
            assert_eq!(disk.failed(), Some(Operation::Sync));
            file.sync().unwrap();
            disk.boot();
            disk.read(Path::new("/x")).unwrap() != b"flow"
        });
        assert!(lost.count() > 10);
    }

    #[test]
    fn a_new_file_is_created_once_whoever_tries_at_the_same_time() {
        for seed in 0..50 {
            let disk = SimDisk::new(seed);
            let created = Simulation::new(seed).run(|| {
                let tries: Vec<_> = (0..3)
                    .map(|_| {
                        let disk = disk.clone();
                        crate::spawn("creator", move || disk.create_new(Path::new("/x")).is_ok()).unwrap()
                    })
                    .collect();
                tries.into_iter().map(|thread| thread.join().unwrap()).filter(|new| *new).count()
            });
            assert_eq!(created, 1, "seed {seed}");
        }
    }

    #[test]
    fn a_file_that_was_put_there_stays_with_its_folders() {
        for seed in 0..20 {
            let disk = SimDisk::new(seed);
            disk.put(Path::new("/a/b/x"), b"flow").unwrap();
            disk.boot();
            assert_eq!(disk.get(Path::new("/a/b/x")).unwrap(), b"flow", "seed {seed}");
        }
    }

    #[test]
    fn a_crash_frees_locks_and_closes_files() {
        let disk = SimDisk::new(1);
        let lock = disk.lock(Path::new("/LOCK")).unwrap();
        assert!(disk.lock(Path::new("/LOCK")).is_err());
        let mut file = disk.create(Path::new("/x")).unwrap();
        disk.boot();
        assert!(file.write_all(b"late").is_err());
        let again = disk.lock(Path::new("/LOCK")).unwrap();
        drop(lock);
        assert!(disk.lock(Path::new("/LOCK")).is_err(), "the old one frees nothing");
        drop(again);
        assert!(disk.lock(Path::new("/LOCK")).is_ok());
    }

    #[test]
    fn a_full_disk_says_so_and_has_room_again_when_files_go() {
        let disk = SimDisk::new(1);
        written(&disk, "/x", false);
        disk.set_space(Some(6));
        let mut file = disk.create(Path::new("/y")).unwrap();
        assert_eq!(file.write_all(b"flow").unwrap_err().kind(), io::ErrorKind::StorageFull);
        disk.remove_file(Path::new("/x")).unwrap();
        assert!(file.write_all(b"flow").is_ok());
    }
}
