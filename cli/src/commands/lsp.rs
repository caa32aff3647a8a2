//! `flow lsp`: the language server, with the disk for what is not open in the editor.

use crate::script;
use crate::status::{Outcome, Status, Stop};
use flow_driver::LoadError;
use flow_env::Env;
use std::path::{Path, PathBuf};

/// Folders below the editor's that are looked into; a tree of more is looked at in part.
const FOLDERS: usize = 1_000;

struct Disk(Env);

impl flow_lsp::Files for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, LoadError> {
        script::read(path, &self.0)
    }

    fn scripts(&self, folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![folder.to_path_buf()];
        let mut looked = 0;
        while let Some(folder) = open.pop().filter(|_| looked < FOLDERS) {
            looked += 1;
            // A folder that cannot be listed holds nothing that could be shown.
            for entry in self.0.disk.list(&folder).unwrap_or_default() {
                let name = entry
                    .path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                let hidden = name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules");
                match entry.info.is_dir {
                    true if !hidden => open.push(entry.path),
                    false if name.ends_with(".flow") => found.push(entry.path),
                    _ => {}
                }
            }
        }
        found
    }
}

pub(super) fn run() -> Outcome {
    flow_lsp::serve_stdio(Box::new(Disk(Env::real()))).map_err(Stop::outside)?;
    Ok(Status::Done)
}
