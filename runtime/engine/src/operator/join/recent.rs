//! Rows of a side that go in the order in which they came, a block at a time: what is kept for some seconds because a
//! partner may come late is put down in a row, and nobody looks at it again when its time is over.
//!
//! Each row knows the row of its key before it, and each key its last one; a chain ends where it leads to a block that is
//! gone. A row that stays much longer than those around it would hold back all that came behind it: such rows are not for
//! here (see [`Recent::limit`]).

use crate::state::room;
use flow_data::{NO_ROW, SLAB_BLOCK};
use std::collections::VecDeque;

/// A row's place in the order in which they came, from 1 on; it tells block and row. 0: none.
type Place = u64;

const BITS: u32 = SLAB_BLOCK.trailing_zeros();

/// A block of a slab.
struct Block {
    slab: u32,
    rows: u32,
    /// The last watermark at which one of its rows is met.
    until: i64,
}

#[derive(Default)]
pub(crate) struct Recent {
    /// The oldest first. All but the last one are full.
    blocks: VecDeque<Block>,
    /// How many blocks are gone.
    gone: u64,
    /// By key: its last row.
    newest: Vec<Place>,
    /// By number: the row of the same key before it.
    before: Vec<Place>,
}

impl Recent {
    pub(super) fn bytes(&self) -> usize {
        room(&self.newest) + room(&self.before)
    }

    /// There are so many keys.
    pub(super) fn grow(&mut self, keys: usize) {
        self.newest.resize(keys, 0);
    }

    /// There are so many numbers.
    pub(super) fn resize(&mut self, numbers: usize) {
        self.before.resize(numbers, 0);
    }

    /// The number of the next row, and how many more fit behind it; `None`: a block is needed.
    pub(super) fn next(&self) -> Option<(u32, usize)> {
        let block = self.blocks.back().filter(|block| (block.rows as usize) < SLAB_BLOCK)?;
        Some((block.slab * SLAB_BLOCK as u32 + block.rows, SLAB_BLOCK - block.rows as usize))
    }

    /// A block without rows.
    pub(super) fn add_block(&mut self, slab: u32) {
        self.blocks.push_back(Block { slab, rows: 0, until: i64::MIN });
    }

    /// A row of a key came, which gets the next number.
    #[inline]
    pub(super) fn push(&mut self, number: u32, slot: u32, until: i64) {
        let at = self.gone + self.blocks.len() as u64 - 1;
        let Some(block) = self.blocks.back_mut() else { unreachable!("a block was added") };
        let place = (at << BITS | u64::from(block.rows)) + 1;
        block.rows += 1;
        block.until = block.until.max(until);
        self.before[number as usize] = std::mem::replace(&mut self.newest[slot as usize], place);
    }

    /// The number of a row that is not gone.
    #[inline]
    fn number(&self, place: Place) -> Option<u32> {
        let (block, row) =
            (place.wrapping_sub(1) >> BITS, (place.wrapping_sub(1)) as u32 % SLAB_BLOCK as u32);
        let block = self.blocks.get(usize::try_from(block.checked_sub(self.gone)?).ok()?)?;
        Some(block.slab * SLAB_BLOCK as u32 + row)
    }

    /// The rows of a key, the last one first.
    #[inline]
    pub(super) fn rows_of(&self, slot: u32, rows: &mut Vec<u32>) {
        let mut place = self.newest[slot as usize];
        while let Some(number) = self.number(place) {
            rows.push(number);
            place = self.before[number as usize];
        }
    }

    /// Has a key no rows here?
    pub(super) fn is_free(&self, slot: u32) -> bool {
        self.number(self.newest[slot as usize]).is_none()
    }

    /// The oldest block, if none of its rows is met any more: its slab block and rows. It is gone.
    pub(super) fn pop_before(&mut self, now: i64) -> Option<(u32, u32)> {
        let block = self.blocks.pop_front_if(|block| block.until < now)?;
        self.gone += 1;
        Some((block.slab, block.rows))
    }

    /// Only these keys stay, which ascend: they become `0..`.
    pub(super) fn keep_keys(&mut self, slots: &[u32]) {
        self.newest = slots.iter().map(|&slot| self.newest[slot as usize]).collect();
    }

    /// Rows of a batch that are met no longer than this belong here: twice as long as most of them, from what is the
    /// watermark now. `lasts`: the last watermark at which each is met.
    pub(super) fn limit(now: i64, lasts: &[i64]) -> i64 {
        const LOOKED_AT: usize = 31;
        const LITTLE: i64 = 1_000_000;
        let step = lasts.len().div_ceil(LOOKED_AT).max(1);
        let mut ahead: Vec<i64> = lasts.iter().step_by(step).map(|last| last.saturating_sub(now)).collect();
        let middle = ahead.len() / 2;
        match ahead.is_empty() {
            true => now,
            false => {
                let most = *ahead.select_nth_unstable(middle).1;
                now.saturating_add(most.max(0).saturating_mul(2).saturating_add(LITTLE))
            }
        }
    }
}

const _: () = assert!(SLAB_BLOCK.is_power_of_two() && (NO_ROW as usize) > SLAB_BLOCK);

#[cfg(test)]
mod tests {
    use super::*;
    use flow_env::Random;

    /// Rows of random keys and times, beside a list of all that are there.
    fn compare(seed: u64) {
        let mut random = Random::new(seed);
        let mut recent = Recent::default();
        let (mut free, mut made): (Vec<u32>, u32) = (Vec::new(), 0);
        let mut all: VecDeque<(u32, u32, i64)> = VecDeque::new();
        recent.grow(50);
        for now in 0..40 {
            for _ in 0..random.below(3_000) {
                if recent.next().is_none() {
                    let slab = free.pop().unwrap_or(made);
                    made = made.max(slab + 1);
                    recent.resize(made as usize * SLAB_BLOCK);
                    recent.add_block(slab);
                }
                let (number, _) = recent.next().unwrap();
                let (slot, until) = (random.below(50) as u32, now + random.below(4) as i64);
                recent.push(number, slot, until);
                all.push_back((number, slot, until));
            }
            while let Some((slab, rows)) = recent.pop_before(now) {
                let gone = all.drain(..rows as usize);
                assert!(gone.into_iter().all(|(.., until)| until < now), "seed {seed}");
                free.push(slab);
            }
            for slot in 0..50 {
                let mut rows = Vec::new();
                recent.rows_of(slot, &mut rows);
                let of_key = all.iter().rev().filter(|row| row.1 == slot).map(|row| row.0);
                assert_eq!(rows, of_key.collect::<Vec<_>>(), "seed {seed}, key {slot}");
                assert_eq!(recent.is_free(slot), rows.is_empty(), "seed {seed}, key {slot}");
            }
        }
    }

    #[test]
    fn a_key_has_the_rows_that_came_and_are_not_gone() {
        (0..20).for_each(compare);
    }

    #[test]
    fn rows_that_stay_much_longer_than_the_others_go_elsewhere() {
        let year = 365 * 24 * 3_600_000_000;
        let mut lasts = vec![14_000_000; 2_000];
        lasts[7] = 8_000 * year;
        let limit = Recent::limit(0, &lasts);
        assert!((28_000_000..60_000_000).contains(&limit), "{limit}");
        // Of few rows as well, and where nothing is known of time yet.
        assert!(Recent::limit(5, &[]) == 5 && Recent::limit(i64::MIN, &[0, 1]) < 0);
    }
}
