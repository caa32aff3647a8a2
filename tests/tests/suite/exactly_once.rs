//! Jobs that stop, go on, change their script, and whose state people look at: by the commands a user types.

use flow_tests::flow_binary;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROWS: &str = "type Row = { k: int, v: int }\nsource rows: Row = file(\"in\", format: json)\n";

/// A running total per key; the rows of files that come later are read by the next run.
fn script(aggregates: &str) -> String {
    format!(
        "job totals {{ checkpoint: 20ms }}\n{ROWS}sink out = rows |> keyBy(k) |> aggregate {{ {aggregates} }}\n  -> file(\"out\", format: json)\n"
    )
}

/// Numbers without an end, so that somebody has to stop it.
const ENDLESS: &str = "job endless { checkpoint: 20ms }\nsource numbers = generate { n: seq(1) } rate: 2000\nsink out = numbers |> keyBy(k: n % 10) |> aggregate { rows: count(), most: max(n) }\n  -> file(\"out\", format: json)\n";

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

fn flow(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let out = flow_binary::run(folder, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

fn start(folder: &Path, script: &str) -> Child {
    let mut command = Command::new(flow_binary::path());
    command.args(["run", script]).current_dir(folder).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits until something is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The visible lines of a sink's folder.
fn lines(folder: &Path) -> Vec<String> {
    files(folder).into_iter().flatten().collect()
}

/// The same, of each file.
fn files(folder: &Path) -> Vec<Vec<String>> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder.join("out")) else { return files };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_file() && !path.file_name().unwrap().to_string_lossy().starts_with('.') {
            files.push(std::fs::read_to_string(path).unwrap().lines().map(str::to_string).collect());
        }
    }
    files
}

/// The numbers behind `"name":` in lines of JSON.
fn field(lines: &[String], name: &str) -> Vec<i64> {
    let value =
        |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()[name].as_i64().unwrap();
    lines.iter().map(value).collect()
}

/// Runs the endless job until it shows rows, then stops it.
fn run_and_stop(folder: &Path) -> usize {
    let before = lines(folder).len();
    let mut job = start(folder, "endless.flow");
    until("checkpoints with rows", || lines(folder).len() > before + 100);
    let (status, _, err) = flow(folder, &["stop", "endless"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(job.wait().unwrap().success());
    lines(folder).len()
}

#[test]
fn a_job_that_was_stopped_goes_on_behind_its_last_row() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "endless.flow", ENDLESS);
    let first = run_and_stop(folder.path());
    let second = run_and_stop(folder.path());
    assert!(second > first);
    // Each row of the input gave one row: their numbers are those from 1 on, each once.
    let mut rows = field(&lines(folder.path()), "most");
    rows.sort_unstable();
    assert_eq!(rows, (1..=second as i64).collect::<Vec<_>>());
}

/// The checkpoints of a job: epoch, and where the manifest is or will be.
fn checkpoints(folder: &Path, job: &str) -> Vec<(u64, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder.join(".flow").join(job)) else { return Vec::new() };
    let checkpoint = |entry: std::io::Result<DirEntry>| {
        let path = entry.unwrap().path();
        let epoch =
            path.file_name()?.to_str()?.strip_prefix("chk-")?.split('-').next()?.parse::<u64>().ok()?;
        Some((epoch, path.join("MANIFEST")))
    };
    entries.filter_map(checkpoint).collect()
}

/// The manifest of the newest checkpoint.
fn newest_manifest(folder: &Path, job: &str) -> String {
    std::fs::read_to_string(checkpoints(folder, job).into_iter().max().unwrap().1).unwrap()
}

#[test]
fn a_job_whose_state_changes_everywhere_is_asked_for_all_of_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let script = "job endless { checkpoint: 300ms, parallelism: 1 }\nsource numbers = generate { n: seq(1) }\nsink kept = numbers |> map { key: \"user-\" + string(n % 12000) + \"-of-some-thousands-of-them\" } |> keyBy(key) |> trigger(atEnd) |> count() as n -> blackhole()\n";
    write(folder.path(), "endless.flow", script);
    let mut job = start(folder.path(), "endless.flow");
    // Nothing else makes a later checkpoint of one run hold no changes.
    until("a later checkpoint without changes", || {
        let later = checkpoints(folder.path(), "endless").into_iter().filter(|(epoch, _)| *epoch > 2);
        let manifests = later.filter_map(|(_, path)| std::fs::read_to_string(path).ok());
        manifests.into_iter().any(|text| text.contains("\"base\": true") && !text.contains("\"base\": false"))
    });
    let (status, _, err) = flow(folder.path(), &["stop", "endless"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(job.wait().unwrap().success());
}

#[test]
fn checkpoints_behind_the_first_hold_what_changed_and_are_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "endless.flow", &ENDLESS.replace("n % 10", "n % 1000"));
    // On a busy machine, most keys may have changed by the last checkpoint of a run, which holds them all then.
    let mut before = 0;
    let of_changes = (0..12).any(|_| {
        before = run_and_stop(folder.path());
        newest_manifest(folder.path(), "endless").contains("\"base\": false")
    });
    assert!(of_changes, "every checkpoint holds all of it");
    let after = run_and_stop(folder.path());
    assert!(after > before);
    let mut rows = field(&lines(folder.path()), "most");
    rows.sort_unstable();
    assert_eq!(rows, (1..=after as i64).collect::<Vec<_>>());
}

#[test]
fn what_a_killed_run_had_on_disk_beside_memory_goes_with_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "endless.flow", ENDLESS);
    run_and_stop(folder.path());
    let left = folder.path().join(".flow/endless/spilled");
    assert!(folder.path().join(".flow/endless").is_dir());
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("0.run"), "entries").unwrap();
    run_and_stop(folder.path());
    assert!(!left.exists());
}

#[test]
fn lists_that_are_given_at_the_end_are_written_down_when_they_changed() {
    let folder = tempfile::tempdir().unwrap();
    let picks = "keyBy(k: n % 5000) |> trigger(atEnd) |> latest(by: n) -> blackhole()";
    let script = format!(
        "job endless {{ checkpoint: 20ms }}\nsource numbers = generate {{ n: seq(1) }} rate: 2000\nsink kept = numbers |> {picks}\nsink out = numbers -> file(\"out\", format: json)\n"
    );
    write(folder.path(), "endless.flow", &script);
    // On a busy machine, most lists may have changed by the last checkpoint of a run, which holds them all then. Nothing else has
    // state of which some may be left out.
    let of_changes = (0..12).any(|_| {
        run_and_stop(folder.path());
        let manifest = newest_manifest(folder.path(), "endless");
        manifest.contains("kept.latest") && manifest.contains("\"base\": false")
    });
    assert!(of_changes, "every checkpoint holds all of it");
    run_and_stop(folder.path());
}

#[test]
fn windows_write_down_the_groups_that_changed_and_those_that_are_gone() {
    for (window, most, rows) in [("tumbling(2s)", 1, 2), ("sliding(2s, every: 1s)", 2, 2)] {
        let script = format!(
            "job endless {{ checkpoint: 20ms }}\nsource numbers = generate {{ n: seq(1) }} rate: 2000\nsink out = numbers |> map {{ k: n % 1000, at: timestamp(n * 1000) }} |> eventTime(at, delay: 0s) |> keyBy(k) |> window({window}) |> count() as n\n  -> file(\"out\", format: json)\n"
        );
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "endless.flow", &script);
        // On a busy machine, most groups may have changed by the last checkpoint of a run, which holds them all then.
        let of_changes = (0..12).any(|run| {
            run_and_stop(folder.path());
            newest_manifest(folder.path(), "endless").contains("\"base\": false") && run > 1
        });
        assert!(of_changes, "{window}: every checkpoint holds all of it");
        // Windows behind the first ones hold each key so often; nothing is given twice.
        let shown = lines(folder.path());
        let mut counts = field(&shown, "n");
        let all = counts.len();
        counts.retain(|count| *count == rows);
        assert!(
            counts.len() + most * 1000 >= all && counts.len() >= 1000,
            "{window}: {} of {all}",
            counts.len()
        );
        let mut unique = shown.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), all, "{window}");
    }
}

#[test]
fn a_job_whose_keys_do_not_fit_into_memory_goes_on_there_and_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let many = ENDLESS.replace("n % 10", "n % 977").replace("rate: 2000", "rate: 20000");
    let on_disk = many.replace("20ms }", "20ms, state: { backend: sled, memory: 64KiB } }");
    let mut before = 0;
    for (run, script) in [&on_disk, &on_disk, &many, &on_disk].into_iter().enumerate() {
        write(folder.path(), "endless.flow", script);
        let after = run_and_stop(folder.path());
        assert!(after > before, "run {run}");
        before = after;
        let spilled = folder.path().join(".flow/endless/spilled");
        assert!(!spilled.exists(), "what was on disk is removed");
    }
    let rows = lines(folder.path());
    let mut most = field(&rows, "most");
    most.sort_unstable();
    assert_eq!(most, (1..=before as i64).collect::<Vec<_>>());
    // Each key counts its rows from 1 on.
    let keys: Vec<(i64, i64)> = field(&rows, "k").into_iter().zip(field(&rows, "rows")).collect();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    let counts =
        sorted.chunk_by(|a, b| a.0 == b.0).map(|rows| rows.iter().map(|row| row.1).collect::<Vec<_>>());
    for counts in counts {
        assert_eq!(counts, (1..=counts.len() as i64).collect::<Vec<_>>());
    }
}

#[test]
fn a_join_whose_keys_do_not_fit_into_memory_goes_on_there_and_on_disk() {
    // The partner of each left row came 400 rows before it.
    let script = "job endless { checkpoint: 20ms }
source numbers = generate { n: seq(1) } rate: 1000
stream timed = numbers |> map { n, at: timestamp(n * 1000) } |> eventTime(at, delay: 0s)
stream before = timed |> map { k: n + 400, at }
sink out = timed as l |> join(before as r on l.n == r.k BOUND) |> map { n: l.n } -> file(\"out\", format: json)
";
    for bound in ["", ", ttl: 1s", ", within: -1s..0s"] {
        let folder = tempfile::tempdir().unwrap();
        let many = script.replace(" BOUND", bound);
        let on_disk = many.replace("20ms }", "20ms, state: { backend: sled, memory: 64KiB } }");
        let mut before = 0;
        for (run, script) in [&on_disk, &many, &on_disk, &on_disk].into_iter().enumerate() {
            write(folder.path(), "endless.flow", script);
            let after = run_and_stop(folder.path());
            assert!(after > before, "{bound}: run {run}");
            before = after;
        }
        let mut rows = field(&lines(folder.path()), "n");
        rows.sort_unstable();
        assert_eq!(rows, (401..401 + before as i64).collect::<Vec<_>>(), "{bound}");
    }
}

#[cfg(unix)]
#[test]
fn a_job_that_is_interrupted_while_it_takes_over_its_state_stops_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    // So little memory that there are many pieces to load.
    let many = ENDLESS.replace("n % 10", "n % 20000").replace("rate: 2000", "rate: 40000");
    write(
        folder.path(),
        "endless.flow",
        &many.replace("20ms }", "20ms, state: { backend: sled, memory: 8KiB } }"),
    );
    let mut before = 0;
    while before < 30_000 {
        before = run_and_stop(folder.path());
    }
    let job = start(folder.path(), "endless.flow");
    let spilled = folder.path().join(".flow/endless/spilled");
    // From then on somebody listens.
    until("state on disk", || spilled.exists());
    let sent = Command::new("kill").args(["-INT", &job.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let out = job.wait_with_output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(0), "{said}");
    // On a machine that is fast enough it has begun by then.
    assert!(said.contains("stopped before it began") || said.contains("stopped after"), "{said}");
    assert!(!spilled.exists(), "{said}");
    let after = run_and_stop(folder.path());
    let mut rows = field(&lines(folder.path()), "most");
    rows.sort_unstable();
    assert_eq!(rows, (1..=after as i64).collect::<Vec<_>>());
}

#[test]
fn rows_that_wait_for_their_time_keep_their_order_when_state_is_read_piece_by_piece() {
    // Thousands of rows of one time, with keys of their own.
    let script = "job endless { checkpoint: 20ms, parallelism: WORKERS, state: { backend: sled, memory: 64KiB } }
source numbers = generate { n: seq(1) } rate: 20000
stream timed = numbers |> map { n, at: timestamp(n / 4000 * 1_000_000) } |> eventTime(at, delay: 0s)
stream others = timed |> filter(n < 0)
sink out = timed as l |> leftJoin(others as r on l.n == r.n, within: -1s..0s) |> map { n: l.n } -> file(\"out\", format: json)
";
    for workers in ["1", "2"] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "endless.flow", &script.replace("WORKERS", workers));
        for _ in 0..3 {
            run_and_stop(folder.path());
        }
        for rows in files(folder.path()) {
            let numbers = field(&rows, "n");
            let wrong = numbers.iter().zip(&numbers[1..]).find(|(before, behind)| before > behind);
            assert_eq!(wrong, None, "{workers} workers");
        }
    }
}

#[test]
fn a_running_job_is_listed_and_gives_savepoints_that_can_be_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "endless.flow", ENDLESS);
    let mut job = start(folder.path(), "endless.flow");
    until("a checkpoint with rows", || !lines(folder.path()).is_empty());
    let (_, jobs, _) = flow(folder.path(), &["jobs"]);
    assert!(jobs.starts_with("endless") && jobs.contains("running"), "{jobs}");
    let second = flow(folder.path(), &["run", "endless.flow"]);
    assert_eq!(second.0, Some(2), "two processes: {}", second.2);
    let (status, name, err) = flow(folder.path(), &["savepoint", "create", "endless"]);
    assert_eq!((status, name.as_str()), (Some(0), "endless@1\n"), "{err}");
    let (status, name, err) = flow(folder.path(), &["stop", "endless", "--savepoint"]);
    assert_eq!((status, name.as_str()), (Some(0), "endless@2\n"), "{err}");
    assert!(job.wait().unwrap().success());
    assert_eq!(flow(folder.path(), &["savepoint", "verify", "endless@2"]).0, Some(0));
    let (_, shown, _) = flow(folder.path(), &["savepoint", "show", "endless@2"]);
    assert!(shown.contains("groups by k: int: rows: int, most: int"), "{shown}");
    let (_, rows, _) = flow(folder.path(), &["savepoint", "export", "endless@2", "out.aggregate"]);
    let rows: Vec<String> = rows.lines().map(str::to_string).collect();
    assert_eq!(field(&rows, "rows").iter().sum::<i64>(), lines(folder.path()).len() as i64, "{rows:?}");
    assert_eq!(flow(folder.path(), &["savepoint", "delete", "endless@1"]).0, Some(0));
    for verb in ["delete", "show"] {
        let (status, _, err) = flow(folder.path(), &["savepoint", verb, "endless@1"]);
        assert_eq!(status, Some(2), "{err}");
        assert!(err.contains("there is no savepoint `endless@1`"), "{err}");
    }
    let (_, listed, _) = flow(folder.path(), &["savepoint", "list"]);
    assert!(listed.starts_with("endless@2") && listed.lines().count() == 1, "{listed}");
    assert_eq!(flow(folder.path(), &["savepoint", "diff", "endless@2", "endless.flow"]).0, Some(0));
}

/// A job of which half the input was read: it is stopped by a record that fails it.
fn half_done(folder: &Path, aggregates: &str) {
    let rows: String = (0..4000).map(|n| format!("{{\"k\":{},\"v\":{n}}}\n", n % 4)).collect();
    write(folder, "in", &format!("{rows}this is no record\n"));
    write(folder, "totals.flow", &script(aggregates));
    let (status, _, err) = flow(folder, &["run", "totals.flow"]);
    assert_eq!(status, Some(3), "{err}");
}

#[test]
fn a_script_whose_state_does_not_fit_is_refused_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "endless.flow", ENDLESS);
    run_and_stop(folder.path());
    let shown = lines(folder.path());
    let other = ENDLESS.replace("keyBy(k: n % 10)", "keyBy(k: string(n % 10))");
    write(folder.path(), "endless.flow", &other);
    let (status, _, err) = flow(folder.path(), &["run", "endless.flow"]);
    assert_eq!(status, Some(1), "{err}");
    assert!(err.contains("incompatible") && err.contains("endless.flow:3"), "{err}");
    assert_eq!(lines(folder.path()), shown);
    write(folder.path(), "endless.flow", ENDLESS);
    assert!(run_and_stop(folder.path()) > shown.len());
}

#[test]
fn an_aggregate_that_is_added_starts_empty_and_one_that_is_removed_needs_a_flag() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "endless.flow", ENDLESS);
    let before = run_and_stop(folder.path());
    let more = ENDLESS.replace("most: max(n)", "most: max(n), since: count(), mean: avg(n)");
    write(folder.path(), "endless.flow", &more);
    let after = run_and_stop(folder.path());
    let all: Vec<String> = lines(folder.path()).into_iter().filter(|line| line.contains("since")).collect();
    assert_eq!(all.len(), after - before);
    let (rows, since) = (field(&all, "rows"), field(&all, "since"));
    assert_eq!(since.iter().max().map(|n| n * 10 >= all.len() as i64), Some(true));
    assert!(rows.iter().zip(&since).all(|(rows, since)| rows > since), "old rows count in the old one alone");
    write(folder.path(), "endless.flow", &more.replace(", mean: avg(n)", ""));
    let (status, _, err) = flow(folder.path(), &["run", "endless.flow"]);
    assert_eq!(status, Some(1), "{err}");
    assert!(err.contains("--allow-dropped"), "{err}");
}

#[test]
fn a_job_that_fails_keeps_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    half_done(folder.path(), "n: count()");
    let shown = lines(folder.path()).len();
    let (status, jobs, _) = flow(folder.path(), &["jobs"]);
    assert_eq!(status, Some(0));
    assert!(jobs.contains("failed"), "{jobs}");
    let again = flow(folder.path(), &["run", "totals.flow"]);
    assert_eq!(again.0, Some(3), "the record is still there: {}", again.2);
    assert!(lines(folder.path()).len() >= shown);
}

#[test]
fn a_start_that_was_refused_does_not_make_a_finished_job_go_on() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", "{\"k\":1,\"v\":1}\n");
    write(folder.path(), "totals.flow", &script("n: count()"));
    let (status, _, err) = flow(folder.path(), &["run", "totals.flow"]);
    assert_eq!(status, Some(0), "{err}");
    let (status, _, err) = flow(folder.path(), &["run", "totals.flow"]);
    assert_eq!(status, Some(2), "its results are in the way: {err}");
    let (_, jobs, _) = flow(folder.path(), &["jobs"]);
    assert!(jobs.contains("finished") && jobs.contains("run 1"), "{jobs}");
    std::fs::remove_dir_all(folder.path().join("out")).unwrap();
    let (status, _, err) = flow(folder.path(), &["run", "totals.flow"]);
    assert_eq!(status, Some(0), "{err}");
    assert_eq!(lines(folder.path()).len(), 1);
}

#[test]
fn a_job_that_finished_once_and_then_failed_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let replacing = script("n: count()").replace("format: json)\n", "format: json, mode: overwrite)\n");
    write(folder.path(), "totals.flow", &replacing.replacen(", mode: overwrite", "", 1));
    for (row, expected) in [("1", 0), ("\"no number\"", 3), ("2", 0), ("3", 0)] {
        write(folder.path(), "in", &format!("{{\"k\":{row},\"v\":1}}\n"));
        let (status, _, err) = flow(folder.path(), &["run", "totals.flow"]);
        assert_eq!(status, Some(expected), "row {row}: {err}");
    }
    assert_eq!(field(&lines(folder.path()), "k"), [3]);
}

#[test]
fn the_history_says_with_which_version_of_the_script_each_run_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let changed = format!("{ENDLESS}// The same rows.\n");
    // Going back to a text that was there before is a change like any other.
    for text in [ENDLESS, ENDLESS, &changed, ENDLESS] {
        write(folder.path(), "endless.flow", text);
        run_and_stop(folder.path());
    }
    let (status, out, err) = flow(folder.path(), &["jobs", "endless", "--history"]);
    assert_eq!(status, Some(0), "{err}");
    let said = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for (run, version) in [(1, "1 (new)"), (2, "1"), (3, "2 (new)"), (4, "3 (new)")] {
        let line =
            said.split(&format!(" run {run} ")).nth(1).unwrap_or_else(|| panic!("no run {run}: {out}"));
        let line = line.split(" run ").next().unwrap();
        assert!(line.contains(&format!(" version {version} endless.flow from ")), "{run}: {line}");
    }
    let (_, out, err) = flow(folder.path(), &["jobs", "endless", "--history", "--json"]);
    let jobs: serde_json::Value =
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    let versions: Vec<_> = (0..4).map(|run| jobs[0]["history"][run]["version"].as_u64()).collect();
    assert_eq!(versions, [Some(1), Some(1), Some(2), Some(3)]);
}
