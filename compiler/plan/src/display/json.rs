//! The JSON form.

use super::View;
use crate::operator::JobConfig;
use serde_json::{Value, json};

/// Job, operators and, where the plan can run, the nodes of the graph.
pub fn json(job: &JobConfig, operators: &[View], graph: Option<&[View]>) -> Value {
    let on_error = match job.on_error {
        crate::operator::OnError::Fail => "fail",
        _ => "skip",
    };
    json!({
        "format_version": 1,
        "job": {
            "name": job.name,
            "parallelism": job.parallelism,
            "checkpoint_micros": job.checkpoint,
            "delivery": if job.exactly_once { "exactlyOnce" } else { "atLeastOnce" },
            "state": job.state_path,
            "on_error": on_error,
        },
        "operators": views(operators),
        "graph": graph.map(views),
    })
}

fn views(views: &[View]) -> Vec<Value> {
    views.iter().enumerate().map(|(id, view)| one(id, view)).collect()
}

fn one(id: usize, view: &View) -> Value {
    let inputs: Vec<Value> = view
        .inputs
        .iter()
        .map(|edge| json!({ "from": edge.from, "exchange": if edge.exchange.is_empty() { "local" } else { &edge.exchange } }))
        .collect();
    let parts: Vec<Value> =
        view.parts.iter().map(|(name, what)| json!({ "name": name, "does": what })).collect();
    let state = view.state.as_ref().map(|s| json!({ "id": s.id, "was": s.was, "bound": s.bound }));
    json!({
        "id": id,
        "kind": view.kind,
        "label": view.label,
        "detail": view.detail,
        "parts": parts,
        "inputs": inputs,
        "output": view.output,
        "mode": view.mode,
        "state": state,
        "guarantee": view.guarantee,
    })
}
