//! Makes the tables of explanations: one row for each `explain/CODE.md`, and for each `explain/records/KIND.md`.
#![allow(clippy::disallowed_methods, reason = "a build script has no other door to the disk")]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=explain");
    let dir = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("explain");
    table(&dir, "explanations.rs");
    table(&dir.join("records"), "record_errors.rs");
}

fn table(dir: &Path, name: &str) {
    let mut codes: Vec<String> = fs::read_dir(dir)
        .expect("the folder of explanations")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".md").map(String::from))
        .collect();
    codes.sort();
    let mut table = String::from("[\n");
    for code in codes {
        let path = dir.join(format!("{code}.md"));
        let _ = writeln!(table, "    ({code:?}, include_str!({path:?})),");
    }
    table.push(']');
    let out = Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join(name);
    fs::write(out, table).expect("the build folder can be written");
}
