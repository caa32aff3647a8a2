//! Jobs from start to end: results, order, errors, stopping.
#![allow(clippy::disallowed_methods)]

mod common;

use common::*;
use flow_plan::catalogue::AggFunc;
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::{ColumnAggregate, Exchange, NodeKind, RunningAggregate};
use flow_plan::{DataType, Place, Value};

fn pairs() -> std::sync::Arc<flow_plan::RecordType> {
    record(&[("key", DataType::Int), ("value", DataType::Int)])
}

fn count_by_key(build: &mut Build, from: usize, key: usize, trigger: RunningTrigger) -> usize {
    let key_field = build.schema(from).fields[key].clone();
    let output = record(&[(&*key_field.name.clone(), key_field.ty), ("n", DataType::Int)]);
    let count = ColumnAggregate {
        func: AggFunc::Count,
        arg: None,
        by: None,
        param: None,
        filter: None,
        ty: DataType::Int,
        name: "n".into(),
        place: Place::default(),
    };
    let aggregate = RunningAggregate {
        keys: vec![key],
        state: state("count"),
        trigger,
        discarding: false,
        calls: vec![count],
    };
    build.node(NodeKind::Aggregate(aggregate), vec![(from, Exchange::Hash(vec![key]))], output)
}

fn rows(n: i64, keys: i64) -> Vec<Row> {
    (0..n).map(|i| vec![int(i * 7919 % keys), int(i)]).collect()
}

#[test]
fn counts_at_the_end_are_the_same_at_any_parallelism_and_in_order_of_first_appearance() {
    let mut build = Build::new();
    let source = build.source("in", &pairs());
    let counts = count_by_key(&mut build, source, 0, RunningTrigger::AtEnd);
    build.sink("out", counts);
    let mut memory = Memory::default();
    memory.source("in", Script::of(rows(1000, 37), 16));
    let out = memory.sink("out");
    let mut expected: Vec<Row> = Vec::new();
    for row in rows(1000, 37) {
        match expected.iter_mut().find(|e| e[0] == row[0]) {
            Some(known) => {
                let Value::Int(n) = known[1] else { unreachable!() };
                known[1] = int(n + 1);
            }
            None => expected.push(vec![row[0].clone(), int(1)]),
        }
    }
    for workers in [1, 2, 3, 4, 8] {
        let summary = memory.run(&build.graph, workers).expect("it runs");
        assert_eq!(out.take(), expected, "{workers} workers");
        assert_eq!(out.committed(), Some(true));
        assert_eq!(summary.progress.rows_in(), 1000);
        assert_eq!(summary.progress.rows_out(), 37);
    }
}

#[test]
fn running_counts_keep_the_order_of_the_input_through_two_exchanges() {
    let mut build = Build::new();
    let source = build.source("in", &pairs());
    let first = count_by_key(&mut build, source, 0, RunningTrigger::EachRow);
    let second = count_by_key(&mut build, first, 1, RunningTrigger::EachRow);
    build.sink("out", second);
    let mut memory = Memory::default();
    memory.source("in", Script::of(rows(500, 23), 16));
    let out = memory.sink("out");
    memory.run(&build.graph, 1).expect("it runs");
    let expected = out.take();
    assert_eq!(expected.len(), 500);
    for workers in [2, 3, 4, 8] {
        for tiny in [false, true] {
            memory.start(&build.graph, workers, tiny).wait().expect("it runs");
            assert_eq!(out.take(), expected, "{workers} workers");
        }
    }
}
