//! Every kind of edit of a script whose job holds state, as tables in `tests/migrations`: what the restore check says, and
//! what the job prints that goes on with the new script, beside the evaluator. `UPDATE=1` writes what is said and printed:
//! read every line of what changes. (Verdicts of many more edits: `compiler/driver/src/restore/tests.rs`.)

use flow_plan::Value;
use flow_tests::pipelines::{Edit, Edited};
use std::path::{Path, PathBuf};

const HEAD: &str = "\
type Row = { k: int, v: int, w: int?, at: timestamp }
";

/// The sources, each declared where a script reads it and does not declare it itself.
const SOURCES: [&str; 2] = ["a", "b"];

/// Numbers of workers in front of the stop and behind it.
const WORKERS: [(usize, usize); 3] = [(1, 1), (1, 3), (3, 2)];

/// An edit, as a table tells it.
#[derive(Debug, Default)]
pub(super) struct Case {
    pub(super) name: String,
    /// What its rows are like.
    pub(super) rows: String,
    pub(super) old: String,
    pub(super) new: String,
    pub(super) says: Vec<String>,
    pub(super) then: Then,
}

/// What comes of the rows behind the stop.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Then {
    /// The new script is refused.
    #[default]
    Refused,
    /// What the evaluator gives for the new script over all rows, as if it had always run, and the old one did not print.
    All,
    /// What the evaluator gives for the new script over the rows behind the stop: its state began empty.
    Rest,
    /// What the evaluator gives over all rows, without what it gives for those in front of the stop: for the new script, or
    /// for this one, which says what becomes of the old rows.
    FromStop(Option<String>),
    /// These rows, and why no script says them.
    Rows { why: String, rows: Vec<String> },
}

const FROM_STOP_BY: &str = "prints what the evaluator gives from the stop on by";
const ROWS: &str = "prints, and no script says it: ";

impl Then {
    /// The line that begins it.
    fn line(&self) -> String {
        match self {
            Then::Refused => "is refused".into(),
            Then::All => "prints what the evaluator gives for all rows".into(),
            Then::Rest => "prints what the evaluator gives for the rows behind the stop".into(),
            Then::FromStop(None) => "prints what the evaluator gives from the stop on".into(),
            Then::FromStop(Some(_)) => FROM_STOP_BY.into(),
            Then::Rows { why, .. } if why.is_empty() => "prints".into(),
            Then::Rows { why, .. } => format!("{ROWS}{why}"),
        }
    }

    /// What this line begins.
    fn of_line(line: &str) -> Option<Then> {
        let why = if line == "prints" { Some("") } else { line.strip_prefix(ROWS) };
        let rows = why.map(|why| Then::Rows { why: why.into(), rows: Vec::new() });
        let by = (line == FROM_STOP_BY).then(|| Then::FromStop(Some(String::new())));
        let alone = [Then::Refused, Then::All, Then::Rest, Then::FromStop(None)];
        rows.or(by).or_else(|| alone.into_iter().find(|then| then.line() == line))
    }

    /// What the evaluator gives that has to be printed.
    pub(super) fn wanted(&self, new: &str, edited: &Edited) -> Result<Vec<String>, String> {
        Ok(match self {
            Then::All => edited.of_all.clone()?,
            Then::Rest => edited.of_rest.clone(),
            Then::FromStop(by) => edited.from_stop(&script(by.as_deref().unwrap_or(new)))?,
            Then::Rows { rows, .. } => rows.clone(),
            Then::Refused => return Err("it is refused".into()),
        })
    }
}

/// Reads the edits of a table.
fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut part = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            let name = name.to_string();
            cases.push(Case { name, rows: "a second apart".into(), ..Case::default() });
            part = "old";
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        let Some(inner) = line.strip_prefix("    ") else {
            part = match line {
                "" => continue,
                "becomes" => "new",
                "says" => "says",
                _ if line.starts_with("rows ") => {
                    case.rows = line["rows ".len()..].into();
                    continue;
                }
                _ => {
                    case.then =
                        Then::of_line(line).unwrap_or_else(|| panic!("{}: what is {line:?}?", case.name));
                    "then"
                }
            };
            continue;
        };
        match (part, &mut case.then) {
            ("old", _) => case.old.extend([inner, "\n"]),
            ("new", _) => case.new.extend([inner, "\n"]),
            ("says", _) => case.says.push(inner.into()),
            ("then", Then::Rows { rows, .. }) => rows.push(inner.into()),
            ("then", Then::FromStop(Some(by))) => by.extend([inner, "\n"]),
            _ => panic!("{}: what is {line:?}?", case.name),
        }
    }
    cases
}

/// Writes an edit as a table tells it.
fn told(case: &Case) -> String {
    let mut out = format!("# {}\n", case.name);
    if case.rows != "a second apart" {
        out.extend(["rows ", &case.rows, "\n"]);
    }
    let add = |out: &mut String, lines: &mut dyn Iterator<Item = &str>| {
        lines.for_each(|line| out.extend(["    ", line, "\n"]));
    };
    add(&mut out, &mut case.old.lines());
    out.push_str("becomes\n");
    add(&mut out, &mut case.new.lines());
    out.push_str("says\n");
    add(&mut out, &mut case.says.iter().map(String::as_str));
    out.extend([&case.then.line(), "\n"]);
    match &case.then {
        Then::Rows { rows, .. } => add(&mut out, &mut rows.iter().map(String::as_str)),
        Then::FromStop(Some(by)) => add(&mut out, &mut by.lines()),
        _ => {}
    }
    out
}

/// Nine rows of three keys: `v` from `from` on, so many seconds from one to the next, of which each fourth may be late.
fn rows(from: i64, first: i64, step: i64, late: i64) -> Vec<Vec<Value>> {
    let row = |n: i64| {
        let back = if n % 4 == 3 { late } else { 0 };
        let at = Value::Timestamp(1_767_225_600_000_000 + ((first + n - from) * step - back) * 1_000_000);
        let w = if n % 2 == 0 { Value::Int(n * 10) } else { Value::Null };
        vec![Value::Int(n % 3), Value::Int(n), w, at]
    };
    (from..from + 9).map(row).collect()
}

pub(super) fn sources(kind: &str) -> [(&'static str, Vec<Vec<Vec<Value>>>); 2] {
    let (step, late) = match kind {
        "a second apart" => (1, 0),
        "ten seconds apart" => (10, 0),
        "ten seconds apart, each fourth 45 seconds late" => (10, 45),
        _ => panic!("rows {kind}?"),
    };
    let rows = |from, first| rows(from, first, step, late);
    [("a", vec![rows(0, 0), rows(9, 9)]), ("b", vec![rows(102, 5)])]
}

pub(super) fn script(text: &str) -> String {
    let mut out = HEAD.to_string();
    for source in SOURCES {
        let declared =
            text.contains(&format!("source {source}:")) || text.contains(&format!("file(\"{source}\""));
        let words = || text.split(|c: char| !c.is_ascii_alphanumeric());
        if !declared && words().any(|word| word == source) {
            out.push_str(&format!(
                "source {source}: Row = file(\"{source}\", format: json) |> eventTime(at, delay: 4s)\n"
            ));
        }
    }
    out + text + "sink out = s -> stdout(format: json)\n"
}

/// What comes of an edit now; what is wrong with what comes is noted.
fn now(case: &Case, wrong: &mut Vec<String>) -> Case {
    let (old, new) = (script(&case.old), script(&case.new));
    let edit = Edit { old: &old, new: &new, sources: &sources(&case.rows) };
    let mut found = Case {
        name: case.name.clone(),
        rows: case.rows.clone(),
        old: case.old.clone(),
        new: case.new.clone(),
        ..Case::default()
    };
    let check = match edit.check() {
        Ok(check) => check,
        Err(why) => {
            wrong.push(format!("{}: {why}", case.name));
            return found;
        }
    };
    found.says = check.words;
    if check.refused {
        return found;
    }
    let mut of_first: Option<Vec<String>> = None;
    for workers in WORKERS {
        let edited = edit.run(workers);
        let outcome = edited.and_then(|edited| Ok((edited.printed.clone()?, edited)));
        let (printed, edited) = match outcome {
            Ok(outcome) => outcome,
            Err(why) => {
                wrong.push(format!("{}, {workers:?} workers: {why}", case.name));
                continue;
            }
        };
        let differs = match &of_first {
            Some(first) => *first != printed,
            None => false,
        };
        if differs {
            wrong.push(format!("{}, {workers:?} workers: other rows than with one\n{printed:#?}", case.name));
        }
        found.then = then(case, &edited, &printed).unwrap_or_else(|why| {
            wrong.push(format!("{}, {workers:?} workers: {why}", case.name));
            let why = String::new();
            Then::Rows { why, rows: printed.clone() }
        });
        of_first.get_or_insert(printed);
    }
    found
}

/// What is told of what an edit prints: what the table says, if it is so.
fn then(case: &Case, edited: &Edited, printed: &[String]) -> Result<Then, String> {
    let then = match &case.then {
        Then::Rows { why, .. } if why.is_empty() => return Err("why are there rows and no script?".into()),
        Then::Rows { why, .. } => Then::Rows { why: why.clone(), rows: printed.to_vec() },
        Then::Refused => return Err("it starts".into()),
        Then::FromStop(by) => Then::FromStop(by.clone()),
        Then::All => Then::All,
        Then::Rest => Then::Rest,
    };
    let wanted = then.wanted(&case.new, edited)?;
    if wanted == printed { Ok(then) } else { Err(format!("printed\n{printed:#?}\nand not\n{wanted:#?}")) }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")
}

/// An edit of a table.
pub(super) fn named(table: &str, name: &str) -> Case {
    let text = std::fs::read_to_string(folder().join(format!("{table}.txt"))).unwrap();
    let found = cases(&text).into_iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("{table}: no edit {name:?}"))
}

/// Compares the edits of a table with what comes of them now.
#[track_caller]
fn check(name: &str) {
    let path = folder().join(format!("{name}.txt"));
    let text = std::fs::read_to_string(&path).unwrap();
    let known = cases(&text);
    assert!(!known.is_empty(), "no edit in {name}");
    let mut wrong = Vec::new();
    let mut all = Vec::new();
    for case in &known {
        let (before, after) = (told(case), told(&now(case, &mut wrong)));
        if before != after {
            wrong.push(format!("it is told\n{before}\nand is\n{after}"));
        }
        all.push(after);
    }
    if std::env::var_os("UPDATE").is_some() {
        let head = text.split_once("\n# ").map_or("", |(head, _)| head);
        std::fs::write(&path, format!("{}\n\n{}", head.trim_end(), all.join("\n"))).unwrap();
    }
    assert!(wrong.is_empty(), "{} (UPDATE=1 writes what is):\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn aggregates_come_go_and_widen() {
    check("aggregates");
}

#[test]
fn names_stages_and_sources_change_around_state() {
    check("around");
}

#[test]
fn rows_that_picks_hold_change() {
    check("picks");
}

#[test]
fn windows_and_their_triggers_change() {
    check("windows");
}

#[test]
fn joins_distinct_values_and_folds_change() {
    check("joins");
}

#[test]
fn every_table_is_looked_at() {
    let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["aggregates.txt", "around.txt", "joins.txt", "picks.txt", "windows.txt"]);
}

/// `max(v)` is added; of the keys 0, 1 and 2, only 0 gets a row behind the stop.
fn a_group_lacks_what_was_added(job: &str, stages: &str) -> Result<Vec<String>, String> {
    let text = |results: &str| {
        let stream = format!(
            "stream s = a |> filter(v < 9 or k == 0) |> keyBy(k) |> {stages} |> aggregate {{ {results} }}\n"
        );
        format!("{job}\n{}", script(&stream))
    };
    let (old, new) = (text("n: count()"), text("n: count(), most: max(v)"));
    let edit = Edit { old: &old, new: &new, sources: &sources("a second apart") };
    edit.run((1, 2))?.printed
}

#[test]
fn a_group_without_a_value_of_what_was_added_is_a_record_error_when_it_is_given() {
    for stages in ["trigger(atEnd)", "window(tumbling(1min))", "window(session(gap: 20s))", "window(global)"]
    {
        let printed = a_group_lacks_what_was_added("job j { onError: skip }", stages).unwrap();
        assert!(printed.len() == 1 && printed[0].starts_with("0, "), "{stages}: {printed:?}");
        assert!(printed[0].ends_with("6, 15"), "{stages}: {printed:?}");
    }
}

#[test]
fn a_job_that_fails_of_it_says_which_value_a_group_lacks() {
    let why = a_group_lacks_what_was_added("job j { onError: fail }", "trigger(atEnd)").unwrap_err();
    assert_eq!(why, "`most` has no value here: no row of this group came since it was added");
}
