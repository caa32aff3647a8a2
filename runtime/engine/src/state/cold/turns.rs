//! When entries on disk have their turn: the order of time that hashes do not have.

use super::{ColdError, Spill};

/// Times, and the hashes of entries that have to be back in memory before them.
pub(crate) struct Turns {
    tree: sled::Tree,
}

/// Time and hash as bytes, which are compared as if they had no sign.
fn place(time: i64, hash: u64) -> [u8; 16] {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&(time ^ i64::MIN).to_be_bytes());
    place[8..].copy_from_slice(&hash.to_be_bytes());
    place
}

impl Turns {
    pub(crate) fn new(spill: &Spill) -> Result<Turns, ColdError> {
        Ok(Turns { tree: spill.tree()? })
    }

    /// An entry has its turn at a time.
    pub(crate) fn put(&self, time: i64, hash: u64) -> Result<(), ColdError> {
        self.tree.insert(place(time, hash), &[])?;
        Ok(())
    }

    /// It has come back before that.
    pub(crate) fn remove(&self, time: i64, hash: u64) -> Result<(), ColdError> {
        self.tree.remove(place(time, hash))?;
        Ok(())
    }

    /// Takes the next hashes of those whose time is before `now`, so many at most.
    pub(crate) fn take_before(&self, now: i64, most: usize) -> Result<Vec<u64>, ColdError> {
        let mut hashes = Vec::new();
        for entry in self.tree.range(..place(now, 0)).take(most) {
            let (place, _) = entry?;
            self.tree.remove(&place)?;
            hashes.extend(place[8..].try_into().map(u64::from_be_bytes));
        }
        hashes.sort_unstable();
        hashes.dedup();
        Ok(hashes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn entries_have_their_turn_in_the_order_of_time_also_before_its_beginning() {
        let database = sled::Config::new().temporary(true).open().unwrap();
        let turns = Turns::new(&Spill { database, trees: AtomicU64::new(0), budget: 1 }).unwrap();
        for (time, hash) in [(5, 1), (-7, 2), (5, u64::MAX), (i64::MAX, 3), (6, 4), (i64::MIN, 5)] {
            turns.put(time, hash).unwrap();
        }
        turns.remove(6, 4).unwrap();
        assert_eq!(turns.take_before(5, 10).unwrap(), [2, 5]);
        assert_eq!(turns.take_before(6, 1).unwrap(), [1]);
        assert_eq!(turns.take_before(i64::MAX, 9).unwrap(), [u64::MAX]);
    }
}
