//! What is wrong with an open script, as an editor shows it: the very diagnostics of `flow check`, each with a place in
//! the script itself.

use crate::Compilation;
use flow_syntax::ast::DeclKind;
use flow_syntax::{Diagnostic, FileId, Label, Severity, Span};

/// The diagnostics of a script. Those of its own text come as they are. Those of an imported file are told at the
/// import that leads there, so that a script that does not pass `flow check` never looks right.
pub fn problems(compiled: &Compilation) -> Vec<Diagnostic> {
    let mut all: Vec<Diagnostic> = Vec::new();
    for found in &compiled.diagnostics {
        let file = found.primary.span.file;
        if file == FileId(0) {
            all.push(found.clone());
        } else if found.severity == Severity::Error {
            let name = &compiled.sources.file(file).name;
            let mut told = Diagnostic::new(
                found.code,
                import(compiled, file),
                format!("in `{name}`: {}", found.message),
            );
            told.labels.push(Label { span: found.primary.span, text: found.message.clone() });
            all.push(told);
        }
    }
    crate::compile::sort(&mut all);
    all
}

/// The import of the main file through which a file is reached; the first of them if it is reached by a chain.
fn import(compiled: &Compilation, file: FileId) -> Span {
    let imports = |of: FileId| {
        let program = compiled.programs.get(usize::from(of.0));
        program.into_iter().flat_map(|program| &program.decls).filter_map(|decl| match &decl.kind {
            DeclKind::Import(import) => Some(import),
            _ => None,
        })
    };
    let named = |of: FileId, path: &str| {
        let from = &compiled.sources.file(of).name;
        let folder =
            std::path::Path::new(from).parent().map(std::path::Path::to_path_buf).unwrap_or_default();
        let path = crate::load::normal(&folder.join(path));
        compiled
            .sources
            .files()
            .find(|(_, f)| crate::load::normal(std::path::Path::new(&f.name)) == path)
            .map(|(id, _)| id)
    };
    for import in imports(FileId(0)) {
        let mut seen: Vec<FileId> = named(FileId(0), &import.path).into_iter().collect();
        let mut next = 0;
        while let Some(&here) = seen.get(next) {
            if here == file {
                return import.path_span;
            }
            let further = imports(here).filter_map(|import| named(here, &import.path));
            let new: Vec<FileId> = further.filter(|id| !seen.contains(id)).collect();
            seen.extend(new);
            next += 1;
        }
    }
    imports(FileId(0)).next().map_or(Span::new(FileId(0), 0, 0), |import| import.path_span)
}
