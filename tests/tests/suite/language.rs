//! The language reference in `docs/language` is a test: every `flow` block compiles, and gives exactly
//! what its comments say: `// error: E0203` and `// warning: W0301` on the line of the finding,
//! `// type: …` on the line whose stage, declaration or expression has that type. A block marked
//! `flow prelude` stands before all others of its page.

use flow_driver::{Compilation, LoadError, Options};
use flow_plan::{DataType, RecordType};
use flow_syntax::{FileId, Span};
use flow_types::checked::CheckedKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/language")
}

pub(crate) struct Block {
    /// `joins.md:12`.
    pub(crate) name: String,
    pub(crate) text: String,
    /// Lines of the prelude before the block's own first line.
    offset: usize,
    /// Line of the page on which the block's first line stands.
    line: usize,
}

pub(crate) fn blocks() -> Vec<Block> {
    let mut all = Vec::new();
    let mut pages: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    pages.sort();
    for page in pages {
        let file = page.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&page).unwrap();
        let (mut prelude, mut open): (String, Option<(bool, usize, String)>) = (String::new(), None);
        for (number, line) in text.lines().enumerate().map(|(i, l)| (i + 1, l)) {
            match (&mut open, line) {
                (None, "```flow") => open = Some((false, number + 1, String::new())),
                (None, "```flow prelude") => open = Some((true, number + 1, String::new())),
                (Some(_), "```") => {
                    let (is_prelude, line, body) = open.take().unwrap();
                    if is_prelude {
                        prelude = body;
                        continue;
                    }
                    let offset = prelude.lines().count();
                    all.push(Block {
                        name: format!("{file}:{line}"),
                        text: format!("{prelude}{body}"),
                        offset,
                        line,
                    });
                }
                (Some((_, _, body)), line) => {
                    body.push_str(line);
                    body.push('\n');
                }
                _ => {}
            }
        }
        assert!(open.is_none(), "{file}: a block is never closed");
    }
    all
}

fn compile(text: &str) -> Compilation {
    let mut loader = |path: &Path| match path.to_str() {
        Some("page.flow") => Ok(text.as_bytes().to_vec()),
        _ => Err(LoadError::Missing),
    };
    flow_driver::compile(&mut loader, Path::new("page.flow"), &Options::default()).unwrap()
}

/// What the comments of a text say: line, kind (`error`, `warning`, `type`) and the rest.
fn expectations(text: &str) -> Vec<(usize, &str, String)> {
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for kind in ["error", "warning", "type"] {
            if let Some((_, what)) = line.split_once(&format!("// {kind}: ")) {
                all.push((number + 1, kind, what.trim().to_string()));
            }
        }
    }
    all
}

#[test]
fn every_block_of_the_reference_gives_what_its_comments_say() {
    let mut wrong = Vec::new();
    let blocks = blocks();
    assert!(blocks.len() > 60, "only {} blocks", blocks.len());
    for block in &blocks {
        let done = compile(&block.text);
        let page_line = |line: usize| (line + block.line).saturating_sub(block.offset + 1);
        let mut expected: Vec<(usize, String)> = Vec::new();
        for (line, kind, what) in expectations(&block.text) {
            if kind != "type" {
                expected.push((line, what));
                continue;
            }
            let found = type_on_line(&done, &block.text, line);
            if found.as_deref() != Some(what.as_str()) {
                wrong.push(format!(
                    "{} line {}: the type is {found:?}, not {what}",
                    block.name,
                    page_line(line)
                ));
            }
        }
        let mut found: Vec<(usize, String)> = done
            .diagnostics
            .iter()
            // A block shows one thing; that nothing reads it is no matter.
            .filter(|d| d.code.0 != "W0302")
            .map(|d| (done.sources.line_col(d.primary.span.file, d.primary.span.start).0, d.code.to_string()))
            .collect();
        found.sort();
        expected.sort();
        if found != expected {
            let shown = flow_cli::render::report(
                &done.diagnostics,
                &done.sources,
                flow_cli::render::Look::plain(100),
            );
            wrong.push(format!("{}: expected {expected:?}\n{shown}", block.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The type of what begins on a line: of the last stage, else of the declaration, else of the longest expression.
fn type_on_line(done: &Compilation, text: &str, line: usize) -> Option<String> {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let end = start + text.lines().nth(line - 1)?.len();
    let begins_here = |span: Span| span.file == FileId(0) && (start..end).contains(&(span.start as usize));
    for declaration in &done.checked.declarations {
        let CheckedKind::Pipeline(pipeline) = &declaration.kind else { continue };
        if let Some(stage) = pipeline.stages.iter().rev().find(|s| begins_here(s.span)) {
            return stage.after.record().map(|r| record(&r));
        }
        if begins_here(declaration.span) {
            return pipeline.output.record().map(|r| record(&r));
        }
    }
    let here = done.checked.types().filter(|(span, _)| begins_here(*span));
    here.max_by_key(|(span, _)| span.end - span.start).map(|(_, ty)| ty.to_string())
}

fn record(record: &Arc<RecordType>) -> String {
    DataType::Record(record.clone()).to_string()
}
