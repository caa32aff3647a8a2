//! Frames of declarations as other languages write them: what an import names, where a type or a key stands.

use super::Refusal;
use super::piece::Piece;
use crate::build::Shared;
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::grammar::Rule;
use crate::span::Span;

/// Recognises another language's frame of a declaration.
pub(super) fn explain(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    import_of_names(shared, r)
        .or_else(|| type_without_a_colon(shared, r))
        .or_else(|| from_for_equals(shared, r))
        .or_else(|| key_elsewhere(shared, r))
        .or_else(|| type_of_values(shared, r))
        .or_else(|| optional_field(shared, r))
        .or_else(|| main_function(shared, r))
        .or_else(|| length_of_a_type(shared, r))
        .or_else(|| with_options(shared, r))
        .or_else(|| rows_by_index(shared, r))
        .or_else(|| generator_in_brackets(shared, r))
}

/// `bids[bids["price"] > 10]`.
fn rows_by_index(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let piece = Piece { shared, toks: r.toks };
    let close = piece.partner(r.at).filter(|close| close + 1 == r.toks.len() && *close > r.at + 1)?;
    if r.rule != Rule::stream_decl || r.class(0) != b'[' || !r.tok(-1)?.is_name() || r.class(-2) != b'=' {
        return None;
    }
    let rows = r.text(shared, -1);
    let mut cond = piece.text(r.at + 1, close).to_string();
    for quote in ['"', '\''] {
        let call = format!("{rows}[{quote}");
        while let Some(at) = cond.find(&call) {
            let name = at + call.len();
            let end = name + cond[name..].find(&format!("{quote}]"))?;
            cond = format!("{}{}{}", &cond[..at], &cond[name..end], &cond[end + 2..]);
        }
    }
    let fixed = format!("{rows} |> filter({cond})");
    let whole = piece.span(r.at - 1, close + 1);
    let diagnostic =
        Diagnostic::new(FOREIGN_WORD, piece.span(r.at, close + 1), "rows are chosen by the stage `filter`");
    Some(diagnostic.at("a stream has no index").with_fix(
        format!("write `{}`", super::shorten(&fixed)),
        whole,
        fixed,
        Applicability::MaybeIncorrect,
    ))
}

/// `generate(rows: 10) { id: seq() }`.
fn generator_in_brackets(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let piece = Piece { shared, toks: r.toks };
    let open = super::habits::open_bracket(r.toks, r.at.checked_sub(1)?)?;
    let close = piece.partner(r.at)?;
    if r.rule != Rule::source_decl
        || r.class(0) != b'{'
        || r.class(-1) != b')'
        || piece.word(open.checked_sub(1)?) != "generate"
    {
        return None;
    }
    let options = piece.text(open + 1, r.at - 1);
    let record = piece.text(r.at, close + 1);
    let fixed = format!("generate {record} {options}");
    Some(
        Diagnostic::new(
            UNEXPECTED_TOKEN,
            piece.span(open, r.at),
            "the options of `generate` stand behind its record, without brackets",
        )
        .fix(
            format!("write `{}`", super::shorten(fixed.trim())),
            piece.span(open - 1, close + 1),
            fixed.trim(),
        ),
    )
}

/// `name: VARCHAR(20)`, `price: DECIMAL(10, 2)`.
fn length_of_a_type(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let ours = super::habits::our_type(r.text(shared, -1)).filter(|_| r.expects(Rule::question))?;
    let close = r.toks[r.at..].iter().position(|t| t.class == b')')?;
    if r.class(0) != b'(' || !r.toks[r.at + 1..r.at + close].iter().all(|t| matches!(t.class, b'0' | b',')) {
        return None;
    }
    let digits = r.span(shared).to(r.toks[r.at + close].span(shared.file));
    let whole = r.tok(-1)?.span(shared.file).to(digits);
    let diagnostic = Diagnostic::new(FOREIGN_WORD, digits, "a type has no length and no digits");
    Some(diagnostic.at("not needed").fix(format!("write `{ours}`"), whole, ours))
}

/// `source s: T with ("connector" = "kafka", …)`.
fn with_options(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let with = r.text(shared, 0).eq_ignore_ascii_case("with") && r.class(1) == b'(';
    if !matches!(r.rule, Rule::source_decl | Rule::table_decl) || !with {
        return None;
    }
    Some(
        Diagnostic::new(FOREIGN_WORD, r.span(shared), "where rows come from is a connector behind `=`")
            .at("expected `=`")
            .help("write `= kafka(brokers: \"localhost:9092\", topic: \"bids\", format: json)` or `= file(\"bids.json\", format: json)`"),
    )
}

/// `import types from "types.flow"`, `import { Bid } from "types.flow"`.
fn import_of_names(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let path = r.toks.iter().rposition(|t| t.class == b'"').filter(|at| *at > r.at)?;
    if r.rule != Rule::import_decl || r.at != 1 || r.toks[path - 1].text(shared.text) != "from" {
        return None;
    }
    let names = Span { end: r.toks[path].start, ..r.span(shared) };
    let named = Span { end: r.toks[path - 1].end, ..names };
    Some(
        Diagnostic::new(FOREIGN_WORD, named, "an import names a file, and brings all that it declares")
            .at("not needed")
            .with_fix("remove it", names, "", Applicability::MaybeIncorrect),
    )
}

/// `source s { a: int } = …`.
fn type_without_a_colon(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let typed = matches!(r.rule, Rule::source_decl | Rule::table_decl);
    if !typed || r.at != 2 || r.class(0) != b'{' || r.class(1) == b'}' {
        return None;
    }
    let place = r.before(shared);
    Some(
        Diagnostic::new(UNEXPECTED_TOKEN, place, "a `:` is missing before the type of the rows")
            .at("expected `:`")
            .fix("insert `:`", place, ":"),
    )
}

/// `source s: T from file(…)`.
fn from_for_equals(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let from = matches!(r.text(shared, 0), "from" | "FROM" | "using" | "reads" | "with" | "WITH");
    if !matches!(r.rule, Rule::source_decl | Rule::table_decl | Rule::stream_decl)
        || !r.expects(Rule::assign)
        || !from
        || !r.tok(1)?.is_name()
        || r.expects(Rule::key_note) && !r.toks[..r.at].iter().any(|t| t.class == b'k')
    {
        return None;
    }
    let span = r.span(shared);
    let message = format!("expected `=`, found `{}`", r.text(shared, 0));
    Some(Diagnostic::new(FOREIGN_WORD, span, message).at("written `=` in flow").fix("write `=`", span, "="))
}

/// `table t: T = file(…) key code`, `table t: T primary key code = …`.
fn key_elsewhere(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let bracket = r.class(-1) == b'k' && r.class(0) == b'(';
    if r.rule != Rule::table_decl || !bracket && !r.expects(Rule::key_note) && !r.expects(Rule::word_key) {
        return None;
    }
    let span = r.span(shared);
    if let Some(diagnostic) = key_in_brackets(shared, r) {
        return Some(diagnostic);
    }
    if r.text(shared, 0).eq_ignore_ascii_case("primary") && r.class(1) == b'k' {
        let gap = Span { end: r.tok(1)?.start, ..span };
        let diagnostic = Diagnostic::new(FOREIGN_WORD, span, "the key of a table is written `key field`");
        return Some(diagnostic.at("not needed").fix("remove it", gap, ""));
    }
    let key = r.toks.iter().rposition(|t| t.class == b'k').filter(|at| *at > r.at)?;
    let names = &r.toks[key + 1..];
    let listed =
        names.iter().enumerate().all(|(i, t)| if i % 2 == 0 { t.is_name() } else { t.class == b',' });
    if r.class(0) != b'=' || names.len().is_multiple_of(2) || !listed {
        return None;
    }
    let note = r.toks[key].span(shared.file).to(names.last()?.span(shared.file));
    let gap = Span { start: r.toks[key - 1].end, ..note };
    let place = r.before(shared);
    let mut diagnostic = Diagnostic::new(UNEXPECTED_TOKEN, note, "the key of a table stands behind its type")
        .at("one place too late")
        .label(place, "expected here");
    diagnostic.fixes.push(Fix {
        title: "write it before the `=`".into(),
        edits: vec![
            Edit { span: place, replacement: format!(" {}", &shared.text[note.range()]) },
            Edit { span: gap, replacement: String::new() },
        ],
        applicability: Applicability::MachineApplicable,
    });
    Some(diagnostic)
}

/// `table t: T key(code) = …`.
fn key_in_brackets(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let close = r.toks[r.at..].iter().position(|t| t.class == b')')?;
    if r.class(-1) != b'k' || r.class(0) != b'(' || close < 2 {
        return None;
    }
    let (first, last, end) = (r.tok(1)?, r.toks[r.at + close - 1], r.toks[r.at + close]);
    let names = &shared.text[first.start as usize..last.end as usize];
    let whole = r.before(shared).to(end.span(shared.file));
    Some(
        Diagnostic::new(FOREIGN_WORD, r.span(shared), format!("the key of a table is written `key {names}`"))
            .at("no brackets here")
            .fix(format!("write `key {names}`"), whole, format!(" {names}")),
    )
}

/// `type Kind = "a" | "b"`.
fn type_of_values(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let (ty, word) = match r.class(0) {
        b'"' => ("string", "texts"),
        b'0' => ("int", "numbers"),
        _ => return None,
    };
    if !r.expects(Rule::type_expr) || r.text(shared, -1) == "<" {
        return None;
    }
    let mut last = 0;
    while matches!(r.text(shared, last + 1), "|" | "or") && r.class(last + 2) == r.class(0) {
        last += 2;
    }
    let whole = r.span(shared).to(r.tok(last)?.span(shared.file));
    Some(
        Diagnostic::new(FOREIGN_WORD, whole, format!("a type does not list {word}: it is `{ty}`"))
            .help("which of them there are is tested with `match` or `x in […]`")
            .with_fix(format!("write `{ty}`"), whole, ty, Applicability::MaybeIncorrect),
    )
}

/// `{ note?: string }`.
fn optional_field(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.class(0) != b'?' || r.class(1) != b':' || !r.expects(Rule::colon) || !r.tok(2)?.is_name() {
        return None;
    }
    let (span, name, ty) = (r.span(shared), r.text(shared, -1), r.text(shared, 2));
    let message = format!("an optional field is written `{name}: {ty}?`");
    let diagnostic = Diagnostic::new(FOREIGN_WORD, span, message).at("the `?` stands behind the type");
    if matches!(r.text(shared, 3), "<" | "[") {
        return Some(diagnostic);
    }
    let mut diagnostic = diagnostic;
    diagnostic.fixes.push(Fix {
        title: format!("write `{name}: {ty}?`"),
        edits: vec![
            Edit { span, replacement: String::new() },
            Edit { span: r.tok(2)?.span(shared.file).after(), replacement: "?".into() },
        ],
        applicability: Applicability::MachineApplicable,
    });
    Some(diagnostic)
}

/// `fn main() { bids |> filter(price > 3) }`.
fn main_function(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let name = r.toks.get(1)?;
    if r.rule != Rule::fn_decl || name.text(shared.text) != "main" {
        return None;
    }
    let head = r.toks[0].span(shared.file).to(name.span(shared.file));
    Some(
        Diagnostic::new(
            FOREIGN_WORD,
            head,
            "there is no `main`: a script is its declarations, and all of them run",
        )
        .at("no function runs a script")
        .help("write `stream name = rows |> …` and `sink name = rows -> …` without anything around them"),
    )
}
