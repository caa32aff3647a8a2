//! Every script of the repository and of the language reference. What belongs to the tests is what the
//! compiler's parser has nothing to say about; a type error is no matter here.

use flow_syntax::FileId;
use flow_syntax::ast::Program;
use std::path::{Path, PathBuf};

pub(crate) struct Script {
    /// `docs/language/joins.md:12`, `lang-examples/scan/scan.flow`.
    pub(crate) name: String,
    pub(crate) text: String,
    /// What the compiler makes of it; nothing where it finds the syntax wrong.
    pub(crate) program: Option<Program>,
}

pub(crate) fn all() -> Vec<Script> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in
        ["lang-examples", "benches/scripts", "cli/template", "tests/diagnostics", "docs", "compiler"]
    {
        walk(&root.join(folder), &mut files);
    }
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        // Some scripts are bytes that are no text, on purpose.
        let Ok(text) = String::from_utf8(std::fs::read(&file).unwrap()) else { continue };
        match name.ends_with(".md") {
            true => all.extend(blocks(&name, &text)),
            false => all.push(script(name, text)),
        }
    }
    all
}

fn script(name: String, text: String) -> Script {
    let (program, diagnostics) = flow_syntax::parse(FileId(0), &text);
    Script { name, text, program: diagnostics.is_empty().then_some(program) }
}

/// The code blocks of a page; what a block of the reference needs from its prelude is no matter here.
fn blocks(page: &str, text: &str) -> Vec<Script> {
    let mut all = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match &mut open {
            None if line.starts_with("```flow") => open = Some((number + 2, String::new())),
            Some(_) if line == "```" => {
                let (line, body) = open.take().unwrap();
                all.push(script(format!("{page}:{line}"), body));
            }
            Some((_, body)) => {
                body.push_str(line);
                body.push('\n');
            }
            None => {}
        }
    }
    all
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            // Hidden ones are the state of examples that somebody ran.
            if !name.starts_with('.') && name != "out" && name != "target" {
                walk(&path, files);
            }
        } else if name.ends_with(".flow") || name.ends_with(".md") {
            files.push(path);
        }
    }
}
