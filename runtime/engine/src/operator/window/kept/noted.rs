//! What checkpoints hold of windows that are kept: a barrier marks what changed, and it is copied behind it, or before it
//! changes again.

use super::super::births::Written;
use super::super::book::{Barrier, Book, Booked, Passed};
use super::super::written::Rows;
use super::save::slice_of;
use super::{Common, Disk, Kept, Open, Slice};
use crate::snapshot::{Columns, Saving};
use crate::state::{Groups, NO_SLOT};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column, ColumnData};
use std::sync::Arc;

/// The tables of windows, as a book counts them: of those whose slices are written apart, and of the others.
pub(super) const GROUPS: usize = 0;
pub(super) const SLICES: usize = 1;

/// The table of what was given.
pub(super) fn given(apart: bool) -> usize {
    if apart { 2 } else { 1 }
}

/// How many tables there are.
pub(super) fn tables(apart: bool) -> usize {
    given(apart) + 1
}

impl Booked for Open {
    fn passed(&mut self) -> &mut Passed {
        &mut self.passed
    }

    fn pass(&mut self, barrier: Barrier) {
        let all = self.index.len();
        self.noted.pass(barrier, all);
        self.given_noted.pass(barrier, if self.given.is_empty() { 0 } else { all });
        if self.apart {
            self.slices.values_mut().for_each(|slice| slice.noted.pass(barrier, slice.groups.len()));
        }
    }

    fn is_marked(&self) -> bool {
        self.noted.changes.is_marked()
            || self.given_noted.changes.is_marked()
            || self.slices.values().any(|slice| slice.noted.changes.is_marked())
    }

    fn count(&self) -> usize {
        self.noted.changes.count()
    }
}

impl Open {
    /// Copies what a checkpoint still needs of the groups of rows, which are about to come.
    pub(super) fn copy_ahead_of_rows(
        &mut self,
        book: &mut Book<(i64, i64), Open>,
        common: &Common,
        window: (i64, i64),
        batch: &Batch,
    ) {
        if !self.is_marked() {
            return;
        }
        let columns: Vec<&Column> =
            common.shape.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let (mut hashes, mut slots) = (Vec::new(), Vec::new());
        hash_columns(&columns, batch.len, &mut hashes);
        self.index.known(&columns, &hashes, &mut slots);
        slots.retain(|slot| *slot != NO_SLOT);
        self.copy_ahead(book, common, window, &slots);
    }

    /// Copies what a checkpoint still needs of groups, which are about to change.
    pub(super) fn copy_ahead(
        &mut self,
        book: &mut Book<(i64, i64), Open>,
        common: &Common,
        (end, start): (i64, i64),
        slots: &[u32],
    ) {
        if !self.is_marked() {
            return;
        }
        let bounds = (start, end);
        let ahead = self.noted.changes.ahead(slots);
        if !ahead.is_empty() {
            let mut births = Written::new(common.output.origin);
            births.add(&self.births, ahead.iter().copied());
            book.ahead(GROUPS, births.finish(self.groups(common, bounds, &ahead)));
        }
        let ahead = self.given_noted.changes.ahead(slots);
        if !ahead.is_empty() {
            let mut rows = Rows::new();
            self.add_given(&mut rows, bounds, &ahead);
            book.ahead(given(self.apart), rows.columns(common));
        }
        if !self.apart {
            return;
        }
        let keys = self.index.gather(slots);
        let columns: Vec<&Column> = keys.iter().collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, slots.len(), &mut hashes);
        for (&at, slice) in self.slices.iter_mut().filter(|(_, slice)| slice.noted.changes.is_marked()) {
            let ahead = slice.noted.changes.ahead(&slice.groups.slots_of((&columns, &hashes)));
            if !ahead.is_empty() {
                book.ahead(SLICES, slice_of(common, bounds, at, &slice.groups, &ahead));
            }
        }
    }

    pub(super) fn add_given(&self, rows: &mut Rows, bounds: (i64, i64), slots: &[u32]) {
        rows.add(&self.given, Some(slots), |slots| self.index.gather(slots), |_| bounds);
    }

    /// Says of which groups nothing is given any more.
    pub(super) fn say_emptied(&mut self, book: &mut Book<(i64, i64), Open>, window: (i64, i64)) {
        if !self.emptied.is_empty() {
            let slots: Vec<u32> = std::mem::take(&mut self.emptied).into_iter().collect();
            book.gone(given(self.apart), self.keys_of(&slots, window));
        }
    }

    /// What the last checkpoint knows, by table: the keys of entries.
    fn known(&self, (end, start): (i64, i64)) -> Vec<Batch> {
        let groups = self.noted.known();
        let mut known = vec![self.keys_of(&groups, (end, start))];
        if self.apart {
            let of_slice = |(at, slice): (&i64, &Slice)| {
                let slots = slice.noted.known();
                keys(slice.groups.keys(&slots), &[start, end, *at], slots.len())
            };
            known.push(Batch::concat(self.slices.iter().map(of_slice).collect()));
        }
        let given: Vec<u32> = groups.into_iter().filter(|slot| self.given.has(*slot)).collect();
        known.push(self.keys_of(&given, (end, start)));
        known
    }

    /// The keys of groups, and the bounds of the window.
    fn keys_of(&self, slots: &[u32], (end, start): (i64, i64)) -> Batch {
        keys(self.index.gather(slots), &[start, end], slots.len())
    }
}

/// So many keys, and behind each of them these bounds.
fn keys(keys: Vec<Column>, bounds: &[i64], len: usize) -> Batch {
    let bounds = bounds.iter().map(|bound| Column::new(ColumnData::I64(vec![*bound; len])));
    Batch::new(len, keys.into_iter().chain(bounds).map(Arc::new).collect())
}

impl Kept {
    /// A window goes.
    pub(super) fn forget(&mut self, window: (i64, i64), mut open: Open) {
        open.say_emptied(&mut self.book, window);
        let groups = open.index.len();
        self.book.leave(window, open, groups, |open| open.known(window));
    }

    /// A barrier: all windows are to be written down, or what changed.
    pub(super) fn mark(&mut self, common: &Common, out: &mut Saving) {
        for window in self.book.changed().to_vec() {
            if let Some(open) = self.open.get_mut(&window) {
                open.say_emptied(&mut self.book, window);
            }
        }
        let on_disk = self.disk.as_ref().map_or(0, Disk::changes);
        let gone = self.book.mark(&self.open, out.whole(), common.tracks, on_disk);
        self.disk.iter_mut().for_each(|disk| disk.mark(gone.is_none()));
        let mut gone = gone.map(Vec::into_iter);
        let mut gone = || gone.as_mut().map(|tables| tables.next().unwrap_or_default());
        let (shape, apart) = (&common.shape, !self.is_alone());
        let (home, keys) = (shape.home(), shape.keys.len());
        let none = Open::begin(common, apart, Default::default());
        let groups = Written::new(common.output.origin).finish(none.groups(common, (0, 0), &[]));
        out.begin_changes("windows", home, keys + 2, groups, gone());
        if apart {
            let slices = slice_of(common, (0, 0), 0, &Groups::new(shape), &[]);
            out.begin_changes("slices", home, keys + 3, slices, gone());
        }
        let mut given = Rows::new();
        none.add_given(&mut given, (0, 0), &[]);
        out.begin_changes("given", home, keys + 2, given.columns(common), gone());
    }

    /// Writes down about so many of the entries that were marked; gives whether there are more of a table.
    pub(super) fn save_marked(
        &mut self,
        common: &Common,
        out: &mut Saving,
        entries: usize,
    ) -> Result<bool, String> {
        self.book.copied_ahead().into_iter().for_each(|copy| out.more(copy));
        let (mut groups, mut births) = (None, Written::new(common.output.origin));
        let (mut slices, mut rows) = (None, Rows::new());
        let complete = self.book.copy(&mut self.open, entries, |table, (end, start), open, most| {
            let bounds = (start, end);
            if table == given(open.apart) {
                let slots = open.given_noted.changes.next(most);
                open.add_given(&mut rows, bounds, &slots);
                return slots.len();
            }
            if table == SLICES {
                return open.copy_slices(common, bounds, most, &mut slices);
            }
            let slots = open.noted.changes.next(most);
            if !slots.is_empty() {
                births.add(&open.births, slots.iter().copied());
                open.groups(common, bounds, &slots).append_to(&mut groups);
            }
            slots.len()
        });
        if let Some(groups) = groups {
            out.more(births.finish(groups));
        }
        slices.into_iter().for_each(|slices| out.more(slices));
        out.more(rows.columns(common));
        if !complete {
            return Ok(true);
        }
        if let Some(disk) = &mut self.disk
            && let Some(copy) = disk.next_marked(self.book.table(), entries)?
        {
            out.more(copy);
            return Ok(true);
        }
        self.book.next_table();
        Ok(false)
    }
}

impl Open {
    /// Copies so many groups of slices at most that are marked; gives how many they were.
    fn copy_slices(
        &mut self,
        common: &Common,
        bounds: (i64, i64),
        most: usize,
        columns: &mut Option<Columns>,
    ) -> usize {
        let mut copied = 0;
        for (&at, slice) in &mut self.slices {
            while copied < most && slice.noted.changes.is_marked() {
                let slots = slice.noted.changes.next(most - copied);
                if !slots.is_empty() {
                    slice_of(common, bounds, at, &slice.groups, &slots).append_to(columns);
                }
                copied += slots.len();
            }
        }
        copied
    }
}
