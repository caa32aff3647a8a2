//! Statements of other languages around whole declarations: `if (debug) { sink … } else { sink … }`.
//!
//! They are told once and taken away before the brackets are counted, so that the declarations are read as they stand.

use crate::class::Tok;
use crate::codes::FOREIGN_WORD;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::span::{FileId, Span};

/// The tokens without what stands around declarations; nothing if no such statement is there.
pub(crate) fn unwrap(
    file: FileId,
    text: &str,
    toks: &[Tok],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Vec<Tok>> {
    let mut gone: Vec<(usize, usize)> = Vec::new();
    for at in 0..toks.len() {
        let known = gone.last().is_some_and(|(_, end)| at < *end);
        if known || !begins(text, toks[at]) {
            continue;
        }
        let Some(parts) = around(toks, at) else { continue };
        let word = toks[at].text(text);
        let head = toks[at].span(file).to(toks[parts[0].1 - 2].span(file));
        let message = format!("no `{word}` stands around declarations: all of them are there in every run");
        let mut diagnostic = Diagnostic::new(FOREIGN_WORD, head, message).at("not needed").help(
            "whether rows pass is said by a stage: `bids |> filter(debug)`, with `param debug = false`",
        );
        let edit = |(from, end): &(usize, usize)| {
            let span = toks[*from].span(file).to(toks[*end - 1].span(file));
            let blanks = text[span.end as usize..].len() - text[span.end as usize..].trim_start().len();
            Edit { span: Span { end: span.end + blanks as u32, ..span }, replacement: String::new() }
        };
        diagnostic.fixes.push(Fix {
            title: "remove it".into(),
            edits: parts.iter().map(edit).collect(),
            applicability: Applicability::MaybeIncorrect,
        });
        diagnostics.push(diagnostic);
        gone.extend(parts);
    }
    let kept = |i: &usize| !gone.iter().any(|(from, end)| (*from..*end).contains(i));
    (!gone.is_empty()).then(|| (0..toks.len()).filter(kept).map(|i| toks[i]).collect())
}

/// Is it such a word, at the very start of a line?
fn begins(text: &str, tok: Tok) -> bool {
    let start = tok.start as usize;
    tok.starts_line
        && (start == 0 || text.as_bytes()[start - 1] == b'\n')
        && matches!(tok.text(text), "if" | "for" | "foreach" | "while" | "unless" | "with" | "when")
}

/// The tokens of a statement that are not its declarations: its head with the `{`, each `} else {`, the last `}`.
fn around(toks: &[Tok], at: usize) -> Option<Vec<(usize, usize)>> {
    let class = |i: usize| toks.get(i).map_or(0, |t| t.class);
    let (mut parts, mut head) = (Vec::new(), at);
    loop {
        let open = (head + 1..toks.len()).find(|i| matches!(class(*i), b'{' | b'D' | b'|' | b'$'))?;
        // `if debug { sink x = …`.
        if class(open) != b'{' || class(open + 1) != b'D' || !toks.get(open + 2)?.is_name() {
            return None;
        }
        parts.push((head, open + 1));
        let mut depth = 0i32;
        let close = (open..toks.len()).find(|i| {
            depth += i32::from(toks[*i].is_open()) - i32::from(toks[*i].is_close());
            depth == 0
        })?;
        if class(close + 1) != b'E' {
            parts.push((close, close + 1));
            return Some(parts);
        }
        head = close;
    }
}
