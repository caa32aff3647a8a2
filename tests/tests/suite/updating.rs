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
