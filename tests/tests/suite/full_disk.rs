//! The real binary on a file system that is really too small: one of its own, in memory, which the test makes room on.
#![cfg(target_os = "linux")]

use flow_tests::flow_binary;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Some 2 MB of state.
const SCRIPT: &str = r#"
job full { state: { path: "small/.flow", backend: sled, memory: 256KiB }, parallelism: 2, checkpoint: CHECKPOINT }
source numbers = generate { n: seq(1) }
sink out = numbers |> limit(60000) |> keyBy(k: n * 7919 % 20000) |> trigger(atEnd) |> count() as n -> file("out", format: json)
"#;

/// Does what is said in a namespace of its own, in which it may make file systems.
fn apart(script: &str, folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).current_dir(folder);
    command.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// May users make file systems of their own here? Some systems forbid it; there the simulated disk has to do (`full_of_state.rs`).
fn can_be_apart(folder: &Path) -> bool {
    let tried = apart("mount -t tmpfs -o size=1m small small", folder).output();
    tried.is_ok_and(|tried| tried.status.success())
}

/// A run of which most of its disk is taken by somebody else, and the folder of its script.
struct Run {
    folder: tempfile::TempDir,
    child: Child,
    err: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Run {
    fn start(script: &str, checkpoint: &str) -> Option<Run> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("job.flow"), script.replace("CHECKPOINT", checkpoint)).unwrap();
        std::fs::create_dir(folder.path().join("small")).unwrap();
        if !can_be_apart(folder.path()) {
            return None;
        }
        let script = format!(
            "mount -t tmpfs -o size=16m small small && head -c 16200000 /dev/zero > small/ballast && exec {} run job.flow",
            flow_binary::path().display()
        );
        let mut child = apart(&script, folder.path()).spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        Some(Run { folder, child, err, said: String::new() })
    }

    /// Waits until it says this on standard error.
    fn says(&mut self, part: &str) {
        while !self.said.contains(part) {
            assert!(self.err.read_line(&mut self.said).unwrap() > 0, "it never says `{part}`: {}", self.said);
        }
    }

    /// The small disk, as it is seen from here.
    fn small(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.child.id()));
        root.join(self.folder.path().join("small").strip_prefix("/").unwrap())
    }

    /// Waits for the end; gives what was said on standard error.
    fn ends(mut self, status: i32) -> (String, tempfile::TempDir) {
        self.err.read_to_string(&mut self.said).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(status), "{}", self.said);
        (self.said, self.folder)
    }

    /// `flow` where the run sees its disk.
    fn beside(&self, args: &str) -> Output {
        let of = self.child.id().to_string();
        let script =
            format!("cd {} && exec {} {args}", self.folder.path().display(), flow_binary::path().display());
        let apart = ["--preserve-credentials", "--user", "--mount", "--target", &of, "sh", "-c", &script];
        Command::new("nsenter").args(apart).output().unwrap()
    }
}

/// The same for a job whose sink alone is on the small disk: some 700 KB of rows.
const SINK: &str = r#"
job full { state: { path: "state" }, parallelism: 2, checkpoint: CHECKPOINT }
source numbers = generate { n: seq(1) }
sink out = numbers |> limit(60000) -> file("small/out", format: json)
"#;

#[test]
fn a_sink_whose_disk_can_only_be_read_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("job.flow"), SINK.replace("CHECKPOINT", "10s")).unwrap();
    std::fs::create_dir(folder.path().join("small")).unwrap();
    if !can_be_apart(folder.path()) {
        return;
    }
    let script =
        format!("mount -t tmpfs -o ro small small && exec {} run job.flow", flow_binary::path().display());
    let output = apart(&script, folder.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    // However its lines are broken.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        output.status.code() == Some(2) && said.contains("make it writable, or write elsewhere"),
        "{said}"
    );
}

const SINK_WAITS: &str =
    "the sink `out.file` has no space for its rows, the job waits until it has: cannot write small/out/";

#[test]
fn a_job_waits_for_space_for_the_rows_of_its_sink_and_goes_on_when_there_is_some() {
    for checkpoint in ["10s", "off"] {
        let Some(mut run) = Run::start(SINK, checkpoint) else { return };
        run.says(SINK_WAITS);
        let small = run.small();
        assert_eq!(rows(&small), 0, "nothing is shown before the job, or a checkpoint, is complete");
        std::fs::remove_file(small.join("ballast")).unwrap();
        // The file system goes with the run; who has a folder of it open, keeps it.
        let kept = std::fs::File::open(&small).unwrap();
        let (said, _folder) = run.ends(0);
        assert_eq!(said.matches(SINK_WAITS).count(), 1, "{said}");
        assert!(said.contains("make room on that disk, or write elsewhere"), "{said}");
        assert_eq!(said.matches("the sink `out.file` writes again, the job goes on\n").count(), 1, "{said}");
        let kept = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&kept)));
        assert_eq!(rows(&kept), 60_000);
    }
}

#[test]
fn a_job_that_waits_for_space_for_its_sink_is_stopped_by_ctrl_c() {
    let Some(mut run) = Run::start(SINK, "10s") else { return };
    run.says(SINK_WAITS);
    let sent = Command::new("kill").args(["-INT", &run.child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let (said, _folder) = run.ends(3);
    // However its lines are broken.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("error[sink]") && said.contains("told to stop and cannot wait for that"), "{said}");
}

const WAITS: &str = "state could not be written to disk, the job waits until it can be: ";
const MISSING: &str = "spilled: no space is left on the disk; make room";

/// How many rows the folder of the sink shows.
fn rows(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder.join("out")) else { return 0 };
    let parts = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let parts = parts.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with(['.', '_']));
    parts.map(|path| std::fs::read_to_string(path).unwrap().lines().count()).sum()
}

#[test]
fn a_job_says_that_it_waits_for_space_and_goes_on_when_there_is_some() {
    for checkpoint in ["10s", "off"] {
        let Some(mut run) = Run::start(SCRIPT, checkpoint) else { return };
        run.says(WAITS);
        std::fs::remove_file(run.small().join("ballast")).unwrap();
        let (said, folder) = run.ends(0);
        assert_eq!(said.matches(WAITS).count(), 1, "{said}");
        assert!(said.contains(MISSING), "{said}");
        assert_eq!(said.matches("state is written to disk again, the job goes on\n").count(), 1, "{said}");
        assert_eq!(rows(folder.path()), 20_000);
    }
}

#[test]
fn a_job_that_waits_for_space_is_stopped_by_ctrl_c_and_by_flow_stop() {
    for by_hand in [true, false] {
        let Some(mut run) = Run::start(SCRIPT, "10s") else { return };
        run.says(WAITS);
        let asked = run.beside("savepoint create full --state small/.flow");
        let told = String::from_utf8(asked.stderr).unwrap();
        assert!(told.contains("`full`: it waits for space (") && told.contains("; ask once more"), "{told}");
        if by_hand {
            let sent = Command::new("kill").args(["-INT", &run.child.id().to_string()]).status().unwrap();
            assert!(sent.success());
        } else {
            let stop = run.beside("stop full --state small/.flow");
            let told = String::from_utf8(stop.stderr).unwrap();
            assert!(told.contains("told to stop and cannot wait for that"), "{told}");
        }
        let (said, folder) = run.ends(3);
        assert!(said.contains("error[state-disk]") && said.contains("told to stop"), "{said}");
        assert!(said.contains("make room on that disk"), "{said}");
        assert_eq!(rows(folder.path()), 0, "nothing was committed");
    }
}

/// Some 2 MB of state in memory, key by key, and its checkpoints where there is room for a quarter of that.
const CHECKPOINTS: &str = r#"
job full { state: { path: "small/.flow" }, parallelism: 2, checkpoint: CHECKPOINT }
source numbers = generate { n: seq(1) } rate: 10000
sink out = numbers |> limit(40000) |> keyBy(k: "somebody with a long name and the number " + string(n % 20000)) |> count() as n -> file("out", format: json)
"#;

#[test]
fn a_job_whose_checkpoints_have_no_space_says_so_keeps_the_last_good_one_and_loses_nothing() {
    let Some(mut run) = Run::start(CHECKPOINTS, "50ms") else { return };
    run.says(" could not be written, the one before stays: ");
    let job = run.small().join(".flow/full");
    let published = std::fs::read_dir(&job).unwrap().map(|entry| entry.unwrap().path());
    let published: Vec<PathBuf> = published.filter(|path| path.join("MANIFEST").is_file()).collect();
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    // Old ones may go in this moment, if a small one had room yet.
    let whole = |path: &PathBuf| {
        run.beside(&format!("savepoint verify small/.flow/full/{}", name(path))).status.success()
    };
    assert!(published.iter().any(whole), "no good checkpoint among {published:?}");
    std::fs::remove_file(run.small().join("ballast")).unwrap();
    run.says(" is complete: it is written, behind ");
    let (said, folder) = run.ends(0);
    assert!(said.contains("no space is left on the disk; make room"), "{said}");
    assert_eq!(rows(folder.path()), 40_000);
    let parts = std::fs::read_dir(folder.path().join("out")).unwrap().map(|entry| entry.unwrap().path());
    let text: String = parts.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 40_000, "each key was counted to 1 and to 2, once");
}
