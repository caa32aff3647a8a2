//! Finds the `flow` binary that the end-to-end tests start: the one `cargo xtask test` built, else
//! one that is built here, in the same selection as the tests so that nothing compiles twice.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The binary; built on first use if `FLOW_BIN` does not name it.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("FLOW_BIN") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

/// Runs `flow` with these arguments in this folder, without input and without colour.
pub fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(path())
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("cannot start {}: {e}", path().display()))
}

fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--workspace", "--bin", "flow"]).current_dir(&root);
    let release = !cfg!(debug_assertions);
    if release {
        command.arg("--release");
    }
    let status = command.status().unwrap_or_else(|e| panic!("cannot start cargo: {e}"));
    assert!(status.success(), "flow does not build");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let profile = if release { "release" } else { "debug" };
    target.join(profile).join(format!("flow{}", std::env::consts::EXE_SUFFIX))
}
