//! Runs a case in the engine in several ways, and compares what its sinks got with the evaluator.

use super::Tally;
use super::clock::BEGINNING;
use super::memory::Memory;
use super::model::{Case, Inputs, Row, show_row};
use flow_checkpoint::state::Part;
use flow_cli::kernels::NativeKernels;
use flow_driver::{LoadError, Options};
use flow_engine::connect::Kernels;
use flow_engine::snapshot::Snapshot;
use flow_engine::{ErrorKind, Job, JobError, JobHandle, JobOptions, SpillOptions, Summary};
use flow_env::Env;
use flow_plan::arbitrary::Arbitrary;
use flow_plan::interpret::{Sequence, evaluate_sequence};
use flow_plan::operator::Plan;
use flow_plan::order::identical;
use flow_plan::physical::{Exchange, Graph, Node, NodeKind};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What is said of a job that takes too long.
pub(super) const HANGS: &str = "it hangs";
/// A job that takes longer than this hangs.
const LONGEST: Duration = Duration::from_secs(20);

/// What came of a case.
pub(super) enum Verdict {
    /// All runs gave the same.
    Agrees(Tally),
    /// Something in it cannot run yet: the first code that says so.
    Refused(String),
    /// The script does not compile: it and why.
    Wrong(String),
    /// What differs.
    Differs(String),
}

/// A way to run it.
#[derive(Clone, Copy)]
struct Way {
    workers: usize,
    tiny_queues: bool,
    native: bool,
    /// Is state that can be put on disk there, before a restart and behind it; and so many bytes of memory are for it.
    disk: Option<([bool; 2], usize)>,
    stop: Stop,
}

/// What happens on the way.
#[derive(Clone, Copy, PartialEq)]
enum Stop {
    /// Nothing.
    Never,
    /// A snapshot is taken behind so many chunks, and the job goes on.
    Snapshot(usize),
    /// The job stops there; another one, with so many workers, goes on from the snapshot.
    Restart(usize, usize),
    /// The same, from a snapshot behind the first of so many chunks each and what changed until the others.
    Changes([usize; 3], usize),
}

/// Compiles a script that nobody reads from disk.
pub(super) fn compile(text: &str) -> Result<Plan, String> {
    let bytes = text.as_bytes().to_vec();
    let mut loader = move |_: &Path| Ok::<_, LoadError>(bytes.clone());
    let compiled = flow_driver::compile(&mut loader, Path::new("random.flow"), &Options::default());
    let compiled = compiled.map_err(|error| error.to_string())?;
    compiled.plan.ok_or_else(|| {
        let errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
        let show = |d: &flow_syntax::Diagnostic| {
            let span = d.primary.span;
            let part = text.get(span.start as usize..span.end as usize).unwrap_or_default();
            format!("{} {} at `{part}`", d.code, d.message)
        };
        errors.map(show).collect::<Vec<_>>().join("\n")
    })
}

/// Compares all ways to run a case.
pub(super) fn check(case: &Case, native: bool) -> Verdict {
    let text = case.script.text();
    let plan = match catch_unwind(AssertUnwindSafe(|| compile(&text))) {
        Ok(Ok(plan)) => plan,
        // Over an updating stream, some stages have no meaning.
        Ok(Err(why)) if why.starts_with("E0809") => return Verdict::Refused("E0809".into()),
        Ok(Err(why)) => return Verdict::Wrong(format!("{text}\n{why}")),
        Err(panic) => return Verdict::Differs(format!("the checker panics: {}", words(&panic))),
    };
    let graph = match catch_unwind(AssertUnwindSafe(|| flow_driver::runnable(&plan))) {
        Ok(Ok(graph)) => Arc::new(graph),
        Ok(Err(found)) => {
            return Verdict::Refused(found.iter().map(|d| d.code.to_string()).next().unwrap_or_default());
        }
        Err(panic) => return Verdict::Differs(format!("a pass panics: {}", words(&panic))),
    };
    let tiny = case.seed.is_multiple_of(2);
    let mut ways = vec![
        Way { workers: 1, tiny_queues: false, native: false, disk: None, stop: Stop::Never },
        Way { workers: 4, tiny_queues: tiny, native: false, disk: None, stop: Stop::Never },
    ];
    if native {
        ways.push(Way { workers: 1, tiny_queues: false, native: true, disk: None, stop: Stop::Never });
        ways.push(Way { workers: 3, tiny_queues: !tiny, native: true, disk: None, stop: Stop::Never });
    }
    let chunks = case.inputs.count();
    let mut random = Arbitrary::new(case.seed ^ 0x5107);
    let (at, before, after) = (random.below(chunks + 1), 1 + random.below(4), 1 + random.below(4));
    ways.push(Way {
        workers: before,
        tiny_queues: tiny,
        native: false,
        disk: None,
        stop: Stop::Restart(at, after),
    });
    let mut stops = [at, random.below(chunks + 1), random.below(chunks + 1)];
    stops.sort_unstable();
    ways.push(Way {
        workers: before,
        tiny_queues: !tiny,
        native: false,
        disk: None,
        stop: Stop::Changes(stops, after),
    });
    if random.one_in(4) {
        ways.push(Way {
            workers: 1 + random.below(4),
            tiny_queues: !tiny,
            native: false,
            disk: None,
            stop: Stop::Snapshot(at),
        });
    }
    if graph.nodes.iter().any(|node| node.kind.spills()) {
        let disk = [[true, true], [true, false], [false, true]][random.below(3)];
        let mut memory = [1, 1 << 14, 1 << 17];
        memory.rotate_left(random.below(3));
        let stops = [Stop::Restart(at, after), Stop::Snapshot(at), Stop::Changes(stops, after)];
        for (stop, memory) in stops.into_iter().zip(memory) {
            let disk = Some((disk, memory));
            ways.push(Way { workers: before, tiny_queues: !tiny, native: false, disk, stop });
        }
    }
    // Where a limit is full, how much is read behind it depends on who was how fast; where the clock moves, what is noticed when.
    let one_order = !text.contains("limit(") && case.inputs.moments.is_empty();
    let (mut first, mut order) = (None, one_order.then(Vec::new));
    let mut tally = Tally { pipelines: 1, native: u64::from(native), ..Tally::default() };
    for way in ways {
        match catch_unwind(AssertUnwindSafe(|| run(case, &graph, way, &mut first, &mut order))) {
            Ok(Ok(found)) => (tally.rows, tally.late) = (found.rows, found.late),
            Ok(Err(report)) => return Verdict::Differs(format!("{}: {report}", way.name())),
            Err(panic) => return Verdict::Differs(format!("{}: panic: {}", way.name(), words(&panic))),
        }
    }
    Verdict::Agrees(tally)
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_string())).unwrap_or_default()
}

impl Way {
    fn name(self) -> String {
        let queues = if self.tiny_queues { ", tiny queues" } else { "" };
        let code = if self.native { "native" } else { "interpreted" };
        let stop = match self.stop {
            Stop::Never => String::new(),
            Stop::Snapshot(at) => format!(", a snapshot behind {at} chunks"),
            Stop::Restart(at, after) => format!(", stopped behind {at} chunks and restarted with {after}"),
            Stop::Changes([base, then, at], after) => {
                format!(
                    ", stopped behind {at} chunks and restarted with {after} from a snapshot behind {base} and changes, the first behind {then}"
                )
            }
        };
        let disk = match self.disk {
            None => String::new(),
            Some(([true, true], memory)) => format!(", state on disk beside {memory} bytes"),
            Some(([true, false], memory)) => {
                format!(", state on disk beside {memory} bytes until the restart")
            }
            Some((_, memory)) => format!(", state on disk beside {memory} bytes from the restart on"),
        };
        format!("{} workers, {code}{queues}{disk}{stop}", self.workers)
    }
}

/// A job of a case.
fn start_way(
    graph: &Arc<Graph>,
    memory: &Memory<'_>,
    way: Way,
    from: Option<Snapshot>,
    workers: usize,
    spill: Option<&Path>,
) -> Result<JobHandle, String> {
    let env = memory.env();
    let options = JobOptions {
        parallelism: Some(workers),
        tiny_queues: way.tiny_queues,
        from,
        barriers: way.stop != Stop::Never,
        spill: spill
            .zip(way.disk)
            .map(|(folder, (_, memory))| SpillOptions { folder: folder.join("spilled"), memory }),
        ..JobOptions::default()
    };
    let kernels: Option<Arc<dyn Kernels>> = way.native.then(|| Arc::new(NativeKernels::new(&env)) as _);
    Job::start(graph.clone(), memory, kernels, &env, &options)
        .map_err(|error| format!("it does not start: {} ({})", error.message, error.label))
}

/// A job that can be asked for snapshots.
pub(super) fn start(
    graph: &Arc<Graph>,
    memory: &Memory<'_>,
    from: Option<Snapshot>,
    workers: usize,
) -> Result<JobHandle, String> {
    start_way(graph, memory, in_snapshots(workers, false), from, workers, None)
}

/// The same, with tiny queues.
pub(super) fn start_tiny(
    graph: &Arc<Graph>,
    memory: &Memory<'_>,
    from: Option<Snapshot>,
    workers: usize,
) -> Result<JobHandle, String> {
    start_way(graph, memory, in_snapshots(workers, true), from, workers, None)
}

/// The same, with state in this folder where memory has no room for it: so many bytes.
pub(super) fn start_on_disk(
    graph: &Arc<Graph>,
    memory: &Memory<'_>,
    from: Option<Snapshot>,
    workers: usize,
    (folder, bytes): (&Path, usize),
) -> Result<JobHandle, String> {
    let way = Way { disk: Some(([true, true], bytes)), ..in_snapshots(workers, false) };
    start_way(graph, memory, way, from, workers, Some(folder))
}

fn in_snapshots(workers: usize, tiny_queues: bool) -> Way {
    Way { workers, tiny_queues, native: false, disk: None, stop: Stop::Snapshot(0) }
}

/// Waits until something is so, or the job is over; an error if neither comes.
pub(super) fn wait_for(job: &mut JobHandle, mut so: impl FnMut() -> bool) -> Result<(), String> {
    let clock = Env::real().clock;
    let (mut before, mut waited) = (clock.elapsed(), Duration::ZERO);
    while !so() && !job.wait_at_most(Duration::from_millis(1)) {
        // Of one look, only so much counts: the whole process may have been stopped meanwhile.
        let now = clock.elapsed();
        waited += now.saturating_sub(before).min(Duration::from_millis(50));
        before = now;
        if waited > LONGEST {
            job.abort();
            return Err(HANGS.into());
        }
    }
    Ok(())
}

/// Waits until a job has nothing to do up to where sources pause (not where they only wait for the clock, which is moved), or
/// is over.
fn wait_for_pause(job: &mut JobHandle, memory: &Memory<'_>) -> Result<(), String> {
    loop {
        wait_for(job, || memory.paused())?;
        if job.wait_at_most(Duration::ZERO) || !memory.is_moment() {
            return Ok(());
        }
        // What the clock makes due comes behind all before it, and in front of all behind it.
        quiet(job, memory);
        memory.move_clock();
        quiet(job, memory);
        memory.go_on();
        job.control().wake();
    }
}

/// Waits until nothing moves in a job that waits for its sources and nothing is due, or it is over.
fn quiet(job: &mut JobHandle, memory: &Memory<'_>) {
    let clock = memory.env().clock;
    loop {
        let deadline = job.wait_quiet().deadline;
        if deadline.is_none_or(|deadline| deadline > clock.elapsed()) || job.wait_at_most(Duration::ZERO) {
            return;
        }
    }
}

/// Waits until a job is over, while the clock moves where it has to.
fn wait_for_end(job: &mut JobHandle, memory: &Memory<'_>) -> Result<(), String> {
    while !job.wait_at_most(Duration::ZERO) {
        wait_for_pause(job, memory)?;
    }
    Ok(())
}

/// How a run ended.
pub(super) type Ended = Result<Summary, Box<JobError>>;

/// Runs a case, with what happens on the way.
fn run_job(graph: &Arc<Graph>, memory: &Memory<'_>, way: Way) -> Result<Ended, String> {
    let folder = way.disk.map(|_| tempfile::tempdir()).transpose().map_err(|error| error.to_string())?;
    let spill = |run: usize| {
        folder.as_ref().map(|folder| folder.path()).filter(|_| way.disk.is_some_and(|(disk, _)| disk[run]))
    };
    let (stops, restart) = match way.stop {
        Stop::Never => (Vec::new(), None),
        Stop::Snapshot(at) => (vec![at], None),
        Stop::Restart(at, workers) => (vec![at], Some(workers)),
        Stop::Changes(stops, workers) => (stops.to_vec(), Some(workers)),
    };
    // Set before there is a job, which would be further otherwise.
    memory.pause_after(stops.first().copied());
    let mut job = start_way(graph, memory, way, None, way.workers, spill(0))?;
    if stops.is_empty() {
        wait_for_end(&mut job, memory)?;
        return Ok(job.wait());
    }
    let snapshot = folded(snapshots_behind(&mut job, memory, &stops, restart.is_some())?);
    memory.pause_after(None);
    job.control().wake();
    wait_for_end(&mut job, memory)?;
    let ended = job.wait();
    let (Some(workers), Some(snapshot), Ok(_)) = (restart, &snapshot, &ended) else {
        return match &ended {
            Ok(summary) if summary.stopped => Err("it was stopped, and there is no snapshot of that".into()),
            _ => Ok(ended),
        };
    };
    let mut job = start_way(graph, memory, way, Some(snapshot.clone()), workers, spill(1))?;
    wait_for_end(&mut job, memory)?;
    Ok(job.wait())
}

/// Snapshots behind so many chunks each: a whole one behind the first of these numbers, and what changed until the others.
/// Chunks go on while what was marked is written down; behind the last one, too, if the job does not end there. None at all if the job is over before.
pub(super) fn snapshots_behind(
    job: &mut JobHandle,
    memory: &Memory<'_>,
    stops: &[usize],
    last: bool,
) -> Result<Vec<Snapshot>, String> {
    let (snapshots, control) = (job.snapshots(), job.control());
    let mut taken: Vec<Snapshot> = Vec::new();
    memory.pause_after(stops.first().copied());
    for (at, _) in stops.iter().enumerate() {
        wait_for_pause(job, memory)?;
        let next = stops.get(at + 1).copied();
        let go_on = || {
            if next.is_some() || !last {
                memory.pause_after(next);
                control.wake();
                // A limit may be full: then nothing is asked for any more.
                (0..LITTLE).find(|_| memory.paused() || job.wait_at_most(Duration::from_millis(1)));
            }
        };
        let last = last && next.is_none();
        let snapshot = snapshots.as_ref().and_then(|taker| taker.take_meanwhile(last, at == 0, go_on));
        // The job is over: of what it was before, nobody goes on.
        let Some(snapshot) = snapshot else { return Ok(Vec::new()) };
        taken.push(snapshot);
    }
    Ok(taken)
}

/// For how many milliseconds chunks go on before what was marked is asked for.
const LITTLE: usize = 20;

/// The last of these, with all that its parts build on.
pub(super) fn folded(taken: Vec<Snapshot>) -> Option<Snapshot> {
    let position = taken.last()?.position.clone();
    let mut versions: Vec<Vec<Part>> = Vec::new();
    for snapshot in taken {
        versions.resize_with(snapshot.parts.len(), Vec::new);
        versions.iter_mut().zip(snapshot.parts).for_each(|(known, part)| known.push(part));
    }
    Some(Snapshot { position, parts: versions.into_iter().map(Part::folded).collect() })
}

/// What sinks got: their nodes and rows.
type Written = Vec<(usize, Vec<Row>)>;

/// One run in the engine against the evaluator over the same sequence; or, where that may keep other rows, against the `first` run.
fn run(
    case: &Case,
    graph: &Arc<Graph>,
    way: Way,
    first: &mut Option<Written>,
    order: &mut Option<Vec<String>>,
) -> Result<Tally, String> {
    let memory = Memory::new(&case.inputs);
    let ended = run_job(graph, &memory, way)?;
    if let (Some(known), Ok(_)) = (order, &ended) {
        let events: Vec<String> = memory.events();
        if known.is_empty() {
            known.clone_from(&events);
        }
        if *known != events {
            return Err(format!("chunks are read in another order: {events:?}, and before {known:?}"));
        }
    }
    if !case.script.samples {
        return compare(&case.inputs, graph, &memory, ended);
    }
    ended.map_err(|error| format!("it fails: {} ({})", error.message, error.label))?;
    let got = written(graph, &memory);
    compare_sinks(&case.inputs, graph, &got, first.get_or_insert_with(|| got.clone()))
}

/// What a job wrote against the evaluator over the sequence it read.
pub(super) fn compare(
    inputs: &Inputs,
    graph: &Graph,
    memory: &Memory<'_>,
    ended: Ended,
) -> Result<Tally, String> {
    let tables = inputs.tables.iter().map(|(name, rows)| (name.clone(), rows.clone())).collect();
    let sequence = Sequence { events: memory.log(), tables, firsts: inputs.firsts() };
    let expected = match (ended, evaluate_sequence(graph, &sequence, BEGINNING)) {
        (Ok(_), Ok(expected)) => expected,
        // A record error fails the job.
        (Err(error), Err(_)) if error.kind == ErrorKind::Record => return Ok(Tally::default()),
        (Err(error), _) => return Err(format!("it fails: {} ({})", error.message, error.label)),
        (Ok(_), Err(failure)) => return Err(format!("the evaluator fails: {}", failure.0.error)),
    };
    let got = written(graph, memory);
    let wanted: Written = got.iter().map(|(node, _)| (*node, expected.rows[*node].clone())).collect();
    compare_sinks(inputs, graph, &got, &wanted)
}

/// What all sinks got.
fn written(graph: &Graph, memory: &Memory<'_>) -> Written {
    let of = |(index, node): (usize, &Node)| match &node.kind {
        NodeKind::Sink { connector } => Some((index, memory.written(connector.place.start))),
        _ => None,
    };
    graph.nodes.iter().enumerate().filter_map(of).collect()
}

fn compare_sinks(inputs: &Inputs, graph: &Graph, got: &Written, wanted: &Written) -> Result<Tally, String> {
    let mut tally = Tally::default();
    for ((index, got), (_, wanted)) in got.iter().zip(wanted) {
        let node = &graph.nodes[*index];
        let name = &graph.declarations[node.declaration as usize].name;
        let (mut got, mut wanted) = (got.clone(), wanted.clone());
        tally.rows += wanted.len() as u64;
        if name == "late" {
            tally.late += wanted.len() as u64;
        }
        if name == "errors" {
            // Without the time of the error, and where rows stood.
            got.iter_mut().chain(&mut wanted).for_each(|row| row.truncate(3));
        }
        let ordered = node.inputs.iter().all(|input| input.exchange == Exchange::Gather);
        // Which of several keys that are due at one moment comes first is free.
        if !ordered || name == "errors" || !inputs.moments.is_empty() {
            got.sort();
            wanted.sort();
        }
        if let Some(difference) = difference(&got, &wanted) {
            return Err(format!("sink {name}: {difference}"));
        }
    }
    Ok(tally)
}

fn same(a: &Row, b: &Row) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical(a, b))
}

/// Where two lists of rows part.
fn difference(got: &[Row], wanted: &[Row]) -> Option<String> {
    let at = (0..got.len().max(wanted.len())).find(|&at| match (got.get(at), wanted.get(at)) {
        (Some(a), Some(b)) => !same(a, b),
        _ => true,
    })?;
    let (mut a, mut b) = (got.to_vec(), wanted.to_vec());
    a.sort();
    b.sort();
    let order = a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same(a, b));
    let mut text = format!("{} rows, and {} expected", got.len(), wanted.len());
    if order {
        text.push_str(", the same in another order");
    }
    let _ = write!(text, "; from row {at} on:");
    for (what, rows) in [("engine", got), ("evaluator", wanted)] {
        for row in rows.iter().skip(at.saturating_sub(1)).take(8) {
            let _ = write!(text, "\n  {what}: {}", show_row(row));
        }
        if rows.len() <= at {
            let _ = write!(text, "\n  {what}: nothing more");
        }
    }
    Some(text)
}
