//! `flow savepoint`: makes savepoints, lists and shows them, and says whether a script fits.

use super::against::{Target, Terms};
use super::jobs::{ask, folder, not_listed, open, unreachable};
use super::outside;
use crate::args::{Savepoint, SavepointCommand, SavepointDiff, SavepointExport};
use crate::control::{Answer, Question, Unreachable};
use crate::numbers::{count, moment};
use crate::render;
use crate::report::restore_text;
use crate::status::{Outcome, Status, Stop};
use crate::{args::Cli, output, script, terminal};
use flow_checkpoint::{ExportError, ExportFormat, Folder, Job as Store, Saved, StateSchema};
use flow_driver::Options;
use flow_env::Env;
use flow_plan::Field;
use serde_json::{Value, json};
use std::io;
use std::path::Path;

pub(super) fn run(cli: &Cli, args: &Savepoint) -> Outcome {
    let env = Env::real();
    let state = folder(args.state.as_deref());
    let find = |name: &str| find(name, &state, &env);
    match &args.command {
        SavepointCommand::Create { job } => create(job, &state, &env),
        SavepointCommand::List { job, json } => list(job.as_deref(), *json, &state, &env),
        SavepointCommand::Show { savepoint, json } => show(&find(savepoint)?, *json),
        SavepointCommand::Diff(diff) => self::diff(diff, find(&diff.savepoint)?, cli, &env),
        SavepointCommand::Verify { savepoint } => {
            let saved = find(savepoint)?;
            saved.verify().map_err(outside)?;
            output::say(&format!(
                "{savepoint} is whole: {} bytes in {} files\n",
                count(bytes(&saved)),
                saved.manifest.parts.len() + 1
            ));
            Ok(Status::Done)
        }
        SavepointCommand::Export(export) => self::export(export, &find(&export.savepoint)?),
        SavepointCommand::Delete { savepoint } => delete(savepoint, &state, &env),
    }
}

/// What a user calls `JOB@N`, or by its path.
pub(super) fn find(name: &str, state: &Path, env: &Env) -> Result<Saved, Stop> {
    let there = env.disk.info(Path::new(name)).is_ok();
    match numbered(name) {
        _ if there => {}
        Some((job, number)) if !open(job, state, env)?.savepoints().map_err(outside)?.contains(&number) => {
            return Err(no_savepoint(name));
        }
        Some(_) => {}
        None => return Err(no_savepoint(name)),
    }
    Saved::find(env.disk.clone(), state, name).map_err(outside)
}

fn numbered(name: &str) -> Option<(&str, u64)> {
    let (job, number) = name.rsplit_once('@')?;
    Some((job, number.parse().ok()?))
}

fn no_savepoint(name: &str) -> Stop {
    Stop::outside(format!("there is no savepoint `{name}`; `flow savepoint list` lists them"))
}

/// Of a running job, by asking it; of one that does not run, of its last checkpoint.
fn create(name: &str, state: &Path, env: &Env) -> Outcome {
    let job = open(name, state, env)?;
    let number = match ask(&job, &Question::Savepoint, env) {
        Ok(Answer::Savepoint { number }) => number,
        Ok(Answer::Refused { why }) => {
            return Err(Stop { status: Status::Failed, message: Some(format!("`{name}`: {why}")) });
        }
        Ok(_) => return Err(Stop::outside(format!("`{name}` runs another version of flow"))),
        Err(Unreachable::NotRunning) => {
            let store = Store::open(env, state, name).map_err(outside)?;
            let manifest = match store.folder().counting().map_err(outside)?.pop() {
                Some(manifest) if manifest.finished => return Err(finished(name)),
                Some(manifest) if manifest.barrier > 0 => manifest,
                _ => {
                    return Err(Stop::outside(format!(
                        "the job `{name}` does not run, and has no checkpoint to save"
                    )));
                }
            };
            store.save(manifest.generation, manifest.epoch).map_err(outside)?
        }
        Err(error) => return Err(unreachable(name, error)),
    };
    output::result(&format!("{name}@{number}\n"))?;
    Ok(Status::Done)
}

/// The checkpoint of a job's end says that there is nothing to do, and holds no state.
fn finished(name: &str) -> Stop {
    Stop::outside(format!(
        "the job `{name}` has finished: its inputs had ended, and its last checkpoint holds no state to go on from; `flow run` begins \
         it anew. A savepoint is made of a job that runs, or that was stopped before its end"
    ))
}

fn list(name: Option<&str>, as_json: bool, state: &Path, env: &Env) -> Outcome {
    let (mut lines, mut listed) = (String::new(), Vec::new());
    let jobs = Folder::all(&env.disk, state).map_err(outside)?;
    if let Some(name) = name.filter(|name| !jobs.iter().any(|job| job.job() == *name)) {
        return Err(not_listed(name, state, env));
    }
    for job in jobs.iter().filter(|job| name.is_none_or(|name| job.job() == name)) {
        for number in job.savepoints().map_err(outside)? {
            let called = format!("{}@{number}", job.job());
            let saved = match Saved::open(env.disk.clone(), &job.savepoint(number)) {
                Ok(saved) => saved,
                Err(failure) => {
                    lines.push_str(&format!("{called:24} cannot be used: {failure}\n"));
                    listed.push(json!({ "savepoint": called, "error": failure.to_string() }));
                    continue;
                }
            };
            let script = saved.manifest.scripts.first().map_or("", |script| script.path.as_str());
            let size = count(bytes(&saved));
            lines.push_str(&format!("{called:24} {}  {size} bytes  {script}\n", moment(saved.manifest.at)));
            listed.push(json!({
                "savepoint": called,
                "made": moment(saved.manifest.at),
                "bytes": bytes(&saved),
                "script": script,
                "path": saved.path().display().to_string(),
            }));
        }
    }
    if as_json {
        output::result(&format!("{:#}\n", Value::Array(listed)))?;
    } else if lines.is_empty() {
        output::say("there are no savepoints; `flow savepoint create JOB` makes one\n");
    } else {
        output::result(&lines)?;
    }
    Ok(Status::Done)
}

fn bytes(saved: &Saved) -> u64 {
    saved.manifest.parts.iter().map(|part| part.length).sum()
}

fn show(saved: &Saved, as_json: bool) -> Outcome {
    let manifest = &saved.manifest;
    if as_json {
        let value = serde_json::to_value(manifest).map_err(|error| Stop::outside(error.to_string()))?;
        output::result(&format!("{value:#}\n"))?;
        return Ok(Status::Done);
    }
    let mut text = format!(
        "job {}, checkpoint {} of run {}, made {} by flow {}\n{} bytes in {} parts, {} workers\n",
        manifest.job,
        manifest.epoch,
        manifest.generation,
        moment(manifest.at),
        manifest.flow,
        count(bytes(saved)),
        manifest.parts.len(),
        manifest.parallelism,
    );
    for (name, value) in &manifest.parameters {
        text.push_str(&format!("parameter {name} = {value}\n"));
    }
    for source in &manifest.sources {
        text.push_str(&format!("source {}: {}\n", source.id, source.position));
    }
    for state in &manifest.states {
        text.push_str(&state_text(state));
    }
    for script in &manifest.scripts {
        text.push_str(&format!("\n--- {} ---\n{}\n", script.path, script.text.trim_end()));
    }
    output::result(&text)?;
    Ok(Status::Done)
}

/// `state id`, and below it each table with its key and its other columns.
fn state_text(state: &StateSchema) -> String {
    let mut text = format!("state {}\n", state.id);
    for table in &state.tables {
        let shown = |field: &&Field| !field.name.starts_with('·');
        let columns: Vec<&Field> = table.columns.fields.iter().filter(shown).collect();
        let keys = table.columns.fields.iter().take(table.keys).filter(shown).count();
        let list = |fields: &[&Field]| {
            let named = fields.iter().map(|field| format!("{}: {}", field.name, field.ty));
            named.collect::<Vec<_>>().join(", ")
        };
        let (key, values) = columns.split_at(keys);
        let key = if key.is_empty() { "one entry".to_string() } else { format!("by {}", list(key)) };
        text.push_str(&format!("  {} {key}: {}\n", table.name, list(values)));
    }
    text
}

fn diff(args: &SavepointDiff, saved: Saved, cli: &Cli, env: &Env) -> Outcome {
    let look = terminal::stderr(&cli.shown);
    let options = Options { params: script::params(&args.params)?, ..Options::default() };
    let compiled = script::compile(&args.file, &options, env)?;
    let target = Target::Checkpoint(Box::new(saved.manifest), args.savepoint.clone());
    let terms = Terms { allow_dropped: args.allow_dropped, looked: None };
    let report = target.check(&args.file, &compiled, &options, terms, env)?.report();
    let mut all = compiled.diagnostics.clone();
    let Some(report) = report else {
        output::say(&render::report(&all, &compiled.sources, look));
        return Ok(Status::of_wrong(&compiled));
    };
    all.extend(report.diagnostics.iter().cloned());
    output::say(&render::report(&all, &report.sources, look));
    output::result(&restore_text(&report, terminal::stdout(&cli.shown)))?;
    let wrong = all.iter().any(flow_syntax::Diagnostic::is_error);
    Ok(if wrong { Status::Wrong } else { Status::Done })
}

fn export(args: &SavepointExport, saved: &Saved) -> Outcome {
    let format = if args.parquet() { ExportFormat::Parquet } else { ExportFormat::Json };
    let table = args.table.as_deref();
    let written = match &args.output {
        None => saved.export(&args.id, table, format, &mut io::stdout().lock()),
        Some(path) => {
            let disk = Env::real().disk;
            let mut bytes = Vec::new();
            let written = saved.export(&args.id, table, format, &mut bytes);
            // A file that is there is not emptied for nothing.
            if written.is_ok() {
                let mut file = disk.create(path).map_err(|error| cannot_write(path, &error))?;
                file.write_all(&bytes).map_err(|error| cannot_write(path, &error))?;
            }
            written
        }
    };
    match written {
        Ok(rows) => {
            output::say(&format!("{} rows of {}\n", count(rows), args.id));
            Ok(Status::Done)
        }
        Err(ExportError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Status::Done),
        Err(error) => Err(Stop::outside(format!("`{}`: {error}", args.id))),
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Stop {
    Stop::outside(format!("`{}` cannot be written: {error}", path.display()))
}

fn delete(name: &str, state: &Path, env: &Env) -> Outcome {
    let Some((job, number)) = numbered(name) else {
        return Err(Stop::outside(format!("`{name}` is not `JOB@N`; a folder elsewhere is yours to remove")));
    };
    let folder = open(job, state, env)?;
    if !folder.savepoints().map_err(outside)?.contains(&number) {
        return Err(no_savepoint(name));
    }
    folder.delete_savepoint(number).map_err(outside)?;
    Ok(Status::Done)
}
