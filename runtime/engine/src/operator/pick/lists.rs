//! The best rows of each slot, where rows are only added. Knows places and numbers of rows; never their
//! columns.

use super::sort::Place;
use crate::state::room;

/// A row of a list.
#[derive(Clone)]
pub(super) struct Entry<P> {
    pub(super) place: P,
    /// Where the row is stored.
    pub(super) row: u32,
}

/// How long a list is, and who wins a draw.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    pub(super) n: usize,
    /// Also the rows that equal the `n`th?
    pub(super) ties: bool,
    /// Of equal rows, is the last the better one?
    pub(super) last_wins: bool,
}

pub(super) struct Lists<P> {
    rule: Rule,
    /// By slot.
    lists: Store<P>,
    /// Rows in all of them.
    rows: usize,
    /// What their places keep on the heap, about.
    heap: usize,
}

enum Store<P> {
    /// Lists of one row at most, without memory of their own: what `latest` keeps of many millions of keys.
    One(Vec<Entry<P>>),
    /// Best first.
    Many(Vec<Vec<Entry<P>>>),
}

/// The row of an entry that stands for none.
const NONE: u32 = u32::MAX;

impl<P: Default> Entry<P> {
    fn none() -> Entry<P> {
        Entry { place: P::default(), row: NONE }
    }

    fn take(&mut self) -> Option<Entry<P>> {
        (self.row != NONE).then(|| std::mem::replace(self, Entry::none()))
    }
}

impl<P: Place> Lists<P> {
    pub(super) fn new(rule: Rule) -> Lists<P> {
        let lists = match rule {
            Rule { n: 1, ties: false, .. } => Store::One(Vec::new()),
            _ => Store::Many(Vec::new()),
        };
        Lists { rule, lists, rows: 0, heap: 0 }
    }

    pub(super) fn grow(&mut self, slots: usize) {
        match &mut self.lists {
            Store::One(all) => all.resize_with(slots, Entry::none),
            Store::Many(all) => all.resize_with(slots, Vec::new),
        }
    }

    /// The bytes they take, about: a list of several rows has room for some from the first one on.
    pub(super) fn bytes(&self) -> usize {
        let lists = match &self.lists {
            Store::One(all) => room(all),
            Store::Many(all) => room(all) + self.rows.max(4 * all.len()) * size_of::<Entry<P>>(),
        };
        lists + self.heap
    }

    #[inline]
    pub(super) fn of(&self, slot: usize) -> &[Entry<P>] {
        match &self.lists {
            Store::One(all) if all[slot].row == NONE => &[],
            Store::One(all) => std::slice::from_ref(&all[slot]),
            Store::Many(all) => &all[slot],
        }
    }

    /// Where a row of this place would stand; `None` if it is not among the best.
    #[inline]
    pub(super) fn position(&self, slot: usize, place: &P) -> Option<usize> {
        let Rule { n, ties, last_wins } = self.rule;
        let list = self.of(slot);
        if list.len() >= n {
            // Behind the last of a full list; without ties, also beside it.
            let last = &list[list.len() - 1].place;
            let out = if ties || last_wins { place > last } else { place >= last };
            if out {
                return None;
            }
        }
        Some(match last_wins {
            true => list.partition_point(|entry| entry.place < *place),
            false => list.partition_point(|entry| entry.place <= *place),
        })
    }

    /// Where the row of this place that came first stands, of those that are so.
    pub(super) fn find(&self, slot: usize, place: &P, is: impl Fn(u32) -> bool) -> Option<usize> {
        let list = self.of(slot);
        let from = list.partition_point(|entry| entry.place < *place);
        let mut equal = from..list.partition_point(|entry| entry.place <= *place);
        let is = |at: &usize| is(list[*at].row);
        if self.rule.last_wins { equal.rfind(is) } else { equal.find(is) }
    }

    /// Takes a row out of its list.
    pub(super) fn remove(&mut self, slot: usize, at: usize) -> u32 {
        let entry = match &mut self.lists {
            Store::One(all) => std::mem::replace(&mut all[slot], Entry::none()),
            Store::Many(all) => all[slot].remove(at),
        };
        self.rows -= 1;
        self.heap -= entry.place.heap();
        entry.row
    }

    /// Makes a list empty; hands over its rows.
    pub(super) fn clear(&mut self, slot: usize, mut left: impl FnMut(u32)) {
        match &mut self.lists {
            Store::One(all) => {
                if let Some(entry) = all[slot].take() {
                    self.rows -= 1;
                    self.heap -= entry.place.heap();
                    left(entry.row);
                }
            }
            Store::Many(all) => {
                let list = std::mem::take(&mut all[slot]);
                self.rows -= list.len();
                self.heap -= heap(&list);
                list.into_iter().map(|entry| entry.row).for_each(left);
            }
        }
    }

    /// Forgets the lists from this slot on; hands over their rows.
    pub(super) fn truncate(&mut self, slots: usize, mut left: impl FnMut(u32)) {
        let known = match &self.lists {
            Store::One(all) => all.len(),
            Store::Many(all) => all.len(),
        };
        (slots..known).for_each(|slot| self.clear(slot, &mut left));
        match &mut self.lists {
            Store::One(all) => all.truncate(slots),
            Store::Many(all) => all.truncate(slots),
        }
    }

    /// Keeps these slots, which ascend; they become slots `0..`. Hands over the rows of others.
    pub(super) fn retain(&mut self, slots: &[u32], left: impl FnMut(u32)) {
        let kept = match &mut self.lists {
            Store::One(all) => {
                let take = |&slot: &u32| std::mem::replace(&mut all[slot as usize], Entry::none());
                Store::One(slots.iter().map(take).collect())
            }
            Store::Many(all) => {
                Store::Many(slots.iter().map(|&slot| std::mem::take(&mut all[slot as usize])).collect())
            }
        };
        let (rows, heap) = match &kept {
            Store::One(all) => (all.iter().filter(|entry| entry.row != NONE).count(), heap(all)),
            Store::Many(all) => (all.iter().map(Vec::len).sum(), all.iter().map(|list| heap(list)).sum()),
        };
        self.rows -= rows;
        self.heap -= heap;
        self.truncate(0, left);
        (self.rows, self.heap, self.lists) = (rows, heap, kept);
    }

    /// From now on, rows are stored one behind the other, in the order of the lists: gives where each was.
    pub(super) fn number_rows(&mut self) -> Vec<u32> {
        let mut stored = Vec::with_capacity(self.rows);
        let mut number = |entry: &mut Entry<P>| {
            stored.push(entry.row);
            entry.row = stored.len() as u32 - 1;
        };
        match &mut self.lists {
            Store::One(all) => all.iter_mut().filter(|entry| entry.row != NONE).for_each(&mut number),
            Store::Many(all) => all.iter_mut().flatten().for_each(&mut number),
        }
        stored
    }

    /// Puts a row where [`Lists::position`] says; hands over the rows that leave the list for it.
    #[inline]
    pub(super) fn insert(&mut self, slot: usize, at: usize, entry: Entry<P>, mut left: impl FnMut(u32)) {
        let Rule { n, ties, .. } = self.rule;
        self.rows += 1;
        self.heap += entry.place.heap();
        let list = match &mut self.lists {
            Store::One(all) => {
                if let Some(last) = std::mem::replace(&mut all[slot], entry).take() {
                    self.rows -= 1;
                    self.heap -= last.place.heap();
                    left(last.row);
                }
                return;
            }
            Store::Many(all) => &mut all[slot],
        };
        list.insert(at, entry);
        if list.len() <= n {
            return;
        }
        let end = match ties {
            true => list.partition_point(|entry| entry.place <= list[n - 1].place),
            false => n,
        };
        self.rows -= list.len() - end;
        self.heap -= heap(&list[end..]);
        list.drain(end..).for_each(|entry| left(entry.row));
    }
}

/// What the places of rows keep on the heap; those that stand for none keep nothing.
fn heap<P: Place>(entries: &[Entry<P>]) -> usize {
    entries.iter().filter(|entry| entry.row != NONE).map(|entry| entry.place.heap()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_env::Random;

    /// Of lists of one row, the same comes as of longer ones that are cut.
    fn compare(seed: u64) {
        let mut random = Random::new(seed);
        let rule = Rule { n: 1, ties: false, last_wins: seed.is_multiple_of(2) };
        let mut one = Lists::<u64>::new(rule);
        let mut many = Lists { rule, lists: Store::Many(Vec::new()), rows: 0, heap: 0 };
        assert!(matches!(one.lists, Store::One(_)));
        let mut slots = 0;
        for row in 0..500 {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            match random.below(20) {
                0 => slots += 3,
                1 if slots > 0 => {
                    slots -= 1;
                    one.truncate(slots, |row| left.push(row));
                    many.truncate(slots, |row| right.push(row));
                }
                2 => {
                    let kept: Vec<u32> = (0..slots as u32).filter(|slot| slot % 5 != 3).collect();
                    one.retain(&kept, |row| left.push(row));
                    many.retain(&kept, |row| right.push(row));
                    slots = kept.len();
                }
                other if slots > 0 => {
                    let (slot, place) = (random.below(slots as u64) as usize, random.below(5));
                    let at = one.position(slot, &place);
                    assert_eq!(at, many.position(slot, &place), "seed {seed}");
                    match at {
                        _ if other == 3 => {
                            one.clear(slot, |row| left.push(row));
                            many.clear(slot, |row| right.push(row));
                        }
                        _ if other == 4 && !one.of(slot).is_empty() => {
                            assert_eq!(one.remove(slot, 0), many.remove(slot, 0), "seed {seed}");
                        }
                        Some(at) => {
                            one.insert(slot, at, Entry { place, row }, |row| left.push(row));
                            many.insert(slot, at, Entry { place, row }, |row| right.push(row));
                        }
                        None => {}
                    }
                }
                _ => {}
            }
            one.grow(slots);
            many.grow(slots);
            assert_eq!((left, one.rows), (right, many.rows), "seed {seed}");
            for slot in 0..slots {
                let of = |lists: &Lists<u64>| -> Vec<(u64, u32)> {
                    lists.of(slot).iter().map(|entry| (entry.place, entry.row)).collect()
                };
                assert_eq!(of(&one), of(&many), "seed {seed}");
            }
        }
    }

    #[test]
    fn lists_of_one_row_are_as_lists_of_more() {
        (0..40).for_each(compare);
    }
}
