//! The parts of the guide that are made: the reference, and a picture for each block marked `picture=NAME`.

use flow_driver::{LoadError, Options, compile, picture, reference, runnable};
use std::path::{Path, PathBuf};

/// The folder of the documentation.
pub(crate) fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Every made file with its text.
pub(crate) fn files() -> Result<Vec<(PathBuf, String)>, String> {
    let guide = docs().join("guide");
    let mut made = vec![
        (guide.join("reference/built-in.md"), reference::built_in()),
        (guide.join("reference/connector-arguments.md"), reference::connectors()),
        (guide.join("reference/codes.md"), reference::codes()),
    ];
    for path in pages(&docs().join("language"))? {
        let name = path.file_name().unwrap_or_default();
        if name != "README.md" {
            made.push((guide.join("reference").join(name), reference::page(&read(&path)?)));
        }
    }
    for path in pages(&guide)? {
        for block in blocks(&read(&path)?) {
            if let Some(name) = block.info.strip_prefix("flow picture=") {
                made.push((guide.join(format!("pictures/{name}.svg")), drawn(&block.text)?));
            }
        }
    }
    Ok(made)
}

/// The Markdown pages of a folder.
pub(crate) fn pages(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    found.sort();
    Ok(found)
}

/// A code block of a page.
pub(crate) struct Block {
    /// What stands behind the fence.
    pub(crate) info: String,
    /// The text, with a line end behind each line.
    pub(crate) text: String,
}

/// The code blocks of a page.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block { info: info.to_string(), text: String::new() });
            }
            (Some(_), Some("")) => found.extend(open.take()),
            (Some(block), _) => block.text.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    found
}

fn drawn(script: &str) -> Result<String, String> {
    let mut loader = |path: &Path| match path == Path::new("script.flow") {
        true => Ok(script.as_bytes().to_vec()),
        false => Err(LoadError::Missing),
    };
    let compiled =
        compile(&mut loader, Path::new("script.flow"), &Options::default()).map_err(|e| e.to_string())?;
    let plan = compiled.plan.ok_or_else(|| format!("a picture's script is wrong:\n{script}"))?;
    let graph = runnable(&plan).map_err(|_| format!("a picture's script cannot run:\n{script}"))?;
    let views = flow_plan::display::graph_views(&graph);
    Ok(picture::svg(&flow_plan::display::job_line(&plan.job), &views))
}
