//! What nobody reads.

use crate::checker::{Checker, Resolved};
use flow_syntax::Diagnostic;
use flow_syntax::ast::DeclKind;
use flow_syntax::codes;

/// Streams, sources and tables of the main script that nothing reads. A script without sinks and
/// tests is a library: its declarations are for others.
pub(super) fn streams(ck: &mut Checker<'_>) {
    let Some(main) = ck.input.programs.first() else { return };
    let library = !main
        .decls
        .iter()
        .any(|d| matches!(d.kind, DeclKind::Sink(_) | DeclKind::Test(_) | DeclKind::Error(_)));
    if library {
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
                for column in &pipeline.output.columns {
                    leaving[column.id as usize] = true;
                }
            }
            if !pipeline.ok {
                for stage in &pipeline.stages {
                    for column in &stage.after.columns {
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
