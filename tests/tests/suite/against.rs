//! `flow check --against`: another file and a git revision as the old script, exit statuses, formats.

use flow_tests::flow_binary::run;
use std::path::Path;
use std::process::Command;

const OLD: &str = "\
type Bid = { auction: int, bidder: int, price: int }
source bids: Bid = file(\"bids.ndjson\", format: json)

stream totals = bids |> filter(price > 100) |> keyBy(auction) |> sum(price) as total

sink out = totals -> file(\"out\", format: json)
";

fn folder(new: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old.flow"), OLD).unwrap();
    std::fs::write(folder.path().join("new.flow"), new).unwrap();
    folder
}

fn flow(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = run(folder, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_script_whose_state_fits_exits_with_0_and_says_so() {
    let folder = folder(&OLD.replace("out\"", "elsewhere\""));
    let (status, _, err) = flow(folder.path(), &["check", "new.flow", "--against", "old.flow"]);
    assert_eq!((status, err.as_str()), (Some(0), "totals.sum  identical\n"));
}

#[test]
fn another_key_is_refused_at_its_line_with_the_old_line_beside_it() {
    let folder = folder(&OLD.replace("keyBy(auction)", "keyBy(bidder)"));
    let (status, _, err) = flow(folder.path(), &["check", "new.flow", "--against", "old.flow"]);
    assert_eq!(status, Some(1));
    for part in ["error[E0703]", "new.flow:4:", "old.flow (old):4:", "totals.sum  incompatible"] {
        assert!(err.contains(part), "no {part:?} in\n{err}");
    }
}

#[test]
fn an_edited_filter_is_a_warning_that_can_be_denied() {
    let folder = folder(&OLD.replace("price > 100", "price > 200"));
    let args = ["check", "new.flow", "--against", "old.flow"];
    let (status, _, err) = flow(folder.path(), &args);
    assert_eq!(status, Some(0));
    assert!(
        err.contains("warning[W0311]") && err.contains("totals.sum  restores      changesMeaning"),
        "{err}"
    );
    let denied = [&args[..], &["--deny", "changes-meaning"]].concat();
    assert_eq!(flow(folder.path(), &denied).0, Some(1));
}

#[test]
fn state_that_is_dropped_needs_the_flag() {
    let folder = folder(&OLD.replace("totals", "revenue"));
    let args = ["check", "new.flow", "--against", "old.flow"];
    let (status, _, err) = flow(folder.path(), &args);
    assert_eq!(status, Some(1));
    assert!(err.contains("@was(\"totals.sum\")"), "the renaming is offered:\n{err}");
    assert_eq!(flow(folder.path(), &[&args[..], &["--allow-dropped"]].concat()).0, Some(0));
}

#[test]
fn formats_for_machines_carry_the_verdicts() {
    let folder = folder(&OLD.replace("sum(price) as total", "aggregate { total: sum(price), n: count() }"));
    let args = |format| ["check", "new.flow", "--against", "old.flow", "--allow-dropped", "--format", format];
    let (_, json, _) = flow(folder.path(), &args("json"));
    let all: serde_json::Value = serde_json::from_str(&json).unwrap();
    let verdicts: Vec<_> = all.as_array().unwrap().iter().filter(|v| v["verdict"].is_string()).collect();
    assert_eq!(verdicts.len(), 2, "{json}");
    assert!(verdicts.iter().all(|v| v["format_version"] == 1 && v["findings"].is_array()));
    let (_, markdown, _) = flow(folder.path(), &args("markdown"));
    assert!(markdown.contains("| state | verdict | why | old | new |"), "{markdown}");
    assert!(markdown.contains("| `totals.aggregate` | restores |"), "{markdown}");
    let (_, sarif, _) = flow(folder.path(), &args("sarif"));
    assert!(sarif.contains("E0704"), "{sarif}");
}

#[test]
fn a_git_revision_is_the_same_file_as_it_was_there() {
    let folder = folder("");
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let done = Command::new("git").args(identity).args(args).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "old.flow"]);
    git(&["commit", "-q", "-m", "one"]);
    std::fs::write(folder.path().join("old.flow"), OLD.replace("price > 100", "price > 7")).unwrap();
    let (status, _, err) = flow(folder.path(), &["check", "old.flow", "--against", "git:HEAD"]);
    assert_eq!(status, Some(0));
    assert!(err.contains("(git:HEAD)") && err.contains("changesMeaning"), "{err}");

    std::fs::write(folder.path().join("new.flow"), OLD).unwrap();
    let (status, _, err) = flow(folder.path(), &["check", "new.flow", "--against", "git:HEAD"]);
    assert_eq!((status, err.as_str()), (Some(2), "error: `new.flow` is not in `HEAD`\n"));
    let (status, _, err) = flow(folder.path(), &["check", "old.flow", "--against", "git:nowhere"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("nowhere"), "{err}");
}

#[test]
fn what_is_no_target_is_outside_of_the_script() {
    let folder = folder(OLD);
    for target in ["missing.flow", "job@3", "git:"] {
        assert_eq!(flow(folder.path(), &["check", "new.flow", "--against", target]).0, Some(2), "{target}");
    }
}
