//! The scripts of a git revision: as they were, and those that are there no more.

use crate::script;
use crate::status::Stop;
use flow_driver::{LoadError, Loader};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output};

/// The files of a git revision.
pub(super) struct Revision<'a>(pub(super) &'a str);

impl Revision<'_> {
    /// Is there such a revision where this file or folder lies? What it lacks can only be told apart from a wrong name before.
    pub(super) fn verify(&self, near: &Path) -> Result<(), Stop> {
        let folder = nearest(near);
        let commit = format!("{}^{{commit}}", self.0);
        let done = git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])
            .map_err(|why| Stop::outside(format!("`git:{}` needs git: {why}", self.0)))?;
        if done.status.success() {
            return Ok(());
        }
        let first = said(&done);
        Err(Stop::outside(if first.is_empty() {
            format!(
                "there is no revision `{}` here\n  help: a shallow clone has few of them; `git fetch` gets more",
                self.0
            )
        } else {
            format!("`git:{}`: {first}", self.0)
        }))
    }

    /// The scripts of a folder and those below it at the revision, without what [`script::in_folder`] leaves out; of a path
    /// that is there no more, the script it was, or those of the folder it was.
    pub(super) fn scripts(&self, path: &Path) -> Result<Vec<PathBuf>, Stop> {
        let wrong = |why: String| Stop::outside(format!("`git:{}` cannot be listed: {why}", self.0));
        let folder = nearest(path);
        let below = below(folder, path);
        let listed = git(folder, &["ls-tree", "-r", "-z", "--name-only", "--end-of-options", self.0, &below]);
        let done = listed.map_err(wrong)?;
        if !done.status.success() {
            return Err(wrong(said(&done)));
        }
        let names = String::from_utf8_lossy(&done.stdout);
        let paths =
            names.split('\0').map(Path::new).filter(|path| is_script(path) || *path == Path::new(&below));
        // In the folder where one is, a script goes by its name.
        Ok(paths
            .map(|path| if folder == Path::new(".") { path.to_path_buf() } else { folder.join(path) })
            .collect())
    }
}

/// The folder of the repository in which a script lies, from where we are.
pub(super) fn root(path: &Path) -> Option<PathBuf> {
    let near = nearest(folder(path));
    let done = git(near, &["rev-parse", "--show-cdup"]).ok().filter(|done| done.status.success())?;
    let up = String::from_utf8_lossy(&done.stdout);
    let root = flow_driver::normal(&near.join(up.trim_end_matches(['\r', '\n'])));
    Some(if root.as_os_str().is_empty() { PathBuf::from(".") } else { root })
}

/// The folder that is there at a path, or the next one above it.
fn nearest(path: &Path) -> &Path {
    let mut near = path;
    while !near.is_dir() {
        near = folder(near);
    }
    near
}

/// What git calls a path when it is asked in a folder above it.
fn below(near: &Path, path: &Path) -> String {
    let below = if near == Path::new(".") { path } else { path.strip_prefix(near).unwrap_or(path) };
    let below = below.strip_prefix(".").unwrap_or(below).to_string_lossy().replace('\\', "/");
    if below.is_empty() { ".".to_string() } else { below }
}

fn is_script(path: &Path) -> bool {
    let shown = |part: Component<'_>| match part {
        Component::Normal(name) => script::is_shown(&name.to_string_lossy()),
        _ => true,
    };
    path.extension().is_some_and(|end| end == "flow") && path.components().all(shown)
}

/// The folder of a file; git is asked there, as the file may lie in another repository than we do. A folder that is gone is
/// in the one of the next folder above it.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn git(folder: &Path, args: &[&str]) -> Result<Output, String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(args).env("LC_ALL", "C");
    git.output().map_err(|error| error.to_string())
}

/// The first line of what git complains about.
fn said(done: &Output) -> String {
    let said = String::from_utf8_lossy(&done.stderr);
    said.lines().next().unwrap_or_default().trim_start_matches("fatal: ").to_string()
}

impl Loader for Revision<'_> {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        // Scripts may lie in folders that are gone: git is asked in the nearest one that is there.
        let near = nearest(folder(path));
        let below = below(near, path);
        let name = format!("{}:./{below}", self.0);
        let done = git(near, &["show", "--end-of-options", &name])
            .map_err(|why| LoadError::Unreadable(format!("git: {why}")))?;
        if done.status.success() {
            return Ok(done.stdout);
        }
        let first = said(&done);
        if first.contains("does not exist") || first.contains("but not in") {
            return Err(LoadError::Missing);
        }
        Err(LoadError::Unreadable(if first.is_empty() { "git failed".into() } else { first }))
    }
}
