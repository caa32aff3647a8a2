//! Windows that are kept, of more groups than memory has room for: those that no row came for lately are on disk, as the rows
//! that a checkpoint would hold of them, table by table, and come back with the next row of their key, or when it is their
//! turn to be given: then they are lined up by their births, and come back piece by piece in that order.

use super::super::births::{Reborn, Written};
use super::super::written::{Rows as GivenRows, WINDOW_END, WINDOW_START, load_given, states};
use super::agenda::Why;
use super::noted::{GROUPS, SLICES, given, tables};
use super::save::slice_of;
use super::{Batch, Column, Common, Context, Halt, Held, Kept, Open, SLICE_START, Slice};
use crate::operator::on_disk;
use crate::snapshot::{Columns, Loaded};
use crate::state::{COLDER, ColdError, NO_SLOT, Shelf, Shelves, Spill, Taken, unknown};
use flow_data::BATCH_ROWS;
use flow_data::hash::hash_columns;
use flow_plan::physical::hidden::NO_WATERMARK;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Groups are put on disk so many at once.
const PIECE: usize = 1 << 12;

/// Of so many bytes of budget, one group that is no more is remembered until the next checkpoint.
const GONE: usize = 1 << 9;

/// What windows have on disk, by table.
pub(crate) struct Disk {
    tables: Vec<Shelves>,
}

impl Disk {
    fn groups(&self) -> &Shelves {
        &self.tables[GROUPS]
    }

    /// How many groups have changed since the last barrier.
    pub(super) fn changes(&self) -> usize {
        self.groups().changes()
    }

    /// A barrier: all is to be written down, or what changed.
    pub(super) fn mark(&mut self, whole: bool) {
        self.tables.iter_mut().for_each(|table| table.mark(whole));
    }

    /// The next entries of a table that a checkpoint still has to get, which take as long as so many from memory.
    pub(super) fn next_marked(&mut self, table: usize, entries: usize) -> Result<Option<Columns>, String> {
        let Some(shelves) = self.tables.get_mut(table) else { return Ok(None) };
        shelves.next_marked(entries.div_ceil(COLDER)).map_err(|error| error.to_string())
    }

    /// What of it takes of the room that tables have.
    fn known_bytes(&self) -> usize {
        self.tables.iter().map(Shelves::known_bytes).sum()
    }
}

impl Kept {
    /// Groups may be on disk from now on.
    pub(crate) fn spill(mut self, spill: &Arc<Spill>) -> Result<Kept, ColdError> {
        let shelves = (0..tables(!self.is_alone())).map(|_| Shelves::new(spill));
        self.disk = Some(Disk { tables: shelves.collect::<Result<_, _>>()? });
        Ok(self)
    }

    /// The first window, wherever its groups are.
    pub(super) fn first(&self) -> Option<Shelf> {
        let there = self.disk.iter().filter_map(|disk| disk.groups().first());
        self.open.keys().next().copied().into_iter().chain(there).min()
    }

    /// The windows of a range, wherever their groups are.
    pub(super) fn range(&self, of: RangeInclusive<Shelf>) -> Vec<Shelf> {
        let mut windows: Vec<Shelf> = self.open.range(of.clone()).map(|(window, _)| *window).collect();
        if let Some(disk) = &self.disk {
            windows.extend(disk.groups().filled(of));
            windows.sort_unstable();
            windows.dedup();
        }
        windows
    }

    /// All windows.
    pub(super) fn all(&self) -> Vec<Shelf> {
        self.range((i64::MIN, i64::MIN)..=(i64::MAX, i64::MAX))
    }

    /// The windows that end there.
    pub(super) fn ending(&self, end: i64) -> Vec<Shelf> {
        self.range((end, i64::MIN)..=(end, i64::MAX))
    }

    /// Are windows to be given from disk? (Births are compared there, not between windows.)
    pub(super) fn has_on_disk(&self, windows: &[Shelf]) -> bool {
        let several = windows.len() > 1;
        self.disk.as_ref().is_some_and(|disk| several || windows.iter().any(|of| disk.groups().on(*of) > 0))
    }

    /// Brings back the groups of rows that are about to come to a window.
    pub(super) fn bring_groups(
        &mut self,
        common: &Common,
        window: Shelf,
        batch: &Batch,
        rows: &[u32],
    ) -> Result<(), ColdError> {
        if !self.has_on_disk(&[window]) {
            return Ok(());
        }
        let keys = common.shape.keys.iter().map(|&key| batch.columns[key].gather(rows));
        self.bring(common, window, &keys.collect::<Vec<_>>(), rows.len())
    }

    /// Brings back the groups of so many keys.
    fn bring(
        &mut self,
        common: &Common,
        window: Shelf,
        keys: &[Column],
        len: usize,
    ) -> Result<(), ColdError> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        let keys: Vec<&Column> = keys.iter().collect();
        let (mut hashes, mut found) = (Vec::new(), vec![NO_SLOT; len]);
        hash_columns(&keys, len, &mut hashes);
        if let Some(open) = self.open.get(&window) {
            open.index.known(&keys, &hashes, &mut found);
        }
        let missing = unknown(&hashes, &found, NO_SLOT);
        let taken = disk.tables.iter_mut().map(|table| table.take(window, &missing));
        let mut taken = taken.collect::<Result<Vec<_>, _>>()?;
        for (table, taken) in taken.iter_mut().enumerate() {
            taken.marked.take().into_iter().for_each(|marked| self.book.ahead(table, marked));
        }
        if taken[GROUPS].entries.is_none() {
            return Ok(());
        }
        let known = self.book.begin();
        let apart = !self.is_alone();
        let open = self.open.entry(window).or_insert_with(|| Open::begin(common, apart, known));
        match taken.iter().any(|taken| taken.changed.contains(&true)) {
            true => self.book.touch(window, open),
            false => self.book.look(open),
        }
        open.take_in(common, window, &taken).map_err(ColdError::new)
    }

    /// Puts groups on disk if memory has no room for all of them: those that were not used since the last time, and half of all
    /// at least; those that are used stay where they came last.
    pub(super) fn relieve(&mut self, common: &Common) -> Result<(), ColdError> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let bytes = disk.known_bytes() + self.open.values().map(Open::weight).sum::<usize>();
        if bytes <= disk.groups().budget() {
            return Ok(());
        }
        let mut stays = self.open.values().map(|open| open.index.len()).sum::<usize>() / 2;
        for window in self.open.keys().rev().copied().collect::<Vec<_>>() {
            let Some(open) = self.open.get(&window) else { continue };
            let kept = open.used.last(stays);
            stays -= kept.len();
            self.put(common, window, &kept)?;
        }
        Ok(())
    }

    /// All groups of a window but these, which ascend, go to disk.
    fn put(&mut self, common: &Common, window: Shelf, kept: &[u32]) -> Result<(), ColdError> {
        let Kept { open: windows, book, disk: Some(disk), .. } = self else { return Ok(()) };
        let Some(open) = windows.get_mut(&window) else { return Ok(()) };
        book.look(open);
        open.say_emptied(book, window);
        let mut stays = kept.iter().copied().peekable();
        let all = 0..open.index.len() as u32;
        let goes: Vec<u32> = all.filter(|slot| stays.next_if_eq(slot).is_none()).collect();
        for slots in goes.chunks(PIECE) {
            open.copy_ahead(book, common, window, slots);
            open.put(common, window, slots, &mut disk.tables)?;
        }
        open.retain(kept);
        if kept.is_empty() {
            windows.remove(&window);
        }
        Ok(())
    }

    /// Groups of windows, wherever they are, are to be given by [`Kept::give_piece`] in the order in which they were first seen.
    pub(super) fn line_up(&mut self, common: &Common, why: Why, windows: &[Shelf]) -> Result<(), ColdError> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let origin = common.output.origin;
        let key = common.shape.keys.len() + 2;
        let mut row = disk.groups().row();
        let mut add = |entries: &Loaded| row.add(Reborn::places(entries, origin), entries.first_columns(key));
        for &window in windows {
            if let Some(open) = self.open.get(&window) {
                let chosen = |slot: &u32| self.chooses(why, open.state[*slot as usize]);
                let slots: Vec<u32> = (0..open.index.len() as u32).filter(chosen).collect();
                for slots in slots.chunks(PIECE) {
                    let (schema, rows) = open.entries(common, window, slots).into_rows();
                    add(&Loaded::of(schema, rows))?;
                }
            }
            let mut next = Some(0).filter(|_| disk.groups().on(window) > 0);
            while let Some(from) = next {
                let (entries, behind) = disk.groups().read(window, from..=u64::MAX, PIECE)?;
                if let Some(entries) = entries {
                    let states = states(&entries);
                    let chosen = |row: &u32| self.chooses(why, states[*row as usize]);
                    let rows: Vec<u32> = (0..entries.len() as u32).filter(chosen).collect();
                    if !rows.is_empty() {
                        add(&entries.in_order(&rows))?;
                    }
                }
                next = behind;
            }
        }
        self.agenda.line = Some((why, row));
        Ok(())
    }

    /// Gives the next groups of those that were lined up.
    pub(super) fn give_piece(&mut self, common: &mut Common, cx: &mut Context<'_>) -> Result<(), Halt> {
        let Some((why, mut row)) = self.agenda.line.take() else { return Ok(()) };
        let Some(next) = row.next(BATCH_ROWS).map_err(|error| on_disk(cx, &error))? else { return Ok(()) };
        let bounds: Vec<(i64, i64)> =
            next.ints(WINDOW_END).into_iter().zip(next.ints(WINDOW_START)).collect();
        let rows: Vec<u32> = (0..next.len() as u32).collect();
        for rows in rows.chunk_by(|a, b| bounds[*a as usize] == bounds[*b as usize]) {
            self.give_groups(common, cx, bounds[rows[0] as usize], &next.in_order(rows), why)?;
        }
        self.agenda.line = Some((why, row));
        self.relieve(common).map_err(|error| on_disk(cx, &error))
    }

    /// Gives the groups of these keys.
    fn give_groups(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        window: Shelf,
        of: &Loaded,
        why: Why,
    ) -> Result<(), Halt> {
        let broken = |cx: &Context<'_>, why: String| on_disk(cx, &ColdError::new(why));
        let keys = of.rows(&common.shape.key_fields()).map_err(|why| broken(cx, why))?;
        let keys: Vec<Column> = keys.iter().map(|key| key.as_ref().clone()).collect();
        self.bring(common, window, &keys, of.len()).map_err(|error| on_disk(cx, &error))?;
        let rank = self.rank(why);
        let Some(open) = self.open.get_mut(&window) else { return Ok(()) };
        let slots = open.find(common, of, false).map_err(|why| broken(cx, why))?;
        self.book.touch(window, open);
        open.copy_ahead(&mut self.book, common, window, &slots);
        let given = open.give(common, cx, window, &slots, (NO_WATERMARK, &rank), self.discarding)?;
        cx.emit(given.batch);
        Ok(())
    }

    /// A window is over, wherever its groups are.
    pub(super) fn leave(&mut self, common: &Common, window: Shelf) -> Result<(), ColdError> {
        let apart = !self.is_alone();
        let Kept { book, disk, .. } = self;
        for (table, shelves) in disk.iter_mut().flat_map(|disk| disk.tables.iter_mut().enumerate()) {
            // The bounds of the window, and of slices where they begin.
            let key = common.shape.keys.len() + if apart && table == SLICES { 3 } else { 2 };
            let mut next = Some(0).filter(|_| shelves.on(window) > 0 && book.says_gone());
            while let Some(from) = next {
                let (entries, behind) = shelves.read(window, from..=u64::MAX, PIECE)?;
                entries
                    .into_iter()
                    .for_each(|entries| book.gone(table, entries.first_columns(key).into_rows()));
                book.bound_gone(shelves.budget() / GONE);
                next = behind;
            }
            if table == GROUPS {
                book.shrink(shelves.on(window));
            }
            shelves.leave(window)?;
        }
        if let Some(open) = self.open.remove(&window) {
            self.forget(window, open);
        }
        Ok(())
    }

    /// How much state is on disk, and what it takes in memory all the same.
    pub(super) fn held_on_disk(&self) -> Held {
        let Some(disk) = &self.disk else { return Held::default() };
        let line = self.agenda.line.as_ref().map_or(0, |(_, row)| row.bytes());
        let tables: usize = disk.tables.iter().map(Shelves::bytes).sum();
        Held { keys: disk.groups().len(), bytes: tables + line }
    }
}

impl Open {
    /// The bytes it takes, about, without looking at each group.
    fn weight(&self) -> usize {
        let slices = self.slices.values().map(|slice| slice.groups.held().bytes).sum::<usize>();
        self.index.bytes() + self.births.bytes() + slices + self.given.bytes()
    }

    /// Groups as a checkpoint has them.
    fn entries(&self, common: &Common, (end, start): Shelf, slots: &[u32]) -> Columns {
        let mut births = Written::new(common.output.origin);
        births.add(&self.births, slots.iter().copied());
        births.finish(self.groups(common, (start, end), slots))
    }

    /// Puts groups on disk.
    fn put(
        &self,
        common: &Common,
        window: Shelf,
        slots: &[u32],
        tables: &mut [Shelves],
    ) -> Result<(), ColdError> {
        let bounds = (window.1, window.0);
        let keys = self.index.gather(slots);
        let columns: Vec<&Column> = keys.iter().collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, slots.len(), &mut hashes);
        let changed: Vec<bool> = slots.iter().map(|slot| self.noted.changes.has(*slot)).collect();
        tables[GROUPS].put(window, &hashes, self.entries(common, window, slots), &changed)?;
        for (&at, slice) in self.slices.iter().filter(|_| self.apart) {
            let own = slice.groups.slots_of((&columns, &hashes));
            if own.is_empty() {
                continue;
            }
            let keys = slice.groups.keys(&own);
            let mut hashes = Vec::new();
            hash_columns(&keys.iter().collect::<Vec<_>>(), own.len(), &mut hashes);
            let changed: Vec<bool> = own.iter().map(|slot| slice.noted.changes.has(*slot)).collect();
            let entries = slice_of(common, bounds, at, &slice.groups, &own);
            tables[SLICES].put(window, &hashes, entries, &changed)?;
        }
        let (mut of_rows, mut changed) = (Vec::new(), Vec::new());
        for (&slot, hash) in slots.iter().zip(hashes) {
            let rows =
                self.given.rows_of(Some(&[slot])).into_iter().map(|(_, rows)| rows.len()).sum::<usize>();
            of_rows.resize(of_rows.len() + rows, hash);
            changed.resize(changed.len() + rows, self.given_noted.changes.has(slot));
        }
        if of_rows.is_empty() {
            return Ok(());
        }
        let mut rows = GivenRows::new();
        self.add_given(&mut rows, bounds, slots);
        tables[given(self.apart)].put(window, &of_rows, rows.columns(common), &changed)
    }

    /// Keeps these groups, which ascend; they become slots `0..`.
    fn retain(&mut self, slots: &[u32]) {
        let keys = self.index.gather(slots);
        let columns: Vec<&Column> = keys.iter().collect();
        let mut hashes = Vec::new();
        hash_columns(&columns, slots.len(), &mut hashes);
        let apart = self.apart;
        self.slices.retain(|_, slice| {
            match apart {
                true => {
                    let mut own = slice.groups.slots_of((&columns, &hashes));
                    own.sort_unstable();
                    slice.retain(&own);
                }
                // It knows the same keys, in the same order.
                false => slice.retain(slots),
            }
            slice.groups.len() > 0
        });
        self.index.retain(slots);
        self.births.retain(slots);
        self.state = slots.iter().map(|&slot| self.state[slot as usize]).collect();
        self.given.retain(slots);
        self.noted.retain(slots);
        self.given_noted.retain(slots);
        self.used = Default::default();
    }

    /// Takes in groups that were on disk, by table.
    fn take_in(&mut self, common: &Common, window: Shelf, taken: &[Taken]) -> Result<(), String> {
        let Some(groups) = &taken[GROUPS].entries else { return Ok(()) };
        let rows: Vec<u32> = (0..groups.len() as u32).collect();
        let reborn = Reborn::from_disk(groups, common.output.origin);
        let slots = self.load(common, window, &reborn, &rows)?;
        self.noted.came_back(&changed(&slots, &taken[GROUPS].changed), self.index.len());
        if let Some(slices) = taken[SLICES].entries.as_ref().filter(|_| self.apart) {
            let starts = slices.ints(SLICE_START);
            for (start, rows) in Reborn::in_order(slices).by(|row| starts[row]) {
                let of = rows.iter().map(|row| taken[SLICES].changed[*row as usize]).collect::<Vec<_>>();
                let (slots, slice) = self.load_slice(&common.shape, start, &slices.in_order(&rows))?;
                slice.noted.came_back(&changed(&slots, &of), slice.groups.len());
            }
        }
        let of = given(self.apart);
        let Some(saved) = &taken[of].entries else { return Ok(()) };
        let slots = self.find(common, saved, false)?;
        let mut rows = Vec::new();
        let found = |_: &Loaded, _: &[(i64, i64)]| Ok(slots.iter().copied().map(Some).collect());
        load_given(common, saved, found, |_, slot, values| rows.push((slot, values)))?;
        rows.into_iter().for_each(|(slot, values)| self.given.push(slot, values));
        self.given_noted.came_back(&changed(&slots, &taken[of].changed), self.index.len());
        Ok(())
    }
}

impl Slice {
    fn retain(&mut self, slots: &[u32]) {
        self.groups.retain(slots);
        self.noted.retain(slots);
    }
}

/// Those of some slots that changed.
fn changed(slots: &[u32], changed: &[bool]) -> Vec<u32> {
    slots.iter().zip(changed).filter(|(_, changed)| **changed).map(|(slot, _)| *slot).collect()
}
