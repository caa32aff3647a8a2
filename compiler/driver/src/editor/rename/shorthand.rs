//! Where one word is the name of a field and of what the field holds: `map { limit }`, `{ price }`. The field keeps its
//! name when what it holds gets another one.

use crate::Compilation;
use crate::editor::actions::stages_of;
use flow_syntax::ast::{ExprId, ExprKind, Program, RecordItem, StageKind};
use flow_syntax::{Edit, FileId, Span};
use std::collections::HashMap;

/// Another name at the places of a declaration.
pub(super) struct Shorthand<'c> {
    compiled: &'c Compilation,
    declared: Option<Span>,
    /// Is a column of a stream declared there?
    column: bool,
    /// By file: the items without a name of their own, by the word they end in.
    kept: HashMap<FileId, HashMap<Span, Kept>>,
    /// What is meant at each place, once it is asked for.
    meant: Option<HashMap<Span, Vec<Span>>>,
}

/// An item without a name of its own.
#[derive(Clone, Copy)]
struct Kept {
    id: ExprId,
    /// Does it make a field of a row?
    row: bool,
}

impl Shorthand<'_> {
    pub(super) fn of(compiled: &Compilation, declared: Option<Span>) -> Shorthand<'_> {
        let column = declared.is_some_and(|declared| is_column(compiled, declared));
        Shorthand { compiled, declared, column, kept: HashMap::new(), meant: None }
    }

    /// What is written at a place for another name.
    pub(super) fn written(&mut self, at: Span, new: &str) -> Vec<Edit> {
        let plain = Edit { span: at, replacement: new.to_string() };
        let Some(program) = self.compiled.programs.get(usize::from(at.file.0)) else { return vec![plain] };
        let kept = self.kept.entry(at.file).or_insert_with(|| items(program));
        let Some(Kept { id, row }) = kept.get(&at).copied() else { return vec![plain] };
        // A field of a row that is kept is the same field.
        if row && self.column {
            return vec![plain];
        }
        let old = self.compiled.sources.text(at);
        // In a record whose type is written, the word means what it holds, noted first, and a field of that type.
        let all = self.meant.get_or_insert_with(|| meanings(self.compiled));
        let mut meant = all.get(&at).into_iter().flatten().map(|of| Some(*of) == self.declared);
        let (value, field) = (meant.next().unwrap_or(true), meant.any(|is| is));
        match (value, field) {
            (true, true) => return vec![plain],
            (false, true) if matches!(program.exprs[id].kind, ExprKind::Name(_)) => {
                return vec![Edit { span: at, replacement: format!("{new}: {old}") }];
            }
            (false, true) => {
                let whole = program.exprs[id].span;
                return vec![Edit { span: whole.before(), replacement: format!("{new}: ") }];
            }
            _ => {}
        }
        let whole = program.exprs[id].span;
        match program.exprs[id].kind {
            ExprKind::Name(_) => vec![Edit { span: at, replacement: format!("{old}: {new}") }],
            _ => vec![Edit { span: whole.before(), replacement: format!("{old}: ") }, plain],
        }
    }
}

/// What each name means, by its place, in the order in which it was found.
fn meanings(compiled: &Compilation) -> HashMap<Span, Vec<Span>> {
    let mut all: HashMap<Span, Vec<Span>> = HashMap::new();
    compiled.checked.references().for_each(|(used, of)| all.entry(*used).or_default().push(*of));
    all
}

/// The items of a file without names of their own.
fn items(program: &Program) -> HashMap<Span, Kept> {
    let mut found = HashMap::new();
    let mut keep = |items: &[RecordItem], row: bool| {
        for item in items {
            let RecordItem::Keep(id) = item else { continue };
            if let ExprKind::Name(name) | ExprKind::Field { name, .. } = &program.exprs[*id].kind {
                found.insert(name.span, Kept { id: *id, row });
            }
        }
    };
    let mut emitted = Vec::new();
    for stage in program.decls.iter().flat_map(|decl| stages_of(&decl.kind)) {
        match &stage.kind {
            StageKind::Braces { items } => keep(items, true),
            // The record of `emit: { … }` is the row that comes out.
            StageKind::Call { args, .. } if stage.name.name == "scan" => {
                let emit = args.iter().find(|arg| arg.name.as_ref().is_some_and(|name| name.name == "emit"));
                emitted.extend(emit.map(|arg| arg.value));
            }
            _ => {}
        }
    }
    for (id, expr) in program.exprs.iter() {
        if let ExprKind::Record(items) = &expr.kind {
            keep(items, emitted.contains(&id));
        }
    }
    found
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
