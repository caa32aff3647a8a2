//! A state folder whose disk is full when a job comes to its end.

use flow_checkpoint::{Job as Store, Launch};
use flow_connectors::StandardConnectors;
use flow_engine::{Beginning, Checkpoints, Job, JobHandle, JobOptions, Told};
use flow_env::{Env, SimDisk};
use flow_tests::crash::graph;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// A job whose inputs have ended, on a full disk; behind it what is told of each checkpoint that was given up.
fn ended_without_space(disk: &SimDisk) -> (JobHandle, Receiver<()>) {
    let script = "job full {}
        source numbers = generate { n: seq(1) } rate: 2000
        sink out = numbers |> limit(200) |> keyBy(k: n % 10) |> aggregate { most: max(n) } -> blackhole()";
    let env = Env { disk: Arc::new(disk.clone()), ..Env::real() };
    let (given_up, told) = channel();
    let tell = move |told: &Told| {
        if matches!(told, Told::Abandoned { .. }) {
            given_up.send(()).unwrap_or_default();
        }
    };
    let checkpoints = Checkpoints {
        store: Arc::new(Store::open(&env, Path::new("/job/.flow"), "full").unwrap()),
        launch: Launch { flow: "test".into(), scripts: Vec::new(), parameters: Vec::new(), parallelism: 1 },
        every: None,
        beginning: Beginning::GoOn,
        tell: Some(Arc::new(tell)),
    };
    let options = JobOptions {
        parallelism: Some(1),
        base: "/job".into(),
        checkpoints: Some(checkpoints),
        ..JobOptions::default()
    };
    let connectors = StandardConnectors::with_streams(Box::new(std::io::empty()), Box::new(std::io::sink()));
    let graph = Arc::new(graph(script).unwrap());
    let job = Job::start(graph, &connectors, None, &env, &options).unwrap();
    disk.set_space(Some(disk.used()));
    told.recv().unwrap();
    (job, told)
}

#[test]
fn it_waits_until_there_is_space_and_ends_well() {
    let disk = SimDisk::new(1);
    let (job, _told) = ended_without_space(&disk);
    disk.set_space(None);
    job.wait().unwrap();
}

#[test]
fn it_can_be_stopped_while_it_waits_and_says_what_is_missing() {
    let disk = SimDisk::new(2);
    let (job, _told) = ended_without_space(&disk);
    let savepoint = job.control().stop_with_savepoint();
    let said = job.wait().unwrap_err().message;
    assert!(said.contains("the last checkpoint could not be written"), "{said}");
    assert!(savepoint.recv().unwrap().is_err());
}
