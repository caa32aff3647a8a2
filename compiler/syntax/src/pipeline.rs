//! Declarations with stages, and tests: cut into pieces that are parsed one by one.

use crate::ast::{
    Connector, DeclKind, Ident, Pipeline, SinkDecl, SourceDecl, Stage, StageKind, StreamDecl, TableDecl,
    TestDecl,
};
use crate::build::decl::Head;
use crate::build::{Shared, ident_of};
use crate::class::{Tok, begins_step};
use crate::diagnose;
use crate::grammar::Rule;
use crate::parse::with_pairs;
use crate::span::{FileId, Span};
use std::ops::Range;

/// Where the pieces of a pipeline declaration are.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pub(crate) head: Range<usize>,
    /// Each stage behind its `|>`.
    pub(crate) stages: Vec<Range<usize>>,
    /// Behind the `->`.
    pub(crate) connector: Option<Range<usize>>,
    /// Offsets of stages of which all is said already.
    pub(crate) told: Vec<u32>,
}

/// A source, table, stream or sink.
pub(crate) fn pipeline(shared: &mut Shared<'_>, keyword: &str, toks: &[Tok]) -> Option<DeclKind> {
    let mut toks = toks.to_vec();
    let file = shared.file;
    let name = toks.get(1).filter(|t| t.is_name()).map(|t| ident_of(shared.text, file, *t));
    let Some(pieces) = diagnose::split(shared, keyword, &mut toks) else {
        return Some(DeclKind::Error(name));
    };
    let toks = &toks[..];
    let rule = match keyword {
        "source" => Rule::source_decl,
        "table" => Rule::table_decl,
        _ => Rule::stream_decl,
    };
    let head = with_pairs(shared, rule, &toks[pieces.head.clone()], false, |b, p| b.head(p)).flatten();
    let stages: Vec<Stage> =
        pieces.stages.iter().map(|range| stage(shared, toks, range.clone(), &pieces.told)).collect();
    let connector = pieces.connector.clone().and_then(|range| sink_end(shared, toks, range));
    let Some(head) = head else {
        return Some(DeclKind::Error(name));
    };
    if keyword == "sink" && pieces.connector.is_none() {
        diagnose::missing_sink_end(shared, toks);
    }
    let span = pipeline_span(file, toks, &pieces);
    build(keyword, head, stages, connector, span)
}

/// From the pipeline's first name to the end of its last stage.
fn pipeline_span(file: FileId, toks: &[Tok], pieces: &Pieces) -> Span {
    let first = pieces.head.clone().find(|i| toks[*i].class == b'=').map_or(pieces.head.start, |i| i + 1);
    let end = pieces.stages.last().map_or(pieces.head.end, |s| s.end);
    let first = toks[first.min(toks.len() - 1)];
    first.span(file).to(toks[end.max(1) - 1].span(file))
}

fn build(
    keyword: &str,
    head: Head,
    stages: Vec<Stage>,
    connector: Option<Connector>,
    span: Span,
) -> Option<DeclKind> {
    let Head { name, ty, key, connector: from, path, alias } = head;
    Some(match (keyword, from, path) {
        ("source", Some(connector), _) => DeclKind::Source(SourceDecl { name, ty, connector, stages }),
        ("table", Some(connector), _) => DeclKind::Table(TableDecl { name, ty, key, connector, stages }),
        ("stream", _, Some(head)) => {
            DeclKind::Stream(StreamDecl { name, pipeline: Pipeline { head, alias, stages, span } })
        }
        ("sink", _, Some(head)) => {
            DeclKind::Sink(SinkDecl { name, pipeline: Pipeline { head, alias, stages, span }, connector })
        }
        _ => DeclKind::Error(Some(name)),
    })
}

/// One stage; a broken one keeps its place and its name.
fn stage(shared: &mut Shared<'_>, toks: &[Tok], range: Range<usize>, told: &[u32]) -> Stage {
    let file = shared.file;
    let pipe = toks[range.start - 1].span(file);
    let piece = &toks[range.clone()];
    let parsed = if piece.is_empty() {
        diagnose::empty_stage(shared, pipe);
        None
    } else if told.contains(&piece[0].start) || diagnose::foreign_stage(shared, toks, range.clone(), pipe) {
        None
    } else {
        with_pairs(shared, Rule::stage, piece, false, |b, p| b.stage(p)).flatten()
    };
    parsed.unwrap_or_else(|| {
        let word = piece.iter().find(|t| t.is_name());
        let name = word
            .map_or(Ident { name: String::new(), span: pipe.after() }, |t| ident_of(shared.text, file, *t));
        let span = piece
            .first()
            .map_or(pipe.after(), |first| first.span(file).to(piece[piece.len() - 1].span(file)));
        Stage { id: None, was: None, name, kind: StageKind::Error, span }
    })
}

fn sink_end(shared: &mut Shared<'_>, toks: &[Tok], range: Range<usize>) -> Option<Connector> {
    let arrow = toks[range.start - 1].span(shared.file);
    let piece = &toks[range];
    if piece.is_empty() {
        diagnose::empty_sink_end(shared, arrow);
        return None;
    }
    with_pairs(shared, Rule::sink_end, piece, false, |b, p| {
        let connector = p.into_inner().find(|p| p.as_rule() == Rule::connector)?;
        b.connector(connector)
    })
    .flatten()
}

/// `test "name" { steps }`, step by step.
pub(crate) fn test(shared: &mut Shared<'_>, toks: &[Tok]) -> Option<DeclKind> {
    let open = toks.iter().position(|t| t.class == b'{').unwrap_or(toks.len());
    let head = with_pairs(shared, Rule::test_head, &toks[..open], false, |b, p| b.test_name(p)).flatten();
    let mut steps = Vec::new();
    for range in step_ranges(shared, toks, open) {
        let piece = &toks[range];
        let rule = match piece[0].class {
            b'g' => Rule::given_step,
            b'v' => Rule::advance_step,
            b'p' => Rule::savepoint_step,
            b'e' => Rule::restore_step,
            _ => Rule::expect_step,
        };
        steps.extend(with_pairs(shared, rule, piece, false, |b, p| b.test_step(p)).flatten());
    }
    let (name, name_span) = head?;
    Some(DeclKind::Test(TestDecl { name, name_span, steps }))
}

/// Steps begin at `given`, `advance`, `expect`, `savepoint` and `restore` right inside the test's braces.
fn step_ranges(shared: &mut Shared<'_>, toks: &[Tok], open: usize) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut depth = 0;
    let mut closed = toks.len();
    for (i, tok) in toks.iter().enumerate().skip(open) {
        if tok.is_open() {
            depth += 1;
        } else if tok.is_close() {
            depth -= 1;
            if depth == 0 {
                closed = i;
                break;
            }
        }
        if depth == 1 && i > open && begins_step(tok.class, tok.starts_line, toks[i - 1].class) {
            if let Some(last) = ranges.last_mut() {
                last.end = i;
            }
            ranges.push(i..i);
        }
    }
    if let Some(last) = ranges.last_mut() {
        last.end = closed;
    }
    let first = ranges.first().map_or(closed, |r| r.start);
    diagnose::around_steps(shared, toks, open, first, closed);
    ranges
}
