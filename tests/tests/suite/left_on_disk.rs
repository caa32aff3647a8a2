//! What a join has left on disk at the end of its input: who comes no more, meets nobody.

use flow_connectors::StandardConnectors;
use flow_engine::{Job, JobOptions, SpillOptions};
use flow_env::{Env, SimDisk};
use flow_tests::crash::graph;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// How many operations of the disk it takes to join rows that never meet, all of which are kept, without memory for them.
fn operations(join: &str) -> u64 {
    let disk = SimDisk::new(1);
    for (side, first) in [("l", 0), ("r", 1)] {
        let mut text = String::new();
        for row in 0..4_000 {
            writeln!(text, "{{\"k\":{},\"at\":{}}}", first + 2 * row, row).unwrap();
        }
        disk.put(Path::new(&format!("/job/{side}.ndjson")), text.as_bytes()).unwrap();
    }
    let script = format!(
        "type Row = {{ k: int, at: timestamp }}
        source l: Row = file(\"l.ndjson\", format: json(timeUnit: ms)) |> eventTime(at, delay: 1s)
        source r: Row = file(\"r.ndjson\", format: json(timeUnit: ms)) |> eventTime(at, delay: 1s)
        sink out = l |> {join}(r on l.k == r.k, within: 1h) |> map {{ l.k }} -> blackhole()"
    );
    let env = Env { disk: Arc::new(disk.clone()), ..Env::real() };
    let options = JobOptions {
        parallelism: Some(1),
        base: "/job".into(),
        spill: Some(SpillOptions { folder: "/spilled".into(), memory: 1 }),
        ..JobOptions::default()
    };
    let connectors = StandardConnectors::with_streams(Box::new(std::io::empty()), Box::new(std::io::sink()));
    let graph = Arc::new(graph(&script).unwrap());
    Job::start(graph, &connectors, None, &env, &options).unwrap().wait().unwrap();
    disk.operations()
}

#[test]
fn keys_of_which_nothing_is_given_do_not_come_back() {
    // Left rows without a partner are given at the end, and come back for that.
    let (inner, left) = (operations("join"), operations("leftJoin"));
    assert!(inner * 4 < left, "{inner} operations, {left} where all come back");
}
