//! Constant folding: what depends on no row is computed once, by the evaluator. What would raise an error
//! is left as it is: the error belongs to the rows.

use super::rewrite::{compact, for_each};
use crate::catalogue::Func;
use crate::eval::eval;
use crate::expr::{Expr, Kind, NodeId};
use crate::physical::Graph;
use crate::value::Value;

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
    for node in &expr.nodes {
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
        _ => None,
    }
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
