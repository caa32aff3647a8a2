//! Strings of JSON: finding their end, taking back escapes.

use crate::fault::{Fault, code};
use crate::scan::Text;

fn broken(what: &str) -> Fault {
    Fault::new(code::BAD_JSON, what)
}

/// The string that starts at `at` (behind its opening quote): the position of its closing quote.
/// Escapes are stepped over, not checked.
pub(crate) fn end(text: Text<'_>, mut at: usize) -> Result<usize, Fault> {
    loop {
        let (stop, _) = text.string_end(at);
        match text.byte(stop) {
            b'"' => return Ok(stop),
            // An escaped line end is found as a control byte at the next turn.
            b'\\' if text.byte(stop + 1) != b'\n' => at = stop + 2,
            b'\n' | b'\\' => return Err(broken("the line ends inside of a string")),
            _ => return Err(broken("a control character inside of a string")),
        }
    }
}

/// The text of a string whose bytes between the quotes these are.
pub(crate) fn unescape(bytes: &[u8]) -> Result<String, Fault> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let mut skip = 2;
        let plain = match rest.get(at + 1) {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(&same @ (b'"' | b'\\' | b'/')) => same,
            Some(b'u') => {
                let (character, used) = unicode(&rest[at..])?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[at + used..];
                continue;
            }
            _ => {
                skip = 0;
                0
            }
        };
        if skip == 0 {
            return Err(broken("an unknown escape in a string"));
        }
        out.push(plain);
        rest = &rest[at + skip..];
    }
    out.extend_from_slice(rest);
    String::from_utf8(out).map_err(|_| Fault::new(code::BAD_UTF8, "a string is not UTF-8"))
}

/// `\uXXXX`, or two of them for one character: the character and how many bytes were used.
fn unicode(bytes: &[u8]) -> Result<(char, usize), Fault> {
    let unit = |at: usize| -> Option<u32> {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |n, &b| Some(n * 16 + (b as char).to_digit(16)?))
    };
    let first = unit(0).ok_or_else(|| broken("`\\u` without four hexadecimal digits"))?;
    let (scalar, used) = match (first, unit(6)) {
        (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) => {
            (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
        }
        _ => (first, 6),
    };
    char::from_u32(scalar).map(|c| (c, used)).ok_or_else(|| broken("half of a surrogate pair in a string"))
}
