//! Expressions as other languages write them, which the grammar refuses: SQL's casts and lists, Rust's
//! ranges, JavaScript's spread and steps.

use super::Refusal;
use crate::build::Shared;
use crate::class::Tok;
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::grammar::Rule;
use crate::span::Span;

/// Recognises another language's expression.
pub(super) fn explain(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    renamed(shared, r)
        .or_else(|| cast(shared, r))
        .or_else(|| alias(shared, r))
        .or_else(|| tuple(shared, r))
        .or_else(|| closed_range(shared, r))
        .or_else(|| spread(shared, r))
        .or_else(|| step(shared, r))
        .or_else(|| closure(shared, r))
        .or_else(|| bare_fraction(shared, r))
        .or_else(|| clock_time(shared, r))
        .or_else(|| brace_in_text(shared, r))
}

/// The place from the end of the token at offset `a` to the start of the one at offset `b`.
fn between(shared: &Shared<'_>, r: &Refusal<'_>, a: isize, b: isize) -> Option<Span> {
    Some(Span { file: shared.file, start: r.tok(a)?.end, end: r.tok(b)?.start })
}

/// `rename(old as new)`.
fn renamed(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.class(0) != b'A' || r.toks[0].text(shared.text) != "rename" || !r.tok(1)?.is_name() {
        return None;
    }
    let message = "`rename` is written `rename(old: new)`";
    let diagnostic = Diagnostic::new(FOREIGN_WORD, r.span(shared), message);
    Some(diagnostic.fix("write `:`", between(shared, r, -1, 1)?, ": "))
}

/// `x as int`, `cast(x as int)`.
fn cast(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let ty = our_type(r.text(shared, 1)).filter(|_| r.class(0) == b'A')?;
    let file = shared.file;
    let last = r.tok(1)?;
    let (first, operand) = match open_cast(shared, r) {
        Some(open) if r.class(2) == b')' => {
            (r.toks[open - 1], Span { file, start: r.toks[open].end, end: r.tok(-1)?.end })
        }
        _ => {
            let first = r.toks[operand_start(r.toks, r.at)?];
            (first, first.span(file).to(r.tok(-1)?.span(file)))
        }
    };
    let last = if first.start < operand.start { r.tok(2)? } else { last };
    let fixed = format!("{ty}({})", shared.text[operand.range()].trim());
    let diagnostic = Diagnostic::new(FOREIGN_WORD, r.span(shared), format!("a cast is a call: `{ty}(x)`"));
    Some(diagnostic.fix(format!("write `{fixed}`"), first.span(file).to(last.span(file)), fixed))
}

/// The open bracket of a `cast(` around the refused token.
fn open_cast(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<usize> {
    let open = open_bracket(r.toks, r.at)?;
    let word = r.toks.get(open.checked_sub(1)?)?.text(shared.text).to_ascii_lowercase();
    matches!(word.as_str(), "cast" | "convert" | "try_cast" | "trycast" | "safe_cast").then_some(open)
}

/// The bracket that is open where the token at an index stands.
pub(super) fn open_bracket(toks: &[Tok], at: usize) -> Option<usize> {
    let mut depth = 0;
    for (i, tok) in toks[..at].iter().enumerate().rev() {
        depth += i32::from(tok.is_close()) - i32::from(tok.is_open());
        if depth < 0 {
            return Some(i);
        }
    }
    None
}

/// Where the operand that ends before `end` begins, if there is one: a name, a literal, a call, a path.
pub(crate) fn operand_start(toks: &[Tok], end: usize) -> Option<usize> {
    let mut at = end.checked_sub(1)?;
    loop {
        if toks[at].is_close() {
            let mut depth = 0;
            while at > 0 {
                depth += i32::from(toks[at].is_close()) - i32::from(toks[at].is_open());
                if depth == 0 {
                    break;
                }
                at -= 1;
            }
            // The name of what is called or indexed.
            if at > 0 && toks[at].class != b'{' && toks[at - 1].is_name() {
                at -= 1;
            }
        }
        if at < 2 || toks[at - 1].class != b'.' {
            return Some(at);
        }
        at -= 2;
    }
}

/// Flow's name of a type.
pub(super) fn our_type(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "int" | "integer" | "bigint" | "smallint" | "long" | "i64" | "i32" | "u64" | "int64" => "int",
        "float" | "double" | "real" | "f64" | "float64" => "float",
        "decimal" | "numeric" => "decimal",
        "string" | "text" | "varchar" | "char" | "str" => "string",
        "bool" | "boolean" => "bool",
        "timestamp" | "datetime" | "date" | "timestamptz" => "timestamp",
        "duration" | "interval" => "duration",
        _ => return None,
    })
}

/// `keyBy(lower(channel) as c)`.
fn alias(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.class(0) != b'A'
        || !r.tok(1)?.is_name()
        || !matches!(r.class(2), b',' | b')')
        || open_bracket(r.toks, r.at).is_none()
    {
        return None;
    }
    let first = operand_start(r.toks, r.at)
        .filter(|first| *first > 0 && matches!(r.toks[*first - 1].class, b'(' | b','))?;
    let (first, last, name) = (r.toks[first], r.tok(-1)?, r.tok(1)?);
    let value = &shared.text[first.start as usize..last.end as usize];
    let fixed = format!("{}: {value}", name.text(shared.text));
    let whole = first.span(shared.file).to(name.span(shared.file));
    let diagnostic =
        Diagnostic::new(FOREIGN_WORD, r.span(shared), "a name stands before its value, with a `:`");
    Some(diagnostic.fix(format!("write `{}`", super::shorten(&fixed)), whole, fixed))
}

/// `x in (1, 2)`, `by: (a, b)`.
fn tuple(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let open = open_bracket(r.toks, r.at).filter(|i| *i > 0 && r.toks[*i].class == b'(')?;
    if r.class(0) != b',' || !matches!(r.toks[open - 1].class, b'N' | b':') {
        return None;
    }
    let mut depth = 0;
    let close = r.toks[open..].iter().position(|tok| {
        depth += i32::from(tok.is_open()) - i32::from(tok.is_close());
        depth == 0
    })?;
    let (open, close) = (r.toks[open].span(shared.file), r.toks[open + close].span(shared.file));
    let mut diagnostic = Diagnostic::new(FOREIGN_WORD, open, "a list stands in `[…]`")
        .at("expected `[`")
        .label(close, "and `]` here");
    diagnostic.fixes.push(Fix {
        title: "write `[…]`".into(),
        edits: vec![
            Edit { span: open, replacement: "[".into() },
            Edit { span: close, replacement: "]".into() },
        ],
        applicability: Applicability::MachineApplicable,
    });
    Some(diagnostic)
}

/// `1..=10`.
fn closed_range(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.class(0) != b'=' || r.class(-1) != b'~' {
        return None;
    }
    let both = r.tok(-1)?.span(shared.file).to(r.span(shared));
    let diagnostic = Diagnostic::new(FOREIGN_WORD, both, "there is no `..=`: ranges are half-open")
        .help("`1..10` is 1 up to 9");
    let end = r.text(shared, 1).replace('_', "").parse::<i64>().ok().and_then(|n| n.checked_add(1));
    Some(match end {
        Some(end) => {
            let whole = both.to(r.tok(1)?.span(shared.file));
            diagnostic.fix(format!("write `..{end}`"), whole, format!("..{end}"))
        }
        None => diagnostic,
    })
}

/// `{ ...row }`.
fn spread(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.class(0) != b'.' || r.class(-1) != b'~' || r.tok(-1)?.end != r.tok(0)?.start {
        return None;
    }
    let file = shared.file;
    let dots = r.tok(-1)?.span(file).to(r.span(shared));
    let whole = r.tok(1).filter(|t| t.is_name()).map_or(dots, |t| dots.to(t.span(file)));
    let diagnostic = Diagnostic::new(FOREIGN_WORD, dots, "all other fields are kept with `..`")
        .help("`..` stands for the fields of the row, `..b` for those of the side `b` of a join");
    Some(diagnostic.with_fix("write `..`", whole, "..", Applicability::MaybeIncorrect))
}

/// `x++`.
fn step(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let glued = r.tok(-1)?.end == r.tok(0)?.start;
    if r.text(shared, 0) != "+"
        || r.text(shared, -1) != "+"
        || !glued
        || !r.expects(Rule::operand) && !r.wants_value()
    {
        return None;
    }
    let both = r.tok(-1)?.span(shared.file).to(r.span(shared));
    let message = "there is no `++`: nothing is ever assigned anew";
    Some(Diagnostic::new(FOREIGN_WORD, both, message).with_fix(
        "write `+ 1`",
        both,
        " + 1",
        Applicability::MaybeIncorrect,
    ))
}

/// `|x| x + 1`.
fn closure(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.text(shared, 0) != "|" || !r.tok(1)?.is_name() || r.text(shared, 2) != "|" {
        return None;
    }
    let whole = r.span(shared).to(r.tok(2)?.span(shared.file));
    let fixed = format!("{} =>", r.text(shared, 1));
    let diagnostic = Diagnostic::new(FOREIGN_WORD, whole, "a lambda is written `x => value`");
    Some(diagnostic.fix(format!("write `{fixed}`"), whole, fixed))
}

/// `.5`.
fn bare_fraction(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let (dot, number) = (r.tok(0)?, r.tok(1)?);
    if r.class(0) != b'.' || r.class(1) != b'0' || dot.end != number.start || !r.wants_value() {
        return None;
    }
    let whole = dot.span(shared.file).to(number.span(shared.file));
    let fixed = format!("0.{}", number.text(shared.text));
    let diagnostic = Diagnostic::new(UNEXPECTED_TOKEN, whole, "a number begins with a digit");
    Some(diagnostic.fix(format!("write `{fixed}`"), whole, fixed))
}

/// `@2026-01-31 12:00:00`.
fn clock_time(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.class(0) != b':' || r.class(-1) != b'0' || r.class(-2) != b'1' {
        return None;
    }
    let mut last = 1;
    while r.class(last) == b'0' && r.class(last + 1) == b':' {
        last += 2;
    }
    let file = shared.file;
    let (date, from, to) = (r.tok(-2)?, r.tok(-1)?, r.tok(last)?);
    let whole = date.span(file).to(to.span(file));
    let time = &shared.text[from.span(file).to(to.span(file)).range()];
    let fixed = format!("{}T{time}Z", date.text(shared.text));
    let diagnostic = Diagnostic::new(UNEXPECTED_TOKEN, whole, "date and time are joined by a `T`");
    crate::literal::timestamp(&fixed[1..]).ok()?;
    Some(diagnostic.fix(format!("write `{fixed}`"), whole, fixed))
}

/// `"{"k": 1}"`: a brace that was meant as text.
fn brace_in_text(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.rule != Rule::interpolated || !matches!(r.class(0), b':' | b',') {
        return None;
    }
    if r.class(0) == b',' {
        let message = "`{…}` in a string is an expression, not a choice";
        let help = "a path names several files with `*` and `?`, or by its folder; braces that are text are written `{{` and `}}`";
        return Some(
            Diagnostic::new(UNEXPECTED_TOKEN, r.span(shared), message)
                .at("no expression goes on like this")
                .help(help),
        );
    }
    let message = "what stands between `{` and `}` in a string is an expression";
    Some(
        Diagnostic::new(UNEXPECTED_TOKEN, r.span(shared), message)
            .at("no expression goes on like this")
            .help("braces that are text are written `{{` and `}}`; a record becomes JSON with `toJson({ k: 1 })`"),
    )
}
