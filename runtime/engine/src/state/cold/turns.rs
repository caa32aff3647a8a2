//! When entries on disk have their turn: the order of time that hashes do not have.

use super::{ColdError, Spill};
use crate::state::lsm::Tree;

/// Times, and the hashes of entries that have to be back in memory before them.
pub(crate) struct Turns {
    tree: Tree,
    /// None is before this time.
    none_before: i64,
}

/// Time and hash as bytes, which are compared as if they had no sign.
fn place(time: i64, hash: u64) -> [u8; 16] {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&(time ^ i64::MIN).to_be_bytes());
    place[8..].copy_from_slice(&hash.to_be_bytes());
    place
}

fn time_of(place: &[u8]) -> i64 {
    let time = place.get(..8).and_then(|time| time.try_into().ok()).unwrap_or_default();
    i64::from_be_bytes(time) ^ i64::MIN
}

impl Turns {
    pub(crate) fn new(spill: &Spill) -> Turns {
        Turns { tree: spill.tree(), none_before: i64::MAX }
    }

    /// What it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.tree.bytes()
    }

    /// An entry has its turn at a time.
    pub(crate) fn put(&mut self, time: i64, hash: u64) -> Result<(), ColdError> {
        self.none_before = self.none_before.min(time);
        self.tree.insert(&place(time, hash), Vec::new())?;
        Ok(())
    }

    /// It has come back before that; gives whether it was here.
    pub(crate) fn remove(&mut self, time: i64, hash: u64) -> Result<bool, ColdError> {
        Ok(self.tree.remove(&place(time, hash))?.is_some())
    }

    /// The first times, and the hashes of their entries, so many at most.
    pub(crate) fn firsts(&self, most: usize) -> Result<Vec<(i64, u64)>, ColdError> {
        self.behind(None, i64::MAX, most)
    }

    /// The same, of those that stand behind one, up to a time.
    pub(crate) fn behind(
        &self,
        one: Option<(i64, u64)>,
        up_to: i64,
        most: usize,
    ) -> Result<Vec<(i64, u64)>, ColdError> {
        let from = one.map_or(Vec::new(), |(time, hash)| [&place(time, hash)[..], &[0]].concat());
        let mut found = Vec::new();
        for entry in self.tree.range(&from, None)?.take(most) {
            let (place, _) = entry?;
            let time = time_of(&place);
            if time > up_to {
                break;
            }
            let hash = place[8..].try_into().map(u64::from_be_bytes).unwrap_or_default();
            found.push((time, hash));
        }
        Ok(found)
    }

    /// Takes the next hashes of those whose time is before `now`, so many at most.
    pub(crate) fn take_before(&mut self, now: i64, most: usize) -> Result<Vec<u64>, ColdError> {
        Ok(self.take(now, |taken, _| taken == most)?.0)
    }

    /// The same: all of a time, about so many; and the time of the next one, if it is before `now`.
    pub(crate) fn take_whole(&mut self, now: i64, most: usize) -> Result<(Vec<u64>, Option<i64>), ColdError> {
        let mut last = None;
        let (hashes, next) =
            self.take(now, |taken, time| last.replace(time) != Some(time) && taken >= most)?;
        Ok((hashes, next.filter(|next| *next < now)))
    }

    /// Takes those whose time is before `now`, until it is said of so many and the next time that these are enough; gives
    /// where the next one stands, too.
    fn take(
        &mut self,
        now: i64,
        mut enough: impl FnMut(usize, i64) -> bool,
    ) -> Result<(Vec<u64>, Option<i64>), ColdError> {
        let (mut hashes, mut behind) = (Vec::new(), None);
        if now <= self.none_before {
            return Ok((hashes, None));
        }
        for entry in self.tree.range(&[], None)? {
            let (place, _) = entry?;
            let time = time_of(&place);
            if time >= now || enough(hashes.len(), time) {
                behind = Some(place);
                break;
            }
            hashes.extend(place[8..].try_into().map(u64::from_be_bytes));
        }
        let next = behind.as_deref().map(time_of);
        self.none_before = next.unwrap_or(i64::MAX);
        self.tree.remove_range(&[], behind.as_deref())?;
        hashes.sort_unstable();
        hashes.dedup();
        Ok((hashes, next))
    }

    /// Looks which time is the first, so that it is known that none is before it.
    pub(crate) fn look(&mut self) -> Result<(), ColdError> {
        self.none_before = self.first()?.unwrap_or(i64::MAX);
        Ok(())
    }

    /// The first time, if it is before `now`.
    pub(crate) fn first_before(&self, now: i64) -> Result<Option<i64>, ColdError> {
        if now <= self.none_before {
            return Ok(None);
        }
        Ok(self.first()?.filter(|first| *first < now))
    }

    /// The first time.
    pub(crate) fn first(&self) -> Result<Option<i64>, ColdError> {
        let first = self.tree.range(&[], None)?.next().transpose()?;
        Ok(first.map(|(place, _)| time_of(&place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_env::SimDisk;

    #[test]
    fn entries_have_their_turn_in_the_order_of_time_also_before_its_beginning() {
        let mut turns = Turns::new(&Spill::of(SimDisk::new(1), 0));
        for (time, hash) in [(5, 1), (-7, 2), (5, u64::MAX), (i64::MAX, 3), (6, 4), (i64::MIN, 5)] {
            turns.put(time, hash).unwrap();
        }
        assert_eq!(turns.firsts(3).unwrap(), [(i64::MIN, 5), (-7, 2), (5, 1)]);
        assert_eq!(turns.behind(Some((-7, 2)), 5, 9).unwrap(), [(5, 1), (5, u64::MAX)]);
        assert_eq!(turns.behind(Some((5, 1)), 6, 1).unwrap(), [(5, u64::MAX)]);
        assert!(turns.remove(6, 4).unwrap() && !turns.remove(6, 4).unwrap());
        assert_eq!(turns.take_before(5, 10).unwrap(), [2, 5]);
        assert_eq!(turns.take_before(6, 1).unwrap(), [1]);
        assert_eq!(turns.take_before(i64::MAX, 9).unwrap(), [u64::MAX]);
        assert_eq!(turns.first().unwrap(), Some(i64::MAX));
    }

    #[test]
    fn a_first_time_that_cannot_be_read_is_an_error_and_not_the_end() {
        let disk = SimDisk::new(1);
        let mut turns = Turns::new(&Spill::of(disk.clone(), 0));
        (0..20_000).for_each(|time| turns.put(time, 1).unwrap());
        let before = disk.operations();
        assert_eq!(turns.first().unwrap(), Some(0));
        let operations = disk.operations() - before;
        assert!(operations > 0, "it is on disk");
        for operation in 0..operations {
            disk.fail_at(disk.operations() + operation);
            assert!(turns.first().is_err(), "operation {operation}");
            disk.fail_at(disk.operations() + operation);
            assert!(turns.first_before(9).is_err(), "operation {operation}");
            disk.fail_at(disk.operations() + operation);
            assert!(turns.look().is_err(), "operation {operation}");
        }
        assert_eq!(turns.first().unwrap(), Some(0));
    }

    #[test]
    fn those_of_one_time_have_their_turn_together() {
        let mut turns = Turns::new(&Spill::of(SimDisk::new(1), 0));
        for (time, hash) in [(5, 1), (-7, 2), (5, 9), (5, 4), (6, 3), (8, 7)] {
            turns.put(time, hash).unwrap();
        }
        assert_eq!(turns.take_whole(8, 2).unwrap(), (vec![1, 2, 4, 9], Some(6)));
        assert_eq!(turns.take_whole(8, 2).unwrap(), (vec![3], None));
        assert_eq!(turns.first().unwrap(), Some(8));
    }
}
