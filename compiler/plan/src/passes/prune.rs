//! Dead operators go away, and columns that nobody reads are neither decoded nor computed.
//!
//! What can raise a record error is kept even if its value is not used: errors are results too. Fields
//! that a source does not need are not read, so what is wrong with them alone is not seen.

use super::hidden::{drop_unread, under_taps, unread};
use super::rewrite::{columns, remap_columns};
use crate::expr::Expr;
use crate::fallible::can_fail;
use crate::operator::OnError;
use crate::physical::{
    Chain, Exchange, Graph, Input, Lookup, Node, NodeKind, Step, StepKind, StreamJoin, hidden,
};
use crate::types::{Field, RecordType};
use std::sync::Arc;

/// Removes nodes from which no row, and no consumed error, reaches a sink or a tap.
pub(super) fn remove_dead(graph: &mut Graph) {
    let live = live(graph);
    let mut moved = vec![usize::MAX; graph.nodes.len()];
    let mut kept = Vec::new();
    for (index, mut node) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
        if live[index] {
            node.inputs.iter_mut().for_each(|input| input.node = moved[input.node]);
            moved[index] = kept.len();
            kept.push(node);
        }
    }
    graph.nodes = kept;
}

fn live(graph: &Graph) -> Vec<bool> {
    let ends = |node: &Node| matches!(node.kind, NodeKind::Sink { .. } | NodeKind::Tap { .. });
    let mut live: Vec<bool> = graph.nodes.iter().map(ends).collect();
    loop {
        let before = live.clone();
        for index in (0..graph.nodes.len()).rev() {
            if live[index] {
                graph.nodes[index].inputs.iter().for_each(|input| live[input.node] = true);
            }
        }
        // Whoever reads `NAME.errors` makes NAME run.
        let read: Vec<u32> = graph
            .nodes
            .iter()
            .zip(&live)
            .filter_map(|(node, live)| match node.kind {
                NodeKind::Errors { of } if *live => Some(of),
                _ => None,
            })
            .collect();
        for (index, node) in graph.nodes.iter().enumerate() {
            live[index] |= declarations(node).any(|declaration| {
                read.contains(&declaration)
                    && graph.declarations[declaration as usize].on_error == OnError::Route
            });
        }
        if live == before {
            return live;
        }
    }
}

/// The declarations whose errors a node raises.
fn declarations(node: &Node) -> Box<dyn Iterator<Item = u32> + '_> {
    match &node.kind {
        NodeKind::Chain(chain) => Box::new(chain.steps.iter().map(|step| step.declaration)),
        NodeKind::Errors { .. } => Box::new(std::iter::empty()),
        _ => Box::new(std::iter::once(node.declaration)),
    }
}

/// Narrows every node to the columns that are read.
pub(super) fn prune_columns(graph: &mut Graph) {
    let needed = needed(graph);
    let old = std::mem::take(&mut graph.nodes);
    let mut pruner = Pruner { nodes: Vec::new(), layouts: Vec::new() };
    for (node, needed) in old.into_iter().zip(needed) {
        pruner.node(node, &needed);
    }
    graph.nodes = pruner.nodes;
}

/// Which output columns of each node are read.
fn needed(graph: &Graph) -> Vec<Vec<bool>> {
    let mut needed: Vec<Vec<bool>> = graph.nodes.iter().map(|n| vec![false; n.output.fields.len()]).collect();
    for clock in under_taps(graph) {
        needed[clock].last_mut().into_iter().for_each(|watermark| *watermark = true);
    }
    let mut read = vec![false; graph.nodes.len()];
    for index in (0..graph.nodes.len()).rev() {
        let node = &graph.nodes[index];
        if !read[index] && !matches!(node.kind, NodeKind::Sink { .. }) {
            // Runs only for its errors: all of it is looked at.
            needed[index][..hidden::visible(&node.output)].fill(true);
        }
        for (at, input) in node.inputs.iter().enumerate() {
            let width = graph.nodes[input.node].output.fields.len();
            let wanted = input_columns(node, at, &needed[index], width);
            for (column, wanted) in wanted.iter().enumerate() {
                needed[input.node][column] |= wanted;
            }
            read[input.node] = true;
        }
    }
    needed
}

/// Which columns of an input a node reads, if these of its own are needed.
fn input_columns(node: &Node, input: usize, needed: &[bool], width: usize) -> Vec<bool> {
    let mut wanted = vec![false; width];
    match &node.kind {
        NodeKind::Chain(chain) => return chain_input(chain, needed),
        NodeKind::Sink { .. } => wanted.fill(true),
        NodeKind::Tap { .. } => {
            wanted.copy_from_slice(needed);
            wanted[..hidden::visible(&node.output)].fill(true);
        }
        NodeKind::Union | NodeKind::Sample { .. } | NodeKind::Limit { .. } => return needed.to_vec(),
        NodeKind::Scan { next, emit, .. } => {
            let reads = columns(next).chain(emit.iter().flat_map(columns));
            reads.filter(|column| *column < width).for_each(|column| wanted[column] = true);
        }
        // The column behind the input's is its own.
        NodeKind::EventTime(_) => {
            wanted.copy_from_slice(&needed[..width]);
            if !needed[width] {
                return wanted;
            }
        }
        NodeKind::Distinct(_) => wanted.copy_from_slice(needed),
        NodeKind::Join(StreamJoin { rest: Some(rest), .. })
        | NodeKind::Lookup(Lookup { rest: Some(rest), .. }) => {
            let all = chain_input(rest, &[true]);
            let side = if input == 0 { &all[..width] } else { &all[all.len() - width..] };
            wanted.copy_from_slice(side);
        }
        _ => {}
    }
    let mut node = node.kind.clone();
    narrow(&mut node, needed);
    let reads = node.columns().into_iter().filter(|(of, _)| *of == input);
    reads.for_each(|(_, column)| wanted[column] = true);
    wanted
}

/// Takes out the columns of rows that nobody reads: those an operator keeps only to give them again.
fn narrow(kind: &mut NodeKind, needed: &[bool]) {
    drop_unread(kind, needed);
    let mut needed = needed.iter();
    let mut retain = |row: &mut Vec<usize>| row.retain(|_| *needed.next().unwrap_or(&true));
    match kind {
        NodeKind::Pick(pick) => retain(&mut pick.row),
        NodeKind::Join(join) => {
            retain(&mut join.left.row);
            retain(&mut join.right.row);
        }
        NodeKind::Lookup(lookup) => {
            retain(&mut lookup.left_row);
            retain(&mut lookup.right_row);
            retain(&mut lookup.behind);
        }
        _ => {}
    }
}

/// Which columns of the output are rows' own, and so go away if nobody reads them.
fn row_columns(kind: &NodeKind) -> usize {
    match kind {
        NodeKind::Pick(pick) => pick.row.len(),
        NodeKind::Join(join) => join.left.row.len() + join.right.row.len(),
        NodeKind::Lookup(lookup) => lookup.left_row.len() + lookup.right_row.len() + lookup.behind.len(),
        _ => 0,
    }
}

fn chain_input(chain: &Chain, needed: &[bool]) -> Vec<bool> {
    let mut needed = needed.to_vec();
    for (index, step) in chain.steps.iter().enumerate().rev() {
        let width = step_input(chain, index).fields.len();
        needed = step_columns(step, &needed, width);
    }
    needed
}

fn step_input(chain: &Chain, index: usize) -> &RecordType {
    if index == 0 { &chain.input } else { &chain.steps[index - 1].output }
}

fn step_columns(step: &Step, needed: &[bool], width: usize) -> Vec<bool> {
    let mut wanted = vec![false; width];
    match &step.kind {
        StepKind::Map(exprs) => {
            let kept = exprs.iter().zip(needed).filter(|(expr, needed)| **needed || can_fail(expr));
            kept.flat_map(|(expr, _)| columns(expr)).for_each(|column| wanted[column] = true);
        }
        StepKind::Filter(expr) | StepKind::FlatMap(expr) => {
            wanted.copy_from_slice(&needed[..width]);
            columns(expr).for_each(|column| wanted[column] = true);
        }
    }
    wanted
}

/// Where a column went.
type Layout = Vec<Option<usize>>;

fn layout(kept: &[bool]) -> Layout {
    let mut next = 0..;
    kept.iter().map(|kept| if *kept { next.next() } else { None }).collect()
}

fn keep(record: &RecordType, kept: &[bool]) -> Arc<RecordType> {
    let fields = record.fields.iter().zip(kept).filter(|(_, kept)| **kept);
    Arc::new(RecordType::new(fields.map(|(field, _)| field.clone()).collect()))
}

struct Pruner {
    nodes: Vec<Node>,
    /// For each old node: its new place, and where its columns went.
    layouts: Vec<(usize, Layout)>,
}

impl Pruner {
    fn node(&mut self, mut node: Node, needed: &[bool]) {
        if matches!(node.kind, NodeKind::EventTime(_)) && needed.last() == Some(&false) {
            // Nobody reads its watermark: its readers read what it reads.
            let (place, columns) = &self.layouts[node.inputs[0].node];
            let columns = columns.iter().copied().chain([None]).collect();
            self.layouts.push((*place, columns));
            return;
        }
        let old_inputs: Vec<usize> = node.inputs.iter().map(|input| input.node).collect();
        for input in &mut node.inputs {
            input.node = self.layouts[input.node].0;
        }
        let mut inputs: Vec<Layout> = old_inputs.iter().map(|input| self.layouts[*input].1.clone()).collect();
        if let NodeKind::Join(StreamJoin { rest: Some(rest), .. }) = &node.kind
            && rest.can_fail()
        {
            self.only_read(&mut node, &mut inputs, needed);
        }
        let columns = match &mut node.kind {
            NodeKind::Source { read, .. } | NodeKind::Table { read, .. } => {
                let kept: Vec<usize> =
                    read.iter().zip(needed).filter(|(_, n)| **n).map(|(c, _)| *c).collect();
                *read = kept;
                layout(needed)
            }
            NodeKind::Errors { .. } | NodeKind::Late => layout(&vec![true; needed.len()]),
            NodeKind::Chain(chain) => {
                prune_chain(chain, needed, &inputs[0], &self.nodes[node.inputs[0].node].output)
            }
            NodeKind::Union => {
                self.align(&mut node, &inputs, needed);
                layout(needed)
            }
            NodeKind::Sample { .. } | NodeKind::Limit { .. } | NodeKind::Tap { .. } => inputs[0].clone(),
            NodeKind::Scan { next, emit, .. } => {
                // The state stands behind the columns.
                let width = inputs[0].iter().flatten().count();
                let moved = |column: usize| inputs[0].get(column).copied().flatten().unwrap_or(width);
                remap_columns(next, moved);
                emit.iter_mut().for_each(|expr| remap_columns(expr, moved));
                layout(&vec![true; needed.len()])
            }
            NodeKind::EventTime(_) => {
                let width = inputs[0].iter().flatten().count();
                inputs[0].iter().copied().chain([Some(width)]).collect()
            }
            kind @ NodeKind::Distinct(_) => {
                narrow(kind, needed);
                inputs[0].clone()
            }
            kind @ (NodeKind::Aggregate(_)
            | NodeKind::WindowAggregate(_)
            | NodeKind::Pick(_)
            | NodeKind::Join(_)
            | NodeKind::Lookup(_)) => {
                let (rows, unread) = (row_columns(kind), unread(kind, needed));
                let kept = |column: usize| needed[column] || (column >= rows && !unread.contains(&column));
                let kept: Vec<bool> = (0..needed.len()).map(kept).collect();
                narrow(kind, &kept);
                layout(&kept)
            }
            NodeKind::Sink { .. } => Vec::new(),
        };
        for (input, moved) in node.inputs.iter_mut().zip(&inputs) {
            if let Exchange::Hash(keys) = &mut input.exchange {
                keys.iter_mut().for_each(|key| *key = moved[*key].unwrap_or(*key));
            }
        }
        node.kind.visit_columns(&mut |input, column| {
            *column = inputs[input][*column].unwrap_or(*column);
        });
        self.move_conditions(&mut node, &inputs);
        let kept: Vec<bool> = columns.iter().map(Option::is_some).collect();
        node.output = keep(&node.output, &kept);
        self.nodes.push(node);
        self.layouts.push((self.nodes.len() - 1, columns));
    }

    /// The further conditions of a join read the columns of both inputs.
    fn move_conditions(&self, node: &mut Node, inputs: &[Layout]) {
        let rest = match &mut node.kind {
            NodeKind::Join(StreamJoin { rest: Some(rest), .. })
            | NodeKind::Lookup(Lookup { rest: Some(rest), .. }) => rest,
            _ => return,
        };
        let sides = node.inputs.iter().map(|input| &self.nodes[input.node].output);
        let fields = sides.flat_map(|side| side.fields.iter().cloned()).collect();
        let left = inputs[0].iter().flatten().count();
        let moved: Layout = inputs[0]
            .iter()
            .copied()
            .chain(inputs[1].iter().map(|column| column.map(|column| column + left)))
            .collect();
        prune_chain(rest, &[true], &moved, &Arc::new(RecordType::new(fields)));
    }

    /// Leaves a join only the columns that it reads. Where its further condition can fail it keeps rows whole, to show them; what
    /// others read of them, or is computed only since it can fail, would be a part of its state, and a script that computes
    /// something else there could not go on from it.
    fn only_read(&mut self, join: &mut Node, inputs: &mut [Layout], needed: &[bool]) {
        for at in 0..join.inputs.len() {
            let wanted = input_columns(join, at, needed, inputs[at].len());
            let kept = |(column, wanted): (&Option<usize>, &bool)| column.filter(|_| *wanted);
            let columns: Vec<usize> = inputs[at].iter().zip(&wanted).filter_map(kept).collect();
            inputs[at] = layout(&wanted);
            let input = &mut join.inputs[at];
            input.node = self.narrowed(input.node, &columns);
        }
    }

    /// Gives all inputs of a union the same columns in the same order.
    fn align(&mut self, union: &mut Node, inputs: &[Layout], needed: &[bool]) {
        for (input, moved) in union.inputs.iter_mut().zip(inputs) {
            let wanted: Vec<usize> = moved
                .iter()
                .zip(needed)
                .filter(|(_, needed)| **needed)
                .filter_map(|(column, _)| *column)
                .collect();
            input.node = self.narrowed(input.node, &wanted);
        }
    }

    /// The node that gives these columns of a node in this order: itself, or a new one behind it.
    fn narrowed(&mut self, node: usize, wanted: &[usize]) -> usize {
        let producer = &self.nodes[node];
        if wanted.iter().copied().eq(0..producer.output.fields.len()) {
            return node;
        }
        let projection = projection(producer, wanted);
        let inputs = vec![Input { node, exchange: Exchange::Local }];
        self.nodes.push(Node { inputs, ..projection });
        self.nodes.len() - 1
    }
}

/// A chain that keeps these columns of a node.
fn projection(producer: &Node, wanted: &[usize]) -> Node {
    let fields: Vec<Field> = wanted.iter().map(|column| producer.output.fields[*column].clone()).collect();
    let exprs =
        wanted.iter().zip(&fields).map(|(c, f)| Expr::column(*c, f.ty.clone(), producer.place)).collect();
    let output = Arc::new(RecordType::new(fields));
    let step = Step {
        kind: StepKind::Map(exprs),
        output: output.clone(),
        declaration: producer.declaration,
        label: producer.label.clone(),
        place: producer.place,
    };
    Node {
        kind: NodeKind::Chain(Chain { input: producer.output.clone(), steps: vec![step] }),
        inputs: Vec::new(),
        output,
        declaration: producer.declaration,
        label: producer.label.clone(),
        place: producer.place,
    }
}

/// Narrows the steps of a chain; gives where its output columns went.
fn prune_chain(chain: &mut Chain, needed: &[bool], moved: &Layout, input: &Arc<RecordType>) -> Layout {
    // What each step must give, last to first.
    let mut wanted = vec![needed.to_vec()];
    for (index, step) in chain.steps.iter().enumerate().rev() {
        let width = step_input(chain, index).fields.len();
        let before = step_columns(step, &wanted[wanted.len() - 1], width);
        wanted.push(before);
    }
    wanted.pop();
    chain.input = input.clone();
    let mut moved = moved.clone();
    for (step, wanted) in chain.steps.iter_mut().zip(wanted.iter().rev()) {
        moved = prune_step(step, wanted, &moved);
    }
    moved
}

fn prune_step(step: &mut Step, wanted: &[bool], moved: &Layout) -> Layout {
    let place = |column: usize| moved[column].unwrap_or(column);
    let layout = match &mut step.kind {
        StepKind::Map(exprs) => {
            let kept: Vec<bool> =
                exprs.iter().zip(wanted).map(|(expr, wanted)| *wanted || can_fail(expr)).collect();
            let mut each = kept.iter();
            exprs.retain(|_| *each.next().unwrap_or(&true));
            exprs.iter_mut().for_each(|expr| remap_columns(expr, place));
            layout(&kept)
        }
        StepKind::Filter(cond) => {
            remap_columns(cond, place);
            moved.clone()
        }
        StepKind::FlatMap(list) => {
            remap_columns(list, place);
            let width = moved.iter().flatten().count();
            moved.iter().copied().chain([Some(width)]).collect()
        }
    };
    let kept: Vec<bool> = layout.iter().map(Option::is_some).collect();
    step.output = keep(&step.output, &kept);
    layout
}
