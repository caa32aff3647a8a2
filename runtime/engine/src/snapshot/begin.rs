//! What a job begins with: the snapshot it goes on from, dealt to its workers; or nothing.

use super::{JobPosition, Loading, Snapshot};
use crate::number::Number;
use flow_checkpoint::state::{Change, Home, Part, Table};
use flow_data::hash::{hash_columns, range_of};
use flow_data::{Batch, Column};
use flow_env::planted;
use flow_plan::operator::StateIdentity;
use flow_plan::physical::{Graph, Node, NodeKind};
use std::collections::HashMap;
use std::io;

/// A snapshot, as the workers of a job take it over.
#[derive(Default)]
pub(crate) struct Begin {
    position: JobPosition,
    states: States,
    /// Did an entry that belongs to one worker come from the part of another one?
    moved: bool,
}

/// By worker: the tables of each state.
type States = Vec<HashMap<String, Tables>>;

/// Tables, each name once.
#[derive(Default)]
struct Tables {
    tables: Vec<Table>,
    places: HashMap<String, usize>,
}

impl Tables {
    /// Adds entries to the table of the same name: what other workers held of it.
    fn add(&mut self, table: Table) {
        match self.places.get(&table.name) {
            Some(known) => self.tables[*known].rows.extend(table.rows),
            None => {
                self.places.insert(table.name.clone(), self.tables.len());
                self.tables.push(table);
            }
        }
    }
}

/// What one worker begins with.
pub(crate) struct Share {
    /// The first number that is handed out.
    pub(crate) number: Number,
    /// The tables of each state.
    states: HashMap<String, Tables>,
}

impl Share {
    /// The tables of a state. They are given once.
    pub(crate) fn state(&mut self, id: &str, was: Option<&str>) -> Loading {
        let state = self.states.remove(id).or_else(|| self.states.remove(was?));
        Loading { tables: state.unwrap_or_default().tables }
    }
}

impl Begin {
    /// Deals the entries of a snapshot to so many workers: each part in a thread of its own, if there is something to deal.
    pub(crate) fn new(snapshot: Snapshot, workers: usize) -> io::Result<Begin> {
        let Snapshot { position, parts } = snapshot;
        let moved = parts.len() != workers;
        let parts: Vec<(usize, Part)> = parts.into_iter().enumerate().collect();
        let dealt: Vec<(States, bool)> = match workers {
            1 => parts.into_iter().map(|part| deal(part, workers)).collect(),
            _ => flow_env::side_by_side("deal", parts, move |part| deal(part, workers))?,
        };
        let mut all: States = (0..workers).map(|_| HashMap::new()).collect();
        let moved = moved || dealt.iter().any(|(_, moved)| *moved);
        for (worker, states) in dealt.into_iter().flat_map(|(dealt, _)| dealt.into_iter().enumerate()) {
            for (id, state) in states {
                let known = all[worker].entry(id).or_default();
                state.tables.into_iter().for_each(|table| known.add(table));
            }
        }
        Ok(Begin { position, states: all, moved })
    }

    /// The number of its barrier: the first that is handed out.
    pub(crate) fn number(&self) -> Number {
        self.position.number
    }

    /// Is there an entry that belongs to one worker, and not to the one that wrote it? (As many workers may deal keys otherwise
    /// than they did, in another build.)
    pub(crate) fn moved(&self) -> bool {
        self.moved
    }

    /// Where a source was.
    pub(crate) fn source(&self, id: &str) -> Option<&str> {
        find(&self.position.sources, id)
    }

    /// Where a watermark, or something else that goes on with the sequence, was.
    pub(crate) fn time(&self, id: &str) -> Option<&str> {
        find(&self.position.times, id)
    }

    /// What a worker begins with; it is given once.
    pub(crate) fn share(&mut self, worker: usize) -> Share {
        let states = self.states.get_mut(worker).map(std::mem::take);
        Share { number: self.number(), states: states.unwrap_or_default() }
    }
}

fn find<'a>(entries: &'a [(String, String)], id: &str) -> Option<&'a str> {
    entries.iter().find(|(name, _)| name == id).map(|(_, text)| text.as_str())
}

/// What becomes of the part of a worker; and does something of it belong to another one?
fn deal((own, part): (usize, Part), workers: usize) -> (States, bool) {
    let mut moved = false;
    let mut to: States = (0..workers).map(|_| HashMap::new()).collect();
    for state in part.states {
        for table in state.tables {
            let owners = match table.home {
                // With another script there may be one step where there were two, which looks for a key's
                // entries where its rows come.
                Home::Any if table.keys > 0 => Owners::ByKey(table.keys),
                Home::Key(columns) if columns > 0 => Owners::ByKey(columns),
                Home::Any | Home::Key(_) => Owners::One(0),
            };
            let of_one = matches!(table.home, Home::Key(1..));
            match owners {
                Owners::One(worker) => to[worker].entry(state.id.clone()).or_default().add(table),
                Owners::ByKey(_) if to.len() == 1 => to[0].entry(state.id.clone()).or_default().add(table),
                Owners::ByKey(columns) => {
                    for (worker, rows) in split(&table.rows, columns, to.len()).into_iter().enumerate() {
                        moved |= of_one && worker != own && !rows.is_empty();
                        let table = Table { rows, ..empty(&table) };
                        to[worker].entry(state.id.clone()).or_default().add(table);
                    }
                }
            }
        }
    }
    (to, moved)
}

enum Owners {
    One(usize),
    ByKey(usize),
}

fn empty(table: &Table) -> Table {
    Table {
        name: table.name.clone(),
        schema: table.schema.clone(),
        rows: Vec::new(),
        change: Change::Whole,
        ..*table
    }
}

/// The rows of each worker, as an exchange by these first columns deals them.
fn split(batches: &[Batch], columns: usize, workers: usize) -> Vec<Vec<Batch>> {
    let mut all: Vec<Vec<Batch>> = vec![Vec::new(); workers];
    let mut hashes = Vec::new();
    for batch in batches {
        let keys: Vec<&Column> = batch.columns[..columns].iter().map(AsRef::as_ref).collect();
        hash_columns(&keys, batch.len, &mut hashes);
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); workers];
        if planted("deal-keys-otherwise") {
            hashes.iter_mut().for_each(|hash| *hash = hash.reverse_bits());
        }
        let lost = usize::from(planted("drop-a-row-on-restore"));
        let dealt = hashes.iter().enumerate().skip(lost);
        dealt.for_each(|(row, &hash)| rows[range_of(hash, workers)].push(row as u32));
        for (worker, rows) in rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            // As many workers as before: all of it belongs to the one that wrote it.
            all[worker].push(if rows.len() == batch.len { batch.clone() } else { batch.gather(rows) });
        }
    }
    all
}

/// What the state of each node is called in a snapshot, and what it was called before. The script's own names come
/// first: that a chain beside it has the same label changes nothing.
pub(crate) fn state_ids(graph: &Graph) -> Vec<StateIdentity> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut ids: Vec<(usize, StateIdentity)> = Vec::new();
    let (named, others): (Vec<usize>, Vec<usize>) =
        (0..graph.nodes.len()).partition(|node| identity(&graph.nodes[*node]).is_some());
    for node in named.into_iter().chain(others) {
        let mut identity =
            identity(&graph.nodes[node]).cloned().unwrap_or_else(|| label(graph, &graph.nodes[node]));
        let count = seen.entry(identity.id.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            // The second of two steps, or a node without state of the script's.
            identity.id = format!("{}·{count}", identity.id);
            identity.was = identity.was.map(|was| format!("{was}·{count}"));
        }
        ids.push((node, identity));
    }
    ids.sort_by_key(|(node, _)| *node);
    ids.into_iter().map(|(_, identity)| identity).collect()
}

/// The name of a node that the script gives none: a source's position, a sink's seals, how far time is.
fn label(graph: &Graph, node: &Node) -> StateIdentity {
    let declaration = graph.declarations.get(node.declaration as usize);
    let was = declaration.and_then(|declaration| {
        let word = node.label.strip_prefix(&declaration.name)?;
        Some(format!("{}{word}", declaration.was.as_ref()?))
    });
    StateIdentity { id: node.label.clone(), was }
}

/// The name that the script gives to a node's state, if it has one.
pub(crate) fn identity(node: &Node) -> Option<&StateIdentity> {
    match &node.kind {
        NodeKind::Aggregate(aggregate) => Some(&aggregate.state),
        NodeKind::WindowAggregate(aggregate) => Some(&aggregate.state),
        NodeKind::Pick(pick) => Some(&pick.state),
        NodeKind::Distinct(distinct) => Some(&distinct.state),
        NodeKind::Join(join) => Some(&join.state),
        NodeKind::Scan { state, .. } => Some(state),
        _ => None,
    }
}
