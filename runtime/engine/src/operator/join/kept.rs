//! The rows of one side of a join that are kept, as columns, and for each key the list of its rows in the
//! order in which they came.

use super::book::{Book, Entry, Gone, Over};
use super::condition::Side;
use super::recent::Recent;
use crate::state::room;
use flow_data::{Batch, Column, ColumnSlab, NO_ROW, Picked, SLAB_BLOCK};
use flow_plan::{DataType, RecordType, Value};
use std::collections::HashMap;
use std::ops::Range;

/// Rows of a side by number. A number is used again when its row is gone.
pub(crate) struct Kept {
    /// The input's columns that are kept, and for each column of the input where it is kept.
    columns: Vec<usize>,
    place: Vec<Option<usize>>,
    slabs: Vec<ColumnSlab>,
    types: Vec<DataType>,
    /// Rows of each block that are kept.
    live: Vec<u32>,
    free: Vec<u32>,
    /// The next number, if the block it lies in is not full.
    next: Option<u32>,
    /// By number: where it stands in its key's list.
    links: Vec<Link>,
    /// By number: how many partners a row has.
    partners: Vec<u32>,
    /// By number: the place in the sequence where it came.
    number: Vec<u64>,
    /// By number: event time, or when it was used last.
    time: Vec<i64>,
    /// By number: how many rows of the side came before it.
    ids: Vec<u64>,
    next_id: u64,
    /// By number: what the kind of join notes of it beside, if it does.
    notes: Vec<i64>,
    note: Option<Note>,
    /// The ends of windows from which rows were withdrawn.
    ends: HashMap<u32, Vec<i128>>,
    /// By key: first and last row of its list.
    lists: Vec<(u32, u32)>,
    /// The list of the rows without a key.
    unkeyed: (u32, u32),
    /// Rows in lists.
    linked: usize,
    /// Rows that are in no list, because they go block by block.
    recent: Option<Recent>,
    rows: usize,
    /// What checkpoints know of the rows.
    pub(super) book: Book,
}

/// An int that is noted of each row.
#[derive(Clone, Copy)]
pub(crate) struct Note {
    /// Its name in a checkpoint.
    pub(super) name: &'static str,
    /// What it is of most rows.
    pub(super) none: i64,
    /// If rows may be withdrawn from windows: the name of those.
    pub(super) ends: Option<&'static str>,
}

/// A row's key, and the rows before and behind it in the key's list, if it is in one. Side by side: a row that goes touches
/// all three.
#[derive(Clone, Copy)]
struct Link {
    slot: u32,
    before: u32,
    behind: u32,
}

/// Stands for the key of a row that is met by nobody any more.
const UNLINKED: u32 = NO_ROW - 1;

/// What is noted of rows that are kept.
pub(crate) struct Notes<'a> {
    /// For each of the rows: its key, or [`NO_ROW`] if it has none.
    pub(crate) slots: &'a [u32],
    pub(crate) partners: &'a [u32],
    pub(crate) times: &'a [i64],
    pub(crate) number: u64,
}

/// What was written down of rows beside that.
pub(super) struct Saved<'a> {
    /// The number in which each came.
    pub(super) numbers: &'a [i64],
    /// The ids that they had.
    pub(super) ids: &'a [i64],
    /// If they are back from disk, or come from a checkpoint in slices, they keep these: have they changed since the last barrier?
    pub(super) back: Option<&'a [bool]>,
}

impl Kept {
    /// `columns`: those of the input that are read again.
    pub(crate) fn new(mut columns: Vec<usize>, input: &RecordType, ranks: usize) -> Kept {
        let declared = input.fields.len();
        columns.extend(declared..declared + ranks);
        columns.sort_unstable();
        columns.dedup();
        let ty = |&column: &usize| input.fields.get(column).map_or(&DataType::Int, |field| &field.ty);
        let mut place = vec![None; declared + ranks];
        columns.iter().enumerate().for_each(|(at, &column)| place[column] = Some(at));
        Kept {
            slabs: columns.iter().map(|column| ColumnSlab::new(ty(column))).collect(),
            types: columns.iter().map(|column| ty(column).clone()).collect(),
            columns,
            place,
            live: Vec::new(),
            free: Vec::new(),
            next: None,
            links: Vec::new(),
            partners: Vec::new(),
            number: Vec::new(),
            time: Vec::new(),
            ids: Vec::new(),
            next_id: 0,
            notes: Vec::new(),
            note: None,
            ends: HashMap::new(),
            lists: Vec::new(),
            unkeyed: (NO_ROW, NO_ROW),
            linked: 0,
            recent: None,
            rows: 0,
            book: Book::default(),
        }
    }

    /// From now on, there is a note of each row.
    pub(crate) fn with_notes(&mut self, note: Note) {
        self.note = Some(note);
    }

    /// What is noted of each row, if something is.
    pub(super) fn notes(&self) -> Option<Note> {
        self.note
    }

    /// From now on, rows may be put down in the order in which they came ([`Kept::insert_recent`]).
    pub(crate) fn by_blocks(&mut self) {
        self.recent = Some(Recent::default());
    }

    /// What it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let notes = 4 * size_of::<u32>() + 3 * size_of::<u64>();
        let columns: usize = self.slabs.iter().map(ColumnSlab::bytes).sum();
        let recent = self.recent.as_ref().map_or(0, Recent::bytes) + room(&self.notes) + self.book.bytes();
        columns + self.links.capacity() * notes + room(&self.lists) + recent
    }

    /// There are so many keys.
    pub(crate) fn grow(&mut self, keys: usize) {
        self.lists.resize(keys, (NO_ROW, NO_ROW));
        if let Some(recent) = &mut self.recent {
            recent.grow(keys);
        }
    }

    /// Keeps rows of a batch, each at the end of its key's list; gives their numbers.
    pub(crate) fn insert(&mut self, batch: &Batch, rows: &[u32], notes: &Notes<'_>) -> Vec<u32> {
        let columns: Vec<&Column> =
            self.columns.iter().map(|&column| batch.columns[column].as_ref()).collect();
        self.put(&columns, rows, notes, None)
    }

    /// Keeps rows of a batch, which have keys, until no row is met at these watermarks any more: they go with the others of
    /// their block ([`Kept::pop_recent`]).
    pub(crate) fn insert_recent(&mut self, batch: &Batch, rows: &[u32], notes: &Notes<'_>, until: &[i64]) {
        let columns: Vec<&Column> =
            self.columns.iter().map(|&column| batch.columns[column].as_ref()).collect();
        let mut done = 0;
        while done < rows.len() {
            let Some((start, room)) = self.recent_mut().next() else {
                let block = self.block();
                self.recent_mut().add_block(block / SLAB_BLOCK as u32);
                continue;
            };
            let n = room.min(rows.len() - done);
            let picked = Picked::of(&rows[done..done + n]);
            for (slab, column) in self.slabs.iter_mut().zip(&columns) {
                slab.put(start as usize, column, &picked);
            }
            self.live[start as usize / SLAB_BLOCK] += n as u32;
            let numbers = start as usize..start as usize + n;
            let part = done..done + n;
            self.time[numbers.clone()].copy_from_slice(&notes.times[part.clone()]);
            self.partners[numbers.clone()].copy_from_slice(&notes.partners[part.clone()]);
            self.number[numbers.clone()].fill(notes.number);
            self.give_ids(numbers);
            let Some(recent) = &mut self.recent else { unreachable!("rows are kept by blocks") };
            for (offset, at) in part.enumerate() {
                let number = start + offset as u32;
                self.links[number as usize].slot = notes.slots[at];
                recent.push(number, notes.slots[at], until[at]);
            }
            done += n;
        }
        self.rows += rows.len();
    }

    /// These numbers are those of new rows.
    fn give_ids(&mut self, numbers: Range<usize>) {
        for id in &mut self.ids[numbers.clone()] {
            *id = self.next_id;
            self.next_id += 1;
        }
        if let Some(note) = self.note {
            self.notes[numbers.clone()].fill(note.none);
        }
        if self.book.wants_to_know() {
            let rows: Vec<u32> = numbers.map(|number| number as u32).collect();
            self.book.came(&rows, self.links.len());
        }
    }

    /// These numbers are those of rows that are back.
    fn take_ids(&mut self, numbers: Range<usize>, ids: &[i64], changed: &[bool]) {
        if let Some(note) = self.note {
            self.notes[numbers.clone()].fill(note.none);
        }
        for ((number, id), changed) in numbers.zip(ids).zip(changed) {
            self.ids[number] = *id as u64;
            self.next_id = self.next_id.max(self.ids[number] + 1);
            self.book.came_back(number as u32, *changed, self.links.len());
        }
    }

    /// A row goes to disk. Has it come or changed since the last barrier?
    pub(super) fn leaves(&mut self, row: u32) -> bool {
        if self.book.leaves(row, self.ids[row as usize]) {
            let entry = self.entry(row);
            self.book.put_down(entry);
        }
        self.book.has_changed(row)
    }

    fn recent_mut(&mut self) -> &mut Recent {
        let Some(recent) = &mut self.recent else { unreachable!("rows are kept by blocks") };
        recent
    }

    /// The rows of a block that nobody meets any more go, of which the block is left: gives it, and how many there were.
    pub(crate) fn pop_recent(&mut self, now: i64) -> Option<(usize, usize)> {
        let (block, rows) = self.recent.as_mut()?.pop_before(now)?;
        let first = block * SLAB_BLOCK as u32;
        for row in first..first + rows {
            self.goes(row);
            self.links[row as usize].slot = UNLINKED;
        }
        self.rows -= rows as usize;
        self.live[block as usize] = 0;
        Some((block as usize, rows as usize))
    }

    /// A row goes: that it was there is put down for checkpoints.
    fn goes(&mut self, row: u32) {
        let gone = Gone { row, slot: self.links[row as usize].slot, id: self.ids[row as usize] };
        if self.book.go(gone, self.rows) {
            let entry = self.entry(row);
            self.book.put_down(entry);
        }
    }

    /// A row that is there changes.
    fn changes(&mut self, row: u32) {
        if self.is_there(row) && self.book.change(row, self.ids[row as usize], self.links.len()) {
            let entry = self.entry(row);
            self.book.put_down(entry);
        }
    }

    /// What is known of a row.
    pub(super) fn entry(&self, row: u32) -> Entry {
        let at = row as usize;
        Entry {
            row,
            slot: self.links[at].slot,
            id: self.ids[at],
            number: self.number[at],
            time: self.time[at],
            partners: self.partners[at],
            note: self.note(row),
            ends: self.ends.get(&row).cloned().unwrap_or_default(),
        }
    }

    /// A barrier, behind which all of it is written down, or what changed, but for what is over. Gives the keys of the rows that
    /// went, if it is what changed.
    pub(super) fn mark(&mut self, whole: bool, over: Option<Over>) -> Option<Vec<Batch>> {
        self.book.mark(whole, self.rows, self.links.len(), self.next_id, over)
    }

    /// The next rows of those that are written down, so many at most, and whether there may be more.
    pub(super) fn next_marked(&mut self, most: usize) -> (Vec<Entry>, bool) {
        let mut rows = self.book.next(most);
        let more = !rows.is_empty();
        rows.retain(|&row| self.is_there(row) && self.book.holds(self.ids[row as usize], self.time(row)));
        (rows.into_iter().map(|row| self.entry(row)).collect(), more)
    }

    /// How many partners a row has.
    #[inline]
    pub(crate) fn partners(&self, row: u32) -> u32 {
        self.partners[row as usize]
    }

    /// A row has so many partners now.
    #[inline]
    pub(crate) fn set_partners(&mut self, row: u32, partners: u32) {
        if self.partners[row as usize] != partners {
            self.changes(row);
            self.partners[row as usize] = partners;
        }
    }

    /// The event time of a row, or when it was used last.
    #[inline]
    pub(crate) fn time(&self, row: u32) -> i64 {
        self.time[row as usize]
    }

    /// A row was used at this time.
    pub(crate) fn set_time(&mut self, row: u32, time: i64) {
        if self.time[row as usize] != time {
            self.changes(row);
            self.time[row as usize] = time;
        }
    }

    /// The place in the sequence where a row came.
    pub(crate) fn number(&self, row: u32) -> u64 {
        self.number[row as usize]
    }

    /// How many rows of the side came before a row, as far as it knows them.
    pub(crate) fn id(&self, row: u32) -> u64 {
        self.ids[row as usize]
    }

    /// The id of the next row that comes.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// What is noted of a row.
    pub(crate) fn note(&self, row: u32) -> i64 {
        self.notes.get(row as usize).copied().unwrap_or_default()
    }

    /// Something else is noted of a row.
    pub(crate) fn set_note(&mut self, row: u32, note: i64) {
        if self.notes[row as usize] != note {
            self.changes(row);
            self.notes[row as usize] = note;
        }
    }

    /// What was noted of a row before it was written down.
    pub(super) fn recall(&mut self, row: u32, note: i64, ends: Vec<i128>) {
        self.notes[row as usize] = note;
        if !ends.is_empty() {
            self.ends.insert(row, ends);
        }
    }

    /// Only these rows stay, which ascend, and with each all of its key: they become `0..`. Gives where each went, or [`NO_ROW`].
    pub(super) fn keep_rows(&mut self, rows: &[u32]) -> Vec<u32> {
        let mut moved = vec![NO_ROW; self.links.len()];
        rows.iter().zip(0..).for_each(|(&from, to)| moved[from as usize] = to);
        let to = |row: u32| moved.get(row as usize).copied().unwrap_or(NO_ROW);
        for (slab, ty) in self.slabs.iter_mut().zip(&self.types) {
            let mut kept = ColumnSlab::new(ty);
            for (block, rows) in rows.chunks(SLAB_BLOCK).enumerate() {
                kept.put(block * SLAB_BLOCK, &slab.gather(rows), &Picked::Run(0..rows.len()));
            }
            *slab = kept;
        }
        let of_block = |rows: &[u32]| rows.len() as u32;
        self.live = rows.chunks(SLAB_BLOCK).map(of_block).collect();
        let all = self.live.len() * SLAB_BLOCK;
        let none = Link { slot: UNLINKED, before: NO_ROW, behind: NO_ROW };
        pick(&mut self.links, rows, all, none);
        for link in &mut self.links {
            (link.before, link.behind) = (to(link.before), to(link.behind));
        }
        pick(&mut self.partners, rows, all, 0);
        pick(&mut self.number, rows, all, 0);
        pick(&mut self.time, rows, all, 0);
        pick(&mut self.ids, rows, all, 0);
        if let Some(note) = self.note {
            pick(&mut self.notes, rows, all, note.none);
        }
        self.ends = self.ends.drain().map(|(row, ends)| (to(row), ends)).collect();
        self.ends.remove(&NO_ROW);
        self.lists.iter_mut().chain([&mut self.unkeyed]).for_each(|list| *list = (to(list.0), to(list.1)));
        self.free.clear();
        self.next = (rows.len() < all).then_some(rows.len() as u32);
        (self.linked, self.rows) = (rows.len(), rows.len());
        self.book.keep_rows(rows);
        moved
    }

    /// Was a row withdrawn from the window that ends there?
    pub(crate) fn is_withdrawn(&self, row: u32, end: i128) -> bool {
        !self.ends.is_empty() && self.ends.get(&row).is_some_and(|ends| ends.contains(&end))
    }

    /// A row is withdrawn from the windows that end there.
    pub(crate) fn withdraw_from(&mut self, row: u32, ends: &[i128]) {
        if !ends.is_empty() {
            self.changes(row);
            self.ends.entry(row).or_default().extend(ends);
        }
    }

    /// Keeps all rows of these columns, which are those that are kept.
    pub(super) fn load(&mut self, columns: &[&Column], notes: &Notes<'_>, saved: &Saved<'_>) -> Vec<u32> {
        let rows: Vec<u32> = (0..saved.ids.len() as u32).collect();
        self.put(columns, &rows, notes, Some(saved))
    }

    fn put(
        &mut self,
        columns: &[&Column],
        rows: &[u32],
        notes: &Notes<'_>,
        saved: Option<&Saved<'_>>,
    ) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(rows.len());
        let mut done = 0;
        while done < rows.len() {
            let start = self.next.unwrap_or_else(|| self.block());
            let room = SLAB_BLOCK - start as usize % SLAB_BLOCK;
            let n = room.min(rows.len() - done);
            let picked = Picked::of(&rows[done..done + n]);
            for (slab, column) in self.slabs.iter_mut().zip(columns) {
                slab.put(start as usize, column, &picked);
            }
            self.live[start as usize / SLAB_BLOCK] += n as u32;
            self.next = (n < room).then_some(start + n as u32);
            let numbers_of = start as usize..start as usize + n;
            match saved.and_then(|saved| Some((saved.ids, saved.back?))) {
                Some((ids, changed)) => self.take_ids(numbers_of, &ids[done..], &changed[done..]),
                None => self.give_ids(numbers_of),
            }
            for (offset, at) in (done..done + n).enumerate() {
                let number = start + offset as u32;
                self.time[number as usize] = notes.times[at];
                self.partners[number as usize] = notes.partners[at];
                self.number[number as usize] = saved.map_or(notes.number, |saved| saved.numbers[at] as u64);
                self.link(number, notes.slots[at]);
                numbers.push(number);
            }
            done += n;
        }
        self.rows += rows.len();
        numbers
    }

    /// The first number of a block without rows.
    fn block(&mut self) -> u32 {
        if let Some(block) = self.free.pop() {
            return block * SLAB_BLOCK as u32;
        }
        let start = self.links.len();
        assert!(start < (NO_ROW as usize) - SLAB_BLOCK, "a worker keeps at most 2^32 rows of a join's side");
        let all = start + SLAB_BLOCK;
        self.live.push(0);
        self.links.resize(all, Link { slot: UNLINKED, before: NO_ROW, behind: NO_ROW });
        self.partners.resize(all, 0);
        self.number.resize(all, 0);
        self.time.resize(all, 0);
        self.ids.resize(all, 0);
        if let Some(note) = self.note {
            self.notes.resize(all, note.none);
        }
        if let Some(recent) = &mut self.recent {
            recent.resize(all);
        }
        start as u32
    }

    fn ends_of(&mut self, slot: u32) -> &mut (u32, u32) {
        if slot == NO_ROW { &mut self.unkeyed } else { &mut self.lists[slot as usize] }
    }

    fn link(&mut self, number: u32, slot: u32) {
        let (first, last) = self.ends_of(slot);
        let before = std::mem::replace(last, number);
        if before == NO_ROW {
            *first = number;
        } else {
            self.links[before as usize].behind = number;
        }
        self.links[number as usize] = Link { slot, before, behind: NO_ROW };
        self.linked += 1;
    }

    /// A row is met by nobody any more, but still there. Gives its key, if that has no rows on this side
    /// any more.
    pub(crate) fn unlink(&mut self, number: u32) -> Option<u32> {
        let Link { slot, before, behind } = self.links[number as usize];
        if slot == UNLINKED {
            return None;
        }
        self.goes(number);
        self.links[number as usize].slot = UNLINKED;
        self.linked -= 1;
        let (first, last) = self.ends_of(slot);
        if before == NO_ROW {
            *first = behind;
        }
        if behind == NO_ROW {
            *last = before;
        }
        if before != NO_ROW {
            self.links[before as usize].behind = behind;
        }
        if behind != NO_ROW {
            self.links[behind as usize].before = before;
        }
        (slot != NO_ROW && self.is_free(slot)).then_some(slot)
    }

    /// Do rows of a key go block by block?
    pub(crate) fn goes_by_blocks(&self) -> bool {
        self.recent.is_some()
    }

    /// The key of a row, if it has one and can be met.
    pub(crate) fn key(&self, number: u32) -> Option<u32> {
        Some(self.links[number as usize].slot).filter(|slot| *slot < UNLINKED)
    }

    /// Can a row still be met, or given?
    pub(crate) fn is_there(&self, number: u32) -> bool {
        self.links[number as usize].slot != UNLINKED
    }

    /// A row that nobody meets any more is gone. Gives its block, if that has no others: it is to be freed.
    pub(crate) fn remove(&mut self, number: u32) -> Option<usize> {
        self.rows -= 1;
        if !self.ends.is_empty() {
            self.ends.remove(&number);
        }
        let block = number as usize / SLAB_BLOCK;
        self.live[block] -= 1;
        (self.live[block] == 0).then_some(block)
    }

    /// A block has no rows any more.
    pub(crate) fn free_block(&mut self, block: usize) {
        if self.next.is_some_and(|next| next as usize / SLAB_BLOCK == block) {
            // It begins again at its first row.
            self.next = None;
        }
        self.slabs.iter_mut().for_each(|slab| slab.free(block));
        self.free.push(block as u32);
    }

    /// Has a key no rows here?
    pub(crate) fn is_free(&self, slot: u32) -> bool {
        self.lists[slot as usize].0 == NO_ROW
            && self.recent.as_ref().is_none_or(|recent| recent.is_free(slot))
    }

    /// The rows of a key that can be met, the one that came last first.
    #[inline]
    pub(crate) fn rows_of(&self, slot: u32, rows: &mut Vec<u32>) {
        rows.clear();
        if let Some(recent) = &self.recent
            && slot != NO_ROW
        {
            recent.rows_of(slot, rows);
            if self.linked == 0 {
                return;
            }
        }
        let recent = rows.len();
        let mut next = self.first(slot);
        while next != NO_ROW {
            rows.push(next);
            next = self.following(next);
        }
        match &self.recent {
            Some(_) if recent > 0 && rows.len() > recent => {
                rows.sort_unstable_by_key(|number| std::cmp::Reverse(self.ids[*number as usize]));
            }
            _ => rows[recent..].reverse(),
        }
    }

    /// The first row of a key, or of the rows without one; [`NO_ROW`] if there is none.
    #[inline]
    pub(crate) fn first(&self, slot: u32) -> u32 {
        if slot == NO_ROW { self.unkeyed.0 } else { self.lists[slot as usize].0 }
    }

    /// The rows of a key (or those without one), in the order in which they came; none that go block by block.
    pub(super) fn list(&self, slot: u32) -> impl Iterator<Item = u32> + '_ {
        let next = |row: u32| Some(row).filter(|row| *row != NO_ROW);
        std::iter::successors(next(self.first(slot)), move |row| next(self.following(*row)))
    }

    /// The row behind it in its key's list, or [`NO_ROW`].
    #[inline]
    pub(crate) fn following(&self, number: u32) -> u32 {
        self.links[number as usize].behind
    }

    /// The input's columns that are kept, ascending: the declared ones and, behind them, ranks.
    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Only these keys stay, which ascend: they become `0..`.
    pub(crate) fn keep_keys(&mut self, slots: &[u32]) {
        self.lists = slots.iter().map(|&slot| self.lists[slot as usize]).collect();
        for (slot, &(first, _)) in self.lists.iter().enumerate() {
            let mut number = first;
            while number != NO_ROW {
                self.links[number as usize].slot = slot as u32;
                number = self.links[number as usize].behind;
            }
        }
        let Some(recent) = &mut self.recent else { return };
        recent.keep_keys(slots);
        let mut rows = Vec::new();
        for slot in 0..slots.len() as u32 {
            recent.rows_of(slot, &mut rows);
            rows.drain(..).for_each(|row| self.links[row as usize].slot = slot);
        }
    }

    /// A column of the input, for rows of these numbers; null where it is [`NO_ROW`].
    pub(crate) fn gather(&self, column: usize, numbers: &[u32]) -> Column {
        self.slab(column).gather(numbers)
    }

    /// An int or time column of the input, by number.
    pub(crate) fn ints(&self, column: usize) -> &[i64] {
        self.slab(column).ints()
    }

    fn slab(&self, column: usize) -> &ColumnSlab {
        match self.place[column] {
            Some(at) => &self.slabs[at],
            None => unreachable!("column {column} is read of kept rows and not kept"),
        }
    }

    /// Is a kept row, in these columns, the row of a batch?
    pub(crate) fn equals(&self, number: u32, columns: &[usize], batch: &Batch, row: usize) -> bool {
        columns.iter().all(|&column| self.slab(column).equals(number as usize, &batch.columns[column], row))
    }
}

/// Keeps the values of these rows; there is room for so many.
fn pick<T: Copy>(values: &mut Vec<T>, rows: &[u32], all: usize, none: T) {
    let mut kept = Vec::with_capacity(all);
    kept.extend(rows.iter().map(|&row| values[row as usize]));
    kept.resize(all, none);
    *values = kept;
}

/// Kept rows as a side of pairs.
pub(crate) struct KeptSide<'a> {
    pub(crate) kept: &'a Kept,
    pub(crate) numbers: &'a [u32],
}

impl Side for KeptSide<'_> {
    fn column(&self, column: usize) -> Column {
        self.kept.gather(column, self.numbers)
    }

    fn value(&self, column: usize, pair: usize, ty: &DataType) -> Value {
        match self.kept.place[column] {
            Some(_) => self.kept.gather(column, &self.numbers[pair..pair + 1]).value(0, ty),
            // What neither the condition nor the output reads is not kept, and not shown.
            None => Value::Null,
        }
    }
}
