use super::*;
use crate::arbitrary::Arbitrary;
use crate::catalogue::{AggFunc, Func};
use crate::expr::{BinaryOp, Expr, Kind, NodeId, Place};
use crate::interpret::{Inputs, evaluate};
use crate::operator::{DeclarationKind, OnError, OperatorKind, RunningTrigger};
use crate::physical::{Exchange, NodeKind, StepKind};
use crate::sketch::{Sketch, binary, call, col, int, node, text, word_count};
use crate::types::DataType;
use crate::value::Value;

fn shape(graph: &Graph) -> String {
    let kind = |kind: &NodeKind| match kind {
        NodeKind::Source { read, .. } => format!("source{read:?}"),
        NodeKind::Chain(chain) => {
            let steps = chain.steps.iter().map(|step| match &step.kind {
                StepKind::Map(exprs) => format!("map{}", exprs.len()),
                StepKind::Filter(_) => "filter".to_string(),
                StepKind::FlatMap(_) => "flatMap".to_string(),
            });
            format!("[{}]", steps.collect::<Vec<_>>().join(" "))
        }
        NodeKind::Aggregate(_) => "aggregate".into(),
        NodeKind::Union => "union".into(),
        NodeKind::Limit { .. } => "limit".into(),
        NodeKind::Errors { .. } => "errors".into(),
        NodeKind::Scan { .. } => "scan".into(),
        NodeKind::Sample { .. } => "sample".into(),
        NodeKind::Tap { .. } => "tap".into(),
        NodeKind::Sink { .. } => "sink".into(),
        NodeKind::Late => "late".into(),
        NodeKind::EventTime(_) => "time".into(),
        NodeKind::WindowAggregate(_) => "window".into(),
        NodeKind::Pick(_) => "pick".into(),
        NodeKind::Distinct(_) => "distinct".into(),
        NodeKind::Join(_) => "join".into(),
        NodeKind::Lookup(_) => "lookup".into(),
        NodeKind::Table { .. } => "table".into(),
    };
    let arrow = |node: &crate::physical::Node| match node.inputs.first().map(|i| &i.exchange) {
        Some(Exchange::Hash(keys)) => format!("#{keys:?} "),
        Some(Exchange::Gather) => "* ".into(),
        _ => String::new(),
    };
    graph.nodes.iter().map(|node| arrow(node) + &kind(&node.kind)).collect::<Vec<_>>().join(" | ")
}

fn inputs(name: &str, rows: Vec<Vec<Value>>) -> Inputs {
    Inputs::from([(name.to_string(), rows)])
}

#[test]
fn word_count_is_one_chain_an_exchange_and_an_aggregate() {
    let graph = lower(&word_count()).unwrap();
    assert_eq!(shape(&graph), "source[0] | [flatMap filter map1] | #[0] aggregate | * sink");
    let lines = ["to be or", "Not to  be"].map(|line| vec![Value::string(line)]);
    let outcome = evaluate(&graph, &inputs("text", lines.to_vec()), 0).unwrap();
    let expected = [("to", 2), ("be", 2), ("or", 1), ("not", 1)];
    let expected: Vec<_> = expected.iter().map(|(w, n)| vec![Value::string(*w), Value::Int(*n)]).collect();
    assert_eq!(outcome.of(&graph, "out"), Some(&expected));
}

#[test]
fn a_source_reads_only_the_fields_that_are_needed() {
    let mut sketch = Sketch::default();
    sketch
        .source("bids", &[("auction", DataType::Int), ("price", DataType::Int), ("extra", DataType::String)]);
    sketch.filter(binary(BinaryOp::Eq, col(1, DataType::Int), int(7)));
    sketch.map(vec![("price", col(1, DataType::Int)), ("extra", col(2, DataType::String))]);
    sketch.map(vec![("price", col(0, DataType::Int))]);
    sketch.sink("out", "file");
    let graph = lower(&sketch.plan).unwrap();
    assert_eq!(shape(&graph), "source[1] | [filter] | sink");
}

#[test]
fn a_computation_that_can_fail_is_kept_although_nobody_reads_it() {
    let mut sketch = Sketch::default();
    sketch.source("bids", &[("a", DataType::Int), ("b", DataType::Int)]);
    let sum = binary(BinaryOp::Add, col(0, DataType::Int), int(1));
    sketch.map(vec![("sum", sum), ("b", col(1, DataType::Int))]);
    sketch.map(vec![("b", col(1, DataType::Int))]);
    sketch.sink("out", "file");
    let graph = lower(&sketch.plan).unwrap();
    assert_eq!(shape(&graph), "source[0, 1] | [map2 map1] | sink");
    let rows = vec![vec![Value::Int(i64::MAX), Value::Int(1)]];
    assert!(evaluate(&graph, &inputs("bids", rows), 0).is_err());
}

#[test]
fn filters_move_in_front_of_maps_that_cannot_fail_only() {
    for (op, expected) in [(BinaryOp::Add, "[map2 filter]"), (BinaryOp::Lt, "[filter map2]")] {
        let mut sketch = Sketch::default();
        sketch.source("bids", &[("a", DataType::Int)]);
        let computed = binary(op, col(0, DataType::Int), int(1));
        sketch.map(vec![("x", computed), ("a", col(0, DataType::Int))]);
        sketch.filter(binary(BinaryOp::Gt, col(1, DataType::Int), int(0)));
        sketch.sink("out", "file");
        assert_eq!(shape(&lower(&sketch.plan).unwrap()), format!("source[0] | {expected} | sink"));
    }
}

#[test]
fn a_source_without_needed_fields_still_gives_rows() {
    let mut sketch = Sketch::default();
    sketch.source("bids", &[("a", DataType::Int)]);
    sketch.aggregate(vec![], RunningTrigger::AtEnd, vec![("n", AggFunc::Count, None, DataType::Int)]);
    sketch.sink("out", "stdout");
    let graph = lower(&sketch.plan).unwrap();
    let outcome = evaluate(&graph, &inputs("bids", vec![vec![Value::Int(1)]; 3]), 0).unwrap();
    assert_eq!(outcome.of(&graph, "out"), Some(&vec![vec![Value::Int(3)]]));
}

#[test]
fn inputs_of_a_union_have_the_same_columns_after_pruning() {
    let mut sketch = Sketch::default();
    let fields = [("a", DataType::Int), ("b", DataType::Int)];
    let first = sketch.source("one", &fields);
    sketch.source("two", &fields);
    let second = sketch.filter(binary(BinaryOp::Gt, col(0, DataType::Int), int(0)));
    sketch.declare("all", DeclarationKind::Stream, OnError::Fail);
    let output = crate::sketch::record(&fields);
    sketch.operator("union", OperatorKind::Union, &[first, second], output);
    sketch.map(vec![("b", col(1, DataType::Int))]);
    sketch.sink("out", "stdout");
    let graph = lower(&sketch.plan).unwrap();
    assert_eq!(shape(&graph), "source[1] | source[0, 1] | [filter map1] | union | * sink");
    let mut rows = inputs("one", vec![vec![Value::Int(0), Value::Int(5)]]);
    rows.insert("two".into(), vec![vec![Value::Int(1), Value::Int(6)], vec![Value::Int(0), Value::Int(7)]]);
    let outcome = evaluate(&graph, &rows, 0).unwrap();
    assert_eq!(outcome.of(&graph, "out"), Some(&vec![vec![Value::Int(5)], vec![Value::Int(6)]]));
}

#[test]
fn what_errors_are_read_of_runs_although_nobody_reads_its_rows() {
    let mut sketch = Sketch::default();
    sketch.source("bids", &[("a", DataType::Int)]);
    let checked = sketch.declare("checked", DeclarationKind::Stream, OnError::Route);
    sketch.map(vec![("x", binary(BinaryOp::Div, int(1), col(0, DataType::Int)))]);
    let errors = crate::operator::errors_type();
    sketch.operator("errors", OperatorKind::Errors { declaration: checked }, &[], errors);
    sketch.sink("bad", "stdout");
    let graph = lower(&sketch.plan).unwrap();
    let outcome =
        evaluate(&graph, &inputs("bids", vec![vec![Value::Int(0)], vec![Value::Int(1)]]), 0).unwrap();
    let bad = outcome.of(&graph, "bad").unwrap();
    assert_eq!(bad.len(), 1);
    assert_eq!(bad[0][1], Value::string("divisionByZero"));
}

#[test]
fn an_argument_that_where_leaves_out_raises_no_error() {
    let mut sketch = Sketch::default();
    sketch.source("rows", &[("s", DataType::String)]);
    let cast = node(&[col(0, DataType::String)], DataType::Int, |ids| {
        Kind::Cast(ids[0], crate::expr::OnFail::Error)
    });
    sketch.aggregate(vec![], RunningTrigger::AtEnd, vec![("n", AggFunc::Sum, Some(cast), DataType::Int)]);
    if let Some(OperatorKind::Aggregate(aggregate)) = sketch.plan.operators.last_mut().map(|o| &mut o.kind) {
        aggregate.calls[0].filter = Some(binary(BinaryOp::Ne, col(0, DataType::String), text("x")));
    }
    sketch.sink("out", "stdout");
    let graph = lower(&sketch.plan).unwrap();
    let rows = ["1", "x", "4"].map(|s| vec![Value::string(s)]).to_vec();
    let outcome = evaluate(&graph, &inputs("rows", rows), 0).unwrap();
    assert_eq!(outcome.of(&graph, "out"), Some(&vec![vec![Value::Int(5)]]));
}

#[test]
fn constants_are_computed_but_errors_are_left_to_the_rows() {
    let product = binary(BinaryOp::Mul, int(6), int(7));
    assert!(
        matches!(fold(&product).nodes.as_slice(), [n] if matches!(n.kind, Kind::Literal(Value::Int(42))))
    );
    let fails = binary(BinaryOp::Div, int(6), int(0));
    assert_eq!(fold(&fails).nodes.len(), 3);
    let upper = call(Func::Upper, &[text("a")], DataType::String);
    let both = binary(BinaryOp::Eq, col(0, DataType::String), upper);
    assert_eq!(fold(&both).nodes.len(), 3);
}

#[test]
fn a_decided_branch_is_taken() {
    let yes = Expr::literal(Value::Bool(true), DataType::Bool, Place::default());
    let fails = binary(BinaryOp::Div, int(6), int(0));
    let chosen = node(&[yes, col(0, DataType::Int), fails], DataType::Int, |ids| Kind::If {
        cond: ids[0],
        then: ids[1],
        otherwise: ids[2],
    });
    assert_eq!(fold(&chosen).as_column(), Some(0));
}

#[test]
fn a_let_of_a_column_or_constant_goes_away() {
    let local = node(&[], DataType::Int, |_| Kind::Local(0));
    let sum = binary(BinaryOp::Add, local, int(1));
    let bound = |value: Expr| {
        node(&[value, sum.clone()], DataType::Int, |ids| Kind::Let { local: 0, value: ids[0], body: ids[1] })
    };
    assert_eq!(fold(&bound(int(41))).nodes.len(), 1);
    let folded = fold(&bound(col(0, DataType::Int)));
    assert!(folded.nodes.len() == 3 && matches!(folded.nodes[2].kind, Kind::Binary(..)), "{folded:#?}");
}

#[test]
fn common_parts_are_computed_once() {
    let mut sketch = Sketch::default();
    sketch.source("rows", &[("s", DataType::String)]);
    let lower_trim = || {
        let trim = call(Func::Trim, &[col(0, DataType::String)], DataType::String);
        call(Func::Lower, &[trim], DataType::String)
    };
    let is = |word| binary(BinaryOp::Eq, lower_trim(), text(word));
    let either = node(&[is("a"), is("b")], DataType::Bool, |ids: &[NodeId]| Kind::Or(ids[0], ids[1]));
    sketch.map(vec![("x", either)]);
    sketch.sink("out", "stdout");
    let graph = lower(&sketch.plan).unwrap();
    let NodeKind::Chain(chain) = &graph.nodes[1].kind else { panic!("a chain") };
    let StepKind::Map(exprs) = &chain.steps[0].kind else { panic!("a map") };
    let calls = exprs[0].nodes.iter().filter(|n| matches!(n.kind, Kind::Call(Func::Lower, _))).count();
    assert_eq!(calls, 1);
    let rows = [" A", "b", "c"].map(|s| vec![Value::string(s)]).to_vec();
    let outcome = evaluate(&graph, &inputs("rows", rows), 0).unwrap();
    let expected = [true, true, false].map(|x| vec![Value::Bool(x)]).to_vec();
    assert_eq!(outcome.of(&graph, "out"), Some(&expected));
}

#[test]
fn what_several_columns_compute_is_computed_once() {
    let mut sketch = Sketch::default();
    sketch.source("rows", &[("x", DataType::Int), ("s", DataType::String)]);
    let trim = || call(Func::Trim, &[col(1, DataType::String)], DataType::String);
    let len = call(Func::Len, &[trim()], DataType::Int);
    sketch.map(vec![("t", trim()), ("n", len), ("x", col(0, DataType::Int))]);
    sketch.sink("out", "stdout");
    let graph = lower(&sketch.plan).unwrap();
    assert_eq!(shape(&graph), "source[0, 1] | [map2 map3] | * sink");
    let rows = inputs("rows", vec![vec![Value::Int(7), Value::string(" ab ")]]);
    let expected = vec![vec![Value::string("ab"), Value::Int(2), Value::Int(7)]];
    assert_eq!(evaluate(&graph, &rows, 0).unwrap().of(&graph, "out"), Some(&expected));
}

#[test]
fn aggregates_of_the_same_argument_share_its_column() {
    let mut sketch = Sketch::default();
    sketch.source("rows", &[("x", DataType::Int)]);
    let double = || binary(BinaryOp::Mul, col(0, DataType::Int), int(2));
    let sum = ("sum", AggFunc::Sum, Some(double()), DataType::Int);
    let max = ("max", AggFunc::Max, Some(double()), DataType::Int);
    sketch.aggregate(vec![], RunningTrigger::AtEnd, vec![sum, max]);
    sketch.sink("out", "stdout");
    let graph = lower(&sketch.plan).unwrap();
    assert_eq!(shape(&graph), "source[0] | [map1] | * aggregate | * sink");
}

#[test]
fn a_fold_over_an_updating_stream_is_refused() {
    let mut sketch = Sketch::default();
    sketch.source("rows", &[("a", DataType::Int)]);
    let sum = vec![("n", AggFunc::Sum, Some(col(0, DataType::Int)), DataType::Int)];
    let last = sketch.aggregate(vec![], RunningTrigger::EachRow, sum);
    let scan = OperatorKind::Scan {
        keys: vec![],
        init: int(0),
        next: col(1, DataType::Int),
        emit: vec![col(1, DataType::Int)],
    };
    sketch.operator("scan", scan, &[last], crate::sketch::record(&[("n", DataType::Int)]));
    sketch.sink("out", "stdout");
    let findings = lower(&sketch.plan).unwrap_err();
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["E0809"]);
}

/// A source whose field `at` is event time; gives the id of the stage.
fn timed_source(sketch: &mut Sketch) -> u32 {
    let fields = [("a", DataType::Int), ("at", DataType::Timestamp)];
    let source = sketch.source("rows", &fields);
    let time = OperatorKind::EventTime { column: 1, delay: 0, idle: None };
    sketch.operator("eventTime", time, &[source], crate::sketch::record(&fields))
}

#[test]
fn event_time_that_nobody_asks_for_costs_nothing() {
    let mut sketch = Sketch::default();
    timed_source(&mut sketch);
    let count = vec![("n", AggFunc::Count, None, DataType::Int)];
    sketch.aggregate(vec![0], RunningTrigger::EachRow, count);
    sketch.sink("out", "file");
    assert_eq!(shape(&lower(&sketch.plan).unwrap()), "source[0] | #[0] aggregate | sink");
}

#[test]
fn a_tap_asks_for_the_watermark_but_for_no_hidden_columns() {
    let mut sketch = Sketch::default();
    let timed = timed_source(&mut sketch);
    let fields = crate::sketch::record(&[("a", DataType::Int), ("at", DataType::Timestamp)]);
    sketch.operator("tap", OperatorKind::Tap { label: "rows".into() }, &[timed], fields);
    sketch.map(vec![("a", col(0, DataType::Int))]);
    sketch.sink("out", "file");
    let graph = lower(&sketch.plan).unwrap();
    assert_eq!(shape(&graph), "source[0, 1] | time | [map2] | tap | [map1] | sink");
}

#[test]
fn connectors_that_cannot_run_are_refused() {
    let mut sketch = Sketch::default();
    sketch.source("rows", &[("a", DataType::Int)]);
    sketch.sink("out", "kafka");
    assert_eq!(lower(&sketch.plan).unwrap_err()[0].code, "E0806");
}

/// A plan of the steps of a random chain; record errors are skipped and noted.
fn random_plan(random: &mut Arbitrary) -> Plan {
    let schema = random.schema(4);
    let chain = random.chain(&schema, 5, 3);
    let mut sketch = Sketch::default();
    let fields: Vec<_> = schema.fields.iter().map(|f| (&*f.name, f.ty.clone())).collect();
    let mut last = sketch.source("rows", &fields);
    sketch.declare("steps", DeclarationKind::Stream, OnError::Skip);
    for step in chain.steps {
        let kind = match step.kind {
            StepKind::Map(exprs) => OperatorKind::Map { exprs },
            StepKind::Filter(cond) => OperatorKind::Filter { cond },
            StepKind::FlatMap(list) => OperatorKind::FlatMap { list },
        };
        last = sketch.operator("step", kind, &[last], (*step.output).clone());
    }
    if random.one_in(2) {
        let keys = vec![random.below(sketch.plan.operators[last as usize].output.fields.len())];
        let count = vec![("n", AggFunc::Count, None, DataType::Int)];
        sketch.aggregate(keys, RunningTrigger::EachRow, count);
    }
    sketch.sink("out", "stdout");
    sketch.plan
}

#[test]
fn passes_change_neither_rows_nor_record_errors() {
    for seed in 0..800 {
        let mut random = Arbitrary::new(seed);
        let plan = random_plan(&mut random);
        let OperatorKind::Source(call) = &plan.operators[0].kind else { panic!("a source") };
        let rows = random.rows(&call.schema, 5);
        let rows = inputs("rows", rows);
        let plain = build::build(&plan);
        let better = lower(&plan).unwrap();
        let [a, b] = [&plain, &better].map(|graph| evaluate(graph, &rows, 0).unwrap());
        let (x, y) = (a.of(&plain, "out").unwrap(), b.of(&better, "out").unwrap());
        let same = |(x, y): (&Vec<Value>, &Vec<Value>)| {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| crate::order::identical(x, y))
        };
        assert!(
            x.len() == y.len() && x.iter().zip(y).all(same),
            "seed {seed}: {x:?}\n{y:?}\n{}",
            shape(&better)
        );
        let errors = |outcome: &crate::interpret::Outcome| {
            let mut errors: Vec<_> =
                outcome.errors.iter().map(|e| (e.error.clone(), e.label.clone())).collect();
            errors.sort_by_key(|(error, label)| (error.place, error.message.clone(), label.clone()));
            errors
        };
        assert_eq!(errors(&a), errors(&b), "seed {seed}: {}", shape(&better));
    }
}

#[test]
fn a_part_of_a_split_text_is_taken_without_the_list() {
    let list = DataType::list(DataType::String);
    let part = |index| {
        let split = call(Func::Split, &[col(0, DataType::String), text("/")], list.clone());
        call(Func::Get, &[split, int(index)], DataType::optional(DataType::String))
    };
    let mut sketch = Sketch::default();
    sketch.source("bids", &[("url", DataType::String)]);
    sketch.map(vec![("host", part(2)), ("folder", part(3))]);
    sketch.sink("out", "file");
    let graph = lower(&sketch.plan).unwrap();
    let NodeKind::Chain(chain) = &graph.nodes[1].kind else { panic!("{}", shape(&graph)) };
    assert_eq!(chain.steps.len(), 1, "a list would be a column of its own");
    let outcome = evaluate(&graph, &inputs("bids", vec![vec![Value::string("a//b")]]), 0).unwrap();
    assert_eq!(outcome.of(&graph, "out"), Some(&vec![vec![Value::string("b"), Value::Null]]));
}
