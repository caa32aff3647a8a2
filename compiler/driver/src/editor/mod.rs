//! What an editor asks of a compiled script, at byte offsets of the main file. Pure functions of what checking
//! found: the language server and `flow check` cannot disagree.

mod complete;
mod hover;
mod symbols;

pub use complete::{Completion, CompletionKind, complete};
pub use hover::{Hint, Hover, hints, hover};
pub use symbols::{Symbol, SymbolKind, folds, symbols};

use crate::Compilation;
use flow_syntax::{FileId, Span};

/// Where the name under the cursor is declared.
pub fn definition(compiled: &Compilation, offset: usize) -> Option<Span> {
    let here = |span: &Span| span.file == FileId(0) && span.touches(offset);
    let uses = compiled.checked.facts.references.iter();
    let found = uses.filter(|(at, _)| here(at)).min_by_key(|(at, _)| at.end - at.start);
    found.map(|(_, declared)| *declared).or_else(|| declared_at(compiled, offset))
}

/// The name of a declaration under the cursor.
fn declared_at(compiled: &Compilation, offset: usize) -> Option<Span> {
    let names = compiled.checked.declarations.iter().map(|declaration| declaration.name_span);
    let declared = compiled.checked.facts.references.iter().map(|(_, declared)| *declared);
    names
        .chain(declared)
        .filter(|span| span.file == FileId(0) && span.touches(offset))
        .min_by_key(|span| span.end - span.start)
}

/// Every place that means what is under the cursor, its declaration first.
pub fn references(compiled: &Compilation, offset: usize) -> Vec<Span> {
    let Some(declared) = definition(compiled, offset) else { return Vec::new() };
    let uses = compiled.checked.facts.references.iter();
    let mut all: Vec<Span> = uses.filter(|(_, of)| *of == declared).map(|(at, _)| *at).collect();
    all.retain(|span| *span != declared);
    all.sort();
    all.dedup();
    all.insert(0, declared);
    all
}

/// The text of a span of the main file or an import.
fn text(compiled: &Compilation, span: Span) -> &str {
    compiled.sources.text(span)
}

#[cfg(test)]
mod tests;
