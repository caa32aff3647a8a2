//! A sealed part of a file sink, as a checkpoint knows it: its length, the hash of its bytes and its path in the folder,
//! as in `1234:99aa06d3014798d86001c324468d497f day=1/part-0-7.ndjson`. In checkpoints made before 28 November 2026 there
//! is no hash: `1234 day=1/part-0-7.ndjson`.

use super::staging::Staging;
use flow_engine::sink::{Hash128, Hashing, SinkError};
use flow_env::Disk;
use std::io;
use std::path::{Component, Path};

/// So many bytes are read at once.
const PIECE: usize = 1 << 20;

/// A sealed part.
pub(super) struct Sealed<'s> {
    bytes: u64,
    hash: Option<Hash128>,
    pub(super) below: &'s str,
    pub(super) name: &'s str,
}

impl Sealed<'_> {
    /// How a part is known.
    pub(super) fn text(bytes: u64, hash: Hash128, below: &str) -> String {
        format!("{bytes}:{hash} {below}")
    }

    pub(super) fn read(text: &str) -> Result<Sealed<'_>, SinkError> {
        let parts = text.split_once(' ').filter(|(_, below)| is_inside(below));
        let known = parts.and_then(|(known, below)| {
            let (bytes, hash) = match known.split_once(':') {
                Some((bytes, hash)) => (bytes, Some(Hash128::parse(hash)?)),
                None => (known, None),
            };
            Some((bytes.parse().ok()?, hash, below))
        });
        let Some((bytes, hash, below)) = known else {
            return Err(SinkError::Write(format!("`{text}` is no sealed part of a file sink")));
        };
        Ok(Sealed { bytes, hash, below, name: below.rsplit('/').next().unwrap_or(below) })
    }

    /// Refuses a file of another length.
    pub(super) fn has_length(&self, path: &Path, len: u64) -> Result<(), SinkError> {
        if len == self.bytes {
            return Ok(());
        }
        Err(changed(path, &format!("it has {len} bytes, and {} were sealed", self.bytes)))
    }

    /// Refuses a file with other bytes: reads all of it.
    pub(super) fn read_back(&self, disk: &dyn Disk, path: &Path, staging: &Staging) -> Result<(), SinkError> {
        let Some(sealed) = self.hash else { return Ok(()) };
        let error = |error: io::Error| staging.error("read", path, &error);
        if !disk.info(path).map_err(error)?.is_file {
            return Err(changed(path, "it is no file"));
        }
        let file = disk.open(path).map_err(error)?;
        let (mut hash, mut piece) = (Hashing::default(), vec![0; PIECE.min(self.bytes as usize)]);
        while hash.taken() < self.bytes {
            let count = file.read_at(&mut piece, hash.taken()).map_err(error)?;
            if count == 0 {
                return self.has_length(path, hash.taken());
            }
            hash.take(&piece[..count]);
        }
        match hash.finish() == sealed {
            true => Ok(()),
            false => Err(changed(path, "its bytes are not those that were sealed")),
        }
    }
}

/// What must be shown, and is not what was written.
fn changed(path: &Path, how: &str) -> SinkError {
    SinkError::Write(format!(
        "{} was changed, by somebody or by a disk that fails: {how}; put it back as it was (nothing more is shown before that), or begin anew with `flow run --fresh`",
        path.display()
    ))
}

/// Does a path stay in the folder it is relative to? (A checkpoint may have been written by anybody.)
pub(super) fn is_inside(below: &str) -> bool {
    !below.is_empty() && Path::new(below).components().all(|step| matches!(step, Component::Normal(_)))
}
