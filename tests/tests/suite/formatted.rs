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

/// The lines of a text without comments that allow something.
fn without_comments(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let code = line.split("// flow-allow").next().unwrap_or_default();
        if code == line || !code.trim().is_empty() {
            out.push_str(code.trim_end());
            out.push('\n');
        }
    }
    out
}

#[test]
fn a_statement_is_laid_out_as_it_would_be_without_what_it_allows() {
    let source = "source a: { k: int, v: int } = file(\"a\", format: json)\n\n";
    let allow = "// flow-allow W0301: on purpose\n";
    let one_line = "stream s = a |> filter(v > 1) |> keyBy(k) |> count() |> filter(count > 1)\n";
    let lines = "stream s = a\n  |> filter(v > 1)\n  |> keyBy(k)\n  |> count()\n  |> filter(count > 1)\n";
    let whole = format!("{allow}{lines}");
    let wanted = [
        (format!("{allow}{one_line}"), whole.clone()),
        (one_line.replace('\n', &format!(" {allow}")), whole.clone()),
        (lines.replace("\n  |> count()", &format!(" |> count() {}", allow.trim_end())), whole.clone()),
        (
            lines.replace("\n  |> count()", " |> count()").replace("  |> key", &format!("  {allow}  |> key")),
            whole,
        ),
        // What speaks of one line still stays where it is.
        (lines.replace("(k)\n", &format!("(k) {allow}")), lines.replace("(k)\n", &format!("(k) {allow}"))),
        (
            lines.replace("  |> keyBy", &format!("  {allow}  |> keyBy")),
            lines.replace("  |> keyBy", &format!("  {allow}  |> keyBy")),
        ),
    ];
    for (text, wanted) in wanted {
        let formatted = flow_syntax::format(&format!("{source}{text}")).unwrap();
        assert_eq!(formatted, format!("{source}{wanted}"), "{text}");
        assert_eq!(without_comments(&formatted), format!("{source}{lines}"));
    }
    let documented = format!("/// Counts.\n{}", one_line.replace('\n', &format!(" {allow}")));
    let formatted = flow_syntax::format(&documented).unwrap();
    assert_eq!(formatted, format!("{allow}/// Counts.\n{lines}"));
    let (program, _) = flow_syntax::parse(FileId(0), &formatted);
    assert_eq!(program.decls[0].doc.as_deref(), Some("Counts."));
}

/// In every example, and in the wrong scripts, with every warning allowed on a line of its own or behind its line.
#[test]
fn what_is_allowed_changes_no_line() {
    let mut different = Vec::new();
    for (path, text) in scripts() {
        for text in [squeezed(&text), text] {
            let Ok(plain) = flow_syntax::format(&text) else { continue };
            // A comment of its own line within brackets breaks them, whatever it says.
            let outside = |text: &String| !text.contains("/* flow-allow") && !within_brackets(text);
            for with in allowed(&path, &text).into_iter().filter(outside) {
                let formatted = flow_syntax::format(&with).unwrap();
                assert_eq!(flow_syntax::format(&formatted).unwrap(), formatted, "{with}");
                if without_comments(&formatted) != without_comments(&plain) {
                    different.push(format!("==== {}\n{with}\n---- becomes\n{formatted}", path.display()));
                }
            }
        }
    }
    assert!(different.is_empty(), "{}:\n{}", different.len(), different.join("\n"));
}

/// Does its first comment that allows something stand within brackets?
fn within_brackets(text: &str) -> bool {
    let at = text.find("  // flow-allow").unwrap_or(0);
    let open = text[..at].matches(['(', '[', '{']).count();
    open > text[..at].matches([')', ']', '}']).count()
}
