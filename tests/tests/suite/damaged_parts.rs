//! A run dies while it shows an epoch, and what is still to be shown changes before the next one.

use flow_tests::flow_binary;
use std::path::{Path, PathBuf};
use std::process::Command;

const PARTITIONS: usize = 600;

const SCRIPT: &str = r#"
job parts { parallelism: 2 }
source numbers = generate { n: seq(1) }
sink out = numbers |> limit(600) |> map { n, half: n / 2, of: n } -> file("out", format: json, partitionBy: of)
"#;

/// The part files below a folder, by their paths.
fn parts(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(parts(&path)),
            false if path.file_name().unwrap().to_string_lossy().starts_with("part-") => found.push(path),
            false => {}
        }
    }
    found
}

/// The parts that are staged, and those that can be seen.
fn staged_and_shown(folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let hidden = |path: &PathBuf| path.iter().any(|step| step.to_string_lossy().starts_with(".flow-"));
    parts(&folder.join("out")).into_iter().partition(hidden)
}

/// What they hold, in order.
fn rows(parts: &[PathBuf]) -> Vec<i64> {
    let text = parts.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect::<String>();
    let row = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_i64().unwrap();
    let mut rows: Vec<i64> = text.lines().map(row).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn a_staged_part_that_was_changed_is_named_and_nothing_more_is_shown_until_it_is_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        let mut flow = Command::new(flow_binary::path());
        flow.args(["run", "parts.flow"]).current_dir(folder.path()).env("NO_COLOR", "1");
        flow
    };
    std::fs::write(folder.path().join("parts.flow"), SCRIPT).unwrap();
    assert!(!run().env("FLOW_DIE", "part shown:8").output().unwrap().status.success());
    let (staged, shown) = staged_and_shown(folder.path());
    assert_eq!((staged.len(), shown.len()), (PARTITIONS - 8, 8));

    let victim = staged.iter().find(|path| rows(&[path.to_path_buf()])[0] >= 400).unwrap();
    let whole = std::fs::read_to_string(victim).unwrap();
    let wrong = whole.replacen("\"n\":4", "\"n\":9", 1).replacen("\"n\":5", "\"n\":9", 1);
    assert_ne!(wrong, whole);
    std::fs::write(victim, &wrong).unwrap();
    for _ in 0..2 {
        let refused = run().output().unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = victim.file_name().unwrap().to_str().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(
            said.contains(&format!("/{name} was changed, by somebody or by a disk that fails")),
            "{said}"
        );
        assert!(said.contains("put it back as it was (nothing more is shown before that), or begin anew with `flow run --fresh`"), "{said}");
        let (still, now) = staged_and_shown(folder.path());
        assert_eq!((still.len(), now.len()), (PARTITIONS - 8, 8));
    }
    // The hidden folder has the name of the last run now.
    let (staged, _) = staged_and_shown(folder.path());
    let now = staged.iter().find(|path| path.file_name() == victim.file_name()).unwrap();
    std::fs::write(now, &whole).unwrap();
    let last = run().output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    let (staged, shown) = staged_and_shown(folder.path());
    assert_eq!((staged.len(), rows(&shown)), (0, (1..=PARTITIONS as i64).collect()));
}
