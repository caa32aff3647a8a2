//! A cursor over bytes that nobody vouches for.

use super::Malformed;

/// Reads from the front; every step is checked.
#[derive(Clone, Debug)]
pub struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    /// Reads these bytes from their beginning.
    pub fn new(all: &'a [u8]) -> Bytes<'a> {
        Bytes { all, at: 0 }
    }

    /// How many were read.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        &self.all[self.at..]
    }

    /// Is nothing left?
    pub fn is_empty(&self) -> bool {
        self.at == self.all.len()
    }

    /// What is wrong at the place that is read next.
    pub fn wrong(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at, what }
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let bytes = self.rest().get(..len).ok_or_else(|| self.wrong("it ends too early"))?;
        self.at += len;
        Ok(bytes)
    }

    /// The next `count` values of `width` bytes.
    pub fn array(&mut self, count: usize, width: usize) -> Result<&'a [u8], Malformed> {
        match count.checked_mul(width) {
            Some(len) => self.take(len),
            None => Err(self.wrong("it ends too early")),
        }
    }

    /// The next bytes, as many as an array holds.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut fixed = [0; N];
        fixed.copy_from_slice(self.take(N)?);
        Ok(fixed)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.fixed::<1>()?[0])
    }

    /// The next two bytes as a number, least first.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.fixed()?))
    }

    /// The next four bytes as a number, least first.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.fixed()?))
    }

    /// The next eight bytes as a number, least first.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.fixed()?))
    }

    /// A text with its length (two bytes) in front.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let len = self.u16()?;
        let wrong = self.wrong("text that is not UTF-8");
        std::str::from_utf8(self.take(usize::from(len))?).map_err(|_| wrong)
    }
}
