//! When the groups of a window were first seen: the order of their results, on one worker and among those
//! of all.

use crate::number::Number;
use crate::ranks::{Phase, Ranks, Turn, of_row, rank_of};
use crate::snapshot::{Columns, Loaded};
use crate::state::{Refused, room};
use flow_data::Batch;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The row that made a group: its place among all rows of this worker, its number and its ranks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Birth {
    pub(crate) place: u64,
    number: Number,
    own: Vec<i64>,
}

/// Where rows stand among all rows of this worker.
pub(crate) struct Places {
    /// The place of their batch's first row.
    first: u64,
    /// Which rows of that batch they are; `None`: all.
    rows: Option<Vec<u32>>,
}

impl Places {
    pub(crate) fn new(first: u64, rows: Option<Vec<u32>>) -> Places {
        Places { first, rows }
    }

    fn of(&self, row: usize) -> u64 {
        self.first + self.rows.as_ref().map_or(row as u64, |rows| rows[row].into())
    }

    /// That one of the rows made a group.
    pub(crate) fn birth(
        &self,
        number: Number,
        batch: &Batch,
        declared: usize,
        row: usize,
        births: &Births,
    ) -> Birth {
        Birth::of(number, self.of(row), batch, declared, row, births.origin)
    }

    /// Without the rows that were refused.
    pub(crate) fn leave_out(&mut self, refused: &Refused) {
        let is_in = |row: &usize| refused.rows.iter().all(|(out, ..)| out != row);
        let rows = (0..refused.batch.len).filter(is_in).map(|row| (self.of(row) - self.first) as u32);
        self.rows = Some(rows.collect());
    }
}

/// What is kept of the rows that made groups, beside their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// So many rank columns has the output.
    pub(crate) rank: usize,
    /// Groups may be on disk, and come back in any order: so many ranks are kept of each, and places say nothing of it. On
    /// one worker, where rows have no ranks, the place is the first of them.
    pub(crate) spilled: Option<usize>,
}

impl Origin {
    /// For a node whose output has so many rank columns. May groups be on disk?
    pub(crate) fn new(rank: usize, spills: bool) -> Origin {
        let own = rank.saturating_sub(Ranks::LEADING);
        Origin { rank, spilled: spills.then_some(own.max(1)) }
    }

    /// Groups were made by a job whose rows had so many ranks.
    pub(crate) fn widen(&mut self, ranks: usize) {
        self.spilled = self.spilled.map(|own| own.max(ranks));
    }

    /// How many ranks of a row are kept.
    fn own(self) -> usize {
        self.spilled.unwrap_or(self.rank.saturating_sub(Ranks::LEADING))
    }

    /// Is the number kept?
    fn numbers(self) -> bool {
        self.rank > 0 || self.spilled.is_some()
    }
}

/// Of every slot.
pub(crate) struct Births {
    places: Vec<u64>,
    numbers: Vec<Number>,
    /// The row's own ranks, a column each.
    ranks: Vec<Vec<i64>>,
    origin: Origin,
    /// No place is behind this one.
    highest: u64,
}

impl Births {
    /// Of which this is kept.
    pub(crate) fn new(origin: Origin) -> Births {
        let ranks = vec![Vec::new(); origin.own()];
        Births { places: Vec::new(), numbers: Vec::new(), ranks, origin, highest: 0 }
    }

    /// Notes the slots that rows of this batch made: those that are not known yet, or that another part of it
    /// made with a later row.
    pub(crate) fn note(
        &mut self,
        number: Number,
        places: &Places,
        slots: &[u32],
        batch: &Batch,
        declared: usize,
    ) {
        // Rows ascend: behind all others, none of them is earlier than the one that made its group.
        let behind_all = !slots.is_empty() && self.highest <= places.of(0);
        for (row, &slot) in slots.iter().enumerate() {
            if slot as usize == self.places.len() {
                self.push_row(number, places.of(row), batch, declared, row);
            } else if !behind_all && places.of(row) < self.places[slot as usize] {
                let birth = Birth::of(number, places.of(row), batch, declared, row, self.origin);
                self.set(slot as usize, &birth);
            }
        }
    }

    /// The same as pushing [`Birth::of`] a row, which is done for each new group of each window.
    fn push_row(&mut self, number: Number, place: u64, batch: &Batch, declared: usize, row: usize) {
        self.push_place(place);
        if !self.origin.numbers() {
            return;
        }
        self.numbers.push(number);
        for (rank, column) in self.ranks.iter_mut().enumerate() {
            column.push(match self.origin.rank {
                0 => place as i64,
                _ => batch.columns.get(declared + rank).map_or(0, |ranks| rank_of(ranks, row)),
            });
        }
    }

    fn push_place(&mut self, place: u64) {
        self.places.push(place);
        self.highest = self.highest.max(place);
    }

    /// So much is kept of each from now on, or more than before.
    pub(crate) fn widen(&mut self, origin: Origin) {
        self.ranks.resize(origin.own().max(self.ranks.len()), vec![0; self.places.len()]);
        self.origin = origin;
    }

    /// The bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.places) + room(&self.numbers) + self.ranks.iter().map(room).sum::<usize>()
    }

    pub(crate) fn push(&mut self, birth: &Birth) {
        self.push_place(birth.place);
        if self.origin.numbers() {
            self.numbers.push(birth.number);
            let own = birth.own.iter().copied().chain(std::iter::repeat(0));
            self.ranks.iter_mut().zip(own).for_each(|(column, rank)| column.push(rank));
        }
    }

    pub(crate) fn set(&mut self, slot: usize, birth: &Birth) {
        self.places[slot] = birth.place;
        self.highest = self.highest.max(birth.place);
        if self.origin.numbers() {
            self.numbers[slot] = birth.number;
            let own = birth.own.iter().copied().chain(std::iter::repeat(0));
            self.ranks.iter_mut().zip(own).for_each(|(column, rank)| column[slot] = rank);
        }
    }

    pub(crate) fn get(&self, slot: usize) -> Birth {
        let (number, own) = match self.origin.numbers() {
            false => (0, Vec::new()),
            true => (self.numbers[slot], self.ranks.iter().map(|column| column[slot]).collect()),
        };
        Birth { place: self.places[slot], number, own }
    }

    pub(crate) fn place(&self, slot: usize) -> u64 {
        self.places[slot]
    }

    /// Adds those of later slices, whose slot `n` is our `slots[n]`: of two, the first stays.
    pub(crate) fn merge(&mut self, later: &Births, slots: &[u32]) {
        for (from, &slot) in slots.iter().enumerate() {
            let slot = slot as usize;
            if slot == self.places.len() {
                self.push_other(later, from);
            } else if self.follows(slot, later, from) {
                self.set(slot, &later.get(from));
            }
        }
    }

    /// The same as pushing what [`Births::get`] gives.
    fn push_other(&mut self, of: &Births, other: usize) {
        self.push_place(of.places[other]);
        if self.origin.numbers() {
            self.numbers.push(of.numbers.get(other).copied().unwrap_or(0));
            for (rank, column) in self.ranks.iter_mut().enumerate() {
                column.push(of.ranks.get(rank).map_or(0, |ranks| ranks[other]));
            }
        }
    }

    /// Was a group seen behind another one of these?
    pub(crate) fn follows(&self, slot: usize, of: &Births, other: usize) -> bool {
        match self.origin.spilled {
            Some(_) => self.cmp(slot, of, other).is_gt(),
            None => of.places[other] < self.places[slot],
        }
    }

    /// Keeps these slots, which ascend; they become slots `0..`.
    pub(crate) fn retain(&mut self, slots: &[u32]) {
        self.places = slots.iter().map(|&slot| self.places[slot as usize]).collect();
        if self.origin.numbers() {
            self.numbers = slots.iter().map(|&slot| self.numbers[slot as usize]).collect();
        }
        for ranks in &mut self.ranks {
            *ranks = slots.iter().map(|&slot| ranks[slot as usize]).collect();
        }
    }

    /// All slots in the order in which they were first seen.
    pub(crate) fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.places.len() as u32).collect();
        if self.origin.spilled.is_some() {
            order.sort_by(|&a, &b| self.compare(a, b));
        } else if !self.places.is_sorted() {
            order.sort_by_key(|&slot| self.places[slot as usize]);
        }
        order
    }

    /// Which of two groups was seen first.
    pub(crate) fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        match self.origin.spilled {
            Some(_) => self.cmp(a, self, b),
            None => self.places[a].cmp(&self.places[b]),
        }
    }

    /// Which of two groups was seen first, whatever their places say.
    fn cmp(&self, slot: usize, of: &Births, other: usize) -> Ordering {
        let numbers = (self.numbers[slot] as i64).cmp(&(of.numbers[other] as i64));
        let mut ranks = self.ranks.iter().zip(&of.ranks).map(|(a, b)| a[slot].cmp(&b[other]));
        numbers.then_with(|| ranks.find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
    }

    /// The ranks of these slots' results, given when their window ends.
    pub(crate) fn rank(&self, slots: &[u32], turn: Turn, out: &mut Ranks) {
        if self.origin.rank > 0 {
            out.extend(Phase::Due, turn, slots, &self.numbers, &self.ranks);
        }
    }
}

/// The number in which a group was first seen, as a column of the engine's own; the ranks of its first row stand
/// behind it.
const NUMBER: &str = "·number";

/// When groups of several windows were first seen, as it is written down.
pub(crate) struct Written {
    places: Vec<u64>,
    numbers: Vec<i64>,
    ranks: Vec<Vec<i64>>,
    /// Do places say in which order groups were seen?
    ordered: bool,
}

impl Written {
    /// Of which this is kept.
    pub(crate) fn new(origin: Origin) -> Written {
        let ranks = vec![Vec::new(); origin.own()];
        let ordered = origin.spilled.is_none();
        Written { places: Vec::new(), numbers: Vec::new(), ranks, ordered }
    }

    /// Adds these slots.
    pub(crate) fn add(&mut self, births: &Births, slots: impl Iterator<Item = u32>) {
        for slot in slots {
            let Birth { place, number, own } = births.get(slot as usize);
            self.places.push(place);
            // A number that nobody kept stands in front of all others.
            self.numbers.push(if births.origin.numbers() { number as i64 } else { i64::MIN });
            self.ranks.iter_mut().zip(own).for_each(|(column, rank)| column.push(rank));
        }
    }

    /// Adds them to the columns of the groups, which are put in the order in which they were first seen, if places say it.
    pub(crate) fn finish(self, columns: Columns) -> Columns {
        let mut order: Vec<u32> = (0..self.places.len() as u32).collect();
        if self.ordered {
            order.sort_by_key(|&row| self.places[row as usize]);
        }
        let of = |values: &[i64]| -> Vec<i64> { order.iter().map(|&row| values[row as usize]).collect() };
        let mut ranks: Vec<Vec<i64>> = self.ranks.iter().map(|ranks| of(ranks)).collect();
        if ranks.is_empty() {
            // On one worker, places are in the order of the sequence.
            ranks.push(order.iter().map(|&row| self.places[row as usize] as i64).collect());
        }
        let mut columns = columns.in_order(&order);
        columns.ints(NUMBER, of(&self.numbers).into_iter());
        columns.ranks(ranks.iter().map(Vec::as_slice));
        columns
    }
}

/// Groups that were written down, in the order in which they were first seen: that of their new places.
pub(crate) struct Reborn {
    pub(crate) groups: Loaded,
    numbers: Vec<i64>,
    ranks: Vec<Vec<i64>>,
}

impl Reborn {
    /// Entries whose order means nothing.
    pub(crate) fn in_order(saved: &Loaded) -> Reborn {
        let rows: Vec<u32> = (0..saved.len() as u32).collect();
        Reborn { groups: saved.in_order(&rows), numbers: Vec::new(), ranks: Vec::new() }
    }

    /// Of which this is kept.
    pub(crate) fn new(saved: &Loaded, origin: Origin) -> Reborn {
        let groups = saved.in_order(&saved.by_rank(NUMBER));
        let (numbers, ranks) = (groups.ints(NUMBER), groups.ranks(origin.own()));
        Reborn { groups, numbers, ranks }
    }

    /// The same, if numbers that are not negative are to be read so: windows that were not kept until now counted them otherwise.
    pub(crate) fn with_numbers(mut self, read: impl Fn(Number) -> Number) -> Reborn {
        for number in self.numbers.iter_mut().filter(|number| **number >= 0) {
            *number = read(*number as Number) as i64;
        }
        self
    }

    /// Of groups that come back from disk, whose order is found by what is kept of them.
    pub(crate) fn from_disk(saved: &Loaded, origin: Origin) -> Reborn {
        let (numbers, ranks) = (saved.ints(NUMBER), saved.ranks(origin.own()));
        Reborn { numbers, ranks, ..Reborn::in_order(saved) }
    }

    /// The birth of a group.
    pub(crate) fn birth(&self, row: u32) -> Birth {
        let own = self.ranks.iter().map(|ranks| ranks[row as usize]).collect();
        Birth { place: row.into(), number: self.numbers[row as usize] as Number, own }
    }

    /// Bytes that are in the order of the births of groups.
    pub(crate) fn places(saved: &Loaded, origin: Origin) -> Vec<Vec<u8>> {
        let columns: Vec<Vec<i64>> =
            std::iter::once(saved.ints(NUMBER)).chain(saved.ranks(origin.own())).collect();
        // Bytes are compared as if they had no sign.
        let bytes = |value: i64| (value ^ i64::MIN).to_be_bytes();
        let place = |row: usize| columns.iter().flat_map(|column| bytes(column[row])).collect();
        (0..saved.len()).map(place).collect()
    }

    /// The rows of each window, by what tells windows apart.
    pub(crate) fn by<K: Ord>(&self, window: impl Fn(usize) -> K) -> BTreeMap<K, Vec<u32>> {
        let mut windows: BTreeMap<K, Vec<u32>> = BTreeMap::new();
        for row in 0..self.groups.len() {
            windows.entry(window(row)).or_default().push(row as u32);
        }
        windows
    }
}

impl Birth {
    /// Of a row.
    pub(crate) fn of(
        number: Number,
        place: u64,
        batch: &Batch,
        declared: usize,
        row: usize,
        origin: Origin,
    ) -> Birth {
        let own = match (origin.rank, origin.spilled) {
            (0, None) => Vec::new(),
            (0, Some(_)) => vec![place as i64],
            _ => of_row(batch, declared, row),
        };
        Birth { place, number, own }
    }

    /// When the group was seen, among others that may be on disk.
    pub(crate) fn seen(&self) -> Vec<i64> {
        std::iter::once(self.number as i64).chain(self.own.iter().copied()).collect()
    }

    /// The ranks of its result.
    pub(crate) fn rank(&self, phase: Phase, turn: Turn, out: &mut Ranks) {
        out.push_at(phase, turn, self.number, &self.own);
    }
}
