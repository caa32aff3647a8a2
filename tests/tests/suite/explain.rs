//! Every code has an explanation, and its examples are what they say they are.

use flow_driver::explain::{
    example, example_data, explain, explain_record_error, leftovers, record_error, record_error_title,
};
use flow_driver::{LoadError, Options};
use flow_syntax::codes::CODES;
use std::path::Path;

/// An example as bytes. What cannot well stand in a Markdown file is written out here: `‹A3›` is that
/// byte, `‹+ 1 × 200›` is `+ 1` so many times.
fn bytes(example: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = example;
    while let Some((before, after)) = rest.split_once('‹') {
        let (mark, behind) = after.split_once('›').expect("‹…› is closed");
        out.extend(before.as_bytes());
        match mark.split_once(" × ") {
            Some((text, count)) => out.extend(format!("{text} ").repeat(count.parse().unwrap()).into_bytes()),
            None => out.push(u8::from_str_radix(mark, 16).unwrap()),
        }
        rest = behind;
    }
    out.extend(rest.as_bytes());
    out
}

/// The codes that compiling gives.
fn codes(example: &str, runs: bool) -> Vec<&'static str> {
    let mut loader = |path: &Path| match path.to_str() {
        Some("example.flow") => Ok(bytes(example)),
        _ => Err(LoadError::Missing),
    };
    let done = flow_driver::compile(&mut loader, Path::new("example.flow"), &Options::default()).unwrap();
    let not_runnable =
        done.plan.as_ref().map(flow_driver::runnable).and_then(Result::err).unwrap_or_default();
    // Some things can only be shown with what cannot run yet: that is asked of the codes about it alone.
    let later = if runs { not_runnable } else { Vec::new() };
    done.diagnostics.iter().chain(&later).map(|d| d.code.0).collect()
}

/// What `flow test` of a script exits with.
fn test_status(script: &str) -> Option<i32> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("example.flow"), script).unwrap();
    flow_tests::flow_binary::run(folder.path(), &["test", "example.flow"]).status.code()
}

/// What `flow check` says of a folder with two scripts.
fn checked_beside(beside: &str, script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("beside.flow"), beside).unwrap();
    std::fs::write(folder.path().join("example.flow"), script).unwrap();
    let done = flow_tests::flow_binary::run(folder.path(), &["check", "."]);
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// The codes of comparing the state of two scripts.
fn restore_codes(before: &str, after: &str) -> Vec<&'static str> {
    let compile = |example: &str| {
        let mut loader = |_: &Path| Ok(bytes(example));
        flow_driver::compile(&mut loader, Path::new("example.flow"), &Options::default()).unwrap()
    };
    let (old, new) = (compile(before), compile(after));
    let (Some(old_plan), Some(new_plan)) = (&old.plan, &new.plan) else { panic!("{before}\n{after}") };
    let verdicts = flow_driver::restore::compare(old_plan, new_plan);
    let report = flow_driver::restore::report(&new.sources, &old.sources, "old", verdicts, false);
    report.diagnostics.iter().map(|d| d.code.0).collect()
}

#[test]
fn every_code_is_explained_and_nothing_else() {
    let without: Vec<_> =
        CODES.iter().filter(|info| explain(info.code).is_none()).map(|i| i.code.0).collect();
    assert!(without.is_empty(), "without compiler/driver/explain/CODE.md: {without:?}");
    assert!(leftovers().is_empty(), "texts of codes that are gone: {:?}", leftovers());
}

#[test]
fn every_explanation_begins_with_its_code_and_has_two_examples() {
    for info in CODES {
        let Some(text) = explain(info.code) else { continue };
        assert!(text.starts_with(&format!("# {} {}\n", info.code, info.name)), "{}", info.code);
        for heading in ["Fails", "Mended"] {
            assert!(example(text, heading).is_some(), "{} has no example under `## {heading}`", info.code);
        }
    }
}

#[test]
fn every_failing_example_gives_its_code_alone_and_every_mended_one_nothing() {
    let mut wrong = Vec::new();
    for info in CODES {
        let Some(text) = explain(info.code) else { continue };
        let Some((fails, mended)) = example(text, "Fails").zip(example(text, "Mended")) else { continue };
        let runs = info.code.0.starts_with("E08");
        if let Some(before) = example(text, "Before") {
            let found = restore_codes(before, fails);
            // A state that is dropped because its stage has a new name is also a new one.
            if !found.contains(&info.code.0) {
                wrong.push(format!("{}: the failing example gives {found:?}", info.code));
            }
            let found = restore_codes(before, mended);
            if !found.is_empty() {
                wrong.push(format!("{}: the mended example gives {found:?}", info.code));
            }
            continue;
        }
        if info.code == flow_syntax::codes::EXPECTATION_FAILED {
            // Both compile; they differ in what running their test says.
            assert_eq!([fails, mended].map(test_status), [Some(1), Some(0)]);
            continue;
        }
        if let Some(beside) = example(text, "Beside") {
            let told = |script: &str| checked_beside(beside, script).contains(info.code.0);
            assert_eq!([fails, mended].map(told), [true, false], "{}", info.code);
            continue;
        }
        // Where other pages need what cannot run yet, it is not what they are about.
        let other = |code: &&str| *code != "W0313" || info.code.0 == "W0313";
        let found: Vec<_> = codes(fails, runs).into_iter().filter(other).collect();
        // What cannot run yet often needs a second thing that cannot run yet.
        let alone = found.iter().all(|code| *code == info.code.0 || (runs && code.starts_with("E08")));
        if !found.contains(&info.code.0) || !alone {
            wrong.push(format!("{}: the failing example gives {found:?}", info.code));
        }
        let found: Vec<_> = codes(mended, runs).into_iter().filter(other).collect();
        if !found.is_empty() {
            wrong.push(format!("{}: the mended example gives {found:?}", info.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_record_errors_is_explained_and_happens_as_its_page_says() {
    let language =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/language/errors.md")).unwrap();
    let mut shown = 0;
    for kind in flow_plan::ErrorCode::ALL {
        let (name, text) = (kind.as_str(), explain_record_error(kind));
        assert!(text.starts_with(&format!("# {name}\n\n{}.\n", record_error_title(kind))), "{name}");
        assert!(language.contains(&format!("| `{name}` | {} |", record_error_title(kind))), "{name}");
        assert_eq!(record_error(name), Some(kind));
        let Some((end, data)) = example_data(text) else { continue };
        shown += 1;
        let folder = tempfile::tempdir().unwrap();
        let run = |script: &str| {
            std::fs::write(folder.path().join(format!("rows.{end}")), bytes(data)).unwrap();
            std::fs::write(folder.path().join("example.flow"), script).unwrap();
            let done = flow_tests::flow_binary::run(folder.path(), &["run", "example.flow"]);
            (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
        };
        let (fails, mended) = example(text, "Fails").zip(example(text, "Mended")).unwrap();
        let (status, err) = run(fails);
        assert_eq!(status, Some(3), "{name}: {err}");
        assert!(err.contains(&format!("error[{name}]")), "{name}: {err}");
        let (status, err) = run(mended);
        assert_eq!(status, Some(0), "{name}: {err}");
    }
    assert!(shown >= 13, "only {shown} have an example");
}

#[test]
fn flow_explain_knows_kinds_of_record_errors() {
    let folder = tempfile::tempdir().unwrap();
    let said = |word: &str| {
        let done = flow_tests::flow_binary::run(folder.path(), &["explain", word]);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    for word in ["overflow", "divisionByZero", "division-by-zero", "[badJson]", "bad-json"] {
        let (status, out, _) = said(word);
        assert!(
            status == Some(0) && out.contains("onError: skip") && out.contains(".errors"),
            "{word}: {out}"
        );
    }
    let (status, _, err) = said("overflwo");
    assert!(status == Some(2) && err.contains("did you mean `overflow`?"), "{err}");
}
