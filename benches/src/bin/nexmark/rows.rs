//! Rows of an output, whoever wrote it: read, reduced to what must be equal, and compared.

use crate::queries::Compare;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Floats may differ by this part of their value: programs add in different orders.
const TOLERANCE: f64 = 1e-9;

/// A row: everything exact as text, and its floats.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    exact: String,
    floats: Vec<f64>,
}

type Record = Map<String, Value>;

/// The rows of a file or of a folder of part files that a comparison looks at, sorted.
pub(crate) fn read(path: &Path, compare: Compare) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let mut last: HashMap<String, (usize, Record)> = HashMap::new();
    let mut sums: HashMap<String, i64> = HashMap::new();
    let files = files(path)?;
    for (part, file) in files.iter().enumerate() {
        for record in records(file)? {
            match compare {
                Compare::Rows => rows.push(row(&record)),
                Compare::Last(keys) => {
                    let key = text(&record, keys);
                    // Which of two files was written last is not known.
                    if let Some((other, _)) = last.get(&key)
                        && worker(file) != worker(&files[*other])
                    {
                        return Err(format!("{}: two workers wrote the key {key}", path.display()));
                    }
                    last.insert(key, (part, record));
                }
                Compare::Sum(key, field) => {
                    let n = record.get(field).and_then(Value::as_i64).unwrap_or_default();
                    *sums.entry(text(&record, &[key])).or_default() += n;
                }
            }
        }
    }
    rows.extend(last.into_values().map(|(_, record)| row(&record)));
    rows.extend(sums.into_iter().map(|(key, n)| Row { exact: format!("{key}{n}"), floats: Vec::new() }));
    rows.sort_by(|a, b| a.exact.cmp(&b.exact).then_with(|| floats(a, b)));
    Ok(rows)
}

fn floats(a: &Row, b: &Row) -> std::cmp::Ordering {
    let different = a.floats.iter().zip(&b.floats).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne());
    different.unwrap_or(std::cmp::Ordering::Equal)
}

/// What differs, in a few lines; nothing when nothing does.
pub(crate) fn difference(expected: &[Row], got: &[Row]) -> Option<String> {
    let same = |a: &Row, b: &Row| {
        let near = |(x, y): (&f64, &f64)| (x - y).abs() <= TOLERANCE * x.abs().max(y.abs());
        a.exact == b.exact && a.floats.len() == b.floats.len() && a.floats.iter().zip(&b.floats).all(near)
    };
    let (mut missing, mut extra) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < expected.len() || j < got.len() {
        match (expected.get(i), got.get(j)) {
            (Some(a), Some(b)) if same(a, b) => (i, j) = (i + 1, j + 1),
            (Some(a), Some(b)) if a.exact < b.exact || (a.exact == b.exact && floats(a, b).is_lt()) => {
                missing.push(a);
                i += 1;
            }
            (Some(a), None) => {
                missing.push(a);
                i += 1;
            }
            (_, Some(b)) => {
                extra.push(b);
                j += 1;
            }
            (None, None) => break,
        }
    }
    if missing.is_empty() && extra.is_empty() {
        return None;
    }
    let mut said = format!("{} rows, expected {}", got.len(), expected.len());
    for (what, rows) in [("missing", missing), ("not expected", extra)] {
        let _ = write!(said, "; {} {what}", rows.len());
        for row in rows.iter().take(3) {
            let _ = write!(said, "\n      {what}: {} {:?}", row.exact, row.floats);
        }
    }
    Some(said)
}

fn row(record: &Record) -> Row {
    let mut made = Row { exact: String::new(), floats: Vec::new() };
    for (name, value) in record {
        let _ = match value {
            Value::Number(n) if n.is_f64() => {
                made.floats.push(n.as_f64().unwrap_or(f64::NAN));
                write!(made.exact, "{name}:~ ")
            }
            Value::String(text) => write!(made.exact, "{name}:{:?} ", instant(text)),
            other => write!(made.exact, "{name}:{other} "),
        };
    }
    made
}

/// A timestamp without the last zeros of its fraction; other text as it is.
fn instant(text: &str) -> &str {
    let stamp = text.len() > 20 && text.as_bytes()[10] == b'T' && text.as_bytes()[19] == b'.';
    match text.strip_suffix('Z').filter(|_| stamp) {
        Some(rest) => rest.trim_end_matches('0').trim_end_matches('.'),
        None => text.strip_suffix('Z').filter(|t| t.len() == 19).unwrap_or(text),
    }
}

fn text(record: &Record, keys: &[&str]) -> String {
    keys.iter().fold(String::new(), |mut text, key| {
        let _ = write!(text, "{key}:{} ", record.get(*key).unwrap_or(&Value::Null));
        text
    })
}

/// The records of an ndjson file, or of a csv file without quotes.
fn records(file: &Path) -> Result<Vec<Record>, String> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let text = std::fs::read_to_string(file).map_err(|e| failed(&e))?;
    if file.extension().is_none_or(|e| e != "csv") {
        return text.lines().map(|line| serde_json::from_str(line).map_err(|e| failed(&e))).collect();
    }
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let value = |text: &str| match text.parse::<i64>() {
        Ok(n) => Value::from(n),
        Err(_) => Value::from(text),
    };
    Ok(lines
        .map(|line| header.iter().zip(line.split(',')).map(|(k, v)| (k.to_string(), value(v))).collect())
        .collect())
}

/// A file, or the files of a folder in the order in which they were written.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(['.', '_'])) {
            found.extend(files(&path)?);
        }
    }
    found.sort_by_key(|path| (path.parent().map(Path::to_path_buf), numbers(path)));
    Ok(found)
}

/// `part-1-12.ndjson`: worker 1, its file 12.
fn numbers(path: &Path) -> Vec<u64> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    name.split('-').filter_map(|part| part.parse().ok()).collect()
}

fn worker(path: &Path) -> Option<u64> {
    numbers(path).first().copied()
}

#[cfg(test)]
mod tests {
    use super::{difference, read};
    use crate::queries::Compare;
    use std::path::PathBuf;

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("{name}-{}.ndjson", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn floats_are_equal_when_they_differ_in_the_last_digits_only() {
        let a = read(&file("floats-a", "{\"a\":1,\"b\":0.1}\n{\"a\":1,\"b\":0.3}\n"), Compare::Rows).unwrap();
        let b = read(
            &file("floats-b", "{\"a\":1,\"b\":0.30000000000000004}\n{\"a\":1,\"b\":0.1}\n"),
            Compare::Rows,
        );
        assert_eq!(difference(&a, &b.unwrap()), None);
        let c =
            read(&file("floats-c", "{\"a\":1,\"b\":0.1}\n{\"a\":1,\"b\":0.31}\n"), Compare::Rows).unwrap();
        let said = difference(&a, &c).unwrap();
        assert!(said.starts_with("2 rows, expected 2; 1 missing"), "{said}");
    }

    #[test]
    fn the_last_row_of_a_key_counts() {
        let path = file("last", "{\"k\":1,\"n\":1}\n{\"k\":2,\"n\":5}\n{\"k\":1,\"n\":2}\n");
        let rows = read(&path, Compare::Last(&["k"])).unwrap();
        let wanted = read(&file("want", "{\"k\":2,\"n\":5}\n{\"k\":1,\"n\":2}\n"), Compare::Rows).unwrap();
        assert_eq!(difference(&wanted, &rows), None);
    }

    #[test]
    fn rows_are_counted_as_often_as_they_come() {
        let once = read(&file("once", "{\"k\":1}\n"), Compare::Rows).unwrap();
        let twice = read(&file("twice", "{\"k\":1}\n{\"k\":1}\n"), Compare::Rows).unwrap();
        let said = difference(&once, &twice).unwrap();
        assert!(said.starts_with("2 rows, expected 1; 0 missing; 1 not expected"), "{said}");
    }
}
