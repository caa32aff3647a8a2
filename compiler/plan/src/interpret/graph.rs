//! A whole graph over rows: node by node, each over all rows of its inputs.

use super::aggregate::Groups;
use super::join::{self, Failed};
use super::run_chain;
use super::sequence::{Event, Inputs, Item, Row, Sequence, Stream, items, numbers};
use super::time::{self, Clock, Split, Steps, Wall};
use super::window::{self, Record};
use crate::error::RecordError;
use crate::eval::Evaluator;
use crate::functions::json;
use crate::operator::{OnError, WindowKind};
use crate::order::hash_int;
use crate::physical::number::Number;
use crate::physical::{Chain, EventTime, Exchange, Graph, NO_PLACE, Node, NodeKind, Places, Windowing};
use crate::types::{DataType, Field, RecordType};
use crate::value::Value;
use std::collections::{BTreeMap, HashMap};

/// What a graph gave.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Rows of each node, by its index, in their order; those of a sink are what it was given.
    pub rows: Vec<Vec<Row>>,
    /// Of each of these rows the number it belongs to: the chunk or the moment that made it due. What only the end gives
    /// belongs to a number behind all of them.
    pub numbers: Vec<Vec<Number>>,
    /// Record errors that were skipped or routed, in no particular order between nodes.
    pub errors: Vec<RowError>,
}

/// A record error and the record.
#[derive(Clone, Debug)]
pub struct RowError {
    /// Index of the declaration.
    pub declaration: u32,
    /// `declaration.word` of the stage.
    pub label: String,
    /// What went wrong.
    pub error: RecordError,
    /// The record as JSON.
    pub record: String,
    /// The number it happened in.
    number: Number,
}

/// A record error where `onError: fail` stops the job.
#[derive(Clone, Debug)]
pub struct Failure(pub RowError);

impl Outcome {
    /// The rows of the sink, or of the last operator, of a declaration.
    pub fn of(&self, graph: &Graph, declaration: &str) -> Option<&Vec<Row>> {
        let is = |node: &Node| graph.declarations[node.declaration as usize].name == declaration;
        graph.nodes.iter().rposition(is).map(|index| &self.rows[index])
    }
}

/// Runs a graph whose sources are one chunk each, in the order of their nodes. `now` is the wall clock.
pub fn evaluate(graph: &Graph, inputs: &Inputs, now: i64) -> Result<Outcome, Box<Failure>> {
    let sources = graph.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Source { .. }));
    let mut names: Vec<String> = Vec::new();
    for node in sources {
        let name = &graph.declarations[node.declaration as usize].name;
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    evaluate_sequence(graph, &Sequence::of(inputs, names), now)
}

/// Runs a graph over the sequence of its sources' chunks. `now` is what the clock on the wall shows at the beginning; it
/// only moves in the moments of the sequence.
pub fn evaluate_sequence(graph: &Graph, sequence: &Sequence, now: i64) -> Result<Outcome, Box<Failure>> {
    let nodes = graph.nodes.len();
    let mut run = Run {
        graph,
        places: graph.places(),
        sequence,
        evaluator: Evaluator::new(now),
        wall: Wall::new(sequence, now),
        streams: vec![Stream::new(); nodes],
        late: vec![Stream::new(); nodes],
        steps: vec![Steps::new(); nodes],
        clocks: vec![Vec::new(); nodes],
        full: vec![None; nodes],
        levels: vec![0; nodes],
        errors: Vec::new(),
    };
    for index in order(graph) {
        run.place(index);
        let mut rows = run.node(index)?;
        // What operators give is in order; of errors, only each node's are.
        rows.sort_by_key(|item| item.number);
        run.streams[index] = rows;
    }
    let numbers = run.streams.iter().map(|stream| stream.iter().map(|item| item.number).collect()).collect();
    let rows = |stream: Stream| stream.into_iter().map(|item| item.row).collect();
    Ok(Outcome { rows: run.streams.into_iter().map(rows).collect(), numbers, errors: run.errors })
}

/// Nodes with `.errors` behind all that can feed them.
fn order(graph: &Graph) -> Vec<usize> {
    let mut done = vec![false; graph.nodes.len()];
    let mut order = Vec::new();
    while order.len() < graph.nodes.len() {
        let ready = |index: &usize| {
            let node = &graph.nodes[*index];
            let errors = match &node.kind {
                NodeKind::Errors { of } => Some(*of),
                _ => None,
            };
            let feeds = |other: &Node| errors.is_some_and(|of| raises(other, of));
            !done[*index]
                && node.inputs.iter().all(|input| done[input.node])
                && graph.nodes.iter().zip(&done).all(|(other, done)| *done || !feeds(other))
        };
        // Errors that flow back into their own declaration are refused by the engine; here they are cut.
        let next = (0..graph.nodes.len()).find(ready).or_else(|| (0..graph.nodes.len()).find(|i| !done[*i]));
        let Some(next) = next else { break };
        done[next] = true;
        order.push(next);
    }
    order
}

fn raises(node: &Node, declaration: u32) -> bool {
    match &node.kind {
        NodeKind::Errors { .. } => false,
        NodeKind::Chain(chain) => chain.steps.iter().any(|step| step.declaration == declaration),
        _ => node.declaration == declaration,
    }
}

/// An event-time node above another one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Above {
    node: usize,
    /// The limits that rows pass on the way from there: when one is full, time is over.
    limits: Vec<usize>,
    /// How far the watermark stays behind.
    behind: i64,
}

struct Run<'a> {
    graph: &'a Graph,
    /// Which rows carry their place in the chunk.
    places: Places,
    sequence: &'a Sequence,
    evaluator: Evaluator,
    wall: Wall,
    /// The rows of each node.
    streams: Vec<Stream>,
    /// The rows that came too late for each node.
    late: Vec<Stream>,
    /// The watermarks of event-time nodes.
    steps: Vec<Steps>,
    /// The event-time nodes nearest above each node, and how far its watermark stays behind theirs.
    clocks: Vec<Vec<Above>>,
    /// The number in which each limit was full.
    full: Vec<Option<Number>>,
    /// How many operators that give rows at the end stand above each node.
    levels: Vec<u32>,
    errors: Vec<RowError>,
}

impl Run<'_> {
    /// Finds a node's clocks and its level.
    fn place(&mut self, index: usize) {
        let node = &self.graph.nodes[index];
        let inputs = match &node.kind {
            NodeKind::Lookup(_) => &node.inputs[..1],
            _ => &node.inputs[..],
        };
        let mut clocks: Vec<Above> = Vec::new();
        for input in inputs {
            clocks.extend(self.clocks_behind(input.node));
        }
        match node.kind {
            // Limits above it end its own time.
            NodeKind::EventTime(_) => clocks = vec![Above { node: index, limits: Vec::new(), behind: 0 }],
            NodeKind::Limit { .. } => clocks.iter_mut().for_each(|above| above.limits.push(index)),
            _ => {}
        }
        // By several ways, the longest.
        clocks.sort_unstable_by(|a, b| b.cmp(a));
        clocks.dedup_by(|a, b| (a.node, &a.limits) == (b.node, &b.limits));
        self.clocks[index] = clocks;
        let raising = |other: &usize| match node.kind {
            NodeKind::Errors { of } => raises(&self.graph.nodes[*other], of),
            _ => false,
        };
        let feeders = node.inputs.iter().map(|input| input.node);
        let feeders = feeders.chain((0..self.graph.nodes.len()).filter(raising));
        let level = |from: usize| self.levels[from] + levels_of(&self.graph.nodes[from]);
        self.levels[index] = feeders.map(level).max().unwrap_or(0);
    }

    /// The clocks of what a node gives: its results may be older than what gave them.
    fn clocks_behind(&self, node: usize) -> Vec<Above> {
        let more = self.graph.nodes[node].kind.stays_behind();
        let behind = |above: &Above| Above { behind: above.behind.saturating_add(more), ..above.clone() };
        self.clocks[node].iter().map(behind).collect()
    }

    fn clock(&self, index: usize) -> Clock {
        self.clock_over(&self.clocks[index])
    }

    fn clock_over(&self, clocks: &[Above]) -> Clock {
        let steps = |above: &Above| {
            let full = above.limits.iter().filter_map(|limit| self.full[*limit]).min();
            time::over_from(time::delayed(&self.steps[above.node], above.behind), full)
        };
        Clock::new(clocks.iter().map(steps).collect())
    }

    fn node(&mut self, index: usize) -> Result<Stream, Box<Failure>> {
        let node = &self.graph.nodes[index];
        let input = |at: usize| self.streams[node.inputs[at].node].clone();
        let schema = |at: usize| &*self.graph.nodes[node.inputs[at].node].output;
        let level = self.levels[index];
        match &node.kind {
            NodeKind::Source { read, .. } => Ok(self.source(node, read)),
            NodeKind::Table { read, .. } => {
                let name = &self.graph.declarations[node.declaration as usize].name;
                let rows = self.sequence.tables.get(name).map_or(&[][..], Vec::as_slice);
                Ok(items(0, rows.iter().map(|row| picked(row, read))).collect())
            }
            NodeKind::Errors { of } => Ok(self.error_rows(*of)),
            NodeKind::Late => {
                let window = &self.graph.nodes[node.inputs[0].node];
                let columns = windowing(window).and_then(|windowing| windowing.late_rows.clone());
                let columns = columns.unwrap_or_default();
                let late = self.late[node.inputs[0].node].iter();
                Ok(late.map(|item| Item::made(item.number, picked(&item.row, &columns))).collect())
            }
            NodeKind::Union => {
                let inputs = (0..node.inputs.len()).map(input).collect();
                Ok(if self.places.read(index) { self.merged(node, inputs) } else { union(inputs) })
            }
            NodeKind::Tap { .. } | NodeKind::Sink { .. } => Ok(input(0)),
            NodeKind::Limit { n } => {
                let most = usize::try_from(*n).unwrap_or(usize::MAX);
                let rows: Stream = input(0).into_iter().take(most).collect();
                self.full[index] = rows.last().filter(|_| rows.len() == most).map(|item| item.number);
                Ok(rows)
            }
            NodeKind::Sample { probability } => Ok(sample(input(0), *probability)),
            NodeKind::Chain(chain) => self.chain(chain, input(0)),
            NodeKind::EventTime(time) => {
                let input = input(0);
                self.steps[index] = self.watermarks(index, time, &input);
                Ok(time::with_watermarks(time, input))
            }
            NodeKind::Aggregate(aggregate) => {
                let groups = Groups::new(aggregate, schema(0), node.divides());
                self.windowed(index, groups.run(&input(0), &self.wall, level))
            }
            NodeKind::WindowAggregate(aggregate) => {
                let (clock, input) = (self.clock(index), input(0));
                let out = match aggregate.windowing.window.kind {
                    WindowKind::Count { .. } => window::sliding(aggregate, schema(0), &input, level),
                    _ => window::aggregate(aggregate, schema(0), &input, (&clock, level, &self.wall)),
                };
                self.windowed(index, out)
            }
            NodeKind::Pick(pick) => {
                let (clock, input) = (self.clock(index), input(0));
                let out = match &pick.windowing {
                    None => return Ok(super::pick::pick(pick, &input, (&self.wall, level))),
                    Some(windowing) if matches!(windowing.window.kind, WindowKind::Count { .. }) => {
                        window::picks(pick, windowing, &input, level)
                    }
                    Some(_) => window::pick(pick, &input, (&clock, level, &self.wall)),
                };
                self.windowed(index, out)
            }
            NodeKind::Distinct(distinct) => {
                let (clock, wall) = (self.clock(index), &self.wall);
                Ok(super::pick::distinct(distinct, schema(0), &input(0), (&clock, wall)))
            }
            NodeKind::Join(join) => {
                let (clock, sides) = (self.clock(index), [input(0), input(1)]);
                let sides = [&sides[0], &sides[1]];
                let width = self.graph.nodes[node.inputs[0].node].output.fields.len();
                let clocks = [0, 1].map(|side| self.clock_over(&self.clocks_behind(node.inputs[side].node)));
                let time = (&clock, [&clocks[0], &clocks[1]], &self.wall, level, self.places.read(index));
                let out = join::join(join, width, sides, time, &mut self.evaluator);
                self.joined(join.rest.as_ref(), out)
            }
            NodeKind::Lookup(lookup) => {
                let out = join::lookup(lookup, &input(0), &input(1), &mut self.evaluator);
                self.joined(lookup.rest.as_ref(), out)
            }
            NodeKind::Scan { .. } => self.scan(node, input(0)),
        }
    }

    /// All rows of all inputs: within each number in the order of their places; those without one behind all others.
    fn merged(&self, node: &Node, mut inputs: Vec<Stream>) -> Stream {
        for (stream, input) in inputs.iter_mut().zip(&node.inputs) {
            if !self.places.carried(input.node) {
                stream.iter_mut().for_each(|item| item.place = NO_PLACE);
            }
        }
        let mut rows = union(inputs);
        rows.sort_by_key(|item| (item.number, item.place));
        rows
    }

    /// A source's rows, chunk by chunk.
    fn source(&self, node: &Node, read: &[usize]) -> Stream {
        let name = &self.graph.declarations[node.declaration as usize].name;
        let rows = |(number, event): (Number, &Event)| {
            let rows = match event {
                Event::Chunk { source, rows, .. } if source == name => rows.as_slice(),
                _ => &[],
            };
            items(number, rows.iter().map(|row| picked(row, read))).collect::<Stream>()
        };
        self.sequence.numbered().flat_map(rows).collect()
    }

    fn watermarks(&self, index: usize, time: &EventTime, input: &Stream) -> Steps {
        let over = self.over_above(index);
        if self.graph.nodes[index].inputs[0].exchange != Exchange::Local {
            // It ends with the last of its sources.
            let all = over.values().copied().collect::<Option<Vec<Number>>>();
            return time::over_from(
                time::gathered_steps(time, input),
                all.and_then(|all| all.into_iter().max()),
            );
        }
        let mut splits: Vec<Split> = Vec::new();
        for source in over.keys() {
            let of_source = self.sequence.events.iter().filter_map(|event| match event {
                Event::Chunk { source: of, split, .. } | Event::End { source: of, split } => {
                    (of == source).then_some(*split)
                }
                Event::Moment { .. } => None,
            });
            splits.push((source.clone(), 0));
            splits.extend(of_source.map(|split| (source.clone(), split)));
        }
        time::steps(time, input, self.sequence, (splits, &over))
    }

    /// The names of the sources above a node, each with the number behind which limits let no row of it through, by
    /// whatever way.
    fn over_above(&self, index: usize) -> BTreeMap<String, Option<Number>> {
        let node = &self.graph.nodes[index];
        if let NodeKind::Source { .. } = node.kind {
            return BTreeMap::from([(self.graph.declarations[node.declaration as usize].name.clone(), None)]);
        }
        let inputs = match node.kind {
            NodeKind::Lookup(_) => &node.inputs[..1],
            _ => &node.inputs[..],
        };
        let mut all: BTreeMap<String, Option<Number>> = BTreeMap::new();
        for (source, over) in inputs.iter().flat_map(|input| self.over_above(input.node)) {
            let known = all.entry(source).or_insert(over);
            *known = (*known).zip(over).map(|(a, b)| a.max(b));
        }
        if let Some(full) = self.full[index] {
            all.values_mut().for_each(|over| *over = Some(over.map_or(full, |over| over.min(full))));
        }
        all
    }

    fn chain(&mut self, chain: &Chain, input: Stream) -> Result<Stream, Box<Failure>> {
        let mut made = Stream::new();
        let mut failed = Vec::new();
        for item in input {
            let rows = run_chain(&mut self.evaluator, chain, item.row.clone(), &mut failed);
            made.extend(rows.into_iter().map(|row| item.with(row)));
            for failed in failed.drain(..) {
                let step = &chain.steps[failed.step];
                let of = (item.number, &*item.row);
                self.fail((step.declaration, &step.label), failed.error, of, &chain.input)?;
            }
        }
        Ok(made)
    }

    /// Notes what a windowed node refused, and which rows were late for it.
    fn windowed(&mut self, index: usize, out: window::Output) -> Result<Stream, Box<Failure>> {
        let node = &self.graph.nodes[index];
        let input = &self.graph.nodes[node.inputs[0].node].output;
        for refused in out.refused {
            let keys: &[usize] = match &node.kind {
                NodeKind::WindowAggregate(aggregate) => &aggregate.keys,
                NodeKind::Aggregate(aggregate) => &aggregate.keys,
                _ => &[],
            };
            let (of_window, of_group) = (key_record(input, keys, true), key_record(input, keys, false));
            let (row, schema) = match &refused.record {
                Record::Input(row) => (row, &**input),
                Record::Window(row) => (row, &of_window),
                Record::Group(row) => (row, &of_group),
            };
            self.fail((node.declaration, &node.label), refused.error, (refused.number, row), schema)?;
        }
        self.late[index] = out.late;
        Ok(out.rows)
    }

    /// Notes for which pairs a join's further conditions failed.
    fn joined(&mut self, rest: Option<&Chain>, out: join::Output) -> Result<Stream, Box<Failure>> {
        for Failed { number, error, row } in out.failed {
            if let Some(rest) = rest {
                let step = &rest.steps[error.step];
                self.fail((step.declaration, &step.label), error.error, (number, &row), &rest.input)?;
            }
        }
        Ok(out.rows)
    }

    fn scan(&mut self, node: &Node, rows: Stream) -> Result<Stream, Box<Failure>> {
        let NodeKind::Scan { keys, init, next, emit, .. } = &node.kind else { return Ok(rows) };
        let schema = &self.graph.nodes[node.inputs[0].node].output;
        let mut states: HashMap<Row, Value> = HashMap::new();
        let mut made = Stream::new();
        for item in rows {
            let (number, row) = (item.number, &item.row);
            let key = picked(row, keys);
            let evaluator = &mut self.evaluator;
            let mut step = || {
                let before = match states.get(&key) {
                    Some(state) => state.clone(),
                    None => evaluator.eval(init, &[])?,
                };
                let mut row = row.clone();
                row.push(before);
                let after = evaluator.eval(next, &row)?;
                row.pop();
                row.push(after.clone());
                let given =
                    emit.iter().map(|expr| evaluator.eval(expr, &row)).collect::<Result<Vec<_>, _>>()?;
                // The state moves on only if nothing failed.
                Ok((after, given))
            };
            match step() {
                Ok((after, given)) => {
                    states.insert(key, after);
                    made.push(item.with(given));
                }
                Err(error) => self.fail((node.declaration, &node.label), error, (number, row), schema)?,
            }
        }
        Ok(made)
    }

    fn fail(
        &mut self,
        (declaration, label): (u32, &str),
        error: RecordError,
        (number, row): (Number, &[Value]),
        schema: &RecordType,
    ) -> Result<(), Box<Failure>> {
        let mut record = String::new();
        let ty = DataType::Record(schema.clone().into());
        json::write(&mut record, &Value::Record(row.into()), &ty);
        let error = RowError { declaration, label: label.to_string(), error, record, number };
        if self.graph.declarations[declaration as usize].on_error == OnError::Fail {
            return Err(Box::new(Failure(error)));
        }
        self.errors.push(error);
        Ok(())
    }

    /// The rows of `NAME.errors`; there are no positions here.
    fn error_rows(&self, of: u32) -> Stream {
        let errors = self.errors.iter().filter(|error| error.declaration == of);
        let row = |e: &RowError| {
            vec![
                Value::string(e.error.message.as_str()),
                Value::string(e.error.code.as_str()),
                Value::string(e.label.as_str()),
                Value::string(""),
                Value::string(e.record.as_str()),
                Value::Timestamp(self.wall.at(e.number)),
            ]
        };
        errors.map(|error| Item::made(error.number, row(error))).collect()
    }
}

fn picked(row: &Row, columns: &[usize]) -> Row {
    columns.iter().map(|column| row[*column].clone()).collect()
}

/// What a refused result is known by: the key, and the window if there is one.
fn key_record(input: &RecordType, keys: &[usize], window: bool) -> RecordType {
    let keys = keys.iter().map(|key| input.fields[*key].clone());
    let bounds = ["windowStart", "windowEnd"].map(|name| Field::new(name, DataType::Timestamp));
    RecordType::new(keys.chain(bounds.into_iter().filter(|_| window)).collect())
}

fn windowing(node: &Node) -> Option<&Windowing> {
    match &node.kind {
        NodeKind::WindowAggregate(aggregate) => Some(&aggregate.windowing),
        NodeKind::Pick(pick) => pick.windowing.as_ref(),
        _ => None,
    }
}

/// How many levels of numbers a node takes for what it gives at the end.
fn levels_of(node: &Node) -> u32 {
    match node.kind {
        NodeKind::Aggregate(_) if node.divides() => 2,
        NodeKind::Aggregate(_) | NodeKind::WindowAggregate(_) | NodeKind::Pick(_) | NodeKind::Join(_) => 1,
        _ => 0,
    }
}

/// Within each number, input by input.
fn union(inputs: Vec<Stream>) -> Stream {
    let of_number = |number: Number| {
        inputs.iter().flat_map(move |input| input.iter().filter(move |item| item.number == number).cloned())
    };
    numbers(&inputs).into_iter().flat_map(of_number).collect()
}

/// About so many rows; which ones is up to who runs the graph.
fn sample(rows: Stream, probability: f64) -> Stream {
    let keep = |at: usize| (hash_int(at as i64) >> 11) as f64 / ((1u64 << 53) as f64) < probability;
    rows.into_iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, row)| row).collect()
}
