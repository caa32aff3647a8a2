//! What is told of state that grows for ever (W0301): with each row, or with time. State that is as large as there are keys
//! is not told of; see `flow explain W0301`.

use super::PipeCx;
use super::keys::Grouped;
use crate::stream::StreamType;
use flow_plan::catalogue::AggFunc;
use flow_plan::expr::{BinaryOp, Kind, NodeId};
use flow_plan::operator::{AggregateCall, WindowKind};
use flow_plan::{DataType, Expr};
use flow_syntax::ast::Stage;
use flow_syntax::codes;
use flow_syntax::{Diagnostic, FileId, Span};

/// Do groups without this window, or with it, end with time?
fn ends_with_time(grouped: &Grouped) -> bool {
    let window = grouped.window.as_ref().map(|(window, _)| &window.kind);
    !matches!(window, None | Some(WindowKind::Global | WindowKind::Count { .. }))
}

/// Does what is held of a group begin anew with each result?
fn begins_anew(grouped: &Grouped) -> bool {
    grouped.trigger.as_ref().is_some_and(|(trigger, _)| trigger.discarding)
}

impl PipeCx<'_, '_> {
    /// A key that is a point in time has new values for ever, and what is held of the old ones stays.
    pub(super) fn groups_of_moments(&mut self, before: &StreamType, grouped: &Grouped, stage: &Stage) {
        if before.bounded || before.vague || ends_with_time(grouped) || begins_anew(grouped) {
            return;
        }
        let is_moment = |ty: &DataType| *ty.unwrapped() == DataType::Timestamp;
        let mut keys = grouped.keys.iter().map(|key| &before.columns[*key]);
        let Some(key) = keys.find(|key| key.ty.as_ref().is_some_and(is_moment)) else { return };
        let word = &stage.name.name;
        let is_bound = matches!(&*key.name, "windowStart" | "windowEnd");
        let diag = Diagnostic::new(
            codes::UNBOUNDED_STATE,
            stage.span,
            format!("this `{word}` keeps something of every `{}` for ever", key.name),
        )
        .at("its state grows with time")
        .help(match is_bound {
            true => "rows of windows are grouped by `window(same)`, which forgets them with their window",
            false => {
                "group by time with a window, which is forgotten when it is over: `|> window(tumbling(1h))`"
            }
        });
        self.ck.report(diag);
    }

    /// Running aggregates that keep what they see, of rows that never end.
    pub(super) fn unbounded_calls(
        &mut self,
        before: &StreamType,
        grouped: &Grouped,
        calls: &[AggregateCall],
    ) {
        let window = grouped.window.as_ref().map(|(window, _)| &window.kind);
        let running = matches!(window, None | Some(WindowKind::Global));
        if before.bounded || before.vague || begins_anew(grouped) || !running {
            return;
        }
        for call in calls.iter().filter(|call| call.func.def().unbounded) {
            let place = call.place;
            let span = Span { file: FileId(place.file), start: place.start, end: place.end };
            let name = call.func.name();
            let diag = Diagnostic::new(
                codes::UNBOUNDED_STATE,
                span,
                format!("this running `{name}` keeps every value for ever"),
            )
            .at("its state grows with the rows")
            .help(match call.func {
                AggFunc::CountDistinct => {
                    "bound it by a window, or estimate: `approxCountDistinct` needs 4 KiB a key"
                }
                _ => "bound it by a window: `|> window(tumbling(1h))` before",
            });
            self.ck.report(diag);
        }
    }

    pub(super) fn unbounded_distinct(&mut self, stage: &Stage) {
        let diag = Diagnostic::new(
            codes::UNBOUNDED_STATE,
            stage.span,
            "this `distinct` remembers every value for ever",
        )
        .at("its state grows with every new value")
        .help("forget values after a time: `distinct(a, within: 1h)`");
        self.ck.report(diag);
    }

    /// A `scan` whose next state is always the one before, and sometimes more. `state` is its column, `at` where `next` stands.
    pub(super) fn unbounded_scan(&mut self, before: &StreamType, next: &Expr, at: Span) {
        if before.bounded || before.vague {
            return;
        }
        let state = before.columns.len() as u32;
        if !parts_of(next).iter().any(|(part, field)| grows(next, *part, state, *field) == Some(true)) {
            return;
        }
        let diag = Diagnostic::new(
            codes::UNBOUNDED_STATE,
            at,
            "this `scan` adds to its state, and never takes anything out of it",
        )
        .at("grows with the rows")
        .help("keep the last ten, for example: `slice(state + [x], max(len(state) - 9, 0))`");
        self.ck.report(diag);
    }
}

/// The parts of a next state, each with the field of the state before that it follows; of one that is no record, the whole.
fn parts_of(next: &Expr) -> Vec<(NodeId, Option<u32>)> {
    match &next[next.root()].kind {
        Kind::Record(parts) => parts.iter().copied().zip((0..).map(Some)).collect(),
        _ => vec![(next.root(), None)],
    }
}

/// Does a value hold all of what the state (or this field of it) was, and more of it? `None`: not on each way, as far as
/// can be seen.
fn grows(expr: &Expr, node: NodeId, state: u32, field: Option<u32>) -> Option<bool> {
    let is_state = |node: NodeId| matches!(expr[node].kind, Kind::Column(column) if column == state);
    let of = |node| grows(expr, node, state, field);
    match &expr[node].kind {
        Kind::Column(_) => (field.is_none() && is_state(node)).then_some(false),
        Kind::Field(record, at) => (field == Some(*at) && is_state(*record)).then_some(false),
        Kind::Binary(BinaryOp::Add, a, b) => {
            let joins = matches!(expr[node].ty.unwrapped(), DataType::List(_) | DataType::String);
            (joins && (of(*a).is_some() || of(*b).is_some())).then_some(true)
        }
        Kind::If { then, otherwise, .. } => Some(of(*then)? | of(*otherwise)?),
        Kind::Cast(value, _) | Kind::Let { body: value, .. } => of(*value),
        _ => None,
    }
}
