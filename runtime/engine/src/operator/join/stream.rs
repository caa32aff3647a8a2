//! Joins of two streams: takes the numbers of the sequence one after the other, the left side first, and
//! lets time pass behind each. Which rows meet, and until when they are kept, is up to the [`Bound`].

use super::condition::Condition;
use super::due::Due;
use super::interval::Near;
use super::kept::{Kept, KeptSide};
use super::moment::{Moment, Sides, Step};
use super::output::{Cause, Output, Rows};
use super::probe::Pairs;
use super::spilled::{Spilled, or_halt};
use super::waiting::give_lonely;
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::operator::{CompiledChain, Flush, Operator};
use crate::ranks::Phase;
use crate::shared::Shared;
use crate::snapshot::{Loading, Saving};
use crate::state::{ColdError, Held, KeyTable};
use crate::time::Clock;
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData, NO_ROW};
use flow_env::Deadline;
use flow_plan::RecordType;
use flow_plan::operator::JoinKind;
use flow_plan::physical::hidden::NO_WATERMARK;
use flow_plan::physical::{JoinSide, StreamBound, StreamJoin};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Which rows meet, and until when they are kept.
pub(crate) trait Bound: Send {
    /// Takes rows of a side.
    fn take(&mut self, core: &mut Core, side: usize, batch: Batch, at: Moment);

    /// Goes on with the rows that were taken; gives whether there is more to do, so that what it gave
    /// goes its way first.
    fn go_on(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<bool, Halt>;

    /// All rows of the number are taken: gives what is due, and frees what nobody can meet any more.
    /// Gives whether there is more to do.
    fn pass(&mut self, core: &mut Core, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt>;

    /// Time passes up to where the rest is on disk: gives what is due. Gives whether there is more to do.
    fn pass_up_to(&mut self, core: &mut Core, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        self.pass(core, cx, at)
    }

    /// Left rows that wait, by event time, if they are given when their time is over, and how near rows are.
    fn waiting(&mut self) -> Option<(&mut Due, Near)> {
        None
    }

    /// Gives a piece of those that wait, until it is said of the time of one that it does not have its turn.
    fn give_waiting(
        &mut self,
        core: &mut Core,
        cx: &mut Context<'_>,
        until: &mut dyn FnMut(i64) -> bool,
    ) -> Result<(), Halt> {
        if let Some((due, _)) = self.waiting() {
            give_lonely(core, cx, due, until, BATCH_ROWS);
        }
        Ok(())
    }

    /// No row comes any more: is there one that meets the right rows of a key?
    fn is_met_at_end(&self, _core: &Core, _slot: u32) -> bool {
        false
    }

    /// Keys of which rows are about to be given: they stay in memory.
    fn in_hand(&self, _core: &Core, _slots: &mut Vec<u32>) {}

    /// Rows of a side are back from disk, under these numbers.
    fn came(&mut self, _core: &Core, _side: usize, _rows: &[u32]) {}

    /// The last watermark at which a row is met that has this time, or was used then.
    fn last(&self, _side: usize, _time: i64) -> i64 {
        i64::MAX
    }

    /// The last watermark at which all rows of a key are met, if it is not for ever.
    fn first_over(&self, core: &Core, slot: u32) -> Option<i64> {
        let lasts = |side: usize| {
            let kept = &core.kept[side];
            kept.list(slot).map(move |row| self.last(side, kept.time(row)))
        };
        lasts(0).chain(lasts(1)).min().filter(|last| *last < i64::MAX)
    }

    /// Does it bring back by itself what is over, when it gives that?
    fn lines_up(&self) -> bool {
        false
    }

    /// Rows of a side have moved: each is where this says, or in memory no more (`NO_ROW`).
    fn rows_move(&mut self, _side: usize, _moved: &[u32]) {}

    /// The bytes it takes for each row beside what the core does, about.
    fn bytes(&self) -> usize {
        0
    }

    /// These slots will stay, which ascend: they become `0..`.
    fn keys_move(&mut self, _core: &Core, _slots: &[u32]) {}

    /// Does it want to know how far each side alone is in event time?
    fn wants_sides(&self) -> bool {
        false
    }

    /// Does it know something of a key that may have no rows?
    fn has_key(&self, _slot: u32) -> bool {
        false
    }

    /// Keys go to disk: what it knows of them beside their rows goes, too.
    fn put_beside(&mut self, _core: &mut Core, _slots: &[u32]) -> Result<(), ColdError> {
        Ok(())
    }

    /// Keys with these hashes come back: in front of their rows what it knew of them.
    fn bring_beside(&mut self, _core: &mut Core, _hashes: &[u64]) -> Result<(), ColdError> {
        Ok(())
    }

    /// When [`Bound::pass`] has something to do although nothing came (micros of the wall clock).
    fn due(&self, _core: &Core) -> Result<Option<i64>, ColdError> {
        Ok(None)
    }

    /// A barrier: the rows that are kept are to be written down, or what changed of them ([`Core::save_side`]).
    fn save(&mut self, core: &mut Core, out: &mut Saving) {
        [0, 1].into_iter().for_each(|side| core.save_side(side, None, out));
    }

    /// Takes over what was saved.
    fn load(&mut self, core: &mut Core, from: &mut Loading) -> Result<(), String>;

    /// A piece of what is left at the end.
    fn flush(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Result<Flush, Halt>;
}

/// So many keys without rows are few.
const FEW: usize = 1024;

/// What all joins need: keys, kept rows, the further condition, the output.
pub(crate) struct Core {
    pub(crate) sides: [JoinSide; 2],
    pub(crate) kept: [Kept; 2],
    pub(crate) output: Output,
    pub(crate) condition: Option<Condition>,
    /// Of each side: the columns by which rows are alike.
    alike: [Vec<usize>; 2],
    pub(super) table: KeyTable,
    /// What the sides' rows are.
    pub(super) inputs: [Arc<RecordType>; 2],
    /// What memory has no room for.
    pub(super) spilled: Option<Spilled>,
    /// Keys without rows, as far as that was seen.
    dead: usize,
    /// Rows that went block by block, with their keys or not, and at how many of them keys are looked through.
    freed: usize,
    patience: usize,
    hashes: Vec<u64>,
}

impl Core {
    pub(crate) fn new(
        shared: &Shared,
        node: usize,
        join: &StreamJoin,
        condition: Option<&CompiledChain>,
    ) -> Core {
        let graph = &shared.graph.nodes;
        let inputs = [0, 1].map(|input| &graph[graph[node].inputs[input].node].output);
        let declared = inputs.map(|input| input.fields.len());
        let rank = shared.layout.nodes[node].rank;
        let ranks = [0, 1].map(|input| if rank > 0 { shared.layout.width(node, input) } else { 0 });
        let output = Output::new(join, rank, declared, ranks);
        let sides = [join.left.clone(), join.right.clone()];
        let keeps = |side: usize| {
            let mut columns = output.reads(side);
            columns.extend(sides[side].row.iter().chain(&sides[side].hidden.time));
            if join.bound == StreamBound::AsOf {
                columns.extend(sides[side].hidden.change);
            }
            columns.extend(join.condition_reads(declared[0], side));
            if side == 0 && matches!(join.kind, JoinKind::Left | JoinKind::Anti) {
                // Rows without a key are kept, too; a checkpoint says which part of it is null.
                columns.extend(&sides[0].keys);
            }
            if sides[side].hidden.change.is_some() {
                columns.extend(join.alike(declared[0], side));
            }
            Kept::new(columns, inputs[side], ranks[side])
        };
        let types = join.left.keys.iter().map(|&key| inputs[0].fields[key].ty.unwrapped());
        let condition = join.rest.as_ref().zip(condition);
        let mut kept = [keeps(0), keeps(1)];
        if shared.tracks {
            kept.iter_mut().for_each(|kept| kept.book.track());
        }
        Core {
            kept,
            alike: [join.alike(declared[0], 0), join.alike(declared[0], 1)],
            sides,
            output,
            condition: condition.map(|(rest, compiled)| Condition::new(rest, declared[0], compiled)),
            table: KeyTable::new(types),
            inputs: inputs.map(Arc::clone),
            spilled: None,
            dead: 0,
            freed: 0,
            patience: 0,
            hashes: Vec::new(),
        }
    }

    /// For each row of a batch the key's slot; [`NO_ROW`] where a part of the key is null.
    pub(crate) fn slots(&mut self, side: usize, batch: &Batch) -> Vec<u32> {
        let columns = key_columns(&self.sides[side], batch);
        let slots = self.slots_of(&columns, batch.len);
        if let Some(spilled) = &mut self.spilled {
            spilled.touch(&slots, self.table.len());
        }
        slots
    }

    /// As [`Core::slots`], for rows that nobody will meet: also [`NO_ROW`] where the key has no rows.
    pub(crate) fn known_slots(&mut self, side: usize, batch: &Batch) -> Vec<u32> {
        let columns = key_columns(&self.sides[side], batch);
        let known = |table: &mut KeyTable, columns: &[&Column], hashes: &[u64], out: &mut Vec<u32>| {
            table.known(columns, hashes, out);
        };
        let slots = self.look_up(&columns, batch.len, known);
        if let Some(spilled) = &mut self.spilled {
            spilled.touch(&slots, self.table.len());
        }
        slots
    }

    /// For each of these keys its slot; [`NO_ROW`] where a part of the key is null.
    pub(super) fn slots_of(&mut self, columns: &[&Column], rows: usize) -> Vec<u32> {
        let slots = self.look_up(columns, rows, KeyTable::slots);
        let keys = self.table.len();
        self.kept.iter_mut().for_each(|kept| kept.grow(keys));
        slots
    }

    fn look_up(
        &mut self,
        columns: &[&Column],
        rows: usize,
        look: impl FnOnce(&mut KeyTable, &[&Column], &[u64], &mut Vec<u32>),
    ) -> Vec<u32> {
        let mut slots = Vec::new();
        match super::table::keyed_rows(columns, rows) {
            None => {
                hash_columns(columns, rows, &mut self.hashes);
                look(&mut self.table, columns, &self.hashes, &mut slots);
            }
            Some(with_key) => {
                let keyed: Vec<Column> = columns
                    .iter()
                    .map(|column| Column { validity: None, ..column.gather(&with_key) })
                    .collect();
                let keyed: Vec<&Column> = keyed.iter().collect();
                hash_columns(&keyed, with_key.len(), &mut self.hashes);
                let mut found = Vec::new();
                look(&mut self.table, &keyed, &self.hashes, &mut found);
                slots.resize(rows, NO_ROW);
                with_key.iter().zip(found).for_each(|(&row, slot)| slots[row as usize] = slot);
            }
        }
        slots
    }

    /// The bytes that is in memory takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.table.bytes() + self.kept.iter().map(Kept::bytes).sum::<usize>()
    }

    fn held(&self) -> Held {
        let (keys, bytes) = self.spilled.as_ref().map_or((0, 0), |of| (of.keys.len(), of.bytes()));
        Held { keys: self.table.len() + keys, bytes: self.bytes() + bytes }
    }

    /// Is there a further condition that can raise a record error?
    pub(crate) fn condition_fails(&self) -> bool {
        self.condition.as_ref().is_some_and(Condition::can_fail)
    }

    /// Have both sides event time?
    pub(crate) fn timed(&self) -> bool {
        self.sides.iter().all(|side| side.hidden.time.is_some() && side.hidden.watermark.is_some())
    }

    /// The columns by which rows of a side are alike: a row that is withdrawn is as it was added in these.
    pub(crate) fn alike(&self, side: usize) -> &[usize] {
        &self.alike[side]
    }

    /// A kept row is met by nobody any more, but still there.
    pub(crate) fn unlink(&mut self, side: usize, row: u32) {
        if let Some(slot) = self.kept[side].unlink(row)
            && self.kept[1 - side].is_free(slot)
        {
            self.dead += 1;
        }
    }

    /// A kept row is gone.
    pub(crate) fn remove(&mut self, side: usize, row: u32) {
        self.unlink(side, row);
        if let Some(block) = self.kept[side].remove(row) {
            self.settle(side);
            self.kept[side].free_block(block);
        }
    }

    /// The rows of a side that nobody meets at this watermark any more go, block by block.
    pub(crate) fn free_recent(&mut self, side: usize, now: i64) {
        while let Some((block, rows)) = self.kept[side].pop_recent(now) {
            self.freed += rows;
            self.settle(side);
            self.kept[side].free_block(block);
        }
    }

    /// The keys with rows, if those without are many.
    pub(crate) fn keys_to_keep(&mut self, bound: &dyn Bound) -> Option<Vec<u32>> {
        let half = self.table.len().max(2 * FEW) / 2;
        if self.dead < half && self.freed < half.max(self.patience) {
            return None;
        }
        let live = |slot: &u32| self.kept.iter().any(|kept| !kept.is_free(*slot)) || bound.has_key(*slot);
        let slots: Vec<u32> = (0..self.table.len() as u32).filter(live).collect();
        (self.dead, self.freed) = (0, 0);
        if slots.len() > half {
            // Other rows of the same keys are there: it is not worth looking that often.
            self.patience = (2 * self.patience).clamp(half, 16 * half);
            return None;
        }
        self.patience = 0;
        Some(slots)
    }

    /// Forgets the other keys. Slots that were given before mean other keys then.
    pub(crate) fn keep_keys(&mut self, slots: &[u32]) {
        [0, 1].into_iter().for_each(|side| self.settle(side));
        self.table.retain(slots);
        self.kept.iter_mut().for_each(|kept| kept.keep_keys(slots));
        self.spilled.iter_mut().for_each(|spilled| spilled.keep_keys(slots));
    }

    /// Of pairs of a row that came (of this side) and a kept one, those for which the further condition
    /// holds.
    pub(crate) fn meet(
        &mut self,
        cx: &mut Context<'_>,
        side: usize,
        batch: &Batch,
        pairs: &mut Pairs,
    ) -> Result<(), Halt> {
        let Some(condition) = &mut self.condition else { return Ok(()) };
        if pairs.rows.is_empty() {
            return Ok(());
        }
        let came = super::condition::BatchSide { batch, rows: &pairs.rows };
        let kept = KeptSide { kept: &self.kept[1 - side], numbers: &pairs.kept };
        let holds = match side {
            0 => condition.holds(cx, pairs.rows.len(), &came, &kept)?,
            _ => condition.holds(cx, pairs.rows.len(), &kept, &came)?,
        };
        pairs.keep(&holds);
        Ok(())
    }

    /// Gives pairs of rows that came and kept ones. `own`: the watermark of the later one of each, if that is not the one
    /// that came.
    pub(crate) fn give(
        &self,
        cx: &mut Context<'_>,
        side: usize,
        batch: &Batch,
        pairs: &Pairs,
        own: Option<&[i64]>,
    ) {
        self.give_pairs(cx, side, pairs, None, batch, (&pairs.rows, own));
    }

    /// Gives pairs of rows that came and kept ones, which add or withdraw: `causes` are the rows for which
    /// they are given.
    pub(crate) fn give_changes(
        &self,
        cx: &mut Context<'_>,
        side: usize,
        batch: &Batch,
        pairs: &Pairs,
        causes: &[u32],
        signs: Option<&[i64]>,
    ) {
        self.give_pairs(cx, side, pairs, signs, batch, (causes, None));
    }

    fn give_pairs(
        &self,
        cx: &mut Context<'_>,
        side: usize,
        pairs: &Pairs,
        signs: Option<&[i64]>,
        batch: &Batch,
        (rows, own): (&[u32], Option<&[i64]>),
    ) {
        if pairs.rows.is_empty() {
            return;
        }
        let came = Rows::Of(batch, &pairs.rows);
        let kept = Rows::Kept(&self.kept[1 - side], &pairs.kept);
        let phase = if side == 0 { Phase::Row } else { Phase::OtherRow };
        let cause = Cause::Row { side, phase, batch, rows, own };
        let (left, right) = if side == 0 { (&came, &kept) } else { (&kept, &came) };
        cx.emit(self.output.batch(left, right, signs, &cause));
    }

    /// Of pairs of kept rows, the places of those for which the further condition holds.
    pub(crate) fn meet_kept(
        &mut self,
        cx: &mut Context<'_>,
        left: &[u32],
        right: &[u32],
    ) -> Result<Option<Vec<u32>>, Halt> {
        let Some(condition) = &mut self.condition else { return Ok(None) };
        let left = KeptSide { kept: &self.kept[0], numbers: left };
        let right = KeptSide { kept: &self.kept[1], numbers: right };
        condition.holds(cx, left.numbers.len(), &left, &right).map(Some)
    }

    /// Gives pairs of kept rows that are due; the right one may be [`NO_ROW`].
    pub(crate) fn give_kept(&self, cx: &mut Context<'_>, left: &[u32], right: &[u32], times: &[i64]) {
        if left.is_empty() {
            return;
        }
        let numbers = self.numbers(left);
        let rows = (Rows::Kept(&self.kept[0], left), Rows::Kept(&self.kept[1], right));
        cx.emit(self.output.batch(&rows.0, &rows.1, None, &Cause::Due { times, numbers: &numbers }));
    }

    /// The numbers in which kept left rows came.
    pub(crate) fn numbers(&self, left: &[u32]) -> Vec<u64> {
        left.iter().map(|&row| self.kept[0].number(row)).collect()
    }
}

/// The columns of a side's keys.
pub(super) fn key_columns<'a>(side: &JoinSide, batch: &'a Batch) -> Vec<&'a Column> {
    side.keys.iter().map(|&key| batch.columns[key].as_ref()).collect()
}

/// The values of an int column.
pub(crate) fn ints(batch: &Batch, column: usize) -> &[i64] {
    match &batch.columns[column].data {
        ColumnData::I64(values) => values,
        other => unreachable!("times and changes are ints, not {other:?}"),
    }
}

pub(crate) struct JoinOperator {
    core: Core,
    bound: Box<dyn Bound>,
    clock: Clock,
    /// How far each side alone is, if somebody wants to know.
    sides: Option<Sides>,
    waiting: [VecDeque<(Number, Batch)>; 2],
    steps: VecDeque<(Number, i64)>,
    /// Numbers below are complete.
    complete: Number,
    /// The watermark behind what was done.
    now: i64,
    /// Do rows come at the time of the wall clock?
    by_clock: bool,
    deadline: Option<Deadline>,
    /// The number that is being worked at, and whether only its end is left.
    current: Option<(Moment, Stage)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// Between batches.
    Batches,
    /// A batch is taken and not through.
    Rows,
    /// Time passes.
    Passing,
}

impl JoinOperator {
    pub(crate) fn new(
        shared: &Shared,
        node: usize,
        core: Core,
        bound: Box<dyn Bound>,
        by_clock: bool,
    ) -> JoinOperator {
        let clock = Clock::new(shared, node);
        let by_clock = !core.timed() || by_clock;
        let sides = bound.wants_sides() && !by_clock;
        let sides = sides.then(|| Sides::new(shared, node));
        JoinOperator {
            by_clock,
            deadline: None,
            core,
            bound,
            // A side alone may have event time; that is none of the wall clock's.
            now: if by_clock { NO_WATERMARK } else { clock.now() },
            clock,
            sides,
            waiting: [VecDeque::new(), VecDeque::new()],
            steps: VecDeque::new(),
            complete: 0,
            current: None,
        }
    }

    /// The lowest number with something to do.
    fn next(&self) -> Option<Number> {
        let rows = self.waiting.iter().filter_map(|waiting| waiting.front().map(|(number, _)| *number));
        let steps = self.steps.front().map(|(number, _)| *number);
        rows.chain(steps).min().filter(|&number| number < self.complete)
    }

    fn begin(&mut self, cx: &Context<'_>, number: Number) -> Moment {
        if self.by_clock {
            let now = self.wall(cx);
            return Moment::by_clock(number, now);
        }
        let behind = match self.steps.front() {
            Some(&(step, watermark)) if step == number => watermark,
            _ => self.now,
        };
        let own = self.sides.as_mut().map(|sides| sides.at(number));
        Moment::new(number, Step { before: self.now, behind }, own)
    }

    /// Works until something was given, or all is done; gives whether there is more.
    fn work(&mut self, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let given = cx.out.len();
        loop {
            let (moment, stage) = match self.current {
                Some(current) => current,
                None => match self.next() {
                    Some(number) => (self.begin(cx, number), Stage::Batches),
                    None => {
                        self.sides.iter_mut().for_each(|sides| _ = sides.at(self.complete));
                        return Ok(false);
                    }
                },
            };
            cx.number = moment.number;
            let next = match stage {
                Stage::Batches => self.next_batch(cx, moment)?,
                Stage::Rows => match self.bound.go_on(&mut self.core, cx)? {
                    true => Stage::Rows,
                    false => Stage::Batches,
                },
                Stage::Passing => match self.pass(cx, moment)? {
                    true => Stage::Passing,
                    false => {
                        self.passed(moment);
                        or_halt(cx, self.core.relieve(&mut *self.bound))?;
                        or_halt(cx, self.set_deadline(cx))?;
                        continue;
                    }
                },
            };
            self.current = Some((moment, next));
            if cx.out.len() > given {
                return Ok(true);
            }
        }
    }

    /// Lets time pass; gives whether there is more to do.
    fn pass(&mut self, cx: &mut Context<'_>, at: Moment) -> Result<bool, Halt> {
        // What comes first is in memory, so it comes in order.
        let up_to = match self.bound.lines_up() {
            true => None,
            false => or_halt(cx, self.core.in_memory_up_to(at.behind))?,
        };
        let part = Moment { behind: up_to.unwrap_or(at.behind), ..at };
        let more = match up_to {
            Some(_) => self.bound.pass_up_to(&mut self.core, cx, part)?,
            None => self.bound.pass(&mut self.core, cx, part)?,
        };
        if more {
            return Ok(true);
        }
        if up_to.is_some() {
            or_halt(cx, self.core.relieve(&mut *self.bound))?;
            or_halt(cx, self.core.bring_due(&mut *self.bound, at.behind))?;
        }
        Ok(up_to.is_some())
    }

    fn next_batch(&mut self, cx: &Context<'_>, moment: Moment) -> Result<Stage, Halt> {
        for side in [0, 1] {
            let waiting = &mut self.waiting[side];
            if waiting.front().is_some_and(|(number, _)| *number == moment.number)
                && let Some((_, batch)) = waiting.pop_front()
            {
                or_halt(cx, self.core.bring_keys(&mut *self.bound, side, &batch))?;
                self.bound.take(&mut self.core, side, batch, moment);
                return Ok(Stage::Rows);
            }
        }
        Ok(Stage::Passing)
    }

    fn passed(&mut self, moment: Moment) {
        self.current = None;
        self.now = moment.behind;
        if self.steps.front().is_some_and(|(number, _)| *number == moment.number) {
            self.steps.pop_front();
        }
        if let Some(slots) = self.core.keys_to_keep(&*self.bound) {
            self.bound.keys_move(&self.core, &slots);
            self.core.keep_keys(&slots);
        }
    }

    fn set_deadline(&mut self, cx: &Context<'_>) -> Result<(), ColdError> {
        let clock = cx.shared.env.clock.as_ref();
        let wait = |due: i64| Duration::from_micros(due.saturating_sub(clock.wall_micros()).max(1) as u64);
        let due = self.bound.due(&self.core)?.filter(|_| self.by_clock);
        self.deadline = due.map(|due| Deadline::after(clock, wait(due)));
        Ok(())
    }

    /// The time of the wall clock, which does not go back here.
    fn wall(&mut self, cx: &Context<'_>) -> i64 {
        self.now = self.now.max(cx.shared.env.clock.wall_micros());
        self.now
    }
}

impl Operator for JoinOperator {
    fn push(&mut self, cx: &mut Context<'_>, input: usize, batch: Batch) -> Result<(), Halt> {
        self.waiting[input].push_back((cx.number, batch));
        Ok(())
    }

    fn advance(&mut self, cx: &mut Context<'_>, to: Number) -> Result<(), Halt> {
        self.complete = to;
        let steps = self.clock.steps(cx.shared, to);
        self.steps.extend(steps);
        self.sides.iter_mut().for_each(|sides| sides.advance(cx.shared, to));
        self.work(cx).map(|_| ())
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Result<bool, Halt> {
        match self.current.is_some() || self.next().is_some() {
            true => self.work(cx),
            false => Ok(false),
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        self.bound.flush(&mut self.core, cx)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn held(&self) -> Held {
        self.core.held()
    }

    fn tick(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        let now = self.wall(cx);
        let at = Moment::by_clock(cx.number, now);
        while self.pass(cx, at)? {}
        or_halt(cx, self.set_deadline(cx))
    }

    fn save(&mut self, out: &mut Saving) {
        // No row waits, and no step of time: all numbers below the barrier were worked off.
        self.bound.save(&mut self.core, out);
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.core.save_more(out, entries).map_err(|error| error.to_string())
    }

    fn load(&mut self, cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        self.bound.load(&mut self.core, from)?;
        self.core.relieve(&mut *self.bound).map_err(|error| error.to_string())?;
        self.set_deadline(cx).map_err(|error| error.to_string())
    }
}
