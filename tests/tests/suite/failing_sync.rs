//! The real binary on a disk that loses what it took, and says so when it is asked to make it last: a library in front of `fsync`
//! does.
#![cfg(target_os = "linux")]

use flow_tests::flow_binary;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

const SCRIPT: &str = r#"
job lost { state: { path: "state" }, parallelism: 2, checkpoint: 100ms }
source numbers = generate { n: seq(1) } rate: 20000
sink out = numbers |> limit(20000) |> keyBy(k: n % 1000) |> sum(n) as total -> file("out", format: json)
"#;

struct Run {
    folder: tempfile::TempDir,
    child: Child,
    err: BufReader<ChildStderr>,
    said: String,
}

impl Run {
    /// A run of which this many syncs of files with this in their path fail.
    fn start(path: &str, times: u32, error: i32) -> Run {
        Run::start_with(path, times, error, &[])
    }

    /// The same, with more told to the library.
    fn start_with(path: &str, times: u32, error: i32, more: &[(&str, &str)]) -> Run {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("job.flow"), SCRIPT).unwrap();
        let library = folder.path().join("failing_sync.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/failing_sync.c");
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl")
            .status();
        assert!(made.unwrap().success());
        let mut child = Command::new(flow_binary::path())
            .args(["run", "job.flow"])
            .current_dir(folder.path())
            .env("NO_COLOR", "1")
            .env("LD_PRELOAD", &library)
            .envs([
                ("FAIL_PATH", path),
                ("FAIL_TIMES", &times.to_string()),
                ("FAIL_ERRNO", &error.to_string()),
            ])
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        Run { folder, child, err, said: String::new() }
    }

    /// Waits until it says this on standard error.
    fn says(&mut self, part: &str) {
        while !self.said.contains(part) {
            assert!(self.err.read_line(&mut self.said).unwrap() > 0, "it never says `{part}`: {}", self.said);
        }
    }

    /// Waits for the end; gives what was said on standard error, and the rows that are shown.
    fn ends(mut self, status: i32) -> (String, Vec<String>) {
        self.err.read_to_string(&mut self.said).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(status), "{}", self.said);
        let shown = std::fs::read_dir(self.folder.path().join("out")).into_iter().flatten();
        let parts = shown.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let text: String = parts.map(|path| std::fs::read_to_string(path).unwrap()).collect();
        let mut rows: Vec<String> = text.lines().map(str::to_string).collect();
        rows.sort_unstable();
        (self.said, rows)
    }
}

/// What the job gives: each update of each key's sum, once.
fn wanted() -> Vec<String> {
    let mut sums = vec![0_u64; 1_000];
    let mut rows: Vec<String> = (1..=20_000_u64)
        .map(|n| {
            let k = (n % 1_000) as usize;
            sums[k] += n;
            format!("{{\"k\":{k},\"total\":{}}}", sums[k])
        })
        .collect();
    rows.sort_unstable();
    rows
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

#[test]
fn a_sink_whose_disk_loses_rows_begins_again_at_the_last_checkpoint_and_shows_each_row_once() {
    for error in [EIO, ENOSPC] {
        let run = Run::start("/part-", 3, error);
        let (said, rows) = run.ends(0);
        assert!(said.contains("the job begins again from the beginning in 1.00 s (attempt 1"), "{said}");
        assert_eq!(said.contains("(attempt 1 of 5)"), error == EIO, "{said}");
        assert!(rows == wanted(), "{} rows: {said}", rows.len());
    }
}

#[test]
fn behind_a_checkpoint_it_says_that_it_goes_on_from_there() {
    let (said, rows) = Run::start("/part-0-1.", 1, EIO).ends(0);
    assert!(
        said.contains("the job begins again from its last checkpoint in 1.00 s (attempt 1 of 5)"),
        "{said}"
    );
    assert!(said.contains("\ngoing on from checkpoint "), "{said}");
    assert!(rows == wanted(), "{} rows: {said}", rows.len());
}

#[test]
fn a_checkpoint_whose_files_are_lost_is_given_up_and_the_job_goes_on() {
    let (said, rows) = Run::start("/chk-", 1, EIO).ends(0);
    assert!(said.contains(" could not be written, the one before stays: "), "{said}");
    assert!(!said.contains("begins again"), "{said}");
    assert!(rows == wanted(), "{} rows: {said}", rows.len());
}

#[test]
fn a_checkpoint_of_which_nobody_knows_whether_it_counts_is_looked_at_by_the_next_job() {
    // The folder of a checkpoint is synced before and behind the renaming of its manifest. When that fails, the manifest is
    // taken away again, unless that fails as well.
    let more = [("FAIL_BEHIND", "1"), ("FAIL_THEN", "/state/lost$")];
    let (said, rows) = Run::start_with("/chk-2-g1$", 1, EIO, &more).ends(0);
    assert!(said.contains("checkpoint 2 may count or not: "), "{said}");
    assert!(
        said.contains("the job begins again from its last checkpoint in 1.00 s (attempt 1 of 5)"),
        "{said}"
    );
    assert!(rows == wanted(), "{} rows: {said}", rows.len());
}

#[test]
fn who_waits_to_begin_again_can_be_stopped_and_the_next_run_goes_on() {
    for by_hand in [true, false] {
        let mut run = Run::start("/part-", 1_000, EIO);
        run.says("(attempt 2 of 5)");
        if by_hand {
            let sent = Command::new("kill").args(["-INT", &run.child.id().to_string()]).status().unwrap();
            assert!(sent.success());
        } else {
            let stop = Command::new(flow_binary::path())
                .args(["stop", "lost", "--state", "state"])
                .current_dir(run.folder.path())
                .output()
                .unwrap();
            let told = String::from_utf8(stop.stderr).unwrap();
            assert!(told.contains("`lost` failed: ") && told.contains("Input/output error"), "{told}");
        }
        run.says("stopped before it began again\n");
        let folder = run.folder.path().to_path_buf();
        let next = || {
            let next =
                Command::new(flow_binary::path()).args(["run", "job.flow"]).current_dir(&folder).output();
            assert!(next.unwrap().status.success());
        };
        // The first one has ended when its standard error has.
        run.err.read_to_string(&mut run.said).unwrap();
        assert_eq!(run.child.wait().unwrap().code(), Some(3), "{}", run.said);
        next();
        let (said, rows) = run.ends(3);
        assert!(said.contains("error[sink]"), "{said}");
        assert!(rows == wanted(), "{} rows: {said}", rows.len());
    }
}
