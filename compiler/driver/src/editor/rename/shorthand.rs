//! Where one word is the name of a field and of what the field holds: `map { limit }`, `{ price }`. The field keeps its
//! name when what it holds gets another one.

use super::super::text;
use crate::Compilation;
use crate::editor::actions::stages_of;
use flow_syntax::ast::{ExprId, ExprKind, Program, RecordItem, StageKind};
use flow_syntax::{Edit, Span};

/// What is written at a place for another name.
pub(super) fn written(compiled: &Compilation, declared: Option<Span>, at: Span, new: &str) -> Vec<Edit> {
    let plain = Edit { span: at, replacement: new.to_string() };
    let Some(program) = compiled.programs.get(usize::from(at.file.0)) else { return vec![plain] };
    let Some((id, row)) = kept(program, at) else { return vec![plain] };
    // A field of a row that is kept is the same field.
    if row && declared.is_some_and(|declared| is_column(compiled, declared)) {
        return vec![plain];
    }
    let old = text(compiled, at);
    let whole = program.exprs[id].span;
    match program.exprs[id].kind {
        ExprKind::Name(_) => vec![Edit { span: at, replacement: format!("{old}: {new}") }],
        _ => vec![Edit { span: whole.before(), replacement: format!("{old}: ") }, plain],
    }
}

/// The item without a name of its own that ends in this word, and whether it makes a field of a row.
fn kept(program: &Program, at: Span) -> Option<(ExprId, bool)> {
    let names = |id: ExprId| match &program.exprs[id].kind {
        ExprKind::Name(name) | ExprKind::Field { name, .. } => name.span == at,
        _ => false,
    };
    let found = |items: &[RecordItem]| {
        items.iter().find_map(|item| match item {
            RecordItem::Keep(id) if names(*id) => Some(*id),
            _ => None,
        })
    };
    let stages = program.decls.iter().flat_map(|decl| stages_of(&decl.kind));
    let of_stages = stages.filter(|stage| stage.span.start <= at.start && at.end <= stage.span.end);
    let mut emitted = Vec::new();
    for stage in of_stages {
        match &stage.kind {
            StageKind::Braces { items } => {
                if let Some(id) = found(items) {
                    return Some((id, true));
                }
            }
            // The record of `emit: { … }` is the row that comes out.
            StageKind::Call { args, .. } if stage.name.name == "scan" => {
                let named =
                    |name: &str| args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.name == name));
                emitted.extend(named("emit").map(|arg| arg.value));
            }
            _ => {}
        }
    }
    program.exprs.iter().find_map(|(record, expr)| match &expr.kind {
        ExprKind::Record(items) => Some((found(items)?, emitted.contains(&record))),
        _ => None,
    })
}

/// Is a column of a stream declared there?
fn is_column(compiled: &Compilation, declared: Span) -> bool {
    let checked = &compiled.checked;
    let pipelines = (0..checked.declarations.len()).filter_map(|index| checked.pipeline(index));
    let mut streams = pipelines.flat_map(|pipeline| {
        let stages = pipeline.stages.iter().map(|stage| &stage.after);
        stages.chain([&pipeline.head, &pipeline.output])
    });
    streams.any(|stream| stream.columns.iter().any(|column| column.origin == declared))
}
