//! Maps that change nothing (what is left of an aggregate's results, of `rename`, of projections that
//! pruning made pointless) go away; names of columns go to what stands before.

use crate::physical::{Chain, Exchange, Graph, NodeKind, StepKind};
use crate::types::RecordType;

pub(super) fn remove_identities(graph: &mut Graph) {
    for index in 0..graph.nodes.len() {
        let first_may_go = renamable(graph, index);
        if let NodeKind::Chain(chain) = &mut graph.nodes[index].kind {
            remove_steps(chain, first_may_go);
            if chain.steps.is_empty() {
                bypass(graph, index);
            }
        }
    }
    super::prune::remove_dead(graph);
}

/// Is the node before one whose columns nobody else sees and whose names mean nothing to it?
fn renamable(graph: &Graph, index: usize) -> bool {
    let [input] = graph.nodes[index].inputs.as_slice() else { return false };
    let readers = graph.nodes.iter().flat_map(|node| &node.inputs).filter(|i| i.node == input.node).count();
    let free = matches!(graph.nodes[input.node].kind, NodeKind::Aggregate(_) | NodeKind::Union);
    readers == 1 && free && input.exchange == Exchange::Local
}

fn remove_steps(chain: &mut Chain, first_may_go: bool) {
    let mut index = 0;
    while index < chain.steps.len() {
        let input = if index == 0 { &chain.input } else { &chain.steps[index - 1].output };
        let step = &chain.steps[index];
        let same_names = input.fields == step.output.fields;
        if !is_identity(&step.kind, input) || !(same_names || index > 0 || first_may_go) {
            index += 1;
            continue;
        }
        let output = chain.steps.remove(index).output;
        match index {
            0 => chain.input = output,
            _ => chain.steps[index - 1].output = output,
        }
    }
}

fn is_identity(kind: &StepKind, input: &RecordType) -> bool {
    let StepKind::Map(exprs) = kind else { return false };
    exprs.len() == input.fields.len()
        && exprs
            .iter()
            .zip(&input.fields)
            .enumerate()
            .all(|(index, (expr, field))| expr.as_column() == Some(index) && *expr.ty() == field.ty)
}

/// Lets the readers of an empty chain read what it reads.
fn bypass(graph: &mut Graph, index: usize) {
    let [input] = graph.nodes[index].inputs.as_slice() else { return };
    if input.exchange != Exchange::Local {
        return;
    }
    let producer = input.node;
    let output = match &graph.nodes[index].kind {
        NodeKind::Chain(chain) => chain.input.clone(),
        _ => return,
    };
    graph.nodes[producer].output = output;
    for node in &mut graph.nodes {
        for input in node.inputs.iter_mut().filter(|input| input.node == index) {
            input.node = producer;
        }
    }
}
