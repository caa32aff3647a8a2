//! One record of CSV: its fields one after the other. A field that begins with a quote ends with one,
//! two quotes inside of it are one; anywhere else a quote is a letter like others.

use crate::fault::{Fault, code};
use crate::scan::Text;
use std::borrow::Cow;

/// A field: where its text stands, whether it was quoted, and whether quotes stand twice in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) quoted: bool,
    pub(crate) doubled: bool,
}

impl Raw {
    /// Its text.
    pub(crate) fn bytes<'t>(&self, text: Text<'t>) -> Cow<'t, [u8]> {
        let bytes = text.slice(self.start, self.end);
        if !self.doubled {
            return Cow::Borrowed(bytes);
        }
        let mut single = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(at) = memchr::memchr(b'"', rest) {
            single.extend_from_slice(&rest[..=at]);
            // The second one of the two.
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        single.extend_from_slice(rest);
        Cow::Owned(single)
    }

    /// Is it an empty field without quotes: null, where that may be?
    #[inline(always)]
    pub(crate) fn is_null(&self) -> bool {
        self.start == self.end && !self.quoted
    }
}

/// What stands behind a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Another field, here.
    Field(usize),
    /// The next record, here.
    Record(usize),
}

/// The field at `at`.
#[inline(always)]
pub(crate) fn field(text: Text<'_>, at: usize, delimiter: u8) -> Result<(Raw, After), Fault> {
    if text.byte(at) == b'"' {
        return quoted(text, at + 1, delimiter);
    }
    let stop = text.field_end(at, delimiter);
    let raw = |end| Raw { start: at, end, quoted: false, doubled: false };
    if text.byte(stop) == delimiter {
        return Ok((raw(stop), After::Field(stop + 1)));
    }
    let carriage = stop > at && text.byte(stop - 1) == b'\r';
    Ok((raw(stop - usize::from(carriage)), After::Record(stop + 1)))
}

fn quoted(text: Text<'_>, start: usize, delimiter: u8) -> Result<(Raw, After), Fault> {
    let all = text.slice(start, text.len());
    let mut doubled = false;
    let mut from = 0;
    loop {
        let Some(at) = memchr::memchr(b'"', &all[from..]) else {
            return Err(Fault::new(code::BAD_CSV, "a quote that opens a field is never closed"));
        };
        let end = from + at;
        if all.get(end + 1) == Some(&b'"') {
            doubled = true;
            from = end + 2;
            continue;
        }
        let raw = Raw { start, end: start + end, quoted: true, doubled };
        let behind = start + end + 1;
        return match (text.byte(behind), text.byte(behind + 1)) {
            (b'\n', _) => Ok((raw, After::Record(behind + 1))),
            (b'\r', b'\n') => Ok((raw, After::Record(behind + 2))),
            (byte, _) if byte == delimiter => Ok((raw, After::Field(behind + 1))),
            _ => Err(Fault::new(code::BAD_CSV, "text stands behind a closing quote")),
        };
    }
}

/// The start of the next record behind one that is broken, by the rule by which blocks are cut: the
/// first line end outside of a quoted field. If a quote is never closed: the next line.
pub(crate) fn recover(text: Text<'_>, start: usize, delimiter: u8) -> usize {
    let mut at = start;
    let mut quoted = false;
    while at < text.len() {
        let byte = text.byte(at);
        match byte {
            b'"' if quoted && text.byte(at + 1) == b'"' => at += 1,
            b'"' if quoted => quoted = false,
            b'"' => quoted = at == start || text.byte(at - 1) == delimiter || text.byte(at - 1) == b'\n',
            b'\n' if !quoted => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.line_end(start) + 1
}
