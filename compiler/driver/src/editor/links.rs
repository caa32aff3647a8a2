//! What a script names outside of itself: imported scripts and data files.

use crate::Compilation;
use flow_syntax::Span;
use flow_syntax::ast::{Arg, Connector, DeclKind, ExprKind, Program, StrPart, TestStep};

/// A path that the script names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The text between the quotes.
    pub span: Span,
    /// The path, relative to the folder of the script.
    pub path: String,
    /// What it is.
    pub tooltip: &'static str,
}

/// The paths in the main file that name one file: imports, and the data files of sources and tables. A glob names many,
/// and a sink's folder need not exist.
pub fn links(compiled: &Compilation) -> Vec<Link> {
    let Some(program) = compiled.programs.first() else { return Vec::new() };
    let script = |span, path: &str, tooltip| Link { span: inside(span), path: path.to_string(), tooltip };
    let each = |kind: &DeclKind| match kind {
        DeclKind::Import(import) => vec![script(import.path_span, &import.path, "the imported script")],
        DeclKind::Source(source) => data(program, &source.connector).into_iter().collect(),
        DeclKind::Table(table) => data(program, &table.connector).into_iter().collect(),
        DeclKind::Test(test) => {
            let restores = test.steps.iter().filter_map(|step| match step {
                TestStep::Restore(restore) => Some(restore),
                _ => None,
            });
            restores
                .map(|restore| script(restore.path_span, &restore.path, "the script that goes on"))
                .collect()
        }
        _ => Vec::new(),
    };
    program.decls.iter().flat_map(|decl| each(&decl.kind)).filter(|link| !link.path.is_empty()).collect()
}

/// A quoted text without its quotes.
fn inside(span: Span) -> Span {
    let (start, end) = (span.start as usize + 1, (span.end as usize).saturating_sub(1));
    Span::new(span.file, start, end)
}

/// The data file that a connector names.
pub(super) fn data(program: &Program, connector: &Connector) -> Option<Link> {
    let path = |arg: &&Arg| arg.name.as_ref().is_none_or(|name| name.name == "path");
    if connector.name.name != "file" {
        return None;
    }
    let value = &program.exprs[connector.args.iter().find(path)?.value];
    let ExprKind::Str(parts) = &value.kind else { return None };
    let [StrPart::Text(path)] = parts.as_slice() else { return None };
    let one = !path.contains(['*', '?', '[']) && !path.ends_with('/');
    one.then(|| Link { span: inside(value.span), path: path.clone(), tooltip: "the data file" })
}
