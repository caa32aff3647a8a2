//! Cuts a pipeline declaration at its `|>` and `->`, and at what people write in their place.

use super::{lambda, python};
use crate::build::Shared;
use crate::class::Tok;
use crate::codes::{FOREIGN_WORD, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Label};
use crate::pipeline::Pieces;

/// Words that are connectors, where a stage or an arrow is in doubt.
const CONNECTORS: &[&str] =
    &["stdout", "file", "kafka", "postgres", "socket", "http", "blackhole", "stdin", "print", "console"];

/// Cuts a declaration into head, stages and connector; foreign joints are reported and mended. Nothing if all of it is
/// of another language, and was told so.
pub(crate) fn split(shared: &mut Shared<'_>, keyword: &str, toks: &mut Vec<Tok>) -> Option<Pieces> {
    if reader_or_writer(shared, toks) || query(shared, toks) {
        return None;
    }
    let told = python::stages(shared, toks);
    rejoin(shared, toks);
    mend_joints(shared, keyword, toks);
    insert_missing_pipes(shared, keyword, toks);
    let mut pieces = Pieces { told, ..Pieces::default() };
    let mut from = 0;
    let mut kind = b'=';
    let mut close = |kind: u8, range: std::ops::Range<usize>| match kind {
        b'=' => pieces.head = range,
        b'|' => pieces.stages.push(range),
        _ => pieces.connector = Some(range),
    };
    for i in depth_0(toks) {
        if matches!(toks[i].class, b'|' | b'$') {
            close(kind, from..i);
            kind = toks[i].class;
            from = i + 1;
        }
    }
    close(kind, from..toks.len());
    Some(pieces)
}

/// `stream big = select auction from bids where price > 3`: true if that was told.
fn query(shared: &mut Shared<'_>, toks: &[Tok]) -> bool {
    let is = |tok: &Tok, word: &str| tok.text(shared.text).eq_ignore_ascii_case(word);
    if !toks.get(3).is_some_and(|tok| is(tok, "select")) || toks[2].class != b'=' {
        return false;
    }
    let from = toks.iter().position(|tok| is(tok, "from")).filter(|from| *from > 4);
    if from.is_none_or(|from| toks[..from].iter().any(|tok| tok.class == b'|')) {
        return false;
    }
    let select = toks[3].span(shared.file);
    super::take_back(shared, select.to(toks[toks.len() - 1].span(shared.file)));
    let message =
        format!("a pipeline begins with the name it reads, without `{}`", toks[3].text(shared.text));
    shared.diagnostics.push(
        Diagnostic::new(FOREIGN_WORD, select, message)
            .help("write `input |> filter(condition) |> map { a, b }`"),
    );
    true
}

/// `spark.readStream.format("kafka").load()`, `rows.writeStream.format("json").start("out")`: true if that was told.
fn reader_or_writer(shared: &mut Shared<'_>, toks: &[Tok]) -> bool {
    let word = |at: &usize| toks[*at].text(shared.text);
    let is_one = |at: &usize| matches!(word(at), "readStream" | "read" | "writeStream" | "write");
    let Some(at) = (1..toks.len()).find(|at| is_one(at) && toks[at - 1].class == b'.') else { return false };
    if !toks.get(at + 1).is_some_and(|t| matches!(t.class, b'.' | b'('))
        || toks[..at].iter().any(Tok::is_open)
    {
        return false;
    }
    let reads = word(&at).starts_with("read");
    let help = match reads {
        true => {
            "a source names its connector: `source bids: Bid = kafka(brokers: \"localhost:9092\", topic: \"bids\", format: json)`"
        }
        false => "a sink names its connector behind `->`: `sink out = rows -> file(\"out\", format: json)`",
    };
    let whole = toks[at].span(shared.file).to(toks[toks.len() - 1].span(shared.file));
    let message = format!("there is no `{}`", word(&at));
    super::take_back(shared, whole);
    let at = if reads { "where rows come from is a connector" } else { "where rows go to is a connector" };
    shared.diagnostics.push(Diagnostic::new(FOREIGN_WORD, whole, message).at(at).help(help));
    true
}

/// `- >` and `| >`: what joins stages, with a blank in it.
fn rejoin(shared: &mut Shared<'_>, toks: &mut Vec<Tok>) {
    if !toks.iter().any(|tok| matches!(tok.class, b'-' | b'#')) {
        return;
    }
    for i in depth_0(toks).into_iter().rev() {
        let (Some(a), Some(b)) = (toks.get(i).copied(), toks.get(i + 1).copied()) else { continue };
        let (joined, class) = match (a.class, b.text(shared.text)) {
            (b'-', ">") => ("->", b'$'),
            (b'#', ">") => ("|>", b'|'),
            _ => continue,
        };
        let span = a.span(shared.file).to(b.span(shared.file));
        let message = format!("`{joined}` is written without a blank");
        shared.diagnostics.push(Diagnostic::new(UNEXPECTED_TOKEN, span, message).fix(
            format!("write `{joined}`"),
            span,
            joined,
        ));
        toks[i] = Tok { class, end: b.end, last: b.last, ..a };
        toks.remove(i + 1);
    }
}

/// The indexes of tokens outside of brackets (closing brackets included).
fn depth_0(toks: &[Tok]) -> Vec<usize> {
    let mut depth = 0usize;
    let mut out = Vec::with_capacity(toks.len());
    for (i, tok) in toks.iter().enumerate() {
        if tok.is_close() {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            out.push(i);
        }
        if tok.is_open() {
            depth += 1;
        }
    }
    out
}

/// `|`, `=>`, a `->` too many, and `.map(…)` chains.
fn mend_joints(shared: &mut Shared<'_>, keyword: &str, toks: &mut [Tok]) {
    let outside = depth_0(toks);
    let of_class = |classes: &[u8]| -> Vec<usize> {
        outside.iter().copied().filter(|i| classes.contains(&toks[*i].class)).collect()
    };
    let arrows = of_class(b"$^");
    let last_arrow = arrows.last().copied();
    let bars = of_class(b"#");
    let mut dots = of_class(b".");
    dots.retain(|i| is_method(toks, *i));
    let called = |i: &usize| {
        toks.get(i + 1).is_some_and(Tok::is_name)
            && toks.get(i + 2).is_some_and(|t| matches!(t.class, b'(' | b'{'))
    };
    let greater: Vec<usize> = of_class(b">").into_iter().filter(called).collect();
    for i in bars {
        joint(shared, &mut toks[i], "|", "stages are joined by `|>`");
    }
    for i in greater {
        // Of `>>`, both.
        let before = i.checked_sub(1).map(|before| toks[before]).filter(|t| t.class == b'>');
        let shown = match before.filter(|before| before.end == toks[i].start) {
            Some(before) => {
                toks[i].start = before.start;
                ">>"
            }
            None => ">",
        };
        joint(shared, &mut toks[i], shown, "stages are joined by `|>`");
    }
    for i in arrows {
        let ends = Some(i) == last_arrow && ends_in_connector(shared, toks, i);
        match (keyword, toks[i].class) {
            ("sink", b'$') if Some(i) == last_arrow => {}
            ("sink", b'$') if ends_in_connector(shared, toks, i) => second_connector(shared, toks, i),
            ("sink", _) if ends || Some(i) == last_arrow => sink_arrow(shared, &mut toks[i]),
            (_, b'$') if ends => not_a_sink(shared, keyword, toks, i),
            (_, b'$') => joint(
                shared,
                &mut toks[i],
                "->",
                "stages are joined by `|>`; `->` only leads to a sink's connector",
            ),
            _ => joint(shared, &mut toks[i], "=>", "stages are joined by `|>`"),
        }
    }
    if !dots.is_empty() {
        method_chain(shared, toks, &dots);
    }
    let last_pipe = outside.iter().copied().rfind(|i| toks[*i].class == b'|');
    if let Some(pipe) = last_pipe
        && keyword == "sink"
        && arrows_of(toks, &outside) == 0
        && ends_in_connector(shared, toks, pipe)
    {
        piped_connector(shared, toks, pipe);
    }
}

fn arrows_of(toks: &[Tok], outside: &[usize]) -> usize {
    outside.iter().filter(|i| toks[**i].class == b'$').count()
}

/// A sink whose connector is behind a `|>`: read as if it were behind `->`.
fn piped_connector(shared: &mut Shared<'_>, toks: &mut [Tok], pipe: usize) {
    let span = toks[pipe].span(shared.file);
    toks[pipe].class = b'$';
    // Reported already where the joint was wrong in another way (`|`, `.`).
    if char_known(shared, span) {
        return;
    }
    shared.diagnostics.push(
        Diagnostic::new(UNEXPECTED_TOKEN, span, "a sink's connector stands behind `->`")
            .at("expected `->`")
            .label(toks[pipe + 1].span(shared.file), "the connector")
            .fix("write `->`", span, "->"),
    );
}

/// `-> stdout() -> file("out")`.
fn second_connector(shared: &mut Shared<'_>, toks: &[Tok], arrow: usize) {
    let span = toks[arrow].span(shared.file).to(toks[arrow + 1].span(shared.file));
    let name = toks.get(1).map_or("name", |t| t.text(shared.text));
    shared.diagnostics.push(
        Diagnostic::new(UNEXPECTED_TOKEN, span, "a sink writes to one place")
            .at("the first of several")
            .help(format!("declare a stream and a sink for each place: `sink {name}2 = … -> …`")),
    );
}

fn is_method(toks: &[Tok], dot: usize) -> bool {
    let word = toks.get(dot + 1).is_some_and(|t| t.class.is_ascii_alphabetic());
    word && toks.get(dot + 2).is_some_and(|t| matches!(t.class, b'(' | b'{'))
}

fn ends_in_connector(shared: &Shared<'_>, toks: &[Tok], arrow: usize) -> bool {
    toks.get(arrow + 1).is_some_and(|t| CONNECTORS.contains(&t.text(shared.text)))
}

/// A wrong joint between stages: reported once per kind and declaration, read as `|>`.
fn joint(shared: &mut Shared<'_>, tok: &mut Tok, shown: &str, message: &str) {
    let span = tok.span(shared.file);
    tok.class = b'|';
    if char_known(shared, span) {
        return;
    }
    let title = format!("write `|>` for `{shown}`");
    let edit = Edit { span, replacement: "|>".into() };
    let known = shared
        .diagnostics
        .last_mut()
        .filter(|d| d.message == message && d.fixes.iter().any(|f| f.title == title));
    if let Some(known) = known {
        known.labels.push(Label { span, text: "here too".into() });
        return known.fixes[0].edits.push(edit);
    }
    shared.diagnostics.push(Diagnostic::new(FOREIGN_WORD, span, message).fix(title, span, "|>"));
}

/// Is the very token reported already (an arrow that is not ASCII)?
fn char_known(shared: &Shared<'_>, span: crate::span::Span) -> bool {
    shared.diagnostics.iter().any(|d| d.primary.span == span)
}

fn sink_arrow(shared: &mut Shared<'_>, tok: &mut Tok) {
    let span = tok.span(shared.file);
    tok.class = b'$';
    if char_known(shared, span) {
        return;
    }
    shared.diagnostics.push(
        Diagnostic::new(FOREIGN_WORD, span, "a sink's connector stands behind `->`").fix(
            "write `->`",
            span,
            "->",
        ),
    );
}

/// A stream that ends in a connector wants to be a sink.
fn not_a_sink(shared: &mut Shared<'_>, keyword: &str, toks: &[Tok], arrow: usize) {
    let word = toks[0].span(shared.file);
    let span = toks[arrow].span(shared.file);
    let diagnostic = Diagnostic::new(UNEXPECTED_TOKEN, span, format!("a `{keyword}` does not end in `->`"))
        .at("only a `sink` sends its rows somewhere")
        .label(word, format!("declared as `{keyword}`"));
    shared.diagnostics.push(if keyword == "stream" {
        diagnostic.fix("declare a `sink`", word, "sink")
    } else {
        diagnostic.help(format!(
            "declare a sink of its own: `sink out = {} -> …`",
            toks.get(1).map_or("name", |t| t.text(shared.text))
        ))
    });
}

/// `bids.filter(…).map(…)`: one diagnostic for the whole chain.
fn method_chain(shared: &mut Shared<'_>, toks: &mut [Tok], dots: &[usize]) {
    let file = shared.file;
    let mut edits = Vec::new();
    let (mut sure, mut whole_row, mut value) = (true, None, None);
    for (n, dot) in dots.iter().enumerate() {
        let next = dots.get(n + 1).copied();
        let end = next.unwrap_or_else(|| {
            depth_0(toks)
                .into_iter()
                .find(|i| i > dot && matches!(toks[*i].class, b'|' | b'$'))
                .unwrap_or(toks.len())
        });
        let bytes = shared.text.as_bytes();
        let blank_before =
            toks[*dot].starts_line || (toks[*dot].start > 0 && bytes[toks[*dot].start as usize - 1] == b' ');
        let replacement = if blank_before { "|> " } else { " |> " };
        edits.push(Edit { span: toks[*dot].span(file), replacement: replacement.into() });
        let stage = &toks[dot + 1..end];
        if let Some(lambda) = lambda::unlambda(shared, stage, value) {
            sure &= lambda.sure;
            whole_row = whole_row.or(lambda.whole_row.then_some(stage[0]));
            edits.extend(lambda.edits);
        }
        value = lambda::value_behind(shared, stage, value);
    }
    let first = toks[dots[0]].span(file).to(toks[dots[0] + 1].span(file));
    let mut diagnostic =
        Diagnostic::new(FOREIGN_WORD, first, "stages are joined by `|>`, not called with `.`")
            .help("inside of a stage the fields of the row are in scope by name");
    for dot in &dots[1..] {
        diagnostic = diagnostic.label(toks[*dot].span(file).to(toks[*dot + 1].span(file)), "here too");
    }
    match whole_row {
        // Without the lambda its name would mean nothing.
        Some(word) => diagnostic.notes.push(lambda::no_whole_row(word.text(shared.text))),
        None => {
            let applicability =
                if sure { Applicability::MachineApplicable } else { Applicability::HasPlaceholders };
            diagnostic.fixes.push(Fix { title: "write it as stages".into(), edits, applicability });
        }
    }
    shared.diagnostics.push(diagnostic);
    for dot in dots {
        toks[*dot].class = b'|';
    }
}

/// A stage without `|>` before it: `bids filter(…)`, or on a line of its own.
fn insert_missing_pipes(shared: &mut Shared<'_>, keyword: &str, toks: &mut Vec<Tok>) {
    let mut missing = Vec::new();
    let mut in_head = true;
    let mut at_end = false;
    for i in depth_0(toks) {
        let tok = toks[i];
        match tok.class {
            b'|' => in_head = false,
            b'$' => at_end = true,
            _ => {}
        }
        let called = tok.is_name() && toks.get(i + 1).is_some_and(|t| matches!(t.class, b'(' | b'{'));
        let with = matches!(tok.text(shared.text), "with" | "WITH");
        let key = keyword == "table" && tok.class == b'k' || matches!(keyword, "source" | "table") && with;
        if !called || key || at_end || i < 3 {
            continue;
        }
        let before = toks[i - 1];
        let annotated = i >= 5 && toks[i - 5].class == b'@';
        let after_head = in_head && matches!(keyword, "stream" | "sink") && before.is_name() && i >= 4;
        let after_stage = before.is_close() || (before.is_name() && tok.starts_line);
        if !annotated && (after_head || after_stage) && !matches!(before.class, b'|' | b'=') {
            missing.push(i);
        }
    }
    for (shift, i) in missing.into_iter().enumerate() {
        let i = i + shift;
        let tok = toks[i];
        let span = tok.span(shared.file);
        let place = span.before();
        let arrow = keyword == "sink"
            && CONNECTORS.contains(&tok.text(shared.text))
            && !toks[i..].iter().any(|t| t.class == b'$');
        let (shown, class) = if arrow { ("->", b'$') } else { ("|>", b'|') };
        if !super::known(shared, &toks[i..=i]) {
            shared.diagnostics.push(
                Diagnostic::new(
                    UNEXPECTED_TOKEN,
                    place,
                    format!("a `{shown}` is missing before `{}`", tok.text(shared.text)),
                )
                .at(format!("expected `{shown}`"))
                .fix(format!("insert `{shown}`"), place, format!("{shown} ")),
            );
        }
        toks.insert(
            i,
            Tok {
                class,
                start: tok.start,
                end: tok.start,
                first: tok.first,
                last: tok.first,
                starts_line: false,
            },
        );
    }
}

/// A sink without a connector.
pub(crate) fn missing_sink_end(shared: &mut Shared<'_>, toks: &[Tok]) {
    if super::known(shared, toks) {
        return;
    }
    let end = toks[toks.len() - 1].span(shared.file).after();
    let name = toks.get(1).map_or("", |t| t.text(shared.text));
    shared.diagnostics.push(
        Diagnostic::new(UNEXPECTED_TOKEN, end, format!("the sink `{name}` has no `->`"))
            .at("expected `->` and where the rows go")
            .label(toks[0].span(shared.file), "this sink")
            .with_fix("print the rows", end, " -> stdout()", Applicability::HasPlaceholders),
    );
}
