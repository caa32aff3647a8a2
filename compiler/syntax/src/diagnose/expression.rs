//! Mistakes inside of expressions, arguments and stages.

use super::Refusal;
use crate::build::Shared;
use crate::class::Tok;
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::grammar::Rule;
use crate::span::Span;

/// Recognises a mistake inside of an expression.
pub(super) fn explain(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    choice(shared, r)
        .or_else(|| arms(shared, r))
        .or_else(|| missing_value(shared, r))
        .or_else(|| behind_operand(shared, r))
        .or_else(|| half_typed(shared, r))
}

/// `if c { a } else { b }`, `case when`, `elif`.
fn choice(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let span = r.span(shared);
    let before = r.tok(-1).map_or("", |t| t.text(shared.text));
    if before.eq_ignore_ascii_case("case") && r.text(shared, 0).eq_ignore_ascii_case("when") {
        return Some(super::case::explain(shared, r, r.at - 1));
    }
    let case = r.toks[..r.at].iter().position(|t| t.text(shared.text).eq_ignore_ascii_case("case"));
    if let (b'T', Some(case), false) = (r.class(0), case, r.expects(Rule::kw_then)) {
        return Some(super::case::explain(shared, r, case));
    }
    if !r.expects(Rule::kw_then) {
        if r.expects(Rule::kw_else) && matches!(r.text(shared, 0), "elif" | "elsif" | "elseif") {
            return Some(
                Diagnostic::new(FOREIGN_WORD, span, format!("`{}` is written `else if`", r.text(shared, 0)))
                    .fix("write `else if`", span, "else if"),
            );
        }
        return None;
    }
    let open = r.toks[..r.at].iter().rposition(|t| t.class == b'I');
    if let Some(behind) = open.filter(|i| *i > 0 && ends_operand(r.toks[*i - 1]))
        && let Some(diagnostic) = super::behind_operand(shared, r.toks, behind)
    {
        return Some(diagnostic);
    }
    let word = open.map(|i| r.toks[i].span(shared.file));
    if r.class(0) == b'{' {
        let mut diagnostic =
            Diagnostic::new(FOREIGN_WORD, span, "a choice is written `if c then a else b`, without braces")
                .at("expected `then`");
        if let Some(word) = word {
            diagnostic = diagnostic.label(word, "this `if`");
        }
        if let Some(edits) = braces_to_words(shared, r) {
            diagnostic.fixes.push(Fix {
                title: "write `then` and `else`".into(),
                edits,
                applicability: Applicability::MaybeIncorrect,
            });
        }
        return Some(diagnostic);
    }
    if r.class(0) == b':' || r.class(0) == b'^' {
        return Some(
            Diagnostic::new(FOREIGN_WORD, span, "a choice is written `if c then a else b`")
                .at("expected `then`")
                .fix("write `then`", span, " then"),
        );
    }
    let place = r.before(shared);
    let mut diagnostic =
        Diagnostic::new(UNEXPECTED_TOKEN, place, "a `then` is missing").at("expected `then`");
    if let Some(word) = word {
        diagnostic = diagnostic.label(word, "this `if`");
    }
    let starts_value = r.tok(0).is_some_and(|t| t.is_name() || matches!(t.class, b'0'..=b'3' | b'"'));
    Some(if starts_value {
        diagnostic.fix("insert `then`", place, " then")
    } else {
        diagnostic.help("a choice is written `if c then a else b`")
    })
}

/// May an operand end with this token?
fn ends_operand(tok: Tok) -> bool {
    tok.is_name() || tok.is_close() || matches!(tok.class, b'0'..=b'3' | b'"')
}

/// Edits that turn `{ a } else { b }` into `then a else b`.
fn braces_to_words(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Vec<Edit>> {
    let file = shared.file;
    let edit = |i: usize, text: &str| Edit { span: r.toks[i].span(file), replacement: text.into() };
    let close = partner(r, r.at)?;
    let mut edits = vec![edit(r.at, "then"), edit(close, "")];
    if r.toks.get(close + 1)?.class == b'E' && r.toks.get(close + 2)?.class == b'{' {
        let end = partner(r, close + 2)?;
        edits.push(edit(close + 2, ""));
        edits.push(edit(end, ""));
        return Some(edits);
    }
    None
}

/// Index of the bracket that closes the one at `open`.
fn partner(r: &Refusal<'_>, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (i, tok) in r.toks.iter().enumerate().skip(open) {
        depth += i32::from(tok.is_open()) - i32::from(tok.is_close());
        if depth == 0 {
            return Some(i);
        }
    }
    None
}

/// Arms of a `match`.
fn arms(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let span = r.span(shared);
    if r.expects(Rule::fat_arrow) && matches!(r.class(0), b':' | b'$' | b'=') {
        return Some(
            Diagnostic::new(FOREIGN_WORD, span, "an arm is written `pattern => value`")
                .at("expected `=>`")
                .fix("write `=>`", span, if r.class(0) == b':' { " =>" } else { "=>" }),
        );
    }
    if !r.expects(Rule::match_arm) && !r.expects(Rule::pattern) {
        return None;
    }
    match r.text(shared, 0) {
        "case" | "when" => {
            let gap = r.tok(1).map_or(span, |next| Span { end: next.start, ..span });
            Some(Diagnostic::new(FOREIGN_WORD, span, "an arm begins with its pattern").at("not needed").fix(
                "remove it",
                gap,
                "",
            ))
        }
        "else" | "default" | "otherwise" => {
            Some(Diagnostic::new(FOREIGN_WORD, span, "the arm for all other values is `_ => …`").fix(
                "write `_`",
                span,
                "_",
            ))
        }
        _ if r.class(0).is_ascii_lowercase() => Some(
            Diagnostic::new(UNEXPECTED_TOKEN, span, "a pattern is a literal, a range, `null` or `_`")
                .at("not a pattern")
                .help("to compare with a name, use `if x == name then … else …`"),
        ),
        _ => None,
    }
}

/// A value is wanted and something else found.
fn missing_value(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if !r.wants_value() && !r.expects(Rule::arg) && !r.expects(Rule::item) && !r.expects(Rule::list_item) {
        return None;
    }
    let span = r.span(shared);
    let (found, before) = (r.text(shared, 0), r.text(shared, -1));
    let wants_only_value = r.wants_value();
    match r.class(0) {
        b'+' if found == "*" && r.class(-1) == b'(' && r.class(1) == b')' => {
            Some(Diagnostic::new(FOREIGN_WORD, span, "`count()` counts rows without a `*`").fix(
                "remove `*`",
                span,
                "",
            ))
        }
        b'+' if found == "*" && before == "*" => {
            let both = r.tok(-1)?.span(shared.file).to(span);
            Some(
                Diagnostic::new(FOREIGN_WORD, both, "there is no operator `**`")
                    .help("powers are `pow(x, y)`"),
            )
        }
        b'=' if matches!(before, "+" | "-" | "*" | "/") => Some(Diagnostic::new(
            FOREIGN_WORD,
            r.tok(-1)?.span(shared.file).to(span),
            format!("there is no `{before}=`: nothing is ever assigned anew"),
        )),
        b'+' if found == "*" => Some(
            Diagnostic::new(FOREIGN_WORD, span, "`*` does not stand for all fields")
                .help("`..` keeps all other fields: `map { total: a + b, .. }`")
                .fix("write `..`", span, ".."),
        ),
        b'+' if found == "+" => {
            Some(Diagnostic::new(UNEXPECTED_TOKEN, span, "there is no unary `+`").fix("remove it", span, ""))
        }
        b'@' if r.tok(1).is_some_and(|t| t.is_name() && t.start == span.end) => Some(
            Diagnostic::new(FOREIGN_WORD, span, "a field is named without a sign before it")
                .at("not needed")
                .help("`@` begins a timestamp (`@2026-01-31`), or an annotation before a stage")
                .fix("remove it", span, ""),
        ),
        b'@' if r.class(1) == b'"' => time_in_quotes(shared, r, span),
        b',' => Some(
            Diagnostic::new(UNEXPECTED_TOKEN, span, "something is missing before this `,`")
                .at("a `,` too many, or a value missing")
                .with_fix("remove the `,`", span, "", Applicability::MaybeIncorrect),
        ),
        b')' | b']' | b'}' if wants_only_value && is_operator(r.class(-1)) => {
            Some(behind_operator(shared, r, before))
        }
        0 if wants_only_value && is_operator(r.class(-1)) => Some(behind_operator(shared, r, before)),
        0 | b')' | b']' | b'}' if wants_only_value => {
            let what = match before {
                "=" | ":" => format!("a value is missing behind `{before}`"),
                "(" => "an expression is missing between the brackets".into(),
                _ if before.is_empty() => "an expression is missing".into(),
                _ => format!("an expression is missing behind `{}`", super::shorten(before)),
            };
            Some(Diagnostic::new(UNEXPECTED_TOKEN, r.before(shared), what).at("expected an expression"))
        }
        b'|' => Some(nested_pipeline(span)),
        b'D' | b'I' | b'T' | b'E' | b'A' | b'L' | b'N' => None,
        b'+' | b'<' | b'>' | b'=' if is_operator(r.class(-1)) => {
            let both = r.tok(-1)?.span(shared.file).to(span);
            let glued = &shared.text[both.range()];
            let diagnostic =
                Diagnostic::new(UNEXPECTED_TOKEN, span, format!("expected an expression, found `{found}`"))
                    .at("a second operator");
            Some(match glued {
                "=<" => diagnostic.fix("write `<=`", both, "<="),
                "=>" => diagnostic.fix("write `>=`", both, ">="),
                "=!" => diagnostic.fix("write `!=`", both, "!="),
                "<<" | ">>" => diagnostic.help("there are no shift operators"),
                _ => diagnostic,
            })
        }
        b'+' | b'<' | b'>' | b'=' => Some(
            Diagnostic::new(UNEXPECTED_TOKEN, span, format!("an expression is missing before `{found}`"))
                .at("nothing stands to the left"),
        ),
        _ => None,
    }
}

/// `@"2026-01-31"`
fn time_in_quotes(shared: &Shared<'_>, r: &Refusal<'_>, sign: Span) -> Option<Diagnostic> {
    let both = sign.to(r.tok(1)?.span(shared.file));
    let time = shared.text[both.range()].get(1..)?.strip_prefix('"')?.strip_suffix('"')?;
    crate::literal::timestamp(time).ok()?;
    let message = "a timestamp stands without quotes behind its `@`";
    Some(Diagnostic::new(UNEXPECTED_TOKEN, both, message).at("not needed").fix(
        "remove the quotes",
        both,
        format!("@{time}"),
    ))
}

fn is_operator(class: u8) -> bool {
    matches!(class, b'+' | b'-' | b'<' | b'>' | b'=' | b'~' | b'N' | b'!' | b'?')
}

fn behind_operator(shared: &Shared<'_>, r: &Refusal<'_>, operator: &str) -> Diagnostic {
    let at = r.tok(-1).map_or(r.before(shared), |t| t.span(shared.file));
    Diagnostic::new(UNEXPECTED_TOKEN, at.after(), format!("an expression is missing behind `{operator}`"))
        .at("expected an expression")
        .label(at, "this operator needs two sides")
}

fn nested_pipeline(span: Span) -> Diagnostic {
    Diagnostic::new(UNEXPECTED_TOKEN, span, "a pipeline cannot stand inside of brackets")
        .at("no `|>` here")
        .help("give it a name with a `stream` declaration of its own and use the name here")
}

/// An operand ended, and what follows does not continue the expression.
fn behind_operand(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    let span = r.span(shared);
    match r.class(0) {
        b'|' => return Some(nested_pipeline(span)),
        b'3' if r.class(-1) == b'!' && r.expects(Rule::kw_in) => {
            let both = r.tok(-1)?.span(shared.file).to(span);
            return Some(Diagnostic::new(FOREIGN_WORD, both, "a test against `null` is `x != null`").fix(
                "write `!= null`",
                both,
                "!= null",
            ));
        }
        b'^' => {
            return Some(
                Diagnostic::new(UNEXPECTED_TOKEN, span, "`=>` does not belong here")
                    .help("a lambda is `x => value` or `(a, x) => value`; a comparison is `>=`"),
            );
        }
        b':' if r.class(-1).is_ascii_lowercase() => {
            return Some(
                Diagnostic::new(UNEXPECTED_TOKEN, span, "`:` does not belong here").at("unexpected here"),
            );
        }
        b'E' if r.expects(Rule::EOI) || !r.expects(Rule::kw_else) => {
            return Some(
                Diagnostic::new(UNEXPECTED_TOKEN, span, "this `else` has no `if`")
                    .at("no `if … then …` is before it"),
            );
        }
        _ => {}
    }
    if matches!(r.rule, Rule::stage) && r.class(0).is_ascii_lowercase() && r.expects(Rule::EOI) {
        return None;
    }
    None
}

/// A stage, join or annotation that stops in the middle.
fn half_typed(shared: &Shared<'_>, r: &Refusal<'_>) -> Option<Diagnostic> {
    if r.rule != Rule::stage {
        return None;
    }
    let span = r.span(shared);
    let word = r.toks[0].text(shared.text);
    if r.at == 0 {
        return Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                span,
                format!("expected a stage, found `{}`", super::shorten(r.text(shared, 0))),
            )
            .at("not a stage")
            .help("a stage is a word with its arguments: `filter(price > 3)`, `map { a, b }`"),
        );
    }
    if r.expects(Rule::path) && matches!(r.toks[0].class, b'j') {
        return Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                span,
                format!("`{word}` needs the name of the other stream and a condition"),
            )
            .at("expected a name")
            .help(format!("write `{word}(other on left == right)`")),
        );
    }
    if r.class(0) == b'{' && r.class(-1) == b')' {
        return Some(
            Diagnostic::new(
                UNEXPECTED_TOKEN,
                span,
                format!("`{word}` takes either `(…)` or `{{ … }}`, not both"),
            )
            .at("unexpected here"),
        );
    }
    None
}
