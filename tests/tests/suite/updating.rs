//! Streams whose rows are replaced or withdrawn, and stages that give whole rows of a key: scripts and
//! what they print, with one worker and with three.

use flow_tests::flow_binary;

const ROWS: &str =
    "type Row = { k: int, v: int, at: timestamp }\nsource rows: Row = file(\"rows.ndjson\", format: json)\n";
const TIMED: &str = "type Row = { k: int, v: int, at: timestamp }\nsource rows: Row = file(\"rows.ndjson\", format: json)\n  |> eventTime(at, delay: 1s)\n";

/// `k v second` a row.
fn input(rows: &[(i64, i64, u32)]) -> String {
    let row = |(k, v, s): &(i64, i64, u32)| {
        format!("{{\"k\":{k},\"v\":{v},\"at\":\"2026-01-01T00:{:02}:{:02}Z\"}}\n", s / 60, s % 60)
    };
    rows.iter().map(row).collect()
}

/// What the script prints.
#[track_caller]
fn prints(script: &str, rows: &[(i64, i64, u32)], expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("job.flow"), script).unwrap();
    std::fs::write(folder.path().join("rows.ndjson"), input(rows)).unwrap();
    for workers in ["1", "3"] {
        let output = flow_binary::run(folder.path(), &["run", "job.flow", "--parallelism", workers]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}\n{said}", output.status);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.lines().collect::<Vec<_>>(), expected, "{workers} workers\n{said}");
    }
}

/// Numbers that are large, or too large together, and are replaced by small ones.
#[test]
fn nothing_is_left_of_large_floats_that_are_replaced() {
    let script = format!(
        "{ROWS}stream lasts = rows |> map {{ k, f: match v {{ 1 => 1e308, 2 => 1e17, 3 => 0.25, _ => 1.0 }} }}\n\
           |> keyBy(k) |> aggregate {{ f: last(f) }}\n\
         sink out = lasts |> trigger(atEnd)\n\
           |> aggregate {{ s: sum(f), a: avg(f), v: variance(f), d: stddev(f) }} -> stdout(format: csv)\n"
    );
    for rows in [[(1, 1, 0), (2, 1, 1), (1, 3, 2), (2, 4, 3)], [(1, 4, 0), (2, 2, 1), (2, 1, 2), (2, 3, 3)]] {
        prints(&script, &rows, &["s,a,v,d", "1.25,0.625,0.28125,0.5303300858899106"]);
    }
}

#[test]
fn distinct_gives_the_first_row_of_each_value() {
    let script = format!("{ROWS}sink out = rows |> distinct(k) |> map {{ k, v }} -> stdout(format: csv)\n");
    let rows = [(1, 10, 0), (2, 20, 1), (1, 30, 2), (3, 40, 3), (2, 50, 4)];
    prints(&script, &rows, &["k,v", "1,10", "2,20", "3,40"]);
}

#[test]
fn a_value_that_was_not_seen_for_a_while_is_news_again() {
    let script = format!(
        "{TIMED}sink out = rows |> distinct(k, within: 5s) |> map {{ k, v }} -> stdout(format: csv)\n"
    );
    // 3 and 8 are seconds of rows that keep the value alive; 5 comes when the watermark is at 11.
    let rows = [(1, 1, 0), (1, 2, 3), (2, 3, 4), (1, 4, 7), (1, 5, 12), (2, 6, 5), (2, 7, 5)];
    prints(&script, &rows, &["k,v", "1,1", "2,3", "1,5", "2,6", "2,7"]);
}

const BIDS: &[(i64, i64, u32)] =
    &[(1, 10, 0), (1, 30, 1), (2, 5, 2), (1, 20, 3), (1, 30, 4), (2, 7, 5), (1, 5, 6)];

#[test]
fn latest_gives_each_row_that_is_the_latest_so_far() {
    let script = |stage: &str| {
        format!("{ROWS}sink out = rows |> keyBy(k) |> {stage} |> map {{ k, v }} -> stdout(format: csv)\n")
    };
    prints(&script("latest(by: v)"), BIDS, &["k,v", "1,10", "1,30", "2,5", "1,30", "2,7"]);
    prints(&script("earliest(by: v)"), BIDS, &["k,v", "1,10", "2,5", "1,5"]);
    prints(&script("trigger(atEnd) |> latest(by: at)"), BIDS, &["k,v", "1,5", "2,7"]);
}

#[test]
fn top_gives_rows_that_enter_it() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> top(2, by: v) |> map {{ k, v }} -> stdout(format: csv)\n"
    );
    prints(&script, BIDS, &["k,v", "1,10", "1,30", "2,5", "1,20", "1,30", "2,7"]);
}

#[test]
fn top_with_a_rank_gives_every_place_that_changes() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> top(2, by: v) as place |> map {{ k, v, place }} -> stdout(format: csv)\n"
    );
    let expected = ["k,v,place", "1,10,1", "1,30,1", "1,10,2", "2,5,1", "1,20,2", "1,30,2", "2,7,1", "2,5,2"];
    prints(&script, BIDS, &expected);
}

#[test]
fn the_best_rows_at_the_end_come_in_the_order_of_their_keys_and_places() {
    let script = |args: &str| {
        format!(
            "{ROWS}sink out = rows |> keyBy(k) |> trigger(atEnd) |> top({args}) as place |> map {{ k, v, place }} -> stdout(format: csv)\n"
        )
    };
    let two = ["k,v,place", "1,30,1", "1,30,2", "2,7,1", "2,5,2"];
    prints(&script("2, by: v"), BIDS, &two);
    prints(&script("2, by: [v desc, at asc]"), BIDS, &two);
    prints(&script("1, by: v, ties: true"), BIDS, &["k,v,place", "1,30,1", "1,30,2", "2,7,1"]);
}

#[test]
fn an_aggregate_of_an_aggregate_takes_out_what_was_replaced() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> aggregate {{ best: max(v) }} |> aggregate {{ mean: avg(best), n: count() }} -> stdout(format: csv)\n"
    );
    // 10 · 30 · 30 and 5 · 30 and 7; each replaced maximum leaves before its replacement comes.
    let expected = ["mean,n", "10.0,1", "30.0,1", "17.5,2", "30.0,1", "18.5,2"];
    prints(&script, BIDS, &expected);
    let script = script.replace("|> aggregate { mean", "|> trigger(atEnd) |> aggregate { mean");
    prints(&script, BIDS, &["mean,n", "18.5,2"]);
}

#[test]
fn a_row_that_falls_out_of_a_filter_is_withdrawn() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> aggregate {{ total: sum(v) }} |> filter(total < 45)\n  |> trigger(atEnd) |> aggregate {{ n: count(), keys: collect(k) }} -> stdout(format: json)\n"
    );
    // Key 1 has 10, then 40, then more.
    prints(&script, &BIDS[..3], &["{\"n\":2,\"keys\":[1,2]}"]);
    prints(&script, BIDS, &["{\"n\":1,\"keys\":[2]}"]);
}

#[test]
fn groups_that_rows_move_out_of_go_away() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> aggregate {{ last: last(v) }} |> keyBy(last)\n  |> trigger(atEnd) |> aggregate {{ keys: count(), some: min(k) }} -> stdout(format: csv)\n"
    );
    let rows = [(1, 7, 0), (2, 7, 1), (3, 8, 2), (1, 9, 3), (3, 7, 4)];
    prints(&script, &rows, &["last,keys,some", "7,2,2", "9,1,1"]);
}

#[test]
fn every_aggregate_runs_over_an_updating_stream() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> aggregate {{ x: sum(v) }} |> trigger(atEnd) |> aggregate {{\n  n: count(), s: sum(x), a: avg(x), lo: min(x), hi: max(x), f: first(k), l: last(k), d: countDistinct(x),\n  ad: approxCountDistinct(x), all: collect(x), j: stringJoin(string(x)), am: argMax(k, by: x), an: argMin(k, by: x),\n  sd: stddev(x), va: variance(x), m: median(x), p: percentile(x, 0.25), ba: boolAnd(x > 20), bo: boolOr(x > 20),\n  w: sum(float(x), where: x > 20), none: max(x, where: x > 500),\n}} -> stdout(format: json)\n"
    );
    let expected = "{\"n\":2,\"s\":107,\"a\":53.5,\"lo\":12,\"hi\":95,\"f\":2,\"l\":1,\"d\":2,\"ad\":2,\"all\":[12,95],\"j\":\"12,95\",\"am\":1,\"an\":2,\"sd\":58.68986283848344,\"va\":3444.5,\"m\":53.5,\"p\":32.75,\"ba\":false,\"bo\":true,\"w\":95.0,\"none\":null}";
    prints(&script, BIDS, &[expected]);
}

#[test]
fn top_over_counts_follows_them() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(v) |> count() as n |> top(2, by: n) as place -> stdout(format: csv)\n"
    );
    let rows = [(1, 10, 0), (1, 20, 1), (1, 20, 2), (1, 30, 3), (1, 30, 4), (1, 30, 5)];
    // A count is withdrawn before the next one comes: places are given as rows go and come.
    let expected =
        ["v,n,place", "10,1,1", "20,1,2", "20,2,1", "10,1,2", "30,2,2", "10,1,2", "30,3,1", "20,2,2"];
    prints(&script, &rows, &expected);
}

#[test]
fn a_top_that_is_given_each_few_rows_counts_withdrawals_too() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(v) |> count() as n |> trigger(count: 3) |> top(1, by: n) -> stdout(format: csv)\n"
    );
    let rows = [(1, 10, 0), (1, 20, 1), (1, 20, 2), (1, 30, 3), (1, 30, 4), (1, 30, 5)];
    // Behind the withdrawal of 20 with its 1 row, only 10 is there; what is left of the last three is given at the end.
    let expected = ["v,n", "10,1", "20,2", "30,3"];
    prints(&script, &rows, &expected);
}

#[test]
fn rows_of_a_top_are_counted_as_they_stand() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> top(2, by: v) |> trigger(atEnd) |> aggregate {{ n: count(), s: sum(v) }} -> stdout(format: csv)\n"
    );
    prints(&script, BIDS, &["n,s", "4,72"]);
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> latest(by: at) |> trigger(atEnd) |> aggregate {{ n: count(), s: sum(v) }} -> stdout(format: csv)\n"
    );
    prints(&script, BIDS, &["n,s", "2,12"]);
}

#[test]
fn distinct_over_an_updating_stream_lets_values_go() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> aggregate {{ best: max(v) }} |> distinct(best) |> trigger(atEnd) |> aggregate {{ all: collect(best) }} -> stdout(format: json)\n"
    );
    let rows = [(1, 10, 0), (2, 10, 1), (3, 5, 2), (1, 20, 3), (3, 20, 4), (2, 30, 5)];
    prints(&script, &rows, &["{\"all\":[20,30]}"]);
}

#[test]
fn a_pick_may_give_each_few_rows() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> trigger(count: 3) |> top(1, by: v) |> map {{ k, v }} -> stdout(format: csv)\n"
    );
    prints(&script, BIDS, &["k,v", "1,30", "2,7"]);
}

/// A row of `drop(at)` with the window it is of.
fn windowed(k: i64, v: i64, (from, to): (u32, u32), behind: &str) -> String {
    format!(
        "{{\"k\":{k},\"v\":{v},\"windowStart\":\"2026-01-01T00:00:{from:02}Z\",\"windowEnd\":\"2026-01-01T00:00:{to:02}Z\"{behind}}}"
    )
}

#[track_caller]
fn best_of_windows(window: &str, stage: &str, rows: &[(i64, i64, u32)], expected: &[String]) {
    let script = format!(
        "{TIMED}sink out = rows |> keyBy(k) |> window({window}) |> {stage} |> drop(at) -> stdout(format: json)\n"
    );
    prints(&script, rows, &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn the_best_rows_of_each_window_come_when_it_ends() {
    let (first, second) = ((0, 5), (5, 10));
    let place = |n: i64| format!(",\"place\":{n}");
    let expected = [
        windowed(1, 30, first, &place(1)),
        windowed(1, 30, first, &place(2)),
        windowed(2, 5, first, &place(1)),
        windowed(2, 7, second, &place(1)),
        windowed(1, 5, second, &place(1)),
    ];
    best_of_windows("tumbling(5s)", "top(2, by: v) as place", BIDS, &expected);
    let expected = [(1, 30, first), (2, 5, first), (2, 7, second), (1, 5, second)];
    best_of_windows(
        "tumbling(5s)",
        "latest(by: v)",
        BIDS,
        &expected.map(|(k, v, bounds)| windowed(k, v, bounds, "")),
    );
    let expected = [(1, 30, (0, 7)), (2, 7, (2, 8))].map(|(k, v, bounds)| windowed(k, v, bounds, ""));
    best_of_windows("session(gap: 3s)", "top(1, by: v)", &BIDS[..6], &expected);
}

#[test]
fn rows_behind_change_the_list_of_their_window_and_only_what_is_new_is_given() {
    let rows = [(1, 10, 0), (1, 20, 1), (1, 5, 9), (1, 15, 2), (1, 1, 3)];
    let expected = [
        windowed(1, 20, (0, 5), ""),
        windowed(1, 10, (0, 5), ""),
        windowed(1, 15, (0, 5), ""),
        windowed(1, 5, (5, 10), ""),
    ];
    let window = "tumbling(5s), lateness: 10s) |> trigger(late: eachRow";
    best_of_windows(window, "top(2, by: v)", &rows, &expected);
}

#[test]
fn the_hottest_of_each_window_of_counts() {
    let script = format!(
        "{TIMED}sink out = rows |> keyBy(k) |> window(sliding(4s, every: 2s)) |> count() as n\n  |> window(same) |> top(1, by: n, ties: true) |> map {{ k, n, windowEnd }} -> stdout(format: csv)\n"
    );
    let expected = [
        "k,n,windowEnd",
        "1,2,2026-01-01T00:00:02Z",
        "1,3,2026-01-01T00:00:04Z",
        "2,2,2026-01-01T00:00:06Z",
        "1,2,2026-01-01T00:00:06Z",
        "1,2,2026-01-01T00:00:08Z",
        "1,1,2026-01-01T00:00:10Z",
    ];
    prints(&script, BIDS, &expected);
}

#[test]
fn the_best_of_each_few_rows_come_when_they_are_complete() {
    let script = format!(
        "{ROWS}sink out = rows |> keyBy(k) |> window(count(3)) |> top(1, by: v) |> map {{ k, v }} -> stdout(format: csv)\n"
    );
    prints(&script, BIDS, &["k,v", "1,30", "1,30", "2,7"]);
}

#[test]
fn windows_over_an_updating_stream_count_what_is_left_in_them() {
    let script = format!(
        "{TIMED}sink out = rows |> keyBy(k) |> aggregate {{ best: max(v) }} |> window(tumbling(5s)) |> aggregate {{ n: count(), s: sum(best) }} |> map {{ n, s, windowEnd }} -> stdout(format: csv)\n"
    );
    // The first key's 30 came in the first window; the second key's 5 left it for the 7 of the next one.
    prints(&script, BIDS, &["n,s,windowEnd", "1,30,2026-01-01T00:00:05Z", "1,7,2026-01-01T00:00:10Z"]);
}

#[test]
fn a_sample_of_an_updating_stream_withdraws_what_it_kept() {
    let script = format!(
        "{ROWS}stream counts = rows |> keyBy(k) |> aggregate {{ n: count() }} |> sample(0.5)
        sink out = counts |> keyBy(k) |> trigger(atEnd) |> aggregate {{ rows: count() }}
          |> filter(rows != 1) -> stdout(format: json)"
    );
    // Of each key at most its last count is left, so there is never more than one.
    let rows: Vec<(i64, i64, u32)> = (0..400).map(|n| (n % 40, n, n as u32)).collect();
    prints(&script, &rows, &[]);
}
