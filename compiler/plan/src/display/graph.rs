//! What is shown of a physical graph.

use super::expr::{columns, name};
use super::{Edge, StateView, View, connector, duration, expression, stateful};
use crate::connector::lookup;
use crate::connector::table::{Delivery, Replay};
use crate::expr::{Expr, Kind};
use crate::operator::{RunningTrigger, StateIdentity};
use crate::physical::{
    Chain, ColumnAggregate, Exchange, Graph, Node, NodeKind, Pick, RunningAggregate, StepKind, StreamBound,
    hidden,
};
use crate::types::RecordType;

/// The views of all nodes, by their index.
pub fn graph_views(graph: &Graph) -> Vec<View> {
    let (modes, ahead) = (modes(graph), graph.reads_ahead());
    let view = |(index, node): (usize, &Node)| {
        let mut view = View { mode: modes[index].clone(), ..view(graph, index, node) };
        if ahead[index] > 0 {
            view.detail += &format!(", read {} ahead of other sources", duration(ahead[index]));
        }
        view
    };
    graph.nodes.iter().enumerate().map(view).collect()
}

fn view(graph: &Graph, index: usize, node: &Node) -> View {
    let base = View {
        label: node.label.clone(),
        inputs: node.inputs.iter().map(|input| edge(graph, input.node, &input.exchange)).collect(),
        output: columns(&node.output),
        ..View::default()
    };
    let kind = |kind: &str, detail: String| View { kind: kind.into(), detail, ..base.clone() };
    let input = |at: usize| &*graph.nodes[node.inputs[at].node].output;
    match &node.kind {
        NodeKind::Source { connector: call, .. } => {
            let label = graph.declarations[node.declaration as usize].name.clone();
            View { label, ..kind("source", connector(call)) }
        }
        NodeKind::Errors { of } => kind("errors", format!("of {}", graph.declarations[*of as usize].name)),
        NodeKind::Chain(chain) => {
            View { parts: steps(chain), label: String::new(), ..kind("chain", String::new()) }
        }
        NodeKind::Union => kind("union", String::new()),
        NodeKind::Aggregate(aggregate) => {
            let input = &graph.nodes[node.inputs[0].node].output;
            View {
                parts: aggregate
                    .calls
                    .iter()
                    .map(|call| (call.name.clone(), aggregate_call(call, input)))
                    .collect(),
                state: Some(aggregate_state(aggregate)),
                ..kind("aggregate", emits(&aggregate.trigger, aggregate.discarding))
            }
        }
        NodeKind::Late => kind("late rows", String::new()),
        NodeKind::EventTime(time) => stateful::event_time(time, input(0), base),
        NodeKind::WindowAggregate(aggregate) => {
            stateful::window_aggregate(aggregate, graph.divides_window(index), input(0), base)
        }
        NodeKind::Pick(pick) => stateful::pick(pick, input(0), base),
        NodeKind::Distinct(distinct) => stateful::distinct(distinct, input(0), base),
        NodeKind::Join(join) => stateful::join(join, [input(0), input(1)], base),
        NodeKind::Lookup(lookup) => stateful::lookup(lookup, [input(0), input(1)], base),
        NodeKind::Table { connector: call, .. } => {
            let label = graph.declarations[node.declaration as usize].name.clone();
            View { label, ..kind("table", connector(call)) }
        }
        NodeKind::Scan { keys, state, init, next, emit } => {
            let mut columns = (*graph.nodes[node.inputs[0].node].output).clone();
            columns.fields.push(crate::Field::new("state", next.ty().clone()));
            let emit = node.output.fields.iter().zip(emit);
            let emit: Vec<String> = emit.map(|(f, e)| column(&f.name, &expression(e, &columns))).collect();
            View {
                parts: vec![
                    ("state".into(), expression(init, &RecordType::default())),
                    ("next".into(), expression(next, &columns)),
                    ("emit".into(), format!("{{ {} }}", emit.join(", "))),
                ],
                state: Some(state_view(state, entries(keys.is_empty(), false))),
                ..kind("scan", String::new())
            }
        }
        NodeKind::Sample { probability } => kind("sample", probability.to_string()),
        NodeKind::Limit { n } => kind("limit", n.to_string()),
        NodeKind::Tap { label } => kind("tap", format!("{label:?}")),
        NodeKind::Sink { connector: call } => {
            let label = graph.declarations[node.declaration as usize].name.clone();
            View { label, guarantee: Some(guarantee(graph, index)), ..kind("sink", connector(call)) }
        }
    }
}

fn edge(graph: &Graph, from: usize, exchange: &Exchange) -> Edge {
    let columns = &graph.nodes[from].output.fields;
    let exchange = match exchange {
        Exchange::Local => String::new(),
        Exchange::Gather => "gather".into(),
        Exchange::Hash(keys) => {
            let names: Vec<String> = keys.iter().map(|key| name(&columns[*key].name)).collect();
            format!("by {}", names.join(", "))
        }
    };
    Edge { from, exchange }
}

fn steps(chain: &Chain) -> Vec<(String, String)> {
    let mut columns = &chain.input;
    let mut parts = Vec::new();
    for step in &chain.steps {
        let text = match &step.kind {
            StepKind::Filter(cond) if reads_changes(cond, columns) => "without withdrawals".to_string(),
            StepKind::Filter(cond) => format!("where {}", expression(cond, columns)),
            StepKind::FlatMap(list) => {
                let element = step.output.fields.last().map(|f| name(&f.name)).unwrap_or_default();
                format!("each {element} in {}", expression(list, columns))
            }
            StepKind::Map(exprs) => {
                let fields = step.output.fields.iter().zip(exprs);
                let shown = fields.filter(|(field, _)| !hidden::is_hidden(&field.name));
                let fields: Vec<String> =
                    shown.map(|(f, e)| column(&f.name, &expression(e, columns))).collect();
                format!("{{ {} }}", fields.join(", "))
            }
        };
        parts.push((step.label.clone(), text));
        columns = &step.output;
    }
    parts
}

/// Does a condition look at what a changelog says of the row?
fn reads_changes(cond: &Expr, columns: &RecordType) -> bool {
    cond.nodes.iter().any(|node| match node.kind {
        Kind::Column(column) => &*columns.fields[column as usize].name == hidden::CHANGE,
        _ => false,
    })
}

/// `a`, or `a: expr` where it is computed.
fn column(field: &str, expr: &str) -> String {
    let field = name(field);
    if field == expr { field } else { format!("{field}: {expr}") }
}

pub(super) fn aggregate_call(call: &ColumnAggregate, input: &RecordType) -> String {
    let column = |index: usize| name(&input.fields[index].name);
    let mut args: Vec<String> = call.arg.map(column).into_iter().collect();
    args.extend(call.param.as_ref().map(super::literal));
    args.extend(call.by.map(|by| format!("by: {}", column(by))));
    args.extend(call.filter.map(|filter| format!("where: {}", column(filter))));
    format!("{}({})", call.func.name(), args.join(", "))
}

/// When a running result is given, and what becomes of its state then.
pub(super) fn emits(trigger: &RunningTrigger, discarding: bool) -> String {
    let when = match *trigger {
        RunningTrigger::EachRow => "emits at each row".to_string(),
        RunningTrigger::AtEnd => "emits at the end".to_string(),
        RunningTrigger::Every(micros) => format!("emits what changed every {}", duration(micros)),
        RunningTrigger::Count(n) => format!("emits at every {n} rows of a key"),
    };
    if discarding { when + " and starts anew" } else { when }
}

fn aggregate_state(aggregate: &RunningAggregate) -> StateView {
    let grows = aggregate.calls.iter().any(|call| call.func.def().unbounded);
    state_view(&aggregate.state, entries(aggregate.keys.is_empty(), grows))
}

fn entries(global: bool, grows: bool) -> String {
    let entries = if global { "one entry" } else { "an entry per key, kept for ever" };
    if grows { format!("{entries}; grows with the values it saw") } else { entries.to_string() }
}

pub(super) fn state_view(state: &StateIdentity, bound: String) -> StateView {
    StateView { id: state.id.clone(), was: state.was.clone(), bound }
}

/// Is each node's output final? What makes rows that later ones replace, or withdraw, is updating until
/// an operator gives each result once.
fn modes(graph: &Graph) -> Vec<String> {
    let mut modes: Vec<String> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let inherited =
            node.inputs.iter().map(|input| modes[input.node].clone()).find(|mode| mode != "append");
        modes.push(match own_mode(node) {
            Some(mode) => mode,
            None => inherited.unwrap_or_else(|| "append".to_string()),
        });
    }
    modes
}

/// The mode a stateful node sets, whatever its inputs are.
fn own_mode(node: &Node) -> Option<String> {
    let updating = |columns: usize, changes: bool| {
        let keys: Vec<String> = node.output.fields[..columns].iter().map(|f| name(&f.name)).collect();
        let by = if keys.is_empty() {
            "updating, one row".into()
        } else {
            format!("updating by {}", keys.join(", "))
        };
        if changes { by + ", with withdrawals" } else { by }
    };
    let by_row = |changes: bool| match changes {
        true => "updating by all fields, with withdrawals".to_string(),
        false => "updating by all fields".to_string(),
    };
    let append = || "append".to_string();
    Some(match &node.kind {
        NodeKind::Aggregate(a) if a.trigger == RunningTrigger::AtEnd || a.discarding => append(),
        NodeKind::Aggregate(a) => updating(a.keys.len(), a.changes),
        NodeKind::WindowAggregate(a) => {
            let again = a.windowing.early.is_some() || a.windowing.late.is_some();
            if again && !a.discarding { updating(a.keys.len() + 2, a.changes) } else { append() }
        }
        NodeKind::Pick(p) if p.discarding => append(),
        NodeKind::Pick(p) => {
            let again = p.windowing.as_ref().is_some_and(|w| w.early.is_some() || w.late.is_some());
            let running = p.windowing.is_none() && p.trigger != RunningTrigger::AtEnd;
            match again || running {
                true => picked_mode(p, &node.output).unwrap_or_else(|| by_row(p.changes)),
                false => append(),
            }
        }
        NodeKind::Join(j) if j.changes || matches!(j.bound, StreamBound::Regular { .. }) => by_row(j.changes),
        _ => return None,
    })
}

/// One row per key replaces another.
fn picked_mode(pick: &Pick, output: &RecordType) -> Option<String> {
    if pick.n != 1 || pick.ties || pick.windowing.is_some() {
        return None;
    }
    let place = |key: &usize| pick.row.iter().position(|column| column == key);
    let keys: Vec<usize> = pick.keys.iter().map(place).collect::<Option<_>>()?;
    let names: Vec<String> = keys.iter().map(|key| name(&output.fields[*key].name)).collect();
    let by = if names.is_empty() {
        "updating, one row".into()
    } else {
        format!("updating by {}", names.join(", "))
    };
    Some(if pick.changes { by + ", with withdrawals" } else { by })
}

/// What reaches the sink from its sources, end to end, and what weakens it.
fn guarantee(graph: &Graph, sink: usize) -> String {
    let NodeKind::Sink { connector: call } = &graph.nodes[sink].kind else { return String::new() };
    let mut delivery =
        lookup(&call.name).and_then(|def| def.sink).map_or(Delivery::BestEffort, |def| def.delivery);
    let mut reason =
        (delivery < Delivery::ExactlyOnce).then(|| format!("`{}` cannot take rows back", call.name));
    if !graph.job.exactly_once && delivery == Delivery::ExactlyOnce {
        (delivery, reason) = (Delivery::AtLeastOnce, Some("the job asks for no more".into()));
    }
    for source in sources(graph, sink) {
        let NodeKind::Source { connector: call, .. } = &graph.nodes[source].kind else { continue };
        let replay = lookup(&call.name).and_then(|def| def.source).map(|def| def.replay);
        if replay == Some(Replay::Gone) {
            (delivery, reason) =
                (Delivery::BestEffort, Some(format!("`{}` cannot be read again", call.name)));
        }
    }
    let word = match delivery {
        Delivery::ExactlyOnce => "exactly once",
        Delivery::AtLeastOnce => "at least once",
        Delivery::BestEffort => "best effort",
    };
    reason.map_or_else(|| word.to_string(), |reason| format!("{word}: {reason}"))
}

fn sources(graph: &Graph, node: usize) -> Vec<usize> {
    let mut reached = vec![false; graph.nodes.len()];
    reached[node] = true;
    for index in (0..=node).rev() {
        if reached[index] {
            graph.nodes[index].inputs.iter().for_each(|input| reached[input.node] = true);
        }
    }
    (0..graph.nodes.len()).filter(|index| reached[*index]).collect()
}
