//! `flow check --against`: does the state of another version of the script fit this one?

use crate::script;
use crate::status::Stop;
use flow_checkpoint::{Manifest, Saved, ScriptFile};
use flow_driver::restore::{Report, compare, report};
use flow_driver::{Compilation, Level, Levels, LoadError, Loader, Options};
use flow_env::Env;
use flow_syntax::{Diagnostic, Severity};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Another version of a script.
pub(super) enum Target {
    /// The same file at a git revision.
    Git(String),
    /// Another file.
    File(PathBuf),
    /// The script that wrote a checkpoint or savepoint, and what to call that.
    Checkpoint(Box<Manifest>, String),
}

impl Target {
    /// What `--against` names.
    pub(super) fn find(text: &str, env: &Env) -> Result<Target, Stop> {
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
        let state = Path::new(super::jobs::STATE);
        match Saved::find(env.disk.clone(), state, text) {
            Ok(saved) => Ok(Target::Checkpoint(Box::new(saved.manifest), text.to_string())),
            Err(failure) => Err(Stop::outside(format!(
                "`--against {text}`: neither `git:REF` nor a `.flow` file, and as a savepoint: {failure}"
            ))),
        }
    }

    fn name(&self) -> String {
        match self {
            Target::Git(revision) => format!("git:{revision}"),
            Target::File(_) => "old".to_string(),
            Target::Checkpoint(_, name) => name.clone(),
        }
    }

    /// Compiles the other version.
    fn compile(&self, path: &Path, options: &Options, env: &Env) -> Result<Compilation, Stop> {
        match self {
            Target::Checkpoint(manifest, _) => {
                let mut loader = Kept { scripts: &manifest.scripts };
                let main = manifest.scripts.first().map_or("", |script| script.path.as_str());
                let options = Options { params: manifest.parameters.clone(), ..options.clone() };
                flow_driver::compile(&mut loader, Path::new(main), &options)
                    .map_err(|_| Stop::outside(format!("{} does not hold its script", self.name())))
            }
            Target::File(old) => script::compile(old, options, env),
            Target::Git(revision) => {
                if script::is_stdin(path) {
                    return Err(Stop::outside("standard input is in no git revision: name the file"));
                }
                let mut loader = Revision { revision };
                flow_driver::compile(&mut loader, path, options).map_err(|error| {
                    Stop::outside(match error {
                        LoadError::Missing => format!("`{}` is not in `{revision}`", path.display()),
                        LoadError::Unreadable(why) => {
                            format!("`{}` of `{revision}` cannot be read: {why}", path.display())
                        }
                    })
                })
            }
        }
    }

    /// Compares the states of two versions; `new` compiles without errors.
    pub(super) fn check(
        &self,
        path: &Path,
        new: &Compilation,
        options: &Options,
        allow_dropped: bool,
        env: &Env,
    ) -> Result<Option<Report>, Stop> {
        let Some(plan) = &new.plan else { return Ok(None) };
        let mut old = self.compile(path, options, env)?;
        if old.has_errors() && !options.params.is_empty() {
            // Parameters that are new are none of the old script's.
            old = self.compile(path, &Options::default(), env)?;
        }
        let Some(old_plan) = &old.plan else {
            let first = old.diagnostics.iter().find(|diagnostic| diagnostic.is_error());
            let why = first.map(|d| format!("{}: {}", d.code, d.message)).unwrap_or_default();
            return Err(Stop::outside(format!(
                "the script of {} has errors itself, so there is nothing to compare with\n  {why}",
                self.name()
            )));
        };
        let verdicts = compare(old_plan, plan);
        let mut report = report(&new.sources, &old.sources, &self.name(), verdicts, allow_dropped);
        apply(&options.levels, &mut report.diagnostics);
        Ok(Some(report))
    }
}

/// `--deny`, `--warn` and `--allow` of `changes-meaning`.
fn apply(levels: &Levels, diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.retain(|d| d.severity != Severity::Warning || levels.of(d.code) != Level::Allow);
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

/// The files of a git revision.
struct Revision<'a> {
    revision: &'a str,
}

impl Loader for Revision<'_> {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut git = Command::new("git");
        git.arg("-C").arg(folder.unwrap_or(Path::new(".")));
        git.arg("show").arg(format!("{}:./{name}", self.revision)).env("LC_ALL", "C");
        let done = git.output().map_err(|error| LoadError::Unreadable(format!("git: {error}")))?;
        if done.status.success() {
            return Ok(done.stdout);
        }
        let said = String::from_utf8_lossy(&done.stderr);
        if said.contains("does not exist") || said.contains("but not in") {
            return Err(LoadError::Missing);
        }
        let first = said.lines().next().unwrap_or("git failed").trim_start_matches("fatal: ");
        Err(LoadError::Unreadable(first.to_string()))
    }
}
