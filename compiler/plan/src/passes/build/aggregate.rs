//! Aggregations: arguments before, results behind.

use super::super::rewrite;
use super::prepared::Prepared;
use super::time::needs_event_time;
use super::{Builder, by_key, passed, with};
use crate::expr::{Expr, Kind};
use crate::fallible::can_fail;
use crate::operator::{Aggregate, AggregateCall, Operator, RunningTrigger, Trigger, Window, WindowKind};
use crate::physical::{
    ColumnAggregate, Hidden, Input, NodeKind, RunningAggregate, StepKind, WindowAggregate, hidden,
};
use crate::types::Field;
use crate::value::Value;
use std::sync::Arc;

/// How an aggregation keeps its groups.
enum Kept {
    /// For ever, given by a trigger; anew after each result?
    Running(RunningTrigger, bool),
    /// Per window.
    Windowed(Window),
}

/// A window of all rows is running state that is given at the end; one of `n` rows begins anew.
fn kept(aggregate: &Aggregate) -> Kept {
    let trigger = &aggregate.trigger;
    match &aggregate.window {
        None => Kept::Running(trigger.running.clone(), trigger.discarding),
        Some(Window { kind: WindowKind::Global, .. }) => {
            Kept::Running(trigger_of_all(trigger), trigger.discarding)
        }
        Some(Window { kind: WindowKind::Count { n, every: None }, .. }) => {
            Kept::Running(RunningTrigger::Count(*n), true)
        }
        Some(window) => Kept::Windowed(window.clone()),
    }
}

impl Builder {
    pub(super) fn aggregate(
        &mut self,
        operator: &Operator,
        aggregate: &Aggregate,
        changes: bool,
        late: bool,
    ) -> usize {
        let input = self.input(operator, 0);
        let mut before = Prepared::new(self.record(input).clone());
        let keys: Vec<usize> = aggregate.keys.iter().map(|key| before.pass(*key)).collect();
        let calls: Vec<ColumnAggregate> =
            aggregate.calls.iter().map(|call| call_of(&mut before, call)).collect();
        let mut fields: Vec<Field> = operator.output.fields[..keys.len()].to_vec();
        let results = calls.iter().map(|call| Field::new(call_name(&calls, call), call.ty.clone()));
        let exchange = by_key(&keys);
        let change = before.hidden(hidden::CHANGE);
        let changed = changes.then_some(hidden::CHANGE);
        let (kind, output) = match kept(aggregate) {
            Kept::Running(trigger, discarding) => {
                fields.extend(results);
                let hidden = Hidden {
                    time: before.hidden(hidden::TIME),
                    watermark: before.hidden(hidden::WATERMARK),
                    change,
                };
                let names =
                    [hidden.time.map(|_| hidden::TIME), hidden.watermark.map(|_| hidden::WATERMARK), changed];
                let state = self.state(operator);
                let running = RunningAggregate { keys, state, trigger, discarding, calls, hidden, changes };
                (NodeKind::Aggregate(running), with(fields, &names))
            }
            Kept::Windowed(window) => {
                let windowing = self.windowing(&mut before, &window, &aggregate.trigger, late);
                let bounds = operator.output.fields.len() - keys.len() - aggregate.results.len();
                fields.extend(operator.output.fields[keys.len()..keys.len() + bounds].iter().cloned());
                fields.extend(results);
                let rows = matches!(window.kind, WindowKind::Count { .. });
                let names = [
                    (!rows || windowing.time.is_some()).then_some(hidden::TIME),
                    (!rows || windowing.watermark.is_some()).then_some(hidden::WATERMARK),
                    changed,
                ];
                let state = self.state(operator);
                let discarding = aggregate.trigger.discarding;
                let node = WindowAggregate { keys, state, windowing, discarding, calls, change, changes };
                (NodeKind::WindowAggregate(node), with(fields, &names))
            }
        };
        let windowed = matches!(kind, NodeKind::WindowAggregate(_));
        let prepared = self.prepare(operator, input, before);
        let node = self.push(operator, kind, vec![Input { node: prepared, exchange }], output);
        if aggregate.window.as_ref().is_some_and(needs_event_time) {
            self.window_nodes[operator.declaration as usize].get_or_insert(node);
        }
        let made = self.results(operator, aggregate, node);
        match (&aggregate.window, windowed) {
            (Some(window), true) => self.after_window(operator, window, made),
            _ => made,
        }
    }

    /// The named results, computed of keys, bounds and calls.
    fn results(&mut self, operator: &Operator, aggregate: &Aggregate, node: usize) -> usize {
        let record = self.record(node).clone();
        let kept = operator.output.fields.len() - aggregate.results.len();
        let mut exprs: Vec<Expr> = (0..kept).map(|column| passed(&record, column, operator)).collect();
        exprs.extend(aggregate.results.iter().cloned());
        exprs.extend((hidden::visible(&record)..record.fields.len()).map(|c| passed(&record, c, operator)));
        let output = self.with_hidden(&operator.output, node);
        self.chain(operator, StepKind::Map(exprs), node, output)
    }
}

/// The result a call was written for; with its function if the result has several.
fn call_name(calls: &[ColumnAggregate], call: &ColumnAggregate) -> String {
    let same = calls.iter().filter(|other| other.name == call.name).count();
    if same > 1 { format!("{} {}", call.name, call.func.name()) } else { call.name.clone() }
}

fn call_of(before: &mut Prepared, call: &AggregateCall) -> ColumnAggregate {
    let name: Arc<str> = call.name.as_str().into();
    let filter = call.filter.clone().map(|filter| before.column(filter, format!("{name} where").into()));
    let guarded = |expr: &Expr| match &call.filter {
        Some(filter) if can_fail(expr) => guard(filter, expr),
        _ => expr.clone(),
    };
    let arg = call.arg.as_ref().map(guarded).map(|arg| before.column(arg, name.clone()));
    let by = call.by.as_ref().map(guarded).map(|by| before.column(by, format!("{name} by").into()));
    ColumnAggregate {
        func: call.func,
        arg,
        by,
        param: call.param.clone(),
        filter,
        ty: call.ty.clone(),
        name: call.name.clone(),
        place: call.place,
    }
}

/// `if filter then expr else null`: an error in an argument that `where:` leaves out does not exist.
fn guard(filter: &Expr, expr: &Expr) -> Expr {
    let place = expr[expr.root()].place;
    let mut out = filter.clone();
    let cond = out.root();
    let then = rewrite::append(&mut out, expr, rewrite::next_local(filter));
    let ty = expr.ty().clone().optional();
    let otherwise = out.push(Kind::Literal(Value::Null), ty.clone(), place);
    out.push(Kind::If { cond, then, otherwise }, ty, place);
    out
}

/// When does a window of all rows give its result?
pub(super) fn trigger_of_all(trigger: &Trigger) -> RunningTrigger {
    match (trigger.early, &trigger.running) {
        (Some(early), _) => RunningTrigger::Every(early),
        (None, RunningTrigger::EachRow) => RunningTrigger::AtEnd,
        (None, other) => other.clone(),
    }
}
