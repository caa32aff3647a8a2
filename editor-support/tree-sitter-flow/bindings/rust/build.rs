//! Compiles the generated parser and the scanner for comments.
#![allow(clippy::print_stdout, reason = "that is how a build script talks to cargo")]

fn main() {
    let src = std::path::Path::new("src");
    let files = ["parser.c", "scanner.c"].map(|file| src.join(file));
    cc::Build::new().std("c11").include(src).warnings(false).files(&files).compile("tree-sitter-flow");
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
}
