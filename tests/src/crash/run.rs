//! One job, killed until it is done.

use super::cases::{Case, cases};
use super::files::{shown, write_source};
use super::rows::{compare, events, expected, graph, no_more_than};
use super::{POINTS, STARTING};
use crate::flow_binary;
use flow_plan::arbitrary::Arbitrary;
use std::path::Path;
use std::process::{Child, Command, Stdio};
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
    /// Starts of jobs.
    pub starts: u64,
    /// Starts that went on from a checkpoint.
    pub recovered: u64,
    /// Rows that were compared at the end.
    pub rows: u64,
}

/// A job that takes longer than this hangs.
const LONGEST: Duration = Duration::from_secs(60);
/// Deaths of one job, at most: then it may end.
const MOST: u64 = 30;

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
    let folder = folder()?;
    let folder = folder.path();
    let script = format!("job killed {{ checkpoint: {}ms }}\n{}", 1 + random.below(7), case.script);
    write(&folder.join("killed.flow"), &script)?;
    for (name, rows) in &case.sources {
        write_source(&folder.join(name), rows, case.files, case.packing)?;
    }
    let expected = expected(&graph(&script)?, events(case))?;
    let mut goes_on = false;
    for death in 0.. {
        let lives = death >= MOST || random.one_in(30);
        let mut command = flow(folder, 1 + random.below(4));
        command.envs(plan.bug.map(|bug| ("FLOW_BUG", bug)));
        let at_point = !lives && (plan.point.is_some() || random.one_in(2));
        if at_point {
            let (point, times) = a_point(random, goes_on);
            let (point, times) = plan.point.map_or((point, times), |point| (point, 1 + random.below(4)));
            command.env("FLOW_DIE", format!("{point}:{times}"));
        }
        let kill = (!lives && !at_point).then(|| a_moment(random));
        let end = run(command, kill, folder)?;
        goes_on = end.said.contains("going on from checkpoint");
        tally.starts += 1;
        tally.recovered += u64::from(goes_on);
        goes_on |= checkpoints(folder) > 0;
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

/// A folder for a job. What a killed process wrote stays, synced or not: so memory will do, in which a job makes many
/// checkpoints before it is through.
fn folder() -> Result<tempfile::TempDir, String> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.map_err(|error| error.to_string())
}

/// A place to die at, and at which time it is reached. What only a run reaches that goes on is no place for the first one.
fn a_point(random: &mut Arbitrary, goes_on: bool) -> (&'static str, usize) {
    let starting = if goes_on { &POINTS[..STARTING] } else { &POINTS[..1] };
    match random.one_in(4) {
        true => (*random.pick(starting), 1),
        false => (*random.pick(&POINTS[STARTING..]), 1 + random.below(3)),
    }
}

/// When a run is killed.
#[derive(Clone, Copy)]
struct Moment {
    /// So many of its checkpoints count.
    checkpoints: usize,
    /// So long behind the last of these, or its start.
    after: Duration,
}

/// One in five dies while it starts and recovers, most behind a checkpoint.
fn a_moment(random: &mut Arbitrary) -> Moment {
    let (checkpoints, most) = match random.below(10) {
        0 | 1 => (0, 40),
        2 => (0, 100),
        _ => (1 + random.below(3), 10),
    };
    Moment { checkpoints, after: Duration::from_micros(random.below(most * 1000) as u64) }
}

/// How many checkpoints there are and ever were: they are numbered.
fn checkpoints(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder.join(".flow/killed"));
    let number = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let (number, _) = name.strip_prefix("chk-")?.split_once('-')?;
        entry.path().join("MANIFEST").exists().then(|| number.parse().ok())?
    };
    entries.into_iter().flatten().flatten().filter_map(number).max().unwrap_or(0)
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

fn run(mut command: Command, kill: Option<Moment>, folder: &Path) -> Result<End, String> {
    let before = checkpoints(folder);
    let mut child = command.spawn().map_err(|error| format!("flow does not start: {error}"))?;
    let start = Instant::now();
    let (mut killed, mut since) = (false, None);
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
        if let Some(moment) = kill.filter(|_| !killed) {
            if since.is_none()
                && (moment.checkpoints == 0 || checkpoints(folder) >= before + moment.checkpoints)
            {
                since = Some(if moment.checkpoints == 0 { start } else { Instant::now() });
            }
            // SIGKILL; it may have ended by itself meanwhile.
            killed = since.is_some_and(|since| since.elapsed() >= moment.after) && child.kill().is_ok();
        }
        thread::sleep(Duration::from_micros(200));
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
