//! The physical graph.

use super::plan::{columns, expressions, same_columns, scan_fits};
use super::{Finding, expression, fits, record_fits};
use crate::physical::{Chain, Exchange, Graph, Node, NodeKind, RunningAggregate, StepKind};
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
        NodeKind::Source { .. } | NodeKind::Errors { .. } => 0..=0,
        NodeKind::Union => 1..=usize::MAX,
        _ => 1..=1,
    };
    if !wanted.contains(&inputs.len()) {
        return Err(format!("it has {} inputs", inputs.len()));
    }
    kind_fits(graph, node, &inputs)
}

fn types(record: &RecordType) -> Vec<&DataType> {
    record.fields.iter().map(|f| &f.ty).collect()
}

fn kind_fits(graph: &Graph, node: &Node, inputs: &[&RecordType]) -> Result<(), Finding> {
    match &node.kind {
        NodeKind::Source { connector, read } => {
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
        NodeKind::Aggregate(aggregate) => aggregate_fits(aggregate, &types(inputs[0]), &node.output),
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

fn aggregate_fits(
    aggregate: &RunningAggregate,
    types: &[&DataType],
    output: &RecordType,
) -> Result<(), Finding> {
    columns(&aggregate.keys, types)?;
    if output.fields.len() != aggregate.keys.len() + aggregate.calls.len() {
        return Err("its columns are not keys and calls".into());
    }
    for call in &aggregate.calls {
        let read: Vec<usize> = [call.arg, call.by, call.filter].into_iter().flatten().collect();
        columns(&read, types)?;
        if call.filter.is_some_and(|column| *types[column] != DataType::Bool) {
            return Err(format!("the filter of `{}` is no bool", call.name));
        }
    }
    let keys = aggregate.keys.iter().map(|key| types[*key]);
    let results = aggregate.calls.iter().map(|call| &call.ty);
    let fit = keys.chain(results).zip(&output.fields).all(|(ty, field)| fits(ty, &field.ty));
    if fit { Ok(()) } else { Err("its columns have other types".into()) }
}
