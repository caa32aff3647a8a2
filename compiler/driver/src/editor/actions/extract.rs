//! The first stages of a pipeline become a `stream` of their own. States keep their ids.

use super::{Action, ActionKind, quoted, restyled, touches};
use crate::Compilation;
use flow_syntax::ast::{Decl, DeclKind, Pipeline, Stage};
use flow_syntax::{Edit, Span, lines};
use flow_types::checked::CheckedPipeline;
use flow_types::stream::StreamType;
use std::ops::Range;

/// The stages up to the last one in the range, as a stream of their own. Offered where nothing changes by it: not between a
/// `keyBy` or `window` and what uses it, not where something reads the declaration's `.late` or `.errors`, here or in another
/// script (which may read `.late` at any time), and not where a comment stands between the stages: nobody knows where it belongs.
pub(super) fn extract(
    compiled: &Compilation,
    range: &Range<usize>,
    elsewhere: &dyn Fn(&str) -> bool,
) -> Option<Action> {
    let program = compiled.programs.first()?;
    let decl = program.decls.iter().find(|decl| touches(decl.span, range))?;
    let (name, pipeline, sink) = match &decl.kind {
        DeclKind::Stream(stream) => (&stream.name, &stream.pipeline, false),
        DeclKind::Sink(sink) => (&sink.name, &sink.pipeline, true),
        _ => return None,
    };
    let last = pipeline.stages.iter().rposition(|stage| touches(stage.span, range))?;
    // A stream that is wholly another one is no gain.
    if last + 1 == pipeline.stages.len() && !sink {
        return None;
    }
    let index = compiled.checked.declarations.iter().position(|d| d.name_span == name.span)?;
    let checked = compiled.checked.pipeline(index)?;
    let cut = checked.stages.get(last)?;
    let after = &cut.after;
    let waits = after.keys.is_some() || after.window.is_some() || after.trigger.is_some() || after.open;
    if waits || checked.late_consumed || checked.errors_consumed || cut.span != pipeline.stages[last].span {
        return None;
    }
    let exported = !sink && (checked.late.is_some() || elsewhere(&format!("{}.errors", name.name)));
    if exported
        || !sides_kept(compiled, pipeline, last, after)
        || !moves_alone(compiled, decl, pipeline, last)
    {
        return None;
    }
    let new = free_name(compiled, &name.name, elsewhere);
    let mut left = vec![rest(compiled, pipeline, last, &new)];
    left.extend(counted_on(checked, pipeline, last));
    let made = declaration(compiled, checked, pipeline, last, &new);
    let made = flow_syntax::format(&made).map(|made| format!("{made}\n")).unwrap_or(made);
    let mut edits = vec![Edit { span: above(compiled, decl), replacement: made }];
    edits.extend(restyled(compiled, decl.span, left));
    let title = format!("extract the stages up to `{}` into a stream", pipeline.stages[last].name.name);
    Some(Action { title, kind: ActionKind::Extract, edits, preferred: false, mends: None })
}

/// A name that neither this script nor one that imports it has.
fn free_name(compiled: &Compilation, name: &str, elsewhere: &dyn Fn(&str) -> bool) -> String {
    let own = |name: &String| compiled.checked.declarations.iter().any(|d| *d.name == **name);
    let taken = |name: &String| own(name) || elsewhere(name);
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let plain = if plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        plain
    } else {
        format!("s{plain}")
    };
    let mut names = (1..).map(|n| if n == 1 { format!("{plain}Input") } else { format!("{plain}Input{n}") });
    names.find(|name| !taken(name)).unwrap_or(plain)
}

/// The beginning of the declaration, with the comments right above it; the declaration itself where something else stands in
/// its line.
fn above(compiled: &Compilation, decl: &Decl) -> Span {
    let text = &compiled.sources.file(decl.span.file).text;
    let first = decl.span.start as usize;
    let mut start = lines::start(text, first);
    if !text[start..first].trim().is_empty() {
        return decl.span.before();
    }
    while start > 0 {
        let line = lines::start(text, start - 1);
        let is_comment =
            text[line..start].trim_start().starts_with("//") && !text[line..start].contains("*/");
        if !is_comment {
            break;
        }
        start = line;
    }
    Span::new(decl.span.file, start, start)
}

/// Are the stages all there is? No comment is among them, none above speaks of them, and they mean the same elsewhere
/// (`now()` is for sinks).
fn moves_alone(compiled: &Compilation, decl: &Decl, pipeline: &Pipeline, last: usize) -> bool {
    let text = |span: Span| compiled.sources.text(span);
    let moved = &pipeline.stages[..=last];
    let ends = std::iter::once(pipeline.head.span().end).chain(moved.iter().map(|stage| stage.span.end));
    let starts = pipeline.stages.iter().map(|stage| stage.span.start);
    let between = |(end, start): (u32, u32)| Span::new(decl.span.file, end as usize, start as usize);
    let mut gaps = ends.zip(starts).map(between).map(text);
    let above = above(compiled, decl);
    let spoken = text(Span { end: decl.span.start.max(above.start), ..above });
    let now = |stage: &Stage| words(text(stage.span)).any(|word| word == "now");
    !gaps.any(|gap| gap.contains("//") || gap.contains("/*"))
        && !spoken.contains("flow-allow")
        && !moved.iter().any(now)
}

/// The names in a piece of a script.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn declaration(
    compiled: &Compilation,
    checked: &CheckedPipeline,
    pipeline: &Pipeline,
    last: usize,
    new: &str,
) -> String {
    let text = |span: Span| compiled.sources.text(span);
    let head = Span { end: pipeline.stages[0].span.start, ..pipeline.head.span() };
    let head = text(head).trim_end().trim_end_matches("|>").trim_end();
    let mut out = format!("stream {new} = {head}");
    for (at, stage) in pipeline.stages[..=last].iter().enumerate() {
        out.push_str("\n  |> ");
        out.push_str(&pinned(checked, at, stage));
        out.push_str(text(stage.span));
    }
    out.push_str("\n\n");
    out
}

/// What stands before a stage so that its state is called, and was called, as it is now: whatever its declaration is, and
/// whatever stands before it there.
fn pinned(checked: &CheckedPipeline, at: usize, stage: &Stage) -> String {
    let operators = checked.stages.get(at).map(|stage| stage.operators.clone()).unwrap_or_default();
    let Some(state) = checked.operators[operators].iter().find_map(|o| o.state.as_ref()) else {
        return String::new();
    };
    let id = stage.id.is_none().then(|| format!("@id({}) ", quoted(&state.id)));
    let was = state.was.as_ref().filter(|_| stage.was.is_none());
    let was = was.map(|was| format!("@was({}) ", quoted(was)));
    id.into_iter().chain(was).collect()
}

/// Repeats of an operator are counted: those that are left behind an extracted one of the same word have another number now.
fn counted_on(checked: &CheckedPipeline, pipeline: &Pipeline, last: usize) -> Vec<Edit> {
    let (gone, left) = pipeline.stages.split_at(last + 1);
    let repeats =
        left.iter().enumerate().filter(|(_, stage)| gone.iter().any(|s| s.name.name == stage.name.name));
    let pin = |(n, stage): (usize, &Stage)| Edit {
        span: stage.span.before(),
        replacement: pinned(checked, last + 1 + n, stage),
    };
    repeats.map(pin).filter(|edit| !edit.replacement.is_empty()).collect()
}

/// A stream has one side: what later stages tell apart by others, or by the same name twice, would be lost.
fn sides_kept(compiled: &Compilation, pipeline: &Pipeline, last: usize, after: &StreamType) -> bool {
    let own = pipeline.alias.as_ref().unwrap_or(&pipeline.head.name);
    let left = left(compiled, pipeline, last);
    let used = |side: &str| words(left).any(|word| word == side);
    let mut sides = after.columns.iter().filter_map(|column| column.side.as_deref());
    let twice = after.columns.iter().any(|column| after.named(&column.name).count() > 1);
    !twice && !sides.any(|side| side != own.name && used(side))
}

/// The stages that are left.
fn left<'c>(compiled: &'c Compilation, pipeline: &Pipeline, last: usize) -> &'c str {
    let cut = pipeline.stages[last].span;
    compiled.sources.text(Span { start: cut.end, ..pipeline.span.to(cut) })
}

/// What is left reads the new stream; fields that later stages call by the old name keep it.
fn rest(compiled: &Compilation, pipeline: &Pipeline, last: usize, new: &str) -> Edit {
    let cut = pipeline.stages[last].span;
    let side = pipeline.alias.as_ref().unwrap_or(&pipeline.head.name);
    let left = left(compiled, pipeline, last);
    let used = pipeline.alias.is_some() || words(left).any(|word| word == side.name);
    let alias = if used { format!(" as {}", compiled.sources.text(side.span)) } else { String::new() };
    Edit { span: pipeline.head.span().to(cut), replacement: format!("{new}{alias}") }
}
