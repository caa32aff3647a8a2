//! Random rows: few keys, ties, nulls, times out of order, and now and then an extreme.

use super::model::{Inputs, Moment, Row, Script};
use flow_plan::Value;
use flow_plan::arbitrary::Arbitrary;
use std::collections::BTreeMap;

/// Around this most times lie: 2026-01-01.
pub(super) const START: i64 = 1_767_225_600_000_000;

/// Where the time stands in them.
pub(super) const AT: usize = 5;

/// The columns of all sources and of the streams between.
pub(super) const ROW: &str = "type Row = { k: int, s: string, v: int, f: float, o: int?, at: timestamp }";

/// Rows for every source and table of a script.
pub(super) fn inputs(random: &mut Arbitrary, script: &Script, most: usize) -> Inputs {
    let mut inputs = Inputs::default();
    for name in &script.sources {
        let count = match random.below(10) {
            0 => 0,
            1 => 1,
            _ => random.below(most.max(1)),
        };
        let rows = rows(random, count);
        inputs.chunks.insert(name.clone(), chunks(random, rows));
    }
    for name in &script.tables {
        let rows = (0..random.below(5)).map(|_| row(random, &HABITS, 0)).collect();
        inputs.tables.insert(name.clone(), rows);
    }
    if script.moves_clock {
        inputs.moments = moments(random, &inputs);
    } else {
        // Where the clock moves, chunks are counted that nobody looked at before.
        inputs.by_time = random.one_in(2);
    }
    // Only of what is read by time each split has a time of its own, and only where its column comes from the source as it is.
    let traced = !script.times_streams() || !(script.has("scan(") || script.has("distinct("));
    if inputs.by_time && traced {
        inputs.splits = splits(random, &inputs);
        // The evaluator does not know which rows stages in front of event time drop.
        inputs.promises = !script.times_streams() && random.one_in(2);
    }
    // A table has each key once.
    for (key, row) in inputs.tables.values_mut().flat_map(|rows| rows.iter_mut().enumerate()) {
        row[0] = Value::Int(key as i64);
    }
    inputs
}

/// The moments of a case: half a second each, so that no trigger misses a beat, and now and then several in a row.
fn moments(random: &mut Arbitrary, inputs: &Inputs) -> Vec<Moment> {
    let most = inputs.chunks.values().map(Vec::len).max().unwrap_or(0) * inputs.chunks.len();
    let mut moments = Vec::new();
    for _ in 0..1 + random.below(6) {
        let behind = random.below(most + 1);
        let count = *random.pick(&[1, 1, 2, 3, 7]);
        moments.extend(std::iter::repeat_n(Moment { behind, micros: 500_000 }, count));
    }
    moments.sort_by_key(|moment| moment.behind);
    moments
}

/// Divides the chunks of some sources into splits.
fn splits(random: &mut Arbitrary, inputs: &Inputs) -> BTreeMap<String, Vec<u32>> {
    let mut splits = BTreeMap::new();
    for (name, chunks) in &inputs.chunks {
        let count = *random.pick(&[1, 1, 2, 4]);
        splits.insert(name.clone(), chunks.iter().map(|_| random.below(count) as u32).collect());
    }
    splits
}

/// How the rows of a source are.
struct Habits {
    keys: usize,
    /// How far a row may lie behind the one before, in milliseconds.
    disorder: usize,
    step: usize,
    extremes: bool,
}

const HABITS: Habits = Habits { keys: 3, disorder: 3_000, step: 700, extremes: false };

fn rows(random: &mut Arbitrary, count: usize) -> Vec<Row> {
    let habits = Habits {
        keys: *random.pick(&[1, 2, 3, 8]),
        disorder: *random.pick(&[1, 1_000, 4_000, 20_000]),
        step: *random.pick(&[1, 300, 1_000, 5_000]),
        extremes: random.one_in(12),
    };
    let mut now = 0;
    (0..count)
        .map(|_| {
            now += random.below(habits.step) as i64;
            row(random, &habits, now)
        })
        .collect()
}

/// A row about `now` milliseconds behind the start.
fn row(random: &mut Arbitrary, habits: &Habits, now: i64) -> Row {
    let k = random.below(habits.keys) as i64;
    let v = match random.below(60) {
        0 => i64::MAX - 2,
        1 => i64::MIN + 2,
        _ => random.below(12) as i64 - 3,
    };
    let f = match random.below(25) {
        0 => -0.0,
        1 => f64::NAN,
        2 => 1e300,
        _ => (random.below(2_000) as f64 - 700.0) / 7.0,
    };
    let o = if random.one_in(3) { Value::Null } else { Value::Int(random.below(5) as i64) };
    let s = match random.below(12) {
        0 => "a text that no view holds inline".to_string(),
        n => format!("s{}", n % 4),
    };
    // Ties and whole seconds are frequent: they lie on the borders of windows.
    let fine = if random.one_in(3) { 1 } else { 500 };
    let millis = (now - random.below(habits.disorder) as i64) / fine * fine;
    let at = match random.below(30) {
        0 if habits.extremes => {
            *random.pick(&[i64::MIN, i64::MAX, 0, -1, -62_135_596_800_000_000, 253_402_300_799_999_999])
        }
        _ => START + millis * 1_000,
    };
    vec![Value::Int(k), Value::string(s), Value::Int(v), Value::Float(f), o, Value::Timestamp(at)]
}

/// Cuts rows into chunks.
fn chunks(random: &mut Arbitrary, rows: Vec<Row>) -> Vec<Vec<Row>> {
    let longest = *random.pick(&[1, 2, 5, 20, 1_000]);
    let mut chunks = Vec::new();
    let mut rest = rows.into_iter().peekable();
    while rest.peek().is_some() {
        let length = 1 + random.below(longest);
        chunks.push(rest.by_ref().take(length).collect());
    }
    chunks
}
