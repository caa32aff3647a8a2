//! Every example script of the repository checks without a word, and has a plan.
#![allow(clippy::disallowed_methods, reason = "a test reads the examples from disk")]

mod support;

#[test]
fn every_example_checks_without_a_diagnostic_and_has_a_plan() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../lang-examples");
    let mut seen = 0;
    for folder in std::fs::read_dir(root).expect("the examples are there").flatten() {
        let Ok(files) = std::fs::read_dir(folder.path()) else { continue };
        for file in files.flatten().filter(|f| f.path().extension().is_some_and(|e| e == "flow")) {
            let text = std::fs::read_to_string(file.path()).expect("a readable example");
            // Several files that belong together are the driver's; `lang_examples.rs` checks them all.
            if text.lines().any(|l| l.starts_with("import ")) || !text.lines().any(|l| l.starts_with("sink "))
            {
                continue;
            }
            let outcome = support::check_text(&text);
            assert!(outcome.diags.is_empty(), "{}\n{}", file.path().display(), outcome.long());
            let plan = flow_types::plan(&outcome.checked, &outcome.sources);
            assert!(plan.operators.len() >= 2, "{}", file.path().display());
            seen += 1;
        }
    }
    assert!(seen >= 15);
}
