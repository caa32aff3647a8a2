//! The outline of a script, and what can be folded.

use crate::Compilation;
use flow_syntax::ast::{DeclKind, Program};
use flow_syntax::{FileId, Span, lines};

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum SymbolKind {
    Job,
    Param,
    Const,
    Type,
    Function,
    Source,
    Table,
    Stream,
    Sink,
    Test,
}

/// A declaration of the main file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// The name.
    pub name_span: Span,
    /// The whole declaration.
    pub span: Span,
}

/// The declarations of the main file, in order.
pub fn symbols(compiled: &Compilation) -> Vec<Symbol> {
    compiled.programs.first().map(outline).unwrap_or_default()
}

/// The declarations of a parsed file, in order.
pub fn outline(program: &Program) -> Vec<Symbol> {
    let each = |decl: &flow_syntax::ast::Decl| {
        let (name, name_span, kind) = match &decl.kind {
            DeclKind::Job(d) => (d.name.name.clone(), d.name.span, SymbolKind::Job),
            DeclKind::Param(d) => (d.name.name.clone(), d.name.span, SymbolKind::Param),
            DeclKind::Const(d) => (d.name.name.clone(), d.name.span, SymbolKind::Const),
            DeclKind::Type(d) => (d.name.name.clone(), d.name.span, SymbolKind::Type),
            DeclKind::Fn(d) => (d.name.name.clone(), d.name.span, SymbolKind::Function),
            DeclKind::Source(d) => (d.name.name.clone(), d.name.span, SymbolKind::Source),
            DeclKind::Table(d) => (d.name.name.clone(), d.name.span, SymbolKind::Table),
            DeclKind::Stream(d) => (d.name.name.clone(), d.name.span, SymbolKind::Stream),
            DeclKind::Sink(d) => (d.name.name.clone(), d.name.span, SymbolKind::Sink),
            DeclKind::Test(d) => (d.name.clone(), d.name_span, SymbolKind::Test),
            DeclKind::Import(_) | DeclKind::Error(_) => return None,
        };
        Some(Symbol { name, kind, name_span, span: decl.span })
    };
    program.decls.iter().filter_map(each).collect()
}

/// Declarations of more than one line.
pub fn folds(compiled: &Compilation) -> Vec<Span> {
    let Some(program) = compiled.programs.first() else { return Vec::new() };
    let text = &compiled.sources.file(FileId(0)).text;
    let long = |span: &Span| text.get(span.range()).is_some_and(|text| lines::count(text) > 0);
    program.decls.iter().map(|decl| decl.span).filter(long).collect()
}
