//! Which keys a run may have (Bloom 1970): says of nearly all others that it has them not, without a look at the disk.

use super::digest;

/// Bits for each key, and how many of them a key has: of other keys, some 3 in 1,000 seem to be there.
const BITS: usize = 12;
const PROBES: u64 = 6;

#[derive(Default)]
pub(super) struct Bloom {
    bits: Vec<u64>,
}

impl Bloom {
    /// For so many keys.
    pub(super) fn new(keys: usize) -> Bloom {
        Bloom { bits: vec![0; (keys * BITS).div_ceil(64).max(1)] }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.bits[..])
    }

    /// The places of a key's bits: two hashes make all of them (Kirsch and Mitzenmacher 2006).
    fn places(&self, key: &[u8]) -> impl Iterator<Item = (usize, u64)> + use<> {
        let hash = digest(key);
        let step = hash.rotate_left(32) | 1;
        let all = self.bits.len() as u64 * 64;
        (0..PROBES).map(move |probe| {
            let hash = hash.wrapping_add(probe.wrapping_mul(step));
            let bit = ((u128::from(hash) * u128::from(all)) >> 64) as u64;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    pub(super) fn add(&mut self, key: &[u8]) {
        self.places(key).for_each(|(word, bit)| self.bits[word] |= bit);
    }

    pub(super) fn perhaps(&self, key: &[u8]) -> bool {
        self.places(key).all(|(word, bit)| self.bits[word] & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_was_added_and_hardly_anything_else() {
        let mut bloom = Bloom::new(10_000);
        (0..10_000_u64).for_each(|key| bloom.add(&key.to_be_bytes()));
        assert!((0..10_000_u64).all(|key| bloom.perhaps(&key.to_be_bytes())));
        let wrong = (10_000..110_000_u64).filter(|key| bloom.perhaps(&key.to_be_bytes())).count();
        assert!(wrong < 1_000, "{wrong} of 100,000");
    }
}
