//! What is given of sessions when time has passed, and when they are freed.

use super::spilling::Why;
use super::{Common, Context, Flushing, Halt, Phase, Rank, Replaced, Sessions, State};
use crate::operator::window::given::in_order;
use crate::state::ColdError;
use flow_data::BATCH_ROWS;
use flow_plan::operator::LateTrigger;
use flow_plan::physical::hidden::NO_WATERMARK;

impl Sessions {
    /// Gives the sessions that are due, with what was due before rows extended it, what is given for rows behind, and what
    /// has changed of those that are over and waits for the clock: each in its turn, as far as time passes until more come
    /// from disk.
    pub(super) fn give_due(
        &mut self,
        common: &Common,
        cx: &mut Context<'_>,
        (due, over): (&[u32], &[u32]),
        until: Option<i64>,
    ) -> Result<(), Halt> {
        let mut all: Vec<Replaced> = std::mem::take(&mut self.made);
        let waits = matches!(self.keeping.late, Some(LateTrigger::Every(_)));
        let is_changed = |slot: &u32| waits && self.sessions[*slot as usize].state.changed;
        let changed: Vec<u32> = over.iter().copied().filter(is_changed).collect();
        let is_alone = all.is_empty() && changed.is_empty();
        let (later, due): (Vec<u32>, Vec<u32>) =
            due.iter().partition(|slot| self.later(**slot, cx.number).is_some());
        for slots in due.chunks(BATCH_ROWS) {
            all.push(self.result(common, cx, slots, (NO_WATERMARK, &Rank::Session { before: false }))?);
        }
        for slot in later {
            if let Some(rank) = self.later(slot, cx.number) {
                all.push(self.result(common, cx, &[slot], (NO_WATERMARK, &rank))?);
            }
        }
        let rank = Rank::Over { behind: self.keeping.lateness.saturating_add(1) };
        for slots in changed.chunks(BATCH_ROWS) {
            all.push(self.result(common, cx, slots, (NO_WATERMARK, &rank))?);
        }
        if let Some(until) = until {
            let (now, later): (Vec<Replaced>, Vec<Replaced>) =
                all.into_iter().map(|given| given.until(until)).unzip();
            self.made = later.into_iter().filter(|given| given.batch.len > 0).collect();
            all = now;
        }
        match is_alone {
            true => all.into_iter().for_each(|given| cx.emit(given.batch)),
            false => cx.emit(in_order(all)),
        }
        Ok(())
    }

    /// Frees sessions that no row can reach any more: those that were `done`, and some of those that are it now.
    pub(super) fn free_over(&mut self, mut over: Vec<u32>, due: Vec<u32>, now: i64) {
        for slot in due {
            if self.at(slot) <= now {
                over.push(slot);
            } else {
                self.watch(slot);
            }
        }
        over.into_iter().for_each(|slot| self.close(slot));
    }

    /// The clock on the wall says that results are to be given.
    pub(super) fn give_changed(
        &mut self,
        common: &Common,
        cx: &mut Context<'_>,
        early: bool,
    ) -> Result<(), Halt> {
        let mut slots: Vec<u32> =
            (0..self.sessions.len() as u32).filter(|slot| self.is_open(*slot)).collect();
        slots.retain(|&slot| self.chooses(Why::Tick { early }, self.sessions[slot as usize].state));
        self.sort(&mut slots);
        self.copy_ahead(common, &slots);
        for slots in slots.chunks(BATCH_ROWS) {
            self.give(common, cx, slots, Why::Tick { early })?;
        }
        Ok(())
    }

    /// Gives sessions at once.
    pub(super) fn give(
        &mut self,
        common: &Common,
        cx: &mut Context<'_>,
        slots: &[u32],
        why: Why,
    ) -> Result<(), Halt> {
        let phase = if why == (Why::Tick { early: true }) { Phase::Early } else { Phase::Due };
        let given = self.result(common, cx, slots, (NO_WATERMARK, &Rank::Due(phase)))?;
        cx.emit(given.batch);
        Ok(())
    }

    /// Is a session given?
    pub(super) fn chooses(&self, why: Why, state: State) -> bool {
        let later = matches!(self.keeping.late, Some(LateTrigger::Every(_)));
        match why {
            Why::Tick { early } => state.changed && state.done != early,
            Why::Flush => state.filled && (!state.done || (later && state.changed)),
        }
    }

    /// What the end of the input gives next: all of it, or, if sessions may be on disk, the next ones.
    pub(super) fn rest(&mut self, common: &Common) -> Result<Flushing, ColdError> {
        if self.disk.is_some() {
            return self.rest_on_disk(common);
        }
        let mut rest = self.due(None);
        rest.retain(|slot| self.chooses(Why::Flush, self.sessions[*slot as usize].state));
        Ok((rest.into_iter(), None))
    }

    /// In the order of their results.
    pub(super) fn sort(&self, slots: &mut [u32]) {
        let end = |slot: u32| self.sessions[slot as usize].end;
        slots.sort_unstable_by(|&a, &b| end(a).cmp(&end(b)).then_with(|| self.births.compare(a, b)));
    }
}
