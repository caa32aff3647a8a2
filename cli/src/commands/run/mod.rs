//! `flow run`: compiles a script, joins it with code generator and connectors, and runs it.

mod attempts;
mod begin;
mod signals;
mod told;

use crate::args::{Cli, Run};
use crate::kernels::NativeKernels;
use crate::numbers::{counted, moment, rate, span, time};
use crate::progress::Live;
use crate::render::{self, Look};
use crate::status::{Outcome, Status, Stop};
use crate::{output, script, terminal};
use attempts::Attempts;
use flow_connectors::StandardConnectors;
use flow_driver::{Compilation, Options};
use flow_engine::connect::Kernels;
use flow_engine::{Job, JobOptions, Summary, Tapped};
use flow_env::Env;
use flow_plan::functions::json;
use flow_plan::physical::Graph;
use flow_plan::{DataType, Value};
use flow_syntax::codes;
use signals::Signals;
use std::cell::Cell;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn run(cli: &Cli, args: &Run) -> Outcome {
    let env = Env::real();
    let look = terminal::stderr(&cli.shown);
    let options = Options { params: script::params(&args.params)?, ..Options::default() };
    let compiled = script::compile(&args.file, &options, &env)?;
    let graph = graph(&compiled, look)?;
    let live = Arc::new(Live::new(std::io::stderr().is_terminal(), look));
    let signals = Signals::listen(live.clone());
    let tell = begin::tell(args, &live, &signals.control, &env);
    let checkpoints = begin::checkpoints(args, &options, &compiled, &graph, &tell, look, &env)?;
    let folder = checkpoints.as_ref().map(|checkpoints| checkpoints.store.folder().clone());
    let (spill, _lock) = begin::spill(args, &graph, checkpoints.as_ref(), &env)?;
    let scratch = spill.as_ref().map(|spill| spill.folder.clone());
    let kernels: Option<Arc<dyn Kernels>> =
        if args.interpret { None } else { Some(Arc::new(NativeKernels::new(&env))) };
    let taps = live.clone();
    let options = JobOptions {
        checkpoints,
        spill,
        tell: Some(tell),
        parallelism: args.parallelism.map(|n| n as usize),
        base: base(&args.file),
        taps: Some(Arc::new(move |label: &str, what: Tapped<'_>| taps.say(&tapped(label, what)))),
        cancelled: signals.control.cancelled(),
        ..JobOptions::default()
    };
    let (graph, begun) = (Arc::new(graph), Cell::new(false));
    let start = |options: &JobOptions| {
        let connectors = StandardConnectors::new();
        let job = Job::start(graph.clone(), &connectors, kernels.clone(), &env, options)?;
        if let (false, None, Some(folder)) = (begun.replace(true), &scratch, &folder) {
            begin::clear(folder, &env);
        }
        Ok(job)
    };
    let (start, compiled, live) = (&start, &compiled, &live);
    let outcome = Attempts { start, compiled, live, signals: &signals, look, env: &env }.work(options);
    if let Some(scratch) = &scratch {
        // Its files are gone. What else is there is another run's, or removed by the next start.
        let _ = env.disk.remove_empty_dir(scratch);
    }
    outcome
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
