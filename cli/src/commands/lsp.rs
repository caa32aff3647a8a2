//! `flow lsp`: the language server, with the disk for what is not open in the editor.

use crate::script;
use crate::status::{Outcome, Status, Stop};
use flow_env::Env;

pub(super) fn run() -> Outcome {
    let env = Env::real();
    flow_lsp::serve_stdio(Box::new(move |path| script::read(path, &env))).map_err(Stop::outside)?;
    Ok(Status::Done)
}
