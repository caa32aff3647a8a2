//! State folders and savepoints that are something else than they should be, and what is told of runs afterwards.

use flow_tests::flow_binary;
use std::path::Path;

const SCRIPT: &str = "job totals { checkpoint: 1s }\ntype Row = { k: int, v: int }\nsource rows: Row = file(\"in\", format: json)\n\
    sink out = rows |> keyBy(k) |> aggregate { n: count() } -> file(\"out\", format: json)\n";

fn flow(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let out = flow_binary::run(folder, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

/// A folder in which the job has state: it failed at its second row, behind a checkpoint.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/a.json"), "{\"k\":1,\"v\":2}\n").unwrap();
    std::fs::write(folder.path().join("totals.flow"), SCRIPT).unwrap();
    std::fs::write(folder.path().join("a-file"), "text").unwrap();
    folder
}

/// The same with a savepoint `endless@1` of a job that was stopped.
fn with_savepoint() -> tempfile::TempDir {
    let folder = folder();
    let script = "job endless { checkpoint: 20ms }\nsource numbers = generate { n: seq(1) } rate: 2000\n\
        sink out = numbers |> keyBy(k: n % 10) |> aggregate { most: max(n) } -> file(\"out\", format: json)\n";
    std::fs::write(folder.path().join("endless.flow"), script).unwrap();
    run_and_stop(folder.path(), &[]);
    let (status, out, err) = flow(folder.path(), &["savepoint", "create", "endless"]);
    assert_eq!((status, out.as_str()), (Some(0), "endless@1\n"), "{err}");
    folder
}

/// Runs the endless job until it has a checkpoint, then stops it.
fn run_and_stop(folder: &Path, args: &[&str]) {
    run_and_stop_behind(folder, args, 2, || {});
}

/// Runs the endless job until it has a checkpoint of this number or a later one, then does something and stops it.
fn run_and_stop_behind(folder: &Path, args: &[&str], checkpoint: u64, then: impl FnOnce()) {
    use std::process::{Command, Stdio};
    let mut command = Command::new(flow_binary::path());
    command.args(["run", "endless.flow"]).args(args).current_dir(folder).stderr(Stdio::piped());
    let mut job = command.spawn().unwrap();
    let began = std::time::Instant::now();
    loop {
        let (status, out, _) = flow(folder, &["jobs", "endless", "--json"]);
        let jobs: serde_json::Value = serde_json::from_str(&out).unwrap_or_default();
        // What it says itself: the folder has checkpoints of runs before it.
        if status == Some(0) && jobs[0]["progress"]["checkpoint"].as_u64() >= Some(checkpoint) {
            break;
        }
        if began.elapsed().as_secs() > 30 {
            job.kill().unwrap();
        }
        assert!(began.elapsed().as_secs() < 30, "no checkpoint: {out}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    then();
    let (status, _, err) = flow(folder, &["stop", "endless"]);
    assert_eq!(status, Some(0), "{err}");
    let done = job.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn as_many_checkpoints_are_kept_as_the_script_says_and_three_if_it_says_nothing() {
    let folder = folder();
    for (says, kept) in [("", 3), (", state: { keep: 1 }", 1), (", state: { keep: 5 }", 5)] {
        let script = format!(
            "job endless {{ checkpoint: 20ms{says} }}\nsource numbers = generate {{ n: seq(1) }} rate: 2000\n\
             sink out = numbers |> keyBy(k: n % 10) |> aggregate {{ most: max(n) }} -> file(\"out\", format: json)\n"
        );
        std::fs::write(folder.path().join("endless.flow"), script).unwrap();
        // Each run goes on from the one before, and has made more checkpoints than are kept.
        run_and_stop_behind(folder.path(), &[], 6 + kept as u64 * 2, || {});
        let published = std::fs::read_dir(folder.path().join(".flow/endless")).unwrap();
        let published = published.filter(|entry| entry.as_ref().unwrap().path().join("MANIFEST").is_file());
        assert_eq!(published.count(), kept, "{says}");
    }
}

#[test]
fn a_file_in_place_of_a_state_folder_is_named_by_every_command() {
    let folder = folder();
    let wanted =
        "a-file: this is not a folder for state, but a file; nothing was touched, choose another folder";
    for args in [
        &["run", "totals.flow"][..],
        &["jobs"],
        &["stop", "totals"],
        &["savepoint", "create", "totals"],
        &["savepoint", "list"],
        &["savepoint", "show", "totals@1"],
        &["savepoint", "delete", "totals@1"],
    ] {
        let (status, _, err) = flow(folder.path(), &[args, &["--state", "a-file"]].concat());
        assert_eq!(status, Some(2), "{args:?}: {err}");
        assert!(err.contains(wanted), "{args:?}: {err}");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("a-file")).unwrap(), "text");
}

#[test]
fn a_file_in_place_of_a_savepoint_is_named() {
    let folder = folder();
    for args in [
        &["savepoint", "show", "a-file"][..],
        &["savepoint", "verify", "a-file"],
        &["run", "totals.flow", "--from", "a-file"],
        &["check", "totals.flow", "--against", "a-file"],
    ] {
        let (status, _, err) = flow(folder.path(), args);
        assert_eq!(status, Some(2), "{args:?}: {err}");
        assert!(err.contains("a-file: this is not the folder of a savepoint, but a file"), "{args:?}: {err}");
    }
}

/// What is read without an end, or waited for, stands in a file's place: a pipe, a device, a folder.
#[cfg(unix)]
#[test]
fn what_is_no_file_in_place_of_a_file_of_state_is_refused_and_not_waited_for() {
    let folder = with_savepoint();
    let state = folder.path().join(".flow/endless");
    let is_checkpoint = |name: &str| name.starts_with("chk-");
    let newest = names(&state).into_iter().filter(|name| is_checkpoint(name)).max_by_key(|name| epoch(name));
    let newest = state.join(newest.unwrap());
    let part = |dir: &Path| names(dir).into_iter().find(|name| name.starts_with("part-")).unwrap();
    let savepoint = state.join("savepoints/1");
    let verify = &["savepoint", "verify", "endless@1"][..];
    let run = &["run", "endless.flow"][..];
    for (path, args) in [
        (savepoint.join("MANIFEST"), verify),
        (savepoint.join(part(&savepoint)), verify),
        (newest.join("MANIFEST"), run),
        (newest.join(part(&newest)), run),
        (state.join("LATEST"), run),
        (state.join("FORMAT"), run),
    ] {
        let kept = folder.path().join("kept");
        std::fs::rename(&path, &kept).unwrap();
        for other in ["pipe", "device", "folder"] {
            match other {
                "pipe" => {
                    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
                    assert!(made.success());
                }
                "device" => std::os::unix::fs::symlink("/dev/null", &path).unwrap(),
                _ => std::fs::create_dir(&path).unwrap(),
            }
            let (status, _, err) = flow(folder.path(), args);
            let context = format!("a {other} as {}: {err}", path.display());
            assert_eq!(status, Some(2), "{context}");
            assert!(err.contains("is not a regular file"), "{context}");
            let removed =
                if other == "folder" { std::fs::remove_dir(&path) } else { std::fs::remove_file(&path) };
            removed.unwrap();
        }
        std::fs::rename(&kept, &path).unwrap();
    }
    run_and_stop(folder.path(), &[]);
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Of a checkpoint's folder.
fn epoch(name: &str) -> u64 {
    name.split('-').nth(1).and_then(|epoch| epoch.parse().ok()).unwrap_or(0)
}

#[test]
fn an_export_that_is_refused_does_not_empty_the_file() {
    let folder = with_savepoint();
    let (status, _, err) =
        flow(folder.path(), &["savepoint", "export", "endless@1", "no.such", "-o", "a-file"]);
    assert_eq!(status, Some(2), "{err}");
    assert_eq!(std::fs::read_to_string(folder.path().join("a-file")).unwrap(), "text");
}

#[test]
fn a_savepoint_of_a_job_that_has_finished_is_refused_by_saying_so() {
    let folder = folder();
    let (status, _, err) = flow(folder.path(), &["run", "totals.flow"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(flow(folder.path(), &["jobs"]).1.contains("checkpoint"), "it is listed with one");
    let (status, _, err) = flow(folder.path(), &["savepoint", "create", "totals"]);
    assert_eq!(status, Some(2), "{err}");
    for part in ["has finished", "no state to go on from", "`flow run` begins it anew"] {
        assert!(err.contains(part), "no {part:?} in {err}");
    }
    assert!(flow(folder.path(), &["savepoint", "list"]).1.is_empty());
}

#[test]
fn an_end_that_cannot_be_written_down_is_told_as_that() {
    let folder = folder();
    let end = folder.path().join(".flow/totals/runs/1.end");
    std::fs::create_dir_all(&end).unwrap();
    let (status, _, err) = flow(folder.path(), &["run", "totals.flow"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("how this run ended could not be written down") && err.contains("1.end"), "{err}");
    assert!(!err.contains("old files"), "{err}");
    std::fs::remove_dir(&end).unwrap();
    assert!(flow(folder.path(), &["jobs"]).1.contains("died"));
    let (status, _, err) = flow(folder.path(), &["run", "totals.flow"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("the job had finished"), "{err}");
}

#[test]
fn a_run_that_began_with_a_savepoint_says_so_in_the_history() {
    let folder = with_savepoint();
    let copy = folder.path().join("copy");
    assert!(
        std::process::Command::new("cp")
            .args(["-r", ".flow/endless/savepoints/1"])
            .arg(&copy)
            .current_dir(folder.path())
            .status()
            .unwrap()
            .success()
    );
    run_and_stop(folder.path(), &["--from", "endless@1"]);
    std::fs::remove_dir_all(folder.path().join("out")).unwrap();
    run_and_stop(folder.path(), &["--from", "copy"]);
    run_and_stop(folder.path(), &[]);
    let (_, out, err) = flow(folder.path(), &["jobs", "--history"]);
    let runs: Vec<&str> = out.lines().skip(1).collect();
    assert_eq!(runs.len(), 4, "{out}{err}");
    let said = ["from the beginning", "from savepoint endless@1", "from savepoint copy", "from checkpoint "];
    for (line, said) in runs.iter().zip(said) {
        assert!(line.contains(said), "no {said:?} in {line}");
    }
}

#[test]
fn a_job_does_not_go_back_to_a_savepoint_under_rows_that_it_shows_already() {
    let folder = with_savepoint();
    run_and_stop(folder.path(), &[]);
    let (status, _, err) = flow(folder.path(), &["run", "endless.flow", "--from", "endless@1"]);
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("and the savepoint is of checkpoint") && err.contains("without `--from`"), "{err}");
    // Both of what it says to do.
    run_and_stop(folder.path(), &[]);
    std::fs::rename(folder.path().join("out"), folder.path().join("before")).unwrap();
    run_and_stop(folder.path(), &["--from", "endless@1"]);
}

#[test]
fn a_job_goes_back_to_a_savepoint_if_no_row_was_shown_behind_it() {
    let folder = folder();
    let script = "job endless { checkpoint: 20ms }\nsource numbers = generate { n: seq(1) } rate: 2000\n\
        sink out = numbers |> filter(n <= 50 or n > LATER) -> file(\"out\", format: json)\n";
    let write = |later: &str| {
        std::fs::write(folder.path().join("endless.flow"), script.replace("LATER", later)).unwrap();
    };
    let shown = || -> Vec<i64> {
        let files = std::fs::read_dir(folder.path().join("out")).unwrap().map(|entry| entry.unwrap().path());
        let texts = files.filter(|path| path.is_file()).map(|path| std::fs::read_to_string(path).unwrap());
        let rows = |text: String| -> Vec<i64> {
            let row =
                |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_i64().unwrap();
            text.lines().map(row).collect()
        };
        let mut rows: Vec<i64> = texts.flat_map(rows).collect();
        rows.sort_unstable();
        rows
    };
    write("1000000000");
    run_and_stop_behind(folder.path(), &[], 10, || {
        let (status, out, err) = flow(folder.path(), &["savepoint", "create", "endless"]);
        assert_eq!((status, out.as_str()), (Some(0), "endless@1\n"), "{err}");
    });
    let first: Vec<i64> = (1..=50).collect();
    assert_eq!(shown(), first);
    // More checkpoints, and no row in any of them.
    run_and_stop(folder.path(), &[]);
    run_and_stop(folder.path(), &["--from", "endless@1"]);
    run_and_stop(folder.path(), &["--from", "endless@1"]);
    assert_eq!(shown(), first);
    write("50");
    run_and_stop(folder.path(), &["--from", "endless@1"]);
    let all = shown();
    assert!(all.len() > 50 && all.windows(2).all(|pair| pair[0] < pair[1]), "a row is there twice: {all:?}");
    let (status, _, err) = flow(folder.path(), &["run", "endless.flow", "--from", "endless@1"]);
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("and the savepoint is of checkpoint"), "{err}");
}

#[test]
fn a_savepoint_started_elsewhere_into_the_results_of_a_later_run_names_their_folder() {
    let folder = with_savepoint();
    run_and_stop(folder.path(), &[]);
    let args = ["run", "endless.flow", "--state", "elsewhere", "--from", ".flow/endless/savepoints/1"];
    let (status, _, err) = flow(folder.path(), &args);
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("belongs to run 2 of this job, and this is run 1"), "{err}");
    let (_, jobs, said) = flow(folder.path(), &["jobs", "--state", "elsewhere"]);
    assert!(jobs.contains("not started"), "{jobs}{said}");
    let hidden = std::fs::read_dir(folder.path().join("out")).unwrap();
    let hidden = hidden.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let hidden = hidden.filter(|name| name.starts_with(".flow-endless-g2-")).collect::<Vec<_>>();
    assert!(hidden.len() == 1 && err.contains(&format!("remove out/{}", hidden[0])), "{hidden:?}: {err}");
}

/// Runs the job `endless` until it dies at this moment.
fn run_until(folder: &Path, moment: &str) {
    let died = std::process::Command::new(flow_binary::path())
        .args(["run", "endless.flow"])
        .env("FLOW_DIE", moment)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(!died.status.success(), "it does not die at {moment}");
}

#[test]
fn a_sink_whose_path_changed_while_rows_of_it_were_not_shown_yet_says_that_it_wrote_elsewhere() {
    let folder = with_savepoint();
    let script = std::fs::read_to_string(folder.path().join("endless.flow")).unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("endless.flow"), text).unwrap();
    run_until(folder.path(), "published:2");
    write(&script.replace("file(\"out\"", "file(\"elsewhere\""));
    let (status, _, err) = flow(folder.path(), &["run", "endless.flow"]);
    let err = err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("this sink wrote to another folder") && err.contains("`.flow-endless-g…`"), "{err}");
    // What it says to do.
    write(&script);
    run_and_stop(folder.path(), &[]);
}

#[test]
fn a_copy_of_another_jobs_state_is_told_as_what_it_is() {
    let folder = with_savepoint();
    let text = std::fs::read_to_string(folder.path().join("endless.flow")).unwrap();
    std::fs::write(folder.path().join("other.flow"), text.replace("job endless", "job other")).unwrap();
    let state = folder.path().join(".flow");
    let listed = flow(folder.path(), &["jobs", "--history"]).1;
    std::fs::rename(state.join("endless"), state.join("other")).unwrap();
    for args in [
        &["run", "other.flow"][..],
        &["jobs", "other"],
        &["stop", "other"],
        &["savepoint", "create", "other"],
        &["savepoint", "list", "other"],
    ] {
        let (status, _, err) = flow(folder.path(), args);
        assert_eq!(status, Some(2), "{args:?}: {err}");
        assert!(
            err.contains("the state of the job `endless`, where that of `other` should be"),
            "{args:?}: {err}"
        );
        assert!(err.contains("--from DIR"), "{args:?}: {err}");
    }
    // It is not listed as the job's whose folder is elsewhere, or gone.
    for args in [&["jobs"][..], &["savepoint", "list"]] {
        let (status, out, err) = flow(folder.path(), args);
        assert_eq!((status, out.as_str()), (Some(0), ""), "{args:?}: {err}");
    }
    let (_, _, err) = flow(folder.path(), &["jobs"]);
    assert!(err.contains("not listed") && err.contains("the state of the job `endless`"), "{err}");
    assert!(!err.contains("no job has state"), "{err}");
    // What it says to do.
    std::fs::rename(state.join("other"), state.join("endless")).unwrap();
    assert_eq!(flow(folder.path(), &["jobs", "--history"]).1, listed);
    let (status, _, err) =
        flow(folder.path(), &["check", "other.flow", "--against", ".flow/endless/savepoints/1"]);
    assert_eq!(status, Some(0), "{err}");
}

#[test]
fn jobs_are_listed_from_a_catalogue_that_is_made_anew_when_it_is_damaged_or_gone() {
    let folder = with_savepoint();
    let list = || flow(folder.path(), &["jobs", "--history"]);
    let first = list();
    assert!(first.1.contains("endless") && first.1.contains("stopped"), "{first:?}");
    let catalogue = folder.path().join(".flow/catalogue");
    assert!(catalogue.is_dir());
    for file in ["conf", "db"] {
        std::fs::write(catalogue.join(file), [7; 5000]).unwrap();
        assert_eq!(list(), first, "{file} was damaged");
    }
    std::fs::remove_dir_all(&catalogue).unwrap();
    assert_eq!(list(), first);
    assert!(catalogue.is_dir());
    std::fs::remove_dir_all(folder.path().join(".flow/endless")).unwrap();
    let (status, out, err) = list();
    assert_eq!((status, out.as_str()), (Some(0), ""), "{err}");
}

#[test]
fn a_savepoint_of_a_job_with_another_name_goes_on_only_if_the_run_is_given_it() {
    let folder = with_savepoint();
    let text = std::fs::read_to_string(folder.path().join("endless.flow")).unwrap();
    std::fs::write(folder.path().join("other.flow"), text.replace("job endless", "job other")).unwrap();
    let args = ["check", "other.flow", "--width", "200", "--against", "endless@1"];
    let (status, _, err) = flow(folder.path(), &args);
    assert_eq!(status, Some(0), "{err}");
    for part in ["note[E0705]", "the job was called `endless` and is called `other` now", "--from endless@1"]
    {
        assert!(err.contains(part), "no {part:?} in\n{err}");
    }
    assert!(err.contains("out.aggregate  restores"), "{err}");
    // From another folder it is taken by its path.
    let moved = text.replace("checkpoint: 20ms", "state: \"elsewhere\"");
    std::fs::write(folder.path().join("moved.flow"), moved).unwrap();
    let args = ["check", "moved.flow", "--width", "200", "--against", "endless@1"];
    let (status, _, err) = flow(folder.path(), &args);
    assert!(status == Some(0) && err.contains("note[E0705]") && err.contains("--from PATH"), "{err}");
    // Asked for it by name, there is nothing to say of where it is.
    let (status, out, err) = flow(folder.path(), &["savepoint", "diff", "endless@1", "other.flow"]);
    assert_eq!((status, out.as_str()), (Some(0), "out.aggregate  identical\n"), "{err}");
}

#[test]
fn a_job_does_not_go_back_to_a_savepoint_of_a_checkpoint_that_a_run_which_died_did_not_show() {
    let folder = with_savepoint();
    run_until(folder.path(), "published:2");
    let (status, savepoint, err) = flow(folder.path(), &["savepoint", "create", "endless"]);
    assert_eq!(status, Some(0), "{err}");
    let (status, _, err) = flow(folder.path(), &["run", "endless.flow", "--from", savepoint.trim()]);
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("does not show yet what came up to checkpoint"), "{err}");
    run_and_stop(folder.path(), &[]);
}

#[test]
fn a_sink_does_not_leave_a_script_while_rows_of_it_may_not_be_shown_yet() {
    let folder = with_savepoint();
    let script = std::fs::read_to_string(folder.path().join("endless.flow")).unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("endless.flow"), text).unwrap();
    let renamed = script.replace("sink out =", "sink shown =");
    // What was shown before it was stopped is no reason.
    write(&renamed);
    run_and_stop(folder.path(), &["--allow-dropped"]);
    run_until(folder.path(), "published:2");
    // The next run, which would show it, dies before it does.
    run_until(folder.path(), "started:1");
    write(&script);
    let (status, _, err) = flow(folder.path(), &["run", "endless.flow", "--allow-dropped"]);
    let err = err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(status, Some(2), "{err}");
    assert!(err.contains("`shown.file`, which got rows in it, is not in the script"), "{err}");
    write(&script.replace("sink out =", "@was(\"shown\") sink out ="));
    run_and_stop(folder.path(), &[]);
}

/// Runs the job `kept` until it has read so many rows, then stops it; gives the bytes of the parts of its last checkpoint.
fn last_checkpoint(folder: &Path, rows: u64, args: &[&str]) -> u64 {
    let mut command = std::process::Command::new(flow_binary::path());
    command.args(["run", "kept.flow"]).args(args).current_dir(folder).stderr(std::process::Stdio::piped());
    let job = command.spawn().unwrap();
    let began = std::time::Instant::now();
    loop {
        let (_, out, _) = flow(folder, &["jobs", "kept", "--json"]);
        let jobs: serde_json::Value = serde_json::from_str(&out).unwrap_or_default();
        if jobs[0]["progress"]["rows_in"].as_u64() > Some(rows) {
            break;
        }
        assert!(began.elapsed().as_secs() < 60, "too few rows: {out}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let (status, _, err) = flow(folder, &["stop", "kept"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(job.wait_with_output().unwrap().status.success());
    let checkpoints = std::fs::read_dir(folder.join(".flow/kept")).unwrap();
    let number = |name: &str| name.strip_prefix("chk-")?.split('-').next()?.parse::<u64>().ok();
    let named = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        Some((number(path.file_name()?.to_str()?)?, path))
    };
    let (_, newest) = checkpoints.filter_map(named).max().unwrap();
    let files = std::fs::read_dir(newest).unwrap().map(Result::unwrap);
    let parts = files.filter(|file| file.file_name().to_string_lossy().starts_with("part"));
    parts.map(|part| part.metadata().unwrap().len()).sum()
}

#[test]
fn the_first_checkpoint_behind_a_restart_holds_what_changed_if_script_and_workers_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let script = "job kept { checkpoint: 1h }\n\
        type Key = { k: string }\n\
        source keys: Key = file(\"keys.ndjson\", format: json)\n\
        source ticks = generate { n: seq(1) } rate: 1000\n\
        stream ticking = ticks |> map { k: \"tick\" }\n\
        sink out = keys |> union(ticking) |> keyBy(k) |> count() as n -> file(\"out\", format: json)\n";
    std::fs::write(folder.path().join("kept.flow"), script).unwrap();
    let keys: String = (0..20_000).map(|key| format!("{{\"k\":\"key-{key}\"}}\n")).collect();
    std::fs::write(folder.path().join("keys.ndjson"), keys).unwrap();
    let two = ["--parallelism", "2"];
    let all = last_checkpoint(folder.path(), 20_000, &two);
    for _ in 0..2 {
        let changed = last_checkpoint(folder.path(), 0, &two);
        assert!(changed * 20 < all, "{changed} bytes of {all}");
    }
    let others = last_checkpoint(folder.path(), 0, &["--parallelism", "3"]);
    assert!(others * 2 > all, "{others} bytes of {all}");
    std::fs::write(folder.path().join("kept.flow"), script.to_string() + "\n").unwrap();
    let edited = last_checkpoint(folder.path(), 0, &["--parallelism", "3"]);
    assert!(edited * 2 > all, "{edited} bytes of {all}");
    let changed = last_checkpoint(folder.path(), 0, &["--parallelism", "3"]);
    assert!(changed * 20 < all, "{changed} bytes of {all}");
    // Nothing got lost on the way.
    let (status, savepoint, err) = flow(folder.path(), &["savepoint", "create", "kept"]);
    assert_eq!(status, Some(0), "{err}");
    let (_, rows, err) = flow(folder.path(), &["savepoint", "export", savepoint.trim(), "out.count"]);
    assert_eq!(rows.lines().filter(|row| row.contains("key-")).count(), 20_000, "{err}");
}
