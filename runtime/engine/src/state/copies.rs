//! What checkpoints hold of a table's entries that an operator knows by slots: which changed since the last one, which went,
//! and what the one on its way has not copied yet. The operator copies; this only keeps what it copied before its turn.

use super::changed::{Changed, Marked};
use crate::snapshot::Columns;
use flow_data::Batch;

/// Entries of one table, by slot.
#[derive(Default)]
pub(crate) struct Copies {
    /// What has changed. A run's first checkpoint holds all there is: nothing is noted before.
    changed: Option<Changed>,
    /// What the checkpoint on its way still has to copy; what was copied of it before it changed or went.
    marked: Option<Marked>,
    copied: Option<Columns>,
    /// The keys of entries that are no more since the last barrier.
    gone: Vec<Batch>,
}

impl Copies {
    /// Is it noted what changes?
    pub(crate) fn notes(&self) -> bool {
        self.changed.is_some()
    }

    /// Those that have changed.
    pub(crate) fn slots(&self) -> Vec<u32> {
        self.changed.as_ref().map(Changed::slots).unwrap_or_default()
    }

    /// How many have changed.
    pub(crate) fn count(&self) -> usize {
        self.changed.as_ref().map_or(0, Changed::count)
    }

    /// The keys of entries that are no more.
    pub(crate) fn gone(&mut self, keys: Batch) {
        if keys.len > 0 && self.notes() {
            self.gone.push(keys);
        }
    }

    /// Everything will be written: nobody needs to know what is gone.
    pub(crate) fn forget_gone(&mut self) {
        self.gone.clear();
    }

    /// Is one still to be copied?
    pub(crate) fn is_left(&self, slot: u32) -> bool {
        self.marked.as_ref().is_some_and(|marked| marked.is_left(slot))
    }

    /// These change, or are new; there are so many in all.
    pub(crate) fn change(&mut self, slots: &[u32], all: usize) {
        if let Some(changed) = &mut self.changed {
            changed.mark(slots, all);
        }
    }

    /// Those of these that are to be copied before they change.
    pub(crate) fn ahead(&mut self, slots: &[u32]) -> Vec<u32> {
        self.marked.as_mut().map(|marked| marked.ahead(slots)).unwrap_or_default()
    }

    /// Is something still to be copied, as far as is known?
    pub(crate) fn is_marked(&self) -> bool {
        self.marked.is_some()
    }

    /// These were copied before they change or go.
    pub(crate) fn copied(&mut self, columns: Columns) {
        columns.append_to(&mut self.copied);
    }

    /// What was copied of entries that changed or went.
    pub(crate) fn take_copied(&mut self) -> Option<Columns> {
        self.copied.take()
    }

    /// The next ones that are to be copied; without any, all are.
    pub(crate) fn next(&mut self, most: usize) -> Vec<u32> {
        let next = self.marked.as_mut().map(|marked| marked.next(most)).unwrap_or_default();
        if next.is_empty()
            && let (Some(copied), Some(changed)) = (self.marked.take(), &mut self.changed)
        {
            changed.reuse(copied);
        }
        next
    }

    /// Keeps these, which ascend; they become `0..`. What was to be copied of the others has been.
    pub(crate) fn retain(&mut self, kept: &[u32]) {
        self.changed.iter_mut().for_each(|changed| changed.retain(kept));
        self.marked.iter_mut().for_each(|marked| marked.retain(kept));
    }

    /// A barrier: all of so many are to be copied, or what changed.
    pub(crate) fn mark(&mut self, whole: bool, all: usize, tracks: bool) -> Vec<Batch> {
        self.copied = None;
        self.marked = Some(Changed::take_of(&mut self.changed, whole, all));
        if tracks {
            self.changed.get_or_insert_default();
        }
        std::mem::take(&mut self.gone)
    }

    /// The bytes it has taken.
    pub(crate) fn bytes(&self) -> usize {
        self.changed.as_ref().map_or(0, Changed::bytes)
    }
}
