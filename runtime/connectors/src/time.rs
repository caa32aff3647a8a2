//! Timestamps and durations as text, quickly: the usual form of ISO-8601 both ways, numbers by their
//! unit. The language's own reading and writing (`flow_plan::text`) is the complete one behind it, and
//! what is written here is what it writes.

use crate::fault::{Fault, code, shown};
use crate::out::{Out, digits};
use crate::scan::Text;
use flow_plan::civil::{DAY, SECOND, civil};
use flow_plan::connector::TimeUnit;
use flow_plan::text::{parse_duration, parse_timestamp, write_timestamp};

/// The date read last: rows of one day share the work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastDay {
    text: [u8; 10],
    micros: i64,
}

impl Default for LastDay {
    fn default() -> LastDay {
        LastDay { text: *b"1970-01-01", micros: 0 }
    }
}

/// `YYYY-MM-DDTHH:MM:SS`, then `.mmm` or `.mmmmmm` or nothing, then `Z"`: the timestamp at `at` and
/// the position of the quote; `None` for every other form.
#[inline(always)]
pub(crate) fn fast_iso(text: Text<'_>, at: usize, last: &mut LastDay) -> Option<(i64, usize)> {
    let head: [u8; 20] = text.array(at);
    let mut date = [0; 10];
    date.copy_from_slice(&head[..10]);
    if date != last.text {
        *last = LastDay { text: date, micros: parse_timestamp(std::str::from_utf8(&date).ok()?)? };
    }
    // "HH:MM:SS" as one word: what must be a digit becomes 0 to 9, what must be a colon 0.
    let clock = text.word(at + 11) ^ 0x3030_3a30_303a_3030;
    let odd = clock | (clock.wrapping_add(0x0606_0006_0600_0606) & 0xf0f0_f0f0_f0f0_f0f0);
    if odd & 0xf0f0_fff0_f0ff_f0f0 != 0 || head[10] != b'T' {
        return None;
    }
    let digit = |place: u32| ((clock >> (8 * place)) & 0xf) as i64;
    let (h, m, s) = (digit(0) * 10 + digit(1), digit(3) * 10 + digit(4), digit(6) * 10 + digit(7));
    if h > 23 || m > 59 || s > 59 {
        return None;
    }
    let micros = last.micros + ((h * 60 + m) * 60 + s) * SECOND;
    if head[19] == b'Z' {
        return (text.byte(at + 20) == b'"').then_some((micros, at + 20));
    }
    // ".mmmZ\"" as one word, in the same way.
    let word = text.word(at + 19) ^ 0x0000_225a_3030_302e;
    let odd = (word | (word.wrapping_add(0x0606_0600) & 0xf0f0_f000)) & 0xf0f0_f0ff;
    if odd != 0 {
        return None;
    }
    let digit = |place: u32| ((word >> (8 * place)) & 0xf) as i64;
    let millis = digit(1) * 100 + digit(2) * 10 + digit(3);
    if word & 0xffff_0000_0000 == 0 {
        return Some((micros + millis * 1000, at + 24));
    }
    let fraction: [u8; 9] = text.array(at + 19);
    let three = |from: usize| -> Option<i64> {
        let (a, b, c) = (
            fraction[from].wrapping_sub(b'0'),
            fraction[from + 1].wrapping_sub(b'0'),
            fraction[from + 2].wrapping_sub(b'0'),
        );
        (a < 10 && b < 10 && c < 10).then(|| i64::from(a) * 100 + i64::from(b) * 10 + i64::from(c))
    };
    let rest = three(4)?;
    (fraction[7] == b'Z' && fraction[8] == b'"').then_some((micros + millis * 1000 + rest, at + 27))
}

/// A timestamp as text.
pub(crate) fn timestamp(bytes: &[u8]) -> Result<i64, Fault> {
    std::str::from_utf8(bytes).ok().and_then(parse_timestamp).ok_or_else(|| {
        Fault::new(
            code::WRONG_TYPE,
            format!("expected a timestamp such as 2026-01-31T12:00:00Z, found {}", shown(bytes)),
        )
    })
}

/// A duration as text: `1h30min`.
pub(crate) fn duration(bytes: &[u8]) -> Result<i64, Fault> {
    std::str::from_utf8(bytes).ok().and_then(parse_duration).ok_or_else(|| {
        let error = format!("expected a duration such as 1h30min, found {}", shown(bytes));
        Fault::new(code::WRONG_TYPE, error)
    })
}

/// Microseconds in a unit.
pub(crate) fn unit(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Seconds => SECOND,
        TimeUnit::Millis => 1000,
        TimeUnit::Micros => 1,
    }
}

/// A number of units as microseconds; digits behind the point count down to microseconds.
pub(crate) fn from_number(bytes: &[u8], time_unit: TimeUnit) -> Result<i64, Fault> {
    let scale = unit(time_unit);
    let out_of_range =
        || Fault::new(code::OUT_OF_RANGE, format!("{} is out of the range of timestamps", shown(bytes)));
    if bytes.iter().any(|b| matches!(b, b'e' | b'E')) {
        let micros = crate::number::float(bytes)? * scale as f64;
        return if micros.abs() < 9e18 { Ok(micros as i64) } else { Err(out_of_range()) };
    }
    let point = bytes.iter().position(|&b| b == b'.').unwrap_or(bytes.len());
    let whole = crate::number::int(&bytes[..point])?;
    let mut fraction = 0;
    let mut place = scale;
    for digit in bytes.get(point + 1..).unwrap_or_default() {
        place /= 10;
        fraction += place * i64::from(digit - b'0');
    }
    let fraction = if bytes.starts_with(b"-") { -fraction } else { fraction };
    whole.checked_mul(scale).and_then(|w| w.checked_add(fraction)).ok_or_else(out_of_range)
}

/// Writes timestamps; remembers the day it wrote last. (Not the second: of several columns, or of rows that are out of
/// order, hardly any two that follow each other share it.)
#[derive(Clone, Debug)]
pub(crate) struct IsoWriter {
    /// The moment at which the day begins.
    day: i64,
    /// `YYYY-MM-DDT`, from the lowest byte on.
    date: u128,
}

impl Default for IsoWriter {
    fn default() -> IsoWriter {
        IsoWriter { day: 0, date: date(b"1970-01-01T") }
    }
}

/// Bytes of `YYYY-MM-DDT`.
const DATE: u32 = 11;

fn date(text: &[u8; DATE as usize]) -> u128 {
    let mut block = [0; 16];
    block[..text.len()].copy_from_slice(text);
    u128::from_le_bytes(block)
}

impl IsoWriter {
    /// ISO-8601 in UTC, with as many digits of the second's fraction as it needs.
    #[inline(always)]
    pub(crate) fn write(&mut self, micros: i64, out: &mut Out) {
        let mut in_day = micros.wrapping_sub(self.day) as u64;
        if in_day >= DAY as u64 {
            match IsoWriter::of_day(micros) {
                Some(writer) => *self = writer,
                None => return out.text(far(micros).as_bytes()),
            }
            in_day = micros.wrapping_sub(self.day) as u64;
        }
        let (second, rest) = (in_day / SECOND as u64, in_day % SECOND as u64);
        let clock = clock(second);
        out.block(&(self.date | u128::from(clock) << (8 * DATE)).to_le_bytes(), 16);
        // The last three bytes of `HH:MM:SS`.
        let seconds = clock >> 40;
        let millis = rest / 1000;
        if millis * 1000 == rest && !millis.is_multiple_of(10) {
            // Most have three digits: taken for granted, what comes next does not wait for them.
            let fraction = u64::from(b'.') | (digits(millis) >> 40 | 0x5a30_3030) << 8;
            return out.block(&(seconds | fraction << 24).to_le_bytes(), 8);
        }
        out.block(&seconds.to_le_bytes(), 3);
        let (tail, len) = tail(rest);
        out.block(&tail, len);
    }

    /// For the day of a moment; `None` outside of the years 0 to 9999.
    #[cold]
    #[inline(never)]
    fn of_day(micros: i64) -> Option<IsoWriter> {
        let c = civil(micros);
        if !(0..=9999).contains(&c.year) {
            return None;
        }
        let mut text = *b"0000-00-00T";
        let mut two = |at: usize, n: u8| {
            text[at] = b'0' + n / 10 % 10;
            text[at + 1] = b'0' + n % 10;
        };
        two(0, (c.year / 100) as u8);
        two(2, (c.year % 100) as u8);
        two(5, c.month);
        two(8, c.day);
        Some(IsoWriter { day: micros - micros.rem_euclid(DAY), date: date(&text) })
    }
}

/// `HH:MM:SS` of a second of the day, from the lowest byte on.
#[inline(always)]
fn clock(second: u64) -> u64 {
    let (hours, minutes) = (second / 3600, second / 60 % 60);
    // As one number, with a zero where a colon stands.
    digits(hours * 1_000_000 + minutes * 1_000 + second % 60) | 0x3030_3a30_303a_3030
}

/// The fraction and the zone as a block, made in registers, and its length.
#[inline(always)]
fn tail(micros: u64) -> ([u8; 16], usize) {
    if micros == 0 {
        return (u128::from(b'Z').to_le_bytes(), 1);
    }
    // Six digits, the first in the lowest byte; zeros at the end are zero bytes at the top.
    let digits = digits(micros) >> 16;
    let count = 6 - (digits.leading_zeros() - 16) / 8;
    let text = (digits | 0x3030_3030_3030) & ((1 << (8 * count)) - 1);
    let all = u128::from(b'.') | u128::from(text) << 8 | u128::from(b'Z') << (8 * (count + 1));
    (all.to_le_bytes(), count as usize + 2)
}

/// Years that four digits cannot hold.
#[cold]
#[inline(never)]
fn far(micros: i64) -> String {
    let mut shown = String::new();
    write_timestamp(&mut shown, micros);
    shown
}

#[cfg(test)]
mod tests;
