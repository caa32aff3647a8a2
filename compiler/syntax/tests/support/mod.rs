//! What the tests share: seeded random numbers and random programs.
#![allow(dead_code, reason = "not every test uses all of it")]

pub(crate) mod generate;

/// xorshift64*.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n.max(1)
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// The seed: `FLOW_SEED` or a fixed one, so that a run can be repeated.
pub(crate) fn seed() -> u64 {
    std::env::var("FLOW_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5EED_F10A)
}
