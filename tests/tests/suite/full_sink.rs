//! A disk that is full of a sink's rows: the job waits until there is space, and goes on.

use flow_checkpoint::{Job as Store, Launch};
use flow_connectors::StandardConnectors;
use flow_engine::{Beginning, Checkpoints, Job, JobHandle, JobOptions, SpaceFor, Tell, Told};
use flow_env::{Env, SimDisk};
use flow_tests::crash::graph;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const ROWS: u64 = 6_000;

/// A disk with the rows, and so much room for the sink.
fn disk(left: Option<u64>) -> SimDisk {
    let disk = SimDisk::new(1);
    for file in 0..20 {
        let rows = (0..300).map(|row| format!("{{\"k\":{},\"v\":{row}}}\n", (file * 300 + row) * 7_919 % 10));
        disk.put(Path::new(&format!("/job/rows/{file:02}.ndjson")), rows.collect::<String>().as_bytes())
            .unwrap();
    }
    disk.set_quota(Path::new("/job/out"), left);
    disk
}

/// Starts a job that writes as it is said; behind it what is told of space and of checkpoints.
fn start(disk: &SimDisk, how: &str, checkpoints: bool) -> (JobHandle, Receiver<Told>) {
    start_with(checkpoints.then_some(Duration::from_millis(2)), disk, how)
}

/// The same with a checkpoint every so often.
fn start_with(checkpoints: Option<Duration>, disk: &SimDisk, how: &str) -> (JobHandle, Receiver<Told>) {
    let env = Env { disk: Arc::new(disk.clone()), ..Env::real() };
    let (tell, told) = channel();
    let tell: Tell = Arc::new(move |told: &Told| tell.send(told.clone()).unwrap_or_default());
    let launch = Launch { flow: "test".into(), scripts: Vec::new(), parameters: Vec::new(), parallelism: 2 };
    let checkpoints = checkpoints.map(|every| Checkpoints {
        store: Arc::new(Store::open(&env, Path::new("/job/.flow"), "full").unwrap()),
        launch,
        every: Some(every),
        beginning: Beginning::GoOn,
        tell: Some(tell.clone()),
    });
    let options = JobOptions {
        parallelism: Some(2),
        base: "/job".into(),
        checkpoints,
        tell: Some(tell),
        ..JobOptions::default()
    };
    let script = format!(
        "type Row = {{ k: int, v: int }}
        source rows: Row = file(\"rows\", format: json)
        sink out = rows -> file(\"out\", format: json, {how})"
    );
    let connectors = StandardConnectors::with_streams(Box::new(std::io::empty()), Box::new(std::io::sink()));
    let graph = Arc::new(graph(&script).unwrap());
    (Job::start(graph, &connectors, None, &env, &options).unwrap(), told)
}

/// The job, once it waits.
fn waiting((job, told): (JobHandle, Receiver<Told>)) -> (JobHandle, Receiver<Told>) {
    let full = told.iter().find(|told| matches!(told, Told::Full { .. }));
    let Some(Told::Full { what, why }) = full else { panic!("it does not wait") };
    assert_eq!(what, SpaceFor::Sink("out.file".into()));
    assert!(why.starts_with("cannot ") && why.contains(" /job/out/") && why.contains("make room"), "{why}");
    (job, told)
}

/// What its sink shows, unpacked, in an order.
fn shown(disk: &SimDisk) -> Vec<String> {
    let hidden =
        |path: &PathBuf| path.components().any(|step| step.as_os_str().to_string_lossy().starts_with('.'));
    let parts = disk.files().into_iter().filter(|path| path.starts_with("/job/out") && !hidden(path));
    let mut rows: Vec<String> = parts
        .flat_map(|path| {
            let bytes = disk.get(&path).unwrap();
            let mut text = String::new();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("gz") => {
                    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text)
                        .unwrap();
                }
                Some("zst") => text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap(),
                _ => text = String::from_utf8(bytes).unwrap(),
            }
            text.lines().map(str::to_string).collect::<Vec<_>>()
        })
        .collect();
    rows.sort();
    rows
}

/// Ways to write, and how little room is too little for each.
const WAYS: [(&str, u64); 5] = [
    ("mode: append", 20_000),
    ("rollSize: 1KiB", 20_000),
    ("partitionBy: [k]", 20_000),
    ("compression: gzip", 800),
    ("compression: zstd", 300),
];

#[test]
fn a_job_waits_for_space_for_its_sink_and_shows_the_same_rows_in_the_same_run() {
    for (how, room) in WAYS {
        let plenty = disk(None);
        start(&plenty, how, false).0.wait().unwrap();
        let expected = shown(&plenty);
        assert_eq!(expected.len() as u64, ROWS, "{how}");
        for checkpoints in [false, true] {
            let disk = disk(Some(room));
            let (job, told) = waiting(start(&disk, how, checkpoints));
            disk.set_quota(Path::new("/job/out"), None);
            job.wait().unwrap();
            assert_eq!(shown(&disk), expected, "{how}");
            assert!(told.iter().any(|told| matches!(told, Told::Fits { .. })), "{how}");
        }
    }
}

#[test]
fn a_job_that_waits_for_space_for_its_sink_can_be_stopped_and_the_next_run_goes_on() {
    for (how, room) in WAYS {
        let disk = disk(Some(room));
        let (job, _told) = waiting(start(&disk, how, true));
        let savepoint = job.control().stop_with_savepoint();
        let error = job.wait().unwrap_err();
        assert_eq!(error.code, "sink", "{}", error.message);
        let parts = [
            "/job/out/",
            "make room",
            "told to stop and cannot wait for that",
            "come again with the next run",
        ];
        assert!(parts.iter().all(|part| error.message.contains(part)), "{}", error.message);
        assert!(savepoint.recv().unwrap().is_err());
        disk.set_quota(Path::new("/job/out"), None);
        start(&disk, how, true).0.wait().unwrap();
        assert_eq!(shown(&disk).len() as u64, ROWS, "{how}");
    }
}

#[test]
fn a_job_that_waits_for_space_for_its_sink_ends_at_once_if_it_must() {
    let disk = disk(Some(20_000));
    let (job, told) = waiting(start(&disk, "mode: append", true));
    job.abort();
    assert!(job.wait().unwrap().stopped);
    assert!(told.iter().all(|told| !matches!(told, Told::Fits { .. })), "it does not go on");
}

/// A disk with room for all rows of the sink, and for hardly anything else.
fn disk_for_rows_alone(how: &str) -> SimDisk {
    let plenty = disk(None);
    start(&plenty, how, false).0.wait().unwrap();
    let bytes: usize = shown(&plenty).iter().map(|row| row.len() + 1).sum();
    disk(Some(bytes as u64 + 10))
}

#[test]
fn a_job_whose_sink_has_no_room_to_show_a_checkpoint_can_be_stopped_and_the_next_run_shows_it() {
    let disk = disk_for_rows_alone("mode: append");
    // The only checkpoint is that of the end: its rows fit, and what says that they are shown does not.
    let (job, told) = start_with(Some(Duration::from_secs(3600)), &disk, "mode: append");
    assert!(told.iter().any(|told| matches!(told, Told::Waiting { .. })));
    job.stop();
    let error = job.wait().unwrap_err();
    let parts = ["make room", "told to stop and cannot wait for that", "the next run shows its rows"];
    assert!(parts.iter().all(|part| error.message.contains(part)), "{}", error.message);
    disk.set_quota(Path::new("/job/out"), None);
    start(&disk, "mode: append", true).0.wait().unwrap();
    assert_eq!(shown(&disk).len() as u64, ROWS);
}

#[test]
fn a_job_without_checkpoints_needs_no_room_beside_its_rows() {
    let disk = disk_for_rows_alone("partitionBy: [k]");
    start(&disk, "partitionBy: [k]", false).0.wait().unwrap();
    assert_eq!(shown(&disk).len() as u64, ROWS);
}

#[test]
fn a_job_without_checkpoints_that_fails_as_it_shows_its_rows_shows_none_or_all() {
    let undisturbed = disk(None);
    start(&undisturbed, "partitionBy: [k]", false).0.wait().unwrap();
    let (mut none, mut all) = (0, 0);
    for before_the_end in 1..100 {
        let disk = disk(None);
        disk.fail_at(undisturbed.operations() - before_the_end);
        let ended = start(&disk, "partitionBy: [k]", false).0.wait();
        match shown(&disk).len() as u64 {
            0 if ended.is_err() => none += 1,
            ROWS => all += 1,
            rows => {
                panic!("{rows} rows are shown when the {before_the_end}th last operation fails: {ended:?}")
            }
        }
    }
    assert!(none > 20 && all > 5, "{none} times none, {all} times all");
}
