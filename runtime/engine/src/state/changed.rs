//! Which slots have changed since they were last written to a checkpoint, and which a checkpoint still has to copy.

use super::held::room;
use flow_env::planted;

/// A mark per slot.
#[derive(Default)]
pub(crate) struct Changed {
    marks: Vec<u8>,
    /// Zeros, for the next marks: fresh memory would be most of what a barrier costs.
    spare: Vec<u8>,
}

impl Changed {
    /// These slots change; there are so many in all.
    #[inline]
    pub(crate) fn mark(&mut self, slots: &[u32], all: usize) {
        if self.marks.len() < all {
            self.grow(all);
        }
        slots.iter().for_each(|&slot| self.marks[slot as usize] = 1);
    }

    fn grow(&mut self, all: usize) {
        if self.marks.capacity() == 0 {
            // The system gives zeros page by page, where a mark is made.
            self.marks = vec![0; all];
        } else {
            self.marks.resize(all, 0);
        }
    }

    /// The slots that changed, as what is to be copied; from here on none has.
    pub(crate) fn take(&mut self) -> Marked {
        let mut marks = std::mem::replace(&mut self.marks, std::mem::take(&mut self.spare));
        if planted("lose-a-change")
            && let Some(last) = marks.iter_mut().rev().find(|mark| **mark != 0)
        {
            *last = 0;
        }
        Marked { marks, left: 1, from: 0 }
    }

    /// All of so many slots are to be copied, whether they changed or not; from here on none has.
    pub(crate) fn take_all(&mut self, slots: usize) -> Marked {
        self.marks.fill(0);
        Marked::all(slots)
    }

    /// All of it is copied: takes its memory back.
    pub(crate) fn reuse(&mut self, copied: Marked) {
        debug_assert!(copied.marks.iter().all(|mark| *mark != copied.left), "a slot was not copied");
        self.spare = copied.marks;
        if copied.left == 0 {
            self.spare.fill(0);
        }
    }

    /// Has a slot changed?
    pub(crate) fn has(&self, slot: u32) -> bool {
        self.marks.get(slot as usize).is_some_and(|mark| *mark != 0)
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        self.marks = kept(&self.marks, slots);
        self.spare = Vec::new();
    }

    /// The bytes it has taken.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.marks) + room(&self.spare)
    }
}

/// Slots whose entries a checkpoint holds as they were at its barrier. Nothing is copied when it is made: that is done
/// a piece at a time, and of a slot that is about to change before it does.
pub(crate) struct Marked {
    marks: Vec<u8>,
    /// The mark of a slot that is not copied yet, 0 or 1; the other one says that there is nothing to copy. Where all are to
    /// be copied it is 0: a barrier need not touch the memory of the marks.
    left: u8,
    /// Below, all are copied.
    from: usize,
}

impl Marked {
    /// All of so many slots.
    pub(crate) fn all(slots: usize) -> Marked {
        Marked { marks: vec![0; slots], left: 0, from: 0 }
    }

    /// Keeps these slots, which ascend; they become slots `0..`. The others have been copied.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        self.marks = kept(&self.marks, slots);
        self.from = slots.partition_point(|slot| (*slot as usize) < self.from);
    }

    /// Those of these slots that are not copied yet, each once: the caller copies them.
    pub(crate) fn ahead(&mut self, slots: &[u32]) -> Vec<u32> {
        let mut ahead = Vec::new();
        for &slot in slots {
            if let Some(mark) = self.marks.get_mut(slot as usize)
                && *mark == self.left
            {
                *mark = 1 - self.left;
                ahead.push(slot);
            }
        }
        ahead
    }

    /// The next slots, so many at most, which the caller copies. Without any, all are copied.
    pub(crate) fn next(&mut self, most: usize) -> Vec<u32> {
        let (copied, mut next) = (1 - self.left, Vec::new());
        while next.len() < most && self.from < self.marks.len() {
            // Where little has changed, there is nothing to copy for most of it.
            let words = self.marks[self.from..].chunks_exact(8).take_while(|bytes| **bytes == [copied; 8]);
            self.from += words.count() * 8;
            let end = (self.from + most - next.len()).min(self.marks.len());
            for slot in self.from..end {
                if std::mem::replace(&mut self.marks[slot], copied) != copied {
                    next.push(slot as u32);
                }
            }
            self.from = end;
        }
        next
    }
}

/// The marks of these slots; of slots that came later there are none.
fn kept(marks: &[u8], slots: &[u32]) -> Vec<u8> {
    slots.iter().map_while(|&slot| marks.get(slot as usize).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_marked_slot_is_copied_once_whatever_changes_meanwhile() {
        let mut changed = Changed::default();
        changed.mark(&[3, 900, 17, 3, 16, 2047], 2048);
        let mut marked = changed.take();
        changed.mark(&[5, 17], 2048);
        assert_eq!(marked.ahead(&[17, 5, 17, 4000]), [17]);
        assert_eq!(marked.next(2), [3, 16]);
        assert_eq!(marked.ahead(&[3, 900]), [900]);
        assert_eq!(marked.next(100), [2047]);
        assert!(marked.next(100).is_empty());
        assert_eq!(changed.take().next(100), [5, 17]);
    }

    #[test]
    fn memory_that_is_used_again_holds_no_mark_of_before() {
        let mut changed = Changed::default();
        changed.mark(&[1, 7], 8);
        let mut marked = changed.take_all(8);
        changed.mark(&[2], 9);
        assert_eq!(marked.next(100), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(marked.next(100).is_empty());
        changed.reuse(marked);
        let mut marked = changed.take();
        changed.mark(&[8], 12);
        assert_eq!(marked.next(100), [2]);
        assert!(marked.next(100).is_empty());
        changed.reuse(marked);
        assert_eq!(changed.take().next(100), [8]);
        assert!(changed.take().next(100).is_empty());
    }

    #[test]
    fn slots_that_are_kept_take_their_marks_along() {
        let mut marked = Marked::all(8);
        assert_eq!(marked.next(3), [0, 1, 2]);
        assert_eq!(marked.ahead(&[4, 6]), [4, 6]);
        // 8 and 9 came later.
        marked.retain(&[1, 2, 3, 5, 7, 8, 9]);
        assert_eq!(marked.next(10), [2, 3, 4]);
    }

    #[test]
    fn all_slots_can_be_marked() {
        let mut marked = Marked::all(10);
        assert_eq!(marked.ahead(&[9]), [9]);
        assert_eq!(marked.next(4), [0, 1, 2, 3]);
        assert_eq!(marked.next(40), [4, 5, 6, 7, 8]);
        assert!(marked.next(1).is_empty());
    }
}
