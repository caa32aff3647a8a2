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
    assert!(verdicts.iter().all(|v| v["file"] == "new.flow"), "which script is meant: {json}");
    let (_, markdown, _) = flow(folder.path(), &args("markdown"));
    assert!(markdown.contains("| state | verdict | why | old | new |"), "{markdown}");
    assert!(markdown.contains("| `totals.aggregate` | restores |"), "{markdown}");
    let (_, sarif, _) = flow(folder.path(), &args("sarif"));
    assert!(sarif.contains("E0704"), "{sarif}");
}

/// A git repository with these scripts, committed.
fn repository(scripts: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    for (name, text) in scripts {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-q", "-m", "one"]);
    folder
}

/// Runs git in a folder, as somebody.
pub(crate) fn git(folder: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    let done = Command::new("git").args(identity).args(args).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_git_revision_is_the_same_file_as_it_was_there() {
    let folder = repository(&[("old.flow", OLD)]);
    std::fs::write(folder.path().join("old.flow"), OLD.replace("price > 100", "price > 7")).unwrap();
    let (status, _, err) = flow(folder.path(), &["check", "old.flow", "--against", "git:HEAD"]);
    assert_eq!(status, Some(0));
    assert!(err.contains("(git:HEAD)") && err.contains("changesMeaning"), "{err}");
}

#[test]
fn a_revision_that_is_not_there_is_outside_of_the_scripts_also_where_all_of_them_are_new() {
    let folder = repository(&[("old.flow", OLD)]);
    std::fs::write(folder.path().join("new.flow"), OLD).unwrap();
    for file in ["old.flow", "new.flow", "."] {
        for revision in ["nowhere", "--output=made", "HEAD:old.flow"] {
            let (status, _, err) =
                flow(folder.path(), &["check", file, "--against", &format!("git:{revision}")]);
            assert_eq!(status, Some(2), "{file} {revision} {err}");
            assert!(err.contains(&format!("there is no revision `{revision}` here")), "{err}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing was written");
}

#[test]
fn a_revision_without_git_in_front_is_told_how_it_is_written() {
    let folder = repository(&[("a.flow", OLD)]);
    let (status, _, err) = flow(folder.path(), &["check", "a.flow", "--against", "HEAD"]);
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("help: `HEAD` is a git revision here: `--against git:HEAD`"), "{err}");
}

#[test]
fn a_script_that_is_new_since_the_revision_is_told_and_the_others_are_compared() {
    let folder = repository(&[("old.flow", OLD)]);
    std::fs::write(folder.path().join("a.flow"), OLD.replace("totals", "fresh")).unwrap();
    std::fs::write(folder.path().join("old.flow"), OLD.replace("price > 100", "price > 7")).unwrap();
    let (status, _, err) = flow(folder.path(), &["check", ".", "--against", "git:HEAD"]);
    assert_eq!(status, Some(0), "{err}");
    for part in [
        "note[E0705]: `a.flow` is new since `HEAD`: there is no state it would have to fit\n\n",
        "totals.sum  restores      changesMeaning",
    ] {
        assert!(err.contains(part), "no {part:?} in\n{err}");
    }
    let args = ["check", ".", "--against", "git:HEAD", "--format", "markdown"];
    let (_, markdown, _) = flow(folder.path(), &args);
    assert!(markdown.contains("- note E0705 at a.flow:1:1: `a.flow` is new since `HEAD`"), "{markdown}");
    let args = ["check", ".", "--against", "git:HEAD", "--format", "github"];
    let (_, annotations, _) = flow(folder.path(), &args);
    assert!(annotations.contains("::notice file=a.flow,line=1"), "{annotations}");
}

#[test]
fn a_script_that_is_gone_since_the_revision_drops_its_state() {
    let folder = repository(&[
        ("old.flow", OLD),
        ("jobs/gone.flow", OLD),
        ("stateless.flow", "type T = { a: int }\n"),
    ]);
    std::fs::remove_dir_all(folder.path().join("jobs")).unwrap();
    std::fs::remove_file(folder.path().join("stateless.flow")).unwrap();
    let args = ["check", ".", "--width", "200", "--against", "git:HEAD"];
    let (status, _, err) = flow(folder.path(), &args);
    assert_eq!(status, Some(1), "{err}");
    let said =
        "`totals.sum` drops: `jobs/gone.flow` of git:HEAD is gone, and what its state holds would be lost";
    assert!(err.contains(said) && !err.contains("stateless"), "{err}");
    let (status, _, err) = flow(folder.path(), &[&args[..], &["--allow-dropped"]].concat());
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains(said), "{err}");
    let (_, json, _) = flow(folder.path(), &[&args[..], &["--format", "json"]].concat());
    let all: serde_json::Value = serde_json::from_str(&json).unwrap();
    let verdicts: Vec<_> = all.as_array().unwrap().iter().filter_map(|v| v["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["identical", "drops"], "{json}");
}

#[test]
fn the_last_script_of_a_folder_is_gone_by_whatever_it_is_named() {
    let folder = repository(&[("old.flow", OLD), ("jobs/gone.flow", OLD)]);
    std::fs::remove_file(folder.path().join("jobs/gone.flow")).unwrap();
    let drops = |named: &[&str]| {
        let args = [&["check"], named, &["--width", "200", "--against", "git:HEAD"]].concat();
        let (status, _, err) = flow(folder.path(), &args);
        assert_eq!(status, Some(1), "{named:?}: {err}");
        assert_eq!(err.matches("`jobs/gone.flow` of git:HEAD is gone").count(), 1, "{named:?}: {err}");
    };
    // The folder is empty, or gone too, as in a fresh clone.
    drops(&["jobs"]);
    std::fs::remove_dir(folder.path().join("jobs")).unwrap();
    for named in [&["jobs"][..], &["jobs/gone.flow"], &["old.flow", "jobs"], &["jobs", "."]] {
        drops(named);
    }
    let (status, _, err) = flow(folder.path(), &["check", "never", "--against", "git:HEAD"]);
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("there is no file `never`"), "{err}");
}

#[test]
fn a_script_that_is_named_twice_is_told_once() {
    let folder = repository(&[("jobs/a.flow", OLD)]);
    std::fs::write(folder.path().join("jobs/a.flow"), OLD.replace("price > 100", "price > 7")).unwrap();
    for named in [["jobs", "."], ["jobs/a.flow", "./jobs/a.flow"]] {
        let args = ["check", named[0], named[1], "--against", "git:HEAD", "--format", "markdown"];
        let (_, markdown, _) = flow(folder.path(), &args);
        assert_eq!(markdown.matches("#### `jobs/a.flow`").count(), 1, "{markdown}");
    }
}

#[test]
fn a_script_in_whose_place_a_folder_stands_is_gone() {
    let folder = repository(&[("old.flow", OLD), ("two.flow", OLD)]);
    std::fs::remove_file(folder.path().join("two.flow")).unwrap();
    std::fs::create_dir(folder.path().join("two.flow")).unwrap();
    let args = ["check", ".", "--width", "200", "--against", "git:HEAD"];
    let (status, _, err) = flow(folder.path(), &args);
    assert_eq!(status, Some(1), "{err}");
    assert!(err.contains("`totals.sum` drops: `two.flow` of git:HEAD is gone"), "{err}");
}

#[test]
fn a_job_whose_script_moved_is_compared_with_where_it_was() {
    let named = format!("job totals {{}}\n\n{OLD}");
    let folder = repository(&[("old.flow", &named)]);
    std::fs::rename(folder.path().join("old.flow"), folder.path().join("new.flow")).unwrap();
    let (status, _, err) = flow(folder.path(), &["check", ".", "--against", "git:HEAD"]);
    assert_eq!((status, err.as_str()), (Some(0), "totals.sum  identical\n"));
}

#[test]
fn a_script_that_moved_to_another_folder_does_not_find_its_state_unless_it_names_where_that_is() {
    let named = format!("job totals {{}}\n\n{OLD}");
    let folder = repository(&[("jobs/old.flow", &named)]);
    std::fs::remove_file(folder.path().join("jobs/old.flow")).unwrap();
    std::fs::create_dir(folder.path().join("moved")).unwrap();
    let check = |from: &str, what: &str, text: &str, more: &[&str]| {
        std::fs::write(folder.path().join("moved/new.flow"), text).unwrap();
        let args = ["check", what, "--width", "200", "--against", "git:HEAD"];
        let (status, _, err) = flow(&folder.path().join(from), &[&args[..], more].concat());
        (status, err)
    };
    for (from, what) in [(".", "."), (".", "moved/new.flow"), ("moved", "new.flow"), ("moved", "../moved")] {
        let (status, err) = check(from, what, &named, &[]);
        assert_eq!(status, Some(1), "{from} {what}: {err}");
        for part in ["totals.sum  drops", "the script moved", "`state: \"../jobs/.flow\"`", "--from PATH"] {
            assert!(err.contains(part), "no {part:?} in\n{err}");
        }
    }
    let same = named.replace("{}", "{ state: \"../jobs/.flow\" }");
    assert_eq!(check(".", ".", &same, &[]), (Some(0), "totals.sum  identical\n".into()));
    assert_eq!(check(".", ".", &named, &["--state", "state"]), (Some(0), "totals.sum  identical\n".into()));
}

#[test]
fn a_new_script_of_another_ones_job_is_compared_with_that_one_whose_state_it_would_go_on_with() {
    let named = format!("job totals {{}}\n\n{OLD}");
    let folder = repository(&[("jobs/a.flow", &named), ("jobs/totals.flow", "type T = { a: int }\n")]);
    let check = |name: &str, text: &str| {
        std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        let args = ["check", name, "--width", "200", "--against", "git:HEAD"];
        let (status, _, err) = flow(folder.path(), &args);
        std::fs::remove_file(folder.path().join(name)).unwrap();
        (status, err)
    };
    let other_key = named.replace("keyBy(auction)", "keyBy(bidder)");
    let there = other_key.replace("{}", "{ state: \"jobs/.flow\" }");
    for (name, text) in [("jobs/b.flow", &other_key), ("b.flow", &there)] {
        let (status, err) = check(name, text);
        let said = format!("`{name}` is new, and would go on with the state of `jobs/a.flow` of git:HEAD");
        assert_eq!(status, Some(1), "{err}");
        let whose = format!("{name} with the state of jobs/a.flow:\ntotals.sum  incompatible");
        for part in [said.as_str(), &whose, "error[E0703]"] {
            assert!(err.contains(part), "no {part:?} in\n{err}");
        }
    }
    for (name, text) in
        [("b.flow", &other_key), ("jobs/b.flow", &other_key.replace("job totals", "job others"))]
    {
        let (status, err) = check(name, text);
        assert!(status == Some(0) && err.contains("is new since `HEAD`"), "{name}: {err}");
    }
}

#[test]
fn two_scripts_of_one_job_and_state_folder_in_one_check_are_told() {
    let named = format!("job totals {{}}\n\n{OLD}");
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let check = |more: &[&str]| {
        let (status, _, err) =
            flow(folder.path(), &[&["check", ".", "--width", "200", "--deny", "W0314"], more].concat());
        (status, err)
    };
    write("a.flow", &named);
    write("b.flow", &named);
    let (status, err) = check(&[]);
    assert_eq!(status, Some(1), "{err}");
    for part in ["error[W0314]: `a.flow` is a script of the job `totals` too", "b.flow:1:5"] {
        assert!(err.contains(part), "no {part:?} in\n{err}");
    }
    assert_eq!(check(&["--allow", "shared-state"]).0, Some(0));
    write("b.flow", &format!("// flow-allow W0314: one is the other's successor\n{named}"));
    assert_eq!(check(&["--deny", "warnings"]), (Some(0), String::new()));
    // A name that is a file's name; other folders; what only others import; what tests restore into.
    write("a.flow", OLD);
    write("b.flow", &named.replace("job totals", "job a"));
    assert_eq!(check(&[]).0, Some(1));
    write("b.flow", &named.replace("totals {}", "a { state: \"elsewhere\" }"));
    assert_eq!(check(&[]), (Some(0), String::new()));
    write("a.flow", "type T = { a: int }\n");
    write("b.flow", &named.replace("job totals", "job a"));
    assert_eq!(check(&[]), (Some(0), String::new()));
    let test = "\ntest \"goes on\" {\n  given bids []\n  savepoint\n  restore into \"b.flow\"\n  expect totals []\n}\n";
    write("a.flow", &format!("{OLD}{test}"));
    assert_eq!(check(&[]), (Some(0), String::new()));
}

#[test]
fn an_error_in_a_test_hides_no_verdict() {
    let test = |rows: &str| format!("\ntest \"sums\" {{\n  given bids {rows}\n  expect totals []\n}}\n");
    let other_key = OLD.replace("keyBy(auction)", "keyBy(bidder)");
    for wrong in ["[ { nothing: 1 } ]", "[ { auction: } ]", "[ ( ]"] {
        let folder = folder(&format!("{other_key}{}", test(wrong)));
        let args = ["check", "new.flow", "--width", "200", "--against", "old.flow"];
        let (status, _, err) = flow(folder.path(), &args);
        assert_eq!(status, Some(1), "{err}");
        for part in ["error[E0703]", "totals.sum  incompatible"] {
            assert!(err.contains(part), "{wrong}: no {part:?} in\n{err}");
        }
        // The old script's tests are nobody's concern.
        std::fs::write(folder.path().join("old.flow"), format!("{OLD}{}", test(wrong))).unwrap();
        std::fs::write(folder.path().join("new.flow"), OLD).unwrap();
        let (status, _, err) = flow(folder.path(), &args);
        assert_eq!((status, err.as_str()), (Some(0), "totals.sum  identical\n"), "{wrong}");
    }
    // A test without its end may have taken what stands behind it.
    let open = OLD.replace("\nstream", "\ntest \"t\" {\n  given bids [\nstream");
    let folder = folder(&open);
    let (_, _, err) = flow(folder.path(), &["check", "new.flow", "--against", "old.flow"]);
    assert!(err.contains("totals.sum  identical") || err.contains("is not known while"), "{err}");
}

#[test]
fn a_script_that_had_errors_at_the_revision_is_told_and_keeps_no_other_from_being_compared() {
    let folder = repository(&[("a.flow", "stream s = nothing\n"), ("old.flow", OLD)]);
    std::fs::write(folder.path().join("a.flow"), OLD).unwrap();
    let (status, _, err) = flow(folder.path(), &["check", ".", "--against", "git:HEAD"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("the script of git:HEAD has errors itself (E0"), "{err}");
    assert!(err.contains("totals.sum  identical"), "{err}");
}

#[test]
fn a_script_with_errors_is_told_not_to_be_compared() {
    let folder = folder(&OLD.replace("price > 100", "prize > 100"));
    let (status, _, err) = flow(folder.path(), &["check", "new.flow", "--against", "old.flow"]);
    assert_eq!(status, Some(1), "{err}");
    assert!(err.contains("E0203"), "{err}");
    assert!(err.contains("whether the state of old fits is not known while the script has errors"), "{err}");
}

#[test]
fn the_first_place_of_each_finding_is_a_line_of_the_new_script() {
    let edits = [
        // Gone without a trace, renamed, one aggregate gone, a stage above gone.
        (
            "stream totals = bids |> filter(price > 100) |> keyBy(auction) |> sum(price) as total",
            "stream totals = bids",
            4,
        ),
        ("totals", "revenue", 4),
        ("filter(price > 100) |> ", "", 4),
        (OLD, "\nsource ones = generate { a: 1 } rate: 1\nsink out = ones -> stdout(format: json)\n", 2),
    ];
    for (old, new, line) in edits {
        let folder = folder(&OLD.replace(old, new));
        let args = |format| ["check", "new.flow", "--against", "old.flow", "--format", format];
        let (_, github, _) = flow(folder.path(), &args("github"));
        let about_state: Vec<_> =
            github.lines().filter(|l| l.contains("E07") || l.contains("W0311")).collect();
        assert!(!about_state.is_empty(), "{new}: {github}");
        for annotation in about_state {
            assert!(annotation.contains(&format!("file=new.flow,line={line},")), "{new}: {annotation}");
            // What is new has no old line.
            let old_line = annotation.contains("E0705") || annotation.contains("old.flow (old):4: ");
            assert!(old_line, "{new}: and shows the old line: {annotation}");
        }
        let (_, gitlab, _) = flow(folder.path(), &args("gitlab"));
        let issues: serde_json::Value = serde_json::from_str(&gitlab).unwrap();
        let paths = issues.as_array().unwrap().iter().map(|issue| issue["location"]["path"].as_str());
        assert!(paths.clone().all(|path| path == Some("new.flow")), "{gitlab}");
        let (_, sarif, _) = flow(folder.path(), &args("sarif"));
        let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
        for result in sarif["runs"][0]["results"].as_array().unwrap() {
            let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            assert_eq!(place, "new.flow", "{result:#}");
            // The old script is no file of the tree: its line stands in the text.
            assert!(result["relatedLocations"].is_null(), "{result:#}");
            let text = result["message"]["text"].as_str().unwrap();
            assert!(text.contains("old.flow (old):4: ") || result["ruleId"] == "E0705", "{result:#}");
        }
    }
}

#[test]
fn a_state_that_is_incompatible_has_no_other_verdict() {
    let edited = OLD.replace(
        "keyBy(auction) |> sum(price) as total",
        "keyBy(bidder) |> aggregate { total: sum(price), n: count() }",
    );
    let old = OLD.replace("sum(price) as total", "aggregate { total: sum(price) }");
    let folder = folder(&edited);
    std::fs::write(folder.path().join("old.flow"), old).unwrap();
    let args = ["check", "new.flow", "--against", "old.flow", "--format"];
    let (_, concise, _) = flow(folder.path(), &[&args[..], &["concise"]].concat());
    assert!(concise.contains("E0703") && !concise.contains("E0705"), "{concise}");
    let (_, markdown, _) = flow(folder.path(), &[&args[..], &["markdown"]].concat());
    assert!(!markdown.contains("starts empty"), "{markdown}");
}

#[test]
fn a_savepoint_is_found_beside_the_script_and_in_a_named_state_folder() {
    let folder = tempfile::tempdir().unwrap();
    let script = "job j { delivery: atLeastOnce }\nsource ones = generate { a: 1 } rate: 1000\nsink out = ones |> limit(5) |> count() as n -> blackhole()\n";
    std::fs::create_dir(folder.path().join("jobs")).unwrap();
    std::fs::write(folder.path().join("jobs/j.flow"), script).unwrap();
    let target = ["check", "jobs/j.flow", "--against", "j@1"];
    let (status, _, err) = flow(folder.path(), &target);
    assert_eq!(status, Some(2));
    for part in ["in the state folder `.flow` or `jobs/.flow`\n", "--state DIR"] {
        assert!(err.contains(part), "no {part:?} in\n{err}");
    }
    let (_, _, err) = flow(folder.path(), &[&target[..], &["--state", "elsewhere"]].concat());
    assert!(err.contains("the state folder `elsewhere`\n"), "{err}");
}

#[test]
fn what_is_no_target_is_outside_of_the_script() {
    let folder = folder(OLD);
    for target in ["missing.flow", "job@3", "git:"] {
        assert_eq!(flow(folder.path(), &["check", "new.flow", "--against", target]).0, Some(2), "{target}");
    }
}

/// Checks a script against what was committed, and says what is said.
fn edited(folder: &Path, name: &str, text: &str, more: &[&str]) -> (Option<i32>, String) {
    std::fs::write(folder.join(name), text).unwrap();
    let args = ["check", name, "--width", "200", "--against", "git:HEAD"];
    let (status, _, err) = flow(folder, &[&args[..], more].concat());
    (status, err)
}

#[test]
fn a_job_that_is_called_otherwise_or_keeps_state_elsewhere_does_not_find_its_state() {
    let named = format!("job totals {{}}\n\n{OLD}");
    let folder = repository(&[("a.flow", &named)]);
    let edits = [
        (named.replace("job totals", "job sums"), ":1:5", "is called `sums` now"),
        (OLD.to_string(), ":1:1", "is called `a` now"),
        (named.replace("{}", "{ state: \"elsewhere\" }"), ":1:21", "is looked for in `elsewhere` now"),
    ];
    for (text, place, said) in edits {
        let (status, err) = edited(folder.path(), "a.flow", &text, &[]);
        assert_eq!(status, Some(1), "{err}");
        for part in ["error[E0704]: `totals.sum` drops: ", place, said, "--from", "--allow-dropped"] {
            assert!(err.contains(part), "no {part:?} in\n{err}");
        }
        let (status, err) = edited(folder.path(), "a.flow", &text, &["--allow-dropped"]);
        assert_eq!(status, Some(0), "{err}");
    }
    let both = named.replace("totals {}", "sums { state: \"elsewhere\" }");
    let (_, err) = edited(folder.path(), "a.flow", &both, &[]);
    assert!(err.contains("`sums` now") && err.contains("--from PATH"), "not found by its name there: {err}");
    let same = named.replace("{}", "{ state: \"./.flow\" }");
    assert_eq!(edited(folder.path(), "a.flow", &same, &[]), (Some(0), "totals.sum  identical\n".into()));
    // The folder is said by the call.
    let elsewhere = named.replace("{}", "{ state: \"elsewhere\" }");
    let (status, err) = edited(folder.path(), "a.flow", &elsewhere, &["--state", ".flow"]);
    assert_eq!(status, Some(0), "{err}");
}

#[test]
fn two_jobs_that_swap_their_names_do_not_find_their_states() {
    let (one, two) = (format!("job one {{}}\n\n{OLD}"), format!("job two {{}}\n\n{OLD}"));
    let folder = repository(&[("a.flow", &one), ("b.flow", &two)]);
    std::fs::write(folder.path().join("a.flow"), &two).unwrap();
    std::fs::write(folder.path().join("b.flow"), &one).unwrap();
    let (status, _, err) = flow(folder.path(), &["check", ".", "--against", "git:HEAD"]);
    assert_eq!(status, Some(1), "{err}");
    assert_eq!(err.matches("error[E0704]").count(), 2, "{err}");
    // Each would go on with what the other one kept.
    for (is, was) in [("a.flow", "b.flow"), ("b.flow", "a.flow")] {
        let said = format!("`{is}` looks for its state elsewhere now");
        let own = format!("{is}:\ntotals.sum  drops\n");
        let taken = format!("{is} with the state of {was}:\ntotals.sum  identical\n");
        for part in [said, own, taken] {
            assert!(err.contains(&part), "no {part:?} in\n{err}");
        }
    }
}

#[test]
fn a_script_that_takes_over_the_name_of_another_job_is_compared_with_that_one() {
    let one = format!("job one {{}}\n\n{OLD}");
    let two = format!("job two {{}}\n\n{OLD}").replace("keyBy(auction)", "keyBy(bidder)");
    let folder = repository(&[("a.flow", &one), ("b.flow", &two)]);
    let now = one.replace("job one", "job two");
    for gone in [false, true] {
        if gone {
            std::fs::remove_file(folder.path().join("b.flow")).unwrap();
        }
        let (status, err) = edited(folder.path(), "a.flow", &now, &["--allow-dropped"]);
        assert_eq!(status, Some(1), "its own state may go, the other one does not fit:\n{err}");
        for part in
            ["would go on with the state of `b.flow` of git:HEAD", "error[E0703]", "b.flow (git:HEAD):6:"]
        {
            assert!(err.contains(part), "no {part:?} in\n{err}");
        }
    }
    // The state of a script that is gone is not lost where another one goes on with it.
    let args = ["check", ".", "--width", "200", "--against", "git:HEAD"];
    let (_, _, err) = flow(folder.path(), &args);
    assert!(!err.contains("b.flow` of git:HEAD is gone"), "{err}");
    // Machines are told whose state it is.
    let formatted = |format| flow(folder.path(), &[&args[..], &["--format", format]].concat()).1;
    let json: serde_json::Value = serde_json::from_str(&formatted("json")).unwrap();
    let whose: Vec<_> = json.as_array().unwrap().iter().filter_map(|entry| entry.get("state_of")).collect();
    assert_eq!(whose, [&serde_json::Value::Null, &"b.flow".into()]);
    assert!(formatted("markdown").contains("#### `a.flow` with the state of `b.flow`"));
    assert!(formatted("junit").contains("name=\"a.flow with the state of b.flow\""));
    // Elsewhere, the name alone is another job's.
    let elsewhere = now.replace("{}", "{ state: \"elsewhere\" }");
    let (_, err) = edited(folder.path(), "a.flow", &elsewhere, &[]);
    assert!(!err.contains("would go on"), "{err}");
    let (_, err) = edited(folder.path(), "a.flow", &elsewhere, &["--state", "here"]);
    assert!(err.contains("would go on with the state of `b.flow`"), "one folder is given for all:\n{err}");
}

#[test]
fn another_file_is_the_script_as_it_was_whatever_that_file_is_called() {
    let folder = folder(&format!("job new {{}}\n\n{OLD}"));
    let args = ["check", "new.flow", "--against", "old.flow"];
    assert_eq!(flow(folder.path(), &args).0, Some(0), "the name that it had without a block");
    std::fs::write(folder.path().join("new.flow"), format!("job sums {{}}\n\n{OLD}")).unwrap();
    let (status, _, err) = flow(folder.path(), &args);
    assert_eq!(status, Some(1), "{err}");
    assert!(err.contains("the job was called `new` and is called `sums` now"), "{err}");
}

#[test]
fn standard_input_is_the_script_that_it_is_compared_with_whatever_its_job_is_called() {
    let piped = |text: &str| {
        let folder = folder(text);
        let new = std::fs::File::open(folder.path().join("new.flow")).unwrap();
        let mut command = Command::new(flow_tests::flow_binary::path());
        let args = ["check", "-", "--width", "200", "--against", "old.flow"];
        let done = command.args(args).current_dir(folder.path()).stdin(new).output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    assert_eq!(piped(OLD), (Some(0), "totals.sum  identical\n".into()));
    assert_eq!(piped(&format!("job old {{}}\n\n{OLD}")).0, Some(0));
    let (status, err) = piped(&format!("job sums {{}}\n\n{OLD}"));
    assert!(status == Some(1) && err.contains("was called `old` and is called `sums` now"), "{err}");
}

#[test]
fn a_job_that_keeps_no_checkpoints_has_no_state_to_find() {
    let off = format!("job totals {{ checkpoint: off, delivery: atLeastOnce }}\n\n{OLD}");
    let folder = repository(&[("a.flow", &off)]);
    let renamed = off.replace("job totals", "job sums");
    assert_eq!(edited(folder.path(), "a.flow", &renamed, &[]), (Some(0), "totals.sum  identical\n".into()));
}

#[test]
fn a_lint_that_is_raised_to_an_error_keeps_no_state_from_being_compared() {
    let linted = format!("{OLD}\nstream unused = bids |> filter(price > 1)\n");
    let folder = repository(&[("a.flow", &linted)]);
    let other_key = linted.replace("keyBy(auction)", "keyBy(bidder)");
    let (status, err) = edited(folder.path(), "a.flow", &other_key, &["--deny", "warnings"]);
    assert_eq!(status, Some(1), "{err}");
    for part in ["error[W0", "error[E0703]", "totals.sum  incompatible"] {
        assert!(err.contains(part), "no {part:?} in\n{err}");
    }
    assert!(!err.contains("is not known"), "{err}");
    // Raised or not, it says nothing of the state.
    let (status, err) = edited(folder.path(), "a.flow", &linted, &["--deny", "warnings"]);
    assert_eq!(status, Some(1), "{err}");
    assert!(err.contains("totals.sum  identical"), "{err}");
}

#[test]
fn a_script_that_moved_is_compared_with_where_it_was_also_if_only_it_is_named() {
    let named = format!("job totals {{}}\n\n{OLD}");
    let folder = repository(&[("jobs/x.flow", &named), ("jobs/stays.flow", OLD)]);
    std::fs::remove_file(folder.path().join("jobs/x.flow")).unwrap();
    let other_key = named.replace("keyBy(auction)", "keyBy(bidder)");
    std::fs::write(folder.path().join("jobs/z.flow"), &other_key).unwrap();
    let there = other_key.replace("{}", "{ state: \"jobs/.flow\" }");
    std::fs::write(folder.path().join("above.flow"), there).unwrap();
    for (from, script) in [(".", "jobs/z.flow"), ("jobs", "z.flow"), ("jobs", "../above.flow")] {
        let args = ["check", script, "--width", "200", "--against", "git:HEAD"];
        let (status, _, err) = flow(&folder.path().join(from), &args);
        assert_eq!(status, Some(1), "{script}: {err}");
        for part in ["error[E0703]", "x.flow (git:HEAD):6:", "totals.sum  incompatible"] {
            assert!(err.contains(part), "no {part:?} in\n{err}");
        }
        assert!(!err.contains("is gone"), "nobody asked for the others: {err}");
    }
}

#[test]
fn a_script_without_a_job_that_was_renamed_is_compared_with_what_it_was() {
    let other = "source rows = generate { k: seq() } rate: 10\nsink out = rows -> blackhole()\n";
    let folder = repository(&[("a.flow", OLD), ("b.flow", other), ("stays.flow", OLD)]);
    std::fs::remove_file(folder.path().join("a.flow")).unwrap();
    std::fs::remove_file(folder.path().join("b.flow")).unwrap();
    let check = |text: &str, what: &str| {
        std::fs::write(folder.path().join("z.flow"), text).unwrap();
        let args = ["check", what, "--width", "200", "--against", "git:HEAD"];
        let (status, _, err) = flow(folder.path(), &args);
        (status, err)
    };
    let other_key = OLD.replace("keyBy(auction)", "keyBy(bidder)");
    let called = "`totals.sum` drops: the job was called `a` and is called `z` now";
    for what in ["z.flow", "."] {
        let (status, err) = check(&other_key, what);
        assert!(
            status == Some(1) && err.contains(called) && !err.contains("a.flow` of git:HEAD is gone"),
            "{err}"
        );
    }
    // What has little in common with any is new.
    let (status, err) = check(
        "source x = generate { q: seq() } rate: 7\nstream y = x |> keyBy(q) |> count()\nsink z = y -> stdout(format: json)\n",
        "z.flow",
    );
    assert!(status == Some(0) && err.contains("is new since `HEAD`"), "{err}");
    // A job with a name is another one than one without.
    let (status, err) = check(&format!("job totals {{}}\n\n{other_key}"), "z.flow");
    assert!(status == Some(0) && err.contains("is new since `HEAD`"), "{err}");
}

#[test]
fn an_edit_that_is_meant_says_so_and_no_check_calls_that_useless() {
    let allow = "// flow-allow W0311: the total is over both from now on\nstream totals";
    let folder = repository(&[("a.flow", OLD)]);
    let dearer = OLD.replace("price > 100", "price > 200");
    let deny = ["--deny", "warnings", "--deny", "changes-meaning"];
    let (status, err) = edited(folder.path(), "a.flow", &dearer, &deny);
    assert!(status == Some(1) && err.contains("error[W0311]"), "{err}");
    let (status, err) = edited(folder.path(), "a.flow", &dearer.replace("stream totals", allow), &deny);
    assert_eq!((status, err.as_str()), (Some(0), "totals.sum  restores      changesMeaning\n"));
    let (status, _, err) = flow(folder.path(), &["check", "a.flow", "--deny", "warnings"]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "without a comparison");
    // As with any other lint, it needs a reason.
    let bare = allow.replace(": the total is over both from now on", "");
    let (status, err) = edited(folder.path(), "a.flow", &dearer.replace("stream totals", &bare), &deny);
    assert!(status == Some(1) && err.contains("W0309") && err.contains("error[W0311]"), "{err}");
}
