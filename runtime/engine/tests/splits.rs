//! Splits, the order of chunks by event time, and silent sources: what watermark stands behind which
//! number, at any parallelism.
#![allow(clippy::disallowed_methods)]

mod graphs;

use flow_data::Batch;
use flow_engine::connect::Connectors;
use flow_engine::sink::{Sink, SinkError};
use flow_engine::source::{Chunk, ChunkReader, Emit, Next, Source, SourceError};
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

    fn splits(&self) -> Vec<Option<i64>> {
        let mut firsts: HashMap<u32, i64> = HashMap::new();
        for step in &self.steps {
            if let Step::Rows(split, times) | Step::Last(split, times) = step {
                firsts.entry(*split).or_insert(times[0]);
            }
        }
        (0..firsts.len() as u32).map(|split| Some(firsts[&split]).filter(|_| self.ordered)).collect()
    }

    fn reader(&self) -> Box<dyn ChunkReader> {
        Box::new(TimedReader)
    }
}

struct TimedReader;

impl ChunkReader for TimedReader {
    fn read(&mut self, chunk: Box<dyn Chunk>, out: &mut dyn Emit) -> Result<(), SourceError> {
        let chunk = chunk.into_any().downcast::<TimedChunk>().expect("its own chunk");
        let rows: Vec<Row> = chunk.times.iter().map(|time| vec![Value::Timestamp(*time)]).collect();
        out.batch(Batch::from_rows(&rows, &times()))?;
        Ok(())
    }
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

/// The same, with a map between the sources and their event time.
fn run_behind(
    sources: &[Timed],
    map: Option<Expr>,
    idle: Option<i64>,
    workers: usize,
) -> (Vec<i64>, Vec<i64>) {
    let (mut build, mut world) = (Build::new(), World::default());
    let clock = sources[0].clock.clone();
    let mut inputs = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let name = format!("in{index}");
        let mut node = build.source(&name, &times());
        if let Some(map) = &map {
            node = build.chain(node, vec![(StepKind::Map(vec![map.clone()]), times())]);
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
    let mut computed = passed.clone();
    let at = computed.root();
    let zero = computed.push(Kind::Literal(Value::Duration(0)), DataType::Duration, Place::default());
    computed.push(Kind::Binary(BinaryOp::Add, at, zero), DataType::Timestamp, Place::default());
    for workers in [1, 2] {
        assert_eq!(
            run_behind(std::slice::from_ref(&source), Some(passed.clone()), None, workers).0,
            [1, 3, 4]
        );
        assert_eq!(
            run_behind(std::slice::from_ref(&source), Some(computed.clone()), None, workers).0,
            [1, 3, 50]
        );
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
