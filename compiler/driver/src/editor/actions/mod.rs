//! What an editor can change on request: fixes of mistakes, and rewritings that keep the meaning.

mod extract;
mod fields;

use crate::Compilation;
use flow_syntax::ast::DeclKind;
use flow_syntax::{Applicability, Edit, FileId, Span};
use std::ops::Range;

/// What kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ActionKind {
    QuickFix,
    FixAll,
    Extract,
    Rewrite,
}

/// A change that is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Imperative, short.
    pub title: String,
    /// What kind.
    pub kind: ActionKind,
    /// Non-overlapping edits; in imported files too.
    pub edits: Vec<Edit>,
    /// Is it certain to be what was meant?
    pub preferred: bool,
    /// The mistake it mends: index into the list of [`super::problems`].
    pub mends: Option<usize>,
}

/// What a script does not say itself.
pub trait Around {
    /// Does another script that may import this one mention something?
    fn mentioned(&self, what: &str) -> bool;
    /// The fields of a data file and their types, as `flow infer` finds them; none if it cannot be read. The path is that
    /// of the script.
    fn fields(&self, path: &str) -> Vec<(String, String)>;
}

/// Who only knows what other scripts mention.
impl<F: Fn(&str) -> bool> Around for F {
    fn mentioned(&self, what: &str) -> bool {
        self(what)
    }

    fn fields(&self, _: &str) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// The changes that are offered for a byte range of the main file.
pub fn actions(compiled: &Compilation, range: Range<usize>, around: &dyn Around) -> Vec<Action> {
    let mut all = fixes(compiled, &range);
    all.extend(fields::add(compiled, &range, around));
    all.extend(pin(compiled, &range));
    all.extend(extract::extract(compiled, &range, &|what| around.mentioned(what)));
    let sure = fix_all(compiled);
    if !sure.is_empty() {
        let title = "apply all fixes that are certain".to_string();
        all.push(Action { title, kind: ActionKind::FixAll, edits: sure, preferred: false, mends: None });
    }
    all
}

fn touches(span: Span, range: &Range<usize>) -> bool {
    span.file == FileId(0) && span.start as usize <= range.end && range.start <= span.end as usize
}

/// The fixes of the mistakes in the range.
fn fixes(compiled: &Compilation, range: &Range<usize>) -> Vec<Action> {
    let mut all = Vec::new();
    for (index, found) in super::problems(compiled).iter().enumerate() {
        if !touches(found.primary.span, range) {
            continue;
        }
        all.extend(found.fixes.iter().map(|fix| Action {
            title: fix.title.clone(),
            kind: ActionKind::QuickFix,
            edits: fix.edits.clone(),
            preferred: fix.applicability == Applicability::MachineApplicable,
            mends: Some(index),
        }));
    }
    all
}

/// The edits of every fix that is certain, in the main file; of two that touch each other, the first.
pub fn fix_all(compiled: &Compilation) -> Vec<Edit> {
    let mut taken: Vec<Edit> = Vec::new();
    let certain = compiled.diagnostics.iter().filter_map(|found| {
        found.fixes.iter().find(|fix| fix.applicability == Applicability::MachineApplicable)
    });
    for fix in certain {
        let touch = |a: &Edit| taken.iter().any(|b| a.span.start <= b.span.end && b.span.start <= a.span.end);
        let elsewhere = fix.edits.iter().any(|edit| edit.span.file != FileId(0));
        if !elsewhere && !fix.edits.iter().any(touch) {
            taken.extend(fix.edits.iter().cloned());
        }
    }
    taken
}

/// How often [`fix_all_again`] looks at what is left.
const ROUNDS: usize = 16;

/// The same until none is left: of fixes that touch each other the second is seen behind the first, and a mistake of the
/// syntax hides those behind it. `again` checks the script with another text.
pub fn fix_all_again(compiled: &Compilation, again: &dyn Fn(&str) -> Option<Compilation>) -> Vec<Edit> {
    let first = fix_all(compiled);
    let text = &compiled.sources.file(FileId(0)).text;
    let once = applied(text, &first);
    let mut now = once.clone();
    for _ in 0..ROUNDS {
        let more = again(&now).map(|compiled| fix_all(&compiled)).unwrap_or_default();
        if more.is_empty() {
            break;
        }
        now = applied(&now, &more);
    }
    if now == once {
        return first;
    }
    let (old, new) = super::format::differing(text, &now);
    vec![Edit { span: Span::new(FileId(0), old.start, old.end), replacement: now[new].to_string() }]
}

/// A text with edits done that do not touch each other.
fn applied(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
    let mut text = text.to_string();
    edits.into_iter().for_each(|edit| text.replace_range(edit.span.range(), &edit.replacement));
    text
}

/// A declaration with edits within it done, laid out as `flow fmt` would do it.
fn restyled(compiled: &Compilation, decl: Span, edits: Vec<Edit>) -> Vec<Edit> {
    let start = decl.start as usize;
    let old = compiled.sources.text(decl);
    let moved = |edit: &Edit| {
        let range = edit.span.range();
        let span = Span::new(decl.file, range.start - start, range.end - start);
        Edit { span, replacement: edit.replacement.clone() }
    };
    let new = applied(old, &edits.iter().map(moved).collect::<Vec<_>>());
    let Ok(new) = flow_syntax::format(&new) else { return edits };
    let new = new.trim_end();
    let (gone, come) = super::format::differing(old, new);
    let span = Span::new(decl.file, start + gone.start, start + gone.end);
    vec![Edit { span, replacement: new[come].to_string() }]
}

/// Pins the state of the stage at the range: it keeps the id it has, whatever its declaration is called later.
fn pin(compiled: &Compilation, range: &Range<usize>) -> Option<Action> {
    let program = compiled.programs.first()?;
    for index in 0..compiled.checked.declarations.len() {
        let Some(pipeline) = compiled.checked.pipeline(index) else { continue };
        for stage in pipeline.stages.iter().filter(|stage| touches(stage.span, range)) {
            let state = pipeline.operators[stage.operators.clone()].iter().find_map(|o| o.state.as_ref());
            let stages = program
                .decls
                .iter()
                .flat_map(|decl| stages_of(&decl.kind).iter().map(move |stage| (decl.span, stage)));
            let written = stages.into_iter().find(|(_, written)| written.span == stage.span);
            if let (Some(state), Some((decl, written))) = (state, written)
                && written.id.is_none()
            {
                let id = quoted(&state.id);
                // In front of `@was`, as everything that writes both has it.
                let edit = Edit { span: written.span.before(), replacement: format!("@id({id}) ") };
                let title = format!("add `@id({id})`: the state keeps its name");
                return Some(Action {
                    title,
                    kind: ActionKind::Rewrite,
                    edits: restyled(compiled, decl, vec![edit]),
                    preferred: false,
                    mends: None,
                });
            }
        }
    }
    None
}

/// A text as a script writes it.
pub(super) fn quoted(text: &str) -> String {
    flow_plan::display::literal(&flow_plan::Value::string(text))
}

/// The stages of a declaration as written.
pub(super) fn stages_of(kind: &DeclKind) -> &[flow_syntax::ast::Stage] {
    match kind {
        DeclKind::Source(source) => &source.stages,
        DeclKind::Table(table) => &table.stages,
        DeclKind::Stream(stream) => &stream.pipeline.stages,
        DeclKind::Sink(sink) => &sink.pipeline.stages,
        _ => &[],
    }
}
