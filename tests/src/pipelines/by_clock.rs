//! Random stages that give rows when the clock on the wall says so. Which of several keys come first at one moment is free, so
//! only stages follow for which that is nothing.

use super::aggregates::{aggregate, keys};
use super::model::Stage;
use super::stages::{COMMON, Known, window};
use flow_plan::arbitrary::Arbitrary;

/// A trigger that fires, or a window of the wall clock.
pub(super) fn stage(random: &mut Arbitrary, known: &mut Known) -> Stage {
    known.rows = known.rows.saturating_mul(3);
    known.by_clock = true;
    let final_rows = !std::mem::replace(&mut known.updating, true);
    let keys = keys(random);
    let mut out: Vec<String> = keys.stage.clone().into_iter().collect();
    let mut end = None;
    match random.below(5) {
        0 | 1 if known.timed => {
            out.push(window(random));
            known.has_late = true;
            let triggers: &[&str] = match final_rows {
                true => &[
                    "early: 1s",
                    "late: 1s",
                    "early: 1s, late: 2s",
                    "early: 2s, late: eachRow",
                    "early: 1s, mode: discarding",
                    "late: 1s, mode: discarding",
                ],
                false => &["early: 1s", "late: 1s", "early: 1s, late: 2s", "early: 2s, late: eachRow"],
            };
            let trigger = *random.pick(triggers);
            known.updating = !trigger.contains("discarding");
            out.push(format!("trigger({trigger})"));
            end = Some("windowEnd");
        }
        2 | 3 => {
            out.push(format!("window({})", of_the_clock(random)));
            known.timed = false;
            known.updating = random.one_in(3);
            if known.updating {
                out.push("trigger(early: 1s)".into());
            }
        }
        _ => {
            let every = *random.pick(&["1s", "1s", "2s", "3s"]);
            known.updating = !(final_rows && random.one_in(3));
            let mode = if known.updating { "" } else { ", mode: discarding" };
            out.push(format!("trigger(every: {every}{mode})"));
        }
    }
    if random.one_in(3) {
        let picks = [
            "latest(by: at)",
            "earliest(by: v)",
            "top(2, by: [f desc, v asc])",
            "bottom(1, by: v, ties: true)",
        ];
        out.extend([random.pick(&picks).to_string(), COMMON.to_string()]);
    } else {
        out.extend(aggregate(random, &keys, end));
    }
    Stage(out)
}

/// A window of the wall clock that ends while the job runs.
pub(super) fn of_the_clock(random: &mut Arbitrary) -> &'static str {
    random.pick::<&'static str>(&[
        "tumbling(1s, time: processing)",
        "tumbling(2s, offset: 500ms, time: processing)",
        "sliding(2s, every: 1s, time: processing)",
        "sliding(3s, every: 2s, time: processing)",
        "cumulative(3s, every: 1s, time: processing)",
        "session(gap: 500ms, time: processing)",
        "session(gap: 1s, time: processing)",
    ])
}

/// A stage for which the order of rows of several keys is nothing.
pub(super) fn unordered(random: &mut Arbitrary, known: &mut Known) -> Stage {
    let stages: &[&str] = match random.below(4) {
        0 => &["filter(v > 0)"],
        1 => &["map { k: k % 2, s: \"{s}x\", v: v / 2, f, o, at }"],
        2 => &["flatMap(x in [k, v])", "map { k: x % 3, s, v, f, o, at }"],
        _ => {
            known.updating = false;
            known.timed = false;
            &[
                "keyBy(k)",
                "trigger(atEnd)",
                "aggregate { n: count(), most: max(v), least: min(s), kinds: countDistinct(s), last: max(at), some: count(where: v > 1) }",
                "map { k, s: least, v: most, f: float(n), o: if kinds > 1 then some else null, at: last }",
            ]
        }
    };
    Stage(stages.iter().map(|stage| (*stage).to_string()).collect())
}
