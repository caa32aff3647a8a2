//! An operator's view of event time: the least watermark of all event-time nodes above it.

use super::ASIDE;
use crate::number::{DONE, Number};
use crate::shared::Shared;
use flow_plan::physical::hidden::{END_OF_TIME, NO_WATERMARK};

/// An event-time node above an operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Above {
    pub(crate) node: usize,
    /// The limits that rows pass on the way from there: when one of them is full, time is over here.
    pub(crate) limits: Vec<usize>,
    /// How far the watermark stays behind.
    pub(crate) behind: i64,
}

/// An event-time node above, as one reader sees it.
struct Log {
    above: Above,
    reader: usize,
    /// Its watermark up to where we are.
    watermark: i64,
    /// A limit on the way is full, and that was said.
    over: bool,
}

impl Log {
    /// The first number in which a limit on the way was full, if there is one below `to`.
    fn full(&self, shared: &Shared, to: Number) -> Option<Number> {
        let full = self.above.limits.iter().filter_map(|limit| shared.full(*limit));
        full.min().filter(|number| *number < to)
    }
}

/// Where one worker's operator is in time.
pub(crate) struct Clock {
    logs: Vec<Log>,
    now: i64,
    /// Numbers below are behind us.
    at: Number,
    steps: Vec<(Number, usize, i64)>,
}

impl Clock {
    /// The clock of a node. Without event time above, time never moves.
    pub(crate) fn new(shared: &Shared, node: usize) -> Clock {
        Clock::over(shared, &shared.layout.nodes[node].clocks)
    }

    /// The clock of these event-time nodes.
    pub(crate) fn over(shared: &Shared, nodes: &[Above]) -> Clock {
        let log = |above: &Above| {
            let (reader, first) = shared.time(above.node).reader();
            Log { above: above.clone(), reader, watermark: less(first, above.behind), over: false }
        };
        let now = shared.times_begun.iter().find(|(clocks, _)| clocks == nodes);
        let now = now.map_or(NO_WATERMARK, |(_, now)| *now);
        Clock { logs: nodes.iter().map(log).collect(), now, at: 0, steps: Vec::new() }
    }

    /// The watermark behind all numbers that [`Clock::steps`] has passed.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    /// Moves on to `to`: the numbers below it, which are complete, behind which the watermark rose, and
    /// to what.
    pub(crate) fn steps(&mut self, shared: &Shared, to: Number) -> Vec<(Number, i64)> {
        if to <= self.at || self.logs.is_empty() {
            return Vec::new();
        }
        let from = std::mem::replace(&mut self.at, to);
        let mut read = Vec::new();
        self.steps.clear();
        for (index, log) in self.logs.iter_mut().enumerate() {
            read.clear();
            shared.time(log.above.node).read(log.reader, to, &mut read);
            if log.over {
                continue;
            }
            let full = log.full(shared, to);
            let steps = read.iter().filter(|(number, _)| full.is_none_or(|full| *number < full));
            let behind = log.above.behind;
            self.steps.extend(steps.map(|(number, watermark)| (*number, index, less(*watermark, behind))));
            log.over = full.is_some();
            self.steps.extend(full.map(|full| (full.max(from), index, END_OF_TIME)));
        }
        self.steps.sort_unstable();
        let mut made: Vec<(Number, i64)> = Vec::new();
        for &(number, index, watermark) in &self.steps {
            self.logs[index].watermark = watermark;
            let least = least(self.logs.iter().map(|log| log.watermark));
            if let Some(least) = least.filter(|least| *least > self.now) {
                self.now = least;
                match made.last_mut() {
                    Some((last, known)) if *last == number => *known = least,
                    _ => made.push((number, least)),
                }
            }
        }
        made
    }

    /// The watermarks behind all numbers below are known.
    pub(crate) fn known(&self, shared: &Shared) -> Number {
        let limits = self.logs.iter().flat_map(|log| &log.above.limits).map(|limit| shared.passed(*limit));
        let logs = self.logs.iter().map(|log| shared.time(log.above.node).known());
        logs.chain(limits).min().unwrap_or(DONE)
    }

    /// As [`Clock::steps`], as far as all workers have closed these numbers: an operator that is not
    /// behind an exchange may be further itself.
    pub(crate) fn steps_of_all(&mut self, shared: &Shared, to: Number) -> Vec<(Number, i64)> {
        self.steps(shared, to.min(self.known(shared)))
    }

    /// The watermark behind a complete number, without moving.
    pub(crate) fn behind(&self, shared: &Shared, number: Number) -> i64 {
        let each = self.logs.iter().map(|log| match log.full(shared, number.saturating_add(1)) {
            Some(_) => END_OF_TIME,
            None => less(shared.time(log.above.node).behind(number), log.above.behind),
        });
        least(each).map_or(self.now, |least| least.max(self.now))
    }
}

/// A watermark that stays behind another one; the end of time is one for all.
fn less(watermark: i64, behind: i64) -> i64 {
    if watermark >= ASIDE { watermark } else { watermark.saturating_sub(behind) }
}

/// The least of some watermarks. One that stands aside does not count; beside it, time is not over although
/// all others have ended.
fn least(watermarks: impl Iterator<Item = i64> + Clone) -> Option<i64> {
    let aside = watermarks.clone().any(|watermark| watermark == ASIDE);
    let least = watermarks.filter(|watermark| *watermark != ASIDE).min()?;
    Some(least).filter(|least| !aside || *least < END_OF_TIME)
}

/// The watermark a row meets: `before` and `behind` are those in front of and behind its number.
pub(crate) fn met(own: i64, before: i64, behind: i64) -> i64 {
    before.max(own.min(behind))
}
