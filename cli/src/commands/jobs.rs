//! `flow jobs` and `flow stop`: what runs here, and ending it.

use super::outside;
use crate::args::{Jobs, StopJob};
use crate::control::{self, Answer, Question, Unreachable};
use crate::numbers::{count, moment, span, time};
use crate::output;
use crate::status::{Outcome, Status, Stop};
use flow_checkpoint::catalogue::{Listing, VersionEntry};
use flow_checkpoint::runs::{Ended, Ending, Run, Started};
use flow_checkpoint::{Folder, Manifest, Problem};
use flow_env::Env;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where state lives if nobody says otherwise: beside the scripts of this folder.
pub(super) const STATE: &str = ".flow";
/// How a run is called that was refused, or died, before it began to read.
const NOT_STARTED: &str = "not started";
/// Between two looks at whether a job has ended.
const LOOK: Duration = Duration::from_millis(20);
/// So many looks a job may take to start.
const STARTING: u32 = 250;

pub(super) fn run(args: &Jobs) -> Outcome {
    let env = Env::real();
    let state = folder(args.state.as_deref());
    let listing = Listing::open(&env, &state).map_err(outside)?;
    let (mut lines, mut listed) = (Vec::new(), Vec::new());
    let jobs = listing.jobs().map_err(outside)?;
    for entry in jobs.iter().filter(|entry| args.job.as_ref().is_none_or(|name| entry.job == *name)) {
        let job = &Folder::open(env.disk.clone(), &state, &entry.job).map_err(outside)?;
        let last = &entry.last;
        let status = status(job, last)?;
        let published = job.counting().map_err(outside)?;
        let checkpoint = published.last().map(|manifest| (manifest.epoch, manifest.at));
        lines.push(line(job, last, &status, checkpoint));
        let mut shown = of_job(job, last, &status, checkpoint);
        if args.history {
            let runs = listing.runs(&entry.job).map_err(outside)?;
            lines.extend(history(&listing.versions(&entry.job).map_err(outside)?, &runs));
            shown["history"] = runs.iter().map(of_run).collect();
        }
        listed.push(shown);
    }
    if let (Some(name), true) = (&args.job, listed.is_empty()) {
        return Err(not_listed(name, &state, &env));
    }
    if args.json {
        output::result(&format!("{:#}\n", Value::Array(listed)))?;
        return Ok(Status::Done);
    }
    let misplaced = match args.job {
        None => Folder::misplaced(&env.disk, &state).map_err(outside)?,
        Some(_) => Vec::new(),
    };
    for failure in &misplaced {
        output::say(&format!("not listed: {failure}\n"));
    }
    if lines.is_empty() && misplaced.is_empty() {
        output::say(&format!("no job has state in `{}`\n", state.display()));
    }
    output::result(&lines.concat())?;
    Ok(Status::Done)
}

/// The state folder that a command means.
pub(super) fn folder(given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| PathBuf::from(STATE), Path::to_path_buf)
}

/// The folder of a job that is there.
pub(super) fn open(name: &str, state: &Path, env: &Env) -> Result<Folder, Stop> {
    Folder::open(env.disk.clone(), state, name).map_err(|failure| match failure.problem {
        Problem::Missing => unknown(name, state),
        _ => outside(failure),
    })
}

/// There is no such job.
pub(super) fn unknown(name: &str, state: &Path) -> Stop {
    Stop::outside(format!(
        "there is no job `{name}` in `{}`; `flow jobs` lists them, `--state DIR` looks elsewhere",
        state.display()
    ))
}

/// Why a job is not among those that are there: perhaps its folder holds another one's state.
pub(super) fn not_listed(name: &str, state: &Path, env: &Env) -> Stop {
    open(name, state, env).map_or_else(|stop| stop, |_| unknown(name, state))
}

/// How a job is.
struct JobStatus {
    word: &'static str,
    /// What it says itself, if it runs.
    said: Option<Answer>,
}

fn status(job: &Folder, last: &Run) -> Result<JobStatus, Stop> {
    if job.is_in_use().map_err(outside)? {
        return Ok(JobStatus { word: "running", said: control::ask(job.path(), &Question::Progress).ok() });
    }
    let word = match (&last.end, &last.start) {
        (Some(end), _) => word(end.how),
        (None, Some(_)) => "died",
        (None, None) => NOT_STARTED,
    };
    Ok(JobStatus { word, said: None })
}

fn word(how: Ending) -> &'static str {
    match how {
        Ending::Finished => "finished",
        Ending::Stopped => "stopped",
        Ending::Failed => "failed",
    }
}

fn line(job: &Folder, last: &Run, status: &JobStatus, checkpoint: Option<(u64, i64)>) -> String {
    let begun = &last.begun;
    let mut text =
        format!("{:20} {:9} version {}, run {}", job.job(), status.word, begun.version, begun.generation);
    if let Some(Answer::Progress(seen)) = &status.said {
        let since = time(Duration::from_millis(seen.millis));
        text.push_str(&format!(
            ", {} rows in, {} out, for {since}",
            count(seen.rows_in),
            count(seen.rows_out)
        ));
        if let (Some(watermark), Some(behind)) = (&seen.watermark, seen.behind_millis) {
            let behind = span(behind.saturating_mul(1000));
            text.push_str(&format!(", watermark {watermark} ({behind} behind)"));
        }
    }
    if let Some((epoch, at)) = checkpoint {
        text.push_str(&format!(", checkpoint {} of {}", count(epoch), moment(at)));
    }
    if let Some(why) = last.end.as_ref().and_then(|end| end.why.as_ref()) {
        text.push_str(&format!("\n{:20} {why}", ""));
    }
    text.push('\n');
    text
}

/// One line per run, and at which version of the script it was.
fn history(versions: &[VersionEntry], runs: &[Run]) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let begun = &run.begun;
        let new = match runs[..at].iter().any(|other| other.begun.version == begun.version) {
            true => "",
            false => " (new)",
        };
        let script = versions.iter().find(|version| version.version == begun.version);
        let path = script.and_then(|version| version.scripts.first()).map(|script| script.path.as_str());
        let from = match &run.start {
            Some(Started { savepoint: Some(name), .. }) => format!("from savepoint {name}"),
            Some(Started { from: (0, 0), .. }) => "from the beginning".to_string(),
            Some(Started { from: (_, epoch), .. }) => format!("from checkpoint {epoch}"),
            None => NOT_STARTED.to_string(),
        };
        let end = run.end.as_ref().map_or("", |end| word(end.how));
        lines.push(format!(
            "  run {:4}  {}  version {}{new}  {}  {from}  {end}\n",
            begun.generation,
            moment(begun.at),
            begun.version,
            path.unwrap_or_default(),
        ));
    }
    lines
}

fn of_job(job: &Folder, last: &Run, status: &JobStatus, checkpoint: Option<(u64, i64)>) -> Value {
    json!({
        "job": job.job(),
        "status": status.word,
        "run": last.begun.generation,
        "version": last.begun.version,
        "parallelism": last.begun.parallelism,
        "began": moment(last.begun.at),
        "why": last.end.as_ref().and_then(|end| end.why.clone()),
        "checkpoint": checkpoint.map(|(epoch, _)| epoch),
        "progress": status.said,
    })
}

fn of_run(run: &Run) -> Value {
    json!({
        "run": run.begun.generation,
        "began": moment(run.begun.at),
        "version": run.begun.version,
        "flow": run.begun.flow,
        "parallelism": run.begun.parallelism,
        "from": run.start.as_ref().map(|start| start.from.1).filter(|epoch| *epoch > 0),
        "savepoint": run.start.as_ref().and_then(|start| start.savepoint.clone()),
        "ended": run.end.as_ref().map(|end| word(end.how)),
        "why": run.end.as_ref().and_then(|end| end.why.clone()),
    })
}

/// Asks the job to end, and waits until it has.
pub(super) fn stop(args: &StopJob) -> Outcome {
    let env = Env::real();
    let state = folder(args.state.as_deref());
    let job = open(&args.job, &state, &env)?;
    match ask(&job, &Question::Stop { savepoint: args.savepoint }, &env) {
        Ok(Answer::Savepoint { number }) => output::result(&format!("{}@{number}\n", args.job))?,
        Ok(Answer::Refused { why }) => {
            return Err(Stop { status: Status::Failed, message: Some(format!("`{}`: {why}", args.job)) });
        }
        Ok(_) => {}
        Err(error) => return Err(unreachable(&args.job, error)),
    }
    while job.is_in_use().map_err(outside)? {
        env.clock.sleep(LOOK);
    }
    let runs = Listing::open(&env, &state).and_then(|listing| listing.runs(&args.job)).map_err(outside)?;
    let said = ended(&args.job, runs.last().and_then(|run| run.end.as_ref()), begins_from(&job))?;
    output::say(&format!("{said}\n"));
    Ok(Status::Done)
}

/// From where the next run of a job goes on. If that cannot be looked at, it says itself where it begins.
pub(super) fn begins_from(job: &Folder) -> &'static str {
    let any = |all: Vec<Manifest>| all.iter().any(|one| one.barrier > 0);
    if job.counting().map_or(true, any) { "its last checkpoint" } else { "the beginning" }
}

/// How a job ended that was told to stop; of one that failed, `from` where the next run goes on.
fn ended(job: &str, end: Option<&Ended>, from: &str) -> Result<String, Stop> {
    let failed = |text: String| {
        let message = format!("{text}; `flow run` goes on from {from}");
        Err(Stop { status: Status::Failed, message: Some(message) })
    };
    match end.map(|end| (end.how, end.why.as_deref())) {
        Some((Ending::Stopped, _)) => {
            Ok(format!("`{job}` has stopped; `flow run` goes on from where it was"))
        }
        Some((Ending::Finished, _)) => {
            Ok(format!("`{job}` came to its end before it could stop; `flow run` begins anew"))
        }
        Some((Ending::Failed, why)) => {
            failed(format!("`{job}` failed: {}", why.unwrap_or("it does not say why")))
        }
        None => failed(format!("`{job}` is over, and how it ended is not written down")),
    }
}

/// Asks a job; one that is about to start is waited for, since it runs already and listens only then.
pub(super) fn ask(job: &Folder, question: &Question, env: &Env) -> Result<Answer, Unreachable> {
    for _ in 0..STARTING {
        match control::ask(job.path(), question) {
            Err(Unreachable::NotRunning) if job.is_in_use().unwrap_or(false) => env.clock.sleep(LOOK),
            answered => return answered,
        }
    }
    control::ask(job.path(), question)
}

/// Why a job does not answer.
pub(super) fn unreachable(job: &str, error: Unreachable) -> Stop {
    Stop::outside(match error {
        Unreachable::NotRunning => format!("the job `{job}` does not run"),
        Unreachable::Io(error) => format!("the job `{job}` does not answer: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stops_a_job_hears_how_it_ended() {
        let said = |how: Ending, why: Option<&str>| {
            let end = Ended { generation: 1, at: 0, how, why: why.map(str::to_string) };
            ended("a", Some(&end), "the beginning").map_err(|stop| stop.message.unwrap_or_default())
        };
        assert!(said(Ending::Stopped, None).is_ok_and(|text| text.contains("goes on from where it was")));
        assert!(said(Ending::Finished, None).is_ok_and(|text| text.contains("begins anew")));
        let failed = said(Ending::Failed, Some("no space"));
        assert_eq!(failed.unwrap_err(), "`a` failed: no space; `flow run` goes on from the beginning");
        assert!(ended("a", None, "the beginning").is_err());
    }
}
