//! What people see of a job that runs: `flow jobs`, and the summary at its end.

use flow_tests::flow_binary;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A source that never rests, and one that says something now and then.
const TWO_SOURCES: &str = r#"
job watched {}
type Row = { id: int, at: timestamp }
source ticks: Row = generate { id: seq(), at: timestamps(@2026-01-01T00:00:00Z, every: 100ms) } rate: 1000
  |> eventTime(at, delay: 1s)
source typed: Row = stdin(format: json) |> eventTime(at, idle: 300ms)
stream all = ticks |> union(typed)
sink out = all |> keyBy(k: id % 7) |> window(tumbling(10s)) |> count() as n -> blackhole()
"#;

/// Longer than this nothing takes to show.
const PATIENCE: Duration = Duration::from_secs(30);

fn flow(folder: &Path, args: &[&str]) -> String {
    String::from_utf8(flow_binary::run(folder, args).stdout).unwrap()
}

/// What the job says of itself, once it is so.
fn wait_for(folder: &Path, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let out = flow(folder, &["jobs", "watched", "--json"]);
        let jobs: Value = serde_json::from_str(&out).unwrap_or_default();
        let progress = &jobs[0]["progress"];
        if is_so(progress) {
            return progress.clone();
        }
        assert!(began.elapsed() < PATIENCE, "{what}: {out}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn event_time<'a>(progress: &'a Value, operator: &str) -> &'a Value {
    let all = progress["event_times"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().find(|time| time["operator"] == operator).unwrap_or(&Value::Null)
}

#[test]
fn a_running_job_tells_its_watermark_without_sources_that_are_idle_its_late_rows_and_its_state() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("watched.flow"), TWO_SOURCES).unwrap();
    let mut command = Command::new(flow_binary::path());
    command.args(["run", "watched.flow"]).current_dir(folder).env("NO_COLOR", "1");
    let piped = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut job = piped.unwrap();
    let mut input = job.stdin.take().unwrap();
    let mut say = |line: &str| {
        input.write_all(line.as_bytes()).unwrap();
        input.flush().unwrap();
    };
    say("{\"id\":1,\"at\":\"2026-01-01T00:00:01Z\"}\n");
    let idle = |progress: &Value| event_time(progress, "typed.eventTime")["idle"] == true;
    let later = |progress: &Value| progress["watermark"].as_str() > Some("2026-01-01T00:01:00Z");
    let seen = wait_for(folder, "time goes on", |progress| idle(progress) && later(progress));
    assert_eq!(event_time(&seen, "typed.eventTime")["watermark"], "2026-01-01T00:00:01Z");
    assert_eq!((&seen["behind_millis"], &seen["late"]), (&Value::from(1_000), &Value::from(0)), "{seen}");
    let state = seen["state"].as_array().unwrap().iter().find(|state| state["operator"] == "out.count");
    let state = state.unwrap_or_else(|| panic!("{seen}"));
    assert!(state["entries"].as_u64() >= Some(7) && state["bytes"].as_u64() > Some(0), "{state}");
    assert!(flow(folder, &["jobs"]).contains(", watermark 2026-01-01T00:0"));
    say("{\"id\":2,\"at\":\"2026-01-01T00:00:02Z\"}\n");
    let seen = wait_for(folder, "a late row", |progress| progress["late"] == 1 && idle(progress));
    let out =
        seen["declarations"].as_array().unwrap().iter().find(|declaration| declaration["name"] == "out");
    assert_eq!(out.unwrap()["late"], 1, "{seen}");
    flow(folder, &["stop", "watched"]);
    let said = String::from_utf8(job.wait_with_output().unwrap().stderr).unwrap();
    assert!(said.contains(", 1s behind the latest row") && said.contains("1 late row"), "{said}");
}

/// Windows that overlap share slices: of rows that each have a key of their own, there are as many groups as were updated.
#[test]
fn a_row_is_added_to_one_slice_however_many_windows_it_is_in() {
    for window in ["sliding(100s, every: 1s)", "cumulative(100s, every: 1s)", "sliding(1min, every: 7s)"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let script = format!(
            "job watched {{}}\n\
             type Row = {{ id: int, at: timestamp }}\n\
             source typed: Row = stdin(format: json) |> eventTime(at, delay: 1s)\n\
             sink out = typed |> keyBy(id) |> window({window}) |> count() as n -> blackhole()\n"
        );
        std::fs::write(folder.join("watched.flow"), script).unwrap();
        let mut command = Command::new(flow_binary::path());
        command.args(["run", "watched.flow", "--parallelism", "2"]).current_dir(folder);
        let mut job = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = job.stdin.take().unwrap();
        let row = |id: u32| format!("{{\"id\":{id},\"at\":\"2026-01-01T00:00:00.{id:03}Z\"}}\n");
        input.write_all((0..1000).map(row).collect::<String>().as_bytes()).unwrap();
        input.flush().unwrap();
        let entries = |progress: &Value| {
            let state = progress["state"].as_array().map(Vec::as_slice).unwrap_or_default();
            state.iter().filter_map(|state| state["entries"].as_u64()).sum::<u64>()
        };
        let seen = wait_for(folder, window, |progress| entries(progress) >= 1000);
        assert_eq!(entries(&seen), 1000, "{window}: {seen}");
        flow(folder, &["stop", "watched"]);
        drop(input);
        assert!(job.wait_with_output().unwrap().status.success(), "{window}");
    }
}
