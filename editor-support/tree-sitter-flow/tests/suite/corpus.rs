//! `test/corpus`: texts and their trees, in the form of `tree-sitter test`. `UPDATE_CORPUS=1` writes the
//! trees anew; read them before they are committed.

use crate::parse;
use std::path::Path;

struct Case {
    title: String,
    text: String,
    tree: String,
}

/// Cases stand one after the other: a title between lines of `=`, a text, a line of `-`, a tree.
fn cases(file: &str) -> Vec<Case> {
    let rule = "=".repeat(20);
    let mut parts = file.split(rule.as_str()).map(str::trim).skip(1);
    let mut all = Vec::new();
    while let (Some(title), Some(body)) = (parts.next(), parts.next()) {
        let (text, tree) = body.split_once("\n---").unwrap_or((body, ""));
        all.push(Case { title: title.into(), text: text.trim().into(), tree: tree.trim().into() });
    }
    all
}

/// A tree with one node a line.
fn shown(sexp: &str) -> String {
    let (mut out, mut depth, mut rest) = (String::new(), 0usize, sexp);
    while let Some(at) = rest.find(['(', ')', ' ']) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'(' => (out.push('('), depth += 1).1,
            b')' => (out.push(')'), depth -= 1).1,
            _ if out.ends_with(':') => out.push(' '),
            // `(MISSING "}")` stays on its line.
            _ if out.ends_with("MISSING") || out.ends_with("UNEXPECTED") => out.push(' '),
            _ => out.push_str(&format!("\n{}", "  ".repeat(depth))),
        }
        rest = &rest[at + 1..];
    }
    out + rest
}

#[test]
fn every_text_of_the_corpus_has_its_tree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/corpus");
    let update = std::env::var_os("UPDATE_CORPUS").is_some();
    let (mut wrong, mut count) = (Vec::new(), 0);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files {
        let mut written = Vec::new();
        for case in cases(&std::fs::read_to_string(&file).unwrap()) {
            let found = shown(&parse(&case.text).root_node().to_sexp());
            count += 1;
            if found != case.tree {
                wrong.push(format!("{}: {}\n{found}\n", file.display(), case.title));
            }
            let line = "=".repeat(20);
            written.push(format!("{line}\n{}\n{line}\n\n{}\n\n---\n\n{found}\n", case.title, case.text));
        }
        if update {
            std::fs::write(&file, written.join("\n")).unwrap();
        }
    }
    assert!(count >= 30, "only {count} cases");
    assert!(update || wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
