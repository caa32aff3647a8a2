//! The word a declaration begins with: misspelt, of another language, or none at all.

use super::known;
use crate::build::Shared;
use crate::class::Tok;
use crate::codes::{FOREIGN_WORD, STRAY_TEXT, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic};
use crate::scan::nearest_keyword;
use crate::span::Span;
use crate::token::DECLARATION_WORDS;

/// The keyword a declaration begins with; a misspelt or foreign one is reported and mended.
pub(crate) fn keyword(shared: &mut Shared<'_>, toks: &[Tok]) -> Option<&'static str> {
    let first = toks[0];
    let word = first.text(shared.text);
    if let Some(known) = DECLARATION_WORDS.iter().find(|w| **w == word) {
        return Some(known);
    }
    let span = first.span(shared.file);
    if toks.get(1).is_some_and(|t| t.is_name() || t.class == b'"') {
        if let Some(ours) = foreign(&word.to_ascii_lowercase(), toks) {
            let diagnostic = Diagnostic::new(FOREIGN_WORD, span, format!("`{word}` is not a word of flow"))
                .help(format!("flow has `{ours}` for this"))
                .with_fix(format!("write `{ours}`"), span, ours, Applicability::MaybeIncorrect);
            shared.diagnostics.push(diagnostic);
            return Some(ours);
        }
        if let Some(nearest) = nearest_keyword(word) {
            let diagnostic =
                Diagnostic::new(UNEXPECTED_TOKEN, span, format!("`{word}` does not begin a declaration"))
                    .help(format!("did you mean `{nearest}`?"))
                    .with_fix(format!("write `{nearest}`"), span, nearest, Applicability::MaybeIncorrect);
            shared.diagnostics.push(diagnostic);
            return Some(nearest);
        }
    }
    if let Some(diagnostic) = sql(shared, toks) {
        // Its quotes, semicolons and signs are no mistakes of their own.
        let last = toks[toks.len() - 1];
        let rest = &shared.text[last.end as usize..];
        let end = last.end as usize + rest.len() - rest.trim_start().trim_start_matches(';').len();
        super::take_back(shared, Span { end: end as u32, ..span });
        shared.diagnostics.push(diagnostic);
    } else if !super::whole(shared, toks) && !known(shared, toks) {
        let diagnostic = stray(shared, toks);
        shared.diagnostics.push(diagnostic);
    }
    None
}

/// A statement of SQL.
pub(super) fn sql(shared: &Shared<'_>, toks: &[Tok]) -> Option<Diagnostic> {
    let first = toks.first().filter(|_| toks.len() > 1)?;
    let word = first.text(shared.text).to_ascii_lowercase();
    if !matches!(word.as_str(), "select" | "insert" | "create" | "with" | "update" | "delete") {
        return None;
    }
    Some(
        Diagnostic::new(FOREIGN_WORD, first.span(shared.file), "this looks like SQL")
            .at("flow has no such statement")
            .help("a query is `stream name = input |> filter(condition) |> map { a, b }`, its output `sink out = name -> stdout()`"),
    )
}

fn stray(shared: &Shared<'_>, toks: &[Tok]) -> Diagnostic {
    let first = toks[0];
    let span = first.span(shared.file);
    let word = first.text(shared.text);
    if word == "-" && toks.get(1).is_some_and(|t| t.text(shared.text) == "-" && t.start == first.end) {
        let mark = span.to(toks[1].span(shared.file));
        return Diagnostic::new(FOREIGN_WORD, mark, "a comment begins with `//`, not with `--`").fix(
            "write `//`",
            mark,
            "//",
        );
    }
    match first.class {
        b'|' | b'$' => Diagnostic::new(STRAY_TEXT, span, format!("nothing flows into this `{word}`"))
            .at("no declaration is before it")
            .help("a pipeline begins with its declaration: `stream name = input |> …`"),
        _ if toks.len() > 1 && toks.iter().any(|t| t.class == b'|') => {
            let ends = toks.iter().any(|t| t.class == b'$');
            let kind = if ends { "sink" } else { "stream" };
            if toks[0].is_name() && toks[1].class == b'=' {
                return Diagnostic::new(STRAY_TEXT, span, format!("`{word}` is declared without a keyword"))
                    .at("no declaration begins here")
                    .with_fix(
                        format!("declare a {kind}"),
                        span.before(),
                        format!("{kind} "),
                        Applicability::MaybeIncorrect,
                    );
            }
            Diagnostic::new(STRAY_TEXT, span, "this pipeline has no name")
                .at("no declaration begins here")
                .with_fix(
                    format!("declare a {kind}"),
                    span.before(),
                    format!("{kind} name = "),
                    Applicability::HasPlaceholders,
                )
        }
        _ => Diagnostic::new(STRAY_TEXT, span, format!("`{word}` belongs to no declaration"))
            .at("a declaration begins with its keyword")
            .help("the keywords are `source`, `stream`, `sink`, `table`, `type`, `fn`, `const`, `param`, `job`, `test` and `import`"),
    }
}

/// Flow's word for a declaring word of another language.
fn foreign(word: &str, toks: &[Tok]) -> Option<&'static str> {
    let shape = toks.get(2).map_or(0, |t| t.class);
    let piped = toks.iter().any(|t| t.class == b'|');
    let ended = toks.iter().any(|t| t.class == b'$') && shape != b'(';
    Some(match word {
        "let" | "var" | "val" | "set" | "def" | "define" | "final" | "mut" | "auto" | "static"
        | "constant" | "func" | "function" | "fun" | "proc" | "lambda" | "macro" | "method" | "udf"
            if shape == b'(' =>
        {
            "fn"
        }
        "let" | "var" | "val" | "set" | "def" | "define" | "final" | "mut" | "auto" => {
            let lone_name = toks.len() == 4 && toks[3].class == b'i';
            if ended && piped {
                "sink"
            } else if piped || lone_name {
                "stream"
            } else {
                "const"
            }
        }
        "static" | "constant" => "const",
        "view" | "query" | "pipeline" | "flow" | "cte" | "dataset" | "datastream" | "relation" | "rel" => {
            "stream"
        }
        "input" | "reader" | "datasource" => "source",
        "output" | "writer" | "target" | "destination" | "dest" => "sink",
        "struct" | "record" | "schema" | "class" | "interface" | "typedef" | "enum" | "data" | "message" => {
            "type"
        }
        "use" | "include" | "require" | "using" | "from" if toks.get(1).is_some_and(|t| t.class == b'"') => {
            "import"
        }
        "parameter" | "arg" | "option" | "config" | "setting" => "param",
        "lookup" | "dimension" => "table",
        "describe" | "it" | "spec" | "check" if toks.get(1).is_some_and(|t| t.class == b'"') => "test",
        "app" | "application" | "program" if shape == b'{' => "job",
        _ => return None,
    })
}
