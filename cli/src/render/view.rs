//! The lines of a file that one picture shows, made fit for a terminal: tabs are blanks, control
//! characters are visible, and lines wider than the screen are cut around what is marked.

use super::marks::Mark;
use super::text::{char_columns, columns, is_plain, visible, visible_char, wrap};
use flow_syntax::SourceFile;
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

const TAB: usize = 4;

/// Shown lines with the places of the marks in them.
#[derive(Debug)]
pub(super) struct View {
    name: String,
    text: String,
    /// 0-based number of the first shown line.
    first: usize,
    lines: usize,
    /// Offset in `text` and real 0-based line and column of each mark.
    places: Vec<(usize, usize, usize)>,
    /// Byte ranges of the marks in `text`, in their order.
    pub(super) ranges: Vec<(usize, usize)>,
    /// Columns left of each mark's middle.
    pub(super) middles: Vec<usize>,
}

impl View {
    /// Lines `first..=last` (1-based) of a file, `room` columns wide.
    pub(super) fn new(file: &SourceFile, first: usize, last: usize, marks: &[Mark], room: usize) -> View {
        let mut view = View {
            name: visible(&file.name),
            text: String::new(),
            first: first - 1,
            lines: 0,
            places: vec![(0, 0, 0); marks.len()],
            ranges: vec![(0, 0); marks.len()],
            middles: vec![0; marks.len()],
        };
        for number in first..=last {
            view.add_line(number, file.line(number), file.line_start(number), marks, room);
        }
        view
    }

    fn add_line(&mut self, number: usize, line: &str, offset: usize, marks: &[Mark], room: usize) {
        let here: Vec<usize> = (0..marks.len()).filter(|&i| marks[i].line == number).collect();
        if here.is_empty() && line.len() <= room && is_plain(line) {
            self.text.push_str(line);
            return self.end_line();
        }
        // What tells the encoding of a text is not shown, and no column of it.
        let unshown =
            if number == 1 && line.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let cells = cells(line, unshown);
        let width = cells.last().map_or(0, |c| c.column + c.columns);
        let anchor = here.iter().find(|&&i| marks[i].primary).or(here.first());
        let shift = shift(&cells, here.iter().map(|&i| &marks[i]), offset, width, room);
        let window = match anchor {
            _ if shift > 0 => (shift, shift + room.saturating_sub(2)),
            _ if width <= room => (0, usize::MAX),
            Some(&i) => window(&cells, marks[i].start - offset, marks[i].end - offset, width, room),
            None => (0, room.saturating_sub(1)),
        };
        if window.0 > 0 {
            self.text.push('…');
        }
        // Where each byte of the line is shown: for the marks.
        let mut shown = vec![(0, 0); line.len() + 1];
        let mut column = usize::from(window.0 > 0);
        for cell in &cells {
            let inside = cell.column >= window.0 && cell.column + cell.columns <= window.1;
            shown[cell.byte] = (self.text.len(), column);
            if inside {
                match cell.shown {
                    '\t' => self.text.extend(std::iter::repeat_n(' ', cell.columns)),
                    c => self.text.push(c),
                }
                column += cell.columns;
            }
        }
        shown[line.len()] = (self.text.len(), column);
        if width > window.1 {
            self.text.push('…');
        }
        for i in here {
            let mark = &marks[i];
            let (start, start_column) = shown[(mark.start - offset).min(line.len())];
            let (end, end_column) = shown[(mark.end - offset).min(line.len())];
            self.ranges[i] = (start, end.max(start));
            self.middles[i] = (start_column + end_column.max(start_column + 1)) / 2;
            let before = line.get(unshown..mark.start - offset);
            let real_column = before.map_or(0, |before| before.chars().count());
            self.places[i] = (start, number - 1, real_column);
        }
        self.end_line();
    }

    fn end_line(&mut self) {
        self.text.push('\n');
        self.lines += 1;
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

struct Cell {
    byte: usize,
    column: usize,
    columns: usize,
    shown: char,
}

/// The characters of a line from a byte on.
fn cells(line: &str, from: usize) -> Vec<Cell> {
    let mut column = 0;
    let mut cells = Vec::with_capacity(line.len());
    for (byte, c) in line.char_indices().skip_while(|(byte, _)| *byte < from) {
        let (shown, columns) = match c {
            '\t' => ('\t', TAB - column % TAB),
            c => {
                let c = visible_char(c);
                (c, char_columns(c))
            }
        };
        cells.push(Cell { byte, column, columns, shown });
        column += columns;
    }
    cells
}

/// Columns a label gets at least, if it has so many words.
const LABEL: usize = 28;

/// How many columns at the left are cut so that the labels at the right have room. What is marked
/// stays in sight.
fn shift<'m>(
    cells: &[Cell],
    marks: impl Iterator<Item = &'m Mark>,
    offset: usize,
    width: usize,
    room: usize,
) -> usize {
    let column_at = |byte: usize| cells.iter().find(|c| c.byte >= byte).map_or(width, |c| c.column);
    let (mut wanted, mut first) = (0, usize::MAX);
    for mark in marks {
        let (start, end) = (column_at(mark.start - offset), column_at(mark.end - offset));
        first = first.min(start);
        if !mark.text.is_empty() {
            let label = wrap(&mark.text, LABEL).iter().map(|line| columns(line)).max().unwrap_or(0);
            wanted = wanted.max((start + end.max(start + 1)) / 2 + 5 + label);
        }
    }
    // The ellipsis takes a column.
    if wanted <= room { 0 } else { (wanted - room + 1).min(first.saturating_sub(1)) }
}

/// The columns of a wide line that are shown: the marked part with what stands around it.
fn window(cells: &[Cell], start: usize, end: usize, width: usize, room: usize) -> (usize, usize) {
    let column_at = |byte: usize| cells.iter().find(|c| c.byte >= byte).map_or(width, |c| c.column);
    let (from, to) = (column_at(start), column_at(end));
    // Both ends may need an ellipsis.
    let room = room.saturating_sub(2).max(8);
    if to <= room {
        return (0, room);
    }
    let marked = (to - from).min(room);
    let before = ((room - marked) / 2).min(room / 3);
    let left = from.saturating_sub(before).min(width.saturating_sub(room));
    (left, left + room)
}

impl SourceCode for View {
    // The whole view is one picture: whatever is asked for, all of it is the answer.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let whole = SourceSpan::from((0, self.text.len()));
        let (mut line, mut column) = (self.first, 0);
        // Without context it is the heading that asks: it wants the real line and column.
        if before == 0
            && let Some(place) = self.places.iter().find(|(start, ..)| *start == span.offset())
        {
            (line, column) = (place.1, place.2);
        }
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            self.text.as_bytes(),
            whole,
            line,
            column,
            self.lines,
        )))
    }
}
