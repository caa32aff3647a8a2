//! Joins of what nobody expects: times at the ends of the calendar, one key with all rows, no match at all,
//! a million matches. Answers stay right and state small.

use flow_tests::flow_binary;
use std::fmt::Write;
use std::path::Path;

/// A job over `l.ndjson` and `r.ndjson` (`id`, `k`, `at`) whose state may not take more than this.
fn job(limit: &str, stages: &str) -> String {
    format!(
        "job limited {{ state: {{ limit: {limit} }} }}
        type Row = {{ id: int, k: int, at: timestamp }}
        source l: Row = file(\"l.ndjson\", format: json(timeUnit: ms)) |> eventTime(at, delay: 1s)
        source r: Row = file(\"r.ndjson\", format: json(timeUnit: ms)) |> eventTime(at, delay: 1s)
        {stages}
        "
    )
}

/// Runs it at one worker and at three: its rows, sorted, or what it says if it fails.
fn run(folder: &Path, script: &str) -> Result<Vec<String>, String> {
    std::fs::write(folder.join("job.flow"), script).unwrap();
    let run = |workers: &str| {
        let output = flow_binary::run(folder, &["run", "job.flow", "--parallelism", workers]);
        let mut rows: Vec<String> =
            String::from_utf8(output.stdout).unwrap().lines().map(str::to_string).collect();
        rows.sort();
        if output.status.success() { Ok(rows) } else { Err(String::from_utf8(output.stderr).unwrap()) }
    };
    let [one, three] = ["1", "3"].map(run);
    assert_eq!(one.is_ok(), three.is_ok(), "{one:?} {three:?}");
    if one.is_ok() {
        assert_eq!(one, three);
    }
    one
}

fn write(folder: &Path, side: &str, rows: impl Iterator<Item = (i64, i64, i64)>) {
    let mut text = String::new();
    for (id, k, at) in rows {
        writeln!(text, "{{\"id\":{id},\"k\":{k},\"at\":{at}}}").unwrap();
    }
    std::fs::write(folder.join(format!("{side}.ndjson")), text).unwrap();
}

#[test]
fn times_at_the_ends_of_the_calendar_are_times_as_others() {
    let folder = tempfile::tempdir().unwrap();
    // Year 1, before 1970, 1970, now, and the end of the year 9999.
    let times = [-62_135_596_800_000, -1, 0, 1_767_225_600_000, 253_402_300_799_000];
    let rows = || times.into_iter().enumerate().map(|(id, at)| (id as i64, 7, at));
    write(folder.path(), "l", rows());
    write(folder.path(), "r", rows());
    let script = job(
        "64MiB",
        "sink a = l |> join(r on l.k == r.k, within: 1h) |> map { k: \"interval\", id: l.id } -> stdout(format: json)
        sink b = l |> join(r on l.k == r.k, window: tumbling(1d)) |> map { k: \"window\", id: l.id } -> stdout(format: json)
        sink c = l |> join(r on l.k == r.k, window: session(gap: 1h)) |> map { k: \"session\", id: l.id } -> stdout(format: json)
        sink d = l |> join(r on l.k == r.k, ttl: 1d) |> map { k: \"ttl\", id: l.id } -> stdout(format: json)
        stream last = r |> keyBy(k) |> latest(by: at)
        sink e = l |> join(last asOf as v on l.k == v.k) |> map { k: \"asOf\", id: v.id } -> stdout(format: json)",
    );
    // -1 and 0 are in one hour and in one session, but not in one window. Without a bound, each row is used by
    // the next one in time.
    let expected = |k: &str| -> Vec<String> {
        let ids: &[i64] = match k {
            "window" | "asOf" => &[0, 1, 2, 3, 4],
            "ttl" => &[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4],
            _ => &[0, 1, 1, 2, 2, 3, 4],
        };
        ids.iter().map(|id| format!("{{\"k\":\"{k}\",\"id\":{id}}}")).collect()
    };
    let expected: Vec<String> =
        ["asOf", "interval", "session", "ttl", "window"].into_iter().flat_map(expected).collect();
    assert_eq!(run(folder.path(), &script).unwrap(), expected);
}

#[test]
fn rows_that_nobody_meets_are_freed_as_time_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "l", (0..100_000).map(|id| (id, id, id * 10)));
    write(folder.path(), "r", (0..100_000).map(|id| (id, -1 - id, id * 10)));
    for bound in [
        "within: 5s",
        "window: tumbling(5s)",
        "window: sliding(4s, every: 2s)",
        "window: session(gap: 2s)",
        "ttl: 5s",
    ] {
        let stages =
            format!("sink a = l |> join(r on l.k == r.k, {bound}) |> map {{ l.id }} -> stdout(format: json)");
        assert_eq!(run(folder.path(), &job("8MiB", &stages)).unwrap(), [""; 0], "{bound}");
    }
    // Without a bound all rows stay: the limit stops the job, and says where.
    let said = run(
        folder.path(),
        &job("8MiB", "sink a = l |> join(r on l.k == r.k) |> map { l.id } -> blackhole()"),
    )
    .unwrap_err();
    assert!(said.contains("limit") && said.contains("a.join"), "{said}");
}

#[test]
fn one_key_may_have_all_rows() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "l", (0..8_000).map(|id| (id, 7, id * 100)));
    write(folder.path(), "r", (0..8_000).map(|id| (id, 7, id * 100)));
    let script = job(
        "8MiB",
        "sink a = l |> join(r on l.k == r.k and l.id == r.id, within: 1s) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"interval\", n } -> stdout(format: json)
        sink b = l |> join(r on l.k == r.k, window: tumbling(200ms)) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"window\", n } -> stdout(format: json)
        stream last = r |> keyBy(k) |> latest(by: at)
        sink c = l |> join(last asOf as v on l.k == v.k) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"asOf\", n } -> stdout(format: json)",
    );
    assert_eq!(
        run(folder.path(), &script).unwrap(),
        [r#"{"k":"asOf","n":8000}"#, r#"{"k":"interval","n":8000}"#, r#"{"k":"window","n":16000}"#]
    );
}

#[test]
fn a_million_matches_of_one_key_need_no_room_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "l", (0..10_000).map(|id| (id, 7, id / 100)));
    write(folder.path(), "r", (0..100).map(|id| (id, 7, id)));
    let script = job(
        "16MiB",
        "sink a = l |> join(r on l.k == r.k, within: 1h) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"interval\", n } -> stdout(format: json)
        sink b = l |> join(r on l.k == r.k) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"regular\", n } -> stdout(format: json)
        sink c = l |> join(r on l.k == r.k, window: tumbling(1h)) |> trigger(atEnd) |> aggregate { n: count() } |> map { k: \"window\", n } -> stdout(format: json)",
    );
    assert_eq!(
        run(folder.path(), &script).unwrap(),
        [
            r#"{"k":"interval","n":1000000}"#,
            r#"{"k":"regular","n":1000000}"#,
            r#"{"k":"window","n":1000000}"#
        ]
    );
}
