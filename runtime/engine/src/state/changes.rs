//! What checkpoints have to get of entries that are known by slots: which changed since the last one, and which the one on
//! its way has not copied yet. Who has the entries copies them; this only says which.

use super::changed::{Changed, Marked};

/// The slots of one table.
#[derive(Default)]
pub(crate) struct Changes {
    /// What has changed. A run's first checkpoint holds all there is: nothing is noted before.
    changed: Option<Changed>,
    /// What the checkpoint on its way still has to copy.
    marked: Option<Marked>,
}

impl Changes {
    /// Of a table that comes behind a run's first checkpoint: what changes is noted at once.
    pub(crate) fn noted() -> Changes {
        Changes { changed: Some(Changed::default()), marked: None }
    }

    /// Is it noted what changes?
    pub(crate) fn notes(&self) -> bool {
        self.changed.is_some()
    }

    /// These slots change, or are new; there are so many in all.
    #[inline]
    pub(crate) fn change(&mut self, slots: &[u32], all: usize) {
        if let Some(changed) = &mut self.changed {
            changed.mark(slots, all);
        }
    }

    /// Has a slot changed?
    pub(crate) fn has(&self, slot: u32) -> bool {
        self.changed.as_ref().is_some_and(|changed| changed.has(slot))
    }

    /// The slots that have changed.
    pub(crate) fn slots(&self) -> Vec<u32> {
        self.changed.as_ref().map(Changed::slots).unwrap_or_default()
    }

    /// How many have changed.
    pub(crate) fn count(&self) -> usize {
        self.changed.as_ref().map_or(0, Changed::count)
    }

    /// A barrier: all of so many slots are to be copied, or what changed; from here on it is noted what does, if somebody
    /// `tracks` it.
    pub(crate) fn mark(&mut self, whole: bool, all: usize, tracks: bool) {
        self.marked = Some(Changed::take_of(&mut self.changed, whole, all));
        if tracks {
            self.changed.get_or_insert_default();
        }
    }

    /// A barrier, behind which nothing is to be copied.
    pub(crate) fn mark_nothing(&mut self) {
        self.marked = None;
    }

    /// Is something still to be copied, as far as is known?
    pub(crate) fn is_marked(&self) -> bool {
        self.marked.is_some()
    }

    /// Is a slot still to be copied?
    pub(crate) fn is_left(&self, slot: u32) -> bool {
        self.marked.as_ref().is_some_and(|marked| marked.is_left(slot))
    }

    /// Those of these slots that are to be copied before they change, each once.
    #[inline]
    pub(crate) fn ahead(&mut self, slots: &[u32]) -> Vec<u32> {
        self.marked.as_mut().map(|marked| marked.ahead(slots)).unwrap_or_default()
    }

    /// The next slots that are to be copied, so many at most; without any, all are.
    pub(crate) fn next(&mut self, most: usize) -> Vec<u32> {
        let next = self.marked.as_mut().map(|marked| marked.next(most)).unwrap_or_default();
        if next.is_empty()
            && let (Some(copied), Some(changed)) = (self.marked.take(), &mut self.changed)
        {
            changed.reuse(copied);
        }
        next
    }

    /// Keeps these slots, which ascend; they become slots `0..`. What was to be copied of the others has been.
    pub(crate) fn retain(&mut self, kept: &[u32]) {
        self.changed.iter_mut().for_each(|changed| changed.retain(kept));
        self.marked.iter_mut().for_each(|marked| marked.retain(kept));
    }

    /// The bytes it has taken.
    pub(crate) fn bytes(&self) -> usize {
        self.changed.as_ref().map_or(0, Changed::bytes)
    }
}
