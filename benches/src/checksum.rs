//! A checksum of an output that does not depend on the order of its rows, on blanks, or on how a
//! timestamp is written: so that programs that write differently can be compared.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Number of rows and the sum of their hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checksum {
    /// Rows read.
    pub rows: u64,
    /// Wrapping sum of one hash per row.
    pub sum: u64,
}

/// The checksum of an ndjson file, or of all files in a folder.
pub fn of(path: &Path) -> io::Result<Checksum> {
    let mut total = Checksum::default();
    for file in files(path)? {
        let mut lines = BufReader::with_capacity(1 << 20, File::open(file)?);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            total.rows += 1;
            total.sum = total.sum.wrapping_add(row(&line));
            line.clear();
        }
    }
    Ok(total)
}

/// Total size of a file or of the files in a folder.
pub fn bytes(path: &Path) -> io::Result<u64> {
    files(path)?.iter().map(|f| f.metadata().map(|m| m.len())).sum()
}

fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(['.', '_']));
        if !hidden {
            found.extend(files(&path)?);
        }
    }
    Ok(found)
}

/// The hash of one row: names and values in order; numbers by value, timestamps by their digits.
fn row(line: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut mix = |bytes: &[u8]| {
        for b in bytes {
            hash = (hash ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b'"' => {
                let end = string_end(line, at + 1);
                mix_string(&line[at + 1..end], &mut mix);
                at = end + 1;
            }
            b'-' | b'0'..=b'9' => {
                let end = at + line[at..].iter().position(|b| !is_number(*b)).unwrap_or(line.len() - at);
                let text = std::str::from_utf8(&line[at..end]).unwrap_or_default();
                match text.parse::<f64>() {
                    Ok(x) => mix(&x.to_bits().to_le_bytes()),
                    Err(_) => mix(text.as_bytes()),
                }
                at = end;
            }
            b' ' | b'\r' | b'\n' => at += 1,
            other => {
                mix(&[other]);
                at += 1;
            }
        }
    }
    hash
}

fn is_number(b: u8) -> bool {
    matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

fn string_end(line: &[u8], mut at: usize) -> usize {
    while at < line.len() && line[at] != b'"' {
        at += if line[at] == b'\\' { 2 } else { 1 };
    }
    at.min(line.len())
}

/// `2026-01-01T00:00:00.250Z`, `2026-01-01 00:00:00.25` and the like are the same 14 digits and a
/// fraction without its last zeros.
fn mix_string(text: &[u8], mix: &mut impl FnMut(&[u8])) {
    let date = text.len() >= 19 && text[4] == b'-' && text[7] == b'-' && text[13] == b':' && text[16] == b':';
    if !date {
        return mix(text);
    }
    mix(&text[..10]);
    mix(&text[11..19]);
    let fraction = text[19..].strip_suffix(b"Z").unwrap_or(&text[19..]);
    let length = fraction.iter().rposition(|b| !matches!(b, b'0' | b'.')).map_or(0, |last| last + 1);
    mix(&fraction[..length]);
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn the_same_row_written_differently_has_the_same_hash() {
        let a = row(br#"{"price":908.0,"dateTime":"2026-01-01T00:00:00.250Z","x":"a b"}"#);
        let b = row(br#"{"price": 908, "dateTime": "2026-01-01 00:00:00.25", "x": "a b"}"#);
        assert_eq!(a, b);
    }

    #[test]
    fn another_value_has_another_hash() {
        assert_ne!(row(br#"{"x":"a"}"#), row(br#"{"x":"b"}"#));
        assert_ne!(row(br#"{"x":1}"#), row(br#"{"x":2}"#));
        let (a, b) = (br#"{"t":"2026-01-01T00:00:01Z"}"#, br#"{"t":"2026-01-01T00:00:02Z"}"#);
        assert_ne!(row(a), row(b));
    }
}
