//! Compressing what a part file gets.

use crate::sources::open::Packing;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::borrow::Cow;
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

    /// What there is to write after these bytes.
    pub(crate) fn pack<'b>(&mut self, bytes: &'b [u8]) -> io::Result<Cow<'b, [u8]>> {
        Ok(match self {
            Packer::None => Cow::Borrowed(bytes),
            Packer::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                Cow::Owned(std::mem::take(encoder.get_mut()))
            }
            Packer::Zstd(encoder) => {
                encoder.write_all(bytes)?;
                Cow::Owned(std::mem::take(encoder.get_mut()))
            }
        })
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
