//! Statements of other languages around whole declarations: `if (debug) { sink … } else { sink … }`.
//!
//! They are told once and taken away before the brackets are counted, so that the declarations are read as they stand.

use crate::class::Tok;
use crate::codes::FOREIGN_WORD;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Label};
use crate::lines;
use crate::span::{FileId, Span};

/// The tokens without what stands around declarations; nothing if no such statement is there.
pub(crate) fn unwrap(
    file: FileId,
    text: &str,
    toks: &[Tok],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Vec<Tok>> {
    let words: Vec<usize> = (0..toks.len()).filter(|at| begins(text, toks[*at])).collect();
    if words.is_empty() {
        return None;
    }
    let closed = closed(toks);
    let mut gone: Vec<(usize, usize)> = Vec::new();
    for at in words {
        if gone.last().is_some_and(|(_, end)| at < *end) {
            continue;
        }
        let Some(parts) = around(toks, &closed, at) else { continue };
        tell(file, text, toks, &parts, diagnostics);
        gone.extend(parts);
    }
    if gone.is_empty() {
        return None;
    }
    let (mut kept, mut from) = (Vec::with_capacity(toks.len()), 0);
    for (start, end) in gone {
        kept.extend_from_slice(&toks[from..start]);
        from = end;
    }
    kept.extend_from_slice(&toks[from..]);
    Some(kept)
}

/// One diagnostic for each word, whatever the number of its places.
fn tell(file: FileId, text: &str, toks: &[Tok], parts: &[(usize, usize)], diagnostics: &mut Vec<Diagnostic>) {
    let at = parts[0].0;
    let word = toks[at].text(text);
    let head = toks[at].span(file).to(toks[parts[0].1 - 2].span(file));
    let edits = parts.iter().map(|(from, end)| {
        let span = toks[*from].span(file).to(toks[*end - 1].span(file));
        let blanks = text[span.end as usize..].len() - text[span.end as usize..].trim_start().len();
        Edit { span: Span { end: span.end + blanks as u32, ..span }, replacement: String::new() }
    });
    let message = format!("no `{word}` stands around declarations: all of them are there in every run");
    if let Some(known) = diagnostics.iter_mut().find(|d| d.message == message) {
        known.labels.push(Label { span: head, text: "here too".into() });
        return known.fixes[0].edits.extend(edits);
    }
    let mut diagnostic = Diagnostic::new(FOREIGN_WORD, head, message)
        .at("not needed")
        .help("whether rows pass is said by a stage: `bids |> filter(debug)`, with `param debug = false`");
    let applicability = Applicability::MaybeIncorrect;
    diagnostic.fixes.push(Fix { title: "remove it".into(), edits: edits.collect(), applicability });
    diagnostics.push(diagnostic);
}

/// For each opening bracket the one that closes it, by counting alone.
fn closed(toks: &[Tok]) -> Vec<Option<usize>> {
    let mut closed = vec![None; toks.len()];
    let mut opens = Vec::new();
    for (i, tok) in toks.iter().enumerate() {
        if tok.is_open() {
            opens.push(i);
        } else if tok.is_close()
            && let Some(open) = opens.pop()
        {
            closed[open] = Some(i);
        }
    }
    closed
}

/// Is it such a word, at the very start of a line?
fn begins(text: &str, tok: Tok) -> bool {
    let start = tok.start as usize;
    tok.starts_line
        && lines::begins(text, start)
        && matches!(tok.text(text), "if" | "for" | "foreach" | "while" | "unless" | "with" | "when")
}

/// The tokens of a statement that are not its declarations: its head with the `{`, each `} else {`, the last `}`.
fn around(toks: &[Tok], closed: &[Option<usize>], at: usize) -> Option<Vec<(usize, usize)>> {
    let class = |i: usize| toks.get(i).map_or(0, |t| t.class);
    let (mut parts, mut head) = (Vec::new(), at);
    loop {
        let open = (head + 1..toks.len()).find(|i| matches!(class(*i), b'{' | b'D' | b'|' | b'$'))?;
        // `if debug { sink x = …`.
        if class(open) != b'{' || class(open + 1) != b'D' || !toks.get(open + 2)?.is_name() {
            return None;
        }
        parts.push((head, open + 1));
        let close = closed[open]?;
        if class(close + 1) != b'E' {
            parts.push((close, close + 1));
            return Some(parts);
        }
        head = close;
    }
}

#[cfg(test)]
mod tests {
    use crate::{FileId, parse};

    #[test]
    fn statements_around_declarations_are_one_diagnostic_each_and_their_declarations_are_read() {
        let script = "if debug {\n  sink a = x -> stdout()\n} else if (b) {\n  sink c = x -> stdout()\n}\nfor i in y {\n sink d = x -> stdout()\n}\n";
        let (program, diagnostics) = parse(FileId(0), script);
        assert_eq!(diagnostics.len(), 2, "{diagnostics:#?}");
        assert_eq!(program.decls.len(), 3);
    }

    #[test]
    fn many_of_them_that_are_never_closed_take_no_time_worth_speaking_of() {
        let script = "if x { sink a = b\n".repeat(20_000);
        let (_, diagnostics) = parse(FileId(0), &script);
        assert!(!diagnostics.is_empty());
    }
}
