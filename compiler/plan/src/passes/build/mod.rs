//! The graph as it follows from the plan: one node per operator, aggregates split into what is computed
//! before, kept, and computed behind, and exchanges where rows of one key must meet. Event time,
//! watermarks and changes become hidden columns behind the declared ones.

mod aggregate;
mod changes;
mod join;
mod pick;
mod prepared;
mod time;

pub(super) use changes::wanted as withdrawn;

use crate::connector::TEST;
use crate::expr::Expr;
use crate::operator::{Operator, OperatorId, OperatorKind, Plan, StateIdentity};
use crate::physical::{Chain, Exchange, Graph, Hidden, Input, Node, NodeKind, Step, StepKind, hidden};
use crate::types::{Field, RecordType};
use std::sync::Arc;

/// Makes the graph of a plan in which everything can run.
pub(super) fn build(plan: &Plan) -> Graph {
    let graph = Graph {
        scripts: plan.scripts.clone(),
        job: plan.job.clone(),
        declarations: plan.declarations.clone(),
        nodes: Vec::new(),
    };
    let windows = time::first_windows(plan);
    let mut builder = Builder {
        graph,
        node_of: vec![None; plan.operators.len()],
        window_nodes: vec![None; plan.declarations.len()],
        changes: changes::wanted(plan),
    };
    // In the order of the plan, but late rows behind the window that gives them.
    let mut waiting: Vec<usize> = (0..plan.operators.len()).collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|&index| {
            let operator = &plan.operators[index];
            let ready = builder.is_ready(operator, &windows);
            if ready {
                let node = builder.operator(index, operator, windows.contains(&Some(index)));
                builder.node_of[index] = Some(node);
            }
            !ready
        });
        assert!(waiting.len() < before, "the checker refuses rows that are late for themselves");
    }
    builder.graph
}

struct Builder {
    graph: Graph,
    /// The node that gives an operator's rows.
    node_of: Vec<Option<usize>>,
    /// The node of each declaration's first window, which gives its late rows.
    window_nodes: Vec<Option<usize>>,
    /// Which operators must give withdrawals.
    changes: Vec<bool>,
}

impl Builder {
    fn is_ready(&self, operator: &Operator, windows: &[Option<usize>]) -> bool {
        let built = |index: usize| self.node_of[index].is_some();
        let late = match operator.kind {
            OperatorKind::Late { declaration } => windows[declaration as usize].is_none_or(built),
            _ => true,
        };
        late && operator.inputs.iter().all(|OperatorId(input)| built(*input as usize))
    }

    /// `late`: is it the window that gives its declaration's late rows?
    fn operator(&mut self, index: usize, operator: &Operator, late: bool) -> usize {
        let late = late && self.graph.declarations[operator.declaration as usize].late_consumed;
        let kind = match &operator.kind {
            OperatorKind::Source(connector) => NodeKind::Source {
                connector: connector.clone(),
                read: (0..connector.schema.fields.len()).collect(),
            },
            OperatorKind::Table { connector, .. } => NodeKind::Table {
                connector: connector.clone(),
                read: (0..connector.schema.fields.len()).collect(),
            },
            OperatorKind::Errors { declaration } => NodeKind::Errors { of: *declaration },
            OperatorKind::Late { declaration } => return self.late(operator, *declaration),
            OperatorKind::Map { exprs } => return self.map(operator, exprs.clone()),
            OperatorKind::Filter { cond } => return self.filter(operator, cond),
            OperatorKind::FlatMap { list } => return self.flat_map(operator, list),
            OperatorKind::EventTime { column, delay, idle } => {
                return self.event_time(operator, *column, *delay, *idle);
            }
            OperatorKind::Union => return self.union(operator),
            OperatorKind::Aggregate(aggregate) => {
                return self.aggregate(operator, aggregate, self.changes[index], late);
            }
            OperatorKind::Top { .. } | OperatorKind::Latest { .. } => {
                return self.pick(operator, self.changes[index], late);
            }
            OperatorKind::Distinct { keys, columns, within } => {
                return self.distinct(operator, keys, columns, *within);
            }
            OperatorKind::Join(join) => return self.join(operator, join, self.changes[index]),
            OperatorKind::Scan { keys, init, next, emit } => {
                return self.scan(operator, keys, [init, next], emit);
            }
            OperatorKind::Sample { probability } => NodeKind::Sample { probability: *probability },
            OperatorKind::Limit { n } => NodeKind::Limit { n: *n },
            OperatorKind::Tap { label } => NodeKind::Tap { label: label.clone() },
            OperatorKind::Sink(connector) => {
                let input = self.appended(operator, self.input(operator, 0));
                let kind = NodeKind::Sink { connector: connector.clone() };
                let exchange = match connector.name.as_str() {
                    "stdout" | TEST => Exchange::Gather,
                    _ => Exchange::Local,
                };
                return self.push(
                    operator,
                    kind,
                    vec![Input { node: input, exchange }],
                    operator.output.clone(),
                );
            }
        };
        let exchange = match kind {
            NodeKind::Limit { .. } => Exchange::Gather,
            _ => Exchange::Local,
        };
        let inputs: Vec<Input> = (0..operator.inputs.len())
            .map(|at| Input { node: self.input(operator, at), exchange: exchange.clone() })
            .collect();
        let output = match inputs.first() {
            Some(input) => self.with_hidden(&operator.output, input.node),
            None => operator.output.clone(),
        };
        self.push(operator, kind, inputs, output)
    }

    /// The node that gives an input's rows.
    fn input(&self, operator: &Operator, at: usize) -> usize {
        let OperatorId(input) = operator.inputs[at];
        match self.node_of[input as usize] {
            Some(node) => node,
            None => unreachable!("inputs stand before their consumers"),
        }
    }

    fn record(&self, node: usize) -> &Arc<RecordType> {
        &self.graph.nodes[node].output
    }

    /// The hidden columns of a node.
    fn hidden(&self, node: usize) -> Hidden {
        let position = |name| hidden::position(self.record(node), name);
        Hidden {
            time: position(hidden::TIME),
            watermark: position(hidden::WATERMARK),
            change: position(hidden::CHANGE),
        }
    }

    /// The declared columns with a node's hidden ones behind them.
    fn with_hidden(&self, declared: &RecordType, node: usize) -> Arc<RecordType> {
        let record = self.record(node);
        let hidden = record.fields[hidden::visible(record)..].iter();
        Arc::new(RecordType::new(declared.fields.iter().chain(hidden).cloned().collect()))
    }

    fn push(
        &mut self,
        operator: &Operator,
        kind: NodeKind,
        inputs: Vec<Input>,
        output: Arc<RecordType>,
    ) -> usize {
        self.graph.nodes.push(Node {
            kind,
            inputs,
            output,
            declaration: operator.declaration,
            label: self.label(operator),
            place: operator.place,
        });
        self.graph.nodes.len() - 1
    }

    fn label(&self, operator: &Operator) -> String {
        format!("{}.{}", self.graph.declarations[operator.declaration as usize].name, operator.word)
    }

    /// A chain of one step behind a node.
    fn chain(&mut self, operator: &Operator, kind: StepKind, input: usize, output: Arc<RecordType>) -> usize {
        let step = self.step(operator, kind, output.clone());
        let chain = Chain { input: self.record(input).clone(), steps: vec![step] };
        let inputs = vec![Input { node: input, exchange: Exchange::Local }];
        self.push(operator, NodeKind::Chain(chain), inputs, output)
    }

    fn step(&self, operator: &Operator, kind: StepKind, output: Arc<RecordType>) -> Step {
        Step {
            kind,
            output,
            declaration: operator.declaration,
            label: self.label(operator),
            place: operator.place,
        }
    }

    /// A map whose declared columns are these; hidden ones pass.
    fn map(&mut self, operator: &Operator, mut exprs: Vec<Expr>) -> usize {
        let input = self.input(operator, 0);
        let record = self.record(input).clone();
        exprs.extend((hidden::visible(&record)..record.fields.len()).map(|c| passed(&record, c, operator)));
        let output = self.with_hidden(&operator.output, input);
        self.chain(operator, StepKind::Map(exprs), input, output)
    }

    fn filter(&mut self, operator: &Operator, cond: &Expr) -> usize {
        let input = self.input(operator, 0);
        let output = self.with_hidden(&operator.output, input);
        self.chain(operator, StepKind::Filter(cond.clone()), input, output)
    }

    /// The element comes behind all columns, also hidden ones: a map puts it where it belongs.
    fn flat_map(&mut self, operator: &Operator, list: &Expr) -> usize {
        let input = self.input(operator, 0);
        let record = self.record(input).clone();
        let visible = hidden::visible(&record);
        let mut fields = record.fields.clone();
        fields.extend(operator.output.fields.last().cloned());
        let made = Arc::new(RecordType::new(fields));
        let node = self.chain(operator, StepKind::FlatMap(list.clone()), input, made.clone());
        if visible == record.fields.len() {
            return node;
        }
        let order = (0..visible).chain([record.fields.len()]).chain(visible..record.fields.len());
        let exprs = order.map(|column| passed(&made, column, operator)).collect();
        let output = self.with_hidden(&operator.output, input);
        self.chain(operator, StepKind::Map(exprs), node, output)
    }

    fn scan(
        &mut self,
        operator: &Operator,
        keys: &[usize],
        [init, next]: [&Expr; 2],
        emit: &[Expr],
    ) -> usize {
        let input = self.input(operator, 0);
        let record = self.record(input).clone();
        let visible = hidden::visible(&record);
        // The state stands behind all columns of the input.
        let state = |expr: &Expr| {
            let mut expr = expr.clone();
            super::rewrite::remap_columns(&mut expr, |column| {
                if column < visible { column } else { record.fields.len() }
            });
            expr
        };
        let mut emit: Vec<Expr> = emit.iter().map(state).collect();
        emit.extend((visible..record.fields.len()).map(|column| passed(&record, column, operator)));
        let kind = NodeKind::Scan {
            keys: keys.to_vec(),
            state: self.state(operator),
            init: init.clone(),
            next: state(next),
            emit,
        };
        let output = self.with_hidden(&operator.output, input);
        self.push(operator, kind, vec![Input { node: input, exchange: by_key(keys) }], output)
    }

    fn state(&self, operator: &Operator) -> StateIdentity {
        operator.state.clone().unwrap_or_else(|| StateIdentity { id: operator.word.clone(), was: None })
    }
}

/// Rows of one key meet; without keys, all rows.
fn by_key(keys: &[usize]) -> Exchange {
    if keys.is_empty() { Exchange::Gather } else { Exchange::Hash(keys.to_vec()) }
}

/// A column as it is.
fn passed(record: &RecordType, column: usize, operator: &Operator) -> Expr {
    Expr::column(column, record.fields[column].ty.clone(), operator.place)
}

/// Fields with hidden ones behind them.
fn with(mut fields: Vec<Field>, hidden: &[Option<&str>]) -> Arc<RecordType> {
    fields.extend(hidden.iter().flatten().map(|name| hidden::field(name)));
    Arc::new(RecordType::new(fields))
}
