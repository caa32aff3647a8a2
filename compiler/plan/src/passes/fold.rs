//! Constant folding: what depends on no row is computed once, by the evaluator. What would raise an error
//! is left as it is: the error belongs to the rows.

use super::rewrite::{compact, for_each};
use crate::catalogue::Func;
use crate::eval::eval;
use crate::expr::{Expr, Kind, NodeId};
use crate::physical::Graph;
use crate::types::DataType;
use crate::validate::value_fits;
use crate::value::Value;
use std::collections::HashMap;

/// Constants larger than this are not kept in the plan.
const LARGEST: usize = 4096;

pub(super) fn fold_constants(graph: &mut Graph) {
    for_each(graph, |expr| {
        // Most expressions have nothing to fold: they are not copied.
        if expr.nodes.len() > 1 {
            *expr = fold(expr);
        }
    });
}

/// The expression with constant parts computed and decided branches taken.
pub fn fold(expr: &Expr) -> Expr {
    let mut out = Expr::default();
    let mut moved: Vec<NodeId> = Vec::with_capacity(expr.nodes.len());
    let values = let_values(expr);
    for node in &expr.nodes {
        if let Kind::Local(local) = &node.kind
            && let Some(plain) =
                plain_value(&out, values.get(local).and_then(|id| moved.get(id.0 as usize)), &node.ty)
        {
            moved.push(out.push(plain, node.ty.clone(), node.place));
            continue;
        }
        let kind = node.kind.with_children(|child| moved[child.0 as usize]);
        let id = match decided(&out, &kind) {
            // A constant that is not null loses its `?` in `a ?? b`.
            Some(taken) if matches!(out[taken].kind, Kind::Literal(_)) => {
                out.push(out[taken].kind.clone(), node.ty.clone(), node.place)
            }
            // A branch may be `T` where the whole is `T?`: values are the same.
            Some(taken) => taken,
            None => {
                let foldable = is_constant(&out, &kind);
                let id = out.push(kind, node.ty.clone(), node.place);
                if foldable {
                    compute(&mut out, id);
                }
                id
            }
        };
        moved.push(id);
    }
    match moved.last() {
        Some(root) => compact(&out, *root),
        None => out,
    }
}

/// What each `let` binds.
fn let_values(expr: &Expr) -> HashMap<u32, NodeId> {
    let bound = expr.nodes.iter().filter_map(|node| match &node.kind {
        Kind::Let { local, value, .. } => Some((*local, *value)),
        _ => None,
    });
    bound.collect()
}

/// A bound value that is as cheap as the local: a constant, a column, another local.
fn plain_value(out: &Expr, value: Option<&NodeId>, ty: &DataType) -> Option<Kind> {
    let node = &out[*value?];
    let plain = match &node.kind {
        Kind::Literal(value) => value_fits(value, ty),
        Kind::Column(_) | Kind::Local(_) => true,
        _ => false,
    };
    plain.then(|| node.kind.clone())
}

/// The operand that a lazy operator with a constant condition gives.
fn decided(out: &Expr, kind: &Kind) -> Option<NodeId> {
    let constant = |id: &NodeId| match &out[*id].kind {
        Kind::Literal(value) => Some(value),
        _ => None,
    };
    match kind {
        Kind::If { cond, then, otherwise } => match constant(cond)? {
            Value::Bool(true) => Some(*then),
            Value::Bool(false) => Some(*otherwise),
            _ => None,
        },
        Kind::And(a, b) => match constant(a)? {
            Value::Bool(true) => Some(*b),
            _ => Some(*a),
        },
        Kind::Or(a, b) => match constant(a)? {
            Value::Bool(false) => Some(*b),
            _ => Some(*a),
        },
        Kind::Coalesce(a, b) => match constant(a)? {
            Value::Null => Some(*b),
            _ => Some(*a),
        },
        Kind::Try(a, _) => constant(a).map(|_| *a),
        // Its uses were replaced.
        Kind::Let { value, body, local } if is_plain(out, *value) && !reads(out, *body, *local) => {
            Some(*body)
        }
        _ => None,
    }
}

fn is_plain(out: &Expr, id: NodeId) -> bool {
    matches!(out[id].kind, Kind::Literal(_) | Kind::Column(_) | Kind::Local(_))
}

/// Is the local still read? (A constant whose type does not fit where it stands is left.)
fn reads(out: &Expr, body: NodeId, local: u32) -> bool {
    let nodes = out.nodes.iter().take(body.0 as usize + 1);
    nodes.into_iter().any(|node| matches!(node.kind, Kind::Local(read) if read == local))
}

fn is_constant(out: &Expr, kind: &Kind) -> bool {
    let possible = match kind {
        Kind::Literal(_) | Kind::Column(_) | Kind::Local(_) | Kind::Let { .. } | Kind::Lambda { .. } => false,
        Kind::Call(func, _) => *func != Func::Now,
        _ => true,
    };
    let mut constant = true;
    kind.children(|child| constant &= matches!(out[child].kind, Kind::Literal(_)));
    possible && constant
}

/// Replaces a node by its value, if it has one.
fn compute(out: &mut Expr, id: NodeId) {
    let node = out[id].clone();
    let mut alone = Expr::default();
    let kind = node.kind.with_children(|child| {
        alone.nodes.push(out[child].clone());
        alone.root()
    });
    alone.push(kind, node.ty, node.place);
    if let Ok(value) = eval(&alone, &[])
        && size(&value) <= LARGEST
    {
        out.nodes[id.0 as usize].kind = Kind::Literal(value);
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(s) => s.len(),
        Value::Bytes(b) => b.len(),
        Value::List(items) | Value::Record(items) => items.iter().map(size).sum::<usize>() + items.len(),
        Value::Map(entries) => entries.iter().map(|(k, v)| k.len() + size(v)).sum(),
        Value::Json(_) => LARGEST,
        _ => 8,
    }
}
