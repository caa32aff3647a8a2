//! The guide in `docs/guide`: what is made is up to date, each script in it compiles, each link leads somewhere.
#![allow(missing_docs, clippy::disallowed_methods)]

mod made;

use flow_driver::{LoadError, Options, compile};
use std::path::Path;

#[test]
fn the_reference_and_the_pictures_are_up_to_date() {
    for (path, text) in made::files().unwrap() {
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == text, "{} is not what it would be: run `cargo xtask docs`", path.display());
    }
}

/// What is wrong with a script, by line: `error` and `warning` comments name what they show.
fn compare(name: &str, script: &str) {
    let mut loader = |path: &Path| match path == Path::new("page.flow") {
        true => Ok(script.as_bytes().to_vec()),
        false => Err(LoadError::Missing),
    };
    let compiled = compile(&mut loader, Path::new("page.flow"), &Options::default()).unwrap();
    let mut found = Vec::new();
    for d in &compiled.diagnostics {
        let (line, _) = compiled.sources.line_col(d.primary.span.file, d.primary.span.start);
        found.push((line, d.code.to_string()));
    }
    let mut wanted = Vec::new();
    for (number, line) in script.lines().enumerate() {
        for mark in ["// error: ", "// warning: "] {
            if let Some((_, code)) = line.split_once(mark) {
                wanted.push((number + 1, code.trim().to_string()));
            }
        }
    }
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "{name}:\n{script}");
}

#[test]
fn every_script_of_the_guide_compiles() {
    let mut scripts = 0;
    for path in made::pages(&made::docs().join("guide")).unwrap() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for block in made::blocks(&std::fs::read_to_string(&path).unwrap()) {
            if block.info.split(' ').next() == Some("flow") {
                scripts += 1;
                compare(&name, &block.text);
            }
        }
    }
    assert!(scripts > 20, "{scripts}");
}

#[test]
fn every_link_of_the_guide_leads_to_a_file() {
    let guide = made::docs().join("guide");
    for folder in [guide.clone(), guide.join("reference")] {
        for path in made::pages(&folder).unwrap() {
            let text = std::fs::read_to_string(&path).unwrap();
            for (at, _) in text.match_indices("](") {
                let target = text[at + 2..].split(')').next().unwrap();
                let file = target.split('#').next().unwrap();
                if file.is_empty() || target.contains("://") || target.contains([' ', '\n', '`']) {
                    continue;
                }
                assert!(folder.join(file).exists(), "{}: no `{target}`", path.display());
            }
        }
    }
}

#[test]
fn the_summary_names_every_page() {
    let guide = made::docs().join("guide");
    let summary = std::fs::read_to_string(guide.join("SUMMARY.md")).unwrap();
    for (folder, prefix) in [(guide.clone(), ""), (guide.join("reference"), "reference/")] {
        for path in made::pages(&folder).unwrap() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(name == "SUMMARY.md" || summary.contains(&format!("({prefix}{name})")), "{prefix}{name}");
        }
    }
}
