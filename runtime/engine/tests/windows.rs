//! Windows of event time from start to end, against rows put into windows one by one.
#![allow(clippy::disallowed_methods)]

mod graphs;

use flow_engine::ErrorKind;
use flow_env::Random;
use flow_plan::catalogue::AggFunc;
use flow_plan::operator::{OnError, Window, WindowKind, errors_type};
use flow_plan::physical::{
    ColumnAggregate, EventTime, Exchange, NodeKind, WindowAggregate, Windowing, hidden,
};
use flow_plan::{DataType, Place, Value};
use graphs::*;

const KEY: usize = 0;
const AT: usize = 1;
const VALUE: usize = 2;
const WATERMARK: usize = 3;

/// A job with one window: what it reads, and how.
struct Case {
    rows: Vec<(i64, i64, i64)>,
    chunk: usize,
    delay: i64,
    size: i64,
    offset: i64,
    keyed: bool,
}

impl Case {
    fn of(rows: &[(i64, i64, i64)]) -> Case {
        Case { rows: rows.to_vec(), chunk: 4, delay: 0, size: 10, offset: 0, keyed: true }
    }

    fn random(seed: u64) -> Case {
        let mut random = Random::new(seed);
        let n = random.below(400) as i64;
        let (pace, disorder) = (1 + random.below(5) as i64, 1 + random.below(60));
        let keys = 1 + random.below(12);
        let row = |at: i64| {
            let far = if random.below(30) == 0 { 100 } else { 0 };
            let at = at * pace - random.below(disorder) as i64 - far;
            (random.below(keys) as i64, at, random.below(100) as i64)
        };
        Case {
            rows: (0..n).map(row).collect(),
            chunk: 1 + random.below(40) as usize,
            delay: random.below(50) as i64,
            size: 1 + random.below(40) as i64,
            offset: random.below(30) as i64 - 15,
            keyed: random.below(4) > 0,
        }
    }

    fn build(&self) -> Build {
        self.build_with(AggFunc::Sum)
    }

    /// Counts rows and computes something of `value` per key and window.
    fn build_with(&self, func: AggFunc) -> Build {
        let mut build = Build::new();
        build.declare("windows", OnError::Route);
        let fields = [("key", DataType::Int), ("at", DataType::Timestamp), ("value", DataType::Int)];
        let source = build.source("in", &record(&fields));
        let mark = (hidden::WATERMARK, DataType::Timestamp);
        let kind = NodeKind::EventTime(EventTime { column: AT, delay: self.delay, idle: None });
        let marked = record(&[&fields[..], &[mark.clone()]].concat());
        let timed = build.node(kind, vec![(source, Exchange::Local)], marked.clone());
        let keys = if self.keyed { vec![KEY] } else { Vec::new() };
        let window = Window {
            kind: WindowKind::Tumbling { size: self.size, offset: self.offset, zone: None },
            processing_time: false,
            lateness: 0,
        };
        let kind = NodeKind::WindowAggregate(WindowAggregate {
            keys: keys.clone(),
            state: state("windows"),
            windowing: Windowing {
                window,
                time: Some(AT),
                watermark: Some(WATERMARK),
                bounds: None,
                early: None,
                late: None,
                late_rows: Some(vec![KEY, AT, VALUE, WATERMARK]),
            },
            discarding: false,
            calls: vec![call(AggFunc::Count, None), call(func, Some(VALUE))],
            change: None,
            changes: false,
        });
        let mut columns = if self.keyed { vec![fields[KEY].clone()] } else { Vec::new() };
        columns.extend([("windowStart", DataType::Timestamp), ("windowEnd", DataType::Timestamp)]);
        columns.extend([("n", DataType::Int), ("sum", DataType::Int)]);
        columns.extend([(hidden::TIME, DataType::Timestamp), mark]);
        let exchange = if self.keyed { Exchange::Hash(keys) } else { Exchange::Gather };
        let windows = build.node_of(1, kind, vec![(timed, exchange)], record(&columns));
        build.sink("out", windows);
        let late = build.node(NodeKind::Late, vec![(windows, Exchange::Local)], marked);
        build.sink("late", late);
        build
    }

    fn memory(&self) -> Memory {
        let row = |&(key, at, value): &(i64, i64, i64)| vec![int(key), Value::Timestamp(at), int(value)];
        let mut memory = Memory::default();
        memory.source("in", Script::of(self.rows.iter().map(row).collect(), self.chunk));
        memory
    }

    /// Rows (key, start, end, count, sum), and late rows.
    fn expected(&self) -> (Vec<Row>, Vec<Row>) {
        let mut open: Vec<(i64, Vec<(i64, i64, i64)>)> = Vec::new();
        let (mut given, mut late) = (Vec::new(), Vec::new());
        let mut greatest: Option<i64> = None;
        let mut give = |open: &mut Vec<(i64, Vec<(i64, i64, i64)>)>, to: Option<i64>| {
            open.sort_by_key(|(start, _)| *start);
            while let Some((start, _)) = open.first()
                && to.is_none_or(|to| start + self.size <= to)
            {
                let (start, groups) = open.remove(0);
                for (key, n, sum) in groups {
                    let mut row = if self.keyed { vec![int(key)] } else { Vec::new() };
                    row.extend([Value::Timestamp(start), Value::Timestamp(start + self.size)]);
                    given.push([row, vec![int(n), int(sum)]].concat());
                }
            }
        };
        for chunk in self.rows.chunks(self.chunk) {
            for &(key, at, value) in chunk {
                let watermark = greatest.map(|greatest| greatest - self.delay);
                greatest = greatest.max(Some(at));
                let key = if self.keyed { key } else { 0 };
                let start = (at - self.offset).div_euclid(self.size) * self.size + self.offset;
                if watermark.is_some_and(|w| w >= start + self.size) {
                    late.push(at);
                    continue;
                }
                if !open.iter().any(|(known, _)| *known == start) {
                    open.push((start, Vec::new()));
                }
                let groups = open.iter_mut().find(|(known, _)| *known == start).map(|(_, groups)| groups);
                let groups = groups.expect("it was made");
                match groups.iter_mut().find(|(known, ..)| *known == key) {
                    Some((_, n, sum)) => (*n, *sum) = (*n + 1, *sum + value),
                    None => groups.push((key, 1, value)),
                }
            }
            give(&mut open, greatest.map(|greatest| greatest - self.delay));
        }
        give(&mut open, None);
        (given, late.into_iter().map(|at| vec![Value::Timestamp(at)]).collect())
    }

    /// Runs it on some workers; gives what came out without hidden columns.
    fn run(&self, workers: usize, tiny: bool) -> (Vec<Row>, Vec<Row>) {
        let mut memory = self.memory();
        let (out, late) = (memory.sink("out"), memory.sink("late"));
        memory.start(&self.build().graph, workers, tiny).wait().expect("it runs");
        let mut rows = out.take();
        rows.iter_mut().for_each(|row| row.truncate(row.len() - 2));
        (rows, late.take().into_iter().map(|row| vec![row[AT].clone()]).collect())
    }
}

fn call(func: AggFunc, arg: Option<usize>) -> ColumnAggregate {
    ColumnAggregate {
        func,
        arg,
        by: None,
        param: None,
        filter: None,
        ty: DataType::Int,
        name: "n".into(),
        place: Place::default(),
    }
}

#[test]
fn random_rows_in_any_order_give_the_windows_of_a_run_row_by_row_at_any_parallelism() {
    let mut late = 0;
    for seed in 0..150 {
        let case = Case::random(seed);
        let expected = case.expected();
        late += expected.1.len();
        for workers in [1, 2, 3, 8] {
            let tiny = seed % 2 == 0;
            assert_eq!(case.run(workers, tiny), expected, "seed {seed}, {workers} workers");
        }
    }
    assert!(late > 500, "few rows were late: {late}");
}

#[test]
fn a_window_is_given_with_its_last_microsecond_as_time_and_no_watermark() {
    let case = Case::of(&[(1, 5, 7), (2, 25, 1)]);
    let mut memory = case.memory();
    let (out, _) = (memory.sink("out"), memory.sink("late"));
    memory.run(&case.build().graph, 1).expect("it runs");
    let time = Value::Timestamp;
    let row = |key, start, end, sum| {
        vec![int(key), time(start), time(end), int(1), int(sum), time(end - 1), time(hidden::NO_WATERMARK)]
    };
    assert_eq!(out.take(), [row(1, 0, 10, 7), row(2, 20, 30, 1)]);
}

#[test]
fn absurd_times_have_windows_too() {
    let far = [i64::MIN, i64::MIN + 1, -62_135_596_800_000_000, 0, 253_402_300_799_000_000, i64::MAX];
    let rows: Vec<(i64, i64, i64)> = far.iter().map(|at| (1, *at, 1)).collect();
    let case = Case { size: 86_400_000_000, delay: 5_000_000, ..Case::of(&rows) };
    for workers in [1, 4] {
        let (given, late) = case.run(workers, false);
        assert_eq!(given.iter().map(|row| row[3].clone()).collect::<Vec<_>>()[0], int(2));
        assert_eq!(given.len(), 5, "{given:?}");
        assert!(late.is_empty());
    }
    // Behind the end of time, all rows are late.
    let case = Case { rows: rows.into_iter().rev().collect(), ..case };
    for workers in [1, 4] {
        let (given, late) = case.run(workers, false);
        assert_eq!((given.len(), late.len()), (1, 5));
    }
}

#[test]
fn no_rows_give_no_windows() {
    for keyed in [false, true] {
        let case = Case { keyed, ..Case::of(&[]) };
        assert_eq!(case.run(1, false), (Vec::new(), Vec::new()));
        assert_eq!(case.run(4, false), (Vec::new(), Vec::new()));
    }
}

#[test]
fn a_watermark_that_never_moves_gives_everything_at_the_end() {
    let rows: Vec<(i64, i64, i64)> = (0..500).map(|i| (i % 7, i, 1)).collect();
    let case = Case { delay: 1_000_000, ..Case::of(&rows) };
    let expected = case.expected();
    assert_eq!(expected.0.len(), 350);
    for workers in [1, 3] {
        assert_eq!(case.run(workers, true), expected);
    }
}

#[test]
fn a_sum_that_overflows_refuses_its_row_in_its_window_only() {
    let mut case = Case::of(&[(1, 1, i64::MAX), (1, 2, 1), (1, 3, -5), (1, 11, 1), (2, 12, 1)]);
    let run = |case: &Case, route: bool, workers: usize| {
        let mut build = case.build();
        if route {
            let errors =
                build.node(NodeKind::Errors { of: 1 }, Vec::new(), std::sync::Arc::new(errors_type()));
            build.sink("errors", errors);
        }
        let mut memory = case.memory();
        let (out, errors) = (memory.sink("out"), memory.sink("errors"));
        memory.sink("late");
        let result = memory.run(&build.graph, workers);
        (result, out.take(), errors.take())
    };
    for workers in [1, 3] {
        let (result, rows, errors) = run(&case, true, workers);
        result.expect("it runs");
        let results: Vec<_> = rows.iter().map(|row| (row[3].clone(), row[4].clone())).collect();
        assert_eq!(results, [(int(2), int(i64::MAX - 5)), (int(1), int(1)), (int(1), int(1))]);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0][1], Value::string("overflow"));
    }
    case.rows.swap(1, 2);
    let (result, ..) = run(&case, false, 1);
    assert!(result.is_ok(), "it does not overflow in this order");
    case.rows.swap(1, 2);
    let (result, ..) = run(&case, false, 2);
    assert_eq!(result.expect_err("nobody takes the error").kind, ErrorKind::Record);
}
