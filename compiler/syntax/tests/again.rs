//! Reading a text again after an edit gives what reading it for the first time gives.
#![allow(missing_docs, clippy::print_stdout, reason = "a test prints its seed")]

mod support;

use flow_syntax::{FileId, Memory, parse, parse_again};
use support::{Rng, seed};

const PIECES: &[&str] = &[
    "\n",
    " ",
    "\n\nstream again = b\n",
    "x",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "/// doc\n",
    "// no doc\n",
    "/*",
    "*/",
    "|> limit(1) ",
    "`",
    "1",
    "é",
    "\ntype T = {",
];

fn border(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[test]
fn after_every_edit_trees_and_diagnostics_are_those_of_a_fresh_parse() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let tour = include_str!("scripts/tour.flow");
    for _ in 0..100 {
        let mut text = tour.to_string();
        let mut memory = Memory::default();
        for step in 0..60 {
            // The same declarations in another file have the places of that file.
            let file = FileId(step % 3);
            let again = parse_again(file, &text, &mut memory);
            let fresh = parse(file, &text);
            assert_eq!(format!("{again:?}"), format!("{fresh:?}"), "seed {seed}, step {step}:\n{text}");
            let start = border(&text, rng.below(text.len() + 1));
            let end = border(&text, start + if rng.below(2) == 0 { rng.below(30) } else { 0 }).max(start);
            let new = if rng.below(4) == 0 { "" } else { PIECES[rng.below(PIECES.len())] };
            text.replace_range(start..end, new);
        }
    }
}

#[test]
fn a_mistake_that_is_told_with_that_of_another_declaration_is_told_when_that_one_is_mended() {
    let second = "stream again = bids\n> limit(3)\n";
    let mut memory = Memory::default();
    for first in ["stream first = bids\n> limit(2)\n", "stream first = bids\n|> limit(2)\n"] {
        let text = format!("{first}{second}");
        let (_, again) = parse_again(FileId(0), &text, &mut memory);
        let (_, fresh) = parse(FileId(0), &text);
        assert_eq!(again.len(), 1, "{again:?}");
        assert_eq!(format!("{again:?}"), format!("{fresh:?}"));
    }
}
