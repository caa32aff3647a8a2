//! `flow lsp`: the language server, with the disk for what is not open in the editor.

use crate::script;
use crate::status::{Outcome, Status, Stop};
use flow_driver::LoadError;
use flow_env::Env;
use std::path::{Path, PathBuf};

struct Disk(Env);

impl flow_lsp::Files for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, LoadError> {
        script::read(path, &self.0)
    }

    fn real(&self, path: &Path) -> PathBuf {
        script::real(path, &self.0)
    }

    fn fields(&self, path: &Path) -> Vec<(String, String)> {
        let found = flow_connectors::infer::infer(path, &self.0).ok();
        let fields = found.iter().flat_map(|found| &found.ty.fields);
        fields.map(|field| (field.name.to_string(), field.ty.to_string())).collect()
    }

    fn scripts(&self, folder: &Path) -> Vec<PathBuf> {
        script::in_folder_and_hidden(folder, &self.0)
    }
}

pub(super) fn run() -> Outcome {
    let spawn = |name: &str, work| flow_env::spawn(name, work).map(drop).map_err(|error| error.to_string());
    flow_lsp::serve_stdio(Box::new(Disk(Env::real())), &spawn).map_err(Stop::outside)?;
    Ok(Status::Done)
}
