//! Aggregation in windows of time.
//!
//! A row that may come behind the end of a window waits, with all rows behind it, until its number is
//! complete: only then is the watermark known that it meets. See `docs/architecture.md`, "Time in the
//! sequence". Windows of processing time never wait: rows have the time of the wall clock.

mod births;
mod bounds;
mod divide;
mod pane;
mod session;
mod sliced;
mod whole;
mod windows;

use super::{Flush, Operator};
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::shared::Shared;
use crate::state::{Held, Shape};
use crate::time::Clock;
pub(crate) use bounds::{Overlapping, Tumbling};
use divide::Moment;
use flow_data::Batch;
use flow_env::Deadline;
use flow_plan::civil::Zone;
use flow_plan::operator::WindowKind;
use flow_plan::physical::hidden::NO_WATERMARK;
use flow_plan::physical::{WindowAggregate, Windowing};
use pane::Output;
use session::Sessions;
use sliced::Sliced;
use std::collections::VecDeque;
use std::time::Duration;
use whole::{Division, Whole};
use windows::{Common, Windows};

pub(crate) struct WindowOperator {
    common: Common,
    windows: Box<dyn Windows>,
    clock: Clock,
    /// The watermark behind all numbers that are settled.
    now: i64,
    /// All numbers below are settled.
    settled: Number,
    /// Rows that wait until their number is complete.
    held: VecDeque<(Number, Batch)>,
    /// Of processing time: when the next window ends.
    deadline: Option<Deadline>,
}

impl WindowOperator {
    pub(crate) fn new(aggregate: &WindowAggregate, shared: &Shared, node: usize) -> WindowOperator {
        let windowing = &aggregate.windowing;
        let graph = &shared.graph;
        let input = &graph.nodes[graph.nodes[node].inputs[0].node].output;
        let shape = Shape::new(&aggregate.keys, &aggregate.calls, input);
        let output = Output { rank: shared.layout.nodes[node].rank, changes: aggregate.changes };
        let time = windowing.time.zip(windowing.watermark);
        let given = &graph.nodes[node].output;
        let common = Common::new(shape, output, given, time, windowing.late_rows.clone());
        WindowOperator {
            windows: windows(windowing, &common),
            common,
            clock: Clock::new(shared, node),
            now: NO_WATERMARK,
            settled: 0,
            held: VecDeque::new(),
            deadline: None,
        }
    }

    /// All numbers below `to` are complete: takes what waits, and gives what is due, number by number.
    fn settle(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        let number = cx.number;
        for (risen, watermark) in self.clock.steps(cx.shared, to) {
            self.complete_below(cx, risen)?;
            cx.number = risen;
            self.complete(cx, watermark)?;
        }
        self.complete_below(cx, to)?;
        self.settled = to;
        cx.number = number;
        Ok(())
    }

    /// Completes numbers behind which the watermark did not rise.
    fn complete_below(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        let first = |held: &VecDeque<(Number, Batch)>| held.front().map(|(number, _)| *number);
        while let Some(number) = first(&self.held).into_iter().chain(self.common.first_behind()).min()
            && number < to
        {
            cx.number = number;
            self.complete(cx, self.now)?;
        }
        Ok(())
    }

    /// Completes this number, behind which stands that watermark.
    fn complete(&mut self, cx: &mut Context<'_>, behind: i64) -> Result<(), Halt> {
        let moment = Moment { before: self.now, behind: Some(behind) };
        let mut rest = Vec::new();
        while self.held.front().is_some_and(|(number, _)| *number == cx.number) {
            let Some((_, batch)) = self.held.pop_front() else { break };
            if rest.is_empty() {
                rest.extend(self.windows.take(&mut self.common, cx, batch, moment)?);
            } else {
                rest.push(batch);
            }
        }
        self.now = behind;
        self.windows.give(&mut self.common, cx, moment, rest)?;
        self.common.give_late(cx);
        Ok(())
    }

    /// Windows of processing time: what the wall clock has passed is given.
    fn tell_time(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        let before = self.common.wall;
        self.common.wall = cx.shared.env.clock.wall_micros().max(before);
        let moment = Moment { before, behind: Some(self.common.wall) };
        self.windows.give(&mut self.common, cx, moment, Vec::new())
    }

    fn set_deadline(&mut self, cx: &Context<'_>) {
        let wall = self.common.wall;
        let after = |end: i64| Duration::from_micros(end.saturating_sub(wall).max(1) as u64);
        let clock = cx.shared.env.clock.as_ref();
        self.deadline = self.windows.next_end().map(|end| Deadline::after(clock, after(end)));
    }
}

fn windows(windowing: &Windowing, common: &Common) -> Box<dyn Windows> {
    match (&windowing.window.kind, windowing.bounds) {
        (WindowKind::Tumbling { size, offset, zone }, _) => {
            let zone = zone.as_deref().map(|name| Zone::find(name).unwrap_or(Zone::UTC));
            Box::new(Whole::new(Division::Time(Tumbling::new(*size, *offset, zone))))
        }
        (WindowKind::Same, Some((start, end))) => Box::new(Whole::new(Division::Same(start, end))),
        (&WindowKind::Session { gap }, _) => Box::new(Sessions::new(gap, common)),
        (&WindowKind::Sliding { size, every }, _) => {
            Box::new(Sliced::new(Overlapping::Sliding { size, every }))
        }
        (&WindowKind::Cumulative { max, every }, _) => {
            Box::new(Sliced::new(Overlapping::Cumulative { max, every }))
        }
        (other, _) => unreachable!("refused before: {other:?}"),
    }
}

impl Operator for WindowOperator {
    fn held(&self) -> Held {
        self.windows.held()
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        if self.common.is_processing_time() {
            self.tell_time(cx)?;
            let moment = Moment { before: NO_WATERMARK, behind: Some(NO_WATERMARK) };
            let rest = self.windows.take(&mut self.common, cx, batch, moment)?;
            debug_assert!(rest.is_none(), "no row is late on the wall clock");
            self.set_deadline(cx);
            return Ok(());
        }
        let mut known = self.clock.known(cx.shared);
        if cx.number > self.settled && known > self.settled {
            self.settle(cx, known.min(cx.number))?;
            known = self.clock.known(cx.shared);
        }
        if cx.number > self.settled || !self.held.is_empty() {
            self.held.push_back((cx.number, batch));
            return Ok(());
        }
        let behind = (known > cx.number).then(|| self.clock.behind(cx.shared, cx.number));
        let moment = Moment { before: self.now, behind };
        if let Some(rest) = self.windows.take(&mut self.common, cx, batch, moment)? {
            self.held.push_back((cx.number, rest));
        }
        Ok(())
    }

    fn advance(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        match self.common.is_processing_time() {
            true => Ok(()),
            false => self.settle(cx, to),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn tick(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        self.tell_time(cx)?;
        self.set_deadline(cx);
        Ok(())
    }

    /// The least end first.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        self.deadline = None;
        let level = cx.shared.layout.nodes[cx.node].level;
        self.windows.flush(&mut self.common, cx, level)
    }
}
