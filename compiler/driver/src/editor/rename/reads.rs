//! What a rename changes outside of the scripts: sources and tables find the fields of their data by their names, and what
//! sinks write is read by them.

use super::{Harm, SavedChange, Target, plain};
use crate::Compilation;
use crate::restore::Reworded;
use flow_plan::DataType;
use flow_syntax::Span;
use flow_syntax::ast::{Connector, DeclKind, TypeExpr, TypeKind};
use std::collections::HashMap;

/// The sources and tables declared in a script's own file that look for another name in their data behind the rename.
pub fn reads_otherwise(before: &Compilation, target: &Target, new: &str) -> Vec<SavedChange> {
    let (Some(declared), Some(program)) = (target.span(&before.sources, 0), before.programs.first()) else {
        return Vec::new();
    };
    let named = program.decls.iter().filter_map(|decl| match &decl.kind {
        DeclKind::Source(source) => Some((&source.name, source.ty.as_ref()?, &source.connector)),
        DeclKind::Table(table) => Some((&table.name, table.ty.as_ref()?, &table.connector)),
        _ => None,
    });
    let reads = named.filter(|(_, ty, connector)| {
        !by_position(before, connector) && holds(before, ty, declared, &mut Vec::new())
    });
    let change = |(name, ..): (&flow_syntax::ast::Ident, _, _)| SavedChange {
        harm: Harm::Reads,
        message: format!(
            "`{}` finds `{}` in its data by that name, and looks for `{}` behind this",
            name.name,
            target.name,
            plain(new)
        ),
    };
    reads.map(change).collect()
}

/// The sinks of a script whose rows have other field names behind the rename: whoever reads them looks for the old ones.
pub fn writes_otherwise(before: &Compilation, after: &Compilation) -> Vec<SavedChange> {
    let changed = read_sinks(before).filter_map(|(name, index)| {
        let (one, other) = (before.checked.pipeline(index)?, after.checked.pipeline(index)?);
        let columns = one.output.columns.iter().zip(&other.output.columns);
        let (one, other) = columns.into_iter().find(|(a, b)| a.name != b.name || a.ty != b.ty)?;
        Some(written(name, &one.name, &other.name))
    });
    changed.collect()
}

/// The same, where one word is exchanged for another.
pub(super) fn writes_words(before: &Compilation, words: Reworded<'_>) -> Vec<SavedChange> {
    let changed = read_sinks(before).filter_map(|(name, index)| {
        let within = |ty: &Option<DataType>| ty.as_ref().is_some_and(|ty| words.ty(&mut ty.clone()));
        let mut columns = before.checked.pipeline(index)?.output.columns.iter();
        let column = columns.find(|column| *column.name == *words.old || within(&column.ty))?;
        let new = if *column.name == *words.old { words.new } else { &column.name };
        Some(written(name, &column.name, new))
    });
    changed.collect()
}

fn written(sink: &str, old: &str, new: &str) -> SavedChange {
    let message = match old == new {
        true => format!("`{sink}` writes other names within `{old}` behind this"),
        false => format!("`{sink}` writes `{new}` behind this, and no `{old}`"),
    };
    SavedChange { harm: Harm::Writes, message }
}

/// The sinks of a script's own file whose fields are found by their names, and which of all declarations they are.
fn read_sinks(before: &Compilation) -> impl Iterator<Item = (&str, usize)> {
    let declared = before.checked.declarations.iter().enumerate();
    let places: HashMap<Span, usize> = declared.map(|(index, d)| (d.name_span, index)).collect();
    let decls = before.programs.first().into_iter().flat_map(|program| &program.decls);
    decls.filter_map(move |decl| match &decl.kind {
        DeclKind::Sink(sink) => {
            sink.connector.as_ref().filter(|to| !unread(before, to))?;
            Some((sink.name.name.as_str(), *places.get(&sink.name.span)?))
        }
        _ => None,
    })
}

/// Does nobody find the fields of a sink by their names?
fn unread(before: &Compilation, connector: &Connector) -> bool {
    connector.name.name == "blackhole" || by_position(before, connector)
}

/// Does the connector take fields by their order?
fn by_position(before: &Compilation, connector: &Connector) -> bool {
    let words: String = before.sources.text(connector.span).split_whitespace().collect();
    words.contains("header:false")
}

/// Is a field that is declared there in the type, or in a type that it names?
fn holds<'c>(before: &'c Compilation, ty: &'c TypeExpr, declared: Span, seen: &mut Vec<&'c str>) -> bool {
    match &ty.kind {
        TypeKind::Optional(of) => holds(before, of, declared, seen),
        TypeKind::Generic(_, of) => of.iter().any(|of| holds(before, of, declared, seen)),
        TypeKind::Record(fields) => {
            fields.iter().any(|field| field.name.span == declared || holds(before, &field.ty, declared, seen))
        }
        TypeKind::Name(name) => {
            if seen.contains(&name.name.as_str()) {
                return false;
            }
            seen.push(&name.name);
            let mut all = before.programs.iter().flat_map(|program| &program.decls);
            all.any(|decl| match &decl.kind {
                DeclKind::Type(of) if of.name.name == name.name => holds(before, &of.ty, declared, seen),
                _ => false,
            })
        }
        TypeKind::Error => false,
    }
}
