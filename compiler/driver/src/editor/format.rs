//! The one style, for a whole text or for the declarations that a range touches.

use flow_syntax::{Edit, FileId, Span, declarations};
use std::ops::Range;

/// The edits that bring a text into the one style; `None` where it does not parse. Only what changes is replaced, so that
/// an editor keeps its cursors.
pub fn format_edits(text: &str, range: Option<Range<usize>>) -> Option<Vec<Edit>> {
    let formatted = flow_syntax::format(text).ok()?;
    let edit = |old: Range<usize>, new: &str| Edit {
        span: Span::new(FileId(0), old.start, old.end),
        replacement: new.to_string(),
    };
    if formatted == text {
        return Some(Vec::new());
    }
    match range {
        None => {
            let (old, new) = differing(text, &formatted);
            Some(vec![edit(old, &formatted[new])])
        }
        Some(range) => {
            // The style never makes or removes a declaration.
            let pairs = declarations(text).into_iter().zip(declarations(&formatted));
            let pairs = pairs.map(|(old, new)| (old.range(), new.range()));
            let touched = pairs.filter(|(old, _)| old.start <= range.end && range.start <= old.end);
            let changed = touched.filter(|(old, new)| text[old.clone()] != formatted[new.clone()]);
            Some(changed.map(|(old, new)| edit(old, &formatted[new])).collect())
        }
    }
}

/// The middles of two texts, without what their beginnings and ends have in common.
fn differing(old: &str, new: &str) -> (Range<usize>, Range<usize>) {
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
