//! What a declaration and its stages were called, said so that the savepoint of the script as it was fits the script as it
//! is: states are named after their declaration.

use crate::Compilation;
use crate::editor::actions::{quoted, stages_of};
use flow_plan::operator::DeclarationKind;
use flow_syntax::{Edit, Span};

/// `@was("old")` before a declaration whose states are named after it. A state that says itself what it was called keeps
/// the id it has.
pub(super) fn names(compiled: &Compilation, declared: Span, old: &str) -> Vec<Edit> {
    let checked = &compiled.checked;
    let index = checked.declarations.iter().position(|declaration| declaration.name_span == declared);
    let Some(pipeline) = index.and_then(|index| checked.pipeline(index)) else { return Vec::new() };
    let program = compiled.programs.get(usize::from(declared.file.0));
    let holds = |span: Span| span.start <= declared.start && declared.end <= span.end;
    let decl = program.into_iter().flat_map(|program| &program.decls).find(|decl| holds(decl.span));
    let Some(decl) = decl else { return Vec::new() };
    // Where a source is, what a sink has sealed, how far time is and what a limit let through are called after the declaration, too.
    let mut named_after = matches!(pipeline.kind, DeclarationKind::Source | DeclarationKind::Sink)
        || pipeline.stages.iter().any(|stage| matches!(stage.word.as_str(), "eventTime" | "limit"));
    let mut edits = Vec::new();
    for stage in stages_of(&decl.kind).iter().filter(|stage| stage.id.is_none()) {
        let checked = pipeline.stages.iter().find(|checked| checked.span == stage.span);
        let operators = checked.map(|checked| checked.operators.clone()).unwrap_or_default();
        let Some(state) = pipeline.operators[operators].iter().find_map(|o| o.state.as_ref()) else {
            continue;
        };
        let Some(was) = &state.was else {
            named_after = true;
            continue;
        };
        let was = match &stage.was {
            None => format!("@was({}) ", quoted(was)),
            Some(_) => String::new(),
        };
        let replacement = format!("@id({}) {was}", quoted(&state.id));
        edits.push(Edit { span: stage.span.before(), replacement });
    }
    match &decl.was {
        _ if !named_after => {}
        None => edits.push(Edit { span: decl.span.before(), replacement: format!("@was({}) ", quoted(old)) }),
        Some(was) => edits.push(Edit { span: was.span, replacement: quoted(old) }),
    }
    edits
}
