//! From a failing expression to the smallest part of it that fails, as text.

use super::{Row, map_chain};
use crate::{Instance, compile};
use flow_data::Batch;
use flow_plan::eval::Evaluator;
use flow_plan::expr::{Expr, Kind, NodeId};
use flow_plan::order::identical;
use flow_plan::types::RecordType;
use flow_plan::value::Value;
use std::fmt::Write;
use std::sync::Arc;

/// The smallest failing part of an expression and a row it fails on.
pub(super) fn report(expr: &Expr, schema: &Arc<RecordType>, rows: &[Row]) -> String {
    let parts = (0..expr.nodes.len()).map(|id| part(expr, NodeId(id as u32)));
    for part in parts.flatten().chain([expr.clone()]) {
        for row in rows {
            let (expected, found) = both(&part, schema, row);
            if !same(&expected, &found) {
                let row: Vec<String> = columns(&part, schema, row);
                return format!(
                    "{}\n  {}\n  evaluator: {expected:?}\n  native:    {found:?}",
                    show(&part),
                    row.join(", "),
                );
            }
        }
    }
    format!("only as a batch of {} rows: {}\n{rows:?}", rows.len(), show(expr))
}

fn columns(expr: &Expr, schema: &RecordType, row: &Row) -> Vec<String> {
    let used = |i: usize| {
        reachable(expr, expr.root())
            .iter()
            .any(|id| matches!(expr[*id].kind, Kind::Column(c) if c as usize == i))
    };
    let columns = schema.fields.iter().zip(row).enumerate().filter(|(i, _)| used(*i));
    columns.map(|(_, (field, value))| format!("{}: {} = {value:?}", field.name, field.ty)).collect()
}

fn same(a: &Result<Value, String>, b: &Result<Value, String>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => identical(a, b),
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

/// What the evaluator and native code make of one row.
fn both(expr: &Expr, schema: &Arc<RecordType>, row: &Row) -> (Result<Value, String>, Result<Value, String>) {
    let expected = Evaluator::new(0).eval(expr, row).map_err(|e| e.to_string());
    let chain = map_chain(schema, vec![expr.clone()]);
    let found = match compile(&chain) {
        Err(error) => Err(error.to_string()),
        Ok(compiled) => {
            let batch = Batch::from_rows(std::slice::from_ref(row), schema);
            match Instance::new(compiled).run_raw(&batch) {
                (0, out) => Ok(out.columns[0].value(0, expr.ty())),
                _ => Err("a record error".to_string()),
            }
        }
    };
    (expected, found)
}

/// The expression that ends at a node, if it needs nothing from outside.
fn part(expr: &Expr, root: NodeId) -> Option<Expr> {
    let nodes = reachable(expr, root);
    let mut bound: Vec<u32> = Vec::new();
    for id in &nodes {
        match &expr[*id].kind {
            Kind::Let { local, .. } => bound.push(*local),
            Kind::Lambda { params, .. } => bound.extend(params),
            _ => {}
        }
    }
    let closed = nodes.iter().all(|id| !matches!(expr[*id].kind, Kind::Local(l) if !bound.contains(&l)));
    let value = !matches!(expr[root].kind, Kind::Lambda { .. });
    (closed && value).then(|| Expr { nodes: expr.nodes[..=root.0 as usize].to_vec() })
}

fn reachable(expr: &Expr, root: NodeId) -> Vec<NodeId> {
    let mut open = vec![root];
    let mut found = Vec::new();
    while let Some(id) = open.pop() {
        found.push(id);
        expr[id].kind.children(|child| open.push(child));
    }
    found
}

/// An expression as text, one node inside the other.
pub(super) fn show(expr: &Expr) -> String {
    let mut text = String::new();
    write_node(&mut text, expr, expr.root());
    text
}

/// Random expressions are a few levels deep: this may recurse.
fn write_node(text: &mut String, expr: &Expr, id: NodeId) {
    let node = &expr[id];
    let name = match &node.kind {
        Kind::Literal(value) => {
            let _ = write!(text, "{value:?}");
            return;
        }
        Kind::Column(index) => {
            let _ = write!(text, "c{index}");
            return;
        }
        Kind::Local(local) => {
            let _ = write!(text, "l{local}");
            return;
        }
        Kind::Let { local, .. } => format!("Let l{local}"),
        Kind::Binary(op, ..) => format!("{op:?}"),
        Kind::Cast(_, on_fail) => format!("Cast {on_fail:?}"),
        Kind::InSet(_, set) => format!("In {set:?}"),
        Kind::Call(func, _) => func.name().to_string(),
        Kind::Lambda { params, .. } => format!("Lambda {params:?}"),
        Kind::Field(_, index) => format!("Field {index}"),
        kind => format!("{kind:?}").split(['(', ' ', '{']).next().unwrap_or_default().to_string(),
    };
    let _ = write!(text, "{name}(");
    let mut first = true;
    let mut children = Vec::new();
    node.kind.children(|child| children.push(child));
    for child in children {
        if !std::mem::replace(&mut first, false) {
            text.push_str(", ");
        }
        write_node(text, expr, child);
    }
    let _ = write!(text, "): {}", node.ty);
}
