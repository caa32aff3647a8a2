//! Is all known that a name stands for? Behind a mistake names are not looked at.

use super::super::plain;
use super::line_of;
use crate::Compilation;
use flow_syntax::ast::DeclKind;
use flow_syntax::{FileId, Span, TokenKind};
use flow_types::checked::CheckedPipeline;

/// Says which word may mean the same as these places and is not understood because something is wrong with the script.
pub fn knows_all(compiled: &Compilation, name: &str, places: &[Span]) -> Result<(), String> {
    if !compiled.has_errors() {
        return Ok(());
    }
    for (file, source) in compiled.sources.files() {
        for token in flow_syntax::tokens(&source.text) {
            let at = Span { file, ..token.span };
            let word = matches!(token.kind, TokenKind::Ident | TokenKind::QuotedIdent | TokenKind::Keyword);
            if !word || plain(compiled.sources.text(at)) != name || places.contains(&at) {
                continue;
            }
            if known(compiled, at) || !is_dark(compiled, at) {
                continue;
            }
            let wrong = compiled.diagnostics.iter().find(|diagnostic| diagnostic.is_error());
            let why =
                wrong.map(|d| format!(" ({}: {})", line_of(&compiled.sources, d.primary.span), d.message));
            return Err(format!(
                "`{name}` in {} may mean the same, and what it means is not known while the script has errors{}",
                line_of(&compiled.sources, at),
                why.unwrap_or_default()
            ));
        }
    }
    Ok(())
}

/// Does it mean something else?
fn known(compiled: &Compilation, at: Span) -> bool {
    compiled.checked.references().any(|(used, declared)| *used == at || *declared == at)
        || compiled.checked.declarations.iter().any(|declaration| declaration.name_span == at)
}

/// Does it stand where not everything is known?
fn is_dark(compiled: &Compilation, at: Span) -> bool {
    let program = compiled.programs.get(usize::from(at.file.0));
    let holds = |span: Span| span.file == at.file && span.start <= at.start && at.end <= span.end;
    let Some(decl) = program.into_iter().flat_map(|p| &p.decls).find(|decl| holds(decl.span)) else {
        return true;
    };
    let inside =
        |span: Span| span.file == at.file && decl.span.start <= span.start && span.end <= decl.span.end;
    let wrong = compiled.diagnostics.iter().any(|d| d.is_error() && inside(d.primary.span))
        || compiled.checked.silenced.iter().any(|span| inside(*span));
    let unknown = match &decl.kind {
        DeclKind::Error(_) => true,
        DeclKind::Test(_) => at.file == FileId(0),
        _ => {
            let index = compiled.checked.declarations.iter().position(|d| holds_name(decl.span, d.name_span));
            index.and_then(|index| compiled.checked.pipeline(index)).is_some_and(is_open)
        }
    };
    wrong || unknown
}

fn holds_name(decl: Span, name: Span) -> bool {
    decl.file == name.file && decl.start <= name.start && name.end <= decl.end
}

/// Is not all known of its rows?
pub(super) fn is_open(pipeline: &CheckedPipeline) -> bool {
    let mut streams = pipeline.stages.iter().map(|stage| &stage.after).chain([&pipeline.head]);
    !pipeline.ok || streams.any(|stream| stream.open)
}
