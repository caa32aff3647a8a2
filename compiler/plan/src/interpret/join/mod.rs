//! Joins, row by row: of each number the left rows first, then the right ones.

mod as_of;
mod lookup;
mod pairs;
mod windowed;

pub(super) use lookup::lookup;

use super::StepError;
use super::run_chain;
use super::sequence::{Item, Row, Stream};
use super::time::{Clock, Wall, moment};
use crate::eval::Evaluator;
use crate::operator::JoinKind;
use crate::order::identical;
use crate::physical::hidden::NO_WATERMARK;
use crate::physical::number::Number;
use crate::physical::{Chain, JoinSide, StreamBound, StreamJoin};
use crate::value::Value;

/// A further condition that failed for a pair.
pub(super) struct Failed {
    pub(super) number: Number,
    pub(super) error: StepError,
    /// The columns of both sides.
    pub(super) row: Row,
}

/// What a join gives.
#[derive(Default)]
pub(super) struct Output {
    pub(super) rows: Stream,
    pub(super) failed: Vec<Failed>,
}

/// Runs a join of two streams. `width`: how many columns the left side has. `placed`: the place of rows in their chunk says
/// which one came later.
pub(super) fn join(
    node: &StreamJoin,
    width: usize,
    [left, right]: [&Stream; 2],
    (clock, sides, wall, level, placed): (&Clock, [&Clock; 2], &Wall, u32, bool),
    evaluator: &mut Evaluator,
) -> Output {
    let meet = Meet { kind: node.kind, rest: node.rest.as_ref(), evaluator, failed: Vec::new() };
    let alike = [node.alike(width, 0), node.alike(width, 1)];
    let by_wall = wall.clock();
    let by_clock = matches!(&node.bound, StreamBound::Window(window) if window.processing_time);
    // Event time says nothing of windows of the wall clock.
    let clock = if by_clock { &by_wall } else { clock };
    let join =
        Joining { node, clock, sides, wall, by_clock, level, placed, meet, alike, rows: Stream::new() };
    match &node.bound {
        StreamBound::Interval { .. } | StreamBound::Regular { .. } => pairs::run(join, left, right),
        StreamBound::Window(window) => windowed::run(join, window, left, right),
        StreamBound::AsOf => as_of::run(join, left, right),
    }
}

/// A join at work.
struct Joining<'a> {
    node: &'a StreamJoin,
    clock: &'a Clock,
    /// Of each side alone.
    sides: [&'a Clock; 2],
    wall: &'a Wall,
    /// Does it go by the clock on the wall?
    by_clock: bool,
    level: u32,
    /// Does the place of rows in their chunk say which one came later?
    placed: bool,
    meet: Meet<'a>,
    /// Of each side: the columns by which rows are alike.
    alike: [Vec<usize>; 2],
    rows: Stream,
}

/// The further conditions.
pub(super) struct Meet<'a> {
    kind: JoinKind,
    rest: Option<&'a Chain>,
    evaluator: &'a mut Evaluator,
    failed: Vec<Failed>,
}

impl Meet<'_> {
    /// Do the further conditions hold?
    fn holds(&mut self, number: Number, left: &Row, right: &Row) -> bool {
        let Some(rest) = self.rest else { return true };
        let both: Row = left.iter().chain(right).cloned().collect();
        let mut failed = Vec::new();
        let made = run_chain(self.evaluator, rest, both.clone(), &mut failed);
        self.failed.extend(failed.into_iter().map(|error| Failed { number, error, row: both.clone() }));
        made.first().is_some_and(|row| row[0] == Value::Bool(true))
    }
}

/// The key of a row; one with a null has no partner.
fn key_of(columns: &[usize], row: &Row) -> Option<Row> {
    let key: Row = columns.iter().map(|column| row[*column].clone()).collect();
    (!key.iter().any(Value::is_null)).then_some(key)
}

fn time_of(side: &JoinSide, row: &Row) -> i64 {
    side.hidden.time.map_or(NO_WATERMARK, |column| moment(row, column))
}

/// A row's own watermark.
fn own_of(side: &JoinSide, row: &Row) -> i64 {
    side.hidden.watermark.map_or(NO_WATERMARK, |column| moment(row, column))
}

fn change_of(side: &JoinSide, row: &Row) -> i64 {
    super::accumulators::change_of(row, side.hidden.change)
}

impl Joining<'_> {
    /// A row of the output: of a left row and its partner, if it has one. Without columns of a partner, it has
    /// the left row's event time.
    fn row(&self, left: &Row, right: Option<&Row>, watermark: i64) -> Row {
        let node = self.node;
        let right = right.filter(|_| matches!(node.kind, JoinKind::Inner | JoinKind::Left));
        let mut out: Row = node.left.row.iter().map(|column| left[*column].clone()).collect();
        if matches!(node.kind, JoinKind::Inner | JoinKind::Left) {
            let of = |column: &usize| right.map_or(Value::Null, |right| right[*column].clone());
            out.extend(node.right.row.iter().map(of));
        }
        if node.left.hidden.watermark.is_some() && node.right.hidden.watermark.is_some() {
            let left = time_of(&node.left, left);
            let time = right.map_or(left, |right| left.max(time_of(&node.right, right)));
            let watermark = watermark.saturating_sub(node.stays_behind());
            out.extend([time, watermark].map(Value::Timestamp));
        }
        out
    }

    /// Is a row of a side the one that is withdrawn?
    fn alike(&self, side: usize, row: &Row, withdrawn: &Row) -> bool {
        self.alike[side].iter().all(|column| identical(&row[*column], &withdrawn[*column]))
    }

    /// Gives a row, or withdraws it.
    fn give(&mut self, number: Number, mut row: Row, change: i64) {
        match self.node.changes {
            true => row.push(Value::Int(change)),
            false if change < 0 => return,
            false => {}
        }
        self.rows.push(Item::made(number, row));
    }

    fn done(self) -> Output {
        Output { rows: self.rows, failed: self.meet.failed }
    }
}

/// The rows of a number of one side.
fn of_number(stream: &Stream, number: Number) -> Vec<&Item> {
    stream.iter().filter(|item| item.number == number).collect()
}
