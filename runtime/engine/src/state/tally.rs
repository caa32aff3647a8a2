//! Counts of many slots in little memory: most are small, and what fits into the processor's caches is counted in
//! them.

use super::held::room;

/// A count per slot: its lowest 16 bits, and of those that ever needed more the rest.
#[derive(Default)]
pub(crate) struct Tally {
    low: Vec<u16>,
    /// How often the lower bits overflowed. Slots that are counted often are mostly among the first, so that these
    /// are few; of slots behind them it is zero.
    high: Vec<i64>,
}

impl Tally {
    /// Zeros for slots up to this number; those behind it are forgotten.
    pub(crate) fn resize(&mut self, slots: usize) {
        self.low.resize(slots, 0);
        self.high.truncate(slots);
    }

    #[inline]
    pub(crate) fn get(&self, slot: usize) -> i64 {
        i64::from(self.low[slot]) + (self.high.get(slot).copied().unwrap_or(0) << 16)
    }

    pub(crate) fn set(&mut self, slot: usize, count: i64) {
        self.add(slot, count - self.get(slot));
    }

    /// One more.
    #[inline]
    pub(crate) fn count(&mut self, slot: usize) {
        let (sum, over) = self.low[slot].overflowing_add(1);
        self.low[slot] = sum;
        if over {
            self.carry(slot, 1);
        }
    }

    /// So many more, or less.
    #[inline]
    pub(crate) fn add(&mut self, slot: usize, by: i64) {
        let sum = i64::from(self.low[slot]) + by;
        self.low[slot] = sum as u16;
        if sum >> 16 != 0 {
            self.carry(slot, sum >> 16);
        }
    }

    #[cold]
    fn carry(&mut self, slot: usize, by: i64) {
        if self.high.len() <= slot {
            self.high.resize(slot + 1, 0);
        }
        self.high[slot] += by;
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        self.low = slots.iter().map(|&slot| self.low[slot as usize]).collect();
        let high = slots.iter().map_while(|&slot| self.high.get(slot as usize).copied());
        self.high = high.collect();
    }

    /// The bytes it has taken.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.low) + room(&self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_env::Random;

    #[test]
    fn a_tally_counts_as_wide_numbers_do() {
        let mut random = Random::new(20_261_126);
        let (mut tally, mut plain) = (Tally::default(), vec![0i64; 40]);
        tally.resize(40);
        for _ in 0..100_000 {
            let slot = random.below(plain.len() as u64) as usize;
            match random.below(100) {
                0 => {
                    let count = random.below(1 << 40) as i64 - (1 << 39);
                    tally.set(slot, count);
                    plain[slot] = count;
                }
                1..50 => {
                    tally.count(slot);
                    plain[slot] += 1;
                }
                _ => {
                    let by = random.below(200_000) as i64 - 100_000;
                    tally.add(slot, by);
                    plain[slot] += by;
                }
            }
            assert_eq!(tally.get(slot), plain[slot], "seed 20261126");
        }
        let kept: Vec<u32> = (0..40).filter(|slot| slot % 3 != 1).collect();
        tally.retain(&kept);
        for (at, &slot) in kept.iter().enumerate() {
            assert_eq!(tally.get(at), plain[slot as usize], "seed 20261126");
        }
    }

    #[test]
    fn a_slot_that_is_made_again_starts_at_zero() {
        let mut tally = Tally::default();
        tally.resize(3);
        tally.add(2, 1 << 20);
        tally.resize(2);
        tally.resize(3);
        assert_eq!(tally.get(2), 0);
    }

    #[test]
    fn counts_below_65536_take_two_bytes() {
        let mut tally = Tally::default();
        tally.resize(1_000);
        (0..1_000).for_each(|slot| tally.add(slot, 65_535));
        assert!(tally.bytes() < 2_100, "{} bytes", tally.bytes());
    }
}
