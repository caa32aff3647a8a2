//! Words on a terminal: colours, wrapping, widths, and characters that must not reach it raw.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// ANSI colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// Colour at all?
    pub color: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// Errors and what is removed.
    pub fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Warnings.
    pub fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }

    /// Good news and what is added.
    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Help.
    pub fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }

    /// What matters.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What stands back.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("{n} {noun}") } else { format!("{n} {noun}s") }
}

/// Columns a text takes on a terminal.
pub(super) fn columns(text: &str) -> usize {
    if is_plain(text) { text.len() } else { text.width() }
}

/// Is it what nearly all text is, printable ASCII: visible as it stands, a column a byte?
pub(super) fn is_plain(text: &str) -> bool {
    // Without an early end, so that many bytes are looked at in one step.
    text.bytes().fold(true, |plain, b| plain & (0x20..0x7f).contains(&b))
}

/// Columns a character takes on a terminal.
pub(super) fn char_columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// A character that would move the cursor, hide text or turn its direction, made visible.
pub(super) fn visible_char(c: char) -> char {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {
            '\u{fffd}'
        }
        '\u{feff}' => '\u{fffd}',
        _ => c,
    }
}

/// A text for one paragraph, with what would disturb a terminal made visible; newlines stay.
pub(crate) fn visible(text: &str) -> String {
    if is_plain(text) {
        return text.to_string();
    }
    text.chars().map(|c| if c == '\n' { c } else { visible_char(c) }).collect()
}

/// Breaks a text at blanks into lines of at most `width` columns; words longer than that stay whole.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        // Blanks are kept, also several: notes hold small pieces of code, values of rows and tables of them.
        let indent = &paragraph[..paragraph.len() - paragraph.trim_start().len()];
        let mut line = indent.to_string();
        let mut empty = true;
        let mut taken = columns(indent);
        for word in paragraph[indent.len()..].split(' ') {
            let more = columns(word);
            if !empty && taken + 1 + more > width {
                lines.push(std::mem::replace(&mut line, indent.to_string()));
                empty = true;
                taken = columns(indent);
            }
            if !empty {
                line.push(' ');
                taken += 1;
            }
            line.push_str(word);
            taken += more;
            empty = false;
        }
        lines.push(line);
    }
    lines
}

/// Appends a wrapped text behind a lead, its other lines under the first.
pub(crate) fn hanging(out: &mut String, lead: &str, lead_columns: usize, text: &str, width: usize) {
    let room = width.saturating_sub(lead_columns).max(24);
    for (i, line) in wrap(&visible(text), room).iter().enumerate() {
        if i == 0 {
            out.push_str(lead);
        } else {
            out.extend(std::iter::repeat_n(' ', lead_columns));
        }
        out.push_str(line);
        out.push('\n');
    }
}

/// The same lines without blanks at their ends.
pub(super) fn without_trailing_blanks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
