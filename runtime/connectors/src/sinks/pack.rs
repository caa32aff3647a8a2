//! Compressing what a part file gets.

use crate::sources::open::Packing;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};

/// Takes bytes, gives packed bytes.
pub(crate) enum Packer {
    /// As they are.
    None,
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Packer {
    /// A new stream.
    pub(crate) fn new(packing: Packing) -> io::Result<Packer> {
        Ok(match packing {
            Packing::None => Packer::None,
            Packing::Gzip => Packer::Gzip(GzEncoder::new(Vec::new(), Compression::default())),
            Packing::Zstd => Packer::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 0)?),
        })
    }

    /// Gives each piece of packed bytes to `write`.
    pub(crate) fn put(
        &mut self,
        bytes: &[u8],
        write: impl FnOnce(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let packed = match self {
            Packer::None => return write(bytes),
            Packer::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                std::mem::take(encoder.get_mut())
            }
            Packer::Zstd(encoder) => {
                encoder.write_all(bytes)?;
                std::mem::take(encoder.get_mut())
            }
        };
        write(&packed)
    }

    /// The bytes at the end of the stream.
    pub(crate) fn end(self) -> io::Result<Vec<u8>> {
        match self {
            Packer::None => Ok(Vec::new()),
            Packer::Gzip(encoder) => encoder.finish(),
            Packer::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// What the name of a packed file ends in.
pub(crate) fn suffix(packing: Packing) -> &'static str {
    match packing {
        Packing::None => "",
        Packing::Gzip => ".gz",
        Packing::Zstd => ".zst",
    }
}
