//! A savepoint of a job with state of every kind, as an earlier version of `flow` wrote it (`tests/savepoints/every-state`):
//! it must be gone on from for ever. What was shown before it stands beside it; that and what comes behind it are what one run
//! over all rows gives.
//!
//! A stage that keeps state of a new kind goes into `every.flow`, and the savepoint is made anew from the commit before the
//! change: `MAKE_SAVEPOINT=1 cargo test -p flow-tests --test suite kept_savepoint`. One that this version cannot read any more is
//! no reason to make it anew, but a mistake.

use flow_tests::flow_binary;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("savepoints/every-state")
}

/// Rows before the savepoint, and all.
const BEFORE: usize = 60;
const ALL: usize = 120;

fn said(folder: &Path, args: &[&str]) -> String {
    let out = flow_binary::run(folder, args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// What all sinks show: each row behind the name of its sink, sorted.
fn shown(folder: &Path) -> Vec<String> {
    let mut rows = Vec::new();
    for sink in std::fs::read_dir(folder.join("out")).unwrap() {
        let sink = sink.unwrap();
        for part in std::fs::read_dir(sink.path()).unwrap() {
            let part = part.unwrap();
            if !part.file_name().to_string_lossy().starts_with('.') {
                let text = std::fs::read_to_string(part.path()).unwrap();
                let name = sink.file_name().into_string().unwrap();
                rows.extend(text.lines().map(|line| format!("{name} {line}")));
            }
        }
    }
    rows.sort();
    rows
}

/// Runs the script over the first rows, takes a savepoint and stops.
fn make(kept: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let script = std::fs::read_to_string(kept.join("every.flow")).unwrap();
    let begun = script
        .replace(&format!("rows: {ALL}"), &format!("rows: {BEFORE}"))
        .replace("every: 1us) } rows: 1", "every: 1us) } rate: 1");
    std::fs::write(folder.join("every.flow"), begun).unwrap();
    let mut command = Command::new(flow_binary::path());
    command.args(["run", "every.flow"]).current_dir(folder).stdin(Stdio::null());
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let seen = || shown(folder).iter().filter(|row| row.starts_with("seen ")).count();
    let began = Instant::now();
    while !folder.join("out/seen").exists() || seen() < BEFORE {
        assert!(run.try_wait().unwrap().is_none(), "the job has ended");
        assert!(began.elapsed() < Duration::from_secs(60), "the rows are not read");
        std::thread::sleep(Duration::from_millis(20));
    }
    said(folder, &["savepoint", "create", "every"]);
    said(folder, &["stop", "every"]);
    assert!(run.wait().unwrap().success());
    let rows = shown(folder).iter().fold(String::new(), |mut text, row| {
        writeln!(text, "{row}").unwrap();
        text
    });
    std::fs::write(kept.join("before.txt"), rows).unwrap();
    let _ = std::fs::remove_dir_all(kept.join("savepoint"));
    std::fs::create_dir(kept.join("savepoint")).unwrap();
    for file in std::fs::read_dir(folder.join(".flow/every/savepoints/1")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), kept.join("savepoint").join(file.file_name())).unwrap();
    }
}

/// What a run of the script shows, with these words behind the command.
fn run(words: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(kept().join("every.flow"), folder.path().join("every.flow")).unwrap();
    said(folder.path(), &[&["run", "every.flow"], words].concat());
    shown(folder.path())
}

#[test]
fn a_savepoint_with_state_of_every_kind_that_an_earlier_version_made_is_gone_on_from() {
    let kept = kept();
    if std::env::var_os("MAKE_SAVEPOINT").is_some() {
        make(&kept);
    }
    let savepoint = kept.join("savepoint");
    let savepoint = savepoint.to_str().unwrap();
    let before = std::fs::read_to_string(kept.join("before.txt")).unwrap();
    let whole = run(&[]);
    for workers in ["1", "2", "3"] {
        let mut rows = run(&["--from", savepoint, "--parallelism", workers]);
        rows.extend(before.lines().map(str::to_string));
        rows.sort();
        assert_eq!(rows, whole, "{workers} workers");
    }
}
