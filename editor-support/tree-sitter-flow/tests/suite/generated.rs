//! `src/parser.c` is what `grammar.js` makes; editing one without the other is found here.

use std::path::Path;
use std::process::Command;

#[test]
fn the_committed_parser_is_what_the_grammar_makes() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let mut remarks = Vec::new();
    let node = Command::new("node").arg("--version").output();
    assert!(node.is_ok_and(|o| o.status.success()), "the grammar is JavaScript: this test needs `node`");
    tree_sitter_generate::generate_parser_in_directory(
        here,
        Some(folder.path()),
        None::<&str>,
        14,
        None,
        Some("node"),
        true,
        tree_sitter_generate::OptLevel::default(),
        &mut remarks,
    )
    .unwrap();
    for file in ["grammar.json", "node-types.json", "parser.c", "tree_sitter/parser.h"] {
        let (old, new) =
            (std::fs::read(here.join("src").join(file)), std::fs::read(folder.path().join(file)));
        assert!(old.unwrap() == new.unwrap(), "src/{file} is old: run `cargo xtask tree-sitter`");
    }
    assert!(remarks.is_empty(), "{remarks:?}");
}
