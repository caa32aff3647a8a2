//! What follows from the shape of a graph and the number of workers: who reads whom, where rows
//! change workers, which edges need ranks, and in which order nodes settle.
//!
//! **Ranks.** A number's rows start on one worker. Behind an exchange by key they lie on all of
//! them, and when they meet again at a second exchange, the order they had must be found again:
//! the first exchange numbers the rows it sends in a column of its own behind the declared ones,
//! operators carry such columns along, and the second exchange merges by them. Only edges that can
//! reach another exchange do this.
//!
//! **Places.** Rows of one chunk that part and meet again in a union come in the order of the chunk, if that counts below
//! ([`Graph::places`]). Their place in the chunk is the first of their ranks, from the source to the union, also with one worker;
//! and so to a join that has to know which of two rows came later.

use crate::error::StartError;
use crate::preaggregate::gives_parts;
use crate::ranks::Ranks;
use crate::time::Above;
use flow_plan::physical::{Exchange, Graph, Input, Node, NodeKind};

/// Who reads a node's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consumer {
    /// A node of the same worker.
    Local { node: usize, input: usize },
    /// An exchange.
    Exchange { edge: usize },
}

/// Where an input's rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    Local { node: usize },
    Exchange { edge: usize },
}

/// Where rows of one number lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Home {
    /// On the worker that took the chunk.
    #[default]
    Taker,
    /// On worker 0.
    First,
    /// On any workers.
    Spread,
}

#[derive(Debug, Default)]
pub(crate) struct NodeLayout {
    pub(crate) consumers: Vec<Consumer>,
    pub(crate) inputs: Vec<Feed>,
    /// Of each input: are ranks of no use? What comes from the node's own worker comes without any then.
    pub(crate) bare: Vec<bool>,
    /// Nodes that hand record errors to this one (only of [`NodeKind::Errors`]).
    pub(crate) erring: Vec<usize>,
    /// The node that reads the rows that come too late for this one.
    pub(crate) late: Option<usize>,
    /// The event-time nodes that make the watermark of the node's output.
    pub(crate) clocks: Vec<Above>,
    /// Those of each side alone, of joins of streams.
    pub(crate) sides: Vec<Vec<Above>>,
    /// Rank columns behind the declared ones.
    pub(crate) rank: usize,
    /// Where rows of one number lie.
    home: Home,
    /// Does an exchange by key stand above, whether or not there are several workers?
    pub(crate) keyed: bool,
    /// Do its rows have ranks, since they go through another exchange or carry their place?
    pub(crate) ranked: bool,
    /// Do its rows carry their place in the chunk, the first of their ranks?
    pub(crate) placed: bool,
    /// Does it read the places of the rows that come?
    pub(crate) reads_places: bool,
    /// How many operators that give rows at the end stand above.
    pub(crate) level: u32,
    /// Would several workers do this node's work in two steps, and is there only one?
    pub(crate) divided: bool,
    /// Exchanges that this node's rows reach without passing another one.
    pub(crate) outgoing: Vec<usize>,
}

/// An exchange between two nodes.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    /// Key columns; `None`: all to worker 0.
    pub(crate) keys: Option<Vec<usize>>,
    /// Declared columns of the producer.
    pub(crate) columns: usize,
    /// Rank columns that come from the producer: the consumer merges by them if rows are spread.
    pub(crate) merge_by: usize,
    /// Must rows of one number be merged by rank?
    pub(crate) spread: bool,
    /// Does the exchange number the rows it sends?
    pub(crate) number_rows: bool,
}

#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) nodes: Vec<NodeLayout>,
    pub(crate) edges: Vec<Edge>,
    /// Nodes, each behind all that feed it (also with record errors).
    pub(crate) order: Vec<usize>,
    pub(crate) workers: usize,
}

impl Layout {
    /// Is a node the first of the two steps of an aggregation, which works on what its worker has read?
    pub(crate) fn first_step(&self, graph: &Graph, node: usize) -> bool {
        let state = |node: &Node| match &node.kind {
            NodeKind::Aggregate(aggregate) => Some(aggregate.state.id.clone()),
            _ => None,
        };
        // The second step is the next node, and has the same state id.
        let next = graph.nodes.get(node + 1);
        self.workers > 1
            && state(&graph.nodes[node]).is_some()
            && next.is_some_and(|next| state(next) == state(&graph.nodes[node]))
    }

    /// Can both steps of a worker have one table? Groups of one number were made by one worker, and nobody asks
    /// for their order within it.
    pub(crate) fn shares_table(&self, graph: &Graph, node: usize) -> bool {
        let by_number = |edge: &Edge| edge.keys.is_some() && !edge.number_rows && !edge.spread;
        self.first_step(graph, node) && self.edges.iter().any(|edge| edge.from == node && by_number(edge))
    }

    pub(crate) fn new(graph: &Graph, workers: usize) -> Result<Layout, StartError> {
        let mut nodes: Vec<NodeLayout> = graph.nodes.iter().map(|_| NodeLayout::default()).collect();
        let mut edges = Vec::new();
        for (to, node) in graph.nodes.iter().enumerate() {
            for (input, from) in node.inputs.iter().enumerate() {
                if matches!(node.kind, NodeKind::Late) {
                    nodes[from.node].late = Some(to);
                    nodes[to].inputs.push(Feed::Local { node: from.node });
                    continue;
                }
                if matches!(node.kind, NodeKind::Lookup(_)) && input == 1 {
                    // The table is read before anything runs.
                    continue;
                }
                let keys = match &from.exchange {
                    _ if workers == 1 => None,
                    Exchange::Local => None,
                    Exchange::Gather => Some(None),
                    Exchange::Hash(keys) if keys.is_empty() => Some(None),
                    Exchange::Hash(keys) => Some(Some(keys.clone())),
                };
                match keys {
                    None => {
                        nodes[from.node].consumers.push(Consumer::Local { node: to, input });
                        nodes[to].inputs.push(Feed::Local { node: from.node });
                    }
                    Some(keys) => {
                        let edge = edges.len();
                        nodes[from.node].consumers.push(Consumer::Exchange { edge });
                        nodes[to].inputs.push(Feed::Exchange { edge });
                        let columns = graph.nodes[from.node].output.fields.len();
                        let from = from.node;
                        edges.push(Edge {
                            from,
                            keys,
                            columns,
                            merge_by: 0,
                            spread: false,
                            number_rows: false,
                        });
                    }
                }
            }
            if let NodeKind::Errors { of } = node.kind {
                nodes[to].erring = erring(graph, of);
            }
        }
        let places = graph.places();
        for (index, node) in nodes.iter_mut().enumerate() {
            (node.placed, node.reads_places) = (places.carried(index), places.read(index));
        }
        let order = order(graph, &nodes)?;
        let mut layout = Layout { nodes, edges, order, workers };
        layout.reach();
        layout.rank(graph);
        Ok(layout)
    }

    /// From the sinks upwards: which exchanges lie below a node?
    fn reach(&mut self) {
        for index in (0..self.order.len()).rev() {
            let node = self.order[index];
            let mut outgoing = Vec::new();
            for consumer in &self.nodes[node].consumers {
                match *consumer {
                    Consumer::Exchange { edge } => outgoing.push(edge),
                    Consumer::Local { node, .. } => outgoing.extend(&self.nodes[node].outgoing),
                }
            }
            if let Some(late) = self.nodes[node].late {
                outgoing.extend(&self.nodes[late].outgoing);
            }
            self.nodes[node].ranked = !outgoing.is_empty() || self.nodes[node].placed;
            // Record errors of a node leave through the Errors node of its declaration.
            for errors in self.nodes.iter().filter(|errors| errors.erring.contains(&node)) {
                outgoing.extend(&errors.outgoing);
            }
            outgoing.sort_unstable();
            outgoing.dedup();
            self.nodes[node].outgoing = outgoing;
        }
    }

    /// From the sources downwards: where do a number's rows lie, and how many ranks do they carry?
    fn rank(&mut self, graph: &Graph) {
        for index in 0..self.order.len() {
            let node = self.order[index];
            let ranked = self.nodes[node].ranked;
            let takes_places = self.nodes[node].placed || self.nodes[node].reads_places;
            let mut homes = Vec::new();
            if !self.nodes[node].erring.is_empty() {
                homes.push(Home::Spread);
            }
            let (mut rank, mut level) =
                (usize::from(self.nodes[node].placed && self.nodes[node].inputs.is_empty()), 0);
            for (input, feed) in self.nodes[node].inputs.clone().into_iter().enumerate() {
                let from = match feed {
                    Feed::Local { node: from } => {
                        homes.push(self.nodes[from].home);
                        let in_order = !takes_places && self.nodes[from].home != Home::Spread;
                        self.nodes[node].bare.push(in_order || !ranked && !takes_places);
                        from
                    }
                    Feed::Exchange { edge } => {
                        let from = self.edges[edge].from;
                        let edge = &mut self.edges[edge];
                        self.nodes[node].bare.push(false);
                        edge.spread = self.nodes[from].home == Home::Spread;
                        // A place alone, of rows that are in order, is of no use.
                        edge.merge_by = if edge.spread || takes_places { self.nodes[from].rank } else { 0 };
                        edge.number_rows = (ranked && edge.keys.is_some()) || takes_places;
                        homes.push(if edge.keys.is_some() { Home::Spread } else { Home::First });
                        from
                    }
                };
                let late = matches!(graph.nodes[node].kind, NodeKind::Late);
                let width = if late { self.nodes[from].rank } else { self.width(node, input) };
                rank = rank.max(width + self.put_in_front(graph, node, from));
                level = level.max(self.nodes[from].level + gives_at_end(&graph.nodes[from], self.workers));
            }
            for &from in &self.nodes[node].erring {
                level = level.max(self.nodes[from].level + gives_at_end(&graph.nodes[from], self.workers));
            }
            let home = match homes.as_slice() {
                [] => Home::Taker,
                [first, rest @ ..] if rest.iter().all(|home| home == first) => *first,
                _ => Home::Spread,
            };
            let spread = home == Home::Spread && self.workers > 1;
            if spread && ranked && gives_in_time(&graph.nodes[node]) {
                rank += Ranks::LEADING;
            }
            if !ranked && !matches!(graph.nodes[node].kind, NodeKind::Late) {
                // A join may read the places of its rows all the same.
                rank = 0;
            }
            if matches!(graph.nodes[node].kind, NodeKind::Late) {
                // As they came into the window: without what it puts in front of ranks.
                rank = rank.saturating_sub(Ranks::LEADING);
            }
            if matches!(graph.nodes[node].kind, NodeKind::Union)
                && !(self.nodes[node].placed || spread && ranked)
            {
                rank = 0;
            }
            let keyed = graph.nodes[node].inputs.iter().any(|input| match &input.exchange {
                Exchange::Local => self.nodes[input.node].keyed,
                Exchange::Hash(keys) => !keys.is_empty(),
                Exchange::Gather => false,
            });
            let keyed = keyed || matches!(graph.nodes[node].kind, NodeKind::Errors { .. });
            let clocks = self.clocks(graph, node);
            let is_join = matches!(graph.nodes[node].kind, NodeKind::Join(_));
            let inputs = graph.nodes[node].inputs.iter().filter(|_| is_join);
            let sides = inputs.map(|input| self.clocks_behind(graph, input)).collect();
            let layout = &mut self.nodes[node];
            (layout.clocks, layout.sides) = (clocks, sides);
            layout.divided = self.workers == 1 && graph.nodes[node].divides();
            layout.keyed = keyed;
            layout.home = home;
            layout.rank = rank;
            layout.level = level;
        }
    }
}

impl Layout {
    /// Rank columns that a union puts in front of those of a row that comes from a node: which input it came by, and in front of
    /// that its place, which may be the first of those that it has.
    fn put_in_front(&self, graph: &Graph, node: usize, from: usize) -> usize {
        match graph.nodes[node].kind {
            NodeKind::Union if self.nodes[node].reads_places && !self.nodes[from].placed => 2,
            NodeKind::Union => 1,
            _ => 0,
        }
    }

    /// Rank columns that an input of a node carries.
    pub(crate) fn width(&self, node: usize, input: usize) -> usize {
        match self.nodes[node].inputs[input] {
            Feed::Local { .. } if self.nodes[node].bare[input] => 0,
            Feed::Local { node } => self.nodes[node].rank,
            Feed::Exchange { edge } => self.edges[edge].width(),
        }
    }

    /// The event-time nodes nearest above a node, and how far its watermark stays behind theirs.
    fn clocks(&self, graph: &Graph, node: usize) -> Vec<Above> {
        let inputs = match &graph.nodes[node].kind {
            // Limits above it end its own time.
            NodeKind::EventTime(_) => return vec![Above { node, limits: Vec::new(), behind: 0 }],
            // A table has no time, and versions of a table of its own are no news.
            NodeKind::Lookup(_) => &graph.nodes[node].inputs[..1],
            _ => &graph.nodes[node].inputs[..],
        };
        let mut clocks: Vec<Above> =
            inputs.iter().flat_map(|input| self.clocks_behind(graph, input)).collect();
        if matches!(graph.nodes[node].kind, NodeKind::Limit { .. }) {
            clocks.iter_mut().for_each(|above| above.limits.push(node));
        }
        // By several ways, the longest.
        clocks.sort_unstable_by(|a, b| b.cmp(a));
        clocks.dedup_by(|a, b| (a.node, &a.limits) == (b.node, &b.limits));
        clocks
    }

    /// Those of what comes by an edge: results of the node it comes from may be older than what gave them.
    fn clocks_behind(&self, graph: &Graph, input: &Input) -> Vec<Above> {
        let more = graph.nodes[input.node].kind.stays_behind();
        let behind = |above: &Above| Above { behind: above.behind.saturating_add(more), ..above.clone() };
        self.nodes[input.node].clocks.iter().map(behind).collect()
    }

    /// All sets of event-time nodes that somebody reads time from.
    pub(crate) fn clock_sets(&self) -> impl Iterator<Item = &Vec<Above>> {
        self.nodes.iter().flat_map(|node| std::iter::once(&node.clocks).chain(&node.sides))
    }
}

/// Does it give rows when time passes, and so in an order that its input does not have?
fn gives_in_time(node: &Node) -> bool {
    !gives_parts(node)
        && matches!(node.kind, NodeKind::WindowAggregate(_) | NodeKind::Pick(_) | NodeKind::Join(_))
}

impl Edge {
    /// Rank columns that the consumer gets.
    pub(crate) fn width(&self) -> usize {
        if self.number_rows { self.merge_by + 1 } else { 0 }
    }
}

/// How many levels of numbers a node takes for what it gives at the end. One that several workers
/// divide into two steps takes two, and so it does on one worker: the order of results is the same.
fn gives_at_end(node: &Node, workers: usize) -> u32 {
    match node.kind {
        NodeKind::WindowAggregate(_) if gives_parts(node) => 0,
        NodeKind::Aggregate(_) if workers == 1 && node.divides() => 2,
        NodeKind::Aggregate(_) | NodeKind::WindowAggregate(_) | NodeKind::Pick(_) | NodeKind::Join(_) => 1,
        _ => 0,
    }
}

/// Nodes with a step of this declaration.
fn erring(graph: &Graph, of: u32) -> Vec<usize> {
    let of_declaration = |node: &flow_plan::physical::Node| match &node.kind {
        NodeKind::Errors { .. } => false,
        NodeKind::Chain(chain) => chain.steps.iter().any(|step| step.declaration == of),
        _ => node.declaration == of,
    };
    (0..graph.nodes.len()).filter(|&node| of_declaration(&graph.nodes[node])).collect()
}

/// Every node behind those that feed it.
fn order(graph: &Graph, nodes: &[NodeLayout]) -> Result<Vec<usize>, StartError> {
    let feeders = |node: usize| {
        graph.nodes[node].inputs.iter().map(|i| i.node).chain(nodes[node].erring.iter().copied())
    };
    let mut waiting: Vec<usize> = (0..nodes.len()).map(|node| feeders(node).count()).collect();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for node in 0..nodes.len() {
        feeders(node).for_each(|from| readers[from].push(node));
    }
    let mut ready: Vec<usize> = (0..nodes.len()).rev().filter(|&node| waiting[node] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(node) = ready.pop() {
        order.push(node);
        for &reader in readers[node].iter().rev() {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.push(reader);
            }
        }
    }
    match (0..nodes.len()).find(|&node| waiting[node] > 0) {
        None => Ok(order),
        Some(node) => Err(StartError::new(
            "record errors of a declaration flow back into it",
            &graph.nodes[node].label,
            graph.nodes[node].place,
        )),
    }
}
