//! Random scripts: sources, streams that read each other, and sinks.

use super::columns;
use super::input::ROW;
use super::joins;
use super::model::{Declaration, Script, Stage};
use super::stages::{Known, stage};
use flow_plan::arbitrary::Arbitrary;

/// A stream that others can read.
#[derive(Clone)]
struct Stream {
    name: String,
    known: Known,
}

/// A script of some streams; its sources have so many rows at most.
pub(super) fn script(random: &mut Arbitrary, rows: usize) -> Script {
    let mut script = Script::default();
    script.plain("job pipelines { onError: skip }");
    script.plain(ROW);
    script.moves_clock = random.one_in(4);
    script.samples = !script.moves_clock && random.one_in(12);
    let mut streams = Vec::new();
    for name in ["a", "b", "c"].iter().take(1 + random.below(3)) {
        streams.push(script.source(random, name, rows));
    }
    if random.one_in(5) {
        script.tables.push("t".into());
        script.plain("table t: Row key k = file(\"t\", format: json)");
    }
    for number in 1..=1 + random.below(3) {
        let stream = script.stream(random, &format!("p{number}"), &streams);
        streams.push(stream);
    }
    let Some(last) = streams.last().cloned() else { return script };
    script.sink(random, "out", &last.name);
    if random.one_in(3) {
        let other = random.pick(&streams).clone();
        script.sink(random, "other", &other.name);
    }
    if let Some(late) = streams.iter().find(|stream| stream.known.has_late)
        && !random.one_in(3)
    {
        script.sink(random, "late", &format!("{}.late", late.name));
    }
    if random.one_in(4) {
        script.sink(random, "errors", &format!("{}.errors", last.name));
    }
    script
}

impl Script {
    fn plain(&mut self, head: &str) {
        self.declarations.push(Declaration { head: head.into(), stages: Vec::new(), tail: String::new() });
    }

    fn source(&mut self, random: &mut Arbitrary, name: &str, rows: usize) -> Stream {
        let timed = !random.one_in(5);
        let delay = *random.pick(&["0s", "1s", "3s", "10s"]);
        let idle = if random.one_in(4) { ", idle: 1h" } else { "" };
        let stages = timed.then(|| Stage(vec![format!("eventTime(at, delay: {delay}{idle})")]));
        let head = format!("source {name}: Row = file(\"{name}\", format: json)");
        let stages = stages.into_iter().collect();
        self.declarations.push(Declaration { head, stages, tail: String::new() });
        self.sources.push(name.into());
        Stream {
            name: name.into(),
            known: Known {
                timed,
                rows,
                clock_moves: self.moves_clock,
                samples: self.samples,
                ..Known::default()
            },
        }
    }

    fn stream(&mut self, random: &mut Arbitrary, name: &str, streams: &[Stream]) -> Stream {
        let from = random.pick(streams).clone();
        let other = random.pick(streams).clone();
        let mut known = Known { has_late: false, ..from.known };
        let mut stages = Vec::new();
        let mut start = from.name.clone();
        let joins = !from.known.by_clock && !other.known.by_clock;
        match random.below(10) {
            9 => self.branches(random, (name, &from), &mut known, &mut start, &mut stages),
            8 if joins && known.clock_moves => {
                start.push_str(" as l");
                stages.extend(joins::by_the_clock(random, &mut known, (&other.name, other.known)));
            }
            7 if joins => {
                let [left, right] = ["x", "y"].map(|side| format!("{name}{side}"));
                for (side, of) in [(&left, &from.name), (&right, &other.name)] {
                    let stages = vec![Stage(vec![columns::TYPED.to_string()])];
                    let head = format!("stream {side} = {of}");
                    self.declarations.push(Declaration { head, stages, tail: String::new() });
                }
                start = format!("{left} as l");
                match joins::typed(random, &mut known, (&right, other.known)) {
                    Some(join) => stages.push(join),
                    None => start = from.name.clone(),
                }
            }
            0..=2 if joins => {
                start.push_str(" as l");
                let table = self.tables.first().filter(|_| random.one_in(2));
                stages.extend(match table {
                    Some(table) => Some(joins::lookup(random, table)),
                    None => joins::join(random, &mut known, (&other.name, other.known)),
                });
            }
            3 if joins && known.timed && other.known.timed => {
                start.push_str(" as l");
                let versions = format!("{name}v");
                let head = format!("stream {versions} = {}", other.name);
                let stages_of = vec![Stage(joins::versions(random))];
                self.declarations.push(Declaration { head, stages: stages_of, tail: String::new() });
                stages.push(joins::as_of(random, &versions));
            }
            4 => {
                known.timed &= other.known.timed;
                known.updating |= other.known.updating;
                known.by_clock |= other.known.by_clock;
                known.rows = known.rows.saturating_add(other.known.rows);
                stages.push(Stage(vec![format!("union({})", other.name)]));
            }
            _ => {}
        }
        for _ in 0..random.below(4) {
            stages.push(stage(random, &mut known));
        }
        let head = format!("stream {name} = {start}");
        self.declarations.push(Declaration { head, stages, tail: String::new() });
        Stream { name: name.into(), known }
    }

    /// Branches of one stream that meet again, often in front of event time.
    fn branches(
        &mut self,
        random: &mut Arbitrary,
        (name, from): (&str, &Stream),
        known: &mut Known,
        start: &mut String,
        stages: &mut Vec<Stage>,
    ) {
        let [first, second] = ["x", "y"].map(|side| format!("{name}{side}"));
        for branch in [&first, &second] {
            let ordered = !from.known.updating && !from.known.by_clock;
            let stages = (0..1 + random.below(2)).map(|_| {
                let stage: &[&str] = match random.below(8) {
                    0 => &["flatMap(x in [k, v])", "map { k: x % 3, s, v, f, o, at }"],
                    1 if ordered => {
                        &["keyBy(s)", "scan(state: 0, next: state + v, emit: { k, s, v: state, f, o, at })"]
                    }
                    2 if ordered => &["distinct(k, v)"],
                    3 => &["map { k, s, v: v + 1, f, o, at }"],
                    4 => &["map { k: k / v, s, v, f, o, at }"],
                    5 => &["filter(v > 0)"],
                    6 => &["filter(k % 2 == 0)"],
                    _ => &["filter(f < 30.0 or k == 1)"],
                };
                Stage(stage.iter().map(|stage| (*stage).to_string()).collect())
            });
            let head = format!("stream {branch} = {}", from.name);
            let stages = stages.collect();
            self.declarations.push(Declaration { head, stages, tail: String::new() });
        }
        *start = first;
        known.rows = known.rows.saturating_mul(4);
        stages.push(Stage(vec![format!("union({second})")]));
        // Only sources are known to have no event time at all.
        if !known.timed && self.sources.contains(&from.name) {
            known.timed = true;
            let delay = *random.pick(&["0s", "0s", "1s", "3s"]);
            stages.push(Stage(vec![format!("eventTime(at, delay: {delay})")]));
        }
    }

    fn sink(&mut self, random: &mut Arbitrary, name: &str, from: &str) {
        // Rows that all go to one worker have one order; a file has a part per worker.
        let to = match random.one_in(4) {
            true => format!("-> file(\"{name}\", format: json)"),
            false => "-> stdout(format: json)".to_string(),
        };
        let head = format!("sink {name} = {from}");
        self.declarations.push(Declaration { head, stages: Vec::new(), tail: to });
    }
}
