//! Event time from the outside: folders of files that overlap in time, what is said of watermarks and late
//! rows, and the limit of state.

use flow_env::Random;
use flow_tests::flow_binary;
use std::fmt::Write as _;
use std::path::Path;

const ROWS: &str = "type Row = { k: int, at: timestamp }\nsource rows: Row = file(\"rows\", format: json)\n";

fn write(folder: &Path, name: &str, rows: impl Iterator<Item = (u64, u64)>) {
    std::fs::create_dir_all(folder.join("rows")).unwrap();
    let text = rows.fold(String::new(), |mut text, (k, at)| {
        let _ = writeln!(text, "{{\"k\":{k},\"at\":{at}}}");
        text
    });
    std::fs::write(folder.join("rows").join(name), text).unwrap();
}

/// Runs a script; what it prints, and what it says.
fn run(folder: &Path, script: &str, workers: &str) -> (Option<i32>, String, String) {
    std::fs::write(folder.join("job.flow"), script).unwrap();
    let output = flow_binary::run(folder, &["run", "job.flow", "--parallelism", workers]);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn no_row_of_files_that_overlap_in_time_is_late_as_each_is_in_order() {
    let folder = tempfile::tempdir().unwrap();
    // By path, the latest hours come first; neighbours overlap by half.
    for file in 0..12u64 {
        let start = 1_700_000_000_000 + (11 - file) * 1_800_000;
        let rows = (0..9_000u64).map(|i| (i % 7, start + i * 400));
        write(folder.path(), &format!("{file:02}.ndjson"), rows);
    }
    let script = format!(
        "{ROWS}  |> eventTime(at)\nstream counts = rows |> keyBy(k) |> window(tumbling(10min)) |> count()\n\
         sink out = counts -> stdout(format: csv)\nsink missed = counts.late -> blackhole()\n"
    );
    let mut first = None;
    for workers in ["1", "2", "4"] {
        let (code, printed, said) = run(folder.path(), &script, workers);
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("late rows") && said.contains("watermark 2023-"), "{said}");
        let count = |line: &str| line.rsplit(',').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        assert_eq!(printed.lines().skip(1).map(count).sum::<u64>(), 12 * 9_000, "{workers} workers");
        assert!(first.get_or_insert_with(|| printed.clone()) == &printed, "{workers} workers");
    }
}

#[test]
fn which_rows_of_unordered_files_are_late_does_not_depend_on_parallelism() {
    let seed = 11;
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    for file in 0..6u64 {
        let start = 1_700_000_000_000 + random.below(3_600_000);
        let rows: Vec<(u64, u64)> =
            (0..20_000).map(|i| (i % 7, start + i * 150 + random.below(90_000))).collect();
        write(folder.path(), &format!("{file}.ndjson"), rows.into_iter());
    }
    let script = format!(
        "{ROWS}  |> eventTime(at, delay: 1min)\nstream counts = rows |> keyBy(k) |> window(tumbling(10s)) |> count()\n\
         sink out = counts -> stdout(format: csv)\nsink missed = counts.late -> stdout(format: csv)\n"
    );
    let mut first = None;
    for workers in ["1", "2", "4"] {
        let (code, printed, said) = run(folder.path(), &script, workers);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("late rows given to counts.late"), "{said}");
        // Two sinks share the output: what comes of each is in order, not the two.
        let mut lines: Vec<String> = printed.lines().map(str::to_string).collect();
        lines.sort_unstable();
        assert!(first.get_or_insert_with(|| lines.clone()) == &lines, "seed {seed}, {workers} workers");
    }
}

#[test]
fn late_rows_that_nobody_reads_are_counted_and_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.ndjson", [(1, 5_000), (1, 65_000), (1, 6_000), (1, 7_000)].into_iter());
    let script = format!(
        "{ROWS}  |> eventTime(at, delay: 1s)\nstream counts = rows |> window(tumbling(10s)) |> count()\n\
         sink out = counts -> stdout(format: csv)\n"
    );
    let (code, printed, said) = run(folder.path(), &script, "1");
    assert_eq!((code, printed.lines().count()), (Some(0), 3), "{said}");
    assert!(said.contains("counts: 2 late rows dropped"), "{said}");
    assert!(said.contains("watermark 1970-01-01T00:01:04Z, 1s behind the latest row"), "{said}");
}

#[test]
fn a_tap_shows_watermarks_and_no_hidden_columns() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.ndjson", [(1, 5_000), (2, 65_000)].into_iter());
    let script =
        format!("{ROWS}  |> eventTime(at, delay: 5s)\nsink out = rows |> tap(\"seen\") -> blackhole()\n");
    let (code, _, said) = run(folder.path(), &script, "2");
    assert_eq!(code, Some(0), "{said}");
    let seen: Vec<&str> = said.lines().filter(|line| line.starts_with("seen")).collect();
    assert_eq!(
        seen,
        [
            "seen: {\"k\":1,\"at\":\"1970-01-01T00:00:05Z\"}",
            "seen: {\"k\":2,\"at\":\"1970-01-01T00:01:05Z\"}",
            "seen: watermark 1970-01-01T00:01:00Z"
        ]
    );
}

#[test]
fn a_job_that_needs_more_state_than_its_limit_stops_and_names_the_stage() {
    let folder = tempfile::tempdir().unwrap();
    let script = "job big { state: { limit: 4MiB } }\n\
         source ids: { id: int } = generate { id: seq() } rows: 50_000_000\n\
         stream perId = ids |> keyBy(id) |> trigger(atEnd) |> count()\n\
         sink out = perId -> blackhole()\n";
    let (code, _, said) = run(folder.path(), script, "2");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("error[state-limit]") && said.contains("its limit is 4 MiB"), "{said}");
    assert!(said.contains("`perId.count` holds") && said.contains("count()"), "{said}");
}
