//! Runs every example of `lang-examples/` in a copy of its folder, with one worker and with four,
//! compiled and interpreted, and compares what it wrote with `expected/`.
//!
//! `expected/stdout.EXT` is what `flow run` prints; `expected/out/NAME.EXT` is what the part files
//! directly in `out/NAME/` hold together. Rows come in any order; the header of a csv comes first.

use flow_tests::flow_binary;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

macro_rules! examples {
    ($($test:ident $folder:literal;)*) => {
        const FOLDERS: &[&str] = &[$($folder),*];
        $(
            #[test]
            fn $test() {
                check($folder);
            }
        )*
    };
}

examples! {
    best_months_gives_what_is_expected "best-months";
    calendar_gives_what_is_expected "calendar";
    distinct_counts_gives_what_is_expected "distinct-counts";
    drop_and_rename_gives_what_is_expected "drop-and-rename";
    filter_and_map_gives_what_is_expected "filter-and-map";
    folder_of_files_gives_what_is_expected "folder-of-files";
    functions_and_params_gives_what_is_expected "functions-and-params";
    generated_gives_what_is_expected "generated";
    group_statistics_gives_what_is_expected "group-statistics";
    lists_and_records_gives_what_is_expected "lists-and-records";
    lookup_gives_what_is_expected "lookup";
    nexmark_gives_what_is_expected "nexmark";
    optional_fields_gives_what_is_expected "optional-fields";
    partitioned_output_gives_what_is_expected "partitioned-output";
    record_errors_gives_what_is_expected "record-errors";
    running_aggregates_gives_what_is_expected "running-aggregates";
    scan_gives_what_is_expected "scan";
    sessions_gives_what_is_expected "sessions";
    sliding_gives_what_is_expected "sliding";
    strings_gives_what_is_expected "strings";
    union_gives_what_is_expected "union";
    word_count_gives_what_is_expected "word-count";
}

#[test]
fn every_example_is_run_and_stands_in_the_readme() {
    let readme = std::fs::read_to_string(home().join("README.md")).unwrap();
    let mut found: Vec<String> = std::fs::read_dir(home())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, FOLDERS);
    for folder in found {
        let link = format!("]({folder}/{folder}.flow)");
        assert!(readme.contains(&link), "lang-examples/README.md has no {link}");
    }
}

#[test]
fn the_tests_of_the_examples_pass_in_every_mode() {
    let tested = flow_binary::run(&home(), &["test", "--matrix", "."]);
    let said = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{said}");
    for example in ["lists-and-records", "lookup", "scan", "sessions", "word-count"] {
        assert!(said.contains(&format!("ok    {example}/{example}.flow")), "{example} has no test: {said}");
    }
}

pub(crate) fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../lang-examples")
}

fn check(example: &str) {
    let folder = home().join(example);
    let expected = expectations(&folder.join("expected"));
    assert!(!expected.is_empty(), "{example} expects nothing");
    let script = format!("{example}.flow");
    for parallelism in ["1", "4"] {
        for interpret in [false, true] {
            let copy = tempfile::tempdir().unwrap();
            copy_folder(&folder, copy.path());
            let mut args = vec!["run", &script, "--parallelism", parallelism];
            if interpret {
                args.push("--interpret");
            }
            let output = flow_binary::run(copy.path(), &args);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "flow {args:?}: {}\n{said}", output.status);
            let mut got = outputs(copy.path());
            let printed = String::from_utf8(output.stdout).unwrap();
            if !printed.is_empty() {
                got.insert("stdout".to_string(), vec![printed]);
            }
            compare(&expected, &got, &format!("flow {}", args.join(" ")));
        }
    }
}

fn compare(expected: &BTreeMap<String, (String, bool)>, got: &BTreeMap<String, Vec<String>>, what: &str) {
    let names: Vec<&String> = expected.keys().collect();
    assert_eq!(got.keys().collect::<Vec<_>>(), names, "{what}: other outputs than expected");
    for (name, (text, csv)) in expected {
        let want = rows(std::slice::from_ref(text), *csv, what);
        let have = rows(&got[name], *csv, what);
        let missing: Vec<_> = want.iter().filter(|row| !have.contains(row)).take(5).collect();
        let extra: Vec<_> = have.iter().filter(|row| !want.contains(row)).take(5).collect();
        assert!(
            want == have,
            "{what}: {name}: {} rows, expected {}\nmissing: {missing:#?}\nextra: {extra:#?}",
            have.len(),
            want.len()
        );
    }
}

/// The rows of all parts, sorted; the header of a csv once and first.
fn rows(parts: &[String], csv: bool, what: &str) -> Vec<String> {
    let mut header = None;
    let mut rows = Vec::new();
    for part in parts {
        assert!(part.ends_with('\n'), "{what}: the last line has no end: {part:?}");
        let mut lines = part.lines().map(str::to_string);
        if csv {
            let first = lines.next();
            assert!(header.is_none() || header == first, "{what}: parts with different headers");
            header = first;
        }
        rows.extend(lines);
    }
    rows.sort();
    header.into_iter().chain(rows).collect()
}

/// Name without extension → text, and whether it is csv.
fn expectations(folder: &Path) -> BTreeMap<String, (String, bool)> {
    let mut found = BTreeMap::new();
    for path in files(folder) {
        let csv = path.extension().is_some_and(|e| e == "csv");
        let name = path.with_extension("");
        let name = name.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
        found.insert(name, (std::fs::read_to_string(&path).unwrap(), csv));
    }
    found
}

/// Folder of part files → their texts.
fn outputs(copy: &Path) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files(&copy.join("out")) {
        let folder = path.parent().unwrap().strip_prefix(copy).unwrap();
        let name = folder.to_string_lossy().replace('\\', "/");
        found.entry(name).or_default().push(std::fs::read_to_string(&path).unwrap());
    }
    found
}

/// All files below a folder, without hidden ones.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let hidden = path.file_name().unwrap().to_string_lossy().starts_with(['.', '_']);
        if path.is_dir() {
            found.extend(files(&path));
        } else if !hidden {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy_folder(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&path, &target).unwrap();
    }
}

#[test]
fn every_script_is_in_the_one_style_and_without_warnings() {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/scripts");
    let scripts: Vec<PathBuf> = [files(&home()), files(&benches)].concat();
    let scripts: Vec<&str> = scripts
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "flow"))
        .filter_map(|p| p.to_str())
        .collect();
    for command in [&["fmt", "--check"][..], &["check", "--deny", "warnings"]] {
        let args = [command, &scripts[..]].concat();
        let output = flow_binary::run(&home(), &args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "flow {}: {}\n{said}", command.join(" "), output.status);
    }
}
