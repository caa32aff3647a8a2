//! How the hand-written programs read their input: mapped into memory, or read in blocks that stay
//! in the cache. Either way the consumer sees blocks of whole lines, followed by readable padding.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read};

/// Readable zero bytes after each block, so that a scanner may load whole vectors.
pub const PADDING: usize = 64;
const BLOCK: usize = 256 << 10;

/// How to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One memory map of the whole file.
    Map,
    /// `read` into one buffer, again and again.
    Read,
}

/// Calls `each` with blocks of whole lines; each is followed by `PADDING` readable bytes that are
/// not part of it.
pub fn blocks(path: &str, mode: Mode, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let file = File::open(path)?;
    match mode {
        Mode::Map => mapped(&file, each),
        Mode::Read => read(file, each),
    }
}

/// A mapped file whose rows may be looked at again while it is there.
#[derive(Debug)]
pub struct Mapped {
    map: memmap2::Mmap,
    /// The last lines are a copy, so that the padding exists at the end of the file too.
    tail: Vec<u8>,
    cut: usize,
}

impl Mapped {
    /// Maps a file.
    pub fn open(path: &str) -> io::Result<Mapped> {
        Mapped::new(&File::open(path)?)
    }

    fn new(file: &File) -> io::Result<Mapped> {
        // SAFETY: the benchmark data is not changed while the program runs.
        let map = unsafe { memmap2::Mmap::map(file)? };
        let safe = map.len().saturating_sub(PADDING);
        let cut = memchr::memrchr(b'\n', &map[..safe]).map_or(0, |at| at + 1);
        let mut tail = map[cut..].to_vec();
        tail.resize(tail.len() + PADDING, 0);
        Ok(Mapped { map, tail, cut })
    }

    /// The two blocks of whole lines; each is followed by `PADDING` readable bytes.
    pub fn blocks(&self) -> [&[u8]; 2] {
        [&self.map[..self.cut], &self.tail[..self.tail.len() - PADDING]]
    }
}

fn mapped(file: &File, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mapped = Mapped::new(file)?;
    mapped.map.advise(memmap2::Advice::Sequential)?;
    for block in mapped.blocks().into_iter().filter(|b| !b.is_empty()) {
        each(block);
    }
    Ok(())
}

fn read(mut file: File, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0u8; BLOCK + PADDING];
    let mut held = 0;
    loop {
        let limit = buffer.len() - PADDING;
        let n = file.read(&mut buffer[held..limit])?;
        let filled = held + n;
        if n == 0 {
            if filled > 0 {
                each(&buffer[..filled]);
            }
            return Ok(());
        }
        match memchr::memrchr(b'\n', &buffer[..filled]) {
            Some(at) => {
                each(&buffer[..=at]);
                buffer.copy_within(at + 1..filled, 0);
                held = filled - at - 1;
            }
            None => {
                held = filled;
                let length = buffer.len();
                if filled == length - PADDING {
                    buffer.resize(length * 2, 0);
                }
            }
        }
    }
}
