//! Stages whose shape comes from elsewhere: lambdas, SQL's clauses, arguments without brackets.

use super::{known, lambda, shapes};
use crate::build::Shared;
use crate::class::Tok;
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::span::Span;

/// Reports a stage that needs no grammar to be recognised as wrong; true if it is.
/// Behind the `.` of a method chain all is said already.
pub(crate) fn foreign_stage(
    shared: &mut Shared<'_>,
    toks: &[Tok],
    range: std::ops::Range<usize>,
    pipe: Span,
) -> bool {
    let piece = &toks[range.clone()];
    if super::whole(shared, piece) {
        return true;
    }
    let diagnostic = with_lambda(shared, piece, || lambda::value_at(shared, toks, range.start))
        .or_else(|| square_brackets(shared, piece))
        .or_else(|| shapes::join_within(shared, piece))
        .or_else(|| shapes::explain(shared, piece))
        .or_else(|| shapes::sql_join(shared, piece))
        .or_else(|| without_brackets(shared, piece));
    let Some(diagnostic) = diagnostic else { return false };
    if let Some(arrow) = piece.iter().find(|t| t.class == b'^') {
        super::take_back(shared, arrow.span(shared.file));
    }
    let chained = &shared.text[pipe.range()] == ".";
    if !chained && !known(shared, piece) {
        shared.diagnostics.push(diagnostic);
    }
    true
}

fn with_lambda(
    shared: &Shared<'_>,
    piece: &[Tok],
    value: impl FnOnce() -> lambda::Value,
) -> Option<Diagnostic> {
    // Most stages have none, and the stages above are not looked at for them.
    let python = piece.get(2).is_some_and(|t| t.text(shared.text) == "lambda");
    let body = piece.iter().position(|t| t.class == if python { b':' } else { b'^' })?;
    let found = lambda::unlambda(shared, piece, value())?;
    let span = piece[2].span(shared.file).to(piece[body].span(shared.file));
    let word = piece[0].text(shared.text);
    if word.eq_ignore_ascii_case("foreach") {
        return Some(
            Diagnostic::new(FOREIGN_WORD, piece[0].span(shared.file), format!("`{word}` is not a stage of flow"))
                .help("rows leave through a sink: `sink name = rows -> stdout(format: json)`; `tap(\"label\")` shows them on their way"),
        );
    }
    let mut diagnostic = Diagnostic::new(FOREIGN_WORD, span, format!("`{word}` takes no lambda"))
        .at("remove this")
        .help("inside of a stage the fields of the row are in scope by name");
    if found.whole_row {
        diagnostic.notes.push(lambda::no_whole_row(word));
        return Some(diagnostic);
    }
    let applicability =
        if found.sure { Applicability::MachineApplicable } else { Applicability::HasPlaceholders };
    diagnostic.fixes.push(Fix {
        title: "write it without the lambda".into(),
        edits: found.edits,
        applicability,
    });
    Some(diagnostic)
}

/// `filter[x > 1]`.
fn square_brackets(shared: &Shared<'_>, piece: &[Tok]) -> Option<Diagnostic> {
    let (first, open, close) = (piece.first()?, piece.get(1)?, piece.last()?);
    if !first.is_name() || open.class != b'[' || close.class != b']' {
        return None;
    }
    let word = first.text(shared.text);
    let (open, close) = (open.span(shared.file), close.span(shared.file));
    let mut diagnostic =
        Diagnostic::new(UNEXPECTED_TOKEN, open, format!("the arguments of `{word}` stand in `(…)`"))
            .at("expected `(`");
    diagnostic.fixes.push(Fix {
        title: "write `(…)`".into(),
        edits: vec![
            Edit { span: open, replacement: "(".into() },
            Edit { span: close, replacement: ")".into() },
        ],
        applicability: Applicability::MachineApplicable,
    });
    Some(diagnostic)
}

/// `keyBy auction`, `group by a`, `where x > 1`, `count as n`.
fn without_brackets(shared: &Shared<'_>, piece: &[Tok]) -> Option<Diagnostic> {
    let (first, second) = (piece.first()?, piece.get(1)?);
    if !first.is_name() || second.is_open() {
        return None;
    }
    let file = shared.file;
    let word = first.text(shared.text);
    let last = piece[piece.len() - 1].span(file);
    if second.class == b'A' {
        let place = first.span(file).after();
        return Some(
            Diagnostic::new(UNEXPECTED_TOKEN, place, format!("`{word}` needs `(…)` behind it"))
                .at("expected `(`")
                .fix(format!("write `{word}()`"), place, "()"),
        );
    }
    let starts_value =
        second.is_name() || matches!(second.class, b'0'..=b'3' | b'"' | b'-' | b'!' | b'I' | b'+');
    if !starts_value {
        return None;
    }
    let by = second.text(shared.text).eq_ignore_ascii_case("by") && piece.len() > 2;
    let rest_from = if by { piece[2] } else { *second };
    let theirs = if by { format!("{word} by") } else { word.to_string() };
    let word_span = if by { first.span(file).to(second.span(file)) } else { first.span(file) };
    let rest = rest_from.span(file).to(last);
    let rest_toks = &piece[if by { 2 } else { 1 }..];
    if rest_from.is_open() {
        return Some(sql_by(word, &theirs, word_span, word_span, None, shared));
    }
    let gap = Span { file, start: first.end, end: rest_from.start };
    if let Some(ours) = sql_clause(&theirs.to_ascii_lowercase()) {
        let inner = &shared.text[rest.range()];
        let whole = first.span(file).to(last);
        let fixed = if ours == "map" { format!("map {{ {inner} }}") } else { format!("{ours}({inner})") };
        let mut diagnostic =
            Diagnostic::new(FOREIGN_WORD, word_span, format!("`{theirs}` is written `{ours}` in flow"));
        if !ours.is_empty() {
            diagnostic = diagnostic.with_fix(format!("write `{fixed}`"), whole, fixed, sureness(rest_toks));
        }
        return Some(diagnostic);
    }
    if by {
        return Some(sql_by(word, &theirs, word_span, word_span, Some((rest, sureness(rest_toks))), shared));
    }
    if matches!(word, "group" | "derive") {
        let help = match word {
            "group" => {
                "rows are grouped with `keyBy(fields)`, and the next stage computes: `|> aggregate { n: count() }`"
            }
            _ => "fields are added with `map { .., name: value }`",
        };
        return Some(
            Diagnostic::new(FOREIGN_WORD, word_span, format!("`{word}` is not a stage of flow")).help(help),
        );
    }
    let mut diagnostic =
        Diagnostic::new(UNEXPECTED_TOKEN, rest, format!("the arguments of `{word}` stand in brackets"))
            .at("expected `(` before this");
    let (open, close) = if matches!(word, "map" | "aggregate") { (" { ", " }") } else { ("(", ")") };
    diagnostic.fixes.push(Fix {
        title: format!("write `{word}{}…{}`", open.trim_end(), close),
        edits: vec![
            Edit { span: gap, replacement: open.into() },
            Edit { span: last.after(), replacement: close.into() },
        ],
        applicability: sureness(rest_toks),
    });
    Some(diagnostic)
}

/// Brackets around what stands behind a word are what was meant, unless it goes on with clauses: `select k from bids`,
/// `join bids on …`.
fn sureness(rest: &[Tok]) -> Applicability {
    let clauses = rest.windows(2).any(|pair| pair[0].is_name() && pair[1].is_name());
    if clauses { Applicability::MaybeIncorrect } else { Applicability::MachineApplicable }
}

/// `group by(x)`, `order by x`: two words where flow has one.
fn sql_by(
    word: &str,
    theirs: &str,
    at: Span,
    words: Span,
    rest: Option<(Span, Applicability)>,
    shared: &Shared<'_>,
) -> Diagnostic {
    let diagnostic = Diagnostic::new(FOREIGN_WORD, at, format!("`{theirs}` is not a stage of flow"));
    match word.to_ascii_lowercase().as_str() {
        "group" | "partition" | "key" | "cluster" => {
            let diagnostic = diagnostic.help("rows are grouped with `keyBy(fields)`");
            match rest {
                Some((rest, sure)) => diagnostic.with_fix(
                    "write `keyBy(…)`",
                    words.to(rest),
                    format!("keyBy({})", &shared.text[rest.range()]),
                    sure,
                ),
                None => diagnostic.fix("write `keyBy`", words, "keyBy"),
            }
        }
        _ => diagnostic
            .help("a stream has no order as a whole; the first rows by some value are `top(n, by: value)`"),
    }
}

/// Flow's stage for a clause of SQL written without brackets.
fn sql_clause(theirs: &str) -> Option<&'static str> {
    Some(match theirs {
        "where" | "having" => "filter",
        "group by" | "partition by" | "groupby" => "keyBy",
        "select" => "map",
        _ => return None,
    })
}

/// `|>` with nothing behind it.
pub(crate) fn empty_stage(shared: &mut Shared<'_>, pipe: Span) {
    let told = shared.diagnostics.iter().any(|d| d.primary.span.touches(pipe.start as usize));
    // What nobody can read was told before.
    let is_next = |unread: u32| {
        shared.text.get(pipe.end as usize..unread as usize).is_some_and(|gap| gap.trim().is_empty())
    };
    if told || super::doubt::unreadable(shared).any(is_next) {
        return;
    }
    shared.diagnostics.push(
        Diagnostic::new(UNEXPECTED_TOKEN, pipe, "a stage is missing behind `|>`")
            .at("nothing follows")
            .help("write a stage such as `filter(…)` or `map { … }`, or remove the `|>`"),
    );
}

/// `->` with nothing behind it.
pub(crate) fn empty_sink_end(shared: &mut Shared<'_>, arrow: Span) {
    shared.diagnostics.push(
        Diagnostic::new(UNEXPECTED_TOKEN, arrow, "a connector is missing behind `->`")
            .at("nothing follows")
            .help("write where the rows go, such as `stdout()` or `file(\"out\", format: json)`"),
    );
}
