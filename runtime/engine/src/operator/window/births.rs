//! When the groups of a window were first seen: the order of their results, on one worker and among those
//! of all.

use crate::number::Number;
use crate::ranks::{Phase, Ranks, Turn, of_row};
use crate::snapshot::{Columns, Loaded};
use crate::state::{Refused, room};
use flow_data::Batch;
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
        Birth::of(number, self.of(row), batch, declared, row, births.rank)
    }

    /// Without the rows that were refused.
    pub(crate) fn leave_out(&mut self, refused: &Refused) {
        let is_in = |row: &usize| refused.rows.iter().all(|(out, ..)| out != row);
        let rows = (0..refused.batch.len).filter(is_in).map(|row| (self.of(row) - self.first) as u32);
        self.rows = Some(rows.collect());
    }
}

/// Of every slot.
pub(crate) struct Births {
    places: Vec<u64>,
    numbers: Vec<Number>,
    /// The row's own ranks, a column each.
    ranks: Vec<Vec<i64>>,
    /// Rank columns of the output. Without, only places are kept.
    rank: usize,
}

impl Births {
    /// For a node whose output has so many rank columns.
    pub(crate) fn new(rank: usize) -> Births {
        let own = rank.saturating_sub(Ranks::LEADING);
        Births { places: Vec::new(), numbers: Vec::new(), ranks: vec![Vec::new(); own], rank }
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
        for (row, &slot) in slots.iter().enumerate() {
            let birth = || Birth::of(number, places.of(row), batch, declared, row, self.rank);
            if slot as usize == self.places.len() {
                self.push(&birth());
            } else if places.of(row) < self.places[slot as usize] {
                self.set(slot as usize, &birth());
            }
        }
    }

    /// The bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.places) + room(&self.numbers) + self.ranks.iter().map(room).sum::<usize>()
    }

    pub(crate) fn push(&mut self, birth: &Birth) {
        self.places.push(birth.place);
        if self.rank > 0 {
            self.numbers.push(birth.number);
            self.ranks.iter_mut().zip(&birth.own).for_each(|(column, rank)| column.push(*rank));
        }
    }

    pub(crate) fn set(&mut self, slot: usize, birth: &Birth) {
        self.places[slot] = birth.place;
        if self.rank > 0 {
            self.numbers[slot] = birth.number;
            self.ranks.iter_mut().zip(&birth.own).for_each(|(column, rank)| column[slot] = *rank);
        }
    }

    pub(crate) fn get(&self, slot: usize) -> Birth {
        let (number, own) = match self.rank {
            0 => (0, Vec::new()),
            _ => (self.numbers[slot], self.ranks.iter().map(|column| column[slot]).collect()),
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
                self.push(&later.get(from));
            } else if later.places[from] < self.places[slot] {
                self.set(slot, &later.get(from));
            }
        }
    }

    /// All slots in the order in which they were first seen.
    pub(crate) fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.places.len() as u32).collect();
        if !self.places.is_sorted() {
            order.sort_by_key(|&slot| self.places[slot as usize]);
        }
        order
    }

    /// The ranks of these slots' results, given when their window ends.
    pub(crate) fn rank(&self, slots: &[u32], turn: Turn, out: &mut Ranks) {
        if self.rank > 0 {
            slots.iter().for_each(|&slot| self.get(slot as usize).rank(Phase::Due, turn, out));
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
}

impl Written {
    /// For a node whose output has so many rank columns.
    pub(crate) fn new(rank: usize) -> Written {
        let own = rank.saturating_sub(Ranks::LEADING);
        Written { places: Vec::new(), numbers: Vec::new(), ranks: vec![Vec::new(); own] }
    }

    /// Adds these slots.
    pub(crate) fn add(&mut self, births: &Births, slots: impl Iterator<Item = u32>) {
        for slot in slots {
            let Birth { place, number, own } = births.get(slot as usize);
            self.places.push(place);
            // A number that nobody kept stands in front of all others.
            self.numbers.push(if births.rank == 0 { i64::MIN } else { number as i64 });
            self.ranks.iter_mut().zip(own).for_each(|(column, rank)| column.push(rank));
        }
    }

    /// Adds them to the columns of the groups, which are put in the order in which they were first seen.
    pub(crate) fn finish(self, columns: Columns) -> Columns {
        let mut order: Vec<u32> = (0..self.places.len() as u32).collect();
        order.sort_by_key(|&row| self.places[row as usize]);
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

    /// For a node whose output has so many rank columns.
    pub(crate) fn new(saved: &Loaded, rank: usize) -> Reborn {
        let groups = saved.in_order(&saved.by_rank(NUMBER));
        let (numbers, ranks) = (groups.ints(NUMBER), groups.ranks(rank.saturating_sub(Ranks::LEADING)));
        Reborn { groups, numbers, ranks }
    }

    /// The birth of a group.
    pub(crate) fn birth(&self, row: u32) -> Birth {
        let own = self.ranks.iter().map(|ranks| ranks[row as usize]).collect();
        Birth { place: row.into(), number: self.numbers[row as usize] as Number, own }
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
        rank: usize,
    ) -> Birth {
        let own = if rank > 0 { of_row(batch, declared, row) } else { Vec::new() };
        Birth { place, number, own }
    }

    /// The ranks of its result.
    pub(crate) fn rank(&self, phase: Phase, turn: Turn, out: &mut Ranks) {
        out.push_at(phase, turn, self.number, &self.own);
    }
}
