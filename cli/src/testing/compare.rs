//! Expected rows against received ones: which fit.

use super::connectors::Received;
use super::difference::Difference;
use flow_driver::testing::{Expect, ExpectedRow, Step, TestPlan, Wanted};
use flow_plan::display::typed_literal;
use flow_plan::{DataType, RecordType, Value};
use flow_syntax::Span;

/// Rows in order beyond so many pairs are compared place by place.
const COMPARED: usize = 1_000_000;

/// An expectation that does not hold.
pub(crate) struct Mismatch {
    /// The `expect`.
    pub(crate) span: Span,
    /// One sentence.
    pub(crate) message: String,
    /// Expected rows that did not come, and what came in their place.
    pub(crate) rows: Vec<(Span, String)>,
    /// `- ` expected and missing, `+ ` received and not expected: as people read it.
    pub(crate) diff: Vec<String>,
    /// The same, each row as a record of its own.
    pub(crate) records: Vec<String>,
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
    let difference = Difference::new(expect, received, &missing, &surplus);
    let (diff, records) = difference.rows();
    Some(Mismatch { span: expect.span, message, rows: difference.at_rows(), diff, records })
}

fn fits(expected: &ExpectedRow, row: &[Value]) -> bool {
    expected.fields.iter().all(|(column, wanted)| wanted.fits(&row[*column]))
}

/// The fewest rows that must go on either side so that the others fit in their order; place by place, where they are too many
/// to be laid beside each other.
fn in_order(expected: &[ExpectedRow], received: &[Vec<Value>]) -> (Vec<usize>, Vec<usize>) {
    let (wanted, came) = (expected.len(), received.len());
    if wanted * came > COMPARED {
        let fit: Vec<bool> = expected.iter().zip(received).map(|(row, came)| fits(row, came)).collect();
        let others = |count: usize| (0..count).filter(|at| !fit.get(*at).copied().unwrap_or(false)).collect();
        return (others(wanted), others(came));
    }
    // How many fit from here on.
    let mut most = vec![vec![0usize; came + 1]; wanted + 1];
    for row in (0..wanted).rev() {
        for at in (0..came).rev() {
            most[row][at] = match fits(&expected[row], &received[at]) {
                true => most[row + 1][at + 1] + 1,
                false => most[row + 1][at].max(most[row][at + 1]),
            };
        }
    }
    let (mut missing, mut surplus) = (Vec::new(), Vec::new());
    let (mut row, mut at) = (0, 0);
    while row < wanted && at < came {
        if fits(&expected[row], &received[at]) {
            (row, at) = (row + 1, at + 1);
        } else if most[row + 1][at] >= most[row][at + 1] {
            missing.push(row);
            row += 1;
        } else {
            surplus.push(at);
            at += 1;
        }
    }
    missing.extend(row..wanted);
    surplus.extend(at..came);
    (missing, surplus)
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

pub(super) fn text(row: &[Value], record: &RecordType) -> String {
    let fields = record
        .fields
        .iter()
        .zip(row)
        .map(|(f, value)| format!("{}: {}", f.name, typed_literal(value, &f.ty)));
    format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
}

pub(super) fn expected_text(row: &ExpectedRow, record: &RecordType) -> String {
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

pub(super) fn wanted_text(wanted: &Wanted, ty: &DataType) -> String {
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
        assert_eq!(found.diff, ["  a  b\n- 1  2\n+ 1  3"]);
        assert_eq!(found.rows[0].1, "came with `b: 3`");
        let found = mismatch(&expect(false, &[&[(0, 7)]]), &[]).unwrap();
        assert_eq!(found.diff, ["  a\n- 7"]);
    }

    #[test]
    fn order_counts_where_it_is_asked_for() {
        let rows = received(&[[1, 1], [2, 2]]);
        assert!(mismatch(&expect(true, &[&[(0, 1)], &[(0, 2)]]), &rows).is_none());
        assert!(mismatch(&expect(true, &[&[(0, 2)], &[(0, 1)]]), &rows).is_some());
        assert!(mismatch(&expect(false, &[&[(0, 2)], &[(0, 1)]]), &rows).is_none());
    }
    #[test]
    fn in_order_only_the_rows_are_told_that_do_not_fit() {
        let rows = received(&[[1, 1], [9, 9], [3, 3], [4, 4]]);
        let found = mismatch(&expect(true, &[&[(0, 1)], &[(0, 2)], &[(0, 3)], &[(0, 4)]]), &rows).unwrap();
        assert_eq!(found.diff, ["  a\n- 2\n+ 9"]);
        let found = mismatch(&expect(true, &[&[(0, 1)], &[(0, 3)], &[(0, 4)]]), &rows).unwrap();
        assert_eq!(found.diff, ["  a  b\n+ 9  9"], "what came between them moves no other row");
        let found = mismatch(&expect(true, &[&[(0, 3)], &[(0, 1)]]), &rows[..3]).unwrap();
        assert!(found.rows.iter().any(|(_, said)| said == "came at another place"), "{:?}", found.rows);
    }

    #[test]
    fn each_expected_row_stands_beside_the_received_one_that_is_most_like_it() {
        let rows = received(&[[3, 5], [2, 8], [7, 7]]);
        let found = mismatch(&expect(false, &[&[(0, 2), (1, 9)], &[(0, 3), (1, 4)]]), &rows).unwrap();
        assert_eq!(found.diff, ["  a  b\n- 2  9\n+ 2  8\n- 3  4\n+ 3  5\n+ 7  7"]);
        let said: Vec<&str> = found.rows.iter().map(|(_, said)| said.as_str()).collect();
        assert_eq!(said, ["came with `b: 8`", "came with `b: 5`"]);
        // Nobody named `b`, and no other row came: one that is alone is meant.
        let found = mismatch(&expect(false, &[&[(0, 2)], &[(0, 4)]]), &rows[..2]).unwrap();
        assert_eq!(found.diff, ["  a\n- 4\n+ 3"]);
    }
}
