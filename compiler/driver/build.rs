//! Makes the table of explanations: one row for each `explain/CODE.md`.
#![allow(clippy::disallowed_methods, reason = "a build script has no other door to the disk")]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=explain");
    let dir = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("explain");
    let mut codes: Vec<String> = fs::read_dir(&dir)
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
    let out = Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join("explanations.rs");
    fs::write(out, table).expect("the build folder can be written");
}
