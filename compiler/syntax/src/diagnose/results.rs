//! Stages that are nearly right: a result without `as`, several results in one, brackets that are twice there.

use super::piece::Piece;
use super::{Refusal, habits};
use crate::build::Shared;
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::grammar::Rule;
use crate::span::Span;

/// Recognises one.
pub(super) fn explain(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.rule != Rule::stage {
        return None;
    }
    name_of_a_record(shared, r)
        .or_else(|| clause_behind(shared, r))
        .or_else(|| name_without_as(shared, r))
        .or_else(|| several(shared, r))
        .or_else(|| brackets_twice(shared, r))
}

/// `aggregate { n: count() } as x`.
fn name_of_a_record(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.class(0) != b'A' || r.class(-1) != b'}' || r.at + 2 != r.toks.len() {
        return None;
    }
    let gone = Span { start: r.tok(-1)?.end, ..r.span(shared).to(r.tok(1)?.span(shared.file)) };
    let word = r.toks[0].text(shared.text);
    Some(
        Diagnostic::new(
            UNEXPECTED_TOKEN,
            r.span(shared),
            format!("the results of `{word}` have names of their own"),
        )
        .at("not needed")
        .help("rows get a second name behind the head of a pipeline, `rows as x`, and in a join")
        .fix("remove it", gone, ""),
    )
}

/// `count() n`.
fn name_without_as(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let last = r.at + 1 == r.toks.len();
    if !last || !r.tok(0)?.is_name() || r.class(-1) != b')' || r.tok(0)?.starts_line {
        return None;
    }
    let place = r.before(shared);
    Some(
        Diagnostic::new(UNEXPECTED_TOKEN, r.span(shared), "the name of a result stands behind `as`")
            .at("expected `as` before this")
            .fix("insert `as`", place, " as"),
    )
}

/// `aggregate { … } having n > 3`, `filter(…) limit 10`.
fn clause_behind(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let word = r.text(shared, 0);
    let outside = habits::open_bracket(r.toks, r.at).is_none();
    let stage = match word.to_ascii_lowercase().as_str() {
        "having" | "where" => "filter",
        "limit" => "limit",
        _ => return None,
    };
    if !outside || !matches!(r.class(-1), b')' | b'}') || r.at + 1 >= r.toks.len() || r.class(1) == b'(' {
        return None;
    }
    let piece = Piece { shared, toks: r.toks };
    let fixed = format!("|> {stage}({})", piece.text(r.at + 1, r.toks.len()));
    let whole = piece.span(r.at, r.toks.len());
    let diagnostic =
        Diagnostic::new(FOREIGN_WORD, r.span(shared), format!("`{word}` is the stage `{stage}` in flow"));
    Some(diagnostic.fix(format!("write `{}`", super::shorten(&fixed)), whole, fixed))
}

/// The aggregates of the catalogue, of which the syntax knows only these names; a test of the checker holds the two together.
pub const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "first",
    "last",
    "countDistinct",
    "approxCountDistinct",
    "collect",
    "argMax",
    "argMin",
    "stddev",
    "variance",
    "median",
    "percentile",
    "stringJoin",
    "boolAnd",
    "boolOr",
];

/// `count() as n, sum(price) as total`.
fn several(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.class(0) != b',' || habits::open_bracket(r.toks, r.at).is_some() {
        return None;
    }
    let piece = Piece { shared, toks: r.toks };
    let mut items = Vec::new();
    let mut from = 0;
    while from < r.toks.len() {
        let end = piece.until(from, |_| false);
        let call = piece.partner(from + 1).filter(|_| piece.class(from + 1) == b'(')? + 1;
        if !AGGREGATES.contains(&piece.text(from, from + 1)) || call > end {
            return None;
        }
        let name = match end - call {
            0 => piece.text(from, from + 1),
            1 | 2 if piece.is_name(end - 1) => piece.text(end - 1, end),
            _ => return None,
        };
        items.push(format!("{name}: {}", piece.text(from, call)));
        from = end + 1;
    }
    let fixed = format!("aggregate {{ {} }}", items.join(", "));
    let whole = piece.span(0, r.toks.len());
    Some(
        Diagnostic::new(FOREIGN_WORD, r.span(shared), "several results are one `aggregate`")
            .at("a stage ends before this")
            .fix(format!("write `{}`", super::shorten(&fixed)), whole, fixed),
    )
}

/// `keyBy((a, b))`.
fn brackets_twice(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let piece = Piece { shared, toks: r.toks };
    if r.class(0) != b',' || habits::open_bracket(r.toks, r.at) != Some(2) || piece.class(1) != b'(' {
        return None;
    }
    let close = piece.partner(2).filter(|close| piece.class(2) == b'(' && close + 2 == r.toks.len())?;
    let word = piece.text(0, 1);
    let message = format!("the arguments of `{word}` stand in one pair of brackets");
    let (open, close) = (piece.span(2, 3), piece.span(close, close + 1));
    let mut diagnostic =
        Diagnostic::new(FOREIGN_WORD, open, message).at("one too many").label(close, "and this one");
    diagnostic.fixes.push(Fix {
        title: "remove them".into(),
        edits: [open, close].map(|span| Edit { span, replacement: String::new() }).to_vec(),
        applicability: Applicability::MachineApplicable,
    });
    Some(diagnostic)
}

/// `stream s = filter(bids, price > 3)`.
pub(super) fn input_as_argument(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let piece = Piece { shared, toks: r.toks };
    let word = piece.text(r.at.checked_sub(1)?, r.at);
    let known =
        matches!(word, "filter" | "keyBy" | "top" | "bottom" | "limit" | "sample" | "window" | "union");
    let close = piece.partner(r.at)?;
    if !known || !r.tok(1)?.is_name() || r.class(2) != b',' || close < r.at + 4 {
        return None;
    }
    let fixed = format!("{} |> {word}({})", r.text(shared, 1), piece.text(r.at + 3, close));
    let whole = piece.span(r.at - 1, close + 1);
    Some(
        Diagnostic::new(
            FOREIGN_WORD,
            piece.span(r.at - 1, r.at),
            format!("`{word}` is a stage: rows come in through `|>`"),
        )
        .at("a pipeline begins with the name it reads")
        .fix(format!("write `{}`", super::shorten(&fixed)), whole, fixed),
    )
}
