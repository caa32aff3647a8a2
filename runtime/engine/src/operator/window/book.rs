//! What checkpoints hold of windows, and what they still have to get: which windows changed since the last one, which went,
//! and what the one on its way has not copied yet.
//!
//! A barrier only counts: a window learns of it when it is about to change, or when it is its turn to be copied. A window
//! that goes before its turn is kept aside until then, since nothing changes it any more. Knows no time and no rows.

use crate::snapshot::Columns;
use crate::state::Changes;
use flow_data::Batch;
use std::collections::BTreeMap;

/// The bounds of a window or slice, and what else stands beside each of its groups: names and values. Those that are part
/// of an entry's key come first.
pub(super) type Bounds = Vec<(&'static str, i64)>;

/// Where so few groups are, it does not matter how many of them went.
const FEW: usize = 1 << 12;

/// What is known of one window's entries in one table, by slot.
pub(super) struct Noted {
    /// What has changed, and what the checkpoint on its way still has to copy.
    pub(super) changes: Changes,
    /// So many were there at the last barrier.
    known: usize,
}

impl Noted {
    /// Of a window that comes: is it noted what changes?
    pub(super) fn new(notes: bool) -> Noted {
        Noted { changes: if notes { Changes::noted() } else { Changes::default() }, known: 0 }
    }

    /// A barrier was there when there were so many slots.
    pub(super) fn pass(&mut self, barrier: Barrier, all: usize) {
        if self.changes.notes() && !barrier.whole && self.changes.count() == 0 {
            self.changes.mark_nothing();
        } else {
            self.changes.mark(barrier.whole, all, barrier.notes);
        }
        self.known = all;
    }

    /// Some groups go to disk: these slots stay, which ascend, and become slots `0..`.
    pub(super) fn retain(&mut self, slots: &[u32]) {
        self.changes.retain(slots);
        self.known = slots.len();
    }

    /// Groups came back from disk, some of which have changed since the last barrier; there are so many now.
    pub(super) fn came_back(&mut self, changed: &[u32], all: usize) {
        self.changes.change(changed, all);
        self.known = all;
    }

    /// The slots that the last checkpoint knows, or more.
    pub(super) fn known(&self) -> Vec<u32> {
        (0..self.known as u32).collect()
    }
}

/// What a window has to know of the last barrier.
#[derive(Clone, Copy)]
pub(super) struct Barrier {
    /// Is everything to be written, whatever changed?
    whole: bool,
    /// Is it noted what changes from here on?
    notes: bool,
}

/// What a window knows of barriers.
#[derive(Default)]
pub(super) struct Passed {
    barriers: u64,
    /// Has it changed since?
    changed: bool,
}

/// A window, or a slice of windows, that a book is kept of.
pub(super) trait Booked {
    fn passed(&mut self) -> &mut Passed;
    /// A barrier was there; nothing has changed since.
    fn pass(&mut self, barrier: Barrier);
    /// Is something of it still to be copied, as far as is known?
    fn is_marked(&self) -> bool;
    /// How many groups have changed.
    fn count(&self) -> usize;
}

/// The windows of an operator, by what tells them apart.
pub(super) struct Book<K, W> {
    /// Barriers so far, and what is to be known of the last one.
    barriers: u64,
    last: Barrier,
    /// Windows that have changed since.
    changed: Vec<K>,
    /// Those of which the checkpoint on its way has something to copy, and how far it is with them.
    marked: Vec<K>,
    at: usize,
    /// The table that is being copied. Of each: what was copied before it changed.
    table: usize,
    ahead: Vec<Option<Columns>>,
    /// Windows that are no more, and of which something is still to be copied.
    aside: BTreeMap<K, W>,
    /// By table: the keys of entries that are no more since the last barrier.
    gone: Vec<Vec<Batch>>,
    gone_rows: usize,
    /// More went than is there: the next checkpoint holds everything.
    too_many: bool,
    /// How many groups all windows have.
    groups: usize,
}

impl<K: Ord + Copy, W: Booked> Book<K, W> {
    /// Of windows that are written as so many tables.
    pub(super) fn new(tables: usize) -> Book<K, W> {
        Book {
            barriers: 0,
            last: Barrier { whole: true, notes: false },
            changed: Vec::new(),
            marked: Vec::new(),
            at: 0,
            table: tables,
            ahead: (0..tables).map(|_| None).collect(),
            aside: BTreeMap::new(),
            gone: vec![Vec::new(); tables],
            gone_rows: 0,
            too_many: false,
            groups: 0,
        }
    }

    /// What a window that comes knows of barriers; and is it noted what changes in it?
    pub(super) fn begin(&self) -> (Passed, bool) {
        (Passed { barriers: self.barriers, changed: false }, self.last.notes)
    }

    /// A window has so many more groups.
    pub(super) fn grow(&mut self, groups: usize) {
        self.groups += groups;
    }

    /// Tells a window of the last barrier.
    fn pass(&self, window: &mut W) {
        if window.passed().barriers != self.barriers {
            *window.passed() = Passed { barriers: self.barriers, changed: false };
            window.pass(self.last);
        }
    }

    /// A window is looked at, and does not change.
    pub(super) fn look(&self, window: &mut W) {
        self.pass(window);
    }

    /// A window is about to change.
    #[inline]
    pub(super) fn touch(&mut self, key: K, window: &mut W) {
        self.pass(window);
        if self.last.notes && !std::mem::replace(&mut window.passed().changed, true) {
            self.changed.push(key);
        }
    }

    /// Windows that have changed since the last barrier.
    pub(super) fn changed(&self) -> &[K] {
        &self.changed
    }

    /// What was copied of a table, of entries that are about to change.
    pub(super) fn ahead(&mut self, table: usize, columns: Columns) {
        columns.append_to(&mut self.ahead[table]);
    }

    /// Is it said which entries are no more?
    pub(super) fn says_gone(&self) -> bool {
        self.last.notes && !self.too_many
    }

    /// Entries of a table are no more: their keys.
    pub(super) fn gone(&mut self, table: usize, keys: Batch) {
        if keys.len > 0 && self.says_gone() {
            self.gone_rows += keys.len;
            self.gone[table].push(keys);
        }
    }

    /// A window with so many groups goes; `keys` gives, by table, what the last checkpoint knows of it.
    pub(super) fn leave(&mut self, key: K, mut window: W, groups: usize, keys: impl Fn(&W) -> Vec<Batch>) {
        self.pass(&mut window);
        if self.says_gone() {
            keys(&window).into_iter().enumerate().for_each(|(table, keys)| self.gone(table, keys));
        }
        self.shrink(groups);
        if window.is_marked() {
            self.aside.insert(key, window);
        }
    }

    /// So many groups are no more.
    pub(super) fn shrink(&mut self, groups: usize) {
        self.groups -= groups;
        if self.gone_rows > self.groups.max(FEW) {
            self.forget_gone();
        }
    }

    /// Says nothing of what is no more: the next checkpoint holds everything.
    fn forget_gone(&mut self) {
        // What is there is less than what would be said of these.
        self.too_many = true;
        self.gone.iter_mut().for_each(Vec::clear);
        self.gone_rows = 0;
    }

    /// Of so many entries at most it is said that they are no more, or a few.
    pub(super) fn bound_gone(&mut self, rows: usize) {
        if self.gone_rows > rows.max(FEW) {
            self.forget_gone();
        }
    }

    /// A barrier. Beside what is known here, so many entries have changed. Gives, by table, the keys of entries that are no more, if what changed is all that is to be written: else it
    /// is everything.
    pub(super) fn mark(
        &mut self,
        open: &BTreeMap<K, W>,
        whole: bool,
        tracks: bool,
        others: usize,
    ) -> Option<Vec<Vec<Batch>>> {
        let tables = self.ahead.len();
        let gone = std::mem::replace(&mut self.gone, vec![Vec::new(); tables]);
        let windows = self.changed.iter().filter_map(|key| open.get(key));
        let changed =
            others + windows.map(Booked::count).sum::<usize>() + std::mem::take(&mut self.gone_rows);
        // Where much has changed, all of it is about as much, and means something by itself.
        let whole = whole || std::mem::take(&mut self.too_many) || 2 * changed > self.groups.max(FEW);
        let whole = whole || !self.last.notes;
        self.marked = std::mem::take(&mut self.changed);
        if whole {
            self.marked = open.keys().copied().collect();
        }
        self.barriers += 1;
        self.last = Barrier { whole, notes: tracks };
        (self.at, self.table) = (0, 0);
        self.ahead.iter_mut().for_each(|ahead| *ahead = None);
        self.aside.clear();
        (!whole).then_some(gone)
    }

    /// What was copied of the table that is being written, of entries that changed since.
    pub(super) fn copied_ahead(&mut self) -> Option<Columns> {
        self.ahead.get_mut(self.table).and_then(Option::take)
    }

    /// The table that is being written.
    pub(super) fn table(&self) -> usize {
        self.table
    }

    /// The table that was being written is complete.
    pub(super) fn next_table(&mut self) {
        (self.at, self.table) = (0, self.table + 1);
        if self.table >= self.ahead.len() {
            self.marked.clear();
            self.aside.clear();
        }
    }

    /// The next windows of which the table that is being written gets entries: `copy` copies so many of a window's at most,
    /// and gives how many it were. Gives whether it has all entries that are in memory.
    pub(super) fn copy(
        &mut self,
        open: &mut BTreeMap<K, W>,
        entries: usize,
        mut copy: impl FnMut(usize, K, &mut W, usize) -> usize,
    ) -> bool {
        let mut left = entries;
        while left > 0 {
            let Some(&key) = self.marked.get(self.at) else { return true };
            let mut aside = self.aside.remove(&key);
            let copied = match aside.as_mut().or_else(|| open.get_mut(&key)) {
                Some(window) => {
                    self.pass(window);
                    copy(self.table, key, window, left)
                }
                None => 0,
            };
            self.aside.extend(aside.map(|window| (key, window)));
            self.at += usize::from(copied == 0);
            left = left.saturating_sub(copied.max(1));
        }
        false
    }

    /// Windows that are still there only because they are to be copied.
    pub(super) fn set_aside(&self) -> impl Iterator<Item = &W> {
        self.aside.values()
    }
}
