//! The machine: tasks to do, values made so far, loops of list functions.

use super::{arith, convert};
use crate::catalogue::Func;
use crate::error::{ErrorCode, Fault, RecordError};
use crate::expr::{Expr, Kind, NodeId, OnFail};
use crate::functions::{self, Context, json, list};
use crate::limits::{self, Room};
use crate::order::compare;
use crate::value::Value;
use std::sync::Arc;

/// What is still to be done, last first.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Push the node's value.
    Eval(NodeId),
    /// Its operands are on the stack: replace them by its value.
    Apply(NodeId),
    /// Its first operand is on the stack: decide what of the rest is needed.
    Decide(NodeId),
    /// An error above this ends here, and the `else` is computed on stacks as high as this.
    Catch { otherwise: NodeId, values: usize, loops: usize },
    /// The list (and `reduce`'s first value) is on the stack: begin the loop.
    Begin(NodeId),
    /// The lambda's result is on the stack: go on with the innermost loop.
    Step,
}

/// A list function at work.
#[derive(Debug)]
struct Loop {
    node: NodeId,
    items: Arc<[Value]>,
    next: usize,
    out: Vec<Value>,
    room: Room,
}

/// The machine's stacks, kept between rows.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    tasks: Vec<Task>,
    values: Vec<Value>,
    loops: Vec<Loop>,
}

impl Stacks {
    pub(super) fn clear(&mut self) {
        self.tasks.clear();
        self.values.clear();
        self.loops.clear();
    }
}

pub(super) struct Machine<'a> {
    pub(super) expr: &'a Expr,
    pub(super) row: &'a [Value],
    pub(super) locals: &'a mut Vec<Value>,
    pub(super) context: &'a mut Context,
    pub(super) stacks: &'a mut Stacks,
}

type Done = Result<(), RecordError>;

impl Machine<'_> {
    pub(super) fn run(mut self) -> Result<Value, RecordError> {
        self.todo(Task::Eval(self.expr.root()));
        while let Some(task) = self.stacks.tasks.pop() {
            if let Err(error) = self.perform(task) {
                self.catch(error)?;
            }
        }
        Ok(self.pop())
    }

    /// Goes back to the innermost `try`.
    fn catch(&mut self, error: RecordError) -> Done {
        while let Some(task) = self.stacks.tasks.pop() {
            if let Task::Catch { otherwise, values, loops } = task {
                self.stacks.values.truncate(values);
                self.stacks.loops.truncate(loops);
                self.todo(Task::Eval(otherwise));
                return Ok(());
            }
        }
        Err(error)
    }

    fn todo(&mut self, task: Task) {
        self.stacks.tasks.push(task);
    }

    fn push(&mut self, value: Value) {
        self.stacks.values.push(value);
    }

    fn pop(&mut self) -> Value {
        self.stacks.values.pop().unwrap_or(Value::Null)
    }

    fn bind(&mut self, local: u32, value: Value) {
        let index = local as usize;
        if self.locals.len() <= index {
            self.locals.resize(index + 1, Value::Null);
        }
        self.locals[index] = value;
    }

    fn fault(&self, node: NodeId, fault: Fault) -> RecordError {
        fault.at(self.expr[node].place)
    }

    fn perform(&mut self, task: Task) -> Done {
        match task {
            Task::Eval(node) => self.eval(node),
            Task::Apply(node) => {
                let value = self.apply(node)?;
                self.push(value);
                Ok(())
            }
            Task::Decide(node) => self.decide(node),
            // Reached without an error: the value stays.
            Task::Catch { .. } => Ok(()),
            Task::Begin(node) => self.begin(node),
            Task::Step => self.step(),
        }
    }

    fn eval(&mut self, node: NodeId) -> Done {
        let expr = self.expr;
        match &expr[node].kind {
            Kind::Literal(value) => self.push(value.clone()),
            Kind::Column(index) => {
                let value = self.row.get(*index as usize).cloned();
                self.push(value.ok_or_else(|| self.fault(node, Fault::untyped()))?);
            }
            Kind::Local(local) => {
                let value = self.locals.get(*local as usize).cloned();
                self.push(value.ok_or_else(|| self.fault(node, Fault::untyped()))?);
            }
            Kind::Let { value: first, .. }
            | Kind::And(first, _)
            | Kind::Or(first, _)
            | Kind::Coalesce(first, _)
            | Kind::If { cond: first, .. } => {
                self.todo(Task::Decide(node));
                self.todo(Task::Eval(*first));
            }
            Kind::Try(body, otherwise) => {
                let (values, loops) = (self.stacks.values.len(), self.stacks.loops.len());
                self.todo(Task::Catch { otherwise: *otherwise, values, loops });
                self.todo(Task::Eval(*body));
            }
            Kind::Neg(x)
            | Kind::Not(x)
            | Kind::IsNull(x)
            | Kind::Cast(x, _)
            | Kind::InSet(x, _)
            | Kind::Field(x, _)
            | Kind::JsonField(x, _) => self.operands(node, &[*x]),
            Kind::Binary(_, a, b) | Kind::Index(a, b) => self.operands(node, &[*a, *b]),
            Kind::Call(func, args) if lambda_of(*func, args).is_some() => {
                self.todo(Task::Begin(node));
                for arg in args[..args.len() - 1].iter().rev() {
                    self.todo(Task::Eval(*arg));
                }
            }
            Kind::Call(_, args) | Kind::List(args) | Kind::Record(args) => self.operands(node, args),
            Kind::Map(entries) => {
                self.todo(Task::Apply(node));
                for (key, value) in entries.iter().rev() {
                    self.todo(Task::Eval(*value));
                    self.todo(Task::Eval(*key));
                }
            }
            // Bodies run in their loops; a lambda is no value.
            Kind::Lambda { .. } => return Err(self.fault(node, Fault::untyped())),
        }
        Ok(())
    }

    /// Operands are computed left to right, then the node is applied.
    fn operands(&mut self, node: NodeId, operands: &[NodeId]) {
        self.todo(Task::Apply(node));
        for operand in operands.iter().rev() {
            self.todo(Task::Eval(*operand));
        }
    }

    fn decide(&mut self, node: NodeId) -> Done {
        let first = self.pop();
        match (&self.expr[node].kind, first) {
            (Kind::Let { local, body, .. }, value) => {
                self.bind(*local, value);
                self.todo(Task::Eval(*body));
            }
            (Kind::And(_, second), Value::Bool(true)) | (Kind::Or(_, second), Value::Bool(false)) => {
                self.todo(Task::Eval(*second));
            }
            (Kind::And(..) | Kind::Or(..), decided @ Value::Bool(_)) => self.push(decided),
            (Kind::Coalesce(_, otherwise), Value::Null) => self.todo(Task::Eval(*otherwise)),
            (Kind::Coalesce(..), value) => self.push(value),
            (Kind::If { then, otherwise, .. }, Value::Bool(cond)) => {
                self.todo(Task::Eval(if cond { *then } else { *otherwise }));
            }
            _ => return Err(self.fault(node, Fault::untyped())),
        }
        Ok(())
    }

    fn apply(&mut self, node: NodeId) -> Result<Value, RecordError> {
        let expr = self.expr;
        let result = match &expr[node].kind {
            Kind::Neg(_) => arith::negate(&self.pop()),
            Kind::Not(_) => match self.pop() {
                Value::Bool(x) => Ok(Value::Bool(!x)),
                _ => Err(Fault::untyped()),
            },
            Kind::IsNull(_) => Ok(Value::Bool(self.pop().is_null())),
            Kind::Cast(x, on_fail) => {
                let value = self.pop();
                match (convert::convert(&value, expr[*x].ty.unwrapped(), expr[node].ty.unwrapped()), on_fail)
                {
                    (Err(_), OnFail::Null) => Ok(Value::Null),
                    (result, _) => result.and_then(limits::checked),
                }
            }
            Kind::InSet(_, set) => {
                let value = self.pop();
                Ok(Value::Bool(set.iter().any(|item| compare(item, &value).is_eq())))
            }
            Kind::Field(_, index) => field(&self.pop(), *index),
            Kind::JsonField(_, name) => match self.pop() {
                Value::Json(json) => Ok(json::field(&json, name)),
                Value::Null => Ok(Value::Null),
                _ => Err(Fault::untyped()),
            },
            Kind::Binary(op, ..) => {
                let (b, a) = (self.pop(), self.pop());
                arith::binary(*op, &a, &b)
            }
            Kind::Index(..) => {
                let (b, a) = (self.pop(), self.pop());
                index(&a, &b)
            }
            Kind::Call(func, args) => {
                let values = self.stacks.values.split_off(self.stacks.values.len() - args.len());
                let types: Vec<_> = args.iter().map(|arg| &expr[*arg].ty).collect();
                functions::call(*func, &values, &types, self.context).and_then(limits::checked)
            }
            Kind::List(items) => {
                let items = self.stacks.values.split_off(self.stacks.values.len() - items.len());
                limits::checked(Value::List(items.into()))
            }
            Kind::Record(fields) => {
                let fields = self.stacks.values.split_off(self.stacks.values.len() - fields.len());
                limits::checked(Value::Record(fields.into()))
            }
            Kind::Map(entries) => {
                let parts = self.stacks.values.split_off(self.stacks.values.len() - 2 * entries.len());
                map(parts).and_then(limits::checked)
            }
            _ => Err(Fault::untyped()),
        };
        result.map_err(|fault| self.fault(node, fault))
    }

    fn begin(&mut self, node: NodeId) -> Done {
        let Kind::Call(func, _) = &self.expr[node].kind else {
            return Err(self.fault(node, Fault::untyped()));
        };
        let initial = (*func == Func::Reduce).then(|| self.pop());
        let Value::List(items) = self.pop() else { return Err(self.fault(node, Fault::untyped())) };
        self.stacks.loops.push(Loop { node, items, next: 0, out: Vec::new(), room: Room::default() });
        self.advance(initial)
    }

    /// The lambda's result for the element before `next` is on the stack.
    fn step(&mut self) -> Done {
        let result = self.pop();
        let Some(at_work) = self.stacks.loops.last_mut() else { return Ok(()) };
        let node = at_work.node;
        let Kind::Call(func, _) = &self.expr[node].kind else {
            return Err(self.fault(node, Fault::untyped()));
        };
        match (func, result) {
            (Func::Any, Value::Bool(true)) | (Func::All, Value::Bool(false)) => {
                self.stacks.loops.pop();
                self.push(Value::Bool(*func == Func::Any));
                Ok(())
            }
            (Func::Any | Func::All, _) => self.advance(None),
            (Func::MapEach, value) => {
                if let Err(fault) = at_work.room.item(&value) {
                    return Err(self.fault(node, fault));
                }
                at_work.out.push(value);
                self.advance(None)
            }
            (Func::FilterEach, keep) => {
                if matches!(keep, Value::Bool(true)) {
                    let item = at_work.items[at_work.next - 1].clone();
                    at_work.out.push(item);
                }
                self.advance(None)
            }
            (_, accumulated) => self.advance(Some(accumulated)),
        }
    }

    /// Runs the lambda for the next element, or ends the loop. `accumulated` is `reduce`'s value so far.
    fn advance(&mut self, accumulated: Option<Value>) -> Done {
        let Some(at_work) = self.stacks.loops.last_mut() else { return Ok(()) };
        let node = at_work.node;
        let Kind::Call(func, args) = &self.expr[node].kind else {
            return Err(self.fault(node, Fault::untyped()));
        };
        let Some(item) = at_work.items.get(at_work.next).cloned() else {
            let out = std::mem::take(&mut at_work.out);
            self.stacks.loops.pop();
            self.push(match func {
                Func::Any => Value::Bool(false),
                Func::All => Value::Bool(true),
                Func::Reduce => accumulated.unwrap_or(Value::Null),
                _ => Value::List(out.into()),
            });
            return Ok(());
        };
        at_work.next += 1;
        let lambda = lambda_of(*func, args).map(|lambda| &self.expr[lambda].kind);
        match (lambda, accumulated) {
            (Some(Kind::Lambda { params, body }), accumulated) => {
                let values = accumulated.into_iter().chain([item]);
                for (param, value) in params.iter().zip(values) {
                    self.bind(*param, value);
                }
                self.todo(Task::Step);
                self.todo(Task::Eval(*body));
                Ok(())
            }
            _ => Err(self.fault(node, Fault::untyped())),
        }
    }
}

/// The lambda of a list function: always its last argument.
fn lambda_of(func: Func, args: &[NodeId]) -> Option<NodeId> {
    use Func::{All, Any, FilterEach, MapEach, Reduce};
    matches!(func, All | Any | FilterEach | MapEach | Reduce).then(|| args.last().copied()).flatten()
}

fn field(record: &Value, index: u32) -> Result<Value, Fault> {
    match record {
        Value::Record(fields) => fields.get(index as usize).cloned().ok_or_else(Fault::untyped),
        Value::Null => Ok(Value::Null),
        _ => Err(Fault::untyped()),
    }
}

fn index(from: &Value, at: &Value) -> Result<Value, Fault> {
    match (from, at) {
        (Value::List(items), Value::Int(index)) => {
            let item = usize::try_from(*index).ok().and_then(|index| items.get(index)).cloned();
            item.ok_or_else(|| {
                let message = format!("index {index} is outside a list of {}", items.len());
                Fault::new(ErrorCode::IndexOutOfRange, message)
            })
        }
        (Value::Map(entries), Value::String(key)) => Ok(list::get_key(entries, key)),
        (Value::Json(json), Value::Int(index)) => Ok(json::item(json, *index)),
        (Value::Json(json), Value::String(name)) => Ok(json::field(json, name)),
        (Value::Null, _) => Ok(Value::Null),
        _ => Err(Fault::untyped()),
    }
}

/// Keys and values in turn; a later equal key wins.
fn map(parts: Vec<Value>) -> Result<Value, Fault> {
    let mut entries = std::collections::BTreeMap::new();
    let mut parts = parts.into_iter();
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        match key {
            Value::String(key) => entries.insert(key, value),
            _ => return Err(Fault::untyped()),
        };
    }
    Ok(Value::Map(entries.into_iter().collect::<Vec<_>>().into()))
}
