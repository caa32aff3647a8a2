//! What windows and picks hold at a barrier: tables whose columns have the names of the script.

use flow_plan::Value;
use flow_tests::pipelines::{goes_on, held};

const ROWS: &str =
    "type Row = { k: int, v: int, at: timestamp }\nsource a: Row = file(\"a\", format: json)\n";

/// Three keys, a second apart.
fn rows() -> Vec<Vec<Value>> {
    let row = |n: i64| {
        vec![Value::Int(n % 3), Value::Int(n), Value::Timestamp(1_767_225_600_000_000 + n * 1_000_000)]
    };
    (0..9).map(row).collect()
}

#[track_caller]
fn holds(time: &str, stages: &str, expected: &[&str]) {
    let script = format!("{ROWS}{time}sink out = a |> keyBy(k) |> {stages} -> stdout(format: json)\n");
    for workers in [1, 3] {
        assert_eq!(held(&script, rows(), workers).unwrap(), expected, "{stages}, {workers} workers");
    }
}

const TIMED: &str = "  |> eventTime(at, delay: 4s)\n";

#[test]
fn windows_hold_their_groups_under_the_names_of_keys_bounds_and_results() {
    holds(
        TIMED,
        "window(tumbling(2s)) |> aggregate { total: sum(v), mean: avg(v) }",
        &[
            "out.aggregate windows: k, windowStart, windowEnd, total, mean.sum_high, mean.sum_low, mean.rows (5)",
        ],
    );
    holds(
        TIMED,
        "window(sliding(4s, every: 2s)) |> aggregate { total: sum(v) }",
        &["out.aggregate slices: k, sliceStart, total (7)"],
    );
    holds(
        TIMED,
        "window(session(gap: 2s)) |> aggregate { total: sum(v) }",
        &[
            "out.aggregate sessions: k, windowStart, windowEnd, total (7)",
            "out.aggregate given: k, windowStart, windowEnd, k·2, windowStart·2, windowEnd·2, total (0)",
        ],
    );
    holds(
        "",
        "window(count(2, every: 1)) |> aggregate { total: sum(v) }",
        &["out.aggregate groups: k (3)", "out.aggregate rows: k, k·2, v (6)"],
    );
}

#[test]
fn windows_that_are_given_again_hold_what_was_given() {
    holds(
        TIMED,
        "window(tumbling(2s), lateness: 1min) |> trigger(late: eachRow) |> aggregate { total: sum(v) } |> trigger(atEnd) |> aggregate { all: sum(total) }",
        &[
            "out.aggregate windows: k, windowStart, windowEnd, total (9)",
            "out.aggregate given: k, windowStart, windowEnd, k·2, windowStart·2, windowEnd·2, total (4)",
            "out.aggregate#2 groups: all.sum_high, all.sum_low (1)",
        ],
    );
}

#[test]
fn picks_hold_the_places_or_the_rows_of_each_key() {
    holds("", "latest(by: v) |> map { k, v }", &["out.latest best: k, v (3)"]);
    holds(
        "",
        "trigger(atEnd) |> top(2, by: v) |> map { k, v }",
        &["out.top groups: k (3)", "out.top rows: k, v (6)"],
    );
    holds(
        "",
        "top(2, by: v) |> trigger(atEnd) |> aggregate { all: sum(v) }",
        &[
            "out.top groups: k (3)",
            "out.top rows: k, v (6)",
            "out.top given: k, v (6)",
            "out.aggregate groups: all.sum_high, all.sum_low (1)",
        ],
    );
    holds(
        TIMED,
        "window(tumbling(1min)) |> top(2, by: v) |> map { k, v }",
        &["out.top windows: k, windowStart, windowEnd, rows (3)"],
    );
}

#[test]
fn lateness_comes_and_goes_while_windows_are_open() {
    let script = |more: &str| {
        format!(
            "{ROWS}{TIMED}sink out = a |> keyBy(k) |> window(tumbling(1min){more}) |> aggregate {{ total: sum(v) }} |> map {{ k, total }} -> stdout(format: json)\n"
        )
    };
    let (plain, late) = (script(""), script(", lateness: 5s"));
    for (before, after) in [(&plain, &late), (&late, &plain), (&late, &late)] {
        let printed = goes_on(before, after, vec![rows(), rows()]).unwrap();
        assert_eq!(printed, ["0, 18", "1, 24", "2, 30"], "{before}{after}");
    }
}

#[test]
fn state_that_an_operator_does_not_keep_any_more_is_refused() {
    let script = |trigger: &str| {
        format!(
            "{ROWS}sink out = a |> keyBy(k) |> {trigger}latest(by: v) |> map {{ k, v }} -> stdout(format: json)\n"
        )
    };
    let refused = goes_on(&script(""), &script("trigger(atEnd) |> "), vec![rows(), rows()]).unwrap_err();
    assert!(refused.contains("its state holds `best`") && refused.contains("out.latest"), "{refused}");
}
