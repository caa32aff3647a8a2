//! The programs of others that the suite runs: where they are installed and at which version.
#![allow(clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The version the numbers in docs/performance.md were measured with.
const DUCKDB: &str = "duckdb==2.0.0";
/// Flink's jars, in a package that needs nothing of Python but to be unpacked by it.
const FLINK: &str = "apache-flink-libraries==2.3.0";

/// A Python with DuckDB in it, made on first use.
pub fn duckdb(data: &Path) -> Result<PathBuf, String> {
    let python = python(data)?;
    let works = |args: &[&str]| Command::new(&python).args(args).status().is_ok_and(|s| s.success());
    let there =
        || Command::new(&python).args(["-c", "import duckdb"]).output().is_ok_and(|o| o.status.success());
    if there() {
        return Ok(python);
    }
    eprintln!("installing {DUCKDB} into {}", shown(&python));
    if works(&["-m", "pip", "install", "--quiet", DUCKDB]) && there() {
        return Ok(python);
    }
    Err(format!("{DUCKDB} could not be installed with pip"))
}

/// The folder of Flink's jars, installed on first use; Java must be there.
pub fn flink(data: &Path) -> Result<PathBuf, String> {
    if !Command::new("java").arg("-version").output().is_ok_and(|o| o.status.success()) {
        return Err("Flink needs a Java of version 11 or later, and there is none".to_string());
    }
    let python = python(data)?;
    let jars = || -> Option<PathBuf> {
        let script =
            "import importlib.util as u; print(u.find_spec('pyflink').submodule_search_locations[0])";
        let said = Command::new(&python).args(["-c", script]).output().ok().filter(|o| o.status.success())?;
        let folder = PathBuf::from(String::from_utf8(said.stdout).ok()?.trim()).join("lib");
        folder.is_dir().then_some(folder)
    };
    if let Some(found) = jars() {
        return Ok(found);
    }
    eprintln!("installing {FLINK} into {}", shown(&python));
    let args = ["-m", "pip", "install", "--quiet", "--no-deps", FLINK];
    let done = Command::new(&python).args(args).status().is_ok_and(|s| s.success());
    jars().filter(|_| done).ok_or_else(|| format!("{FLINK} could not be installed with pip"))
}

/// The Python of an environment in the (git-ignored) data folder.
fn python(data: &Path) -> Result<PathBuf, String> {
    let venv = data.join("venv");
    let python = venv.join("bin").join("python");
    if python.exists() {
        return Ok(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&venv).status();
    if made.is_ok_and(|s| s.success()) {
        return Ok(python);
    }
    Err("python3 with venv is needed to install the programs of others, and there is none".to_string())
}

fn shown(python: &Path) -> String {
    let venv = python.parent().and_then(Path::parent).unwrap_or(python);
    venv.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
