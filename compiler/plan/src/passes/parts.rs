//! `get(split(text, separator), n)` without the list: one part is found where it stands.

use super::rewrite::{compact, for_each};
use crate::catalogue::Func;
use crate::expr::{Expr, Kind};
use crate::physical::Graph;
use crate::types::DataType;

pub(super) fn take_parts(graph: &mut Graph) {
    for_each(graph, |expr| {
        if let Some(changed) = without_lists(expr) {
            *expr = changed;
        }
    });
}

fn without_lists(expr: &Expr) -> Option<Expr> {
    let mut out = expr.clone();
    let mut changed = false;
    for node in &mut out.nodes {
        let Kind::Call(Func::Get, get) = &node.kind else { continue };
        let [list, index] = get[..] else { continue };
        let Kind::Call(Func::Split, split) = &expr[list].kind else { continue };
        let [text, separator] = split[..] else { continue };
        let plain = expr[text].ty == DataType::String && expr[separator].ty == DataType::String;
        if plain && expr[index].ty == DataType::Int {
            node.kind = Kind::Call(Func::SplitPart, vec![text, separator, index]);
            changed = true;
        }
    }
    changed.then(|| compact(&out, out.root()))
}
