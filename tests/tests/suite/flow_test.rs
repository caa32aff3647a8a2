//! `flow test`: given rows, virtual time, expectations, and what is shown when they do not hold.

use flow_tests::flow_binary::run;
use std::path::Path;

const SCRIPT: &str = "\
type Bid = { auction: int, price: int }
source bids: Bid = kafka(brokers: \"nowhere:9092\", topic: \"bids\", format: json)
stream counts = bids |> keyBy(auction) |> trigger(every: 10s) |> aggregate { n: count(), top: max(price) }
stream parts = bids |> map { auction, part: 100 / price }
sink many = counts |> filter(n > 1) -> file(\"many\", format: json)
sink all = parts -> stdout(format: json)
";

fn script(tests: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.flow"), SCRIPT.to_string() + tests).unwrap();
    folder
}

fn flow(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = run(folder, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const GOOD: &str = "
test \"results come every ten seconds\" {
  given bids [{ auction: 1, price: 250 }, { auction: 1, price: 300 }]
  expect counts []
  advance 10s
  expect counts [{ auction: 1, n: 2, top: 300 }]
  given bids [{ auction: 2, price: 7 }]
  advance 1min
  expect ordered counts [{ auction: 1, .. }, { auction: 2, n: 1, .. }]
  expect many [{ auction: 1, n: 2, .. }]
}

test \"errors go aside\" {
  given bids [{ auction: 1, price: 0 }, { auction: 2, price: 10 }]
  expect parts [{ auction: 2, part: 10 }]
  expect parts.errors [{ code: \"divisionByZero\", operator: \"parts.map\", .. }]
}
";

#[test]
fn tests_pass_in_every_mode_and_open_no_connection() {
    let folder = script(GOOD);
    let (status, out, err) = flow(folder.path(), &["test", "s.flow", "--matrix"]);
    assert_eq!((status, out.as_str()), (Some(0), ""), "{err}");
    assert!(err.ends_with("2 passed, 0 failed\n"), "{err}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "sinks write nothing");
}

/// Periodic results of several kinds, with other beats behind them.
const BEATS: &str = "
type Bid = { auction: int, price: int, at: timestamp }
source bids: Bid = kafka(brokers: \"nowhere:9092\", topic: \"bids\", format: json) |> eventTime(at, delay: 1s)
stream counts = bids |> keyBy(auction) |> trigger(every: 1s) |> aggregate { n: count() }
stream rarely = counts |> trigger(every: 700ms) |> aggregate { all: sum(n) }
stream best = bids |> trigger(every: 1s) |> top(1, by: price desc)
stream hours = bids |> keyBy(auction) |> window(tumbling(1h)) |> trigger(early: 2s) |> aggregate { most: max(price) }
sink a = rarely -> stdout(format: json)
sink c = best -> stdout(format: json)
sink d = hours -> stdout(format: json)

test \"each at its own time\" {
  given bids [{ auction: 1, price: 10, at: @2026-01-01T00:00:01Z }]
  advance 999ms
  expect counts []
  advance 1ms
  expect counts [{ auction: 1, n: 1 }]
  expect rarely []
  expect best [{ price: 10, .. }]
  advance 399ms
  expect rarely []
  advance 1ms
  expect rarely [{ all: 1 }]
  expect hours []
  advance 600ms
  expect hours [{ most: 10, .. }]
  given bids [{ auction: 1, price: 20, at: @2026-01-01T00:00:02Z }]
  expect counts [{ n: 1, .. }]
  advance 1d
  expect ordered counts [{ n: 1, .. }, { n: 2, .. }]
  expect ordered rarely [{ all: 1 }, { all: 2 }]
  expect ordered hours [{ most: 10, .. }, { most: 20, .. }]
  given bids [{ auction: 2, price: 5, at: @2026-01-01T00:00:02Z }]
  advance 999ms
  expect counts [{ auction: 1, n: 1 }, { auction: 1, n: 2 }]
  advance 1ms
  expect counts [{ auction: 1, n: 1 }, { auction: 1, n: 2 }, { auction: 2, n: 1 }]
  expect ordered best [{ price: 10, .. }, { price: 20, .. }]
}
";

/// Picks that forget what they have given.
const ANEW: &str = "
type Bid = { auction: int, price: int, at: timestamp }
source bids: Bid = kafka(brokers: \"nowhere:9092\", topic: \"bids\", format: json) |> eventTime(at, delay: 1s)
stream early = bids |> keyBy(auction) |> window(tumbling(1h)) |> trigger(early: 2s, mode: discarding) |> top(2, by: price) as place
stream often = bids |> keyBy(auction) |> trigger(every: 1s, mode: discarding) |> latest(by: price)
stream pairs = bids |> trigger(count: 2, mode: discarding) |> bottom(1, by: price)
sink a = early -> stdout(format: json)
sink b = often -> stdout(format: json)
sink c = pairs -> stdout(format: json)

test \"only what came since is looked at\" {
  given bids [
    { auction: 1, price: 30, at: @2026-01-01T00:00:01Z },
    { auction: 1, price: 20, at: @2026-01-01T00:00:01Z },
    { auction: 1, price: 10, at: @2026-01-01T00:00:01Z },
  ]
  expect pairs [{ price: 20, .. }]
  advance 2s
  expect ordered often [{ price: 30, .. }]
  expect ordered early [{ price: 30, place: 1, .. }, { price: 20, place: 2, .. }]
  given bids [{ auction: 1, price: 9, at: @2026-01-01T00:00:02Z }]
  advance 2s
  expect ordered often [{ price: 30, .. }, { price: 9, .. }]
  expect ordered early [{ price: 30, place: 1, .. }, { price: 20, place: 2, .. }, { price: 9, place: 1, .. }]
  given bids [{ auction: 1, price: 30, at: @2026-01-01T00:00:02Z }, { auction: 2, price: 0, at: @2026-01-01T01:00:02Z }]
  expect ordered pairs [{ price: 20, .. }, { price: 9, .. }, { price: 0, .. }]
  expect ordered early [{ price: 30, place: 1, .. }, { price: 20, place: 2, .. }, { price: 9, place: 1, .. }, { price: 30, place: 1, .. }, { price: 0, place: 1, .. }]
}
";

#[test]
fn picks_with_mode_discarding_give_the_best_of_what_came_since() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.flow"), ANEW).unwrap();
    let (status, _, err) = flow(folder.path(), &["test", "s.flow", "--matrix"]);
    assert_eq!(status, Some(0), "{err}");
}

#[test]
fn a_day_of_seconds_in_which_nothing_happens_takes_no_time() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.flow"), BEATS).unwrap();
    // The program may have to be built first, which is not counted.
    flow(folder.path(), &["check", "s.flow"]);
    let began = std::time::Instant::now();
    let (status, _, err) = flow(folder.path(), &["test", "s.flow", "--matrix"]);
    assert_eq!(status, Some(0), "{err}");
    // 86,400 seconds and more beats within, in six runs: one of them took minutes.
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{err}");
}

/// Of a script whose state is of several kinds, with rows in between periodic results.
const KEPT: &str = "
type Bid = { auction: int, price: int, at: timestamp }
source bids: Bid = kafka(brokers: \"nowhere:9092\", topic: \"bids\", format: json) |> eventTime(at, delay: 1s)
stream sums = bids |> keyBy(auction) |> trigger(every: 10s) |> aggregate { n: count(), total: sum(price), mean: avg(price) }
stream windows = bids |> keyBy(auction) |> window(tumbling(1min)) |> aggregate { most: max(price), kinds: countDistinct(price) }
stream best = bids |> keyBy(auction) |> top(2, by: price desc)
sink a = sums -> stdout(format: json)
sink b = windows -> stdout(format: json)
sink c = best -> stdout(format: json)

test \"state and time are kept\" {
  given bids [{ auction: 1, price: 10, at: @2026-01-01T00:00:01Z }]
  advance 5s
  given bids [{ auction: 1, price: 30, at: @2026-01-01T00:00:02Z }, { auction: 2, price: 7, at: @2026-01-01T00:00:03Z }]
  expect sums []
  advance 5s
  expect sums [{ auction: 1, n: 2, total: 40, mean: 20.0 }, { auction: 2, n: 1, .. }]
  given bids [{ auction: 1, price: 20, at: @2026-01-01T00:02:00Z }, { auction: 1, price: 99, at: @2026-01-01T00:00:04Z }]
  expect windows [{ auction: 1, most: 30, kinds: 2, .. }, { auction: 2, most: 7, .. }, { auction: 1, most: 20, .. }]
  expect windows.late [{ auction: 1, price: 99, .. }]
  expect best [{ auction: 1, price: 10, .. }, { auction: 1, price: 30, .. }, { auction: 2, .. }, { auction: 1, price: 20, .. }, { auction: 1, price: 99, .. }]
}
";

#[test]
fn of_values_that_are_all_null_there_are_no_different_ones() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
type Visit = { page: string, user: string?, at: timestamp }
source visits: Visit = file(\"visits.csv\", format: csv) |> eventTime(at, delay: 0s)
stream users = visits |> keyBy(page) |> trigger(atEnd)
  |> aggregate { n: countDistinct(user), about: approxCountDistinct(user), some: countDistinct(user, where: page == \"/b\") }
stream each = visits |> keyBy(page) |> countDistinct(user) as n
stream more = each |> keyBy(page) |> trigger(atEnd) |> aggregate { n: countDistinct(n), users: max(n) }
stream hourly = visits |> window(tumbling(1h)) |> aggregate { n: countDistinct(user), about: approxCountDistinct(user) }
stream pairs = visits |> keyBy(page) |> window(count(2, every: 1)) |> aggregate { n: countDistinct(user) }
sink a = users -> stdout(format: json)
sink b = more -> stdout(format: json)
sink c = hourly -> stdout(format: json)
sink d = pairs -> stdout(format: json)
test \"nobody\" {
  given visits [
    { page: \"/a\", at: @2026-01-01T00:00:01Z },
    { page: \"/a\", at: @2026-01-01T00:00:02Z },
    { page: \"/b\", at: @2026-01-01T00:00:03Z },
  ]
  expect users [
    { page: \"/a\", n: 0, about: 0, some: null },
    { page: \"/b\", n: 0, about: 0, some: null },
  ]
  expect ordered each [{ page: \"/a\", n: 0 }, { page: \"/b\", n: 0 }]
  expect more [{ page: \"/a\", n: 1, users: 0 }, { page: \"/b\", n: 1, users: 0 }]
  expect hourly [{ n: 0, about: 0, .. }]
  expect pairs [{ page: \"/a\", n: 0 }, { page: \"/a\", n: 0 }, { page: \"/b\", n: 0 }]
}
";
    std::fs::write(folder.path().join("nobody.flow"), text).unwrap();
    let (status, _, err) = flow(folder.path(), &["test", "nobody.flow", "--matrix"]);
    assert_eq!(status, Some(0), "{err}");
}

#[test]
fn the_matrix_stops_behind_every_row_and_goes_on_with_other_workers() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("k.flow"), KEPT).unwrap();
    let (status, _, err) = flow(folder.path(), &["test", "k.flow", "--matrix"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(err.ends_with("1 passed, 0 failed\n"), "{err}");
}

/// A mistake that is planted where state is taken over: the plain runs of the matrix cannot see it.
#[cfg(debug_assertions)]
#[test]
fn state_that_is_lost_at_a_restart_fails_the_run_that_was_stopped_and_names_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("k.flow"), KEPT).unwrap();
    let output = std::process::Command::new(flow_tests::flow_binary::path())
        .args(["test", "k.flow", "--matrix"])
        .current_dir(folder.path())
        .env("FLOW_BUG", "start-an-aggregate-empty")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("stopped and restored after every row"), "{err}");
}

#[test]
fn a_difference_is_shown_at_the_expectation_row_by_row() {
    let folder = script(
        "\ntest \"wrong\" {\n  given bids [{ auction: 1, price: 10 }, { auction: 2, price: 5 }]\n  expect parts [{ auction: 1, part: 11 }, { auction: 2, .. }]\n}\n",
    );
    let (status, _, err) = flow(folder.path(), &["test", "s.flow"]);
    assert_eq!(status, Some(1));
    let table = "  note:   auction  part\n        - 1        11\n        + 1        10\n";
    for part in ["FAIL  s.flow: wrong", "error[E0609]", "came with `part: 10`", table] {
        assert!(err.contains(part), "no {part:?} in\n{err}");
    }
}

#[test]
fn blanks_in_values_are_all_shown_in_a_difference() {
    let folder = script(
        "\nstream words = bids |> map { w: \"a  b\" }\ntest \"blanks\" {\n  given bids [{ auction: 1, price: 10 }]\n  expect words [{ w: \"a b\" }]\n}\n",
    );
    let (_, _, err) = flow(folder.path(), &["test", "s.flow"]);
    assert!(err.contains("        - \"a b\"\n        + \"a  b\"\n"), "{err}");
}

#[test]
fn a_record_error_that_nobody_expects_fails_the_test_at_its_expression() {
    let folder = script("\ntest \"zero\" {\n  given bids [{ auction: 1, price: 0 }]\n  expect parts []\n}\n");
    let (status, _, err) = flow(folder.path(), &["test", "s.flow"]);
    assert_eq!(status, Some(1));
    assert!(err.contains("divisionByZero") && err.contains("100 / price"), "{err}");
}

#[test]
fn an_error_in_a_test_shows_the_row_as_it_is_written_and_its_line() {
    let script = "
type Bid = { auction: int, price: int, at: timestamp }
source bids: Bid = kafka(brokers: \"nowhere:9092\", topic: \"bids\", format: json) |> eventTime(at, delay: 1s)
stream parts = bids |> map { auction, part: 100 / price }
stream sums = bids |> keyBy(auction) |> sum(price) as total |> map { part: 100 / total }
sink a = parts -> stdout(format: json)
sink b = sums -> stdout(format: json)
test \"errors\" {
  given bids [
    { auction: 1, price: 5, at: @2026-01-01T00:00:01Z },
    { auction: 2,
      price: 0, at: @2026-01-01T00:00:02Z },
  ]
  expect parts.errors [{ position: \"s.flow:11\", raw: \"{{ auction: 2, price: 0, at: @2026-01-01T00:00:02Z }}\", .. }]
  expect sums.errors [{ position: \"\", raw: r\"{\"auction\":2,\"total\":0}\", .. }]
}
";
    let script =
        script.replace("r\"{\"auction\":2,\"total\":0}\"", "\"{{\\\"auction\\\":2,\\\"total\\\":0}}\"");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.flow"), &script).unwrap();
    let (status, _, err) = flow(folder.path(), &["test", "s.flow", "--matrix"]);
    assert_eq!(status, Some(0), "{err}");
    // One that nobody expects is shown with the same.
    std::fs::write(
        folder.path().join("s.flow"),
        script.replace("  expect parts.errors", "  expect parts [] //"),
    )
    .unwrap();
    let (_, _, err) = flow(folder.path(), &["test", "s.flow"]);
    assert!(err.contains("s.flow:11") && err.contains("{ auction: 2, price: 0"), "{err}");
}

/// Rows with records and lists of records in them.
const NESTED: &str = "
type Place = { x: int, y: int }
type Move = { who: string, from: Place, path: list<Place>, last: Place? }
source moves: Move = file(\"moves.ndjson\", format: json)
sink out = moves -> file(\"out\", format: json)
";

fn nested(expected: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let given = "{ who: \"a\", from: { x: 1, y: 2 }, path: [{ x: 3, y: 4 }, { x: 5, y: 6 }], last: null }";
    let test = format!("test \"t\" {{\n  given moves [{given}]\n  expect out [{expected}]\n}}\n");
    std::fs::write(folder.path().join("s.flow"), format!("{NESTED}{test}")).unwrap();
    let (status, _, err) = flow(folder.path(), &["test", "s.flow", "--width", "200"]);
    (status, err)
}

#[test]
fn records_in_expected_rows_may_leave_out_fields_too() {
    for expected in [
        "{ from: { x: 1, .. }, .. }",
        "{ from: { .. }, path: [{ y: 4, .. }, { x: 5, y: 6 }], .. }",
        "{ who: \"a\", from: { y: 2, .. }, path: [{ .. }, { .. }], last: null }",
    ] {
        let (status, err) = nested(expected);
        assert_eq!(status, Some(0), "{expected}: {err}");
    }
    for (expected, shown) in [
        ("{ from: { x: 2, .. }, .. }", "- { x: 2, .. }\n        + { x: 1, y: 2 }\n"),
        ("{ path: [{ .. }], .. }", "- [{ .. }]\n        + [{ x: 3, y: 4 }, { x: 5, y: 6 }]\n"),
        ("{ path: [{ x: 5, .. }, { x: 3, .. }], .. }", "- [{ x: 5, .. }, { x: 3, .. }]\n"),
        ("{ last: { x: 1, .. }, .. }", "- { x: 1, .. }\n        + null\n"),
    ] {
        let (status, err) = nested(expected);
        assert_eq!(status, Some(1), "{expected}: {err}");
        assert!(err.contains(shown), "{expected}: {err}");
    }
    let (_, err) = nested("{ from: { x: 1, z: 3, .. }, path: [{ x: 3 }, { .. }], .. }");
    assert!(err.contains("the records in `from` have no field `z`"), "{err}");
    assert!(
        err.contains("the field `path` needs a `{ x: int, y: int }`, and this is a `{ x: int }`"),
        "{err}"
    );
}

#[test]
fn a_difference_names_the_fields_of_records_in_rows() {
    let (_, err) = nested("{ who: \"b\", from: { .. }, path: [{ .. }, { .. }], last: null }");
    let row = "+ \"a\"  { x: 1, y: 2 }  [{ x: 3, y: 4 }, { x: 5, y: 6 }]  null\n";
    assert!(err.contains(row), "{err}");
}

#[test]
fn a_filter_that_fits_no_test_is_a_mistake_in_the_call() {
    let folder = script(GOOD);
    let filter = |text: &str| flow(folder.path(), &["test", "s.flow", "--filter", text]);
    let (status, _, err) = filter("eror go");
    assert_eq!(status, Some(2));
    assert_eq!(
        err,
        "error: no test has \"eror go\" in its name\n  help: did you mean \"errors go aside\"?\n"
    );
    let (status, _, err) = filter("zzz");
    assert_eq!(status, Some(2));
    assert!(err.contains("there are \"results come every ten seconds\", \"errors go aside\"\n"), "{err}");
    let (status, json, _) = flow(folder.path(), &["test", "s.flow", "--filter", "zzz", "--format", "json"]);
    assert_eq!((status, json.as_str()), (Some(2), "[]\n"));
}

#[test]
fn machines_get_junit_and_json() {
    let folder = script(GOOD);
    let (status, junit, _) = flow(folder.path(), &["test", "s.flow", "--format", "junit"]);
    assert_eq!(status, Some(0));
    assert!(junit.contains("<testsuite name=\"flow test\" tests=\"2\" failures=\"0\""), "{junit}");
    let (_, json, _) = flow(folder.path(), &["test", "s.flow", "--format", "json", "--filter", "aside"]);
    let all: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((all.as_array().unwrap().len(), &all[0]["passed"]), (1, &serde_json::Value::Bool(true)));
}

/// What people get as a table, an editor shows as expected and received text: it reads the rows one by one.
#[test]
fn programs_get_each_row_of_a_difference_as_a_record_of_its_own() {
    let wrong = "\ntest \"t\" {\n  given bids [{ auction: 1, price: 10, at: @2026-01-01T00:00:01Z }]\n  \
                 expect totals [{ auction: 2, .. }]\n}\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.flow"), format!("{OLD}{wrong}")).unwrap();
    let (status, json, _) = flow(folder.path(), &["test", "s.flow", "--format", "json"]);
    assert_eq!(status, Some(1));
    let all: serde_json::Value = serde_json::from_str(&json).unwrap();
    let notes = serde_json::json!(["- { auction: 2, .. }", "+ { auction: 1, n: 1 }"]);
    assert_eq!(all[0]["diagnostics"][0]["notes"], notes, "{json}");
    let (_, _, err) = flow(folder.path(), &["test", "s.flow"]);
    assert!(err.contains("  note:   auction\n        - 2\n        + 1\n"), "{err}");
}

#[test]
fn a_wrong_script_is_diagnosed_and_a_script_without_tests_says_so() {
    let folder = script("\ntest \"t\" {\n  expect nothing []\n}\n");
    let (status, _, err) = flow(folder.path(), &["test", "s.flow"]);
    assert_eq!(status, Some(1));
    assert!(err.ends_with("0 passed, 0 failed; a script has errors, and its tests did not run\n"), "{err}");
    // Machines see a failure, not a report without tests.
    let (_, junit, _) = flow(folder.path(), &["test", "s.flow", "--format", "junit"]);
    assert!(junit.contains("tests=\"1\" failures=\"1\"") && junit.contains("E0201"), "{junit}");
    let (_, json, _) = flow(folder.path(), &["test", "s.flow", "--format", "json"]);
    let all: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(all[0]["passed"], false, "{json}");
    let folder = script("");
    let (status, _, err) = flow(folder.path(), &["test", "s.flow"]);
    assert_eq!(status, Some(0));
    assert!(err.starts_with("no tests"), "{err}");
}

/// A script, and a test of it that goes on in `new.flow`.
const OLD: &str = "\
type Bid = { auction: int, price: int, at: timestamp }
source bids: Bid = kafka(brokers: \"nowhere:9092\", topic: \"bids\", format: json) |> eventTime(at, delay: 0s)
stream totals = bids |> keyBy(auction) |> aggregate { n: count() }
stream minutes = bids |> keyBy(auction) |> window(tumbling(1min)) |> aggregate { most: max(price) }
sink a = totals -> stdout(format: json)
sink b = minutes -> stdout(format: json)
";

const UPGRADE: &str = "
test \"an average is added, and no count is lost\" {
  given bids [{ auction: 1, price: 10, at: @2026-01-01T00:00:01Z }, { auction: 1, price: 20, at: @2026-01-01T00:00:02Z }]
  savepoint
  expect totals [{ n: 1, .. }, { n: 2, .. }]
  restore into \"new.flow\"
  given bids [{ auction: 1, price: 30, at: @2026-01-01T00:01:03Z }]
  expect ordered totals [{ auction: 1, n: 3, mean: 30.0 }]
  expect minutes [{ auction: 1, most: 20, .. }, { auction: 1, most: 30, .. }]
}
";

/// A folder with `old.flow`, which has the test, and `new.flow`.
fn upgrade(new: &str, test: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old.flow"), OLD.to_string() + test).unwrap();
    std::fs::write(folder.path().join("new.flow"), new).unwrap();
    folder
}

#[test]
fn a_test_goes_on_in_a_new_version_of_its_script_in_every_mode() {
    let new = OLD.replace("{ n: count() }", "{ n: count(), mean: avg(price) }");
    let folder = upgrade(&new, UPGRADE);
    let (status, out, err) = flow(folder.path(), &["test", "old.flow", "--matrix"]);
    assert_eq!((status, out.as_str()), (Some(0), ""), "{err}");
    assert!(err.ends_with("1 passed, 0 failed\n"), "{err}");
}

#[test]
fn a_wrong_expectation_behind_a_restore_is_shown_at_its_line() {
    let new = OLD.replace("{ n: count() }", "{ n: count(), mean: avg(price) }");
    let folder = upgrade(&new, &UPGRADE.replace("n: 3,", "n: 1,"));
    let (status, _, err) = flow(folder.path(), &["test", "old.flow"]);
    assert_eq!(status, Some(1), "{err}");
    assert!(err.contains("old.flow:14:") && err.contains("+ 1        3  30.0\n"), "{err}");
}

#[test]
fn a_new_version_that_the_state_does_not_fit_is_an_error_of_flow_check() {
    let folder = upgrade(&OLD.replace("tumbling(1min)", "tumbling(2min)"), UPGRADE);
    let (status, _, err) = flow(folder.path(), &["check", "old.flow"]);
    assert_eq!(status, Some(1), "{err}");
    assert!(
        err.contains("E0703") && err.contains("old.flow:12:") && err.contains("now: new.flow:4:"),
        "{err}"
    );
}

#[test]
fn state_that_would_be_lost_has_to_be_allowed() {
    let new =
        OLD.replace("minutes", "perMinute").replace("{ n: count() }", "{ n: count(), mean: avg(price) }");
    let test = UPGRADE.replace("expect minutes [{ auction: 1, most: 20, .. }, ", "expect perMinute [");
    let folder = upgrade(&new, &test);
    let (status, _, err) = flow(folder.path(), &["test", "old.flow"]);
    assert!(status == Some(1) && err.contains("E0704") && err.contains("allowDropped: true"), "{err}");
    let folder = upgrade(&new, &test.replace("\"new.flow\"", "\"new.flow\", allowDropped: true"));
    let (status, _, err) = flow(folder.path(), &["test", "old.flow"]);
    assert_eq!(status, Some(0), "{err}");
}

#[test]
fn names_behind_a_restore_are_those_of_the_new_script() {
    let folder = upgrade(OLD, &UPGRADE.replace("expect ordered totals", "expect ordered totalz"));
    let (status, _, err) = flow(folder.path(), &["check", "old.flow"]);
    assert!(status == Some(1) && err.contains("there is no stream or sink `totalz`"), "{err}");
    let folder = upgrade("source x = nothing", UPGRADE);
    let (status, _, err) = flow(folder.path(), &["check", "old.flow"]);
    assert!(status == Some(1) && err.contains("`new.flow` is wrong itself"), "{err}");
}

#[test]
fn a_job_that_has_come_to_its_end_has_no_savepoint() {
    let few = "\
type Bid = { auction: int }
source bids: Bid = kafka(brokers: \"nowhere:9092\", topic: \"bids\", format: json)
stream few = bids |> limit(1)
sink a = few -> stdout(format: json)
";
    let test = "
test \"few\" {
  given bids [{ auction: 1 }]
  savepoint
  restore into \"few.flow\"
  expect few []
}
";
    let folder = upgrade(OLD, "");
    std::fs::write(folder.path().join("few.flow"), few.to_string() + test).unwrap();
    let (status, _, err) = flow(folder.path(), &["test", "few.flow"]);
    assert!(status == Some(1) && err.contains("come to its end before the savepoint"), "{err}");
}

#[test]
fn a_new_version_in_which_a_stage_has_no_meaning_is_an_error_of_flow_check() {
    let new =
        OLD.replace("aggregate { n: count() }", "aggregate { n: count() } |> window(count(2)) |> count()");
    let folder = upgrade(&new, UPGRADE);
    let (status, _, err) = flow(folder.path(), &["check", "old.flow"]);
    assert!(status == Some(1) && err.contains("new.flow") && err.contains("E0809"), "{err}");
    assert!(err.contains("old.flow:12:"), "{err}");
}

#[test]
fn parameters_are_given_to_each_script_of_a_test_that_declares_them() {
    let old = format!(
        "param least: int = 0\n{}",
        OLD.replace("bids |> keyBy", "bids |> filter(price >= least) |> keyBy")
    );
    let new = format!("param least: int = 0\nparam added: int\n{}", OLD)
        .replace("= bids |> keyBy", "= bids |> filter(price >= least + added) |> keyBy");
    let test =
        UPGRADE.replace("n: 3, mean: 30.0", "n: 2").replace("{ n: 1, .. }, { n: 2, .. }", "{ n: 1, .. }");
    let folder = upgrade(&new, "");
    std::fs::write(folder.path().join("old.flow"), old + &test).unwrap();
    let with = |params: &[&str]| flow(folder.path(), &[&["test", "old.flow"], params].concat());
    let (status, _, err) = with(&["-p", "least=15", "-p", "added=10"]);
    assert_eq!(status, Some(0), "{err}");
    let (status, _, err) = with(&["-p", "least=15", "-p", "added=99"]);
    assert!(status == Some(1) && err.contains("FAIL"), "{err}");
    let (status, _, err) = with(&["-p", "least=15"]);
    assert!(status == Some(1) && err.contains("the parameter `added` has no value"), "{err}");
    let (status, _, err) = with(&["-p", "least=15", "-p", "added=1", "-p", "nobodys=1"]);
    assert!(status == Some(2) && err.contains("no parameter `nobodys`"), "{err}");
}

#[test]
fn what_is_due_at_one_moment_passes_through_all_that_is_due_then_at_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let text = "
type Row = { k: int, v: int }
source rows: Row = file(\"rows\", format: json)
stream per = rows |> keyBy(k) |> trigger(every: 1min) |> sum(v) as n
stream groups = per |> keyBy(g: k % 2) |> trigger(every: 30s) |> aggregate { n: sum(n) }
stream all = groups |> trigger(every: 1min) |> aggregate { total: sum(n), groups: count() }
sink out = all -> stdout(format: json)
test \"a beat passes through three\" {
  given rows [{ k: 1, v: 1 }, { k: 2, v: 10 }, { k: 3, v: 100 }]
  advance 1min
  expect all [{ total: 111, groups: 2 }]
  given rows [{ k: 1, v: 1 }]
  advance 59s
  expect all [{ total: 111, groups: 2 }]
  advance 1s
  expect all [{ total: 111, groups: 2 }, { total: 112, groups: 2 }]
}
";
    std::fs::write(folder.path().join("s.flow"), text).unwrap();
    for _ in 0..5 {
        let (status, _, err) = flow(folder.path(), &["test", "s.flow", "--matrix"]);
        assert_eq!(status, Some(0), "{err}");
    }
}
