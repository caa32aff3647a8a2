//! What is shown of a logical plan: the stages as they are written, with what the checker found out.

use super::expr::{columns, name};
use super::{Edge, StateView, View, connector};
use crate::operator::{Operator, OperatorKind, Plan, StreamMode};

/// The views of all operators, by their index.
pub fn plan_views(plan: &Plan) -> Vec<View> {
    plan.operators.iter().map(|operator| view(plan, operator)).collect()
}

fn view(plan: &Plan, operator: &Operator) -> View {
    let declaration = &plan.declarations[operator.declaration as usize].name;
    let (kind, label, detail) = match &operator.kind {
        OperatorKind::Source(call) => ("source", declaration.clone(), connector(call)),
        OperatorKind::Table { connector: call, .. } => ("table", declaration.clone(), connector(call)),
        OperatorKind::Sink(call) => ("sink", declaration.clone(), connector(call)),
        OperatorKind::Errors { declaration: of } => {
            ("errors", String::new(), format!("of {}", plan.declarations[*of as usize].name))
        }
        OperatorKind::Late { declaration: of } => {
            ("late", String::new(), format!("of {}", plan.declarations[*of as usize].name))
        }
        _ => (operator.word.as_str(), format!("{declaration}.{}", operator.word), written(plan, operator)),
    };
    View {
        kind: kind.to_string(),
        label,
        detail,
        parts: Vec::new(),
        inputs: operator
            .inputs
            .iter()
            .map(|id| Edge { from: id.0 as usize, exchange: String::new() })
            .collect(),
        output: columns(&operator.output),
        mode: mode(plan, operator),
        state: operator.state.as_ref().map(|state| StateView {
            id: state.id.clone(),
            was: state.was.clone(),
            bound: String::new(),
        }),
        guarantee: None,
    }
}

/// Were the columns mapped away by which rows are replaced?
fn key_lost(plan: &Plan, operator: &Operator) -> bool {
    let mut here = operator;
    while let ([input], None) = (&here.inputs[..], &here.state) {
        here = &plan.operators[input.0 as usize];
        match &here.mode {
            StreamMode::Updating { key } if key.is_empty() => {}
            mode => return *mode != StreamMode::Append,
        }
    }
    false
}

fn mode(plan: &Plan, operator: &Operator) -> String {
    match &operator.mode {
        StreamMode::Updating { key } if key.is_empty() && key_lost(plan, operator) => "updating".into(),
        StreamMode::Append => "append".into(),
        StreamMode::Updating { key } if key.is_empty() => "updating, one row".into(),
        StreamMode::Updating { .. } if operator.output.fields.is_empty() => "updating".into(),
        StreamMode::Updating { key } => {
            let names = key.iter().filter_map(|column| operator.output.fields.get(*column));
            format!("updating by {}", names.map(|f| name(&f.name)).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The stage in the script, in one line.
fn written(plan: &Plan, operator: &Operator) -> String {
    const LONGEST: usize = 120;
    let place = operator.place;
    let script = plan.scripts.get(usize::from(place.file));
    let text = script.and_then(|script| script.text.get(place.start as usize..place.end as usize));
    let mut line = text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(cut);
        line.push('…');
    }
    line
}
