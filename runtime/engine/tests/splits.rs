//! Splits, the order of chunks by event time, and silent sources: what watermark stands behind which
//! number, at any parallelism.
#![allow(clippy::disallowed_methods)]

mod graphs;

use flow_data::Batch;
use flow_engine::connect::Connectors;
use flow_engine::sink::{Sink, SinkError};
use flow_engine::source::{Chunk, ChunkReader, Emit, Next, Source, SourceError, SplitStart};
use flow_engine::{Job, JobOptions, Tapped};
use flow_env::{Clock, Env};
use flow_plan::connector::ConnectorCall;
use flow_plan::expr::{BinaryOp, Kind};
use flow_plan::physical::{EventTime, Exchange, NodeKind, StepKind, hidden};
use flow_plan::{DataType, Expr, Field, Place, RecordType, Value};
use graphs::*;
use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Time that passes when somebody asks a source in vain.
#[derive(Default)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn wall_micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst) as i64
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, _time: Duration) {}
}

#[derive(Clone)]
enum Step {
    /// A chunk of a split: its event times.
    Rows(u32, Vec<i64>),
    /// The last one.
    Last(u32, Vec<i64>),
    /// Nothing for so long.
    Quiet(Duration),
}

#[derive(Clone, Default)]
struct Timed {
    steps: VecDeque<Step>,
    live: bool,
    blocks: bool,
    ordered: bool,
    /// Was some of its splits read before?
    begun: bool,
    clock: Arc<TestClock>,
    until: Option<Duration>,
}

impl Timed {
    fn of(steps: &[Step]) -> Timed {
        Timed { steps: steps.to_vec().into(), ..Timed::default() }
    }
}

struct TimedChunk {
    split: u32,
    times: Vec<i64>,
    known: bool,
    last: bool,
}

impl Chunk for TimedChunk {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn split(&self) -> u32 {
        self.split
    }

    fn time(&self) -> Option<i64> {
        self.times.first().copied().filter(|_| self.known)
    }

    fn last(&self) -> bool {
        self.last
    }
}

impl Source for Timed {
    fn next(&mut self) -> Result<Next, SourceError> {
        let (split, times, last) = match self.steps.front().cloned() {
            None => return Ok(Next::End),
            Some(Step::Rows(split, times)) => (split, times, false),
            Some(Step::Last(split, times)) => (split, times, true),
            Some(Step::Quiet(time)) => {
                self.clock.0.fetch_add(100_000, Ordering::SeqCst);
                let until = *self.until.get_or_insert(self.clock.elapsed() + time);
                if self.clock.elapsed() < until {
                    return Ok(Next::Pending);
                }
                self.until = None;
                self.steps.pop_front();
                return self.next();
            }
        };
        self.steps.pop_front();
        Ok(Next::Chunk(Box::new(TimedChunk { split, times, known: self.ordered, last })))
    }

    fn blocks(&self) -> bool {
        self.blocks
    }

    fn live(&self) -> bool {
        self.live
    }

    fn order_by(&mut self, column: usize, _others: bool) -> Result<bool, SourceError> {
        assert_eq!(column, 0);
        self.ordered = true;
        Ok(true)
    }

    fn splits(&self) -> Vec<SplitStart> {
        let mut firsts: HashMap<u32, i64> = HashMap::new();
        for step in &self.steps {
            if let Step::Rows(split, times) | Step::Last(split, times) = step {
                firsts.entry(*split).or_insert(times[0]);
            }
        }
        let first = |split| Some(firsts[&split]).filter(|_| self.ordered);
        let start = |split| SplitStart { first: first(split), begun: self.begun };
        (0..firsts.len() as u32).map(start).collect()
    }

    fn first_rows(&self, split: usize, out: &mut dyn Emit) -> Result<(), SourceError> {
        for step in &self.steps {
            match step {
                Step::Rows(of, times) | Step::Last(of, times) if *of == split as u32 => {
                    out.batch(rows_of(times))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(TimedReader)
    }
}

struct TimedReader;

impl ChunkReader for TimedReader {
    fn read(&mut self, chunk: Box<dyn Chunk>, out: &mut dyn Emit) -> Result<(), SourceError> {
        let chunk = chunk.into_any().downcast::<TimedChunk>().expect("its own chunk");
        out.batch(rows_of(&chunk.times))?;
        Ok(())
    }
}

fn rows_of(at: &[i64]) -> Batch {
    let rows: Vec<Row> = at.iter().map(|time| vec![Value::Timestamp(*time)]).collect();
    Batch::from_rows(&rows, &times())
}

#[derive(Default)]
struct World {
    sources: HashMap<String, Timed>,
    memory: Memory,
}

impl Connectors for World {
    fn source(
        &self,
        call: &ConnectorCall,
        _read: &[usize],
        _base: &Path,
        _env: &Env,
    ) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(self.sources[&call.name].clone()))
    }

    fn sink(
        &self,
        call: &ConnectorCall,
        schema: &Arc<RecordType>,
        base: &Path,
        env: &Env,
    ) -> Result<Box<dyn Sink>, SinkError> {
        self.memory.sink(call, schema, base, env)
    }
}

fn times() -> Arc<RecordType> {
    record(&[("at", DataType::Timestamp)])
}

fn timed(build: &mut Build, from: usize, idle: Option<i64>) -> usize {
    let mut fields = build.schema(from).fields.clone();
    fields.push(Field::new(hidden::WATERMARK, DataType::Timestamp));
    let time = EventTime { column: 0, delay: 0, idle };
    build.node(NodeKind::EventTime(time), vec![(from, Exchange::Local)], Arc::new(RecordType::new(fields)))
}

/// Sources, each with event time, then a union and a tap: the watermarks that pass the tap, in order, and the
/// rows in the order of the sequence.
fn run(sources: &[Timed], idle: Option<i64>, workers: usize) -> (Vec<i64>, Vec<i64>) {
    run_behind(sources, None, idle, workers)
}

/// The same, with a step between the sources and their event time.
fn run_behind(
    sources: &[Timed],
    step: Option<StepKind>,
    idle: Option<i64>,
    workers: usize,
) -> (Vec<i64>, Vec<i64>) {
    let (mut build, mut world) = (Build::new(), World::default());
    let clock = sources[0].clock.clone();
    let mut inputs = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let name = format!("in{index}");
        let mut node = build.source(&name, &times());
        if let Some(step) = &step {
            node = build.chain(node, vec![(step.clone(), times())]);
        }
        inputs.push((timed(&mut build, node, idle), Exchange::Local));
        world.sources.insert(name, Timed { clock: clock.clone(), ..source.clone() });
    }
    let output = build.schema(inputs[0].0);
    let union = build.node(NodeKind::Union, inputs, output.clone());
    let tap = build.node(NodeKind::Tap { label: "t".into() }, vec![(union, Exchange::Local)], output);
    build.sink("out", tap);
    let out = world.memory.with_sink("out", Collected::default());
    let seen: Arc<Mutex<Vec<i64>>> = Arc::default();
    let tapped = seen.clone();
    let taps = move |_: &str, what: Tapped<'_>| {
        if let Tapped::Watermark(watermark) = what {
            tapped.lock().unwrap().push(watermark);
        }
    };
    let env = Env { clock, ..Env::real() };
    let options =
        JobOptions { parallelism: Some(workers), taps: Some(Arc::new(taps)), ..JobOptions::default() };
    let job = Job::start(Arc::new(build.graph), &world, None, &env, &options).expect("it starts");
    job.wait().expect("it ends well");
    let rows = out.take().into_iter().map(|row| match row[0] {
        Value::Timestamp(at) => at,
        _ => panic!("a time"),
    });
    let watermarks = std::mem::take(&mut *seen.lock().unwrap());
    (watermarks, rows.collect())
}

#[test]
fn splits_that_follow_each_other_raise_the_watermark_one_after_the_other() {
    use Step::*;
    let source = Timed::of(&[Rows(0, vec![1, 5]), Last(0, vec![9]), Rows(1, vec![20]), Last(1, vec![30])]);
    for workers in [1, 2, 4] {
        let (watermarks, rows) = run(std::slice::from_ref(&source), None, workers);
        assert_eq!(watermarks, [5, 9, 20, 30], "{workers} workers");
        assert_eq!(rows, [1, 5, 9, 20, 30]);
    }
}

#[test]
fn a_split_that_overlaps_others_holds_the_watermark_back_until_it_ends() {
    use Step::*;
    let source = Timed::of(&[
        Rows(0, vec![1]),
        Rows(1, vec![3]),
        Rows(0, vec![50]),
        Last(1, vec![4]),
        Last(0, vec![60]),
    ]);
    for workers in [1, 2, 4] {
        assert_eq!(run(std::slice::from_ref(&source), None, workers).0, [1, 3, 4, 60], "{workers} workers");
    }
}

#[test]
fn splits_have_a_time_of_their_own_if_event_time_is_a_column_of_theirs_and_none_if_it_is_computed() {
    use Step::*;
    let source = Timed::of(&[Rows(0, vec![1]), Rows(1, vec![3]), Rows(0, vec![50]), Last(1, vec![4])]);
    let passed = column(0, DataType::Timestamp);
    let computed = with_time(BinaryOp::Add, Value::Duration(0), DataType::Duration, DataType::Timestamp);
    let map = |expr: &Expr| Some(StepKind::Map(vec![expr.clone()]));
    for workers in [1, 2] {
        let run = |expr| run_behind(std::slice::from_ref(&source), map(expr), None, workers).0;
        assert_eq!(run(&passed), [1, 3, 4]);
        assert_eq!(run(&computed), [1, 3, 50]);
    }
}

/// An operation on the time of a row and something.
fn with_time(op: BinaryOp, with: Value, ty: DataType, output: DataType) -> Expr {
    let mut expr = column(0, DataType::Timestamp);
    let at = expr.root();
    let with = expr.push(Kind::Literal(with), ty, Place::default());
    expr.push(Kind::Binary(op, at, with), output, Place::default());
    expr
}

#[test]
fn rows_that_a_filter_drops_say_nothing_of_how_far_a_split_is_before_it_is_read() {
    use Step::*;
    // The second split is no further than its first row below 1000, the third has none at its beginning.
    let first = [Rows(0, vec![1, 2000]), Rows(0, vec![50])];
    let second = [Rows(1, vec![3000, 20]), Last(1, vec![21])];
    let third = [Last(2, vec![4000])];
    let at_most = with_time(BinaryOp::Lt, Value::Timestamp(1000), DataType::Timestamp, DataType::Bool);
    // What comes next of one that was begun says no more, where event time is new in the script.
    for (workers, begun) in [(1, false), (2, false), (4, false), (1, true), (2, true)] {
        let run = |splits: &[&[Step]]| {
            let steps = [splits.concat(), vec![Last(0, vec![70])]].concat();
            let source = Timed { begun, ..Timed::of(&steps) };
            run_behind(&[source], Some(StepKind::Filter(at_most.clone())), None, workers)
        };
        assert_eq!(run(&[&first, &second]).0, [1, 20, 21, 70], "{workers} workers");
        let (watermarks, rows) = run(&[&first, &second, &third]);
        assert_eq!((watermarks, rows), (vec![70], vec![1, 50, 20, 21, 70]), "{workers} workers");
    }
}

#[test]
fn sources_are_merged_by_event_time_also_if_one_has_a_thread_of_its_own() {
    let chunks = |first: i64, step: usize| -> Vec<Step> {
        (0..40).map(|i| Step::Rows(0, vec![first + i * step as i64])).collect()
    };
    let (a, b, c) = (Timed::of(&chunks(0, 3)), Timed::of(&chunks(1, 2)), Timed::of(&chunks(50, 1)));
    let sources = [a, Timed { blocks: true, ..b }, c];
    let mut expected: Vec<i64> = (0..40).flat_map(|i| [i * 3, 1 + i * 2, 50 + i]).collect();
    expected.sort_unstable();
    for workers in [1, 2, 4] {
        for _ in 0..5 {
            let (watermarks, rows) = run(&sources, None, workers);
            assert_eq!(rows, expected, "{workers} workers");
            assert!(watermarks.is_sorted() && watermarks.last() == Some(&117), "{watermarks:?}");
        }
    }
}

#[test]
fn a_source_that_has_ended_does_not_hold_back_the_watermark() {
    use Step::*;
    let sources = [Timed::of(&[Rows(0, vec![1])]), Timed::of(&[Rows(0, vec![2]), Rows(0, vec![3])])];
    for workers in [1, 2, 4] {
        // Nothing stands behind the first number: the other source has not begun.
        assert_eq!(run(&sources, None, workers).0, [1, 2, 3], "{workers} workers");
    }
}

#[test]
fn a_silent_source_is_not_waited_for_and_steps_back_in_with_its_rows() {
    use Step::*;
    let silent = Timed {
        live: true,
        ..Timed::of(&[Rows(0, vec![1]), Quiet(Duration::from_secs(20)), Rows(0, vec![100])])
    };
    let quiet = Quiet(Duration::from_secs(1));
    let mut steps = vec![Rows(0, vec![10])];
    for at in [20, 30, 40, 50, 60] {
        steps.extend([quiet.clone(), Rows(0, vec![at])]);
    }
    steps.extend([Quiet(Duration::from_secs(60)), Rows(0, vec![200])]);
    let busy = Timed { live: true, ..Timed::of(&steps) };
    for workers in [1, 2] {
        let waiting = run(&[silent.clone(), busy.clone()], None, workers).0;
        assert_eq!(waiting, [1, 60, 200], "{workers} workers");
        let idle = run(&[silent.clone(), busy.clone()], Some(2_000_000), workers).0;
        assert!(idle.starts_with(&[1]) && idle.contains(&50), "{idle:?}");
    }
}
