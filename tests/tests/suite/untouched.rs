//! What a run is not started with: state and savepoints of newer versions, copied by half, of something else. Each is refused by
//! one error that names the file, and nothing is touched: no file is made, changed or removed.

use flow_checkpoint::Hash128;
use flow_tests::flow_binary;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const SCRIPT: &str = "job totals { checkpoint: 20ms, parallelism: 2 }\nsource numbers = generate { n: seq(1) } rate: 2000\n\
    sink out = numbers |> keyBy(k: n % 10) |> aggregate { most: max(n) } -> file(\"out\", format: json)\n";

fn flow(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let out = flow_binary::run(folder, args);
    let err = String::from_utf8_lossy(&out.stderr);
    (out.status.code(), err.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A folder with a job that was stopped behind a checkpoint, and its savepoint `saved`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("totals.flow"), SCRIPT).unwrap();
    let mut job = std::process::Command::new(flow_binary::path());
    let mut job = job.args(["run", "totals.flow"]).current_dir(path).env("NO_COLOR", "1").spawn().unwrap();
    let began = std::time::Instant::now();
    while !path.join(".flow/totals/LATEST").exists() || flow(path, &["stop", "totals"]).0 != Some(0) {
        assert!(began.elapsed().as_secs() < 60, "it cannot be stopped");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(job.wait().unwrap().success());
    assert_eq!(flow(path, &["savepoint", "create", "totals"]).0, Some(0));
    std::fs::rename(path.join(".flow/totals/savepoints/1"), path.join("saved")).unwrap();
    folder
}

/// All there is below a folder, and what it holds.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(tree(&path));
            all.insert(path, None);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            all.insert(path, Some(bytes));
        }
    }
    all
}

/// Refused with this, and all is as it was.
fn is_refused(folder: &Path, args: &[&str], status: i32, parts: &[&str]) {
    let before = tree(folder);
    let (code, said) = flow(folder, args);
    assert_eq!(code, Some(status), "{args:?}: {said}");
    parts.iter().for_each(|part| assert!(said.contains(part), "{args:?}: no `{part}` in: {said}"));
    let after = tree(folder);
    let changed = |path: &&PathBuf| before.get(*path) != after.get(*path);
    let changed: Vec<_> = before.keys().chain(after.keys()).filter(changed).collect();
    assert!(changed.is_empty(), "{args:?} touched {changed:?}: {said}");
}

/// The same file as a version of flow would write it whose formats have the number 2.
fn as_newer(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let (head, body) = text.split_once('\n').unwrap();
    let words: Vec<&str> = head.split(' ').collect();
    let head = format!("{} 2 {}", words[0], body.len());
    let hash = Hash128::of(format!("{head}\n{body}").as_bytes());
    std::fs::write(path, format!("{head} {hash}\n{body}")).unwrap();
}

/// The files of a folder whose names begin so.
fn called(dir: &Path, begin: &str) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(begin)).collect();
    paths.sort();
    paths
}

#[test]
fn a_savepoint_of_a_newer_version_is_refused_before_there_is_a_state_folder() {
    let folder = folder();
    as_newer(&folder.path().join("saved/MANIFEST"));
    let wanted = ["saved/MANIFEST", "its format is 2"];
    is_refused(folder.path(), &["run", "totals.flow", "--from", "saved", "--state", "other"], 2, &wanted);
    is_refused(folder.path(), &["run", "totals.flow", "--from", "saved"], 2, &wanted);
    for args in [
        &["savepoint", "verify", "saved"][..],
        &["savepoint", "show", "saved"],
        &["savepoint", "export", "saved", "out.aggregate"],
        &["savepoint", "diff", "saved", "totals.flow"],
        &["check", "totals.flow", "--against", "saved"],
    ] {
        is_refused(folder.path(), args, 2, &wanted);
    }
}

#[test]
fn a_savepoint_that_was_copied_by_half_is_refused_before_there_is_a_state_folder() {
    let folder = folder();
    let from = ["run", "totals.flow", "--from", "saved", "--state", "other"];
    let verify = ["savepoint", "verify", "saved"];
    let part = called(&folder.path().join("saved"), "part-").pop().unwrap();
    let name = format!("saved/{}", part.file_name().unwrap().to_string_lossy());
    let whole = std::fs::read(&part).unwrap();
    let damaged = |bytes: Option<&[u8]>, parts: &[&str]| {
        match bytes {
            Some(bytes) => std::fs::write(&part, bytes).unwrap(),
            None => std::fs::remove_file(&part).unwrap(),
        }
        is_refused(folder.path(), &from, 2, parts);
        is_refused(folder.path(), &verify, 2, parts);
    };
    damaged(Some(&whole[..whole.len() / 2]), &[&name, "bytes, the manifest says"]);
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    damaged(Some(&flipped), &[&name, "its hash differs"]);
    damaged(None, &[&name]);
    // Its manifest comes last, and may be missing, too.
    std::fs::remove_file(folder.path().join("saved/MANIFEST")).unwrap();
    let none = ["saved", "a savepoint, or only a part of one: it has no MANIFEST"];
    is_refused(folder.path(), &from, 2, &none);
    is_refused(folder.path(), &verify, 2, &none);
}

#[test]
fn a_savepoint_that_does_not_fit_the_script_is_refused_before_there_is_a_state_folder() {
    let folder = folder();
    let other = SCRIPT.replace("keyBy(k: n % 10)", "keyBy(k: string(n % 10))");
    std::fs::write(folder.path().join("totals.flow"), other).unwrap();
    let wanted = ["the job was not started, and its state is as it was"];
    is_refused(folder.path(), &["run", "totals.flow", "--from", "saved", "--state", "other"], 1, &wanted);
    is_refused(folder.path(), &["run", "totals.flow"], 1, &wanted);
    let missing = ["there is no savepoint `nowhere`"];
    is_refused(folder.path(), &["run", "totals.flow", "--from", "nowhere", "--state", "other"], 2, &missing);
}

#[test]
fn a_state_folder_of_a_newer_version_is_refused_and_nothing_in_it_touched() {
    let commands: [&[&str]; 5] = [
        &["run", "totals.flow"],
        &["run", "totals.flow", "--fresh"],
        &["run", "totals.flow", "--from", "saved"],
        &["stop", "totals"],
        &["savepoint", "create", "totals"],
    ];
    for of in ["FORMAT", "MANIFEST"] {
        let folder = folder();
        let job = folder.path().join(".flow/totals");
        match of {
            "FORMAT" => as_newer(&job.join(of)),
            // Of some only the files are left that others need.
            _ => {
                let manifests = called(&job, "chk-").into_iter().map(|checkpoint| checkpoint.join(of));
                manifests.filter(|manifest| manifest.exists()).for_each(|manifest| as_newer(&manifest));
            }
        }
        for args in commands {
            let stop = args[0] == "stop" && of == "MANIFEST";
            if !stop && !args.contains(&"--fresh") {
                is_refused(folder.path(), args, 2, &[&format!("/{of}"), "its format is 2"]);
            }
        }
    }
}

#[test]
fn a_folder_of_something_else_where_the_state_should_be_is_refused_and_nothing_in_it_touched() {
    let folder = folder();
    let job = folder.path().join(".flow/totals");
    std::fs::remove_dir_all(&job).unwrap();
    std::fs::create_dir_all(job.join("photos")).unwrap();
    std::fs::write(job.join("photos/me.jpg"), "not state").unwrap();
    for args in [
        &["run", "totals.flow"][..],
        &["run", "totals.flow", "--fresh"],
        &["run", "totals.flow", "--from", "saved"],
        &["savepoint", "create", "totals"],
    ] {
        is_refused(folder.path(), args, 2, &[".flow/totals", "this is not"]);
    }
}
