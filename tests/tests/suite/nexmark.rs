//! Runs the queries of `lang-examples/nexmark/` with one worker and with four, compiled and interpreted,
//! and compares what they wrote with `results/`, which DuckDB computed (`benches/peers/nexmark/run.py`).
//! Results that are updated are compared by the last row of each key.

use flow_tests::flow_binary;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The queries, and the key of results that are updated.
const QUERIES: &[(&str, &[&str])] = &[
    ("q1", &[]),
    ("q3", &[]),
    ("q4", &["category"]),
    ("q5", &[]),
    ("q6", &["seller"]),
    ("q7", &[]),
    ("q8", &[]),
    ("q9", &[]),
    ("q11", &[]),
    ("q13", &[]),
    ("q14", &[]),
    ("q15", &["day"]),
    ("q16", &["channel", "day"]),
    ("q17", &["auction", "day"]),
    ("q18", &[]),
    ("q19", &[]),
    ("q20", &[]),
    ("q21", &[]),
    ("q22", &[]),
];

type Record = Map<String, Value>;

#[test]
fn queries_give_the_rows_of_another_engine() {
    for (query, key) in QUERIES {
        let expected = reduced(records(&[home().join("results").join(format!("{query}.ndjson"))]), key);
        assert!(!expected.is_empty(), "{query} expects nothing");
        for parallelism in ["1", "4"] {
            for interpret in [false, true] {
                let got = reduced(run(query, parallelism, interpret), key);
                let what = format!("{query}, {parallelism} workers, interpreted: {interpret}");
                let missing: Vec<_> = expected.iter().filter(|row| !got.contains(row)).take(3).collect();
                let extra: Vec<_> = got.iter().filter(|row| !expected.contains(row)).take(3).collect();
                assert!(
                    expected == got,
                    "{what}: {} rows, expected {}\nmissing: {missing:#?}\nextra: {extra:#?}",
                    got.len(),
                    expected.len()
                );
            }
        }
    }
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../lang-examples/nexmark")
}

fn run(query: &str, parallelism: &str, interpret: bool) -> Vec<Record> {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("{query}.flow");
    for name in [&script[..], "events.flow"] {
        std::fs::copy(home().join(name), folder.path().join(name)).unwrap();
    }
    let data = format!("data={}", home().join("data").canonicalize().unwrap().display());
    let mut args = vec!["run", &script, "--parallelism", parallelism, "-p", &data];
    args.extend(interpret.then_some("--interpret"));
    let output = flow_binary::run(folder.path(), &args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "flow {args:?}: {}\n{said}", output.status);
    let out = folder.path().join("out").join(query);
    let mut parts: Vec<PathBuf> = std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().path()).collect();
    parts.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with(['.', '_']));
    parts.sort();
    records(&parts)
}

fn records(files: &[PathBuf]) -> Vec<Record> {
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    texts
        .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
        .collect()
}

/// The rows as text, in one order; with a key, the last row of each.
fn reduced(records: Vec<Record>, key: &[&str]) -> Vec<String> {
    let text = |record: &Record| serde_json::to_string(record).unwrap();
    let mut rows: Vec<String> = if key.is_empty() {
        records.iter().map(text).collect()
    } else {
        let key_of = |record: &Record| key.iter().map(|name| record[*name].to_string()).collect::<Vec<_>>();
        let last: BTreeMap<_, _> = records.iter().map(|record| (key_of(record), text(record))).collect();
        last.into_values().collect()
    };
    rows.sort();
    rows
}
