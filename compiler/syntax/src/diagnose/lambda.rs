//! `filter(x => x.price > 3)`, `filter(lambda x: x.price > 3)`: other systems give each stage a lambda; flow has the fields in scope.

use super::piece::Piece;
use super::whole::is_plain;
use crate::build::Shared;
use crate::class::Tok;
use crate::diagnostic::Edit;
use crate::span::Span;

/// How a stage with a lambda is written in flow.
pub(crate) struct Unlambda {
    pub(crate) edits: Vec<Edit>,
    /// Nothing is left for the author to fill in.
    pub(crate) sure: bool,
    /// The lambda speaks of the row as a whole, for which flow has no word.
    pub(crate) whole_row: bool,
}

/// The field that holds what another system's row is, where it is one value: `map(x => x.price)` makes rows of numbers
/// there, and rows with one field here.
pub(crate) type Value = Option<&'static str>;

/// What [`Value`] is behind a stage.
pub(crate) fn value_behind(shared: &Shared<'_>, stage: &[Tok], before: Value) -> Value {
    let word = stage.first().map_or(String::new(), |first| plain_word(shared, *first));
    match (word.as_str(), parts(shared, stage)) {
        ("filter" | "where" | "keyby" | "groupby" | "limit" | "take" | "tap" | "sample", _) => before,
        ("map" | "select", Some((_, body))) => {
            let close = stage.iter().rposition(|t| t.class == b')')?;
            (body < close && record_body(stage, body..close).is_none()).then_some(VALUE)
        }
        ("flatmap", Some(_)) => Some(ITEM),
        _ => None,
    }
}

const KEY: &str = "key";
const VALUE: &str = "value";
const ITEM: &str = "item";

/// A stage's word as every language writes it.
fn plain_word(shared: &Shared<'_>, word: Tok) -> String {
    word.text(shared.text).to_ascii_lowercase().replace('_', "")
}

/// Edits that take the lambda out of `word(x => body)`; `None` if the stage has none.
pub(crate) fn unlambda(shared: &Shared<'_>, stage: &[Tok], value: Value) -> Option<Unlambda> {
    let (param, body) = parts(shared, stage)?;
    let file = shared.file;
    let close = stage.iter().rposition(|t| t.class == b')')?;
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
    let word = plain_word(shared, stage[0]);
    if let Some(ours) = stage_of(&word).filter(|ours| *ours != stage[0].text(shared.text)) {
        edits.push(Edit { span: stage[0].span(file), replacement: ours.into() });
    }
    match stage_of(&word).unwrap_or(&word) {
        "map" | "aggregate" => {
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
            if let Some(record) = record {
                edits.push(Edit { span: from, replacement: " ".into() });
                edits.extend(names_in_quotes(shared, &stage[record.clone()]));
                edits.push(remove(to));
            } else if let Some(second) = pair(stage, body.clone()) {
                sure = false;
                let first = Span { end: stage[body.start + 1].start, ..from };
                edits.push(Edit { span: first, replacement: format!(" {{ {KEY}: ") });
                edits.push(Edit {
                    span: stage[second].span(file).before(),
                    replacement: format!("{VALUE}: "),
                });
                edits.push(Edit {
                    span: Span { start: stage[close - 1].start, ..to },
                    replacement: " }".into(),
                });
            } else {
                sure = false;
                edits.push(Edit { span: from, replacement: format!(" {{ {VALUE}: ") });
                edits.push(Edit { span: to, replacement: " }".into() });
            }
        }
        "flatMap" => {
            sure = false;
            edits.push(Edit { span: before_body, replacement: format!("{ITEM} in ") });
        }
        _ => edits.push(remove(before_body)),
    }
    let name = param.text(shared.text);
    let mut whole_row = false;
    for i in body.filter(|i| stage[*i].text(shared.text) == name && stage[i - 1].class != b'.') {
        let tok = stage[i];
        let access = stage.get(i + 1).is_some_and(|t| t.class == b'.');
        if let Some(field) = field_in_brackets(shared, stage, i).filter(|_| value.is_none()) {
            let whole = tok.span(file).to(stage[i + 3].span(file));
            edits.push(Edit { span: whole, replacement: field.into() });
            continue;
        }
        match value {
            Some(value) => {
                sure = false;
                edits.push(Edit { span: tok.span(file), replacement: value.into() });
            }
            None if access => edits.push(remove(Span { file, start: tok.start, end: stage[i + 1].end })),
            None => whole_row = true,
        }
    }
    Some(Unlambda { edits, sure, whole_row })
}

/// The text of a lambda's body, in which the fields of its row stand alone; nothing if it speaks of the row as a whole.
pub(super) fn of_the_row(piece: &Piece<'_, '_>, body: std::ops::Range<usize>, row: &str) -> Option<String> {
    let (mut text, mut at) = (String::new(), body.start);
    let mut behind = piece.toks.get(at)?.start;
    while at < body.end {
        let tok = piece.toks[at];
        text.push_str(&piece.shared.text[behind as usize..tok.start as usize]);
        let is_row = piece.text(at, at + 1) == row && (at == body.start || piece.class(at - 1) != b'.');
        match field_in_brackets(piece.shared, piece.toks, at) {
            _ if !is_row => text.push_str(piece.text(at, at + 1)),
            Some(field) => {
                text.push_str(field);
                at += 3;
            }
            None if piece.class(at + 1) == b'.' => at += 1,
            None => return None,
        }
        behind = piece.toks[at].end;
        at += 1;
    }
    (!text.is_empty()).then_some(text)
}

/// The parameter and the index of the first token of the body.
fn parts(shared: &Shared<'_>, stage: &[Tok]) -> Option<(Tok, usize)> {
    let class = |i: usize| stage.get(i).map_or(0, |t| t.class);
    if !stage.first()?.class.is_ascii_alphabetic() || class(1) != b'(' {
        return None;
    }
    if stage.get(2)?.is_name() && class(3) == b'^' {
        return Some((stage[2], 4));
    }
    if stage.get(2)?.text(shared.text) == "lambda" && stage.get(3)?.is_name() && class(4) == b':' {
        return Some((stage[3], 5));
    }
    if class(2) == b'(' && stage.get(3)?.is_name() && class(4) == b')' && class(5) == b'^' {
        return Some((stage[3], 6));
    }
    // Key and value: what the stage sees of a row is the value.
    let folds =
        matches!(plain_word(shared, stage[0]).as_str(), "reduce" | "fold" | "aggregate" | "scan" | "combine");
    let pair = !folds && class(2) == b'(' && class(4) == b',' && class(6) == b')' && class(7) == b'^';
    (pair && stage.get(3)?.is_name() && stage.get(5)?.is_name()).then(|| (stage[5], 8))
}

/// flow's stage for a word that takes a lambda elsewhere, in small letters and without underscores.
fn stage_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "map" | "select" | "mapvalues" | "transformvalues" | "mapelements" => "map",
        "filter" | "where" => "filter",
        "flatmap" | "flatmapvalues" | "selectmany" => "flatMap",
        "keyby" | "groupby" | "selectkey" | "groupbykey" => "keyBy",
        _ => return None,
    })
}

/// `row["price"]`: the field, if it has a plain name.
fn field_in_brackets<'a>(shared: &Shared<'a>, stage: &[Tok], at: usize) -> Option<&'a str> {
    let class = |i: usize| stage.get(i).map_or(0, |t| t.class);
    if [class(at + 1), class(at + 2), class(at + 3)] != [b'[', b'"', b']'] {
        return None;
    }
    let name = stage[at + 2].text(shared.text);
    name.get(1..name.len() - 1).filter(|name| is_plain(name))
}

/// `{"a": 1}`: edits that take the quotes off.
fn names_in_quotes(shared: &Shared<'_>, record: &[Tok]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for pair in record.windows(2).filter(|pair| pair[0].class == b'"' && pair[1].class == b':') {
        let name = pair[0].text(shared.text);
        if let Some(plain) = name.get(1..name.len() - 1).filter(|name| is_plain(name)) {
            edits.push(Edit { span: pair[0].span(shared.file), replacement: plain.into() });
        }
    }
    edits
}

/// `(key, value)`: where the second begins.
fn pair(stage: &[Tok], body: std::ops::Range<usize>) -> Option<usize> {
    if stage[body.start].class != b'(' || stage[body.end - 1].class != b')' {
        return None;
    }
    let (mut depth, mut commas) = (0usize, Vec::new());
    for i in body.clone() {
        depth = depth.saturating_sub(usize::from(stage[i].is_close()));
        if depth == 0 && i != body.start && i + 1 != body.end {
            return None;
        }
        if depth == 1 && stage[i].class == b',' {
            commas.push(i);
        }
        depth += usize::from(stage[i].is_open());
    }
    commas.first().map(|comma| comma + 1).filter(|second| commas.len() == 1 && second + 1 < body.end)
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

/// Why a stage has no fix.
pub(crate) fn no_whole_row(word: &str) -> String {
    format!(
        "the lambda of `{word}` takes the row as a whole, which has no name here: say which fields are meant"
    )
}

/// [`Value`] at the stage that begins at an index of a declaration's tokens.
pub(crate) fn value_at(shared: &Shared<'_>, toks: &[Tok], stage: usize) -> Value {
    let mut depth = 0usize;
    let (mut value, mut from) = (None, None);
    for (i, tok) in toks[..stage].iter().enumerate() {
        depth = depth.saturating_sub(usize::from(tok.is_close()));
        if depth == 0 && tok.class == b'|' {
            value = from.map_or(value, |from| value_behind(shared, &toks[from..i], value));
            from = Some(i + 1);
        }
        depth += usize::from(tok.is_open());
    }
    value
}
