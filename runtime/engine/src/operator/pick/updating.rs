//! Picks where withdrawals come or go, or whose lists are given now and then: what is given is the
//! difference to the list that was given before.
//!
//! Over a changelog all rows are kept, as any may be the next best; where rows are only added, those of
//! the lists.

use super::contents::Contents;
use super::frame::Frame;
use super::lists::Rule;
use super::sort::{By, Place};
use crate::beat::{Beat, Beats};
use crate::context::Context;
use crate::error::Halt;
use crate::number::at_end;
use crate::operator::aggregate::{Lives, interval};
use crate::operator::waiting::{Beaten, Waiting};
use crate::operator::{Flush, Operator, on_disk};
use crate::ranks::{Phase, Ranks};
use crate::snapshot::{Loading, Saving};
use crate::state::{CROWDED, Cold, ColdError, Held, KeyTable, Sorted, Spilled, Spills, room};
use flow_data::hash::hash_columns;
use flow_data::{BATCH_ROWS, Batch, Column, ColumnData};
use flow_env::Deadline;
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::hidden::NO_WATERMARK;
use std::collections::BTreeMap;
use std::sync::Arc;

use noted::{Noted, TABLES, Table};

mod noted;
mod save;
mod spilling;

/// What an updating pick gives.
#[derive(Clone)]
pub(super) struct Gives {
    pub(super) rank: bool,
    /// Are withdrawals given?
    pub(super) changes: bool,
    /// Are the rows of a list that was given forgotten?
    pub(super) discarding: bool,
    /// Has each row its own event time, or that of the row that caused it?
    pub(super) own_time: bool,
    pub(super) trigger: RunningTrigger,
}

pub(super) struct UpdatingOperator<P> {
    frame: Frame,
    by: By,
    rule: Rule,
    gives: Gives,
    table: KeyTable,
    contents: Contents,
    /// How many rows there are.
    rows: usize,
    noted: Noted,
    groups: Vec<Group<P>>,
    /// What stands beside the groups: lists that were given, and what places keep on the heap.
    beside: usize,
    lives: Lives,
    /// The number of the next row.
    next: i64,
    /// Rows of each slot since it was last given.
    pending: Vec<u64>,
    /// Slots that changed since they were last given (of `every:`).
    changed: Waiting,
    beats: Option<Beats>,
    /// What the end of the input gives, in order, and how much of it was given.
    last: Option<(Vec<u32>, usize)>,
    /// The same, where keys may be on disk.
    sorted: Option<Sorted>,
    /// Keys that are on disk, with their rows and the lists that were given of them.
    spilled: Option<Spilled>,
    /// From so many slots on, those without groups are looked for.
    crowded: usize,
    places: Vec<P>,
    hashes: Vec<u64>,
    slots: Vec<u32>,
    found: Vec<u32>,
}

/// Where a row stands: its place, and of equal ones its number, turned round if the last wins.
type Order<P> = (P, i64);

struct Group<P> {
    /// The rows, best first: what they hold.
    rows: BTreeMap<Order<P>, u32>,
    /// The list that was given.
    given: Vec<Listed<P>>,
}

impl<P> Default for Group<P> {
    fn default() -> Group<P> {
        Group { rows: BTreeMap::new(), given: Vec::new() }
    }
}

impl<P: Place> Group<P> {
    /// The bytes that stand beside it, about.
    fn beside(&self) -> usize {
        self.rows.keys().map(|(place, _)| place.heap()).sum::<usize>() + listed(&self.given)
    }
}

/// What a list takes that was given, about.
fn listed<P: Place>(list: &[Listed<P>]) -> usize {
    list.iter().map(|listed| size_of::<Listed<P>>() + listed.order.0.heap()).sum()
}

#[derive(Clone)]
struct Listed<P> {
    order: Order<P>,
    content: u32,
    /// The event time it was given with.
    time: i64,
}

/// Rows that go out, and what stands beside them.
#[derive(Default)]
struct Given {
    causes: Vec<u32>,
    contents: Vec<u32>,
    ranks: Vec<i64>,
    times: Vec<i64>,
    changes: Vec<i64>,
}

impl Given {
    fn push(&mut self, cause: u32, content: u32, rank: usize, time: i64, change: i64) {
        self.causes.push(cause);
        self.contents.push(content);
        self.ranks.push(rank as i64);
        self.times.push(time);
        self.changes.push(change);
    }
}

/// Where watermarks and ranks of what is given come from.
enum Causes<'a> {
    Rows(&'a Batch),
    Slots,
}

impl<P: Place> UpdatingOperator<P> {
    pub(super) fn new(
        frame: Frame,
        by: By,
        rule: Rule,
        gives: Gives,
        beat: &Beat,
        tracks: bool,
        cold: Option<Cold>,
    ) -> Result<UpdatingOperator<P>, ColdError> {
        let beats = match gives.trigger {
            RunningTrigger::Every(micros) => Some(Beats::new(beat, interval(micros))),
            _ => None,
        };
        let mut lives = Lives::new(frame.own_ranks());
        if cold.is_some() {
            lives.widen(0);
        }
        Ok(UpdatingOperator {
            table: frame.key_table(),
            contents: Contents::new(&frame, by.columns()),
            by,
            rule,
            gives,
            rows: 0,
            noted: Noted::new(tracks),
            groups: Vec::new(),
            beside: 0,
            lives,
            next: 0,
            pending: Vec::new(),
            changed: Waiting::new(cold.as_ref().filter(|_| beats.is_some())),
            beats,
            last: None,
            sorted: None,
            spilled: cold.map(|cold| Spilled::new(cold, TABLES)).transpose()?,
            crowded: CROWDED,
            places: Vec::new(),
            hashes: Vec::new(),
            slots: Vec::new(),
            found: Vec::new(),
            frame,
        })
    }

    fn find(&mut self, batch: &Batch) {
        let columns: Vec<&Column> = self.frame.key_columns(batch);
        hash_columns(&columns, batch.len, &mut self.hashes);
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        let slots = self.table.len();
        self.groups.resize_with(slots, Group::default);
        self.lives.resize(slots);
        self.pending.resize(slots, 0);
        self.contents.find(batch, &mut self.hashes, &mut self.found);
        P::read(&self.by, batch, &mut self.places);
    }

    /// Adds a row to its group, or takes it out; gives where it stands or stood. What is not there cannot
    /// be taken out.
    fn apply(&mut self, cx: &Context<'_>, batch: &Batch, row: usize, change: i64) -> Option<Order<P>> {
        let (slot, content) = (self.slots[row] as usize, self.found[row]);
        let turned = |number: i64| if self.rule.last_wins { -number } else { number };
        let group = &mut self.groups[slot];
        if change < 0 {
            let number = self.contents.take(content)?;
            let order = (self.places[row].clone(), turned(number));
            if let Some((known, _)) = group.rows.remove_entry(&order) {
                self.beside -= known.0.heap();
            }
            self.noted.go(content, number, self.rows);
            self.rows -= 1;
            return Some(order);
        }
        if group.rows.is_empty() {
            self.lives.begin(slot, cx.number, batch, self.frame.input.fields.len(), row);
        }
        let order = (self.places[row].clone(), turned(self.next));
        self.contents.add(content, self.next);
        self.beside += order.0.heap();
        group.rows.insert(order.clone(), content);
        self.next += 1;
        self.rows += 1;
        self.noted.rows.changes.change(&[content], self.contents.len());
        if self.frame.hidden.change.is_none() {
            self.cut(slot);
        }
        Some(order)
    }

    /// Forgets rows behind the end of the list: none of those before can go.
    fn cut(&mut self, slot: usize) {
        let Rule { n, ties, last_wins } = self.rule;
        let rows = &mut self.groups[slot].rows;
        while rows.len() > n {
            let Some(last) = rows.last_entry() else { return };
            let place = last.key().0.clone();
            if ties && rows.keys().nth(n - 1).is_some_and(|(nth, _)| *nth == place) {
                return;
            }
            if let Some(((place, number), content)) = rows.pop_last() {
                self.beside -= place.heap();
                let number = if last_wins { -number } else { number };
                self.contents.remove(content, number);
                self.noted.go(content, number, self.rows);
                self.rows -= 1;
            }
        }
    }

    /// The list as it is now.
    fn list(&self, slot: usize) -> Vec<(Order<P>, u32)> {
        let Rule { n, ties, .. } = self.rule;
        let mut list: Vec<(Order<P>, u32)> = Vec::new();
        for (order, content) in &self.groups[slot].rows {
            if list.len() >= n && !(ties && list[n - 1].0.0 == order.0) {
                break;
            }
            list.push((order.clone(), *content));
        }
        list
    }

    /// Does a row that came or went there leave the list that was given as it is?
    fn is_behind(&self, slot: usize, order: &Order<P>) -> bool {
        let given = &self.groups[slot].given;
        let end = given.len().checked_sub(1).filter(|_| given.len() >= self.rule.n);
        end.is_some_and(|last| {
            *order > given[last].order && !(self.rule.ties && order.0 == given[last].order.0)
        })
    }

    /// What changed since the list of a slot was given. `time`: that of the row that causes it.
    fn difference(&mut self, slot: u32, cause: u32, time: Option<i64>, out: &mut Given) {
        let list = self.list(slot as usize);
        let old = std::mem::take(&mut self.groups[slot as usize].given);
        self.beside -= listed(&old);
        let contents = &self.contents;
        let fresh = |(order, content): &(Order<P>, u32)| Listed {
            order: order.clone(),
            content: *content,
            time: time.unwrap_or_else(|| contents.time(*content)),
        };
        let given = match self.gives.rank {
            true => self.by_place(&old, &list, fresh, cause, out),
            false => self.by_row(&old, &list, fresh, cause, out),
        };
        if self.gives.discarding {
            self.forget(slot as usize);
            return;
        }
        if given.len() < old.len() {
            self.noted.shrink(slot, old.len());
        }
        self.beside += listed(&given);
        self.groups[slot as usize].given = given;
        self.noted.given.changes.change(&[slot], self.groups.len());
    }

    /// Forgets the rows of a slot.
    fn forget(&mut self, slot: usize) {
        for ((place, number), content) in std::mem::take(&mut self.groups[slot].rows) {
            self.beside -= place.heap();
            let number = if self.rule.last_wins { -number } else { number };
            self.contents.remove(content, number);
            self.noted.go(content, number, self.rows);
            self.rows -= 1;
        }
    }

    /// Place by place: where another row stands, the old one goes and the new one comes.
    fn by_place(
        &self,
        old: &[Listed<P>],
        list: &[(Order<P>, u32)],
        fresh: impl Fn(&(Order<P>, u32)) -> Listed<P>,
        cause: u32,
        out: &mut Given,
    ) -> Vec<Listed<P>> {
        let mut given = Vec::with_capacity(list.len());
        for at in 0..old.len().max(list.len()) {
            let (before, now) = (old.get(at), list.get(at));
            if let (Some(before), Some((order, content))) = (before, now)
                && (before.order.1 == order.1 || self.is_no_change(before.content, *content))
            {
                given.push(Listed { order: order.clone(), content: *content, time: before.time });
                continue;
            }
            if let Some(before) = before.filter(|_| self.gives.changes) {
                out.push(cause, before.content, at + 1, before.time, -1);
            }
            if let Some(now) = now {
                let listed = fresh(now);
                out.push(cause, listed.content, at + 1, listed.time, 1);
                given.push(listed);
            }
        }
        given
    }

    /// Row by row: first those that left go, then new ones come.
    fn by_row(
        &self,
        old: &[Listed<P>],
        list: &[(Order<P>, u32)],
        fresh: impl Fn(&(Order<P>, u32)) -> Listed<P>,
        cause: u32,
        out: &mut Given,
    ) -> Vec<Listed<P>> {
        let mut before = old.iter().peekable();
        let (mut left, mut given, mut entered) = (Vec::new(), Vec::with_capacity(list.len()), Vec::new());
        for now in list {
            while let Some(gone) = before.next_if(|before| before.order < now.0) {
                left.push(gone);
            }
            match before.next_if(|before| before.order == now.0) {
                Some(same) => given.push(same.clone()),
                None => {
                    entered.push(given.len());
                    given.push(fresh(now));
                }
            }
        }
        left.extend(before);
        if self.gives.changes {
            // A row that left and one that is new are no change if they are equal.
            left.retain(|gone| {
                let equal = |at: &usize| self.is_no_change(gone.content, given[*at].content);
                match entered.iter().position(equal) {
                    Some(found) => {
                        given[entered.remove(found)].time = gone.time;
                        false
                    }
                    None => true,
                }
            });
            left.iter().for_each(|gone| out.push(cause, gone.content, 0, gone.time, -1));
        }
        entered.iter().for_each(|&at| out.push(cause, given[at].content, 0, given[at].time, 1));
        given
    }

    /// To readers of withdrawals, an equal row is the same row.
    fn is_no_change(&self, before: u32, now: u32) -> bool {
        self.gives.changes && self.contents.same(before, now)
    }

    fn emit(&self, cx: &mut Context<'_>, causes: &Causes<'_>, given: &Given) {
        let ints = |values: Vec<i64>| Column::new(ColumnData::I64(values));
        for start in (0..given.causes.len()).step_by(BATCH_ROWS) {
            let part = start..(start + BATCH_ROWS).min(given.causes.len());
            let rows = &given.causes[part.clone()];
            let mut columns = self.contents.rows(&given.contents[part.clone()]);
            columns.extend(self.gives.rank.then(|| ints(given.ranks[part.clone()].to_vec())));
            columns.extend(self.frame.hidden.time.map(|_| ints(given.times[part.clone()].to_vec())));
            columns.extend(self.frame.hidden.watermark.map(|column| match causes {
                Causes::Rows(batch) => batch.columns[column].gather(rows),
                Causes::Slots => ints(vec![NO_WATERMARK; rows.len()]),
            }));
            columns.extend(self.gives.changes.then(|| ints(given.changes[part].to_vec())));
            match causes {
                Causes::Rows(batch) => columns.extend(self.frame.ranks(cx.number, batch, rows)),
                Causes::Slots => columns.extend(self.slot_ranks(rows)),
            }
            cx.emit(Batch::new(rows.len(), columns.into_iter().map(Arc::new).collect()));
        }
    }

    /// The rank columns of what time gives of slots.
    fn slot_ranks(&self, slots: &[u32]) -> Vec<Column> {
        let mut ranks = Ranks::new(self.frame.rank);
        if ranks.wanted() {
            for &slot in slots {
                let own: Vec<i64> = self.lives.ranks().iter().map(|ranks| ranks[slot as usize]).collect();
                ranks.push(Phase::Due, 0, self.lives.born(slot), &own);
            }
        }
        let mut batch = Batch::new(slots.len(), Vec::new());
        ranks.append_to(&mut batch);
        batch.columns.into_iter().map(Arc::unwrap_or_clone).collect()
    }

    /// Gives what changed in the lists of slots.
    fn give(&mut self, cx: &mut Context<'_>, slots: &[u32]) {
        self.copy_changing(slots);
        self.noted.groups.changes.change(slots, self.groups.len());
        let mut given = Given::default();
        slots.iter().for_each(|&slot| self.difference(slot, slot, None, &mut given));
        self.emit(cx, &Causes::Slots, &given);
    }

    /// Frees slots without groups and contents without rows, once there may be as many as of others.
    fn free(&mut self) {
        if self.contents.is_crowded() {
            let mut used = self.contents.used();
            for listed in self.groups.iter().flat_map(|group| &group.given) {
                used[listed.content as usize] = true;
            }
            // Contents may go away, and so may what checkpoints still need of them.
            self.settle();
            if let Some(moved) = self.contents.retain(&used) {
                self.move_contents(&used, &moved);
            }
        }
        let all = self.table.len();
        if all < self.crowded {
            return;
        }
        let (live, empty): (Vec<u32>, Vec<u32>) = (0..all as u32).partition(|slot| self.is_live(*slot));
        self.crowded = (live.len() * 2).max(CROWDED);
        if live.len() * 2 <= all {
            self.leave(&live, &empty);
            self.retain(&live);
        }
    }

    /// Is there more to a slot than its key?
    fn is_live(&self, slot: u32) -> bool {
        let (group, waits) = (&self.groups[slot as usize], self.pending[slot as usize] > 0);
        let counted = matches!(self.gives.trigger, RunningTrigger::Count(_));
        !group.rows.is_empty() || !group.given.is_empty() || (counted && waits)
    }

    /// Only the contents that are used are there now, elsewhere.
    fn move_contents(&mut self, used: &[bool], moved: &[u32]) {
        let kept: Vec<u32> = (0..).zip(used).filter(|(_, used)| **used).map(|(content, _)| content).collect();
        self.noted.retain_contents(&kept);
        for group in &mut self.groups {
            group.rows.values_mut().for_each(|content| *content = moved[*content as usize]);
            group.given.iter_mut().for_each(|listed| listed.content = moved[listed.content as usize]);
        }
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    fn retain(&mut self, slots: &[u32]) {
        self.table.retain(slots);
        self.lives.retain(slots);
        let kept = slots.iter().map(|&slot| std::mem::take(&mut self.groups[slot as usize])).collect();
        self.beside -= self.groups.iter().map(Group::beside).sum::<usize>();
        self.groups = kept;
        self.pending = slots.iter().map(|&slot| self.pending[slot as usize]).collect();
        self.changed.keep(slots);
    }

    /// The groups that the end of the input gives, in the order of their births.
    fn rest(&self) -> Vec<u32> {
        let held = |slot: &u32| match self.gives.trigger {
            RunningTrigger::EachRow => false,
            RunningTrigger::AtEnd => !self.groups[*slot as usize].rows.is_empty(),
            _ => self.pending[*slot as usize] > 0,
        };
        let mut rest: Vec<u32> = (0..self.groups.len() as u32).filter(held).collect();
        self.lives.sort(&mut rest);
        rest
    }

    /// The bytes that all keys take in memory, about.
    fn bytes(&self) -> usize {
        let rows = self.contents.len() * (size_of::<Order<P>>() + 4);
        let beside = room(&self.groups) + room(&self.pending) + self.changed.bytes();
        let beside = beside + self.beside + self.noted.bytes();
        self.table.bytes() + self.contents.bytes() + self.lives.bytes() + rows + beside
    }
}

fn hidden(batch: &Batch, column: Option<usize>) -> Option<&[i64]> {
    column.map(|column| match &batch.columns[column].data {
        ColumnData::I64(values) => values.as_slice(),
        other => unreachable!("hidden columns are ints, not {other:?}"),
    })
}

impl<P: Place> Beaten for UpdatingOperator<P> {
    fn waiting(&mut self) -> &mut Waiting {
        &mut self.changed
    }

    fn wake(&mut self, hashes: &[u64]) -> Result<(), ColdError> {
        self.bring_back(hashes)
    }

    fn give_due(&mut self, cx: &mut Context<'_>, slots: &[u32]) -> Result<(), Halt> {
        self.copy_changing(slots);
        slots.iter().for_each(|&slot| self.pending[slot as usize] = 0);
        self.give(cx, slots);
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), ColdError> {
        self.relieve(&[])
    }
}

impl<P: Place> Operator for UpdatingOperator<P> {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        if let (Some(beats), true) = (&mut self.beats, self.changed.is_empty()) {
            beats.skip(cx.shared.env.clock.as_ref());
        }
        self.bring_keys(cx, &batch)?;
        self.find(&batch);
        let slots = std::mem::take(&mut self.slots);
        self.copy_changing(&slots);
        self.noted.groups.changes.change(&slots, self.table.len());
        self.slots = slots;
        let changes = hidden(&batch, self.frame.hidden.change);
        let times = hidden(&batch, self.frame.hidden.time);
        let mut given = Given::default();
        for row in 0..batch.len {
            let change = changes.map_or(1, |changes| changes[row]);
            let Some(order) = self.apply(cx, &batch, row, change) else { continue };
            let slot = self.slots[row];
            let pending = &mut self.pending[slot as usize];
            *pending += 1;
            let due = match self.gives.trigger {
                RunningTrigger::EachRow => !self.is_behind(slot as usize, &order),
                RunningTrigger::Count(n) => *pending >= n.max(1),
                RunningTrigger::Every(_) => {
                    if *pending == 1 {
                        self.changed.push(slot);
                    }
                    false
                }
                RunningTrigger::AtEnd => false,
            };
            if due {
                self.pending[slot as usize] = 0;
                let time = || times.map_or(NO_WATERMARK, |times| times[row]);
                let time = (!self.gives.own_time).then(time);
                self.difference(slot, row as u32, time, &mut given);
            }
        }
        self.emit(cx, &Causes::Rows(&batch), &given);
        if self.spilled.is_some() {
            let used = std::mem::take(&mut self.slots);
            self.relieve(&used).map_err(|error| on_disk(cx, &error))?;
        }
        self.free();
        Ok(())
    }

    fn held(&self) -> Held {
        let (keys, bytes) = self.spilled.as_ref().map_or((0, 0), |on_disk| (on_disk.len(), on_disk.bytes()));
        Held { keys: self.table.len() + keys, bytes: self.bytes() + bytes }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.beats.as_ref().map(Beats::next)
    }

    fn waits(&self) -> Option<Deadline> {
        self.deadline().filter(|_| !self.changed.is_empty())
    }

    fn tick(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        if let Some(beats) = &mut self.beats {
            beats.heard(cx.shared.env.clock.as_ref());
        }
        self.beat(cx)
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Flush, Halt> {
        if self.spilled.is_some() {
            return self.flush_sorted(cx);
        }
        let level = cx.shared.layout.nodes[cx.node].level;
        let (rest, from) = match self.last.take() {
            Some(last) => last,
            None => (self.rest(), 0),
        };
        let Some(&first) = rest.get(from) else { return Ok(Flush::Done) };
        let born = self.lives.born(first);
        let same = rest[from..].iter().take(BATCH_ROWS).take_while(|&&slot| self.lives.born(slot) == born);
        let to = from + same.count();
        cx.number = at_end(level, born);
        self.give(cx, &rest[from..to]);
        let next = rest.get(to).map(|&slot| at_end(level, self.lives.born(slot)));
        self.last = Some((rest, to));
        Ok(next.map_or(Flush::Done, Flush::More))
    }

    fn save(&mut self, out: &mut Saving) {
        self.mark(out);
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.save_marked(out, entries).map_err(|error| error.to_string())
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        self.load_all(from)
    }
}
