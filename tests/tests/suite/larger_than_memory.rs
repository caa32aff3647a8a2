//! Windows of more groups than memory has room for: what they give is what the evaluator gives, at any parallelism, with stops
//! and restarts, with more and with less room, and with none at all (`tests/src/pipelines/compare.rs`).

use flow_plan::Value;
use flow_tests::pipelines::{agrees, agrees_in_time};

const ROWS: &str = "type Row = { k: int, v: int, at: timestamp }
source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 2s)
";

/// Rows of so many keys in so many chunks: each key comes again and again, in no order, while time goes on.
fn rows(keys: i64, chunks: i64) -> Vec<Vec<Vec<Value>>> {
    let row = |n: i64| {
        let key = n * 7_919 % keys;
        let at = n * 10_000 - n * 31 % 1_900 * 1_000;
        vec![Value::Int(key), Value::Int(n), Value::Timestamp(at)]
    };
    (0..chunks).map(|chunk| (chunk * 60..(chunk + 1) * 60).map(row).collect()).collect()
}

/// Rows by key go through these stages, in all ways to run it: more rows come out than there are keys.
#[track_caller]
fn gives(stages: &str, keys: i64) {
    gives_at_least(stages, keys, keys as u64 + 1);
}

#[track_caller]
fn gives_at_least(stages: &str, keys: i64, least: u64) {
    let script = format!("{ROWS}sink out = a |> keyBy(k) |> {stages} -> stdout(format: json)\n");
    let given = agrees(&script, &[("a", rows(keys, 12))]);
    assert!(given.as_ref().is_ok_and(|rows| *rows >= least), "{given:?} of {script}");
}

const SUMS: &str = "aggregate { n: count(), sum: sum(v), all: collect(v), different: countDistinct(v % 5), first: first(v) }";

#[test]
fn tumbling_windows_of_many_keys_are_given_whole_and_in_order() {
    for keys in [40, 250] {
        gives(&format!("window(tumbling(2s)) |> {SUMS}"), keys);
    }
}

#[test]
fn windows_that_never_end_before_the_input_does_are_given_at_the_end() {
    gives(&format!("window(tumbling(1h)) |> {SUMS}"), 300);
}

#[test]
fn windows_of_windows_are_found_by_their_bounds() {
    gives(
        "window(tumbling(1s)) |> aggregate { n: sum(v) } |> map { k: k % 40, n, windowStart, windowEnd } |> keyBy(k) |> window(same) |> sum(n) as n",
        200,
    );
}

#[test]
fn windows_that_overlap_are_merged_of_slices_on_disk() {
    for window in ["sliding(3s, every: 1s)", "cumulative(4s, every: 1s)", "sliding(1h, every: 20min)"] {
        for keys in [40, 250] {
            gives(&format!("window({window}) |> {SUMS}"), keys);
        }
    }
}

#[test]
fn the_best_rows_of_windows_are_those_of_all_keys() {
    for window in ["tumbling(2s)", "sliding(3s, every: 1s)"] {
        for pick in ["top(2, by: v)", "latest(by: at)", "bottom(3, by: v % 7, ties: true)"] {
            gives(&format!("window({window}) |> {pick}"), 150);
        }
    }
}

/// What a slice holds is no more than an int each, and what a window adds up is more.
#[test]
fn results_that_are_refused_are_told_in_the_order_in_which_groups_came() {
    let script = format!(
        "{ROWS}stream all = a |> map {{ k, at, v: 9_000_000_000_000_000_000 - v }} |> keyBy(k) |> window(sliding(3s, every: 1s)) |> sum(v) as n
sink errors = all.errors -> stdout(format: json)
sink out = all -> stdout(format: json)\n"
    );
    let given = agrees(&script, &[("a", rows(250, 12))]);
    assert!(given.as_ref().is_ok_and(|rows| *rows > 250), "{given:?} of {script}");
}

/// Nexmark's q4: the mean, by category, of the highest price of each auction.
#[test]
fn aggregates_of_aggregates_take_back_what_was_replaced() {
    for outer in ["avg(s)", "aggregate { n: count(), most: max(s), all: sum(s) }"] {
        gives(&format!("max(v % 900) as s |> map {{ k: k % 97, s }} |> keyBy(k) |> {outer}"), 300);
    }
}

/// What is kept of values that may be withdrawn has the type of the values, or nobody could read it.
#[test]
fn times_that_may_be_withdrawn_come_back_as_times() {
    let outer = "aggregate { first: min(s), longest: max(s - @2020-01-01T00:00:00Z) }";
    gives(&format!("max(at) as s |> map {{ k: k % 97, s }} |> keyBy(k) |> {outer}"), 300);
}

#[test]
fn aggregates_whose_results_are_withdrawn_below_keep_what_they_gave() {
    for trigger in ["", "trigger(count: 3) |> ", "trigger(atEnd) |> "] {
        gives_at_least(
            &format!("{trigger}sum(v) as s |> map {{ k: s % 7, s }} |> keyBy(k) |> count() as n"),
            300,
            7,
        );
        gives_at_least(
            &format!("count() as c |> map {{ k: c % 150 + k, c }} |> keyBy(k) |> {trigger}sum(c) as s"),
            150,
            100,
        );
    }
}

#[test]
fn the_best_of_changing_rows_are_those_of_all_keys() {
    for pick in ["top(2, by: s) as place", "latest(by: s)", "bottom(3, by: s % 7, ties: true)"] {
        for trigger in ["", "trigger(count: 3) |> ", "trigger(atEnd) |> "] {
            gives_at_least(
                &format!("sum(v) as s |> map {{ k: k % 97, s }} |> keyBy(k) |> {trigger}{pick}"),
                300,
                97,
            );
        }
    }
}

#[test]
fn lists_that_are_withdrawn_below_keep_what_they_gave() {
    for pick in ["top(2, by: v % 50) as place", "latest(by: at)", "bottom(1, by: v % 7, ties: true)"] {
        for trigger in ["", "trigger(count: 3) |> ", "trigger(atEnd) |> "] {
            gives_at_least(
                &format!(
                    "{trigger}{pick} |> map {{ k: v % 9, v }} |> keyBy(k) |> aggregate {{ n: count(), sum: sum(v) }}"
                ),
                300,
                9,
            );
        }
    }
}

#[test]
fn lists_that_begin_anew_when_they_are_given_forget_their_rows_on_disk_too() {
    gives("trigger(count: 2, mode: discarding) |> top(2, by: v)", 200);
}

#[test]
fn another_row_follows_the_first_of_a_value_that_is_withdrawn() {
    gives_at_least("sum(v) as s |> map { k: s % 150, s: s % 11 } |> distinct(k, s)", 300, 300);
}

/// Results are given every so long by the clock on the wall, which moves between chunks.
#[track_caller]
fn gives_in_time(stages: &str, keys: i64) {
    let script = format!(
        "{ROWS}sink out = a |> keyBy(k) |> trigger(every: 10s) |> {stages} -> stdout(format: json)\n"
    );
    let moments = [(2, 4_000_000), (3, 7_000_000), (5, 10_000_000), (9, 25_000_000)];
    let given = agrees_in_time(&script, &[("a", rows(keys, 12))], &moments);
    assert!(given.as_ref().is_ok_and(|rows| *rows >= 9), "{given:?} of {script}");
}

#[test]
fn what_is_given_every_so_long_waits_on_disk_for_its_beat() {
    // Which of several keys that are due at one moment comes first is free.
    let below = "map { k: k % 9, s } |> keyBy(k) |> trigger(atEnd) |> sum(s)";
    for keys in [40, 250] {
        gives_in_time("sum(v) as s", keys);
        gives_in_time(&format!("sum(v) as s |> {below}"), keys);
        gives_in_time("latest(by: at)", keys);
        gives_in_time(&format!("top(2, by: v) as place |> map {{ k, s: v }} |> {below}"), keys);
    }
}

#[test]
fn what_begins_anew_at_each_beat_gives_what_came_since() {
    for stages in ["sum(v) as s", "top(2, by: v)"] {
        let script = format!(
            "{ROWS}sink out = a |> keyBy(k) |> trigger(every: 10s, mode: discarding) |> {stages} -> stdout(format: json)\n"
        );
        let given = agrees_in_time(&script, &[("a", rows(200, 12))], &[(3, 11_000_000), (7, 20_000_000)]);
        assert!(given.as_ref().is_ok_and(|rows| *rows > 200), "{given:?} of {script}");
    }
}

#[test]
fn values_are_forgotten_on_disk_when_their_time_is_over() {
    for within in ["1s", "3s", "1h"] {
        for keys in [40, 250] {
            let stages = format!("distinct(k, within: {within}) |> map {{ k, v, at }}");
            let script = format!("{ROWS}sink out = a |> {stages} -> stdout(format: json)\n");
            let given = agrees(&script, &[("a", rows(keys, 12))]);
            assert!(given.as_ref().is_ok_and(|rows| *rows >= keys as u64), "{given:?} of {script}");
        }
    }
}

/// Rows of two sides meet by key: more rows come out than there are keys.
#[track_caller]
fn joins(join: &str, keys: i64) {
    meets("2s", &format!("sink out = a as l |> {join} -> stdout(format: json)"), keys, keys as u64);
}

/// The same of rows and the versions of their time, when time is so far behind rows.
#[track_caller]
fn joins_versions(delay: &str, join: &str, keys: i64) {
    let sink = format!(
        "stream versions = b |> keyBy(k) |> latest(by: v)\nsink out = a as l |> {join} -> stdout(format: json)"
    );
    meets(delay, &sink, keys, keys as u64);
}

/// Rows of `a` and `b`, behind which time is so far, give more rows than this.
#[track_caller]
fn meets(delay: &str, stages: &str, keys: i64, least: u64) {
    let script =
        format!("{ROWS}source b: Row = file(\"b\", format: json) |> eventTime(at, delay: 2s)\n{stages}\n");
    let script = script.replace("delay: 2s", &format!("delay: {delay}"));
    let other = rows(keys + 30, 12).into_iter().map(|chunk| chunk.into_iter().step_by(3).collect()).collect();
    let given = agrees(&script, &[("a", rows(keys, 12)), ("b", other)]);
    assert!(given.as_ref().is_ok_and(|rows| *rows > least), "{given:?} of {script}");
}

#[test]
fn rows_without_a_partner_are_given_when_their_time_is_over_wherever_they_are() {
    for within in ["300ms", "-100ms..1s", "1h"] {
        for keys in [40, 250] {
            joins(
                &format!("leftJoin(b as r on l.k == r.k, within: {within}) |> map {{ l.k, l.v, w: r.v }}"),
                keys,
            );
        }
    }
    for keys in [40, 250] {
        joins("antiJoin(b as r on l.k == r.k and l.v > r.v + 90, within: 700ms)", keys);
    }
}

/// Rows and versions are behind time where it is near, and all rows wait for the end where it is far away.
#[test]
fn rows_meet_the_version_of_their_time_wherever_it_is() {
    for delay in ["2s", "300ms", "0s", "1h"] {
        for keys in [40, 250] {
            let join = "leftJoin(versions asOf as r on l.k == r.k) |> map { l.k, l.v, w: r.v, at: r.at }";
            joins_versions(delay, join, keys);
        }
        let join =
            "join(versions asOf as r on l.k == r.k and l.v % 7 != r.v % 7) |> map { l.k, l.v, w: r.v }";
        joins_versions(delay, join, 40);
        joins_versions(delay, "antiJoin(versions asOf as r on l.k == r.k and l.v > r.v + 90)", 150);
    }
}

#[test]
fn rows_that_are_withdrawn_wait_for_their_version_too() {
    for changes in ["top(2, by: v % 50)", "latest(by: v % 50)"] {
        let stages = format!(
            "stream versions = b |> keyBy(k) |> latest(by: v)
stream best = a |> keyBy(k) |> {changes}
sink out = best as l |> leftJoin(versions asOf as r on l.k == r.k) |> map {{ k: l.v % 9, w: r.v ?? 0 }}
  |> keyBy(k) |> aggregate {{ n: count(), sum: sum(w) }} -> stdout(format: json)"
        );
        meets("1s", &stages, 150, 9);
    }
}

/// The job says that state goes to disk.
fn on_disk(stages: &str) -> Result<u64, String> {
    let job = "job large { state: { path: \"state\", backend: sled, memory: 1MiB } }\n";
    agrees(&format!("{job}{ROWS}sink out = a |> {stages} -> stdout(format: json)\n"), &[("a", rows(40, 3))])
}

#[test]
fn what_is_one_entry_stays_in_memory_unless_it_may_have_any_number_of_rows() {
    let few = ["top(3, by: v)", "trigger(atEnd) |> top(3, by: v)", "earliest(by: at)"];
    for window in ["", "window(session(gap: 1s)) |> ", "window(count(7, every: 2)) |> "] {
        for pick in few.iter().filter(|pick| window.is_empty() || !pick.contains("trigger")) {
            let given = on_disk(&format!("{window}{pick}"));
            assert!(given.as_ref().is_ok_and(|rows| *rows > 0), "{given:?} of {window}{pick}");
        }
    }
    let ties = "top(3, by: v % 4, ties: true)";
    assert!(on_disk(&format!("window(count(7)) |> {ties}")).is_ok());
    for many in [
        ties,
        &format!("window(session(gap: 1s)) |> {ties}"),
        "keyBy(k) |> sum(v) as s |> map { k, s } |> top(3, by: s)",
    ] {
        assert_eq!(on_disk(many), Err("it is refused: E0811".into()), "{many}");
    }
}

#[test]
fn joins_in_windows_give_the_rows_of_all_keys_in_the_order_in_which_they_came() {
    let both = "map { l.k, l.v, w: r.v }";
    for window in ["tumbling(2s)", "sliding(3s, every: 1s)", "cumulative(4s, every: 1s)", "tumbling(1h)"] {
        joins(&format!("join(b as r on l.k == r.k, window: {window}) |> {both}"), 110);
        joins(&format!("leftJoin(b as r on l.k == r.k, window: {window}) |> {both}"), 110);
    }
    joins("semiJoin(b as r on l.k == r.k, window: sliding(3s, every: 1s))", 110);
    joins("antiJoin(b as r on l.k == r.k and l.v > r.v + 90, window: tumbling(2s))", 110);
}

#[test]
fn joins_in_sessions_give_the_rows_of_all_keys_in_the_order_in_which_they_came() {
    let both = "map { l.k, l.v, w: r.v }";
    for gap in ["300ms", "700ms", "2s", "1h"] {
        joins(&format!("leftJoin(b as r on l.k == r.k, window: session(gap: {gap})) |> {both}"), 110);
    }
    joins(&format!("join(b as r on l.k == r.k, window: session(gap: 1s)) |> {both}"), 40);
    joins("semiJoin(b as r on l.k == r.k, window: session(gap: 1s))", 110);
    joins("antiJoin(b as r on l.k == r.k and l.v > r.v + 90, window: session(gap: 700ms))", 110);
}
