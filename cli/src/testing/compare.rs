//! Expected rows against received ones: which fit, and what the difference looks like.

use super::connectors::Received;
use flow_driver::testing::{Expect, ExpectedRow, Step, TestPlan, Wanted};
use flow_plan::display::typed_literal;
use flow_plan::{DataType, RecordType, Value};
use flow_syntax::Span;

/// Lines of a difference that are shown.
const SHOWN: usize = 20;

/// An expectation that does not hold.
pub(crate) struct Mismatch {
    /// The `expect`.
    pub(crate) span: Span,
    /// One sentence.
    pub(crate) message: String,
    /// Expected rows that did not come.
    pub(crate) rows: Vec<(Span, String)>,
    /// `- ` expected and missing, `+ ` received and not expected.
    pub(crate) diff: Vec<String>,
}

/// The expectations behind the last rows and times.
pub(super) fn at_the_end(plan: &TestPlan, received: &Received) -> Vec<Mismatch> {
    let last = plan.steps[plan.last_group..].iter();
    let expects = last.filter_map(|step| match step {
        Step::Expect(expect) => Some(expect),
        _ => None,
    });
    expects.filter_map(|expect| mismatch(expect, &received.rows(expect.target))).collect()
}

/// Compares; `None`: they fit.
pub(super) fn mismatch(expect: &Expect, received: &[Vec<Value>]) -> Option<Mismatch> {
    let (missing, surplus) = match expect.ordered {
        true => in_order(&expect.rows, received),
        false => in_any_order(&expect.rows, received),
    };
    if missing.is_empty() && surplus.is_empty() {
        return None;
    }
    let mut diff: Vec<String> = missing
        .iter()
        .map(|row| format!("- {}", expected_text(&expect.rows[*row], &expect.record)))
        .collect();
    diff.extend(surplus.iter().map(|row| format!("+ {}", text(&received[*row], &expect.record))));
    if diff.len() > SHOWN {
        let more = diff.len() - SHOWN;
        diff.truncate(SHOWN);
        diff.push(format!("… and {more} more"));
    }
    let counted = |n: usize| if n == 1 { "1 row".to_string() } else { format!("{n} rows") };
    let message = match (missing.len(), surplus.len()) {
        (0, n) => format!("`{}` received {} more than expected", expect.name, counted(n)),
        (n, 0) => format!(
            "`{}` did not receive {} that {} expected",
            expect.name,
            counted(n),
            if n == 1 { "is" } else { "are" }
        ),
        _ if expect.ordered => format!("`{}` received other rows, or in another order", expect.name),
        _ => format!("`{}` received other rows than expected", expect.name),
    };
    let rows = missing.iter().map(|row| (expect.rows[*row].span, "did not come".to_string())).collect();
    Some(Mismatch { span: expect.span, message, rows, diff })
}

fn fits(expected: &ExpectedRow, row: &[Value]) -> bool {
    expected.fields.iter().all(|(column, wanted)| wanted.fits(&row[*column]))
}

fn in_order(expected: &[ExpectedRow], received: &[Vec<Value>]) -> (Vec<usize>, Vec<usize>) {
    let first = expected.iter().zip(received).position(|(e, r)| !fits(e, r));
    match first {
        None => (
            (received.len().min(expected.len())..expected.len()).collect(),
            (expected.len().min(received.len())..received.len()).collect(),
        ),
        Some(first) => ((first..expected.len()).collect(), (first..received.len()).collect()),
    }
}

/// A largest matching of expected and received rows (Kuhn's augmenting paths): a partial row may fit several.
fn in_any_order(expected: &[ExpectedRow], received: &[Vec<Value>]) -> (Vec<usize>, Vec<usize>) {
    let mut partner: Vec<Option<usize>> = vec![None; received.len()];
    let mut missing = Vec::new();
    for index in 0..expected.len() {
        let mut seen = vec![false; received.len()];
        if !augment(index, expected, received, &mut seen, &mut partner) {
            missing.push(index);
        }
    }
    let surplus = (0..received.len()).filter(|row| partner[*row].is_none()).collect();
    (missing, surplus)
}

/// Finds a received row for an expected one; others may have to move. Without recursion: a path as long as
/// the rows are many must not overflow the stack.
fn augment(
    start: usize,
    expected: &[ExpectedRow],
    received: &[Vec<Value>],
    seen: &mut [bool],
    partner: &mut [Option<usize>],
) -> bool {
    // Each entry: an expected row, and the received row that led to it.
    let mut came: Vec<Option<usize>> = vec![None; received.len()];
    let mut open = vec![start];
    while let Some(index) = open.pop() {
        for row in 0..received.len() {
            if seen[row] || !fits(&expected[index], &received[row]) {
                continue;
            }
            seen[row] = true;
            came[row] = Some(index);
            match partner[row] {
                Some(other) => open.push(other),
                None => {
                    let mut free = Some(row);
                    while let Some(row) = free {
                        let index = came[row].unwrap_or(start);
                        free = partner.iter().position(|p| *p == Some(index));
                        if let Some(before) = free {
                            partner[before] = None;
                        }
                        partner[row] = Some(index);
                    }
                    return true;
                }
            }
        }
    }
    false
}

fn text(row: &[Value], record: &RecordType) -> String {
    let fields = record
        .fields
        .iter()
        .zip(row)
        .map(|(f, value)| format!("{}: {}", f.name, typed_literal(value, &f.ty)));
    format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
}

fn expected_text(row: &ExpectedRow, record: &RecordType) -> String {
    fields_text(&row.fields, record)
}

/// Fields as they were wanted, with `..` for others.
fn fields_text(wanted: &[(usize, Wanted)], record: &RecordType) -> String {
    let field = |(column, wanted): &(usize, Wanted)| {
        let field = &record.fields[*column];
        format!("{}: {}", field.name, wanted_text(wanted, &field.ty))
    };
    let mut fields: Vec<String> = wanted.iter().map(field).collect();
    if wanted.len() < record.fields.len() {
        fields.push("..".into());
    }
    format!("{{ {} }}", fields.join(", "))
}

fn wanted_text(wanted: &Wanted, ty: &DataType) -> String {
    match (wanted, ty.unwrapped()) {
        (Wanted::Some(fields), DataType::Record(record)) => fields_text(fields, record),
        (Wanted::Each(all), DataType::List(of)) => {
            let all: Vec<String> = all.iter().map(|wanted| wanted_text(wanted, of)).collect();
            format!("[{}]", all.join(", "))
        }
        (Wanted::Is(value), _) => typed_literal(value, ty),
        (Wanted::Some(_) | Wanted::Each(_), other) => {
            unreachable!("checked as a part of a record or list, not {other}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_plan::{DataType, Field};
    use std::sync::Arc;

    fn expect(ordered: bool, rows: &[&[(usize, i64)]]) -> Expect {
        let record = RecordType::new(vec![Field::new("a", DataType::Int), Field::new("b", DataType::Int)]);
        let row = |fields: &&[(usize, i64)]| ExpectedRow {
            fields: fields.iter().map(|(column, value)| (*column, Wanted::Is(Value::Int(*value)))).collect(),
            span: Span::default(),
        };
        let rows = rows.iter().map(row).collect();
        Expect { ordered, target: 0, name: "s".into(), record: Arc::new(record), rows, span: Span::default() }
    }

    fn received(rows: &[[i64; 2]]) -> Vec<Vec<Value>> {
        rows.iter().map(|row| row.iter().map(|value| Value::Int(*value)).collect()).collect()
    }

    #[test]
    fn a_partial_row_leaves_the_row_that_only_another_fits() {
        let expect = expect(false, &[&[(0, 1)], &[(0, 1), (1, 5)]]);
        assert!(mismatch(&expect, &received(&[[1, 5], [1, 6]])).is_none());
        assert!(mismatch(&expect, &received(&[[1, 6], [1, 5]])).is_none());
    }

    #[test]
    fn missing_and_surplus_rows_are_told() {
        let found = mismatch(&expect(false, &[&[(0, 1), (1, 2)]]), &received(&[[1, 3]])).unwrap();
        assert_eq!(found.diff, ["- { a: 1, b: 2 }", "+ { a: 1, b: 3 }"]);
        let found = mismatch(&expect(false, &[&[(0, 7)]]), &[]).unwrap();
        assert_eq!(found.diff, ["- { a: 7, .. }"]);
    }

    #[test]
    fn order_counts_where_it_is_asked_for() {
        let rows = received(&[[1, 1], [2, 2]]);
        assert!(mismatch(&expect(true, &[&[(0, 1)], &[(0, 2)]]), &rows).is_none());
        assert!(mismatch(&expect(true, &[&[(0, 2)], &[(0, 1)]]), &rows).is_some());
        assert!(mismatch(&expect(false, &[&[(0, 2)], &[(0, 1)]]), &rows).is_none());
    }
}
