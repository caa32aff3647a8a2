//! A whole graph over rows: node by node, each over all rows of its inputs.

use super::aggregate::Groups;
use super::run_chain;
use crate::error::RecordError;
use crate::eval::Evaluator;
use crate::functions::json;
use crate::operator::OnError;
use crate::order::hash_int;
use crate::physical::{Graph, Node, NodeKind};
use crate::types::{DataType, RecordType};
use crate::value::Value;
use std::collections::HashMap;

/// Rows of the sources, by the name of their declaration; values in the order of the connector's schema.
pub type Inputs = HashMap<String, Vec<Vec<Value>>>;

type Rows = Vec<Vec<Value>>;

/// What a graph gave.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Rows of each node, by its index; those of a sink are what it was given.
    pub rows: Vec<Rows>,
    /// Record errors that were skipped or routed, in no particular order between nodes.
    pub errors: Vec<RowError>,
}

/// A record error and the record.
#[derive(Clone, Debug)]
pub struct RowError {
    /// Index of the declaration.
    pub declaration: u32,
    /// `declaration.word` of the stage.
    pub label: String,
    /// What went wrong.
    pub error: RecordError,
    /// The record as JSON.
    pub record: String,
}

/// A record error where `onError: fail` stops the job.
#[derive(Clone, Debug)]
pub struct Failure(pub RowError);

impl Outcome {
    /// The rows of the sink, or of the last operator, of a declaration.
    pub fn of(&self, graph: &Graph, declaration: &str) -> Option<&Rows> {
        let is = |node: &Node| graph.declarations[node.declaration as usize].name == declaration;
        graph.nodes.iter().rposition(is).map(|index| &self.rows[index])
    }
}

/// Runs a graph. `now` is the wall clock.
pub fn evaluate(graph: &Graph, inputs: &Inputs, now: i64) -> Result<Outcome, Box<Failure>> {
    let mut run = Run { graph, evaluator: Evaluator::new(now), now, outcome: Outcome::default() };
    run.outcome.rows = vec![Rows::new(); graph.nodes.len()];
    for index in order(graph) {
        let rows = run.node(index, inputs)?;
        run.outcome.rows[index] = rows;
    }
    Ok(run.outcome)
}

/// Nodes with `.errors` behind all that can feed them.
fn order(graph: &Graph) -> Vec<usize> {
    let mut done = vec![false; graph.nodes.len()];
    let mut order = Vec::new();
    while order.len() < graph.nodes.len() {
        let ready = |index: &usize| {
            let node = &graph.nodes[*index];
            let errors = match &node.kind {
                NodeKind::Errors { of } => Some(*of),
                _ => None,
            };
            let feeds = |other: &Node| errors.is_some_and(|of| raises(other, of));
            !done[*index]
                && node.inputs.iter().all(|input| done[input.node])
                && graph.nodes.iter().zip(&done).all(|(other, done)| *done || !feeds(other))
        };
        // Errors that flow back into their own declaration are refused by the engine; here they are cut.
        let next = (0..graph.nodes.len()).find(ready).or_else(|| (0..graph.nodes.len()).find(|i| !done[*i]));
        let Some(next) = next else { break };
        done[next] = true;
        order.push(next);
    }
    order
}

fn raises(node: &Node, declaration: u32) -> bool {
    match &node.kind {
        NodeKind::Errors { .. } => false,
        NodeKind::Chain(chain) => chain.steps.iter().any(|step| step.declaration == declaration),
        _ => node.declaration == declaration,
    }
}

struct Run<'a> {
    graph: &'a Graph,
    evaluator: Evaluator,
    now: i64,
    outcome: Outcome,
}

impl Run<'_> {
    fn node(&mut self, index: usize, inputs: &Inputs) -> Result<Rows, Box<Failure>> {
        let node = &self.graph.nodes[index];
        let input = |at: usize| self.outcome.rows[node.inputs[at].node].clone();
        match &node.kind {
            NodeKind::Source { read, .. } => {
                let name = &self.graph.declarations[node.declaration as usize].name;
                let rows = inputs.get(name).map_or(&[][..], Vec::as_slice);
                let pick = |row: &Vec<Value>| read.iter().map(|column| row[*column].clone()).collect();
                Ok(rows.iter().map(pick).collect())
            }
            NodeKind::Errors { of } => Ok(self.error_rows(*of)),
            NodeKind::Union => Ok((0..node.inputs.len()).flat_map(input).collect()),
            NodeKind::Tap { .. } | NodeKind::Sink { .. } => Ok(input(0)),
            NodeKind::Limit { n } => {
                Ok(input(0).into_iter().take(usize::try_from(*n).unwrap_or(usize::MAX)).collect())
            }
            NodeKind::Sample { probability } => Ok(sample(input(0), *probability)),
            NodeKind::Chain(chain) => {
                let mut made = Rows::new();
                let mut failed = Vec::new();
                for row in input(0) {
                    made.extend(run_chain(&mut self.evaluator, chain, row.clone(), &mut failed));
                    for failed in failed.drain(..) {
                        let step = &chain.steps[failed.step];
                        self.fail((step.declaration, &step.label), failed.error, &row, &chain.input)?;
                    }
                }
                Ok(made)
            }
            NodeKind::Aggregate(aggregate) => {
                let schema = &self.graph.nodes[node.inputs[0].node].output;
                let mut groups = Groups::new(aggregate, schema);
                let mut made = Rows::new();
                for row in input(0) {
                    match groups.add(&row) {
                        Ok(given) => made.extend(given),
                        Err(error) => self.fail((node.declaration, &node.label), error, &row, schema)?,
                    }
                }
                made.extend(groups.end());
                Ok(made)
            }
            NodeKind::Scan { .. } => self.scan(node, input(0)),
            _ => unreachable!("refused before: {}", node.label),
        }
    }

    fn scan(&mut self, node: &Node, rows: Rows) -> Result<Rows, Box<Failure>> {
        let NodeKind::Scan { keys, init, next, emit, .. } = &node.kind else { return Ok(rows) };
        let schema = &self.graph.nodes[node.inputs[0].node].output;
        let mut states: HashMap<Vec<Value>, Value> = HashMap::new();
        let mut made = Rows::new();
        for row in rows {
            let key: Vec<Value> = keys.iter().map(|key| row[*key].clone()).collect();
            let evaluator = &mut self.evaluator;
            let mut step = || {
                let before = match states.get(&key) {
                    Some(state) => state.clone(),
                    None => evaluator.eval(init, &[])?,
                };
                let mut row = row.clone();
                row.push(before);
                let after = evaluator.eval(next, &row)?;
                row.pop();
                row.push(after.clone());
                let given =
                    emit.iter().map(|expr| evaluator.eval(expr, &row)).collect::<Result<Vec<_>, _>>()?;
                // The state moves on only if nothing failed.
                Ok((after, given))
            };
            match step() {
                Ok((after, given)) => {
                    states.insert(key, after);
                    made.push(given);
                }
                Err(error) => self.fail((node.declaration, &node.label), error, &row, schema)?,
            }
        }
        Ok(made)
    }

    fn fail(
        &mut self,
        (declaration, label): (u32, &str),
        error: RecordError,
        row: &[Value],
        schema: &RecordType,
    ) -> Result<(), Box<Failure>> {
        let mut record = String::new();
        let ty = DataType::Record(schema.clone().into());
        json::write(&mut record, &Value::Record(row.into()), &ty);
        let error = RowError { declaration, label: label.to_string(), error, record };
        if self.graph.declarations[declaration as usize].on_error == OnError::Fail {
            return Err(Box::new(Failure(error)));
        }
        self.outcome.errors.push(error);
        Ok(())
    }

    /// The rows of `NAME.errors`; there are no positions here.
    fn error_rows(&self, of: u32) -> Rows {
        let errors = self.outcome.errors.iter().filter(|error| error.declaration == of);
        errors
            .map(|e| {
                vec![
                    Value::string(e.error.message.as_str()),
                    Value::string(e.error.code.as_str()),
                    Value::string(e.label.as_str()),
                    Value::string(""),
                    Value::string(e.record.as_str()),
                    Value::Timestamp(self.now),
                ]
            })
            .collect()
    }
}

/// About so many rows; which ones is up to who runs the graph.
fn sample(rows: Rows, probability: f64) -> Rows {
    let keep = |at: usize| (hash_int(at as i64) >> 11) as f64 / ((1u64 << 53) as f64) < probability;
    rows.into_iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, row)| row).collect()
}
