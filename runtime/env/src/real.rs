//! The machine this process runs on.

use crate::clock::Clock;
use crate::disk::{DirEntry, Disk, FileInfo, FileLock, ReadFile, WriteFile};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The operating system's files.
pub struct RealDisk;

/// A folder, by a name that can be opened.
fn here(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

/// The folders that a path leads through, the last one first: not those that a `..` leaves again.
fn on_the_way(dir: &Path) -> impl Iterator<Item = &Path> {
    let mut left = false;
    dir.ancestors().take_while(move |dir| {
        let before = std::mem::replace(&mut left, dir.ends_with(".."));
        !before
    })
}

/// An error if a path leads to a pipe or a socket. Asked before it is opened: to open a pipe is to wait for its other end.
#[cfg(unix)]
fn no_stream(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    match fs::metadata(path).map(|data| data.file_type()) {
        Ok(kind) if kind.is_fifo() || kind.is_socket() => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
        }
        // What else is wrong with it shows when it is opened.
        _ => Ok(()),
    }
}

/// Elsewhere they are no files.
#[cfg(not(unix))]
fn no_stream(_: &Path) -> io::Result<()> {
    Ok(())
}

impl Disk for RealDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        no_stream(path)?;
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        Ok(Box::new(RealFile(file)))
    }

    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(RealFile(File::create(path)?)))
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(RealFile(File::create_new(path)?)))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(RealFile(OpenOptions::new().append(true).create(true).open(path)?)))
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        let data = fs::metadata(path)?;
        Ok(FileInfo { len: data.len(), is_dir: data.is_dir(), is_file: data.is_file() })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        let above: Vec<PathBuf> =
            on_the_way(dir).filter_map(|dir| fs::canonicalize(here(dir)).ok()).collect();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            // A file may vanish between the listing and this look at it.
            if let Ok(info) = self.info(&path) {
                // By a link, a folder may lie in itself: who walks through all of it must not find everything again.
                if info.is_dir && fs::canonicalize(&path).is_ok_and(|real| above.contains(&real)) {
                    continue;
                }
                entries.push(DirEntry { path, info });
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir_all(dir)
    }

    fn remove_empty_dir(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        no_stream(path)?;
        let file = match OpenOptions::new().write(true).create(true).truncate(false).open(path) {
            // Who only looks whether somebody holds it needs no right to write.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                OpenOptions::new().read(true).open(path).map_err(|_| error)?
            }
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::Error::from(io::ErrorKind::WouldBlock)),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

struct RealFile(File);

impl ReadFile for RealFile {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

impl WriteFile for RealFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)?;
        self.0.seek(SeekFrom::Start(len)).map(|_| ())
    }

    fn write_out(&mut self) -> io::Result<()> {
        crate::writeback::begin(&self.0)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// The operating system's clocks.
pub struct RealClock {
    start: Instant,
}

impl RealClock {
    /// A clock whose stopwatch starts now.
    pub fn new() -> RealClock {
        RealClock { start: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> Self {
        RealClock::new()
    }
}

impl Clock for RealClock {
    fn wall_micros(&self) -> i64 {
        // Before 1970 the difference is an error that holds the distance.
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        }
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_locked_by_one_holder_at_a_time() {
        let path = std::env::temp_dir().join(format!("flow-lock-{}", std::process::id()));
        let held = RealDisk.lock(&path).unwrap();
        assert_eq!(RealDisk.lock(&path).err().map(|e| e.kind()), Some(io::ErrorKind::WouldBlock));
        drop(held);
        assert!(RealDisk.lock(&path).is_ok());
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_was_sent_to_the_disk_ahead_is_what_was_written() {
        let path = std::env::temp_dir().join(format!("flow-ahead-{}", std::process::id()));
        let mut file = RealDisk.create(&path).unwrap();
        for piece in [&b"one "[..], b"two ", b"three"] {
            file.write_all(piece).unwrap();
            file.write_out().unwrap();
        }
        file.sync().unwrap();
        assert_eq!(RealDisk.read(&path).unwrap(), b"one two three");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_was_cut_off_is_written_anew() {
        let path = std::env::temp_dir().join(format!("flow-cut-{}", std::process::id()));
        let mut file = RealDisk.create(&path).unwrap();
        file.write_all(b"one, and half of what").unwrap();
        file.cut(5).unwrap();
        file.write_all(b"two").unwrap();
        assert_eq!(RealDisk.read(&path).unwrap(), b"one, two");
        fs::remove_file(&path).unwrap();
    }

    /// A pipe has no disk behind it; what is written to it is on its way already.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_has_no_disk_behind_it_need_not_be_sent_there() {
        let (_reader, writer) = io::pipe().unwrap();
        RealFile(File::from(std::os::fd::OwnedFd::from(writer))).write_out().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_neither_opened_nor_locked_nor_waited_for() {
        let path = std::env::temp_dir().join(format!("flow-pipe-{}", std::process::id()));
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let refused = [RealDisk.open(&path).err(), RealDisk.lock(&path).err()];
        for error in refused.map(Option::unwrap) {
            assert_eq!(error.to_string(), "it is not a regular file");
        }
        let info = RealDisk.info(&path).unwrap();
        assert!(!info.is_file && !info.is_dir);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_new_file_is_created_once() {
        let path = std::env::temp_dir().join(format!("flow-new-{}", std::process::id()));
        assert!(RealDisk.create_new(&path).is_ok());
        let again = RealDisk.create_new(&path).err().map(|error| error.kind());
        assert_eq!(again, Some(io::ErrorKind::AlreadyExists));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_folder_is_removed_as_an_empty_one_only_if_it_is() {
        let dir = std::env::temp_dir().join(format!("flow-empty-{}", std::process::id()));
        fs::create_dir_all(dir.join("a")).unwrap();
        let refused = RealDisk.remove_empty_dir(&dir).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::DirectoryNotEmpty);
        assert!(RealDisk.remove_empty_dir(&dir.join("a")).and(RealDisk.remove_empty_dir(&dir)).is_ok());
    }

    #[test]
    fn a_folder_that_a_path_goes_up_from_is_listed_like_its_neighbours() {
        let dir = std::env::temp_dir().join(format!("flow-up-{}", std::process::id()));
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::create_dir_all(dir.join("c")).unwrap();
        let names = |below: &str| -> Vec<String> {
            let entries = RealDisk.list(&dir.join(below)).unwrap();
            entries.iter().map(|e| e.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names("a/.."), ["a", "c"]);
        assert_eq!(names("a/b/../.."), ["a", "c"]);
        assert_eq!(names("c/../a"), ["b"]);
        let relative: Vec<&Path> = on_the_way(Path::new("..")).collect();
        assert_eq!(relative, [Path::new("..")], "and not the folder that stands for no name");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_lies_in_itself_by_a_link_is_not_listed_there() {
        let dir = std::env::temp_dir().join(format!("flow-links-{}", std::process::id()));
        fs::create_dir_all(dir.join("a")).unwrap();
        fs::create_dir_all(dir.join("c")).unwrap();
        std::os::unix::fs::symlink(".", dir.join("self")).unwrap();
        std::os::unix::fs::symlink("../c", dir.join("a/b")).unwrap();
        std::os::unix::fs::symlink("../a", dir.join("c/d")).unwrap();
        let names = |below: &str| -> Vec<String> {
            let entries = RealDisk.list(&dir.join(below)).unwrap();
            entries.iter().map(|e| e.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(""), ["a", "c"]);
        assert_eq!(names("a"), ["b"], "another folder, once");
        assert_eq!(names("a/b"), Vec::<String>::new(), "and not the first one in it again");
        fs::remove_dir_all(&dir).unwrap();
    }
}
