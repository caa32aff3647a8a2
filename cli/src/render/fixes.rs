//! A fix in words and, where words do not say it all, the mended lines of the script.

use super::Look;
use super::text::{self, Paint};
use flow_syntax::{Edit, Fix, SourceMap, lines};
use std::fmt::Write as _;

/// Mended lines that are shown at most.
const LINES: usize = 8;

/// The fix under its `help:`.
pub(super) fn draw(fix: &Fix, help: Option<&str>, sources: &SourceMap, look: Look) -> String {
    let paint = Paint { color: look.color };
    let mut out = String::new();
    // "did you mean `price`?" needs no "write `price`" below it.
    let told = |edit: &Edit| {
        help.is_some_and(|h| h.contains("did you mean") && h.contains(&format!("`{}`", edit.replacement)))
    };
    if said_in_words(fix) && fix.edits.iter().all(told) {
        return out;
    }
    if help != Some(fix.title.as_str()) {
        text::hanging(&mut out, &paint.cyan("  help: "), 8, &fix.title, look.width);
    }
    if !said_in_words(fix) {
        out.push_str(&mended(&fix.edits, sources, look));
    }
    out
}

/// "write `price`" with the one replacement `price` needs no picture.
fn said_in_words(fix: &Fix) -> bool {
    match fix.edits.as_slice() {
        [] => true,
        [edit] => {
            let new = edit.replacement.trim();
            let inserted = edit.span.start == edit.span.end;
            !new.is_empty() && !inserted && fix.title.contains(&format!("`{new}`"))
        }
        _ => false,
    }
}

/// The lines the edits touch, as they are afterwards, with `+` under what is new.
fn mended(edits: &[Edit], sources: &SourceMap, look: Look) -> String {
    let Some(file) = edits.first().map(|e| e.span.file) else { return String::new() };
    let source = &sources.file(file).text;
    let mut edits: Vec<&Edit> = edits.iter().filter(|e| e.span.file == file).collect();
    edits.sort_by_key(|e| (e.span.start, e.span.end));
    let (Some(low), Some(high)) =
        (edits.first().map(|e| e.span.start as usize), edits.iter().map(|e| e.span.end as usize).max())
    else {
        return String::new();
    };
    if high > source.len() || !edits.iter().all(|e| source.get(e.span.range()).is_some()) {
        return String::new();
    }
    let begin = lines::start(source, low);
    let end = lines::end(source, high);
    // The new text with a flag for each byte: is it new?
    let (mut new, mut fresh, mut at) = (String::new(), Vec::new(), begin);
    for edit in edits {
        let start = (edit.span.start as usize).max(at);
        new.push_str(&source[at..start]);
        fresh.resize(new.len(), false);
        new.push_str(&edit.replacement);
        fresh.resize(new.len(), true);
        at = (edit.span.end as usize).max(start);
    }
    new.push_str(&source[at..end]);
    fresh.resize(new.len() + 1, false);
    numbered(&new, &fresh, sources.file(file).line_at(begin), look)
}

fn numbered(new: &str, fresh: &[bool], first_line: usize, look: Look) -> String {
    let paint = Paint { color: look.color };
    let starts: Vec<usize> = lines::starts(new).collect();
    let digits = (first_line + starts.len() - 1).to_string().len();
    let (bar, dot, more) = if look.unicode { ('│', '·', "…") } else { ('|', '|', "...") };
    let room = look.width.saturating_sub(digits + 4).max(16);
    let (mut out, mut shown) = (String::new(), 0);
    for (i, start) in starts.iter().enumerate() {
        let end = lines::end(new, *start);
        let (line, flags) = (&new[*start..end], &fresh[*start..end]);
        // Of many lines only those that change are worth showing.
        if starts.len() > 3 && !flags.contains(&true) {
            continue;
        }
        if shown == LINES {
            let _ = writeln!(out, " {:digits$} {}", "", paint.dim(more));
            break;
        }
        shown += 1;
        let (text, marks) = plus_marks(line, flags, room);
        let number = paint.dim(&format!("{:>digits$}", first_line + i));
        let _ = writeln!(out, " {number} {bar} {text}");
        if marks.contains('+') {
            let _ = writeln!(out, " {:digits$} {dot} {}", "", paint.green(&marks));
        }
    }
    out
}

/// A line fit for the terminal and what stands under it.
fn plus_marks(line: &str, flags: &[bool], room: usize) -> (String, String) {
    let (mut text, mut marks, mut column) = (String::new(), String::new(), 0);
    // A line that is cut needs a column for its ellipsis.
    let room = if text::columns(line) > room { room - 1 } else { room };
    for (byte, c) in line.char_indices() {
        let (shown, columns) = match c {
            '\t' => (' ', 4 - column % 4),
            c => {
                let c = text::visible_char(c);
                (c, text::char_columns(c))
            }
        };
        if column + columns > room {
            text.push('…');
            break;
        }
        text.push(shown);
        if c == '\t' {
            text.extend(std::iter::repeat_n(' ', columns - 1));
        }
        let mark = if flags[byte] { '+' } else { ' ' };
        marks.extend(std::iter::repeat_n(mark, columns));
        column += columns;
    }
    (text, marks.trim_end().to_string())
}
