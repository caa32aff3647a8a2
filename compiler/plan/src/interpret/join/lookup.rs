//! Lookups: for each left row, the row of the table with its key; of several, the last.

use super::{Meet, Output, key_of};
use crate::eval::Evaluator;
use crate::interpret::sequence::{Item, Row, Stream};
use crate::operator::JoinKind;
use crate::physical::Lookup;
use crate::value::Value;

/// Runs a lookup.
pub(crate) fn lookup(node: &Lookup, left: &Stream, table: &Stream, evaluator: &mut Evaluator) -> Output {
    let mut meet = Meet { kind: node.kind, rest: node.rest.as_ref(), evaluator, failed: Vec::new() };
    let mut rows = Stream::new();
    for item in left {
        let key = key_of(&node.left_keys, &item.row);
        let of_key = |other: &&Item| key.is_some() && key_of(&node.right_keys, &other.row) == key;
        let found = table.iter().rev().find(of_key);
        let found =
            found.filter(|other| meet.holds(item.number, &item.row, &other.row)).map(|other| &other.row);
        let given = match node.kind {
            JoinKind::Inner | JoinKind::Semi => found.is_some(),
            JoinKind::Left => true,
            JoinKind::Anti => found.is_none(),
        };
        if given {
            let right =
                node.right_row.iter().map(|column| found.map_or(Value::Null, |row| row[*column].clone()));
            let of_left =
                |columns: &[usize]| columns.iter().map(|column| item.row[*column].clone()).collect::<Row>();
            let row = of_left(&node.left_row).into_iter().chain(right).chain(of_left(&node.behind)).collect();
            rows.push(item.with(row));
        }
    }
    Output { rows, failed: meet.failed }
}
