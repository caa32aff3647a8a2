//! Random aggregates, and the map behind them that makes the common columns again.

use flow_plan::arbitrary::Arbitrary;

/// What is grouped by: the `keyBy` stage, and which of the common columns the keys are.
pub(super) struct Keys {
    pub(super) stage: Option<String>,
    pub(super) columns: Vec<&'static str>,
}

/// Random keys, or none.
pub(super) fn keys(random: &mut Arbitrary) -> Keys {
    const KEYS: [(&str, &[&str]); 7] = [
        ("keyBy(k)", &["k"]),
        ("keyBy(k)", &["k"]),
        ("keyBy(s)", &["s"]),
        ("keyBy(k, s)", &["k", "s"]),
        ("keyBy(g: v % 3)", &[]),
        ("keyBy(o)", &["o"]),
        ("", &[]),
    ];
    let (stage, columns) = *random.pick(&KEYS);
    Keys { stage: (!stage.is_empty()).then(|| stage.to_string()), columns: columns.to_vec() }
}

const INTS: [&str; 18] = [
    "count()",
    "sum(v)",
    "min(v)",
    "max(v)",
    "first(v)",
    "last(v)",
    "countDistinct(s)",
    "countDistinct(s) - (countDistinct(s, where: v > 1) ?? 0)",
    "(countDistinct(v, where: f > 0.0) ?? 0) + countDistinct(v)",
    "approxCountDistinct(v)",
    "argMax(v, by: f)",
    "argMin(k, by: v)",
    "count(where: v > 1)",
    "sum(v, where: f > 0.0)",
    "max(v, where: v > 2) ?? -7",
    "len(collect(v))",
    "sum(v) - count()",
    "if boolAnd(v > -2) then 1 else 0",
];

const FLOATS: [&str; 10] = [
    "avg(v)",
    "sum(f)",
    "avg(f)",
    "min(f)",
    "max(f)",
    "last(f)",
    "median(f)",
    "percentile(f, 0.9)",
    "stddev(f) ?? -1.0",
    "variance(v) ?? 0.0",
];

const TEXTS: [&str; 5] =
    ["stringJoin(s)", "first(s)", "max(s)", "argMax(s, by: v)", "min(s, where: v > 0) ?? \"none\""];

const OPTIONALS: [&str; 5] =
    ["first(o)", "last(o)", "max(v, where: o == 1)", "argMin(o, by: at)", "last(k, where: v > 3)"];

const TIMES: [&str; 4] = ["max(at)", "min(at)", "last(at)", "first(at)"];

/// An `aggregate` stage without a key whose results are those of any parts of the rows, and the map behind it.
pub(super) fn of_parts(random: &mut Arbitrary) -> [String; 2] {
    const PARTS: [&str; 6] = [
        "count()",
        "min(v)",
        "max(k)",
        "count(where: f > 0.0)",
        "max(v, where: v > 2) ?? -7",
        "if boolAnd(v > -2) then 1 else 0",
    ];
    let results = ["k", "v"].map(|name| format!("r_{name}: {}", random.pick(&PARTS)));
    let more = "r_o: max(v, where: o == 1), r_at: max(at)";
    [
        format!("aggregate {{ {}, {more} }}", results.join(", ")),
        "map { k: r_k, s: string(r_at), v: r_v, f: float(r_v), o: r_o, at: windowEnd }".to_string(),
    ]
}

/// An `aggregate` stage and the map behind it. `end`: what the time of the result is, if it has one.
pub(super) fn aggregate(random: &mut Arbitrary, keys: &Keys, end: Option<&str>) -> [String; 2] {
    let mut results = Vec::new();
    let mut columns = Vec::new();
    let pools: [(&str, &[&str]); 6] =
        [("k", &INTS), ("s", &TEXTS), ("v", &INTS), ("f", &FLOATS), ("o", &OPTIONALS), ("at", &TIMES)];
    for (name, pool) in pools {
        let optional = keys.columns.contains(&name);
        if optional {
            columns.push(name.to_string());
        } else if let (Some(end), "at") = (end, name) {
            columns.push(format!("at: {end}"));
        } else {
            results.push(format!("r_{name}: {}", random.pick(pool)));
            columns.push(format!("{name}: r_{name}"));
        }
    }
    [format!("aggregate {{ {} }}", results.join(", ")), format!("map {{ {} }}", columns.join(", "))]
}
