//! What can be done with a script, shown above its declarations.

use crate::Compilation;
use flow_syntax::ast::DeclKind;
use flow_syntax::{FileId, Span};

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    /// Above this place.
    pub span: Span,
    /// What it says.
    pub title: &'static str,
    /// What it does.
    pub action: LensAction,
}

/// What a lens does: the editor starts the `flow` command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LensAction {
    /// `flow run`.
    Run,
    /// `flow plan`.
    Plan,
    /// `flow test`, all tests or the one of this name.
    Test(Option<String>),
}

/// The lenses of the main file: Run and Plan above the job (or the first declaration of a script that has sinks), Test
/// above each test.
pub fn lenses(compiled: &Compilation) -> Vec<Lens> {
    let Some(program) = compiled.programs.first() else { return Vec::new() };
    let mut all = Vec::new();
    let is_job = |kind: &DeclKind| matches!(kind, DeclKind::Job(_));
    let top = program.decls.iter().find(|decl| is_job(&decl.kind)).or(program.decls.first());
    let runs = program.decls.iter().any(|decl| matches!(decl.kind, DeclKind::Sink(_)));
    let tests: Vec<_> = program.decls.iter().filter(|decl| matches!(decl.kind, DeclKind::Test(_))).collect();
    if let Some(top) = top {
        let span = Span::new(FileId(0), top.span.start as usize, top.span.start as usize);
        if runs {
            all.push(Lens { span, title: "Run", action: LensAction::Run });
            all.push(Lens { span, title: "Plan", action: LensAction::Plan });
        }
        if tests.len() > 1 {
            all.push(Lens { span, title: "Test all", action: LensAction::Test(None) });
        }
    }
    for decl in tests {
        let DeclKind::Test(test) = &decl.kind else { continue };
        all.push(Lens {
            span: test.name_span,
            title: "Test",
            action: LensAction::Test(Some(test.name.clone())),
        });
    }
    all
}
