//! Mistakes in the frame of a declaration: its name, type, key, `=`, parameters.

use super::Refusal;
use crate::build::Shared;
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::grammar::Rule;

/// Recognises a mistake in the frame of a declaration.
pub(super) fn explain(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    name(shared, r)
        .or_else(|| assign(shared, r))
        .or_else(|| function(shared, r))
        .or_else(|| key(shared, r))
        .or_else(|| types(shared, r))
        .or_else(|| test(shared, r))
        .or_else(|| head(shared, r))
}

fn is_decl(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::param_decl
            | Rule::const_decl
            | Rule::type_decl
            | Rule::fn_decl
            | Rule::source_decl
            | Rule::table_decl
            | Rule::stream_decl
            | Rule::job_decl
    )
}

fn keyword<'a>(shared: &Shared<'a>, r: &Refusal<'_>) -> &'a str {
    r.toks[0].text(shared.text)
}

/// The name behind the keyword is missing, or is no name.
fn name(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.at == 1 && matches!(r.rule, Rule::import_decl | Rule::test_head) {
        let what = if r.rule == Rule::import_decl { "the path of an import" } else { "the name of a test" };
        let span = r.span(shared);
        let diagnostic =
            Diagnostic::new(UNEXPECTED_TOKEN, span, format!("{what} is a string")).at("expected `\"…\"`");
        let all = r.toks[1..]
            .iter()
            .take_while(|t| t.is_name() || t.class == b'.' || t.text(shared.text) == "/")
            .last();
        return Some(match all {
            Some(last) => {
                let span = span.to(last.span(shared.file));
                diagnostic.fix("put it in quotes", span, format!("\"{}\"", &shared.text[span.range()]))
            }
            None => diagnostic,
        });
    }
    if r.at != 1 || !is_decl(r.rule) {
        return None;
    }
    let word = keyword(shared, r);
    let span = r.span(shared);
    let found = r.text(shared, 0);
    match r.class(0) {
        0 => Some(
            Diagnostic::new(UNEXPECTED_TOKEN, span, format!("`{word}` needs a name")).at("expected a name"),
        ),
        b'D' | b'A'..=b'Z' | b'3' | b'!' => Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                span,
                format!("`{found}` is a word of the language and cannot be a name as it is"),
            )
            .at("expected a name")
            .with_fix(
                "write it in backticks",
                span,
                format!("`{found}`"),
                Applicability::MaybeIncorrect,
            ),
        ),
        b'0' | b'"' => Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                span,
                format!("expected the name of the `{word}`, found `{found}`"),
            )
            .at("expected a name")
            .help("names begin with a letter or `_`; any other name goes in backticks"),
        ),
        _ => Some(
            Diagnostic::new(UNEXPECTED_TOKEN, r.before(shared), format!("this `{word}` has no name"))
                .at("expected a name")
                .with_fix("give it a name", r.before(shared), " name", Applicability::HasPlaceholders),
        ),
    }
}

/// `=` is missing, or something else stands in its place.
fn assign(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let wants = r.expects(Rule::assign) || r.expects(Rule::value);
    if !wants || !is_decl(r.rule) || r.rule == Rule::fn_decl {
        return None;
    }
    let word = keyword(shared, r);
    let span = r.span(shared);
    let place = r.before(shared);
    if r.expects(Rule::key_note) && !r.toks[..r.at].iter().any(|t| t.class == b'k') {
        return None;
    }
    if r.class(0) == b':' && r.class(1) == b'=' {
        let both = span.to(r.tok(1)?.span(shared.file));
        return Some(Diagnostic::new(FOREIGN_WORD, both, "a value is given with `=`").fix(
            "write `=`",
            both,
            "=",
        ));
    }
    if r.class(0) == b':' && matches!(r.rule, Rule::stream_decl | Rule::type_decl) {
        let message = match r.rule {
            Rule::type_decl => "a type is declared with `=`".to_string(),
            _ => format!("a `{word}` has no written type: it follows from its stages"),
        };
        let typed = r.toks[r.at..].iter().any(|t| t.class == b'=');
        let diagnostic = Diagnostic::new(UNEXPECTED_TOKEN, span, message).at("expected `=`");
        return Some(if typed {
            diagnostic.help("remove the `: type`")
        } else {
            diagnostic.fix("write `=`", place.to(span), " =")
        });
    }
    if matches!(r.text(shared, 0), "==" | "<-" | "=>" | "->" | "as" | "AS" | "is")
        || r.class(0) == b'^'
        || r.class(0) == b'$'
    {
        return Some(
            Diagnostic::new(UNEXPECTED_TOKEN, span, format!("expected `=`, found `{}`", r.text(shared, 0)))
                .at("expected `=`")
                .fix("write `=`", span, "="),
        );
    }
    if r.tok(0).is_none() || (r.rule == Rule::param_decl && r.expects(Rule::type_note) && r.tok(0).is_none())
    {
        let what = match r.rule {
            Rule::source_decl | Rule::table_decl => "`=` and a connector",
            Rule::stream_decl => "`=` and what it reads",
            _ => "`=` and a value",
        };
        return Some(
            Diagnostic::new(UNEXPECTED_TOKEN, place, format!("this `{word}` is not finished"))
                .at(format!("expected {what}")),
        );
    }
    if r.class(0) == b'"' && r.class(-1) == b'D' {
        return None;
    }
    if let Some(dashed) = dashed_name(shared, r) {
        return Some(dashed);
    }
    let starts_value =
        r.tok(0).is_some_and(|t| t.is_name() || t.is_open() || matches!(t.class, b'0'..=b'3' | b'"' | b'-'));
    if starts_value && r.at >= 2 {
        return Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                place,
                format!("a `=` is missing before `{}`", super::shorten(r.text(shared, 0))),
            )
            .at("expected `=`")
            .fix("insert `=`", place, " ="),
        );
    }
    None
}

/// `stream hot-bids = …`.
fn dashed_name(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.at != 2 || r.class(0) != b'-' {
        return None;
    }
    let chain = r.toks[1..].iter().take_while(|t| t.is_name() || t.class == b'-' || t.class == b'0');
    let whole = r.toks[1].span(shared.file).to(chain.last()?.span(shared.file));
    let written = &shared.text[whole.range()];
    if written.contains(char::is_whitespace) {
        return None;
    }
    let mut camel = String::new();
    for (i, part) in written.split('-').filter(|p| !p.is_empty()).enumerate() {
        let (head, tail) = part.split_at(part.chars().next().map_or(0, char::len_utf8));
        camel.push_str(&if i == 0 { head.to_string() } else { head.to_uppercase() });
        camel.push_str(tail);
    }
    Some(
        Diagnostic::new(UNEXPECTED_TOKEN, whole, "a name has no `-` in it")
            .at("letters, digits and `_`")
            .help("any other name goes in backticks: each use of it, too")
            .with_fix(format!("write `{camel}`"), whole, camel, Applicability::MaybeIncorrect),
    )
}

/// Parameters, result and body of a function.
fn function(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.rule != Rule::fn_decl {
        return None;
    }
    let span = r.span(shared);
    let opened = r.toks[..r.at].iter().filter(|t| t.is_open()).count();
    let in_params = opened == 1 && !r.toks[..r.at].iter().any(|t| t.class == b')');
    if in_params && matches!(r.class(0), b',' | b')') && r.class(-1).is_ascii_lowercase() {
        let name = r.text(shared, -1);
        return Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                r.before(shared),
                format!("the parameter `{name}` has no type"),
            )
            .at("expected `: type`")
            .with_fix(
                "give it a type",
                r.before(shared),
                ": int",
                Applicability::HasPlaceholders,
            ),
        );
    }
    if in_params && r.class(0).is_ascii_lowercase() && r.class(-1).is_ascii_lowercase() {
        let both = r.tok(-1)?.span(shared.file).to(span);
        let (ty, name) = (r.text(shared, -1), r.text(shared, 0));
        return Some(Diagnostic::new(FOREIGN_WORD, both, "a parameter is written `name: type`").with_fix(
            format!("write `{name}: {ty}`"),
            both,
            format!("{name}: {ty}"),
            Applicability::MaybeIncorrect,
        ));
    }
    if opened == 0 && r.at == 2 {
        return Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                r.before(shared),
                "the parameters of a `fn` stand in brackets, even none: `()`",
            )
            .at("expected `(`")
            .with_fix("add `()`", r.before(shared), "()", Applicability::MaybeIncorrect),
        );
    }
    if r.expects(Rule::thin_arrow) && r.class(0) == b':' {
        return Some(
            Diagnostic::new(FOREIGN_WORD, span, "the type of a function's result stands behind `->`").fix(
                "write `->`",
                span,
                " ->",
            ),
        );
    }
    if r.expects(Rule::assign) && r.class(0) == b'^' {
        return Some(Diagnostic::new(FOREIGN_WORD, span, "the body of a `fn` stands behind `=`").fix(
            "write `=`",
            span,
            "=",
        ));
    }
    block(shared, r)
}

/// The block of a function.
fn block(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let span = r.span(shared);
    let in_block = r.toks[..r.at].iter().any(|t| t.class == b'{');
    if !in_block {
        return None;
    }
    if r.text(shared, -1) == "return" {
        let word = r.tok(-1)?.span(shared.file);
        let gap = crate::span::Span { end: span.start, ..word };
        return Some(
            Diagnostic::new(FOREIGN_WORD, word, "there is no `return`: the last expression is the result")
                .fix("remove it", gap, ""),
        );
    }
    if r.class(0) == b':' && r.class(-2) == b'L' {
        return Some(
            Diagnostic::new(UNEXPECTED_TOKEN, span, "a `let` has no written type: it follows from the value")
                .at("expected `=`"),
        );
    }
    if r.class(0) == b'}' && r.at + 1 == r.toks.len() && r.wants_value() {
        return Some(
            Diagnostic::new(UNEXPECTED_TOKEN, r.before(shared), "a block ends with its result")
                .at("expected an expression")
                .help("the last line of a block is an expression without `let`"),
        );
    }
    if r.class(0) == b'=' || (r.class(-1).is_ascii_lowercase() && r.class(0).is_ascii_lowercase()) {
        let first = r.tok(-1)?;
        let foreign = matches!(first.text(shared.text), "var" | "val" | "const" | "final" | "auto");
        if foreign {
            let word = first.span(shared.file);
            return Some(
                Diagnostic::new(FOREIGN_WORD, word, "names inside of a block are given with `let`").fix(
                    "write `let`",
                    word,
                    "let",
                ),
            );
        }
    }
    None
}

/// `table t: T = …` without its key.
fn key(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.rule != Rule::table_decl
        || !(r.expects(Rule::key_note) || r.expects(Rule::word_key) || r.text(shared, -1) == "key")
    {
        return None;
    }
    let place = r.before(shared);
    if r.text(shared, -1) == "key" {
        return Some(
            Diagnostic::new(UNEXPECTED_TOKEN, place, "the key fields of the table are missing")
                .at("expected a field of the table")
                .help("write the fields that rows are looked up by: `key code`"),
        );
    }
    if r.text(shared, 0) == "primary" || r.text(shared, 0) == "keyed" {
        return None;
    }
    if let Some(diagnostic) = key_as_an_option(shared, r, place) {
        return Some(diagnostic);
    }
    Some(
        Diagnostic::new(
            UNEXPECTED_TOKEN,
            place,
            format!("the table `{}` has no key", r.toks.get(1).map_or("", |t| t.text(shared.text))),
        )
        .at("expected `key` and the fields rows are looked up by")
        .with_fix("add a key", place, " key field", Applicability::HasPlaceholders),
    )
}

/// `table t: T = file("…", key: id)`: the key among the options of the connector, in quotes or not.
fn key_as_an_option(shared: &Shared<'_>, r: &Refusal<'_>, place: crate::span::Span) -> Option<Diagnostic> {
    let text = |at: usize| r.toks.get(at).map_or("", |tok| tok.text(shared.text));
    let words = ["key", "keys", "primaryKey", "primary_key", "keyField"];
    let at = (r.at..r.toks.len()).find(|&at| words.contains(&text(at)) && text(at + 1) == ":")?;
    let field = text(at + 2).trim_matches('"');
    let is_name = field.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && field.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !is_name || !matches!(text(at + 3), "," | ")") {
        return None;
    }
    let option = r.toks[at].span(shared.file).to(r.toks[at + 2].span(shared.file));
    // With the comma before it, or else the one behind it.
    let gone = match (text(at - 1), text(at + 3)) {
        (",", _) => r.toks[at - 1].span(shared.file).to(option),
        (_, ",") => crate::span::Span { end: r.toks[at + 4].start, ..option },
        _ => option,
    };
    let message = "the key of a table is no option of its connector: it stands before the `=`";
    let mut diagnostic =
        Diagnostic::new(UNEXPECTED_TOKEN, option, message).at("not here").label(place, "but here");
    diagnostic.fixes.push(Fix {
        title: format!("write `key {field}` before the `=`"),
        edits: vec![
            Edit { span: place, replacement: format!(" key {field}") },
            Edit { span: gone, replacement: String::new() },
        ],
        applicability: Applicability::MachineApplicable,
    });
    Some(diagnostic)
}

/// Types as other languages write them.
fn types(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let span = r.span(shared);
    let before = r.tok(-1)?;
    let before_span = before.span(shared.file);
    let name = before.text(shared.text);
    let behind_type = r.expects(Rule::question);
    if behind_type && r.class(0) == b'[' && r.class(1) == b']' {
        let whole = before_span.to(r.tok(1)?.span(shared.file));
        return Some(
            Diagnostic::new(FOREIGN_WORD, whole, format!("a list of `{name}` is written `list<{name}>`"))
                .fix("write `list<…>`", whole, format!("list<{name}>")),
        );
    }
    let null_behind = matches!(r.text(shared, 1), "null" | "NULL" | "None" | "undefined");
    if behind_type && matches!(r.class(0), b'#' | b'+') && null_behind {
        let whole = span.to(r.tok(1)?.span(shared.file));
        let gap = crate::span::Span { start: before.end, ..whole };
        return Some(
            Diagnostic::new(FOREIGN_WORD, whole, format!("`{name}` or `null` is written `{name}?`")).fix(
                format!("write `{name}?`"),
                gap,
                "?",
            ),
        );
    }
    if behind_type && r.text(shared, 0) == "??" {
        return Some(
            Diagnostic::new(UNEXPECTED_TOKEN, span, "a type is optional or not: one `?` is enough").fix(
                "write `?`",
                span,
                "?",
            ),
        );
    }
    if behind_type && r.class(0) == b'!' && null_behind {
        let whole = crate::span::Span { start: before.end, ..span.to(r.tok(1)?.span(shared.file)) };
        return Some(
            Diagnostic::new(FOREIGN_WORD, span.to(whole), "a type is never `null` unless it ends in `?`")
                .fix("remove it", whole, ""),
        );
    }
    if r.expects(Rule::type_expr) && r.class(0) == b'?' && r.class(1).is_ascii_lowercase() {
        let inner = r.tok(1)?;
        let whole = span.to(inner.span(shared.file));
        let name = inner.text(shared.text);
        return Some(Diagnostic::new(FOREIGN_WORD, span, "the `?` stands behind the type").fix(
            format!("write `{name}?`"),
            whole,
            format!("{name}?"),
        ));
    }
    if r.expects(Rule::type_expr)
        && r.class(0) == b'['
        && r.class(1).is_ascii_lowercase()
        && r.class(2) == b']'
    {
        let inner = r.text(shared, 1);
        let whole = span.to(r.tok(2)?.span(shared.file));
        return Some(
            Diagnostic::new(FOREIGN_WORD, whole, format!("a list of `{inner}` is written `list<{inner}>`"))
                .fix("write `list<…>`", whole, format!("list<{inner}>")),
        );
    }
    if r.expects(Rule::type_field) || (r.expects(Rule::colon) && !r.expects(Rule::assign)) {
        // `{ a int }`, `{ int a }`.
        if r.class(0).is_ascii_lowercase() && r.class(-1).is_ascii_lowercase() {
            let place = before_span.after();
            if r.class(1) == b':' {
                let both = before_span.to(span);
                let name = &shared.text[both.range()];
                return Some(
                    Diagnostic::new(UNEXPECTED_TOKEN, both, "a name with a blank goes in backticks")
                        .at("two words")
                        .fix("write it in backticks", both, format!("`{name}`")),
                );
            }
            return Some(
                Diagnostic::new(UNEXPECTED_TOKEN, place, "a `:` is missing between the field and its type")
                    .at("expected `:`")
                    .with_fix("insert `:`", place, ":", Applicability::MaybeIncorrect),
            );
        }
    }
    None
}

/// Steps of a test.
fn test(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if !matches!(r.rule, Rule::given_step | Rule::expect_step) {
        return None;
    }
    let span = r.span(shared);
    let word = keyword(shared, r);
    if matches!(r.text(shared, 0), "=" | "==" | ":" | "to" | "be" | "is") && r.class(1) == b'[' {
        return Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                span,
                format!("the rows follow the name directly: `{word} name [ … ]`"),
            )
            .at("not needed")
            .fix("remove it", span, ""),
        );
    }
    if r.class(0) == b'{' && r.expects(Rule::list) {
        return Some(
            Diagnostic::new(UNEXPECTED_TOKEN, span, "rows stand in a list, even a single one")
                .at("expected `[`")
                .help("write `[ { … } ]`"),
        );
    }
    if r.expects(Rule::EOI) && r.class(-1) == b']' {
        return r.tok(0).map(|stray| super::no_step(shared, stray));
    }
    if r.tok(0).is_none() {
        return Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                r.before(shared),
                format!("`{word}` needs a name and its rows"),
            )
            .at("expected `name [ … ]`"),
        );
    }
    None
}

/// What a stream or sink reads.
fn head(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.rule != Rule::stream_decl {
        return source(shared, r);
    }
    let span = r.span(shared);
    if matches!(r.text(shared, -1), "from" | "FROM" | "select" | "SELECT") && r.class(0) != 0 {
        let word = r.tok(-1)?.span(shared.file);
        let theirs = r.text(shared, -1);
        let gap = crate::span::Span { end: span.start, ..word };
        let diagnostic = Diagnostic::new(
            FOREIGN_WORD,
            word,
            format!("a pipeline begins with the name it reads, without `{theirs}`"),
        );
        return Some(if theirs.eq_ignore_ascii_case("from") {
            diagnostic.fix("remove it", gap, "")
        } else {
            diagnostic.help("write `input |> filter(condition) |> map { a, b }`")
        });
    }
    if (r.expects(Rule::path) || r.expects(Rule::name)) && r.class(-1) == b'=' {
        let message = if r.tok(0).is_none() {
            "what it reads is missing"
        } else {
            "a pipeline begins with the name of a source, stream or table"
        };
        let place = if r.tok(0).is_none() { r.before(shared) } else { span };
        return Some(Diagnostic::new(UNEXPECTED_TOKEN, place, message).at("expected a name"));
    }
    if r.class(0) == b'(' && r.expects(Rule::EOI) {
        let name = r.text(shared, -1);
        let word = r.toks[0].span(shared.file);
        if let Some(diagnostic) = super::results::input_as_argument(shared, r) {
            return Some(diagnostic);
        }
        return Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                r.tok(-1)?.span(shared.file),
                format!("`{name}(…)` is a connector; a pipeline begins with a name"),
            )
            .at("expected the name of a source, stream or table")
            .label(word, "only a `source` or `table` begins with a connector")
            .help("declare a `source` and use its name here"),
        );
    }
    None
}

/// The connector of a source or table.
fn source(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if !matches!(r.rule, Rule::source_decl | Rule::table_decl | Rule::sink_end)
        || !(r.expects(Rule::connector) || r.expects(Rule::name))
        || !matches!(r.class(-1), b'=' | 0)
    {
        return None;
    }
    let place = if r.tok(0).is_none() { r.before(shared) } else { r.span(shared) };
    let diagnostic = Diagnostic::new(UNEXPECTED_TOKEN, place, "a connector is missing")
        .at("expected a connector such as `file(\"data.json\", format: json)`");
    Some(if r.class(0) == b'"' {
        let path = r.text(shared, 0);
        diagnostic.with_fix(
            "read a file",
            place,
            format!("file({path}, format: json)"),
            Applicability::HasPlaceholders,
        )
    } else {
        diagnostic
    })
}
