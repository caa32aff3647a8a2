//! `flow run`: compiles a script, joins it with code generator and connectors, and runs it.

mod begin;
mod signals;
mod told;

use crate::args::{Cli, Run};
use crate::control::{Seen, Server};
use crate::kernels::NativeKernels;
use crate::numbers::{counted, moment, rate, span, time};
use crate::progress::Live;
use crate::render::{self, Look};
use crate::status::{Outcome, Status, Stop};
use crate::{failure, output, script, terminal};
use flow_connectors::StandardConnectors;
use flow_driver::{Compilation, Options};
use flow_engine::connect::Kernels;
use flow_engine::{Job, JobHandle, JobOptions, Summary, Tapped};
use flow_env::Env;
use flow_plan::functions::json;
use flow_plan::physical::Graph;
use flow_plan::{DataType, Value};
use flow_syntax::codes;
use signals::Signals;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Between two drawings of the live line.
const REDRAW: Duration = Duration::from_millis(200);

/// How long a job that must end at once may take to end by itself.
const GRACE: Duration = Duration::from_secs(1);
/// Said of a job that was ended at once.
const NOTHING_KEPT: &str = "nothing of this run was kept\n";
/// The same if it had made checkpoints.
const COMMITTED_KEPT: &str =
    "what the last checkpoint holds stays, and rows behind it come again with the next run\n";

pub(super) fn run(cli: &Cli, args: &Run) -> Outcome {
    let env = Env::real();
    let look = terminal::stderr(&cli.shown);
    let options = Options { params: script::params(&args.params)?, ..Options::default() };
    let compiled = script::compile(&args.file, &options, &env)?;
    let graph = graph(&compiled, look)?;
    let live = Arc::new(Live::new(std::io::stderr().is_terminal(), look));
    let tell = begin::tell(args, &live, &env);
    let checkpoints = begin::checkpoints(args, &options, &compiled, &graph, &tell, look, &env)?;
    let folder = checkpoints.as_ref().map(|checkpoints| checkpoints.store.folder().clone());
    let (spill, _lock) = begin::spill(args, &graph, checkpoints.as_ref(), &env)?;
    let scratch = spill.as_ref().map(|spill| spill.folder.clone());
    let signals = Signals::listen(live.clone());
    let options = JobOptions { checkpoints, spill, tell: Some(tell), ..JobOptions::default() };
    let started = start(args, graph, options, &compiled, &live, look, &signals, &env);
    if started.is_err() {
        scratch.iter().for_each(|scratch| drop(env.disk.remove_empty_dir(scratch)));
    }
    let mut job = started?;
    if let (None, Some(folder)) = (&scratch, &folder) {
        begin::clear(folder, &env);
    }
    signals.begun(job.control());
    let seen = Seen::default();
    let _server = folder.and_then(|folder| listen(folder.path(), &job, &seen, &live, &env));
    if !watch(&mut job, &live, &seen, &signals) {
        // A sink waits for a reader that does not read. What it holds is not looked at again.
        live.say(kept(&job));
        std::process::exit(Status::Failed as i32);
    }
    let kept = kept(&job);
    let status = end(job, &compiled, &live, &base(&args.file), look, &env);
    if let Some(scratch) = scratch {
        // Its files are gone. What else is there is another run's, or removed by the next start.
        let _ = env.disk.remove_empty_dir(&scratch);
    }
    if status == Status::Done && signals.count() > 1 {
        live.say(kept);
        return Ok(Status::Failed);
    }
    Ok(status)
}

/// What stays of a job that is ended at once.
fn kept(job: &JobHandle) -> &'static str {
    if job.progress().checkpoint.is_some() { COMMITTED_KEPT } else { NOTHING_KEPT }
}

/// Says what is wrong with the script; gives what runs if nothing is.
fn graph(compiled: &Compilation, look: Look) -> Result<Graph, Stop> {
    let runnable = compiled.plan.as_ref().map(flow_driver::runnable);
    let mut all = compiled.diagnostics.clone();
    if let Some(Err(findings)) = &runnable {
        // Said here as what it is.
        all.retain(|d| d.code != codes::CANNOT_RUN_YET);
        all.extend(findings.iter().cloned());
    }
    output::say(&render::report(&all, &compiled.sources, look));
    match runnable {
        Some(Ok(graph)) => Ok(graph),
        _ => Err(Stop::silent(Status::of_wrong(compiled))),
    }
}

/// Paths of connectors are relative to the script's folder.
fn base(script: &Path) -> PathBuf {
    if script::is_stdin(script) {
        return PathBuf::new();
    }
    script.parent().map(Path::to_path_buf).unwrap_or_default()
}

#[allow(clippy::too_many_arguments, reason = "all that a run is made of")]
fn start(
    args: &Run,
    graph: Graph,
    options: JobOptions,
    compiled: &Compilation,
    live: &Arc<Live>,
    look: Look,
    signals: &Signals,
    env: &Env,
) -> Result<JobHandle, Stop> {
    let kernels: Option<Arc<dyn Kernels>> =
        if args.interpret { None } else { Some(Arc::new(NativeKernels::new(env))) };
    let taps = live.clone();
    let options = JobOptions {
        parallelism: args.parallelism.map(|n| n as usize),
        base: base(&args.file),
        taps: Some(Arc::new(move |label: &str, what: Tapped<'_>| taps.say(&tapped(label, what)))),
        cancelled: signals.cancelled.clone(),
        ..options
    };
    let connectors = StandardConnectors::new();
    Job::start(Arc::new(graph), &connectors, kernels, env, &options).map_err(|error| {
        if error.cancelled {
            live.say("stopped before it began: what it goes on from is as it was\n");
            return Stop::silent(Status::Done);
        }
        output::say(&failure::not_started(&error, &compiled.sources, &options.base, env, look));
        Stop::silent(Status::Outside)
    })
}

/// What passes a `tap`: rows, one line of JSON each, and watermarks.
fn tapped(label: &str, what: Tapped<'_>) -> String {
    let (batch, schema) = match what {
        Tapped::Rows(batch, schema) => (batch, schema),
        Tapped::Watermark(micros) => return format!("{label}: watermark {}\n", moment(micros)),
    };
    let mut out = String::new();
    let record = DataType::Record(Arc::new(schema.clone()));
    for row in 0..batch.len {
        out.push_str(label);
        out.push_str(": ");
        json::write(&mut out, &Value::Record(batch.row(row, schema).into()), &record);
        out.push('\n');
    }
    out
}

/// Listens to `flow stop` and its like. A job that cannot be asked runs all the same.
fn listen(folder: &Path, job: &JobHandle, seen: &Seen, live: &Live, env: &Env) -> Option<Server> {
    match Server::start(folder, job.control(), seen.clone(), env) {
        Ok(server) => Some(server),
        Err(error) => {
            live.say(&format!(
                "the job cannot be stopped from elsewhere, or asked for savepoints: {error}\n"
            ));
            None
        }
    }
}

/// Waits for the job's end; `false` if it was told to end at once and does not.
fn watch(job: &mut JobHandle, live: &Live, seen: &Seen, signals: &Signals) -> bool {
    let mut overdue = Duration::ZERO;
    while !job.wait_at_most(REDRAW) {
        if signals.count() > 1 {
            overdue += REDRAW;
            if overdue > GRACE {
                live.clear();
                return false;
            }
        }
        let progress = job.progress();
        if live.draws() {
            live.draw(&progress);
        }
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
    live.clear();
    true
}

/// Says how the job ended.
fn end(job: JobHandle, compiled: &Compilation, live: &Live, base: &Path, look: Look, env: &Env) -> Status {
    match job.wait() {
        Ok(summary) => {
            live.say(&told(&summary));
            Status::Done
        }
        Err(error) => {
            live.say(&failure::failed(&error, &compiled.sources, base, env, look));
            Status::Failed
        }
    }
}

/// The last words on standard error.
fn told(summary: &Summary) -> String {
    let progress = &summary.progress;
    let closed = progress.sinks.iter().any(|sink| sink.closed);
    let end = match (summary.stopped, closed) {
        (true, _) => "stopped after",
        (false, true) => "ended after",
        (false, false) => "done in",
    };
    let mut out = format!("{end} {}: {} read", time(progress.elapsed), counted(progress.rows_in(), "row"));
    if let Some(rate) = rate(progress.rows_in(), progress.elapsed) {
        out.push_str(&format!(" ({rate})"));
    }
    out.push('\n');
    if progress.sinks.is_empty() {
        out.push_str("  the script has no sink: a run computes what its sinks write\n");
    }
    let width = progress.sinks.iter().map(|s| s.label.chars().count()).max().unwrap_or(0);
    for sink in &progress.sinks {
        let rows = counted(sink.rows, "row");
        let what = match sink.closed {
            true => format!("its reader went away: at most {rows} reached it"),
            false => format!("{rows} written"),
        };
        out.push_str(&format!("  {:width$}  {what}\n", sink.label));
    }
    if let Some((watermark, behind)) = progress.watermark() {
        out.push_str(&format!("  watermark {}, {} behind the latest row\n", moment(watermark), span(behind)));
    }
    for declaration in progress.declarations.iter().filter(|d| d.late > 0) {
        let (name, late) = (&declaration.name, counted(declaration.late, "late row"));
        out.push_str(&match declaration.late_consumed {
            true => format!("  {name}: {late} given to {name}.late\n"),
            false => format!("  {name}: {late} dropped\n"),
        });
    }
    for declaration in progress.declarations.iter().filter(|d| d.skipped > 0) {
        out.push_str(&format!(
            "  {}: {} skipped\n",
            declaration.name,
            counted(declaration.skipped, "bad record")
        ));
    }
    out
}
