//! The rows of one side of a join that are kept, as columns, and for each key the list of its rows in the
//! order in which they came.

use super::condition::Side;
use super::recent::Recent;
use flow_data::{Batch, Column, ColumnSlab, NO_ROW, Picked, SLAB_BLOCK};
use flow_plan::{DataType, RecordType, Value};

/// Rows of a side by number. A number is used again when its row is gone.
pub(crate) struct Kept {
    /// The input's columns that are kept, and for each column of the input where it is kept.
    columns: Vec<usize>,
    place: Vec<Option<usize>>,
    slabs: Vec<ColumnSlab>,
    /// Rows of each block that are kept.
    live: Vec<u32>,
    free: Vec<u32>,
    /// The next number, if the block it lies in is not full.
    next: Option<u32>,
    /// By number: where it stands in its key's list.
    links: Vec<Link>,
    /// By number: how many partners a row has.
    pub(crate) partners: Vec<u32>,
    /// By number: the place in the sequence where it came.
    pub(crate) number: Vec<u64>,
    /// By number: event time, or when it was used last.
    pub(crate) time: Vec<i64>,
    /// By key: first and last row of its list.
    ends: Vec<(u32, u32)>,
    /// The list of the rows without a key.
    unkeyed: (u32, u32),
    /// Rows in lists.
    linked: usize,
    /// Rows that are in no list, because they go block by block.
    recent: Option<Recent>,
    rows: usize,
}

/// A row's key, and the rows before and behind it in the key's list. Side by side: a row that goes touches all three.
#[derive(Clone, Copy)]
struct Link {
    slot: u32,
    before: u32,
    behind: u32,
}

/// Stands for the key of a row that is in no list.
const UNLINKED: u32 = NO_ROW - 1;

/// What is noted of rows that are kept.
pub(crate) struct Notes<'a> {
    /// For each of the rows: its key, or [`NO_ROW`] if it has none.
    pub(crate) slots: &'a [u32],
    pub(crate) partners: &'a [u32],
    pub(crate) times: &'a [i64],
    pub(crate) number: u64,
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
            columns,
            place,
            live: Vec::new(),
            free: Vec::new(),
            next: None,
            links: Vec::new(),
            partners: Vec::new(),
            number: Vec::new(),
            time: Vec::new(),
            ends: Vec::new(),
            unkeyed: (NO_ROW, NO_ROW),
            linked: 0,
            recent: None,
            rows: 0,
        }
    }

    /// From now on, rows may be put down in the order in which they came ([`Kept::insert_recent`]).
    pub(crate) fn by_blocks(&mut self) {
        self.recent = Some(Recent::default());
    }

    /// What it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let notes = 4 * size_of::<u32>() + 2 * size_of::<u64>();
        let columns: usize = self.slabs.iter().map(ColumnSlab::bytes).sum();
        let recent = self.recent.as_ref().map_or(0, Recent::bytes);
        columns + self.links.capacity() * notes + self.ends.capacity() * size_of::<(u32, u32)>() + recent
    }

    /// There are so many keys.
    pub(crate) fn grow(&mut self, keys: usize) {
        self.ends.resize(keys, (NO_ROW, NO_ROW));
        if let Some(recent) = &mut self.recent {
            recent.grow(keys);
        }
    }

    /// Keeps rows of a batch, each at the end of its key's list; gives their numbers.
    pub(crate) fn insert(&mut self, batch: &Batch, rows: &[u32], notes: &Notes<'_>) -> Vec<u32> {
        let columns: Vec<&Column> =
            self.columns.iter().map(|&column| batch.columns[column].as_ref()).collect();
        self.put(&columns, rows, notes, |_| notes.number)
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
            self.number[numbers].fill(notes.number);
            let recent = self.recent_mut();
            for (offset, at) in part.enumerate() {
                let number = start + offset as u32;
                recent.push(number, notes.slots[at], until[at]);
            }
            done += n;
        }
        self.rows += rows.len();
    }

    fn recent_mut(&mut self) -> &mut Recent {
        let Some(recent) = &mut self.recent else { unreachable!("rows are kept by blocks") };
        recent
    }

    /// The rows of a block that nobody meets any more go; gives how many there were.
    pub(crate) fn pop_recent(&mut self, now: i64) -> Option<usize> {
        let (block, rows) = self.recent.as_mut()?.pop_before(now)?;
        self.rows -= rows as usize;
        self.live[block as usize] = 0;
        self.slabs.iter_mut().for_each(|slab| slab.free(block as usize));
        self.free.push(block);
        Some(rows as usize)
    }

    /// These rows, and those that go block by block, in the order in which they came.
    pub(crate) fn as_they_came(&self, linked: Vec<u32>) -> Vec<u32> {
        let Some(recent) = &self.recent else { return linked };
        let mut all: Vec<u32> = recent.numbers().chain(linked).collect();
        all.sort_by_key(|number| recent.born(*number));
        all
    }

    /// The key of each row; rows without one are left out.
    pub(crate) fn keys_of(&self, rows: &[u32]) -> Vec<u32> {
        let Some(recent) = &self.recent else {
            return rows.iter().filter_map(|&row| self.key(row)).collect();
        };
        let mut keys: Vec<u32> = self.links.iter().map(|link| link.slot).collect();
        recent.note_keys(&mut keys);
        rows.iter().map(|&row| keys[row as usize]).filter(|slot| *slot < UNLINKED).collect()
    }

    /// Keeps all rows of these columns, which are those that are kept; `came`: the number of each.
    pub(crate) fn load(&mut self, columns: &[&Column], notes: &Notes<'_>, came: &[i64]) -> Vec<u32> {
        let rows: Vec<u32> = (0..came.len() as u32).collect();
        self.put(columns, &rows, notes, |at| came[at] as u64)
    }

    fn put(
        &mut self,
        columns: &[&Column],
        rows: &[u32],
        notes: &Notes<'_>,
        came: impl Fn(usize) -> u64,
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
            for (offset, at) in (done..done + n).enumerate() {
                let number = start + offset as u32;
                self.time[number as usize] = notes.times[at];
                self.partners[number as usize] = notes.partners[at];
                self.number[number as usize] = came(at);
                if let Some(recent) = &mut self.recent {
                    recent.note_birth(number);
                }
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
        if let Some(recent) = &mut self.recent {
            recent.resize(all);
        }
        start as u32
    }

    fn list(&mut self, slot: u32) -> &mut (u32, u32) {
        if slot == NO_ROW { &mut self.unkeyed } else { &mut self.ends[slot as usize] }
    }

    fn link(&mut self, number: u32, slot: u32) {
        let (first, last) = self.list(slot);
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
        let link = &mut self.links[number as usize];
        let Link { slot, before, behind } = *link;
        if slot == UNLINKED {
            return None;
        }
        link.slot = UNLINKED;
        self.linked -= 1;
        let (first, last) = self.list(slot);
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

    /// The key of a row in a list, if it has one and can be met.
    pub(crate) fn key(&self, number: u32) -> Option<u32> {
        Some(self.links[number as usize].slot).filter(|slot| *slot < UNLINKED)
    }

    /// Is a row in a list?
    pub(crate) fn is_linked(&self, number: u32) -> bool {
        self.links[number as usize].slot != UNLINKED
    }

    /// A row is gone. Gives its key, if that has no rows on this side any more.
    pub(crate) fn remove(&mut self, number: u32) -> Option<u32> {
        let freed = self.unlink(number);
        self.rows -= 1;
        let block = number as usize / SLAB_BLOCK;
        self.live[block] -= 1;
        if self.live[block] == 0 {
            if self.next.is_some_and(|next| next as usize / SLAB_BLOCK == block) {
                // It begins again at its first row.
                self.next = None;
            }
            self.slabs.iter_mut().for_each(|slab| slab.free(block));
            self.free.push(block as u32);
        }
        freed
    }

    /// Has a key no rows here?
    pub(crate) fn is_free(&self, slot: u32) -> bool {
        self.ends[slot as usize].0 == NO_ROW && self.recent.as_ref().is_none_or(|recent| recent.is_free(slot))
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
            Some(births) if recent > 0 && rows.len() > recent => {
                rows.sort_unstable_by_key(|number| std::cmp::Reverse(births.born(*number)));
            }
            _ => rows[recent..].reverse(),
        }
    }

    /// The first row of a key, or of the rows without one; [`NO_ROW`] if there is none.
    #[inline]
    pub(crate) fn first(&self, slot: u32) -> u32 {
        if slot == NO_ROW { self.unkeyed.0 } else { self.ends[slot as usize].0 }
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

    /// All rows that have a key and can be met, key by key, as they came.
    pub(crate) fn linked(&self) -> Vec<u32> {
        let mut all = Vec::with_capacity(self.rows);
        for &(first, _) in &self.ends {
            let mut next = first;
            while next != NO_ROW {
                all.push(next);
                next = self.links[next as usize].behind;
            }
        }
        all
    }

    /// Only these keys stay, which ascend: they become `0..`.
    pub(crate) fn keep_keys(&mut self, slots: &[u32]) {
        self.ends = slots.iter().map(|&slot| self.ends[slot as usize]).collect();
        if let Some(recent) = &mut self.recent {
            recent.keep_keys(slots);
        }
        for (slot, &(first, _)) in self.ends.iter().enumerate() {
            let mut number = first;
            while number != NO_ROW {
                self.links[number as usize].slot = slot as u32;
                number = self.links[number as usize].behind;
            }
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
