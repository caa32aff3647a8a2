//! `cargo xtask docs`: writes the reference part of the guide and its pictures. A test compares them with what is there.
#![allow(clippy::disallowed_methods)]

#[path = "../tests/guide/made.rs"]
mod made;

fn main() -> Result<(), String> {
    for (path, text) in made::files()? {
        let folder = path.parent().ok_or("a page has no folder")?;
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        }
    }
    Ok(())
}
