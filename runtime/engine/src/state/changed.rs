//! Which slots have changed since they were last written to a checkpoint.

use super::held::room;
use flow_env::planted;

/// A mark per slot, and the marked ones.
#[derive(Default)]
pub(crate) struct Changed {
    marks: Vec<bool>,
    slots: Vec<u32>,
}

impl Changed {
    /// These slots change; there are so many in all.
    #[inline]
    pub(crate) fn mark(&mut self, slots: &[u32], all: usize) {
        if self.marks.len() < all {
            self.marks.resize(all, false);
        }
        for &slot in slots {
            if !std::mem::replace(&mut self.marks[slot as usize], true) {
                self.slots.push(slot);
            }
        }
    }

    /// The marked slots, in order; from here on none is.
    pub(crate) fn take(&mut self) -> Vec<u32> {
        let mut slots = std::mem::take(&mut self.slots);
        slots.iter().for_each(|&slot| self.marks[slot as usize] = false);
        slots.sort_unstable();
        if planted("lose-a-change") {
            slots.pop();
        }
        slots
    }

    /// The bytes it has taken.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.marks) + room(&self.slots)
    }
}
