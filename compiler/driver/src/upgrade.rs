//! `restore into`: the scripts in which tests go on, checked together with the steps that are about them, and whether
//! the state of the script before would fit. All of it is known before a test runs.

use crate::compile::{Compilation, Options};
use crate::load::{self, LoadError, Loader, Memories, normal};
use crate::restore::{Effect, Verdict, compare};
use crate::runnable::meaningless;
use flow_plan::Place;
use flow_plan::operator::Plan;
use flow_syntax::ast::{DeclKind, Program, Restore, TestDecl, TestStep};
use flow_syntax::{Diagnostic, FileId, Label, SourceMap, Span, codes};
use flow_types::CheckedStep;
use std::path::{Path, PathBuf};

/// A script in which a test goes on.
#[derive(Debug)]
pub struct Upgrade {
    /// Index of the test.
    pub test: usize,
    /// The script; its own tests are not looked at.
    pub script: Compilation,
    /// The steps behind `restore into`, up to the next one. Their places are in the test's script.
    pub steps: Vec<CheckedStep>,
}

/// Finds what the tests of a script need of others.
pub(crate) struct Upgrades<'a> {
    pub(crate) loader: &'a mut dyn Loader,
    /// The script with the tests.
    pub(crate) path: &'a Path,
    pub(crate) main: &'a Compilation,
    pub(crate) options: &'a Options,
    pub(crate) memory: Option<&'a mut Memories>,
}

impl Upgrades<'_> {
    /// The upgrades of all tests, in order, and what is wrong with them at lines of the tests.
    pub(crate) fn find(mut self) -> (Vec<Upgrade>, Vec<Diagnostic>) {
        let (mut upgrades, mut diagnostics) = (Vec::new(), Vec::new());
        let Some(program) = self.main.programs.first() else { return (upgrades, diagnostics) };
        for (index, test) in tests(program).enumerate() {
            let segments = segments(test);
            if segments.is_empty() {
                continue;
            }
            let steps = self.main.checked.tests.get(index).map_or(&[][..], |test| &test.steps);
            let mut old = Old { plan: self.main.to_plan(), ..Old::of(self.main, steps) };
            for (number, (restore, _)) in segments.into_iter().enumerate() {
                // A restore that is misplaced was told; nothing is known of what it would restore.
                if !matches!(old.steps.last(), Some(CheckedStep::Restore { .. })) {
                    break;
                }
                let upgrade = match self.upgrade(restore, (index, number), &mut diagnostics) {
                    Ok(upgrade) => upgrade,
                    Err(diagnostic) => {
                        diagnostics.push(*diagnostic);
                        break;
                    }
                };
                if let (Some(before), Some(after)) = (&old.plan, &upgrade.script.plan) {
                    diagnostics.extend(old.told(restore, &compare(before, after), &upgrade.script.sources));
                }
                old = Old::of(&upgrade.script, &upgrade.steps);
                upgrades.push(upgrade);
            }
        }
        (upgrades, diagnostics)
    }

    /// Compiles the script of a `restore into`, the `number`-th of a test, with the steps behind it.
    fn upgrade(
        &mut self,
        restore: &Restore,
        (test, number): (usize, usize),
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<Upgrade, Box<Diagnostic>> {
        let own = &self.main.sources.file(FileId(0));
        let path = beside(self.path, restore);
        let loaded = load::load(self.loader, &path, self.memory.as_deref_mut());
        let load::Loaded { mut sources, programs, diagnostics: mut found, imports } =
            loaded.map_err(|error| Box::new(missing(restore, &path, &error)))?;
        // The test's own script, once more: as a guest among the files of the other one.
        let guest = sources.add(own.name.clone(), own.text.clone());
        sources.identify(guest, load::identity(own));
        let (program, _) = flow_syntax::parse_bytes(guest, own.text.as_bytes(), None);
        let same = tests(&program).nth(test).map(segments).unwrap_or_default();
        let steps = same.get(number).map_or(&[][..], |(_, steps)| steps);
        let given = self.options.params.iter();
        let params: Vec<_> = given.filter(|(name, _)| declares(&programs, name)).cloned().collect();
        let input = flow_types::Input {
            sources: &sources,
            programs: &programs,
            syntax_errors: found.iter().any(Diagnostic::is_error),
            params: &params,
            levels: &self.options.levels,
        };
        let (mut checked, steps, of_both) = flow_types::check_steps(&input, &program, steps);
        let (of_steps, of_script): (Vec<_>, Vec<_>) =
            of_both.into_iter().partition(|diagnostic| diagnostic.primary.span.file == guest);
        found.extend(of_script);
        if !found.iter().any(Diagnostic::is_mistake) {
            found.extend(meaningless(&checked));
        }
        crate::compile::sort(&mut found);
        let home = Home { guest, sources: &sources };
        diagnostics.extend(of_steps.into_iter().map(|diagnostic| home.bring(diagnostic)));
        let steps = steps.into_iter().map(|step| home.step(step)).collect();
        // What is wrong with the steps is not the script's.
        checked.ok = !found.iter().any(Diagnostic::is_mistake);
        let (plan, upgrades) = (None, Vec::new());
        let mut script =
            Compilation { sources, programs, imports, diagnostics: found, checked, plan, upgrades };
        script.link();
        match script.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect::<Vec<_>>()[..] {
            [] => {}
            [first, ref more @ ..] => {
                return Err(Box::new(wrong(restore, first, more.len(), &script.sources)));
            }
        }
        Ok(Upgrade { test, script, steps })
    }
}

/// What of `-p` is for the script with the tests: all but what only the scripts declare in which its tests go on. Those get
/// what they declare.
pub(crate) fn params_of_main(
    loader: &mut dyn Loader,
    path: &Path,
    programs: &[Program],
    given: &[(String, String)],
) -> Vec<(String, String)> {
    let (own, others): (Vec<_>, Vec<_>) =
        given.iter().cloned().partition(|(name, _)| declares(programs, name));
    let Some(main) = programs.first().filter(|_| !others.is_empty()) else { return own };
    let restores = tests(main).flat_map(segments).map(|(restore, _)| beside(path, restore));
    let loaded: Vec<_> = restores.filter_map(|path| load::load(loader, &path, None).ok()).collect();
    let elsewhere = |name: &str| loaded.iter().any(|script| declares(&script.programs, name));
    // What nobody declares is said of the script.
    let nobodys = others.into_iter().filter(|(name, _)| !elsewhere(name));
    own.into_iter().chain(nobodys).collect()
}

/// Does a script, or what it imports, have a parameter of this name?
pub(crate) fn declares(programs: &[Program], name: &str) -> bool {
    let mut kinds = programs.iter().flat_map(|program| &program.decls).map(|decl| &decl.kind);
    kinds.any(|kind| matches!(kind, DeclKind::Param(param) if param.name.name == name))
}

/// The path of a `restore into` in the script at `path`.
fn beside(path: &Path, restore: &Restore) -> PathBuf {
    normal(&path.parent().map(Path::to_path_buf).unwrap_or_default().join(&restore.path))
}

fn tests(program: &Program) -> impl Iterator<Item = &TestDecl> {
    program.decls.iter().filter_map(|decl| match &decl.kind {
        DeclKind::Test(test) => Some(test),
        _ => None,
    })
}

/// The script whose declarations are meant at an offset of the main file: behind a `restore into`, the one that goes on
/// there; none if that one is wrong. A test that is being written has no end.
pub(crate) fn spoken_of(compiled: &Compilation, offset: usize) -> Option<&Compilation> {
    let before = |span: Span| (span.start as usize) < offset;
    let program = compiled.programs.first();
    let decls = program.into_iter().flat_map(|program| &program.decls).take_while(|decl| before(decl.span));
    let (mut count, mut last) = (0, None);
    for decl in decls {
        count += usize::from(matches!(decl.kind, DeclKind::Test(_)));
        last = Some(&decl.kind);
    }
    let Some(DeclKind::Test(test)) = last else { return Some(compiled) };
    let passed = segments(test).iter().filter(|(restore, _)| (restore.span.end as usize) < offset).count();
    let Some(number) = passed.checked_sub(1) else { return Some(compiled) };
    let mut own = compiled.upgrades.iter().filter(|upgrade| upgrade.test + 1 == count);
    own.nth(number).map(|upgrade| &upgrade.script)
}

/// The name at an offset behind a `restore into` and where it is declared, in the script that goes on there.
pub(crate) fn declared_there(compiled: &Compilation, offset: usize) -> Option<(&Compilation, Span, Span)> {
    let script = spoken_of(compiled, offset).filter(|script| !std::ptr::eq(*script, compiled))?;
    // The test's own script is the last of its files.
    let (guest, _) = script.sources.files().last()?;
    let here = |span: Span| span.file == guest && span.touches(offset);
    let uses = script.checked.references().filter(|(at, _)| here(*at));
    uses.min_by_key(|(at, _)| at.end - at.start).map(|(at, declared)| (script, *at, *declared))
}

/// Each `restore into` of a test with the steps behind it, up to the next one and with it.
fn segments(test: &TestDecl) -> Vec<(&Restore, &[TestStep])> {
    let restores = |step: &TestStep| matches!(step, TestStep::Restore(_));
    let mut found = Vec::new();
    for (at, step) in test.steps.iter().enumerate() {
        let TestStep::Restore(restore) = step else { continue };
        let behind = &test.steps[at + 1..];
        let end = behind.iter().position(restores).map_or(behind.len(), |next| next + 1);
        found.push((restore, &behind[..end]));
    }
    found
}

/// A script whose savepoint is restored.
struct Old {
    plan: Option<Plan>,
    sources: SourceMap,
    /// The steps that are about it.
    steps: Vec<CheckedStep>,
}

impl Old {
    fn of(script: &Compilation, steps: &[CheckedStep]) -> Old {
        Old { plan: script.plan.clone(), sources: script.sources.clone(), steps: steps.to_vec() }
    }

    /// What of the verdicts concerns a test, at the path behind `restore into`.
    fn told(&self, restore: &Restore, verdicts: &[Verdict], new: &SourceMap) -> Vec<Diagnostic> {
        let allow = |step: &CheckedStep| matches!(step, CheckedStep::Restore { allow_dropped: true, .. });
        let allow_dropped = self.steps.iter().any(allow);
        let findings = verdicts
            .iter()
            .flat_map(|verdict| verdict.findings.iter().map(move |finding| (verdict, finding)));
        let told = findings.filter_map(|(verdict, finding)| {
            let code = match (finding.effect, finding.changes_meaning) {
                (Effect::Incompatible, _) => codes::STATE_INCOMPATIBLE,
                (Effect::Drops, _) if allow_dropped => return None,
                (Effect::Drops, _) => codes::STATE_DROPPED,
                (_, true) => codes::CHANGES_MEANING,
                _ => return None,
            };
            let message = format!("`{}` {}: {}", verdict.id, finding.effect.word(), finding.message);
            let fits = finding.effect < Effect::Drops;
            let label = if fits { "old and new rows would mix" } else { "the state does not fit" };
            let mut diagnostic = Diagnostic::new(code, restore.path_span, message).at(label);
            for (word, place, sources) in [("before", finding.old, &self.sources), ("now", finding.new, new)]
            {
                diagnostic =
                    place.into_iter().fold(diagnostic, |d, place| d.note(shown(word, place, sources)));
            }
            Some(match (code == codes::STATE_DROPPED, &finding.help) {
                (true, _) => diagnostic.help("if it may go: `restore into \"…\", allowDropped: true`"),
                (false, Some(help)) => diagnostic.help(help.clone()),
                (false, None) => diagnostic,
            })
        });
        told.collect()
    }
}

/// `before: totals.flow:7: |> keyBy(auction)`.
fn shown(word: &str, place: Place, sources: &SourceMap) -> String {
    let file = sources.file(FileId(place.file));
    let line = file.line_at(place.start as usize);
    format!("{word}: {}:{line}: {}", file.name, file.line(line).trim())
}

fn missing(restore: &Restore, path: &Path, error: &LoadError) -> Diagnostic {
    let path = path.display();
    let message = match error {
        LoadError::Missing => format!("there is no file `{path}` to restore into"),
        LoadError::Unreadable(why) => format!("`{path}` cannot be read: {why}"),
    };
    Diagnostic::new(codes::TEST_RESTORE, restore.path_span, message).at("looked for beside this script")
}

fn wrong(restore: &Restore, first: &Diagnostic, more: usize, sources: &SourceMap) -> Diagnostic {
    let (file, place) = (sources.file(first.primary.span.file), first.primary.span.start as usize);
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    Diagnostic::new(codes::TEST_RESTORE, restore.path_span, format!("`{}` is wrong itself", restore.path))
        .at("cannot run")
        .note(format!("{}:{}: {}: {}{more}", file.name, file.line_at(place), first.code, first.message))
}

/// Brings what was found in a guest back to its own script, which is file 0 there.
struct Home<'a> {
    guest: FileId,
    sources: &'a SourceMap,
}

impl Home<'_> {
    fn span(&self, span: Span) -> Span {
        Span { file: FileId(0), ..span }
    }

    /// A diagnostic of a guest. Its places in the other script become notes.
    fn bring(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.primary.span = self.span(diagnostic.primary.span);
        let (own, other): (Vec<_>, Vec<_>) =
            diagnostic.labels.into_iter().partition(|label| label.span.file == self.guest);
        diagnostic.labels =
            own.into_iter().map(|label| Label { span: self.span(label.span), ..label }).collect();
        for label in other {
            let place = Place { file: label.span.file.0, start: label.span.start, end: label.span.end };
            diagnostic.notes.push(shown(&label.text, place, self.sources));
        }
        diagnostic.fixes.retain(|fix| fix.edits.iter().all(|edit| edit.span.file == self.guest));
        for edit in diagnostic.fixes.iter_mut().flat_map(|fix| &mut fix.edits) {
            edit.span = self.span(edit.span);
        }
        diagnostic
    }

    fn step(&self, mut step: CheckedStep) -> CheckedStep {
        match &mut step {
            CheckedStep::Given { span, places, .. } => {
                *span = self.span(*span);
                places.iter_mut().for_each(|place| *place = self.span(*place));
            }
            CheckedStep::Advance { span, .. }
            | CheckedStep::Savepoint { span }
            | CheckedStep::Restore { path_span: span, .. } => *span = self.span(*span),
            CheckedStep::Expect { span, rows, .. } => {
                *span = self.span(*span);
                rows.iter_mut().for_each(|row| row.span = self.span(row.span));
            }
        }
        step
    }
}
