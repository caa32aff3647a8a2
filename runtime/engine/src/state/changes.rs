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
        match tracks {
            true => drop(self.changed.get_or_insert_default()),
            false => self.changed = None,
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

/// Tables with fewer entries are always noted. In debug builds that are very few, so that simulated jobs come to it.
const FEW: usize = if cfg!(debug_assertions) { 8 } else { 1 << 12 };

/// Checkpoints in a row behind which nothing is noted at most: so long it takes to see that less changes now.
const MOST: u32 = 4;

/// When to note nothing. Where most entries change between two checkpoints, all are written anyway, and to mark the key of
/// each row is a part of its time that can be measured: 3 % of the word count's.
#[derive(Default)]
pub(crate) struct Rest {
    /// Behind how many checkpoints nothing was noted, the last time that was so.
    last: u32,
    /// How many of them are still to come.
    left: u32,
}

impl Rest {
    /// A barrier, with so many slots: true if all of them are to be copied, and nothing is noted until the next one.
    pub(crate) fn barrier(&mut self, changes: &Changes, all: usize) -> bool {
        if changes.notes() {
            let most = all > FEW && 2 * changes.count() > all;
            self.last = if most { (2 * self.last).clamp(1, MOST) } else { 0 };
            self.left = self.last;
        }
        let rests = self.left > 0;
        self.left = self.left.saturating_sub(1);
        rests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: usize = 5_000;

    /// What is noted between barriers, each behind changes of so many slots: `n` noted, `-` not.
    fn noted(changes: &[usize]) -> String {
        let (mut rest, mut noted, mut said) = (Rest::default(), Changes::noted(), String::new());
        for changed in changes {
            said.push(if noted.notes() { 'n' } else { '-' });
            let slots: Vec<u32> = (0..*changed as u32).collect();
            noted.change(&slots, ALL);
            let rests = rest.barrier(&noted, ALL);
            noted.mark(rests || !noted.notes(), ALL, !rests);
            while !noted.next(ALL).is_empty() {}
        }
        said
    }

    #[test]
    fn where_most_changes_it_is_noted_ever_less_often() {
        assert_eq!(noted(&[4_000; 16]), "n-n--n----n----n");
    }

    #[test]
    fn where_less_changes_again_it_is_noted_always() {
        assert_eq!(noted(&[4_000, 4_000, 4_000, 10, 10, 10, 10, 10]), "n-n--nnn");
    }

    #[test]
    fn where_little_changes_it_is_always_noted() {
        assert_eq!(noted(&[10; 8]), "nnnnnnnn");
    }
}
