//! What checkpoints hold of the rows of a side, and what they still have to get: which rows came or changed since the last
//! one, which went, and what the one on its way has not copied yet.
//!
//! A row goes by its id, which no other row of its side ever has. Its columns stay where they are as long as its block is
//! there, also when it is gone: so of a row that changes or goes only what is noted of it is put down at once, and its columns
//! are copied with those of others, at the latest when the block goes (`Core::settle`).

use crate::snapshot::Columns;
use crate::state::Changes;
use flow_data::Batch;

/// What is known of a row beside its columns.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) row: u32,
    /// Its key, or `NO_ROW`.
    pub(super) slot: u32,
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) time: i64,
    pub(super) partners: u32,
    pub(super) note: i64,
    pub(super) ends: Vec<i128>,
}

/// A row that went.
#[derive(Clone, Copy)]
pub(super) struct Gone {
    pub(super) row: u32,
    pub(super) slot: u32,
    pub(super) id: u64,
}

/// Is a row not to be written down, by its time?
pub(super) type Over = Box<dyn Fn(i64) -> bool + Send>;

#[derive(Default)]
pub(super) struct Book {
    /// Will somebody want to know what has changed since it was last saved?
    tracks: bool,
    /// What has changed, and what the checkpoint on its way still has to copy.
    changes: Changes,
    /// Rows from this id on came behind the last barrier.
    barrier: u64,
    /// Which of the rows at the last barrier nobody can meet any more.
    over: Option<Over>,
    /// Rows of the checkpoint on its way as they were, before they changed or went; then, what was copied of them.
    before: Vec<Entry>,
    ahead: Vec<Columns>,
    /// Rows that went since the last checkpoint and may be in it; then, what a checkpoint says of them.
    went: Vec<Gone>,
    gone: Vec<Batch>,
    gone_rows: usize,
    /// More rows went than were there: the next checkpoint holds everything.
    too_many: bool,
}

/// Where so few rows are, it does not matter how many of them went.
const FEW: usize = 1 << 12;

impl Book {
    /// It will be asked for what changed.
    pub(super) fn track(&mut self) {
        self.tracks = true;
    }

    /// A row that is there changes; there are so many numbers. Is it to be put down as it was before?
    #[inline]
    pub(super) fn change(&mut self, row: u32, id: u64, numbers: usize) -> bool {
        self.changes.change(&[row], numbers);
        self.has_to_copy(row, id)
    }

    /// Rows came.
    #[inline]
    pub(super) fn came(&mut self, rows: &[u32], numbers: usize) {
        self.changes.change(rows, numbers);
    }

    /// Does somebody want to know that rows come?
    pub(super) fn wants_to_know(&self) -> bool {
        self.changes.notes()
    }

    /// A row goes, of so many that were there. Is it to be put down as it was before?
    #[inline]
    pub(super) fn go(&mut self, gone: Gone, rows: usize) -> bool {
        if self.changes.notes() && gone.id < self.barrier && !self.too_many {
            self.went.push(gone);
            self.gone_rows += 1;
            if self.gone_rows > rows.max(FEW) {
                // What is there is less than what would be said of these.
                self.too_many = true;
                (self.gone_rows, self.went, self.gone) = (0, Vec::new(), Vec::new());
            }
        }
        self.has_to_copy(gone.row, gone.id)
    }

    fn has_to_copy(&mut self, row: u32, id: u64) -> bool {
        id < self.barrier && !self.changes.ahead(&[row]).is_empty()
    }

    /// A row that is there goes to disk: is it to be put down as it is?
    pub(super) fn leaves(&mut self, row: u32, id: u64) -> bool {
        self.has_to_copy(row, id)
    }

    /// Has a row come or changed since the last barrier?
    pub(super) fn has_changed(&self, row: u32) -> bool {
        self.changes.has(row)
    }

    /// A row is back from disk, of so many numbers. What a checkpoint still has to get of it, it gets from there.
    pub(super) fn came_back(&mut self, row: u32, changed: bool, numbers: usize) {
        self.changes.ahead(&[row]);
        if changed {
            self.changes.change(&[row], numbers);
        }
    }

    /// Only these rows stay in memory, which ascend: they become `0..`. All is settled.
    pub(super) fn keep_rows(&mut self, rows: &[u32]) {
        self.changes.retain(rows);
    }

    /// A row, as it was at the barrier.
    pub(super) fn put_down(&mut self, before: Entry) {
        self.before.push(before);
    }

    /// Rows whose columns are still to be copied, and those of which the keys are.
    pub(super) fn unsettled(&mut self) -> (Vec<Entry>, Vec<Gone>) {
        (std::mem::take(&mut self.before), std::mem::take(&mut self.went))
    }

    /// What was copied of the one, and the keys of the other.
    pub(super) fn settle(&mut self, ahead: Option<Columns>, gone: Option<Batch>) {
        self.ahead.extend(ahead);
        self.gone.extend(gone);
    }

    /// Is a row that is there, with this id and time, in the checkpoint on its way?
    pub(super) fn holds(&self, id: u64, time: i64) -> bool {
        id < self.barrier && !self.is_over(time)
    }

    /// Could nobody meet a row of this time at the last barrier?
    pub(super) fn is_over(&self, time: i64) -> bool {
        self.over.as_ref().is_some_and(|over| over(time))
    }

    /// A barrier, when `rows` are there, under so many numbers, and the next one has this id. Gives the keys of those that
    /// went, if what changed is all that is to be written down: else it is everything.
    pub(super) fn mark(
        &mut self,
        whole: bool,
        rows: usize,
        numbers: usize,
        next: u64,
        over: Option<Over>,
    ) -> Option<Vec<Batch>> {
        let gone = std::mem::take(&mut self.gone);
        let changed = self.changes.count() + std::mem::take(&mut self.gone_rows);
        let whole = whole || std::mem::take(&mut self.too_many) || 2 * changed > rows.max(FEW);
        let whole = whole || !self.changes.notes();
        self.changes.mark(whole, numbers, self.tracks);
        (self.barrier, self.over) = (next, over);
        self.before.clear();
        self.ahead.clear();
        (!whole).then_some(gone)
    }

    /// Is something still to be copied?
    pub(super) fn is_marked(&self) -> bool {
        self.changes.is_marked()
    }

    /// What was copied of rows that changed or went.
    pub(super) fn ahead(&mut self) -> Vec<Columns> {
        std::mem::take(&mut self.ahead)
    }

    /// The next rows that are to be copied, if they are there; without any, all are copied.
    pub(super) fn next(&mut self, most: usize) -> Vec<u32> {
        self.changes.next(most)
    }

    /// The bytes it has taken.
    pub(super) fn bytes(&self) -> usize {
        let pending = self.before.len() * size_of::<Entry>() + self.went.len() * size_of::<Gone>();
        self.changes.bytes() + pending
    }
}
