//! Passes over the steps of a chain: filters move up, maps merge.

use super::rewrite::{append, columns, next_local, remap_columns};
use crate::expr::{Expr, Kind, NodeId};
use crate::fallible::can_fail;
use crate::physical::{Graph, NodeKind, Step, StepKind};
use crate::types::RecordType;
use crate::value::Value;
use std::sync::Arc;

fn chains(graph: &mut Graph) -> impl Iterator<Item = (&mut Arc<RecordType>, &mut Vec<Step>)> {
    graph.nodes.iter_mut().filter_map(|node| match &mut node.kind {
        NodeKind::Chain(chain) => Some((&mut chain.input, &mut chain.steps)),
        _ => None,
    })
}

/// Moves filters in front of maps and flatMaps that cannot fail and whose results they do not look at:
/// fewer rows are computed, and no record error appears or disappears.
pub(super) fn push_filters(graph: &mut Graph) {
    for (input, steps) in chains(graph) {
        steps.retain(|step| !matches!(&step.kind, StepKind::Filter(cond) if is_true(cond)));
        for index in 1..steps.len() {
            let mut at = index;
            while at > 0 {
                let before = if at == 1 { input.clone() } else { steps[at - 2].output.clone() };
                let Some(cond) = moved_cond(&steps[at - 1], &steps[at]) else { break };
                steps[at].kind = StepKind::Filter(cond);
                // The filter's output is what the step it passed reads; a `?` it took away comes back.
                steps[at].output = before;
                steps.swap(at - 1, at);
                at -= 1;
            }
        }
    }
}

fn is_true(cond: &Expr) -> bool {
    matches!(cond.nodes.as_slice(), [node] if matches!(node.kind, Kind::Literal(Value::Bool(true))))
}

/// The filter's condition over the columns in front of the step before it.
fn moved_cond(before: &Step, filter: &Step) -> Option<Expr> {
    let StepKind::Filter(cond) = &filter.kind else { return None };
    // A filter that takes away a `?` stays where the type changes.
    if filter.output.fields.iter().zip(&before.output.fields).any(|(a, b)| a.ty != b.ty) {
        return None;
    }
    let mut cond = cond.clone();
    match &before.kind {
        StepKind::Map(exprs) if !exprs.iter().any(can_fail) => {
            let plain = |column: usize| exprs[column].as_column();
            if columns(&cond).any(|column| plain(column).is_none()) {
                return None;
            }
            remap_columns(&mut cond, |column| plain(column).unwrap_or(column));
            Some(cond)
        }
        // An error of the condition would be raised once instead of once per element, or although
        // there are none.
        StepKind::FlatMap(list) if !can_fail(list) && !can_fail(&cond) => {
            let element = before.output.fields.len() - 1;
            let looks_at_it = columns(&cond).any(|column| column == element);
            (!looks_at_it).then_some(cond)
        }
        _ => None,
    }
}

/// Makes one map of two neighbours where that computes nothing twice and moves no record error.
pub(super) fn merge_maps(graph: &mut Graph) {
    for (_, steps) in chains(graph) {
        let mut index = 1;
        while index < steps.len() {
            match merged(&steps[index - 1], &steps[index]) {
                Some(step) => {
                    steps[index - 1] = step;
                    steps.remove(index);
                }
                None => index += 1,
            }
        }
    }
}

fn merged(first: &Step, second: &Step) -> Option<Step> {
    let (StepKind::Map(a), StepKind::Map(b)) = (&first.kind, &second.kind) else { return None };
    let fallible = a.iter().any(can_fail);
    let projection = b.iter().all(|expr| expr.nodes.len() == 1);
    let mut uses = vec![0usize; a.len()];
    b.iter().flat_map(columns).for_each(|column| uses[column] += 1);
    let cheap = |expr: &Expr| expr.nodes.len() == 1;
    let once = a.iter().zip(&uses).all(|(expr, uses)| *uses <= 1 || cheap(expr));
    // Errors of the first map keep their step, so they may only go where nothing else fails; and none may be lost.
    let errors_kept = !fallible || (projection && a.iter().zip(&uses).all(|(e, n)| *n > 0 || !can_fail(e)));
    if !once || !errors_kept || inside_lambda(b, a) {
        return None;
    }
    let exprs = b.iter().map(|expr| substitute(expr, a)).collect();
    let owner = if fallible { first } else { second };
    Some(Step { kind: StepKind::Map(exprs), output: second.output.clone(), ..owner.clone() })
}

/// Would something computed once per row be computed once per element of a list?
fn inside_lambda(second: &[Expr], first: &[Expr]) -> bool {
    let lambdas = |expr: &Expr| expr.nodes.iter().any(|node| matches!(node.kind, Kind::Lambda { .. }));
    second.iter().any(|expr| lambdas(expr) && columns(expr).any(|column| first[column].nodes.len() > 1))
}

/// The expression with columns replaced by what computes them.
fn substitute(expr: &Expr, columns: &[Expr]) -> Expr {
    let mut out = Expr::default();
    // Copies get numbers of locals above those of the expression, which are kept.
    let mut free = next_local(expr);
    let mut moved: Vec<NodeId> = Vec::with_capacity(expr.nodes.len());
    for node in &expr.nodes {
        let id = match &node.kind {
            Kind::Column(column) => {
                let source = &columns[*column as usize];
                let id = append(&mut out, source, free);
                free = free.max(next_local(&out));
                // The second map may know that a column is not null where the first did not.
                if source.nodes.len() == 1 {
                    out.nodes[id.0 as usize].ty = node.ty.clone();
                }
                id
            }
            kind => {
                out.push(kind.with_children(|child| moved[child.0 as usize]), node.ty.clone(), node.place)
            }
        };
        moved.push(id);
    }
    out
}
