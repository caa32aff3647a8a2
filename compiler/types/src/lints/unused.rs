//! What nobody reads.

use crate::checker::{Checker, Resolved};
use crate::hash::HashSet;
use flow_syntax::ast::DeclKind;
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

/// A script without sinks and tests is a library: its declarations are for others.
fn is_library(ck: &Checker<'_>) -> bool {
    let own = |kind: &DeclKind| matches!(kind, DeclKind::Sink(_) | DeclKind::Test(_) | DeclKind::Error(_));
    !ck.input.programs.first().is_some_and(|main| main.decls.iter().any(|decl| own(&decl.kind)))
}

/// Functions, constants, parameters and types of the main script that nothing names, and what a block of a function
/// names for nothing. A name that begins with `_` says that it is meant so.
pub(super) fn declarations(ck: &mut Checker<'_>) {
    if is_library(ck) {
        return;
    }
    let references = ck.all_effects().flat_map(|effects| &effects.facts.references);
    let named: HashSet<Span> = references.map(|(_, declared)| *declared).collect();
    let mut found = Vec::new();
    for global in ck.globals.iter().filter(|global| global.main && !global.is_pipeline()) {
        let first =
            ck.global(&global.name.name).is_some_and(|(_, first)| first.name.span == global.name.span);
        if first && !named.contains(&global.name.span) {
            found.push((global.name, global.what().replacen("a ", "the ", 1)));
        }
        if let DeclKind::Fn(function) = &global.decl.kind {
            let lets = function.lets.iter().map(|(name, _)| name);
            found.extend(
                lets.filter(|name| !named.contains(&name.span)).map(|name| (name, "the `let`".into())),
            );
        }
    }
    // What a field hides is told where it is hidden.
    let hides = |d: &&Diagnostic| d.code == codes::SHADOWED_FIELD;
    let hidden: HashSet<Span> =
        ck.diags.iter().filter(hides).flat_map(|d| &d.labels).map(|l| l.span).collect();
    found.retain(|(name, _)| !name.name.starts_with('_') && !hidden.contains(&name.span));
    for (name, what) in found {
        let message = format!("{what} `{}` is never used", name.name);
        let diag = Diagnostic::new(codes::UNUSED_DECLARATION, name.span, message).at("never used");
        ck.report(diag.help("use it, or remove it"));
    }
}

/// Streams, sources and tables of the main script that nothing reads.
pub(super) fn streams(ck: &mut Checker<'_>) {
    if is_library(ck) {
        return;
    }
    let mut found = Vec::new();
    for (index, global) in ck.globals.iter().enumerate() {
        let uses = ck.uses[index];
        let first = ck.by_name.get(global.name.name.as_str()) == Some(&index);
        if !global.main || !first || !global.is_readable() || uses.rows || uses.late || uses.errors {
            continue;
        }
        found.push((
            global.name.span,
            format!("nothing reads {} `{}`", global.what().replacen("a ", "the ", 1), global.name.name),
        ));
    }
    for (span, message) in found {
        let diag = Diagnostic::new(codes::UNUSED_STREAM, span, message)
            .at("never read")
            .help("it is checked and makes no operators; write it to a `sink`, or remove it");
        ck.report(diag);
    }
}

/// Fields that a stage computes and nothing reads.
pub(super) fn fields(ck: &mut Checker<'_>) {
    let mut leaving = vec![false; ck.read.len()];
    for (index, resolved) in ck.resolved.iter().enumerate() {
        if let Resolved::Pipeline(pipeline) = resolved {
            let uses = ck.uses[index];
            // What nobody reads at all is said once, about the stream; of what is broken nothing is known.
            let unread = !(uses.rows || uses.late || uses.errors);
            if unread || !pipeline.ok || !ck.globals[index].main {
                for column in pipeline.output.columns.iter() {
                    leaving[column.id as usize] = true;
                }
            }
            if !pipeline.ok {
                for stage in &pipeline.stages {
                    for column in stage.after.columns.iter() {
                        leaving[column.id as usize] = true;
                    }
                }
            }
        }
    }
    let mut found = Vec::new();
    for computed in ck.all_effects().flat_map(|effects| &effects.computed) {
        let id = computed.id as usize;
        let main = computed.span.file == ck.input.programs[0].file;
        if !ck.read[id] && !leaving[id] && main && !computed.name.starts_with('_') {
            found.push((computed.span, computed.name.clone(), computed.word.clone()));
        }
    }
    for (span, name, word) in found {
        let diag = Diagnostic::new(
            codes::UNUSED_FIELD,
            span,
            format!("`{name}` is computed by this `{word}` and never read"),
        )
        .at("never read")
        .help("remove it, or let it reach a sink");
        ck.report(diag);
    }
}
