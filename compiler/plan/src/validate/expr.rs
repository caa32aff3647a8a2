//! Expressions: children before parents, columns and locals that exist, operands of the right types.

use super::{Finding, fits, narrows};
use crate::cast::{self, CastRule};
use crate::catalogue::Func;
use crate::expr::{BinaryOp, Expr, Kind, Node, NodeId, OnFail};
use crate::types::DataType;
use crate::value::Value;
use std::collections::HashMap;

/// Checks an expression over columns of these types; `wanted` is the type its value must fit.
pub fn check(expr: &Expr, columns: &[&DataType], wanted: &DataType) -> Result<(), Finding> {
    let Some(root) = expr.nodes.last() else { return Err("an empty expression".into()) };
    let locals = locals(expr)?;
    for (index, node) in expr.nodes.iter().enumerate() {
        let mut ordered = true;
        node.kind.children(|child| ordered &= (child.0 as usize) < index);
        if !ordered {
            return Err(format!("node {index} stands before one of its operands"));
        }
        node_fits(expr, node, columns, &locals).map_err(|finding| format!("node {index}: {finding}"))?;
    }
    scopes(expr)?;
    if fits(&root.ty, wanted) { Ok(()) } else { Err(format!("a {} where {wanted} is wanted", root.ty)) }
}

/// The types of all locals; lambdas' parameters by the list they run over.
fn locals(expr: &Expr) -> Result<HashMap<u32, DataType>, Finding> {
    let mut types = HashMap::new();
    let mut bind = |local: u32, ty: &DataType| match types.insert(local, ty.clone()) {
        Some(_) => Err(format!("local {local} is bound twice")),
        None => Ok(()),
    };
    for node in &expr.nodes {
        match &node.kind {
            Kind::Let { local, value, .. } => bind(*local, &expr[*value].ty)?,
            Kind::Call(func, args) => {
                let Some(Kind::Lambda { params, .. }) = args.last().map(|last| &expr[*last].kind) else {
                    continue;
                };
                let DataType::List(item) = &expr[args[0]].ty else {
                    return Err("a lambda without a list".into());
                };
                match params.as_slice() {
                    [item_param] if *func != Func::Reduce => bind(*item_param, item)?,
                    // What is folded has the type of the result: `reduce(xs, null, …)` may widen.
                    [folded, item_param] if *func == Func::Reduce => {
                        bind(*folded, &node.ty)?;
                        bind(*item_param, item)?;
                    }
                    _ => return Err("a lambda with a wrong number of parameters".into()),
                }
            }
            _ => {}
        }
    }
    Ok(types)
}

/// Every local is used only inside what binds it.
fn scopes(expr: &Expr) -> Result<(), Finding> {
    enum Step {
        Visit(NodeId),
        Open(Vec<u32>),
        Close(usize),
    }
    let mut open: Vec<u32> = Vec::new();
    let mut steps = vec![Step::Visit(expr.root())];
    while let Some(step) = steps.pop() {
        match step {
            Step::Open(locals) => open.extend(locals),
            Step::Close(count) => open.truncate(open.len() - count),
            Step::Visit(id) => match &expr[id].kind {
                Kind::Local(local) if !open.contains(local) => {
                    return Err(format!("local {local} is not in scope"));
                }
                Kind::Let { local, value, body } => {
                    steps.extend([
                        Step::Close(1),
                        Step::Visit(*body),
                        Step::Open(vec![*local]),
                        Step::Visit(*value),
                    ]);
                }
                Kind::Lambda { params, body } => {
                    steps.extend([Step::Close(params.len()), Step::Visit(*body), Step::Open(params.clone())]);
                }
                kind => kind.children(|child| steps.push(Step::Visit(child))),
            },
        }
    }
    Ok(())
}

fn node_fits(
    expr: &Expr,
    node: &Node,
    columns: &[&DataType],
    locals: &HashMap<u32, DataType>,
) -> Result<(), Finding> {
    let ty = |id: &NodeId| &expr[*id].ty;
    let own = &node.ty;
    let ok = match &node.kind {
        Kind::Literal(value) => value_fits(value, own),
        Kind::Column(index) => {
            let column = columns.get(*index as usize).ok_or_else(|| format!("there is no column {index}"))?;
            narrows(column, own)
        }
        Kind::Local(local) => locals.get(local).is_some_and(|ty| narrows(ty, own)),
        Kind::Let { body, .. } => fits(ty(body), own),
        Kind::Neg(x) => ty(x) == own && (own.is_numeric() || *own == DataType::Duration),
        Kind::Not(x) => *ty(x) == DataType::Bool && *own == DataType::Bool,
        Kind::IsNull(_) => *own == DataType::Bool,
        Kind::And(a, b) | Kind::Or(a, b) => [ty(a), ty(b), own].iter().all(|t| **t == DataType::Bool),
        Kind::Binary(op, a, b) => binary_fits(*op, ty(a), ty(b), own),
        Kind::Coalesce(a, b) => fits(ty(a).unwrapped(), own.unwrapped()) && fits(ty(b), own),
        Kind::If { cond, then, otherwise } => {
            *ty(cond) == DataType::Bool && fits(ty(then), own) && fits(ty(otherwise), own)
        }
        Kind::Try(a, b) => fits(ty(a), own) && fits(ty(b), own),
        Kind::Cast(x, on_fail) => {
            let nullable = own.is_optional() || (*on_fail == OnFail::Error && !ty(x).is_optional());
            nullable && cast::rule(ty(x).unwrapped(), own.unwrapped()) != CastRule::Never
        }
        Kind::InSet(x, set) => {
            *own == DataType::Bool && set.iter().all(|item| value_fits(item, ty(x).unwrapped()))
        }
        Kind::Call(func, args) => call_fits(*func, args.len()),
        Kind::Lambda { body, .. } => fits(ty(body), own),
        Kind::List(items) => match own {
            DataType::List(of) => items.iter().all(|item| fits(ty(item), of)),
            _ => false,
        },
        Kind::Map(entries) => match own {
            DataType::Map(of) => entries.iter().all(|(k, v)| *ty(k) == DataType::String && fits(ty(v), of)),
            _ => false,
        },
        Kind::Record(fields) => match own {
            DataType::Record(record) => {
                fields.len() == record.fields.len()
                    && fields.iter().zip(&record.fields).all(|(value, field)| fits(ty(value), &field.ty))
            }
            _ => false,
        },
        Kind::Field(record, index) => match ty(record).unwrapped() {
            DataType::Record(fields) => {
                let field = fields.fields.get(*index as usize).ok_or("there is no such field")?;
                narrows(&field.ty, own.unwrapped()) || narrows(&field.ty, own)
            }
            _ => false,
        },
        Kind::JsonField(json, _) => {
            *ty(json).unwrapped() == DataType::Json && *own.unwrapped() == DataType::Json
        }
        Kind::Index(from, at) => index_fits(ty(from), ty(at), own),
    };
    if ok { Ok(()) } else { Err(format!("{} does not fit its operands: {:?}", node.ty, node.kind)) }
}

fn binary_fits(op: BinaryOp, a: &DataType, b: &DataType, own: &DataType) -> bool {
    use DataType as T;
    match op {
        BinaryOp::Eq | BinaryOp::Ne => {
            fits(a.unwrapped(), b.unwrapped()) || fits(b.unwrapped(), a.unwrapped())
        }
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
            a == b && a.is_ordered() && *own == T::Bool
        }
        _ if a == b && a.is_numeric() => own == a,
        BinaryOp::Add => match (a, b) {
            (T::String, T::String) | (T::Duration, T::Duration) => own == a,
            (T::Timestamp, T::Duration) | (T::Duration, T::Timestamp) => *own == T::Timestamp,
            (T::List(_), T::List(_)) => fits(a, own) && fits(b, own),
            _ => false,
        },
        BinaryOp::Sub => match (a, b) {
            (T::Duration, T::Duration) | (T::Timestamp, T::Timestamp) => *own == T::Duration,
            (T::Timestamp, T::Duration) => *own == T::Timestamp,
            _ => false,
        },
        BinaryOp::Mul => {
            matches!((a, b), (T::Duration, T::Int) | (T::Int, T::Duration)) && *own == T::Duration
        }
        BinaryOp::Div => match (a, b) {
            (T::Duration, T::Int) => *own == T::Duration,
            (T::Duration, T::Duration) => *own == T::Float,
            _ => false,
        },
        BinaryOp::Rem => false,
    }
}

fn index_fits(from: &DataType, at: &DataType, own: &DataType) -> bool {
    match (from.unwrapped(), at) {
        (DataType::List(of), DataType::Int) => fits(of, own),
        (DataType::Map(of), DataType::String) => own.is_optional() && fits(of, own),
        (DataType::Json, DataType::Int | DataType::String) => *own.unwrapped() == DataType::Json,
        _ => false,
    }
}

fn call_fits(func: Func, args: usize) -> bool {
    func.def().overloads().iter().any(|signature| {
        let most = signature.params.len();
        let variadic = signature.params.iter().any(|p| p.variadic);
        args >= signature.required() && (args <= most || variadic)
    })
}

/// Is it a value of this type?
pub fn value_fits(value: &Value, ty: &DataType) -> bool {
    use DataType as T;
    match (value, ty) {
        (Value::Null, ty) => ty.is_optional(),
        (value, T::Optional(of)) => value_fits(value, of),
        (Value::List(items), T::List(of)) => items.iter().all(|item| value_fits(item, of)),
        (Value::Map(entries), T::Map(of)) => entries.iter().all(|(_, item)| value_fits(item, of)),
        (Value::Record(values), T::Record(record)) => {
            values.len() == record.fields.len()
                && values.iter().zip(&record.fields).all(|(value, field)| value_fits(value, &field.ty))
        }
        (Value::Bool(_), T::Bool)
        | (Value::Int(_), T::Int)
        | (Value::Float(_), T::Float)
        | (Value::Decimal(_), T::Decimal)
        | (Value::String(_), T::String)
        | (Value::Bytes(_), T::Bytes)
        | (Value::Timestamp(_), T::Timestamp)
        | (Value::Duration(_), T::Duration)
        | (Value::Json(_), T::Json) => true,
        _ => false,
    }
}
