//! Aggregation in two steps, where both steps of a worker have one table.
#![allow(clippy::disallowed_methods)]

mod graphs;

use flow_plan::catalogue::AggFunc;
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::{ColumnAggregate, Exchange, Hidden, NodeKind, RunningAggregate};
use flow_plan::{DataType, Place, RecordType, Value};
use graphs::*;
use std::sync::Arc;

/// A key that is a string (short or long) or an int, a value that may be null, and a condition.
fn input(key: DataType) -> Arc<RecordType> {
    record(&[("key", key), ("value", DataType::Int.optional()), ("holds", DataType::Bool)])
}

fn key(number: i64, ty: &DataType) -> Value {
    match ty {
        DataType::Int => int(number),
        _ if number % 3 == 0 => Value::String(format!("a key that is long, with number {number}").into()),
        _ => Value::String(format!("k{number}").into()),
    }
}

/// Many keys come once or twice, few come often: some are seen by one worker alone.
fn rows(ty: &DataType) -> Vec<Row> {
    let row = |i: i64| {
        let number = if i % 2 == 0 { i % 7 } else { i * 7919 % 401 };
        let value = if i % 5 == 0 { Value::Null } else { int(i * 31 % 1_000) };
        vec![key(number, ty), value, Value::Bool(i % 11 != 0)]
    };
    (0..1_500).map(row).collect()
}

fn call(name: &str, func: AggFunc, arg: Option<usize>, ty: DataType) -> ColumnAggregate {
    let name = name.into();
    ColumnAggregate { func, arg, by: None, param: None, filter: None, ty, name, place: Place::default() }
}

/// `in -> count, min, max, boolAnd by key -> out`, whose writers each get what their worker has.
fn graph(ty: &DataType) -> Build {
    let calls = vec![
        call("rows", AggFunc::Count, None, DataType::Int),
        call("values", AggFunc::Count, Some(1), DataType::Int),
        call("least", AggFunc::Min, Some(1), DataType::Int.optional()),
        call("greatest", AggFunc::Max, Some(1), DataType::Int.optional()),
        call("all", AggFunc::BoolAnd, Some(2), DataType::Bool.optional()),
    ];
    let fields: Vec<(&str, DataType)> = calls.iter().map(|call| (&*call.name, call.ty.clone())).collect();
    let output = record(&[vec![("key", ty.clone())], fields].concat());
    let mut build = Build::new();
    let source = build.source("in", &input(ty.clone()));
    let aggregate = RunningAggregate {
        keys: vec![0],
        state: state("groups"),
        trigger: RunningTrigger::AtEnd,
        discarding: false,
        calls,
        hidden: Hidden::default(),
        changes: false,
    };
    let by_key = vec![(source, Exchange::Hash(vec![0]))];
    let groups = build.node(NodeKind::Aggregate(aggregate), by_key, output);
    build.local_sink("out", groups);
    build
}

/// What these workers give, one behind the other.
fn run(ty: &DataType, workers: usize, tiny_queues: bool) -> Vec<Row> {
    let build = graph(ty);
    let mut memory = Memory::default();
    memory.source("in", Script::of(rows(ty), 16));
    let out = memory.sink("out");
    memory.start(&build.graph, workers, tiny_queues).wait().expect("it runs");
    out.take()
}

#[test]
fn groups_that_several_workers_made_are_given_once_in_the_order_of_first_appearance() {
    for ty in [DataType::Int, DataType::String] {
        let expected = run(&ty, 1, false);
        let place = |row: &Row| expected.iter().position(|other| other[0] == row[0]).expect("a known key");
        for (workers, tiny) in [(2, false), (2, true), (3, false), (5, true)] {
            let given = run(&ty, workers, tiny);
            let mut places: Vec<usize> = given.iter().map(place).collect();
            for (row, &place) in given.iter().zip(&places) {
                assert_eq!(*row, expected[place], "{workers} workers");
            }
            // Each worker's share is in order.
            let shares = places.windows(2).filter(|pair| pair[0] > pair[1]).count() + 1;
            assert!(shares <= workers, "{shares} runs of {workers} workers");
            places.sort_unstable();
            assert_eq!(places, (0..expected.len()).collect::<Vec<_>>(), "each key once");
        }
    }
}
