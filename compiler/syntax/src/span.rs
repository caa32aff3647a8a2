//! Where something stands in the text of a script.

use crate::lines;

/// Index of a source file in a [`SourceMap`]; 0 is the script given on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u16);

/// A half-open range of byte offsets in one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file the offsets belong to.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// A span of `start..end` in `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        Span { file, start: start as u32, end: end.max(start) as u32 }
    }

    /// The smallest span that covers both; `self`'s file wins when they differ.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The empty span at this span's end: where something is missing.
    pub fn after(self) -> Span {
        Span { start: self.end, ..self }
    }

    /// The empty span at this span's start.
    pub fn before(self) -> Span {
        Span { end: self.start, ..self }
    }

    /// The byte range, for slicing the text.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Does the span hold the offset (its end included, so that a cursor behind a word is in it)?
    pub fn touches(self, offset: usize) -> bool {
        self.start as usize <= offset && offset <= self.end as usize
    }
}

/// One source text and the name people know it by.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path as the user wrote it, or `<stdin>`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// What tells the file from all others, where its name does not: links may lead to one file.
    pub identity: Option<std::path::PathBuf>,
    /// Where each line begins. Reports look up lines by the hundred: none of them may read the whole text.
    starts: Vec<u32>,
}

impl SourceFile {
    fn new(name: String, text: String) -> SourceFile {
        let starts = lines::starts(&text).map(|at| at as u32).collect();
        SourceFile { name, text, identity: None, starts }
    }

    /// Number of lines; nothing behind the last line end is no line.
    pub fn lines(&self) -> usize {
        let open = self.starts.last().is_some_and(|&last| (last as usize) < self.text.len());
        self.starts.len() - usize::from(!open)
    }

    /// The 1-based number of the line an offset lies in.
    pub fn line_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start as usize <= offset)
    }

    /// Where a line (1-based) begins; behind the text if there is no such line.
    pub fn line_start(&self, line: usize) -> usize {
        self.starts.get(line.saturating_sub(1)).map_or(self.text.len(), |&start| start as usize)
    }

    /// The text of a line (1-based) without its line end; empty if there is no such line.
    pub fn line(&self, line: usize) -> &str {
        self.text[self.line_start(line)..self.line_start(line + 1)].trim_end_matches(['\n', '\r'])
    }
}

/// All files of one compilation: the script and what it imports.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file and returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.files.push(SourceFile::new(name.into(), text.into()));
        FileId((self.files.len() - 1) as u16)
    }

    /// Says what tells a file from all others.
    pub fn identify(&mut self, id: FileId, identity: std::path::PathBuf) {
        self.files[id.0 as usize].identity = Some(identity);
    }

    /// The file of an id made by this map.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// All files in the order they were added.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(i, f)| (FileId(i as u16), f))
    }

    /// The text a span covers (clamped to the file and to character borders).
    pub fn text(&self, span: Span) -> &str {
        let text = &self.file(span.file).text;
        let clamp = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        &text[clamp(span.start as usize)..clamp(span.end as usize)]
    }

    /// 1-based line and column (in characters) of an offset.
    pub fn line_col(&self, file: FileId, offset: u32) -> (usize, usize) {
        let file = self.file(file);
        let mut at = (offset as usize).min(file.text.len());
        while !file.text.is_char_boundary(at) {
            at -= 1;
        }
        let line = file.line_at(at);
        let before = &file.text[file.line_start(line)..at];
        // What tells the encoding is no character of the text: no editor counts it.
        let mark = usize::from(line == 1 && before.starts_with('\u{feff}'));
        (line, before.chars().count() + 1 - mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_as_the_text_divides_them() {
        for text in ["", "\n", "a", "a\n", "a\n\nbc\r\n", "ä\n\u{1F600}x\ny", "a\rb\r", "\r\n\r\rb"] {
            // The same with line ends of one kind, each of whose offsets is that of the text.
            let plain = text.replace("\r\n", " \n").replace('\r', "\n");
            let mut map = SourceMap::default();
            let id = map.add("x", text);
            let file = map.file(id);
            assert_eq!(file.lines(), plain.lines().count(), "{text:?}");
            for (i, line) in plain.lines().enumerate() {
                assert_eq!(file.line(i + 1), line.trim_end(), "{text:?}");
            }
            assert_eq!(file.line(file.lines() + 2), "", "{text:?}");
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let before = &plain[..at];
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                assert_eq!(map.line_col(id, at as u32), (line, column), "{text:?} at {at}");
                assert_eq!(file.line_at(at), line, "{text:?} at {at}");
            }
        }
    }
}
