//! The queries: they fit the grammar, and find what they should in a script.

use crate::{nodes, parse, scripts};
use std::collections::HashMap;
use tree_sitter::{Query, QueryCursor, StreamingIterator};

/// What a query captures: name of the capture, first byte, text.
pub(crate) fn captures(query: &str, text: &str) -> Vec<(String, usize, String)> {
    let query = Query::new(&tree_sitter_flow::LANGUAGE.into(), query).unwrap();
    let tree = parse(text);
    let mut cursor = QueryCursor::new();
    let mut all = Vec::new();
    let mut found = cursor.captures(&query, tree.root_node(), text.as_bytes());
    while let Some((one, index)) = found.next() {
        let capture = one.captures()[*index];
        let name = query.capture_names()[capture.index as usize].to_string();
        all.push((name, capture.node.start_byte(), text[capture.node.byte_range()].to_string()));
    }
    all
}

fn named<'a>(all: &'a [(String, usize, String)], name: &str) -> Vec<&'a str> {
    all.iter().filter(|(n, ..)| n == name).map(|(_, _, text)| text.as_str()).collect()
}

#[test]
fn every_query_fits_the_grammar() {
    for query in [
        tree_sitter_flow::HIGHLIGHTS_QUERY,
        tree_sitter_flow::FOLDS_QUERY,
        tree_sitter_flow::INDENTS_QUERY,
        tree_sitter_flow::INJECTIONS_QUERY,
        tree_sitter_flow::LOCALS_QUERY,
        tree_sitter_flow::TAGS_QUERY,
    ] {
        Query::new(&tree_sitter_flow::LANGUAGE.into(), query).unwrap();
    }
}

/// The highlights of editors whose themes have other names, and their other queries.
fn queries_of_editors() -> Vec<(std::path::PathBuf, String)> {
    let support = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut all = Vec::new();
    for folder in ["helix/queries/flow", "zed/languages/flow"] {
        for entry in std::fs::read_dir(support.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "scm") {
                let text = std::fs::read_to_string(&path).unwrap();
                all.push((path, text));
            }
        }
    }
    all
}

#[test]
fn the_queries_of_helix_and_zed_fit_the_grammar() {
    let all = queries_of_editors();
    assert!(all.len() >= 10, "{}", all.len());
    for (path, query) in all {
        let fits = Query::new(&tree_sitter_flow::LANGUAGE.into(), &query);
        assert!(fits.is_ok(), "{}: {:?}", path.display(), fits.err());
    }
}

#[test]
fn helix_and_zed_colour_the_same_parts() {
    let parts = |query: &str, text: &str| -> Vec<(usize, String)> {
        captures(query, text).into_iter().map(|(_, start, text)| (start, text)).collect()
    };
    for (path, query) in queries_of_editors().iter().filter(|(path, _)| path.ends_with("highlights.scm")) {
        for script in scripts::all().iter().filter(|s| s.program.is_some()) {
            let ours = parts(tree_sitter_flow::HIGHLIGHTS_QUERY, &script.text);
            assert!(ours == parts(query, &script.text), "{}: {}", path.display(), script.name);
        }
    }
}

#[test]
fn no_part_of_a_script_has_two_colours() {
    for script in scripts::all().iter().filter(|s| s.program.is_some()) {
        let mut seen: HashMap<usize, String> = HashMap::new();
        for (name, start, text) in captures(tree_sitter_flow::HIGHLIGHTS_QUERY, &script.text) {
            let before = seen.insert(start, name.clone());
            assert!(before.is_none_or(|b| b == name), "{}: `{text}` is {:?} too", script.name, seen[&start]);
        }
    }
}

#[test]
fn every_word_but_names_in_expressions_has_a_colour() {
    for script in scripts::all().iter().filter(|s| s.program.is_some()) {
        let coloured: std::collections::HashSet<usize> =
            captures(tree_sitter_flow::HIGHLIGHTS_QUERY, &script.text).into_iter().map(|c| c.1).collect();
        let tree = parse(&script.text);
        for node in nodes(&tree).into_iter().filter(|n| n.child_count() == 0) {
            // A bare name in an expression is a field, a parameter or an option: only the compiler knows.
            let bare = node.is_named() && node.kind().ends_with("identifier");
            if !bare && !coloured.contains(&node.start_byte()) {
                panic!("{}: `{}` has no colour", script.name, &script.text[node.byte_range()]);
            }
        }
    }
}

const SCRIPT: &str = "\
/// How dear.
const high = 100
fn cents(x: int) -> int {
  let y = x * 100
  y
}
source bids = nexmark(events: 10)
stream dear = bids as b
  |> filter(matches(b.url, r\"^https\"))
  |> flatMap(tag in mapEach(tags, t => cents(t)))
sink out = dear -> blackhole()
";

#[test]
fn declarations_and_brackets_fold() {
    let all = captures(tree_sitter_flow::FOLDS_QUERY, SCRIPT);
    let folds = named(&all, "fold");
    assert!(folds.iter().any(|fold| fold.starts_with("stream dear")));
    assert!(folds.iter().any(|fold| fold.starts_with("fn cents")));
}

#[test]
fn patterns_are_regular_expressions_and_docs_are_markdown() {
    let all = captures(tree_sitter_flow::INJECTIONS_QUERY, SCRIPT);
    let content = named(&all, "injection.content");
    assert!(content.contains(&"^https"));
    assert!(content.contains(&"/// How dear."));
}

#[test]
fn parameters_lambdas_and_aliases_are_definitions() {
    let all = captures(tree_sitter_flow::LOCALS_QUERY, SCRIPT);
    let definitions = named(&all, "local.definition");
    assert_eq!(definitions, ["high", "cents", "x", "y", "bids", "dear", "b", "tag", "t", "out"]);
    assert!(named(&all, "local.reference").contains(&"tags"));
}

#[test]
fn the_outline_has_every_declaration() {
    let all = captures(tree_sitter_flow::TAGS_QUERY, SCRIPT);
    let declared: Vec<&str> = all
        .iter()
        .filter(|(name, ..)| name.starts_with("definition."))
        .filter_map(|(_, _, text)| text.split_whitespace().nth(1))
        .collect();
    assert_eq!(declared, ["high", "cents(x:", "bids", "dear", "out"]);
}
