//! One job, killed until it is done.

use super::POINTS;
use super::cases::{Case, cases};
use super::files::{shown, write_source};
use crate::flow_binary;
use flow_driver::{LoadError, Options};
use flow_plan::arbitrary::Arbitrary;
use flow_plan::functions::json;
use flow_plan::interpret::{Event, Sequence, evaluate_sequence};
use flow_plan::physical::NodeKind;
use flow_plan::{DataType, Value};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How a campaign is run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Deaths, at least.
    pub kills: u64,
    /// Everything random follows from it.
    pub seed: u64,
    /// Rows of a case.
    pub rows: usize,
    /// A mistake that is planted (`FLOW_BUG`).
    pub bug: Option<&'static str>,
    /// The only case; `None`: all in turn.
    pub case: Option<&'static str>,
    /// The place at which it always dies; `None`: anywhere, and by `kill -9` too.
    pub point: Option<&'static str>,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Jobs that were brought to their end.
    pub jobs: u64,
    /// Deaths by `kill -9`.
    pub kills: u64,
    /// Deaths at named points.
    pub points: u64,
    /// Starts that went on from a checkpoint.
    pub recovered: u64,
    /// Rows that were compared at the end.
    pub rows: u64,
}

/// A job that takes longer than this hangs.
const LONGEST: Duration = Duration::from_secs(60);
/// Deaths of one job, at most: then it may end.
const MOST: u64 = 12;

/// Kills jobs of all cases in turn.
pub fn campaign(plan: Plan) -> Result<Tally, String> {
    let mut random = Arbitrary::new(plan.seed);
    let mut tally = Tally::default();
    while tally.kills + tally.points < plan.kills {
        let wanted = |name: &str| plan.case.is_none_or(|only| only == name);
        let cases = cases(&mut random, plan.rows, wanted);
        if cases.is_empty() {
            return Err(format!("there is no case {:?}", plan.case));
        }
        for case in cases {
            kill_until_done(&case, plan, &mut random, &mut tally)
                .map_err(|why| format!("seed {}, case `{}`: {why}", plan.seed, case.name))?;
            if tally.kills + tally.points >= plan.kills {
                break;
            }
        }
    }
    Ok(tally)
}

fn kill_until_done(case: &Case, plan: Plan, random: &mut Arbitrary, tally: &mut Tally) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = folder.path();
    let script = format!("job killed {{ checkpoint: {}ms }}\n{}", 3 + random.below(25), case.script);
    write(&folder.join("killed.flow"), &script)?;
    for (name, rows) in &case.sources {
        write_source(&folder.join(name), rows, case.files, case.packing)?;
    }
    let expected = expected(case, &script)?;
    for death in 0.. {
        let lives = death >= MOST || random.one_in(12);
        let mut command = flow(folder, 1 + random.below(4));
        command.envs(plan.bug.map(|bug| ("FLOW_BUG", bug)));
        let at_point = !lives && (plan.point.is_some() || random.one_in(2));
        if at_point {
            let point = plan.point.unwrap_or(*random.pick(&POINTS));
            command.env("FLOW_DIE", format!("{point}:{}", 1 + random.below(4)));
        }
        // One in five dies while it starts and recovers.
        let most = if random.one_in(5) { 25 } else { 250 };
        let after = Duration::from_millis(random.below(most) as u64);
        let after = (!lives && !at_point).then_some(after);
        let end = run(command, after)?;
        tally.recovered += u64::from(end.said.contains("going on from checkpoint"));
        let shown = shown(&folder.join("out"))?;
        match end.how {
            // Killed while it was leaving, with everything done: the next run would begin anew.
            How::Killed | How::Died if finished(folder) => {
                tally.jobs += 1;
                tally.rows += shown.len() as u64;
                return compare(&shown, &expected);
            }
            How::Done => {
                tally.jobs += 1;
                tally.rows += shown.len() as u64;
                return compare(&shown, &expected);
            }
            How::Killed => tally.kills += 1,
            How::Died => tally.points += 1,
            How::Failed => return Err(format!("the job failed:\n{}", end.said)),
        }
        no_more_than(&shown, &expected)?;
        if compare(&shown, &expected).is_ok() {
            // It died behind its end: another run would begin anew.
            tally.jobs += 1;
            tally.rows += shown.len() as u64;
            return Ok(());
        }
    }
    Ok(())
}

fn flow(folder: &Path, workers: usize) -> Command {
    let mut command = Command::new(flow_binary::path());
    command.args(["run", "killed.flow", "--parallelism", &workers.to_string()]);
    command.current_dir(folder).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

enum How {
    Done,
    Killed,
    /// At a point it was told to die at.
    Died,
    Failed,
}

struct End {
    how: How,
    said: String,
}

fn run(mut command: Command, kill_after: Option<Duration>) -> Result<End, String> {
    let mut child = command.spawn().map_err(|error| format!("flow does not start: {error}"))?;
    let start = Instant::now();
    let mut killed = false;
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            let said = said(&mut child);
            let how = match status.code() {
                Some(0) => How::Done,
                Some(_) => How::Failed,
                None if killed => How::Killed,
                None => How::Died,
            };
            return Ok(End { how, said });
        }
        if start.elapsed() > LONGEST {
            let _ = child.kill();
            return Err(format!("it hangs:\n{}", said(&mut child)));
        }
        if !killed && kill_after.is_some_and(|after| start.elapsed() >= after) {
            // SIGKILL; it may have ended by itself meanwhile.
            killed = child.kill().is_ok();
        }
        thread::sleep(Duration::from_micros(300));
    }
}

fn said(child: &mut Child) -> String {
    let mut text = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        // What cannot be read was not said.
        let _ = std::io::Read::read_to_string(&mut stderr, &mut text);
    }
    text
}

/// Has a run written down that the job finished?
fn finished(folder: &Path) -> bool {
    let runs = std::fs::read_dir(folder.join(".flow/killed/runs"));
    runs.into_iter().flatten().flatten().any(|entry| {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        entry.path().extension().is_some_and(|end| end == "end") && text.contains("\"finished\"")
    })
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Rows, and how often each is there.
type Bag = HashMap<String, i64>;

/// The rows the evaluator gives.
fn expected(case: &Case, script: &str) -> Result<Bag, String> {
    let bytes = script.as_bytes().to_vec();
    let mut loader = move |_: &Path| Ok::<_, LoadError>(bytes.clone());
    let compiled = flow_driver::compile(&mut loader, Path::new("killed.flow"), &Options::default());
    let plan = compiled.map_err(|error| error.to_string())?;
    let why = || plan.diagnostics.iter().map(|d| format!("{} {}\n", d.code, d.message)).collect::<String>();
    let graph = flow_driver::runnable(plan.plan.as_ref().ok_or_else(why)?).map_err(|_| why())?;
    let chunk = |(name, rows): &(String, Vec<Vec<Value>>)| {
        let (source, end) = (name.clone(), Event::End { source: name.clone(), split: 0 });
        [Event::Chunk { source, split: 0, rows: rows.clone() }, end]
    };
    let sequence = Sequence { events: case.sources.iter().flat_map(chunk).collect(), ..Sequence::default() };
    let outcome = evaluate_sequence(&graph, &sequence, 0).map_err(|failure| failure.0.error.to_string())?;
    let mut bag = Bag::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        if let NodeKind::Sink { .. } = node.kind {
            let record = DataType::Record(Arc::new((*graph.nodes[node.inputs[0].node].output).clone()));
            for row in &outcome.rows[index] {
                let mut text = String::new();
                json::write(&mut text, &Value::Record(row.clone().into()), &record);
                *bag.entry(text).or_insert(0) += 1;
            }
        }
    }
    Ok(bag)
}

/// Nothing is shown twice, and nothing that should not be.
fn no_more_than(shown: &[String], expected: &Bag) -> Result<(), String> {
    let mut left = expected.clone();
    for row in shown {
        let count = left.entry(row.clone()).or_insert(0);
        *count -= 1;
        if *count < 0 {
            let wanted = expected.get(row).copied().unwrap_or(0);
            return Err(format!("this row is shown more often than {wanted} times: {row}"));
        }
    }
    Ok(())
}

fn compare(shown: &[String], expected: &Bag) -> Result<(), String> {
    no_more_than(shown, expected)?;
    let wanted: i64 = expected.values().sum();
    match shown.len() as i64 == wanted {
        true => Ok(()),
        false => {
            let mut left = expected.clone();
            shown.iter().for_each(|row| *left.entry(row.clone()).or_insert(0) -= 1);
            let lost = left.iter().find(|(_, count)| **count > 0).map(|(row, _)| row.as_str());
            Err(format!("{} rows shown, {wanted} expected; lost: {}", shown.len(), lost.unwrap_or_default()))
        }
    }
}
