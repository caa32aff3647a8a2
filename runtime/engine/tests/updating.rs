//! Distinct rows, picks, and aggregates whose results are replaced: random rows against plain models,
//! with any number of workers.
#![allow(clippy::disallowed_methods)]

mod graphs;

use flow_env::Random;
use flow_plan::catalogue::AggFunc;
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::{
    ColumnAggregate, Distinct, EventTime, Exchange, Hidden, NodeKind, Pick, RunningAggregate, SortColumn,
    hidden,
};
use flow_plan::{DataType, Field, Place, RecordType, Value};
use graphs::*;
use std::collections::HashMap;
use std::sync::Arc;

/// A key, a value, and a time that mostly rises.
fn rows(random: &mut Random, n: usize) -> Vec<Row> {
    let keys = 1 + random.below(8);
    let row = |at: usize| {
        let back = if random.below(4) == 0 { random.below(40) as i64 } else { 0 };
        let time = Value::Timestamp(at as i64 * 3 - back);
        vec![int(random.below(keys) as i64), int(random.below(20) as i64), time]
    };
    (0..n).map(row).collect()
}

fn schema() -> Arc<RecordType> {
    record(&[("k", DataType::Int), ("v", DataType::Int), ("t", DataType::Timestamp)])
}

/// With hidden columns behind the declared ones.
fn with(record: &RecordType, names: &[&str]) -> Arc<RecordType> {
    let hidden = names.iter().map(|name| hidden::field(name));
    Arc::new(RecordType::new(record.fields.iter().cloned().chain(hidden).collect()))
}

/// A source whose third column is event time; behind it stands the watermark.
fn timed(build: &mut Build, delay: i64) -> usize {
    let source = build.source("in", &schema());
    let time = EventTime { column: 2, delay, idle: None };
    let output = with(&schema(), &[hidden::WATERMARK]);
    build.node(NodeKind::EventTime(time), vec![(source, Exchange::Local)], output)
}

/// Runs with 1, 2 and 5 workers, chunks and queues of any size: always the same rows.
fn same_rows(build: &Build, input: &[Row], seed: u64, expected: Option<&[Row]>) -> Vec<Row> {
    let mut random = Random::new(seed);
    let mut first: Option<Vec<Row>> = expected.map(<[Row]>::to_vec);
    for workers in [1, 1, 2, 5] {
        let mut memory = Memory::default();
        memory.source("in", Script::of(input.to_vec(), 1 + random.below(30) as usize));
        let out = memory.sink("out");
        memory.start(&build.graph, workers, random.below(2) == 0).wait().expect("it runs");
        let got = out.take();
        let wanted = first.get_or_insert_with(|| got.clone());
        let at = (0..got.len().max(wanted.len())).find(|&at| got.get(at) != wanted.get(at));
        if let Some(at) = at {
            let before = at.saturating_sub(3);
            panic!(
                "seed {seed}, {workers} workers, row {at} of {} (expected {}): {:?}\nexpected {:?}",
                got.len(),
                wanted.len(),
                &got[before..(at + 3).min(got.len())],
                &wanted[before.min(wanted.len())..(at + 3).min(wanted.len())]
            );
        }
    }
    first.unwrap_or_default()
}

fn time_of(row: &Row) -> i64 {
    match row[2] {
        Value::Timestamp(time) => time,
        ref other => unreachable!("{other:?} is no time"),
    }
}

#[test]
fn values_are_distinct_until_they_were_not_seen_for_so_long() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let n = random.below(300) as usize;
        let input = rows(&mut random, n);
        let (delay, within) = (random.below(20) as i64, 1 + random.below(60) as i64);
        let mut build = Build::new();
        let source = timed(&mut build, delay);
        let distinct = Distinct {
            columns: vec![0, 1],
            state: state("d"),
            within: Some(within),
            hidden: Hidden { time: Some(2), watermark: Some(3), change: None },
        };
        let output = build.schema(source);
        let exchange = Exchange::Hash(vec![0, 1]);
        let node = build.node(NodeKind::Distinct(distinct), vec![(source, exchange)], output);
        build.sink("out", node);
        let mut seen: HashMap<(Value, Value), i64> = HashMap::new();
        let (mut expected, mut greatest) = (Vec::new(), i64::MIN);
        for row in &input {
            let (time, watermark) = (time_of(row), greatest.saturating_sub(delay));
            greatest = greatest.max(time);
            let last = seen.get(&(row[0].clone(), row[1].clone())).copied();
            let news = last.is_none_or(|last| time.max(watermark) >= last + within);
            let last = if news { time } else { last.unwrap_or(time).max(time) };
            seen.insert((row[0].clone(), row[1].clone()), last);
            if news {
                expected.push(row.clone());
            }
        }
        let mut got = same_rows_without_watermarks(&build, &input, seed);
        got.iter_mut().for_each(|row| row.truncate(3));
        assert_eq!(got, expected, "seed {seed}");
    }
}

/// Watermarks of rows depend on where chunks end.
fn same_rows_without_watermarks(build: &Build, input: &[Row], seed: u64) -> Vec<Row> {
    let mut build = Build { graph: build.graph.clone() };
    build.graph.nodes.pop();
    let last = build.graph.nodes.len() - 1;
    let record = build.schema(last);
    let kept: Vec<usize> =
        (0..record.fields.len()).filter(|&c| &*record.fields[c].name != hidden::WATERMARK).collect();
    let fields: Vec<Field> = kept.iter().map(|&c| record.fields[c].clone()).collect();
    let exprs = kept.iter().map(|&c| column(c, record.fields[c].ty.clone())).collect();
    let step = (flow_plan::physical::StepKind::Map(exprs), Arc::new(RecordType::new(fields)));
    let node = build.chain(last, vec![step]);
    build.sink("out", node);
    same_rows(&build, input, seed, None)
}

fn count(where_: Option<usize>) -> ColumnAggregate {
    ColumnAggregate {
        func: AggFunc::Count,
        arg: None,
        by: None,
        param: None,
        filter: where_,
        ty: DataType::Int,
        name: "n".into(),
        place: Place::default(),
    }
}

#[test]
fn results_carry_the_event_time_of_the_row_that_caused_them() {
    for (seed, trigger) in [RunningTrigger::EachRow, RunningTrigger::AtEnd, RunningTrigger::Count(3)]
        .into_iter()
        .cycle()
        .take(30)
        .enumerate()
    {
        let mut random = Random::new(seed as u64);
        let input = rows(&mut random, 200);
        let discarding = random.below(2) == 0;
        let mut build = Build::new();
        let source = timed(&mut build, 5);
        let aggregate = RunningAggregate {
            keys: vec![0],
            state: state("a"),
            trigger: trigger.clone(),
            discarding,
            calls: vec![count(None)],
            hidden: Hidden { time: Some(2), watermark: Some(3), change: None },
            changes: false,
        };
        let output =
            with(&record(&[("k", DataType::Int), ("n", DataType::Int)]), &[hidden::TIME, hidden::WATERMARK]);
        let exchange = Exchange::Hash(vec![0]);
        let node = build.node(NodeKind::Aggregate(aggregate), vec![(source, exchange)], output);
        build.sink("out", node);
        let (mut groups, mut expected): (Vec<(Value, i64, Value)>, Vec<Row>) = Default::default();
        for row in &input {
            let at = groups.iter().position(|group| group.0 == row[0]).unwrap_or(groups.len());
            if at == groups.len() {
                groups.push((row[0].clone(), 0, Value::Null));
            }
            let group = &mut groups[at];
            (group.1, group.2) = (group.1 + 1, row[2].clone());
            let due = match trigger {
                RunningTrigger::EachRow => true,
                RunningTrigger::Count(n) => (group.1 as u64).is_multiple_of(n),
                _ => false,
            };
            if due {
                expected.push(vec![group.0.clone(), int(group.1), group.2.clone()]);
                group.1 = if discarding { 0 } else { group.1 };
            }
        }
        let left = |group: &&(Value, i64, Value)| match trigger {
            RunningTrigger::EachRow => false,
            RunningTrigger::Count(n) => !(group.1 as u64).is_multiple_of(n),
            _ => true,
        };
        let rest = groups.iter().filter(left).map(|(k, n, time)| vec![k.clone(), int(*n), time.clone()]);
        expected.extend(rest);
        assert_eq!(same_rows_without_watermarks(&build, &input, seed as u64), expected, "seed {seed}");
    }
}

fn call(func: AggFunc, arg: Option<usize>, ty: DataType) -> ColumnAggregate {
    ColumnAggregate { func, arg, ty, ..count(None) }
}

/// Counts and sums per `k` as a changelog; behind it, per count, aggregates of it.
fn nested(build: &mut Build, first: RunningTrigger, second: RunningTrigger) {
    let source = timed(build, 5);
    let inner = RunningAggregate {
        keys: vec![0],
        state: state("a"),
        trigger: first,
        discarding: false,
        calls: vec![count(None), call(AggFunc::Min, Some(1), DataType::Int)],
        hidden: Hidden { time: Some(2), watermark: Some(3), change: None },
        changes: true,
    };
    let fields = record(&[("k", DataType::Int), ("n", DataType::Int), ("least", DataType::Int)]);
    let output = with(&fields, &[hidden::TIME, hidden::WATERMARK, hidden::CHANGE]);
    let inner = build.node(NodeKind::Aggregate(inner), vec![(source, Exchange::Hash(vec![0]))], output);
    let outer = RunningAggregate {
        keys: vec![2],
        state: state("b"),
        trigger: second,
        discarding: false,
        calls: vec![
            count(None),
            call(AggFunc::Sum, Some(1), DataType::Int),
            call(AggFunc::Max, Some(1), DataType::Int),
            call(AggFunc::Collect, Some(0), DataType::list(DataType::Int)),
        ],
        hidden: Hidden { time: Some(3), watermark: Some(4), change: Some(5) },
        changes: true,
    };
    let fields = record(&[
        ("least", DataType::Int),
        ("keys", DataType::Int),
        ("rows", DataType::Int),
        ("most", DataType::Int),
        ("all", DataType::list(DataType::Int)),
    ]);
    let output = with(&fields, &[hidden::TIME, hidden::WATERMARK, hidden::CHANGE]);
    let outer = build.node(NodeKind::Aggregate(outer), vec![(inner, Exchange::Hash(vec![2]))], output);
    build.sink("out", outer);
}

/// What `outer` should hold: per least value, the keys (in the order in which they got there) and counts.
fn final_groups(input: &[Row]) -> HashMap<Value, Vec<(Value, i64)>> {
    let mut keys: HashMap<Value, (i64, Value)> = HashMap::new();
    let mut groups: HashMap<Value, Vec<(Value, i64)>> = HashMap::new();
    for row in input {
        let known = keys.get(&row[0]).cloned();
        if let Some((_, least)) = &known {
            groups.get_mut(least).unwrap().retain(|(key, _)| *key != row[0]);
        }
        let (n, least) = known.map_or((1, row[1].clone()), |(n, least)| (n + 1, least.min(row[1].clone())));
        keys.insert(row[0].clone(), (n, least.clone()));
        groups.entry(least).or_default().push((row[0].clone(), n));
    }
    groups.retain(|_, keys| !keys.is_empty());
    groups
}

#[test]
fn a_changelog_withdraws_exactly_what_it_gave_and_ends_with_what_is_there() {
    for seed in 0..80 {
        let mut random = Random::new(seed);
        let n = random.below(200) as usize;
        let input = rows(&mut random, n);
        let mut build = Build::new();
        let triggers = [RunningTrigger::EachRow, RunningTrigger::AtEnd, RunningTrigger::Count(1 + seed % 4)];
        let first = triggers[random.below(2) as usize * 2].clone();
        let second = triggers[random.below(3) as usize].clone();
        nested(&mut build, first.clone(), second);
        let given = same_rows_without_watermarks(&build, &input, seed);
        let mut held: Vec<Row> = Vec::new();
        for row in given {
            let (row, change) = row.split_at(row.len() - 1);
            if change[0] == int(1) {
                assert!(
                    held.iter().all(|known| known[0] != row[0]),
                    "seed {seed}: {row:?} was not withdrawn"
                );
                held.push(row.to_vec());
            } else {
                let at = held.iter().position(|known| known == row);
                held.remove(at.unwrap_or_else(|| panic!("seed {seed}: {row:?} was not given: {held:?}")));
            }
        }
        let expected = final_groups(&input);
        let got: HashMap<Value, Vec<Value>> =
            held.iter().map(|row| (row[0].clone(), row[1..5].to_vec())).collect();
        if first == RunningTrigger::EachRow {
            let want = |keys: &Vec<(Value, i64)>| {
                let all: Vec<Value> = keys.iter().map(|(key, _)| key.clone()).collect();
                let (rows, most) = (keys.iter().map(|key| key.1).sum(), keys.iter().map(|key| key.1).max());
                vec![int(keys.len() as i64), int(rows), int(most.unwrap_or(0)), Value::List(all.into())]
            };
            let want: HashMap<Value, Vec<Value>> =
                expected.iter().map(|(k, v)| (k.clone(), want(v))).collect();
            assert_eq!(got, want, "seed {seed}");
        }
    }
}

/// What a changelog leaves: the rows that were given and not withdrawn. Withdraws only what is there.
fn left(given: Vec<Row>, seed: u64) -> Vec<Row> {
    let mut held: Vec<Row> = Vec::new();
    for row in given {
        let (row, change) = row.split_at(row.len() - 1);
        if change[0] == int(1) {
            held.push(row.to_vec());
        } else {
            let at = held.iter().position(|known| known == row);
            held.remove(at.unwrap_or_else(|| panic!("seed {seed}: {row:?} was not given: {held:?}")));
        }
    }
    held
}

/// The list of rows that came in this order, best first: `by` is compared, less is better.
fn best(rows: &[Row], pick: &Pick, by: impl Fn(&Row) -> i64) -> Vec<Row> {
    let mut list: Vec<Row> = rows.to_vec();
    if pick.last_wins {
        list.reverse();
    }
    list.sort_by_key(&by);
    let n = pick.n as usize;
    let cut =
        list.iter().enumerate().position(|(at, row)| at >= n && !(pick.ties && by(row) == by(&list[n - 1])));
    list.truncate(cut.unwrap_or(list.len()));
    list
}

fn random_pick(random: &mut Random, seed: u64, hidden: Hidden) -> Pick {
    let triggers = [RunningTrigger::EachRow, RunningTrigger::AtEnd, RunningTrigger::Count(1 + seed % 3)];
    let last_wins = random.below(4) == 0;
    Pick {
        keys: vec![0],
        state: state("p"),
        n: if last_wins { 1 } else { 1 + random.below(3) },
        by: vec![SortColumn { column: 1, descending: random.below(2) == 0 }],
        ties: !last_wins && random.below(3) == 0,
        last_wins,
        rank: random.below(2) == 0,
        row: vec![0, 1, 2],
        windowing: None,
        trigger: triggers[random.below(3) as usize].clone(),
        discarding: false,
        hidden,
        changes: true,
    }
}

/// A pick behind a node whose first three columns it gives.
fn pick_behind(build: &mut Build, pick: &Pick, from: usize) {
    let mut fields = build.schema(from).fields[..3].to_vec();
    if pick.rank {
        fields.push(Field::new("rank", DataType::Int));
    }
    let output = with(&RecordType::new(fields), &[hidden::TIME, hidden::WATERMARK, hidden::CHANGE]);
    let exchange = if pick.keys.is_empty() { Exchange::Gather } else { Exchange::Hash(pick.keys.clone()) };
    let node = build.node(NodeKind::Pick(pick.clone()), vec![(from, exchange)], output);
    build.sink("out", node);
}

/// Rows as the pick should leave them, of the groups' rows in the order of their coming.
fn picked(groups: &[Vec<Row>], pick: &Pick) -> Vec<Row> {
    let sign = if pick.by[0].descending { -1 } else { 1 };
    let by = |row: &Row| match row[1] {
        Value::Int(x) => sign * x,
        ref other => unreachable!("{other:?}"),
    };
    let ranked = |rows: &Vec<Row>| {
        let list = best(rows, pick, by).into_iter().enumerate();
        let place = |(at, mut row): (usize, Row)| {
            row.extend(pick.rank.then(|| int(at as i64 + 1)));
            row
        };
        list.map(place).collect::<Vec<Row>>()
    };
    groups.iter().flat_map(ranked).collect()
}

fn without_time(rows: Vec<Row>, width: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.into_iter().map(|row| row[..width].to_vec()).collect();
    rows.sort();
    rows
}

#[test]
fn a_pick_withdraws_exactly_what_it_gave_and_ends_with_the_best_rows() {
    for seed in 0..120 {
        let mut random = Random::new(seed);
        let n = random.below(150) as usize;
        let input = rows(&mut random, n);
        let pick = random_pick(&mut random, seed, Hidden { time: Some(2), watermark: Some(3), change: None });
        let mut build = Build::new();
        let source = timed(&mut build, 5);
        pick_behind(&mut build, &pick, source);
        let given = same_rows_without_watermarks(&build, &input, seed);
        let mut groups: Vec<Vec<Row>> = Vec::new();
        for row in &input {
            match groups.iter_mut().find(|group| group[0][0] == row[0]) {
                Some(group) => group.push(row.clone()),
                None => groups.push(vec![row.clone()]),
            }
        }
        let mut expected = picked(&groups, &pick);
        expected.sort();
        let got = without_time(left(given, seed), 3 + usize::from(pick.rank));
        assert_eq!(got, expected, "seed {seed}: {pick:?}");
    }
}

#[test]
fn a_pick_over_a_changelog_finds_the_next_best_row_when_one_goes() {
    for seed in 0..120 {
        let mut random = Random::new(seed);
        let n = random.below(150) as usize;
        let input = rows(&mut random, n);
        let mut build = Build::new();
        nested(&mut build, RunningTrigger::EachRow, RunningTrigger::AtEnd);
        build.graph.nodes.truncate(3);
        let hidden = Hidden { time: Some(3), watermark: Some(4), change: Some(5) };
        let mut pick = random_pick(&mut random, seed, hidden);
        pick.keys = if random.below(2) == 0 { vec![2] } else { vec![] };
        pick_behind(&mut build, &pick, 2);
        let given = same_rows_without_watermarks(&build, &input, seed);
        // Counts and least values per key, a row moves to the end when it changes.
        let mut all: Vec<Row> = Vec::new();
        for row in &input {
            let known = all.iter().position(|known| known[0] == row[0]).map(|at| all.remove(at));
            all.push(match known.as_deref() {
                Some([key, Value::Int(n), least]) => {
                    vec![key.clone(), int(n + 1), least.clone().min(row[1].clone())]
                }
                _ => vec![row[0].clone(), int(1), row[1].clone()],
            });
        }
        let mut groups: Vec<Vec<Row>> = Vec::new();
        for row in &all {
            let same = |group: &&mut Vec<Row>| pick.keys.is_empty() || group[0][2] == row[2];
            match groups.iter_mut().find(same) {
                Some(group) => group.push(row.clone()),
                None => groups.push(vec![row.clone()]),
            }
        }
        let mut expected = picked(&groups, &pick);
        expected.sort();
        let got = without_time(left(given, seed), 3 + usize::from(pick.rank));
        assert_eq!(got, expected, "seed {seed}: {pick:?}");
    }
}
