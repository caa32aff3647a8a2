//! No input makes the parser panic, hang or run out of stack.
#![allow(missing_docs, clippy::print_stdout, reason = "a test prints its seed")]
#![allow(clippy::disallowed_methods, reason = "a test measures time")]

mod support;

use flow_syntax::{FileId, parse, parse_bytes, tokens};
use support::{Rng, seed};

/// A script that is right, and one of forms that other languages have.
const BASES: &[&str] = &[include_str!("scripts/tour.flow"), include_str!("scripts/abroad.flow")];

/// Bytes that change the meaning of what follows.
const SPICE: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "`",
    "|>",
    "->",
    "=>",
    "|",
    ".",
    "..",
    ",",
    ";",
    ":",
    "=",
    "==",
    "@",
    "-",
    "not ",
    "if ",
    "else ",
    "match ",
    "try ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "//",
    "/*",
    "*/",
    "///",
    "stream x = ",
    "sink ",
    "é",
    "“",
    "\u{a0}",
    "\u{feff}",
    "0x",
    "1h",
    "@2026-13-01",
    "{{",
    "}}",
    "\\",
    "r\"",
    "b\"",
    "is null",
    "as int ",
    "::int ",
    "case when ",
    "in (",
    " and ",
    "? a : b",
    "\0",
    "#",
    "$",
];

fn mutate(text: &str, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..1 + rng.below(6) {
        let at = rng.below(bytes.len() + 1);
        match rng.below(5) {
            0 => {
                let end = (at + rng.below(30)).min(bytes.len());
                bytes.drain(at..end);
            }
            1 => {
                let spice = SPICE[rng.below(SPICE.len())].bytes();
                bytes.splice(at..at, spice);
            }
            2 if at < bytes.len() => bytes[at] = rng.below(256) as u8,
            3 => bytes.truncate(at),
            _ => {
                let from = rng.below(bytes.len().max(1)).min(bytes.len());
                let piece = bytes[from..(from + rng.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn no_edit_of_a_script_makes_the_parser_panic() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    for _ in 0..1600 {
        let bytes = mutate(BASES[rng.below(BASES.len())], &mut rng);
        let (_, diagnostics) = parse_bytes(FileId(0), &bytes, None);
        for d in &diagnostics {
            assert!(d.primary.span.end as usize <= bytes.len(), "{d:?}");
            for place in d
                .labels
                .iter()
                .map(|l| l.span)
                .chain(d.fixes.iter().flat_map(|f| f.edits.iter().map(|e| e.span)))
            {
                assert!(place.end as usize <= bytes.len() && place.start <= place.end, "{d:?}");
            }
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let (_, diagnostics) = parse(FileId(0), text);
            for d in &diagnostics {
                assert!(text.get(d.primary.span.range()).is_some(), "{d:?}");
            }
            for pair in tokens(text).windows(2) {
                assert!(pair[0].span.end <= pair[1].span.start, "{pair:?}");
            }
        }
    }
}

#[test]
fn random_bytes_and_random_tokens_never_make_the_parser_panic() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..rng.below(200)).map(|_| rng.below(256) as u8).collect();
        let _ = parse_bytes(FileId(0), &bytes, None);
        let text: String = (0..rng.below(120)).map(|_| SPICE[rng.below(SPICE.len())]).collect();
        let _ = parse(FileId(0), &format!("stream a = b |> filter({text}"));
    }
}

#[test]
fn brackets_nest_128_deep_on_a_thread_with_two_mebibytes_of_stack() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("f(", ")"),
        ("{ a: ", " }"),
        ("(a, [", "])"),
        ("map { \"a\": ", " }"),
        ("x[", "]"),
        ("g(y => ", ")"),
        ("match a { _ => ", " }"),
    ] {
        let brackets = open.matches(['(', '[', '{']).count();
        let n = if open.contains("=>") { 63 } else { 127 / brackets };
        let text = format!("const a = {}1{}", open.repeat(n), close.repeat(n));
        let (_, diagnostics) = parse(FileId(0), &text);
        let shown: Vec<_> = diagnostics.iter().map(|d| &d.message).collect();
        let expected = if open == "(a, [" { "E0101" } else { "" };
        assert!(shown.is_empty() || diagnostics[0].code.0 == expected, "{open}: {shown:?}");
    }
}

#[test]
fn nesting_over_the_limit_is_one_diagnostic_whatever_it_is_made_of() {
    for open in [
        "(",
        "[",
        "{ a: ",
        "f(",
        "- ",
        "not ",
        "if a then b else ",
        "try a else ",
        "x => ",
        "\"{",
        "c ? d : ",
        "g(x => ",
    ] {
        for n in [129, 400, 5000] {
            let text = format!("const a = {}1", open.repeat(n));
            let (_, diagnostics) = parse(FileId(0), &text);
            let codes: Vec<_> = diagnostics.iter().map(|d| d.code.0).collect();
            assert!(codes.iter().any(|c| matches!(*c, "E0106" | "E0103" | "E0107")), "{open} {n}: {codes:?}");
            assert!(codes.len() <= 2, "{open} {n}: {diagnostics:#?}");
        }
    }
}

#[test]
fn long_flat_chains_parse() {
    for (head, item) in [("1", " + 1"), ("a", ".b"), ("a", "[0]"), ("a", " and not b"), ("f(x)", " ?? 1")] {
        let text = format!("const a = {head}{}", item.repeat(4000));
        let (program, diagnostics) = parse(FileId(0), &text);
        assert!(diagnostics.is_empty(), "{:?}", diagnostics.first());
        assert!(program.exprs.len() > 4000);
    }
}

#[test]
fn a_line_of_a_mebibyte_is_refused_at_once() {
    for item in [
        "a == \"x\" and ",
        "a == \"{b} \\u{61}\" and ",
        "a == r\"x\" and ",
        "a == b\"x\" and ",
        "`a` == 1 and ",
        "a == 'x' and ",
        "a == “x” and ",
        "(a or 1) and ",
        "a == \" and ",
        "a == ' and ",
        "{ a: [1, 2] } ",
    ] {
        let text =
            format!("sink o = a |> filter({}) -> stdout()\n", item.repeat((1 << 20) / item.len() - 10));
        let begin = std::time::Instant::now();
        let (_, diagnostics) = parse(FileId(0), &text);
        let taken = begin.elapsed();
        assert!(diagnostics.iter().any(|d| d.code.0 == "E0107"), "{item}: {:?}", diagnostics.first());
        // Many times what it takes without optimisation; what looked through the line for each string took minutes.
        assert!(taken < std::time::Duration::from_secs(5), "{item}: {taken:?}");
    }
}
