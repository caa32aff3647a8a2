//! Plans written by hand, for the tests of this crate.

use crate::catalogue::{AggFunc, Func};
use crate::connector::{ConnectorCall, Format};
use crate::expr::{BinaryOp, Expr, Kind, NodeId, Place};
use crate::operator::{
    Aggregate, AggregateCall, Declaration, DeclarationKind, GroupedAt, OnError, Operator, OperatorId,
    OperatorKind, Plan, RunningTrigger, StateIdentity, StreamMode, Trigger,
};
use crate::types::{DataType, Field, RecordType};
use crate::value::Value;
use std::sync::Arc;

pub(crate) fn record(fields: &[(&str, DataType)]) -> RecordType {
    RecordType::new(fields.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect())
}

pub(crate) fn col(index: usize, ty: DataType) -> Expr {
    Expr::column(index, ty, Place::default())
}

pub(crate) fn int(x: i64) -> Expr {
    Expr::literal(Value::Int(x), DataType::Int, Place::default())
}

pub(crate) fn text(s: &str) -> Expr {
    Expr::literal(Value::string(s), DataType::String, Place::default())
}

/// A node over operands that do not bind locals.
pub(crate) fn node(operands: &[Expr], ty: DataType, kind: impl FnOnce(&[NodeId]) -> Kind) -> Expr {
    let mut out = Expr::default();
    let ids: Vec<NodeId> = operands
        .iter()
        .map(|operand| {
            let base = out.nodes.len() as u32;
            out.nodes.extend(operand.nodes.iter().cloned().map(|mut node| {
                node.kind = node.kind.with_children(|child| NodeId(child.0 + base));
                node
            }));
            out.root()
        })
        .collect();
    let kind = kind(&ids);
    out.push(kind, ty, Place::default());
    out
}

pub(crate) fn binary(op: BinaryOp, a: Expr, b: Expr) -> Expr {
    let comparison =
        matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge);
    let ty = if comparison { DataType::Bool } else { a.ty().clone() };
    node(&[a, b], ty, |ids| Kind::Binary(op, ids[0], ids[1]))
}

pub(crate) fn call(func: Func, args: &[Expr], ty: DataType) -> Expr {
    node(args, ty, |ids| Kind::Call(func, ids.to_vec()))
}

/// A plan that grows operator by operator; each reads the one before unless said otherwise.
#[derive(Default)]
pub(crate) struct Sketch {
    pub(crate) plan: Plan,
}

impl Sketch {
    pub(crate) fn declare(&mut self, name: &str, kind: DeclarationKind, on_error: OnError) -> u32 {
        self.plan.declarations.push(Declaration {
            name: name.into(),
            was: None,
            kind,
            on_error,
            late_consumed: false,
            place: Place::default(),
        });
        self.plan.declarations.len() as u32 - 1
    }

    pub(crate) fn operator(
        &mut self,
        word: &str,
        kind: OperatorKind,
        inputs: &[u32],
        output: RecordType,
    ) -> u32 {
        let declaration = self.plan.declarations.len() as u32 - 1;
        let id = format!("{}.{word}", self.plan.declarations[declaration as usize].name);
        let stateful =
            matches!(kind, OperatorKind::Aggregate(_) | OperatorKind::Scan { .. } | OperatorKind::Join(_));
        let running = |kind: &OperatorKind| matches!(kind, OperatorKind::Aggregate(a) if a.trigger.running != RunningTrigger::AtEnd);
        let mode = match running(&kind) {
            true => StreamMode::Updating { key: vec![0] },
            false => {
                inputs.first().map_or(StreamMode::Append, |i| self.plan.operators[*i as usize].mode.clone())
            }
        };
        self.plan.operators.push(Operator {
            kind,
            inputs: inputs.iter().map(|input| OperatorId(*input)).collect(),
            output: Arc::new(output),
            mode,
            declaration,
            word: word.into(),
            state: stateful.then_some(StateIdentity { id, was: None }),
            place: Place::default(),
            grouped_at: GroupedAt::default(),
        });
        self.plan.operators.len() as u32 - 1
    }

    fn last(&self) -> (u32, RecordType) {
        let last = self.plan.operators.len() - 1;
        (last as u32, (*self.plan.operators[last].output).clone())
    }

    pub(crate) fn source(&mut self, name: &str, fields: &[(&str, DataType)]) -> u32 {
        self.declare(name, DeclarationKind::Source, OnError::Fail);
        let call =
            connector("file", fields, Some(Format::Json { time_unit: crate::connector::TimeUnit::Millis }));
        self.operator("file", OperatorKind::Source(call), &[], record(fields))
    }

    pub(crate) fn map(&mut self, columns: Vec<(&str, Expr)>) -> u32 {
        let output = columns.iter().map(|(name, expr)| Field::new(*name, expr.ty().clone())).collect();
        let exprs = columns.into_iter().map(|(_, expr)| expr).collect();
        let (input, _) = self.last();
        self.operator("map", OperatorKind::Map { exprs }, &[input], RecordType::new(output))
    }

    pub(crate) fn filter(&mut self, cond: Expr) -> u32 {
        let (input, output) = self.last();
        self.operator("filter", OperatorKind::Filter { cond }, &[input], output)
    }

    pub(crate) fn flat_map(&mut self, name: &str, list: Expr) -> u32 {
        let (input, mut output) = self.last();
        let DataType::List(of) = list.ty().clone() else { panic!("a list") };
        output.fields.push(Field::new(name, (*of).clone()));
        self.operator("flatMap", OperatorKind::FlatMap { list }, &[input], output)
    }

    pub(crate) fn aggregate(
        &mut self,
        keys: Vec<usize>,
        running: RunningTrigger,
        calls: Vec<(&str, AggFunc, Option<Expr>, DataType)>,
    ) -> u32 {
        let (input, columns) = self.last();
        let mut fields: Vec<Field> = keys.iter().map(|key| columns.fields[*key].clone()).collect();
        let mut results = Vec::new();
        let mut made = Vec::new();
        for (name, func, arg, ty) in calls {
            results.push(col(keys.len() + results.len(), ty.clone()));
            fields.push(Field::new(name, ty.clone()));
            let (by, param, filter, name) = (None, None, None, name.to_string());
            made.push(AggregateCall { func, arg, by, param, filter, ty, name, place: Place::default() });
        }
        let trigger = Trigger { running, ..Trigger::default() };
        let kind = OperatorKind::Aggregate(Aggregate { keys, window: None, trigger, calls: made, results });
        self.operator("aggregate", kind, &[input], RecordType::new(fields))
    }

    pub(crate) fn sink(&mut self, name: &str, to: &str) -> u32 {
        let (input, output) = self.last();
        self.declare(name, DeclarationKind::Sink, OnError::Fail);
        let mut call =
            connector(to, &[], Some(Format::Json { time_unit: crate::connector::TimeUnit::Millis }));
        call.schema = Arc::new(output);
        self.operator(to, OperatorKind::Sink(call), &[input], RecordType::default())
    }
}

fn connector(name: &str, fields: &[(&str, DataType)], format: Option<Format>) -> ConnectorCall {
    ConnectorCall {
        name: name.into(),
        args: Vec::new(),
        format,
        schema: Arc::new(record(fields)),
        generators: Vec::new(),
        place: Place::default(),
    }
}

/// The word count of the example.
pub(crate) fn word_count() -> Plan {
    let mut sketch = Sketch::default();
    sketch.source("text", &[("line", DataType::String)]);
    sketch.declare("counts", DeclarationKind::Stream, OnError::Fail);
    let lower = call(Func::Lower, &[col(0, DataType::String)], DataType::String);
    sketch.flat_map("word", call(Func::Split, &[lower], DataType::list(DataType::String)));
    let len = call(Func::Len, &[col(1, DataType::String)], DataType::Int);
    sketch.filter(binary(BinaryOp::Gt, len, int(0)));
    sketch.aggregate(vec![1], RunningTrigger::AtEnd, vec![("n", AggFunc::Count, None, DataType::Int)]);
    sketch.sink("out", "stdout");
    sketch.plan
}
