//! Small files that people may read: a line that says what it is, its format, length and hash, and then JSON.
//!
//! ```text
//! flow-manifest 1 4711 0123456789abcdef0123456789abcdef
//! { … }
//! ```

use crate::FORMAT;
use crate::failure::{Failure, Problem};
use crate::folder::open_file;
use crate::hash::Hash128;
use crate::protocol::Generation;
use flow_env::{Disk, ReadFile, planted};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};

/// Longest first line there can be.
const LONGEST_HEAD: usize = 100;

/// Files up to this are read in one piece, whatever they say.
const SHORT: u64 = 1 << 16;

/// No record is longer than that.
const LONGEST: u64 = 1 << 30;

/// A kind of small file.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// The first word of the file.
    const WORD: &'static str;
    /// What it is, with an article.
    const NAME: &'static str;
}

/// The bytes of a record's file.
pub(crate) fn bytes<R: Record>(record: &R, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut json = serde_json::to_string_pretty(record)
        .map_err(|error| Failure::new(path, Problem::Contradiction(error.to_string())))?;
    json.push('\n');
    let head = format!("{} {FORMAT} {}", R::WORD, json.len());
    let hash = Hash128::of(format!("{head}\n{json}").as_bytes());
    Ok(format!("{head} {hash}\n{json}").into_bytes())
}

/// The name of what a run is about to put in this place. It is that run's own: one that is over and does not know
/// it may be about to do the same.
pub(crate) fn beside(path: &Path, run: Generation) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}-g{run}.tmp"))
}

/// The run whose name that is; 0 if it says nothing.
pub(crate) fn run_of(beside: &Path) -> Generation {
    let name = beside.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    name.rsplit_once("-g").and_then(|(_, run)| run.parse().ok()).unwrap_or(0)
}

/// Makes a record durable under its name: written beside, synced, read back, renamed, folder synced.
pub(crate) fn write<R: Record>(
    disk: &dyn Disk,
    path: &Path,
    run: Generation,
    record: &R,
) -> Result<(), Failure> {
    let beside = beside(path, run);
    prepare(disk, &beside, record)?;
    disk.rename(&beside, path).map_err(Failure::io(path))?;
    if planted("skip-folder-sync") {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    disk.sync_dir(folder).map_err(Failure::io(folder))
}

/// Writes and syncs a record, and reads it back. The name does not count yet.
pub(crate) fn prepare<R: Record>(disk: &dyn Disk, path: &Path, record: &R) -> Result<(), Failure> {
    let bytes = bytes(record, path)?;
    // A file that was left here may be one whose sync failed: it must not be the same one again.
    match disk.remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Failure::io(path)(error)),
        _ => {}
    }
    let mut file = disk.create(path).map_err(Failure::io(path))?;
    file.write_all(&bytes).map_err(Failure::io(path))?;
    file.sync().map_err(Failure::io(path))?;
    drop(file);
    if disk.read(path).map_err(Failure::io(path))? != bytes {
        return Err(Failure::damaged(path, "it reads back other than it was written"));
    }
    Ok(())
}

/// Reads a record.
pub(crate) fn read<R: Record>(disk: &dyn Disk, path: &Path) -> Result<R, Failure> {
    let file = open_file(disk, path)?;
    parse(&said(&*file).map_err(Failure::io(path))?, path)
}

/// The bytes of a file, of one that is much longer than its first line says only the beginning: what was made to exhaust memory
/// does not.
fn said(file: &dyn ReadFile) -> io::Result<Vec<u8>> {
    let len = file.len()?;
    let mut most = len;
    if len > SHORT {
        let mut head = [0; LONGEST_HEAD];
        let n = file.read_at(&mut head, 0)?;
        let stated = head[..n]
            .split(|byte| *byte == b'\n')
            .next()
            .and_then(stated)
            .filter(|stated| *stated <= LONGEST);
        // One byte more, so that it is seen to be too long.
        most = len.min(stated.unwrap_or(0) + LONGEST_HEAD as u64 + 1);
    }
    file.read_first(most)
}

/// The length that a first line says.
fn stated(head: &[u8]) -> Option<u64> {
    std::str::from_utf8(head).ok()?.split(' ').nth(2)?.parse().ok()
}

/// The record in these bytes.
pub(crate) fn parse<R: Record>(bytes: &[u8], path: &Path) -> Result<R, Failure> {
    let foreign = || Failure::new(path, Problem::Foreign { expected: R::NAME });
    if bytes.is_empty() {
        return Err(Failure::damaged(path, "it is empty"));
    }
    let end = bytes.iter().take(LONGEST_HEAD).position(|byte| *byte == b'\n').ok_or_else(foreign)?;
    let (head, json) = (&bytes[..end], &bytes[end + 1..]);
    let head = std::str::from_utf8(head).map_err(|_| foreign())?;
    let rest = head.strip_prefix(R::WORD).and_then(|rest| rest.strip_prefix(' ')).ok_or_else(foreign)?;
    let (format, rest) = rest.split_once(' ').ok_or_else(foreign)?;
    let number: u32 = format.parse().map_err(|_| foreign())?;
    if number > FORMAT {
        return Err(Failure::new(path, Problem::Newer { format: number }));
    }
    let damaged = |why: &str| Failure::damaged(path, why);
    let (len, hash) = rest.split_once(' ').ok_or_else(|| damaged("its first line is cut off"))?;
    if len != json.len().to_string() {
        return Err(damaged("it is longer or shorter than it says"));
    }
    let mut hashed = format!("{} {format} {len}\n", R::WORD).into_bytes();
    hashed.extend_from_slice(json);
    if Hash128::parse(hash) != Some(Hash128::of(&hashed)) {
        return Err(damaged("its hash differs"));
    }
    serde_json::from_slice(json).map_err(|error| Failure::damaged(path, error.to_string()))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::runs::Begun;
    use flow_env::Env;

    #[test]
    fn a_file_that_is_longer_than_memory_is_damaged_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.begun");
        for head in [
            "flow-run 1 40 0123456789abcdef0123456789abcdef\n",
            "flow-run 1 1099511627728 0123456789abcdef0123456789abcdef\n",
            "flow-run 1 99999999999999999999 0\n",
            "",
        ] {
            std::fs::write(&path, head).unwrap();
            std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
            let failure = read::<Begun>(&*Env::real().disk, &path).unwrap_err();
            assert!(matches!(failure.problem, Problem::Damaged(_) | Problem::Foreign { .. }), "{failure}");
        }
    }
}
