//! The vector scans and number parsers of the hand-written programs. All of them read at most
//! [`crate::input::PADDING`] bytes past what they are asked for.
#![allow(unsafe_code)]

/// A place in a block: the hand-written parsers walk a raw pointer.
#[derive(Debug, Clone, Copy)]
pub struct Cursor(pub *const u8);

/// What stands in the way of the guess that the next row looks like the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unexpected;

impl Cursor {
    /// Steps over `text`, which must come next.
    ///
    /// # Safety
    /// `text.len()` bytes must be readable.
    #[inline(always)]
    pub unsafe fn expect<const N: usize>(&mut self, text: &[u8; N]) -> Result<(), Unexpected> {
        // SAFETY: the caller says that N bytes are readable; an array of bytes has no alignment.
        unsafe {
            if *self.0.cast::<[u8; N]>() != *text {
                return Err(Unexpected);
            }
            self.0 = self.0.add(N);
        }
        Ok(())
    }

    /// A non-negative number of 1 to 19 digits.
    ///
    /// # Safety
    /// 24 bytes must be readable.
    #[inline(always)]
    pub unsafe fn int(&mut self) -> Result<i64, Unexpected> {
        let mut value = 0u64;
        let mut digits = 0;
        loop {
            // SAFETY: at most two whole words of eight digits are passed before this load.
            let word = unsafe { self.0.cast::<u64>().read_unaligned() };
            let zeroed = word ^ 0x3030_3030_3030_3030;
            let other = (zeroed.wrapping_add(0x7676_7676_7676_7676) | zeroed) & 0x8080_8080_8080_8080;
            let n = other.trailing_zeros() / 8;
            if n > 0 {
                value = value.wrapping_mul(POWERS[n as usize]).wrapping_add(eight(zeroed << (64 - 8 * n)));
            }
            digits += n;
            // SAFETY: `n` of the eight bytes just loaded.
            self.0 = unsafe { self.0.add(n as usize) };
            if n < 8 || digits > 19 {
                break;
            }
        }
        if (1..=18).contains(&digits) { Ok(value as i64) } else { Err(Unexpected) }
    }

    /// Goes on behind the next line end.
    ///
    /// # Safety
    /// The block must hold a line end before its padding.
    #[inline(always)]
    pub unsafe fn skip_line(&mut self) {
        // SAFETY: the line end stops the scan inside the block; 64 bytes after it are readable.
        unsafe {
            loop {
                let ends = line_ends(self.0);
                if ends != 0 {
                    self.0 = self.0.add(ends.trailing_zeros() as usize + 1);
                    return;
                }
                self.0 = self.0.add(32);
            }
        }
    }

    /// The inside of a JSON string of plain ASCII without escapes; stops after the quote.
    ///
    /// # Safety
    /// The block must hold a line end or quote before its padding.
    #[inline(always)]
    pub unsafe fn string(&mut self) -> Result<(*const u8, usize), Unexpected> {
        let start = self.0;
        // SAFETY: a control byte (the line end at the latest) stops the scan inside the block.
        unsafe {
            loop {
                let stops = special(self.0);
                if stops != 0 {
                    self.0 = self.0.add(stops.trailing_zeros() as usize);
                    break;
                }
                self.0 = self.0.add(16);
            }
            if *self.0 != b'"' {
                return Err(Unexpected);
            }
            let length = self.0.offset_from(start) as usize;
            self.0 = self.0.add(1);
            Ok((start, length))
        }
    }

    /// `2026-01-01T00:00:00.000Z` as milliseconds, with the quote after it.
    ///
    /// # Safety
    /// 25 bytes must be readable.
    #[inline(always)]
    pub unsafe fn date_time(&mut self, day: &mut Day) -> Result<i64, Unexpected> {
        // SAFETY: the caller says that 25 bytes are readable.
        let text = unsafe { *self.0.cast::<[u8; 25]>() };
        let mut date = [0; 10];
        date.copy_from_slice(&text[..10]);
        if date != day.text {
            *day = Day::parse(date)?;
        }
        let two = |at: usize| -> u32 {
            u32::from(text[at].wrapping_sub(b'0')) * 10 + u32::from(text[at + 1].wrapping_sub(b'0'))
        };
        let digit = |at: usize| text[at].is_ascii_digit();
        let fine = text[10] == b'T'
            && text[13] == b':'
            && text[16] == b':'
            && text[19] == b'.'
            && text[23] == b'Z'
            && text[24] == b'"'
            && [11, 12, 14, 15, 17, 18, 20, 21, 22].into_iter().all(digit);
        if !fine {
            return Err(Unexpected);
        }
        let millis = two(20) * 10 + u32::from(text[22] - b'0');
        let of_day = (two(11) * 3600 + two(14) * 60 + two(17)) * 1000 + millis;
        // SAFETY: as above.
        self.0 = unsafe { self.0.add(25) };
        Ok(day.millis + i64::from(of_day))
    }
}

/// The day parsed last: rows of one day share the work.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    text: [u8; 10],
    millis: i64,
}

impl Default for Day {
    fn default() -> Day {
        Day { text: *b"1970-01-01", millis: 0 }
    }
}

impl Day {
    fn parse(text: [u8; 10]) -> Result<Day, Unexpected> {
        let number = |from: usize, to: usize| -> Result<i64, Unexpected> {
            let part = std::str::from_utf8(&text[from..to]).map_err(|_| Unexpected)?;
            part.parse().map_err(|_| Unexpected)
        };
        let (y, m, d) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (y, mp) = if m > 2 { (y, m - 3) } else { (y - 1, m + 9) };
        let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
        let doy = (153 * mp + 2) / 5 + d - 1;
        let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
        Ok(Day { text, millis: days * 86_400_000 })
    }
}

const POWERS: [u64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Eight digits (as values 0 to 9, first digit in the lowest byte) at once.
#[inline(always)]
fn eight(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

/// Which of 16 bytes a plain JSON string may not hold: quote, backslash, control, not ASCII.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn special(at: *const u8) -> u32 {
    use std::arch::x86_64::*;
    // SAFETY: the caller says that 16 bytes are readable; SSE2 is part of x86-64.
    unsafe {
        let bytes = _mm_loadu_si128(at.cast());
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let escape = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
        // Signed comparison: bytes from 0x80 are negative, so they count as below 0x20 too.
        let low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, escape), low)) as u32
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn special(at: *const u8) -> u32 {
    // SAFETY: the caller says that 16 bytes are readable.
    let bytes = unsafe { *at.cast::<[u8; 16]>() };
    bytes
        .iter()
        .enumerate()
        .fold(0, |mask, (i, b)| mask | (u32::from(matches!(b, b'"' | b'\\' | 0..0x20 | 0x80..)) << i))
}

/// A bit for each of 32 bytes that is a line end.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn line_ends(at: *const u8) -> u32 {
    use std::arch::x86_64::*;
    // SAFETY: the caller says that 32 bytes are readable; SSE2 is part of x86-64.
    unsafe {
        let low = _mm_cmpeq_epi8(_mm_loadu_si128(at.cast()), _mm_set1_epi8(b'\n' as i8));
        let high = _mm_cmpeq_epi8(_mm_loadu_si128(at.add(16).cast()), _mm_set1_epi8(b'\n' as i8));
        _mm_movemask_epi8(low) as u32 | ((_mm_movemask_epi8(high) as u32) << 16)
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn line_ends(at: *const u8) -> u32 {
    // SAFETY: the caller says that 32 bytes are readable.
    let bytes = unsafe { *at.cast::<[u8; 32]>() };
    bytes.iter().enumerate().fold(0, |mask, (i, b)| mask | (u32::from(*b == b'\n') << i))
}

/// A bit for each of 64 bytes that ends a word (a blank or a line end).
///
/// # Safety
/// 64 bytes must be readable.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub unsafe fn word_ends(at: *const u8) -> u64 {
    use std::arch::x86_64::*;
    let mut ends = 0u64;
    for part in 0..4 {
        // SAFETY: the caller says that 64 bytes are readable; SSE2 is part of x86-64.
        unsafe {
            let bytes = _mm_loadu_si128(at.add(16 * part).cast());
            let blank = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b' ' as i8));
            let line = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\n' as i8));
            ends |= u64::from(_mm_movemask_epi8(_mm_or_si128(blank, line)) as u32) << (16 * part);
        }
    }
    ends
}

/// A bit for each of 64 bytes that ends a word (a blank or a line end).
///
/// # Safety
/// 64 bytes must be readable.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub unsafe fn word_ends(at: *const u8) -> u64 {
    // SAFETY: the caller says that 64 bytes are readable.
    let bytes = unsafe { *at.cast::<[u8; 64]>() };
    bytes.iter().enumerate().fold(0, |mask, (i, b)| mask | (u64::from(matches!(b, b' ' | b'\n')) << i))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(bytes.len() + 64, 0);
        bytes
    }

    #[test]
    fn numbers_of_every_length_parse() {
        for digits in 1..=18u32 {
            let n = 10i64.pow(digits) - 1 - i64::from(digits % 9);
            let text = padded(&format!("{n},"));
            // SAFETY: 64 bytes of padding.
            let got = unsafe { Cursor(text.as_ptr()).int() };
            assert_eq!(got, Ok(n));
        }
    }

    #[test]
    fn a_string_ends_at_its_quote_and_an_escape_is_unexpected() {
        let text = padded("abcdefghijklmnopqrstuvwxyz\",");
        // SAFETY: 64 bytes of padding.
        assert_eq!(unsafe { Cursor(text.as_ptr()).string() }.unwrap().1, 26);
        let text = padded("abc\\\"d\",");
        // SAFETY: 64 bytes of padding.
        assert_eq!(unsafe { Cursor(text.as_ptr()).string() }, Err(Unexpected));
    }

    #[test]
    fn a_date_time_is_milliseconds() {
        let text = padded("2026-01-01T00:00:01.250Z\"");
        // SAFETY: 64 bytes of padding.
        let got = unsafe { Cursor(text.as_ptr()).date_time(&mut Day::default()) };
        assert_eq!(got, Ok(1_767_225_601_250));
    }

    #[test]
    fn word_ends_are_blanks_and_line_ends() {
        let text = padded("a bc\nd");
        // SAFETY: 64 bytes of padding.
        assert_eq!(unsafe { word_ends(text.as_ptr()) }, 0b10010);
    }
}
