//! Which nodes of an expression become instructions, and which are left to the evaluator.

use crate::frame::Shape;
use flow_plan::catalogue::Func;
use flow_plan::expr::{BinaryOp, Expr, Kind, NodeId};
use flow_plan::types::DataType;
use flow_plan::value::Value;

/// A subtree this heavy is branched around rather than computed in vain.
const BRANCH: u32 = 12;
/// The weight of a call.
const CALL: u32 = 100;
/// Longest constant list that is compared element by element.
const SET: usize = 12;

/// What the generator does with each node.
pub(crate) struct Classes {
    /// Is the node written as instructions (or else computed by the evaluator, with all below it)?
    pub(crate) native: Vec<bool>,
    weight: Vec<u32>,
}

impl Classes {
    /// Looks at every node once; operands come before their users.
    pub(crate) fn of(expr: &Expr) -> Classes {
        let mut native = Vec::with_capacity(expr.nodes.len());
        let mut weight: Vec<u32> = Vec::with_capacity(expr.nodes.len());
        for (index, node) in expr.nodes.iter().enumerate() {
            let mine = is_native(expr, NodeId(index as u32)) && Shape::of(&node.ty) != Shape::Any;
            let below: u32 =
                operands(&node.kind).iter().map(|n| weight[n.0 as usize]).fold(0, u32::saturating_add);
            let own = if mine { own_weight(expr, node) } else { CALL };
            native.push(mine);
            weight.push(below.saturating_add(own));
        }
        Classes { native, weight }
    }

    /// Should this operand be branched around if it is not needed?
    pub(crate) fn branches(&self, node: NodeId) -> bool {
        self.weight[node.0 as usize] > BRANCH
    }
}

/// All operands of a node.
pub(crate) fn operands(kind: &Kind) -> Vec<NodeId> {
    match kind {
        Kind::Literal(_) | Kind::Column(_) | Kind::Local(_) => vec![],
        Kind::Let { value, body, .. } => vec![*value, *body],
        Kind::Neg(a)
        | Kind::Not(a)
        | Kind::IsNull(a)
        | Kind::Cast(a, _)
        | Kind::InSet(a, _)
        | Kind::Field(a, _)
        | Kind::JsonField(a, _) => vec![*a],
        Kind::Binary(_, a, b)
        | Kind::And(a, b)
        | Kind::Or(a, b)
        | Kind::Coalesce(a, b)
        | Kind::Try(a, b)
        | Kind::Index(a, b) => vec![*a, *b],
        Kind::If { cond, then, otherwise } => vec![*cond, *then, *otherwise],
        Kind::Call(_, args) | Kind::List(args) | Kind::Record(args) => args.clone(),
        Kind::Lambda { body, .. } => vec![*body],
        Kind::Map(pairs) => pairs.iter().flat_map(|(k, v)| [*k, *v]).collect(),
    }
}

fn own_weight(expr: &Expr, node: &flow_plan::expr::Node) -> u32 {
    let ty = |id: &NodeId| expr[*id].ty.unwrapped();
    match &node.kind {
        Kind::Binary(_, a, _) if matches!(ty(a), DataType::String | DataType::Bytes | DataType::Decimal) => {
            CALL
        }
        Kind::Call(func, _) if !is_cheap(*func) => CALL,
        Kind::Cast(a, _) if !cheap_cast(ty(a), node.ty.unwrapped()) => CALL,
        Kind::InSet(_, set) => set.len() as u32 * 2,
        Kind::Literal(_) | Kind::Column(_) | Kind::Local(_) | Kind::Let { .. } => 0,
        _ => 2,
    }
}

fn is_cheap(func: Func) -> bool {
    matches!(
        func,
        Func::Abs | Func::Min | Func::Max | Func::IsNaN | Func::Sign | Func::EpochMillis | Func::IsNull
    )
}

fn cheap_cast(from: &DataType, to: &DataType) -> bool {
    from == to || (word_like(from) && word_like(to))
}

fn word_like(ty: &DataType) -> bool {
    matches!(ty, DataType::Int | DataType::Float | DataType::Bool | DataType::Timestamp | DataType::Duration)
}

/// Are there instructions for this node?
fn is_native(expr: &Expr, id: NodeId) -> bool {
    let node = &expr[id];
    let ty = |id: &NodeId| &expr[*id].ty;
    let scalar = |id: &NodeId| Shape::of(ty(id)) != Shape::Any;
    match &node.kind {
        Kind::Literal(_) | Kind::Column(_) | Kind::Local(_) => true,
        Kind::Let { value, body, .. } => scalar(value) && scalar(body),
        Kind::Neg(a) => matches!(ty(a), DataType::Int | DataType::Float | DataType::Duration),
        Kind::Not(a) => *ty(a) == DataType::Bool,
        Kind::Binary(op, a, b) => is_native_binary(*op, ty(a), ty(b)),
        Kind::And(a, b) | Kind::Or(a, b) => *ty(a) == DataType::Bool && *ty(b) == DataType::Bool,
        Kind::Coalesce(a, b) | Kind::Try(a, b) => {
            scalar(a)
                && scalar(b)
                && Shape::of(ty(a)) == Shape::of(&node.ty)
                && Shape::of(ty(b)) == Shape::of(&node.ty)
        }
        Kind::IsNull(a) => scalar(a),
        Kind::Cast(a, _) => is_native_cast(ty(a).unwrapped(), node.ty.unwrapped()),
        Kind::If { cond, then, otherwise } => {
            let fits =
                |id: &NodeId| scalar(id) && (Shape::of(ty(id)) == Shape::of(&node.ty) || is_null(expr, *id));
            *ty(cond) == DataType::Bool && fits(then) && fits(otherwise)
        }
        Kind::InSet(a, set) => {
            let words = matches!(ty(a), DataType::Int | DataType::Timestamp | DataType::Duration);
            let short = |v: &Value| matches!(v, Value::String(s) if s.len() <= flow_data::view::INLINE);
            set.len() <= SET && (words || (*ty(a) == DataType::String && set.iter().all(short)))
        }
        Kind::Call(func, args) => super::call::is_native(expr, *func, args),
        Kind::Lambda { .. }
        | Kind::List(_)
        | Kind::Map(_)
        | Kind::Record(_)
        | Kind::Field(..)
        | Kind::JsonField(..)
        | Kind::Index(..) => false,
    }
}

fn is_null(expr: &Expr, id: NodeId) -> bool {
    matches!(expr[id].kind, Kind::Literal(Value::Null))
}

fn is_native_binary(op: BinaryOp, a: &DataType, b: &DataType) -> bool {
    use BinaryOp as Op;
    use DataType as T;
    let equality = matches!(op, Op::Eq | Op::Ne);
    if equality || matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge) {
        let same = a.unwrapped() == b.unwrapped() && Shape::of(a) != Shape::Any;
        return same && (equality || (!a.is_optional() && !b.is_optional()));
    }
    match (a, b) {
        (T::Int, T::Int) | (T::Float, T::Float) => true,
        (T::Decimal, T::Decimal) => true,
        (T::Duration, T::Duration) => matches!(op, Op::Add | Op::Sub | Op::Div),
        (T::Timestamp, T::Timestamp) => op == Op::Sub,
        (T::Timestamp, T::Duration) => matches!(op, Op::Add | Op::Sub),
        (T::Duration, T::Int) => matches!(op, Op::Mul | Op::Div),
        (T::String, T::String) => op == Op::Add,
        _ => false,
    }
}

fn is_native_cast(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    if from == to {
        return Shape::of(from) != Shape::Any;
    }
    matches!(
        (from, to),
        (T::Int, T::Float | T::Bool | T::Timestamp | T::Duration)
            | (T::Float | T::Bool | T::Timestamp | T::Duration, T::Int)
            | (T::Int | T::Float, T::Decimal)
            | (T::Decimal, T::Int | T::Float)
            | (T::String, T::Int | T::Float | T::Decimal | T::Bool | T::Timestamp | T::Duration)
            | (T::Int | T::Float | T::Decimal | T::Bool | T::Timestamp | T::Duration | T::Bytes, T::String)
    )
}
