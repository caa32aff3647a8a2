//! Which places of the script are shown together: labels are clamped to one line of their file,
//! kept from lying over each other, and gathered into groups of near lines.

use flow_syntax::{FileId, Label, SourceFile, SourceMap, Span, lines};

/// A place on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) start: usize,
    pub(super) end: usize,
    /// 1-based.
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) primary: bool,
}

/// Marks that are near enough for one picture, in the order of the text.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) file: FileId,
    pub(super) marks: Vec<Mark>,
}

/// Lines between two marks that are still shown rather than making two pictures.
const NEAR: usize = 4;

/// The groups: the one with the mistake first, then those with the other places.
pub(super) fn groups(primary: &Label, labels: &[Label], sources: &SourceMap) -> Vec<Group> {
    let mut all: Vec<(FileId, Mark)> = Vec::new();
    let labels = std::iter::once((primary, true)).chain(labels.iter().map(|l| (l, false)));
    for (label, primary) in labels {
        if label.span.file.0 as usize >= sources.files().count() {
            continue;
        }
        let mark = mark(label.span, &label.text, primary, sources.file(label.span.file));
        match all
            .iter_mut()
            .find(|(file, m)| *file == label.span.file && m.start == mark.start && m.end == mark.end)
        {
            Some((_, same)) => join_texts(&mut same.text, &mark.text),
            None => all.push((label.span.file, mark)),
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut files: Vec<FileId> = all.iter().map(|(file, _)| *file).collect();
    files.dedup();
    files.sort_unstable();
    files.dedup();
    for file in files {
        let mut marks: Vec<Mark> = all.iter().filter(|(f, _)| *f == file).map(|(_, m)| m.clone()).collect();
        marks.sort_by_key(|m| (m.line, m.start));
        for mark in marks {
            match groups.last_mut() {
                Some(g) if g.file == file && g.marks.last().is_some_and(|m| mark.line - m.line <= NEAR) => {
                    g.marks.push(mark);
                }
                _ => groups.push(Group { file, marks: vec![mark] }),
            }
        }
    }
    groups.sort_by_key(|g| !g.marks.iter().any(|m| m.primary));
    for group in &mut groups {
        let text = &sources.file(group.file).text;
        group.marks = apart(std::mem::take(&mut group.marks), text);
    }
    groups
}

fn join_texts(into: &mut String, text: &str) {
    if !text.is_empty() && into != text {
        if !into.is_empty() {
            into.push_str("; ");
        }
        into.push_str(text);
    }
}

/// Clamps a span to the text and to the line it begins in. What is missing at the end of the file is
/// shown behind the last word, not in the void.
fn mark(span: Span, label: &str, primary: bool, file: &SourceFile) -> Mark {
    let text = &file.text;
    let border = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let mut start = border(span.start as usize);
    let mut end = border(span.end as usize).max(start);
    let content = text.trim_end().len();
    if start >= content {
        (start, end) = (content, content);
    }
    let line_end = lines::end(text, start);
    if end > line_end {
        end = start + text[start..line_end].trim_end().len();
    }
    Mark { start, end, line: file.line_at(start), text: label.to_string(), primary }
}

/// Cuts marks that overlap: the shorter keeps its place, the longer shows where the shorter is not.
fn apart(mut marks: Vec<Mark>, text: &str) -> Vec<Mark> {
    marks.sort_by_key(|m| m.end - m.start);
    let mut placed: Vec<Mark> = Vec::new();
    for mut mark in marks {
        match free_piece(&mark, &placed, text) {
            Some((start, end)) => {
                (mark.start, mark.end) = (start, end);
                placed.push(mark);
            }
            None => {
                if let Some(under) = placed.iter_mut().find(|p| p.start < mark.end && mark.start < p.end) {
                    join_texts(&mut under.text, &mark.text);
                    under.primary |= mark.primary;
                }
            }
        }
    }
    placed.sort_by_key(|m| (m.line, m.start, m.end));
    placed
}

/// The longest piece of a mark that no placed mark covers.
fn free_piece(mark: &Mark, placed: &[Mark], text: &str) -> Option<(usize, usize)> {
    if mark.start == mark.end {
        return Some((mark.start, mark.end));
    }
    let mut covering: Vec<_> = placed.iter().filter(|p| p.start < mark.end && mark.start < p.end).collect();
    covering.sort_by_key(|p| p.start);
    let mut pieces = Vec::new();
    let mut at = mark.start;
    for p in covering {
        pieces.push((at, p.start.max(at)));
        at = at.max(p.end);
    }
    pieces.push((at, mark.end.max(at)));
    let trimmed = pieces.into_iter().map(|(start, end)| {
        let piece = &text[start..end];
        let lead = piece.len() - piece.trim_start().len();
        (start + lead, start + lead + piece.trim().len())
    });
    let longest = trimmed.fold(None, |best: Option<(usize, usize)>, piece| match best {
        Some(best) if best.1 - best.0 >= piece.1 - piece.0 => Some(best),
        _ => Some(piece),
    });
    longest.filter(|(start, end)| end > start)
}
