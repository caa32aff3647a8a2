//! Opening an input: its bytes, unpacked. Knows compressions; never lines or formats.

use flow_engine::source::SourceError;
use flow_env::{Disk, ReadFile};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

/// How the bytes of a file are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    /// What the name and the first bytes say.
    pub(crate) fn detect(path: &Path, file: &dyn ReadFile) -> io::Result<Packing> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("gz" | "gzip") => return Ok(Packing::Gzip),
            Some("zst" | "zstd") => return Ok(Packing::Zstd),
            _ => {}
        }
        let mut head = [0; HEAD];
        let n = file.read_at(&mut head, 0)?;
        Ok(Packing::of(&head[..n]))
    }

    /// What the first bytes say.
    pub(crate) fn of(head: &[u8]) -> Packing {
        match head {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstd,
            _ => Packing::None,
        }
    }

    /// Can something that is packed so begin with these bytes?
    fn fits(self, head: &[u8]) -> bool {
        match self {
            Packing::None => true,
            Packing::Gzip => [0x1f, 0x8b].starts_with(&head[..head.len().min(2)]),
            // A skippable frame may come first.
            Packing::Zstd => {
                [0x28, 0xb5, 0x2f, 0xfd].starts_with(head) || matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
            }
        }
    }

    /// The bytes unpacked, from the first to the last.
    pub(crate) fn unpack(self, raw: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Packing::None => Box::new(raw),
            Packing::Gzip => Box::new(super::gzip::Members::new(io::BufReader::with_capacity(1 << 16, raw))),
            Packing::Zstd => Box::new(zstd::stream::read::Decoder::new(raw)?),
        })
    }
}

/// Bytes that say how a file is packed.
pub(crate) const HEAD: usize = 4;

/// A file that is open.
pub(crate) struct OpenFile {
    /// Its path, for people.
    pub(crate) name: Arc<str>,
    /// Its bytes.
    pub(crate) file: Arc<dyn ReadFile>,
    /// Its length when it was opened: what is added later is not read.
    pub(crate) len: u64,
    /// How it is packed.
    pub(crate) packing: Packing,
}

/// Opens a file; `packing` overrides what it looks like.
pub(crate) fn open(path: &Path, packing: Option<Packing>, disk: &dyn Disk) -> Result<OpenFile, SourceError> {
    let failed = |error: io::Error| super::paths::cannot_open(path, &error, disk);
    let file: Arc<dyn ReadFile> = disk.open(path).map_err(failed)?.into();
    let len = file.len().map_err(failed)?;
    let packing = match packing {
        Some(packing) => packing,
        None => Packing::detect(path, &*file).map_err(failed)?,
    };
    let mut head = [0; HEAD];
    let n = if packing == Packing::None { 0 } else { file.read_at(&mut head, 0).map_err(failed)? };
    if !packing.fits(&head[..n]) {
        let kind = if packing == Packing::Gzip { "gzip" } else { "zstd" };
        let text = format!("`{}` is no {kind} file: its first bytes are not those of one", path.display());
        return Err(SourceError::Open(text));
    }
    Ok(OpenFile { name: path.to_string_lossy().into(), file, len, packing })
}

impl OpenFile {
    /// Its unpacked bytes from the first to the last.
    pub(crate) fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        self.packing.unpack(Sequential { file: self.file.clone(), at: 0, len: self.len })
    }
}

impl OpenFile {
    /// Its unpacked bytes from an offset (not 0) on, and the byte in front of them.
    pub(crate) fn reader_from(&self, at: u64) -> io::Result<(Box<dyn Read + Send>, u8)> {
        if self.packing == Packing::None {
            let mut before = [0];
            if self.file.read_at(&mut before, at - 1)? == 0 {
                return Err(shrank(at, self.len));
            }
            let rest = Sequential { file: self.file.clone(), at: at.min(self.len), len: self.len };
            return Ok((Box::new(rest), before[0]));
        }
        // There is no way into the middle.
        let mut reader = self.reader()?;
        let mut buffer = vec![0; 64 << 10];
        let (mut left, mut before) = (at, 0);
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            match reader.read(&mut buffer[..wanted]) {
                Ok(0) => return Err(shrank(at, at - left)),
                Ok(n) => {
                    before = buffer[n - 1];
                    left -= n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((reader, before))
    }
}

/// A file read from front to back.
struct Sequential {
    file: Arc<dyn ReadFile>,
    at: u64,
    len: u64,
}

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let n = self.file.read_at(&mut buffer[..wanted], self.at)?;
        if n == 0 {
            return Err(shrank(self.len, self.at));
        }
        self.at += n as u64;
        Ok(n)
    }
}

/// Less bytes than there were.
pub(crate) fn shrank(len: u64, now: u64) -> io::Error {
    let text = format!("the file became shorter while it was read: it had {len} bytes, now {now}");
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}
