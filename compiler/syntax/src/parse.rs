//! Text → tree and diagnostics.
//!
//! The lexer makes tokens, [`crate::scan`] cuts them into declarations, this module cuts those into
//! pieces (head, stages, connector, test steps), pest parses each piece and [`crate::build`] makes
//! tree of it. A broken piece is reported once and the others go on.

use crate::ast::{Decl, DeclKind, Ident, Program};
use crate::build::{Build, Pair, Shared, doc_before, ident_of};
use crate::class::{Tok, classify};
use crate::codes::{NOT_UTF8, TOO_LONG};
use crate::diagnostic::Diagnostic;
use crate::grammar::{Grammar, Rule};
use crate::lexer::{Lexed, lex};
use crate::memory::Memory;
use crate::scan::{Segment, segments};
use crate::span::{FileId, Span};
use crate::token::TokenKind;
use crate::{diagnose, pipeline};
use pest::Parser;

/// The longest script.
pub const MAX_SCRIPT: usize = 1 << 20;
/// The longest declaration.
pub const MAX_DECLARATION: usize = 64 << 10;

/// Parses a script. Never fails: what could not be understood is reported and stands in the tree as
/// an error node, so that one mistake hides nothing else.
pub fn parse(file: FileId, text: &str) -> (Program, Vec<Diagnostic>) {
    read(file, text, None)
}

/// The same as [`parse`]; declarations that the memory holds are not read again.
pub fn parse_again(file: FileId, text: &str, memory: &mut Memory) -> (Program, Vec<Diagnostic>) {
    memory.begin();
    read(file, text, Some(memory))
}

/// Where the declarations of a text stand, without reading what is in them.
pub fn declarations(text: &str) -> Vec<Span> {
    let file = FileId::default();
    let lexed = lex(file, text);
    let toks = classify(text, &lexed.tokens, 0..lexed.tokens.len());
    let segments = segments(file, text, &toks, 0, &mut Vec::new());
    let ends = segments.iter().filter_map(|segment| Some((segment.toks.first()?, segment.toks.last()?)));
    ends.map(|(first, last)| first.span(file).to(last.span(file))).collect()
}

fn read(file: FileId, text: &str, mut memory: Option<&mut Memory>) -> (Program, Vec<Diagnostic>) {
    if text.len() > MAX_SCRIPT {
        let limit = Span::new(file, MAX_SCRIPT, MAX_SCRIPT);
        let diagnostic = Diagnostic::new(TOO_LONG, limit, "this script is longer than 1 MiB")
            .help("split it into files and `import` them; data belongs into files that a `source` reads");
        return (Program { file, ..Program::default() }, vec![diagnostic]);
    }
    let lexed = lex(file, text);
    let mut diagnostics = lexed.diagnostics;
    let toks = classify(text, &lexed.tokens, 0..lexed.tokens.len());
    let segments = segments(file, text, &toks, 0, &mut diagnostics);
    let mut shared = Shared::new(file, text, &lexed.tokens, diagnostics);
    let mut decls = Vec::with_capacity(segments.len());
    for segment in &segments {
        decls.extend(remembered(&mut shared, segment, memory.as_deref_mut()));
    }
    let mut diagnostics = shared.diagnostics;
    diagnostics.sort_by_key(|d| d.primary.span.start);
    (Program { file, decls, exprs: shared.exprs, doubtful: shared.doubtful }, diagnostics)
}

/// Where the results of the blocks of functions begin, if nothing is wrong with a script's syntax. Declarations that the memory
/// holds are right, and not read again.
pub(crate) fn bodies_if_right(
    file: FileId,
    text: &str,
    lexed: &mut Lexed,
    segments: &[Segment],
    memory: &Memory,
) -> Option<Vec<usize>> {
    let diagnostics = std::mem::take(&mut lexed.diagnostics);
    let mut shared = Shared::new(file, text, &lexed.tokens, diagnostics);
    let mut bodies = Vec::new();
    for segment in segments {
        let (start, own) = own_text(&shared, segment)?;
        if let Some(body) = memory.body(own).filter(|_| !is_mended(segment)) {
            bodies.extend(body.map(|at| (start + at) as usize));
            continue;
        }
        if let DeclKind::Fn(function) = declaration(&mut shared, segment)?.kind
            && function.block
        {
            bodies.push(shared.exprs[function.body].span.start as usize);
        }
    }
    (!shared.diagnostics.iter().any(Diagnostic::is_error)).then_some(bodies)
}

/// A declaration's own text with its documentation, and where it begins.
fn own_text<'t>(shared: &Shared<'t>, segment: &Segment) -> Option<(u32, &'t str)> {
    let (first, last) = (segment.toks.first()?, segment.toks.last()?);
    let before = shared.tokens[..first.first as usize].iter().rev();
    let doc = before.take_while(|token| token.kind == TokenKind::DocComment).last();
    let start = doc.map_or(first.start, |token| token.span.start);
    Some((start, &shared.text[start as usize..last.end as usize]))
}

/// Where the scanner put in what was missing, the text alone does not say what was read.
fn is_mended(segment: &Segment) -> bool {
    segment.too_deep || segment.toks.iter().any(|tok| tok.start == tok.end)
}

/// One declaration, from memory if the same text stood in the script before.
fn remembered(shared: &mut Shared<'_>, segment: &Segment, memory: Option<&mut Memory>) -> Option<Decl> {
    let (start, text) = own_text(shared, segment)?;
    let mended = is_mended(segment);
    // A mistake that was told before may keep one of this declaration from being told, and makes doubtful what is read here.
    let told = diagnose::known(shared, &segment.toks);
    let mut memory = memory.filter(|_| !mended && !told);
    if let Some(memory) = &mut memory
        && let Some(mut known) = memory.recall(text, start, shared.file, &mut shared.exprs)
    {
        known.sound = true;
        return Some(known);
    }
    // The same mistake in the declaration before is told with it: a label more says as much as a diagnostic.
    let said = |shared: &Shared<'_>| {
        (shared.diagnostics.len(), shared.diagnostics.last().map_or(0, |last| last.labels.len()))
    };
    let (before, behind) = (said(shared), shared.exprs.len());
    let mut decl = declaration(shared, segment)?;
    let right = said(shared) == before && !told;
    decl.sound = right && !mended && !matches!(decl.kind, DeclKind::Error(_));
    if let Some(memory) = memory.filter(|_| decl.sound) {
        memory.keep(text, start, &decl, &shared.exprs, behind);
    }
    Some(decl)
}

/// Parses bytes that should be a script; bytes that are not UTF-8 are one diagnostic and no program.
pub fn parse_bytes(file: FileId, bytes: &[u8], memory: Option<&mut Memory>) -> (Program, Vec<Diagnostic>) {
    match (std::str::from_utf8(bytes), memory) {
        (Ok(text), None) => parse(file, text),
        (Ok(text), Some(memory)) => parse_again(file, text, memory),
        (Err(error), _) => {
            let at = error.valid_up_to();
            let line = bytes[..at].iter().filter(|b| **b == b'\n').count() + 1;
            let span = Span::new(file, at, at + error.error_len().unwrap_or(1));
            let diagnostic = Diagnostic::new(NOT_UTF8, span, "this script is not UTF-8 text")
                .note(format!(
                    "the first byte that is not UTF-8 is byte {at} (0x{:02X}), in line {line}",
                    bytes[at]
                ))
                .help("save the file with the encoding UTF-8");
            (Program { file, ..Program::default() }, vec![diagnostic])
        }
    }
}

/// One declaration, or `None` for text that is none.
fn declaration(shared: &mut Shared<'_>, segment: &Segment) -> Option<Decl> {
    let toks = &segment.toks[..];
    let (was, word_at) = annotation(shared, toks);
    let toks_of_decl = &toks[word_at..];
    let word = toks_of_decl.first()?;
    let span = toks[0].span(shared.file).to(toks[toks.len() - 1].span(shared.file));
    let doc = doc_before(shared.text, shared.tokens, toks[0].first as usize);
    let Some(keyword) = diagnose::keyword(shared, toks_of_decl) else {
        let name = diagnose::declared_name(toks_of_decl).map(|t| ident_of(shared.text, shared.file, t));
        return Some(Decl { doc, was, span, kind: DeclKind::Error(name), sound: false });
    };
    let name = toks_of_decl.get(1).filter(|t| t.is_name()).map(|t| ident_of(shared.text, shared.file, *t));
    let length = (span.end - span.start) as usize;
    if length > MAX_DECLARATION {
        shared.diagnostics.push(
            Diagnostic::new(
                TOO_LONG,
                word.span(shared.file),
                format!("this declaration is {} KiB long; the limit is 64 KiB", length >> 10),
            )
            .help("give parts of it their own declarations; rows belong into files"),
        );
        return Some(Decl { doc, was, span, kind: DeclKind::Error(name), sound: false });
    }
    let kind = if segment.too_deep {
        DeclKind::Error(name)
    } else {
        kind(shared, keyword, toks_of_decl).unwrap_or(DeclKind::Error(name))
    };
    Some(Decl { doc, was, span, kind, sound: false })
}

/// `@was("old")` before a declaration: what it says, and where the declaration's word stands.
fn annotation(shared: &mut Shared<'_>, toks: &[Tok]) -> (Option<Ident>, usize) {
    let classes: Vec<u8> = toks.iter().take(5).map(|t| t.class).collect();
    if classes.starts_with(b"@i()") {
        let whole = toks[0].span(shared.file).to(toks[3].span(shared.file));
        let message = "an annotation holds a name in quotes";
        let diagnostic = Diagnostic::new(crate::codes::UNEXPECTED_TOKEN, whole, message)
            .at("no name is given")
            .help("`@was(\"old\")` before a declaration tells its former name");
        shared.diagnostics.push(diagnostic);
        return (None, 4.min(toks.len() - 1));
    }
    if classes != b"@i(\")" {
        return (None, 0);
    }
    let word = toks[1].text(shared.text);
    if word != "was" {
        let message = format!("there is no annotation `@{word}` for declarations");
        let diagnostic = Diagnostic::new(crate::codes::UNEXPECTED_TOKEN, toks[1].span(shared.file), message)
            .help("`@was(\"old\")` before a declaration tells its former name; `@id(\"name\")` stands before a stage");
        shared.diagnostics.push(diagnostic);
    }
    let text = toks[3].text(shared.text);
    let name = text.strip_prefix('"').map_or(text, |t| t.strip_suffix('"').unwrap_or(t)).to_string();
    (Some(Ident { name, span: toks[3].span(shared.file) }), 5.min(toks.len() - 1))
}

fn kind(shared: &mut Shared<'_>, keyword: &str, toks: &[Tok]) -> Option<DeclKind> {
    let rule = match keyword {
        "import" => Rule::import_decl,
        "job" => Rule::job_decl,
        "param" => Rule::param_decl,
        "const" => Rule::const_decl,
        "type" => Rule::type_decl,
        "fn" => Rule::fn_decl,
        "test" => return pipeline::test(shared, toks),
        _ => return pipeline::pipeline(shared, keyword, toks),
    };
    with_pairs(shared, rule, toks, false, |build, pair| build.simple_decl(pair)).flatten()
}

/// Parses one piece with pest and builds it. A mistake is reported, unless `reported` says (or the
/// piece shows) that one is known here already.
pub(crate) fn with_pairs<T>(
    shared: &mut Shared<'_>,
    rule: Rule,
    toks: &[Tok],
    reported: bool,
    build: impl FnOnce(&mut Build<'_, '_, '_>, Pair<'_>) -> T,
) -> Option<T> {
    if diagnose::whole(shared, toks) {
        return None;
    }
    let classes: String = toks.iter().map(|t| t.class as char).collect();
    let before = shared.diagnostics.len();
    let built = match Grammar::parse(rule, &classes) {
        Ok(mut pairs) => pairs.next().map(|pair| build(&mut Build::new(shared, toks), pair)),
        Err(error) => {
            if diagnose::known(shared, toks) {
                diagnose::doubt_brackets(shared, toks);
            } else if !reported {
                diagnose::report(shared, rule, toks, &error);
            }
            None
        }
    };
    diagnose::doubt(shared, toks, before);
    built
}
