//! One edit of each kind that migrates, by the commands a user types and through files of state: the old script runs, is stopped
//! behind the first rows, and the new one goes on. Most edits are those of `tests/migrations`; what both print together
//! is what the evaluator gives, or what the table says where no script says it.

use super::migrations::{Case, Then, named, script as in_memory, sources};
use flow_tests::flow_binary;
use flow_tests::pipelines::Edit;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The rows of the tables. `tick` keeps the job alive until it is stopped, and what waits for its rows waits.
const HEAD: &str = "\
type Row = { k: int, v: int, w: int?, at: timestamp }
source first = generate { n: seq(), at: timestamps(BEGIN, every: STEP) } rows: ROWS
source tick = generate { n: seq(), at: timestamps(BEGIN, every: 1us) } rate: 1TICKS
stream none = tick |> filter(n < 0) |> map { k: n, v: n, w: if n < 0 then n else null, at }
stream a = first |> map { k: n % 3, v: n, w: if n % 2 == 0 then n * 10 else null, at } |> union(none) |> eventTime(at, delay: 4s)
sink seen = first |> map { n } -> file(\"seen\", format: json, mode: append)
";

/// The other source.
const B: &str = "\
source other = generate { n: seq(102), at: timestamps(BEGIN, every: STEP) } rows: 9
stream b = other |> map { k: n % 3, v: n, w: if n % 2 == 0 then n * 10 else null, at } |> eventTime(at, delay: 4s)
sink seen_b = other |> map { n } -> file(\"seen_b\", format: json, mode: append)
";

/// A script on disk, for so many rows of `a`.
fn script(text: &str, case: &Case, job: &str, rows: usize) -> String {
    let step = if case.rows == "a second apart" { "1s" } else { "10s" };
    let begin = |second: u32| format!("timestamp(\"2026-01-01T00:00:{second:02}Z\")");
    let head = HEAD.replace("BEGIN", &begin(0)).replace("TICKS", if rows > 9 { ", rows: 1" } else { "" });
    let mut out = format!("job edited {{ checkpoint: 20ms{job} }}\n{head}");
    if text.contains("(b") {
        out.push_str(&B.replace("BEGIN", &begin(if step == "1s" { 5 } else { 50 })));
    }
    out = out.replace("STEP", step).replace("ROWS", &rows.to_string());
    format!("{out}{text}sink out = s -> file(\"out\", format: csv(header: false), mode: append)\n")
}

/// What is visible of a sink.
fn lines(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.map(|entry| entry.unwrap().path());
    let shown = |path: &std::path::PathBuf| {
        path.is_file() && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    let text: String = files.filter(shown).map(|path| std::fs::read_to_string(path).unwrap()).collect();
    text.lines().map(str::to_string).collect()
}

/// A line of CSV as the tables show rows.
fn as_told(line: &str) -> String {
    let cell = |cell: &str| match cell.strip_prefix("2026-01-01T00:").and_then(|rest| rest.strip_suffix('Z'))
    {
        Some(rest) => {
            let (minutes, seconds) = rest.split_once(':').unwrap();
            let (minutes, seconds): (i64, f64) = (minutes.parse().unwrap(), seconds.parse().unwrap());
            format!("@{:+}us", minutes * 60_000_000 + (seconds * 1e6) as i64)
        }
        None if cell.is_empty() => "null".to_string(),
        None => cell.to_string(),
    };
    line.split(',').map(cell).collect::<Vec<_>>().join(", ")
}

fn said(folder: &Path, args: &[&str]) {
    let out = flow_binary::run(folder, args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Runs the old script up to behind the first chunk of all sources, stops it, and goes on with the new one to the end.
fn printed(case: &Case, jobs: [&str; 2]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let old = script(&case.old, case, jobs[0], 9);
    std::fs::write(folder.join("edited.flow"), &old).unwrap();
    let mut command = Command::new(flow_binary::path());
    command.args(["run", "edited.flow"]).current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null());
    let said_by_old = std::fs::File::create(folder.join("said")).unwrap();
    let mut run = command.stdout(Stdio::null()).stderr(said_by_old).spawn().unwrap();
    let (begin, both) = (Instant::now(), old.contains("sink seen_b"));
    let is_read =
        || lines(&folder.join("seen")).len() == 9 && (!both || lines(&folder.join("seen_b")).len() == 9);
    while !is_read() {
        let why = || std::fs::read_to_string(folder.join("said")).unwrap_or_default();
        assert!(run.try_wait().unwrap().is_none(), "{}: {}", case.name, why());
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "{}: the first rows are not read: {}",
            case.name,
            why()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    said(folder, &["stop", "edited"]);
    assert!(run.wait().unwrap().success(), "{}", case.name);
    std::fs::write(folder.join("edited.flow"), script(&case.new, case, jobs[1], 18)).unwrap();
    said(folder, &["run", "edited.flow", "--allow-dropped"]);
    let mut printed: Vec<String> = lines(&folder.join("out")).iter().map(|line| as_told(line)).collect();
    printed.sort();
    printed
}

/// Compares what is printed on disk with what the table says.
#[track_caller]
fn goes_on(table: &str, name: &str, jobs: [&str; 2]) {
    case_goes_on(&named(table, name), jobs);
}

/// The same of an edit of this test, which goes on as if the new script had always run.
#[track_caller]
fn edit_goes_on(name: &str, rows: &str, old: &str, new: &str) {
    let text = |stages: &str| format!("stream s = a |> {stages}\n");
    let (name, rows, old, new) = (name.into(), rows.into(), text(old), text(new));
    case_goes_on(&Case { name, rows, old, new, then: Then::FromStop(None), ..Case::default() }, ["", ""]);
}

/// What the evaluator gives for a script, or what the old one printed and the new one prints behind the first rows.
fn expected(case: &Case) -> Vec<String> {
    let (old, new) = (in_memory(&case.old), in_memory(&case.new));
    let edited = Edit { old: &old, new: &new, sources: &sources(&case.rows) }.run((1, 1)).unwrap();
    let behind = case.then.wanted(&case.new, &edited).unwrap_or_else(|why| panic!("{}: {why}", case.name));
    let mut expected: Vec<String> = edited.before.into_iter().chain(behind).collect();
    expected.sort();
    expected
}

#[track_caller]
fn case_goes_on(case: &Case, jobs: [&str; 2]) {
    assert_eq!(printed(case, jobs), expected(case), "{}", case.name);
}

const AT_END: &str = "keyBy(k) |> trigger(atEnd) |>";

#[test]
fn aggregates_come_go_and_widen_on_disk() {
    goes_on("aggregates", "An aggregate added: it counts the rows behind the stop", ["", ""]);
    goes_on("aggregates", "An aggregate removed", ["", ""]);
    let apart = "a second apart";
    let numbers = "aggregate { total: sum(v), mean: avg(v), most: max(v), spread: variance(v), kinds: countDistinct(v) }";
    let of = |v: &str, aggregate: &str| format!("map {{ k, v: {v} }} |> {AT_END} {aggregate}");
    edit_goes_on("int to float", apart, &of("v + 0", numbers), &of("float(v)", numbers));
    let last = "aggregate { n: count(), last: last(v), most: max(v) }";
    let optional = "if v >= 0 then v else null";
    edit_goes_on(
        "T to T?",
        apart,
        &of("v + 0", "aggregate { n: count(), last: last(v) }"),
        &of(optional, "aggregate { n: count(), last: last(v) }"),
    );
    edit_goes_on("the trigger", apart, &format!("keyBy(k) |> {last}"), &format!("{AT_END} {last}"));
}

#[test]
fn rows_that_are_held_gain_and_lose_fields_on_disk() {
    goes_on("picks", "A field added to latest", ["", ""]);
    goes_on("picks", "A field removed", ["", ""]);
    let nested = |record: &str| {
        format!("map {{ k, v, r: {record} }} |> {AT_END} latest(by: v) |> map {{ k, v, x: r.x }}")
    };
    edit_goes_on("a record", "a second apart", &nested("{ x: v }"), &nested("{ x: v, y: w }"));
}

#[test]
fn names_stages_and_sources_change_on_disk() {
    goes_on("around", "An operator renamed", ["", ""]);
    goes_on("around", "A declaration renamed", ["", ""]);
    goes_on("around", "A stage in front of the state that lets less through: old rows are in it", ["", ""]);
    goes_on("around", "A stage behind the state", ["", ""]);
    goes_on("around", "A source added", ["", ""]);
    // All rows of the other source were read by the old script: they stay in what it counted.
    let removed = named("around", "A source removed");
    let both =
        Case { old: removed.old.clone(), new: removed.old.clone(), then: Then::All, ..Case::default() };
    let both = Case { rows: removed.rows.clone(), ..both };
    assert_eq!(printed(&removed, ["", ""]), expected(&both), "{}", removed.name);
}

#[test]
fn lateness_workers_and_the_place_of_state_change_on_disk() {
    // Nothing is late: rows come as fast as they are made.
    let window = |more: &str| format!("keyBy(k) |> window(tumbling(1min){more}) |> sum(v) as n");
    edit_goes_on("lateness", "ten seconds apart", &window(""), &window(", lateness: 1min"));
    let same = "Nothing but the number of workers";
    goes_on("aggregates", same, [", parallelism: 1", ", parallelism: 3"]);
    goes_on("aggregates", same, ["", ", state: { backend: sled, memory: 1MiB }"]);
}

/// A join of streams that becomes one with a table leaves its state behind. What looks up has the same name, and keeps nothing: the
/// start was refused, although the state might be dropped.
#[test]
fn a_join_of_streams_may_become_one_with_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let source =
        |name: &str, rows: &str| format!("source {name} = generate {{ k: seq(), w: seq() }} {rows}\n");
    let sink = "sink o = s -> file(\"out\", format: json, mode: append)\n";
    std::fs::write(folder.join("t.csv"), "k,w\n1,5\n").unwrap();
    let old = format!(
        "{}{}stream s = a |> join(b as t on a.k == t.k, ttl: 1h) |> map {{ k: a.k, w: t.w }}\n{sink}",
        source("a", "rate: 500"),
        source("b", "rate: 500"),
    );
    let new = format!(
        "type T = {{ k: int, w: int }}\n{}table t: T key k = file(\"t.csv\", format: csv)\n\
         stream s = a |> leftJoin(t on a.k == t.k) |> map {{ k: a.k, w: t.w ?? 0 }}\n{sink}",
        source("a", "rows: 1"),
    );
    std::fs::write(folder.join("edited.flow"), format!("job edited {{ checkpoint: 20ms }}\n{old}")).unwrap();
    let mut command = Command::new(flow_binary::path());
    command.args(["run", "edited.flow"]).current_dir(folder).stdin(Stdio::null());
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    while lines(&folder.join("out")).is_empty() {
        assert!(run.try_wait().unwrap().is_none() && begin.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
    }
    said(folder, &["stop", "edited"]);
    assert!(run.wait().unwrap().success());
    std::fs::write(folder.join("edited.flow"), format!("job edited {{ checkpoint: 20ms }}\n{new}")).unwrap();
    said(folder, &["run", "edited.flow", "--allow-dropped"]);
}
