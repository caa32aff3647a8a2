//! Random pipelines: the evaluator, one worker, four workers, native code, all alike.

use flow_plan::Value;
use flow_plan::arbitrary::Arbitrary;
use flow_tests::pipelines::{Effort, Tally, agrees, agrees_in_time, goes_on, reader_changes_nothing, run};

/// Pipelines that each of two threads compares; scripts that cannot run yet do not count.
const COUNT: u64 = 1_050;
/// Pipelines that get or lose a reader while they hold state.
const READERS: u64 = 300;
const EFFORT: Effort = Effort { native: 8, rows: 40 };

/// Pipelines of seeds from `first` on.
fn compare(first: u64) -> Tally {
    let mut all = Tally::default();
    while all.pipelines < COUNT {
        let seed = first + all.scripts();
        match run(seed, 1, EFFORT) {
            Ok(tally) => all.add(tally),
            Err(report) => panic!("{report}"),
        }
    }
    all
}

#[test]
fn random_pipelines_give_what_the_evaluator_gives_at_any_parallelism() {
    let seed = 20_260_101;
    let halves = std::thread::scope(|scope| {
        let other = scope.spawn(|| compare(seed + 1_000_000));
        [compare(seed), other.join().unwrap()]
    });
    let mut all = Tally::default();
    halves.into_iter().for_each(|tally| all.add(tally));
    assert!(all.pipelines >= 2_000, "seed {seed}: {all:?}");
}

#[test]
fn a_reader_that_comes_or_goes_changes_nothing_of_what_others_get() {
    let first = 70_260_000;
    let mut compared = 0;
    for seed in first.. {
        let looked_at = reader_changes_nothing(seed, EFFORT).unwrap_or_else(|report| panic!("{report}"));
        compared += u64::from(looked_at);
        if compared == READERS {
            break;
        }
    }
}

const ROWS: &str = "type Row = { k: int, v: int, at: timestamp }\n";

/// A row at so many milliseconds.
fn row(k: i64, v: i64, at: i64) -> Vec<Value> {
    vec![Value::Int(k), Value::Int(v), Value::Timestamp(at.saturating_mul(1_000))]
}

/// The script gives so many rows, in all ways to run it.
#[track_caller]
fn gives(rows: u64, script: &str, sources: &[(&str, Vec<Vec<Vec<Value>>>)]) {
    assert_eq!(agrees(&format!("{ROWS}{script}"), sources), Ok(rows), "{script}");
}

/// A row that is behind one of its windows and in time for others, and whose value overflows in both, is one record error.
/// (Seed 90000862.)
#[test]
fn a_row_that_two_windows_refuse_is_told_once() {
    let script = "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 1s)
stream sums = a |> window(sliding(5s, every: 2s), lateness: 1s) |> aggregate { sum: sum(v) }
sink errors = sums.errors -> stdout(format: json)
";
    let rows = vec![
        row(2, 3, 16_000),
        row(0, -9_223_372_036_854_775_806, 18_125),
        row(0, 9_223_372_036_854_775_805, 16_000),
    ];
    gives(1, script, &[("a", vec![rows])]);
}

/// Rows behind those that a limit lets through are not read by one worker, and may be read by several: they must
/// not move time below it, whatever other stream is there to keep time open. (Seed 31935.)
#[test]
fn a_limit_that_is_full_ends_the_time_of_its_rows() {
    let script = "job limits { onError: skip }
source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 1s)
source b: Row = file(\"b\", format: json) |> eventTime(at, delay: 1s)
stream some = a |> limit(4)
stream all = b |> union(some) |> window(tumbling(2s)) |> aggregate { n: count(), last: max(at) }
sink out = all -> stdout(format: json)
sink late = all.late -> stdout(format: json)
";
    let far = vec![row(0, 0, 0), row(1, 1, 1_000), row(2, 2, 3_000), row(0, 3, 2_000), row(1, 4, 90_000)];
    let behind = |n: i64| vec![row(n, n, 500 + n * 1_000)];
    gives(5, script, &[("a", vec![far.clone()]), ("b", (0..9).map(behind).collect())]);
    gives(2, script, &[("a", vec![far.clone(), far.clone()]), ("b", Vec::new())]);
    let running = "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 1s)
source b: Row = file(\"b\", format: json) |> eventTime(at, delay: 1s)
sink out = b |> union(a) |> limit(7) |> keyBy(k) |> trigger(count: 3) |> aggregate { n: count() }
  |> window(tumbling(1s)) |> aggregate { n: count(), sum: sum(n) } -> stdout(format: json)
";
    gives(2, running, &[("a", vec![far.clone(), far]), ("b", Vec::new())]);
}

/// Rows of the number that fills a limit meet the watermark behind it, also those that came before the limit was
/// full. (Seed 20261792.)
#[test]
fn rows_before_a_limit_is_full_are_late_by_the_time_that_it_ends() {
    let script = "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 1s)
source b: Row = file(\"b\", format: json) |> eventTime(at, delay: 3s)
sink out = a |> union(b) |> limit(7) |> window(session(gap: 1s)) |> aggregate { n: count() } -> stdout(format: json)
";
    let rows = [9_200, 7_300, 9_000, 6_100, 8_000, 9_100, 7_900].map(|at| row(0, 0, at));
    gives(1, script, &[("a", vec![rows.to_vec()]), ("b", Vec::new())]);
}

/// Rows of one chunk that went different ways meet in the order of their source, wherever the chunk ends.
#[test]
fn branches_of_one_source_that_meet_in_front_of_event_time_make_no_row_late() {
    let script = |branches: &str| {
        format!(
            "source a: Row = file(\"a\", format: json)
stream even = a |> filter(v % 2 == 0)
stream odd = a |> filter(v % 2 == 1)
{branches}
stream counts = all |> eventTime(at, delay: 0s) |> window(tumbling(10s)) |> aggregate {{ n: count(), v: collect(v) }}
sink out = counts -> stdout(format: json)
sink late = counts.late -> stdout(format: json)
"
        )
    };
    let rows: Vec<_> = (0..60).map(|n| row(n % 3, n, n * 1_000)).collect();
    for branches in [
        "stream all = odd |> union(even)",
        "stream all = odd |> keyBy(k) |> scan(state: 0, next: state + 1, emit: { k, v, at }) |> union(even)",
        "stream some = odd |> limit(60)
stream all = even |> distinct(v) |> union(some)",
        "stream third = a |> filter(v % 3 == 0) |> flatMap(x in [1, 2]) |> map { k: x, v, at }
stream all = odd |> union(third) |> union(even)",
    ] {
        for length in [60, 17, 1] {
            let chunks = rows.chunks(length).map(<[_]>::to_vec).collect();
            gives(6, &script(branches), &[("a", chunks)]);
        }
    }
}

/// The same for other stages that tell in which order rows come.
#[test]
fn branches_of_one_source_that_meet_in_front_of_a_scan_come_row_by_row() {
    let script = "source a: Row = file(\"a\", format: json)
stream even = a |> filter(v % 2 == 0)
stream odd = a |> filter(v % 2 == 1)
stream all = odd |> union(even)
sink out = all |> keyBy(k) |> scan(state: 0, next: if v == state then v + 1 else state, emit: { inOrder: state == v + 1 })
  |> filter(inOrder) -> stdout(format: json)
sink last = all |> keyBy(k) |> trigger(atEnd) |> aggregate { v: last(v) } |> filter(v == 29) -> stdout(format: json)
";
    let rows: Vec<_> = (0..30).map(|n| row(1, n, n * 1_000)).collect();
    for length in [30, 7, 1] {
        gives(31, script, &[("a", rows.chunks(length).map(<[_]>::to_vec).collect())]);
    }
}

/// Which rows of a stream that is joined with itself meet follows from their order, not from where chunks end.
#[test]
fn late_rows_of_a_stream_that_is_joined_with_itself_meet_as_row_by_row() {
    let script = |within: &str| {
        format!(
            "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 1s)
stream some = a |> filter(v % 3 != 0)
sink pairs = a as l |> join(a as r on l.k == r.k, within: {within}) |> map {{ l: l.v, r: r.v }} -> stdout(format: json)
sink others = some as l |> join(a as r on l.k == r.k, within: {within}) |> map {{ l: l.v, r: r.v }} -> stdout(format: json)
sink counts = some |> keyBy(k) |> trigger(atEnd) |> aggregate {{ n: count() }} -> stdout(format: json)
"
        )
    };
    // Every fourth row is late, by more or less.
    let time = |n: i64| if n % 4 == 3 { n * 1_000 - n % 7 * 2_500 } else { n * 1_000 };
    let rows: Vec<_> = (0..60).map(|n| row(n % 2, n, time(n))).collect();
    let seen = |n: i64| (0..n).map(time).max().unwrap_or(i64::MIN / 2) - 1_000;
    for (within, low, high) in [("5s", -5_000, 5_000), ("-9s..-1s", -9_000, -1_000), ("0s..3s", 0, 3_000)] {
        let meet = |&(l, r): &(i64, i64)| {
            let near = l % 2 == r % 2 && (low..=high).contains(&(time(r) - time(l)));
            near && if l <= r { seen(r) <= time(l) + high } else { seen(l) <= time(r) - low }
        };
        let pairs = (0..60).flat_map(|l| (0..60).map(move |r| (l, r))).filter(meet);
        let count: u64 = pairs.map(|(l, _)| if l % 3 == 0 { 1 } else { 2 }).sum();
        for length in [60, 17, 1] {
            gives(count + 2, &script(within), &[("a", rows.chunks(length).map(<[_]>::to_vec).collect())]);
        }
    }
}

/// Event time behind a union does not wait for a source that only came through a limit, from the number on in which
/// that was full: when nobody reads the source any more depends on who was how fast.
#[test]
fn event_time_below_a_limit_does_not_wait_for_what_it_ended() {
    let script = "source a: Row = file(\"a\", format: json)
source b: Row = file(\"b\", format: json)
stream some = a |> limit(3)
sink out = b |> union(some) |> eventTime(at, delay: 1s) |> keyBy(k) |> window(tumbling(2s))
  |> aggregate { n: count(), last: max(at) } -> stdout(format: json)
sink unioned = b |> union(some) |> keyBy(k) |> aggregate { n: count() } -> stdout(format: json)
";
    let first = vec![row(0, 0, 0), row(0, 1, 1_000), row(0, 2, 500), row(1, 3, 1_500), row(1, 4, 90_000)];
    // The last one is late, since the rows in front of it move time alone.
    let behind = [700, 1_800, 4_900, 9_000, 600].map(|at| vec![row(if at == 600 { 2 } else { 1 }, at, at)]);
    gives(12, script, &[("a", vec![first.clone(), first.clone(), first]), ("b", behind.to_vec())]);
}

/// Rows that stand for a value in turn are withdrawn by the times that they had themselves, whichever was given.
/// (Seed 7005601.)
#[test]
fn distinct_rows_that_were_given_under_the_time_of_an_equal_one_can_be_withdrawn() {
    let script = "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 10s)
stream counts = a as l |> keyBy(k) |> aggregate { s: count(), o: max(v) }
stream pairs = a as l |> join(counts as r on l.v == r.o) |> map { s: r.s } |> distinct(s)
sink out = pairs |> window(session(gap: 1s)) |> aggregate { n: count(), sum: sum(s) } -> stdout(format: json)
";
    let first = vec![row(0, 4, -8_500), row(1, 4, -8_000)];
    let replaced = vec![row(2, 4, -12_000), row(2, 3, -5_000)];
    gives(2, script, &[("a", vec![first, replaced])]);
}

/// The best rows of a window take withdrawals, and give back what a better row had put out.
#[test]
fn picks_in_windows_take_rows_that_are_replaced_out_again() {
    let source = "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 2s)
stream counts = a |> keyBy(k) |> aggregate { n: count(), last: last(v), at: max(at) }
";
    let rows = |n: i64| row(n % 5, n * 7 % 11, n * 400 - n % 3 * 900);
    let chunks: Vec<_> = (0..12).map(|chunk| (chunk * 5..chunk * 5 + 5).map(rows).collect()).collect();
    let kinds =
        ["tumbling(4s)", "tumbling(4s), lateness: 3s", "sliding(6s, every: 2s)", "session(gap: 700ms)"];
    let kinds = kinds.map(|kind| match kind.split_once(", lateness") {
        Some((kind, lateness)) => format!("{kind}, lateness{lateness}) |> trigger(late: eachRow"),
        None => kind.to_string(),
    });
    for kind in kinds {
        for pick in
            ["top(2, by: n, ties: true) as place", "bottom(3, by: [n asc, last desc])", "latest(by: last)"]
        {
            let script = format!(
                "{ROWS}{source}sink out = counts |> window({kind}) |> {pick} -> stdout(format: json)\n"
            );
            let given = agrees(&script, &[("a", chunks.clone())]);
            assert!(given.as_ref().is_ok_and(|rows| *rows > 0), "{script}: {given:?}");
        }
    }
}

/// Windows without a key: what each worker adds up for itself gives the same rows as one worker's, whatever comes
/// late. (The ways to run a script are one and several workers, stopped and restarted with others.)
#[test]
fn windows_without_a_key_are_added_up_on_each_worker_first() {
    let rows = |n: i64| row(n % 5, n * 7 % 11 - 3, n * 130 - n * n % 17 * 400);
    let chunks: Vec<_> = (0..15).map(|chunk| (chunk * 9..chunk * 9 + 9).map(rows).collect()).collect();
    let aggregates = "aggregate { n: count(), some: count(where: v > 2), least: min(v), most: max(v, where: k == 1), all: boolAnd(v > -3) }";
    for kind in
        ["tumbling(2s)", "tumbling(3s, offset: 1s)", "sliding(4s, every: 1s)", "cumulative(4s, every: 1s)"]
    {
        for more in [")", ", lateness: 1s)", ") |> trigger(late: eachRow)"] {
            let script = format!(
                "{ROWS}source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 2s)
sink out = a |> window({kind}{more} |> {aggregates} -> stdout(format: json)\n"
            );
            let given = agrees(&script, &[("a", chunks.clone())]);
            assert!(given.as_ref().is_ok_and(|rows| *rows > 3), "{script}: {given:?}");
        }
    }
}

/// Windows that end behind the last timestamp are due at the end of time, not only at the end of the job: what
/// they give is in time for the windows below. (Seed 24708.)
#[test]
fn window_joins_at_the_last_timestamp_are_given_when_time_ends() {
    let script = "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 10s)
source b: Row = file(\"b\", format: json)
stream pairs = a as l |> semiJoin(a as r on l.k == r.k, window: sliding(4s, every: 2s))
sink out = pairs as l |> window(tumbling(1s), lateness: 1s) |> aggregate { n: count() } -> stdout(format: json)
sink other = b -> stdout(format: json)
";
    let last = vec![vec![Value::Int(4), Value::Int(0), Value::Timestamp(i64::MAX)]];
    gives(1, script, &[("a", vec![last]), ("b", vec![Vec::new(), Vec::new()])]);
}

/// The same for windows of every kind and for sessions, which are due behind their end. (Seeds 97102336, 97205891.)
#[test]
fn windows_at_the_last_timestamp_are_given_when_time_ends() {
    let last = vec![vec![row(4, 0, 8_000)], vec![row(4, 0, i64::MAX)]];
    let sources = [("a", last), ("b", vec![Vec::new(), Vec::new()])];
    let kinds = ["tumbling(4s)", "sliding(4s, every: 3s)", "cumulative(4s, every: 1s)", "session(gap: 2s)"];
    let below = kinds.map(|kind| format!("map {{ n }} |> window({kind})"));
    let below: Vec<String> = below.into_iter().chain(["window(same)".into()]).collect();
    for (kind, below) in below.iter().flat_map(|below| kinds.map(|kind| (kind, below))) {
        for more in [")", ", lateness: 1s)", ") |> trigger(late: eachRow)"] {
            let script = format!(
                "{ROWS}source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 0s)
source b: Row = file(\"b\", format: json)
sink out = a |> keyBy(k) |> window({kind}{more} |> count() as n |> {below} |> aggregate {{ n: sum(n) }}
  -> stdout(format: json)
sink other = b -> stdout(format: json)
"
            );
            let given = agrees(&script, &sources);
            assert!(given.as_ref().is_ok_and(|rows| *rows >= 2), "{script}: {given:?}");
        }
    }
    let joined = "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 0s)
source b: Row = file(\"b\", format: json)
sink out = a as l |> join(a as r on l.k == r.k, window: session(gap: 1s)) |> map { l.k }
  |> window(tumbling(1s), lateness: 2s) |> aggregate { n: count() } -> stdout(format: json)
sink other = b -> stdout(format: json)
";
    gives(2, joined, &sources);
}

/// Event time behind a union waits for the slowest of its sources, whoever is how far. (An engine that went by the
/// fastest one was not found by random pipelines, which have event time at their sources.)
#[test]
fn event_time_below_a_union_waits_for_the_slowest_source() {
    let script = "source a: Row = file(\"a\", format: json)
source b: Row = file(\"b\", format: json)
sink out = a |> union(b) |> eventTime(at, delay: 0s) |> keyBy(k) |> window(tumbling(1s))
  |> aggregate { n: count(), last: max(at) } -> stdout(format: json)
";
    let far = (1..=4).map(|n| vec![row(0, n, n * 10_000)]).collect();
    let near = (0..8).map(|n| vec![row(1, n, n * 1_000)]).collect();
    gives(12, script, &[("a", far), ("b", near)]);
}

/// Windows of the wall clock take rows whatever event time says of them, and are still open in a job that goes on.
/// (Seeds 150000053, 150000291 and 150004155.)
#[test]
fn event_time_says_nothing_of_windows_of_the_wall_clock() {
    let rows = [vec![row(0, 1, i64::MAX)], vec![row(0, 2, 1_000)]];
    for (below, given) in [("latest(by: v)", 1), ("sum(v) as n", 1), ("top(2, by: v)", 2)] {
        let script = format!(
            "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 1s)
sink out = a |> keyBy(k) |> window(tumbling(36500d, time: processing)) |> {below} -> stdout(format: json)
"
        );
        // A job stops behind one of the chunks, and another one goes on.
        for more in 0..4 {
            let chunks = rows.iter().cloned().chain(std::iter::repeat_n(Vec::new(), more)).collect();
            gives(given, &script, &[("a", chunks)]);
        }
    }
}

/// A result that replaces one whose session is over by the wall clock took out of its own session what was never in it, and
/// nothing was given. (Seed 21261036.)
#[test]
fn what_is_withdrawn_from_a_session_that_is_over_by_the_clock_is_nothing_to_the_next_one() {
    for (below, given) in [("earliest(by: n)", 2), ("count() as m", 2), ("top(2, by: n)", 2)] {
        let script = format!(
            "{ROWS}source a: Row = file(\"a\", format: json)
sink out = a |> count() as n |> window(session(gap: 1s, time: processing)) |> {below} -> stdout(format: json)
"
        );
        let rows = vec![vec![row(0, 1, 0)], vec![row(0, 2, 0)]];
        let half = (1, 500_000);
        assert_eq!(agrees_in_time(&script, &[("a", rows)], &[half, half, half]), Ok(given), "{script}");
    }
}

/// What falls due at the moment at which the first row comes, or behind the barrier with which a job stops, is given once, at any
/// number of workers. (Seed 700000328.)
#[test]
fn what_is_due_when_the_first_row_comes_is_given_once() {
    let script = format!(
        "{ROWS}source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 0s)
sink out = a |> keyBy(k) |> trigger(count: 2, mode: discarding) |> count() as n |> map {{ n }}
  |> window(tumbling(5s)) |> trigger(early: 1s, mode: discarding) |> aggregate {{ n: count() }} -> stdout(format: json)
"
    );
    let rows = vec![vec![row(0, 1, 0), row(0, 2, 0)], vec![row(0, 3, 0), row(0, 4, 0)]];
    let half = |behind| (behind, 500_000);
    let moments = [half(0), half(0), half(1), half(1), half(2)];
    assert_eq!(agrees_in_time(&script, &[("a", rows)], &moments), Ok(2));
}

/// Rows of three keys out of order, some of them late.
fn unordered() -> Vec<Vec<Value>> {
    let mut random = Arbitrary::new(4);
    let row = |n: i64| {
        let back = random.below(9) as i64 * 700_000;
        let at = Value::Timestamp(1_767_225_600_000_000 + n * 500_000 - back);
        vec![Value::Int(n % 3), Value::Int(n), at]
    };
    (0..40).map(row).collect()
}

#[test]
fn the_order_of_late_results_does_not_depend_on_chunks_or_on_a_stop_between_rows() {
    let rows = unordered();
    for window in
        ["tumbling(2s)", "sliding(4s, every: 2s)", "cumulative(4s, every: 2s)", "session(gap: 700ms)"]
    {
        for late in ["late: eachRow", "late: 1h", "late: 1h, mode: discarding"] {
            let script = format!(
                "type Row = {{ k: int, v: int, at: timestamp }}\n\
                 source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 1s)\n\
                 sink out = a |> keyBy(k) |> window({window}, lateness: 3s) |> trigger({late}) |> sum(v) as n\n\
                 -> stdout(format: json)\n"
            );
            let of = |chunks| goes_on(&script, &script, chunks).unwrap();
            let whole = of(vec![rows.clone(), Vec::new()]);
            let alone = of(rows.iter().map(|row| vec![row.clone()]).collect());
            assert_eq!(alone, whole, "{window}, {late}, row by row");
            for at in [7, 13, 18, 22, 29, 31] {
                let (before, after) = rows.split_at(at);
                let halves = of(vec![before.to_vec(), after.to_vec()]);
                assert_eq!(halves, whole, "{window}, {late}, a stop behind {at} rows");
            }
        }
    }
}

/// A session that was due before a row extended it, and is due again at the same end: the first result came behind its
/// replacement. (Seed 95009935.)
#[test]
fn a_session_is_given_before_the_result_that_replaces_it() {
    let script = "source b: Row = file(\"b\", format: json) |> eventTime(at, delay: 1s)
stream again = b |> keyBy(k) |> window(sliding(4s, every: 2s), lateness: 1min) |> trigger(late: eachRow)
  |> aggregate { v: count(), first: first(v) } |> map { k: first, v, at: windowEnd }
stream all = again |> union(b) |> keyBy(k) |> window(session(gap: 2500ms), lateness: 10s) |> aggregate { n: count(), least: min(v) }
sink out = all -> stdout(format: json)
";
    let rows = vec![row(2, 2, -18_000), row(0, 3, -9_500), row(2, -3, -17_000)];
    gives(4, script, &[("b", vec![rows])]);
}

/// Rows that wait for their turn are never put where rows go block by block, whenever that turn is. (Seed 97101330.)
#[test]
fn a_row_of_the_least_time_is_given_when_it_met_nobody() {
    let script = "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 0s)
sink out = a as l |> antiJoin(a as r on l.k == r.v, within: -3s..-1s) -> stdout(format: json)
";
    gives(1, script, &[("a", vec![vec![row(0, 3, i64::MIN)]])]);
}

/// Of a key's rows, one stays so much longer than the others that it is kept apart from them.
#[test]
fn rows_of_an_interval_join_meet_in_the_order_in_which_they_came_however_long_they_stay() {
    let script = "source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 1s)
source b: Row = file(\"b\", format: json) |> eventTime(at, delay: 1s)
sink out = b as r |> join(a as l on r.k == l.k, within: -20s..20s) |> map { r.v, of: l.v, l.at } -> stdout(format: json)
";
    let mut rows: Vec<_> = (0..29).map(|n| row(1, n, n * 1_000)).collect();
    rows.extend([row(1, 60, 60_000), row(1, 29, 29_000)]);
    let (a, b) = (vec![vec![row(9, 0, 0)], rows], vec![vec![row(8, 0, 0)], vec![row(1, 7, 45_000)]]);
    gives(6, script, &[("a", a), ("b", b)]);
}
