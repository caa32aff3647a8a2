//! Event time: where watermarks are made, windows, and the rows that come too late for them.

use super::prepared::Prepared;
use super::{Builder, passed, with};
use crate::operator::{Operator, OperatorKind, Plan, Trigger, Window, WindowKind};
use crate::physical::{EventTime, Exchange, Input, NodeKind, StepKind, Windowing, hidden};
use crate::types::{DataType, Field, RecordType};
use std::sync::Arc;

/// The operator with the first window of event time of each declaration: it gives the late rows.
pub(super) fn first_windows(plan: &Plan) -> Vec<Option<usize>> {
    let mut first = vec![None; plan.declarations.len()];
    for (index, operator) in plan.operators.iter().enumerate() {
        let window = match &operator.kind {
            OperatorKind::Aggregate(aggregate) => aggregate.window.as_ref(),
            OperatorKind::Top { window, .. } | OperatorKind::Latest { window, .. } => window.as_ref(),
            _ => None,
        };
        if window.is_some_and(needs_event_time) {
            first[operator.declaration as usize].get_or_insert(index);
        }
    }
    first
}

pub(super) fn needs_event_time(window: &Window) -> bool {
    let of_time = matches!(
        window.kind,
        WindowKind::Tumbling { .. }
            | WindowKind::Sliding { .. }
            | WindowKind::Session { .. }
            | WindowKind::Cumulative { .. }
    );
    of_time && !window.processing_time
}

impl Builder {
    pub(super) fn event_time(
        &mut self,
        operator: &Operator,
        column: usize,
        delay: i64,
        idle: Option<i64>,
    ) -> usize {
        let input = self.input(operator, 0);
        self.timed(operator, input, EventTime { column, delay, idle })
    }

    /// Makes watermarks of a column, and makes it the event time; what the rows had of these goes.
    pub(super) fn timed(&mut self, operator: &Operator, input: usize, time: EventTime) -> usize {
        let record = self.record(input).clone();
        let kept: Vec<usize> = (0..record.fields.len())
            .filter(|column| {
                let name = &*record.fields[*column].name;
                *column == time.column || (name != hidden::TIME && name != hidden::WATERMARK)
            })
            .collect();
        let fields: Vec<Field> = kept.iter().map(|column| record.fields[*column].clone()).collect();
        let column = kept.iter().position(|kept| *kept == time.column).unwrap_or(time.column);
        let exprs = kept.iter().map(|column| passed(&record, *column, operator)).collect();
        let node =
            self.chain(operator, StepKind::Map(exprs), input, Arc::new(RecordType::new(fields.clone())));

        let exchange = if self.is_read_in_order(input) { Exchange::Local } else { Exchange::Gather };
        let output = with(fields.clone(), &[Some(hidden::WATERMARK)]);
        let kind = NodeKind::EventTime(EventTime { column, ..time });
        let node = self.push(operator, kind, vec![Input { node, exchange }], output.clone());

        // Declared columns, time, watermark, and what else was there.
        let visible = hidden::visible(&RecordType::new(fields.clone()));
        let mut columns: Vec<usize> = (0..visible).collect();
        columns.extend([column, fields.len()]);
        columns.extend((visible..fields.len()).filter(|other| *other != column));
        let exprs = columns.iter().map(|column| passed(&output, *column, operator)).collect();
        let mut made: Vec<Field> = columns.iter().map(|column| output.fields[*column].clone()).collect();
        made[visible] = hidden::field(hidden::TIME);
        self.chain(operator, StepKind::Map(exprs), node, Arc::new(RecordType::new(made)))
    }

    /// Do the rows of a number still lie on the worker that read them, in the order of their source?
    fn is_read_in_order(&self, node: usize) -> bool {
        let node = &self.graph.nodes[node];
        let kind = matches!(
            node.kind,
            NodeKind::Source { .. }
                | NodeKind::Chain(_)
                | NodeKind::Union
                | NodeKind::EventTime(_)
                | NodeKind::Sample { .. }
                | NodeKind::Tap { .. }
                | NodeKind::Lookup(_)
        );
        let inputs = match node.kind {
            NodeKind::Lookup(_) => &node.inputs[..1],
            _ => &node.inputs[..],
        };
        kind && inputs
            .iter()
            .all(|input| input.exchange == Exchange::Local && self.is_read_in_order(input.node))
    }

    /// How rows find their windows.
    pub(super) fn windowing(
        &self,
        prepared: &mut Prepared,
        window: &Window,
        trigger: &Trigger,
        late: bool,
    ) -> Windowing {
        let bound = |name: &str| prepared.input.fields.iter().position(|f| &*f.name == name);
        let bounds = match window.kind {
            WindowKind::Same => bound("windowStart").zip(bound("windowEnd")),
            _ => None,
        };
        let bounds = bounds.map(|(start, end)| (prepared.pass(start), prepared.pass(end)));
        let (time, watermark) = match window.processing_time {
            true => (None, None),
            false => (prepared.hidden(hidden::TIME), prepared.hidden(hidden::WATERMARK)),
        };
        let late_rows = late.then(|| {
            let hidden = [hidden::TIME, hidden::WATERMARK];
            let hidden = hidden.iter().filter_map(|name| hidden::position(&prepared.input, name));
            let columns: Vec<usize> = (0..hidden::visible(&prepared.input)).chain(hidden).collect();
            columns.into_iter().map(|column| prepared.pass(column)).collect()
        });
        Windowing {
            window: window.clone(),
            time,
            watermark,
            bounds,
            early: trigger.early,
            late: trigger.late.clone(),
            late_rows,
        }
    }

    /// The rows that came too late for the first window of a declaration.
    pub(super) fn late(&mut self, operator: &Operator, declaration: u32) -> usize {
        let Some(node) = self.window_nodes[declaration as usize] else {
            unreachable!("the checker refuses `.late` of a declaration without a window of event time")
        };
        let output = with(operator.output.fields.clone(), &[Some(hidden::TIME), Some(hidden::WATERMARK)]);
        self.push(operator, NodeKind::Late, vec![Input { node, exchange: Exchange::Local }], output)
    }

    /// Results of windows of processing time make watermarks of their own.
    pub(super) fn after_window(&mut self, operator: &Operator, window: &Window, node: usize) -> usize {
        let time = hidden::position(self.record(node), hidden::TIME);
        match time {
            Some(column) if window.processing_time => {
                debug_assert_eq!(self.record(node).fields[column].ty, DataType::Timestamp);
                self.timed(operator, node, EventTime { column, delay: 0, idle: None })
            }
            _ => node,
        }
    }
}
