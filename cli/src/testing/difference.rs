//! What is different between expected rows and received ones, for people: each expected row beside the received one that is
//! most like it, as a table where that fits.

use super::compare::{expected_text, text, wanted_text};
use flow_driver::testing::{Expect, ExpectedRow};
use flow_plan::Value;
use flow_plan::display::typed_literal;
use flow_syntax::Span;
use unicode_width::UnicodeWidthStr;

/// Rows of a difference that are shown.
const SHOWN: usize = 20;
/// The widest table, in columns of a terminal. Wider rows are shown as records.
const WIDEST: usize = 88;
/// Rows beyond so many pairs are not compared with each other.
const COMPARED: usize = 10_000;
/// The longest value that is named at the expected row.
const NAMED: usize = 40;

/// Expected and received rows that do not fit.
pub(super) struct Difference<'a> {
    expect: &'a Expect,
    received: &'a [Vec<Value>],
    /// Expected rows, each with the received one that it may have meant.
    missing: Vec<(usize, Option<usize>)>,
    /// Received rows that are like none of them.
    surplus: Vec<usize>,
}

impl<'a> Difference<'a> {
    pub(super) fn new(
        expect: &'a Expect,
        received: &'a [Vec<Value>],
        missing: &[usize],
        surplus: &[usize],
    ) -> Difference<'a> {
        let partners = alike(&expect.rows, received, missing, surplus);
        let partner = |row: &usize| partners.iter().find(|(of, _)| of == row).map(|(_, came)| *came);
        Difference {
            expect,
            received,
            missing: missing.iter().map(|row| (*row, partner(row))).collect(),
            surplus: surplus
                .iter()
                .copied()
                .filter(|row| partners.iter().all(|(_, came)| came != row))
                .collect(),
        }
    }

    /// What is said at each expected row.
    pub(super) fn at_rows(&self) -> Vec<(Span, String)> {
        let each = |(row, came): &(usize, Option<usize>)| {
            let row = &self.expect.rows[*row];
            let said = came
                .map_or_else(|| "did not come".to_string(), |came| self.came_with(row, &self.received[came]));
            (row.span, said)
        };
        self.missing.iter().map(each).collect()
    }

    /// What a received row has in the place of what is expected.
    fn came_with(&self, row: &ExpectedRow, came: &[Value]) -> String {
        let others = row.fields.iter().filter(|(column, wanted)| !wanted.fits(&came[*column]));
        let each = |(column, _): &(usize, _)| {
            let field = &self.expect.record.fields[*column];
            let value = typed_literal(&came[*column], &field.ty);
            match value.chars().count() {
                ..=NAMED => format!("`{}: {value}`", field.name),
                _ => format!("another `{}`", field.name),
            }
        };
        match others.map(each).collect::<Vec<_>>() {
            none if none.is_empty() => "came at another place".to_string(),
            others => format!("came with {}", others.join(", ")),
        }
    }

    /// `- ` expected and missing, `+ ` received and not expected: for people as one table where that fits, else row by row; and
    /// always row by row, for who reads them by program.
    pub(super) fn rows(&self) -> (Vec<String>, Vec<String>) {
        let mut lines: Vec<(char, usize)> = Vec::new();
        for (row, came) in &self.missing {
            lines.push(('-', *row));
            lines.extend(came.map(|came| ('+', came)));
        }
        lines.extend(self.surplus.iter().map(|row| ('+', *row)));
        let more = lines.len().saturating_sub(SHOWN);
        lines.truncate(SHOWN);
        let more = (more > 0).then(|| format!("… and {more} more"));
        let records = self.records(&lines);
        let shown = self.table(&lines).map_or_else(|| records.clone(), |table| vec![table]);
        let with_more = |rows: Vec<String>| rows.into_iter().chain(more.clone()).collect();
        (with_more(shown), with_more(records))
    }

    fn records(&self, lines: &[(char, usize)]) -> Vec<String> {
        let each = |(sign, row): &(char, usize)| match sign {
            '-' => format!("- {}", expected_text(&self.expect.rows[*row], &self.expect.record)),
            _ => format!("+ {}", text(&self.received[*row], &self.expect.record)),
        };
        lines.iter().map(each).collect()
    }

    /// A line per row under the names of the fields; of rows that are all like expected ones, only the fields which those name.
    fn table(&self, lines: &[(char, usize)]) -> Option<String> {
        let fields = &self.expect.record.fields;
        let named = |column: &usize| {
            let mut rows = self.missing.iter().map(|(row, _)| &self.expect.rows[*row]);
            !self.surplus.is_empty() || rows.any(|row| row.fields.iter().any(|(of, _)| of == column))
        };
        let columns: Vec<usize> = (0..fields.len()).filter(named).collect();
        let cell = |(sign, row): &(char, usize), column: usize| match sign {
            '-' => {
                let wanted = self.expect.rows[*row].fields.iter().find(|(of, _)| *of == column);
                wanted.map_or_else(|| "..".to_string(), |(_, wanted)| wanted_text(wanted, &fields[column].ty))
            }
            _ => typed_literal(&self.received[*row][column], &fields[column].ty),
        };
        let mut table: Vec<String> = vec![" ".to_string()];
        table.extend(lines.iter().map(|(sign, _)| sign.to_string()));
        let mut gap = 1;
        for column in columns {
            let cells: Vec<String> = std::iter::once(fields[column].name.to_string())
                .chain(lines.iter().map(|line| cell(line, column)))
                .collect();
            let end = table.iter().map(|line| line.width()).max().unwrap_or(0) + gap;
            for (line, cell) in table.iter_mut().zip(cells) {
                line.extend(std::iter::repeat_n(' ', end - line.width()));
                line.push_str(&cell);
            }
            gap = 2;
        }
        table.iter().all(|line| line.width() <= WIDEST).then(|| table.join("\n"))
    }
}

/// Pairs of an expected and a received row that have most in common; none where they have nothing, but if they are alone.
fn alike(
    expected: &[ExpectedRow],
    received: &[Vec<Value>],
    missing: &[usize],
    surplus: &[usize],
) -> Vec<(usize, usize)> {
    if let ([row], [came]) = (missing, surplus) {
        return vec![(*row, *came)];
    }
    if missing.len() * surplus.len() > COMPARED {
        return Vec::new();
    }
    let same = |row: usize, came: usize| {
        expected[row].fields.iter().filter(|(column, wanted)| wanted.fits(&received[came][*column])).count()
    };
    let both = missing.iter().flat_map(|row| surplus.iter().map(move |came| (*row, *came)));
    let mut both: Vec<(usize, (usize, usize))> =
        both.map(|(row, came)| (same(row, came), (row, came))).filter(|(same, _)| *same > 0).collect();
    both.sort_by_key(|(same, pair)| (std::cmp::Reverse(*same), *pair));
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (_, (row, came)) in both {
        if pairs.iter().all(|(one, other)| *one != row && *other != came) {
            pairs.push((row, came));
        }
    }
    pairs
}
