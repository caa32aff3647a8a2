//! `flow test`: runs the `test` blocks of scripts in virtual time.

use crate::args::{Cli, Test, TestFormat};
use crate::numbers::time;
use crate::render::{self, Look};
use crate::report::{json, junit};
use crate::status::{Outcome, Status, Stop};
use crate::testing::{self, Mode, Verdict};
use crate::{output, script, terminal};
use flow_driver::{CheckedTest, Compilation, Options};
use flow_env::Env;
use flow_syntax::Diagnostic;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// One test that ran.
struct Ran {
    file: String,
    name: String,
    took: Duration,
    /// What is wrong, as it is shown; empty if nothing is.
    said: String,
    diagnostics: Vec<serde_json::Value>,
}

pub(super) fn run(cli: &Cli, args: &Test) -> Outcome {
    let env = Env::real();
    let look = terminal::stderr(&cli.shown);
    let options = Options { params: script::params(&args.params)?, ..Options::default() };
    let (mut all, mut left_out) = (Vec::new(), Vec::new());
    let (mut wrong, mut misused) = (0, 0);
    for path in &script::all(&args.files, &env, |_| false)? {
        let compiled = script::compile(path, &options, &env)?;
        if compiled.has_errors() {
            let said = render::report(&compiled.diagnostics, &compiled.sources, look);
            match (args.brief, args.format) {
                (false, _) => output::say(&said),
                (true, TestFormat::Human) => output::say(&has_errors(&script::name(path), look)),
                // The report has them.
                (true, _) => {}
            }
            wrong += 1;
            misused += usize::from(compiled.is_misused());
            if args.format != TestFormat::Human {
                all.push(not_compiled(&compiled, script::name(path), said));
            }
            continue;
        }
        let file = script::name(path);
        for (index, test) in flow_driver::testing::tests(&compiled).iter().enumerate() {
            if args.filter.as_ref().is_some_and(|text| !test.name.contains(text.as_str())) {
                left_out.push(test.name.clone());
            } else {
                let ran = one(&compiled, (index, test), &file, args.matrix, look, &env);
                if args.format == TestFormat::Human {
                    output::say(&line(&ran, look));
                }
                all.push(ran);
            }
        }
    }
    let failed = all.iter().filter(|ran| !ran.said.is_empty()).count();
    match args.format {
        TestFormat::Human => output::say(&summary(&all, failed, wrong, args)),
        TestFormat::Junit => output::result(&as_junit(&all))?,
        TestFormat::Json => output::result(&as_json(&all))?,
    }
    match &args.filter {
        // Nothing is wrong with the scripts, but with what the call gives them.
        _ if misused > 0 && misused == wrong && failed == 0 => Ok(Status::Outside),
        _ if wrong + failed > 0 => Ok(Status::Wrong),
        // Who names a test wants it to run: what ran nothing has not passed.
        Some(text) if all.is_empty() => Err(nothing(text, &left_out)),
        _ => Ok(Status::Done),
    }
}

/// Names of tests that are told where a filter fits none.
const NAMES: usize = 3;

/// No test fits a filter.
fn nothing(text: &str, names: &[String]) -> Stop {
    let mut near: Vec<(f64, &String)> = names.iter().map(|name| (likeness(text, name), name)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.dedup_by(|a, b| a.1 == b.1);
    let likely = near.first().is_some_and(|(likeness, _)| *likeness > 0.8);
    let shown: Vec<String> = match likely {
        true => near
            .iter()
            .take_while(|(likeness, _)| *likeness > 0.8)
            .take(NAMES)
            .map(|(_, name)| format!("{name:?}"))
            .collect(),
        false => names.iter().take(NAMES).map(|name| format!("{name:?}")).collect(),
    };
    let help = match (likely, names.len()) {
        (_, 0) => {
            "there are no tests: a `test \"…\" { given … expect … }` block in a script is one".to_string()
        }
        (true, _) => format!("did you mean {}?", shown.join(" or ")),
        (false, n) if n > NAMES => format!("there are {}, and {} more", shown.join(", "), n - NAMES),
        (false, _) => format!("there are {}", shown.join(", ")),
    };
    Stop::outside(format!("no test has {text:?} in its name\n  help: {help}"))
}

/// How much a filter is like a name or a part of it that is as long: 1 where only the case differs.
fn likeness(text: &str, name: &str) -> f64 {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let letters: Vec<char> = name.chars().collect();
    let length = text.chars().count().clamp(1, letters.len().max(1));
    let parts =
        letters.windows(length).map(|part| strsim::jaro_winkler(&text, &part.iter().collect::<String>()));
    parts.fold(0.0, f64::max)
}

/// A script with errors runs no test, which must not look as if it had none: it stands for one that failed.
fn not_compiled(compiled: &Compilation, file: String, said: String) -> Ran {
    let errors = compiled.diagnostics.iter().filter(|d| d.is_error());
    Ran {
        file,
        name: "the script has no errors".into(),
        took: Duration::ZERO,
        said,
        diagnostics: errors.map(|d| json::diagnostic(d, &compiled.sources)).collect(),
    }
}

/// Runs a test in every mode until one fails.
fn one(
    compiled: &Compilation,
    (index, test): (usize, &CheckedTest),
    file: &str,
    matrix: bool,
    look: Look,
    env: &Env,
) -> Ran {
    let modes = if matrix { &Mode::MATRIX[..] } else { &Mode::MATRIX[..1] };
    let began = env.clock.elapsed();
    let mut ran = Ran {
        file: file.into(),
        name: test.name.clone(),
        took: Duration::ZERO,
        said: String::new(),
        diagnostics: Vec::new(),
    };
    for mode in modes {
        let mut tell = |for_people: &Diagnostic, for_programs: &Diagnostic| {
            ran.said.push_str(&render::one(for_people, &compiled.sources, look));
            ran.diagnostics.push(json::diagnostic(for_programs, &compiled.sources));
        };
        match testing::run(compiled, index, *mode, look) {
            Verdict::Passed => continue,
            Verdict::Failed(mismatches) => {
                let mode = matrix.then_some(*mode);
                for mismatch in &mismatches {
                    let with = |difference| testing::diagnostic(mismatch, difference, mode);
                    tell(&with(&mismatch.diff), &with(&mismatch.records));
                }
            }
            Verdict::NotRunnable(findings) => findings.iter().for_each(|found| tell(found, found)),
            Verdict::Broken(text) => {
                ran.said = if matrix { format!("{text}  note: run with {mode}\n") } else { text };
            }
        }
        break;
    }
    ran.took = env.clock.elapsed().saturating_sub(began);
    ran
}

/// The line of a script whose tests did not run.
fn has_errors(file: &str, look: Look) -> String {
    format!("{}  {file}: the script has errors\n", render::Paint { color: look.color }.red("FAIL"))
}

fn line(ran: &Ran, look: Look) -> String {
    let paint = render::Paint { color: look.color };
    let word = if ran.said.is_empty() { paint.bold("ok  ") } else { paint.red("FAIL") };
    let mut out = format!("{word}  {}: {} ({})\n", ran.file, ran.name, time(ran.took));
    if !ran.said.is_empty() {
        let _ = writeln!(out, "\n{}", ran.said);
    }
    out
}

fn summary(all: &[Ran], failed: usize, wrong: usize, args: &Test) -> String {
    let count = all.len();
    let ran = format!("{} passed, {failed} failed", count - failed);
    match wrong {
        0 => {}
        1 => return format!("{ran}; a script has errors, and its tests did not run\n"),
        _ => return format!("{ran}; {wrong} scripts have errors, and their tests did not run\n"),
    }
    if count == 0 {
        return match &args.filter {
            // That is an error, and said as one.
            Some(_) => String::new(),
            None => "no tests: a `test \"…\" { given … expect … }` block in a script is one\n".to_string(),
        };
    }
    format!("{ran}\n")
}

fn as_junit(all: &[Ran]) -> String {
    let failed = all.iter().filter(|ran| !ran.said.is_empty()).count();
    let counts = format!("tests=\"{}\" failures=\"{failed}\" errors=\"0\"", all.len());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"flow test\" {counts}>");
    let _ = writeln!(out, "  <testsuite name=\"flow test\" {counts}>");
    for ran in all {
        let (file, name) = (junit::escape(&ran.file), junit::escape(&ran.name));
        let took = ran.took.as_secs_f64();
        let _ = write!(out, "    <testcase classname=\"{file}\" name=\"{name}\" time=\"{took:.6}\"");
        if ran.said.is_empty() {
            out.push_str("/>\n");
        } else {
            let _ =
                writeln!(out, ">\n      <failure>{}</failure>\n    </testcase>", junit::escape(&ran.said));
        }
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn as_json(all: &[Ran]) -> String {
    let each = |ran: &Ran| {
        json!({
            "format_version": json::FORMAT_VERSION,
            "file": ran.file,
            "name": ran.name,
            "passed": ran.said.is_empty(),
            "seconds": ran.took.as_secs_f64(),
            "said": ran.said,
            "diagnostics": ran.diagnostics,
        })
    };
    format!("{:#}\n", serde_json::Value::Array(all.iter().map(each).collect()))
}
