//! Which slots have changed since they were last written to a checkpoint, and which a checkpoint still has to copy.

use super::held::room;
use flow_env::planted;

/// A bit per slot. Behind the last one that is there, all are 0.
#[derive(Default)]
struct Bits(Vec<u64>);

/// Slots of a word of bits.
const WORD: usize = u64::BITS as usize;

impl Bits {
    fn has(&self, slot: usize) -> bool {
        self.0.get(slot / WORD).is_some_and(|word| word >> (slot % WORD) & 1 != 0)
    }

    /// Makes room for so many slots.
    #[inline]
    fn grow(&mut self, slots: usize) {
        let words = slots.div_ceil(WORD);
        if self.0.capacity() == 0 && words > 0 {
            // Zeros at once, not word by word.
            self.0 = vec![0; words];
        } else if words > self.0.len() {
            self.0.resize(words, 0);
        }
    }

    /// Sets the bits of slots for which there is room.
    #[inline]
    fn set(&mut self, slots: &[u32]) {
        for &slot in slots {
            self.0[slot as usize / WORD] |= 1 << (slot as usize % WORD);
        }
    }

    fn clear(&mut self, slot: usize) {
        self.0[slot / WORD] &= !(1 << (slot % WORD));
    }

    /// The bits of these slots; they become slots `0..`.
    fn kept(&self, slots: &[u32]) -> Bits {
        let mut kept = Bits::default();
        kept.grow(slots.len());
        for (at, _) in slots.iter().enumerate().filter(|(_, slot)| self.has(**slot as usize)) {
            kept.set(&[at as u32]);
        }
        kept
    }
}

/// A mark per slot.
#[derive(Default)]
pub(crate) struct Changed {
    marks: Bits,
    /// Zeros, for the next marks: fresh memory would be most of what a barrier costs.
    spare: Bits,
}

impl Changed {
    /// These slots change; there are so many in all.
    #[inline]
    pub(crate) fn mark(&mut self, slots: &[u32], all: usize) {
        self.marks.grow(all);
        self.marks.set(slots);
    }

    /// The slots that changed, as what is to be copied; from here on none has.
    pub(crate) fn take(&mut self) -> Marked {
        let mut marks = std::mem::replace(&mut self.marks, std::mem::take(&mut self.spare));
        if planted("lose-a-change")
            && let Some(last) = (0..marks.0.len() * WORD).rev().find(|slot| marks.has(*slot))
        {
            marks.clear(last);
        }
        Marked { slots: marks.0.len() * WORD, bits: marks, all: false, from: 0 }
    }

    /// All of so many slots are to be copied, whether they changed or not; from here on none has.
    pub(crate) fn take_all(&mut self, slots: usize) -> Marked {
        self.marks.0.fill(0);
        Marked::all(slots)
    }

    /// What is to be copied of so many slots: those that changed, or all where a `whole` copy is wanted or nothing was noted.
    pub(crate) fn take_of(noted: &mut Option<Changed>, whole: bool, slots: usize) -> Marked {
        match noted {
            Some(changed) if whole => changed.take_all(slots),
            Some(changed) => changed.take(),
            None => Marked::all(slots),
        }
    }

    /// All of it is copied: takes its memory back.
    pub(crate) fn reuse(&mut self, copied: Marked) {
        debug_assert!(copied.from >= copied.slots, "a slot was not copied");
        // What was marked for all has memory only where a slot changed before it was its turn.
        if copied.bits.0.len() >= self.spare.0.len() {
            self.spare = copied.bits;
            self.spare.0.fill(0);
        }
    }

    /// How many slots changed.
    pub(crate) fn count(&self) -> usize {
        self.marks.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The slots that changed.
    pub(crate) fn slots(&self) -> Vec<u32> {
        let words = self.marks.0.iter().enumerate().filter(|(_, word)| **word != 0);
        let slots = |(at, word): (usize, &u64)| {
            let word = *word;
            (0..WORD).filter(move |bit| word >> bit & 1 != 0).map(move |bit| (at * WORD + bit) as u32)
        };
        words.flat_map(slots).collect()
    }

    /// Has a slot changed?
    pub(crate) fn has(&self, slot: u32) -> bool {
        self.marks.has(slot as usize)
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        self.marks = self.marks.kept(slots);
        self.spare = Bits::default();
    }

    /// The bytes it has taken.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.marks.0) + room(&self.spare.0)
    }
}

/// Slots whose entries a checkpoint holds as they were at its barrier. Nothing is copied when it is made: that is done
/// a piece at a time, and of a slot that is about to change before it does. Nor does a barrier touch memory for it.
pub(crate) struct Marked {
    /// Of the marked slots, those that are not copied yet; or, where all are to be copied, those that are copied already.
    bits: Bits,
    all: bool,
    /// Slots from here on came later.
    slots: usize,
    /// Below, all are copied.
    from: usize,
}

impl Marked {
    /// All of so many slots.
    pub(crate) fn all(slots: usize) -> Marked {
        Marked { bits: Bits::default(), all: true, slots, from: 0 }
    }

    /// Keeps these slots, which ascend; they become slots `0..`. The others have been copied.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        let kept = &slots[..slots.partition_point(|slot| (*slot as usize) < self.slots)];
        self.bits = self.bits.kept(kept);
        self.from = kept.partition_point(|slot| (*slot as usize) < self.from);
        self.slots = kept.len();
    }

    /// Those of these slots that are not copied yet, each once: the caller copies them.
    pub(crate) fn ahead(&mut self, slots: &[u32]) -> Vec<u32> {
        let mut ahead = Vec::new();
        for &slot in slots {
            let at = slot as usize;
            if at < self.from || at >= self.slots || self.bits.has(at) == self.all {
                continue;
            }
            match self.all {
                true => {
                    self.bits.grow(self.slots);
                    self.bits.set(&[slot]);
                }
                false => self.bits.clear(at),
            }
            ahead.push(slot);
        }
        ahead
    }

    /// Is a slot still to be copied?
    pub(crate) fn is_left(&self, slot: u32) -> bool {
        let at = slot as usize;
        at >= self.from && at < self.slots && self.bits.has(at) != self.all
    }

    /// The next slots, so many at most, which the caller copies. Without any, all are copied.
    pub(crate) fn next(&mut self, most: usize) -> Vec<u32> {
        let mut next = Vec::new();
        while next.len() < most && self.from < self.slots {
            let word = self.from / WORD;
            let mut left = self.left(word) & (!0 << (self.from % WORD));
            while left != 0 && next.len() < most {
                next.push((word * WORD) as u32 + left.trailing_zeros());
                left &= left - 1;
            }
            self.from = word * WORD + left.trailing_zeros() as usize;
        }
        next
    }

    /// Of the slots of a word, those that are not copied yet, as bits; what was passed is not looked at.
    fn left(&self, word: usize) -> u64 {
        let bits = self.bits.0.get(word).copied().unwrap_or(0);
        match (self.all, self.slots - word * WORD) {
            (false, _) => bits,
            (true, slots) if slots < WORD => !bits & ((1 << slots) - 1),
            (true, _) => !bits,
        }
    }
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
