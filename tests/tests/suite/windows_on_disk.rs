//! Windows that are given again, of more groups than memory has room for: what they give is what the evaluator gives, in all
//! ways to run them (`tests/src/pipelines/compare.rs`). Those that are given once are in `larger_than_memory.rs`.

use flow_plan::Value;
use flow_tests::pipelines::{agrees, agrees_in_time};

const ROWS: &str = "type Row = { k: int, v: int, at: timestamp }
source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 2s)
";

/// Rows of so many keys: each key comes again and again, in no order, while time goes on. Some are behind by six seconds.
fn rows(keys: i64) -> Vec<Vec<Vec<Value>>> {
    let row = |n: i64| {
        let at = n * 10_000 - n * 31 % 6_000 * 1_000;
        vec![Value::Int(n * 7_919 % keys), Value::Int(n), Value::Timestamp(at)]
    };
    (0..12).map(|chunk| (chunk * 60..(chunk + 1) * 60).map(row).collect()).collect()
}

/// Rows go through these stages, in all ways to run it: so many come out at least.
#[track_caller]
fn gives(stages: &str, keys: i64, least: u64) {
    let script = format!("{ROWS}sink out = a |> {stages} -> stdout(format: json)\n");
    let given = agrees(&script, &[("a", rows(keys))]);
    assert!(given.as_ref().is_ok_and(|rows| *rows >= least), "{given:?} of {script}");
}

const SUMS: &str = "aggregate { n: count(), sum: sum(v), all: collect(v), different: countDistinct(v % 5), first: first(v) }";

#[test]
fn windows_that_rows_behind_change_are_given_again() {
    for window in ["tumbling(2s), lateness: 3s", "sliding(2s, every: 1s), lateness: 2s"] {
        for trigger in ["", "late: eachRow", "late: 1h", "late: eachRow, mode: discarding"] {
            let trigger = if trigger.is_empty() { "" } else { &format!("trigger({trigger}) |>") };
            gives(&format!("keyBy(k) |> window({window}) |> {trigger} {SUMS}"), 120, 121);
        }
    }
}

#[test]
fn lists_that_rows_behind_change_are_given_again() {
    for pick in ["top(2, by: v % 7)", "latest(by: at)"] {
        let window = "window(tumbling(2s), lateness: 3s) |> trigger(late: eachRow)";
        gives(&format!("keyBy(k) |> {window} |> {pick}"), 120, 121);
        gives(&format!("{window} |> {pick}"), 120, 7);
    }
}

#[test]
fn windows_that_are_given_before_their_end_are_given_at_it_once_more() {
    for window in ["tumbling(2s)", "cumulative(4s, every: 1s)", "tumbling(1h)"] {
        gives(&format!("keyBy(k) |> window({window}) |> trigger(early: 1h) |> {SUMS}"), 150, 150);
    }
}

/// The greatest value of a key moves from one group to the next with each row.
#[test]
fn windows_over_rows_that_are_withdrawn_forget_them() {
    let greatest = "keyBy(k) |> aggregate { v: max(v), at: last(at) } |> map { k, m: v % 9, v, at }";
    for window in ["tumbling(1h", "sliding(1h, every: 20min", "session(gap: 1h"] {
        let window = format!("{window}, time: processing)");
        for keys in ["m", "m, k"] {
            let sums = "aggregate { rows: count(), sum: sum(v), all: collect(k), last: max(at) }";
            gives(&format!("{greatest} |> keyBy({keys}) |> window({window}) |> {sums}"), 80, 9);
        }
        gives(&format!("{greatest} |> keyBy(m) |> window({window}) |> top(3, by: v)"), 80, 9);
    }
}

#[test]
fn sessions_are_given_when_time_passes_wherever_they_are() {
    for gap in ["300ms", "700ms", "2s", "1h"] {
        for keys in [40, 130] {
            gives(&format!("keyBy(k) |> window(session(gap: {gap})) |> {SUMS}"), keys, 40);
        }
        gives(&format!("keyBy(k) |> window(session(gap: {gap})) |> bottom(2, by: v % 11)"), 130, 130);
    }
}

#[test]
fn sessions_and_windows_are_given_early_when_the_clock_says_so() {
    let moments: Vec<(usize, i64)> = (0..12).map(|chunk| (chunk, 500_000)).collect();
    for window in
        ["session(gap: 900ms), lateness: 2s", "tumbling(2s), lateness: 2s", "sliding(2s, every: 1s)"]
    {
        for trigger in ["early: 1s", "late: 1s", "early: 1s, late: 2s"] {
            let script = format!(
                "{ROWS}sink out = a |> keyBy(k) |> window({window}) |> trigger({trigger}) |> {SUMS} -> stdout(format: json)\n"
            );
            let given = agrees_in_time(&script, &[("a", rows(90))], &moments);
            assert!(given.as_ref().is_ok_and(|rows| *rows > 90), "{given:?} of {script}");
        }
    }
}

/// Behind each chunk the clock on the wall goes on by half a second.
#[test]
fn windows_of_the_clock_are_given_when_it_passes_them() {
    let moments: Vec<(usize, i64)> = (0..12).map(|chunk| (chunk, 500_000)).collect();
    for window in ["tumbling(1s", "sliding(2s, every: 1s", "cumulative(3s, every: 1s", "session(gap: 700ms"] {
        for pick in [SUMS, "top(2, by: v)"] {
            let script = format!(
                "{ROWS}sink out = a |> keyBy(k) |> window({window}, time: processing)) |> {pick} -> stdout(format: json)\n"
            );
            let given = agrees_in_time(&script, &[("a", rows(150))], &moments);
            assert!(given.as_ref().is_ok_and(|rows| *rows > 150), "{given:?} of {script}");
        }
    }
}

#[test]
fn windows_of_so_many_rows_keep_those_of_each_key() {
    for window in ["count(3)", "count(4, every: 2)", "count(100)"] {
        gives(&format!("keyBy(k) |> window({window}) |> {SUMS}"), 130, 130);
        gives(&format!("keyBy(k) |> window({window}) |> top(2, by: v % 7)"), 130, 130);
    }
}

#[test]
fn sessions_that_rows_behind_change_are_given_again() {
    for gap in ["300ms", "900ms"] {
        for trigger in ["", "late: eachRow", "late: 1h", "early: 1h", "late: eachRow, mode: discarding"] {
            let trigger = if trigger.is_empty() { "" } else { &format!("trigger({trigger}) |>") };
            let window = format!("window(session(gap: {gap}), lateness: 3s) |> {trigger}");
            gives(&format!("keyBy(k) |> {window} {SUMS}"), 120, 121);
            gives(&format!("keyBy(k) |> {window} top(2, by: v % 7)"), 40, 41);
        }
    }
}
