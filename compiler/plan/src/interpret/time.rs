//! Watermarks: what stands behind each number of the sequence, and what a row meets.

use super::sequence::{Event, Row, Sequence, Stream, numbers};
use crate::physical::EventTime;
use crate::physical::hidden::{END_OF_TIME, LAST_TIME, NO_WATERMARK};
use crate::physical::number::Number;
use crate::value::Value;
use std::collections::{BTreeMap, HashMap};

/// The watermark of an event-time node: the number behind which it rose, and to what.
pub(super) type Steps = Vec<(Number, i64)>;

/// A part of the input that is read in order.
pub(super) type Split = (String, u32);

/// The moment in a column.
pub(super) fn moment(row: &Row, column: usize) -> i64 {
    match row[column] {
        Value::Timestamp(time) => time,
        ref other => unreachable!("time is a timestamp, not {other:?}"),
    }
}

/// Each row with the greatest time of the rows before it in its number, less the delay, behind it.
pub(super) fn with_watermarks(time: &EventTime, input: Stream) -> Stream {
    let mut last = None;
    let mut greatest = NO_WATERMARK;
    let watermarked = |mut item: super::sequence::Item| {
        if last != Some(item.number) {
            (last, greatest) = (Some(item.number), NO_WATERMARK);
        }
        item.row.push(Value::Timestamp(greatest.saturating_sub(time.delay)));
        greatest = greatest.max(moment(&item.row, time.column));
        item
    };
    input.into_iter().map(watermarked).collect()
}

/// The watermark behind each number: the least over the splits that are waited for. Some sources are over behind a
/// number.
pub(super) fn steps(
    time: &EventTime,
    input: &Stream,
    sequence: &Sequence,
    (splits, over): (Vec<Split>, &BTreeMap<String, Option<Number>>),
) -> Steps {
    let first = |split: &Split| sequence.firsts.get(split).copied().unwrap_or(NO_WATERMARK);
    let mut greatest: BTreeMap<Split, i64> =
        splits.into_iter().map(|split| (split.clone(), first(&split))).collect();
    let mut rows: HashMap<Number, i64> = HashMap::new();
    for item in input {
        let known = rows.entry(item.number).or_insert(NO_WATERMARK);
        *known = moment(&item.row, time.column).max(*known);
    }
    let mut steps = Steps::new();
    let mut number = 0;
    let watermark = |greatest: &mut BTreeMap<Split, i64>, number: Number| {
        greatest.retain(|(source, _), _| over[source].is_none_or(|over| over > number));
        let least = greatest.values().copied().min();
        least.map_or(END_OF_TIME, |least| least.min(LAST_TIME).saturating_sub(time.delay))
    };
    for event in &sequence.events {
        match event {
            Event::End { source, split } => {
                greatest.remove(&(source.clone(), *split));
                continue;
            }
            Event::Chunk { source, split, .. } => {
                if let (Some(time), Some(known)) =
                    (rows.get(&number), greatest.get_mut(&(source.clone(), *split)))
                {
                    *known = (*known).max(*time);
                }
            }
            Event::Moment { .. } => {}
        }
        rise(&mut steps, number, watermark(&mut greatest, number));
        number += 1;
    }
    // Limits that what is given at the end fills.
    let mut last: Vec<Number> = over.values().flatten().copied().filter(|over| *over >= number).collect();
    last.sort_unstable();
    for number in last {
        rise(&mut steps, number, watermark(&mut greatest, number));
    }
    steps
}

/// The watermark behind each number of rows whose splits nobody knows any more.
pub(super) fn gathered_steps(time: &EventTime, input: &Stream) -> Steps {
    let mut steps = Steps::new();
    for number in numbers([input]) {
        let times = input.iter().filter(|item| item.number == number);
        let greatest = times.map(|item| moment(&item.row, time.column)).max().unwrap_or(NO_WATERMARK);
        rise(&mut steps, number, greatest.min(LAST_TIME).saturating_sub(time.delay));
    }
    steps
}

fn less(time: i64, delay: i64) -> i64 {
    if time == END_OF_TIME { time } else { time.saturating_sub(delay) }
}

/// A watermark that stays behind another one.
pub(super) fn delayed(steps: &Steps, behind: i64) -> Steps {
    steps.iter().map(|(number, watermark)| (*number, less(*watermark, behind))).collect()
}

/// A watermark that is at the end of time from a number on.
pub(super) fn over_from(mut steps: Steps, number: Option<Number>) -> Steps {
    if let Some(over) = number {
        steps.retain(|(number, _)| *number < over);
        steps.push((over, END_OF_TIME));
    }
    steps
}

fn rise(steps: &mut Steps, number: Number, watermark: i64) {
    if watermark > steps.last().map_or(NO_WATERMARK, |(_, known)| *known) {
        steps.push((number, watermark));
    }
}

/// The clock on the wall.
pub(super) struct Wall {
    /// From which number on it shows what: the beginning, and each moment.
    shows: Vec<(Number, i64)>,
}

impl Wall {
    /// At the beginning it shows `now`.
    pub(super) fn new(sequence: &Sequence, now: i64) -> Wall {
        let moments = sequence.numbered().filter_map(|(number, event)| match event {
            Event::Moment { wall } => Some((number, *wall)),
            _ => None,
        });
        Wall { shows: std::iter::once((0, now)).chain(moments).collect() }
    }

    /// What it shows to the rows of a number.
    pub(super) fn at(&self, number: Number) -> i64 {
        let since = self.shows.partition_point(|(from, _)| *from <= number);
        self.shows[since.max(1) - 1].1
    }

    /// The moments up to which a multiple of this has passed since the beginning, by their numbers.
    pub(super) fn beats(&self, every: i64) -> impl Iterator<Item = Number> {
        let (began, every) = (self.shows[0].1, every.max(1));
        let passed = move |wall: i64| (wall - began).div_euclid(every);
        let pairs = self.shows.windows(2).filter(move |pair| passed(pair[0].1) < passed(pair[1].1));
        pairs.map(|pair| pair[1].0)
    }

    /// It as a watermark, for what goes by it and not by event time.
    pub(super) fn clock(&self) -> Clock {
        Clock::new(vec![self.shows.clone()])
    }
}

/// An operator's view of time: the least watermark of the event-time nodes nearest above it; without any, none.
#[derive(Default)]
pub(super) struct Clock {
    logs: Vec<Steps>,
}

impl Clock {
    pub(super) fn new(logs: Vec<Steps>) -> Clock {
        Clock { logs }
    }

    /// The watermark behind a number.
    pub(super) fn behind(&self, number: Number) -> i64 {
        let last = |steps: &Steps| {
            steps.iter().rev().find(|(step, _)| *step <= number).map_or(NO_WATERMARK, |(_, known)| *known)
        };
        self.logs.iter().map(last).min().unwrap_or(NO_WATERMARK)
    }

    /// The watermark that a row of a number meets whose own one is this.
    pub(super) fn met(&self, number: Number, own: i64) -> i64 {
        let before = number.checked_sub(1).map_or(NO_WATERMARK, |before| self.behind(before));
        before.max(own.min(self.behind(number)))
    }

    /// The numbers of some inputs, and those behind which time moves.
    pub(super) fn numbers(&self, inputs: &[&Stream]) -> Vec<Number> {
        let mut all = numbers(inputs.iter().copied());
        all.extend(self.logs.iter().flatten().map(|(number, _)| *number));
        all.sort_unstable();
        all.dedup();
        all
    }
}
