//! Byte scanning for decoders and encoders: vector searches, literals, and strings that become views
//! without a copy. The only module of this crate with `unsafe`; its functions are safe to call with
//! any argument. Knows bytes only: never a format, a schema or a file.
//!
//! Everything rests on [`Text`]: bytes of whole lines with [`PADDING`] readable bytes behind them, so
//! that a whole vector may be loaded at any position of the text.
#![allow(unsafe_code)]

use flow_data::StrSlots;

/// Readable bytes behind the text.
pub(crate) const PADDING: usize = 64;

/// Whole lines, each with its line end, followed by padding. A scan that stops at line ends never
/// leaves the text.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    bytes: &'a [u8],
    len: usize,
}

impl<'a> Text<'a> {
    /// The first `len` bytes; what follows is padding.
    ///
    /// # Panics
    /// If the padding is missing, or the text does not end with a line end.
    pub(crate) fn new(bytes: &'a [u8], len: usize) -> Text<'a> {
        assert!(len + PADDING <= bytes.len(), "text without padding");
        assert!(len == 0 || bytes[len - 1] == b'\n', "text without line end");
        Text { bytes, len }
    }

    /// Length of the text.
    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// A part of the text.
    #[inline(always)]
    pub(crate) fn slice(self, start: usize, end: usize) -> &'a [u8] {
        &self.bytes[start..end]
    }

    /// A pointer that [`PADDING`] bytes can be read from.
    #[inline(always)]
    fn pointer(self, at: usize) -> *const u8 {
        assert!(at <= self.len);
        self.bytes.as_ptr().wrapping_add(at)
    }

    /// One byte.
    #[inline(always)]
    pub(crate) fn byte(self, at: usize) -> u8 {
        // SAFETY: `pointer` gives a readable place.
        unsafe { *self.pointer(at) }
    }

    /// Eight bytes, the first in the lowest place.
    #[inline(always)]
    pub(crate) fn word(self, at: usize) -> u64 {
        // SAFETY: `pointer` gives 64 readable bytes.
        u64::from_le(unsafe { self.pointer(at).cast::<u64>().read_unaligned() })
    }

    /// `N` bytes.
    #[inline(always)]
    pub(crate) fn array<const N: usize>(self, at: usize) -> [u8; N] {
        const { assert!(N <= PADDING) };
        // SAFETY: `pointer` gives 64 readable bytes; an array of bytes has no alignment.
        unsafe { self.pointer(at).cast::<[u8; N]>().read_unaligned() }
    }

    /// `N` vectors.
    #[inline(always)]
    fn vectors<const N: usize>(self, at: usize) -> [[u8; 16]; N] {
        const { assert!(16 * N <= PADDING) };
        // SAFETY: `pointer` gives 64 readable bytes; an array of bytes has no alignment.
        unsafe { self.pointer(at).cast::<[[u8; 16]; N]>().read_unaligned() }
    }

    /// Position of the line end at or behind `at`.
    #[inline(always)]
    pub(crate) fn line_end(self, mut at: usize) -> usize {
        loop {
            let vectors = self.vectors(at);
            if has_line_end(&vectors) {
                let ends = vectors.iter().rev().fold(0, |ends, v| ends << 16 | u64::from(line_ends(v)));
                return at + ends.trailing_zeros() as usize;
            }
            at += 64;
        }
    }

    /// The first byte at or behind `at` that a plain JSON string may not hold (quote, backslash,
    /// control), and whether all before it are ASCII.
    #[inline(always)]
    pub(crate) fn string_end(self, mut at: usize) -> (usize, bool) {
        let mut ascii = true;
        loop {
            // Two vectors a step: most strings end in the first step, wherever they end.
            let [low, above] = self.vectors(at).map(|vector| string_stops(&vector));
            let (stops, high) = (low.0 | above.0 << 16, low.1 | above.1 << 16);
            if stops != 0 {
                let n = stops.trailing_zeros();
                ascii &= high & ((1 << n) - 1) == 0;
                return (at + n as usize, ascii);
            }
            ascii &= high == 0;
            at += 32;
        }
    }

    /// The first byte at or behind `at` that ends a number or word in JSON: comma, bracket, brace or
    /// anything from blank downwards.
    #[inline(always)]
    pub(crate) fn scalar_end(self, mut at: usize) -> usize {
        loop {
            let stops = scalar_stops(self, at);
            if stops != 0 {
                return at + stops.trailing_zeros() as usize;
            }
            at += 16;
        }
    }

    /// The first delimiter or line end at or behind `at`.
    #[inline(always)]
    pub(crate) fn field_end(self, mut at: usize, delimiter: u8) -> usize {
        loop {
            let stops = field_stops(self, at, delimiter);
            if stops != 0 {
                return at + stops.trailing_zeros() as usize;
            }
            at += 16;
        }
    }

    /// The plain string that starts at `at` becomes row `row` of `slots`; gives the position of its
    /// closing quote. `None`: it is not plain (escapes, control bytes, bad UTF-8), nothing was done.
    #[inline(always)]
    pub(crate) fn plain_string(self, at: usize, slots: &mut StrSlots, row: usize) -> Option<usize> {
        let (end, ascii) = self.string_end(at);
        if self.byte(end) != b'"' || !self.view(at, end, ascii, slots, row) {
            return None;
        }
        Some(end)
    }

    /// Row `row` of `slots` becomes the text from `start` to `end`; `ascii` saves the check for UTF-8
    /// only if a look at the bytes said so. `false`: it is not UTF-8.
    #[inline(always)]
    fn view(self, start: usize, end: usize, ascii: bool, slots: &mut StrSlots, row: usize) -> bool {
        assert!(start <= end && end <= self.len && slots.is_of(self.bytes));
        if !ascii && simdutf8::basic::from_utf8(&self.bytes[start..end]).is_err() {
            return false;
        }
        // SAFETY: the slots point into these bytes, which go on for PADDING (more than SLACK) bytes
        // behind the text; the part is ASCII or was checked.
        unsafe { slots.set_unchecked(row, start, end - start) };
        true
    }

    /// As [`Text::view`] for any part.
    #[inline]
    pub(crate) fn string(self, start: usize, end: usize, slots: &mut StrSlots, row: usize) -> bool {
        let ascii = self.bytes[start..end].is_ascii();
        self.view(start, end, ascii, slots, row)
    }
}

/// UTF-8 as a whole, checked once: parts of it that are cut at ASCII bytes need no check of their own.
pub(crate) struct Checked<'a>(Text<'a>);

impl<'a> Checked<'a> {
    /// Checks the text; `None` if it is not UTF-8.
    pub(crate) fn new(text: Text<'a>) -> Option<Checked<'a>> {
        simdutf8::basic::from_utf8(&text.bytes[..text.len]).ok().map(|_| Checked(text))
    }

    /// Row `row` of `slots` becomes the text from `start` to `end`.
    ///
    /// # Panics
    /// If one of them is inside a character.
    #[inline(always)]
    pub(crate) fn string(&self, start: usize, end: usize, slots: &mut StrSlots, row: usize) {
        let border = |at: usize| (self.0.byte(at) as i8) >= -0x40;
        assert!(start <= end && end <= self.0.len && slots.is_of(self.0.bytes));
        assert!(border(start) && (border(end) || end == self.0.len));
        // SAFETY: the slots point into these bytes, with padding behind them; the whole is UTF-8 and
        // both ends are borders of characters.
        unsafe { slots.set_unchecked(row, start, end - start) };
    }
}

/// Bytes to compare the text with, one vector at a time.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    first: [u8; 16],
    mask: u32,
    len: usize,
    rest: Box<[u8]>,
}

impl Literal {
    /// For these bytes.
    pub(crate) fn new(bytes: &[u8]) -> Literal {
        let n = bytes.len().min(16);
        let mut first = [0; 16];
        first[..n].copy_from_slice(&bytes[..n]);
        Literal { first, mask: ((1u64 << n) - 1) as u32, len: bytes.len(), rest: bytes[n..].into() }
    }

    /// For bytes that never come.
    pub(crate) fn never() -> Literal {
        // A comparison gives 16 bits: the 17th is never among them.
        Literal { first: [0; 16], mask: 1 << 16, len: 0, rest: Box::default() }
    }

    /// How many bytes.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Does the text go on with it at `at`?
    #[inline(always)]
    pub(crate) fn matches(&self, text: Text<'_>, at: usize) -> bool {
        equal(&text.array(at), &self.first) & self.mask == self.mask
            && (self.rest.is_empty() || text.bytes[at + 16..].starts_with(&self.rest))
    }
}

#[cfg(target_arch = "x86_64")]
mod vector {
    //! SSE2, which every x86-64 has.
    use super::Text;
    use std::arch::x86_64::*;

    #[inline(always)]
    fn load(text: Text<'_>, at: usize) -> __m128i {
        // SAFETY: `pointer` gives 64 readable bytes; the load needs no alignment.
        unsafe { _mm_loadu_si128(text.pointer(at).cast()) }
    }

    #[inline(always)]
    fn of(bytes: &[u8; 16]) -> __m128i {
        // SAFETY: 16 bytes; the load needs no alignment; SSE2 is part of x86-64.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    /// A bit for each of 16 bytes that is a line end.
    #[inline(always)]
    pub(super) fn line_ends(bytes: &[u8; 16]) -> u32 {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(of(bytes), _mm_set1_epi8(b'\n' as i8))) as u32 }
    }

    /// Is one of them a line end?
    #[inline(always)]
    pub(super) fn has_line_end(vectors: &[[u8; 16]; 4]) -> bool {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let ends = vectors.each_ref().map(|v| _mm_cmpeq_epi8(of(v), _mm_set1_epi8(b'\n' as i8)));
            let [a, b, c, d] = ends;
            _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) != 0
        }
    }

    /// A bit for each of 16 bytes that is a quote, backslash or control; and for each that is not ASCII.
    #[inline(always)]
    pub(super) fn string_stops(bytes: &[u8; 16]) -> (u32, u32) {
        // SAFETY: SSE2 is part of x86-64.
        (escapes(bytes), unsafe { _mm_movemask_epi8(of(bytes)) as u32 })
    }

    /// A bit for each of 16 bytes that ends a number or word of JSON.
    #[inline(always)]
    pub(super) fn scalar_stops(text: Text<'_>, at: usize) -> u32 {
        let bytes = load(text, at);
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let comma = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b',' as i8));
            let brace = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'}' as i8));
            let bracket = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b']' as i8));
            let low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x20)), bytes);
            _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(comma, brace), _mm_or_si128(bracket, low))) as u32
        }
    }

    /// A bit for each of 16 bytes that is the delimiter or a line end.
    #[inline(always)]
    pub(super) fn field_stops(text: Text<'_>, at: usize, delimiter: u8) -> u32 {
        let bytes = load(text, at);
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let mark = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(delimiter as i8));
            let end = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\n' as i8));
            _mm_movemask_epi8(_mm_or_si128(mark, end)) as u32
        }
    }

    /// A bit for each of 16 bytes that is the same.
    #[inline(always)]
    pub(super) fn equal(a: &[u8; 16], b: &[u8; 16]) -> u32 {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(of(a), of(b))) as u32 }
    }

    /// A bit for each of 16 bytes that JSON must escape.
    #[inline(always)]
    pub(super) fn escapes(bytes: &[u8; 16]) -> u32 {
        let bytes = of(bytes);
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
            let escape = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
            let low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
            _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, escape), low)) as u32
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod vector {
    //! The same, byte by byte; compilers make vectors of it where there are any.
    use super::Text;

    fn mask<const N: usize>(bytes: [u8; N], is: impl Fn(u8) -> bool) -> u32 {
        bytes.iter().enumerate().fold(0, |mask, (i, &b)| mask | u32::from(is(b)) << i)
    }

    pub(super) fn line_ends(bytes: &[u8; 16]) -> u32 {
        mask(*bytes, |b| b == b'\n')
    }

    pub(super) fn has_line_end(vectors: &[[u8; 16]; 4]) -> bool {
        vectors.as_flattened().contains(&b'\n')
    }

    pub(super) fn string_stops(bytes: &[u8; 16]) -> (u32, u32) {
        (escapes(bytes), mask(*bytes, |b| b >= 0x80))
    }

    pub(super) fn scalar_stops(text: Text<'_>, at: usize) -> u32 {
        mask::<16>(text.array(at), |b| matches!(b, b',' | b'}' | b']' | 0..=0x20))
    }

    pub(super) fn field_stops(text: Text<'_>, at: usize, delimiter: u8) -> u32 {
        mask::<16>(text.array(at), |b| b == delimiter || b == b'\n')
    }

    pub(super) fn equal(a: &[u8; 16], b: &[u8; 16]) -> u32 {
        (0..16).fold(0, |mask, i| mask | u32::from(a[i] == b[i]) << i)
    }

    pub(super) fn escapes(bytes: &[u8; 16]) -> u32 {
        mask(*bytes, |b| matches!(b, b'"' | b'\\' | 0..=0x1f))
    }
}

use vector::{equal, field_stops, has_line_end, line_ends, scalar_stops, string_stops};

/// A bit for each of 16 bytes that JSON must escape: quote, backslash, control.
#[inline(always)]
pub(crate) fn escapes(bytes: &[u8; 16]) -> u32 {
    vector::escapes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn padded(text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(text.len() + PADDING, 0);
        bytes
    }

    #[test]
    fn a_scan_finds_what_a_byte_loop_finds() {
        let mut random = flow_env::Random::new(7);
        for _ in 0..300 {
            let len = random.below(90) as usize;
            let alphabet = "abcdefghi\"\\\t,}]é ";
            let mut line: String =
                (0..len).map(|_| alphabet.chars().nth(random.below(17) as usize).unwrap_or('x')).collect();
            line.push('\n');
            let bytes = padded(&line);
            let text = Text::new(&bytes, line.len());
            for at in 0..line.len() {
                let rest = &line.as_bytes()[at..];
                let first = |is: &dyn Fn(u8) -> bool| at + rest.iter().position(|&b| is(b)).unwrap_or(0);
                let end = first(&|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
                assert_eq!(text.string_end(at), (end, line.as_bytes()[at..end].is_ascii()));
                assert_eq!(text.scalar_end(at), first(&|b| matches!(b, b',' | b'}' | b']' | 0..=0x20)));
                assert_eq!(text.line_end(at), line.len() - 1);
                assert_eq!(text.field_end(at, b','), first(&|b| b == b',' || b == b'\n'));
                for n in [0, 1, 5, 16, 17, 40] {
                    let part = &rest[..n.min(rest.len())];
                    assert!(Literal::new(part).matches(text, at));
                }
                assert!(!Literal::new(b"zz").matches(text, at));
            }
        }
    }

    #[test]
    fn views_of_every_length_hold_their_text() {
        let line = "0123456789abcdefghijklmnopqrstuvwxyz\n";
        let buffer = Arc::new(padded(line));
        let text = Text::new(&buffer, line.len());
        let mut slots = StrSlots::new(buffer.clone(), 40);
        let mut more = StrSlots::new(buffer.clone(), 40);
        let checked = Checked::new(text).unwrap();
        for n in 0..36 {
            assert!(text.string(36 - n, 36, &mut slots, n));
            checked.string(36 - n, 36, &mut more, n);
        }
        let (column, more) = (slots.finish(36), more.finish(36));
        for n in 0..36 {
            assert_eq!(column.get(n), &line[36 - n..36]);
            assert_eq!(more.get(n), &line[36 - n..36]);
            let (a, b) = (column.column().views()[n], flow_data::View::of(&buffer[36 - n..36]));
            assert!(a == b, "padding of the inline view of {n} bytes");
        }
    }

    #[test]
    fn a_string_that_is_not_utf8_becomes_no_view() {
        let mut bytes = padded("ab\"\n");
        bytes[1] = 0xff;
        let buffer = Arc::new(bytes);
        let text = Text::new(&buffer, 4);
        assert_eq!(text.plain_string(0, &mut StrSlots::new(buffer.clone(), 1), 0), None);
        assert!(Checked::new(text).is_none());
    }
}
