//! Panes that a book is kept of, as a table: what windows that are given once hold, and write down at a barrier and behind it.
//! Groups that memory has no room for may be on disk (`spilling`).

mod spilling;

use super::births::{Reborn, Written};
use super::book::{self, Book, Booked};
use super::divide::Rows;
use super::pane::Pane;
use super::windows::Common;
use crate::context::Context;
use crate::error::Halt;
use crate::operator::on_disk;
use crate::snapshot::{Columns, Saving};
use crate::state::{COLDER, ColdError, Held, Shelf, Shelves};
use flow_data::Batch;
use spilling::Closing;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::RangeInclusive;

/// What the table is: its name, what stands beside the groups of a window, and how much of that is part of an entry's key.
pub(super) struct Described {
    pub(super) name: &'static str,
    /// Of a window; and up to where windows are given, if the table says that.
    pub(super) columns: fn(Shelf, Option<i64>) -> book::Bounds,
    pub(super) key: usize,
}

pub(super) struct Panes {
    described: Described,
    /// By what tells windows (or slices) apart.
    open: BTreeMap<Shelf, Pane>,
    book: Book<Shelf, Pane>,
    /// Up to where windows were given at the last barrier, if the table says that.
    written_to: Option<i64>,
    /// Groups that memory has no room for.
    shelves: Option<Shelves>,
    /// What was copied for the checkpoint on its way, of groups that were about to change, to go to disk, or came from there.
    ahead: Vec<Columns>,
    /// The bytes that the groups of all panes take.
    bytes: usize,
    /// What is given piece by piece.
    closing: Option<Closing>,
}

impl Panes {
    pub(super) fn new(described: Described, shelves: Option<Shelves>) -> Panes {
        Panes {
            described,
            open: BTreeMap::new(),
            book: Book::new(1),
            written_to: None,
            shelves,
            ahead: Vec::new(),
            bytes: 0,
            closing: None,
        }
    }

    /// May groups be on disk?
    pub(super) fn spills(&self) -> bool {
        self.shelves.is_some()
    }

    /// Those in memory.
    pub(super) fn open(&self) -> &BTreeMap<Shelf, Pane> {
        &self.open
    }

    /// The first window, wherever its groups are.
    pub(super) fn first(&self) -> Option<Shelf> {
        let on_disk = self.shelves.iter().filter_map(Shelves::first);
        self.open.keys().next().copied().into_iter().chain(on_disk).min()
    }

    /// The windows of a range, wherever their groups are.
    pub(super) fn range(&self, of: RangeInclusive<Shelf>) -> Vec<Shelf> {
        let mut windows: Vec<Shelf> = self.open.range(of.clone()).map(|(key, _)| *key).collect();
        if let Some(shelves) = &self.shelves {
            windows.extend(shelves.filled(of));
            windows.sort_unstable();
            windows.dedup();
        }
        windows
    }

    /// A window is there from now on, also if it has no groups.
    pub(super) fn begin(&mut self, common: &Common, key: Shelf) {
        if let Entry::Vacant(entry) = self.open.entry(key) {
            let pane = entry.insert(Pane::begin(&common.shape, &common.output, self.book.begin()));
            self.bytes += pane.weight();
        }
    }

    /// Adds rows of a batch to a window.
    pub(super) fn add(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        key: Shelf,
        batch: &Batch,
        rows: Rows,
    ) -> Result<(), Halt> {
        self.begin(common, key);
        if self.spills() {
            self.bring(common, key, batch, &rows).map_err(|error| on_disk(cx, &error))?;
        }
        let Some(pane) = self.open.get_mut(&key) else { return Ok(()) };
        self.book.touch(key, pane);
        if pane.is_marked() {
            let slots = match &rows {
                Rows::All => pane.ahead(&common.shape, batch),
                Rows::These(rows) => pane.ahead(&common.shape, &batch.gather(rows)),
            };
            if !slots.is_empty() {
                let mut births = Written::new(common.output.origin);
                let bounds = (self.described.columns)(key, self.written_to);
                let copy = pane.save(&common.shape, &bounds, &slots, &mut births);
                self.ahead.push(births.finish(copy));
            }
        }
        let (known, bytes) = (pane.len(), pane.weight());
        common.add(cx, pane, batch, rows)?;
        self.book.grow(pane.len() - known);
        self.bytes = self.bytes + pane.weight() - bytes;
        if self.shelves.is_some() {
            pane.used(&common.scratch.slots);
        }
        Ok(())
    }

    /// Takes a window out, whose groups are all in memory.
    pub(super) fn remove(&mut self, key: Shelf) -> Option<Pane> {
        let pane = self.open.remove(&key)?;
        self.bytes -= pane.weight();
        Some(pane)
    }

    /// Forgets a window that was taken out.
    pub(super) fn forget(&mut self, key: Shelf, pane: Pane) {
        let (groups, key_columns) = (pane.len(), self.described.key);
        let bounds: Vec<i64> =
            (self.described.columns)(key, None).iter().take(key_columns).map(|(_, bound)| *bound).collect();
        self.book.leave(key, pane, groups, |pane| vec![pane.keys_known(&bounds)]);
    }

    /// A barrier. Is all of it to be written, whatever changed? Up to where are windows given, if the table says it?
    pub(super) fn mark(&mut self, common: &Common, out: &mut Saving, all: bool, written_to: Option<i64>) {
        self.written_to = written_to;
        self.ahead.clear();
        let shape = &common.shape;
        let on_disk = self.shelves.as_ref().map_or(0, Shelves::changes);
        let gone = self.book.mark(&self.open, all || out.whole(), common.tracks, on_disk);
        self.shelves.iter_mut().for_each(|shelves| shelves.mark(gone.is_none()));
        let mut births = Written::new(common.output.origin);
        let bounds = (self.described.columns)((0, 0), written_to);
        let none = Pane::new(shape, &common.output).save(shape, &bounds, &[], &mut births);
        let gone = gone.map(|gone| gone.into_iter().flatten().collect());
        let keys = shape.keys.len() + self.described.key;
        out.begin_changes(self.described.name, shape.home(), keys, births.finish(none), gone);
    }

    /// Writes down about so many of the entries that were marked; gives whether there are more.
    pub(super) fn save_more(
        &mut self,
        common: &Common,
        out: &mut Saving,
        entries: usize,
    ) -> Result<bool, String> {
        self.ahead.drain(..).for_each(|copy| out.more(copy));
        let (mut copied, mut births) = (None, Written::new(common.output.origin));
        let complete = self.book.copy(&mut self.open, entries, |_, key, pane, most| {
            let slots = pane.next(most);
            if !slots.is_empty() {
                let bounds = (self.described.columns)(key, self.written_to);
                pane.save(&common.shape, &bounds, &slots, &mut births).append_to(&mut copied);
            }
            slots.len()
        });
        if let Some(copied) = copied {
            out.more(births.finish(copied));
        }
        if !complete {
            return Ok(true);
        }
        if let Some(shelves) = &mut self.shelves
            && let Some(copy) =
                shelves.next_marked(entries.div_ceil(COLDER)).map_err(|error| error.to_string())?
        {
            out.more(self.written_now(copy));
            return Ok(true);
        }
        self.book.next_table();
        Ok(false)
    }

    /// Groups that were on disk, as they are to be written: up to where windows are given was another time when they were put
    /// there.
    fn written_now(&self, mut groups: Columns) -> Columns {
        let beside = (self.described.columns)((0, 0), self.written_to);
        beside.iter().skip(self.described.key).for_each(|&(name, to)| groups.fill(name, to));
        groups
    }

    /// Windows are given up to a time that the table says: nowhere so far.
    pub(super) fn says_given_to(mut self) -> Panes {
        self.written_to = Some(i64::MIN);
        self
    }

    /// Takes over a window's groups, which are these rows of those that were written down.
    pub(super) fn load(
        &mut self,
        common: &Common,
        key: Shelf,
        saved: &Reborn,
        rows: &[u32],
    ) -> Result<(), String> {
        self.begin(common, key);
        let Some(pane) = self.open.get_mut(&key) else { return Ok(()) };
        let (known, bytes) = (pane.len(), pane.weight());
        pane.load(&common.shape, saved, rows)?;
        self.book.grow(pane.len() - known);
        self.bytes = self.bytes + pane.weight() - bytes;
        Ok(())
    }

    /// Takes over a window, or other groups of one.
    pub(super) fn insert(&mut self, common: &mut Common, key: Shelf, pane: Pane) {
        self.book.grow(pane.len());
        let all = match self.remove(key) {
            Some(mut known) => {
                known.merge(&common.shape, &mut common.scratch, &pane, &mut Vec::new());
                known
            }
            None => pane,
        };
        self.bytes += all.weight();
        self.open.insert(key, all);
    }

    /// Puts groups on disk if memory has no room for all of them.
    pub(super) fn relieve(&mut self, common: &Common) -> Result<(), ColdError> {
        match &self.shelves {
            Some(shelves) if self.bytes + shelves.known_bytes() > shelves.budget() => self.cool(common),
            _ => Ok(()),
        }
    }

    /// How much state they are.
    pub(super) fn held(&self) -> Held {
        let aside = self.book.set_aside();
        let in_memory = self.open.values().chain(aside).fold(Held::default(), |all, pane| all + pane.held());
        let on_disk = self.shelves.iter().map(|shelves| Held { keys: shelves.len(), bytes: shelves.bytes() });
        let closing = self.closing.iter().map(|closing| Held { keys: 0, bytes: closing.bytes() });
        on_disk.chain(closing).fold(in_memory, |all, held| all + held)
    }
}
