//! Patterns such as `yyyy-MM-dd HH:mm`: moments as text and back.

use crate::civil::{self, Civil, SECOND, Zone};
use crate::error::{ErrorCode, Fault, quoted};
use crate::text::Scan;
use std::fmt::Write;

/// A pattern taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    text: Box<str>,
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Literal(String),
    /// A letter and how often it stands.
    Field(u8, usize),
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
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Pattern {
    /// Takes a pattern apart; letters without a meaning must be quoted.
    pub fn parse(text: &str) -> Result<Pattern, Fault> {
        let mut items = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                push_literal(&mut items, &quoted_literal(&mut chars, text)?);
            } else if c.is_ascii_alphabetic() {
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                items.push(field(c, count, text)?);
            } else {
                push_literal(&mut items, c.encode_utf8(&mut [0; 4]));
            }
        }
        Ok(Pattern { text: text.into(), items })
    }

    /// For how many microseconds from a multiple of them the text of a moment in UTC stays the same.
    pub fn unit(&self) -> i64 {
        let unit = |item: &Item| match item {
            Item::Field(b'S', _) => 1,
            Item::Field(b's', _) => SECOND,
            Item::Field(b'm', _) => 60 * SECOND,
            Item::Field(b'H' | b'h' | b'a', _) => 3600 * SECOND,
            Item::Field(..) | Item::Literal(_) => civil::DAY,
        };
        self.items.iter().map(unit).min().unwrap_or(civil::DAY)
    }

    /// A moment as text, seen from a zone.
    pub fn format(&self, t: i64, zone: &Zone) -> String {
        let offset = zone.offset_at(t);
        let c = civil::civil_shifted(t, offset);
        let mut out = String::new();
        for item in &self.items {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Field(letter, count) => {
                    write_field(&mut out, *letter, *count, &c, offset)
                        .expect("writing to a string cannot fail");
                }
            }
        }
        out
    }

    /// The moment a text says. Without an offset in it, it is local time of the zone; parts that the
    /// pattern does not have are those of 1970-01-01 00:00.
    pub fn parse_text(&self, text: &str, zone: &Zone) -> Result<i64, Fault> {
        self.read(text, zone).ok_or_else(|| {
            let message = format!("{} does not fit the pattern {}", quoted(text), quoted(&self.text));
            Fault::new(ErrorCode::BadCast, message)
        })
    }

    fn read(&self, text: &str, zone: &Zone) -> Option<i64> {
        let mut scan = Scan { rest: text.as_bytes() };
        let mut parts = Parts::default();
        for item in &self.items {
            match item {
                Item::Literal(literal) => scan.rest = scan.rest.strip_prefix(literal.as_bytes())?,
                Item::Field(letter, count) => parts.read(&mut scan, *letter, *count)?,
            }
        }
        if !scan.rest.is_empty() {
            return None;
        }
        parts.moment(zone)
    }
}

fn push_literal(items: &mut Vec<Item>, text: &str) {
    match items.last_mut() {
        Some(Item::Literal(literal)) => literal.push_str(text),
        _ => items.push(Item::Literal(text.to_string())),
    }
}

/// The text behind a quote, up to the next; two quotes are one.
fn quoted_literal(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, text: &str) -> Result<String, Fault> {
    if chars.next_if_eq(&'\'').is_some() {
        return Ok("'".to_string());
    }
    let mut literal = String::new();
    loop {
        match chars.next() {
            Some('\'') if chars.next_if_eq(&'\'').is_some() => literal.push('\''),
            Some('\'') => return Ok(literal),
            Some(c) => literal.push(c),
            None => {
                return Err(Fault::argument(format!(
                    "a quote is never closed in the pattern {}",
                    quoted(text)
                )));
            }
        }
    }
}

fn field(letter: char, count: usize, text: &str) -> Result<Item, Fault> {
    let longest = match letter {
        'y' | 'M' | 'E' => 4,
        'D' | 'X' => 3,
        'd' | 'H' | 'h' | 'm' | 's' => 2,
        'S' => 9,
        'a' => 1,
        _ => 0,
    };
    if count > longest {
        let letters: String = std::iter::repeat_n(letter, count).collect();
        let message =
            format!("`{letters}` has no meaning in the pattern {}; text stands in 'quotes'", quoted(text));
        return Err(Fault::argument(message));
    }
    Ok(Item::Field(letter as u8, count))
}

fn write_field(out: &mut String, letter: u8, count: usize, c: &Civil, offset: i32) -> std::fmt::Result {
    match (letter, count) {
        (b'y', 2) => write!(out, "{:02}", c.year.rem_euclid(100)),
        (b'y', _) if c.year < 0 => write!(out, "-{:0count$}", -c.year),
        (b'y', _) => write!(out, "{:0count$}", c.year),
        (b'M', 4) => out.write_str(MONTHS[usize::from(c.month) - 1]),
        (b'M', 3) => out.write_str(&MONTHS[usize::from(c.month) - 1][..3]),
        (b'M', _) => write!(out, "{:0count$}", c.month),
        (b'E', 4) => out.write_str(DAYS[usize::from(c.weekday) - 1]),
        (b'E', _) => out.write_str(&DAYS[usize::from(c.weekday) - 1][..3]),
        (b'd', _) => write!(out, "{:0count$}", c.day),
        (b'D', _) => write!(out, "{:0count$}", c.year_day),
        (b'H', _) => write!(out, "{:0count$}", c.hour),
        (b'h', _) => write!(out, "{:0count$}", (c.hour + 11) % 12 + 1),
        (b'm', _) => write!(out, "{:0count$}", c.minute),
        (b's', _) => write!(out, "{:0count$}", c.second),
        (b'S', _) => out.write_str(&format!("{:06}000", c.micros)[..count]),
        (b'a', _) => out.write_str(if c.hour < 12 { "AM" } else { "PM" }),
        _ if offset == 0 => out.write_char('Z'),
        _ => {
            let minutes = offset.abs() / 60;
            let sign = if offset < 0 { '-' } else { '+' };
            let colon = if count == 3 { ":" } else { "" };
            write!(out, "{sign}{:02}", minutes / 60)?;
            if count > 1 || minutes % 60 != 0 { write!(out, "{colon}{:02}", minutes % 60) } else { Ok(()) }
        }
    }
}

/// What was read so far.
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    year_day: Option<i64>,
    hour: i64,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    offset: Option<i64>,
}

impl Default for Parts {
    fn default() -> Parts {
        Parts {
            year: 1970,
            month: 1,
            day: 1,
            year_day: None,
            hour: 0,
            afternoon: None,
            minute: 0,
            second: 0,
            micros: 0,
            offset: None,
        }
    }
}

impl Parts {
    fn read(&mut self, scan: &mut Scan<'_>, letter: u8, count: usize) -> Option<()> {
        match (letter, count) {
            (b'y', 2) => self.year = 2000 + scan.two()?,
            (b'y', _) => self.year = number(scan, count, 4)?,
            (b'M', 4) => self.month = name(scan, &MONTHS, usize::MAX)?,
            (b'M', 3) => self.month = name(scan, &MONTHS, 3)?,
            (b'M', _) => self.month = number(scan, count, 2)?,
            (b'E', 4) => drop(name(scan, &DAYS, usize::MAX)?),
            (b'E', _) => drop(name(scan, &DAYS, 3)?),
            (b'd', _) => self.day = number(scan, count, 2)?,
            (b'D', _) => self.year_day = Some(number(scan, count, 3)?),
            (b'H' | b'h', _) => self.hour = number(scan, count, 2)?,
            (b'm', _) => self.minute = number(scan, count, 2)?,
            (b's', _) => self.second = number(scan, count, 2)?,
            (b'S', _) => self.micros = scan.digits(count)? * 1_000_000_000 / 10i64.pow(count as u32) / 1000,
            (b'a', _) => self.afternoon = Some(name(scan, &["AM", "PM"], 2)? == 2),
            _ => self.offset = Some(read_offset(scan)?),
        }
        Some(())
    }

    fn moment(&self, zone: &Zone) -> Option<i64> {
        let hour = match self.afternoon {
            Some(_) if !(1..=12).contains(&self.hour) => return None,
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        if !(0..24).contains(&hour) || self.minute > 59 || self.second > 59 {
            return None;
        }
        let in_day = (hour * 3600 + self.minute * 60 + self.second) * SECOND + self.micros;
        let local = match self.year_day {
            Some(day) if !(1..=366).contains(&day) => return None,
            Some(day) => civil::micros_of(self.year, 1, 1, in_day)?.checked_add((day - 1) * civil::DAY)?,
            None => civil::micros_of(self.year, self.month as u8, self.day as u8, in_day)?,
        };
        match self.offset {
            Some(offset) => local.checked_sub(offset * SECOND),
            None => Some(zone.moment(local)),
        }
    }
}

/// A number of exactly `count` digits, or of 1 to `most` if the letter stands alone.
fn number(scan: &mut Scan<'_>, count: usize, most: usize) -> Option<i64> {
    if count > 1 {
        return scan.digits(count);
    }
    let digits = scan.rest.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 { None } else { scan.digits(digits) }
}

/// The place, from 1, of the name that stands here, in any case.
fn name(scan: &mut Scan<'_>, names: &[&str], letters: usize) -> Option<i64> {
    names
        .iter()
        .position(|name| {
            let wanted = &name.as_bytes()[..name.len().min(letters)];
            let found = scan.rest.get(..wanted.len()).is_some_and(|text| text.eq_ignore_ascii_case(wanted));
            if found {
                scan.rest = &scan.rest[wanted.len()..];
            }
            found
        })
        .map(|at| at as i64 + 1)
}

/// `Z`, `+01`, `+0100` or `+01:00`, in seconds.
fn read_offset(scan: &mut Scan<'_>) -> Option<i64> {
    let sign = match scan.next()? {
        b'Z' | b'z' => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = scan.two()?;
    let _ = scan.byte(b':');
    let minutes = if scan.rest.first().is_some_and(u8::is_ascii_digit) { scan.two()? } else { 0 };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}
