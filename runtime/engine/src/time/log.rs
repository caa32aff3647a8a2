//! The watermark of one event-time node, as a function of the number. Workers report what they saw in
//! which number; as soon as all of them have closed a number, the watermark behind it is known for good.

use crate::number::Number;
use flow_plan::physical::hidden::NO_WATERMARK;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A part of the input that is read in order: the source (its index among the job's sources), and the
/// split of it.
pub(crate) type Split = (usize, u32);

/// All workers' reports of one event-time node.
pub(crate) struct TimeLog {
    delay: i64,
    state: Mutex<State>,
}

struct State {
    workers: Vec<Reports>,
    /// The greatest event time of each split that is waited for.
    splits: BTreeMap<Split, i64>,
    /// Everything below is in `steps`.
    known: Number,
    /// The number behind which the watermark rose, and to what.
    steps: VecDeque<(Number, i64)>,
    watermark: i64,
    /// Per reader: steps below are read.
    readers: Vec<Number>,
}

/// What one worker said, in the order of numbers.
struct Reports {
    waiting: VecDeque<(Number, Split, i64)>,
    closed: Number,
}

impl TimeLog {
    /// `splits`: the parts of the input that have a time of their own.
    pub(crate) fn new(delay: i64, splits: &[Split], workers: usize) -> TimeLog {
        let reports = || Reports { waiting: VecDeque::new(), closed: 0 };
        TimeLog {
            delay,
            state: Mutex::new(State {
                workers: (0..workers).map(|_| reports()).collect(),
                splits: splits.iter().map(|split| (*split, NO_WATERMARK)).collect(),
                known: 0,
                steps: VecDeque::new(),
                watermark: NO_WATERMARK,
                readers: Vec::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker saw rows of a split in this number, the latest at `greatest`.
    pub(crate) fn report(&self, worker: usize, number: Number, split: Split, greatest: i64) {
        let waiting = &mut self.state().workers[worker].waiting;
        match waiting.back_mut() {
            Some((last, of, known)) if *last == number && *of == split => *known = greatest.max(*known),
            _ => waiting.push_back((number, split, greatest)),
        }
    }

    /// A worker has reported all numbers below `to`.
    pub(crate) fn close(&self, worker: usize, to: Number) {
        let mut state = self.state();
        state.workers[worker].closed = to;
        state.settle(self.delay);
    }

    /// A reader from number 0 on; its handle.
    pub(crate) fn reader(&self) -> usize {
        let mut state = self.state();
        state.readers.push(0);
        state.readers.len() - 1
    }

    /// The steps in numbers from where the reader is to below `to`, in order. All workers have closed these.
    pub(crate) fn read(&self, reader: usize, to: Number, out: &mut Vec<(Number, i64)>) {
        let mut state = self.state();
        let from = std::mem::replace(&mut state.readers[reader], to);
        let start = state.steps.partition_point(|(number, _)| *number < from);
        out.extend(state.steps.iter().skip(start).take_while(|(number, _)| *number < to));
        let read = state.readers.iter().copied().min().unwrap_or(0);
        while state.steps.len() > 1 && state.steps[1].0 < read {
            state.steps.pop_front();
        }
    }

    /// The watermark behind a number that all workers have closed; a reader may still be in front of it.
    pub(crate) fn behind(&self, number: Number) -> i64 {
        let state = self.state();
        match state.steps.partition_point(|(step, _)| *step <= number) {
            0 => NO_WATERMARK,
            next => state.steps[next - 1].1,
        }
    }

    /// All workers have closed the numbers below: the watermarks behind them are known.
    pub(crate) fn known(&self) -> Number {
        self.state().known
    }

    /// The newest watermark, for people.
    pub(crate) fn latest(&self) -> i64 {
        self.state().watermark
    }
}

impl State {
    fn settle(&mut self, delay: i64) {
        let closed = self.workers.iter().map(|reports| reports.closed).min().unwrap_or(0);
        while let Some(number) = self.next_below(closed) {
            for reports in &mut self.workers {
                while reports.waiting.front().is_some_and(|(n, ..)| *n == number) {
                    if let Some((_, split, greatest)) = reports.waiting.pop_front() {
                        let known = self.splits.entry(split).or_insert(NO_WATERMARK);
                        *known = greatest.max(*known);
                    }
                }
            }
            let least = self.splits.values().copied().min().unwrap_or(NO_WATERMARK);
            let watermark = if least == NO_WATERMARK { least } else { least.saturating_sub(delay) };
            if watermark > self.watermark {
                self.watermark = watermark;
                self.steps.push_back((number, watermark));
            }
        }
        self.known = closed;
    }

    fn next_below(&self, closed: Number) -> Option<Number> {
        let first = self.workers.iter().filter_map(|reports| reports.waiting.front());
        first.map(|(number, ..)| *number).min().filter(|number| *number < closed)
    }
}
