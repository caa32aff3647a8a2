//! A document of texts and possible line breaks, and how it becomes lines of at most 100 columns.
//! Knows nothing of the language.

use crate::lines;
use unicode_width::UnicodeWidthStr;

/// The widest line.
pub(super) const WIDTH: usize = 100;
/// Blanks of one level.
pub(super) const INDENT: usize = 2;

/// A piece of output.
#[derive(Debug)]
pub(super) enum Doc<'t> {
    Text(&'t str),
    /// A blank, or a line break in a broken group; `blank` keeps an empty line.
    Line {
        blank: bool,
    },
    /// Nothing, or a line break in a broken group.
    Soft,
    /// Always a line break.
    Hard {
        blank: bool,
    },
    /// Breaks all of its lines or none; `broken` if it must.
    Group {
        parts: Vec<Doc<'t>>,
        broken: bool,
    },
    /// One level deeper.
    Indent(Vec<Doc<'t>>),
    /// Only in a broken group.
    IfBroken(&'static str),
    Comment(Comment<'t>),
}

/// A comment of the script.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Comment<'t> {
    pub(super) text: &'t str,
    /// It stands on a line of its own rather than behind a token.
    pub(super) own_line: bool,
    /// An empty line stands before it.
    pub(super) blank: bool,
}

impl Comment<'_> {
    /// Must the line end behind it?
    pub(super) fn ends_line(&self) -> bool {
        self.own_line || self.text.starts_with("//")
    }

    /// Does it keep its group from standing on one line?
    pub(super) fn breaks(&self) -> bool {
        self.ends_line() || lines::count(self.text) > 0
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Flat,
    Broken,
}

/// Writes documents.
pub(super) struct Printer {
    out: String,
    column: usize,
    /// A comment ended the line, but the break is not written yet.
    line_ended: bool,
    /// Nothing but blanks on this line yet.
    fresh: bool,
}

type Command<'d, 't> = (usize, Mode, &'d Doc<'t>);

impl Printer {
    pub(super) fn new() -> Printer {
        Printer { out: String::new(), column: 0, line_ended: false, fresh: true }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Does the document fit on one line that begins at the column?
    pub(super) fn fits_flat(column: usize, parts: &[Doc<'_>]) -> bool {
        let commands = parts.iter().rev().map(|d| (0, Mode::Flat, d)).collect();
        fits(column, commands, &[])
    }

    /// Writes a document.
    pub(super) fn print(&mut self, parts: &[Doc<'_>]) {
        let mut stack: Vec<Command<'_, '_>> = parts.iter().rev().map(|d| (0, Mode::Broken, d)).collect();
        while let Some((indent, mode, doc)) = stack.pop() {
            match doc {
                Doc::Text(text) => self.text(text, indent),
                Doc::Line { .. } if mode == Mode::Flat => self.blank(),
                Doc::Line { blank } | Doc::Hard { blank } => self.newline(indent, *blank),
                Doc::Soft if mode == Mode::Broken => self.newline(indent, false),
                Doc::Soft => {}
                Doc::IfBroken(text) if mode == Mode::Broken => self.text(text, indent),
                Doc::IfBroken(_) => {}
                Doc::Comment(comment) => self.comment(*comment, indent),
                Doc::Indent(parts) => stack.extend(parts.iter().rev().map(|d| (indent + INDENT, mode, d))),
                Doc::Group { parts, broken } => {
                    let flat: Vec<Command<'_, '_>> =
                        parts.iter().rev().map(|d| (indent, Mode::Flat, d)).collect();
                    // Behind a comment that ends the line, the group will begin a new one.
                    let column = if self.line_ended { indent } else { self.column };
                    let mode = if !broken && fits(column, flat, &stack) { Mode::Flat } else { Mode::Broken };
                    stack.extend(parts.iter().rev().map(|d| (indent, mode, d)));
                }
            }
        }
    }

    fn text(&mut self, text: &str, indent: usize) {
        if text == " " && (self.line_ended || self.fresh || self.out.ends_with(' ')) {
            return;
        }
        if self.line_ended {
            self.newline(indent, false);
        }
        self.push(text);
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        match text.rfind('\n') {
            Some(at) => self.column = text[at + 1..].width(),
            None => self.column += text.width(),
        }
        self.fresh = false;
    }

    fn blank(&mut self) {
        if !self.fresh && !self.line_ended && !self.out.ends_with(' ') {
            self.push(" ");
        }
    }

    /// Ends the line; `blank` leaves an empty one.
    pub(super) fn newline(&mut self, indent: usize, blank: bool) {
        if self.fresh && !self.out.is_empty() && !blank {
            // A fresh line is there already: only the depth may differ.
            let kept = self.out.trim_end_matches(' ').len();
            self.out.truncate(kept);
        } else if !(self.out.is_empty() && self.fresh) {
            let kept = self.out.trim_end_matches(' ').len();
            self.out.truncate(kept);
            if !self.fresh {
                self.out.push('\n');
            }
            if blank && !self.out.ends_with("\n\n") {
                self.out.push('\n');
            }
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
        self.line_ended = false;
        self.fresh = true;
    }

    fn comment(&mut self, comment: Comment<'_>, indent: usize) {
        if comment.own_line || self.line_ended {
            if !self.fresh || self.line_ended || comment.blank {
                self.newline(indent, comment.blank);
            }
        } else if !self.fresh && !self.out.ends_with(' ') {
            self.push(" ");
        }
        self.push(comment.text.trim_end());
        if comment.ends_line() {
            self.line_ended = true;
        } else {
            self.push(" ");
        }
    }
}

/// Do the commands fit into the rest of the line, with what follows them up to the next break?
fn fits<'d, 't>(column: usize, mut commands: Vec<Command<'d, 't>>, rest: &[Command<'d, 't>]) -> bool {
    let mut column = column;
    let mut rest = rest.iter().rev();
    loop {
        let Some((_, mode, doc)) = commands.pop().or_else(|| rest.next().copied()) else { return true };
        match doc {
            Doc::Text(text) => column += text.width(),
            Doc::Line { .. } if mode == Mode::Flat => column += 1,
            Doc::Line { .. } | Doc::Hard { .. } => return true,
            Doc::Soft if mode == Mode::Broken => return true,
            Doc::Soft => {}
            Doc::IfBroken(text) if mode == Mode::Broken => column += text.width(),
            Doc::IfBroken(_) => {}
            Doc::Comment(comment) if comment.breaks() => return true,
            Doc::Comment(comment) => column += comment.text.width() + 2,
            Doc::Indent(parts) => commands.extend(parts.iter().rev().map(|d| (0, mode, d))),
            Doc::Group { parts, broken } => {
                let mode = if *broken { Mode::Broken } else { mode };
                // A group behind ours may still break: its first break ends the line.
                commands.extend(parts.iter().rev().map(|d| (0, mode, d)));
            }
        }
        if column > WIDTH {
            return false;
        }
    }
}
