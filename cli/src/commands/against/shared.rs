//! Two scripts of one job in one state folder: whichever runs goes on with what the other one kept. Told of the scripts of
//! one check; an upgrade that a test restores into is meant to be so.

use crate::script;
use flow_driver::{Compilation, Level, Options, is_allowed};
use flow_env::Env;
use flow_plan::operator::JobConfig;
use flow_syntax::ast::DeclKind;
use flow_syntax::{Diagnostic, FileId, Severity, Span, codes, lines};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The jobs of the scripts seen so far.
#[derive(Default)]
pub(in super::super) struct Jobs {
    /// The script of each job in its state folder.
    known: HashMap<(String, PathBuf), PathBuf>,
    /// Scripts that tests restore into, and those with the tests.
    upgrades: HashSet<(PathBuf, PathBuf)>,
}

impl Jobs {
    /// Notes the job of a script, and says which script it shares it with.
    pub(in super::super) fn see(
        &mut self,
        path: &Path,
        script: &Compilation,
        options: &Options,
        env: &Env,
    ) -> Option<Diagnostic> {
        let real = script::real(path, env);
        let into = |file: &flow_driver::Upgrade| {
            let (_, main) = file.script.sources.files().next()?;
            Some(script::real(Path::new(&main.name), env))
        };
        self.upgrades.extend(script.upgrades.iter().filter_map(into).map(|into| (real.clone(), into)));
        let job = &script.checked.job;
        if script::is_stdin(path) || !runs(script) || job.checkpoint.is_none() {
            return None;
        }
        let first = self.known.entry((job.name.clone(), state_kept(path, job, env)));
        let first = first.or_insert_with(|| path.to_path_buf());
        let other = script::real(first, env);
        let upgrade = self.upgrades.contains(&(real.clone(), other.clone()))
            || self.upgrades.contains(&(other.clone(), real.clone()));
        if other == real || upgrade {
            return None;
        }
        let message = format!(
            "`{}` is a script of the job `{}` too, and keeps its state in the same folder: each would go on with what the other \
             one kept",
            script::name(first),
            job.name
        );
        let at = place(script);
        let allowed = is_allowed(&script.sources, codes::SHARED_STATE, at);
        let mut found = Diagnostic::new(codes::SHARED_STATE, at, message)
            .at("a job of this name has state there")
            .help("give one of them another name, or another `state:`");
        match options.levels.of(codes::SHARED_STATE) {
            _ if allowed => return None,
            Level::Allow => return None,
            Level::Warn => {}
            Level::Deny => found.severity = Severity::Error,
        }
        Some(found)
    }
}

/// Where the job of a script keeps its state, if the command line does not say.
pub(super) fn state_kept(path: &Path, job: &JobConfig, env: &Env) -> PathBuf {
    let beside = path.parent().unwrap_or(Path::new(""));
    script::real(&beside.join(&job.state_path), env)
}

/// Where a script says what its job is called; else its first line.
pub(super) fn place(script: &Compilation) -> Span {
    let mut decls = script.programs.first().into_iter().flat_map(|program| &program.decls);
    let named = decls.find_map(|decl| match &decl.kind {
        DeclKind::Job(job) => Some(job.name.span),
        _ => None,
    });
    let text = script.sources.files().next().map_or("", |(_, file)| file.text.as_str());
    let start = text.len() - text.trim_start().len();
    let length = text[start..lines::end(text, start)].trim_end().len();
    named.unwrap_or_else(|| Span::new(FileId(0), start, start + length))
}

/// Has it a sink? What only others import is no job.
fn runs(script: &Compilation) -> bool {
    let mut decls = script.programs.first().into_iter().flat_map(|program| &program.decls);
    decls.any(|decl| matches!(decl.kind, DeclKind::Sink(_)))
}
