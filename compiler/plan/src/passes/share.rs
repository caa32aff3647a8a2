//! Common sub-expressions: what one expression computes in several places is computed once, by a `Let`
//! around the whole; what several columns of a map compute, by a map before it. Only what cannot fail (an error must not move) and what is computed for every row
//! anyway (a branch must not cost where it is not taken).

use super::rewrite::{append, columns, compact, for_each, next_local, remap_columns};
use crate::expr::{Expr, Kind, NodeId};
use crate::fallible::can_fail;
use crate::physical::{Chain, Graph, NodeKind, Step, StepKind};
use crate::types::{Field, RecordType};
use std::collections::HashMap;
use std::sync::Arc;

/// So many parts of one expression at the most.
const MOST: usize = 16;
/// Smaller parts are cheaper than a local.
const SMALLEST: usize = 4;
/// Longer expressions are left as they are: nobody writes them by hand, and looking through them takes long.
const LONGEST: usize = 4000;

pub(super) fn share_common(graph: &mut Graph) {
    for node in &mut graph.nodes {
        if let NodeKind::Chain(chain) = &mut node.kind {
            share_between(chain);
        }
    }
    for_each(graph, |expr| {
        for _ in 0..MOST {
            match share_one(expr) {
                Some(shared) => *expr = shared,
                None => break,
            }
        }
    });
}

/// What several columns of a map compute becomes a column of a map before it.
fn share_between(chain: &mut Chain) {
    let mut index = 0;
    while index < chain.steps.len() {
        let input = if index == 0 { chain.input.clone() } else { chain.steps[index - 1].output.clone() };
        match split_step(&chain.steps[index], &input).filter(|_| chain.steps.len() < MOST) {
            Some([before, after]) => {
                chain.steps[index] = after;
                chain.steps.insert(index, before);
            }
            None => index += 1,
        }
    }
}

/// A map that computes a common part behind the columns that are still read, and the map over it.
fn split_step(step: &Step, input: &RecordType) -> Option<[Step; 2]> {
    let StepKind::Map(exprs) = &step.kind else { return None };
    let mut all = Expr::default();
    let roots: Vec<NodeId> = exprs
        .iter()
        .map(|expr| {
            let free = next_local(&all);
            append(&mut all, expr, free)
        })
        .collect();
    let (part, places) = common(&all, &roots, 2)?;
    // Replaced by a column behind all others first; then what nobody reads any more goes.
    let shared = input.fields.len();
    let ty = part.ty().clone();
    for place in &places {
        all.nodes[*place].kind = Kind::Column(shared as u32);
    }
    let mut after: Vec<Expr> = roots.iter().map(|root| compact(&all, *root)).collect();
    let mut kept: Vec<usize> = after.iter().flat_map(columns).filter(|column| *column != shared).collect();
    kept.sort_unstable();
    kept.dedup();
    let moved = |column: usize| kept.binary_search(&column).unwrap_or(kept.len());
    after.iter_mut().for_each(|expr| remap_columns(expr, moved));

    let place = part[part.root()].place;
    let mut fields: Vec<Field> = kept.iter().map(|column| input.fields[*column].clone()).collect();
    let mut before: Vec<Expr> =
        kept.iter().map(|column| Expr::column(*column, input.fields[*column].ty.clone(), place)).collect();
    fields.push(Field::new("shared", ty));
    before.push(part);
    let output = Arc::new(RecordType::new(fields));
    Some([
        Step { kind: StepKind::Map(before), output, ..step.clone() },
        Step { kind: StepKind::Map(after), ..step.clone() },
    ])
}

/// Takes out the largest common part.
fn share_one(expr: &Expr) -> Option<Expr> {
    let (part, places) = common(expr, &[expr.root()], 1)?;
    Some(bind(expr, &part, &places))
}

/// The largest part that stands in several places below these roots, under `trees` different ones at
/// least, and its places.
fn common(expr: &Expr, roots: &[NodeId], trees: usize) -> Option<(Expr, Vec<usize>)> {
    if expr.nodes.len() < 4 || expr.nodes.len() > LONGEST {
        return None;
    }
    let eager = eager(expr, roots);
    let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
    for (id, class) in classes(expr).into_iter().enumerate() {
        members.entry(class).or_default().push(id);
    }
    let tree_of = |id: &usize| roots.partition_point(|root| (root.0 as usize) < *id);
    let spread = |ids: &[usize]| tree_of(&ids[0]) != tree_of(&ids[ids.len() - 1]);
    let mut candidates: Vec<Vec<usize>> = members
        .into_values()
        .filter(|ids| ids.len() > 1 && ids.iter().any(|id| eager[*id]) && (trees < 2 || spread(ids)))
        .collect();
    // The largest first; its first place decides between equals, so that the result is always the same.
    let sizes = sizes(expr);
    candidates.sort_by_key(|ids| (std::cmp::Reverse(sizes[ids[0]]), ids[0]));
    candidates.into_iter().find_map(|ids| {
        let part = compact(expr, NodeId(ids[0] as u32));
        is_worth(&part).then_some((part, ids))
    })
}

/// Nodes of the tree below each node.
fn sizes(expr: &Expr) -> Vec<usize> {
    let mut sizes: Vec<usize> = Vec::with_capacity(expr.nodes.len());
    for node in &expr.nodes {
        let mut size = 1usize;
        node.kind.children(|child| size = size.saturating_add(sizes[child.0 as usize]));
        sizes.push(size);
    }
    sizes
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
fn eager(expr: &Expr, roots: &[NodeId]) -> Vec<bool> {
    let mut eager = vec![false; expr.nodes.len()];
    roots.iter().for_each(|root| eager[root.0 as usize] = true);
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
