//! The one namespace: every declaration of the main script and of what it imports, by name.

use crate::hash::HashMap;
use flow_plan::catalogue;
use flow_syntax::ast::{Decl, DeclKind, Ident, Program};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

/// A declaration that has a name.
#[derive(Clone, Copy)]
pub(crate) struct Global<'a> {
    pub name: &'a Ident,
    pub decl: &'a Decl,
    pub program: &'a Program,
    /// Does it stand in the main script?
    pub main: bool,
}

impl Global<'_> {
    /// What it is, for sentences.
    pub(crate) fn what(&self) -> &'static str {
        match self.decl.kind {
            DeclKind::Param(_) => "a parameter",
            DeclKind::Const(_) => "a constant",
            DeclKind::Type(_) => "a type",
            DeclKind::Fn(_) => "a function",
            DeclKind::Source(_) => "a source",
            DeclKind::Table(_) => "a table",
            DeclKind::Stream(_) => "a stream",
            DeclKind::Sink(_) => "a sink",
            _ => "a declaration",
        }
    }

    /// Is it a source, table, stream or sink?
    pub(crate) fn is_pipeline(&self) -> bool {
        matches!(
            self.decl.kind,
            DeclKind::Source(_) | DeclKind::Table(_) | DeclKind::Stream(_) | DeclKind::Sink(_)
        )
    }

    /// Can rows be read from it?
    pub(crate) fn is_readable(&self) -> bool {
        self.is_pipeline() && !matches!(self.decl.kind, DeclKind::Sink(_))
    }

    /// Could it not be parsed?
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.decl.kind, DeclKind::Error(_))
    }
}

/// Collects the namespace. Sinks, tests and job blocks of imported files are not part of it.
pub(crate) fn collect<'a>(
    programs: &'a [Program],
    diags: &mut Vec<Diagnostic>,
) -> (Vec<Global<'a>>, HashMap<&'a str, usize>) {
    let mut globals: Vec<Global<'a>> = Vec::new();
    let mut by_name: HashMap<&'a str, usize> = HashMap::default();
    for (index, program) in programs.iter().enumerate() {
        for decl in &program.decls {
            let Some(name) = declared_name(&decl.kind) else { continue };
            if index > 0 && matches!(decl.kind, DeclKind::Sink(_)) {
                continue;
            }
            let global = Global { name, decl, program, main: index == 0 };
            if matches!(decl.kind, DeclKind::Fn(_)) {
                diags.extend(built_in(name));
            }
            if let Some(&first) = by_name.get(name.name.as_str()) {
                if !globals[first].is_broken() && !global.is_broken() {
                    diags.push(duplicate(&name.name, name.span, globals[first].name.span, "declared"));
                }
                // Both are still checked; uses mean the first.
                globals.push(global);
                continue;
            }
            by_name.insert(&name.name, globals.len());
            globals.push(global);
        }
    }
    (globals, by_name)
}

/// A function that is named like one of the language: which one would a call mean?
fn built_in(name: &Ident) -> Option<Diagnostic> {
    let (what, doc) = if let Some(def) = catalogue::lookup(&name.name) {
        ("a function", def.doc)
    } else if let Some((def, _)) = catalogue::lookup_cast(&name.name) {
        ("a conversion", def.doc)
    } else {
        ("an aggregate", catalogue::lookup_aggregate(&name.name)?.doc)
    };
    let message = format!("`{}` is {what} of the language already", name.name);
    let diag = Diagnostic::new(codes::DUPLICATE_NAME, name.span, message).at("declared anew");
    Some(diag.note(format!("the one of the language: {doc}")).help("give the function another name"))
}

/// Two things of one name.
pub(crate) fn duplicate(name: &str, second: Span, first: Span, verb: &str) -> Diagnostic {
    Diagnostic::new(codes::DUPLICATE_NAME, second, format!("`{name}` is {verb} twice"))
        .at("the second one")
        .label(first, "the first one is here")
        .help("give one of them another name")
}

fn declared_name(kind: &DeclKind) -> Option<&Ident> {
    Some(match kind {
        DeclKind::Param(d) => &d.name,
        DeclKind::Const(d) => &d.name,
        DeclKind::Type(d) => &d.name,
        DeclKind::Fn(d) => &d.name,
        DeclKind::Source(d) => &d.name,
        DeclKind::Table(d) => &d.name,
        DeclKind::Stream(d) => &d.name,
        DeclKind::Sink(d) => &d.name,
        DeclKind::Error(Some(name)) => name,
        DeclKind::Import(_) | DeclKind::Job(_) | DeclKind::Test(_) | DeclKind::Error(None) => return None,
    })
}
