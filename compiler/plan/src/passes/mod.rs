//! From the logical plan to the graph the engine runs: a fixed list of passes, each checked after it ran.

mod build;
mod conditions;
mod fold;
mod fuse;
mod hidden;
mod identity;
mod parts;
mod prune;
mod refuse;
mod rewrite;
mod share;
mod steps;
#[cfg(test)]
mod tests;

pub use fold::fold;
pub use refuse::{Unsupported, meaningless, memory_only, not_yet, state, unsupported};

use crate::operator::Plan;
use crate::physical::{Graph, Node};
use crate::validate;

/// Makes the graph, or says what of the plan cannot run yet (every finding, in the order of the script).
pub fn lower(plan: &Plan) -> Result<Graph, Vec<Unsupported>> {
    let findings = unsupported(plan);
    if !findings.is_empty() {
        return Err(findings);
    }
    debug_assert_eq!(validate::validate_plan(plan), Ok(()), "the checker");
    let mut graph = build::build(plan);
    verify(&graph, "build");
    for (name, pass) in PASSES {
        pass(&mut graph);
        verify(&graph, name);
    }
    let in_memory = |node: &Node| graph.job.state_on_disk && node.kind.needs_memory();
    debug_assert!(!graph.nodes.iter().any(in_memory), "what cannot be on disk was not refused");
    Ok(graph)
}

/// For each operator: does it replace rows it gave, and does somebody below need to know which?
pub fn withdrawn(plan: &Plan) -> Vec<bool> {
    build::withdrawn(plan)
}

type Pass = fn(&mut Graph);

/// The passes, in order. Each keeps results and record errors, row by row.
const PASSES: &[(&str, Pass)] = &[
    ("remove operators nobody reads", prune::remove_dead),
    ("fold constants", fold::fold_constants),
    ("filter before joins", conditions::filter_before_joins),
    ("fuse chains", fuse::fuse_chains),
    ("move filters up", steps::push_filters),
    ("merge maps", steps::merge_maps),
    ("read only what is needed", prune::prune_columns),
    ("merge maps again", steps::merge_maps),
    ("remove maps that change nothing", identity::remove_identities),
    ("fuse chains again", fuse::fuse_chains),
    ("take parts without lists", parts::take_parts),
    ("compute common parts once", share::share_common),
];

fn verify(graph: &Graph, pass: &str) {
    debug_assert_eq!(validate::validate_graph(graph), Ok(()), "after the pass `{pass}`");
}
