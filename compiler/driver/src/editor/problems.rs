//! What is wrong with an open script, as an editor shows it: the very diagnostics of `flow check`, each with a place in
//! the script itself.

use crate::Compilation;
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
    let imports = |of: FileId| compiled.imports.get(usize::from(of.0)).into_iter().flatten().copied();
    for (first, at) in imports(FileId(0)) {
        let mut seen = vec![first];
        let mut next = 0;
        while let Some(&here) = seen.get(next) {
            if here == file {
                return at;
            }
            let further: Vec<FileId> = imports(here).map(|(to, _)| to).collect();
            let new = further.into_iter().filter(|to| !seen.contains(to)).collect::<Vec<_>>();
            seen.extend(new);
            next += 1;
        }
    }
    imports(FileId(0)).next().map_or(Span::new(FileId(0), 0, 0), |(_, at)| at)
}
