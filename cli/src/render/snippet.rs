//! One picture: some lines of a script with marks under them, drawn by miette.

use super::Look;
use super::marks::{Group, Mark};
use super::text;
use super::view::View;
use flow_syntax::{Severity, SourceFile, SourceMap};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, ThemeCharacters, ThemeStyles};
use std::fmt;

/// Draws groups of marks, one picture under the other.
pub(super) fn draw_all(groups: &[Group], sources: &SourceMap, severity: Severity, look: Look) -> String {
    let mut out = String::new();
    for group in groups {
        for part in parts(group, sources, severity, look) {
            join(&mut out, &part, look);
        }
    }
    out
}

/// A group as one picture; where a narrow terminal has no room for the words of all, as one for the mistake and as many
/// as are needed for the other places.
fn parts(group: &Group, sources: &SourceMap, severity: Severity, look: Look) -> Vec<String> {
    let picture = draw(group, sources, severity, look);
    // No character takes more columns than bytes.
    let fits = |line: &str| look.color || line.len() <= look.width || text::columns(line) <= look.width;
    let (primary, others): (Vec<Mark>, Vec<Mark>) = group.marks.iter().cloned().partition(|m| m.primary);
    let halves = match (primary.is_empty(), others.is_empty()) {
        _ if group.marks.len() < 2 || picture.lines().all(fits) => return vec![picture],
        (false, false) => [&primary[..], &others[..]],
        _ => group.marks.split_at(group.marks.len() / 2).into(),
    };
    let halves = halves.map(|marks| Group { file: group.file, marks: marks.to_vec() });
    halves.iter().flat_map(|half| parts(half, sources, severity, look)).collect()
}

/// Two pictures whose frames stand in the same column become one with a second heading.
fn join(out: &mut String, picture: &str, look: Look) {
    let characters = characters(look);
    let frame = |line: &str, corner: char| line.find(corner).filter(|&at| line[..at].trim().is_empty());
    let above =
        out.trim_end().rfind('\n').map(|i| i + 1).and_then(|i| Some((i, frame(&out[i..], characters.lbot)?)));
    let below = frame(picture, characters.ltop);
    match (above, below) {
        (Some((line, bottom)), Some(top)) if bottom == top => {
            out.truncate(line);
            out.push_str(&picture[..top]);
            out.push(characters.lcross);
            out.push_str(&picture[top + characters.ltop.len_utf8()..]);
        }
        _ => out.push_str(picture),
    }
}

/// Draws a group of marks.
fn draw(group: &Group, sources: &SourceMap, severity: Severity, look: Look) -> String {
    let file = sources.file(group.file);
    let last_of_file = file.lines().max(1);
    let first = group.marks.iter().map(|m| m.line).min().unwrap_or(1).saturating_sub(1).max(1);
    let last = (group.marks.iter().map(|m| m.line).max().unwrap_or(1) + 1).min(last_of_file);
    let (first, last) = without_blank_ends(file, first, last, &group.marks);
    let gutter = last.to_string().len() + 4;
    let room = look.width.saturating_sub(gutter).max(16);
    let view = View::new(file, first, last, &group.marks, room);
    let labels = labels(&group.marks, &view, room);
    let picture = Picture { view, labels };
    let handler = GraphicalReportHandler::new_themed(theme(&group.marks, severity, look))
        .with_width(look.width.max(20))
        .with_context_lines(1)
        .with_wrap_lines(false)
        .with_urls(false)
        .without_cause_chain()
        .without_syntax_highlighting();
    let mut out = String::new();
    if handler.render_report(&mut out, &picture).is_err() {
        // Writing to a string cannot fail, and the view answers every span.
        return String::new();
    }
    // The first line is miette's heading; ours stands above already.
    out.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_string())
}

/// Blank context lines say nothing.
fn without_blank_ends(file: &SourceFile, first: usize, last: usize, marks: &[Mark]) -> (usize, usize) {
    let blank = |n: usize| file.line(n).trim().is_empty();
    let marked = |n: usize| marks.iter().any(|m| m.line == n);
    let first = if first < last && blank(first) && !marked(first) { first + 1 } else { first };
    let last = if last > first && blank(last) && !marked(last) { last - 1 } else { last };
    (first, last)
}

fn labels(marks: &[Mark], view: &View, room: usize) -> Vec<LabeledSpan> {
    let label = |(i, mark): (usize, &Mark)| {
        let (start, end) = view.ranges[i];
        let space = room.saturating_sub(view.middles[i] + 4).max(14);
        let words = text::wrap(&text::visible(&mark.text), space).join("\n");
        let words = (!words.is_empty()).then_some(words);
        if mark.primary {
            LabeledSpan::new_primary_with_span(words, (start, end - start))
        } else {
            LabeledSpan::new_with_span(words, (start, end - start))
        }
    };
    marks.iter().enumerate().map(label).collect()
}

/// The mistake is in the colour of its severity, other places in another.
fn theme(marks: &[Mark], severity: Severity, look: Look) -> GraphicalTheme {
    let characters = characters(look);
    let styles = if look.color {
        let mut styles = ThemeStyles::ansi();
        let main = match severity {
            Severity::Error => styles.error.bold(),
            Severity::Warning => styles.warning.bold(),
            Severity::Note => styles.advice.bold(),
        };
        let other = styles.advice;
        // miette hands its styles out in the order of the text.
        styles.highlights = marks.iter().map(|m| if m.primary { main } else { other }).collect();
        styles.link = styles.linum;
        styles
    } else {
        ThemeStyles::none()
    };
    GraphicalTheme { characters, styles }
}

fn characters(look: Look) -> ThemeCharacters {
    if look.unicode {
        return ThemeCharacters::unicode();
    }
    let mut characters = ThemeCharacters::ascii();
    characters.vbar_break = '|';
    characters.underbar = '^';
    characters
}

#[derive(Debug)]
struct Picture {
    view: View,
    labels: Vec<LabeledSpan>,
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("-")
    }
}

impl std::error::Error for Picture {}

impl miette::Diagnostic for Picture {
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.view)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
