//! `filter(x => x.price > 3)`: other systems give each stage a lambda; flow has the fields in scope.

use crate::build::Shared;
use crate::class::Tok;
use crate::diagnostic::Edit;
use crate::span::Span;

/// How a stage with a lambda is written in flow.
pub(crate) struct Unlambda {
    pub(crate) edits: Vec<Edit>,
    /// Nothing is left for the author to fill in.
    pub(crate) sure: bool,
}

/// Edits that take the lambda out of `word(x => body)`; `None` if the stage has none.
pub(crate) fn unlambda(shared: &Shared<'_>, stage: &[Tok]) -> Option<Unlambda> {
    let (param, body) = parts(stage)?;
    let file = shared.file;
    let close = stage.iter().rposition(|t| t.class == b')')?;
    let word = stage[0].text(shared.text);
    let body = body..close;
    if body.is_empty() {
        return None;
    }
    let open = stage[1];
    let body_first = stage[body.start];
    let before_body = Span { file, start: open.end, end: body_first.start };
    let mut edits = Vec::new();
    let mut sure = true;
    let remove = |span| Edit { span, replacement: String::new() };
    match word.to_ascii_lowercase().replace('_', "").as_str() {
        "map" | "select" | "aggregate" => {
            let record = record_body(stage, body.clone());
            let from = Span {
                start: open.start,
                end: stage[record.clone().map_or(body.start, |r| r.start)].start,
                ..before_body
            };
            let to = Span {
                start: stage[record.clone().map_or(close - 1, |r| r.end - 1)].end,
                end: stage[close].end,
                ..before_body
            };
            if record.is_some() {
                edits.push(Edit { span: from, replacement: " ".into() });
                edits.push(remove(to));
            } else {
                sure = false;
                edits.push(Edit { span: from, replacement: " { value: ".into() });
                edits.push(Edit { span: to, replacement: " }".into() });
            }
        }
        "flatmap" => {
            sure = false;
            edits.push(Edit { span: before_body, replacement: "item in ".into() });
        }
        _ => edits.push(remove(before_body)),
    }
    let name = param.text(shared.text);
    for i in body {
        let tok = stage[i];
        let access = stage.get(i + 1).is_some_and(|t| t.class == b'.');
        if tok.text(shared.text) == name && stage[i - 1].class != b'.' {
            if access {
                edits.push(remove(Span { file, start: tok.start, end: stage[i + 1].end }));
            } else {
                sure = false;
            }
        }
    }
    Some(Unlambda { edits, sure })
}

/// The parameter and the index of the first token of the body.
fn parts(stage: &[Tok]) -> Option<(Tok, usize)> {
    let class = |i: usize| stage.get(i).map_or(0, |t| t.class);
    if !stage.first()?.class.is_ascii_alphabetic() || class(1) != b'(' {
        return None;
    }
    if stage.get(2)?.is_name() && class(3) == b'^' {
        return Some((stage[2], 4));
    }
    if class(2) == b'(' && stage.get(3)?.is_name() && class(4) == b')' && class(5) == b'^' {
        return Some((stage[3], 6));
    }
    None
}

/// The braces of a body `{ … }` or `({ … })`.
fn record_body(stage: &[Tok], body: std::ops::Range<usize>) -> Option<std::ops::Range<usize>> {
    let (first, last) = (stage[body.start].class, stage[body.end - 1].class);
    match (first, last) {
        (b'{', b'}') => Some(body),
        (b'(', b')')
            if body.len() > 2 && stage[body.start + 1].class == b'{' && stage[body.end - 2].class == b'}' =>
        {
            Some(body.start + 1..body.end - 1)
        }
        _ => None,
    }
}
