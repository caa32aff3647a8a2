//! What is killed: scripts of all kinds of state over random rows in files.

use flow_plan::Value;
use flow_plan::arbitrary::Arbitrary;

/// A script, its files, and what of it goes by the order of files.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is called.
    pub name: &'static str,
    /// The script.
    pub script: String,
    /// Its sources: the name of each, which is that of its file or folder, and its rows.
    pub sources: Vec<(String, Vec<Row>)>,
    /// In how many files the rows of a source stand (one: no folder).
    pub files: usize,
    /// How these are packed.
    pub packing: Packing,
}

/// How files are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// Each in turn so, or not at all.
    Some,
}

/// The values of a row of [`TYPE`].
pub(crate) type Row = Vec<Value>;

const TYPE: &str = "type Row = { k: int, s: string, v: int, at: timestamp }\n";

/// What the cases are called.
pub(crate) const NAMES: [&str; 22] = [
    "running",
    "plain",
    "at the end",
    "distinct",
    "top",
    "windows",
    "sessions",
    "sliding",
    "join",
    "versions",
    "join in windows",
    "join in sessions",
    "partitions",
    "packed partitions",
    "many packed parts",
    "windows of merged files",
    "windows given again",
    "sessions given again",
    "windows of rows",
    "beats, then the end",
    "parts at beats",
    "best at beats",
];

/// The cases that are wanted, by their names, with so many rows each.
pub fn cases(random: &mut Arbitrary, rows: usize, wanted: impl Fn(&str) -> bool) -> Vec<Case> {
    let stages: [(&'static str, &str); 14] = [
        ("running", "rows |> keyBy(k) |> aggregate { n: count(), total: sum(v), last: last(s) }"),
        ("plain", "rows |> filter(v % 7 != 0) |> map { k, s: upper(s), v: v * 2, at }"),
        (
            "at the end",
            "rows |> keyBy(s) |> trigger(atEnd) |> aggregate { n: count(), least: min(v), most: max(v) }",
        ),
        ("distinct", "rows |> distinct(s, v)"),
        ("top", "rows |> keyBy(k) |> top(3, by: v)"),
        ("windows", "rows |> keyBy(k) |> window(tumbling(1min)) |> aggregate { n: count(), total: sum(v) }"),
        ("sessions", "rows |> keyBy(s) |> window(session(gap: 20s)) |> aggregate { n: count() }"),
        (
            "sliding",
            "rows |> window(sliding(2min, every: 30s)) |> aggregate { n: count(), kinds: countDistinct(s) }",
        ),
        // No row is late: what was given is known for a while.
        (
            "windows given again",
            "rows |> keyBy(k) |> window(tumbling(1min), lateness: 30s) |> trigger(late: eachRow) |> aggregate { n: count(), total: sum(v) }",
        ),
        (
            "sessions given again",
            "rows |> keyBy(s) |> window(session(gap: 20s), lateness: 30s) |> aggregate { n: count(), total: sum(v) }",
        ),
        (
            "windows of rows",
            "rows |> keyBy(k) |> window(count(4, every: 3)) |> aggregate { n: count(), total: sum(v) }",
        ),
        // Beats pass while the end of the input waits for room.
        (
            "beats, then the end",
            "rows |> keyBy(k, s) |> trigger(every: 50us) |> aggregate { n: count(), least: min(v) } |> keyBy(k) |> trigger(atEnd) |> aggregate { keys: count(), total: sum(n) }",
        ),
        (
            "parts at beats",
            "rows |> keyBy(k, s) |> trigger(every: 50us, mode: discarding) |> aggregate { n: count() } |> keyBy(k) |> trigger(atEnd) |> aggregate { total: sum(n) }",
        ),
        (
            "best at beats",
            "rows |> keyBy(k) |> trigger(every: 50us) |> top(3, by: v) |> keyBy(k) |> trigger(atEnd) |> aggregate { n: count(), total: sum(v) }",
        ),
    ];
    let stages = stages.iter().filter(|(name, _)| wanted(name));
    let mut all: Vec<Case> = stages.map(|(name, stage)| one(random, name, stage, rows)).collect();
    let joins = [
        (
            "join",
            "sink out = rows as l |> join(others as r on l.k == r.k, within: 5s) |> map { k: l.k, a: l.v, b: r.v, at: l.at, other: r.at }",
            rows / 4,
        ),
        (
            "versions",
            "stream known = others |> keyBy(k) |> latest(by: v)\nsink out = rows as l |> leftJoin(known asOf as r on l.k == r.k) |> map { k: l.k, a: l.v, b: r.v, at: l.at, other: r.at }",
            rows / 2,
        ),
        (
            "join in windows",
            "sink out = rows as l |> leftJoin(others as r on l.k == r.k and l.s == r.s, window: sliding(40s, every: 20s)) |> map { k: l.k, a: l.v, b: r.v }",
            rows / 4,
        ),
        (
            "join in sessions",
            "sink out = rows as l |> leftJoin(others as r on l.k == r.k and l.s == r.s, window: session(gap: 20s)) |> map { k: l.k, a: l.v, b: r.v }",
            rows / 4,
        ),
    ];
    for (name, stages, rows) in joins.into_iter().filter(|(name, ..)| wanted(name)) {
        all.push(joined(random, name, stages, rows));
    }
    all.extend(outside(random, rows, wanted));
    all
}

/// Cases that are about what stands around the job: folders of files, packed ones, partitions.
fn outside(random: &mut Arbitrary, rows: usize, wanted: impl Fn(&str) -> bool) -> Vec<Case> {
    let ways: [(&'static str, &str, &str); 4] = [
        ("partitions", "rows |> map { third: v % 3, k, s, v }", "partitionBy: [third]"),
        (
            "packed partitions",
            "rows |> map { fifth: v % 5, k, v }",
            "partitionBy: [fifth], compression: gzip, mode: overwrite",
        ),
        ("many packed parts", "rows |> map { k, s, v }", "compression: zstd, rollSize: 4KiB, mode: append"),
        (
            "windows of merged files",
            "rows |> keyBy(k) |> window(tumbling(1min)) |> aggregate { n: count(), total: sum(v) }",
            "rollEvery: 5ms",
        ),
    ];
    let case = |(name, stage, options): &(&'static str, &str, &str)| {
        let plain = one(random, name, stage, rows);
        let script =
            plain.script.replace("\"out\", format: json", &format!("\"out\", format: json, {options}"));
        let packing = if random.one_in(2) { Packing::Some } else { Packing::None };
        Case { script, files: 1 + random.below(4), packing, ..plain }
    };
    ways.iter().filter(|(name, ..)| wanted(name)).map(case).collect()
}

fn one(random: &mut Arbitrary, name: &'static str, stage: &str, rows: usize) -> Case {
    let script = format!(
        "{TYPE}source rows: Row = file(\"rows\", format: json)\n  |> eventTime(at, delay: 30s)\nsink out = {stage}\n  -> file(\"out\", format: json)\n"
    );
    Case {
        name,
        script,
        sources: vec![("rows".into(), some_rows(random, rows))],
        files: 1,
        packing: Packing::None,
    }
}

fn joined(random: &mut Arbitrary, name: &'static str, stages: &str, rows: usize) -> Case {
    let script = format!(
        "{TYPE}source rows: Row = file(\"rows\", format: json)\n  |> eventTime(at, delay: 30s)\nsource others: Row = file(\"others\", format: json)\n  |> eventTime(at, delay: 30s)\n{stages}\n  -> file(\"out\", format: json)\n"
    );
    let sources = ["rows", "others"].map(|name| (name.to_string(), some_rows(random, rows)));
    Case { name, script, sources: sources.into(), files: 1, packing: Packing::None }
}

/// Rows whose times go on, with a disorder that the delay covers.
fn some_rows(random: &mut Arbitrary, rows: usize) -> Vec<Row> {
    let row = |row: usize| {
        let (k, s, v) = (random.below(40), random.below(25), random.below(100_000));
        let at = 1_700_000_000_000 + (row * 40 + random.below(20_000)) as i64;
        vec![
            Value::Int(k as i64),
            Value::string(format!("text {s}")),
            Value::Int(v as i64),
            Value::Timestamp(at * 1000),
        ]
    };
    (0..rows).map(row).collect()
}

/// Of each row of a job that is killed: what no script reads makes files long, so that few rows are many chunks, between
/// which there can be checkpoints.
pub(super) const PADDING: usize = 1200;

/// A row as a line of JSON, with so much padding; times are milliseconds.
pub(crate) fn line(row: &Row, padding: usize) -> String {
    let [Value::Int(k), Value::String(s), Value::Int(v), Value::Timestamp(at)] = row.as_slice() else {
        panic!("a row of another type");
    };
    let at = at / 1000;
    format!("{{\"k\":{k},\"s\":\"{s}\",\"v\":{v},\"at\":{at},\"more\":\"{:padding$}\"}}\n", "")
}
