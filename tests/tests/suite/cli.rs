//! The command as people and CI call it: exit statuses, what goes to which stream, formats.

use flow_tests::flow_binary::{path, run};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const GOOD: &str = "source lines = file(\"lines.txt\", format: text)\n\nsink out = lines |> map { n: len(line) } -> stdout(format: json)\n";
const WRONG: &str = "source lines = file(\"lines.txt\", format: text)\nsink out = lines |> map { n: len(lin) } -> stdout(format: json)\n";
const WARNED: &str = "source lines = file(\"lines.txt\", format: text)\nstream unused = lines |> limit(3)\nsink out = lines -> stdout(format: text)\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Runs `a.flow` for a while behind its start, however long a busy machine takes for that, and interrupts it as Ctrl-C does.
#[cfg(unix)]
fn interrupted(folder: &Path) -> (Option<i32>, String, String) {
    let mut command = Command::new(path());
    command.args(["run", "a.flow"]).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let answers = || std::os::unix::net::UnixStream::connect(folder.join(".flow/a/control")).is_ok();
    for _ in 0..1500 {
        if child.try_wait().unwrap().is_some() || answers() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(600));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    said(&child.wait_with_output().unwrap())
}

fn flow(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    said(&run(folder, args))
}

/// Runs with a text on standard input.
fn piped(folder: &Path, args: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(path())
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    said(&child.wait_with_output().unwrap())
}

#[test]
fn check_says_nothing_of_a_good_script_and_exits_with_0() {
    let folder = folder(&[("a.flow", GOOD)]);
    assert_eq!(flow(folder.path(), &["check", "a.flow"]), (Some(0), String::new(), String::new()));
}

#[test]
fn check_shows_people_what_is_wrong_on_standard_error_and_exits_with_1() {
    let folder = folder(&[("a.flow", WRONG)]);
    let (status, out, err) = flow(folder.path(), &["check", "a.flow"]);
    assert_eq!((status, out.as_str()), (Some(1), ""));
    assert!(
        err.contains("error[E0203]") && err.contains("a.flow:2:34") && err.ends_with("1 error\n"),
        "{err}"
    );
}

#[test]
fn warnings_are_no_errors_unless_they_are_denied() {
    let folder = folder(&[("a.flow", WARNED)]);
    let status = |args: &[&str]| flow(folder.path(), args).0;
    assert_eq!(status(&["check", "a.flow"]), Some(0));
    assert_eq!(status(&["check", "--deny", "warnings", "a.flow"]), Some(1));
    assert_eq!(status(&["check", "--deny", "W0302", "a.flow"]), Some(1));
    assert_eq!(status(&["check", "--deny", "unused-stream", "a.flow"]), Some(1));
    assert_eq!(status(&["check", "--deny", "W0301", "a.flow"]), Some(0));
    assert_eq!(flow(folder.path(), &["check", "--allow", "W0302", "a.flow"]).2, "");
}

#[test]
fn levels_of_what_is_no_lint_are_a_mistake_in_the_call() {
    let folder = folder(&[("a.flow", GOOD)]);
    for lint in ["W9999", "E0203", "unusd-stream"] {
        let (status, _, err) = flow(folder.path(), &["check", "--deny", lint, "a.flow"]);
        assert_eq!(status, Some(2), "{err}");
        assert!(err.contains(lint), "{err}");
    }
}

#[test]
fn several_scripts_are_checked_at_once() {
    let folder = folder(&[("a.flow", GOOD), ("b.flow", WRONG), ("c.flow", WARNED)]);
    let (status, out, _) =
        flow(folder.path(), &["check", "--format", "concise", "a.flow", "b.flow", "c.flow"]);
    assert_eq!(status, Some(1));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 2, "{out}");
    assert!(lines[0].starts_with("b.flow:2:34: error[E0203]: "), "{out}");
    assert!(lines[1].starts_with("c.flow:2:8: warning[W0302]: "), "{out}");
}

#[test]
fn a_script_that_is_not_there_exits_with_2() {
    let folder = folder(&[("a.flow", GOOD)]);
    for args in
        [["check", "b.flow"], ["run", "b.flow"], ["plan", "b.flow"], ["fmt", "b.flow"], ["infer", "b.csv"]]
    {
        let (status, out, err) = flow(folder.path(), &args);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{args:?}: {err}");
        assert!(err.contains(args[1]), "{args:?}: {err}");
    }
    assert_eq!(flow(folder.path(), &["run", "."]).0, Some(2), "a folder is no script");
}

#[test]
fn mistakes_in_the_call_exit_with_2() {
    let folder = folder(&[("a.flow", GOOD)]);
    let calls: &[&[&str]] = &[
        &[],
        &["chekc", "a.flow"],
        &["check"],
        &["check", "--format", "xml", "a.flow"],
        &["run", "a.flow", "--parallelism", "0"],
        &["run", "a.flow", "-p", "novalue"],
        &["plan", "a.flow", "--json", "--clif"],
        &["completions", "tcsh"],
    ];
    for args in calls {
        assert_eq!(flow(folder.path(), args).0, Some(2), "{args:?}");
    }
}

#[test]
fn a_misspelt_command_is_answered_with_the_right_one() {
    let folder = folder(&[("a.flow", GOOD)]);
    assert!(flow(folder.path(), &["chekc", "a.flow"]).2.contains("`flow check`"));
    assert!(flow(folder.path(), &["a.flow"]).2.contains("`flow run a.flow`"));
    let far = flow(folder.path(), &["wat"]).2;
    assert!(far.contains("see `flow help`"), "{far}");
}

#[test]
fn a_savepoint_that_is_not_there_is_told_by_its_name() {
    let folder = folder(&[("a.flow", GOOD), ("lines.txt", "a\n")]);
    for args in [&["savepoint", "show", "nothing"][..], &["run", "a.flow", "--from", "nothing"]] {
        let (status, _, err) = flow(folder.path(), args);
        assert!(status == Some(2) && err.contains("there is no savepoint `nothing`"), "{args:?}: {err}");
    }
    let (status, _, err) = flow(folder.path(), &["savepoint", "show", "nothing@1"]);
    assert!(status == Some(2) && err.contains("there is no job `nothing`"), "{err}");
}

#[cfg(unix)]
#[test]
fn new_leaves_nothing_where_its_files_cannot_be_written() {
    let folder = folder(&[]);
    // No file may grow over 2 KiB: the script can be written, a later file cannot.
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" new visits";
    let output = Command::new("sh").args(["-c", script]).arg(path()).current_dir(folder.path()).output();
    let (status, _, err) = said(&output.unwrap());
    assert!(status == Some(2) && err.contains("cannot be written"), "{err}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{err}");
}

#[test]
fn a_dash_is_standard_input() {
    let folder = folder(&[]);
    let (status, _, err) = piped(folder.path(), &["check", "-"], WRONG);
    assert_eq!(status, Some(1));
    assert!(err.contains("<stdin>:2:34"), "{err}");
    let (status, out, _) = piped(folder.path(), &["fmt", "-"], "source   a=stdin( format : text )");
    assert_eq!((status, out.as_str()), (Some(0), "source a = stdin(format: text)\n"));
}

#[test]
fn there_is_no_colour_unless_it_is_asked_for() {
    let folder = folder(&[("a.flow", WRONG)]);
    assert!(!flow(folder.path(), &["check", "a.flow"]).2.contains('\x1b'));
    assert!(!flow(folder.path(), &["check", "a.flow", "--color", "never"]).2.contains('\x1b'));
    assert!(
        !flow(folder.path(), &["check", "a.flow", "--color", "always"]).2.contains('\x1b'),
        "NO_COLOR is set, and wins"
    );
    let colourful = |value: Option<&str>| {
        let mut command = std::process::Command::new(flow_tests::flow_binary::path());
        command
            .args(["check", "a.flow", "--color", "always"])
            .current_dir(folder.path())
            .env_remove("NO_COLOR");
        command.envs(value.map(|value| ("NO_COLOR", value)));
        String::from_utf8_lossy(&command.output().unwrap().stderr).contains("\x1b[1;31merror")
    };
    assert!(colourful(None));
    // What is empty is as if it was not set.
    assert!(colourful(Some("")) && !colourful(Some("1")));
}

#[test]
fn machine_formats_go_to_standard_output_and_are_well_formed() {
    let folder = folder(&[("a.flow", WRONG), ("b.flow", GOOD)]);
    let result = |format: &str| {
        let (status, out, err) = flow(folder.path(), &["check", "--format", format, "a.flow", "b.flow"]);
        assert_eq!((status, err.as_str()), (Some(1), ""), "{format}");
        out
    };
    let json: serde_json::Value = serde_json::from_str(&result("json")).unwrap();
    let first = &json.as_array().unwrap()[0];
    assert_eq!((first["format_version"].as_u64(), first["code"].as_str()), (Some(1), Some("E0203")));
    assert_eq!((first["span"]["line"].as_u64(), first["span"]["column"].as_u64()), (Some(2), Some(34)));
    let fix = &first["fixes"][0]["edits"][0];
    assert_eq!(fix["replacement"], "line");
    let range =
        fix["span"]["start"].as_u64().unwrap() as usize..fix["span"]["end"].as_u64().unwrap() as usize;
    assert_eq!(&WRONG[range], "lin");
    let short = flow(folder.path(), &["check", "--json", "a.flow", "b.flow"]);
    assert_eq!(short, (Some(1), result("json"), String::new()), "the short form");
    let sarif: serde_json::Value = serde_json::from_str(&result("sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "E0203");
    let gitlab: serde_json::Value = serde_json::from_str(&result("gitlab")).unwrap();
    assert_eq!(gitlab[0]["location"]["lines"]["begin"], 2);
    assert!(result("github").starts_with("::error file=a.flow,line=2,endLine=2,col=34,"));
    let junit = result("junit");
    assert!(junit.contains("tests=\"2\" failures=\"1\"") && junit.contains("name=\"b.flow\"/>"), "{junit}");
}

#[test]
fn fmt_writes_the_one_style_and_only_where_something_changes() {
    let folder = folder(&[
        ("a.flow", "source   a=stdin( format : text )\nsink b=a->stdout()\n"),
        ("w.flow", "sink = \n"),
    ]);
    let file = folder.path().join("a.flow");
    let (status, out, _) = flow(folder.path(), &["fmt", "--check", "a.flow"]);
    assert_eq!(status, Some(1));
    assert!(
        out.contains("-source   a=stdin( format : text )\n")
            && out.contains("+source a = stdin(format: text)\n"),
        "{out}"
    );
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("source   a"), "--check changes nothing");
    assert_eq!(flow(folder.path(), &["fmt", "a.flow"]).0, Some(0));
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("source a = stdin(format: text)\n"));
    assert_eq!(flow(folder.path(), &["fmt", "--check", "a.flow"]), (Some(0), String::new(), String::new()));
    let (status, _, err) = flow(folder.path(), &["fmt", "w.flow"]);
    assert_eq!(status, Some(1));
    assert!(err.contains("error[E0101]"), "{err}");
    assert_eq!(std::fs::read_to_string(folder.path().join("w.flow")).unwrap(), "sink = \n");
}

#[test]
fn run_writes_results_to_standard_output_and_the_summary_to_standard_error() {
    let folder = folder(&[("a.flow", GOOD), ("lines.txt", "one\nthree\n")]);
    for extra in [&[][..], &["--interpret"], &["--parallelism", "2"]] {
        let args: Vec<&str> = ["run", "a.flow"].iter().chain(extra).copied().collect();
        let (status, out, err) = flow(folder.path(), &args);
        assert_eq!((status, out.as_str()), (Some(0), "{\"n\":3}\n{\"n\":5}\n"), "{err}");
        assert!(err.starts_with("done in ") && err.contains("2 rows read"), "{err}");
        assert!(!err.contains('\r') && !err.contains('\x1b'), "no live line without a terminal: {err:?}");
    }
}

#[test]
fn run_takes_parameters_and_refuses_unknown_ones() {
    let script = "param most: int = 1\nsource lines = file(\"lines.txt\", format: text)\nsink out = lines |> limit(most) -> stdout(format: text)\n";
    let folder = folder(&[("a.flow", script), ("lines.txt", "one\ntwo\n")]);
    assert_eq!(flow(folder.path(), &["run", "a.flow"]).1, "one\n");
    assert_eq!(flow(folder.path(), &["run", "a.flow", "-p", "most=2"]).1, "one\ntwo\n");
    let (status, _, err) = flow(folder.path(), &["run", "a.flow", "-p", "mots=2"]);
    assert!(status == Some(2) && err.contains("mots") && err.contains("most"), "{err}");
    let (status, _, err) = flow(folder.path(), &["run", "a.flow", "-p", "most=many"]);
    assert!(status == Some(2) && err.contains("many"), "{err}");
}

#[test]
fn parameters_that_do_not_fit_are_a_mistake_in_the_call_of_every_command() {
    let script = "param most: int = 1\nsource lines = file(\"lines.txt\", format: text)\nsink out = lines |> limit(most) -> stdout(format: text)\n";
    let wrong = script.replace("limit(most)", "limit(mots)");
    let folder = folder(&[("a.flow", script), ("wrong.flow", &wrong), ("lines.txt", "one\n")]);
    for command in ["run", "check", "plan", "test"] {
        for value in ["mots=2", "most=many"] {
            let (status, _, err) = flow(folder.path(), &[command, "a.flow", "-p", value]);
            assert_eq!(status, Some(2), "{command} -p {value}: {err}");
            // A script that is wrong itself is wrong, whatever it is given.
            let (status, _, err) = flow(folder.path(), &[command, "wrong.flow", "-p", value]);
            assert_eq!(status, Some(1), "{command} -p {value}: {err}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_is_imported_directly_and_through_a_link_is_one() {
    let main = "import \"types.flow\"\nimport \"link.flow\"\nimport \"same/types.flow\"\nsource bids: Bid = file(\"bids.ndjson\", format: json)\nsink out = bids -> stdout(format: json)\n";
    let folder = folder(&[("a.flow", main), ("types.flow", "type Bid = { auction: int }\n")]);
    std::os::unix::fs::symlink("types.flow", folder.path().join("link.flow")).unwrap();
    std::os::unix::fs::symlink(".", folder.path().join("same")).unwrap();
    let (status, _, err) = flow(folder.path(), &["check", "a.flow"]);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    // A file that imports itself through a link goes round in a circle, and no deeper.
    std::fs::write(folder.path().join("types.flow"), "import \"link.flow\"\ntype Bid = { auction: int }\n")
        .unwrap();
    let (status, _, err) = flow(folder.path(), &["check", "a.flow"]);
    assert!(status == Some(1) && err.contains("imports itself"), "{err}");
}

#[test]
fn a_window_of_rows_over_an_updating_stream_is_refused_by_check_at_its_stage() {
    let script = "type R = { k: int, at: timestamp }\nsource rows: R = file(\"r.json\", format: json) |> eventTime(at, delay: 1s)\nsink out = rows |> keyBy(k) |> count() as n |> window(count(3, every: 1)) |> sum(n) -> stdout(format: json)\n";
    let folder = folder(&[("a.flow", script)]);
    for word in ["check", "run"] {
        let (status, out, err) = flow(folder.path(), &[word, "a.flow"]);
        let said = format!("{out}{err}");
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("error[E0809]") && said.contains("a.flow:3"), "{said}");
    }
}

#[test]
fn an_aggregate_that_forgets_rows_which_can_be_withdrawn_is_refused() {
    for stages in ["trigger(count: 2, mode: discarding)", "window(count(3))", "window(count(3, every: 1))"] {
        let script = format!(
            "type R = {{ k: int }}\nsource rows: R = file(\"r.json\", format: json)\nsink out = rows |> keyBy(k) |> count() as n |> {stages} |> aggregate {{ l: last(n) }} -> stdout(format: json)\n"
        );
        let folder = folder(&[("a.flow", &script)]);
        let (status, _, err) = flow(folder.path(), &["run", "a.flow"]);
        assert_eq!(status, Some(1), "{stages}: {err}");
        assert!(err.contains("error[E0809]") && err.contains("a.flow:3"), "{stages}: {err}");
    }
}

#[test]
fn a_pick_that_forgets_rows_which_can_be_withdrawn_is_refused() {
    for pick in ["latest(by: n)", "top(2, by: n)"] {
        let script = format!(
            "type R = {{ k: int }}\nsource rows: R = file(\"r.json\", format: json)\nsink out = rows |> keyBy(k) |> count() as n |> keyBy(k) |> trigger(count: 2, mode: discarding) |> {pick} -> stdout(format: json)\n"
        );
        let folder = folder(&[("a.flow", &script)]);
        let (status, _, err) = flow(folder.path(), &["check", "a.flow"]);
        assert_eq!(status, Some(1), "{pick}: {err}");
        assert!(err.contains("error[E0809]") && err.contains("`mode: discarding`"), "{pick}: {err}");
    }
}

#[test]
fn a_record_error_shows_the_expression_the_record_and_its_line() {
    let script = "type R = { n: int }\nsource rows: R = file(\"rows.ndjson\", format: json)\nsink out = rows |> map { n: 10 / n } -> stdout(format: json)\n";
    let folder = folder(&[("a.flow", script), ("rows.ndjson", "{\"n\":1}\n{\"n\":2}\n{\"n\":0}\n")]);
    let (status, _, err) = flow(folder.path(), &["run", "a.flow"]);
    assert_eq!(status, Some(3));
    for part in ["a.flow:3:29", "10 / n", "{\"n\":0}", "rows.ndjson:3", "onError: skip"] {
        assert!(err.contains(part), "{part} is not in\n{err}");
    }
}

#[test]
fn explain_knows_every_code_by_number_and_by_name() {
    let folder = folder(&[]);
    let all = flow(folder.path(), &["explain"]).1;
    assert!(all.lines().count() > 70 && all.contains("unknown-field"), "{all}");
    let text = flow(folder.path(), &["explain", "E0203"]).1;
    assert!(text.starts_with("# E0203 unknown-field\n"), "{text}");
    assert_eq!(flow(folder.path(), &["explain", "unknown-field"]).1, text);
    assert_eq!(flow(folder.path(), &["explain", "e0203"]).1, text);
    let (status, _, err) = flow(folder.path(), &["explain", "unknow-field"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("E0203"), "{err}");
}

#[test]
fn plan_shows_operators_graphs_and_code() {
    let folder = folder(&[("a.flow", GOOD), ("w.flow", WRONG)]);
    let plan = |extra: &[&str]| {
        let args: Vec<&str> = ["plan", "a.flow"].iter().chain(extra).copied().collect();
        let (status, out, err) = flow(folder.path(), &args);
        assert_eq!(status, Some(0), "{extra:?}: {err}");
        out
    };
    assert!(plan(&[]).contains("out.map"), "{}", plan(&[]));
    assert!(plan(&["--graph", "dot"]).starts_with("digraph"));
    assert!(plan(&["--graph", "mermaid"]).starts_with("flowchart"));
    assert!(plan(&["--clif"]).contains("function"));
    let json: serde_json::Value = serde_json::from_str(&plan(&["--json"])).unwrap();
    assert!(json.is_object(), "{json}");
    assert_eq!(flow(folder.path(), &["plan", "w.flow"]).0, Some(1));
}

#[test]
fn infer_prints_a_type_that_reads_the_file() {
    let rows = "{\"id\":1,\"name\":\"a\",\"at\":\"2026-01-31T12:00:00Z\"}\n{\"id\":2,\"name\":null,\"at\":\"2026-01-31T12:00:01Z\"}\n";
    let folder = folder(&[("rows.ndjson", rows), ("rows.csv", "id,score\n1,2.5\n2,3\n")]);
    let (status, ty, err) = flow(folder.path(), &["infer", "rows.ndjson"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(ty.contains("id: int") && ty.contains("name: string?") && ty.contains("at: timestamp"), "{ty}");
    let name = ty.split_whitespace().nth(1).unwrap();
    let script = format!(
        "{ty}\nsource rows: {name} = file(\"rows.ndjson\", format: json)\nsink out = rows -> stdout(format: json)\n"
    );
    std::fs::write(folder.path().join("a.flow"), script).unwrap();
    let (status, out, err) = flow(folder.path(), &["run", "a.flow"]);
    assert_eq!((status, out.lines().count()), (Some(0), 2), "{err}");
    assert!(flow(folder.path(), &["infer", "rows.csv"]).1.contains("score: float"));
}

#[test]
fn infer_goes_on_behind_bad_lines_and_counts_them() {
    let rows = "{\"id\":1}\nnonsense\n{\"id\":2,\"name\":\"b\"}\n[1]\n{\"id\":\n";
    let table = "id,name\n1,a\n2\n3,\"c\"x\n4,d\n";
    let folder = folder(&[("rows.ndjson", rows), ("rows.csv", table), ("bad.ndjson", "{]\n")]);
    let (status, ty, err) = flow(folder.path(), &["infer", "rows.ndjson"]);
    assert_eq!((status, ty.as_str()), (Some(0), "type Rows = {\n  id: int,\n  name: string?,\n}\n"), "{err}");
    assert!(err.contains("3 lines are no such rows (the first: line 2 is no JSON:"), "{err}");
    let (status, ty, err) = flow(folder.path(), &["infer", "rows.csv"]);
    assert_eq!((status, ty.as_str()), (Some(0), "type Rows = {\n  id: int,\n  name: string,\n}\n"), "{err}");
    assert!(err.contains("2 lines are no such rows (the first: the record at byte 12 has 1 field"), "{err}");
    let (_, json, _) = flow(folder.path(), &["infer", "rows.ndjson", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((found["rows"].as_u64(), found["bad"].as_u64()), (Some(2), Some(3)));
    // Where no line is a row there is nothing to infer.
    let (status, _, err) = flow(folder.path(), &["infer", "bad.ndjson"]);
    assert!(status == Some(2) && err.contains("line 1 is no JSON"), "{err}");
}

#[test]
fn infer_takes_lines_without_a_delimiter_for_text() {
    let folder = folder(&[("a.log", "first line\n\nsecond\n"), ("ids.csv", "id\n1\n")]);
    let (_, ty, err) = flow(folder.path(), &["infer", "a.log"]);
    assert_eq!(ty, "type A = {\n  line: string,\n}\n", "{err}");
    assert!(err.contains("all 2 rows; `format: text`"), "{err}");
    assert!(flow(folder.path(), &["infer", "ids.csv"]).1.contains("id: int"));
}

#[test]
fn infer_reads_standard_input_and_answers_machines() {
    let folder = folder(&[]);
    let (status, ty, err) = piped(folder.path(), &["infer", "-"], "{\"id\":1,\"ok\":true}\n");
    assert_eq!((status, ty.as_str()), (Some(0), "type Row = {\n  id: int,\n  ok: bool,\n}\n"), "{err}");
    let (status, out, err) = piped(folder.path(), &["infer", "-", "--json"], "id,score\n1,2.5\n2,\n");
    let found: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
    assert_eq!((status, err.as_str()), (Some(0), ""));
    assert_eq!((found["format"].as_str(), found["rows"].as_u64()), (Some("csv"), Some(2)));
    assert_eq!(found["fields"][1], serde_json::json!({ "name": "score", "type": "float?" }));
    assert_eq!(piped(folder.path(), &["infer", "-"], "").0, Some(2));
}

#[test]
fn a_folder_stands_for_the_scripts_in_it() {
    let folder = folder(&[("a.flow", GOOD), ("notes.txt", "no script")]);
    std::fs::create_dir_all(folder.path().join("sub/.hidden")).unwrap();
    std::fs::write(folder.path().join("sub/b.flow"), WRONG).unwrap();
    std::fs::write(folder.path().join("sub/.hidden/c.flow"), WRONG).unwrap();
    let (status, out, _) = flow(folder.path(), &["check", "--format", "concise", "."]);
    assert_eq!(status, Some(1));
    assert!(out.starts_with("sub/b.flow:2:") && out.lines().count() == 1, "{out}");
    assert_eq!(flow(folder.path(), &["fmt", "--check", "a.flow", "sub"]).0, Some(0));
    std::fs::write(folder.path().join("sub/b.flow"), WRONG.replace("sink out", "sink   out")).unwrap();
    assert_eq!(flow(folder.path(), &["fmt", "--check", "a.flow", "sub"]).0, Some(1));
    let (status, _, err) = flow(folder.path(), &["check", "sub/.hidden"]);
    assert_eq!((status, err.contains("sub/.hidden/c.flow")), (Some(1), true), "{err}");
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let (status, _, err) = flow(folder.path(), &["test", "empty"]);
    assert!(status == Some(2) && err.contains("there are no scripts in the folder `empty`"), "{err}");
}

#[test]
fn scripts_in_folders_that_build_tools_make_are_left_out_and_that_is_said() {
    let fine = "source n = generate { k: seq() } rate: 1\nsink o = n -> stdout(format: json)\n";
    let folder = folder(&[("a.flow", fine)]);
    for (name, file) in [("target", "b.flow"), ("node_modules", "c.txt")] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join(file), "stream s =\n").unwrap();
    }
    let (status, _, err) = flow(folder.path(), &["check", "."]);
    let said = "note: a script in `target` is left out: name the folder to have it looked at\n";
    assert_eq!((status, err.as_str()), (Some(0), said));
    for named in [&["check", "target"][..], &["check", ".", "target"]] {
        let (status, _, err) = flow(folder.path(), named);
        assert!(status == Some(1) && err.contains("target/b.flow:1") && !err.contains("left out"), "{err}");
    }
}

#[test]
fn new_makes_a_folder_in_which_everything_passes() {
    let folder = folder(&[]);
    assert_eq!(flow(folder.path(), &["new", "web-visits"]).0, Some(0));
    let made = folder.path().join("web-visits");
    assert_eq!(flow(&made, &["fmt", "--check", "web-visits.flow"]), (Some(0), String::new(), String::new()));
    assert_eq!(
        flow(&made, &["check", "--deny", "warnings", "web-visits.flow"]),
        (Some(0), String::new(), String::new())
    );
    let (status, out, err) = flow(&made, &["run", "web-visits.flow"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(out.contains("{\"page\":\"/\",\"visits\":4,\"users\":3,\"slowest\":731,\"slow\":1}"), "{out}");
    for file in [
        ".github/workflows/flow.yml",
        ".gitlab-ci.yml",
        ".pre-commit-config.yaml",
        "ci/action.yml",
        "README.md",
    ] {
        assert!(made.join(file).exists(), "{file}");
    }
    let (status, _, err) = flow(folder.path(), &["new", "web-visits"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("exists"), "{err}");
    assert_eq!(flow(folder.path(), &["new", "a b"]).0, Some(2));
    let (status, _, err) = flow(&made, &["new", "."]);
    assert_eq!(
        (status, err.as_str()),
        (Some(2), "error: `.` is there already: `flow new NAME` makes a folder of its own, `./NAME`\n")
    );
}

#[test]
fn what_tells_the_encoding_is_no_column_of_a_script() {
    let text = "source a: { x: int } = file(\"x.csv\", format: csv)\nsink o = b -> stdout(format: json)\n";
    for (file, text) in
        [("plain.flow", text.to_string()), ("marked.flow", format!("\u{feff}{}", text.replace('\n', "\r\n")))]
    {
        let wrong = text.replacen("int", "itn", 1);
        let folder = folder(&[(file, &wrong)]);
        let (_, out, _) = flow(folder.path(), &["check", file, "--format", "concise"]);
        assert!(out.starts_with(&format!("{file}:1:16: error[E0208]")), "{out}");
        let (_, _, err) = flow(folder.path(), &["check", file]);
        assert!(
            err.contains(" 1 │ source a: { x: itn }") && err.contains("\n   ·                ─┬─"),
            "{err}"
        );
    }
}

#[test]
fn a_job_goes_on_where_it_was_behind_a_rename_that_says_so() {
    let script =
        "source n = generate { id: seq() } rate: 1000\nsink out = n -> file(\"out\", format: json)\n";
    let renamed = script.replace("source n", "@was(\"n\") source m").replace("= n ->", "= m ->");
    let renamed = renamed.replace("sink out", "@was(\"out\") sink written");
    let folder = folder(&[("a.flow", script)]);
    for text in [script, &renamed, &renamed] {
        std::fs::write(folder.path().join("a.flow"), text).unwrap();
        let (status, _, err) = interrupted(folder.path());
        assert_eq!(status, Some(0), "{err}");
    }
    let mut ids: Vec<u64> = Vec::new();
    for part in std::fs::read_dir(folder.path().join("out")).unwrap() {
        let part = part.unwrap().path();
        if part.extension().is_some_and(|end| end == "json" || end == "ndjson") {
            for line in std::fs::read_to_string(part).unwrap().lines() {
                let row: serde_json::Value = serde_json::from_str(line).unwrap();
                ids.push(row["id"].as_u64().unwrap());
            }
        }
    }
    ids.sort_unstable();
    assert!(ids.len() > 300, "{}", ids.len());
    assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "each id once, none left out");
}

#[test]
fn completions_are_scripts_that_name_the_commands() {
    let folder = folder(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (status, out, _) = flow(folder.path(), &["completions", shell]);
        assert_eq!(status, Some(0));
        assert!(out.contains("explain"), "{shell}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = folder(&[]);
    let flow = path().display();
    let call = format!("{flow} explain | head -1; exit ${{PIPESTATUS[0]}}");
    let output = Command::new("bash").args(["-c", &call]).current_dir(folder.path()).output().unwrap();
    assert_eq!(said(&output).0, Some(0));
    assert_eq!(said(&output).2, "");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_job_cleanly() {
    let script = "source n = generate { id: seq() } rate: 100\nsink out = n -> file(\"out\", format: json)\n";
    let folder = folder(&[("a.flow", script)]);
    let (status, _, err) = interrupted(folder.path());
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("stopped after"), "{err}");
    let written: usize = std::fs::read_dir(folder.path().join("out"))
        .unwrap()
        .map(|e| std::fs::read_to_string(e.unwrap().path()).unwrap_or_default().lines().count())
        .sum();
    assert!(written > 5, "only {written} rows were kept");
}

#[test]
fn a_named_lint_has_its_own_level_and_of_several_the_last_wins() {
    let folder = tempfile::tempdir().unwrap();
    let script = "source a = stdin(format: text)\nstream unused = a |> limit(1)\nsink out = a -> stdout(format: text)\n";
    std::fs::write(folder.path().join("s.flow"), script).unwrap();
    for (options, status, said) in [
        ("--deny unused-stream --allow unused-stream", 0, ""),
        ("--allow unused-stream --deny W0302", 1, "error[W0302]"),
        ("--deny unused-stream --allow unused-stream --warn unused-stream", 0, "warning[W0302]"),
        // `warnings` means what is not named, wherever it stands.
        ("--allow unused-stream --deny warnings", 0, ""),
        ("--deny warnings --allow unused-stream", 0, ""),
        ("--deny warnings --allow warnings", 0, ""),
        ("--allow warnings --deny warnings", 1, "error[W0302]"),
    ] {
        let mut args = vec!["check", "s.flow", "--format", "concise"];
        args.extend(options.split(' '));
        let output = run(folder.path(), &args);
        let text = String::from_utf8_lossy(&output.stdout);
        let found: Vec<&str> = text.lines().filter(|line| line.contains("W0302")).collect();
        assert_eq!(output.status.code(), Some(status), "{options}: {text}");
        match said {
            "" => assert!(found.is_empty(), "{options}: {text}"),
            said => assert!(found.len() == 1 && found[0].contains(said), "{options}: {text}"),
        }
    }
}

#[test]
fn what_run_refuses_check_warns_of() {
    let folder = tempfile::tempdir().unwrap();
    let say = |args: &[&str]| {
        let done = flow_tests::flow_binary::run(folder.path(), args);
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let on_disk = "job j { state: { backend: sled } }\n";
    let cases = [
        ("", "file(\"x\", format: json, follow: true)", "E0810"),
        (on_disk, "file(\"x\", format: json) |> top(5, by: a, ties: true)", "E0811"),
        (on_disk, "file(\"x\", format: json) |> keyBy(a) |> count() as n |> latest(by: n)", "E0811"),
    ];
    for (job, rows, code) in cases {
        let (source, stages) = rows
            .split_once(" |> ")
            .map_or((rows, String::new()), |(source, stages)| (source, format!("|> {stages}")));
        let script =
            format!("{job}source s: {{ a: int }} = {source}\nsink o = s {stages} -> stdout(format: json)\n");
        std::fs::write(folder.path().join("f.flow"), script).unwrap();
        let (status, said) = say(&["check", "f.flow"]);
        assert!(status == Some(0) && said.contains("warning[W0313]") && said.contains(code), "{said}");
        assert_eq!(say(&["check", "f.flow", "--deny", "warnings"]).0, Some(1));
        let (status, said) = say(&["run", "f.flow"]);
        let as_error = said.contains(&format!("error[{code}]"));
        assert!(status == Some(1) && as_error && !said.contains("W0313"), "{said}");
    }
}

#[test]
fn what_is_no_script_is_told_with_the_script_that_may_be_meant() {
    let folder = folder(&[("visits.flow", GOOD), ("rows.csv", "a,b\n1,2\n"), ("lines.txt", "a\n")]);
    std::fs::create_dir_all(folder.path().join("jobs")).unwrap();
    std::fs::write(folder.path().join("jobs/daily.flow"), GOOD).unwrap();
    let cases: [(&[&str], &[&str]); 6] = [
        (&["run", "visits"], &["there is no file `visits`", "did you mean `visits.flow`?"]),
        (&["check", "visit.flow"], &["there is no file `visit.flow`", "did you mean `visits.flow`?"]),
        (&["plan", "jobs"], &["it is a folder", "did you mean `jobs/daily.flow`?"]),
        (&["run", "rows.csv"], &["`rows.csv` cannot be read: it is data", "`flow infer rows.csv`"]),
        (&["fmt", "rows.csv"], &["`rows.csv` cannot be read: it is data"]),
        (&["explain", "E9999"], &["there is no code `E9999`", "`flow explain` lists all codes"]),
    ];
    for (args, wanted) in cases {
        let (status, out, err) = flow(folder.path(), args);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{args:?}: {err}");
        for words in wanted {
            assert!(err.contains(words), "{args:?}: {err}");
        }
    }
    let (_, _, err) = flow(folder.path(), &["run", "nothing-like-it.flow"]);
    assert!(!err.contains("did you mean"), "{err}");
}

#[test]
fn a_run_without_a_sink_says_that_nothing_was_computed() {
    let folder = folder(&[("a.flow", "type A = { a: int }\n")]);
    let (status, _, err) = flow(folder.path(), &["run", "a.flow"]);
    assert!(status == Some(0) && err.contains("the script has no sink"), "{err}");
}
