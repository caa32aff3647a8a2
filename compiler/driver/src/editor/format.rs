//! The one style, for a whole text or for the declarations that a range touches.

use crate::Memories;
use flow_syntax::{Edit, FileId, Span, declarations};
use std::ops::Range;
use std::path::Path;

/// The edits that bring a text into the one style; `None` where it does not parse. Only what changes is replaced, so that
/// an editor keeps its cursors. What the memories know of the file at this path is not read again.
pub fn format_edits(text: &str, known: Option<(&Memories, &Path)>) -> Option<Vec<Edit>> {
    let memory = known.and_then(|(memories, path)| memories.of(path));
    let formatted = match memory {
        Some(memory) => flow_syntax::format_again(text, memory),
        None => flow_syntax::format(text),
    };
    let formatted = formatted.ok()?;
    if formatted == text {
        return Some(Vec::new());
    }
    let (old, new) = differing(text, &formatted);
    Some(vec![edit(old, &formatted[new])])
}

/// The same for the declarations that a range touches; the others may be wrong.
pub fn format_range(text: &str, range: Range<usize>) -> Option<Vec<Edit>> {
    let spans: Vec<Range<usize>> = declarations(text).into_iter().map(Span::range).collect();
    let touched = |span: &Range<usize>| span.start <= range.end && range.start <= span.end;
    let mut edits = Vec::new();
    for (n, span) in spans.iter().enumerate().filter(|(_, span)| touched(span)) {
        // With the comments around it, which may belong to it.
        let start = n.checked_sub(1).map_or(0, |before| spans[before].end);
        let end = spans.get(n + 1).map_or(text.len(), |next| next.start);
        let formatted = flow_syntax::format(text.get(start..end)?).ok()?;
        let [new] = declarations(&formatted)[..] else { return None };
        let new = &formatted[new.range()];
        if text[span.clone()] != *new {
            edits.push(edit(span.clone(), new));
        }
    }
    Some(edits)
}

fn edit(old: Range<usize>, new: &str) -> Edit {
    Edit { span: Span::new(FileId(0), old.start, old.end), replacement: new.to_string() }
}

/// The middles of two texts, without what their beginnings and ends have in common.
pub(super) fn differing(old: &str, new: &str) -> (Range<usize>, Range<usize>) {
    let mut start = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    while !old.is_char_boundary(start) || !new.is_char_boundary(start) {
        start -= 1;
    }
    let most = old.len().min(new.len()) - start;
    let mut end = old.bytes().rev().zip(new.bytes().rev()).take(most).take_while(|(a, b)| a == b).count();
    while !old.is_char_boundary(old.len() - end) || !new.is_char_boundary(new.len() - end) {
        end -= 1;
    }
    (start..old.len() - end, start..new.len() - end)
}
