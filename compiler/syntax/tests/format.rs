//! The formatter: one style, idempotent, keeps comments and meaning.
#![allow(missing_docs, clippy::print_stdout, reason = "a test prints its seed")]

mod support;

use flow_syntax::{FileId, declarations, format, parse};
use support::generate::{Generator, join};
use support::{Rng, seed};

/// The tree without the places things stand at.
fn shape(text: &str) -> String {
    let (program, diagnostics) = parse(FileId(0), text);
    assert!(diagnostics.is_empty(), "{text}\n{:#?}", diagnostics[0]);
    let shown = format!("{program:?}");
    let mut out = String::with_capacity(shown.len());
    let mut rest = &shown[..];
    while let Some(at) = rest.find("Span {") {
        out.push_str(&rest[..at]);
        rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
    }
    out + rest
}

fn formatted(text: &str) -> String {
    format(text).unwrap_or_else(|d| panic!("{text}\n{:#?}", d[0]))
}

#[test]
fn random_programs_keep_their_meaning_and_comments_and_formatting_twice_changes_nothing() {
    let seed = seed();
    println!("seed {seed}");
    for n in 0..600 {
        let mut rng = Rng::new(seed.wrapping_add(n * 7919));
        let mut generator = Generator { rng: &mut rng, tokens: Vec::new() };
        generator.program();
        let tokens = generator.tokens;
        let often = [0, 0, 20, 80][n as usize % 4];
        let (text, comments) = join(&tokens, &mut rng, often);
        let once = formatted(&text);
        assert_eq!(shape(&text), shape(&once), "program {n} changed its meaning:\n{text}\n-----\n{once}");
        let twice = formatted(&once);
        assert_eq!(once, twice, "program {n} is formatted differently the second time:\n{text}");
        for comment in &comments {
            assert_eq!(
                once.matches(comment.as_str()).count(),
                1,
                "program {n}: {comment}\n{text}\n-----\n{once}"
            );
        }
        assert!(
            once.lines().all(|l| l.trim_end() == l || l.contains("over lines")),
            "blanks at a line's end\n{once}"
        );
        assert!(!once.contains("\n\n\n"), "two empty lines\n{once}");
    }
}

#[test]
fn an_argument_behind_a_comment_stays_within_its_declaration() {
    for argument in ["rate: 10", "n,", "n"] {
        let text = format!(
            "source made = generate {{ n: seq() }}\n\n// comment\n    {argument}\nsink a = made -> stdout\n"
        );
        let once = formatted(&text);
        assert_eq!(declarations(&once).len(), 2, "{once}");
        assert_eq!(formatted(&once), once);
    }
}
