//! What Rust writes and flow has no word for: paths with `::`, macros, `Some(x)` in patterns, `if let`; and what stands
//! behind a `:` in its strings.

use super::Refusal;
use crate::build::Shared;
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::grammar::Rule;

/// Recognises it.
pub(super) fn explain(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    macro_call(shared, r)
        .or_else(|| pattern(shared, r))
        .or_else(|| let_pattern(shared, r))
        .or_else(|| format_of_a_value(shared, r))
}

/// `format!("{}", x)`, `matches!(c, "a")`.
fn macro_call(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let is_macro = |w: &[crate::class::Tok]| {
        w[0].is_name()
            && w[1].class == b'!'
            && w[2].is_open()
            && w[0].end == w[1].start
            && w[1].end == w[2].start
    };
    let at = r.toks[..r.at].windows(3).rposition(is_macro)?;
    let name = r.toks[at].text(shared.text);
    let span = r.toks[at].span(shared.file).to(r.toks[at + 1].span(shared.file));
    let help = match name {
        "format" | "println" | "print" | "write" | "concat" => {
            "texts are put together with `\"{name} has {n} rows\"`"
        }
        "matches" => "one of several values is tested with `x in [\"a\", \"b\"]`, a pattern with `match`",
        "vec" => "a list is written `[1, 2]`",
        _ => "functions are called `f(x)`",
    };
    Some(Diagnostic::new(FOREIGN_WORD, span, "there are no macros").at("not a word of flow").help(help))
}

/// `i64::MAX`, `String::from(c)`, `g::lat`; a cast (`x::int`) was told before.
pub(super) fn path(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let colons = (0..=1).find(|back| r.class(-back) == b':' && r.class(1 - back) == b':')?;
    let (first, second) = (r.tok(-colons)?, r.tok(1 - colons)?);
    let before = r.tok(-colons - 1)?;
    if first.end != second.start || before.end != first.start || !before.is_name() {
        return None;
    }
    let both = first.span(shared.file).to(second.span(shared.file));
    let diagnostic = Diagnostic::new(FOREIGN_WORD, both, "there is no `::`");
    let word = before.text(shared.text);
    let behind = r.tok(2 - colons).filter(|t| t.is_name());
    let called = r.class(3 - colons) == b'(';
    let number = matches!(word, "i64" | "i32" | "u64" | "u32" | "usize" | "f64" | "f32" | "std");
    if word.starts_with(|c: char| c.is_ascii_lowercase()) && !number && behind.is_some() && !called {
        let help = "a field of a record is `g.lat`";
        return Some(diagnostic.help(help).with_fix("write `.`", both, ".", Applicability::MaybeIncorrect));
    }
    Some(diagnostic.help(match word {
        "Duration" | "ChronoUnit" | "TimeUnit" => "a duration is written `5s`, `10min`, `1h30min`",
        _ if number => "a type has no constants: the largest `int` is `9223372036854775807`",
        "String" => "a text is written `\"…\"`, and made of something else with `string(x)`",
        _ => "functions stand alone: `f(x)`; a type is no place to look for one",
    }))
}

/// `Some(x) => …`, `Ok(x) => …`, `n if n > 5 => …`.
fn pattern(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let word = r.text(shared, 0);
    let span = r.span(shared);
    if !r.expects(Rule::pattern) && !r.expects(Rule::match_arm) && !r.expects(Rule::bound) {
        return None;
    }
    if r.class(1) == b'(' && matches!(word, "Some" | "Ok" | "Err" | "Just") {
        let message = format!("there is no `{word}`: a value is there, or it is `null`");
        let help = match word {
            "Some" | "Just" => "write `x ?? default`, or `if x != null then x else default`",
            _ => "what may fail is written `try e else default`",
        };
        return Some(Diagnostic::new(FOREIGN_WORD, span, message).at("not a pattern").help(help));
    }
    if r.tok(0)?.is_name() && r.class(1) == b'I' {
        return Some(
            Diagnostic::new(FOREIGN_WORD, span, "a pattern takes no name and no condition")
                .at("not a pattern")
                .help("ranges are patterns (`5..10`); other conditions are chosen by `if a then x else if b then y else z`"),
        );
    }
    None
}

/// `if let Some(x) = u { … }`, `filter(let Some(x) = u)`.
fn let_pattern(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.class(0) != b'L' || !r.wants_value() || r.class(2) != b'(' {
        return None;
    }
    Some(
        Diagnostic::new(FOREIGN_WORD, r.span(shared), "there are no patterns behind `let`")
            .at("not a value")
            .help("a value that may be null is tested with `x != null`, and given a default with `x ?? default`"),
    )
}

/// `"{price:.2}"`, `"{row:?}"`, `"{n:>8}"`.
fn format_of_a_value(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let formatted = r.class(0) == b':'
        && (matches!(r.class(1), b'.' | b'?' | b'<' | b'>' | b'0') || r.tok(1).is_some_and(|t| t.is_name()));
    if r.rule != Rule::interpolated || !formatted || r.class(-1) == b'"' {
        return None;
    }
    let from = r.span(shared);
    let whole = from.to(r.toks.last()?.span(shared.file));
    let value = &shared.text[r.toks[0].span(shared.file).to(r.tok(-1)?.span(shared.file)).range()];
    let digits = &shared.text[whole.range()];
    let digits = digits.strip_prefix(":.").map(|rest| rest.trim_end_matches(['f', '}']));
    let digits = digits.filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
    let diagnostic = Diagnostic::new(UNEXPECTED_TOKEN, whole, "a value in a string takes no format")
        .at("not needed")
        .help("`{round(x, 2)}` rounds, `{padLeft(s, 8)}` fills up, `{format(at, \"HH:mm\")}` writes a time");
    Some(match digits {
        Some(digits) => {
            let all = r.toks[0].span(shared.file).to(whole);
            let fixed = format!("round({value}, {digits})");
            let title = format!("write `{fixed}`");
            diagnostic.with_fix(title, all, fixed, Applicability::MaybeIncorrect)
        }
        None => diagnostic,
    })
}
