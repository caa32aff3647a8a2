//! The best rows of each slot, where rows are only added. Knows places and numbers of rows; never their
//! columns.

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
    /// By slot; best first.
    lists: Vec<Vec<Entry<P>>>,
    /// Rows in all of them.
    rows: usize,
}

impl<P: Ord + Clone> Lists<P> {
    pub(super) fn new(rule: Rule) -> Lists<P> {
        Lists { rule, lists: Vec::new(), rows: 0 }
    }

    pub(super) fn grow(&mut self, slots: usize) {
        self.lists.resize_with(slots, Vec::new);
    }

    /// The bytes they take, about: a list has room for some rows from the first one on.
    pub(super) fn bytes(&self) -> usize {
        room(&self.lists) + self.rows.max(4 * self.lists.len()) * size_of::<Entry<P>>()
    }

    pub(super) fn of(&self, slot: usize) -> &[Entry<P>] {
        &self.lists[slot]
    }

    /// Where a row of this place would stand; `None` if it is not among the best.
    #[inline]
    pub(super) fn position(&self, slot: usize, place: &P) -> Option<usize> {
        let Rule { n, ties, last_wins } = self.rule;
        let list = &self.lists[slot];
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
        let list = &self.lists[slot];
        let from = list.partition_point(|entry| entry.place < *place);
        let mut equal = from..list.partition_point(|entry| entry.place <= *place);
        let is = |at: &usize| is(list[*at].row);
        if self.rule.last_wins { equal.rfind(is) } else { equal.find(is) }
    }

    /// Takes a row out of its list.
    pub(super) fn remove(&mut self, slot: usize, at: usize) -> u32 {
        self.rows -= 1;
        self.lists[slot].remove(at).row
    }

    /// Makes a list empty; hands over its rows.
    pub(super) fn clear(&mut self, slot: usize, left: impl FnMut(u32)) {
        let list = std::mem::take(&mut self.lists[slot]);
        self.rows -= list.len();
        list.into_iter().map(|entry| entry.row).for_each(left);
    }

    /// Forgets the lists from this slot on; hands over their rows.
    pub(super) fn truncate(&mut self, slots: usize, mut left: impl FnMut(u32)) {
        (slots..self.lists.len()).for_each(|slot| self.clear(slot, &mut left));
        self.lists.truncate(slots);
    }

    /// Keeps these slots, which ascend; they become slots `0..`. Hands over the rows of others.
    pub(super) fn retain(&mut self, slots: &[u32], left: impl FnMut(u32)) {
        let kept: Vec<Vec<Entry<P>>> =
            slots.iter().map(|&slot| std::mem::take(&mut self.lists[slot as usize])).collect();
        let rows = kept.iter().map(Vec::len).sum();
        self.rows -= rows;
        self.truncate(0, left);
        (self.rows, self.lists) = (rows, kept);
    }

    /// Puts a row where [`Lists::position`] says; hands over the rows that leave the list for it.
    pub(super) fn insert(&mut self, slot: usize, at: usize, entry: Entry<P>, mut left: impl FnMut(u32)) {
        let Rule { n, ties, .. } = self.rule;
        let list = &mut self.lists[slot];
        list.insert(at, entry);
        self.rows += 1;
        if list.len() <= n {
            return;
        }
        let end = match ties {
            true => list.partition_point(|entry| entry.place <= list[n - 1].place),
            false => n,
        };
        self.rows -= list.len() - end;
        list.drain(end..).for_each(|entry| left(entry.row));
    }
}
