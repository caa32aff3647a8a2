//! Selections that grow: from the word to the whole script, one thing of the language at a time.

use crate::Compilation;
use flow_syntax::ast::{Decl, DeclKind, Stage, TypeExpr, TypeKind};
use flow_syntax::{FileId, Span};

/// The things around an offset of the main file, the smallest first; each holds the one before it.
pub fn selections(compiled: &Compilation, offset: usize) -> Vec<Span> {
    let text = &compiled.sources.file(FileId(0)).text;
    let whole = Span::new(FileId(0), 0, text.len());
    let mut around: Vec<Span> = super::hover::word_at(compiled, offset).into_iter().collect();
    if let Some(program) = compiled.programs.first() {
        if let Some(decl) = program.decls.iter().find(|decl| decl.span.touches(offset)) {
            around.push(decl.span);
            parts(decl, offset, &mut around);
        }
        around.extend(program.exprs.iter().map(|(_, expr)| expr.span).filter(|span| span.touches(offset)));
    }
    around.sort_by_key(|span| (span.end - span.start, std::cmp::Reverse(span.start)));
    let mut chain: Vec<Span> = Vec::new();
    for span in around.into_iter().chain([whole]) {
        let holds = |last: &Span| span.start <= last.start && last.end <= span.end && span != *last;
        if chain.last().is_none_or(holds) {
            chain.push(span);
        }
    }
    chain
}

fn parts(decl: &Decl, offset: usize, out: &mut Vec<Span>) {
    let mut add = |span: Span| {
        if span.touches(offset) {
            out.push(span);
        }
    };
    match &decl.kind {
        DeclKind::Source(source) => {
            add(source.connector.span);
            source.ty.iter().for_each(|ty| types(ty, &mut add));
            stages(&source.stages, &mut add);
        }
        DeclKind::Table(table) => {
            add(table.connector.span);
            table.ty.iter().for_each(|ty| types(ty, &mut add));
            stages(&table.stages, &mut add);
        }
        DeclKind::Stream(stream) => {
            add(stream.pipeline.span);
            stages(&stream.pipeline.stages, &mut add);
        }
        DeclKind::Sink(sink) => {
            add(sink.pipeline.span);
            stages(&sink.pipeline.stages, &mut add);
            sink.connector.iter().for_each(|connector| add(connector.span));
        }
        DeclKind::Type(ty) => types(&ty.ty, &mut add),
        DeclKind::Test(test) => test.steps.iter().for_each(|step| {
            add(step.span());
        }),
        _ => {}
    }
}

/// Each stage, and all stages up to it.
fn stages(stages: &[Stage], add: &mut impl FnMut(Span)) {
    let Some(first) = stages.first() else { return };
    for stage in stages {
        add(stage.span);
        add(first.span.to(stage.span));
    }
}

/// Types nest, 128 deep at most.
fn types(ty: &TypeExpr, add: &mut impl FnMut(Span)) {
    add(ty.span);
    match &ty.kind {
        TypeKind::Record(fields) => fields.iter().for_each(|field| {
            add(field.name.span.to(field.ty.span));
            types(&field.ty, add);
        }),
        TypeKind::Generic(_, of) => of.iter().for_each(|ty| types(ty, add)),
        TypeKind::Optional(of) => types(of, add),
        TypeKind::Name(_) | TypeKind::Error => {}
    }
}
