//! What an editor asks of a compiled script, at byte offsets of the main file. Pure functions of what checking
//! found: the language server and `flow check` cannot disagree.

mod actions;
mod built_in;
mod complete;
mod cursor;
mod format;
mod hover;
mod lenses;
mod links;
mod problems;
mod rename;
mod selection;
mod semantic;
mod signature;
mod symbols;

pub use actions::{Action, ActionKind, Around, actions, fix_all, fix_all_again};
pub use complete::{Completion, CompletionKind, complete, script_path};
pub use format::{format_edits, format_range};
pub use hover::{Hint, Hover, hints, hover};
pub use lenses::{Lens, LensAction, lenses};
pub use links::{Link, links};
pub use problems::problems;
pub use rename::{
    Changes, Harm, Reach, SavedChange, Target, changed_by_word, declared_already, declares,
    edits as rename_edits, goes_on_in, is_as_right, is_one_word, knows_all, means_the_same, new_name, places,
    reached, reads, reads_otherwise, same_fields, saved_changes, target, writes_otherwise,
};
pub use selection::selections;
pub use semantic::{Word, WordKind, words};
pub use signature::{Call, CallForm, call, taken};
pub use symbols::{Symbol, SymbolKind, folds, outline, symbols};

use crate::Compilation;
use flow_syntax::ast::{DeclKind, TypeExpr, TypeKind};
use flow_syntax::{FileId, Span};

/// Where the name under the cursor is declared.
pub fn definition(compiled: &Compilation, offset: usize) -> Option<Span> {
    let here = |span: &Span| span.file == FileId(0) && span.touches(offset);
    let uses = compiled.checked.references();
    let found = uses.filter(|(at, _)| here(at)).min_by_key(|(at, _)| at.end - at.start);
    found.map(|(_, declared)| *declared).or_else(|| declared_at(compiled, offset))
}

/// Where the name under the cursor is declared if that is in a script that is none of the compilation's own: behind
/// `restore into` in a test.
pub fn definition_elsewhere(
    compiled: &Compilation,
    offset: usize,
) -> Option<(&flow_syntax::SourceFile, Span)> {
    let (script, _, declared) = crate::upgrade::declared_there(compiled, offset)?;
    Some((script.sources.file(declared.file), declared))
}

/// The name of a declaration or field under the cursor.
fn declared_at(compiled: &Compilation, offset: usize) -> Option<Span> {
    let names = compiled.checked.declarations.iter().map(|declaration| declaration.name_span);
    // What a connector adds is declared where that stands, which is not its name.
    let same = |(at, of): &&(Span, Span)| plain(text(compiled, *at)) == plain(text(compiled, *of));
    let here = |(_, of): &&(Span, Span)| of.file == FileId(0) && of.touches(offset);
    let declared = compiled.checked.references().filter(here).filter(same).map(|(_, of)| *of);
    let found = names.chain(declared).filter(|span| span.file == FileId(0) && span.touches(offset));
    found.min_by_key(|span| span.end - span.start).or_else(|| field_at(compiled, offset))
}

/// The name of a field under the cursor that nothing reads.
fn field_at(compiled: &Compilation, offset: usize) -> Option<Span> {
    let here = |span: Span| span.file == FileId(0) && span.touches(offset);
    let pipelines = (0..compiled.checked.declarations.len()).filter_map(|i| compiled.checked.pipeline(i));
    let mut columns = pipelines.flat_map(|pipeline| {
        let stages = pipeline.stages.iter().map(|stage| &stage.after);
        stages.chain([&pipeline.head]).flat_map(|stream| &stream.columns)
    });
    let found =
        columns.find(|column| here(column.origin) && plain(text(compiled, column.origin)) == &*column.name);
    found.map(|column| column.origin).or_else(|| written_field_at(compiled, offset))
}

/// The name of a field in a written type under the cursor.
fn written_field_at(compiled: &Compilation, offset: usize) -> Option<Span> {
    fn within(ty: &TypeExpr, offset: usize) -> Option<Span> {
        match &ty.kind {
            _ if !ty.span.touches(offset) => None,
            TypeKind::Optional(of) => within(of, offset),
            TypeKind::Generic(_, of) => of.iter().find_map(|of| within(of, offset)),
            TypeKind::Record(fields) => {
                fields.iter().find_map(|field| match field.name.span.touches(offset) {
                    true => Some(field.name.span),
                    false => within(&field.ty, offset),
                })
            }
            TypeKind::Name(_) | TypeKind::Error => None,
        }
    }
    let decl = compiled.programs.first()?.decls.iter().find(|decl| decl.span.touches(offset))?;
    let types: Vec<&TypeExpr> = match &decl.kind {
        DeclKind::Type(decl) => vec![&decl.ty],
        DeclKind::Source(decl) => decl.ty.iter().collect(),
        DeclKind::Table(decl) => decl.ty.iter().collect(),
        DeclKind::Fn(decl) => decl.params.iter().map(|(_, ty)| ty).chain(&decl.ret).collect(),
        _ => Vec::new(),
    };
    types.into_iter().find_map(|ty| within(ty, offset))
}

/// Every place that means what is under the cursor, its declaration first.
pub fn references(compiled: &Compilation, offset: usize) -> Vec<Span> {
    let (Some(declared), Some(here)) = (definition(compiled, offset), hover::word_at(compiled, offset))
    else {
        return Vec::new();
    };
    let name = plain(text(compiled, here));
    let mut all = uses(compiled, declared, name);
    // What a connector or a window adds has no place of its own: it is declared where that stands.
    if plain(text(compiled, declared)) == name {
        all.insert(0, declared);
    }
    all
}

/// Every use of a name that is declared at a place, in all files of the compilation.
fn uses(compiled: &Compilation, declared: Span, name: &str) -> Vec<Span> {
    let uses = compiled.checked.references();
    let mut all: Vec<Span> = uses.filter(|(_, of)| *of == declared).map(|(at, _)| *at).collect();
    all.retain(|span| *span != declared && plain(text(compiled, *span)) == name);
    all.sort();
    all.dedup();
    all
}

/// A name without its backticks.
fn plain(name: &str) -> &str {
    name.trim_matches('`')
}

/// A name as it must be written, or why it cannot be one.
pub fn quoted(name: &str) -> Result<String, String> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match () {
        () if name.is_empty() || name.contains(['`', '\n', '\r']) => {
            Err(format!("`{name}` cannot be a name"))
        }
        () if plain && !flow_syntax::is_keyword(name) => Ok(name.to_string()),
        () => Ok(format!("`{name}`")),
    }
}

/// The text of a span of the main file or an import.
fn text(compiled: &Compilation, span: Span) -> &str {
    compiled.sources.text(span)
}

#[cfg(test)]
mod tests;
