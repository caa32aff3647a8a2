//! Where in time a join's rows come: what watermark they meet, and how far each side alone has come.

use super::stream::ints;
use crate::number::Number;
use crate::shared::Shared;
use crate::time::Clock;
use flow_data::Batch;
use flow_plan::physical::JoinSide;
use std::collections::VecDeque;

/// The watermarks in front of a number and behind it.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) before: i64,
    pub(crate) behind: i64,
}

/// Where in time a number's rows come.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) number: Number,
    /// The watermarks in front of the number and behind it.
    pub(crate) before: i64,
    pub(crate) behind: i64,
    /// Those of each side alone, which the other one does not hold back; as far as somebody wants to know.
    pub(super) own: Option<[Step; 2]>,
}

impl Moment {
    pub(crate) fn new(number: Number, all: Step, own: Option<[Step; 2]>) -> Moment {
        Moment { number, before: all.before, behind: all.behind, own }
    }

    /// At this time of the wall clock.
    pub(crate) fn by_clock(number: Number, now: i64) -> Moment {
        Moment { number, before: now, behind: now, own: None }
    }

    /// The watermarks of a side alone. No row of it that is not late comes behind them, however long the other side waits.
    pub(crate) fn of_side(&self, side: usize) -> Step {
        self.own.map_or(Step { before: self.before, behind: self.behind }, |own| own[side])
    }
}

/// The watermark that each row of a batch meets.
pub(crate) fn met(side: &JoinSide, batch: &Batch, at: Moment) -> Vec<i64> {
    met_between(side, batch, Step { before: at.before, behind: at.behind })
}

/// The watermark of its own side that each row of a batch meets.
pub(crate) fn met_own(sides: &[JoinSide; 2], side: usize, batch: &Batch, at: Moment) -> Vec<i64> {
    met_between(&sides[side], batch, at.of_side(side))
}

fn met_between(side: &JoinSide, batch: &Batch, Step { before, behind }: Step) -> Vec<i64> {
    match side.hidden.watermark {
        Some(column) if before < behind => {
            ints(batch, column).iter().map(|&own| crate::time::met(own, before, behind)).collect()
        }
        _ => vec![before; batch.len],
    }
}

/// How far in time each side of a join is.
pub(super) struct Sides([Side; 2]);

struct Side {
    clock: Clock,
    /// What is ahead: the numbers behind which the watermark rises, and to what.
    steps: VecDeque<(Number, i64)>,
    now: i64,
}

impl Sides {
    /// Of a join.
    pub(super) fn new(shared: &Shared, node: usize) -> Sides {
        let clocks = &shared.layout.nodes[node].sides;
        Sides([0, 1].map(|side| {
            let clock = Clock::over(shared, &clocks[side]);
            Side { now: clock.now(), clock, steps: VecDeque::new() }
        }))
    }

    /// The numbers below `to` are complete.
    pub(super) fn advance(&mut self, shared: &Shared, to: Number) {
        self.0.iter_mut().for_each(|side| side.steps.extend(side.clock.steps(shared, to)));
    }

    /// Moves on to a number.
    pub(super) fn at(&mut self, number: Number) -> [Step; 2] {
        self.0.each_mut().map(|side| {
            while let Some((_, watermark)) = side.steps.pop_front_if(|(step, _)| *step < number) {
                side.now = watermark;
            }
            let behind = side.steps.front().filter(|(step, _)| *step == number);
            Step { before: side.now, behind: behind.map_or(side.now, |(_, watermark)| *watermark) }
        })
    }
}
