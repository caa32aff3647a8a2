//! Random stages from the common columns to the common columns.

use super::aggregates::{aggregate, keys, of_parts};
use super::by_clock as clock;
use super::columns;
use super::model::Stage;
use flow_plan::arbitrary::Arbitrary;

/// What is known of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Has it event time?
    pub(super) timed: bool,
    /// Can its rows be replaced?
    pub(super) updating: bool,
    /// Has a window of event time stood in this declaration?
    pub(super) has_late: bool,
    /// How many rows it may have, about.
    pub(super) rows: usize,
    /// Does the clock on the wall move?
    pub(super) clock_moves: bool,
    /// May a stage keep some rows and drop others, as whoever runs it likes?
    pub(super) samples: bool,
    /// Are there rows that the clock gave? Rows of several keys that are due at one moment have no order.
    pub(super) by_clock: bool,
}

/// Streams with more rows than this are not joined: evaluating them would take minutes.
pub(super) const MOST_JOINED: usize = 8_000;

fn text(stages: &[&str]) -> Stage {
    Stage(stages.iter().map(|stage| (*stage).to_string()).collect())
}

/// A stage (with those that belong to it).
pub(super) fn stage(random: &mut Arbitrary, known: &mut Known) -> Stage {
    if known.by_clock {
        return clock::unordered(random, known);
    }
    if known.clock_moves && random.one_in(3) {
        return clock::stage(random, known);
    }
    let which = random.below(18);
    known.rows = known.rows.saturating_mul(match which {
        0 | 1 | 9 => 1,
        // Windows overlap, results are replaced.
        3..=8 => 3,
        _ => 2,
    });
    match which {
        7 | 17 if known.samples => text(&[*random.pick(&["sample(0.5)", "sample(0.9)"])]),
        0 => text(&[*random.pick(&[
            "filter(v > 0)",
            "filter(f < 30.0 or k == 1)",
            "filter((o ?? 3) != 2)",
            "filter(v / k > -100)",
            "filter(s != \"s1\")",
        ])]),
        1 => text(&[*random.pick(&[
            "map { k: k % 2, s, v: v + 1, f, o, at }",
            "map { k, s: \"{s}x\", v, f: f * 0.5, o: v, at }",
            "map { k, s, v: k / v, f, o, at }",
            "map { k: v % 3, s, v: v * 2, f: float(v), o, at: at + 1s }",
        ])]),
        2 => text(&["flatMap(x in [k, v])", "map { k: x % 3, s, v, f, o, at }"]),
        3..=6 if known.timed => windowed(random, known),
        7 => top(random, known),
        8 => latest(random, known),
        9 => {
            let within = random.one_in(2).then(|| duration(random));
            let within = within.map(|d| format!(", within: {d}")).unwrap_or_default();
            let columns = *random.pick(&["k", "s", "k, s", "v"]);
            Stage(vec![format!("distinct({columns}{within})")])
        }
        10 => counted(random, known),
        // That a limit is full is noticed with the next number (see `Inputs::chunks_of`), and what is read behind it is open.
        11 if random.one_in(3) && !known.clock_moves && !known.samples => text(&["limit(7)"]),
        11 if !known.updating => {
            text(&["keyBy(k)", "scan(state: 0, next: state + v, emit: { k, s, v: state, f, o, at })"])
        }
        14 => columns::stage(random, known),
        15 => by_the_clock(random, known),
        16 if random.one_in(3) => text(&["tap(\"seen\")"]),
        17 if random.one_in(2) => text(&[*random.pick(&["sample(1.0)", "sample(1.0)", "sample(0.0)"])]),
        _ => running(random, known),
    }
}

pub(super) fn duration(random: &mut Arbitrary) -> &'static str {
    random.pick::<&'static str>(&["500ms", "1s", "2s", "3s", "10s", "1min"])
}

/// A window of event time.
pub(super) fn window(random: &mut Arbitrary) -> String {
    let kind = *random.pick(&[
        "tumbling(1s)",
        "tumbling(3s)",
        "tumbling(5s, offset: 2s)",
        "tumbling(1d, zone: \"Europe/Berlin\")",
        "sliding(4s, every: 2s)",
        "sliding(5s, every: 2s)",
        "sliding(3s, every: 1s)",
        "cumulative(6s, every: 2s)",
        "session(gap: 1s)",
        "session(gap: 2500ms)",
    ]);
    match random.below(3) {
        0 => format!("window({kind}, lateness: {})", duration(random)),
        _ => format!("window({kind})"),
    }
}

/// `trigger` of a window, now and then.
fn window_trigger(random: &mut Arbitrary, known: &mut Known, out: &mut Vec<String>) {
    let final_rows = !std::mem::replace(&mut known.updating, false);
    let trigger = match random.below(8) {
        0 => "trigger(late: eachRow)",
        1 => "trigger(late: 1h)",
        2 if final_rows => "trigger(late: eachRow, mode: discarding)",
        3 => "trigger(early: 1h)",
        4 if final_rows => "trigger(late: 1h, mode: discarding)",
        _ => return,
    };
    known.updating = !trigger.contains("discarding");
    out.push(trigger.to_string());
}

fn windowed(random: &mut Arbitrary, known: &mut Known) -> Stage {
    let keys = keys(random);
    let mut out: Vec<String> = keys.stage.clone().into_iter().collect();
    out.push(window(random));
    known.has_late = true;
    window_trigger(random, known, &mut out);
    let [first, back] = match keys.stage {
        None if random.one_in(2) => of_parts(random),
        _ => aggregate(random, &keys, Some("windowEnd")),
    };
    out.push(first);
    if random.one_in(4) {
        // Once more in the same window.
        if random.one_in(2) {
            // Counted once more, by another key or none.
            out.extend(random.one_in(2).then(|| "keyBy(odd: windowEnd > windowStart)".to_string()));
            out.push("window(same)".into());
            let n = "r_n: count(), r_at: max(windowEnd), r_first: min(windowStart)";
            out.push(format!("aggregate {{ {n} }}"));
            let back = "map { k: r_n, s: string(r_first), v: r_n, f: 0.5, o: if r_n > 1 then r_n else null, at: windowEnd }";
            out.push(back.to_string());
            return Stage(out);
        }
        out.push("window(same)".into());
        out.push(random.pick::<&str>(&["top(2, by: r_f)", "bottom(1, by: windowEnd)"]).to_string());
        let has_f = out.iter().any(|stage| stage.contains("r_f:"));
        if !has_f {
            out.pop();
            out.push("bottom(1, by: windowEnd)".into());
        }
        if keys.columns.contains(&"k") || keys.columns.contains(&"s") || random.one_in(2) {
            out.push(back);
            return Stage(out);
        }
    }
    out.push(back);
    Stage(out)
}

pub(super) const COMMON: &str = "map { k, s, v, f, o, at }";

fn top(random: &mut Arbitrary, known: &mut Known) -> Stage {
    let keys = keys(random);
    let mut out: Vec<String> = keys.stage.into_iter().collect();
    if known.timed && random.one_in(2) {
        out.push(window(random));
        known.has_late = true;
        window_trigger(random, known, &mut out);
    } else {
        let final_rows = !std::mem::replace(&mut known.updating, true);
        match random.below(6) {
            0 => out.push("window(count(5))".into()),
            1 => out.push("trigger(atEnd)".into()),
            2 => out.push("trigger(count: 3)".into()),
            3 if final_rows => anew(random, known, &mut out),
            _ => {}
        }
    }
    let by = *random.pick(&["v", "f", "[v desc, at asc]", "s", "[k asc, f desc]"]);
    let ties = if random.one_in(3) { ", ties: true" } else { "" };
    let word = *random.pick(&["top", "bottom"]);
    let n = 1 + random.below(3);
    match random.one_in(3) {
        true => {
            out.push(format!("{word}({n}, by: {by}{ties}) as place"));
            out.push("map { k, s, v: place, f, o, at }".into());
        }
        false => {
            out.push(format!("{word}({n}, by: {by}{ties})"));
            out.push(COMMON.into());
        }
    }
    Stage(out)
}

fn latest(random: &mut Arbitrary, known: &mut Known) -> Stage {
    let keys = keys(random);
    let mut out: Vec<String> = keys.stage.into_iter().collect();
    if known.timed && random.one_in(3) {
        out.push(window(random));
        known.has_late = true;
        window_trigger(random, known, &mut out);
    } else {
        let final_rows = !std::mem::replace(&mut known.updating, true);
        match random.below(8) {
            0 | 1 => out.push("trigger(atEnd)".into()),
            2 => out.push("trigger(count: 2)".into()),
            3 if final_rows => anew(random, known, &mut out),
            _ => {}
        }
    }
    out.push(random.pick::<&str>(&["latest(by: at)", "earliest(by: at)", "latest(by: v)"]).to_string());
    out.push(COMMON.into());
    Stage(out)
}

/// What was given is forgotten, so the rows are final.
fn anew(random: &mut Arbitrary, known: &mut Known, out: &mut Vec<String>) {
    known.updating = false;
    let when = *random.pick(&["count: 3", "count: 2", "every: 1h", "eachRow", "atEnd"]);
    out.push(format!("trigger({when}, mode: discarding)"));
}

/// A window of the wall clock that began long ago and ends long after the run.
fn by_the_clock(random: &mut Arbitrary, known: &mut Known) -> Stage {
    let keys = keys(random);
    let mut out: Vec<String> = keys.stage.clone().into_iter().collect();
    let window = *random.pick(&[
        "tumbling(36500d, time: processing)",
        "sliding(36500d, every: 36500d, time: processing)",
        "cumulative(36500d, every: 36500d, time: processing)",
    ]);
    out.push(format!("window({window})"));
    known.updating = false;
    if random.one_in(3) {
        out.push("trigger(early: 1h)".to_string());
        known.updating = true;
    }
    known.timed = false;
    out.extend(match random.one_in(2) {
        true => aggregate(random, &keys, None),
        false => [
            random.pick::<&str>(&["latest(by: v)", "top(2, by: [f desc, v asc])"]).to_string(),
            COMMON.to_string(),
        ],
    });
    Stage(out)
}

/// A window of rows, or of all rows.
fn counted(random: &mut Arbitrary, known: &mut Known) -> Stage {
    let keys = keys(random);
    let mut out: Vec<String> = keys.stage.clone().into_iter().collect();
    let window = *random.pick(&[
        "count(3)",
        "count(4, every: 2)",
        "count(3, every: 1)",
        "count(2, every: 3)",
        "global",
    ]);
    out.push(format!("window({window})"));
    known.updating = false;
    if random.one_in(3) {
        let pick = [
            "top(2, by: v, ties: true)",
            "bottom(2, by: [s asc, f asc])",
            "latest(by: at)",
            "earliest(by: v)",
        ];
        out.extend([random.pick(&pick).to_string(), COMMON.to_string()]);
    } else {
        out.extend(aggregate(random, &keys, None));
    }
    Stage(out)
}

fn running(random: &mut Arbitrary, known: &mut Known) -> Stage {
    let keys = keys(random);
    let mut out: Vec<String> = keys.stage.clone().into_iter().collect();
    known.updating = true;
    match random.below(7) {
        0 | 1 => {
            out.push("trigger(atEnd)".into());
            known.updating = false;
        }
        2 => out.push("trigger(count: 3)".into()),
        3 => out.push("trigger(every: 1h)".into()),
        4 => {
            out.push("trigger(count: 2, mode: discarding)".into());
            known.updating = false;
        }
        _ => {}
    }
    out.extend(aggregate(random, &keys, None));
    Stage(out)
}
