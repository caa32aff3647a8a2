//! State of more keys than one batch has rows, which another version of the script takes over in another form.

use flow_tests::flow_binary;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const KEYS: usize = 5000;

/// How often each key came.
const COUNTS: &str = "\
job counts { checkpoint: 50ms, parallelism: 1 }
source a: { k: int } = stdin(format: json)
stream n = a |> keyBy(k) |> count() as n
sink counted = n -> file(\"out\", format: json)
";

/// And how many keys came so often: what `n` gives is taken out again there.
const COUNTS_OF_COUNTS: &str = "\
sink often = n |> keyBy(n) |> count() as keys -> file(\"often\", format: json)
";

fn begin(folder: &Path, script: &str) -> Child {
    std::fs::write(folder.join("counts.flow"), script).unwrap();
    let mut command = Command::new(flow_binary::path());
    command.args(["run", "counts.flow"]).current_dir(folder).stdin(Stdio::piped());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What the sink `counted` shows.
fn shown(folder: &Path) -> String {
    let mut parts: Vec<_> = std::fs::read_dir(folder.join("out"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect())
        .unwrap_or_default();
    parts.sort();
    parts.iter().map(|part| std::fs::read_to_string(part).unwrap()).collect()
}

fn send(run: &mut Child, folder: &Path, rows: &str, last: &str) {
    run.stdin.as_mut().unwrap().write_all(rows.as_bytes()).unwrap();
    let began = Instant::now();
    while !shown(folder).contains(last) {
        assert!(began.elapsed() < Duration::from_secs(60), "{last} does not come: {}", shown(folder));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// With a stage behind it that takes results out again, an aggregate notes how many rows each group has. It did not before,
/// and groups that were taken over counted as empty: from 4,096 on they were freed, and began anew without a word.
#[test]
fn groups_that_get_no_row_for_a_while_behind_a_new_stage_keep_what_was_counted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut run = begin(folder, COUNTS);
    let rows: String = (0..KEYS).map(|k| format!("{{\"k\":{k}}}\n")).collect();
    send(&mut run, folder, &rows, &format!("{{\"k\":{},\"n\":1}}", KEYS - 1));
    let stopped = flow_binary::run(folder, &["stop", "counts"]);
    assert!(stopped.status.success() && run.wait().unwrap().success());

    let mut run = begin(folder, &format!("{COUNTS}{COUNTS_OF_COUNTS}"));
    send(&mut run, folder, "{\"k\":5}\n", "{\"k\":5,\"n\":2}");
    send(&mut run, folder, "{\"k\":7}\n", "{\"k\":7,\"n\":");
    drop(run.stdin.take());
    assert!(run.wait().unwrap().success());
    let all = shown(folder);
    let of_7: Vec<&str> = all.lines().filter(|row| row.starts_with("{\"k\":7,")).collect();
    assert_eq!(of_7, ["{\"k\":7,\"n\":1}", "{\"k\":7,\"n\":2}"]);
}
