//! `cargo xtask tidy`: the house rules a machine can check. Each rule returns findings, one line
//! each, and never stops at the first.

mod crates;
mod text;
mod unsafety;

use crate::shell::root;
use std::path::{Path, PathBuf};

/// A file of the repository: its path from the root with `/`, and its content if it is text.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Prints the findings; an error if there is any.
pub(crate) fn run() -> Result<(), String> {
    let findings = findings()?;
    if findings.is_empty() {
        println!("tidy: nothing to say");
        return Ok(());
    }
    Err(format!("{}\ntidy: {} findings", findings.join("\n"), findings.len()))
}

/// Everything that breaks a rule in the working tree.
pub(crate) fn findings() -> Result<Vec<String>, String> {
    let mut found = crates::check(&crates::metadata()?);
    let mut files = Vec::new();
    walk(&root(), &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    for file in &files {
        text::check(file, &mut found);
        unsafety::check(file, &mut found);
    }
    Ok(found)
}

/// Collects the text files of the working tree, without build output, git and generated data.
fn walk(folder: &Path, files: &mut Vec<SourceFile>) -> Result<(), String> {
    let say = |e: std::io::Error| format!("{}: {e}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(say)? {
        let path: PathBuf = entry.map_err(say)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            let hidden = name.starts_with('.') && !matches!(name.as_str(), ".ci" | ".github" | ".cargo");
            let made =
                name == "node_modules" || is_package(folder) && matches!(name.as_str(), "dist" | "out");
            if !hidden && !made && !name.starts_with("target") && name != "data" || is_crate(&path) {
                walk(&path, files)?;
            }
        } else if let Ok(bytes) = std::fs::read(&path)
            && let Ok(text) = String::from_utf8(bytes)
        {
            let path = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push(SourceFile { path, text });
        }
    }
    Ok(())
}

/// An npm package makes its bundle in `dist`, its tests in `out`.
fn is_package(folder: &Path) -> bool {
    folder.join("package.json").is_file()
}

/// `runtime/data` is a crate; every other folder called `data` holds data.
fn is_crate(folder: &Path) -> bool {
    folder.join("Cargo.toml").is_file()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_working_tree_keeps_the_house_rules() {
        let found = super::findings().unwrap_or_else(|e| vec![e]);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}
