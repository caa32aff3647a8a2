//! The physical graph.

use super::plan::{columns, expressions, same_columns, scan_fits};
use super::stateful::{aggregate_fits, join_fits, late_fits, lookup_fits, pick_fits, time_fits, window_fits};
use super::{Finding, expression, record_fits};
use crate::physical::{Chain, Exchange, Graph, Node, NodeKind, StepKind};
use crate::types::{DataType, RecordType};
use std::collections::HashSet;

/// Checks the whole graph; says the first thing that is wrong.
pub fn validate_graph(graph: &Graph) -> Result<(), Finding> {
    let mut states = HashSet::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        check(graph, index, node).map_err(|f| format!("node {index} ({}): {f}", node.label))?;
        let state = match &node.kind {
            NodeKind::Aggregate(aggregate) => &aggregate.state,
            NodeKind::Scan { state, .. } => state,
            NodeKind::WindowAggregate(aggregate) => &aggregate.state,
            NodeKind::Pick(pick) => &pick.state,
            NodeKind::Distinct(distinct) => &distinct.state,
            NodeKind::Join(join) => &join.state,
            _ => continue,
        };
        if !states.insert(&state.id) {
            return Err(format!("node {index}: the state id {} is used twice", state.id));
        }
    }
    Ok(())
}

fn check(graph: &Graph, index: usize, node: &Node) -> Result<(), Finding> {
    let mut inputs = Vec::new();
    for input in &node.inputs {
        if input.node >= index {
            return Err("it stands before one of its inputs".into());
        }
        let producer = &*graph.nodes[input.node].output;
        if let Exchange::Hash(keys) = &input.exchange {
            columns(keys, &types(producer))?;
        }
        inputs.push(producer);
    }
    if node.declaration as usize >= graph.declarations.len() {
        return Err("its declaration does not exist".into());
    }
    let wanted = match &node.kind {
        NodeKind::Source { .. } | NodeKind::Table { .. } | NodeKind::Errors { .. } => 0..=0,
        NodeKind::Join(_) | NodeKind::Lookup(_) => 2..=2,
        NodeKind::Union => 1..=usize::MAX,
        _ => 1..=1,
    };
    if !wanted.contains(&inputs.len()) {
        return Err(format!("it has {} inputs", inputs.len()));
    }
    for (input, column) in node.kind.columns() {
        columns(&[column], &types(inputs[input])).map_err(|finding| format!("input {input}: {finding}"))?;
    }
    kind_fits(graph, node, &inputs)
}

pub(super) fn types(record: &RecordType) -> Vec<&DataType> {
    record.fields.iter().map(|f| &f.ty).collect()
}

fn kind_fits(graph: &Graph, node: &Node, inputs: &[&RecordType]) -> Result<(), Finding> {
    match &node.kind {
        NodeKind::Source { connector, read } | NodeKind::Table { connector, read } => {
            columns(read, &types(&connector.schema))?;
            let read: Vec<_> = read.iter().map(|column| connector.schema.fields[*column].clone()).collect();
            same_columns(&RecordType::new(read), &node.output)
        }
        NodeKind::Errors { of } if *of as usize >= graph.declarations.len() => {
            Err("its declaration is missing".into())
        }
        NodeKind::Errors { .. } => same_columns(&crate::operator::errors_type(), &node.output),
        NodeKind::Chain(chain) => {
            same_columns(inputs[0], &chain.input)?;
            chain_fits(graph, chain, &node.output)
        }
        NodeKind::Union => match inputs.iter().all(|input| record_fits(input, &node.output)) {
            true => Ok(()),
            false => Err("an input has other columns".into()),
        },
        NodeKind::Late => late_fits(graph, node),
        NodeKind::EventTime(_) => time_fits(inputs[0], &node.output),
        NodeKind::WindowAggregate(aggregate) => window_fits(aggregate, inputs[0], &node.output),
        NodeKind::Pick(pick) => pick_fits(pick, inputs[0], &node.output),
        NodeKind::Distinct(_) => same_columns(inputs[0], &node.output),
        NodeKind::Join(join) => join_fits(join, inputs, &node.output),
        NodeKind::Lookup(lookup) => lookup_fits(lookup, inputs, &node.output),
        NodeKind::Aggregate(aggregate) => aggregate_fits(aggregate, inputs[0], &node.output),
        NodeKind::Scan { keys, init, next, emit, .. } => {
            scan_fits(keys, [init, next], emit, &types(inputs[0]), &node.output)
        }
        NodeKind::Limit { .. } if node.inputs[0].exchange != Exchange::Gather => {
            Err("it must be gathered".into())
        }
        NodeKind::Sample { .. } | NodeKind::Limit { .. } | NodeKind::Tap { .. } => {
            same_columns(inputs[0], &node.output)
        }
        NodeKind::Sink { connector } => same_columns(inputs[0], &connector.schema),
    }
}

fn chain_fits(graph: &Graph, chain: &Chain, output: &RecordType) -> Result<(), Finding> {
    let mut input = &chain.input;
    for (index, step) in chain.steps.iter().enumerate() {
        let at = |finding: Finding| format!("step {index} ({}): {finding}", step.label);
        if step.declaration as usize >= graph.declarations.len() {
            return Err(at("its declaration does not exist".into()));
        }
        let columns = types(input);
        match &step.kind {
            StepKind::Map(exprs) => expressions(exprs, &columns, &step.output).map_err(at)?,
            StepKind::Filter(cond) => {
                expression(cond, &columns, &DataType::Bool).map_err(at)?;
                same_columns(input, &step.output).map_err(at)?;
            }
            StepKind::FlatMap(list) => {
                let Some((element, kept)) = step.output.fields.split_last() else {
                    return Err(at("it has no element".into()));
                };
                expression(list, &columns, &DataType::list(element.ty.clone())).map_err(at)?;
                same_columns(input, &RecordType::new(kept.to_vec())).map_err(at)?;
            }
        }
        input = &step.output;
    }
    same_columns(input, output)
}
