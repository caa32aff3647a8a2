//! 128 bits by which a file is told from every other one: XXH3. It finds accidents (a flipped bit, a lost block, a file in
//! another one's place), not a forger.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use twox_hash::XxHash3_128;

/// The hash of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash128(u128);

impl Hash128 {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Hash128 {
        Hash128(XxHash3_128::oneshot(bytes))
    }

    /// Its bytes, least first.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// 32 lower-case digits; anything else is none.
    pub fn parse(text: &str) -> Option<Hash128> {
        let hash = Hash128(u128::from_str_radix(text, 16).ok()?);
        // Signs, upper-case digits and missing ones are other ways to write it.
        (hash.to_string() == text).then_some(hash)
    }
}

impl fmt::Display for Hash128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Hash128 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash128 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Hash128::parse(&text).ok_or_else(|| serde::de::Error::custom("a hash has 32 digits"))
    }
}

/// Hashes bytes as they come.
#[derive(Default)]
pub struct Hashing {
    state: XxHash3_128,
    len: u64,
}

impl Hashing {
    /// Takes more bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.state.write(bytes);
        self.len += bytes.len() as u64;
    }

    /// How many it took.
    pub fn taken(&self) -> u64 {
        self.len
    }

    /// The hash of all of them.
    pub fn finish(&self) -> Hash128 {
        Hash128(self.state.finish_128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(Hash128::of(b"").to_string(), "99aa06d3014798d86001c324468d497f");
    }

    #[test]
    fn pieces_hash_as_the_whole() {
        let bytes: Vec<u8> = (0..10_000u32).map(|n| (n * 7) as u8).collect();
        let mut pieces = Hashing::default();
        bytes.chunks(77).for_each(|piece| pieces.take(piece));
        assert_eq!(pieces.finish(), Hash128::of(&bytes));
        assert_eq!(pieces.taken(), 10_000);
    }

    #[test]
    fn a_hash_is_written_in_one_way_only() {
        let hash = Hash128::of(b"flow").to_string();
        assert_eq!(Hash128::parse(&hash), Some(Hash128::of(b"flow")));
        assert_eq!(Hash128::parse(&hash.to_uppercase()), None);
        assert_eq!(Hash128::parse(&hash[1..]), None);
        assert_eq!(Hash128::parse(&format!("+{}", &hash[1..])), None);
    }
}
