//! Ctrl-C: once lets what was read through and ends well, twice ends at once and keeps nothing.
#![cfg(unix)]

use flow_tests::flow_binary;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Two sinks of an endless source; nobody needs to read the first.
const ENDLESS: &str = r#"
source ticks = generate { id: seq() } rate: 200000
sink seen = ticks -> stdout(format: json)
sink kept = ticks -> file("out", format: json)
"#;

/// Longer than this no run takes to end.
const PATIENCE: Duration = Duration::from_secs(30);

fn start(folder: &Path) -> Child {
    std::fs::write(folder.join("job.flow"), ENDLESS).unwrap();
    Command::new(flow_binary::path())
        .args(["run", "job.flow"])
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// How it ended; it is killed if it does not.
fn end(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Files that a reader of the folder would take for results.
fn results(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("out")) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with(['.', '_'])).collect()
}

#[test]
fn one_interrupt_ends_the_job_cleanly_with_all_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path());
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut lines = 0;
    while lines < 1000 {
        let mut line = String::new();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended by itself");
        lines += 1;
    }
    interrupt(&child);
    // Also the rest must be whole lines.
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.is_empty() || rest.ends_with('\n'));
    lines += rest.lines().count();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(end(&mut child).code(), Some(0), "{err}");
    assert!(err.contains("stopped after"), "{err}");
    let kept: usize = results(folder.path())
        .iter()
        .map(|name| std::fs::read_to_string(folder.path().join("out").join(name)).unwrap().lines().count())
        .sum();
    assert_eq!(kept, lines, "both sinks have the same rows");
}

#[test]
fn a_second_interrupt_ends_the_job_at_once_and_nothing_looks_complete() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path());
    // Nobody reads standard output: once the pipe is full, no clean end is possible.
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 1]).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    interrupt(&child);
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("stopping") {
        assert!(err.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let second = Instant::now();
    interrupt(&child);
    assert_eq!(end(&mut child).code(), Some(3), "{said}");
    assert!(second.elapsed() < Duration::from_secs(5), "not at once: {:?}", second.elapsed());
    err.read_to_string(&mut said).unwrap();
    assert!(said.contains("nothing of this run was kept") && !said.contains("done in"), "{said}");
    assert_eq!(results(folder.path()), Vec::<String>::new());
}
