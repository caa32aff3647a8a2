//! File sinks with many values of `partitionBy`, in a process that may open few files.
#![cfg(unix)]

use flow_tests::flow_binary;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Runs a job over so many rows, whose keys go round, and gives the rows of each key and how many files they stand in.
fn by_key(
    keys: usize,
    rows: usize,
    padding: usize,
    most_open: u32,
    more: &str,
) -> BTreeMap<String, (Vec<usize>, usize)> {
    // In memory, where there is such a folder: each of thousands of files is synced.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let padding = "x".repeat(padding);
    let mut text = String::new();
    (0..rows)
        .for_each(|n| writeln!(text, "{{\"n\":{n},\"k\":{},\"padding\":\"{padding}\"}}", n % keys).unwrap());
    std::fs::write(folder.path().join("rows.ndjson"), text).unwrap();
    let script = format!(
        "job many {{ parallelism: 2, checkpoint: 1h }}\ntype Row = {{ n: int, k: int, padding: string }}\n\
         source rows: Row = file(\"rows.ndjson\", format: json)\n\
         sink out = rows -> file(\"out\", format: json, partitionBy: [k]{more})\n"
    );
    std::fs::write(folder.path().join("many.flow"), script).unwrap();
    let command = format!("ulimit -n {most_open} && exec {} run many.flow", flow_binary::path().display());
    let run = Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    read(&folder.path().join("out"))
}

fn read(out: &Path) -> BTreeMap<String, (Vec<usize>, usize)> {
    let mut found = BTreeMap::new();
    for dir in std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap()) {
        let (mut rows, mut files) = (Vec::new(), 0);
        for file in std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()) {
            let bytes = std::fs::read(&file).unwrap();
            let text = match file.extension().unwrap() == "zst" {
                true => String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap(),
                false => String::from_utf8(bytes).unwrap(),
            };
            for line in text.lines() {
                let row: serde_json::Value = serde_json::from_str(line).unwrap();
                rows.push(row["n"].as_u64().unwrap() as usize);
            }
            files += 1;
        }
        rows.sort_unstable();
        found.insert(dir.file_name().into_string().unwrap(), (rows, files));
    }
    found
}

fn is_whole(found: &BTreeMap<String, (Vec<usize>, usize)>, keys: usize, rows: usize) {
    assert_eq!(found.len(), keys);
    for key in 0..keys {
        let expected: Vec<usize> = (key..rows).step_by(keys).collect();
        assert_eq!(found[&format!("k={key}")].0, expected, "of {key}");
    }
}

#[test]
fn thousands_of_values_are_written_with_few_open_files() {
    let found = by_key(3_000, 12_000, 10, 256, "");
    is_whole(&found, 3_000, 12_000);
    assert!(found.values().all(|(_, files)| *files <= 2), "one of each worker");
}

#[test]
fn a_part_whose_file_was_closed_for_others_is_gone_on_with_behind_its_end() {
    // Eight files may be open, and each value has enough to be written several times.
    let found = by_key(40, 4_000, 2_000, 64, "");
    is_whole(&found, 40, 4_000);
    assert!(found.values().all(|(_, files)| *files <= 2), "one of each worker");
}

#[test]
fn a_packed_part_whose_turn_comes_again_is_begun_anew() {
    let found = by_key(40, 4_000, 2_000, 64, ", compression: zstd");
    is_whole(&found, 40, 4_000);
    assert!(found.values().any(|(_, files)| *files > 2), "no part was complete before the end");
}
