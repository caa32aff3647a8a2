//! Checkpoints of joins, windows and picks hold what changed since the one before; what is on its way when rows change or go is as it was at its
//! barrier; and who goes on from a base and its changes gives what a job gives that was never stopped.

use flow_plan::Value;
use flow_tests::pipelines::{Rows, changes};

/// 2026-01-01, in microseconds.
const BEGIN: i64 = 1_767_225_600_000_000;
const SECOND: i64 = 1_000_000;

/// Rows from `from` on, a millisecond apart, `apart` behind the beginning, of one chunk.
fn chunk(from: i64, rows: i64, apart: i64) -> Vec<Vec<Value>> {
    let row = |n: i64| {
        let text = format!("a text that is too long to be inline {n}");
        vec![Value::Int(n), Value::String(text.into()), Value::Timestamp(BEGIN + apart + n * 1000)]
    };
    (from..from + rows).map(row).collect()
}

/// 1,000 rows, then five that meet some of these, then some an hour later, and some that are late.
fn rows() -> Rows {
    let mut chunks: Rows = (0..10).map(|at| chunk(at * 100, 100, 0)).collect();
    chunks.push(chunk(700, 5, SECOND));
    chunks.push(chunk(710, 5, 3_600 * SECOND));
    chunks.push(chunk(500, 50, 3_601 * SECOND));
    chunks.push(chunk(600, 5, SECOND / 10));
    chunks
}

const BOUNDS: [&str; 9] = [
    "join(r on l.k == r.k",
    "left join(r on l.k == r.k",
    "join(r on l.k == r.k, ttl: 10min",
    "left join(r on l.k == r.k, within: 10min",
    "semi join(r on l.k == r.k, within: 10min",
    "join(r on l.k == r.k, within: 10min",
    "join(r on l.k == r.k, window: tumbling(10min)",
    "join(r on l.k == r.k, window: sliding(20min, every: 5min)",
    "join(r on l.k == r.k, window: session(gap: 10min)",
];

fn script(join: &str) -> String {
    let join = match join.split_once(' ') {
        Some(("left", rest)) => rest.replacen("join", "leftJoin", 1),
        Some(("semi", rest)) => rest.replacen("join", "semiJoin", 1),
        _ => join.to_string(),
    };
    format!(
        "type Row = {{ k: int, v: string, at: timestamp }}
         source l: Row = file(\"l\", format: json) |> eventTime(at, delay: 2s)
         source r: Row = file(\"r\", format: json) |> eventTime(at, delay: 2s)
         stream last = r |> keyBy(k) |> latest(by: at)
         sink out = l |> {join}) |> map {{ k: l.k, v: l.v }} -> stdout(format: json)
         "
    )
}

#[track_caller]
fn snapshots(join: &str, stops: &[usize], workers: [usize; 2]) -> Vec<usize> {
    let sources = [("l", rows()), ("r", rows())];
    match changes(&script(join), &sources, stops, workers) {
        Ok(bytes) => bytes,
        Err(why) => panic!("{join}), behind {stops:?} chunks, {workers:?} workers: {why}"),
    }
}

const WINDOWS: [&str; 13] = [
    "window(tumbling(10min)) |> aggregate { n: count(), last: max(v) }",
    "window(sliding(20min, every: 5min)) |> aggregate { n: count(), last: max(v) }",
    "window(tumbling(10min), lateness: 2h) |> aggregate { n: count(), last: max(v) }",
    "window(tumbling(10min), lateness: 2h) |> trigger(late: eachRow) |> aggregate { n: count() } |> keyBy(n) |> count() as m",
    "window(tumbling(10min), lateness: 2h) |> trigger(late: eachRow, mode: discarding) |> aggregate { n: count(), last: max(v) }",
    "window(tumbling(10min), lateness: 2h) |> trigger(late: eachRow) |> top(2, by: v)",
    "window(sliding(20min, every: 5min), lateness: 2h) |> trigger(late: eachRow) |> aggregate { n: count(), last: max(v) }",
    "window(sliding(20min, every: 5min), lateness: 2h) |> trigger(late: eachRow, mode: discarding) |> aggregate { n: count() }",
    "latest(by: v) |> keyBy(k) |> window(tumbling(10min)) |> aggregate { n: count(), last: max(v) }",
    "latest(by: v) |> keyBy(k) |> window(sliding(20min, every: 5min), lateness: 2h) |> trigger(late: eachRow) |> aggregate { n: count() } |> keyBy(n) |> count() as m",
    "window(session(gap: 300ms)) |> aggregate { n: count(), last: max(v) }",
    "window(session(gap: 300ms), lateness: 2h) |> trigger(late: eachRow) |> aggregate { n: count(), last: max(v) }",
    "window(session(gap: 300ms), lateness: 2h) |> trigger(late: eachRow) |> aggregate { n: count() } |> keyBy(n) |> count() as m",
];

#[track_caller]
fn snapshots_of(stages: &str, stops: &[usize], workers: [usize; 2]) -> Vec<usize> {
    let script = format!(
        "type Row = {{ k: int, v: string, at: timestamp }}
         source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 2s)
         sink out = a |> {stages} -> stdout(format: json)
         "
    );
    match changes(&script, &[("a", rows())], stops, workers) {
        Ok(bytes) => bytes,
        Err(why) => panic!("{stages}, behind {stops:?} chunks, {workers:?} workers: {why}"),
    }
}

const UPDATING: [&str; 11] = [
    "keyBy(k) |> top(2, by: v) |> keyBy(k) |> count() as n",
    "keyBy(k) |> count() as n |> keyBy(k) |> top(2, by: n)",
    "map { .., g: k % 3 } |> keyBy(g) |> top(20, by: v) as place |> keyBy(k) |> count() as n",
    "map { .., g: k % 3 } |> keyBy(k) |> latest(by: v) |> keyBy(g) |> top(4, by: v)",
    "map { .., g: k % 3 } |> keyBy(k) |> latest(by: v) |> keyBy(g) |> latest(by: v)",
    "keyBy(k) |> trigger(count: 3) |> top(2, by: v)",
    "keyBy(k) |> trigger(count: 2, mode: discarding) |> top(2, by: v)",
    "keyBy(k) |> latest(by: v) |> distinct(k)",
    "keyBy(k) |> latest(by: v) |> keyBy(v) |> trigger(count: 1) |> aggregate { n: count(), last: max(at) } |> keyBy(v) |> latest(by: n)",
    "keyBy(k) |> latest(by: v) |> keyBy(v) |> aggregate { n: count(), last: max(at) }",
    "keyBy(k) |> trigger(count: 2) |> aggregate { n: count(), last: max(v) } |> keyBy(n) |> count() as m",
];

#[test]
fn a_checkpoint_behind_few_rows_of_what_withdraws_is_small() {
    for (at, stages) in UPDATING.iter().enumerate() {
        let bytes = snapshots_of(stages, &[10, 11], [1 + at % 2, 2]);
        assert!(bytes[0] > 10_000 && bytes[1] * 20 < bytes[0], "{stages}: {bytes:?} bytes");
    }
}

#[test]
fn rows_that_come_and_go_while_a_checkpoint_is_on_its_way_are_in_it_as_they_were() {
    for (at, stages) in UPDATING.iter().enumerate() {
        for stops in [[10, 12, 13], [11, 13, 14]] {
            snapshots_of(stages, &stops, [1 + at % 3, 1 + (at + 1) % 2]);
        }
    }
}

#[test]
fn a_checkpoint_behind_few_rows_in_windows_is_small() {
    for (at, stages) in WINDOWS.iter().enumerate() {
        let bytes = snapshots_of(&format!("keyBy(k) |> {stages}"), &[10, 11], [1 + at % 2, 2]);
        assert!(bytes[0] > 10_000 && bytes[1] * 20 < bytes[0], "{stages}: {bytes:?} bytes");
    }
}

#[test]
fn windows_that_change_while_a_checkpoint_is_on_its_way_are_in_it_as_they_were() {
    for (at, stages) in WINDOWS.iter().enumerate() {
        for stops in [[10, 12, 13], [11, 13, 14]] {
            snapshots_of(&format!("keyBy(k) |> {stages}"), &stops, [1 + at % 3, 1 + (at + 1) % 2]);
        }
    }
}

/// Windows that are given once, of which slices come, change and go between checkpoints.
const SLICES: [&str; 4] = [
    "keyBy(k) |> window(sliding(5s, every: 2s)) |> aggregate { n: count(), last: max(v) }",
    "window(sliding(5s, every: 2s)) |> aggregate { n: count(), last: max(v) }",
    "keyBy(k) |> window(cumulative(6s, every: 2s)) |> aggregate { n: count(), last: last(v) }",
    "keyBy(g: k % 7) |> window(tumbling(3s)) |> aggregate { n: count(), first: first(v) }",
];

/// Behind a union, one of whose inputs ends long before the other.
#[test]
fn slices_that_come_change_and_go_between_checkpoints_are_in_them_as_they_were() {
    // Two chunks a second, with rows up to two seconds behind the first ones: these are taken by slices that are there.
    let rows = |from: i64, chunks: i64| -> Rows {
        (0..chunks).map(|at| chunk(from + at * 40 % 200, 40, at * SECOND / 2 - at % 3 * SECOND)).collect()
    };
    for (at, stages) in SLICES.iter().enumerate() {
        let script = format!(
            "type Row = {{ k: int, v: string, at: timestamp }}
             source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 1s)
             source b: Row = file(\"b\", format: json) |> eventTime(at, delay: 3s)
             sink out = a |> union(b) |> {stages} -> stdout(format: json)
             "
        );
        let sources = [("a", rows(0, 40)), ("b", rows(100, 6))];
        for (turn, stops) in [[4, 9, 13], [10, 11, 12], [20, 40, 46]].into_iter().enumerate() {
            let workers = [1 + (at + turn) % 3, 1 + at % 2];
            if let Err(why) = changes(&script, &sources, &stops, workers) {
                panic!("{stages}, behind {stops:?} chunks, {workers:?} workers: {why}");
            }
        }
    }
}

#[test]
fn a_checkpoint_behind_few_rows_of_a_join_is_small() {
    for (at, join) in BOUNDS.iter().enumerate() {
        let bytes = snapshots(join, &[20, 22], [1 + at % 2, 2]);
        assert!(bytes[0] > 50_000 && bytes[1] * 40 < bytes[0], "{join}): {bytes:?} bytes");
    }
}

#[test]
fn what_changes_and_goes_while_a_checkpoint_is_on_its_way_is_in_it_as_it_was() {
    let updating = ["join(last asOf as r on l.k == r.k", "leftJoin(last as r on l.k == r.k"];
    for (at, join) in BOUNDS.iter().chain(&updating).enumerate() {
        snapshots(join, &[20, 24, 25], [1 + at % 3, 1 + (at + 1) % 2]);
    }
}
