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
use std::path::Path;

/// What of a script tells where its state is, and who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Does the new script stand where the old one stood, under whatever name that is shown? Without a `job` line, both are
    /// called the same then.
    pub in_place: bool,
    /// Does the script say in which folder state is kept (or `--state`)?
    pub by_folder: bool,
}

/// A job that looks for its state elsewhere than its old script kept it.
#[derive(Clone, Debug)]
pub struct Moved {
    why: String,
    help: String,
    old: Option<Place>,
    new: Place,
}

/// Does the new script look for state elsewhere than the old one kept it?
pub fn moved(old: (&Compilation, &Plan), new: (&Compilation, &Plan), by: Looked) -> Option<Moved> {
    let ((old, old_plan), (new, new_plan)) = (old, new);
    // What keeps no state has none to find.
    old_plan.job.checkpoint?;
    let (old_line, new_line) = (job(old), job(new));
    let top = || first_line(new.sources.files().next().map_or("", |(_, file)| file.text.as_str()));
    let was = match old_line {
        None if by.in_place => file_name(new).unwrap_or(&new_plan.job.name),
        _ => old_plan.job.name.as_str(),
    };
    let is = new_plan.job.name.as_str();
    if was != is {
        let place = |line: Option<&Job>| line.map(|job| place(job.name.span));
        return Some(Moved {
            why: format!(
                "the job was called `{was}` and is called `{is}` now, and state is found by that name"
            ),
            help: format!("keep the name, or take a savepoint along: `flow run … --from {was}@N`"),
            old: place(old_line),
            new: place(new_line).unwrap_or_else(top),
        });
    }
    let (was, is) = (old_plan.job.state_path.as_str(), new_plan.job.state_path.as_str());
    if by.by_folder && normal(Path::new(was)) != normal(Path::new(is)) {
        return Some(Moved {
            why: format!("state was kept in the folder `{was}` and is looked for in `{is}` now"),
            help: "keep the folder, or take a savepoint along by its path: `flow run … --from PATH`".into(),
            old: state(old, old_line),
            new: state(new, new_line).unwrap_or_else(top),
        });
    }
    None
}

impl Moved {
    /// The verdicts on the states of the old script: none is found.
    pub fn dropped(&self, old: &Plan) -> Vec<Verdict> {
        let mut verdicts = all_dropped(old);
        for verdict in &mut verdicts {
            verdict.findings =
                vec![self.finding(Effect::Drops, "what it holds would be left behind", &self.help)];
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
                let help = format!("`flow run … --from {savepoint}`");
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

/// What a job is called whose script does not say: its file's name.
fn file_name(of: &Compilation) -> Option<&str> {
    let (_, file) = of.sources.files().next()?;
    Path::new(&file.name).file_stem()?.to_str()
}

fn place(span: Span) -> Place {
    Place { file: span.file.0, start: span.start, end: span.end }
}
