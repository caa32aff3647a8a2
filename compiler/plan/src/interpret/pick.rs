//! Running `top`, `latest` and their like, and `distinct`.

use super::accumulators::change_of;
use super::given::{Given, alike};
use super::sequence::{Item, Row, Stream, items};
use super::time::{Clock, Wall, moment};
use super::window::{Best, replacing};
use crate::operator::RunningTrigger;
use crate::physical::hidden::{self, NO_WATERMARK};
use crate::physical::number::{Number, at_end};
use crate::physical::{Distinct, Hidden, Pick};
use crate::types::RecordType;
use crate::value::Value;

/// A key's rows.
struct Group {
    key: Row,
    best: Best,
    /// The number in which its first row came, and its place among all groups.
    born: Number,
    birth: u64,
    /// Rows since its list was given.
    pending: u64,
    last: Row,
    given: Vec<Given>,
}

/// A pick without a window.
pub(super) fn pick(pick: &Pick, input: &Stream, (wall, level): (&Wall, u32)) -> Stream {
    let mut groups: Vec<Group> = Vec::new();
    let (mut births, mut out) = (0, Stream::new());
    let beats: Vec<Number> = match pick.trigger {
        RunningTrigger::Every(every) => wall.beats(every).collect(),
        _ => Vec::new(),
    };
    let mut beats = beats.into_iter().peekable();
    for item in input {
        while let Some(beat) = beats.next_if(|beat| *beat < item.number) {
            out.extend(given_later(pick, &mut groups, |_| beat));
        }
        let key: Row = pick.keys.iter().map(|key| item.row[*key].clone()).collect();
        let known = groups.iter().position(|group| group.key == key);
        let withdrawn = change_of(&item.row, pick.hidden.change) < 0;
        if withdrawn && !known.is_some_and(|at| groups[at].best.holds(pick, &item.row)) {
            // What is not there cannot be withdrawn.
            continue;
        }
        let at = known.unwrap_or_else(|| {
            let (best, given, last) = (Best::default(), Vec::new(), Row::new());
            groups.push(Group { key, best, born: 0, birth: 0, pending: 0, last, given });
            groups.len() - 1
        });
        let group = &mut groups[at];
        if group.best.is_empty() {
            // Also if it was there before: a group without rows is forgotten.
            (group.born, group.birth) = (item.number, births);
            births += 1;
        }
        group.best.add(pick, &item.row, 0);
        group.pending += 1;
        group.last = item.row.clone();
        let due = match pick.trigger {
            RunningTrigger::EachRow => true,
            RunningTrigger::Count(n) => group.pending >= n.max(1),
            RunningTrigger::AtEnd | RunningTrigger::Every(_) => false,
        };
        if due {
            out.extend(items(item.number, group.give(pick, false)));
        }
    }
    beats.for_each(|beat| out.extend(given_later(pick, &mut groups, |_| beat)));
    groups.sort_by_key(|group| group.birth);
    out.extend(given_later(pick, &mut groups, |born| at_end(level, born)));
    out
}

/// What the groups give that changed since they were given, each under a number that its birth says.
fn given_later(pick: &Pick, groups: &mut [Group], number: impl Fn(Number) -> Number) -> Stream {
    let mut out = Stream::new();
    for group in groups.iter_mut().filter(|group| group.pending > 0) {
        let number = number(group.born);
        out.extend(items(number, group.give(pick, true)));
    }
    out
}

impl Group {
    /// What is new in its list, for its last row; where no row is the cause, each row for itself.
    fn give(&mut self, pick: &Pick, alone: bool) -> Vec<Row> {
        self.pending = 0;
        let Hidden { time, watermark, .. } = pick.hidden;
        let met = match watermark {
            Some(column) if !alone => moment(&self.last, column),
            _ => NO_WATERMARK,
        };
        let behind = |row: &Row| {
            let time = time.map(|column| if alone { row[column].clone() } else { self.last[column].clone() });
            time.into_iter().chain(watermark.map(|_| Value::Timestamp(met))).collect()
        };
        let new = self.best.list(pick, &[], behind);
        if pick.discarding {
            self.best = Best::default();
        }
        replacing(pick, time.is_some(), watermark.is_some()).replace(&mut self.given, new, met)
    }
}

/// Rows whose columns were not seen before. With `within`, a value is forgotten by a row whose time, or
/// whose watermark, is that far behind the latest row that had it; without event time, that is the clock on the wall.
pub(super) fn distinct(
    distinct: &Distinct,
    schema: &RecordType,
    input: &Stream,
    (clock, wall): (&Clock, &Wall),
) -> Stream {
    if let Some(change) = distinct.hidden.change {
        return distinct_changes(distinct, change, schema, input);
    }
    let mut seen: Vec<(Row, i64)> = Vec::new();
    let mut out = Stream::new();
    for item in input {
        let value: Row = distinct.columns.iter().map(|column| item.row[*column].clone()).collect();
        let time =
            distinct.hidden.time.map_or_else(|| wall.at(item.number), |column| moment(&item.row, column));
        let known = seen.iter_mut().find(|(known, _)| *known == value);
        let Some((_, latest)) = known else {
            seen.push((value, time));
            out.push(item.clone());
            continue;
        };
        let over = distinct.within.map(|within| latest.saturating_add(within));
        let met = || if distinct.hidden.time.is_some() { met(distinct, item, clock) } else { NO_WATERMARK };
        let forgotten = over.is_some_and(|over| time >= over || met() >= over);
        *latest = if forgotten { time } else { time.max(*latest) };
        if forgotten {
            out.push(item.clone());
        }
    }
    out
}

/// A row of a changelog that is there.
struct Kept {
    value: Row,
    row: Row,
    /// The event time that it was given with, if it was: that of an equal row which it follows.
    shown: Option<Value>,
}

/// The first row of each value that is left. (`within` has no meaning for what may be withdrawn.)
fn distinct_changes(distinct: &Distinct, change: usize, schema: &RecordType, input: &Stream) -> Stream {
    let mut kept: Vec<Kept> = Vec::new();
    let mut out = Stream::new();
    // It reads no time, but passes it on.
    let [time, watermark] = [hidden::TIME, hidden::WATERMARK].map(|name| hidden::position(schema, name));
    for item in input {
        let value: Row = distinct.columns.iter().map(|column| item.row[*column].clone()).collect();
        let picked = |row: &Row| row[..hidden::visible(schema)].to_vec();
        let timed = |row: &Row| time.map(|time| row[time].clone());
        let first = kept.iter().position(|kept| kept.value == value);
        if change_of(&item.row, Some(change)) > 0 {
            kept.push(Kept { value, row: item.row.clone(), shown: timed(&item.row) });
            if first.is_none() {
                out.push(item.clone());
            }
            continue;
        }
        let same = |Kept { value: known, row, .. }: &Kept| {
            *known == value && alike(&picked(row), &picked(&item.row)) && timed(row) == timed(&item.row)
        };
        let Some(place) = kept.iter().position(same) else { continue };
        let Kept { row: mut gone, shown, .. } = kept.remove(place);
        time.iter().zip(&shown).for_each(|(&time, shown)| gone[time] = shown.clone());
        if Some(place) != first {
            continue;
        }
        let next = kept.iter_mut().find(|kept| kept.value == value);
        let next = match next {
            // An equal row stands for the value now: nothing changes, also not when it was given.
            Some(next) if alike(&picked(&next.row), &picked(&gone)) => {
                next.shown = shown;
                continue;
            }
            next => next.map(|next| next.row.clone()),
        };
        for (mut row, sign) in
            [(Some(gone), -1), (next, 1)].into_iter().filter_map(|(row, sign)| Some((row?, sign)))
        {
            row[change] = Value::Int(sign);
            if let Some(watermark) = watermark {
                row[watermark] = item.row[watermark].clone();
            }
            out.push(Item::made(item.number, row));
        }
    }
    out
}

fn met(distinct: &Distinct, item: &Item, clock: &Clock) -> i64 {
    let own = distinct.hidden.watermark.map(|column| &item.row[column]);
    match own {
        Some(Value::Timestamp(own)) => clock.met(item.number, *own),
        _ => NO_WATERMARK,
    }
}
