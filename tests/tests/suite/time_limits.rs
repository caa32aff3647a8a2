//! Windows and running results over what nobody expects: times at the ends of the calendar, rows that are all late,
//! no rows at all, one key with all of them, ten million keys, a watermark that never moves.

use flow_tests::flow_binary;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Runs stages over `rows` (`k`, `at`) at one worker and at three: the rows it gives by their `w`, sorted, and what it says.
fn run(folder: &Path, event_time: &str, sinks: &[&str]) -> (BTreeMap<String, Vec<String>>, String) {
    let mut script = format!(
        "job limited {{ state: {{ limit: 32MiB }} }}\n\
         type Row = {{ k: int, at: timestamp }}\n\
         source rows: Row = file(\"rows.ndjson\", format: json(timeUnit: ms)) |> {event_time}\n"
    );
    for (index, sink) in sinks.iter().enumerate() {
        writeln!(script, "sink s{index} = rows {sink} -> stdout(format: csv(header: false))").unwrap();
    }
    std::fs::write(folder.join("job.flow"), script).unwrap();
    let run = |workers: &str| {
        let output = flow_binary::run(folder, &["run", "job.flow", "--parallelism", workers]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let (name, rest) = line.split_once(',').unwrap();
            by_name.entry(name.to_string()).or_default().push(rest.to_string());
        }
        by_name.values_mut().for_each(|rows| rows.sort());
        (by_name, said)
    };
    let ((one, said), (three, _)) = (run("1"), run("3"));
    assert_eq!(one, three, "one worker and three");
    (one, said)
}

fn write(folder: &Path, rows: impl Iterator<Item = (i64, i64)>) {
    let mut text = String::new();
    for (k, at) in rows {
        writeln!(text, "{{\"k\":{k},\"at\":{at}}}").unwrap();
    }
    std::fs::write(folder.join("rows.ndjson"), text).unwrap();
}

/// Counts in every kind of window of time, per key, and what else goes by time.
const BY_TIME: [&str; 8] = [
    "|> keyBy(k) |> window(tumbling(1d)) |> count() as n |> map { w: \"tumbling\", windowStart, windowEnd, n }",
    "|> keyBy(k) |> window(sliding(2d, every: 1d)) |> count() as n |> map { w: \"sliding\", windowStart, windowEnd, n }",
    "|> keyBy(k) |> window(cumulative(2h, every: 1h)) |> count() as n |> map { w: \"cumulative\", windowStart, windowEnd, n }",
    "|> keyBy(k) |> window(session(gap: 1h)) |> count() as n |> map { w: \"session\", windowStart, windowEnd, n }",
    "|> window(tumbling(1d)) |> count() as n |> map { w: \"all keys\", windowStart, windowEnd, n }",
    "|> keyBy(k) |> window(tumbling(1d)) |> top(1, by: at) |> map { w: \"top\", at }",
    "|> keyBy(k) |> distinct(at, within: 1h) |> map { w: \"distinct\", at }",
    "|> keyBy(k) |> trigger(atEnd) |> latest(by: at) |> map { w: \"latest\", at }",
];

#[test]
fn windows_at_the_ends_of_the_calendar_are_windows_as_others() {
    let folder = tempfile::tempdir().unwrap();
    // Year 1, before 1970, 1970, and the end of the year 9999.
    write(folder.path(), [-62_135_596_800_000, -1, 0, 253_402_300_799_000].into_iter().map(|at| (7, at)));
    let (rows, _) = run(folder.path(), "eventTime(at, delay: 1s)", &BY_TIME);
    let expect = |name: &str, expected: &[&str]| assert_eq!(rows[name], expected, "{name}");
    let days = [
        "+010000-01-01T00:00:00Z,1",
        "0001-01-02T00:00:00Z,1",
        "1970-01-01T00:00:00Z,1",
        "1970-01-02T00:00:00Z,1",
    ];
    let starts = ["9999-12-31", "0001-01-01", "1969-12-31", "1970-01-01"];
    let mut days: Vec<String> =
        starts.iter().zip(days).map(|(start, rest)| format!("{start}T00:00:00Z,{rest}")).collect();
    days.sort();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    expect("tumbling", &days);
    expect("all keys", &days);
    expect(
        "sliding",
        &[
            "0000-12-31T00:00:00Z,0001-01-02T00:00:00Z,1",
            "0001-01-01T00:00:00Z,0001-01-03T00:00:00Z,1",
            "1969-12-30T00:00:00Z,1970-01-01T00:00:00Z,1",
            "1969-12-31T00:00:00Z,1970-01-02T00:00:00Z,2",
            "1970-01-01T00:00:00Z,1970-01-03T00:00:00Z,1",
            "9999-12-30T00:00:00Z,+010000-01-01T00:00:00Z,1",
            "9999-12-31T00:00:00Z,+010000-01-02T00:00:00Z,1",
        ],
    );
    expect(
        "cumulative",
        &[
            "0001-01-01T00:00:00Z,0001-01-01T01:00:00Z,1",
            "0001-01-01T00:00:00Z,0001-01-01T02:00:00Z,1",
            "1969-12-31T22:00:00Z,1970-01-01T00:00:00Z,1",
            "1970-01-01T00:00:00Z,1970-01-01T01:00:00Z,1",
            "1970-01-01T00:00:00Z,1970-01-01T02:00:00Z,1",
            "9999-12-31T22:00:00Z,+010000-01-01T00:00:00Z,1",
        ],
    );
    expect(
        "session",
        &[
            "0001-01-01T00:00:00Z,0001-01-01T01:00:00Z,1",
            "1969-12-31T23:59:59.999Z,1970-01-01T01:00:00Z,2",
            "9999-12-31T23:59:59Z,+010000-01-01T00:59:59Z,1",
        ],
    );
    let times =
        ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"];
    expect("top", &times);
    expect("distinct", &times);
    expect("latest", &times[3..]);
}

#[test]
fn no_rows_give_none_and_end_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), std::iter::empty());
    let (rows, said) = run(folder.path(), "eventTime(at, delay: 1s)", &BY_TIME);
    assert!(rows.is_empty() && said.contains("0 rows read"), "{rows:?} {said}");
}

#[test]
fn rows_that_are_all_late_but_the_first_are_counted_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let late = (0..100_000).map(|i| (i % 100, i * 10));
    write(folder.path(), std::iter::once((7, 1_767_225_600_000)).chain(late));
    let tumbling = "|> keyBy(k) |> window(tumbling(1d)) |> count() as n |> map { w: \"tumbling\", k, n }";
    let session = "|> keyBy(k) |> window(session(gap: 1h)) |> count() as n |> map { w: \"session\", k, n }";
    let (rows, said) = run(folder.path(), "eventTime(at)", &[tumbling, session]);
    // The watermark reaches what is read first only behind it: rows of its block know it all the same.
    assert_eq!(
        (rows["tumbling"].as_slice(), rows["session"].as_slice()),
        (&["7,1".into()][..], &["7,1".into()][..])
    );
    assert!(
        said.contains("s0: 100,000 late rows dropped") && said.contains("s1: 100,000 late rows dropped"),
        "{said}"
    );
}

#[test]
fn a_watermark_that_never_moves_gives_everything_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), (0..50_000).map(|i| (i % 10, i * 10_000)));
    let (stuck, _) = run(folder.path(), "eventTime(at, delay: 36500d)", &BY_TIME);
    let (moving, _) = run(folder.path(), "eventTime(at, delay: 1s)", &BY_TIME);
    assert_eq!(stuck, moving);
    // One moment for all rows moves it no more.
    write(folder.path(), (0..50_000).map(|i| (i % 10, 1_000)));
    let (same, _) = run(folder.path(), "eventTime(at, delay: 1s)", &BY_TIME);
    assert_eq!(same["all keys"], ["1970-01-01T00:00:00Z,1970-01-02T00:00:00Z,50000"]);
}

#[test]
fn one_key_may_have_all_rows_of_windows_and_picks() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), (0..300_000).map(|i| (7, i * 100)));
    let (rows, _) = run(folder.path(), "eventTime(at, delay: 1s)", &BY_TIME);
    assert_eq!(rows["tumbling"], ["1970-01-01T00:00:00Z,1970-01-02T00:00:00Z,300000"]);
    assert_eq!(rows["session"], ["1970-01-01T00:00:00Z,1970-01-01T09:19:59.9Z,300000"]);
    assert_eq!(rows["top"], ["1970-01-01T08:19:59.9Z"]);
    assert_eq!(rows["distinct"].len(), 300_000);
}

#[test]
fn ten_million_keys_are_counted_or_refused_by_the_limit_of_state() {
    let folder = tempfile::tempdir().unwrap();
    let script = |limit: &str| {
        format!(
            "job many {{ state: {{ limit: {limit} }} }}\n\
             source ids: {{ id: int }} = generate {{ id: seq() }} rows: 10_000_000\n\
             sink out = ids |> keyBy(id) |> trigger(atEnd) |> count() as n\n\
               |> trigger(atEnd) |> aggregate {{ keys: count(), rows: sum(n) }} -> stdout(format: csv(header: false))\n"
        )
    };
    let run = |limit: &str| {
        std::fs::write(folder.path().join("job.flow"), script(limit)).unwrap();
        let output = flow_binary::run(folder.path(), &["run", "job.flow", "--parallelism", "2"]);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, printed, said) = run("2GiB");
    assert_eq!((code, printed.trim()), (Some(0), "10000000,10000000"), "{said}");
    let (code, _, said) = run("64MiB");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("error[state-limit]") && said.contains("keys"), "{said}");
}

#[test]
fn whatever_keeps_a_state_per_key_stops_at_the_limit_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let stages = [
        ("count", "keyBy(id) |> window(tumbling(365d)) |> count() as n"),
        ("count", "keyBy(id) |> window(session(gap: 365d)) |> count() as n"),
        (
            "count",
            "keyBy(id) |> window(sliding(2d, every: 1d), lateness: 365d) |> trigger(late: eachRow) |> count() as n",
        ),
        ("top", "keyBy(id) |> window(tumbling(365d)) |> top(1, by: at)"),
        ("latest", "keyBy(id) |> latest(by: at)"),
        ("bottom", "keyBy(id) |> trigger(every: 1h, mode: discarding) |> bottom(2, by: at)"),
        ("count", "keyBy(id) |> window(sliding(2d, every: 1d)) |> count() as n"),
        ("count", "keyBy(id) |> window(cumulative(365d, every: 1d)) |> count() as n"),
        ("count", "keyBy(id) |> window(count(3)) |> count() as n"),
        ("count", "keyBy(id) |> window(global) |> count() as n"),
        ("count", "keyBy(id) |> window(session(gap: 365d, time: processing)) |> count() as n"),
        ("scan", "keyBy(id) |> scan(state: 0, next: state + 1, emit: { state })"),
        // One key whose values are what grows.
        ("countDistinct", "trigger(atEnd) |> countDistinct(id) as n"),
        ("countDistinct", "window(tumbling(365d)) |> countDistinct(id) as n"),
        ("collect", "trigger(atEnd) |> collect(id) as all"),
        ("bottom", "trigger(atEnd) |> bottom(5_000_000, by: id)"),
        ("latest", "keyBy(id) |> window(session(gap: 365d)) |> latest(by: at)"),
        ("distinct", "distinct(id)"),
        ("distinct", "distinct(id, within: 365d)"),
        ("join", "join(ids as other on ids.id == other.id, within: 365d) |> map { one: 1 }"),
        ("join", "join(ids as other on ids.id == other.id) |> map { one: 1 }"),
        ("join", "join(ids as other on ids.id == other.id, ttl: 365d) |> map { one: 1 }"),
        ("join", "join(ids as other on ids.id == other.id, window: tumbling(365d)) |> map { one: 1 }"),
        ("join", "join(ids as other on ids.id == other.id, window: session(gap: 365d)) |> map { one: 1 }"),
        ("leftJoin", "leftJoin(ids as other on ids.id == other.id, within: 364d..365d) |> map { one: 1 }"),
        ("semiJoin", "semiJoin(ids as other on ids.id == other.id)"),
        ("antiJoin", "antiJoin(ids as other on ids.id == other.id, window: sliding(2d, every: 1d))"),
        ("join", "join(versions asOf as other on ids.id == other.id) |> map { at: other.at }"),
    ];
    for (name, stages) in stages {
        let script = format!(
            "job many {{ state: {{ limit: 16MiB }} }}\n\
             source ids: {{ id: int, at: timestamp }} =\n\
               generate {{ id: seq(), at: timestamps(@2026-01-01T00:00:00Z, every: 1ms) }} rows: 10_000_000\n\
               |> eventTime(at, delay: 1s)\n\
             stream versions = ids |> keyBy(id) |> latest(by: at)\n\
             sink out = ids |> {stages} -> blackhole()\n"
        );
        std::fs::write(folder.path().join("job.flow"), script).unwrap();
        let output = flow_binary::run(folder.path(), &["run", "job.flow", "--parallelism", "2"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{stages}: {said}");
        // Versions stand in the table that they come from as well, and either may be the larger one at that moment.
        let holders = [format!("`out.{name}`"), "`versions.latest`".to_string()];
        let holders = &holders[..if stages.contains("asOf") { 2 } else { 1 }];
        let named = holders.iter().any(|holder| said.contains(holder)) && said.contains("keys");
        assert!(said.contains("error[state-limit]") && named, "{stages}: {said}");
    }
}

#[test]
fn long_strings_that_rows_are_compared_by_count_as_state() {
    let folder = tempfile::tempdir().unwrap();
    let stages = [
        ("latest", "keyBy(id) |> latest(by: s)"),
        ("earliest", "keyBy(id) |> window(session(gap: 365d)) |> earliest(by: s)"),
        ("top", "window(tumbling(365d)) |> top(1_000_000, by: s)"),
        (
            "top",
            "keyBy(id) |> window(tumbling(1d), lateness: 365d) |> trigger(late: eachRow) |> top(2, by: s)",
        ),
        ("bottom", "trigger(atEnd) |> bottom(1_000_000, by: [at, s desc])"),
        ("bottom", "keyBy(id) |> trigger(every: 1h) |> bottom(2, by: s)"),
        ("top", "keyBy(id) |> top(3, by: s) as rank"),
    ];
    for (name, stages) in stages {
        // All strings together take 80 MB.
        let script = format!(
            "job many {{ state: {{ limit: 32MiB }} }}\n\
             source ids: {{ id: int, at: timestamp }} =\n\
               generate {{ id: seq(), at: timestamps(@2026-01-01T00:00:00Z, every: 1ms) }} rows: 20_000\n\
             stream long = ids |> map {{ .., s: padLeft(string(id), 4_000, \"x\") }} |> eventTime(at, delay: 1s)\n\
             sink out = long |> {stages} |> map {{ id }} -> blackhole()\n"
        );
        std::fs::write(folder.path().join("job.flow"), script).unwrap();
        let output = flow_binary::run(folder.path(), &["run", "job.flow", "--parallelism", "2"]);
        let said = String::from_utf8(output.stderr).unwrap();
        let named = said.contains(&format!("`out.{name}`")) && said.contains("keys");
        assert!(said.contains("error[state-limit]") && named, "{stages}: {said}");
    }
}

#[test]
fn what_is_over_is_freed_however_many_keys_come() {
    let folder = tempfile::tempdir().unwrap();
    let stages = [
        "keyBy(id) |> window(tumbling(5s)) |> count() as n",
        "keyBy(id) |> window(sliding(10s, every: 5s)) |> count() as n",
        "keyBy(id) |> window(cumulative(10s, every: 5s)) |> count() as n",
        "keyBy(id) |> window(session(gap: 2s)) |> count() as n",
        "keyBy(id) |> window(tumbling(5s), lateness: 2s) |> trigger(late: eachRow) |> count() as n",
        "keyBy(id) |> window(tumbling(5s)) |> top(1, by: s)",
        "keyBy(id) |> window(session(gap: 2s)) |> latest(by: s)",
        "keyBy(id) |> window(session(gap: 2s)) |> aggregate { first: first(s), all: collect(id), last: max(s) }",
        "keyBy(k: id / 100) |> window(session(gap: 2s)) |> countDistinct(s) as n",
        "distinct(id, within: 5s)",
        "join(ids as other on ids.id == other.id, within: 1s) |> map { one: 1 }",
        "join(ids as other on ids.id == other.id, window: tumbling(2s)) |> map { one: 1 }",
    ];
    for stages in stages {
        // If nothing were freed, each key would have less than 32 bytes.
        let script = format!(
            "job many {{ state: {{ limit: 6MiB }} }}\n\
             source made: {{ id: int, at: timestamp }} =\n\
               generate {{ id: seq(), at: timestamps(@2026-01-01T00:00:00Z, every: 20ms) }} rows: 200_000\n\
             stream ids = made |> map {{ .., s: \"a string {{id}}\" }} |> eventTime(at, delay: 1s)\n\
             sink out = ids |> {stages} -> blackhole()\n"
        );
        std::fs::write(folder.path().join("job.flow"), script).unwrap();
        let output = flow_binary::run(folder.path(), &["run", "job.flow", "--parallelism", "2"]);
        assert!(output.status.success(), "{stages}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_record_that_a_filter_drops_makes_no_row_of_its_file_late() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, rows: &[(i64, &str)]| {
        let row = |(id, at): &(i64, &str)| format!("{{\"id\":{id},\"at\":\"{at}\"}}\n");
        std::fs::write(folder.path().join(name), rows.iter().map(row).collect::<String>()).unwrap();
    };
    write("a.ndjson", &[(1, "2026-06-01T00:00:00Z")]);
    write(
        "b.ndjson",
        &[(0, "2030-01-01T00:00:00Z"), (1, "2026-01-01T00:00:00Z"), (2, "2026-01-01T00:00:05Z")],
    );
    let script = "job j { onError: skip }\n\
         type R = { id: int, at: timestamp }\n\
         source a: R = file(\"a.ndjson\", format: json)\n\
         source b: R = file(\"b.ndjson\", format: json)\n\
         sink other = a |> eventTime(at, delay: 0s) |> window(tumbling(1s)) |> count() -> blackhole()\n\
         stream w = b |> FILTER |> eventTime(at, delay: 0s) |> window(tumbling(1s)) |> sum(id) as n\n\
         sink out = w |> map { s: \"in time\", n } -> stdout(format: csv(header: false))\n\
         sink late = w.late |> map { s: \"late\", n: id } -> stdout(format: csv(header: false))\n";
    let ways = [
        "filter(id > 0)",
        "flatMap(one in if id > 0 then [id] else []) |> map { id: one, at }",
        "map { id: id + 10 % id, at }",
        "filter(id > 0) |> sample(1.0)",
    ];
    for way in ways {
        let script = script.replace("FILTER", way);
        std::fs::write(folder.path().join("job.flow"), &script).unwrap();
        for workers in ["1", "3"] {
            let output = flow_binary::run(folder.path(), &["run", "job.flow", "--parallelism", workers]);
            let (said, out) =
                (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
            assert_eq!(out, "in time,1\nin time,2\n", "{way}: {said}");
        }
    }
}
