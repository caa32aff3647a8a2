//! The graph as it follows from the plan: one node per operator, aggregates split into what is computed
//! before, kept, and computed behind, and exchanges where rows of one key must meet.

use super::rewrite;
use crate::connector::ConnectorCall;
use crate::expr::{Expr, Kind};
use crate::fallible::can_fail;
use crate::operator::{Aggregate, AggregateCall, Operator, OperatorKind, Plan, StateIdentity};
use crate::physical::{
    Chain, ColumnAggregate, Exchange, Graph, Input, Node, NodeKind, RunningAggregate, Step, StepKind,
};
use crate::types::{Field, RecordType};
use crate::value::Value;
use std::sync::Arc;

/// Makes the graph of a plan in which everything can run.
pub(super) fn build(plan: &Plan) -> Graph {
    let graph = Graph {
        scripts: plan.scripts.clone(),
        job: plan.job.clone(),
        declarations: plan.declarations.clone(),
        nodes: Vec::new(),
    };
    let mut builder = Builder { graph, node_of: Vec::new() };
    for operator in &plan.operators {
        let node = builder.operator(operator);
        builder.node_of.push(node);
    }
    builder.graph
}

struct Builder {
    graph: Graph,
    /// The node that gives an operator's rows.
    node_of: Vec<usize>,
}

impl Builder {
    fn operator(&mut self, operator: &Operator) -> usize {
        let kind = match &operator.kind {
            OperatorKind::Source(connector) => NodeKind::Source {
                connector: connector.clone(),
                read: (0..connector.schema.fields.len()).collect(),
            },
            OperatorKind::Errors { declaration } => NodeKind::Errors { of: *declaration },
            OperatorKind::Map { exprs } => return self.step(operator, StepKind::Map(exprs.clone())),
            OperatorKind::Filter { cond } => return self.step(operator, StepKind::Filter(cond.clone())),
            OperatorKind::FlatMap { list } => return self.step(operator, StepKind::FlatMap(list.clone())),
            OperatorKind::Union => NodeKind::Union,
            OperatorKind::Aggregate(aggregate) => return self.aggregate(operator, aggregate),
            OperatorKind::Scan { keys, init, next, emit } => NodeKind::Scan {
                keys: keys.clone(),
                state: state(operator),
                init: init.clone(),
                next: next.clone(),
                emit: emit.clone(),
            },
            OperatorKind::Sample { probability } => NodeKind::Sample { probability: *probability },
            OperatorKind::Limit { n } => NodeKind::Limit { n: *n },
            OperatorKind::Tap { label } => NodeKind::Tap { label: label.clone() },
            OperatorKind::Sink(connector) => NodeKind::Sink { connector: connector.clone() },
            OperatorKind::Table { .. }
            | OperatorKind::Late { .. }
            | OperatorKind::EventTime { .. }
            | OperatorKind::Top { .. }
            | OperatorKind::Latest { .. }
            | OperatorKind::Distinct { .. }
            | OperatorKind::Join(_) => unreachable!("refused before: {}", operator.word),
        };
        let exchange = exchange(&kind);
        let inputs = self.inputs(operator, &exchange);
        self.push(operator, kind, inputs, operator.output.clone())
    }

    fn inputs(&self, operator: &Operator, exchange: &Exchange) -> Vec<Input> {
        let input = |id: &crate::operator::OperatorId| Input {
            node: self.node_of[id.0 as usize],
            exchange: exchange.clone(),
        };
        operator.inputs.iter().map(input).collect()
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

    /// A chain of one step.
    fn step(&mut self, operator: &Operator, kind: StepKind) -> usize {
        let input = self.node_of[operator.inputs[0].0 as usize];
        self.chain(operator, kind, input, operator.output.clone())
    }

    fn chain(&mut self, operator: &Operator, kind: StepKind, input: usize, output: Arc<RecordType>) -> usize {
        let step = Step {
            kind,
            output: output.clone(),
            declaration: operator.declaration,
            label: self.label(operator),
            place: operator.place,
        };
        let chain = Chain { input: self.graph.nodes[input].output.clone(), steps: vec![step] };
        let inputs = vec![Input { node: input, exchange: Exchange::Local }];
        self.push(operator, NodeKind::Chain(chain), inputs, output)
    }

    fn aggregate(&mut self, operator: &Operator, aggregate: &Aggregate) -> usize {
        let input = self.node_of[operator.inputs[0].0 as usize];
        let mut before = Before::new(self.graph.nodes[input].output.clone());
        let keys: Vec<usize> = aggregate.keys.iter().map(|key| before.key(*key)).collect();
        let calls: Vec<ColumnAggregate> = aggregate.calls.iter().map(|call| before.call(call)).collect();
        let prepared = self.chain(
            operator,
            StepKind::Map(before.exprs),
            input,
            Arc::new(RecordType::new(before.fields)),
        );

        let mut fields: Vec<Field> = operator.output.fields[..keys.len()].to_vec();
        fields.extend(calls.iter().map(|call| Field::new(call_name(&calls, call), call.ty.clone())));
        let running = RunningAggregate {
            keys,
            state: state(operator),
            trigger: aggregate.trigger.running.clone(),
            discarding: aggregate.trigger.discarding,
            calls,
        };
        let kind = NodeKind::Aggregate(running);
        let inputs = vec![Input { node: prepared, exchange: exchange(&kind) }];
        let kept = self.push(operator, kind, inputs, Arc::new(RecordType::new(fields)));

        let keys = operator.output.fields[..aggregate.keys.len()].iter().enumerate();
        let mut results: Vec<Expr> =
            keys.map(|(i, f)| Expr::column(i, f.ty.clone(), operator.place)).collect();
        results.extend(aggregate.results.iter().cloned());
        self.chain(operator, StepKind::Map(results), kept, operator.output.clone())
    }
}

/// The result a call was written for; with its function if the result has several.
fn call_name(calls: &[ColumnAggregate], call: &ColumnAggregate) -> String {
    let same = calls.iter().filter(|other| other.name == call.name).count();
    if same > 1 { format!("{} {}", call.name, call.func.name()) } else { call.name.clone() }
}

fn state(operator: &Operator) -> StateIdentity {
    operator.state.clone().unwrap_or_else(|| StateIdentity { id: operator.word.clone(), was: None })
}

/// How rows must arrive.
fn exchange(kind: &NodeKind) -> Exchange {
    match kind {
        NodeKind::Aggregate(RunningAggregate { keys, .. }) | NodeKind::Scan { keys, .. }
            if !keys.is_empty() =>
        {
            Exchange::Hash(keys.clone())
        }
        NodeKind::Aggregate(_) | NodeKind::Scan { .. } | NodeKind::Limit { .. } => Exchange::Gather,
        NodeKind::Sink { connector: ConnectorCall { name, .. } } if name == "stdout" => Exchange::Gather,
        _ => Exchange::Local,
    }
}

/// The columns that are computed before an aggregate.
struct Before {
    input: Arc<RecordType>,
    exprs: Vec<Expr>,
    fields: Vec<Field>,
}

impl Before {
    fn new(input: Arc<RecordType>) -> Before {
        Before { input, exprs: Vec::new(), fields: Vec::new() }
    }

    fn key(&mut self, column: usize) -> usize {
        let field = self.input.fields[column].clone();
        let key = Expr::column(column, field.ty.clone(), Default::default());
        self.column(key, field.name)
    }

    /// The column of an expression; what several aggregates read is computed once. (Also what can
    /// fail: the first of two equal expressions raises the error in any case.)
    fn column(&mut self, expr: Expr, name: Arc<str>) -> usize {
        let known = self.exprs.iter().position(|known| rewrite::computes_same(known, &expr));
        known.unwrap_or_else(|| {
            // What is only passed on keeps its name, so that the step may go away.
            let name = expr.as_column().map_or(name, |column| self.input.fields[column].name.clone());
            self.fields.push(Field::new(name, expr.ty().clone()));
            self.exprs.push(expr);
            self.exprs.len() - 1
        })
    }

    fn call(&mut self, call: &AggregateCall) -> ColumnAggregate {
        let name: Arc<str> = call.name.as_str().into();
        let filter = call.filter.clone().map(|filter| self.column(filter, format!("{name} where").into()));
        let guarded = |expr: &Expr| match &call.filter {
            Some(filter) if can_fail(expr) => guard(filter, expr),
            _ => expr.clone(),
        };
        let arg = call.arg.as_ref().map(guarded).map(|arg| self.column(arg, name.clone()));
        let by = call.by.as_ref().map(guarded).map(|by| self.column(by, format!("{name} by").into()));
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
