//! Which parts of an expression can raise a record error, and why: for hover.

use flow_plan::Expr;
use flow_plan::expr::{BinaryOp, Kind, NodeId};
use flow_plan::operator::OperatorKind;
use flow_plan::{DataType, fallible};
use flow_syntax::Span;

/// A part of an expression that can fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The part.
    pub span: Span,
    /// Why: `the int may overflow`.
    pub why: &'static str,
}

/// The expressions of an operator.
pub(crate) fn expressions(kind: &OperatorKind) -> Vec<&Expr> {
    match kind {
        OperatorKind::Map { exprs } => exprs.iter().collect(),
        OperatorKind::Filter { cond } => vec![cond],
        OperatorKind::FlatMap { list } => vec![list],
        OperatorKind::Aggregate(aggregate) => {
            let calls = aggregate.calls.iter();
            let parts = calls.flat_map(|c| [&c.arg, &c.by, &c.filter].into_iter().flatten());
            parts.chain(&aggregate.results).collect()
        }
        OperatorKind::Top { by, .. } => by.iter().map(|key| &key.expr).collect(),
        OperatorKind::Latest { by, .. } => vec![by],
        OperatorKind::Join(join) => join.equal.iter().flat_map(|(a, b)| [a, b]).chain(&join.rest).collect(),
        OperatorKind::Scan { init, next, emit, .. } => [init, next].into_iter().chain(emit).collect(),
        _ => Vec::new(),
    }
}

/// The same, to be changed.
pub(crate) fn expressions_mut(kind: &mut OperatorKind) -> Vec<&mut Expr> {
    match kind {
        OperatorKind::Map { exprs } => exprs.iter_mut().collect(),
        OperatorKind::Filter { cond } => vec![cond],
        OperatorKind::FlatMap { list } => vec![list],
        OperatorKind::Aggregate(aggregate) => {
            let calls = aggregate.calls.iter_mut();
            let parts = calls.flat_map(|c| [&mut c.arg, &mut c.by, &mut c.filter].into_iter().flatten());
            parts.chain(&mut aggregate.results).collect()
        }
        OperatorKind::Top { by, .. } => by.iter_mut().map(|key| &mut key.expr).collect(),
        OperatorKind::Latest { by, .. } => vec![by],
        OperatorKind::Join(join) => {
            join.equal.iter_mut().flat_map(|(a, b)| [a, b]).chain(&mut join.rest).collect()
        }
        OperatorKind::Scan { init, next, emit, .. } => [init, next].into_iter().chain(emit).collect(),
        _ => Vec::new(),
    }
}

/// Every part of an expression whose failure comes out of it.
pub fn failures(expr: &Expr) -> Vec<Failure> {
    if expr.nodes.is_empty() || !fallible::can_fail(expr) {
        return Vec::new();
    }
    let mut exposed = vec![false; expr.nodes.len()];
    if let Some(root) = exposed.last_mut() {
        *root = true;
    }
    let mut found = Vec::new();
    for index in (0..expr.nodes.len()).rev() {
        if !exposed[index] {
            continue;
        }
        let id = NodeId(index as u32);
        match &expr[id].kind {
            Kind::Try(_, fallback) => exposed[fallback.0 as usize] = true,
            kind => kind.children(|child| exposed[child.0 as usize] = true),
        }
        if fallible::node_can_fail(expr, id) {
            found.push(Failure { span: crate::checker::span_of(expr[id].place), why: why(expr, id) });
        }
    }
    found.reverse();
    found
}

fn why(expr: &Expr, id: NodeId) -> &'static str {
    let node = &expr[id];
    match &node.kind {
        Kind::Binary(BinaryOp::Div | BinaryOp::Rem, ..) => "the divisor may be zero",
        Kind::Binary(..) | Kind::Neg(_) if node.ty == DataType::Int => "the int may overflow",
        Kind::Binary(..) | Kind::Neg(_) => "the result may be out of range",
        Kind::Cast(..) => "the value may not convert",
        Kind::Index(..) => "the index may be out of range",
        _ => "the function may not take these values",
    }
}
