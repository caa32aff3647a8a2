//! What checkpoints hold of an updating pick: which keys, rows and lists changed since the last one, which rows went, and
//! what the one on its way has not copied yet.
//!
//! A row is known by its content and its number, which no other one ever has, and stays as it is: a checkpoint only has to
//! say that it came or went. What a row holds stays where it is while rows come and go (`Contents`), so of one that goes
//! before its turn only its number is noted.

use crate::state::{Copies, room};
use flow_data::Batch;
use std::collections::BTreeMap;
use std::ops::Range;

/// Where so few rows are, it does not matter how many of them went.
const FEW: usize = 1 << 12;

/// The tables, in the order in which they are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Groups,
    Rows,
    Given,
}

/// How many tables there are.
pub(super) const TABLES: usize = 3;

impl Table {
    pub(super) fn of(number: usize) -> Table {
        [Table::Groups, Table::Rows, Table::Given][number]
    }
}

/// A row: its content and its number.
type Row = (u32, i64);

pub(super) struct Noted {
    /// Will somebody want to know what has changed since it was last saved?
    tracks: bool,
    pub(super) groups: Copies,
    /// By content: those that have rows to be written.
    pub(super) rows: Copies,
    pub(super) given: Copies,
    /// The table that is being written.
    table: Table,
    /// Of the rows of a content, those with these numbers are in the checkpoint on its way, if it has them at all.
    numbers: Range<i64>,
    /// Rows that are in it, and went before they were copied.
    before: Vec<Row>,
    /// Rows that went since the last barrier, and were there.
    went: Vec<Row>,
    went_rows: usize,
    /// More rows went than are there: the next checkpoint holds everything.
    too_many: bool,
    /// So many keys were there at the last barrier.
    known: usize,
    /// How long the lists were, at most, that were given of keys since then, of those that got shorter.
    longer: BTreeMap<u32, usize>,
}

impl Noted {
    pub(super) fn new(tracks: bool) -> Noted {
        Noted {
            tracks,
            groups: Copies::default(),
            rows: Copies::default(),
            given: Copies::default(),
            table: Table::Given,
            numbers: 0..0,
            before: Vec::new(),
            went: Vec::new(),
            went_rows: 0,
            too_many: false,
            known: 0,
            longer: BTreeMap::new(),
        }
    }

    /// Is it noted what changes?
    pub(super) fn notes(&self) -> bool {
        self.rows.changes.notes()
    }

    /// A row goes, of so many that were there.
    pub(super) fn go(&mut self, content: u32, number: i64, rows: usize) {
        if number >= self.numbers.end {
            return;
        }
        if self.numbers.contains(&number) && self.rows.changes.is_left(content) {
            self.before.push((content, number));
        }
        if self.notes() && !self.too_many {
            self.went.push((content, number));
            self.went_rows += 1;
            if self.went_rows > rows.max(FEW) {
                // What is there is less than what would be said of these.
                self.too_many = true;
                (self.went, self.went_rows) = (Vec::new(), 0);
                self.rows.forget_gone();
            }
        }
    }

    /// Has a row of this number come since the last barrier, as far as somebody wants to know?
    pub(super) fn is_new(&self, number: i64) -> bool {
        self.notes() && number >= self.numbers.end
    }

    /// Rows that are still to be copied, and those whose keys are.
    pub(super) fn unsettled(&mut self) -> (Vec<Row>, Vec<Row>) {
        (std::mem::take(&mut self.before), std::mem::take(&mut self.went))
    }

    /// The list that was given of a key gets shorter.
    pub(super) fn shrink(&mut self, slot: u32, from: usize) {
        if self.notes() {
            let longest = self.longer.entry(slot).or_default();
            *longest = from.max(*longest);
        }
    }

    /// How long lists were that got shorter.
    pub(super) fn shrunk(&mut self) -> BTreeMap<u32, usize> {
        std::mem::take(&mut self.longer)
    }

    /// The keys of entries that are no more.
    pub(super) fn gone(&mut self, table: Table, keys: Batch) {
        if self.notes() && keys.len > 0 {
            self.of(table).gone(keys);
        }
    }

    pub(super) fn of(&mut self, table: Table) -> &mut Copies {
        match table {
            Table::Groups => &mut self.groups,
            Table::Rows => &mut self.rows,
            Table::Given => &mut self.given,
        }
    }

    /// Is a key known to the last checkpoint?
    pub(super) fn knows(&self, slot: u32) -> bool {
        (slot as usize) < self.known
    }

    /// Keeps these keys, which ascend.
    pub(super) fn retain_slots(&mut self, kept: &[u32]) {
        self.known = kept.partition_point(|slot| (*slot as usize) < self.known);
        self.groups.changes.retain(kept);
        self.given.changes.retain(kept);
    }

    /// Keeps these contents, which ascend.
    pub(super) fn retain_contents(&mut self, kept: &[u32]) {
        self.rows.changes.retain(kept);
    }

    /// A barrier, when there are so many rows, keys and contents, and the next row has this number; what went is settled.
    /// Gives, by table, the keys of entries that are no more, if what changed is all that is to be written.
    pub(super) fn mark(
        &mut self,
        whole: bool,
        rows: usize,
        [slots, contents]: [usize; 2],
        next: i64,
    ) -> Option<[Vec<Batch>; 3]> {
        let changed = self.rows.changes.count() + self.went_rows;
        let whole = whole || self.too_many || !self.notes() || 2 * changed > rows.max(FEW);
        (self.too_many, self.went_rows) = (false, 0);
        self.numbers = if whole { 0 } else { self.numbers.end }..next;
        self.known = slots;
        self.table = Table::Groups;
        let tracks = self.tracks;
        let gone = [
            self.groups.mark(whole, slots, tracks),
            self.rows.mark(whole, contents, tracks),
            self.given.mark(whole, slots, tracks),
        ];
        (!whole).then_some(gone)
    }

    /// The table that is being written.
    pub(super) fn table(&self) -> Table {
        self.table
    }

    /// The next table is.
    pub(super) fn next_table(&mut self) {
        self.table = if self.table == Table::Groups { Table::Rows } else { Table::Given };
    }

    /// The numbers of the rows that are written.
    pub(super) fn numbers(&self) -> Range<i64> {
        self.numbers.clone()
    }

    pub(super) fn bytes(&self) -> usize {
        let entries = self.groups.changes.bytes() + self.rows.changes.bytes() + self.given.changes.bytes();
        entries + room(&self.before) + room(&self.went)
    }
}
