//! What a job must show: the evaluator's rows, and how they are compared with what is shown.

use super::cases::{Case, Row};
use flow_driver::{LoadError, Options};
use flow_plan::functions::json;
use flow_plan::interpret::{Event, Sequence, evaluate_sequence};
use flow_plan::physical::{Graph, NodeKind};
use flow_plan::{DataType, Value};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Rows, and how often each is there.
pub(crate) type Bag = HashMap<String, i64>;

/// What a script is when it runs; an error says what is wrong with it.
pub fn graph(script: &str) -> Result<Graph, String> {
    let bytes = script.as_bytes().to_vec();
    let mut loader = move |_: &Path| Ok::<_, LoadError>(bytes.clone());
    let compiled = flow_driver::compile(&mut loader, Path::new("killed.flow"), &Options::default());
    let plan = compiled.map_err(|error| error.to_string())?;
    let why = || plan.diagnostics.iter().map(|d| format!("{} {}\n", d.code, d.message)).collect::<String>();
    flow_driver::runnable(plan.plan.as_ref().ok_or_else(why)?).map_err(|_| why())
}

/// All rows of a case, source by source.
pub(super) fn events(case: &Case) -> Vec<Event> {
    let chunk = |(name, rows): &(String, Vec<Row>)| {
        let (source, end) = (name.clone(), Event::End { source: name.clone(), split: 0 });
        [Event::Chunk { source, split: 0, rows: rows.clone() }, end]
    };
    case.sources.iter().flat_map(chunk).collect()
}

/// The rows the evaluator gives for what came in this order.
pub(crate) fn expected(graph: &Graph, events: Vec<Event>) -> Result<Bag, String> {
    let sequence = Sequence { events, ..Sequence::default() };
    let outcome = evaluate_sequence(graph, &sequence, 0).map_err(|failure| failure.0.error.to_string())?;
    let mut bag = Bag::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        if let NodeKind::Sink { .. } = node.kind {
            let record = DataType::Record(Arc::new((*graph.nodes[node.inputs[0].node].output).clone()));
            for row in &outcome.rows[index] {
                let mut text = String::new();
                json::write(&mut text, &Value::Record(row.clone().into()), &record);
                *bag.entry(text).or_insert(0) += 1;
            }
        }
    }
    Ok(bag)
}

/// Nothing is shown twice, and nothing that should not be.
pub(crate) fn no_more_than(shown: &[String], expected: &Bag) -> Result<(), String> {
    let mut left = expected.clone();
    for row in shown {
        let count = left.entry(row.clone()).or_insert(0);
        *count -= 1;
        if *count < 0 {
            let wanted = expected.get(row).copied().unwrap_or(0);
            return Err(format!("this row is shown more often than {wanted} times: {row}"));
        }
    }
    Ok(())
}

pub(crate) fn compare(shown: &[String], expected: &Bag) -> Result<(), String> {
    no_more_than(shown, expected)?;
    let wanted: i64 = expected.values().sum();
    match shown.len() as i64 == wanted {
        true => Ok(()),
        false => {
            let mut left = expected.clone();
            shown.iter().for_each(|row| *left.entry(row.clone()).or_insert(0) -= 1);
            let lost = left.iter().find(|(_, count)| **count > 0).map(|(row, _)| row.as_str());
            Err(format!("{} rows shown, {wanted} expected; lost: {}", shown.len(), lost.unwrap_or_default()))
        }
    }
}
