//! Random joins of two streams of the common columns.

use super::by_clock;
use super::model::Stage;
use super::stages::{Known, MOST_JOINED};
use flow_plan::arbitrary::Arbitrary;

/// A join with another stream; the left side is called `l`.
///
/// `None`: it could give too many rows.
pub(super) fn join(random: &mut Arbitrary, known: &mut Known, other: (&str, Known)) -> Option<Stage> {
    let equal = *random.pick(&[
        "l.k == r.k",
        "l.k == r.k",
        "l.s == r.s",
        "l.k == r.k and l.s == r.s",
        "l.o == r.o",
        "l.f == r.f",
        "l.at == r.at",
        "l.k % 2 == r.v % 2",
    ]);
    let rest =
        *random.pick(&["", "", " and l.v <= r.v", " and r.f > 0.0", " and l.v / r.v != 1", " and l.v > 0"]);
    bounded(random, known, other, &format!("{equal}{rest}"))
}

/// A join on this condition, of whatever kind and bound.
fn bounded(random: &mut Arbitrary, known: &mut Known, other: (&str, Known), on: &str) -> Option<Stage> {
    let kind = *random.pick(&["join", "join", "leftJoin", "semiJoin", "antiJoin"]);
    let timed = known.timed && other.1.timed;
    let bound = match random.below(7) {
        0..=2 if timed => *random.pick(&[
            ", within: 2s",
            ", within: -1s..4s",
            ", within: 1s..3s",
            ", within: -3s..-1s",
            ", within: 0s",
            ", within: 0s..1us",
        ]),
        3..=4 if timed => *random.pick(&[
            ", window: tumbling(3s)",
            ", window: tumbling(3s, offset: 1s)",
            ", window: sliding(4s, every: 2s)",
            ", window: sliding(5s, every: 2s)",
            ", window: cumulative(6s, every: 2s)",
            ", window: tumbling(1d, zone: \"Europe/Berlin\")",
            ", window: session(gap: 1s)",
        ]),
        5 => *random.pick(&[", ttl: 3s", ", ttl: 1s", ", ttl: 1d"]),
        _ => "",
    };
    let rows = known.rows.saturating_mul(other.1.rows);
    if rows > MOST_JOINED && !matches!(kind, "semiJoin" | "antiJoin") {
        return None;
    }
    known.rows = rows.min(MOST_JOINED);
    known.timed = timed;
    known.updating |= other.1.updating || !(bound.contains("within") || bound.contains("window"));
    known.has_late = false;
    Some(Stage(vec![format!("{kind}({} as r on {on}{bound})", other.0), back(kind)]))
}

/// A join over columns of every type ([`super::columns::TYPED`]) on both sides.
pub(super) fn typed(random: &mut Arbitrary, known: &mut Known, other: (&str, Known)) -> Option<Stage> {
    const COLUMNS: [&str; 13] =
        ["dec", "dec", "at", "dur", "dur", "odec", "odur", "oat", "os", "yes", "bin", "list", "rec"];
    let column = *random.pick(&COLUMNS);
    let mut equal = format!("l.{column} == r.{column}");
    if random.one_in(3) {
        let more = *random.pick(&COLUMNS);
        equal.push_str(&format!(" and l.{more} == r.{more}"));
    }
    let rest = *random.pick(&[
        "",
        "",
        " and l.dec <= r.dec",
        " and l.dur < r.dur",
        " and (l.odec ?? decimal(0)) <= r.dec",
        " and l.bin != r.bin",
        " and l.dec / r.dec != decimal(1)",
    ]);
    bounded(random, known, other, &format!("{equal}{rest}"))
}

/// A join in windows of the wall clock.
pub(super) fn by_the_clock(random: &mut Arbitrary, known: &mut Known, other: (&str, Known)) -> Option<Stage> {
    if known.rows.saturating_mul(other.1.rows) > MOST_JOINED {
        return None;
    }
    let kind = *random.pick(&["join", "join", "leftJoin", "semiJoin", "antiJoin"]);
    let equal = *random.pick(&["l.k == r.k", "l.s == r.s", "l.o == r.o"]);
    let rest = *random.pick(&["", "", " and l.v <= r.v", " and l.v / r.v != 1"]);
    let window = by_clock::of_the_clock(random);
    known.rows = MOST_JOINED;
    (known.timed, known.by_clock, known.has_late) = (false, true, false);
    known.updating |= other.1.updating;
    Some(Stage(vec![format!("{kind}({} as r on {equal}{rest}, window: {window})", other.0), back(kind)]))
}

/// A lookup in a table.
pub(super) fn lookup(random: &mut Arbitrary, table: &str) -> Stage {
    let kind = *random.pick(&["join", "leftJoin", "semiJoin", "antiJoin"]);
    let rest = *random.pick(&["", "", " and l.v <= r.v", " and l.v / r.v != 1"]);
    Stage(vec![format!("{kind}({table} as r on l.k == r.k{rest})"), back(kind)])
}

/// What makes versions of the rows of another stream.
pub(super) fn versions(random: &mut Arbitrary) -> Vec<String> {
    let [stages, back] = *random.pick(&[
        ["latest(by: at)", ""],
        ["latest(by: at)", ""],
        ["latest(by: v)", ""],
        ["top(1, by: f)", ""],
        [
            "aggregate { s: last(s), v: sum(v, where: v < 9), f: max(f), o: last(o), at: max(at) }",
            "map { k, s, v, f, o, at }",
        ],
    ]);
    let all = ["keyBy(k)", stages, back];
    all.into_iter().filter(|stage| !stage.is_empty()).map(str::to_string).collect()
}

/// The version of another stream at the row's time.
pub(super) fn as_of(random: &mut Arbitrary, other: &str) -> Stage {
    let kind = *random.pick(&["join", "leftJoin", "semiJoin", "antiJoin"]);
    let equal = *random.pick(&["l.k == r.k", "l.s == r.s"]);
    let rest = *random.pick(&["", "", " and l.v <= r.v", " and l.v / r.v != 1"]);
    Stage(vec![format!("{kind}({other} asOf as r on {equal}{rest})"), back(kind)])
}

/// The map to the common columns.
fn back(kind: &str) -> String {
    match kind {
        "join" => "map { k: l.k, s: r.s, v: l.v % 100 + r.v % 100, f: r.f, o: l.o, at: l.at }",
        "leftJoin" => "map { k: l.k, s: r.s ?? \"none\", v: r.v ?? l.v, f: l.f, o: r.o, at: r.at ?? l.at }",
        _ => "map { k, s, v, f, o, at }",
    }
    .to_string()
}
