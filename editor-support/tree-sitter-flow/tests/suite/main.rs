//! The one test binary of the grammar.
#![allow(clippy::disallowed_methods)]

mod corpus;
mod drift;
mod generated;
mod highlights;
mod queries;
mod scripts;
mod shape;

use tree_sitter::{Parser, Tree};

/// The tree of a text.
fn parse(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_flow::LANGUAGE.into()).unwrap();
    parser.parse(text, None).unwrap()
}

/// Every node, parents before children.
fn nodes(tree: &Tree) -> Vec<tree_sitter::Node<'_>> {
    let mut all = vec![];
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        all.push(node);
        open.extend((0..node.child_count()).rev().filter_map(|i| node.child(i)));
    }
    all
}
