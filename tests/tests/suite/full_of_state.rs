//! A disk that is full of state that memory has no room for: the job waits until there is space, and goes on.

use flow_checkpoint::{Job as Store, Launch};
use flow_connectors::StandardConnectors;
use flow_engine::{Beginning, Checkpoints, Job, JobHandle, JobOptions, SpaceFor, SpillOptions, Tell, Told};
use flow_env::{Env, SimDisk};
use flow_tests::crash::graph;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Rows of more keys than there is room for on a disk of so few bytes.
const KEYS: u64 = 2_000;
const ROOM: u64 = 20_000;

const SCRIPT: &str = "type Row = { k: int }
    source rows: Row = file(\"rows\", format: json)
    sink out = rows |> keyBy(k) |> trigger(atEnd) |> count() as n -> file(\"out\", format: json)";

/// A disk with the rows, and room for so much state.
fn disk(left: Option<u64>) -> SimDisk {
    let disk = SimDisk::new(1);
    for file in 0..20 {
        let rows = (0..300).map(|row| format!("{{\"k\":{}}}\n", (file * 300 + row) * 7_919 % KEYS));
        let path = format!("/job/rows/{file:02}.ndjson");
        disk.put(Path::new(&path), rows.collect::<String>().as_bytes()).unwrap();
    }
    disk.set_quota(Path::new("/spilled"), left);
    disk
}

/// Starts the job there, with or without checkpoints; behind it what is told of its checkpoints and its state on disk.
fn start(disk: &SimDisk, checkpoints: bool, on_disk: bool) -> (JobHandle, Receiver<Told>) {
    start_with(2, disk, checkpoints, on_disk)
}

/// The same, with so many workers.
fn start_with(
    workers: usize,
    disk: &SimDisk,
    checkpoints: bool,
    on_disk: bool,
) -> (JobHandle, Receiver<Told>) {
    let env = Env { disk: Arc::new(disk.clone()), ..Env::real() };
    let (tell, told) = channel();
    let tell: Tell = Arc::new(move |told: &Told| tell.send(told.clone()).unwrap_or_default());
    let checkpoints = checkpoints.then(|| Checkpoints {
        store: Arc::new(Store::open(&env, Path::new("/job/.flow"), "full").unwrap()),
        launch: Launch {
            flow: "test".into(),
            scripts: Vec::new(),
            parameters: Vec::new(),
            parallelism: workers,
        },
        every: Some(Duration::from_millis(2)),
        beginning: Beginning::GoOn,
        tell: Some(tell.clone()),
    });
    let spill = SpillOptions { folder: "/spilled".into(), memory: 1 };
    let options = JobOptions {
        parallelism: Some(workers),
        base: "/job".into(),
        checkpoints,
        spill: on_disk.then_some(spill),
        tell: Some(tell),
        ..JobOptions::default()
    };
    let connectors = StandardConnectors::with_streams(Box::new(std::io::empty()), Box::new(std::io::sink()));
    let graph = Arc::new(graph(SCRIPT).unwrap());
    (Job::start(graph, &connectors, None, &env, &options).unwrap(), told)
}

/// The job, which waits.
fn waits(disk: &SimDisk, checkpoints: bool) -> (JobHandle, Receiver<Told>) {
    waiting(start(disk, checkpoints, true))
}

/// A job, once it waits.
fn waiting((job, told): (JobHandle, Receiver<Told>)) -> (JobHandle, Receiver<Told>) {
    let full = told.iter().find(|told| matches!(told, Told::Full { .. }));
    let Some(Told::Full { what: SpaceFor::State, why }) = full else { panic!("it does not wait") };
    assert!(why.starts_with("/spilled: the quota of disk space is used up; make room"), "{why}");
    (job, told)
}

/// What its sink shows, in an order.
fn shown(disk: &SimDisk) -> Vec<String> {
    let parts = disk.files().into_iter().filter(|path| {
        let part = path.strip_prefix("/job/out").ok().and_then(|part| part.to_str());
        part.is_some_and(|part| part.starts_with("part-"))
    });
    let texts = parts.map(|path| String::from_utf8(disk.get(&path).unwrap()).unwrap());
    let mut rows: Vec<String> =
        texts.flat_map(|text| text.lines().map(str::to_string).collect::<Vec<_>>()).collect();
    rows.sort();
    rows
}

fn expected() -> Vec<String> {
    let disk = disk(None);
    start(&disk, false, false).0.wait().unwrap();
    let rows = shown(&disk);
    assert_eq!(rows.len(), KEYS as usize);
    rows
}

#[test]
fn a_job_waits_for_space_and_gives_the_same_rows_in_the_same_run() {
    for (workers, checkpoints) in [(1, false), (1, true), (2, false), (2, true)] {
        let disk = disk(Some(ROOM));
        let (job, told) = waiting(start_with(workers, &disk, checkpoints, true));
        disk.set_quota(Path::new("/spilled"), None);
        job.wait().unwrap();
        assert_eq!(shown(&disk), expected());
        let told: Vec<Told> = told.iter().collect();
        let of_space = told.iter().filter(|told| matches!(told, Told::Full { .. } | Told::Fits { .. }));
        let fits: Vec<bool> = of_space.map(|told| matches!(told, Told::Fits { .. })).collect();
        // Another worker may have met the full disk before there was space, and say so when the first one has gone on.
        let again = if workers == 1 { 0 } else { fits.len() / 2 };
        assert!(again < workers && fits == [vec![true], [false, true].repeat(again)].concat(), "{told:?}");
        let given_up = told.iter().find(|told| matches!(told, Told::Abandoned { .. }));
        assert!(given_up.is_none(), "checkpoints are late, and nothing else: {given_up:?}");
    }
}

#[test]
fn a_job_that_waits_can_be_stopped_and_says_what_is_missing_and_the_next_run_goes_on() {
    for checkpoints in [false, true] {
        let disk = disk(Some(ROOM));
        let (job, _told) = waits(&disk, checkpoints);
        let savepoint = job.control().stop_with_savepoint();
        if !checkpoints {
            job.stop();
        }
        let error = job.wait().unwrap_err();
        assert_eq!(error.code, "state-disk", "{}", error.message);
        let parts = ["/spilled", "make room", "told to stop and cannot wait for that"];
        assert!(parts.iter().all(|part| error.message.contains(part)), "{}", error.message);
        assert_eq!(error.message.contains("come again with the next run"), checkpoints, "{}", error.message);
        assert!(savepoint.recv().unwrap().is_err());
        assert!(disk.files().iter().all(|path| !path.starts_with("/spilled")), "nothing is left there");
        disk.set_quota(Path::new("/spilled"), None);
        start(&disk, checkpoints, true).0.wait().unwrap();
        assert_eq!(shown(&disk), expected());
    }
}

#[test]
fn a_job_that_waits_ends_at_once_if_it_must() {
    let disk = disk(Some(ROOM));
    let (job, told) = waits(&disk, true);
    job.abort();
    assert!(job.wait().unwrap().stopped);
    assert!(told.iter().all(|told| !matches!(told, Told::Fits { .. })), "it does not go on");
}

#[test]
fn a_disk_that_fails_while_a_job_waits_for_space_is_an_error() {
    let disk = disk(Some(ROOM));
    // The only worker waits, so that the next operation is its next attempt. (Another one could still read.)
    let (job, _told) = waiting(start_with(1, &disk, false, true));
    disk.power_off_at(0);
    let error = job.wait().unwrap_err();
    assert!(error.code == "state-disk" && error.message.contains("the power is off"), "{}", error.message);
}
