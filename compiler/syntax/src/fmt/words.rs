//! The tokens of a script with the comments that belong to them.

use super::doc::Comment;
use crate::class::Tok;
use crate::lines;
use crate::token::Token;

/// A token, its comments, and how it stood in the text.
#[derive(Debug)]
pub(super) struct Word<'t> {
    pub(super) class: u8,
    pub(super) text: &'t str,
    /// Comments on lines of their own before it.
    pub(super) lead: Vec<Comment<'t>>,
    /// Comments behind it on its line.
    pub(super) trail: Vec<Comment<'t>>,
    /// The author began a line with it (or with its comments).
    pub(super) newline: bool,
    /// The author left an empty line before it.
    pub(super) blank: bool,
    /// Part of a written type: `<`, `>` and `?` are no operators.
    pub(super) in_type: bool,
    /// A `[` with the rows of a test's step.
    pub(super) rows: bool,
    /// Index of the bracket that belongs to this one.
    pub(super) partner: usize,
}

impl Word<'_> {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.class, b'(' | b'[' | b'{')
    }

    pub(super) fn is_close(&self) -> bool {
        matches!(self.class, b')' | b']' | b'}')
    }

    pub(super) fn is_name(&self) -> bool {
        self.class.is_ascii_lowercase()
    }

    /// Does an operand end with it?
    pub(super) fn ends_operand(&self) -> bool {
        self.is_name() || self.is_close() || matches!(self.class, b'0'..=b'3' | b'"' | b'D')
    }
}

/// Makes words of tokens; the last word is empty and holds the comments at the end of the file.
pub(super) fn words<'t>(text: &'t str, tokens: &[Token], toks: &[Tok]) -> Vec<Word<'t>> {
    let mut out: Vec<Word<'t>> = Vec::with_capacity(toks.len() + 1);
    let mut from = 0usize;
    let mut at = 0usize;
    for i in 0..=toks.len() {
        let (first, start) =
            toks.get(i).map_or((tokens.len(), text.len()), |t| (t.first as usize, t.start as usize));
        let mut lead = Vec::new();
        let mut newline = out.is_empty();
        let mut blank = false;
        for token in tokens[from..first].iter().filter(|t| t.is_comment()) {
            let span = token.span.range();
            let gap = lines::count(&text[at..span.start]);
            let own_line = gap > 0 || newline || !lead.is_empty();
            let comment = Comment { text: &text[span.clone()], own_line, blank: gap > 1 };
            match out.last_mut() {
                Some(last) if !own_line => last.trail.push(comment),
                _ => {
                    newline = true;
                    lead.push(comment);
                }
            }
            at = span.end;
        }
        let gap = lines::count(&text[at..start]);
        blank |= gap > 1;
        newline |= gap > 0;
        let (class, word) = toks.get(i).map_or((0, ""), |t| (t.class, t.text(text)));
        out.push(Word {
            class,
            text: word,
            lead,
            trail: Vec::new(),
            newline,
            blank,
            in_type: false,
            rows: false,
            partner: 0,
        });
        if let Some(tok) = toks.get(i) {
            (from, at) = (tok.last as usize, tok.end as usize);
        }
    }
    partners(&mut out);
    drop_last_commas(&mut out);
    no_blank_behind_openings(&mut out);
    out
}

/// No empty line stands right behind an opening bracket.
fn no_blank_behind_openings(words: &mut [Word<'_>]) {
    for i in 0..words.len() {
        if i > 0 && !words[i - 1].is_open() {
            continue;
        }
        match words[i].lead.first_mut() {
            Some(comment) => comment.blank = false,
            None => words[i].blank = false,
        }
    }
}

fn partners(words: &mut [Word<'_>]) {
    let mut opens = Vec::new();
    for i in 0..words.len() {
        if words[i].is_open() {
            opens.push(i);
        } else if words[i].is_close()
            && let Some(open) = opens.pop()
        {
            words[open].partner = i;
            words[i].partner = open;
        }
    }
}

/// Commas before a closing bracket are the printer's to decide; comments before a comma move behind it.
fn drop_last_commas(words: &mut Vec<Word<'_>>) {
    for i in 1..words.len() {
        if words[i].class != b',' {
            continue;
        }
        let mut moved = std::mem::take(&mut words[i - 1].trail);
        moved.append(&mut words[i].lead);
        moved.append(&mut words[i].trail);
        let mut own_line = false;
        for comment in &mut moved {
            own_line |= comment.own_line;
            comment.own_line = own_line;
            // A line comment ends its line, so what follows begins one.
            own_line |= comment.ends_line();
        }
        let last = words.get(i + 1).is_some_and(Word::is_close);
        if !last {
            words[i].trail = moved;
            continue;
        }
        let below = moved.iter().position(|c| c.own_line).unwrap_or(moved.len());
        let mut lead = moved.split_off(below);
        words[i - 1].trail = moved;
        lead.append(&mut words[i + 1].lead);
        words[i + 1].lead = lead;
    }
    let mut i = 0;
    let keep: Vec<bool> = (0..words.len())
        .map(|i| !(words[i].class == b',' && words.get(i + 1).is_some_and(Word::is_close)))
        .collect();
    words.retain(|_| {
        i += 1;
        keep[i - 1]
    });
    partners(words);
}
