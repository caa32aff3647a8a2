//! What is given of sessions when time has passed, and when they are freed.

use super::{Common, Context, Flushing, Halt, Phase, Rank, Replaced, Sessions};
use crate::operator::window::given::in_order;
use crate::state::ColdError;
use flow_data::BATCH_ROWS;
use flow_plan::operator::LateTrigger;
use flow_plan::physical::hidden::NO_WATERMARK;

impl Sessions {
    /// Gives the sessions that are due, with what was due before rows extended it, what is given for rows behind, and what
    /// has changed of those that are over and waits for the clock: each in its turn.
    pub(super) fn give_due(
        &mut self,
        common: &Common,
        cx: &mut Context<'_>,
        due: &[u32],
        over: &[u32],
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

    /// Partial results of sessions that are open, or of those that rows behind have changed.
    pub(super) fn give_changed(
        &mut self,
        common: &Common,
        cx: &mut Context<'_>,
        early: bool,
    ) -> Result<(), Halt> {
        let phase = if early { Phase::Early } else { Phase::Due };
        let wanted = |slot: &u32| {
            let session = &self.sessions[*slot as usize];
            session.bucket != i64::MIN && session.state.changed && session.state.done != early
        };
        let mut slots: Vec<u32> = (0..self.sessions.len() as u32).filter(wanted).collect();
        self.sort(&mut slots);
        self.copy_ahead(common, &slots);
        for slots in slots.chunks(BATCH_ROWS) {
            let given = self.result(common, cx, slots, (NO_WATERMARK, &Rank::Due(phase)))?;
            cx.emit(given.batch);
        }
        Ok(())
    }

    /// What the end of the input gives: sessions that are not given, and those that have changed and wait
    /// for the clock. If some are on disk, the first of them; and how far time may pass before the next ones come back.
    pub(super) fn rest(&mut self, common: &Common) -> Result<Flushing, ColdError> {
        let later = matches!(self.keeping.late, Some(LateTrigger::Every(_)));
        loop {
            self.relieve(common)?;
            let until = self.bring_due(common, i64::MAX)?;
            let (rest, no_more): (Vec<u32>, Vec<u32>) = self.due(until).into_iter().partition(|slot| {
                let state = self.sessions[*slot as usize].state;
                state.filled && (!state.done || (later && state.changed))
            });
            if self.disk.is_some() {
                self.copy_ahead(common, &no_more);
                no_more.into_iter().for_each(|slot| self.close(slot));
            }
            if !rest.is_empty() || until.is_none() {
                return Ok((rest.into_iter(), until));
            }
        }
    }

    /// In the order of their results.
    pub(super) fn sort(&self, slots: &mut [u32]) {
        let end = |slot: u32| self.sessions[slot as usize].end;
        slots.sort_unstable_by(|&a, &b| end(a).cmp(&end(b)).then_with(|| self.births.compare(a, b)));
    }
}
