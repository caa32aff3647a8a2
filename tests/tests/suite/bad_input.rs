//! What `flow` does with input that is missing, broken or hostile: a clear error with its place, the
//! exit status of the contract, never a panic, never part of an output that looks whole.

use flow_tests::flow_binary;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const NUMBERS: &str = r#"
type Row = { n: int, name: string? }
source rows: Row = file("rows.ndjson", format: json)
sink doubled = rows |> map { n: n * 2, name } -> file("out", format: json)
"#;

const CSV: &str = r#"
type Row = { n: int, name: string }
source rows: Row = file("rows.csv", format: csv)
sink all = rows -> file("out", format: json)
"#;

const TEXT: &str = r#"
source lines = file("lines.txt", format: text)
sink lengths = lines |> map { n: len(line) } -> stdout(format: json)
"#;

/// Copies flights out of a packed file.
const FLIGHTS: &str = r#"
    type Flight = { delay: int }
    source flights: Flight = file("rows.ndjson.gz", format: json)
    sink all = flights -> file("out", format: json)
"#;

/// Such a file.
const PACKED: &[u8] = include_bytes!("../../../lang-examples/folder-of-files/flights/2001-01.ndjson.gz");

/// A folder with a script and one input.
fn folder(script: &str, input: &str, bytes: impl AsRef<[u8]>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("job.flow"), script).unwrap();
    std::fs::write(folder.path().join(input), bytes).unwrap();
    folder
}

/// Runs the script; asserts the exit status and that nothing panicked; returns stdout and stderr.
fn run(folder: &Path, status: i32) -> (String, String) {
    outcome(&flow_binary::run(folder, &["run", "job.flow"]), status)
}

fn outcome(output: &Output, status: i32) -> (String, String) {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!err.contains("panicked"), "{err}");
    assert_eq!(output.status.code(), Some(status), "{}\n{err}", output.status);
    (out, err)
}

/// The files that a reader of the sink's folder would take for results.
fn results(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("out")) else { return Vec::new() };
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with(['.', '_']))
        .collect()
}

fn assert_says(err: &str, parts: &[&str]) {
    for part in parts {
        assert!(err.contains(part), "does not say {part:?}:\n{err}");
    }
}

#[test]
fn a_wrong_script_starts_nothing() {
    let folder = folder(&NUMBERS.replace("n * 2", "m * 2"), "rows.ndjson", "{\"n\":1}\n");
    let (_, err) = run(folder.path(), 1);
    assert_says(&err, &["job.flow:4"]);
    assert!(!folder.path().join("out").exists(), "the sink's folder was made");
}

#[test]
fn a_missing_file_is_an_error_before_the_start() {
    let folder = folder(NUMBERS, "other.ndjson", "");
    let (_, err) = run(folder.path(), 2);
    assert_says(&err, &["rows.ndjson"]);
    assert!(results(folder.path()).is_empty());
}

#[test]
fn a_number_that_does_not_fit_stops_the_job_with_the_line_it_stands_in() {
    let rows = "{\"n\":1}\n{\"n\":2}\n{\"n\":9223372036854775808}\n";
    let folder = folder(NUMBERS, "rows.ndjson", rows);
    let (_, err) = run(folder.path(), 3);
    assert_says(&err, &["rows.ndjson:3", "9223372036854775808"]);
    assert_eq!(results(folder.path()), Vec::<String>::new(), "part of an output looks whole");
}

#[test]
fn an_overflow_points_at_the_expression_and_shows_the_record() {
    let rows = "{\"n\":1}\n{\"n\":9223372036854775807}\n";
    let folder = folder(NUMBERS, "rows.ndjson", rows);
    let (_, err) = run(folder.path(), 3);
    assert_says(&err, &["n * 2", "job.flow:4", "rows.ndjson:2", "9223372036854775807"]);
    assert!(results(folder.path()).is_empty());
}

#[test]
fn a_row_that_is_no_json_stops_the_job_with_its_line() {
    let folder = folder(NUMBERS, "rows.ndjson", "{\"n\":1}\n{\"n\":\n");
    let (_, err) = run(folder.path(), 3);
    assert_says(&err, &["rows.ndjson:2"]);
}

#[test]
fn json_over_several_lines_or_in_a_list_is_told_how_it_becomes_lines() {
    for rows in ["{\n  \"n\": 1\n}\n", "[\n {\"n\":1}\n]\n", "[{\"n\":1}]\n"] {
        let folder = folder(NUMBERS, "rows.ndjson", rows);
        let (_, err) = run(folder.path(), 3);
        assert_says(&err, &["rows.ndjson:1", "one object a line", "jq -c"]);
    }
}

#[test]
fn csv_that_is_read_as_json_is_told_its_format() {
    let script = NUMBERS.replace("rows.ndjson", "rows.csv");
    let folder = folder(&script, "rows.csv", "n,name\n1,a\n");
    let (_, err) = run(folder.path(), 3);
    assert_says(&err, &["rows.csv:1", "read it with `format: csv`"]);
}

#[test]
fn json_that_is_nested_without_end_is_a_record_error() {
    let deep = format!("{{\"n\":1,\"extra\":{}}}\n", "[".repeat(200_000));
    let folder = folder(NUMBERS, "rows.ndjson", deep);
    run(folder.path(), 3);
}

#[test]
fn invalid_utf8_is_a_record_error_with_its_line() {
    let folder =
        folder(NUMBERS, "rows.ndjson", b"{\"n\":1,\"name\":\"a\"}\n{\"n\":2,\"name\":\"\xff\xfe\"}\n");
    let (_, err) = run(folder.path(), 3);
    assert_says(&err, &["rows.ndjson:2"]);
}

#[test]
fn a_line_of_64_mib_is_read_or_refused_but_nothing_breaks() {
    let mut line = vec![b'x'; 64 << 20];
    line.push(b'\n');
    let folder = folder(TEXT, "lines.txt", line);
    let output = flow_binary::run(folder.path(), &["run", "job.flow"]);
    let status = output.status.code();
    let (out, err) = outcome(&output, status.unwrap_or(-1));
    match status {
        Some(0) => assert_eq!(out, "{\"n\":67108864}\n"),
        Some(3) => assert_says(&err, &["lines.txt:1"]),
        other => panic!("exit status {other:?}\n{err}"),
    }
}

#[test]
fn a_plain_file_with_the_name_of_a_gzip_is_refused_before_the_start() {
    for content in ["x", "a plain text\n"] {
        let folder = folder(TEXT, "lines.txt.gz", content);
        let script = TEXT.replace("lines.txt", "lines.txt.gz");
        std::fs::write(folder.path().join("job.flow"), script).unwrap();
        let (_, err) = run(folder.path(), 2);
        assert_says(&err, &["`lines.txt.gz` is no gzip file"]);
    }
}

#[test]
fn a_truncated_gzip_names_the_file_and_leaves_no_result() {
    let folder = folder(FLIGHTS, "rows.ndjson.gz", &PACKED[..PACKED.len() / 2]);
    let (_, err) = run(folder.path(), 3);
    assert_says(&err, &["rows.ndjson.gz"]);
    assert!(results(folder.path()).is_empty(), "part of an output looks whole");
}

#[test]
fn what_stands_behind_a_gzip_is_padding_or_told_as_garbage() {
    let folder = folder(FLIGHTS, "rows.ndjson.gz", [PACKED, b"-- signed by me"].concat());
    let (_, err) = run(folder.path(), 3);
    assert_says(&err, &["rows.ndjson.gz", "trailing garbage", &format!("byte {}", PACKED.len())]);
    assert!(!err.contains("truncated") && !err.contains("damaged"), "{err}");
    std::fs::write(folder.path().join("rows.ndjson.gz"), [PACKED, &[0; 9_999]].concat()).unwrap();
    run(folder.path(), 0);
}

#[test]
fn a_csv_row_of_another_length_is_a_record_error_with_its_line() {
    let folder = folder(CSV, "rows.csv", "n,name\n1,a\n2\n3,c\n");
    let (_, err) = run(folder.path(), 3);
    assert_says(&err, &["rows.csv:3"]);
}

#[test]
fn a_csv_with_another_header_is_refused_and_says_what_is_missing() {
    let folder = folder(CSV, "rows.csv", "number,name\n1,a\n");
    let output = flow_binary::run(folder.path(), &["run", "job.flow"]);
    let status = output.status.code().unwrap_or(-1);
    let (_, err) = outcome(&output, status);
    assert!(matches!(status, 2 | 3), "exit status {status}\n{err}");
    assert_says(&err, &["rows.csv", "`n`"]);
    assert!(results(folder.path()).is_empty());
}

#[test]
fn a_csv_with_another_delimiter_is_refused_and_says_how_to_name_it() {
    let folder = folder(CSV, "rows.csv", "n;name\n1;a\n");
    let (_, err) = run(folder.path(), 2);
    assert_says(&err, &["has no column `n`", "csv(delimiter: \";\")"]);
    std::fs::write(folder.path().join("rows.csv"), "x,y\n1,a\n").unwrap();
    let (_, err) = run(folder.path(), 2);
    assert!(!err.contains("did you mean"), "no name is near `n`: {err}");
}

#[test]
fn rows_that_cannot_be_read_are_counted_and_skipped_when_the_job_says_so() {
    let script = format!("job skipping {{ onError: skip }}\n{}", NUMBERS.replace("file(\"out\"", "stdout("))
        .replace("stdout(, format: json)", "stdout(format: json)");
    let folder = folder(&script, "rows.ndjson", "{\"n\":1}\n{\"n\":\"x\"}\n{\"n\":3}\n");
    let (out, err) = run(folder.path(), 0);
    assert_eq!(out, "{\"n\":2,\"name\":null}\n{\"n\":6,\"name\":null}\n");
    assert_says(&err, &["1 "]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_not_success() {
    let folder = folder(TEXT, "lines.txt", "some text\n".repeat(100_000));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(flow_binary::path())
        .args(["run", "job.flow"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    outcome(&output, 3);
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_the_job_without_noise() {
    let folder = folder(TEXT, "lines.txt", "some text\n".repeat(200_000));
    let mut child = Command::new(flow_binary::path())
        .args(["run", "job.flow"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(!err.contains("panicked"), "{err}");
    assert!(output.status.code().is_some(), "killed: {}\n{err}", output.status);
    assert_says(&err, &["ended after", "its reader went away: at most "]);
}

#[test]
fn a_second_run_over_the_results_of_the_first_is_refused() {
    let folder = folder(NUMBERS, "rows.ndjson", "{\"n\":1}\n");
    run(folder.path(), 0);
    let before = results(folder.path());
    assert!(!before.is_empty());
    let (_, err) = run(folder.path(), 2);
    assert_says(&err, &["mode: overwrite"]);
    assert_eq!(results(folder.path()), before);
}

#[test]
fn a_start_that_is_refused_is_no_run() {
    let folder = folder(NUMBERS, "rows.ndjson", "{\"n\":1}\n");
    run(folder.path(), 0);
    for args in [&["run", "job.flow"][..], &["run", "job.flow", "--fresh"]] {
        outcome(&flow_binary::run(folder.path(), args), 2);
        let (out, _) = outcome(&flow_binary::run(folder.path(), &["jobs"]), 0);
        assert_says(&out, &["finished", "run 1"]);
    }
    let runs = std::fs::read_dir(folder.path().join(".flow/job/runs")).unwrap();
    let runs = runs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(runs.into_iter().all(|name| name.starts_with("1.")));
}

#[test]
fn a_run_that_fails_before_its_first_checkpoint_leaves_nothing_in_the_folder_of_its_sink() {
    let folder = folder(NUMBERS, "rows.ndjson", "{\"n\":1}\n{\"n\":\"x\"}\n");
    run(folder.path(), 3);
    assert!(!folder.path().join("out").exists());
    let script = NUMBERS.replace("\"out\", ", "\"out\", mode: append, ");
    std::fs::write(folder.path().join("job.flow"), script).unwrap();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    std::fs::write(folder.path().join("out/part-0-0.ndjson"), "{\"n\":0}\n").unwrap();
    run(folder.path(), 3);
    let left = std::fs::read_dir(folder.path().join("out")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["part-0-0.ndjson"]);
}

#[test]
fn a_sink_whose_folder_cannot_be_made_costs_no_run_and_leaves_no_folder() {
    let script = format!("{NUMBERS}sink other = rows -> file(\"taken/out\", format: json)\n");
    let folder = folder(&script, "rows.ndjson", "{\"n\":1}\n");
    std::fs::write(folder.path().join("taken"), "").unwrap();
    let (_, err) = run(folder.path(), 2);
    assert_says(&err, &["cannot create", "taken/out"]);
    assert!(!folder.path().join("out").exists(), "made for nothing");
    let runs = std::fs::read_dir(folder.path().join(".flow/job/runs"));
    assert_eq!(runs.map_or(0, Iterator::count), 0, "a run that never was");
}

#[test]
fn a_run_that_fails_while_its_first_checkpoint_is_written_leaves_nothing_in_the_folder_of_its_sink() {
    let script = "job counting { checkpoint: 1h }\ntype Row = { n: int }\nsource rows: Row = stdin(format: json)\n\
        sink counts = rows |> keyBy(n) |> count() as times -> file(\"out\", format: json)\n";
    let folder = folder(script, "unread", "");
    let mut command = Command::new(flow_binary::path());
    command.args(["run", "job.flow", "--parallelism", "1"]).current_dir(folder.path());
    let mut job = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut rows = job.stdin.take().unwrap();
    // More than a worker hands over at once: it has to wait until some of it is written.
    let numbers: String = (0..1_000_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    rows.write_all(numbers.as_bytes()).unwrap();
    let mut asked = Command::new(flow_binary::path());
    asked.args(["savepoint", "create", "counting"]).current_dir(folder.path());
    let mut asked = asked.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let state = folder.path().join(".flow/counting");
    while !state.join("chk-1-g1").exists() && job.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    rows.write_all(b"{\"n\":\"x\"}\n").unwrap();
    drop(rows);
    assert_eq!(job.wait().unwrap().code(), Some(3));
    asked.wait().unwrap();
    // Where it was fast enough to complete the checkpoint, what it staged is still wanted.
    let completed = state.join("LATEST").exists();
    assert!(completed || !state.join("chk-1-g1").exists(), "a checkpoint that nobody will complete");
    assert!(completed || !folder.path().join("out").exists(), "a hidden folder");
}

/// Runs the job where no file may have more than so many KiB.
#[cfg(unix)]
fn run_with_small_files(folder: &Path, kib: u32, status: i32) -> String {
    // A block of `ulimit` has 512 bytes in a shell of POSIX, and 1024 in others.
    let command = format!("ulimit -f {kib} && exec {} run job.flow", flow_binary::path().display());
    let output = Command::new("sh").args(["-c", &command]).current_dir(folder).env("NO_COLOR", "1").output();
    outcome(&output.unwrap(), status).1
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_become_so_large_is_an_error_and_what_was_shown_stays() {
    let script = NUMBERS.replace("\"out\", ", "\"out\", mode: append, ");
    let folder = folder(&script, "rows.ndjson", "{\"n\":1}\n");
    run_with_small_files(folder.path(), 2_000, 0);
    // Of whichever worker was faster.
    let first = results(folder.path());
    assert_eq!(first.len(), 1);
    std::fs::write(folder.path().join("rows.ndjson"), "{\"n\":1}\n".repeat(300_000)).unwrap();
    let err = run_with_small_files(folder.path(), 2_000, 3);
    assert_says(&err, &["cannot write out/part-", "-1.ndjson", "`ulimit -f`", "`rollSize:`", "job.flow:4:"]);
    assert_eq!(results(folder.path()), first);
    // Part files that stay below the limit are written under it.
    std::fs::write(
        folder.path().join("job.flow"),
        script.replace("mode: append", "mode: append, rollSize: 256KiB"),
    )
    .unwrap();
    run_with_small_files(folder.path(), 2_000, 0);
    assert!(results(folder.path()).len() > 10);
}

#[test]
fn a_record_error_behind_an_exchange_says_where_its_row_was_read() {
    let script = "type R = { k: string, x: int }\nsource r: R = file(\"rows.ndjson\", format: json)\n\
                  stream s = r |> keyBy(k) |> trigger(atEnd) |> aggregate { t: sum(x) }\n\
                  sink o = s -> stdout(format: json)\n";
    let rows = "{\"k\":\"a\",\"x\":9223372036854775807}\n{\"k\":\"b\",\"x\":1}\n{\"k\":\"a\",\"x\":1}\n";
    let folder = folder(script, "rows.ndjson", rows);
    for workers in ["1", "2", "3"] {
        let run = ["run", "job.flow", "--fresh", "--parallelism", workers];
        let (_, err) = outcome(&flow_binary::run(folder.path(), &run), 3);
        assert_says(&err, &["9223372036854775807 + 1 overflows", "rows.ndjson:3 (byte 50)"]);
    }
}

#[test]
fn errors_behind_filters_and_exchanges_say_where_their_record_stood() {
    let mut rows = String::new();
    for n in 0..20_000i64 {
        let v = if n % 5_000 < 3 { i64::MAX } else { n };
        rows.push_str(&format!("{{\"k\":{},\"v\":{v},\"note\":\"{n}\"}}\n", n % 3));
    }
    let stages = [
        "filter(v > 0) |> keyBy(k) |> sum(v) as n",
        "filter(v > 7) |> map { k, w: v * 2 }",
        "filter(v > 0) |> distinct(v, k) |> filter(v > 7) |> keyBy(k) |> sum(v) as n",
        "filter(v > 0) |> distinct(k, v) |> keyBy(v) |> scan(state: 0, next: state + v + v, emit: { v })",
    ];
    for stages in stages {
        let script = format!(
            "type Row = {{ k: int, v: int, note: string }}
source rows: Row = file(\"rows.ndjson\", format: json)
stream s = rows |> {stages}
sink out = s -> blackhole()
sink bad = s.errors |> map {{ position, raw }} -> stdout(format: json)
"
        );
        let folder = folder(&script, "rows.ndjson", &rows);
        let told = |workers| {
            let args = ["run", "job.flow", "--fresh", "--parallelism", workers];
            let (out, _) = outcome(&flow_binary::run(folder.path(), &args), 0);
            let mut lines: Vec<String> = out.lines().map(str::to_string).collect();
            lines.sort();
            lines
        };
        let alone = told("1");
        assert!(!alone.is_empty(), "{stages}: no error");
        for line in &alone {
            assert!(line.contains("rows.ndjson@") && line.contains("note"), "{stages}: {line}");
        }
        assert_eq!(told("4"), alone, "{stages}");
    }
}
