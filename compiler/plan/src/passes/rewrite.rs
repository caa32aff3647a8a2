//! Tools to rewrite expressions: copying one behind another, dropping what is not reached, visiting all
//! expressions of a graph.

use crate::expr::{Expr, Kind, Node, NodeId};
use crate::physical::{Graph, NodeKind, StepKind};

/// Copies an expression behind the nodes of another, with the numbers of its locals moved up by
/// `locals` so that they are free there. Gives the id of its root.
pub(super) fn append(out: &mut Expr, expr: &Expr, locals: u32) -> NodeId {
    let base = out.nodes.len() as u32;
    for node in &expr.nodes {
        let mut node = node.clone();
        node.kind = renumbered(&node.kind, locals).with_children(|child| NodeId(child.0 + base));
        out.nodes.push(node);
    }
    out.root()
}

/// The same node with higher numbers of locals.
fn renumbered(kind: &Kind, by: u32) -> Kind {
    match kind {
        Kind::Local(local) => Kind::Local(local + by),
        Kind::Let { local, value, body } => Kind::Let { local: local + by, value: *value, body: *body },
        Kind::Lambda { params, body } => {
            Kind::Lambda { params: params.iter().map(|p| p + by).collect(), body: *body }
        }
        other => other.clone(),
    }
}

/// The first number that no local has.
pub(super) fn next_local(expr: &Expr) -> u32 {
    let most = |kind: &Kind| match kind {
        Kind::Local(local) | Kind::Let { local, .. } => Some(*local),
        Kind::Lambda { params, .. } => params.iter().max().copied(),
        _ => None,
    };
    expr.nodes.iter().filter_map(|node| most(&node.kind)).max().map_or(0, |local| local + 1)
}

/// Only the nodes that `root` needs, with it as the root.
pub(super) fn compact(expr: &Expr, root: NodeId) -> Expr {
    let mut needed = vec![false; root.0 as usize + 1];
    needed[root.0 as usize] = true;
    for id in (0..needed.len()).rev() {
        if needed[id] {
            expr.nodes[id].kind.children(|child| needed[child.0 as usize] = true);
        }
    }
    let mut out = Expr::default();
    let mut moved = vec![NodeId(0); needed.len()];
    for (id, node) in expr.nodes.iter().enumerate().take(needed.len()) {
        if needed[id] {
            let kind = node.kind.with_children(|child| moved[child.0 as usize]);
            moved[id] = out.push(kind, node.ty.clone(), node.place);
        }
    }
    out
}

/// Changes which columns an expression reads.
pub(super) fn remap_columns(expr: &mut Expr, map: impl Fn(usize) -> usize) {
    for node in &mut expr.nodes {
        if let Kind::Column(index) = &mut node.kind {
            *index = map(*index as usize) as u32;
        }
    }
}

/// Visits the columns an expression reads.
pub(super) fn columns(expr: &Expr) -> impl Iterator<Item = usize> {
    expr.nodes.iter().filter_map(|node| match node.kind {
        Kind::Column(index) => Some(index as usize),
        _ => None,
    })
}

/// Every expression of a graph.
pub(super) fn for_each(graph: &mut Graph, mut change: impl FnMut(&mut Expr)) {
    for node in &mut graph.nodes {
        match &mut node.kind {
            NodeKind::Chain(chain) => {
                for step in &mut chain.steps {
                    match &mut step.kind {
                        StepKind::Map(exprs) => exprs.iter_mut().for_each(&mut change),
                        StepKind::Filter(expr) | StepKind::FlatMap(expr) => change(expr),
                    }
                }
            }
            NodeKind::Scan { init, next, emit, .. } => {
                change(init);
                change(next);
                emit.iter_mut().for_each(&mut change);
            }
            _ => {}
        }
    }
}

/// Do two expressions compute the same, wherever they stand in the script?
pub(super) fn computes_same(a: &Expr, b: &Expr) -> bool {
    let same = |(a, b): (&Node, &Node)| a.ty == b.ty && format!("{:?}", a.kind) == format!("{:?}", b.kind);
    a.nodes.len() == b.nodes.len() && a.nodes.iter().zip(&b.nodes).all(same)
}
