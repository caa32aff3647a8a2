//! `flow check`: says what is wrong with scripts, and runs nothing.

use super::against::shared::Jobs;
use super::against::{Against, Compared, beside_tests};
use crate::args::{Check, Cli};
use crate::report::{self, Checked, Format};
use crate::script;
use crate::status::{Outcome, Status, Stop};
use crate::{output, terminal};
use flow_driver::{Compilation, Options};
use flow_env::Env;
use flow_syntax::Diagnostic;
use std::path::Path;

pub(super) fn run(cli: &Cli, args: &Check) -> Outcome {
    let env = Env::real();
    let options = options(args)?;
    let mut against = Against::find(args, &options, &env)?;
    let (mut checked, mut misused) = (Vec::new(), 0);
    let mut jobs = Jobs::default();
    let paths = script::all(&args.files, &env, |path| against.as_ref().is_some_and(|a| a.knows_gone(path)))?;
    for path in &paths {
        let (found, rest) = one(path, against.as_mut(), &mut jobs, &options, &env)?;
        checked.extend(found);
        misused += rest.checked.wrong_values;
        if paths.len() == 1 {
            // The process ends behind this: the system takes memory back faster than we give it back piece by piece.
            std::mem::forget(rest);
        }
    }
    checked.extend(against.into_iter().flat_map(Against::gone));
    // People read standard error; what machines read is the command's result.
    let format = if args.json { Format::Json } else { args.format };
    let text = report::write(format, &checked, terminal::stderr(&cli.shown));
    match format {
        Format::Human => output::say(&text),
        _ => output::result(&text)?,
    }
    let errors = checked.iter().flat_map(|c| &c.diagnostics).filter(|d| d.is_error()).count();
    Ok(match errors {
        0 => Status::Done,
        // Nothing is wrong with the scripts, but with what the call gives them.
        _ if errors == misused => Status::Outside,
        _ => Status::Wrong,
    })
}

/// Checks one script, and its state against that of another version; behind that, against another script's state that it
/// takes over. Also what else is known of it.
fn one(
    path: &Path,
    against: Option<&mut Against<'_>>,
    jobs: &mut Jobs,
    options: &Options,
    env: &Env,
) -> Result<(Vec<Checked>, Compilation), Stop> {
    // The plan is only needed to compare it.
    let mut done = match against {
        Some(_) => beside_tests(script::compile(path, options, env)?, options),
        None => script::analyse(path, options, env)?,
    };
    let mut compared = match against {
        Some(against) => against.check(path, &done)?,
        None => Vec::new(),
    }
    .into_iter();
    let shared = jobs.see(path, &done, options, env);
    let mut diagnostics = std::mem::take(&mut done.diagnostics);
    diagnostics.extend(shared);
    let entry = |mut diagnostics: Vec<Diagnostic>, compared: Compared| {
        diagnostics.extend(compared.diagnostics(&done.sources));
        let restore = compared.report();
        Checked { path: script::name(path), sources: done.sources.clone(), diagnostics, restore }
    };
    let mut all = vec![entry(diagnostics, compared.next().unwrap_or(Compared::Not))];
    all.extend(compared.map(|of_another| entry(Vec::new(), of_another)));
    Ok((all, done))
}

fn options(args: &Check) -> Result<Options, Stop> {
    Ok(Options { params: script::params(&args.params)?, levels: script::levels(&args.levels)? })
}
