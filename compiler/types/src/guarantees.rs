//! What a sink promises from end to end, and which part of the way weakens it.

use crate::checked::{Checked, CheckedKind, CheckedPipeline, Input};
use flow_plan::connector::lookup;
use flow_plan::connector::table::{Delivery, Replay};
use flow_plan::operator::{DeclarationKind, OperatorKind};
use flow_syntax::Span;

/// The guarantee of one sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarantee {
    /// Index of the sink's declaration.
    pub sink: usize,
    /// What holds from its sources to it.
    pub delivery: Delivery,
    /// What makes it less than exactly once, and where.
    pub weakened_by: Vec<(String, Span)>,
}

/// The guarantee of every sink.
pub fn guarantees(checked: &Checked) -> Vec<Guarantee> {
    let pipelines: Vec<Option<&CheckedPipeline>> = checked
        .declarations
        .iter()
        .map(|d| match &d.kind {
            CheckedKind::Pipeline(p) => Some(&**p),
            _ => None,
        })
        .collect();
    sinks(&pipelines)
}

pub(crate) fn sinks(pipelines: &[Option<&CheckedPipeline>]) -> Vec<Guarantee> {
    let mut found = Vec::new();
    for (index, pipeline) in pipelines.iter().enumerate() {
        let Some(sink) = pipeline.filter(|p| p.kind == DeclarationKind::Sink) else { continue };
        let mut guarantee =
            Guarantee { sink: index, delivery: Delivery::ExactlyOnce, weakened_by: Vec::new() };
        for source in sources(pipelines, sink) {
            if let (OperatorKind::Source(call), span) = source
                && let Some(def) = lookup(&call.name).and_then(|d| d.source)
                && def.replay == Replay::Gone
            {
                guarantee.delivery = Delivery::BestEffort;
                guarantee
                    .weakened_by
                    .push((format!("`{}` cannot be read again after a failure", call.name), span));
            }
        }
        for operator in &sink.operators {
            if let OperatorKind::Sink(call) = &operator.kind
                && let Some(def) = lookup(&call.name).and_then(|d| d.sink)
                && def.delivery < Delivery::ExactlyOnce
            {
                guarantee.delivery = guarantee.delivery.min(def.delivery);
                guarantee
                    .weakened_by
                    .push((format!("`{}` may show rows again after a failure", call.name), operator.span));
            }
        }
        found.push(guarantee);
    }
    found
}

/// The source operators a sink reads.
fn sources<'p>(
    pipelines: &[Option<&'p CheckedPipeline>],
    sink: &'p CheckedPipeline,
) -> Vec<(&'p OperatorKind, Span)> {
    let mut seen = vec![false; pipelines.len()];
    let mut open: Vec<&'p CheckedPipeline> = vec![sink];
    let mut found = Vec::new();
    while let Some(pipeline) = open.pop() {
        for operator in &pipeline.operators {
            if let OperatorKind::Source(_) = operator.kind {
                found.push((&operator.kind, operator.span));
            }
        }
        let inputs = pipeline.operators.iter().flat_map(|o| o.inputs.iter()).chain(pipeline.result.iter());
        for input in inputs {
            if let Input::Declaration(i) | Input::Errors(i) | Input::Late(i) = input
                && !std::mem::replace(&mut seen[*i], true)
                && let Some(next) = pipelines[*i]
            {
                open.push(next);
            }
        }
    }
    found
}
