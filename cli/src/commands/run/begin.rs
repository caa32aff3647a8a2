//! What a run begins with: nothing, the last checkpoint, or a savepoint; and whether the script still fits it.

use super::super::against::{Target, Terms};
use super::super::outside;
use super::told::Teller;
use crate::args::Run;
use crate::control::RunControl;
use crate::progress::Live;
use crate::render::{self, Look};
use crate::status::{Status, Stop};
use crate::{output, script};
use flow_checkpoint::runs::Ending;
use flow_checkpoint::{Folder, Job as Store, Launch, Manifest, Saved, ScriptFile};
use flow_driver::restore::Effect;
use flow_driver::{Compilation, Options};
use flow_engine::{Beginning, Checkpoints, SpillOptions, Tell, Told, clear_spilled};
use flow_env::Env;
use flow_plan::physical::Graph;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Memory for state on disk, if the script does not say.
const MEMORY: usize = 512 << 20;

/// Where the state of a script's jobs lives.
pub(crate) fn state_folder(args: Option<&Path>, graph: &Graph, base: &Path) -> PathBuf {
    args.map_or_else(|| base.join(&graph.job.state_path), Path::to_path_buf)
}

/// How the job keeps checkpoints; `None`: the script says `checkpoint: off`.
pub(super) fn checkpoints(
    args: &Run,
    options: &Options,
    compiled: &Compilation,
    graph: &Graph,
    tell: &Tell,
    look: Look,
    env: &Env,
) -> Result<Option<Checkpoints>, Stop> {
    let state = state_folder(args.state.as_deref(), graph, &super::base(&args.file));
    let Some(every) = graph.job.checkpoint else {
        let needs = [("--from", args.from.is_some()), ("--allow-dropped", args.allow_dropped)];
        return match needs.iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Stop::outside(format!(
                "`{flag}`: the script says `checkpoint: off`, so the job keeps no state"
            ))),
            None => Ok(None),
        };
    };
    // Before the folder is made: who is refused over a savepoint leaves none.
    let saved = saved(args, &state, env)?;
    if let Some(saved) = &saved {
        let old = (saved.manifest.clone(), "the savepoint".to_string());
        check(args, options, compiled, old, look, env)?;
    }
    let mut store = Store::open(env, &state, &graph.job.name).map_err(outside)?;
    if let Some(keep) = graph.job.state_keep {
        store = store.keeping(keep as usize);
    }
    let beginning = match saved {
        Some(saved) => Beginning::Savepoint(Box::new(saved)),
        None => beginning(args, &store)?,
    };
    if let (Beginning::GoOn, Some(newest)) = (&beginning, newest(&store)?) {
        check(args, options, compiled, newest, look, env)?;
    }
    let parallelism = args.parallelism.or(graph.job.parallelism).map_or_else(flow_env::cores, |n| n as usize);
    let scripts = compiled.sources.files();
    let launch = Launch {
        flow: env!("CARGO_PKG_VERSION").into(),
        scripts: scripts.map(|(_, f)| ScriptFile { path: f.name.clone(), text: f.text.clone() }).collect(),
        parameters: options.params.clone(),
        parallelism,
    };
    Ok(Some(Checkpoints {
        store: Arc::new(store),
        launch,
        every: Some(Duration::from_micros(every.max(1) as u64)),
        beginning,
        tell: Some(tell.clone()),
    }))
}

/// Says what happens to checkpoints, and to all that the job writes.
pub(super) fn tell(args: &Run, live: &Arc<Live>, control: &Arc<RunControl>, env: &Env) -> Tell {
    let (live, control, clock) = (live.clone(), control.clone(), env.clock.clone());
    let teller = Mutex::new(Teller::of_a_run(args.from.clone()));
    Arc::new(move |told: &Told| {
        control.told(told);
        let said = teller.lock().unwrap_or_else(PoisonError::into_inner).said(told, clock.wall_micros());
        if let Some(text) = said {
            live.say(&text);
        }
    })
}

/// Where a job puts what memory has no room for.
fn spilled(of: &Folder) -> PathBuf {
    of.path().join("spilled")
}

/// Removes what a run that was killed left of state on disk, although the script does not ask for it any more. This run has begun.
pub(super) fn clear(of: &Folder, env: &Env) {
    // It is in nobody's way.
    if let Ok(Some(last)) = of.last_run() {
        let _ = clear_spilled(&*env.disk, &spilled(of), last.begun.generation);
    }
}

/// Where state goes that memory has no room for, if the script asks for that, and what keeps others from that folder.
pub(super) fn spill(
    args: &Run,
    graph: &Graph,
    checkpoints: Option<&Checkpoints>,
    env: &Env,
) -> Result<(Option<SpillOptions>, Option<Store>), Stop> {
    if !graph.job.state_on_disk {
        return Ok((None, None));
    }
    let memory = graph.job.state_memory.map_or(MEMORY, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let options = |store: &Store| SpillOptions { folder: spilled(store.folder()), memory };
    Ok(match checkpoints {
        Some(checkpoints) => (Some(options(&checkpoints.store)), None),
        None => {
            let state = state_folder(args.state.as_deref(), graph, &super::base(&args.file));
            let store = Store::open(env, &state, &graph.job.name).map_err(outside)?;
            (Some(options(&store)), Some(store))
        }
    })
}

/// The savepoint that the run is told to begin with, all of it read.
fn saved(args: &Run, state: &Path, env: &Env) -> Result<Option<Saved>, Stop> {
    let Some(name) = args.from.as_ref().filter(|_| !args.fresh) else { return Ok(None) };
    let saved = super::super::savepoint::find(name, state, env)?;
    saved.verify().map_err(outside)?;
    Ok(Some(saved))
}

/// What a run begins with that was told no savepoint.
fn beginning(args: &Run, store: &Store) -> Result<Beginning, Stop> {
    if args.fresh {
        return Ok(Beginning::Anew);
    }
    // A start that was refused, as by results in the way, is no run: the one before it may have finished.
    let last = store.folder().last_started().map_err(outside)?;
    let finished = last.and_then(|run| run.end).is_some_and(|end| end.how == Ending::Finished);
    Ok(if finished { Beginning::Anew } else { Beginning::GoOn })
}

/// The checkpoint that a run will most likely go on from, and what it is called.
fn newest(store: &Store) -> Result<Option<(Manifest, String)>, Stop> {
    let newest = store.folder().counting().map_err(outside)?.pop();
    Ok(newest.map(|manifest| {
        let name = format!("checkpoint {}", manifest.epoch);
        (manifest, name)
    }))
}

/// Does the state fit the script? A refusal costs nothing: nothing was touched yet.
fn check(
    args: &Run,
    options: &Options,
    compiled: &Compilation,
    (manifest, name): (Manifest, String),
    look: Look,
    env: &Env,
) -> Result<(), Stop> {
    let same = |(old, (_, new)): (&ScriptFile, (_, &flow_syntax::SourceFile))| old.text == new.text;
    let files = compiled.sources.files().count();
    let unchanged = manifest.scripts.len() == files
        && manifest.scripts.iter().zip(compiled.sources.files()).all(same)
        && manifest.parameters == options.params;
    if unchanged {
        return Ok(());
    }
    let target = Target::Checkpoint(Box::new(manifest), name.clone());
    let terms = Terms { allow_dropped: args.allow_dropped, looked: None };
    let compared = target.check(&args.file, compiled, options, terms, env)?;
    let Some(report) = compared.report() else {
        return Ok(());
    };
    let changed = report.verdicts.iter().any(|verdict| verdict.effect != Effect::Identical);
    if changed || !report.diagnostics.is_empty() {
        output::say(&render::report(&report.diagnostics, &report.sources, look));
        output::say(&crate::report::restore_text(&report, look));
    }
    if report.diagnostics.iter().any(flow_syntax::Diagnostic::is_error) {
        let help = format!(
            "the job was not started, and its state is as it was: mend the script, or start anew with `flow run {} --fresh`\n",
            script::name(&args.file)
        );
        output::say(&help);
        return Err(Stop::silent(Status::Wrong));
    }
    Ok(())
}
