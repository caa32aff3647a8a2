//! Changelogs: which updating operators must give withdrawals, and where withdrawals end.

use super::{Builder, passed, with};
use crate::expr::{BinaryOp, Expr, Kind};
use crate::operator::{JoinBound, Operator, OperatorId, OperatorKind, Plan, StreamMode};
use crate::physical::{Exchange, Input, NodeKind, StepKind, hidden};
use crate::types::{DataType, RecordType};
use crate::value::Value;
use std::sync::Arc;

/// For each operator: does it update its rows, and does somebody below need to know what is replaced?
pub(in super::super) fn wanted(plan: &Plan) -> Vec<bool> {
    let mut wanted = vec![false; plan.operators.len()];
    for index in (0..plan.operators.len()).rev() {
        let operator = &plan.operators[index];
        for (at, OperatorId(input)) in operator.inputs.iter().enumerate() {
            wanted[*input as usize] |= match &operator.kind {
                OperatorKind::Sink(_) => false,
                OperatorKind::Aggregate(_)
                | OperatorKind::Top { .. }
                | OperatorKind::Latest { .. }
                | OperatorKind::Distinct { .. } => true,
                OperatorKind::Join(join) => match join.bound {
                    JoinBound::Lookup | JoinBound::AsOf => at == 0 && wanted[index],
                    _ => true,
                },
                _ => wanted[index],
            };
        }
    }
    let updating = plan.operators.iter().map(|operator| operator.mode != StreamMode::Append);
    wanted.iter().zip(updating).map(|(wanted, updating)| *wanted && updating).collect()
}

impl Builder {
    /// The declared columns of a node, without withdrawals: what is appended.
    pub(super) fn appended(&mut self, operator: &Operator, node: usize) -> usize {
        let node = self.without_withdrawals(operator, node);
        let record = self.record(node).clone();
        let visible = hidden::visible(&record);
        if visible == record.fields.len() {
            return node;
        }
        let exprs = (0..visible).map(|column| passed(&record, column, operator)).collect();
        let output = Arc::new(RecordType::new(record.fields[..visible].to_vec()));
        self.chain(operator, StepKind::Map(exprs), node, output)
    }

    /// A node's rows that are added.
    pub(super) fn without_withdrawals(&mut self, operator: &Operator, node: usize) -> usize {
        let record = self.record(node).clone();
        let Some(change) = hidden::position(&record, hidden::CHANGE) else { return node };
        let mut cond = passed(&record, change, operator);
        let column = cond.root();
        let zero = cond.push(Kind::Literal(Value::Int(0)), DataType::Int, operator.place);
        cond.push(Kind::Binary(BinaryOp::Gt, column, zero), DataType::Bool, operator.place);
        let added = self.chain(operator, StepKind::Filter(cond), node, record.clone());
        let rest: Vec<usize> = (0..record.fields.len()).filter(|column| *column != change).collect();
        let fields = rest.iter().map(|column| record.fields[*column].clone()).collect();
        let exprs = rest.iter().map(|column| passed(&record, *column, operator)).collect();
        self.chain(operator, StepKind::Map(exprs), added, Arc::new(RecordType::new(fields)))
    }

    /// A union's inputs get the same hidden columns: event time only if all have it, changes if one has.
    pub(super) fn union(&mut self, operator: &Operator) -> usize {
        let nodes: Vec<usize> = (0..operator.inputs.len()).map(|at| self.input(operator, at)).collect();
        let all = nodes.iter().map(|node| self.hidden(*node)).collect::<Vec<_>>();
        let timed = all.iter().all(|hidden| hidden.time.is_some() && hidden.watermark.is_some());
        let changes = all.iter().any(|hidden| hidden.change.is_some());
        let names = [
            timed.then_some(hidden::TIME),
            timed.then_some(hidden::WATERMARK),
            changes.then_some(hidden::CHANGE),
        ];
        let inputs = nodes
            .into_iter()
            .map(|node| Input { node: self.aligned(operator, node, &names), exchange: Exchange::Local })
            .collect();
        let output = with(operator.output.fields.clone(), &names);
        self.push(operator, NodeKind::Union, inputs, output)
    }

    /// A node's declared columns and these hidden ones; what was no changelog only adds.
    fn aligned(&mut self, operator: &Operator, node: usize, names: &[Option<&str>]) -> usize {
        let record = self.record(node).clone();
        let visible = hidden::visible(&record);
        let wanted: Vec<&str> = names.iter().flatten().copied().collect();
        if record.fields[visible..].iter().map(|f| &*f.name).eq(wanted.iter().copied()) {
            return node;
        }
        let mut exprs: Vec<Expr> = (0..visible).map(|column| passed(&record, column, operator)).collect();
        exprs.extend(wanted.iter().map(|name| match hidden::position(&record, name) {
            Some(column) => passed(&record, column, operator),
            None => {
                let mut one = Expr::default();
                one.push(Kind::Literal(Value::Int(1)), DataType::Int, operator.place);
                one
            }
        }));
        let output = with(record.fields[..visible].to_vec(), names);
        self.chain(operator, StepKind::Map(exprs), node, output)
    }
}
