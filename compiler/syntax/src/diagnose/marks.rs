//! Signs of other languages at an operand, which the grammar refuses: `note?`, `note!`, `note ?: "x"`, `10%`, `x[0:3]`,
//! `b.*`, `x =~ /a+/`.

use super::piece::Piece;
use super::{Refusal, habits};
use crate::build::Shared;
use crate::codes::FOREIGN_WORD;
use crate::diagnostic::{Applicability, Diagnostic};
use crate::grammar::Rule;
use crate::lines;

/// Recognises one.
pub(super) fn explain(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    elvis(shared, r)
        .or_else(|| mark(shared, r))
        .or_else(|| percent(shared, r))
        .or_else(|| slice(shared, r))
        .or_else(|| all_fields(shared, r))
        .or_else(|| pattern_between_slashes(shared, r))
        .or_else(|| caught(shared, r))
}

/// `try a / b catch 0`.
fn caught(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let word = r.text(shared, 0);
    if !r.expects(Rule::kw_else) || !matches!(word, "catch" | "except" | "recover" | "rescue" | "default") {
        return None;
    }
    let span = r.span(shared);
    let diagnostic = Diagnostic::new(FOREIGN_WORD, span, "a failure is caught with `try a else b`");
    let sure = if ends_argument(r.class(2)) && r.class(1) != b'{' {
        Applicability::MachineApplicable
    } else {
        Applicability::MaybeIncorrect
    };
    Some(diagnostic.at("written `else` in flow").with_fix("write `else`", span, "else", sure))
}

fn ends_argument(class: u8) -> bool {
    matches!(class, b',' | b')' | b']' | b'}' | 0)
}

/// `note ?: "x"`.
fn elvis(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.class(0) != b':' || r.class(-1) != b'?' {
        return None;
    }
    let both = r.tok(-1)?.span(shared.file).to(r.span(shared));
    let diagnostic = Diagnostic::new(FOREIGN_WORD, both, "a default is given with `??`");
    Some(diagnostic.at("written `??` in flow").fix("write `??`", both, "??"))
}

/// `note?`, `note!`, `note!!`.
fn mark(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let is_mark = |at: isize| r.class(at) == b'?' || r.text(shared, at) == "!";
    let first = (-2..0).find(|at| is_mark(*at))?;
    let behind = ends_argument(r.class(0)) || r.class(0) == b'.' && r.text(shared, -1) == "!";
    let glued = r.tok(first - 1)?.end == r.tok(first)?.start;
    if !behind || !glued || !is_mark(-1) || !r.tok(first - 1)?.is_name() && r.class(first - 1) != b')' {
        return None;
    }
    let span = r.tok(first)?.span(shared.file).to(r.tok(-1)?.span(shared.file));
    let theirs = &shared.text[span.range()];
    let diagnostic = Diagnostic::new(FOREIGN_WORD, span, format!("there is no `{theirs}` behind a value"))
        .at("not needed");
    let help =
        "a value that may be null gets a default, `x ?? 0`, or such rows go before: `filter(x != null)`";
    Some(if theirs == "?" && r.class(0) != b'.' {
        diagnostic.help(help).with_fix("remove it", span, "", Applicability::MaybeIncorrect)
    } else {
        diagnostic.help(help)
    })
}

/// `sample(10%)`.
fn percent(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.text(shared, -1) != "%" || r.class(-2) != b'0' || !ends_argument(r.class(0)) {
        return None;
    }
    let number = r.text(shared, -2).replace('_', "").parse::<f64>().ok()?;
    let whole = r.tok(-2)?.span(shared.file).to(r.tok(-1)?.span(shared.file));
    let mut fixed = format!("{}", number / 100.0);
    if !fixed.contains('.') {
        fixed.push_str(".0");
    }
    let diagnostic = Diagnostic::new(FOREIGN_WORD, whole, "a share is a number between 0 and 1");
    Some(diagnostic.at("`%` is the remainder of a division").fix(format!("write `{fixed}`"), whole, fixed))
}

/// `channel[0:3]`, `tags[1:]`, `tags[:2]`.
fn slice(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let open = habits::open_bracket(r.toks, r.at)?;
    let piece = Piece { shared, toks: r.toks };
    if r.class(0) != b':' || piece.class(open) != b'[' || open == 0 || !piece.ends_operand(open - 1) {
        return None;
    }
    let base = piece.text(habits::operand_start(r.toks, open)?, open);
    let part = |from: usize, end: usize| if from < end { piece.text(from, end) } else { "" };
    let close = piece.until(r.at + 1, |_| false);
    let (from, to) = (part(open + 1, r.at), part(r.at + 1, close));
    if piece.class(close) != b']' || to.contains(':') {
        return None;
    }
    let from = if from.is_empty() { "0" } else { from };
    let bounds = if to.is_empty() { from.to_string() } else { format!("{from}, {to}") };
    let span = piece.span(open, close + 1);
    let message =
        format!("a part of a text is `substring(s, {bounds})`, and one of a list `slice(xs, {bounds})`");
    let mut diagnostic =
        Diagnostic::new(FOREIGN_WORD, span, message).at("an index in brackets is a single one");
    if bounds.contains('-') {
        let help = "positions count from the front: the last three are from `len(x) - 3` on";
        return Some(diagnostic.help(help));
    }
    let whole = piece.span(habits::operand_start(r.toks, open)?, close + 1);
    for function in ["substring", "slice"] {
        let fixed = format!("{function}({base}, {bounds})");
        let title = format!("write `{}`", super::shorten(&fixed));
        diagnostic = diagnostic.with_fix(title, whole, fixed, Applicability::MaybeIncorrect);
    }
    Some(diagnostic)
}

/// `map { bids.*, x: 1 }`.
fn all_fields(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.text(shared, 0) != "*" || r.class(-1) != b'.' || !r.tok(-2)?.is_name() {
        return None;
    }
    let name = r.text(shared, -2);
    let whole = r.tok(-2)?.span(shared.file).to(r.span(shared));
    // A name that is given with `as` is a side; any other one can only mean the whole row.
    let words: Vec<&str> = shared.text.split_whitespace().collect();
    let side = words.windows(2).any(|w| w[0] == "as" && w[1].trim_end_matches([')', ',']) == name);
    let fixed = if side { format!("..{name}") } else { "..".to_string() };
    let sure = if side { Applicability::MachineApplicable } else { Applicability::MaybeIncorrect };
    Some(
        Diagnostic::new(FOREIGN_WORD, whole, "all fields are kept with `..`")
            .at("`*` is only the product of two numbers")
            .help("`..` stands for the fields of the row, `..b` for those of the side `b` of a join")
            .with_fix(format!("write `{fixed}`"), whole, fixed, sure),
    )
}

/// `channel =~ /web.*/`.
fn pattern_between_slashes(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let operator = r.text(shared, -1);
    if r.text(shared, 0) != "/" || !is_match(operator) || !r.expects(Rule::operand) && !r.wants_value() {
        return None;
    }
    let slash = r.tok(0)?.end as usize;
    let line = &shared.text[slash..lines::end(shared.text, slash)];
    let pattern = &line[..line.find('/')?];
    let first = habits::operand_start(r.toks, r.at - 1)?;
    let value = Piece { shared, toks: r.toks }.text(first, r.at - 1);
    let whole = r.toks[first].span(shared.file);
    let whole = crate::span::Span { end: (slash + pattern.len() + 1) as u32, ..whole };
    let diagnostic = no_match_operator(r.tok(-1)?.span(shared.file), operator);
    if pattern.contains('"') {
        return Some(diagnostic);
    }
    let fixed = format!("{}matches({value}, r\"{pattern}\")", negation(operator));
    Some(diagnostic.fix(format!("write `{}`", super::shorten(&fixed)), whole, fixed))
}

/// Is it an operator of other languages that tests a text by a pattern?
pub(crate) fn is_match(operator: &str) -> bool {
    matches!(operator, "=~" | "!~" | "~=" | "~" | "~*" | "!~*")
}

/// What stands before the `matches(…)` that means the same.
pub(crate) fn negation(operator: &str) -> &'static str {
    if operator.starts_with('!') { "not " } else { "" }
}

/// Says what is written instead of such an operator.
pub(crate) fn no_match_operator(at: crate::span::Span, operator: &str) -> Diagnostic {
    Diagnostic::new(FOREIGN_WORD, at, format!("`{operator}` is not an operator of flow"))
        .help("a text is tested by a pattern with `matches(text, r\"…\")`")
}
