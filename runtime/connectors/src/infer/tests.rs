//! Types of small files.
#![allow(clippy::disallowed_methods, reason = "tests write real files")]

use super::*;

fn declared(name: &str, content: &str) -> Result<(String, String), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    match infer(&path, &Env::real()) {
        Ok(found) => Ok((found.declaration("Row", &|word| word == "type"), found.format)),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn json_types_hold_all_values() {
    let lines = r#"{"id":1,"price":2,"at":"2026-01-31T12:00:00Z","type":"a","tags":["x"],"deep":{"a":1,"b b":true},"odd":1,"never":null,"big":18446744073709551615}
{"id":2,"price":2.5,"at":"2026-02-01","type":"b","tags":[],"deep":{"a":null},"odd":"x","big":1,"late":false}
"#;
    let (text, format) = declared("rows.ndjson", lines).unwrap();
    let right = "type Row = {\n  id: int,\n  price: float,\n  at: timestamp,\n  `type`: string,\n  tags: list<string>,\n  \
                 deep: { a: int?, `b b`: bool? },\n  odd: json,\n  never: json?,\n  big: float,\n  late: bool?,\n}\n";
    assert_eq!((text.as_str(), format.as_str()), (right, "json"));
}

#[test]
fn csv_types_come_from_header_and_values() {
    let text = "id;the name;when;x\n1;\"a;b\";2026-01-01;1.5\n2;;2026-01-02 10:00;\n";
    let (text, format) = declared("rows.csv", text).unwrap();
    let right = "type Row = {\n  id: int,\n  `the name`: string,\n  when: timestamp,\n  x: float?,\n}\n";
    assert_eq!((text.as_str(), format.as_str()), (right, "csv(delimiter: \";\")"));
    let (text, format) = declared("rows", "1,a\n2,b\n").unwrap();
    assert_eq!(text, "type Row = {\n  column1: int,\n  column2: string,\n}\n");
    assert_eq!(format, "csv(header: false)");
}

#[test]
fn what_is_no_rows_is_said() {
    assert!(declared("a.json", "[\n{\"a\":1}\n]").unwrap_err().contains("it holds a list"));
    assert!(declared("a.json", "{\n  \"a\": 1\n}\n").unwrap_err().contains("several lines"));
    assert!(declared("a.json", "\n{\"a\"}\n").unwrap_err().contains("line 2 is no JSON"));
    assert!(declared("a.csv", " \n").unwrap_err().contains("nothing in it"));
}

#[test]
fn a_stream_is_looked_at_as_a_file_is() {
    let found = infer_stream(Box::new(&b"id,score\n1,2.5\n2,3\n"[..])).unwrap();
    assert_eq!((found.format.as_str(), found.rows, found.whole), ("csv", 2, true));
    let packed = zstd::encode_all(&b"{\"a\":1}\n"[..], 1).unwrap();
    let found = infer_stream(Box::new(std::io::Cursor::new(packed))).unwrap();
    assert_eq!((found.format.as_str(), found.rows), ("json", 1));
    let endless = std::io::repeat(b'\n').take(3 * SAMPLE as u64);
    let found = infer_stream(Box::new((&b"{\"a\":1}"[..]).chain(endless))).unwrap();
    assert!(!found.whole);
    assert!(infer_stream(Box::new(std::io::empty())).is_err());
}

#[test]
fn a_header_with_a_name_twice_and_bytes_that_are_no_text_are_refused() {
    assert!(declared("twice.csv", "c,c\n1,2\n").unwrap_err().contains("two columns `c`"));
    assert!(declared("noise.bin", "a\0\u{1}\n\0b\n").unwrap_err().contains("no text"));
}
