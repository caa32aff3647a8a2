//! The values of literals: numbers, durations, sizes, timestamps, escapes.

use crate::ast::ExprKind;

/// What is wrong with a literal, in a sentence, and what to write instead if we know.
#[derive(Debug, PartialEq)]
pub(crate) struct LiteralError {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) instead: Option<String>,
}

impl LiteralError {
    fn new(message: impl Into<String>) -> LiteralError {
        LiteralError { message: message.into(), help: None, instead: None }
    }

    fn help(mut self, help: impl Into<String>) -> LiteralError {
        self.help = Some(help.into());
        self
    }

    fn instead(mut self, instead: impl Into<String>) -> LiteralError {
        self.instead = Some(instead.into());
        self
    }
}

type Result<T> = std::result::Result<T, LiteralError>;

const MICROS: &[(&str, i64)] = &[
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

const BYTES: &[(&str, i64)] = &[
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Units people write that flow spells differently.
const FOREIGN_UNITS: &[(&str, &str)] = &[
    ("m", "min"),
    ("mins", "min"),
    ("minute", "min"),
    ("minutes", "min"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("micros", "us"),
    ("µs", "us"),
    ("μs", "us"),
    ("usec", "us"),
    ("kb", "KB"),
    ("mb", "MB"),
    ("gb", "GB"),
    ("k", "KB"),
    ("K", "KB"),
    ("M", "MB"),
    ("G", "GB"),
    ("kib", "KiB"),
    ("mib", "MiB"),
    ("gib", "GiB"),
    ("Kb", "KB"),
    ("Mb", "MB"),
    ("Gb", "GB"),
    ("S", "s"),
    ("H", "h"),
    ("Min", "min"),
    ("MIN", "min"),
    ("MS", "ms"),
    ("kB", "KB"),
];

/// A number of any kind: `42`, `0xff`, `1.5`, `12.50d`, `1h30min`, `512MiB`. `negative` says that a
/// minus stands before it, so that the smallest integer can be written.
pub(crate) fn number(text: &str, negative: bool) -> Result<ExprKind> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return hex(text, digits);
    }
    if text.starts_with("0b") && text.len() > 2 && text[2..].bytes().all(|b| matches!(b, b'0' | b'1' | b'_'))
    {
        let value = i64::from_str_radix(&text[2..].replace('_', ""), 2).unwrap_or(0);
        return Err(LiteralError::new("there are no binary literals").instead(value.to_string()));
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if plain {
        return integer(text, negative);
    }
    if is_float(text) {
        let value: f64 =
            text.replace('_', "").parse().map_err(|_| LiteralError::new("this is not a number"))?;
        if value.is_infinite() {
            return Err(LiteralError::new("this number is too large for a `float`"));
        }
        return Ok(ExprKind::Float(value));
    }
    if let Some(digits) =
        text.strip_suffix('d').filter(|t| t.contains('.') && is_float(t) && !t.contains(['e', 'E']))
    {
        return decimal(digits);
    }
    units(text, negative)
}

fn integer(text: &str, negative: bool) -> Result<ExprKind> {
    let value: i128 = match text.replace('_', "").parse() {
        Ok(value) => value,
        Err(_) => return Err(out_of_range()),
    };
    let value = if negative { -value } else { value };
    i64::try_from(value).map(ExprKind::Int).map_err(|_| out_of_range())
}

fn out_of_range() -> LiteralError {
    LiteralError::new("this number does not fit into an `int`")
        .help("an `int` is between -9223372036854775808 and 9223372036854775807; a `decimal` such as `1.0d` or a `float` such as `1e30` goes further")
}

fn hex(text: &str, digits: &str) -> Result<ExprKind> {
    let clean = digits.replace('_', "");
    if clean.is_empty() || !clean.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(
            LiteralError::new(format!("`{text}` is not a hexadecimal number")).help("digits are 0-9 and a-f")
        );
    }
    i64::from_str_radix(&clean, 16).map(ExprKind::Int).map_err(|_| out_of_range())
}

/// Digits, a fraction, an exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(i) => (&text[..i], Some(text[i + 1..].trim_start_matches(['+', '-']))),
        None => (text, None),
    };
    let digits = |t: &str| {
        t.starts_with(|c: char| c.is_ascii_digit()) && t.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    };
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    mantissa_ok && exponent.is_none_or(digits)
}

fn decimal(digits: &str) -> Result<ExprKind> {
    let clean = digits.replace('_', "");
    let significant = clean.replace('.', "").trim_start_matches('0').len();
    if significant > 28 {
        return Err(LiteralError::new("a `decimal` has at most 28 significant digits"));
    }
    Ok(ExprKind::Decimal(clean))
}

/// `1h30min`, `7d`, `128MiB`.
fn units(text: &str, negative: bool) -> Result<ExprKind> {
    let parts = unit_parts(text)?;
    if let [(digits, unit)] = parts[..]
        && let Some((_, scale)) = BYTES.iter().find(|(u, _)| *u == unit)
    {
        let value = whole(digits, "KiB")?;
        let value = value.checked_mul(i128::from(*scale)).unwrap_or(i128::MAX);
        return i64::try_from(value)
            .map(ExprKind::Size)
            .map_err(|_| LiteralError::new("this size is too large"));
    }
    let mut total: i128 = 0;
    let mut last = i64::MAX;
    for (digits, unit) in &parts {
        let Some((_, scale)) = MICROS.iter().find(|(u, _)| u == unit) else {
            return Err(unknown_unit(text, unit));
        };
        if *scale >= last {
            return Err(LiteralError::new("the parts of a duration go from large to small, each unit once")
                .help("for example `1d12h30min`"));
        }
        last = *scale;
        total = whole(digits, unit)?
            .checked_mul(i128::from(*scale))
            .and_then(|v| total.checked_add(v))
            .unwrap_or(i128::MAX);
    }
    let signed = if negative { total.checked_neg().unwrap_or(i128::MIN) } else { total };
    i64::try_from(signed).map(ExprKind::Duration).map_err(|_| {
        LiteralError::new("this duration is too long").help("the longest is about 292,000 years")
    })
}

/// Splits `1h30min` into digits and units.
fn unit_parts(text: &str) -> Result<Vec<(&str, &str)>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at =
            rest.find(|c: char| !(c.is_ascii_digit() || c == '_' || c == '.')).unwrap_or(rest.len());
        let tail = &rest[unit_at..];
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '_').unwrap_or(tail.len());
        if unit_at == 0 || unit_end == 0 {
            return Err(LiteralError::new(format!("`{text}` is neither a number nor a duration")).help(
                "a number with a unit is `5s`, `1h30min`, `128MiB`; a name does not begin with a digit",
            ));
        }
        parts.push((&rest[..unit_at], &tail[..unit_end]));
        rest = &tail[unit_end..];
    }
    Ok(parts)
}

fn whole(digits: &str, unit: &str) -> Result<i128> {
    if digits.contains('.') {
        let smaller = MICROS
            .iter()
            .position(|(u, _)| *u == unit)
            .and_then(|i| i.checked_sub(1))
            .map_or("a smaller unit", |i| MICROS[i].0);
        return Err(LiteralError::new("a duration or size has no fractions")
            .help(format!("write it in {smaller}, or in parts such as `1h30min`")));
    }
    digits.replace('_', "").parse().map_err(|_| LiteralError::new("this number is too large"))
}

fn unknown_unit(text: &str, unit: &str) -> LiteralError {
    let error = LiteralError::new(format!("`{unit}` is not a unit"))
        .help("durations are in `us ms s min h d`, sizes in `B KB MB GB KiB MiB GiB`");
    if matches!(unit, "L" | "l" | "n" | "i64" | "u64" | "i32" | "u32") {
        return error.instead(text.trim_end_matches(unit));
    }
    if matches!(unit, "f" | "F" | "f64" | "f32" | "D") {
        let digits = text.trim_end_matches(unit);
        return error.instead(if digits.contains('.') { digits.to_string() } else { format!("{digits}.0") });
    }
    if matches!(unit, "w" | "week" | "weeks") {
        let weeks: Option<i64> = text.strip_suffix(unit).and_then(|d| d.parse().ok());
        return match weeks.and_then(|w| w.checked_mul(7)) {
            Some(days) => error.instead(format!("{days}d")),
            None => error,
        };
    }
    match FOREIGN_UNITS.iter().find(|(u, _)| *u == unit) {
        Some((_, ours)) => match text.strip_suffix(unit) {
            Some(before) => error.instead(format!("{before}{ours}")),
            None => error,
        },
        None => error,
    }
}

/// `1k`, `2M`: a number with the letter for a thousand or a million, and the number it stands for.
pub(crate) fn thousands(text: &str) -> Option<LiteralError> {
    let digits = text.strip_suffix(['k', 'K', 'M'])?;
    let zeros = if text.ends_with('M') { 6 } else { 3 };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |t: &str| t.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if whole.is_empty() || !plain(whole) || !plain(fraction) || fraction.len() > zeros {
        return None;
    }
    let number = format!("{}{fraction:0<zeros$}", whole.replace('_', ""));
    let number = number.trim_start_matches('0');
    let mut grouped = String::new();
    for (i, digit) in number.chars().enumerate() {
        if i > 0 && (number.len() - i).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    let unit = &text[digits.len()..];
    let sizes = match fraction {
        "" => format!(", and sizes have a `B`: `{digits}{}B`", unit.to_uppercase()),
        _ => String::new(),
    };
    let error =
        LiteralError::new(format!("`{unit}` is not a unit")).help(format!("numbers are written out{sizes}"));
    (!grouped.is_empty()).then(|| error.instead(grouped))
}

/// `2026-01-31`, `2026-01-31T12:00:00.5Z`, `…+02:00`, without the `@`; microseconds since 1970 UTC.
pub(crate) fn timestamp(text: &str) -> Result<i64> {
    let shape = || {
        LiteralError::new("this is not a timestamp").help("write `@2026-01-31` or `@2026-01-31T12:00:00Z`")
    };
    let (date, time) = match text.find(['T', 't']) {
        Some(i) => (&text[..i], Some(&text[i + 1..])),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let mut next = |len: usize| parts.next().filter(|p| p.len() == len).and_then(|p| p.parse::<i64>().ok());
    let (year, month, day) =
        (next(4).ok_or_else(shape)?, next(2).ok_or_else(shape)?, next(2).ok_or_else(shape)?);
    if parts.next().is_some() {
        return Err(shape());
    }
    if !(1..=12).contains(&month) {
        return Err(LiteralError::new(format!("there is no month {month}")));
    }
    let days = days_in_month(year, month);
    if !(1..=days).contains(&day) {
        return Err(LiteralError::new(format!("{} {year} has {days} days", MONTHS[(month - 1) as usize])));
    }
    let midnight = days_from_civil(year, month, day) * 86_400_000_000;
    Ok(midnight + time.map_or(Ok(0), time_of_day)?)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `12:00`, `12:00:00`, `12:00:00.123456`, each with `Z`, `+02:00` or nothing (UTC).
fn time_of_day(text: &str) -> Result<i64> {
    let shape = || {
        LiteralError::new("this time of day is malformed").help(
            "write `@2026-01-31T12:00:00Z`; fractions and offsets such as `+02:00` may follow the seconds",
        )
    };
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(i) if text[i..].starts_with(['Z', 'z']) => {
            if text.len() > i + 1 {
                return Err(shape());
            }
            (&text[..i], 0)
        }
        Some(i) => (&text[..i], offset_of(&text[i..]).ok_or_else(shape)?),
        None => (text, 0),
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut numbers = [0i64; 3];
    let mut count = 0;
    for part in whole.split(':') {
        if count == 3 || part.len() != 2 {
            return Err(shape());
        }
        numbers[count] = part.parse().map_err(|_| shape())?;
        count += 1;
    }
    if count < 2 || (!fraction.is_empty() && count < 3) || clock.ends_with('.') {
        return Err(shape());
    }
    let [hour, minute, second] = numbers;
    if hour > 23 || minute > 59 || second > 59 {
        return Err(LiteralError::new(format!("there is no time of day {whole}"))
            .help("hours go to 23, minutes and seconds to 59"));
    }
    if fraction.len() > 6 {
        return Err(LiteralError::new("timestamps have microseconds: at most six digits behind the point"));
    }
    let micros: i64 =
        if fraction.is_empty() { 0 } else { format!("{fraction:0<6}").parse().map_err(|_| shape())? };
    Ok(((hour * 60 + minute) * 60 + second) * 1_000_000 + micros - offset)
}

/// `+02:00` or `+0200` or `+02` in microseconds.
fn offset_of(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours: i64 = digits[..2].parse().ok()?;
    let minutes: i64 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60_000_000)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (years begin in March here, so that
/// the leap day is the last of its year).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// One escape of a string, the backslash (or doubled brace) included.
pub(crate) fn escape(text: &str) -> Result<char> {
    let simple = match text {
        "{{" => Some('{'),
        "}}" => Some('}'),
        "\\n" => Some('\n'),
        "\\t" => Some('\t'),
        "\\r" => Some('\r'),
        "\\0" => Some('\0'),
        "\\\\" => Some('\\'),
        "\\\"" => Some('"'),
        "\\'" => Some('\''),
        "\\{" => Some('{'),
        "\\}" => Some('}'),
        _ => None,
    };
    if let Some(c) = simple {
        return Ok(c);
    }
    let hex = text.strip_prefix("\\u{").and_then(|t| t.strip_suffix('}'));
    if let Some(hex) = hex {
        return u32::from_str_radix(hex, 16)
            .ok()
            .and_then(char::from_u32)
            .ok_or_else(|| LiteralError::new(format!("there is no character U+{}", hex.to_uppercase())));
    }
    if text == "\\u" {
        return Err(
            LiteralError::new("a character's number stands in braces").help("for example `\\u{1F600}`")
        );
    }
    Err(LiteralError::new(format!("`{text}` is not an escape"))
        .help("escapes are `\\n \\t \\r \\0 \\\\ \\\" \\u{…}`; a pattern is best written raw: `r\"\\d+\"`")
        .instead(format!("\\{text}")))
}

/// The inside of `b"…"`: bytes of the text, `\x00` and the simple escapes. On a mistake, where it is.
pub(crate) fn byte_string(text: &str) -> std::result::Result<Vec<u8>, (usize, usize, LiteralError)> {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] != b'\\' {
            out.push(bytes[i]);
            i += 1;
            continue;
        }
        if bytes.get(i + 1) == Some(&b'x') {
            let value = bytes
                .get(i + 2..i + 4)
                .and_then(|h| std::str::from_utf8(h).ok())
                .and_then(|h| u8::from_str_radix(h, 16).ok());
            match value {
                Some(value) => out.push(value),
                None => {
                    return Err((i, i + 2, LiteralError::new("`\\x` is followed by two hexadecimal digits")));
                }
            }
            i += 4;
            continue;
        }
        let len = 1 + text[i + 1..].chars().next().map_or(0, char::len_utf8);
        match escape(&text[i..i + len]) {
            Ok(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(error) => return Err((i, i + len, error)),
        }
        i += len;
    }
    Ok(out)
}
