//! From a graph to workers that can run: opens connectors, compiles chains, makes operators.

use crate::beat::{BEGAN, Beat};
use crate::channel::{Channel, QueueLimit};
use crate::checkpoints::{self, Resumption, SpaceFor, Tell};
use crate::connect::{Connectors, Kernels};
use crate::error::{Again, StartError};
use crate::flow::Flow;
use crate::guard::Guard;
use crate::job::{JobOptions, SpillOptions};
use crate::layout::Layout;
use crate::number::Number;
use crate::operator::{
    ChainOperator, CompiledChain, DistinctOperator, ErrorsOperator, EventTimeOperator, LimitOperator,
    LookupOperator, Operator, PartsOperator, PassOperator, PlaceOperator, RowsOperator, SampleOperator,
    ScanOperator, SinkOperator, TableOperator, TapOperator, UnionOperator, WindowOperator, narrowed,
    stream_join,
};
use crate::operator::{aggregate, pick};
use crate::pace::Pace;
use crate::preaggregate::{gives_parts, in_two_steps};
use crate::sequencer::Sequencer;
use crate::shared::{Parts, Shared, clock_name};
use crate::sink::{Run, Sink, SinkError, Writer};
use crate::snapshot::{Barrier, Begin, FEW_WAITING, Share, Snapshot, WAITING, state_ids};
use crate::source::Source;
use crate::space::{Hurry, Space};
use crate::state::{Cold, ColdError, Ledger, Spill, clear_spilled};
use crate::tables::{self, Tables};
use crate::time::{Above, TimeLog, time_columns};
use crate::timing::{Unseen, order_by_time, time_logs, timing};
use crate::worker::{ENTRIES, FEW_ENTRIES, Worker};
use flow_checkpoint::Pieces;
use flow_env::{Env, Parker, Unparker, planted};
use flow_plan::operator::{StateIdentity, WindowKind};
use flow_plan::physical::{
    Chain, Exchange, Graph, Lookup, Node, NodeKind, Pick, StreamJoin, WindowAggregate,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A sink and its node.
pub(crate) type OpenSink = (usize, Box<dyn Sink>);

pub(crate) struct Assembled {
    pub(crate) shared: Arc<Shared>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) sinks: Vec<OpenSink>,
    /// The space that each of them has.
    pub(crate) spaces: Vec<Arc<Space>>,
    /// Bytes of each source's whole input.
    pub(crate) sizes: Vec<Option<u64>>,
    /// Is woken when all workers have passed a barrier.
    pub(crate) barriers: Parker,
    /// Of a job with checkpoints, where it goes on.
    pub(crate) from: Option<Resumption>,
}

pub(crate) fn assemble(
    graph: Arc<Graph>,
    connectors: &dyn Connectors,
    kernels: Option<Arc<dyn Kernels>>,
    env: &Env,
    options: &JobOptions,
) -> Result<Assembled, StartError> {
    let count = workers(&graph, options);
    let graph = if count > 1 { Arc::new(in_two_steps(&graph)) } else { graph };
    let layout = Layout::new(&graph, count)?;
    let chains = compile(&graph, &layout, kernels)?;
    let mut tables = tables::load(&graph, &chains, connectors, &options.base, env)?;
    let nodes: Vec<usize> = (0..graph.nodes.len()).filter(|&node| is_source(&graph.nodes[node])).collect();
    let columns = time_columns(&graph, &nodes);
    let states = state_ids(&graph);
    let mut sources = open_sources(&graph, connectors, env, options)?;
    let mut sinks = open_sinks(&graph, connectors, env, options)?;
    let spaces = give_space(&graph, &mut sinks, options.tell.as_ref());
    let begun =
        begin_run(&graph, &states, &mut sinks, options, env, count).and_then(|(snapshot, pieces, from)| {
            let goes_on = snapshot.is_some();
            let begin = Begin::new(snapshot.unwrap_or_default(), count)
                .map_err(|error| StartError::new(no_thread(&error), "job", graph.job.state_place))?;
            seek(&graph, &nodes, &mut sources, &states, &begin)?;
            let timed = order_by_time(&graph, &nodes, &mut sources, &columns)?;
            let unseen = unseen(&graph, &states, &nodes, &begin)?;
            let times = time_logs(&graph, &nodes, &sources, &columns, count, env, &unseen)?;
            Ok((goes_on, begin, pieces, from, timed, times, open_writers(&graph, &mut sinks, count)?))
        });
    let (goes_on, mut begin, pieces, mut from, timed, times, writers) = begun.inspect_err(|_| {
        // Nothing may stay behind of a job that never started.
        sinks.iter_mut().for_each(|(_, sink)| sink.abort());
    })?;
    let sizes = sources.iter().map(|source| source.size()).collect();
    let readers: Vec<Vec<_>> = (0..count).map(|_| sources.iter().map(|s| s.reader()).collect()).collect();
    let (parkers, wake): (Vec<_>, Vec<_>) = (0..count).map(|_| flow_env::parker()).unzip();
    let channels: Vec<Vec<Channel>> = layout.edges.iter().map(|_| channels(&wake, options)).collect();
    channels_begin(&channels, begin.number());
    let names: Vec<StateIdentity> = nodes.iter().map(|node| states[*node].clone()).collect();
    load_times(&graph, &times, &states, &names, &begin)?;
    let times_begun = times_begun(&layout, &states, &begin);
    let timing = timing(&graph, &layout, &nodes, &timed);
    let (barriers, waiter) = flow_env::parker();
    let barrier = Barrier::new(count, if options.tiny_queues { FEW_WAITING } else { WAITING }, waiter);
    let sequencer = Sequencer::new(sources, timing, &wake, env.clock.clone(), &begin, barrier)
        .map_err(|error| refused(&graph.nodes[0], format!("a thread could not be started: {error}")))?;
    let taps = options.taps.clone();
    let seals = options.checkpoints.is_some();
    if from.as_ref().is_some_and(|from| from.finished) {
        sequencer.stop();
    }
    let beat = Beat::new(env.clock.clone(), begin.time(BEGAN).and_then(|began| began.parse().ok()));
    let tracks = options.barriers || seals;
    let parts = Parts { beat, sequencer, sources: nodes, times, channels, wake, times_begun, seals, tracks };
    let shared = Arc::new(Shared::new(graph, layout, env.clone(), taps, parts));
    if tracks {
        shared.watch_barriers();
    }
    spaces.iter().for_each(|space| space.wait_unless(hurry(&shared)));
    let generation = from.as_ref().map_or(0, |from| from.recovery.generation);
    let spill = spill(&shared, generation, options)?;
    let mut workers = Vec::new();
    for (index, ((readers, parker), writers)) in readers.into_iter().zip(parkers).zip(writers).enumerate() {
        let operators = operators(&shared, &chains, &mut tables, writers, spill.as_ref())?;
        let flow = Flow::new(shared.clone(), index, operators, begin.number(), parker);
        workers.push(Worker {
            flow,
            readers,
            beat: None,
            weighed: Duration::ZERO,
            drained: false,
            halted: None,
            pace: Pace::default(),
            entries: if options.tiny_queues { FEW_ENTRIES } else { ENTRIES },
        });
    }
    if goes_on {
        let (loaded, moved) = take_over(&shared, workers, &mut begin, pieces, options).inspect_err(|_| {
            sinks.iter_mut().for_each(|(_, sink)| sink.abort());
        })?;
        workers = loaded;
        if let Some(from) = &mut from {
            from.follows = from.follows.take().filter(|_| !moved || planted("follow-another-job"));
            if from.follows.is_some() {
                workers.iter_mut().for_each(|worker| worker.flow.follow());
            }
        }
    }
    Ok(Assembled { shared, workers, sinks, spaces, sizes, barriers, from })
}

/// Gives the workers what was saved. Did an entry move to another worker?
fn take_over(
    shared: &Shared,
    workers: Vec<Worker>,
    begin: &mut Begin,
    pieces: Option<Pieces>,
    options: &JobOptions,
) -> Result<(Vec<Worker>, bool), StartError> {
    let cancelled = || options.cancelled.load(Ordering::Acquire);
    let moved = begin.moved();
    let loaded = load(workers, begin, Flow::load).and_then(|workers| match pieces {
        Some(pieces) => load_more(&pieces, workers, moved, &cancelled),
        None => Ok((workers, moved)),
    });
    let of_job = |why: String| StartError::new(why, "job", shared.graph.job.state_place);
    loaded.map_err(|error| match error {
        NotLoaded::Node(node, why) => refused(&shared.graph.nodes[node], why),
        NotLoaded::Job(why) => of_job(why),
        NotLoaded::Cancelled => {
            StartError { cancelled: true, ..of_job("it was told to stop before it began".into()) }
        }
    })
}

/// Why state is not taken over.
enum NotLoaded {
    /// A node cannot.
    Node(usize, String),
    Job(String),
    /// The job was told to stop.
    Cancelled,
}

fn no_thread(error: &std::io::Error) -> String {
    format!("a thread could not be started: {error}")
}

/// How a worker takes over its share; or which node cannot, and why.
type TakeOver = fn(&mut Flow, &mut Share) -> Result<(), (usize, String)>;

/// Gives the workers their state, or more of it, each in a thread of its own.
fn load(workers: Vec<Worker>, begin: &mut Begin, act: TakeOver) -> Result<Vec<Worker>, NotLoaded> {
    let mut threads = Vec::new();
    for (index, mut worker) in workers.into_iter().enumerate() {
        let mut share = begin.share(index);
        let load = move || act(&mut worker.flow, &mut share).map(|()| worker);
        let started = flow_env::spawn("load", load);
        threads.push(started.map_err(|error| NotLoaded::Job(no_thread(&error)))?);
    }
    let joined = threads.into_iter().map(|thread| match thread.join() {
        Ok(loaded) => loaded.map_err(|(node, why)| NotLoaded::Node(node, why)),
        Err(panic) => std::panic::resume_unwind(panic),
    });
    // All are waited for, also if one fails.
    joined.collect::<Vec<_>>().into_iter().collect()
}

/// Loads what memory had no room for at once, unless the job is cancelled. Has an entry of any piece moved to another worker?
fn load_more(
    pieces: &Pieces,
    mut workers: Vec<Worker>,
    mut moved: bool,
    cancelled: &dyn Fn() -> bool,
) -> Result<(Vec<Worker>, bool), NotLoaded> {
    for piece in 1..pieces.count() {
        if cancelled() {
            return Err(NotLoaded::Cancelled);
        }
        let parts = pieces.load(piece).map_err(|failure| NotLoaded::Job(failure.to_string()))?;
        let begin = Begin::new(Snapshot { parts, ..Snapshot::default() }, workers.len());
        let mut begin = begin.map_err(|error| NotLoaded::Job(no_thread(&error)))?;
        moved |= begin.moved();
        workers = load(workers, &mut begin, Flow::load_more)?;
    }
    Ok((workers, moved))
}

/// Puts sources where they were. One that the snapshot does not know begins at its beginning.
fn seek(
    graph: &Graph,
    nodes: &[usize],
    sources: &mut [Box<dyn Source>],
    states: &[StateIdentity],
    begin: &Begin,
) -> Result<(), StartError> {
    for (&node, source) in nodes.iter().zip(sources) {
        let identity = &states[node];
        let was = || begin.source(identity.was.as_deref()?);
        if let Some(position) = begin.source(&identity.id).or_else(was) {
            source.seek(position).map_err(|error| refused(&graph.nodes[node], error.to_string()))?;
        }
    }
    Ok(())
}

/// Says that nothing below the first number comes any more.
fn channels_begin(channels: &[Vec<Channel>], number: Number) {
    channels.iter().flatten().for_each(|channel| channel.close(number));
}

fn load_times(
    graph: &Graph,
    times: &[Option<TimeLog>],
    states: &[StateIdentity],
    names: &[StateIdentity],
    begin: &Begin,
) -> Result<(), StartError> {
    for (index, log) in times.iter().enumerate() {
        if let (Some(log), Some(saved)) = (log, saved_time(&states[index], begin)) {
            log.load(saved, names).map_err(|why| no_watermark(&graph.nodes[index], &why))?;
        }
    }
    Ok(())
}

/// What was saved of an event-time node.
fn saved_time<'b>(state: &StateIdentity, begin: &'b Begin) -> Option<&'b str> {
    begin.time(&state.id).or_else(|| begin.time(state.was.as_deref()?))
}

fn no_watermark(node: &Node, why: &str) -> StartError {
    refused(node, format!("its watermark cannot be read: {why}"))
}

/// Of which splits has no row come to each event-time node, as far as that was saved? To one that is new, of none.
fn unseen(
    graph: &Graph,
    states: &[StateIdentity],
    sources: &[usize],
    begin: &Begin,
) -> Result<Vec<Unseen>, StartError> {
    let names: Vec<StateIdentity> = sources.iter().map(|node| states[*node].clone()).collect();
    let of_node = |(index, node): (usize, &Node)| match saved_time(&states[index], begin) {
        Some(saved) if matches!(node.kind, NodeKind::EventTime(_)) => {
            TimeLog::promised(saved, &names).map(Unseen::These).map_err(|why| no_watermark(node, &why))
        }
        _ => Ok(Unseen::All),
    };
    graph.nodes.iter().enumerate().map(of_node).collect()
}

/// How far time is for the readers of event-time nodes.
fn times_begun(layout: &Layout, states: &[StateIdentity], begin: &Begin) -> Vec<(Vec<Above>, i64)> {
    let called = |state: &StateIdentity| state.was.clone().unwrap_or_else(|| state.id.clone());
    let former: Vec<StateIdentity> =
        states.iter().map(|state| StateIdentity { id: called(state), was: None }).collect();
    let begun = |clocks: &Vec<Above>| {
        let now =
            begin.time(&clock_name(states, clocks)).or_else(|| begin.time(&clock_name(&former, clocks)));
        let now = now?.parse().ok()?;
        Some((clocks.clone(), now))
    };
    layout.clock_sets().filter_map(begun).collect()
}

fn workers(graph: &Graph, options: &JobOptions) -> usize {
    let declared = graph.job.parallelism.map(|n| n as usize);
    options.parallelism.or(declared).unwrap_or_else(flow_env::cores).max(1)
}

fn channels(wake: &[Unparker], options: &JobOptions) -> Vec<Channel> {
    let limit = match &options.spill {
        _ if options.tiny_queues => QueueLimit { rows: 1, batches: 1 },
        Some(spill) => QueueLimit::beside(spill.memory),
        None => QueueLimit::default(),
    };
    let pairs = wake.iter().flat_map(|from| wake.iter().map(move |to| (from, to)));
    pairs.map(|(from, to)| Channel::new(limit, from.clone(), to.clone())).collect()
}

pub(crate) fn refused(node: &Node, message: String) -> StartError {
    StartError::new(message, &node.label, node.place)
}

/// Every chain and further condition, compiled once for all workers; `None` at other nodes.
fn compile(
    graph: &Graph,
    layout: &Layout,
    kernels: Option<Arc<dyn Kernels>>,
) -> Result<Vec<Option<CompiledChain>>, StartError> {
    let compile = |node: &Node, chain: &Chain, ranks: usize| {
        let compiled = CompiledChain::new(chain, ranks, kernels.as_deref());
        compiled.map(Some).map_err(|message| refused(node, message))
    };
    let compile = |(node, layout): (&Node, &crate::layout::NodeLayout)| match &node.kind {
        NodeKind::Chain(chain) => compile(node, chain, layout.rank),
        NodeKind::Join(StreamJoin { rest: Some(rest), .. })
        | NodeKind::Lookup(Lookup { rest: Some(rest), .. }) => compile(node, &narrowed(rest).0, 0),
        _ => Ok(None),
    };
    graph.nodes.iter().zip(&layout.nodes).map(compile).collect()
}

fn open_sources(
    graph: &Graph,
    connectors: &dyn Connectors,
    env: &Env,
    options: &JobOptions,
) -> Result<Vec<Box<dyn Source>>, StartError> {
    let open = |node: &Node| match &node.kind {
        NodeKind::Source { connector, read } => Some(
            connectors
                .source(connector, read, &options.base, env)
                .map_err(|error| StartError { place: connector.place, ..refused(node, error.to_string()) }),
        ),
        _ => None,
    };
    graph.nodes.iter().filter_map(open).collect()
}

fn is_source(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Source { .. })
}

fn open_sinks(
    graph: &Graph,
    connectors: &dyn Connectors,
    env: &Env,
    options: &JobOptions,
) -> Result<Vec<OpenSink>, StartError> {
    let mut sinks: Vec<OpenSink> = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let NodeKind::Sink { connector } = &node.kind else { continue };
        let schema = match node.inputs.first() {
            Some(input) => &graph.nodes[input.node].output,
            None => &connector.schema,
        };
        match connectors.sink(connector, schema, &options.base, env) {
            Ok(sink) => sinks.push((index, sink)),
            Err(error) => {
                sinks.iter_mut().for_each(|(_, sink)| sink.abort());
                return Err(StartError { place: connector.place, ..refused(node, error.to_string()) });
            }
        }
    }
    Ok(sinks)
}

/// Tells each sink of the space that it may wait for.
fn give_space(graph: &Graph, sinks: &mut [OpenSink], tell: Option<&Tell>) -> Vec<Arc<Space>> {
    let given = sinks.iter_mut().map(|(index, sink)| {
        let what = SpaceFor::Sink(graph.nodes[*index].label.clone());
        let space = Arc::new(Space::new(what, tell.cloned()));
        sink.may_wait_for(&space);
        space
    });
    given.collect()
}

/// Says whether the workers of a job must hurry. Whoever waits for space is part of the job, also as a share of an epoch that
/// nobody asks for any more: he must not be what keeps it.
fn hurry(shared: &Arc<Shared>) -> Hurry {
    let of = Arc::downgrade(shared);
    Box::new(move || of.upgrade().map_or(Some(""), |of| of.hurry()))
}

/// Begins the run: what operators and sources begin with, what of it is still to be loaded, and of a job with checkpoints,
/// where it goes on and whether it had finished.
#[allow(clippy::type_complexity, reason = "two things that only the caller knows apart")]
fn begin_run(
    graph: &Graph,
    states: &[StateIdentity],
    sinks: &mut [OpenSink],
    options: &JobOptions,
    env: &Env,
    workers: usize,
) -> Result<(Option<Snapshot>, Option<Pieces>, Option<Resumption>), StartError> {
    let Some(checkpoints) = &options.checkpoints else {
        begin_sinks(graph, sinks, options)?;
        return Ok((options.from.clone(), None, None));
    };
    let memory = options.spill.as_ref().map(SpillOptions::at_once);
    let now = env.clock.wall_micros();
    let begun = checkpoints::begin(checkpoints, now, &graph.job.name, states, sinks, memory, workers);
    let begun = begun.map_err(|error| {
        let refused = match error.node {
            Some(node) => refused_sink(graph, node, error.message),
            None => StartError::new(error.message, "job", graph.job.state_place),
        };
        StartError { again: error.again, ..refused }
    })?;
    Ok((begun.snapshot, begun.pieces, Some(begun.from)))
}

fn refused_sink(graph: &Graph, index: usize, message: String) -> StartError {
    let node = &graph.nodes[index];
    let place = match &node.kind {
        NodeKind::Sink { connector } => connector.place,
        _ => node.place,
    };
    StartError { place, ..refused(node, message) }
}

/// Tells the sinks of a job without checkpoints that it runs.
fn begin_sinks(graph: &Graph, sinks: &mut [OpenSink], options: &JobOptions) -> Result<(), StartError> {
    let run = Run { job: graph.job.name.clone(), generation: 1, fresh: options.from.is_none() };
    // What one of them refuses must cost the others nothing.
    for (index, sink) in sinks.iter_mut() {
        sink.begin(&run).map_err(|error| refused_sink(graph, *index, error.to_string()))?;
    }
    for (index, sink) in sinks.iter_mut() {
        sink.clean(&[]).map_err(|error| refused_sink(graph, *index, error.to_string()))?;
    }
    Ok(())
}

/// Per worker and node, its writer.
type Writers = Vec<Option<Box<dyn Writer>>>;

fn open_writers(graph: &Graph, sinks: &mut [OpenSink], workers: usize) -> Result<Vec<Writers>, StartError> {
    let mut all: Vec<Writers> = (0..workers).map(|_| graph.nodes.iter().map(|_| None).collect()).collect();
    for (index, sink) in sinks {
        let node = &graph.nodes[*index];
        let gathered = node.inputs.iter().all(|input| input.exchange == Exchange::Gather);
        let writing = if gathered { 1 } else { workers };
        for (worker, writers) in all.iter_mut().enumerate().take(writing) {
            let refused =
                |error: SinkError| StartError { again: error.again(), ..refused(node, error.to_string()) };
            let writer = sink.writer(worker).map_err(refused)?;
            writers[*index] = Some(writer);
        }
    }
    Ok(all)
}

/// One worker's operators.
fn operators(
    shared: &Shared,
    chains: &[Option<CompiledChain>],
    tables: &mut Tables,
    writers: Writers,
    spill: Option<&Arc<Spill>>,
) -> Result<Vec<Box<dyn Operator>>, StartError> {
    let mut operators: Vec<Box<dyn Operator>> = Vec::new();
    let mut second_step = None;
    for ((index, writer), chain) in writers.into_iter().enumerate().zip(chains) {
        let node = &shared.graph.nodes[index];
        let layout = &shared.layout.nodes[index];
        let refuse = |error: ColdError| refused(node, error.to_string());
        let spill = spill.filter(|_| node.kind.spills());
        let cold = spill.filter(|_| !node.kind.is_windowed()).map(Cold::new).transpose().map_err(refuse)?;
        let operator: Box<dyn Operator> = match &node.kind {
            NodeKind::Source { .. } if layout.placed => Box::new(PlaceOperator::default()),
            NodeKind::Source { .. } => Box::new(PassOperator),
            NodeKind::Errors { .. } => Box::new(ErrorsOperator::default()),
            NodeKind::Late => Box::new(PassOperator),
            NodeKind::EventTime(time) => {
                let declared = shared.graph.nodes[node.inputs[0].node].output.fields.len();
                Box::new(EventTimeOperator::new(time.column, time.delay, declared))
            }
            NodeKind::Chain(_) => match chain {
                Some(chain) => Box::new(ChainOperator::new(chain)),
                None => unreachable!("every chain was compiled"),
            },
            NodeKind::Union => Box::new(union_of(shared, index)),
            NodeKind::Aggregate(aggregate) => {
                let input = &shared.graph.nodes[node.inputs[0].node].output;
                if cold.is_none() && shared.layout.shares_table(&shared.graph, index) {
                    let tracks = shared.tracks;
                    let steps = aggregate::two_steps(aggregate, input, layout.rank, &shared.beat, tracks);
                    second_step = Some(steps.1);
                    steps.0
                } else if let Some(second_step) = second_step.take() {
                    second_step
                } else {
                    let first = shared.layout.first_step(&shared.graph, index);
                    let (rank, tracks) = (layout.rank, shared.tracks);
                    aggregate::running(aggregate, input, rank, &shared.beat, first, tracks, cold)
                        .map_err(|error| refused(node, error.to_string()))?
                }
            }
            NodeKind::Pick(picked) => pick_of(shared, index, picked, cold, spill).map_err(refuse)?,
            NodeKind::Distinct(distinct) => {
                let input = &shared.graph.nodes[node.inputs[0].node].output;
                match distinct.hidden.change {
                    Some(_) => {
                        let (rank, tracks) = (layout.rank, shared.tracks);
                        pick::distinct(&distinct.columns, input, rank, &shared.beat, tracks, cold)
                            .map_err(|error| refused(node, error.to_string()))?
                    }
                    None => Box::new(DistinctOperator::new(distinct, input, shared, index, cold)),
                }
            }
            NodeKind::Scan { keys, init, next, emit, .. } => {
                let input = &shared.graph.nodes[node.inputs[0].node].output;
                let ledger = Ledger::new(shared.tracks, cold);
                Box::new(ScanOperator::new(keys, init, next, emit, input, &node.output, ledger))
            }
            NodeKind::Lookup(lookup) => match &tables.of[index] {
                Some(table) => {
                    let declared = shared.graph.nodes[node.inputs[0].node].output.fields.len();
                    Box::new(LookupOperator::new(lookup, declared, table.clone(), chain.as_ref()))
                }
                None => unreachable!("every table was read"),
            },
            // The first worker says what was wrong with it.
            NodeKind::Table { .. } => {
                Box::new(TableOperator::new(std::mem::take(&mut tables.refused[index])))
            }
            NodeKind::Sample { probability } => {
                Box::new(SampleOperator::new(*probability, layout.keyed, &node.output))
            }
            NodeKind::Limit { n } => Box::new(LimitOperator::new(*n)),
            NodeKind::Tap { label } => Box::new(TapOperator::new(label, shared, index)),
            NodeKind::Sink { .. } => Box::new(SinkOperator::new(writer)),
            NodeKind::WindowAggregate(aggregate) => {
                windows_of(shared, index, aggregate, spill).map_err(refuse)?
            }
            NodeKind::Join(join) => {
                stream_join(shared, index, join, chain.as_ref(), spill).map_err(refuse)?
            }
        };
        let guarded = cfg!(debug_assertions);
        operators.push(if guarded { Guard::around(operator, shared, index) } else { operator });
    }
    Ok(operators)
}

/// All rows of all inputs.
fn union_of(shared: &Shared, index: usize) -> UnionOperator {
    let (node, layout) = (&shared.graph.nodes[index], &shared.layout.nodes[index]);
    let inputs = node.inputs.len();
    let places = layout
        .reads_places
        .then(|| node.inputs.iter().map(|input| shared.layout.nodes[input.node].placed).collect());
    UnionOperator::new(inputs, places, node.output.fields.len(), layout.rank)
}

/// Rows that are picked: running, in windows of rows, or in windows of time.
fn pick_of(
    shared: &Shared,
    index: usize,
    picked: &Pick,
    cold: Option<Cold>,
    spill: Option<&Arc<Spill>>,
) -> Result<Box<dyn Operator>, ColdError> {
    let rank = shared.layout.nodes[index].rank;
    let input = &shared.graph.nodes[shared.graph.nodes[index].inputs[0].node].output;
    let Some(windowing) = &picked.windowing else {
        return pick::running(picked, input, rank, &shared.beat, shared.tracks, cold);
    };
    Ok(match windowing.window.kind {
        WindowKind::Count { n, every } => Box::new(
            RowsOperator::of_rows(picked, windowing, (n, every.unwrap_or(n)), input, rank).spill(spill)?,
        ),
        _ => Box::new(WindowOperator::of_rows(picked, windowing, shared, index, spill)?),
    })
}

/// Aggregates in windows: of rows, each worker's part of those without a key, or of time.
fn windows_of(
    shared: &Shared,
    index: usize,
    aggregate: &WindowAggregate,
    spill: Option<&Arc<Spill>>,
) -> Result<Box<dyn Operator>, ColdError> {
    let node = &shared.graph.nodes[index];
    Ok(match aggregate.windowing.window.kind {
        WindowKind::Count { n, every } => {
            let input = &shared.graph.nodes[node.inputs[0].node].output;
            let rank = shared.layout.nodes[index].rank;
            Box::new(RowsOperator::new(aggregate, (n, every.unwrap_or(n)), input, rank).spill(spill)?)
        }
        _ if gives_parts(node) => Box::new(PartsOperator::new(aggregate, shared, index)),
        _ => Box::new(WindowOperator::new(aggregate, shared, index, spill)?),
    })
}

/// Opens the folder for what memory has no room for. What is there is of a run that is over.
fn spill(shared: &Arc<Shared>, run: u64, options: &JobOptions) -> Result<Option<Arc<Spill>>, StartError> {
    let (graph, disk) = (&shared.graph, &shared.env.disk);
    let Some(SpillOptions { folder, memory }) = &options.spill else { return Ok(None) };
    let refused = |why: String, again: Again| {
        let message = format!("state cannot be kept on disk at {}: {why}", folder.display());
        StartError { again, ..StartError::new(message, "job", graph.job.state_place) }
    };
    // Without a number, it is the only one that may be there.
    let below = if run > 0 { run } else { u64::MAX };
    clear_spilled(&**disk, folder, below)
        .map_err(|error| refused(error.to_string(), Again::after(&error)))?;
    let tables = graph.nodes.iter().filter(|node| node.kind.spills()).count() * shared.workers();
    let spill =
        Spill::open(disk.clone(), (folder, run), (*memory, tables), hurry(shared), options.tell.clone());
    let spill = spill.map_err(|error| refused(error.to_string(), error.again()))?;
    Ok(Some(Arc::new(if options.tiny_queues { spill.tiny() } else { spill })))
}
