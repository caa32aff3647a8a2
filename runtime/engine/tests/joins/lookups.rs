//! Joins with tables.

use crate::graphs::*;
use flow_env::Random;
use flow_plan::expr::{BinaryOp, Kind};
use flow_plan::operator::{JoinKind, OnError, errors_type};
use flow_plan::physical::{Chain, Exchange, Lookup, NodeKind, Step, StepKind};
use flow_plan::{DataType, Expr, Field, Place, RecordType, Value};
use std::sync::Arc;

fn orders() -> Arc<RecordType> {
    record(&[("key", DataType::Int.optional()), ("n", DataType::Int)])
}

fn items() -> Arc<RecordType> {
    record(&[("id", DataType::Int.optional()), ("name", DataType::String)])
}

fn item(id: Value, name: &str) -> Row {
    vec![id, Value::string(name)]
}

/// `in` joined with the rows of `table` by `key == id`.
fn join(build: &mut Build, left: usize, table: usize, kind: JoinKind, rest: Option<Chain>) -> usize {
    let right_row = if matches!(kind, JoinKind::Inner | JoinKind::Left) { vec![1] } else { Vec::new() };
    let mut fields = build.schema(left).fields.clone();
    let name = if kind == JoinKind::Left { DataType::String.optional() } else { DataType::String };
    fields.extend(right_row.iter().map(|_| Field::new("name", name.clone())));
    let lookup = Lookup {
        kind,
        left_keys: vec![0],
        right_keys: vec![0],
        left_row: (0..build.schema(left).fields.len()).collect(),
        right_row,
        behind: Vec::new(),
        rest,
    };
    let inputs = vec![(left, Exchange::Local), (table, Exchange::Local)];
    build.node(NodeKind::Lookup(lookup), inputs, Arc::new(RecordType::new(fields)))
}

/// `10 / n > limit`, over both sides' columns.
fn quotient_above(limit: i64) -> Chain {
    let mut cond = Expr::default();
    let ten = cond.push(Kind::Literal(int(10)), DataType::Int, Place::default());
    let n = cond.push(Kind::Column(1), DataType::Int, Place::default());
    let place = Place { file: 0, start: 7, end: 9 };
    let quotient = cond.push(Kind::Binary(BinaryOp::Div, ten, n), DataType::Int, place);
    let limit = cond.push(Kind::Literal(int(limit)), DataType::Int, Place::default());
    cond.push(Kind::Binary(BinaryOp::Gt, quotient, limit), DataType::Bool, Place::default());
    let fields = orders().fields.iter().chain(&items().fields).cloned().collect();
    let step = Step {
        kind: StepKind::Map(vec![cond]),
        output: record(&[("condition", DataType::Bool)]),
        declaration: 0,
        label: "main.join".into(),
        place: Place::default(),
    };
    Chain { input: Arc::new(RecordType::new(fields)), steps: vec![step] }
}

fn names() -> Vec<Row> {
    vec![
        item(int(1), "one"),
        item(Value::Null, "nobody"),
        item(int(2), "a name that is too long to be inline"),
        item(int(3), "three"),
    ]
}

fn outcome(kind: JoinKind, rest: Option<Chain>, rows: &[Row]) -> Vec<Row> {
    let mut build = Build::new();
    let (left, table) = (build.source("in", &orders()), build.table("table", &items()));
    let joined = join(&mut build, left, table, kind, rest);
    build.sink("out", joined);
    let mut memory = Memory::default();
    memory.source("in", Script::of(rows.to_vec(), 5));
    memory.source("table", Script::of(names(), 2));
    let out = memory.sink("out");
    memory.run(&build.graph, 1).expect("it runs");
    let expected = out.take();
    for workers in [2, 4] {
        memory.start(&build.graph, workers, true).wait().expect("it runs");
        assert_eq!(out.take(), expected, "{workers} workers");
    }
    expected
}

#[test]
fn each_kind_of_join_gives_the_rows_it_says() {
    let rows: Vec<Row> =
        [int(1), int(9), Value::Null, int(2)].into_iter().zip(1..).map(|(k, n)| vec![k, int(n)]).collect();
    let long = "a name that is too long to be inline";
    let with = |row: usize, name: Value| [rows[row].clone(), vec![name]].concat();
    let one = with(0, Value::string("one"));
    assert_eq!(outcome(JoinKind::Inner, None, &rows), [one.clone(), with(3, Value::string(long))]);
    assert_eq!(
        outcome(JoinKind::Left, None, &rows),
        [one, with(1, Value::Null), with(2, Value::Null), with(3, Value::string(long))]
    );
    assert_eq!(outcome(JoinKind::Semi, None, &rows), [rows[0].clone(), rows[3].clone()]);
    assert_eq!(outcome(JoinKind::Anti, None, &rows), [rows[1].clone(), rows[2].clone()]);
}

#[test]
fn a_row_whose_further_condition_is_false_has_no_partner() {
    let rows: Vec<Row> = [(1, 2), (2, 9), (3, 1)].map(|(k, n)| vec![int(k), int(n)]).to_vec();
    let semi = outcome(JoinKind::Semi, Some(quotient_above(3)), &rows);
    assert_eq!(semi, [rows[0].clone(), rows[2].clone()]);
    assert_eq!(outcome(JoinKind::Anti, Some(quotient_above(3)), &rows), [rows[1].clone()]);
    let left = outcome(JoinKind::Left, Some(quotient_above(3)), &rows);
    assert_eq!(left[1], vec![int(2), int(9), Value::Null]);
}

#[test]
fn a_further_condition_that_fails_is_a_record_error_with_the_pair_and_its_place() {
    let mut build = Build::new();
    let (left, table) = (build.source("in", &orders()), build.table("table", &items()));
    let joined = join(&mut build, left, table, JoinKind::Inner, Some(quotient_above(3)));
    build.sink("out", joined);
    let mut memory = Memory::default();
    memory.source("in", Script::of(vec![vec![int(9), int(0)], vec![int(3), int(0)]], 5));
    memory.source("table", Script::of(names(), 2));
    memory.sink("out");
    let error = memory.run(&build.graph, 2).expect_err("a division by zero");
    assert_eq!(error.record.as_deref(), Some(r#"{"key":3,"n":0,"id":3,"name":"three"}"#));
    assert_eq!((error.place.start, error.label.as_str()), (7, "main.join"));
}

#[test]
fn two_rows_of_a_table_with_one_key_stop_the_job_before_it_starts() {
    let mut build = Build::new();
    let (left, table) = (build.source("in", &orders()), build.table("table", &items()));
    let joined = join(&mut build, left, table, JoinKind::Inner, None);
    build.sink("out", joined);
    let mut memory = Memory::default();
    memory.source("in", Script::of(Vec::new(), 5));
    memory.source("table", Script::of([names(), vec![item(int(1), "uno")]].concat(), 2));
    let out = memory.sink("out");
    let error = memory.refused(&build.graph);
    assert_eq!(error.message, r#"two rows of the table have the key {"id":1}"#);
    let texts: Vec<&str> = error.records.iter().map(|record| record.text.as_str()).collect();
    assert_eq!(texts, [r#"{"id":1,"name":"one"}"#, r#"{"id":1,"name":"uno"}"#]);
    assert_eq!(out.committed(), None);
}

#[test]
fn bad_records_of_a_table_stop_the_job_are_skipped_or_go_to_errors() {
    for (policy, errors) in [(OnError::Fail, false), (OnError::Skip, false), (OnError::Route, true)] {
        let mut build = Build::new();
        let names_table = build.declare("names", policy);
        let (left, table) = (build.source("in", &orders()), build.table("table", &items()));
        build.graph.nodes[table].declaration = names_table;
        let joined = join(&mut build, left, table, JoinKind::Inner, None);
        build.sink("out", joined);
        let mut memory = Memory::default();
        let failed = memory.sink("errors");
        if errors {
            let node = build.node(NodeKind::Errors { of: names_table }, Vec::new(), Arc::new(errors_type()));
            build.sink("errors", node);
        }
        memory.source("in", Script::of(vec![vec![int(1), int(0)], vec![int(3), int(0)]], 1));
        memory.source("table", Script { bad: vec![0], ..Script::of(names(), 2) });
        let out = memory.sink("out");
        if policy == OnError::Fail {
            let error = memory.refused(&build.graph);
            assert_eq!((error.message.as_str(), error.records[0].text.as_str()), ("not a record", "row 0"));
            continue;
        }
        let summary = memory.start(&build.graph, 4, true).wait().expect("it runs");
        assert_eq!(out.take(), [[int(3), int(0), Value::string("three")]]);
        assert_eq!(failed.take().len(), usize::from(errors));
        let skipped: u64 = summary.progress.declarations.iter().map(|d| d.skipped).sum();
        assert_eq!(skipped, u64::from(!errors));
    }
}

#[test]
fn lookups_behind_an_exchange_keep_the_order_of_the_input() {
    let mut random = Random::new(7);
    let mut build = Build::new();
    let (left, table) = (build.source("in", &orders()), build.table("table", &items()));
    // A union is an operator that orders rows by itself.
    let both =
        build.node(NodeKind::Union, vec![(left, Exchange::Hash(vec![1])), (left, Exchange::Local)], orders());
    let joined = join(&mut build, both, table, JoinKind::Left, None);
    build.sink("out", joined);
    let rows: Vec<Row> = (0..300).map(|n| vec![int(random.below(6) as i64), int(n % 17)]).collect();
    let mut memory = Memory::default();
    memory.source("in", Script::of(rows, 7));
    memory.source("table", Script::of(names(), 1));
    let out = memory.sink("out");
    memory.run(&build.graph, 1).expect("it runs");
    let expected = out.take();
    assert_eq!(expected.len(), 600);
    for workers in [2, 4, 8] {
        memory.start(&build.graph, workers, true).wait().expect("it runs");
        assert_eq!(out.take(), expected, "{workers} workers");
    }
}
