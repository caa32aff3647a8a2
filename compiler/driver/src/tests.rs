use super::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

fn diagnose(files: &[(&str, &[u8])]) -> Vec<(String, String)> {
    let table: HashMap<&str, &[u8]> = files.iter().copied().collect();
    let mut loader = |path: &Path| match path.to_str() {
        Some("locked.flow") => Err(LoadError::Unreadable("permission denied".into())),
        Some(path) => table.get(path).map(|b| b.to_vec()).ok_or(LoadError::Missing),
        None => Err(LoadError::Missing),
    };
    let done =
        compile(&mut loader, Path::new(files[0].0), &Options::default()).expect("the main file is there");
    done.diagnostics
        .iter()
        .map(|d| (d.code.to_string(), done.sources.file(d.primary.span.file).name.clone()))
        .filter(|(code, _)| !code.starts_with('W'))
        .collect()
}

fn found(code: &str, file: &str) -> (String, String) {
    (code.to_string(), file.to_string())
}

#[test]
fn imports_are_looked_for_beside_the_importing_file_and_loaded_once() {
    let files: &[(&str, &[u8])] = &[
        ("a/main.flow", b"import \"../lib/x.flow\"\nimport \"../lib/y.flow\""),
        ("lib/x.flow", b"import \"z.flow\"\ntype X = { z: Z }"),
        ("lib/y.flow", b"import \"./z.flow\"\ntype Y = { z: Z }"),
        ("lib/z.flow", b"type Z = int"),
    ];
    assert_eq!(diagnose(files), []);
}

/// A loader that stands in the folder `jobs`.
struct InJobs<'a>(&'a [(&'a str, &'a [u8])]);

impl Loader for InJobs<'_> {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        let path = self.identity(path);
        let found = self.0.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, bytes)| bytes.to_vec()).ok_or(LoadError::Missing)
    }

    fn identity(&self, path: &Path) -> PathBuf {
        normal(&Path::new("jobs").join(path))
    }
}

#[test]
fn a_file_that_is_reached_on_two_ways_is_one_file() {
    let files: &[(&str, &[u8])] = &[
        ("jobs/main.flow", b"import \"f.flow\"\nimport \"../lib/g.flow\""),
        ("jobs/f.flow", b"type F = { a: int }"),
        ("lib/g.flow", b"import \"../jobs/f.flow\"\ntype G = { f: F }"),
    ];
    let done = compile(&mut InJobs(files), Path::new("main.flow"), &Options::default()).unwrap();
    assert_eq!(done.diagnostics, []);
}

#[test]
fn a_missing_and_an_unreadable_import_are_told_at_the_import() {
    let files: &[(&str, &[u8])] = &[("main.flow", b"import \"gone.flow\"\nimport \"locked.flow\"")];
    assert_eq!(diagnose(files), [found("E0608", "main.flow"), found("E0608", "main.flow")]);
}

#[test]
fn a_circle_of_imports_is_told_once() {
    let files: &[(&str, &[u8])] = &[
        ("main.flow", b"import \"b.flow\""),
        ("b.flow", b"import \"c.flow\""),
        ("c.flow", b"import \"main.flow\""),
    ];
    assert_eq!(diagnose(files), [found("E0210", "c.flow")]);
    assert_eq!(diagnose(&[("me.flow", b"import \"me.flow\"")]), [found("E0210", "me.flow")]);
}

#[test]
fn mistakes_in_an_imported_file_are_told_there() {
    let files: &[(&str, &[u8])] = &[("main.flow", b"import \"b.flow\""), ("b.flow", b"type = int")];
    assert_eq!(diagnose(files), [found("E0101", "b.flow")]);
}

#[test]
fn bytes_that_are_no_text_are_one_diagnostic() {
    let files: &[(&str, &[u8])] = &[("main.flow", b"import \"b.flow\""), ("b.flow", b"type A = \xff\xfe{")];
    assert_eq!(diagnose(files), [found("E0110", "b.flow")]);
}

#[test]
fn a_script_that_is_not_there_is_an_error_of_the_caller() {
    let mut loader = |_: &Path| Err(LoadError::Missing);
    assert!(compile(&mut loader, Path::new("x.flow"), &Options::default()).is_err());
}
