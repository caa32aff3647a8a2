//! Every code has an explanation, and its examples are what they say they are.

use flow_driver::explain::{example, explain, leftovers};
use flow_driver::{LoadError, Options};
use flow_syntax::codes::CODES;
use std::path::Path;

/// An example as bytes. What cannot stand in a Markdown file is written out here: `‹A3›` is that byte,
/// `x, … 5000 more …` is `x` so many times.
fn bytes(example: &str) -> Vec<u8> {
    let mut text = example.to_string();
    if let Some((before, rest)) = example.split_once(", … ") {
        let (count, after) = rest.split_once(" more …").expect("… N more …");
        let item = &before[before.rfind('[').unwrap() + 1..];
        let count: usize = count.parse().unwrap();
        text = format!("{before}{}{after}", format!(", {item}").repeat(count));
    }
    match text.split_once('‹') {
        Some((before, rest)) => {
            let (hex, after) = rest.split_once('›').unwrap();
            let byte = u8::from_str_radix(hex, 16).unwrap();
            [before.as_bytes(), &[byte], after.as_bytes()].concat()
        }
        None => text.into_bytes(),
    }
}

/// The codes that compiling gives.
fn codes(example: &str) -> Vec<&'static str> {
    let mut loader = |path: &Path| match path.to_str() {
        Some("example.flow") => Ok(bytes(example)),
        _ => Err(LoadError::Missing),
    };
    let done = flow_driver::compile(&mut loader, Path::new("example.flow"), &Options::default()).unwrap();
    done.diagnostics.iter().map(|d| d.code.0).collect()
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
        let found = codes(fails);
        if found.is_empty() || found.iter().any(|code| *code != info.code.0) {
            wrong.push(format!("{}: the failing example gives {found:?}", info.code));
        }
        let found = codes(mended);
        if !found.is_empty() {
            wrong.push(format!("{}: the mended example gives {found:?}", info.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
