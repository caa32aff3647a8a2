//! What checkpoints hold of a table's entries that an operator knows by slots: which changed since the last one, which went,
//! and what the one on its way has not copied yet. The operator copies; this only keeps what it copied before its turn.

use super::changes::Changes;
use crate::snapshot::Columns;
use flow_data::Batch;

/// Entries of one table, by slot.
#[derive(Default)]
pub(crate) struct Copies {
    /// Which changed, and which are still to be copied.
    pub(crate) changes: Changes,
    /// What was copied for the checkpoint on its way of entries before they changed or went.
    copied: Option<Columns>,
    /// The keys of entries that are no more since the last barrier.
    gone: Vec<Batch>,
}

impl Copies {
    /// The keys of entries that are no more.
    pub(crate) fn gone(&mut self, keys: Batch) {
        if keys.len > 0 && self.changes.notes() {
            self.gone.push(keys);
        }
    }

    /// Everything will be written: nobody needs to know what is gone.
    pub(crate) fn forget_gone(&mut self) {
        self.gone.clear();
    }

    /// These were copied before they change or go.
    pub(crate) fn copied(&mut self, columns: Columns) {
        columns.append_to(&mut self.copied);
    }

    /// What was copied of entries that changed or went.
    pub(crate) fn take_copied(&mut self) -> Option<Columns> {
        self.copied.take()
    }

    /// A barrier: all of so many are to be copied, or what changed.
    pub(crate) fn mark(&mut self, whole: bool, all: usize, tracks: bool) -> Vec<Batch> {
        self.copied = None;
        self.changes.mark(whole, all, tracks);
        std::mem::take(&mut self.gone)
    }
}
