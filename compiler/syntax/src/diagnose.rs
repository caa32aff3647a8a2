//! What is wrong with a piece that does not parse, in human words.
//!
//! The common mistakes are recognised by their tokens; for all others pest says which tokens it
//! would have taken at the furthest place it came to.

use crate::build::Shared;
use crate::build::decl::Head;
use crate::class::Tok;
use crate::codes::{FOREIGN_WORD, STRAY_TEXT, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit};
use crate::grammar::{Rule, words};
use crate::pipeline::Pieces;
use crate::scan::nearest_keyword;
use crate::span::Span;
use crate::token::DECLARATION_WORDS;
use pest::error::{Error, ErrorVariant, InputLocation};

/// Is a mistake inside of this piece known already (an unclosed string or bracket)?
pub(crate) fn known(shared: &Shared<'_>, toks: &[Tok]) -> bool {
    let (Some(first), Some(last)) = (toks.first(), toks.last()) else { return false };
    shared.diagnostics.iter().any(|d| {
        let at = d.primary.span;
        at.file == shared.file && first.start <= at.end && at.start <= last.end
    })
}

/// The keyword a declaration begins with; a misspelt one is reported and mended.
pub(crate) fn keyword(shared: &mut Shared<'_>, toks: &[Tok]) -> Option<&'static str> {
    let first = toks[0];
    let word = first.text(shared.text);
    if let Some(known) = DECLARATION_WORDS.iter().find(|w| **w == word) {
        return Some(known);
    }
    let span = first.span(shared.file);
    let named = toks.get(1).is_some_and(|t| t.is_name() || t.class == b'"');
    if named && let Some(nearest) = nearest_keyword(word) {
        let diagnostic =
            Diagnostic::new(UNEXPECTED_TOKEN, span, format!("`{word}` does not begin a declaration"))
                .help(format!("did you mean `{nearest}`?"))
                .fix(format!("write `{nearest}`"), span, nearest);
        shared.diagnostics.push(diagnostic);
        return Some(nearest);
    }
    if !known(shared, toks) {
        let whole = span.to(toks[toks.len() - 1].span(shared.file));
        let diagnostic = Diagnostic::new(STRAY_TEXT, span, "this belongs to no declaration")
            .at("a declaration begins with its keyword")
            .help("declarations begin with `source`, `stream`, `sink`, `table`, `type`, `fn`, `const`, `param`, `job`, `test` or `import`");
        let _ = whole;
        shared.diagnostics.push(diagnostic);
    }
    None
}

/// Cuts a pipeline declaration at its `|>` and `->`.
pub(crate) fn split(shared: &mut Shared<'_>, keyword: &str, toks: &mut [Tok]) -> Pieces {
    let _ = (&shared, keyword);
    let mut pieces = Pieces::default();
    let mut depth = 0;
    let mut from = 0;
    let mut kind = b'=';
    let mut close = |kind: u8, range: std::ops::Range<usize>| match kind {
        b'=' => pieces.head = range,
        b'|' => pieces.stages.push(range),
        _ => pieces.connector = Some(range),
    };
    for (i, tok) in toks.iter().enumerate() {
        if tok.is_open() {
            depth += 1;
        } else if tok.is_close() {
            depth -= 1;
        } else if depth == 0 && matches!(tok.class, b'|' | b'$') {
            close(kind, from..i);
            kind = tok.class;
            from = i + 1;
        }
    }
    close(kind, from..toks.len());
    pieces
}

pub(crate) fn mended_head(_shared: &mut Shared<'_>, _keyword: &str, _toks: &[Tok]) -> Option<Head> {
    None
}

pub(crate) fn missing_sink_end(shared: &mut Shared<'_>, toks: &[Tok]) {
    if known(shared, toks) {
        return;
    }
    let end = toks[toks.len() - 1].span(shared.file).after();
    let name = toks.get(1).map_or("", |t| t.text(shared.text));
    shared.diagnostics.push(
        Diagnostic::new(UNEXPECTED_TOKEN, end, format!("the sink `{name}` has no `->`"))
            .at("expected `->` and where the rows go")
            .label(toks[0].span(shared.file), "this sink")
            .with_fix("print the rows", end, " -> stdout()", Applicability::HasPlaceholders),
    );
}

pub(crate) fn empty_stage(shared: &mut Shared<'_>, pipe: Span) {
    shared.diagnostics.push(
        Diagnostic::new(UNEXPECTED_TOKEN, pipe, "a stage is missing behind `|>`")
            .at("nothing follows")
            .help("write a stage such as `filter(…)` or `map { … }`, or remove the `|>`"),
    );
}

pub(crate) fn empty_sink_end(shared: &mut Shared<'_>, arrow: Span) {
    shared.diagnostics.push(
        Diagnostic::new(UNEXPECTED_TOKEN, arrow, "a connector is missing behind `->`")
            .at("nothing follows")
            .help("write where the rows go, such as `stdout()` or `file(\"out\", format: json)`"),
    );
}

pub(crate) fn foreign_stage(_shared: &mut Shared<'_>, _toks: &[Tok]) -> bool {
    false
}

/// Tokens of a test that belong to none of its steps.
pub(crate) fn around_steps(shared: &mut Shared<'_>, toks: &[Tok], open: usize, first: usize, closed: usize) {
    let stray = toks.get(open + 1).filter(|_| open + 1 < first.min(closed)).or_else(|| toks.get(closed + 1));
    if let Some(stray) = stray.filter(|_| !known(shared, toks)) {
        let span = stray.span(shared.file);
        shared.diagnostics.push(
            Diagnostic::new(UNEXPECTED_TOKEN, span, "this is no step of a test")
                .help("steps are `given name [ … ]`, `advance 1min` and `expect name [ … ]`"),
        );
    }
}

/// Reports why pest refused a piece.
pub(crate) fn report(shared: &mut Shared<'_>, rule: Rule, toks: &[Tok], error: &Error<Rule>) {
    let at = match error.location {
        InputLocation::Pos(at) => at,
        InputLocation::Span((at, _)) => at,
    };
    let expected = expected(error);
    let _ = (rule, FOREIGN_WORD, Edit { span: Span::default(), replacement: String::new() });
    let (span, found) = match toks.get(at) {
        Some(tok) => (tok.span(shared.file), format!("`{}`", tok.text(shared.text))),
        None => (
            toks.last().map_or(Span::default(), |t| t.span(shared.file).after()),
            "the end of the declaration".into(),
        ),
    };
    let message = format!("expected {expected}, found {found}");
    shared.diagnostics.push(Diagnostic::new(UNEXPECTED_TOKEN, span, message));
}

fn expected(error: &Error<Rule>) -> String {
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else { return "something else".into() };
    let mut all: Vec<&str> = positives.iter().map(|r| words(*r)).collect();
    all.sort_unstable();
    all.dedup();
    match &all[..] {
        [] => "something else".into(),
        [one] => (*one).into(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}
