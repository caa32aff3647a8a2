//! `flow check --against`: does the state of another version of the script fit this one?

mod alike;
mod git;
pub(super) mod shared;

use crate::args::Check;
use crate::report::Checked;
use crate::script;
use crate::status::Stop;
use flow_checkpoint::{Failure, Manifest, Problem, Saved, ScriptFile};
use flow_driver::restore::{self, Looked, Report, compare, moved, report};
use flow_driver::{Compilation, Level, Levels, LoadError, Loader, Options, is_allowed};
use flow_env::Env;
use flow_plan::operator::Plan;
use flow_syntax::{Diagnostic, FileId, Severity, SourceMap, Span, codes, lines};
use git::Revision;
use shared::state_kept;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Another version of a script.
pub(super) enum Target {
    /// The same file at a git revision.
    Git(String),
    /// Another file.
    File(PathBuf),
    /// The script that wrote a checkpoint or savepoint, and what to call that.
    Checkpoint(Box<Manifest>, String),
}

/// What is agreed to, and what is known of where the state is.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// May state be dropped?
    pub(super) allow_dropped: bool,
    /// How will the script look for its state? `None`: it has been found.
    pub(super) looked: Option<Looked<'a>>,
}

/// What came of a comparison.
pub(super) enum Compared {
    /// Nobody asked.
    Not,
    /// There is nothing to compare with, and why.
    Nothing(String),
    /// Verdicts.
    With(Report),
}

impl Compared {
    /// The verdicts, if there are any.
    pub(super) fn report(self) -> Option<Report> {
        match self {
            Compared::With(report) => Some(report),
            Compared::Not | Compared::Nothing(_) => None,
        }
    }

    /// What there is to say at lines of the scripts.
    pub(super) fn diagnostics(&self, new: &SourceMap) -> Vec<Diagnostic> {
        match self {
            Compared::Not => Vec::new(),
            Compared::With(report) => report.diagnostics.clone(),
            Compared::Nothing(why) => {
                let text = new.files().next().map_or("", |(_, file)| file.text.as_str());
                let end = text[..lines::end(text, 0)].trim_end().len() as u32;
                let top = Span { file: FileId(0), start: 0, end };
                let mut note = Diagnostic::new(codes::STATE_RESTORES, top, why.clone());
                note.severity = Severity::Note;
                vec![note]
            }
        }
    }
}

/// Scripts that are there no more, as they were.
type Gone = Vec<(PathBuf, Rc<Compilation>)>;

/// What `flow check` compares scripts with: another version, and the scripts of it that are there no more.
pub(super) struct Against<'a> {
    target: Target,
    gone: Gone,
    /// Scripts that are gone from anywhere in the repositories of these folders: a script that is new may be one of them.
    elsewhere: HashMap<PathBuf, Gone>,
    args: &'a Check,
    options: &'a Options,
    env: &'a Env,
}

impl<'a> Against<'a> {
    /// What `--against` names, if it is there.
    pub(super) fn find(
        args: &'a Check,
        options: &'a Options,
        env: &'a Env,
    ) -> Result<Option<Against<'a>>, Stop> {
        let Some(text) = &args.against else { return Ok(None) };
        let target = Target::find(text, args, env)?;
        let mut all = Against { target, gone: Vec::new(), elsewhere: HashMap::new(), args, options, env };
        if let Target::Git(revision) = &all.target {
            let revision = Revision(revision);
            for path in args.files.iter().filter(|path| !script::is_stdin(path)) {
                revision.verify(path)?;
                let gone = all.gone_from(&revision, path)?;
                // A folder may be named beside one that holds it.
                let known = |path: &Path| {
                    all.gone.iter().any(|(known, _)| script::real(known, env) == script::real(path, env))
                };
                let new: Vec<_> = gone.into_iter().filter(|(path, _)| !known(path)).collect();
                all.gone.extend(new);
            }
        }
        Ok(Some(all))
    }

    /// The scripts that a folder had at the revision, and has no more; those of a path that is there no more.
    fn gone_from(&self, revision: &Revision<'_>, path: &Path) -> Result<Gone, Stop> {
        if self.env.disk.info(path).is_ok_and(|info| !info.is_dir) {
            return Ok(Vec::new());
        }
        let is_script = |path: &PathBuf| self.env.disk.info(path).is_ok_and(|info| !info.is_dir);
        let gone = revision.scripts(path)?.into_iter().filter(|old| !is_script(old));
        let compiled = gone.filter_map(|old| {
            let compiled = self.target.compile(&old, self.options, self.env).ok()?.ok()?;
            Some((old, Rc::new(compiled)))
        });
        Ok(compiled.collect())
    }

    /// Was there a script at this path, or below it, that is there no more? It is told of what becomes of its state.
    pub(super) fn knows_gone(&self, path: &Path) -> bool {
        let real = script::real(path, self.env);
        self.gone.iter().any(|(gone, _)| script::real(gone, self.env).starts_with(&real))
    }

    /// Compares a script with its other version; one that is new, with the one of the same job that is gone. A script whose
    /// job takes over the state of another one is compared with that, too.
    pub(super) fn check(&mut self, path: &Path, new: &Compilation) -> Result<Vec<Compared>, Stop> {
        let looked = self.looked();
        let terms = Terms { allow_dropped: self.args.allow_dropped, looked: Some(looked) };
        let compared = self.target.check(path, new, self.options, terms, self.env)?;
        let Some(plan) = &new.plan else { return Ok(vec![compared]) };
        match &compared {
            Compared::With(report) if report.moved => {
                let taken = self.taken(path, new, plan, "looks for its state elsewhere now")?;
                return Ok(std::iter::once(compared).chain(taken).collect());
            }
            Compared::Nothing(_) => {}
            Compared::Not | Compared::With(_) => return Ok(vec![compared]),
        }
        if let Some((was, old)) = self.former(path, new, plan)? {
            return Ok(vec![self.with(path, new, (&was, &old))?]);
        }
        Ok(vec![self.taken(path, new, plan, "is new")?.unwrap_or(compared)])
    }

    /// How scripts look for their state.
    fn looked(&self) -> Looked<'static> {
        let in_place = matches!(self.target, Target::File(_));
        Looked { in_place, by_folder: self.args.state.is_none(), beside: None }
    }

    /// Compares a script with one that stands, or stood, elsewhere.
    fn with(&self, path: &Path, new: &Compilation, old: (&Path, &Compilation)) -> Result<Compared, Stop> {
        let folder =
            |path: &Path| script::real(path, self.env).parent().map(Path::to_path_buf).unwrap_or_default();
        let (stood, stands) = (folder(old.0), folder(path));
        let looked = Looked { beside: Some((&stood, &stands)), ..self.looked() };
        let terms = Terms { allow_dropped: self.args.allow_dropped, looked: Some(looked) };
        self.target.against(new, old.1, self.options, terms)
    }

    /// Compares a script with the one whose state it would go on with, if that is another one's. `why` says what it has to
    /// do with that.
    fn taken(
        &mut self,
        path: &Path,
        new: &Compilation,
        plan: &Plan,
        why: &str,
    ) -> Result<Option<Compared>, Stop> {
        let Some((was, old)) = self.owner(path, plan)? else { return Ok(None) };
        let mut compared = self.with(path, new, (&was, &old))?;
        if let Compared::With(report) = &mut compared {
            report.diagnostics.insert(0, self.goes_on(path, new, &was, (why, &plan.job.name)));
            report.whose = Some(script::name(&was));
            // What goes on is not gone with its script.
            let real = script::real(&was, self.env);
            self.gone.retain(|(gone, _)| script::real(gone, self.env) != real);
        }
        Ok(Some(compared))
    }

    /// The script that is gone and that a new one was.
    fn former(
        &mut self,
        path: &Path,
        new: &Compilation,
        plan: &Plan,
    ) -> Result<Option<(PathBuf, Rc<Compilation>)>, Stop> {
        let same = |old: &(PathBuf, Rc<Compilation>)| {
            old.1.plan.as_ref().is_some_and(|old| old.job.name == plan.job.name)
        };
        if let Some(index) = self.gone.iter().position(same) {
            return Ok(Some(self.gone.swap_remove(index)));
        }
        let root = self.look_elsewhere(path)?;
        let gone = root.and_then(|root| self.elsewhere.get(&root)).map_or(&[][..], Vec::as_slice);
        if let Some(old) = gone.iter().find(|old| same(old)) {
            return Ok(Some(old.clone()));
        }
        // Without a name of its own, a job is called like its file: it is known by its text alone.
        if let Some(index) = alike::most(new, &self.gone) {
            return Ok(Some(self.gone.swap_remove(index)));
        }
        Ok(alike::most(new, gone).map(|index| gone[index].clone()))
    }

    /// The script of the revision whose state this one would go on with: another one of the same job and state folder.
    fn owner(&self, path: &Path, plan: &Plan) -> Result<Option<(PathBuf, Compilation)>, Stop> {
        let (Target::Git(revision), Some(root)) = (&self.target, git::root(path)) else { return Ok(None) };
        let mut revision = Revision(revision);
        let kept = state_kept(path, &plan.job, self.env);
        let name = plan.job.name.as_str();
        let here = script::real(path, self.env);
        let by_name = self.args.state.is_some();
        for old in revision.scripts(&root)? {
            let called = old.file_stem().is_some_and(|stem| stem == name);
            let mut says =
                || revision.load(&old).is_ok_and(|text| String::from_utf8_lossy(&text).contains(name));
            if script::real(&old, self.env) == here || !called && !says() {
                continue;
            }
            let Ok(Ok(compiled)) = self.target.compile(&old, self.options, self.env) else { continue };
            let job = compiled.plan.as_ref().map(|plan| &plan.job).filter(|job| job.checkpoint.is_some());
            if job.is_some_and(|job| job.name == name && (by_name || state_kept(&old, job, self.env) == kept))
            {
                return Ok(Some((old, compiled)));
            }
        }
        Ok(None)
    }

    /// Says that a script would go on with the state of another one that was there already, and why.
    fn goes_on(&self, path: &Path, new: &Compilation, was: &Path, (why, job): (&str, &str)) -> Diagnostic {
        let message = format!(
            "`{}` {why}, and would go on with the state of `{}` of {}: its job is called `{job}` too, and keeps its state in the \
             same folder",
            script::name(path),
            script::name(was),
            self.target.name(),
        );
        let mut note = Diagnostic::new(codes::STATE_RESTORES, shared::place(new), message)
            .at("the job of both")
            .help("if it is a job of its own, give it another name: `job other {}`");
        note.severity = Severity::Note;
        note
    }

    /// Looks for scripts that are gone from where nobody asked: one that moved may be given by its name alone.
    /// Gives the folder of the repository.
    fn look_elsewhere(&mut self, path: &Path) -> Result<Option<PathBuf>, Stop> {
        let Target::Git(revision) = &self.target else { return Ok(None) };
        let Some(root) = git::root(path) else { return Ok(None) };
        if !self.elsewhere.contains_key(&root) {
            let gone = self.gone_from(&Revision(revision), &root)?;
            self.elsewhere.insert(root.clone(), gone);
        }
        Ok(Some(root))
    }

    /// What becomes of the state of scripts that are gone: each is an entry of its own.
    pub(super) fn gone(self) -> Vec<Checked> {
        let name = self.target.name();
        let entry = |(path, old): (PathBuf, Rc<Compilation>)| {
            let path = script::name(&path);
            let Some(plan) = &old.plan else {
                let why =
                    format!("`{path}` of {name} is gone, and had errors: what state it kept cannot be told");
                let diagnostics = Compared::Nothing(why).diagnostics(&old.sources);
                return Some(Checked { path, sources: old.sources.clone(), diagnostics, restore: None });
            };
            let report = restore::gone(&old.sources, plan, &name, self.args.allow_dropped);
            if report.verdicts.is_empty() {
                return None;
            }
            let diagnostics = report.diagnostics.clone();
            Some(Checked { path, sources: old.sources.clone(), diagnostics, restore: Some(report) })
        };
        self.gone.into_iter().filter_map(entry).collect()
    }
}

impl Target {
    /// What `--against` names.
    fn find(text: &str, args: &Check, env: &Env) -> Result<Target, Stop> {
        if let Some(revision) = text.strip_prefix("git:") {
            return match revision {
                "" => Err(Stop::outside("`--against git:` needs a revision: `git:HEAD~1`, `git:main`")),
                _ => Ok(Target::Git(revision.to_string())),
            };
        }
        let path = PathBuf::from(text);
        if path.extension().is_some_and(|end| end == "flow") {
            script::read(&path, env).map_err(|error| script::cannot_read(&path, &error))?;
            return Ok(Target::File(path));
        }
        savepoint(text, args, env)
    }

    fn name(&self) -> String {
        match self {
            Target::Git(revision) => format!("git:{revision}"),
            Target::File(_) => "old".to_string(),
            Target::Checkpoint(_, name) => name.clone(),
        }
    }

    /// Compiles the other version; or says why there is none.
    fn compile(
        &self,
        path: &Path,
        options: &Options,
        env: &Env,
    ) -> Result<Result<Compilation, String>, Stop> {
        match self {
            Target::Checkpoint(manifest, _) => {
                let mut loader = Kept { scripts: &manifest.scripts };
                let main = manifest.scripts.first().map_or("", |script| script.path.as_str());
                let options = Options { params: manifest.parameters.clone(), ..options.clone() };
                flow_driver::compile(&mut loader, Path::new(main), &options)
                    .map(|old| Ok(beside_tests(old, &options)))
                    .map_err(|_| Stop::outside(format!("{} does not hold its script", self.name())))
            }
            Target::File(old) => Ok(Ok(beside_tests(script::compile(old, options, env)?, options))),
            Target::Git(_) if script::is_stdin(path) => {
                Err(Stop::outside("standard input is in no git revision: name the file"))
            }
            Target::Git(revision) => match flow_driver::compile(&mut Revision(revision), path, options) {
                Ok(old) => Ok(Ok(beside_tests(old, options))),
                Err(LoadError::Missing) => Ok(Err(format!(
                    "`{}` is new since `{revision}`: there is no state it would have to fit",
                    path.display()
                ))),
                Err(LoadError::Unreadable(why)) => {
                    Err(Stop::outside(format!("`{}` of `{revision}` cannot be read: {why}", path.display())))
                }
            },
        }
    }

    /// Compares the states of two versions, if `new` compiles without errors.
    pub(super) fn check(
        &self,
        path: &Path,
        new: &Compilation,
        options: &Options,
        terms: Terms<'_>,
        env: &Env,
    ) -> Result<Compared, Stop> {
        if new.plan.is_none() {
            let of = self.name();
            return Ok(Compared::Nothing(format!(
                "whether the state of {of} fits is not known while the script has errors"
            )));
        }
        let mut old = match self.compile(path, options, env)? {
            Ok(old) => old,
            Err(why) => return Ok(Compared::Nothing(why)),
        };
        if old.plan.is_none() && !options.params.is_empty() {
            // Parameters that are new are none of the old script's.
            match self.compile(path, &Options::default(), env)? {
                Ok(again) => old = again,
                Err(why) => return Ok(Compared::Nothing(why)),
            }
        }
        self.against(new, &old, options, terms)
    }

    /// The same, of an old version that is compiled.
    fn against(
        &self,
        new: &Compilation,
        old: &Compilation,
        options: &Options,
        terms: Terms<'_>,
    ) -> Result<Compared, Stop> {
        let Some(plan) = &new.plan else { return Ok(Compared::Not) };
        let Some(old_plan) = &old.plan else {
            let first = old.diagnostics.iter().find(|diagnostic| diagnostic.is_mistake());
            let why = first.map(|d| format!("{}: {}", d.code, d.message)).unwrap_or_default();
            let errors = format!("the script of {} has errors itself", self.name());
            return match self {
                // One of many that is mended now must not keep the others from being compared.
                Target::Git(_) => {
                    Ok(Compared::Nothing(format!("{errors} ({why}): its state cannot be compared")))
                }
                _ => Err(Stop::outside(format!("{errors}, so there is nothing to compare with\n  {why}"))),
            };
        };
        let elsewhere = terms.looked.and_then(|looked| moved((old, old_plan), (new, plan), looked));
        let is_moved = elsewhere.is_some();
        let verdicts = match (elsewhere, self) {
            (None, _) => compare(old_plan, plan),
            (Some(moved), Target::Checkpoint(_, name)) => {
                let mut verdicts = compare(old_plan, plan);
                moved.only_from(name, old_plan, &mut verdicts);
                verdicts
            }
            (Some(moved), _) => moved.dropped(old_plan),
        };
        let mut report = report(&new.sources, &old.sources, &self.name(), verdicts, terms.allow_dropped);
        report.moved = is_moved;
        let sources = &report.sources;
        apply(&options.levels, sources, &mut report.diagnostics);
        Ok(Compared::With(report))
    }
}

/// Tests have no part in state: it is compared also where something is wrong with them.
pub(super) fn beside_tests(mut script: Compilation, options: &Options) -> Compilation {
    if script.plan.is_none() {
        script.plan = script.plan_beside_tests(options);
    }
    script
}

/// A savepoint, by its name in a state folder or by its path.
fn savepoint(text: &str, args: &Check, env: &Env) -> Result<Target, Stop> {
    let usual = Path::new(super::jobs::STATE);
    let mut folders = match &args.state {
        Some(folder) => vec![folder.clone()],
        // A script keeps its state beside itself, if it says nothing else.
        None => {
            let beside = args.files.iter().map(|path| match env.disk.info(path) {
                Ok(info) if info.is_dir => path.join(usual),
                _ => path.parent().unwrap_or(Path::new("")).join(usual),
            });
            std::iter::once(usual.to_path_buf()).chain(beside).collect()
        }
    };
    folders = folders.iter().map(|folder| flow_driver::normal(folder)).collect();
    folders.dedup();
    let mut failures = Vec::new();
    for state in &folders {
        match Saved::find(env.disk.clone(), state, text) {
            Ok(saved) => return Ok(Target::Checkpoint(Box::new(saved.manifest), text.to_string())),
            // That it is not there is said anyway.
            Err(Failure { problem: Problem::Missing, .. }) => {}
            Err(failure) => failures.push(format!("\n  {failure}")),
        }
    }
    failures.dedup();
    let near = args.files.first().map_or(Path::new("."), PathBuf::as_path);
    let meant = match Revision(text).verify(near) {
        Ok(()) => format!("`{text}` is a git revision here: `--against git:{text}`"),
        Err(_) => "`--state DIR` names the state folder (`state:` of the script's `job` block), and `--against` takes the path \
                   of a savepoint too"
            .to_string(),
    };
    let looked: Vec<String> = folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
    let text = format!("`--against {text}` is neither `git:REF` nor a `.flow` file");
    Err(Stop::outside(format!(
        "{text}, and no such savepoint was found in the state folder {}{}\n  help: {meant}",
        looked.join(" or "),
        failures.concat()
    )))
}

/// `--deny`, `--warn` and `--allow` of `changes-meaning`, and what the scripts say is meant.
fn apply(levels: &Levels, sources: &SourceMap, diagnostics: &mut Vec<Diagnostic>) {
    let allowed =
        |d: &Diagnostic| levels.of(d.code) == Level::Allow || is_allowed(sources, d.code, d.primary.span);
    diagnostics.retain(|d| d.severity != Severity::Warning || !allowed(d));
    for diagnostic in diagnostics.iter_mut().filter(|d| d.severity == Severity::Warning) {
        if levels.of(diagnostic.code) == Level::Deny {
            diagnostic.severity = Severity::Error;
        }
    }
}

/// The script that a checkpoint holds.
struct Kept<'a> {
    scripts: &'a [ScriptFile],
}

impl Loader for Kept<'_> {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        let found = self.scripts.iter().find(|script| Path::new(&script.path) == path);
        found.map(|script| script.text.clone().into_bytes()).ok_or(LoadError::Missing)
    }
}
