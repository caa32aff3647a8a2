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
    kind: WindowKind,
    keyed: bool,
    /// Microseconds of the wall clock after which results are given before their windows end.
    early: Option<i64>,
}

fn tumbling(size: i64) -> WindowKind {
    WindowKind::Tumbling { size, offset: 0, zone: None }
}

/// The windows of a time.
fn windows_of(kind: &WindowKind, at: i64) -> Vec<(i64, i64)> {
    match *kind {
        WindowKind::Tumbling { size, offset, .. } => {
            let start = (at - offset).div_euclid(size) * size + offset;
            vec![(start, start + size)]
        }
        WindowKind::Sliding { size, every } => {
            let last = at.div_euclid(every) * every;
            let starts = (0..).map(|i| last - i * every).take_while(|start| start + size > at);
            starts.map(|start| (start, start + size)).collect()
        }
        WindowKind::Cumulative { max, every } => {
            let start = at.div_euclid(max) * max;
            (1..=max / every).map(|i| (start, start + i * every)).filter(|(_, end)| *end > at).collect()
        }
        ref other => unreachable!("{other:?}"),
    }
}

impl Case {
    fn of(rows: &[(i64, i64, i64)]) -> Case {
        Case { rows: rows.to_vec(), chunk: 4, delay: 0, kind: tumbling(10), keyed: true, early: None }
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
            kind: Case::random_kind(&mut random),
            keyed: random.below(4) > 0,
            early: None,
        }
    }

    fn random_kind(random: &mut Random) -> WindowKind {
        let mut up_to = |n: u64| 1 + random.below(n) as i64;
        match up_to(6) {
            5 | 6 => WindowKind::Session { gap: up_to(30) },
            1 => WindowKind::Tumbling { size: up_to(40), offset: up_to(30) - 15, zone: None },
            2 => {
                let every = up_to(12);
                WindowKind::Sliding { size: every * up_to(5), every }
            }
            3 => {
                let every = up_to(12);
                WindowKind::Sliding { size: every + up_to(30), every }
            }
            _ => {
                let every = up_to(12);
                WindowKind::Cumulative { max: every * up_to(5), every }
            }
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
        let marked = record(&[&fields[..], std::slice::from_ref(&mark)].concat());
        let timed = build.node(kind, vec![(source, Exchange::Local)], marked.clone());
        let keys = if self.keyed { vec![KEY] } else { Vec::new() };
        let window = Window { kind: self.kind.clone(), processing_time: false, lateness: 0 };
        let kind = NodeKind::WindowAggregate(WindowAggregate {
            keys: keys.clone(),
            state: state("windows"),
            windowing: Windowing {
                window,
                time: Some(AT),
                watermark: Some(WATERMARK),
                bounds: None,
                early: self.early,
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
        if let WindowKind::Session { gap } = self.kind {
            return self.expected_sessions(gap);
        }
        let (mut open, mut given, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let mut greatest: Option<i64> = None;
        for chunk in self.rows.chunks(self.chunk) {
            for &(key, at, value) in chunk {
                let watermark = greatest.map_or(i64::MIN, |greatest| greatest - self.delay);
                greatest = greatest.max(Some(at));
                let windows = windows_of(&self.kind, at).into_iter();
                let windows: Vec<_> = windows.filter(|(_, end)| *end > watermark).collect();
                if windows.is_empty() {
                    late.push(vec![Value::Timestamp(at)]);
                }
                for window in windows {
                    add(&mut open, window, if self.keyed { key } else { 0 }, value);
                }
            }
            self.give(&mut open, greatest.map_or(i64::MIN, |g| g - self.delay), &mut given);
        }
        self.give(&mut open, i64::MAX, &mut given);
        (given, late)
    }

    /// Rows of a key take their turns.
    fn expected_sessions(&self, gap: i64) -> (Vec<Row>, Vec<Row>) {
        let (mut open, mut given, mut late) = (Vec::<Session>::new(), Vec::new(), Vec::new());
        let mut greatest: Option<i64> = None;
        let mut give = |open: &mut Vec<Session>, to: i64| {
            open.sort_by_key(|session| (session.end, session.born));
            while open.first().is_some_and(|session| session.end < to) {
                let Session { key, start, end, n, sum, .. } = open.remove(0);
                let mut row = if self.keyed { vec![int(key)] } else { Vec::new() };
                row.extend([start, end].map(Value::Timestamp));
                row.extend([int(n), int(sum)]);
                given.push(row);
            }
        };
        for (number, chunk) in self.rows.chunks(self.chunk).enumerate() {
            for (place, &(key, at, value)) in chunk.iter().enumerate() {
                let met = greatest.map_or(i64::MIN, |greatest| greatest - self.delay);
                greatest = greatest.max(Some(at));
                let key = if self.keyed { key } else { 0 };
                let born = (number, place);
                let mut made = Session { key, start: at, end: at + gap, n: 1, sum: value, born };
                let touches =
                    |s: &Session| s.key == key && s.end >= met && at <= s.end && s.start <= at + gap;
                let joined: Vec<Session> = open.extract_if(.., |s| touches(s)).collect();
                for session in &joined {
                    made.start = made.start.min(session.start);
                    made.end = made.end.max(session.end);
                    made.born = made.born.min(session.born);
                    (made.n, made.sum) = (made.n + session.n, made.sum + session.sum);
                }
                if made.end < met {
                    assert!(joined.is_empty());
                    late.push(vec![Value::Timestamp(at)]);
                } else {
                    open.push(made);
                }
            }
            give(&mut open, greatest.map_or(i64::MIN, |greatest| greatest - self.delay));
        }
        give(&mut open, i64::MAX);
        (given, late)
    }

    /// Gives the windows that end up to there.
    fn give(&self, open: &mut Vec<Open>, to: i64, given: &mut Vec<Row>) {
        open.sort_by_key(|((start, end), _)| (*end, *start));
        while open.first().is_some_and(|((_, end), _)| *end <= to) {
            let ((start, end), groups) = open.remove(0);
            for (key, n, sum) in groups {
                let mut row = if self.keyed { vec![int(key)] } else { Vec::new() };
                row.extend([start, end].map(Value::Timestamp));
                row.extend([int(n), int(sum)]);
                given.push(row);
            }
        }
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

struct Session {
    key: i64,
    start: i64,
    end: i64,
    n: i64,
    sum: i64,
    born: (usize, usize),
}

/// A window that is open, and its groups: key, rows, sum.
type Open = ((i64, i64), Vec<(i64, i64, i64)>);

fn add(open: &mut Vec<Open>, window: (i64, i64), key: i64, value: i64) {
    let at = open.iter().position(|(known, _)| *known == window).unwrap_or_else(|| {
        open.push((window, Vec::new()));
        open.len() - 1
    });
    match open[at].1.iter_mut().find(|(known, ..)| *known == key) {
        Some((_, n, sum)) => (*n, *sum) = (*n + 1, *sum + value),
        None => open[at].1.push((key, 1, value)),
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
    for seed in 0..400 {
        let case = Case::random(seed);
        let expected = case.expected();
        late += expected.1.len();
        for workers in [1, 2, 3, 8] {
            let tiny = seed % 2 == 0;
            let (given, late) = case.run(workers, tiny);
            let what = format!("seed {seed}, {workers} workers, {:?}", case.kind);
            for (given, expected) in given.iter().zip(&expected.0) {
                assert_eq!(given, expected, "{what}");
            }
            assert_eq!((given.len(), late), (expected.0.len(), expected.1.clone()), "{what}");
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
    let case = Case { kind: tumbling(86_400_000_000), delay: 5_000_000, ..Case::of(&rows) };
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

#[test]
fn a_row_that_joins_sessions_and_overflows_changes_nothing() {
    let rows = [(1, 0, i64::MAX), (1, 15, 1), (1, 7, -9), (2, 0, 5), (1, 16, 2)];
    let case = Case { kind: WindowKind::Session { gap: 10 }, delay: 100, ..Case::of(&rows) };
    for workers in [1, 3] {
        let mut build = case.build();
        let errors = std::sync::Arc::new(errors_type());
        let errors = build.node(NodeKind::Errors { of: 1 }, Vec::new(), errors);
        build.sink("errors", errors);
        let mut memory = case.memory();
        let (out, errors) = (memory.sink("out"), memory.sink("errors"));
        memory.sink("late");
        memory.run(&build.graph, workers).expect("it runs");
        let rows: Vec<_> = out.take().into_iter().map(|row| (row[0].clone(), row[4].clone())).collect();
        assert_eq!(rows, [(int(1), int(i64::MAX)), (int(2), int(5)), (int(1), int(3))]);
        assert_eq!(errors.take().len(), 1);
    }
}

#[test]
fn a_sum_that_overflows_only_where_slices_meet_refuses_that_result() {
    let rows = [(1, 1, i64::MAX), (1, 11, 1), (2, 1, 1), (2, 11, 1)];
    let kind = WindowKind::Sliding { size: 20, every: 10 };
    let case = Case { kind, delay: 100, ..Case::of(&rows) };
    for workers in [1, 3] {
        let mut build = case.build();
        let errors = std::sync::Arc::new(errors_type());
        let errors = build.node(NodeKind::Errors { of: 1 }, Vec::new(), errors);
        build.sink("errors", errors);
        let mut memory = case.memory();
        let (out, errors) = (memory.sink("out"), memory.sink("errors"));
        memory.sink("late");
        memory.run(&build.graph, workers).expect("it runs");
        let of = |row: &Row| (row[0].clone(), row[4].clone());
        let rows: Vec<_> = out.take().iter().map(of).collect();
        let max = int(i64::MAX);
        assert_eq!(
            rows,
            [(int(1), max), (int(2), int(1)), (int(2), int(2)), (int(1), int(1)), (int(2), int(1))]
        );
        let errors = errors.take();
        assert_eq!(errors.len(), 1);
        let record =
            r#"{"key":1,"windowStart":"1970-01-01T00:00:00Z","windowEnd":"1970-01-01T00:00:00.00002Z"}"#;
        assert_eq!(errors[0][4], Value::string(record));
    }
}

/// The clock on the wall gives rows in a number of its own: in one with rows of a chunk, workers' rows are merged by ranks, and an
/// early result would stand behind that of the end of its window.
#[test]
fn early_results_never_come_behind_later_ones() {
    let rows: Vec<_> = (0..40_000).map(|i| (i % 16, i, 1)).collect();
    let case = Case { chunk: 40, kind: tumbling(100), early: Some(200), ..Case::of(&rows) };
    let build = case.build();
    for workers in [1, 2, 4] {
        let mut memory = case.memory();
        let out = memory.sink("out");
        memory.sink("late");
        memory.run(&build.graph, workers).expect("it runs");
        let mut counts = std::collections::HashMap::new();
        let rows = out.take();
        for row in &rows {
            let Value::Int(count) = row[3] else { panic!("{row:?}") };
            let before = counts.insert(format!("{:?}", &row[..2]), count);
            assert!(
                before.is_none_or(|before| before <= count),
                "{workers} workers: {before:?}, then {row:?}"
            );
        }
        assert!(rows.len() > counts.len(), "{workers} workers: no early result came");
    }
}
