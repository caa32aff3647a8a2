//! A `flow-allow` speaks of a line, and formatting ends lines elsewhere. A comment that would speak of less than before goes
//! above the stage or the declaration that holds all it spoke of; the lines themselves are those of the script without it.

use super::once;
use crate::allow::{Allowing, allows};
use crate::lines;
use crate::token::TokenKind;
use std::ops::Range;

/// The formatted text, in which all that was allowed is allowed still.
pub(super) fn still(text: &str, formatted: String) -> String {
    let (mut text, mut formatted) = (std::borrow::Cow::Borrowed(text), formatted);
    // Each comment goes up twice at most: to its stage and to its declaration.
    for _ in 0..2 * text.matches("flow-allow ").count() {
        let Some(moved) = moved_up(&text, &formatted) else { break };
        let Ok(again) = once(&moved) else { break };
        (text, formatted) = (moved.into(), again);
    }
    formatted
}

/// The text with the first comment that speaks of less behind formatting put further up.
fn moved_up(text: &str, formatted: &str) -> Option<String> {
    let (before, after) = (Allowing::of(text)?, Allowing::of(formatted)?);
    let comments = |all: &Allowing<'_>, text: &str| -> Vec<usize> {
        let allow = all.comments().filter(|(_, token)| allows(&text[token.span.range()]).is_some());
        allow.map(|(number, _)| number).collect()
    };
    let pairs = comments(&before, text).into_iter().zip(comments(&after, formatted));
    pairs.into_iter().find_map(|(old, new)| {
        let spoken = before.allowed(old);
        let (was, is) = (tokens(&before, text, &spoken), tokens(&after, formatted, &after.allowed(new)));
        let kept = was.is_empty() || is.start <= was.start && was.end <= is.end;
        let (_, comment) = before.comments().find(|(number, _)| *number == old)?;
        if kept { None } else { moved(&before, text, comment.span.range(), &was) }
    })
}

/// Which of the tokens stand in a range. Commas are the formatter's.
fn tokens(all: &Allowing<'_>, text: &str, range: &Range<usize>) -> Range<usize> {
    let mut starts =
        all.code().filter(|token| &text[token.span.range()] != ",").map(|t| t.span.start as usize);
    let before = starts.by_ref().take_while(|start| *start < range.start).count();
    let code = all.code().filter(|token| &text[token.span.range()] != ",");
    let within = code.filter(|token| range.contains(&(token.span.start as usize))).count();
    before..before + within
}

/// The text with a comment above the smallest thing that holds these tokens, if it stands there not yet.
fn moved(all: &Allowing<'_>, text: &str, comment: Range<usize>, spoken: &Range<usize>) -> Option<String> {
    let first =
        all.code().filter(|token| &text[token.span.range()] != ",").nth(spoken.start)?.span.start as usize;
    let decl = all.decl(first)?.clone();
    let holds = |range: &Range<usize>| {
        let tokens = tokens(all, text, range);
        tokens.start <= spoken.start && spoken.end <= tokens.end
    };
    let place = all.stages(&decl).chain([decl.clone()]).find(holds)?.start;
    let place = above_documentation(all, text, place);
    let said = text[comment.clone()].trim_end();
    let line = lines::start(text, place);
    let begins_line = text[line..place].trim().is_empty();
    let new = format!("{}{said}\n", if begins_line { "" } else { "\n" });
    let gone = gone(text, comment);
    let mut out = String::with_capacity(text.len() + new.len());
    let mut pieces = [(place..place, new), (gone, String::new())];
    pieces.sort_by_key(|(range, _)| range.start);
    let mut from = 0;
    for (range, new) in pieces {
        out.push_str(text.get(from..range.start)?);
        out.push_str(&new);
        from = range.end;
    }
    out.push_str(&text[from..]);
    Some(out)
}

/// Documentation stands right above what it is of.
fn above_documentation(all: &Allowing<'_>, text: &str, place: usize) -> usize {
    let mut above = place;
    let before: Vec<_> = all.comments().filter(|(_, token)| token.span.end as usize <= place).collect();
    for (_, token) in before.into_iter().rev() {
        let documents = token.kind == TokenKind::DocComment;
        if !documents || !text[token.span.end as usize..above].trim().is_empty() {
            break;
        }
        above = token.span.start as usize;
    }
    above
}

/// A comment with the blanks before it, and with its line if that has nothing else.
fn gone(text: &str, comment: Range<usize>) -> Range<usize> {
    let start = text[..comment.start].trim_end_matches([' ', '\t']).len();
    let own_line = lines::begins(text, start);
    start..if own_line { lines::behind(text, comment.end) } else { comment.end }
}
