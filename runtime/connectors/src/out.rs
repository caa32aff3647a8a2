//! The buffer that encoders write into, with the few writes that matter done in whole words: short
//! texts, ints, strings of JSON. Knows no rows and no files.
//!
//! What is rare takes the buffer by value and gives it back: so an encoder that has it as a local of its
//! own keeps it in registers, and a write does not wait for the length that the one before stored.

use crate::scan::escapes;
use flow_data::View;

/// Bytes that are always free behind the written ones when a write of a short text begins.
const ROOM: usize = 64;

/// Bytes written so far, and room behind them.
#[derive(Default)]
pub(crate) struct Out {
    bytes: Vec<u8>,
    len: usize,
}

/// A short text that is written often.
#[derive(Clone, Debug)]
pub(crate) struct Short {
    block: [u8; 32],
    len: usize,
    /// The text, where 32 bytes are too few.
    long: Option<Box<[u8]>>,
}

impl Short {
    /// Of this text.
    pub(crate) fn new(text: &[u8]) -> Short {
        let mut block = [0; 32];
        let fits = text.len() <= block.len();
        if fits {
            block[..text.len()].copy_from_slice(text);
        }
        Short { block, len: text.len(), long: (!fits).then(|| text.into()) }
    }
}

impl Out {
    /// What was written.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// How much was written.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Forgets what was written; the memory stays.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Makes room for so many bytes and a short text.
    #[inline(always)]
    fn ensure(&mut self, more: usize) {
        if self.bytes.len() - self.len < more + ROOM {
            *self = std::mem::take(self).grown(more);
        }
    }

    #[cold]
    #[inline(never)]
    fn grown(mut self, more: usize) -> Out {
        let wanted = (self.len + more + ROOM).max(self.bytes.len() * 2).max(1 << 12);
        self.bytes.resize(wanted, 0);
        self
    }

    /// Writes a block of which `len` bytes count.
    #[inline(always)]
    pub(crate) fn block<const N: usize>(&mut self, block: &[u8; N], len: usize) {
        const { assert!(N <= ROOM) };
        self.ensure(0);
        self.bytes[self.len..self.len + N].copy_from_slice(block);
        self.len += len;
    }

    /// Writes one byte.
    #[inline(always)]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.ensure(0);
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// Writes a short text.
    #[inline(always)]
    pub(crate) fn short(&mut self, text: &Short) {
        match &text.long {
            None => self.block(&text.block, text.len),
            Some(long) => self.text(long),
        }
    }

    /// Writes any bytes.
    #[inline(always)]
    pub(crate) fn text(&mut self, text: &[u8]) {
        self.ensure(text.len());
        self.bytes[self.len..self.len + text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    /// Writes an int.
    #[inline(always)]
    pub(crate) fn int(&mut self, n: i64) {
        if n < 0 {
            self.byte(b'-');
        }
        let n = n.unsigned_abs();
        if n < 100_000_000 {
            self.first_digits(n);
        } else if n < 10_000_000_000_000_000 {
            self.first_digits(n / 100_000_000);
            self.eight_digits(n % 100_000_000);
        } else {
            self.first_digits(n / 10_000_000_000_000_000);
            let rest = n % 10_000_000_000_000_000;
            self.eight_digits(rest / 100_000_000);
            self.eight_digits(rest % 100_000_000);
        }
    }

    /// Writes a number below 10⁸ without leading zeros. (What comes next waits for their count, not for the
    /// digits.)
    #[inline(always)]
    fn first_digits(&mut self, n: u64) {
        let count = digit_count(n);
        let text = (digits(n) | 0x3030_3030_3030_3030) >> (64 - 8 * count);
        self.block(&text.to_le_bytes(), count as usize);
    }

    #[inline(always)]
    fn eight_digits(&mut self, n: u64) {
        self.block(&(digits(n) | 0x3030_3030_3030_3030).to_le_bytes(), 8);
    }

    /// Writes a float: the shortest text that reads back the same. NaN and infinities are the caller's.
    #[inline]
    pub(crate) fn float(&mut self, x: f64) {
        // Both print the same shortest digits; zmij needs half the time and differs in one sign
        // only (`1e+16`), which is not how the evaluator writes it.
        if x.abs() < 1e16 {
            self.text(zmij::Buffer::new().format_finite(x).as_bytes());
        } else {
            self.text(ryu::Buffer::new().format_finite(x).as_bytes());
        }
    }

    /// Writes a string of JSON with its quotes. `view` is the view of `text`.
    #[inline(always)]
    pub(crate) fn json_string(&mut self, view: View, text: &str) {
        let len = view.len();
        if view.is_inline() {
            // Both halves of the view behind its length, as one block.
            let block = (u128::from(view.lo >> 32) | u128::from(view.hi) << 32).to_le_bytes();
            if escapes(&block) & ((1 << len) - 1) == 0 {
                self.ensure(0);
                let room = &mut self.bytes[self.len..self.len + 32];
                room[0] = b'"';
                room[1..17].copy_from_slice(&block);
                room[1 + len] = b'"';
                self.len += len + 2;
                return;
            }
            *self = std::mem::take(self).escaped(text);
            return;
        }
        self.json_text(text);
    }

    /// Writes a string of JSON with its quotes.
    #[inline(always)]
    pub(crate) fn json_text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.ensure(bytes.len());
        let start = self.len;
        let room = &mut self.bytes[start..];
        room[0] = b'"';
        if !copy_plain(bytes, &mut room[1..]) {
            *self = std::mem::take(self).escaped(text);
            return;
        }
        room[1 + bytes.len()] = b'"';
        self.len = start + bytes.len() + 2;
    }

    /// The same with escapes.
    #[cold]
    #[inline(never)]
    fn escaped(mut self, text: &str) -> Out {
        let mut out = String::with_capacity(text.len() + 16);
        flow_plan::functions::json::write_string(&mut out, text);
        self.text(out.as_bytes());
        self
    }
}

/// Copies bytes, in blocks that may write beyond them; `false` if one must be escaped.
#[inline(always)]
fn copy_plain(bytes: &[u8], to: &mut [u8]) -> bool {
    let mut found = 0;
    let Some(last) = bytes.last_chunk::<16>() else {
        let block = short_block(bytes);
        to[..16].copy_from_slice(&block);
        return escapes(&block) & ((1 << bytes.len()) - 1) == 0;
    };
    for (i, block) in bytes.as_chunks::<16>().0.iter().enumerate() {
        found |= escapes(block);
        to[16 * i..16 * i + 16].copy_from_slice(block);
    }
    // The rest again as the last 16 bytes.
    found |= escapes(last);
    to[bytes.len() - 16..bytes.len()].copy_from_slice(last);
    found == 0
}

/// Fewer than 16 bytes as a block.
#[inline(always)]
fn short_block(bytes: &[u8]) -> [u8; 16] {
    let len = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        let block = u128::from(first) | u128::from(last) << (8 * (len - 8));
        return block.to_le_bytes();
    }
    let mut block = [0; 16];
    block[..len].copy_from_slice(bytes);
    block
}

/// The eight digits of a number below 10⁸ as values, the first in the lowest byte (P. Khuong, "How to
/// print integers really fast").
#[inline(always)]
pub(crate) fn digits(n: u64) -> u64 {
    let fours = (n / 10_000) | ((n % 10_000) << 32);
    let top = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = ((fours - 100 * top) << 16) + top;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens + ((twos - 10 * tens) << 8)
}

/// How many digits a number below 10⁸ has, at least one (after K. Willets: one addition carries into the upper
/// half where the number has a digit more than the shortest of its bits).
#[inline(always)]
fn digit_count(n: u64) -> u64 {
    const CARRY: [u64; 27] = {
        let (mut table, mut bits) = ([0; 27], 0);
        while bits < table.len() {
            let digits = (1u64 << bits).ilog10() as u64 + 1;
            // The first number of as many bits or more that has one digit more.
            table[bits] = ((digits + 1) << 32) - 10u64.pow(digits as u32);
            bits += 1;
        }
        table
    };
    (n + CARRY[(n | 1).ilog2() as usize]) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_env::Random;

    fn written(write: impl FnOnce(&mut Out)) -> String {
        let mut out = Out::default();
        write(&mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    #[test]
    fn floats_are_written_as_the_evaluator_writes_them() {
        let mut random = Random::new(3);
        for i in 0..200_000 {
            let bits = random.bits();
            let x = match i % 3 {
                0 => f64::from_bits(bits),
                1 => (bits >> 40) as f64 * 0.908,
                _ => (bits >> 8) as f64,
            };
            if x.is_finite() {
                assert_eq!(written(|out| out.float(x)), ryu::Buffer::new().format_finite(x));
            }
        }
    }

    #[test]
    fn ints_are_written_as_the_standard_library_writes_them() {
        let mut random = Random::new(1);
        let some = (0..100_000).map(|_| (random.bits() >> random.below(64)) as i64);
        for n in some.chain([0, -1, i64::MIN, i64::MAX, 99_999_999, 100_000_000, 9_999_999_999_999_999]) {
            assert_eq!(written(|out| out.int(n)), n.to_string());
            assert_eq!(written(|out| out.int(n.wrapping_neg())), n.wrapping_neg().to_string());
        }
    }

    #[test]
    fn strings_are_escaped_as_the_language_escapes_them() {
        let mut random = Random::new(2);
        for _ in 0..20_000 {
            let len = random.below(50);
            let odd = random.below(4) == 0;
            let text: String = (0..len)
                .map(|_| match random.below(20) {
                    0 if odd => ['"', '\\', '\n', '\u{1}'][random.below(4) as usize],
                    1 => 'é',
                    n => (b'a' + n as u8) as char,
                })
                .collect();
            let mut right = String::new();
            flow_plan::functions::json::write_string(&mut right, &text);
            assert_eq!(written(|out| out.json_text(&text)), right);
            assert_eq!(written(|out| out.json_string(View::of(text.as_bytes()), &text)), right);
        }
    }

    #[test]
    fn texts_of_every_length_are_written_whole() {
        for n in 0..100 {
            let text = "x".repeat(n);
            assert_eq!(written(|out| out.short(&Short::new(text.as_bytes()))), text);
            assert_eq!(written(|out| (0..3000).for_each(|_| out.text(text.as_bytes()))).len(), 3000 * n);
        }
    }
}
