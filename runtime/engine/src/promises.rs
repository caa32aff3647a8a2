//! How far in time a split is before a row of it comes: as far as the first of its rows that comes to the event-time
//! node. What filters in front of it drop does not count, since its time is not seen later either; so the first rows
//! of each split (of one that was begun, those that come next) pass the filters once before the start. Where it cannot be known, all that comes is waited for.

use crate::error::Halt;
use crate::operator::{ChainRun, CompiledChain};
use crate::source::{BadRecord, Emit, Source, SourceError, Stop};
use crate::time::{Promise, column_before};
use flow_data::Batch;
use flow_env::Env;
use flow_plan::fallible::can_fail;
use flow_plan::operator::JoinKind;
use flow_plan::physical::hidden::NO_WATERMARK;
use flow_plan::physical::{Chain, Graph, NodeKind, StepKind};

/// Ways that are looked at. Where rows come by more, none is known.
const WAYS: usize = 16;

/// A way by which rows of a source come to an event-time node.
#[derive(Clone, PartialEq)]
struct Way {
    /// The chains (nodes) on it, up to the last one that may drop rows.
    chains: Vec<usize>,
    /// The chains behind these.
    behind: Vec<usize>,
    /// The column of the event time behind `chains`.
    column: usize,
    /// May something on it drop rows, of which nobody can say which before the start?
    unknown: bool,
    /// Do its rows have columns from elsewhere, from some place on?
    joined: bool,
}

/// Lowers the promises for splits of a source (a node) to what comes to this event-time node, where rows may be dropped on the way.
pub(crate) fn keep(
    graph: &Graph,
    node: usize,
    source_node: usize,
    source: &dyn Source,
    promises: &mut [Promise],
    env: &Env,
) -> Result<(), SourceError> {
    let NodeKind::EventTime(time) = &graph.nodes[node].kind else { return Ok(()) };
    let ways = ways(graph, graph.nodes[node].inputs[0].node, Some(time.column), source_node);
    // A row that comes by a way on which none is dropped is the split's first one.
    if ways.iter().any(|way| !way.unknown && way.chains.is_empty()) {
        return Ok(());
    }
    let known = ways.iter().all(|way| !way.unknown);
    for (split, promise) in promises.iter_mut().enumerate().filter(|(_, promise)| !promise.seen) {
        let first = if known { first_through(graph, &ways, source, split, env)? } else { None };
        promise.time = first.unwrap_or(NO_WATERMARK);
    }
    Ok(())
}

/// The ways by which rows of a source come to a node, and where this column of the node stands.
fn ways(graph: &Graph, node: usize, column: Option<usize>, source: usize) -> Vec<Way> {
    if node == source {
        let (unknown, column) = (column.is_none(), column.unwrap_or(0));
        return vec![Way { chains: Vec::new(), behind: Vec::new(), column, unknown, joined: false }];
    }
    let of = &graph.nodes[node];
    let inputs = match &of.kind {
        NodeKind::Lookup(_) => &of.inputs[..1],
        _ => &of.inputs[..],
    };
    let before = column.and_then(|column| column_before(graph, of, column));
    let mut ways: Vec<Way> = Vec::new();
    for way in inputs.iter().flat_map(|input| self::ways(graph, input.node, before, source)) {
        let way = way.through(node, &of.kind, column);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    if ways.len() > WAYS {
        ways.truncate(1);
        ways[0].unknown = true;
    }
    ways
}

impl Way {
    /// On, through a node behind which the time is this column.
    fn through(mut self, node: usize, kind: &NodeKind, column: Option<usize>) -> Way {
        match kind {
            NodeKind::Chain(chain) => {
                self.behind.push(node);
                if may_drop(chain) {
                    self.unknown |= self.joined || column.is_none();
                    self.chains.append(&mut self.behind);
                    self.column = column.unwrap_or(0);
                }
            }
            NodeKind::Lookup(lookup) => {
                self.joined = true;
                self.unknown |= lookup.kind != JoinKind::Left;
            }
            NodeKind::EventTime(_) => self.joined = true,
            NodeKind::Union | NodeKind::Limit { .. } | NodeKind::Tap { .. } => {}
            _ => self.unknown = true,
        }
        self
    }
}

/// Does it drop rows, because a condition says so or because a step refuses them?
fn may_drop(chain: &Chain) -> bool {
    chain.steps.iter().any(|step| match &step.kind {
        StepKind::Map(exprs) => exprs.iter().any(can_fail),
        StepKind::Filter(_) | StepKind::FlatMap(_) => true,
    })
}

/// The least time of the rows of a split that come through first on each way; `None`: on one, none does so soon.
fn first_through(
    graph: &Graph,
    ways: &[Way],
    source: &dyn Source,
    split: usize,
    env: &Env,
) -> Result<Option<i64>, SourceError> {
    let chain = |node: &usize| match &graph.nodes[*node].kind {
        NodeKind::Chain(chain) => CompiledChain::new(chain, 0, None).ok(),
        _ => None,
    };
    let passing = |way: &Way| {
        let chains = way.chains.iter().filter_map(chain).map(|chain| ChainRun::new(&chain)).collect();
        Passing { chains, column: way.column, first: None }
    };
    let mut through = Through { ways: ways.iter().map(passing).collect(), env };
    match source.first_rows(split, &mut through) {
        Ok(()) | Err(SourceError::Stopped) => {}
        Err(error) => return Err(error),
    }
    Ok(through.ways.iter().map(|way| way.first).min().flatten())
}

/// Rows on a way, until the first one is through.
struct Passing {
    chains: Vec<ChainRun>,
    column: usize,
    first: Option<i64>,
}

impl Passing {
    fn take(&mut self, batch: &Batch, env: &Env) -> Result<(), Halt> {
        let mut batches = vec![batch.clone()];
        for chain in &mut self.chains {
            let mut made = Vec::new();
            for batch in &batches {
                chain.run(env, batch, &mut made, &mut |_, _, _| Ok(()))?;
            }
            batches = made;
        }
        self.first = batches.iter().find_map(|batch| batch.first_int(self.column));
        Ok(())
    }
}

/// Takes the first rows of a split, and passes them on by all ways.
struct Through<'a> {
    ways: Vec<Passing>,
    env: &'a Env,
}

impl Emit for Through<'_> {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop> {
        for way in self.ways.iter_mut().filter(|way| way.first.is_none()) {
            way.take(&batch, self.env).map_err(|_| Stop)?;
        }
        if self.ways.iter().all(|way| way.first.is_some()) { Err(Stop) } else { Ok(()) }
    }

    fn bad_record(&mut self, _record: BadRecord) -> Result<(), Stop> {
        Ok(())
    }

    fn consumed(&mut self, _bytes: u64) {}
}
