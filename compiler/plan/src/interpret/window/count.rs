//! Windows of rows: of each key the last `n` rows, given after every `m` of them, and at the end if rows
//! came since.

use super::picked::{Best, replacing};
use super::{Output, Record, Refused};
use crate::interpret::accumulators::{add_row, fresh, results};
use crate::interpret::sequence::{Item, Row, Stream};
use crate::operator::WindowKind;
use crate::physical::number::{Number, at_end};
use crate::physical::{Pick, WindowAggregate, Windowing};
use crate::types::RecordType;
use crate::value::Value;

/// A key's rows.
struct Group {
    key: Row,
    rows: Vec<Row>,
    /// Rows since a result was given.
    pending: u64,
    born: Number,
}

/// The groups of a window of rows, by their first rows.
struct Groups<'a> {
    keys: &'a [usize],
    n: u64,
    every: u64,
    groups: Vec<Group>,
}

impl Groups<'_> {
    fn new<'a>(keys: &'a [usize], windowing: &Windowing) -> Groups<'a> {
        let WindowKind::Count { n, every } = windowing.window.kind else { unreachable!("windows of rows") };
        // Without `every`, each window has rows of its own.
        Groups { keys, n, every: every.unwrap_or(n), groups: Vec::new() }
    }

    /// The group of a row, and its rows with this one.
    fn with(&mut self, row: &Row, number: Number) -> (usize, Vec<Row>) {
        let key: Row = self.keys.iter().map(|key| row[*key].clone()).collect();
        let known = self.groups.iter().position(|group| group.key == key);
        let group = known.unwrap_or_else(|| {
            self.groups.push(Group { key, rows: Vec::new(), pending: 0, born: number });
            self.groups.len() - 1
        });
        let mut rows = self.groups[group].rows.clone();
        rows.push(row.clone());
        if rows.len() as u64 > self.n {
            rows.remove(0);
        }
        (group, rows)
    }

    /// Keeps these rows; is a result due?
    fn keep(&mut self, group: usize, rows: Vec<Row>) -> bool {
        let group = &mut self.groups[group];
        group.rows = rows;
        group.pending += 1;
        group.pending == self.every
    }
}

/// The event time and watermark of a row.
fn hidden<'a>(windowing: &'a Windowing, row: &'a Row) -> impl Iterator<Item = Value> + 'a {
    [windowing.time, windowing.watermark].into_iter().flatten().map(|column| row[column].clone())
}

/// Aggregates over the last `n` rows.
pub(crate) fn sliding(node: &WindowAggregate, schema: &RecordType, input: &Stream, level: u32) -> Output {
    let mut groups = Groups::new(&node.keys, &node.windowing);
    let mut out = Output::default();
    let result = |key: &Row, rows: &[Row]| {
        let mut states = fresh(&node.calls, schema);
        rows.iter().try_for_each(|row| add_row(&node.calls, &mut states, row))?;
        let last = rows.last().into_iter().flat_map(|row| hidden(&node.windowing, row));
        let change = node.changes.then_some(Value::Int(1));
        let results = results(&node.calls, &states);
        Ok(key.iter().cloned().chain(results).chain(last).chain(change).collect::<Row>())
    };
    for item in input {
        let (group, rows) = groups.with(&item.row, item.number);
        match result(&groups.groups[group].key, &rows) {
            Ok(row) => {
                if groups.keep(group, rows) {
                    groups.groups[group].pending = 0;
                    out.rows.push(Item::made(item.number, row));
                }
            }
            Err(error) => {
                let record = Record::Input(item.row.clone());
                out.refused.push(Refused { number: item.number, error, record });
            }
        }
    }
    for group in groups.groups.iter().filter(|group| group.pending > 0) {
        if let Ok(row) = result(&group.key, &group.rows) {
            out.rows.push(Item::made(at_end(level, group.born), row));
        }
    }
    out
}

/// The best of `n` rows each.
pub(crate) fn picks(node: &Pick, windowing: &Windowing, input: &Stream, level: u32) -> Output {
    let mut groups = Groups::new(&node.keys, windowing);
    let mut out = Output::default();
    let give = |group: &Group, number: Number, out: &mut Output| {
        let mut best = Best::default();
        group.rows.iter().for_each(|row| best.add(node, row, 0));
        let last = group.rows.last().cloned().unwrap_or_default();
        let new = best.list(node, &[], |_| hidden(windowing, &last).collect());
        let replacing = replacing(node, windowing.time.is_some(), windowing.watermark.is_some());
        let rows = replacing.replace(&mut Vec::new(), new, crate::physical::hidden::NO_WATERMARK);
        out.rows.extend(crate::interpret::sequence::items(number, rows));
    };
    for item in input {
        let (group, rows) = groups.with(&item.row, item.number);
        if groups.keep(group, rows) {
            let window_is_new = groups.every == groups.n;
            let group = &mut groups.groups[group];
            give(group, item.number, &mut out);
            group.pending = 0;
            if window_is_new {
                group.rows.clear();
            }
        }
    }
    for group in groups.groups.iter().filter(|group| group.pending > 0) {
        give(group, at_end(level, group.born), &mut out);
    }
    out
}
