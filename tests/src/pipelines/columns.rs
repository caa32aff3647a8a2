//! Rows with columns of every type: lists, records, decimals, durations, bytes, bools and options of them, which states
//! keep, compare and give again. In front and behind stand the common columns.

use super::model::Stage;
use super::stages::{Known, duration, window};
use flow_plan::arbitrary::Arbitrary;

/// The map to columns of every type; the common ones stay.
pub(super) const EVERY: &str = "map { k, s, v, f, o, at, list: [v, k], rec: { a: s, b: o }, \
     dec: decimal(v), yes: v > 0, dur: at - timestamp(\"2026-01-01T00:00:00Z\"), bin: toBytes(s), \
     maybe: if v > 2 then [s] else null }";

/// The map to columns of every type that is compared, and options of them; the common ones stay.
pub(super) const TYPED: &str = "map { k, s, v, f, o, at, dec: decimal(v), yes: v > 0, \
     dur: at - timestamp(\"2026-01-01T00:00:00Z\"), bin: toBytes(s), list: [k, v], rec: { a: s, b: k }, \
     odec: if v > 2 then decimal(v) else null, odur: if k > 0 then at - timestamp(\"2026-01-01T00:00:00Z\") else null, \
     oat: if v > 0 then at else null, os: if k != 1 then s else null }";

/// The common columns from those of every type.
const BACK: &str = "map { k, s: rec.a, v: len(list) + len(maybe ?? []) + k, f: float(dec), o: rec.b, at }";

const KEYS: [&str; 10] = ["k", "f", "at", "dec", "yes", "dur", "bin", "list", "rec", "maybe"];

/// A stage with a state over rows of every type.
pub(super) fn stage(random: &mut Arbitrary, known: &mut Known) -> Stage {
    let mut out = vec![EVERY.to_string()];
    if random.one_in(3) {
        let within = match random.one_in(2) {
            true => format!(", within: {}", duration(random)),
            false => String::new(),
        };
        let columns = *random.pick(&["list", "rec, maybe", "dec", "yes, dur", "bin", "f", "at, k"]);
        out.extend([format!("distinct({columns}{within})"), BACK.to_string()]);
        return Stage(out);
    }
    out.push(format!("keyBy({})", random.pick(&KEYS)));
    let windowed = known.timed && random.one_in(2);
    if windowed {
        out.push(window(random));
        known.has_late = true;
    }
    known.updating = !windowed;
    if !windowed && random.one_in(3) {
        out.push("trigger(atEnd)".to_string());
        known.updating = false;
    }
    if random.one_in(2) {
        let pick = *random.pick(&[
            "latest(by: at)",
            "latest(by: dec)",
            "earliest(by: bin)",
            "top(2, by: dec)",
            "top(2, by: f, ties: true)",
            "bottom(1, by: [bin asc, dec desc])",
            "top(3, by: dur)",
        ]);
        out.extend([pick.to_string(), BACK.to_string()]);
        return Stage(out);
    }
    out.extend(aggregate(random, windowed));
    Stage(out)
}

const LISTS: [&str; 4] =
    ["collect(v)", "collect(k, where: yes) ?? []", "last(list)", "argMax(list, by: dec)"];
const RECORDS: [&str; 4] = ["last(rec)", "first(rec)", "argMin(rec, by: dur)", "argMax(rec, by: bin)"];
const DECIMALS: [&str; 6] = [
    "sum(dec)",
    "avg(dec)",
    "max(dec)",
    "median(dec)",
    "percentile(dec, 0.25)",
    "min(dec, where: yes) ?? decimal(7)",
];
const INTS: [&str; 8] = [
    "countDistinct(list)",
    "countDistinct(dec)",
    "countDistinct(rec, where: yes) ?? 0",
    "approxCountDistinct(bin)",
    "len(collect(rec))",
    "count(where: yes)",
    "len(first(bin))",
    "if boolOr(yes) then 1 else 0",
];
const DURATIONS: [&str; 4] = ["sum(dur)", "max(dur)", "min(dur, where: not yes) ?? 1s", "last(dur)"];

/// Aggregates over columns of every type, and the map behind them.
fn aggregate(random: &mut Arbitrary, windowed: bool) -> [String; 2] {
    let mut pick = |pool: &[&str]| random.pick(pool).to_string();
    let (list, rec, dec) = (pick(&LISTS), pick(&RECORDS), pick(&DECIMALS));
    let (int, dur) = (pick(&INTS), pick(&DURATIONS));
    let at = if windowed { "windowEnd" } else { "r_at" };
    [
        format!(
            "aggregate {{ r_list: {list}, r_rec: {rec}, r_dec: {dec}, r_v: {int}, r_dur: {dur}, \
             r_maybe: last(maybe), r_at: max(at) }}"
        ),
        format!(
            "map {{ k: len(r_list), s: \"{{r_rec.a}} {{r_dur}}\", v: r_v + len(r_maybe ?? []), \
             f: float(r_dec), o: r_rec.b, at: {at} }}"
        ),
    ]
}
