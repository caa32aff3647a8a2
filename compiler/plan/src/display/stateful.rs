//! What is shown of the operators of time, joins and picks.

use super::expr::name;
use super::graph::{aggregate_call, emits, state_view};
use super::{View, duration};
use crate::operator::{JoinKind, LateTrigger, RunningTrigger, Window, WindowKind};
use crate::physical::{
    ColumnAggregate, Distinct, EventTime, Lookup, Pick, StreamBound, StreamJoin, WindowAggregate, Windowing,
};
use crate::types::RecordType;

pub(super) fn event_time(node: &EventTime, input: &RecordType, base: View) -> View {
    let mut detail = format!("{}, delay {}", name(&input.fields[node.column].name), duration(node.delay));
    if let Some(idle) = node.idle {
        detail.push_str(&format!(", idle {}", duration(idle)));
    }
    View { kind: "event time".into(), detail, ..base }
}

/// `tumbling 10s`, with lateness and triggers.
fn windowing(windowing: &Windowing, discarding: bool) -> String {
    let mut out = window(&windowing.window);
    if windowing.window.lateness > 0 {
        out.push_str(&format!(", lateness {}", duration(windowing.window.lateness)));
    }
    if let Some(early) = windowing.early {
        out.push_str(&format!(", early every {}", duration(early)));
    }
    match windowing.late {
        Some(LateTrigger::EachRow) => out.push_str(", late at each row"),
        Some(LateTrigger::Every(micros)) => out.push_str(&format!(", late every {}", duration(micros))),
        None => {}
    }
    if discarding { out + ", starts anew" } else { out }
}

/// A window as a script would name it.
pub fn window(window: &Window) -> String {
    let kind = match &window.kind {
        WindowKind::Tumbling { size, offset, zone } => {
            let mut out = format!("tumbling {}", duration(*size));
            if *offset != 0 {
                out.push_str(&format!(", offset {}", duration(*offset)));
            }
            if let Some(zone) = zone {
                out.push_str(&format!(" in {zone}"));
            }
            out
        }
        WindowKind::Sliding { size, every } => {
            format!("sliding {} every {}", duration(*size), duration(*every))
        }
        WindowKind::Session { gap } => format!("session with a gap of {}", duration(*gap)),
        WindowKind::Cumulative { max, every } => {
            format!("cumulative {} every {}", duration(*max), duration(*every))
        }
        WindowKind::Count { n, every: None } => format!("count {n}"),
        WindowKind::Count { n, every: Some(every) } => format!("count {n} every {every}"),
        WindowKind::Global => "global".into(),
        WindowKind::Same => "the same window".into(),
    };
    if window.processing_time { kind + " of processing time" } else { kind }
}

/// How long the groups of a window are kept.
fn window_bound(windowing: &Windowing) -> String {
    match windowing.window.kind {
        WindowKind::Count { .. } => "an entry per key, kept for ever".into(),
        _ if windowing.window.lateness > 0 => {
            format!(
                "an entry per key and window, kept {} behind its end",
                duration(windowing.window.lateness)
            )
        }
        _ => "an entry per key and window, kept until its end".into(),
    }
}

fn calls(calls: &[ColumnAggregate], input: &RecordType) -> Vec<(String, String)> {
    calls.iter().map(|call| (call.name.clone(), aggregate_call(call, input))).collect()
}

pub(super) fn window_aggregate(
    node: &WindowAggregate,
    divides: bool,
    input: &RecordType,
    base: View,
) -> View {
    let added_up = if divides { ", added up on each worker first" } else { "" };
    View {
        kind: "aggregate".into(),
        detail: windowing(&node.windowing, node.discarding) + added_up,
        parts: calls(&node.calls, input),
        state: Some(state_view(&node.state, window_bound(&node.windowing))),
        ..base
    }
}

pub(super) fn pick(node: &Pick, input: &RecordType, base: View) -> View {
    let by: Vec<String> = node
        .by
        .iter()
        .map(|by| {
            format!("{} {}", name(&input.fields[by.column].name), if by.descending { "desc" } else { "asc" })
        })
        .collect();
    let mut detail = format!("{} by {}", node.n, by.join(", "));
    if node.ties {
        detail.push_str(" with ties");
    }
    let bound = match &node.windowing {
        Some(of) => {
            detail.push_str(&format!(", {}", windowing(of, node.discarding)));
            window_bound(of)
        }
        None if node.discarding => {
            detail.push_str(&format!(", {}", emits(&node.trigger, true)));
            "an entry per key, kept until it is given".into()
        }
        None => {
            if node.trigger == RunningTrigger::AtEnd {
                detail.push_str(", emits at the end");
            }
            "an entry per key, kept for ever".into()
        }
    };
    View { kind: "pick".into(), detail, state: Some(state_view(&node.state, bound)), ..base }
}

pub(super) fn distinct(node: &Distinct, input: &RecordType, base: View) -> View {
    let columns: Vec<String> = node.columns.iter().map(|c| name(&input.fields[*c].name)).collect();
    let (within, bound) = match node.within {
        Some(within) => {
            let within = duration(within);
            (format!(" within {within}"), format!("an entry per value, kept {within}"))
        }
        None => (String::new(), "an entry per value, kept for ever".into()),
    };
    let detail = columns.join(", ") + &within;
    View { kind: "distinct".into(), detail, state: Some(state_view(&node.state, bound)), ..base }
}

fn kind(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "join",
        JoinKind::Left => "left join",
        JoinKind::Semi => "semi join",
        JoinKind::Anti => "anti join",
    }
}

fn equalities(keys: [&[usize]; 2], inputs: [&RecordType; 2]) -> String {
    let name = |side: usize, column: usize| name(&inputs[side].fields[column].name);
    let pairs = keys[0].iter().zip(keys[1]).map(|(l, r)| format!("{} == {}", name(0, *l), name(1, *r)));
    pairs.collect::<Vec<_>>().join(" and ")
}

pub(super) fn join(node: &StreamJoin, inputs: [&RecordType; 2], base: View) -> View {
    let (bound, kept) = match &node.bound {
        StreamBound::Interval { lo, hi } => {
            let bound = format!("within {}..{}", duration(*lo), duration(*hi));
            (bound, "rows of both sides, kept until event time has passed the interval".to_string())
        }
        StreamBound::Window(of) => {
            (format!("in {}", window(of)), "rows of both sides, kept until the end of their window".into())
        }
        StreamBound::Regular { ttl: Some(ttl) } => {
            let ttl = duration(*ttl);
            (format!("for {ttl}"), format!("rows of both sides, kept {ttl} behind their last use"))
        }
        StreamBound::Regular { ttl: None } => ("for ever".into(), "rows of both sides, kept for ever".into()),
        StreamBound::AsOf => (
            "as of the row's time".into(),
            "left rows until event time has passed them; the versions they can need".into(),
        ),
    };
    let more = if node.rest.is_some() { ", with a further condition" } else { "" };
    let on = equalities([&node.left.keys, &node.right.keys], inputs);
    View {
        kind: kind(node.kind).into(),
        detail: format!("on {on}{more}, {bound}"),
        state: Some(state_view(&node.state, kept)),
        ..base
    }
}

pub(super) fn lookup(node: &Lookup, inputs: [&RecordType; 2], base: View) -> View {
    let more = if node.rest.is_some() { ", with a further condition" } else { "" };
    let on = equalities([&node.left_keys, &node.right_keys], inputs);
    View { kind: format!("{} with a table", kind(node.kind)), detail: format!("on {on}{more}"), ..base }
}
