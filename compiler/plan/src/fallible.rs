//! Can an expression raise a record error, and which part of it? Conservative: what is said to be safe is safe.
//!
//! The limits of [`crate::limits`] are left out: every text and every list could meet them. A value that
//! nobody needs may therefore go uncomputed, and its being too large unnoticed.

use crate::cast::{self, CastRule};
use crate::catalogue::Func;
use crate::expr::{BinaryOp, Expr, Kind, NodeId, OnFail};
use crate::functions;
use crate::types::DataType;
use crate::value::Value;

/// Can evaluating it raise a record error?
pub fn can_fail(expr: &Expr) -> bool {
    first_fallible(expr).is_some()
}

/// The first node (in the order of the arena) that can fail without a `try` around it.
pub fn first_fallible(expr: &Expr) -> Option<NodeId> {
    let exposed = exposed(expr);
    let mut ids = (0..expr.nodes.len() as u32).map(NodeId);
    ids.find(|id| exposed[id.0 as usize] && node_can_fail(expr, *id))
}

/// Nodes whose errors come out: those that are reached without passing the first operand of a `try`.
fn exposed(expr: &Expr) -> Vec<bool> {
    let mut exposed = vec![false; expr.nodes.len()];
    if let Some(root) = exposed.last_mut() {
        *root = true;
    }
    // Parents stand behind their children, so each parent is decided before its children.
    for id in (0..expr.nodes.len()).rev() {
        if !exposed[id] {
            continue;
        }
        match &expr.nodes[id].kind {
            Kind::Try(_, otherwise) => exposed[otherwise.0 as usize] = true,
            kind => kind.children(|child| exposed[child.0 as usize] = true),
        }
    }
    exposed
}

/// Can this node itself fail, its operands aside?
pub fn node_can_fail(expr: &Expr, id: NodeId) -> bool {
    let node = &expr[id];
    match &node.kind {
        Kind::Neg(_) => matches!(node.ty, DataType::Int | DataType::Duration),
        Kind::Binary(op, a, b) => binary_can_fail(expr, *op, *a, *b),
        Kind::Cast(_, OnFail::Null) => false,
        Kind::Cast(x, OnFail::Error) => {
            cast::rule(expr[*x].ty.unwrapped(), node.ty.unwrapped()) != CastRule::Total
        }
        Kind::Index(from, _) => matches!(expr[*from].ty.unwrapped(), DataType::List(_)),
        Kind::Call(func, args) => call_can_fail(expr, *func, args),
        _ => false,
    }
}

fn binary_can_fail(expr: &Expr, op: BinaryOp, a: NodeId, b: NodeId) -> bool {
    let ty = &expr[a].ty;
    match op {
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul => {
            !matches!(ty, DataType::Float | DataType::String | DataType::List(_))
        }
        BinaryOp::Div | BinaryOp::Rem => match (ty, literal(expr, b)) {
            // The divisor is written down and is neither 0 nor, where that could overflow, -1.
            (DataType::Int | DataType::Duration, Some(Value::Int(x))) => matches!(x, 0 | -1),
            (DataType::Float, Some(Value::Float(x))) => *x == 0.0,
            (DataType::Duration, Some(Value::Duration(x))) => *x == 0,
            _ => true,
        },
        _ => false,
    }
}

fn call_can_fail(expr: &Expr, func: Func, args: &[NodeId]) -> bool {
    if !func.def().fallible {
        return false;
    }
    let constant = |index: usize| {
        args.get(index).is_none_or(|arg| match literal(expr, *arg) {
            Some(Value::String(text)) => functions::bad_constant(func, index, text).is_none(),
            _ => false,
        })
    };
    let ty = args.first().map(|arg| &expr[*arg].ty);
    match func {
        Func::Matches | Func::RegexExtract | Func::RegexReplace => !constant(1),
        Func::Format => !constant(1) || !constant(2),
        func if functions::is_calendar(func) => !constant(1),
        Func::Abs => !matches!(ty, Some(DataType::Float | DataType::Decimal)),
        Func::Round => match ty {
            Some(DataType::Float) => false,
            Some(DataType::Int) => args.len() > 1,
            _ => true,
        },
        _ => true,
    }
}

fn literal(expr: &Expr, id: NodeId) -> Option<&Value> {
    match &expr[id].kind {
        Kind::Literal(value) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Place;

    fn division(divisor: Value) -> Expr {
        let mut expr = Expr::column(0, DataType::Int, Place::default());
        let x = expr.root();
        let y = expr.push(Kind::Literal(divisor), DataType::Int, Place::default());
        expr.push(Kind::Binary(BinaryOp::Div, x, y), DataType::Int, Place::default());
        expr
    }

    #[test]
    fn a_division_by_a_written_number_that_is_not_zero_cannot_fail() {
        assert!(!can_fail(&division(Value::Int(100))));
        assert!(can_fail(&division(Value::Int(0))));
        assert!(can_fail(&division(Value::Int(-1))));
    }

    #[test]
    fn what_a_try_guards_cannot_fail_but_its_other_side_can() {
        let mut expr = division(Value::Int(0));
        let body = expr.root();
        let seven = expr.push(Kind::Literal(Value::Int(7)), DataType::Int, Place::default());
        let tried = expr.push(Kind::Try(body, seven), DataType::Int, Place::default());
        assert!(!can_fail(&expr));
        expr.push(Kind::Neg(tried), DataType::Int, Place::default());
        assert_eq!(first_fallible(&expr), Some(expr.root()));
    }
}
