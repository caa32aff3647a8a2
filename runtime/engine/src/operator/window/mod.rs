//! Aggregation in windows of time.
//!
//! A row that may come behind the end of a window waits, with all rows behind it, until its number is
//! complete: only then is the watermark known that it meets. See `docs/architecture.md`, "Time in the
//! sequence". Windows of processing time never wait: rows have the time of the wall clock.

mod births;
mod book;
mod bounds;
mod divide;
mod given;
mod kept;
mod pane;
mod panes;
mod parts;
mod rows;
mod session;
mod sliced;
mod whole;
mod windows;
mod written;

use super::{Flush, Operator, on_disk};
use crate::beat::Beats;
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::operator::pick::Keeps;
use crate::shared::Shared;
use crate::snapshot::{Loading, Saving};
use crate::state::{ColdError, Held, Shape, Shelves, Spill};
use crate::time::Clock;
use births::Origin;
pub(crate) use bounds::{Overlapping, Tumbling};
use divide::Moment;
use flow_data::Batch;
use flow_env::Deadline;
use flow_plan::catalogue::AggFunc;
use flow_plan::civil::Zone;
use flow_plan::operator::{LateTrigger, WindowKind};
use flow_plan::physical::hidden::NO_WATERMARK;
use flow_plan::physical::{ColumnAggregate, Pick, WindowAggregate, Windowing};
use flow_plan::{DataType, Place, RecordType};
use kept::{Kept, Spans};
use pane::{Listed, Output};
pub(crate) use parts::PartsOperator;
pub(crate) use rows::RowsOperator;
use session::{Keeping, Sessions};
use sliced::Sliced;
use std::collections::VecDeque;
use std::sync::Arc;
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
    /// The number that is not complete and whose rows were taken.
    taken: Option<Number>,
    /// Numbers that are being settled: those behind which the watermark rises, and where they end.
    steps: VecDeque<(Number, i64)>,
    settling: Number,
    /// The number behind which windows are being given.
    giving: Option<Number>,
    /// Of processing time: when the next window ends.
    deadline: Option<Deadline>,
    ticks: Vec<Tick>,
}

/// Something that is done again and again.
struct Tick {
    /// Are partial results given, or those that late rows have changed?
    early: bool,
    beats: Beats,
    /// Did rows come since?
    changed: bool,
}

/// What becomes of the groups of windows.
struct Rules<'a> {
    windowing: &'a Windowing,
    discarding: bool,
    /// Is the input a changelog?
    changelog: bool,
}

impl WindowOperator {
    pub(crate) fn new(
        aggregate: &WindowAggregate,
        shared: &Shared,
        node: usize,
        spill: Option<&Arc<Spill>>,
    ) -> Result<WindowOperator, ColdError> {
        let input = input_of(shared, node);
        let shape = Shape::new(&aggregate.keys, &aggregate.calls, input, aggregate.change);
        let origin = Origin::new(shared.layout.nodes[node].rank, spill.is_some());
        let any_start = any_start(&aggregate.windowing);
        let output = Output { origin, changes: aggregate.changes, listed: None, any_start };
        let rules = Rules {
            windowing: &aggregate.windowing,
            discarding: aggregate.discarding,
            changelog: aggregate.change.is_some(),
        };
        WindowOperator::with(&rules, shape, output, shared, (node, spill))
    }

    /// The best rows of each window.
    pub(crate) fn of_rows(
        pick: &Pick,
        windowing: &Windowing,
        shared: &Shared,
        node: usize,
        spill: Option<&Arc<Spill>>,
    ) -> Result<WindowOperator, ColdError> {
        let place = shared.graph.nodes[node].place;
        let shape = shape_of_rows(pick, input_of(shared, node), place);
        let again = windowing.early.is_some() || windowing.late.is_some() || windowing.window.lateness > 0;
        // What is forgotten is given again if it comes again.
        let again = again && !pick.discarding;
        let listed = Listed { bounds: windowing.bounds.is_none(), place: pick.rank, again };
        let origin = Origin::new(shared.layout.nodes[node].rank, spill.is_some());
        let any_start = any_start(windowing);
        let output = Output { origin, changes: pick.changes, listed: Some(listed), any_start };
        let discarding = pick.discarding;
        let rules = Rules { windowing, discarding, changelog: pick.hidden.change.is_some() };
        WindowOperator::with(&rules, shape, output, shared, (node, spill))
    }

    fn with(
        rules: &Rules<'_>,
        shape: Shape,
        output: Output,
        shared: &Shared,
        (node, spill): (usize, Option<&Arc<Spill>>),
    ) -> Result<WindowOperator, ColdError> {
        let windowing = rules.windowing;
        let time = windowing.time.zip(windowing.watermark);
        let given = &shared.graph.nodes[node].output;
        let common = Common::new(shape, output, given, time, windowing.late_rows.clone(), shared.tracks);
        Ok(WindowOperator {
            windows: windows(rules, &common, spill)?,
            ticks: ticks(windowing, shared),
            common,
            clock: Clock::new(shared, node),
            now: NO_WATERMARK,
            settled: 0,
            held: VecDeque::new(),
            taken: None,
            steps: VecDeque::new(),
            settling: 0,
            giving: None,
            deadline: None,
        })
    }

    /// All numbers below `to` are complete: takes what waits, and gives what is due, number by number. Is something left?
    fn settle(&mut self, cx: &mut Context<'_>, to: Number) -> Result<bool, Halt> {
        self.steps.extend(self.clock.steps(cx.shared, to));
        self.settling = to;
        self.go_on(cx)
    }

    /// Goes on with it, until it is done or a piece of what is due was given.
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let number = cx.number;
        let mut left = self.give_piece(cx)?;
        while !left && self.next_step(cx)? {
            left = self.giving.is_some();
        }
        cx.number = number;
        Ok(left)
    }

    /// Completes the next number in which something waits, or behind which the watermark rises.
    fn next_step(&mut self, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let step = self.steps.front().copied();
        let to = step.map_or(self.settling, |(risen, _)| risen);
        let first = self.held.front().map(|(number, _)| *number);
        let waiting = first.into_iter().chain(self.common.first_behind()).chain(self.taken).min();
        if let Some(number) = waiting.filter(|number| *number < to) {
            cx.number = number;
            return self.complete(cx, self.now).map(|()| true);
        }
        let Some((risen, watermark)) = step else {
            self.settled = self.settled.max(to);
            return Ok(false);
        };
        self.steps.pop_front();
        cx.number = risen;
        self.complete(cx, watermark).map(|()| true)
    }

    /// Completes this number, behind which stands that watermark.
    fn complete(&mut self, cx: &mut Context<'_>, behind: i64) -> Result<(), Halt> {
        self.changed(cx);
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
        self.taken = self.taken.filter(|taken| *taken > cx.number);
        self.windows.give(&mut self.common, cx, moment, rest)?;
        self.giving = Some(cx.number);
        self.give_piece(cx).map(drop)
    }

    /// Gives a piece of what is due behind a number. Is something left?
    fn give_piece(&mut self, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let Some(number) = self.giving else { return Ok(false) };
        cx.number = number;
        let more = self.windows.give_more(&mut self.common, cx)?;
        if !more {
            self.giving = None;
            self.common.give_late(cx);
        }
        Ok(more)
    }

    /// There may be something to give at the next tick.
    fn changed(&mut self, cx: &Context<'_>) {
        for tick in self.ticks.iter_mut().filter(|tick| !tick.changed) {
            tick.beats.skip(cx.shared.env.clock.as_ref());
            tick.changed = true;
        }
    }

    /// Windows of processing time: what the wall clock has passed is given.
    fn tell_time(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        let before = self.common.wall;
        self.common.wall = cx.shared.env.clock.wall_micros().max(before);
        let moment = Moment { before, behind: Some(self.common.wall) };
        self.windows.give(&mut self.common, cx, moment, Vec::new())?;
        self.giving = Some(cx.number);
        self.give_piece(cx).map(drop)
    }

    fn set_deadline(&mut self, cx: &Context<'_>) -> Result<(), ColdError> {
        let wall = self.common.wall;
        let after = |end: i64| Duration::from_micros(end.saturating_sub(wall).max(1) as u64);
        let clock = cx.shared.env.clock.as_ref();
        self.deadline = self.windows.next_end()?.map(|end| Deadline::after(clock, after(end)));
        Ok(())
    }
}

/// Windows of other starts may have the same end, and are given together.
fn any_start(windowing: &Windowing) -> bool {
    match windowing.window.kind {
        // Those that end at the same time begin at the same time, too, also where ticks are microseconds.
        WindowKind::Sliding { every, .. } => every == 1,
        _ => true,
    }
}

fn input_of(shared: &Shared, node: usize) -> &Arc<RecordType> {
    let nodes = &shared.graph.nodes;
    &nodes[nodes[node].inputs[0].node].output
}

/// Groups that are lists of rows.
fn shape_of_rows(pick: &Pick, input: &Arc<RecordType>, place: Place) -> Shape {
    let fields = pick.row.iter().map(|&column| input.fields[column].clone()).collect();
    let call = ColumnAggregate {
        func: AggFunc::Collect,
        arg: None,
        by: None,
        param: None,
        filter: None,
        ty: DataType::list(DataType::Record(Arc::new(RecordType::new(fields)))),
        name: "rows".into(),
        place,
    };
    Shape::of_rows(&pick.keys, call, (input, pick.hidden.change), Keeps::new(pick, input))
}

fn ticks(windowing: &Windowing, shared: &Shared) -> Vec<Tick> {
    let late = match windowing.late {
        Some(LateTrigger::Every(every)) => Some(every),
        _ => None,
    };
    let tick = |(every, early): (i64, bool)| {
        let every = Duration::from_micros(every.max(1) as u64);
        Tick { early, beats: Beats::new(&shared.beat, every), changed: false }
    };
    let early = windowing.early.map(|every| (every, true));
    early.into_iter().chain(late.map(|every| (every, false))).map(tick).collect()
}

fn windows(
    rules: &Rules<'_>,
    common: &Common,
    spill: Option<&Arc<Spill>>,
) -> Result<Box<dyn Windows>, ColdError> {
    let Rules { windowing, discarding, changelog } = *rules;
    let lateness = windowing.window.lateness;
    let (late, early) = (windowing.late.clone(), windowing.early.is_some());
    let shelves = || spill.map(Shelves::new).transpose();
    Ok(match spans(windowing) {
        Spans::Sessions(gap) => {
            let keeping = Keeping { lateness, late, discarding };
            let sessions = Sessions::new(gap, keeping, common);
            Box::new(match spill {
                Some(spill) => sessions.spill(common, spill)?,
                None => sessions,
            })
        }
        spans if lateness > 0 || early || changelog => {
            let kept = Kept::new(spans, lateness, late, discarding, changelog);
            Box::new(match spill {
                Some(spill) => kept.spill(spill)?,
                None => kept,
            })
        }
        Spans::Tumbling(tumbling) => Box::new(Whole::new(Division::Time(tumbling), shelves()?)),
        Spans::Same(start, end) => Box::new(Whole::new(Division::Same(start, end), shelves()?)),
        Spans::Overlapping(windows, _) => Box::new(Sliced::new(windows, common, shelves()?)),
    })
}

fn spans(windowing: &Windowing) -> Spans {
    let overlapping = |windows: Overlapping| {
        let slices = windows.slices();
        Spans::Overlapping(windows, slices)
    };
    match (&windowing.window.kind, windowing.bounds) {
        (WindowKind::Tumbling { size, offset, zone }, _) => {
            let zone = zone.as_deref().map(|name| Zone::find(name).unwrap_or(Zone::UTC));
            Spans::Tumbling(Tumbling::new(*size, *offset, zone))
        }
        (WindowKind::Same, Some((start, end))) => Spans::Same(start, end),
        (&WindowKind::Session { gap }, _) => Spans::Sessions(gap),
        (&WindowKind::Sliding { size, every }, _) => overlapping(Overlapping::Sliding { size, every }),
        (&WindowKind::Cumulative { max, every }, _) => overlapping(Overlapping::Cumulative { max, every }),
        (other, _) => unreachable!("refused before: {other:?}"),
    }
}

impl Operator for WindowOperator {
    fn held(&self) -> Held {
        self.windows.held()
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        self.changed(cx);
        if self.common.is_processing_time() {
            self.tell_time(cx)?;
            let moment = Moment { before: NO_WATERMARK, behind: Some(NO_WATERMARK) };
            let rest = self.windows.take(&mut self.common, cx, batch, moment)?;
            debug_assert!(rest.is_none(), "no row is late on the wall clock");
            return self.set_deadline(cx).map_err(|error| on_disk(cx, &error));
        }
        let mut known = self.clock.known(cx.shared);
        if cx.number > self.settled && known > self.settled {
            if self.settle(cx, known.min(cx.number))? {
                self.held.push_back((cx.number, batch));
                return Ok(());
            }
            known = self.clock.known(cx.shared);
        }
        if cx.number > self.settled || !self.held.is_empty() {
            self.held.push_back((cx.number, batch));
            return Ok(());
        }
        let behind = (known > cx.number).then(|| self.clock.behind(cx.shared, cx.number));
        let moment = Moment { before: self.now, behind };
        self.taken = Some(cx.number);
        if let Some(rest) = self.windows.take(&mut self.common, cx, batch, moment)? {
            self.held.push_back((cx.number, rest));
        }
        Ok(())
    }

    fn advance(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        match self.common.is_processing_time() {
            true => Ok(()),
            false => self.settle(cx, to).map(drop),
        }
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Result<bool, Halt> {
        match self.unfinished() {
            true => self.go_on(cx),
            false => Ok(false),
        }
    }

    fn unfinished(&self) -> bool {
        self.giving.is_some()
    }

    fn deadline(&self) -> Option<Deadline> {
        self.ticks.iter().map(|tick| tick.beats.next()).chain(self.deadline).min()
    }

    fn waits(&self) -> Option<Deadline> {
        let changed = self.ticks.iter().filter(|tick| tick.changed);
        changed.map(|tick| tick.beats.next()).chain(self.deadline).min()
    }

    fn tick(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        if self.common.is_processing_time() {
            self.tell_time(cx)?;
            self.set_deadline(cx).map_err(|error| on_disk(cx, &error))?;
        }
        let clock = cx.shared.env.clock.clone();
        for tick in &mut self.ticks {
            if tick.beats.next().passed(clock.as_ref()) {
                tick.beats.heard(clock.as_ref());
                tick.changed = false;
                self.windows.tick(&mut self.common, cx, tick.early)?;
                self.giving = Some(cx.number);
            }
        }
        self.give_piece(cx).map(drop)
    }

    /// The least end first.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        self.deadline = None;
        self.ticks.clear();
        let level = cx.shared.layout.nodes[cx.node].level;
        self.windows.flush(&mut self.common, cx, level)
    }

    fn save(&mut self, out: &mut Saving) {
        debug_assert!(self.held.is_empty() && self.common.first_behind().is_none(), "numbers are complete");
        self.windows.save(&self.common, out);
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.windows.save_more(&self.common, out, entries)
    }

    fn load(&mut self, cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        // What comes piece by piece says the barrier with the first.
        (self.now, self.settled) = (self.clock.now(), self.settled.max(cx.number));
        self.changed(cx);
        // What event time has passed is given; of windows of the wall clock it says nothing.
        let given_to = if self.common.is_processing_time() { NO_WATERMARK } else { self.now };
        self.windows.load(&mut self.common, from, given_to)?;
        if self.common.is_processing_time() {
            self.common.wall = cx.shared.env.clock.wall_micros();
            self.set_deadline(cx).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}
