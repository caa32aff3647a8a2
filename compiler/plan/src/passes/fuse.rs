//! Chain fusion: maximal runs of stateless steps become one chain, which native code runs in one go.

use crate::physical::{Exchange, Graph, NodeKind};

pub(super) fn fuse_chains(graph: &mut Graph) {
    for index in 0..graph.nodes.len() {
        while let Some(before) = fusable(graph, index) {
            let (steps, input) = match &mut graph.nodes[before].kind {
                NodeKind::Chain(chain) => (std::mem::take(&mut chain.steps), chain.input.clone()),
                _ => return,
            };
            let inputs = graph.nodes[before].inputs.clone();
            let node = &mut graph.nodes[index];
            node.inputs = inputs;
            if let NodeKind::Chain(chain) = &mut node.kind {
                chain.steps.splice(0..0, steps);
                chain.input = input;
            }
        }
    }
    super::prune::remove_dead(graph);
}

/// The chain in front of this one, if nobody else reads it and rows stay where they are.
fn fusable(graph: &Graph, index: usize) -> Option<usize> {
    let node = &graph.nodes[index];
    let (NodeKind::Chain(_), [input]) = (&node.kind, node.inputs.as_slice()) else { return None };
    let readers = graph.nodes.iter().flat_map(|n| &n.inputs).filter(|i| i.node == input.node).count();
    let chain = matches!(&graph.nodes[input.node].kind, NodeKind::Chain(chain) if !chain.steps.is_empty());
    (input.exchange == Exchange::Local && readers == 1 && chain).then_some(input.node)
}
