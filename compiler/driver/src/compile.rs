//! The compilation of one script, all stages in order.

use crate::load::{self, LoadError, Loader, Memories};
use crate::runnable::meaningless;
use crate::upgrade::{self, Upgrade, Upgrades};
use flow_plan::operator::Plan;
use flow_syntax::ast::{DeclKind, Program};
use flow_syntax::{Applicability, Diagnostic, FileId, SourceMap, Span, codes};
use flow_types::{Checked, Levels};
use std::path::Path;

/// What the command line says beside the script.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `-p NAME=VALUE`.
    pub params: Vec<(String, String)>,
    /// Levels of lints.
    pub levels: Levels,
}

/// A compiled script.
#[derive(Debug)]
pub struct Compilation {
    /// The script (file 0) and what it imports.
    pub sources: SourceMap,
    /// Their trees, in the order of the sources.
    pub programs: Vec<Program>,
    /// Of each file, the files that it imports and where it says so.
    pub imports: Vec<Vec<(FileId, Span)>>,
    /// What is wrong, sorted by place, each mistake once.
    pub diagnostics: Vec<Diagnostic>,
    /// What is known of it, also when parts are wrong.
    pub checked: Checked,
    /// Its plan; none if anything is wrong with it. A lint that was raised to an error changes nothing in what it means.
    pub plan: Option<Plan>,
    /// The scripts in which its tests go on.
    pub upgrades: Vec<Upgrade>,
}

impl Compilation {
    /// Is anything wrong with it?
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Is nothing wrong with the script itself, but with values that its parameters were given?
    pub fn is_misused(&self) -> bool {
        let errors = self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
        errors > 0 && errors == self.checked.wrong_values
    }

    /// What [`analyse_again`] can go on from, while this stays what it is.
    pub fn to_go_on(&self) -> Compilation {
        Compilation {
            sources: self.sources.clone(),
            programs: Vec::new(),
            imports: Vec::new(),
            diagnostics: Vec::new(),
            checked: self.checked.clone(),
            plan: None,
            upgrades: Vec::new(),
        }
    }

    /// The plan of what was checked, which an analysis does not make; none if anything is wrong with it.
    pub(crate) fn to_plan(&self) -> Option<Plan> {
        let mistaken = self.diagnostics.iter().any(Diagnostic::is_mistake);
        (self.checked.ok && !mistaken).then(|| flow_types::plan(&self.checked, &self.sources))
    }

    /// The plan of a script in whose tests alone something is wrong: they have no part in what it does.
    pub fn plan_beside_tests(&self, options: &Options) -> Option<Plan> {
        let main = self.programs.first()?;
        let tests = main.decls.iter().filter(|decl| matches!(decl.kind, DeclKind::Test(_)));
        let tests: Vec<Span> = tests.map(|decl| decl.span).collect();
        let in_test = |at: Span| {
            tests.iter().any(|test| test.file == at.file && test.start <= at.start && at.end <= test.end)
        };
        let beside = |d: &Diagnostic| d.is_mistake() && !in_test(d.primary.span);
        // Behind a missing brace, declarations may have been read as parts of a test.
        let swallows = |test: &Span| begins_declarations(&self.sources.file(test.file).text[test.range()]);
        if self.diagnostics.iter().any(beside) || tests.iter().any(swallows) {
            return None;
        }
        let mut programs = self.programs.clone();
        programs[0].decls.retain(|decl| !matches!(decl.kind, DeclKind::Test(_)));
        let own = |(name, _): &&(String, String)| upgrade::declares(&programs, name);
        let params: Vec<_> = options.params.iter().filter(own).cloned().collect();
        let input = flow_types::Input {
            sources: &self.sources,
            programs: &programs,
            syntax_errors: false,
            params: &params,
            levels: &options.levels,
        };
        let (checked, _) = flow_types::check(&input);
        let right = checked.ok && meaningless(&checked).is_empty();
        right.then(|| flow_types::plan(&checked, &self.sources))
    }

    /// Makes the plan, if nothing is wrong.
    pub(crate) fn link(&mut self) {
        self.plan = self.to_plan();
    }
}

/// Do lines of a text behind its first one look like the beginnings of declarations?
fn begins_declarations(text: &str) -> bool {
    let word = |line: &str| line.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_string();
    text.lines().skip(1).any(|line| flow_syntax::DECLARATION_WORDS.contains(&word(line).as_str()))
}

/// Compiles a script. Only a script that cannot be loaded at all is an error here; everything wrong
/// with it or its imports is in the diagnostics.
pub fn compile(loader: &mut dyn Loader, path: &Path, options: &Options) -> Result<Compilation, LoadError> {
    let mut compiled = analyse(loader, path, options, None)?;
    compiled.link();
    Ok(compiled)
}

/// All that [`compile`] finds, without the plan: what a check and an editor need. What the memory holds of the files is not
/// read again.
pub fn analyse(
    loader: &mut dyn Loader,
    path: &Path,
    options: &Options,
    memory: Option<&mut Memories>,
) -> Result<Compilation, LoadError> {
    analyse_again(loader, path, options, memory, None)
}

/// The same as [`analyse`], behind an edit: what was known before it and is not touched by it is taken out of there. It
/// must have been found with the same options.
pub fn analyse_again(
    loader: &mut dyn Loader,
    path: &Path,
    options: &Options,
    mut memory: Option<&mut Memories>,
    before: Option<&mut Compilation>,
) -> Result<Compilation, LoadError> {
    let load::Loaded { sources, programs, mut diagnostics, imports } =
        load::load(loader, path, memory.as_deref_mut())?;
    let params = upgrade::params_of_main(loader, path, &programs, &options.params);
    let input = flow_types::Input {
        sources: &sources,
        programs: &programs,
        syntax_errors: diagnostics.iter().any(Diagnostic::is_error),
        params: &params,
        levels: &options.levels,
    };
    let before = before.and_then(|before| {
        let edit = edit(&before.sources, &sources)?;
        Some(flow_types::Before { checked: std::mem::take(&mut before.checked), edit })
    });
    let (checked, found) = flow_types::check_again(&input, before);
    doubt_guesses(&programs, &checked, &mut diagnostics);
    told_better(&mut diagnostics, &found);
    diagnostics.extend(found);
    let (plan, upgrades) = (None, Vec::new());
    let mut main = Compilation { sources, programs, imports, diagnostics, checked, plan, upgrades };
    if main.checked.ok {
        main.diagnostics.extend(meaningless(&main.checked));
    }
    let (upgrades, found) = Upgrades { loader, path, main: &main, options, memory }.find();
    main.upgrades = upgrades;
    main.diagnostics.extend(found);
    sort(&mut main.diagnostics);
    Ok(main)
}

/// Where a quote or bracket belongs that is missing is a guess, and a doubtful one where what is read with it is wrong.
fn doubt_guesses(programs: &[Program], checked: &Checked, diagnostics: &mut [Diagnostic]) {
    for piece in programs.iter().flat_map(|program| &program.doubtful) {
        let holds = |at: Span| at.file == piece.file && piece.start <= at.start && at.end <= piece.end;
        if !checked.silenced.iter().any(|at| holds(*at)) {
            continue;
        }
        let guesses = diagnostics.iter_mut().filter(|d| {
            matches!(d.code, codes::UNCLOSED_BRACKET | codes::UNCLOSED_STRING) && holds(d.primary.span)
        });
        for fix in guesses.flat_map(|guess| &mut guess.fixes) {
            if fix.applicability == Applicability::MachineApplicable {
                fix.applicability = Applicability::MaybeIncorrect;
            }
        }
    }
}

/// A word of another language of which the types say more is told by them alone: `note || "x"` is `??`, not `or`.
fn told_better(diagnostics: &mut Vec<Diagnostic>, found: &[Diagnostic]) {
    for better in found.iter().filter(|d| d.code == codes::FOREIGN_WORD) {
        let at = better.primary.span;
        let within = |span: Span| span.file == at.file && at.start <= span.start && span.end <= at.end;
        for known in diagnostics.iter_mut().filter(|d| d.code == codes::FOREIGN_WORD) {
            // The same word in several places is one diagnostic: the others remain.
            let labels = known.labels.len();
            known.labels.retain(|label| !within(label.span));
            let here = within(known.primary.span);
            if here && !known.labels.is_empty() {
                known.primary = known.labels.remove(0);
                known.primary.text.clear();
            }
            if here || known.labels.len() < labels {
                known.fixes.iter_mut().for_each(|fix| fix.edits.retain(|edit| !within(edit.span)));
            }
        }
        diagnostics.retain(|d| d.code != codes::FOREIGN_WORD || !within(d.primary.span));
    }
}

/// How the main script changed, if that is all that did.
fn edit(before: &SourceMap, now: &SourceMap) -> Option<flow_types::Edit> {
    let mut files = before.files().zip(now.files());
    let ((_, old), (_, new)) = files.next()?;
    let same = before.files().count() == now.files().count()
        && old.name == new.name
        && files.all(|((_, a), (_, b))| a.name == b.name && a.text == b.text);
    same.then(|| flow_types::Edit::between(&old.text, &new.text))
}

/// By place; what two stages say in the same words about the same place is said once.
pub(crate) fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.primary.span.file, d.primary.span.start, d.primary.span.end, d.code);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    diagnostics
        .dedup_by(|a, b| a.code == b.code && a.primary.span == b.primary.span && a.message == b.message);
}
