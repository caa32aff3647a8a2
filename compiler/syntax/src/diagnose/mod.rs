//! What is wrong with a piece that does not parse, in human words.
//!
//! The common mistakes are recognised by their tokens; for all others pest says which tokens it
//! would have taken at the furthest place it came to.

mod behind;
mod case;
mod clauses;
mod declaration;
mod doubt;
mod expression;
mod frame;
mod habits;
mod keyword;
mod lambda;
mod marks;
mod piece;
mod python;
mod results;
mod scopes;
mod shapes;
mod split;
mod stage;
mod units;
mod whole;

pub(crate) use behind::behind_operand;
pub(crate) use doubt::{declared_name, doubt};
pub(crate) use habits::operand_start;
pub(crate) use keyword::keyword;
pub(crate) use marks::{is_match, negation, no_match_operator};
pub use results::AGGREGATES;
pub(crate) use split::{missing_sink_end, split};
pub(crate) use stage::{empty_sink_end, empty_stage, foreign_stage};
pub(crate) use whole::{is_plain, take_back, whole};

use crate::build::Shared;
use crate::class::Tok;
use crate::codes::{STRAY_TEXT, UNCLOSED_BRACKET, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::grammar::{Rule, words};
use crate::span::Span;
use pest::error::{Error, ErrorVariant, InputLocation};

/// A place where pest could not go on.
pub(crate) struct Refusal<'t> {
    /// The piece's rule.
    pub(crate) rule: Rule,
    pub(crate) toks: &'t [Tok],
    /// Index of the token that does not fit; the number of tokens at the end.
    pub(crate) at: usize,
    /// What would have fitted.
    pub(crate) expected: Vec<Rule>,
}

impl Refusal<'_> {
    /// The class at an offset from the refused token; 0 outside of the piece.
    pub(crate) fn class(&self, offset: isize) -> u8 {
        self.tok(offset).map_or(0, |t| t.class)
    }

    pub(crate) fn tok(&self, offset: isize) -> Option<Tok> {
        self.at.checked_add_signed(offset).and_then(|i| self.toks.get(i)).copied()
    }

    pub(crate) fn text<'a>(&self, shared: &Shared<'a>, offset: isize) -> &'a str {
        self.tok(offset).map_or("", |t| t.text(shared.text))
    }

    pub(crate) fn expects(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    /// Where the refused token is, or where one is missing.
    pub(crate) fn span(&self, shared: &Shared<'_>) -> Span {
        match self.tok(0) {
            Some(tok) => tok.span(shared.file),
            None => self.before(shared),
        }
    }

    /// The empty place behind the last token that fitted.
    pub(crate) fn before(&self, shared: &Shared<'_>) -> Span {
        self.tok(-1).or(self.tok(0)).map_or(Span::default(), |t| t.span(shared.file)).after()
    }

    /// Does it want a value here?
    pub(crate) fn wants_value(&self) -> bool {
        self.expects(Rule::expr) || self.expects(Rule::keyword_name) || self.expects(Rule::operand)
    }
}

/// Is a mistake inside of this piece known already (an unclosed string or bracket)?
pub(crate) fn known(shared: &Shared<'_>, toks: &[Tok]) -> bool {
    let (Some(first), Some(last)) = (toks.first(), toks.last()) else { return false };
    shared.diagnostics.iter().any(|d| {
        let at = d.primary.span;
        let skipped = d.message == crate::scan::NO_SEMICOLON;
        !skipped && at.file == shared.file && first.start <= at.end && at.start <= last.end
    })
}

/// A piece does not parse although the brackets it lacked were put in: they alone do not mend it.
pub(crate) fn doubt_brackets(shared: &mut Shared<'_>, toks: &[Tok]) {
    let (Some(first), Some(last)) = (toks.first(), toks.last()) else { return };
    let here = |d: &&mut Diagnostic| {
        let at = d.primary.span;
        d.code == UNCLOSED_BRACKET && first.start <= at.end && at.start <= last.end
    };
    for diagnostic in shared.diagnostics.iter_mut().filter(here) {
        diagnostic.fixes.iter_mut().for_each(|fix| fix.applicability = Applicability::HasPlaceholders);
    }
}

/// Reports why pest refused a piece.
pub(crate) fn report(shared: &mut Shared<'_>, rule: Rule, toks: &[Tok], error: &Error<Rule>) {
    let at = match error.location {
        InputLocation::Pos(at) => at,
        InputLocation::Span((at, _)) => at,
    };
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives.clone(),
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    let refusal = Refusal { rule, toks, at, expected };
    let diagnostic = frame::explain(shared, &refusal)
        .or_else(|| declaration::explain(shared, &refusal))
        .or_else(|| scopes::explain(shared, &refusal))
        .or_else(|| marks::explain(shared, &refusal))
        .or_else(|| results::explain(shared, &refusal))
        .or_else(|| habits::explain(shared, &refusal))
        .or_else(|| scopes::path(shared, &refusal))
        .or_else(|| behind_operand(shared, toks, at))
        .or_else(|| expression::explain(shared, &refusal))
        .unwrap_or_else(|| generic(shared, &refusal));
    shared.diagnostics.push(diagnostic);
}

/// "expected …, found …".
fn generic(shared: &Shared<'_>, refusal: &Refusal<'_>) -> Diagnostic {
    let expected = expected(refusal);
    let Some(tok) = refusal.tok(0) else {
        let place = refusal.before(shared);
        return Diagnostic::new(
            UNEXPECTED_TOKEN,
            place,
            format!("something is missing here: expected {expected}"),
        )
        .at(format!("expected {expected}"));
    };
    let span = tok.span(shared.file);
    let found = tok.text(shared.text);
    let outside = refusal.toks[..refusal.at]
        .iter()
        .fold(0i64, |d, t| d + i64::from(t.is_open()) - i64::from(t.is_close()))
        == 0;
    if outside && tok.starts_line && refusal.expects(Rule::EOI) {
        if let Some(sql) = keyword::sql(shared, &refusal.toks[refusal.at..]) {
            return sql;
        }
        return Diagnostic::new(STRAY_TEXT, span, format!("`{}` belongs to no declaration", shorten(found)))
            .at("the declaration above ends before this")
            .help("a declaration begins with its keyword, a stage with `|>`");
    }
    if refusal.class(-1) == b'.' && refusal.expects(Rule::field_name) {
        return Diagnostic::new(
            UNEXPECTED_TOKEN,
            refusal.before(shared),
            "a field's name is missing behind the `.`",
        )
        .at("expected a name");
    }
    Diagnostic::new(UNEXPECTED_TOKEN, span, format!("expected {expected}, found `{}`", shorten(found)))
        .at("unexpected here")
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 30 {
        return text.to_string();
    }
    let head: String = text.chars().take(27).collect();
    format!("{head}…")
}

/// What would have fitted, in words, the most telling first, at most four.
fn expected(refusal: &Refusal<'_>) -> String {
    let mut all: Vec<&str> = Vec::new();
    let mut rules = refusal.expected.clone();
    if refusal.wants_value() {
        rules.retain(|r| {
            !matches!(r, Rule::prefix | Rule::minus | Rule::not | Rule::operand | Rule::keyword_name)
        });
        all.push("an expression");
    }
    // A comma or an operator is possible almost everywhere: brackets and words say more.
    rules.sort_by_key(|r| match r {
        Rule::EOI => 3,
        Rule::comma => 1,
        Rule::is_null | Rule::infix | Rule::word_is | Rule::ternary | Rule::order | Rule::word_order => 2,
        _ => 0,
    });
    for rule in rules {
        let word = words(rule);
        if !all.contains(&word) {
            all.push(word);
        }
    }
    all.truncate(4);
    match &all[..] {
        [] => "something else".into(),
        [one] => (*one).into(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}

/// What can stand in a test.
const STEPS: &str = "steps are `given name [ … ]`, `advance 1min`, `expect name [ … ]`, and for a new version of the script `savepoint` and `restore into \"new.flow\"`";

/// Tokens of a test that belong to none of its steps.
pub(crate) fn around_steps(shared: &mut Shared<'_>, toks: &[Tok], open: usize, first: usize, closed: usize) {
    if known(shared, toks) {
        return;
    }
    if open >= toks.len() {
        let place = toks[toks.len() - 1].span(shared.file).after();
        shared.diagnostics.push(
            Diagnostic::new(UNEXPECTED_TOKEN, place, "a test needs `{ … }` with its steps")
                .at("expected `{`")
                .help(STEPS),
        );
        return;
    }
    let stray = toks.get(open + 1).filter(|_| open + 1 < first.min(closed)).or_else(|| toks.get(closed + 1));
    let Some(stray) = stray else { return };
    let diagnostic = no_step(shared, *stray);
    shared.diagnostics.push(diagnostic);
}

/// A word inside of a test that begins none of its steps.
fn no_step(shared: &Shared<'_>, stray: Tok) -> Diagnostic {
    let span = stray.span(shared.file);
    let word = stray.text(shared.text);
    let near = ["given", "advance", "expect", "savepoint", "restore"]
        .into_iter()
        .find(|w| strsim::damerau_levenshtein(w, word) <= 2);
    let theirs = match word {
        "assert" | "then" | "should" | "check" => Some("expect"),
        "when" | "input" | "with" | "setup" => Some("given"),
        "sleep" | "wait" | "tick" => Some("advance"),
        "checkpoint" | "snapshot" | "save" => Some("savepoint"),
        _ => None,
    };
    let diagnostic =
        Diagnostic::new(UNEXPECTED_TOKEN, span, format!("`{}` is no step of a test", shorten(word)))
            .help(STEPS);
    match near.or(theirs) {
        Some(ours) => {
            diagnostic.with_fix(format!("write `{ours}`"), span, ours, Applicability::MaybeIncorrect)
        }
        None => diagnostic,
    }
}
