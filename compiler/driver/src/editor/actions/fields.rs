//! Fields that a script uses and its type lacks, added to the type.

use super::{Action, ActionKind, Around, touches};
use crate::Compilation;
use crate::editor::links;
use crate::editor::plain;
use flow_syntax::ast::{
    BinaryOp, DeclKind, ExprId, ExprKind, FieldType, Program, StageKind, TypeExpr, TypeKind, UnaryOp,
};
use flow_syntax::{Edit, Span, codes, lines};
use std::ops::Range;

/// Adds the unknown fields of the record whose use is in the range: all that the script uses of it.
pub(super) fn add(compiled: &Compilation, range: &Range<usize>, around: &dyn Around) -> Option<Action> {
    let unknown = |found: &&flow_syntax::Diagnostic| found.code == codes::UNKNOWN_FIELD;
    let all: Vec<_> = compiled.diagnostics.iter().filter(unknown).collect();
    let here = all.iter().find(|found| touches(found.primary.span, range))?;
    let label = here.labels.first()?.span;
    let (name, record) = record(compiled, label)?;
    let TypeKind::Record(fields) = &record.kind else { return None };
    let (file, known) = in_data(compiled, label, name.as_deref(), around).unwrap_or_default();
    let mut added: Vec<(String, Type)> = Vec::new();
    for found in all.iter().filter(|found| found.labels.first().is_some_and(|l| l.span == label)) {
        let field = compiled.sources.text(found.primary.span).to_string();
        if !added.iter().any(|(known, _)| *known == field) {
            let there = known.iter().find(|(name, _)| *name == plain(&field));
            let read = there.map(|(_, ty)| Type { name: ty.clone(), from: Taken::Data });
            added.push((field, read.unwrap_or_else(|| guess(compiled, found.primary.span))));
        }
    }
    let written: Vec<String> = added.iter().map(|(field, ty)| format!("{field}: {}", ty.name)).collect();
    let names: Vec<String> = written.iter().map(|field| format!("`{field}`")).collect();
    let to = name.map_or_else(|| "the declared type".to_string(), |name| format!("`{name}`"));
    let from = |from: Taken| added.iter().filter(|(_, ty)| ty.from == from).count();
    let said = match (from(Taken::Nowhere), from(Taken::Data)) {
        (0, 0) => String::new(),
        (0, of) if of == added.len() => format!(" (as in `{file}`)"),
        (0, _) => format!(" (what `{file}` has as it is there)"),
        (1, _) => " (the type is a guess)".to_string(),
        _ => " (the types are guesses)".to_string(),
    };
    Some(Action {
        title: format!("add {} to {to}{said}", names.join(", ")),
        kind: ActionKind::QuickFix,
        edits: appended(compiled, record, fields, &written),
        preferred: false,
        mends: None,
    })
}

/// What is written for more fields behind those of a record. A comment behind the last of them stays with it.
fn appended(compiled: &Compilation, record: &TypeExpr, fields: &[FieldType], added: &[String]) -> Vec<Edit> {
    let edit = |span: Span, replacement: String| Edit { span, replacement };
    let Some(last) = fields.last() else {
        let start = record.span.start as usize + 1;
        let at = Span::new(record.span.file, start, start);
        return vec![edit(at, format!(" {} ", added.join(", ")))];
    };
    let at = last.ty.span.after();
    if lines::count(compiled.sources.text(record.span)) == 0 {
        return vec![edit(at, format!(", {}", added.join(", ")))];
    }
    let behind = compiled.sources.text(Span { end: record.span.end, ..at });
    let line = &behind[..lines::end(behind, 0)];
    if !line.contains("//") && !line.contains("/*") {
        return vec![edit(at, format!(",\n  {}", added.join(",\n  ")))];
    }
    let comma = line.trim_start().starts_with(',');
    let end = at.start as usize + line.len();
    let last = if comma { "," } else { "" };
    let below = edit(Span::new(at.file, end, end), format!("\n  {}{last}", added.join(",\n  ")));
    if comma { vec![below] } else { vec![edit(at, ",".into()), below] }
}

/// A type that a field may have.
struct Type {
    name: String,
    from: Taken,
}

/// Where a type is taken from.
#[derive(Clone, Copy, PartialEq)]
enum Taken {
    /// The data file has the field.
    Data,
    /// Its use suggests it.
    Use,
    /// A guess.
    Nowhere,
}

/// The data file that is read as rows of a record, and the fields that it has.
fn in_data(
    compiled: &Compilation,
    origin: Span,
    name: Option<&str>,
    around: &dyn Around,
) -> Option<(String, Vec<(String, String)>)> {
    let program = compiled.programs.first()?;
    let reads = |ty: &TypeExpr| match &ty.kind {
        TypeKind::Name(of) => Some(of.name.as_str()) == name,
        _ => ty.span == origin,
    };
    program.decls.iter().find_map(|decl| {
        let (ty, connector) = match &decl.kind {
            DeclKind::Source(source) => (source.ty.as_ref()?, &source.connector),
            DeclKind::Table(table) => (table.ty.as_ref()?, &table.connector),
            _ => return None,
        };
        let path = links::data(program, connector).filter(|_| reads(ty))?.path;
        let fields = around.fields(&path);
        (!fields.is_empty()).then_some((path, fields))
    })
}

/// The record type at a place that the checker calls the origin of a record.
fn record(compiled: &Compilation, origin: Span) -> Option<(Option<String>, &TypeExpr)> {
    let program = compiled.programs.get(usize::from(origin.file.0))?;
    program.decls.iter().find_map(|decl| match &decl.kind {
        DeclKind::Type(ty) if ty.name.span == origin || ty.ty.span == origin => {
            Some((Some(ty.name.name.clone()), &ty.ty))
        }
        DeclKind::Source(source) => source.ty.as_ref().filter(|ty| ty.span == origin).map(|ty| (None, ty)),
        DeclKind::Table(table) => table.ty.as_ref().filter(|ty| ty.span == origin).map(|ty| (None, ty)),
        _ => None,
    })
}

/// The type that the use of a field suggests; a string if nothing is known.
fn guess(compiled: &Compilation, at: Span) -> Type {
    let found = compiled.programs.get(usize::from(at.file.0)).and_then(|program| {
        let id = program
            .exprs
            .iter()
            .find(|(_, expr)| expr.span == at && matches!(expr.kind, ExprKind::Name(_)))?
            .0;
        as_time(program, id)
            .or_else(|| program.exprs.iter().find_map(|(_, expr)| by_use(compiled, program, &expr.kind, id)))
    });
    let from = if found.is_some() { Taken::Use } else { Taken::Nowhere };
    Type { from, name: found.unwrap_or_else(|| "string".into()) }
}

fn as_time(program: &Program, id: ExprId) -> Option<String> {
    let stages = program.decls.iter().flat_map(|decl| super::stages_of(&decl.kind));
    let times = stages.filter(|stage| stage.name.name == "eventTime").any(|stage| {
        matches!(&stage.kind, StageKind::Call { args, .. } if args.first().is_some_and(|arg| arg.value == id))
    });
    times.then(|| "timestamp".to_string())
}

fn by_use(compiled: &Compilation, program: &Program, kind: &ExprKind, id: ExprId) -> Option<String> {
    match kind {
        ExprKind::Binary { op: BinaryOp::And | BinaryOp::Or, lhs, rhs, .. } if *lhs == id || *rhs == id => {
            Some("bool".into())
        }
        ExprKind::Binary { lhs, rhs, .. } if *lhs == id => type_of(compiled, program, *rhs),
        ExprKind::Binary { lhs, rhs, .. } if *rhs == id => type_of(compiled, program, *lhs),
        ExprKind::Unary { op: UnaryOp::Not, operand } if *operand == id => Some("bool".into()),
        ExprKind::If { cond, .. } if *cond == id => Some("bool".into()),
        ExprKind::Call { callee, args } if args.first().is_some_and(|arg| arg.value == id) => {
            matches!(callee.name.as_str(), "sum" | "avg" | "abs" | "float").then(|| "int".to_string())
        }
        _ => None,
    }
}

fn type_of(compiled: &Compilation, program: &Program, id: ExprId) -> Option<String> {
    let expr = &program.exprs[id];
    let literal = match &expr.kind {
        ExprKind::Int(_) => "int",
        ExprKind::Float(_) => "float",
        ExprKind::Decimal(_) => "decimal",
        ExprKind::Bool(_) => "bool",
        ExprKind::Str(_) => "string",
        ExprKind::Timestamp(_) => "timestamp",
        ExprKind::Duration(_) => "duration",
        _ => {
            let mut types = compiled.checked.types();
            return types.find(|(span, _)| *span == expr.span).map(|(_, ty)| ty.to_string());
        }
    };
    Some(literal.to_string())
}
