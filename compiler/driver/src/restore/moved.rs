//! Is state looked for where it is? It is found by the job's name, in the job's state folder: under another one a run
//! starts from nothing, whatever the scripts have in common.

use super::compare::all_dropped;
use super::report::first_line;
use super::shape::shapes;
use super::{Effect, Finding, Verdict};
use crate::compile::Compilation;
use crate::load::normal;
use flow_plan::Place;
use flow_plan::operator::Plan;
use flow_syntax::Span;
use flow_syntax::ast::{DeclKind, Job};
use std::path::{Component, Path, PathBuf};

/// What of a script tells where its state is, and who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked<'a> {
    /// Does the new script stand where the old one stood, under whatever name that is shown? Without a `job` line, both are
    /// called the same then.
    pub in_place: bool,
    /// Does the script say in which folder state is kept (or `--state`)?
    pub by_folder: bool,
    /// The folders in which the old and the new script stand: what they call their state folder is meant from there.
    /// `None`: the same.
    pub beside: Option<(&'a Path, &'a Path)>,
}

/// A job that looks for its state elsewhere than its old script kept it.
#[derive(Clone, Debug)]
pub struct Moved {
    why: String,
    /// What to do about it, and what `--from` takes otherwise.
    keep: String,
    from: String,
    other_folder: bool,
    old: Option<Place>,
    new: Place,
}

/// Does the new script look for state elsewhere than the old one kept it?
pub fn moved(old: (&Compilation, &Plan), new: (&Compilation, &Plan), by: Looked<'_>) -> Option<Moved> {
    let ((old, old_plan), (new, new_plan)) = (old, new);
    // What keeps no state has none to find.
    old_plan.job.checkpoint?;
    let (old_line, new_line) = (job(old), job(new));
    let top = || first_line(new.sources.files().next().map_or("", |(_, file)| file.text.as_str()));
    // What comes from standard input stands where the old script stands.
    let file = file_name(new).or_else(|| file_name(old)).filter(|_| by.in_place);
    let called = |line: Option<&Job>, plan: &Plan| match (line, file) {
        (None, Some(file)) => file.to_string(),
        _ => plan.job.name.clone(),
    };
    let (was, is) = (called(old_line, old_plan), called(new_line, new_plan));
    let (folder, now) = (old_plan.job.state_path.as_str(), new_plan.job.state_path.as_str());
    let (stood, stands) = by.beside.unwrap_or((Path::new(""), Path::new("")));
    let kept = normal(&stood.join(folder));
    let other_folder = by.by_folder && kept != normal(&stands.join(now));
    // In another folder, a savepoint is not found by its name either.
    let from = if other_folder { "PATH".to_string() } else { format!("{was}@N") };
    if was != is {
        let place = |line: Option<&Job>| line.map(|job| place(job.name.span));
        return Some(Moved {
            why: format!(
                "the job was called `{was}` and is called `{is}` now, and state is found by that name"
            ),
            keep: "keep the name".to_string(),
            from,
            other_folder,
            old: place(old_line),
            new: place(new_line).unwrap_or_else(top),
        });
    }
    if other_folder {
        let same_words = normal(Path::new(folder)) == normal(Path::new(now));
        let (why, keep) = match same_words {
            // What it says of its state has not changed, but where that is.
            true => {
                let kept = shown(&relative(&kept, stands));
                (
                    format!(
                        "the script moved, so that its state folder `{now}` is another one: state was kept in what is `{kept}` \
                         from here"
                    ),
                    format!("name that folder (`state: \"{kept}\"` in the `job` block)"),
                )
            }
            false => (
                format!("state was kept in the folder `{folder}` and is looked for in `{now}` now"),
                "keep the folder".to_string(),
            ),
        };
        return Some(Moved {
            why,
            keep,
            from,
            other_folder,
            old: state(old, old_line),
            new: state(new, new_line).unwrap_or_else(top),
        });
    }
    None
}

impl Moved {
    /// The verdicts on the states of the old script: none is found.
    pub fn dropped(&self, old: &Plan) -> Vec<Verdict> {
        let help = format!("{}, or take a savepoint along: `flow run … --from {}`", self.keep, self.from);
        let mut verdicts = all_dropped(old);
        for verdict in &mut verdicts {
            verdict.findings = vec![self.finding(Effect::Drops, "what it holds would be left behind", &help)];
        }
        verdicts
    }

    /// Marks the verdicts on a savepoint, which goes on under another name if a run is given it.
    pub fn only_from(&self, savepoint: &str, old: &Plan, verdicts: &mut [Verdict]) {
        let known = shapes(old);
        for verdict in verdicts.iter_mut().filter(|verdict| verdict.effect < Effect::Drops) {
            let was = verdict.was.as_ref().unwrap_or(&verdict.id);
            if known.iter().any(|state| state.id == *was) {
                verdict.effect = verdict.effect.max(Effect::Restores);
                let from = if self.other_folder { &self.from } else { savepoint };
                let help = format!("`flow run … --from {from}`");
                let finding = self.finding(
                    Effect::Restores,
                    "it goes on only if the run is given the savepoint",
                    &help,
                );
                verdict.findings.push(finding);
            }
        }
    }

    fn finding(&self, effect: Effect, so: &str, help: &str) -> Finding {
        Finding {
            effect,
            changes_meaning: false,
            loses: effect >= Effect::Drops,
            message: format!("{}: {so}", self.why),
            old: self.old,
            new: Some(self.new),
            help: Some(help.to_string()),
        }
    }
}

/// The `job` block that counts.
fn job(of: &Compilation) -> Option<&Job> {
    of.programs.first()?.decls.iter().find_map(|decl| match &decl.kind {
        DeclKind::Job(job) => Some(job),
        _ => None,
    })
}

/// Where a script says in which folder its state is kept; else its job's name.
fn state(of: &Compilation, job: Option<&Job>) -> Option<Place> {
    let job = job?;
    let option =
        job.options.iter().find(|option| option.name.as_ref().is_some_and(|name| name.name == "state"));
    let span = option.map_or(job.name.span, |option| of.programs[0].exprs[option.value].span);
    Some(place(span))
}

/// A folder, as it is named in another one.
fn relative(path: &Path, from: &Path) -> PathBuf {
    let from = normal(from);
    let (mut path, mut from) = (path.components().peekable(), from.components().peekable());
    while path.peek().is_some() && path.peek() == from.peek() {
        path.next();
        from.next();
    }
    from.map(|_| Component::ParentDir).chain(path).collect()
}

fn shown(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}

/// What a job is called whose script does not say: its file's name. Standard input has none.
fn file_name(of: &Compilation) -> Option<&str> {
    let (_, file) = of.sources.files().next().filter(|(_, file)| file.name != "<stdin>")?;
    Path::new(&file.name).file_stem()?.to_str()
}

fn place(span: Span) -> Place {
    Place { file: span.file.0, start: span.start, end: span.end }
}
