//! The one style changes nothing that is said of a script: what is wrong stays wrong, and what a `flow-allow` comment allows
//! stays allowed, wherever the lines end.

use crate::{diagnostics, lang_examples, language};
use flow_driver::{Compilation, LoadError, Options, compile};
use flow_syntax::{FileId, Severity};
use std::path::{Path, PathBuf};

/// All examples, the wrong scripts, and the blocks of the language's reference, by the path they stand for.
fn scripts() -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).ok()?;
        Some((path, text))
    };
    let wrong = diagnostics::scripts().into_iter().map(|name| diagnostics::corpus().join(name));
    let is_script = |path: &PathBuf| path.extension().is_some_and(|e| e == "flow");
    let examples = lang_examples::files(&lang_examples::home()).into_iter().filter(is_script);
    let files = examples.chain(wrong).filter_map(read);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/language");
    files.chain(language::blocks().into_iter().map(|block| (folder.join(block.name), block.text))).collect()
}

fn compiled(path: &Path, text: &str) -> Compilation {
    let mut loader = |asked: &Path| match asked == path {
        true => Ok(text.as_bytes().to_vec()),
        false => std::fs::read(asked).map_err(|_| LoadError::Missing),
    };
    compile(&mut loader, path, &Options::default()).unwrap()
}

/// What is said of a script, without places.
fn said(compiled: &Compilation) -> Vec<String> {
    let mut all: Vec<String> =
        compiled.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    all.sort();
    all
}

/// Says what differs behind `flow fmt`; nothing where it is not formatted at all.
fn differs(path: &Path, text: &str) -> Option<String> {
    let formatted = flow_syntax::format(text).ok()?;
    let (before, after) = (said(&compiled(path, text)), said(&compiled(path, &formatted)));
    (before != after).then(|| {
        let path = path.display();
        format!("==== {path}\n{text}\n---- becomes\n{formatted}\n---- {before:#?}\n---- {after:#?}")
    })
}

/// The script with as few lines as its pipelines can have.
fn squeezed(text: &str) -> String {
    ["|>", "->"]
        .iter()
        .fold(text.to_string(), |text, joint| text.replace(&format!("\n  {joint}"), &format!(" {joint}")))
}

/// The script with each of its warnings allowed: above its line, behind it, and in it.
fn allowed(path: &Path, text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for warning in compiled(path, text).diagnostics.iter().filter(|d| d.severity == Severity::Warning) {
        if warning.primary.span.file != FileId(0) {
            continue;
        }
        let at = warning.primary.span.start as usize;
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        let with = |place: usize, comment: String| format!("{}{comment}{}", &text[..place], &text[place..]);
        all.push(with(start, format!("  // flow-allow {}: on purpose\n", warning.code)));
        all.push(with(start, format!("/* flow-allow {}: on purpose */ ", warning.code)));
        if !text[start..end].contains("//") {
            all.push(with(end, format!(" // flow-allow {}: on purpose", warning.code)));
        }
    }
    all
}

#[test]
fn what_is_said_of_a_script_is_said_of_it_in_the_one_style() {
    let different: Vec<String> = scripts().iter().filter_map(|(path, text)| differs(path, text)).collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn what_is_allowed_stays_allowed_in_the_one_style() {
    let (mut count, mut different) = (0, Vec::new());
    for (path, text) in scripts() {
        for text in [squeezed(&text), text] {
            if flow_syntax::format(&text).is_err() {
                continue;
            }
            for text in allowed(&path, &text) {
                count += 1;
                different.extend(differs(&path, &text));
            }
        }
    }
    assert!(count > 100, "only {count} warnings");
    assert!(different.is_empty(), "{} of {count}:\n{}", different.len(), different.join("\n"));
}

#[test]
fn a_line_that_a_comment_speaks_of_stays_a_line() {
    let source = "source a: { k: int, v: int } = file(\"a\", format: json)\n\n";
    for text in [
        "// flow-allow W0301: on purpose\nstream s = a |> keyBy(k) |> count() |> filter(count > 1)\n",
        "stream s = a |> keyBy(k) |> count() |> filter(count > 1) // flow-allow W0301: on purpose\n",
        "stream s = a\n  |> filter(v > 1)\n  // flow-allow W0301: on purpose\n  |> keyBy(k) |> count()\n  |> filter(count > 1)\n",
    ] {
        let text = format!("{source}{text}");
        assert_eq!(flow_syntax::format(&text).unwrap(), text);
    }
    let long = "// flow-allow W0303: on purpose\nsink o = a |> map { first: k + 1, second: v + 2, third: v + 3, fourth: k + 4, fifth: v } |> map { fifth } -> blackhole()\n";
    let formatted = flow_syntax::format(&format!("{source}{long}")).unwrap();
    assert_eq!(differs(Path::new("s.flow"), &format!("{source}{long}")), None, "{formatted}");
    assert!(formatted.contains("fifth: v } |> map {"), "{formatted}");
}
