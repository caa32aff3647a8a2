//! Joins at the first and the last microseconds there are: what rows meet is counted here by hand, and the engine and the
//! evaluator must say the same in all ways to run a script.

use flow_plan::Value;
use flow_plan::arbitrary::Arbitrary;
use flow_tests::pipelines::agrees;

const SECOND: i64 = 1_000_000;

/// Times around both ends, and some between.
const TIMES: [i64; 15] = [
    i64::MIN,
    i64::MIN + 1,
    i64::MIN + 2,
    i64::MIN + SECOND,
    i64::MIN + 2 * SECOND,
    -1,
    0,
    SECOND,
    SECOND + 1,
    i64::MAX - 2 * SECOND,
    i64::MAX - SECOND,
    i64::MAX - 3,
    i64::MAX - 2,
    i64::MAX - 1,
    i64::MAX,
];

const KINDS: [&str; 4] = ["join", "leftJoin", "semiJoin", "antiJoin"];

/// A key and a time.
type Row = (i64, i64);

/// Rows of few keys.
fn rows(random: &mut Arbitrary) -> Vec<Row> {
    let count = random.below(9);
    (0..count).map(|_| (random.below(2) as i64, *random.pick(&TIMES))).collect()
}

/// The rows in pieces, as many as chance will have it.
fn chunks(random: &mut Arbitrary, rows: &[Row]) -> Vec<Vec<Vec<Value>>> {
    let value =
        |(n, &(k, at)): (usize, &Row)| vec![Value::Int(k), Value::Int(n as i64), Value::Timestamp(at)];
    let mut rest: Vec<_> = rows.iter().enumerate().map(value).collect();
    let mut all = Vec::new();
    while !rest.is_empty() {
        let more = rest.split_off(rest.len().min(1 + random.below(3)));
        all.push(std::mem::replace(&mut rest, more));
    }
    all
}

/// So many rows a join of this kind gives, if each left row has so many partners.
fn given(kind: &str, partners: impl Iterator<Item = usize>) -> u64 {
    let of_row = |partners: usize| match kind {
        "join" => partners,
        "leftJoin" => partners.max(1),
        "semiJoin" => partners.min(1),
        _ => usize::from(partners == 0),
    };
    partners.map(of_row).sum::<usize>() as u64
}

/// Joins random rows by a condition's bound, 25 times each kind: with rows in order of time each left row has the partners
/// that `partners` counts; out of order, engine and evaluator are alike.
#[track_caller]
fn compare(right: &str, bound: &str, seed: u64, partners: impl Fn(Row, &[Row]) -> usize) {
    for (kind, round) in KINDS.iter().flat_map(|kind| (0..25).map(move |round| (kind, round))) {
        let mut random = Arbitrary::new(seed + round);
        let delay = *random.pick(&["0s", "1us", "1s"]);
        let alone = if matches!(*kind, "join" | "leftJoin") { " |> map { l.k, l.v, w: r.v }" } else { "" };
        let script = format!(
            "type Row = {{ k: int, v: int, at: timestamp }}
source a: Row = file(\"a\", format: json) |> eventTime(at, delay: {delay})
source b: Row = file(\"b\", format: json) |> eventTime(at, delay: {delay})
source c: Row = file(\"c\", format: json)
stream versions = b |> keyBy(k) |> latest(by: at)
sink out = a as l |> {kind}({right} as r on l.k == r.k{bound}){alone} -> stdout(format: json)
sink other = c -> stdout(format: json)
"
        );
        let (mut left, mut right) = (rows(&mut random), rows(&mut random));
        let in_order = random.below(3) > 0;
        if in_order {
            left.sort_by_key(|row| row.1);
            right.sort_by_key(|row| row.1);
        }
        // As long as there are chunks of another source, time can end before the input does.
        let empty = vec![Vec::new(); random.below(12)];
        let sources = [("a", chunks(&mut random, &left)), ("b", chunks(&mut random, &right)), ("c", empty)];
        let found = agrees(&script, &sources).unwrap_or_else(|why| {
            panic!("seed {seed}, round {round}\n{script}\n{left:?}\n{right:?}\n{why}");
        });
        let expected = given(kind, left.iter().map(|row| partners(*row, &right)));
        assert!(
            !in_order || found == expected,
            "seed {seed}, round {round}: {found} rows, not {expected}\n{script}\n{left:?}\n{right:?}"
        );
    }
}

/// How many rows of a key lie so far behind a left row.
fn near(lo: i64, hi: i64) -> impl Fn(Row, &[Row]) -> usize {
    move |left, right| {
        let apart = |row: &&Row| i128::from(row.1) - i128::from(left.1);
        let near = |row: &&Row| (i128::from(lo)..=i128::from(hi)).contains(&apart(row));
        right.iter().filter(|row| row.0 == left.0).filter(near).count()
    }
}

#[test]
fn interval_joins_meet_at_the_first_and_last_microseconds() {
    compare("b", ", within: 1s", 100, near(-SECOND, SECOND));
    compare("b", ", within: 0s..1us", 200, near(0, 1));
    compare("b", ", within: -3s..-1us", 300, near(-3 * SECOND, -1));
    compare("b", ", within: 1us..2s", 400, near(1, 2 * SECOND));
}

#[test]
fn as_of_joins_find_the_version_at_the_first_and_last_microseconds() {
    let version =
        |left: Row, right: &[Row]| usize::from(right.iter().any(|row| row.0 == left.0 && row.1 <= left.1));
    compare("versions asOf", "", 500, version);
}

#[test]
fn window_joins_meet_at_the_first_and_last_microseconds() {
    // Windows at the ends are cut off there.
    let start = |time: i64| i128::from(time).div_euclid(2_000_000);
    let same = move |left: Row, right: &[Row]| {
        right.iter().filter(|row| row.0 == left.0 && start(row.1) == start(left.1)).count()
    };
    compare("b", ", window: tumbling(2s)", 600, same);
}

/// Time that has ended is over for the last microsecond, too: what is given then is in time for the windows below,
/// although the job goes on.
#[test]
fn rows_without_partner_at_the_last_microsecond_are_given_when_time_ends() {
    for (right, bound) in [("b", ", within: 1s"), ("counts", ", within: -1s..0s"), ("versions asOf", "")] {
        let script = format!(
            "type Row = {{ k: int, v: int, at: timestamp }}
source a: Row = file(\"a\", format: json) |> eventTime(at, delay: 0s)
source b: Row = file(\"b\", format: json) |> eventTime(at, delay: 0s)
source c: Row = file(\"c\", format: json)
stream versions = b |> keyBy(k) |> latest(by: at)
stream counts = b |> keyBy(k) |> aggregate {{ n: count() }}
stream counted = a as l |> antiJoin({right} as r on l.k == r.k{bound}) |> window(tumbling(1s))
  |> aggregate {{ n: count() }} |> filter(n == 3)
sink out = counted -> stdout(format: json)
sink late = counted.late -> stdout(format: json)
sink other = c -> stdout(format: json)
"
        );
        let last = |back: i64| vec![Value::Int(1), Value::Int(0), Value::Timestamp(i64::MAX - back)];
        let a = vec![vec![last(2), last(1)], vec![last(0)]];
        let sources = [("a", a), ("b", vec![Vec::new()]), ("c", vec![Vec::new(); 4])];
        assert_eq!(agrees(&script, &sources), Ok(1), "{script}");
    }
}
