//! Which files a path means: one file, a glob, or all files in a folder. Only names and kinds are
//! looked at here, never contents.

use flow_engine::source::SourceError;
use flow_env::Disk;
use glob::{MatchOptions, Pattern};
use std::path::{Component, Path, PathBuf};

/// `*` stops at folders, hidden files must be named.
const GLOB: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// The files that `path` (relative to `base`) means, sorted by path.
pub(crate) fn files(path: &str, base: &Path, disk: &dyn Disk) -> Result<Vec<PathBuf>, SourceError> {
    let full = base.join(path);
    let mut found = match disk.info(&full) {
        Ok(info) if info.is_dir => {
            let mut found = Vec::new();
            walk(&full, disk, &mut found, &|_| true)?;
            if found.is_empty() {
                return Err(SourceError::Open(format!(
                    "there are no files in the folder {}",
                    full.display()
                )));
            }
            found
        }
        Ok(_) => vec![full],
        Err(_) if path.contains(['*', '?', '[']) => matching(&full, disk)?,
        Err(error) => return Err(cannot_open(&full, &error, disk)),
    };
    found.sort();
    Ok(found)
}

/// Files that match a glob.
fn matching(full: &Path, disk: &dyn Disk) -> Result<Vec<PathBuf>, SourceError> {
    let text = full.to_string_lossy();
    let pattern = Pattern::new(&text)
        .map_err(|error| SourceError::Open(format!("`{text}` is no valid glob: {error}")))?;
    let special = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let root: PathBuf = full.components().take_while(|part| !special(part)).collect();
    let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
    let depth = full.components().count();
    let deep = text.contains("**");
    let mut found = Vec::new();
    if disk.info(&root).is_ok_and(|info| info.is_dir) {
        walk(&root, disk, &mut found, &|dir| deep || dir.components().count() < depth)?;
    }
    found.retain(|path| {
        pattern.matches_path_with(path, GLOB)
            || path.strip_prefix(".").is_ok_and(|path| pattern.matches_path_with(path, GLOB))
    });
    if found.is_empty() {
        return Err(SourceError::Open(format!("no file matches {text}")));
    }
    Ok(found)
}

/// All files below a folder whose names do not start with `.` or `_` (what is not ready yet, and
/// markers of other systems). Folders are entered where `enter` says so.
fn walk(
    dir: &Path,
    disk: &dyn Disk,
    found: &mut Vec<PathBuf>,
    enter: &dyn Fn(&Path) -> bool,
) -> Result<(), SourceError> {
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        let entries = disk.list(&dir).map_err(|error| {
            SourceError::Open(format!("cannot read the folder {}: {error}", dir.display()))
        })?;
        for entry in entries {
            let name = entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(['.', '_']) {
                continue;
            }
            match entry.info.is_dir {
                true if enter(&entry.path) => open.push(entry.path),
                true => {}
                false => found.push(entry.path),
            }
        }
    }
    Ok(())
}

/// Says why a file cannot be opened, with a near name if there is one.
pub(crate) fn cannot_open(path: &Path, error: &std::io::Error, disk: &dyn Disk) -> SourceError {
    let mut text = format!("cannot open {}: {}", path.display(), crate::advice::said(error));
    if error.kind() == std::io::ErrorKind::NotFound
        && let (Some(dir), Some(name)) = (path.parent(), path.file_name())
    {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        let entries = disk.list(dir).unwrap_or_default();
        let names: Vec<String> =
            entries.iter().filter_map(|e| Some(e.path.file_name()?.to_string_lossy().into_owned())).collect();
        if let Some(near) = crate::names::nearest(&name.to_string_lossy(), names.iter().map(String::as_str)) {
            text = format!("{text}; there is {}", path.with_file_name(near).display());
        }
    }
    SourceError::Open(text)
}
