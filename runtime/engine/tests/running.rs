//! Jobs from start to end: results, order, errors, stopping.
#![allow(clippy::disallowed_methods)]

mod graphs;

use flow_engine::{ErrorKind, Job, JobOptions};
use flow_env::Env;
use flow_plan::catalogue::AggFunc;
use flow_plan::operator::{OnError, RunningTrigger, errors_type};
use flow_plan::physical::{ColumnAggregate, Exchange, Hidden, NodeKind, RunningAggregate};
use flow_plan::{DataType, Place, Value};
use graphs::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;

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
        hidden: Hidden::default(),
        changes: false,
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

/// `in -> out`, gathered.
fn straight() -> Build {
    let mut build = Build::new();
    let source = build.source("in", &pairs());
    build.sink("out", source);
    build
}

#[test]
fn an_empty_input_gives_no_rows_and_is_committed() {
    let mut build = Build::new();
    let source = build.source("in", &pairs());
    let counts = count_by_key(&mut build, source, 0, RunningTrigger::AtEnd);
    build.sink("out", counts);
    let mut memory = Memory::default();
    memory.source("in", Script::of(Vec::new(), 10));
    let out = memory.sink("out");
    for workers in [1, 4] {
        memory.run(&build.graph, workers).expect("it runs");
        assert!(out.take().is_empty());
        assert_eq!(out.committed(), Some(true));
    }
}

#[test]
fn a_limit_ends_a_source_that_never_ends() {
    let mut build = Build::new();
    let source = build.source("in", &pairs());
    let limit = build.node(NodeKind::Limit { n: 25 }, vec![(source, Exchange::Gather)], pairs());
    build.sink("out", limit);
    let mut memory = Memory::default();
    memory.source("in", Script { endless: true, ..Script::of(rows(10, 3), 4) });
    let out = memory.sink("out");
    for workers in [1, 3] {
        memory.run(&build.graph, workers).expect("it ends");
        let expected: Vec<Row> = rows(10, 3).into_iter().cycle().take(25).collect();
        assert_eq!(out.take(), expected);
    }
}

#[test]
fn a_reader_of_the_output_that_goes_away_ends_the_job_in_peace() {
    let build = straight();
    let mut memory = Memory::default();
    memory.source("in", Script { endless: true, ..Script::of(rows(10, 3), 4) });
    memory.with_sink("out", Collected { closes_after: Some(30), ..Collected::default() });
    for workers in [1, 3] {
        memory.run(&build.graph, workers).expect("no error");
    }
}

#[test]
fn a_stopped_job_commits_what_was_written_and_fires_nothing_at_the_end() {
    let mut build = Build::new();
    let source = build.source("in", &pairs());
    build.sink("out", source);
    let counts = count_by_key(&mut build, source, 0, RunningTrigger::AtEnd);
    build.sink("counts", counts);
    for workers in [1, 3] {
        let mut memory = Memory::default();
        memory.source("in", Script { endless: true, ..Script::of(rows(10, 3), 4) });
        let (out, counts) = (memory.sink("out"), memory.sink("counts"));
        let mut job = memory.start(&build.graph, workers, false);
        while job.progress().rows_out() < 100 {
            assert!(!job.wait_at_most(std::time::Duration::from_millis(1)), "it does not end by itself");
        }
        job.stop();
        let summary = job.wait().expect("a clean stop");
        assert!(summary.stopped);
        let written = out.take();
        assert_eq!(written.len() as u64, summary.progress.sources[0].rows, "all that was read is written");
        assert!(counts.take().is_empty());
        assert_eq!((out.committed(), counts.committed()), (Some(true), Some(true)));
    }
}

#[test]
fn an_aborted_job_commits_nothing() {
    let build = straight();
    let mut memory = Memory::default();
    memory.source("in", Script { endless: true, ..Script::of(rows(10, 3), 4) });
    let out = memory.sink("out");
    let job = memory.start(&build.graph, 2, false);
    job.control().abort();
    assert!(job.wait().expect("no error").stopped);
    assert_eq!(out.committed(), Some(false));
}

#[test]
fn a_job_stops_while_its_source_waits() {
    let build = straight();
    let mut memory = Memory::default();
    memory.source("in", Script { endless: true, blocks: true, ..Script::of(rows(10, 3), 4) });
    let out = memory.sink("out");
    let job = memory.start(&build.graph, 2, false);
    while job.progress().rows_out() < 50 {
        std::thread::yield_now();
    }
    job.stop();
    let summary = job.wait().expect("a clean stop");
    assert_eq!(out.take().len() as u64, summary.progress.sources[0].rows);
}

#[test]
fn a_broken_source_fails_the_job_and_nothing_is_committed() {
    let build = straight();
    let mut memory = Memory::default();
    memory.source("in", Script { breaks_at: Some(8), ..Script::of(rows(20, 3), 4) });
    let out = memory.sink("out");
    for workers in [1, 3] {
        let error = memory.run(&build.graph, workers).expect_err("it fails");
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Source, "the wire was cut"));
        assert_eq!(error.label, "main.0");
        assert_eq!(out.committed(), Some(false));
    }
}

#[test]
fn a_panic_in_a_worker_is_an_error_and_never_a_hang() {
    let build = straight();
    for workers in [1, 3] {
        let mut memory = Memory::default();
        memory.source("in", Script { panics_at: Some(11), ..Script::of(rows(200, 3), 4) });
        let out = memory.sink("out");
        let error = memory.run(&build.graph, workers).expect_err("it fails");
        assert_eq!(error.kind, ErrorKind::Internal);
        assert!(error.message.contains("a reader that panics"), "{}", error.message);
        assert_eq!(out.committed(), Some(false));

        memory.source("in", Script::of(rows(200, 3), 4));
        memory.with_sink("out", Collected { panics: true, ..Collected::default() });
        let error = memory.run(&build.graph, workers).expect_err("it fails");
        assert!(error.message.contains("a sink that panics"), "{}", error.message);
    }
}

#[test]
fn what_is_missing_before_the_start_starts_nothing() {
    let build = straight();
    let mut memory = Memory::default();
    memory.source("in", Script::of(rows(20, 3), 4));
    let options = JobOptions::default();
    let error = Job::start(Arc::new(build.graph.clone()), &memory, None, &Env::real(), &options).err();
    assert_eq!(error.expect("no such sink").message, "there is no out");
    assert_eq!(memory.chunks.load(Ordering::Relaxed), 0);
}

#[test]
fn bad_records_follow_the_policy_of_their_declaration() {
    let (bad, total) = (vec![2, 5, 11], 20);
    for workers in [1, 3] {
        for policy in [OnError::Skip, OnError::Route, OnError::Fail] {
            let mut build = Build::new();
            build.graph.declarations[0].on_error = policy;
            let source = build.source("in", &pairs());
            build.sink("out", source);
            let routes = policy == OnError::Route;
            if routes {
                let errors = build.node(NodeKind::Errors { of: 0 }, Vec::new(), Arc::new(errors_type()));
                let sink = build.sink("errors", errors);
                let other = build.declare("errors", OnError::Fail);
                build.graph.nodes[errors].declaration = other;
                build.graph.nodes[sink].declaration = other;
            }
            let mut memory = Memory::default();
            memory.source("in", Script { bad: bad.clone(), ..Script::of(rows(total, 3), 4) });
            let (out, errors) = (memory.sink("out"), memory.sink("errors"));
            let result = memory.run(&build.graph, workers);
            if policy == OnError::Fail {
                let error = result.expect_err("it fails");
                assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Record, "bad-test"));
                assert!(error.record.is_some() && error.position.is_some());
                continue;
            }
            let summary = result.expect("it goes on");
            assert_eq!(out.take().len(), total as usize - bad.len());
            assert_eq!(summary.progress.skipped(), if routes { 0 } else { 3 });
            let routed: Vec<Value> = errors.take().into_iter().map(|row| row[3].clone()).collect();
            let expected = ["memory@2", "memory@5", "memory@11"].map(Value::string);
            assert_eq!(routed, if routes { expected.to_vec() } else { Vec::new() });
        }
    }
}

#[test]
fn a_slow_sink_holds_the_source_back() {
    let build = straight();
    let mut memory = Memory::default();
    memory.source("in", Script { endless: true, ..Script::of(rows(6, 3), 6) });
    let slow = Some(std::time::Duration::from_millis(1));
    memory.with_sink("out", Collected { slow, ..Collected::default() });
    let mut job = memory.start(&build.graph, 3, true);
    job.wait_at_most(std::time::Duration::from_millis(200));
    let progress = job.progress();
    let (read, written) = (progress.rows_in(), progress.rows_out());
    job.abort();
    job.wait().expect("no error");
    assert!(read - written <= 6 * 3 * 4, "{read} rows read, {written} written");
}

#[test]
fn an_interval_gives_what_changed_while_the_job_runs() {
    let mut build = Build::new();
    let source = build.source("in", &pairs());
    let counts = count_by_key(&mut build, source, 0, RunningTrigger::Every(1_000));
    build.sink("out", counts);
    for workers in [1, 2] {
        let mut memory = Memory::default();
        memory.source("in", Script { endless: true, ..Script::of(rows(10, 3), 4) });
        let out = memory.sink("out");
        let job = memory.start(&build.graph, workers, false);
        while job.progress().rows_out() < 20 {
            std::thread::yield_now();
        }
        job.stop();
        job.wait().expect("a clean stop");
        let rows = out.take();
        for key in 0..3 {
            let counts: Vec<&Value> =
                rows.iter().filter(|row| row[0] == int(key)).map(|row| &row[1]).collect();
            assert!(counts.is_sorted() && counts.len() > 1, "key {key}: {counts:?}");
        }
    }
}

#[test]
fn a_sample_is_the_same_in_every_run_and_at_any_parallelism() {
    let mut build = Build::new();
    let source = build.source("in", &pairs());
    let first = build.node(NodeKind::Sample { probability: 0.5 }, vec![(source, Exchange::Local)], pairs());
    let counts = count_by_key(&mut build, first, 0, RunningTrigger::EachRow);
    let schema = build.schema(counts);
    let second = build.node(NodeKind::Sample { probability: 0.5 }, vec![(counts, Exchange::Local)], schema);
    build.sink("out", second);
    let mut memory = Memory::default();
    memory.source("in", Script::of(rows(2000, 7), 16));
    let out = memory.sink("out");
    memory.run(&build.graph, 1).expect("it runs");
    let expected = out.take();
    assert!((400..600).contains(&expected.len()), "{} of 2000 rows", expected.len());
    for workers in [1, 2, 5] {
        memory.run(&build.graph, workers).expect("it runs");
        assert_eq!(out.take(), expected);
    }
}

#[test]
fn a_row_that_overflows_a_sum_is_an_error_with_the_place_of_the_sum_and_changes_nothing() {
    let mut build = Build::new();
    let declaration = build.declare("sums", OnError::Fail);
    let source = build.source("in", &pairs());
    let place = Place { file: 0, start: 10, end: 16 };
    let sum = ColumnAggregate {
        func: AggFunc::Sum,
        arg: Some(1),
        by: None,
        param: None,
        filter: None,
        ty: DataType::Int,
        name: "sum".into(),
        place,
    };
    let aggregate = RunningAggregate {
        keys: vec![0],
        state: state("sum"),
        trigger: RunningTrigger::AtEnd,
        discarding: false,
        calls: vec![sum],
        hidden: Hidden::default(),
        changes: false,
    };
    let kind = NodeKind::Aggregate(aggregate);
    let sums = build.node_of(declaration, kind, vec![(source, Exchange::Hash(vec![0]))], pairs());
    build.sink("out", sums);
    let mut memory = Memory::default();
    let input = vec![vec![int(1), int(i64::MAX)], vec![int(1), int(1)], vec![int(1), int(-1)]];
    memory.source("in", Script::of(input, 10));
    let out = memory.sink("out");
    for workers in [1, 2] {
        build.graph.declarations[declaration as usize].on_error = OnError::Fail;
        let error = memory.run(&build.graph, workers).expect_err("it fails");
        assert_eq!((error.code.as_str(), error.place, error.declaration), ("overflow", place, declaration));
        assert_eq!(error.record.as_deref(), Some(r#"{"key":1,"value":1}"#));
        build.graph.declarations[declaration as usize].on_error = OnError::Skip;
        let summary = memory.run(&build.graph, workers).expect("it goes on");
        assert_eq!(out.take(), [vec![int(1), int(i64::MAX - 1)]]);
        assert_eq!(summary.progress.skipped(), 1);
    }
}

#[test]
fn a_job_whose_state_grows_beyond_its_limit_names_the_operator_that_holds_most() {
    let mut build = Build::new();
    let source = build.source("in", &pairs());
    let few = count_by_key(&mut build, source, 0, RunningTrigger::AtEnd);
    let many = count_by_key(&mut build, source, 1, RunningTrigger::AtEnd);
    if let NodeKind::Aggregate(aggregate) = &mut build.graph.nodes[many].kind {
        aggregate.state = state("many");
    }
    build.sink("few", few);
    build.sink("many", many);
    build.graph.job.state_limit = Some(8 << 20);
    for workers in [1, 2] {
        let mut memory = Memory::default();
        memory.source("in", Script { endless: true, ..Script::of(rows(400_000, 10), 1000) });
        memory.sink("few");
        let out = memory.sink("many");
        let error = memory.run(&build.graph, workers).unwrap_err();
        assert_eq!(error.kind, ErrorKind::State);
        assert_eq!(error.label, build.graph.nodes[many].label);
        assert!(error.message.contains("its limit is 8 MiB") && error.message.contains("keys"), "{error}");
        assert_eq!(out.committed(), Some(false));
    }
}
