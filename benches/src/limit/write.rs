//! Rows are written straight into the output buffer, with copies rounded up to whole vectors.
#![allow(unsafe_code)]

use super::Output;
use super::bids::Text;
use crate::input::PADDING;

/// The most a row's numbers, keys and timestamps take.
const FIXED: usize = 512;

/// Writes one row into the output buffer, with copies rounded up to whole vectors.
pub(super) struct Writer<'a> {
    out: &'a mut Output,
    at: *mut u8,
}

impl<'a> Writer<'a> {
    #[inline(always)]
    pub(super) fn start(out: &'a mut Output, strings: usize) -> Writer<'a> {
        out.reserve(strings + FIXED);
        let at = out.buffer.spare_capacity_mut().as_mut_ptr().cast();
        Writer { out, at }
    }

    #[inline(always)]
    pub(super) unsafe fn text<const N: usize>(&mut self, text: &[u8; N]) {
        // SAFETY: keys are part of FIXED.
        unsafe {
            self.at.cast::<[u8; N]>().write_unaligned(*text);
            self.at = self.at.add(N);
        }
    }

    #[inline(always)]
    pub(super) unsafe fn bytes(&mut self, (from, length): Text) {
        let mut done = 0;
        while done < length {
            // SAFETY: both sides have at least 32 bytes after the string (PADDING, FIXED).
            unsafe { self.at.add(done).cast::<[u8; 32]>().write_unaligned(*from.add(done).cast()) };
            done += 32;
        }
        // SAFETY: just written.
        self.at = unsafe { self.at.add(length) };
    }

    /// Bytes that no padding follows.
    #[inline(always)]
    pub(super) unsafe fn plain(&mut self, text: &[u8]) {
        // SAFETY: the caller has made room.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), self.at, text.len());
            self.at = self.at.add(text.len());
        }
    }

    #[inline(always)]
    pub(super) unsafe fn int(&mut self, n: i64) {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(n);
        // SAFETY: at most 20 bytes, part of FIXED.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), self.at, text.len());
            self.at = self.at.add(text.len());
        }
    }

    #[inline(always)]
    pub(super) unsafe fn float(&mut self, x: f64) {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(x);
        // SAFETY: at most 24 bytes, part of FIXED.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), self.at, text.len());
            self.at = self.at.add(text.len());
        }
    }

    #[inline(always)]
    pub(super) unsafe fn stamp(&mut self, text: &[u8; 24]) {
        // SAFETY: part of FIXED.
        unsafe { self.text(text) }
    }

    #[inline(always)]
    pub(super) unsafe fn finish(self) {
        let start = self.out.buffer.as_ptr() as usize + self.out.buffer.len();
        let length = self.out.buffer.len() + (self.at as usize - start);
        // SAFETY: all bytes up to `at` were written, inside the reserved room.
        unsafe { self.out.buffer.set_len(length) };
    }
}

/// Milliseconds as ISO-8601; remembers the second it wrote last.
pub(super) struct Stamp {
    second: i64,
    text: [u8; 24],
}

impl Default for Stamp {
    fn default() -> Stamp {
        Stamp { second: 0, text: *b"1970-01-01T00:00:00.000Z" }
    }
}

impl Stamp {
    #[inline(always)]
    pub(super) fn at(&mut self, millis: i64) -> &[u8; 24] {
        let (second, rest) = (millis.div_euclid(1000), millis.rem_euclid(1000));
        if second != self.second {
            self.turn(second);
        }
        for (place, divisor) in [(20, 100), (21, 10), (22, 1)] {
            self.text[place] = b'0' + (rest / divisor % 10) as u8;
        }
        &self.text
    }

    fn turn(&mut self, second: i64) {
        self.second = second;
        let of_day = second.rem_euclid(86_400) as u64;
        let (year, month, day) = crate::bids::civil(second.div_euclid(86_400) as u64);
        let mut two = |at: usize, n: u64| {
            self.text[at] = b'0' + (n / 10 % 10) as u8;
            self.text[at + 1] = b'0' + (n % 10) as u8;
        };
        two(0, year / 100);
        two(2, year % 100);
        two(5, month);
        two(8, day);
        two(11, of_day / 3600);
        two(14, of_day / 60 % 60);
        two(17, of_day % 60);
    }
}

const _: () = assert!(PADDING >= 64, "copies and scans go up to 64 bytes past a row");
