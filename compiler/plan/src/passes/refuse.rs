//! What this version cannot run yet: said before anything starts, at its place in the script.

use crate::connector::{ArgValue, ConnectorCall, TEST, lookup};
use crate::expr::Place;
use crate::operator::{Aggregate, JobConfig, Operator, OperatorKind, Plan, StreamMode, Window, WindowKind};
use crate::value::Value;

/// Something the language has and this version cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// `E0803`…; the codes are listed with all others.
    pub code: &'static str,
    /// Where it stands.
    pub place: Place,
    /// One sentence without a full stop.
    pub message: String,
    /// What can be done instead.
    pub help: Option<String>,
}

const CONNECTOR: &str = "E0806";
const FORMAT: &str = "E0807";
const RETRACTION: &str = "E0809";
const OPTION: &str = "E0810";
const STATE: &str = "E0811";

/// Everything in the plan that cannot run yet, in the order of the script.
pub fn unsupported(plan: &Plan) -> Vec<Unsupported> {
    let mut findings: Vec<_> = plan.operators.iter().filter_map(|operator| refuse(plan, operator)).collect();
    findings.extend(state(&plan.job));
    findings.sort_by_key(|finding| finding.place);
    findings.dedup();
    findings
}

/// Has this stage no meaning over an updating stream? What it forgets can still be withdrawn.
pub fn meaningless(kind: &OperatorKind, word: &str, place: Place) -> Option<Unsupported> {
    const FINAL: &str = "put `trigger(atEnd)` before the aggregate above: its rows are final then";
    let or_final = |first: &str| format!("{first}, or {FINAL}");
    let of_rows = |window: &Window| matches!(window.kind, WindowKind::Count { .. });
    let (message, help) = match kind {
        OperatorKind::Aggregate(Aggregate { window: Some(window), .. })
        | OperatorKind::Top { window: Some(window), .. }
        | OperatorKind::Latest { window: Some(window), .. }
            if of_rows(window) =>
        {
            (format!("`{word}` in a window of rows over an updating stream has no meaning: which rows are the last ones changes when one of them is withdrawn"), FINAL.to_string())
        }
        OperatorKind::Aggregate(Aggregate { trigger, .. })
        | OperatorKind::Top { trigger, .. }
        | OperatorKind::Latest { trigger, .. }
            if trigger.discarding =>
        (
            format!("`{word}` with `mode: discarding` over an updating stream has no meaning: what is forgotten cannot be withdrawn"),
            or_final("leave `mode` out"),
        ),
        OperatorKind::Distinct { within: Some(_), .. } => (
            "`distinct` with `within` over an updating stream has no meaning: what is forgotten cannot be withdrawn".to_string(),
            or_final("leave `within` out"),
        ),
        OperatorKind::Scan { .. } => (
            format!("`{word}` over an updating stream has no meaning: a fold cannot take out what replaced rows added"),
            FINAL.to_string(),
        ),
        _ => return None,
    };
    finding(RETRACTION, place, message, &help)
}

/// A budget of memory says nothing without a disk.
pub fn state(job: &JobConfig) -> Option<Unsupported> {
    if job.state_on_disk || job.state_memory.is_none() {
        return None;
    }
    let help = "add `backend: sled`, or keep `limit` only, which says how much the state may be";
    finding(STATE, job.state_place, "`memory` of `state` says nothing with all state in memory", help)
}

/// With `backend: sled`, does a stage keep its state in memory nevertheless? (`updating`: rows that it reads are replaced by
/// later ones.) Neither a key nor the bounds of windows divide its one list, of which there may be any number of rows: of
/// changing rows any may be the next best, and any number may tie.
pub fn memory_only(
    job: &JobConfig,
    kind: &OperatorKind,
    word: &str,
    place: Place,
    updating: bool,
) -> Option<Unsupported> {
    let (keys, ties, window) = match kind {
        OperatorKind::Top { keys, ties, window, .. } => (keys, *ties, window),
        OperatorKind::Latest { keys, window, .. } => (keys, false, window),
        _ => return None,
    };
    let kind = window.as_ref().map(|window| &window.kind);
    let alone =
        keys.is_empty() && matches!(kind, None | Some(WindowKind::Global | WindowKind::Session { .. }));
    if !job.state_on_disk || !alone || !(ties || updating) {
        return None;
    }
    let message = format!("`{word}` cannot keep its state on disk yet, as `backend: sled` asks");
    let help = "leave `backend` out: then all state is in memory; `flow explain E0811` says which stages can keep it on disk";
    finding(STATE, place, message, help)
}

fn finding(code: &'static str, place: Place, message: impl Into<String>, help: &str) -> Option<Unsupported> {
    let help = (!help.is_empty()).then(|| help.to_string());
    Some(Unsupported { code, place, message: message.into(), help })
}

fn refuse(plan: &Plan, operator: &Operator) -> Option<Unsupported> {
    let Operator { kind, word, place, .. } = operator;
    let updating = updating(plan, operator);
    if updating && let Some(finding) = meaningless(kind, word, *place) {
        return Some(finding);
    }
    not_yet(kind).or_else(|| memory_only(&plan.job, kind, word, *place, updating))
}

/// Is this a connector that this version cannot run, whatever it reads?
pub fn not_yet(kind: &OperatorKind) -> Option<Unsupported> {
    match kind {
        OperatorKind::Source(call) => connector(call, Side::Source),
        OperatorKind::Sink(call) => connector(call, Side::Sink),
        OperatorKind::Table { connector: call, .. } => connector(call, Side::Table),
        _ => None,
    }
}

fn updating(plan: &Plan, operator: &Operator) -> bool {
    let is = |input: &crate::operator::OperatorId| {
        matches!(plan.operators[input.0 as usize].mode, StreamMode::Updating { .. })
    };
    operator.inputs.iter().any(is)
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Source,
    Table,
    Sink,
}

fn connector(call: &ConnectorCall, side: Side) -> Option<Unsupported> {
    if call.name == TEST {
        return None;
    }
    let runs = lookup(&call.name).is_some_and(|def| match side {
        Side::Source => def.source.is_some_and(|def| def.runs),
        Side::Table => def.table.is_some_and(|def| def.runs),
        Side::Sink => def.sink.is_some_and(|def| def.runs),
    });
    if !runs {
        let others = match side {
            Side::Source => "`file`, `stdin`, `generate` and `nexmark` can be read",
            Side::Table => "`file` can be read as a table",
            Side::Sink => "`file`, `stdout` and `blackhole` can be written",
        };
        return finding(
            CONNECTOR,
            call.place,
            format!("the connector `{}` cannot run yet", call.name),
            others,
        );
    }
    if let Some(format) = call.format.as_ref().filter(|format| !format.runs()) {
        let place = call.arg("format").map_or(call.place, |arg| arg.place);
        let message = format!("the format `{}` cannot run yet", format.name());
        return finding(FORMAT, place, message, "`json`, `csv` and `text` can");
    }
    let follow = call.arg("follow").filter(|arg| matches!(arg.value, ArgValue::Value(Value::Bool(true))));
    if let Some(arg) = follow {
        return finding(OPTION, arg.place, "`follow: true` cannot run yet: a file is read to its end", "");
    }
    None
}
