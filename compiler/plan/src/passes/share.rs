//! Common sub-expressions: what one expression computes in several places is computed once, by a `Let`
//! around the whole. Only what cannot fail (an error must not move) and what is computed for every row
//! anyway (a branch must not cost where it is not taken).

use super::rewrite::{append, compact, for_each, next_local};
use crate::expr::{Expr, Kind, NodeId};
use crate::fallible::can_fail;
use crate::physical::Graph;
use std::collections::HashMap;

/// So many parts of one expression at the most.
const MOST: usize = 16;
/// Smaller parts are cheaper than a local.
const SMALLEST: usize = 4;

pub(super) fn share_common(graph: &mut Graph) {
    for_each(graph, |expr| {
        for _ in 0..MOST {
            match share_one(expr) {
                Some(shared) => *expr = shared,
                None => break,
            }
        }
    });
}

/// Takes out the largest common part.
fn share_one(expr: &Expr) -> Option<Expr> {
    if expr.nodes.len() < 4 {
        return None;
    }
    let classes = classes(expr);
    let eager = eager(expr);
    let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
    for (id, class) in classes.iter().enumerate() {
        members.entry(*class).or_default().push(id);
    }
    let mut candidates: Vec<_> = members.into_values().filter(|ids| ids.len() > 1).collect();
    candidates.retain(|ids| ids.iter().any(|id| eager[*id]));
    // The largest first; its first place decides between equals, so that the result is always the same.
    let parts = candidates.into_iter().map(|ids| (compact(expr, NodeId(ids[0] as u32)), ids));
    let worth = parts.filter(|(part, _)| is_worth(part));
    let (part, ids) = worth.max_by_key(|(part, ids)| (part.nodes.len(), std::cmp::Reverse(ids[0])))?;
    Some(bind(expr, &part, &ids))
}

fn is_worth(part: &Expr) -> bool {
    let calls = part.nodes.iter().any(|node| matches!(node.kind, Kind::Call(..) | Kind::JsonField(..)));
    let locals = part.nodes.iter().any(|node| matches!(node.kind, Kind::Local(_)));
    let whole = !matches!(part[part.root()].kind, Kind::Lambda { .. } | Kind::Literal(_));
    (calls || part.nodes.len() >= SMALLEST) && !locals && whole && !can_fail(part)
}

/// `let local = part` around the expression with the part's places replaced.
fn bind(expr: &Expr, part: &Expr, places: &[usize]) -> Expr {
    let local = next_local(expr);
    let mut out = Expr::default();
    // The part may bind locals of its own: none of them may be bound twice.
    let value = append(&mut out, part, local + 1);
    let mut moved = Vec::with_capacity(expr.nodes.len());
    for (id, node) in expr.nodes.iter().enumerate() {
        let kind = match places.contains(&id) {
            true => Kind::Local(local),
            false => node.kind.with_children(|child: NodeId| moved[child.0 as usize]),
        };
        moved.push(out.push(kind, node.ty.clone(), node.place));
    }
    let root = &expr[expr.root()];
    let body = moved[moved.len() - 1];
    out.push(Kind::Let { local, value, body }, root.ty.clone(), root.place);
    compact(&out, out.root())
}

/// Nodes that compute the same have the same class.
fn classes(expr: &Expr) -> Vec<usize> {
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut classes: Vec<usize> = Vec::with_capacity(expr.nodes.len());
    for node in &expr.nodes {
        let kind = node.kind.with_children(|child| NodeId(classes[child.0 as usize] as u32));
        let next = known.len();
        classes.push(*known.entry(format!("{kind:?} {:?}", node.ty)).or_insert(next));
    }
    classes
}

/// Nodes that are computed for every row.
fn eager(expr: &Expr) -> Vec<bool> {
    let mut eager = vec![false; expr.nodes.len()];
    eager[expr.nodes.len() - 1] = true;
    for id in (0..expr.nodes.len()).rev() {
        if !eager[id] {
            continue;
        }
        match &expr.nodes[id].kind {
            Kind::And(first, _)
            | Kind::Or(first, _)
            | Kind::Coalesce(first, _)
            | Kind::Try(first, _)
            | Kind::If { cond: first, .. } => eager[first.0 as usize] = true,
            Kind::Lambda { .. } => {}
            kind => kind.children(|child| eager[child.0 as usize] = true),
        }
    }
    eager
}
