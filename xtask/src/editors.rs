//! The tests of what is written for editors in other languages than Rust, run against the `flow` that was just
//! built. Nothing is left out: a missing program is an error that says how to get it.

use crate::shell::{root, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs those that take seconds: the unit tests of the VS Code extension, which read what `flow` prints.
pub(crate) fn quick(flow: &Path) -> Result<(), String> {
    let folder = vscode();
    install(&folder)?;
    run(npm(&folder, &["run", "test"]).env("FLOW_BIN", flow))
}

/// Runs the others: the package of the extension, and sessions of editors.
pub(crate) fn slow(flow: &Path) -> Result<(), String> {
    run(npm(&vscode(), &["run", "package"]).env("FLOW_BIN", flow))?;
    for editor in SESSIONS {
        let session = root().join("editor-support").join(editor).join("test/run.sh");
        run(Command::new("bash").arg(session).env("FLOW_BIN", flow))?;
    }
    Ok(())
}

/// Editors that a script drives without a window; it installs them from Debian's packages where they are missing.
const SESSIONS: &[&str] = &["neovim", "emacs", "sublime"];

fn vscode() -> PathBuf {
    root().join("editor-support/vscode")
}

/// What `package-lock.json` names, once for each change of it.
fn install(folder: &Path) -> Result<(), String> {
    let there = Command::new(NPM).arg("--version").output().is_ok_and(|out| out.status.success());
    if !there {
        return Err("the tests of the editors' extensions need Node 20 or newer, with `npm`".to_string());
    }
    let time = |file: &str| std::fs::metadata(folder.join(file)).and_then(|data| data.modified()).ok();
    let (wanted, done) = (time("package-lock.json"), time("node_modules/.package-lock.json"));
    if done.is_some() && done >= wanted { Ok(()) } else { run(&mut npm(folder, &["ci"])) }
}

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

fn npm(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(NPM);
    command.args(args).current_dir(folder);
    command
}
