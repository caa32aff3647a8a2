//! Scalar values as text and back: what `string(x)`, the casts from strings, JSON and CSV write and read.

use crate::civil::{self, SECOND};
use std::fmt::Write;

/// A float: shortest text that reads back the same, always showing that it is a float (`3.0`).
pub fn write_float(out: &mut String, x: f64) {
    match x {
        _ if x.is_finite() => out.push_str(ryu::Buffer::new().format_finite(x)),
        _ if x.is_nan() => out.push_str("NaN"),
        _ => out.push_str(if x > 0.0 { "inf" } else { "-inf" }),
    }
}

/// A moment: ISO-8601 in UTC, with as many digits of the second's fraction as it needs.
pub fn write_timestamp(out: &mut String, micros: i64) {
    let c = civil::civil(micros);
    let written = match c.year {
        0..=9999 => write!(out, "{:04}", c.year),
        year => write!(out, "{}{:06}", if year < 0 { '-' } else { '+' }, year.abs()),
    };
    written.expect("writing to a string cannot fail");
    write!(out, "-{:02}-{:02}T{:02}:{:02}:{:02}", c.month, c.day, c.hour, c.minute, c.second)
        .expect("writing to a string cannot fail");
    if c.micros != 0 {
        let digits = format!("{:06}", c.micros);
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
    out.push('Z');
}

const UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1000),
    ("us", 1),
];

/// A duration as it is written in a script: `1h30min`.
pub fn write_duration(out: &mut String, micros: i64) {
    if micros == 0 {
        out.push_str("0s");
        return;
    }
    if micros < 0 {
        out.push('-');
    }
    let mut rest = micros.unsigned_abs();
    for (unit, size) in UNITS {
        if rest >= size {
            write!(out, "{}{unit}", rest / size).expect("writing to a string cannot fail");
            rest %= size;
        }
    }
}

/// Reads what [`write_duration`] writes, units in any order.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (_, size) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters])?;
        total = total.checked_add(i128::from(number) * i128::from(*size))?;
        rest = &rest[letters..];
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// Reads ISO-8601: a date, or date and time with `T` or a blank between them; seconds and fraction
/// may be missing; `Z`, an offset, or nothing (UTC) at the end.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let mut scan = Scan { rest: text.as_bytes() };
    let year = scan.year()?;
    scan.byte(b'-')?;
    let month = scan.two()? as u8;
    scan.byte(b'-')?;
    let day = scan.two()? as u8;
    if scan.rest.is_empty() {
        return civil::micros_of(year, month, day, 0);
    }
    if !matches!(scan.next()?, b'T' | b't' | b' ') {
        return None;
    }
    let hour = scan.two()?;
    scan.byte(b':')?;
    let minute = scan.two()?;
    let mut second = 0;
    let mut fraction = 0;
    if scan.byte(b':').is_some() {
        second = scan.two()?;
        if scan.byte(b'.').is_some() {
            fraction = scan.fraction()?;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = scan.offset()?;
    let in_day = (hour * 3600 + minute * 60 + second) * SECOND + fraction;
    civil::micros_of(year, month, day, in_day)?.checked_sub(offset * SECOND)
}

/// The bytes of a text that are not read yet.
pub(crate) struct Scan<'a> {
    pub(crate) rest: &'a [u8],
}

impl Scan<'_> {
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(crate) fn byte(&mut self, wanted: u8) -> Option<()> {
        if self.rest.first() == Some(&wanted) {
            self.rest = &self.rest[1..];
            return Some(());
        }
        None
    }

    /// Exactly so many digits.
    pub(crate) fn digits(&mut self, count: usize) -> Option<i64> {
        let digits = self.rest.get(..count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.rest = &self.rest[count..];
        Some(digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    }

    pub(crate) fn two(&mut self) -> Option<i64> {
        self.digits(2)
    }

    /// Four digits, or a sign and six.
    fn year(&mut self) -> Option<i64> {
        if self.byte(b'+').is_some() {
            return self.digits(6);
        }
        if self.byte(b'-').is_some() {
            return self.digits(6).map(|year| -year);
        }
        self.digits(4)
    }

    /// 1 to 9 digits; what is smaller than a microsecond is cut off.
    fn fraction(&mut self) -> Option<i64> {
        let count = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 || count > 9 {
            return None;
        }
        let mut value = self.digits(count)?;
        for _ in count..6 {
            value *= 10;
        }
        for _ in 6..count {
            value /= 10;
        }
        Some(value)
    }

    /// Seconds east of UTC: nothing, `Z`, `+01:00`, `+0100` or `+01`; then the text must end.
    pub(crate) fn offset(&mut self) -> Option<i64> {
        let sign = match self.next() {
            None => return Some(0),
            Some(b'Z' | b'z') => return self.rest.is_empty().then_some(0),
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        let hours = self.two()?;
        let minutes = if self.rest.is_empty() {
            0
        } else {
            let _ = self.byte(b':');
            self.two()?
        };
        let fits = hours <= 23 && minutes <= 59 && self.rest.is_empty();
        fits.then_some(sign * (hours * 3600 + minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(micros: i64) -> String {
        let mut out = String::new();
        write_timestamp(&mut out, micros);
        out
    }

    #[test]
    fn timestamps_read_back_what_was_written() {
        for micros in [0, 1, -1, 1_769_860_800_500_000, i64::MAX, i64::MIN, -62_167_219_200_000_000] {
            assert_eq!(parse_timestamp(&timestamp(micros)), Some(micros), "{}", timestamp(micros));
        }
        assert_eq!(timestamp(1_769_860_800_500_000), "2026-01-31T12:00:00.5Z");
    }

    #[test]
    fn offsets_and_short_forms_are_understood() {
        let noon = parse_timestamp("2026-01-31T12:00:00Z");
        for text in [
            "2026-01-31 12:00",
            "2026-01-31T13:00:00+01:00",
            "2026-01-31T06:30-0530",
            "2026-01-31T12:00:00.000000999",
        ] {
            assert_eq!(parse_timestamp(text), noon, "{text}");
        }
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-01-31T24:00",
            "2026-01-31T12:00:00Zx",
            "2026-01-31T12:00:60Z",
            "26-01-01",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn durations_read_back_what_was_written() {
        for micros in [0, 1, -1, 5_400_000_000, i64::MAX, i64::MIN] {
            let mut out = String::new();
            write_duration(&mut out, micros);
            assert_eq!(parse_duration(&out), Some(micros), "{out}");
        }
        for text in ["", "-", "5", "h", "5x", "5 s", "1.5s", "999999999999d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn floats_show_that_they_are_floats() {
        let texts = [3.0, -0.0, 1e16, 0.1, f64::NAN, f64::NEG_INFINITY].map(|x| {
            let mut out = String::new();
            write_float(&mut out, x);
            out
        });
        assert_eq!(texts, ["3.0", "-0.0", "1e16", "0.1", "NaN", "-inf"]);
    }
}
