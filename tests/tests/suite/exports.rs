//! `flow savepoint export` by the command a user types, of the savepoint that is kept for ever: a state with keys and values of
//! all types.

use flow_checkpoint::Hash128;
use flow_tests::flow_binary;
use std::path::{Path, PathBuf};

fn savepoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("savepoints/format-1")
}

/// Exports the state with these words behind it.
fn export(folder: &Path, words: &[&str]) -> (Option<i32>, Vec<u8>, String) {
    let savepoint = savepoint();
    let args = [&["savepoint", "export", savepoint.to_str().unwrap(), "perKey.aggregate"], words].concat();
    let out = flow_binary::run(folder, &args);
    (out.status.code(), out.stdout, String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn a_state_of_all_types_is_exported_as_lines_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let (status, out, err) = export(folder.path(), &[]);
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("4 rows of perKey.aggregate"), "{err}");
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    let row = concat!(
        r#"{"key":"b","flag":false,"n":6000018,"x":0.75,"price":-6.000,"raw":"BgD/","#,
        r#""at":"2023-11-14T22:13:20.000006Z","took":"-6min","seen":[6,null],"by":{"a":0.5,"b":6.0},"#,
        r#""pair":{"a":6,"two words":"of a pair"},"doc":{"b":[1,-1,1.5,18446744073709551615],"a":{"é":null,"t":true}}}"#
    );
    assert_eq!(lines[1], row);
}

/// No program that reads parquet is among the tests' own. DuckDB and pyarrow were given these bytes, and read what the savepoint
/// holds.
#[test]
fn the_same_state_is_exported_as_the_parquet_file_that_other_programs_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.parquet");
    let words = ["--table", "groups", "--format", "parquet"];
    let (status, _, err) = export(folder.path(), &[&words[..], &["-o", "state.parquet"]].concat());
    assert_eq!(status, Some(0), "{err}");
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(Hash128::of(&bytes).to_string(), "b1d8e52c62a8ea12385568ba9e93f1ff");
    // To a pipe it gives the same.
    let (status, out, err) = export(folder.path(), &words);
    assert_eq!((status, out == bytes), (Some(0), true), "{err}");
}
