//! What windows and picks hold at a barrier: tables whose columns have the names of the script.

use flow_checkpoint::state::Table;
use flow_data::Batch;
use flow_engine::snapshot::Snapshot;
use flow_plan::{DataType, RecordType, Value};
use flow_tests::pipelines::{goes_on, goes_on_from, held};
use std::sync::Arc;

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
    holds("", "trigger(atEnd) |> top(2, by: v) |> map { k, v }", &["out.top rows: k, v (6)"]);
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

/// A table's columns of these names, of entries that are the first of their key if that is wanted.
fn only(table: &Table, name: &str, firsts: bool, wanted: impl Fn(&str) -> bool) -> Table {
    let fields = &table.schema.fields;
    let kept: Vec<usize> = (0..fields.len()).filter(|&at| wanted(&fields[at].name)).collect();
    let place = table.schema.position("·place").unwrap();
    let some = |batch: &Batch| {
        let is_first = |row: &u32| batch.columns[place].value(*row as usize, &DataType::Int) == Value::Int(0);
        let rows: Vec<u32> = (0..batch.len as u32).filter(|row| !firsts || is_first(row)).collect();
        let batch = batch.gather(&rows);
        Batch::new(batch.len, kept.iter().map(|&at| batch.columns[at].clone()).collect())
    };
    let schema = RecordType::new(kept.iter().map(|&at| fields[at].clone()).collect());
    let rows = table.rows.iter().map(some).collect();
    Table { name: name.into(), schema: Arc::new(schema), rows, ..table.clone() }
}

#[test]
fn picks_at_the_end_go_on_from_groups_that_stand_beside_their_rows() {
    let script = format!(
        "{ROWS}sink out = a |> keyBy(k) |> trigger(atEnd) |> top(2, by: v) |> map {{ k, v }} -> stdout(format: json)\n"
    );
    let expected = goes_on(&script, &script, vec![rows(), rows()]).unwrap();
    assert_eq!(expected.len(), 6);
    // As the first versions wrote them.
    let apart = |snapshot: &mut Snapshot| {
        for state in snapshot.parts.iter_mut().flat_map(|part| &mut part.states) {
            let of_group = |name: &str| name == "·number" || name.starts_with("·rank");
            let together = &state.tables[0];
            let groups = only(together, "groups", true, |name| name == "k" || of_group(name));
            let rows = only(together, "rows", false, |name| !of_group(name));
            state.tables = vec![groups, rows];
        }
    };
    assert_eq!(goes_on_from(&script, &script, vec![rows(), rows()], apart).unwrap(), expected);
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
fn rows_that_were_given_as_they_came_cannot_be_given_at_the_end() {
    let script = |trigger: &str| {
        format!(
            "{ROWS}sink out = a |> keyBy(k) |> {trigger}latest(by: v) |> map {{ k, v, at }} -> stdout(format: json)\n"
        )
    };
    let refused = goes_on(&script(""), &script("trigger(atEnd) |> "), vec![rows(), rows()]).unwrap_err();
    assert!(
        refused.contains("the rows of its state have no `at`") && refused.contains("out.latest"),
        "{refused}"
    );
}

/// By the wall clock, windows end while no job runs.
#[test]
fn windows_that_ended_while_no_job_ran_are_given_when_one_goes_on() {
    let script = format!(
        "{ROWS}sink out = a |> keyBy(k) |> window(tumbling(300ms, time: processing)) |> trigger(early: 1h)\n\
         |> sum(v) as n |> map {{ n }} -> stdout(format: json)\n"
    );
    let pause = |_: &mut Snapshot| std::thread::sleep(std::time::Duration::from_millis(900));
    let given = goes_on_from(&script, &script, vec![rows(), rows()], pause).unwrap();
    let sums: Vec<i64> = given.iter().map(|row| row.parse().unwrap()).collect();
    assert_eq!(sums.iter().sum::<i64>(), 2 * (0..9).sum::<i64>(), "{given:?}");
}
