//! Where a file source stands, for checkpoints: how far each file is read. Knows no formats.

use super::open::{OpenFile, Packing, open};
use crate::fingerprint::fingerprint;
use flow_engine::source::{SourceError, Step, Tracker};
use flow_env::{Disk, planted};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// First bytes by which a file is known again.
const HEAD: usize = 4 << 10;

/// A file as it was when its source began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) path: PathBuf,
    /// Its length, packed.
    bytes: u64,
    /// How many of its first bytes were looked at, and their fingerprint.
    head: (u64, u64),
}

/// How far a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Behind what was handed out, in the unpacked bytes.
    pub(crate) at: u64,
    pub(crate) done: bool,
    /// The time that decides when its next piece comes, once it has begun.
    pub(crate) next: Option<i64>,
}

impl Place {
    /// Was something of the file handed out?
    pub(crate) fn is_begun(&self) -> bool {
        self.at > 0 || self.done
    }
}

/// How far all files of a source are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) files: Vec<(Known, Place)>,
    /// Are they merged by event time? Else they are read in this order.
    pub(crate) by_time: bool,
}

impl Known {
    /// Looks at a file.
    pub(crate) fn of(path: &Path, file: &OpenFile) -> io::Result<Known> {
        let head = head(file, HEAD as u64)?;
        Ok(Known { path: path.into(), bytes: file.len, head })
    }

    /// Refuses to go on in a file that is not the one it was.
    fn check(&self, disk: &dyn Disk, name: &str) -> Result<(), SourceError> {
        let file = open(&self.path, Some(Packing::None), disk)?;
        let head = head(&file, self.head.0);
        let head = head.map_err(|error| SourceError::Open(format!("cannot read {name}: {error}")))?;
        if file.len < self.bytes {
            return Err(SourceError::Open(format!(
                "cannot go on in {name}: it has {} bytes, and had {} when it was read",
                file.len, self.bytes
            )));
        }
        if head != self.head {
            return Err(SourceError::Open(format!(
                "cannot go on in {name}: it does not begin as it did when it was read"
            )));
        }
        Ok(())
    }
}

fn head(file: &OpenFile, bytes: u64) -> io::Result<(u64, u64)> {
    let mut head = vec![0; usize::try_from(bytes.min(file.len)).unwrap_or(HEAD).min(HEAD)];
    let mut filled = 0;
    while filled < head.len() {
        match file.file.read_at(&mut head[filled..], filled as u64)? {
            0 => break,
            n => filled += n,
        }
    }
    Ok((filled as u64, fingerprint(&head[..filled])))
}

impl Position {
    /// Reads what a tracker wrote. Paths are relative to `base`.
    pub(crate) fn read(text: &str, base: &Path) -> Result<Position, SourceError> {
        let position = || {
            let value: Value = serde_json::from_str(text).ok()?;
            let files = value.get("files")?.as_array()?.iter().map(|file| entry(file, base));
            Some(Position { files: files.collect::<Option<_>>()?, by_time: value.get("byTime")?.as_bool()? })
        };
        let shown: String = text.chars().take(200).collect();
        position().ok_or_else(|| SourceError::Open(format!("`{shown}` is no position in files")))
    }

    /// Bytes that are not read yet, if no file is packed.
    pub(crate) fn left(&self) -> u64 {
        let unread = self.files.iter().filter(|(_, place)| !place.done);
        unread.map(|(known, place)| known.bytes.saturating_sub(place.at)).sum()
    }

    /// Refuses what cannot be gone on with. `covered` are the files that the source means now.
    pub(crate) fn check(&self, covered: &[PathBuf], disk: &dyn Disk) -> Result<(), SourceError> {
        let covered: HashSet<&PathBuf> = covered.iter().collect();
        for (known, place) in self.files.iter().filter(|(_, place)| !place.done) {
            let name = known.path.display().to_string();
            if disk.info(&known.path).is_err() {
                return Err(SourceError::Open(format!(
                    "cannot go on in {name}: it was not read to its end, and is gone"
                )));
            }
            if !covered.contains(&known.path) {
                return Err(SourceError::Open(format!(
                    "cannot go on in {name}: it was not read to its end, and the source's path leaves it out now"
                )));
            }
            if place.at > 0 {
                known.check(disk, &name)?;
            }
        }
        Ok(())
    }
}

fn entry(file: &Value, base: &Path) -> Option<(Known, Place)> {
    let number = |key: &str| file.get(key).and_then(Value::as_u64);
    let head = u64::from_str_radix(file.get("head")?.as_str()?, 16).ok()?;
    let known = Known {
        path: base.join(file.get("path")?.as_str()?),
        bytes: number("bytes")?,
        head: (number("headBytes")?, head),
    };
    let place = Place {
        at: number("at")?,
        done: file.get("done").and_then(Value::as_bool).unwrap_or(false),
        next: file.get("next").and_then(Value::as_i64),
    };
    Some((known, place))
}

/// Follows how far files are read.
pub(crate) struct FileTracker {
    position: Position,
    base: Arc<Path>,
    /// Files before this one are done, if they are read in order.
    current: usize,
}

impl FileTracker {
    /// From where the source stands. Paths are told relative to `base`.
    pub(crate) fn new(position: Position, base: Arc<Path>) -> FileTracker {
        FileTracker { position, base, current: 0 }
    }
}

impl Tracker for FileTracker {
    fn passed(&mut self, step: Step) {
        let (part, files) = (step.part as usize, &mut self.position.files);
        if !self.position.by_time {
            let before = self.current.min(part)..part;
            files[before].iter_mut().for_each(|(_, place)| place.done = true);
            self.current = part;
        }
        let to = step.to + u64::from(planted("position-off-by-one"));
        files[part].1 = Place { at: to, done: step.done, next: step.next };
    }

    fn ended(&mut self) {
        self.position.files.iter_mut().for_each(|(_, place)| place.done = true);
    }

    fn position(&self) -> String {
        let file = |(known, place): &(Known, Place)| {
            let path = known.path.strip_prefix(&self.base).unwrap_or(&known.path).to_string_lossy();
            let mut file = Map::from_iter([
                ("path".to_string(), json!(path)),
                ("bytes".to_string(), json!(known.bytes)),
                ("headBytes".to_string(), json!(known.head.0)),
                ("head".to_string(), json!(format!("{:016x}", known.head.1))),
                ("at".to_string(), json!(place.at)),
            ]);
            if place.done {
                file.insert("done".into(), json!(true));
            }
            if let Some(next) = place.next {
                file.insert("next".into(), json!(next));
            }
            Value::Object(file)
        };
        let files: Vec<Value> = self.position.files.iter().map(file).collect();
        json!({ "byTime": self.position.by_time, "files": files }).to_string()
    }
}
