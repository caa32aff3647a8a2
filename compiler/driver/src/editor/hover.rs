//! What is known of the place under the cursor: types, stages, declarations, built-in functions.

use super::built_in::built_in;
use super::{definition, text};
use crate::Compilation;
use flow_plan::catalogue;
use flow_plan::connector::table::Delivery;
use flow_plan::operator::{StreamMode, WindowKind};
use flow_syntax::ast::{DeclKind, TypeKind};
use flow_syntax::{FileId, Span};
use flow_types::checked::{CheckedKind, CheckedStage};
use flow_types::stream::StreamType;

/// Markdown about a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The place.
    pub span: Span,
    /// What there is to say.
    pub markdown: String,
}

/// What to show at an offset.
pub fn hover(compiled: &Compilation, offset: usize) -> Option<Hover> {
    stage(compiled, offset)
        .or_else(|| built_in(compiled, offset))
        .or_else(|| name(compiled, offset))
        .or_else(|| typed(compiled, offset))
}

fn here(span: Span, offset: usize) -> bool {
    span.file == FileId(0) && span.touches(offset)
}

/// The word of a stage: the stream behind it.
fn stage(compiled: &Compilation, offset: usize) -> Option<Hover> {
    for index in 0..compiled.checked.declarations.len() {
        let Some(pipeline) = compiled.checked.pipeline(index) else { continue };
        for stage in &pipeline.stages {
            let word = word_span(compiled, stage);
            if !here(word, offset) {
                continue;
            }
            let mut markdown = format!("```flow\n{}\n```\n\n{}", record(&stage.after), kind(&stage.after));
            let state = pipeline.operators[stage.operators.clone()].iter().find_map(|o| o.state.as_ref());
            if let Some(state) = state {
                markdown.push_str(&format!("\n\nkeeps state `{}`", state.id));
            }
            let about =
                flow_types::forms::stage_form(&stage.word).map(|form| (form.form, form.doc)).or_else(|| {
                    catalogue::lookup_aggregate(&stage.word)
                        .map(|aggregate| (aggregate.signatures[0], aggregate.doc))
                });
            if let Some((form, doc)) = about {
                markdown.push_str(&format!("\n\n{doc}\n\n`{form}`"));
            }
            markdown.push_str(&failures(compiled, stage.span));
            return Some(Hover { span: word, markdown });
        }
    }
    None
}

/// The word itself, behind `@id(…)` and its like.
fn word_span(compiled: &Compilation, stage: &CheckedStage) -> Span {
    let all = text(compiled, stage.span);
    let at = all.find(&stage.word).unwrap_or(0);
    let start = stage.span.start as usize + at;
    Span::new(stage.span.file, start, start + stage.word.len())
}

/// The record of a stream, one line.
pub(super) fn record(stream: &StreamType) -> String {
    let mut out = stream.known_record().to_string();
    if stream.open {
        out.push_str(" …");
    }
    out
}

/// How rows are replaced, if they are.
fn updating(stream: &StreamType) -> Option<String> {
    let name = |column: &usize| Some(format!("`{}`", stream.columns.get(*column)?.name));
    match &stream.mode {
        StreamMode::Append => None,
        StreamMode::Updating { key } if key.is_empty() && stream.update_key_lost => {
            Some("updating: rows are replaced, and the fields that tell which are gone".to_string())
        }
        StreamMode::Updating { key } if key.is_empty() => {
            Some("updating: one row that is replaced".to_string())
        }
        StreamMode::Updating { key } => {
            let names: Vec<String> = key.iter().filter_map(name).collect();
            Some(format!("updating by {}", names.join(", ")))
        }
    }
}

/// The key and the window that the next stage works with.
fn groups(stream: &StreamType) -> Vec<String> {
    let name = |column: &usize| format!("`{}`", stream.columns[*column].name);
    let keys = stream.keys.as_ref();
    let keyed =
        keys.map(|keys| format!("keyed by {}", keys.columns.iter().map(name).collect::<Vec<_>>().join(", ")));
    let window = stream.window.as_ref().map(|(window, _)| match window.kind {
        WindowKind::Same => "in windows: the same window".to_string(),
        _ => format!("in windows: {}", flow_plan::display::window(window)),
    });
    keyed.into_iter().chain(window).collect()
}

/// `append`, `updating by auction`, with key, window and event time.
fn kind(stream: &StreamType) -> String {
    let mut said = vec![updating(stream).unwrap_or_else(|| "append: a row is final".to_string())];
    said.extend(groups(stream));
    said.push(match &stream.event_time {
        None => "no event time".to_string(),
        Some(time) => match time.column.and_then(|column| stream.columns.get(column)) {
            Some(column) => format!("event time `{}`", column.name),
            None => "has event time".to_string(),
        },
    });
    said.join(" · ")
}

/// Signatures with the function's name in front, where the table leaves it out.
pub(super) fn signatures(name: &str, signatures: &[&str]) -> Vec<String> {
    let full = |s: &&str| if s.starts_with(name) { (*s).to_string() } else { format!("{name}{s}") };
    signatures.iter().map(full).collect()
}

/// The identifier around an offset.
pub(super) fn word_at(compiled: &Compilation, offset: usize) -> Option<Span> {
    let file = &compiled.sources.file(FileId(0)).text;
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let offset = offset.min(file.len());
    if !file.is_char_boundary(offset) {
        return None;
    }
    let start = file[..offset]
        .rfind(|c| !part(c))
        .map_or(0, |at| at + file[at..].chars().next().map_or(1, char::len_utf8));
    let end = file[offset..].find(|c| !part(c)).map_or(file.len(), |at| offset + at);
    (start < end).then(|| Span::new(FileId(0), start, end))
}

/// A name: what it was declared as.
fn name(compiled: &Compilation, offset: usize) -> Option<Hover> {
    let there = crate::upgrade::declared_there(compiled, offset).map(|(script, _, at)| (script, at));
    let here = || Some((compiled, definition(compiled, offset)?));
    let (script, declared) = there.or_else(here)?;
    let span = word_at(compiled, offset)?;
    let found = script.checked.declarations.iter().find(|d| d.name_span == declared)?;
    let mut markdown = format!("```flow\n{}\n```", declaration(&found.name, &found.kind));
    if let CheckedKind::Pipeline(pipeline) = &found.kind {
        markdown.push_str(&format!("\n\n{}", kind(&pipeline.output)));
        markdown.push_str(&delivery(script, declared));
    }
    if let Some(doc) = &found.doc {
        markdown.push_str(&format!("\n\n{doc}"));
    }
    if let CheckedKind::Function(function) = &found.kind {
        for failure in &function.failures {
            markdown.push_str(&format!("\n\ncan fail: `{}`: {}", text(script, failure.span), failure.why));
        }
    }
    Some(Hover { span, markdown })
}

/// A declaration in one line, as a script would write it.
pub(super) fn declaration(name: &str, kind: &CheckedKind) -> String {
    match kind {
        CheckedKind::Type(ty) => match ty {
            Some(ty) => format!("type {name} = {ty}"),
            None => format!("type {name}"),
        },
        CheckedKind::Constant { param, ty, value } => {
            let word = if *param { "param" } else { "const" };
            let ty = ty.as_ref().map(|ty| format!(": {ty}")).unwrap_or_default();
            let value =
                value.as_ref().map(|v| format!(" = {}", flow_plan::display::literal(v))).unwrap_or_default();
            format!("{word} {name}{ty}{value}")
        }
        CheckedKind::Function(function) => {
            let params: Vec<String> = function
                .params
                .iter()
                .map(|(name, ty)| match ty {
                    Some(ty) => format!("{name}: {ty}"),
                    None => name.to_string(),
                })
                .collect();
            let ret = function.ret.as_ref().map(|ty| format!(" -> {ty}")).unwrap_or_default();
            format!("fn {name}({}){ret}", params.join(", "))
        }
        CheckedKind::Pipeline(pipeline) => {
            let word = format!("{:?}", pipeline.kind).to_lowercase();
            format!("{word} {name}: {}", record(&pipeline.output))
        }
    }
}

/// What a sink promises from end to end, and what weakens it.
fn delivery(compiled: &Compilation, declared: Span) -> String {
    let Some(index) = compiled.checked.declarations.iter().position(|d| d.name_span == declared) else {
        return String::new();
    };
    let all = flow_types::guarantees::guarantees(&compiled.checked);
    let Some(of_sink) = all.iter().find(|guarantee| guarantee.sink == index) else { return String::new() };
    let mut said = match of_sink.delivery {
        Delivery::ExactlyOnce => "\n\ndelivery: exactly once".to_string(),
        Delivery::AtLeastOnce => "\n\ndelivery: at least once".to_string(),
        Delivery::BestEffort => "\n\ndelivery: best effort".to_string(),
    };
    for (why, _) in &of_sink.weakened_by {
        said.push_str(&format!("; {why}"));
    }
    said
}

/// The parts of a place that can raise a record error, and why.
fn failures(compiled: &Compilation, within: Span) -> String {
    let inside =
        |span: Span| span.file == within.file && within.start <= span.start && span.end <= within.end;
    let mut said: Vec<String> = Vec::new();
    for failure in compiled.checked.failures().iter().filter(|failure| inside(failure.span)) {
        let line = format!("\n\ncan fail: `{}`: {}", text(compiled, failure.span), failure.why);
        if !said.contains(&line) {
            said.push(line);
        }
    }
    said.concat()
}

/// The `///` lines of the field of a type that a name means.
fn field_doc(compiled: &Compilation, offset: usize) -> Option<&str> {
    let declared = definition(compiled, offset)?;
    let program = compiled.programs.get(usize::from(declared.file.0))?;
    let types = program.decls.iter().filter_map(|decl| match &decl.kind {
        DeclKind::Type(ty) => Some(&ty.ty),
        DeclKind::Source(source) => source.ty.as_ref(),
        DeclKind::Table(table) => table.ty.as_ref(),
        _ => None,
    });
    let fields = types.filter_map(|ty| match &ty.kind {
        TypeKind::Record(fields) => Some(fields),
        _ => None,
    });
    fields.flatten().find(|field| field.name.span == declared)?.doc.as_deref()
}

/// The smallest expression around an offset, with its type and why it can fail.
fn typed(compiled: &Compilation, offset: usize) -> Option<Hover> {
    let facts = compiled.checked.types().filter(|(span, _)| here(*span, offset));
    let (span, ty) = facts.min_by_key(|(span, _)| span.end - span.start)?;
    let mut markdown = format!("```flow\n{}: {ty}\n```", text(compiled, *span));
    if let Some(doc) = field_doc(compiled, offset) {
        markdown.push_str(&format!("\n\n{doc}"));
    }
    markdown.push_str(&failures(compiled, *span));
    Some(Hover { span: *span, markdown })
}

/// The stream behind a stage, shown at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Offset in the main file.
    pub at: usize,
    /// What is shown: the record, cut where it is long.
    pub text: String,
    /// The whole of it, for a tooltip.
    pub whole: String,
}

/// Longest hint, in characters.
const LONGEST: usize = 60;

/// The type of the stream after each stage: its fields, that rows may be replaced, and by what the next stage would group.
pub fn hints(compiled: &Compilation) -> Vec<Hint> {
    let mut hints = Vec::new();
    for index in 0..compiled.checked.declarations.len() {
        let Some(pipeline) = compiled.checked.pipeline(index) else { continue };
        let here = |stage: &&CheckedStage| stage.span.file == FileId(0) && !stage.after.open;
        for stage in pipeline.stages.iter().filter(here) {
            let whole = record(&stage.after);
            let mut text: String = whole.chars().take(LONGEST).collect();
            if text.len() < whole.len() {
                text.push('…');
            }
            let more = updating(&stage.after).into_iter().chain(groups(&stage.after));
            let more: String = more.map(|more| format!(" · {more}")).collect();
            let at = stage.span.end as usize;
            hints.push(Hint { at, text: text + &more, whole: format!("{whole}{more}") });
        }
    }
    hints
}
