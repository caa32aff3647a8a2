//! What a rename changes outside of the scripts: sources and tables find the fields of their data by their names, and what
//! sinks write is read by them.

use super::{Harm, SavedChange, Target, plain};
use crate::Compilation;
use flow_syntax::Span;
use flow_syntax::ast::{Connector, DeclKind, TypeExpr, TypeKind};

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
    let Some(program) = before.programs.first() else { return Vec::new() };
    let (old, new) = (&before.checked, &after.checked);
    let sinks = program.decls.iter().filter_map(|decl| match &decl.kind {
        DeclKind::Sink(sink) => sink.connector.as_ref().filter(|to| !unread(before, to)).map(|_| sink),
        _ => None,
    });
    let changed = sinks.filter_map(|sink| {
        let index = old.declarations.iter().position(|d| d.name_span == sink.name.span)?;
        let (one, other) = (old.pipeline(index)?, new.pipeline(index)?);
        let columns = one.output.columns.iter().zip(&other.output.columns);
        let (one, other) = columns.into_iter().find(|(a, b)| a.name != b.name || a.ty != b.ty)?;
        let message = match one.name == other.name {
            true => format!("`{}` writes other names within `{}` behind this", sink.name.name, one.name),
            false => {
                format!("`{}` writes `{}` behind this, and no `{}`", sink.name.name, other.name, one.name)
            }
        };
        Some(SavedChange { harm: Harm::Writes, message })
    });
    changed.collect()
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
