//! Byte offsets and the positions of the protocol, which count UTF-16 units unless the client takes UTF-8.

use flow_syntax::{Span, lines};
use lsp_types::{Position, PositionEncodingKind, Range};

/// How the client counts columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    /// UTF-8 if the client takes it: nothing has to be counted then.
    pub(crate) fn of(offered: Option<&[PositionEncodingKind]>) -> Encoding {
        match offered {
            Some(kinds) if kinds.contains(&PositionEncodingKind::UTF8) => Encoding::Utf8,
            _ => Encoding::Utf16,
        }
    }

    /// How long a text is.
    fn length(self, text: &str) -> u32 {
        match self {
            _ if text.is_ascii() => text.len() as u32,
            Encoding::Utf8 => text.len() as u32,
            Encoding::Utf16 => text.chars().map(char::len_utf16).sum::<usize>() as u32,
        }
    }

    pub(crate) fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }
    }
}

/// A text with the beginnings of its lines.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Lines {
        Lines { starts: lines::starts(text).collect() }
    }

    /// The position of an offset; one inside of a character is that of the character.
    pub(crate) fn position(&self, text: &str, offset: usize, encoding: Encoding) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        Position::new(line as u32, encoding.length(&text[self.starts[line]..offset]))
    }

    /// The places of pieces of the text that do not overlap and come in order: each is counted from the one before.
    pub(crate) fn in_order<'t>(&'t self, text: &'t str, encoding: Encoding) -> InOrder<'t> {
        InOrder { lines: self, text, encoding, at: 0, place: Position::new(0, 0) }
    }

    pub(crate) fn range(&self, text: &str, span: Span, encoding: Encoding) -> Range {
        let at = |offset: u32| self.position(text, offset as usize, encoding);
        Range::new(at(span.start), at(span.end))
    }

    /// The offset of a position; one behind the end of its line, or of the text, is that end.
    pub(crate) fn offset(&self, text: &str, position: Position, encoding: Encoding) -> usize {
        let Some(&start) = self.starts.get(position.line as usize) else { return text.len() };
        let next = self.starts.get(position.line as usize + 1).copied();
        let line = &text[start..next.unwrap_or(text.len())];
        let line = if next.is_some() { line.trim_end_matches(['\n', '\r']) } else { line };
        let wanted = position.character as usize;
        let mut column = 0;
        for (at, c) in line.char_indices() {
            if column >= wanted {
                return start + at;
            }
            column += match encoding {
                Encoding::Utf8 => c.len_utf8(),
                Encoding::Utf16 => c.len_utf16(),
            };
        }
        start + line.len()
    }
}

/// Places that are asked for in order.
pub(crate) struct InOrder<'t> {
    lines: &'t Lines,
    text: &'t str,
    encoding: Encoding,
    /// The last one.
    at: usize,
    place: Position,
}

impl InOrder<'_> {
    /// The position of an offset that is at a character's border and not before the last one.
    pub(crate) fn position(&mut self, offset: usize) -> Position {
        let mut line = self.place.line as usize;
        while self.lines.starts.get(line + 1).is_some_and(|next| *next <= offset) {
            line += 1;
        }
        let from = if line == self.place.line as usize { self.at } else { self.lines.starts[line] };
        let column = if line == self.place.line as usize { self.place.character } else { 0 };
        self.at = offset;
        self.place = Position::new(line as u32, column + self.encoding.length(&self.text[from..offset]));
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_utf16_units_and_go_there_and_back() {
        let text = "a😀b\nzwei\r\n";
        let lines = Lines::new(text);
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for (offset, _) in text.char_indices().filter(|(_, c)| !matches!(c, '\n' | '\r')) {
                let position = lines.position(text, offset, encoding);
                assert_eq!(lines.offset(text, position, encoding), offset, "{encoding:?} {offset}");
            }
        }
        assert_eq!(lines.position(text, 5, Encoding::Utf16), Position::new(0, 3));
        assert_eq!(lines.position(text, 5, Encoding::Utf8), Position::new(0, 5));
    }

    #[test]
    fn lines_end_as_the_protocol_says() {
        let text = "a\rb\r\nc\n\rd\r";
        let lines = Lines::new(text);
        assert_eq!(lines.starts, [0, 2, 5, 7, 8, 10]);
        assert_eq!(lines.offset(text, Position::new(1, 9), Encoding::Utf8), 3);
        assert_eq!(lines.position(text, 8, Encoding::Utf8), Position::new(4, 0));
    }

    #[test]
    fn positions_that_are_asked_for_in_order_are_the_same() {
        let text = "a😀b\n\nzwei ümläute\r\n  x";
        let lines = Lines::new(text);
        for (encoding, step) in [Encoding::Utf8, Encoding::Utf16].into_iter().flat_map(|e| [(e, 1), (e, 3)]) {
            let mut places = lines.in_order(text, encoding);
            for (offset, _) in text.char_indices().step_by(step) {
                assert_eq!(places.position(offset), lines.position(text, offset, encoding), "{offset}");
            }
        }
    }

    #[test]
    fn positions_that_do_not_exist_are_the_nearest_that_do() {
        let text = "ab\r\ncd";
        let lines = Lines::new(text);
        assert_eq!(lines.offset(text, Position::new(0, 99), Encoding::Utf16), 2);
        let text = "ab\ncd";
        let lines = Lines::new(text);
        assert_eq!(lines.offset(text, Position::new(0, 99), Encoding::Utf16), 2);
        assert_eq!(lines.offset(text, Position::new(9, 0), Encoding::Utf16), 5);
        assert_eq!(lines.position(text, 99, Encoding::Utf8), Position::new(1, 2));
    }
}
