//! Which entries were used lately: who leaves memory first.

/// By slot: was its entry used since entries were last put on disk?
#[derive(Default)]
pub(crate) struct Touched(Vec<bool>);

impl Touched {
    /// The entries of slots are used; there are so many in all.
    pub(crate) fn touch(&mut self, slots: impl Iterator<Item = u32>, all: usize) {
        self.0.resize(all, false);
        slots.for_each(|slot| self.0[slot as usize] = true);
    }

    /// Those of so many that stay when others have to go: that were used, and of these at most half of all. They ascend.
    pub(crate) fn stay(&mut self, all: usize) -> Vec<u32> {
        self.0.resize(all, false);
        self.last(all / 2)
    }

    /// Those that were used, so many at most: the ones that came last. They ascend.
    pub(crate) fn last(&self, most: usize) -> Vec<u32> {
        let mut last: Vec<u32> = (0..self.0.len() as u32).filter(|slot| self.0[*slot as usize]).collect();
        last.drain(..last.len().saturating_sub(most));
        last
    }

    /// These slots become `0..`; nothing was used since.
    pub(crate) fn forget(&mut self, kept: &[u32]) {
        self.0 = vec![false; kept.len()];
    }

    /// These slots become `0..`.
    pub(crate) fn keep(&mut self, kept: &[u32]) {
        self.0 = kept.iter().map(|&slot| self.0.get(slot as usize).copied().unwrap_or_default()).collect();
    }
}
