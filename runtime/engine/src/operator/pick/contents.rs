//! What the rows of an updating pick hold: each different row once, with the numbers of its copies.

use super::frame::Frame;
use crate::state::{CROWDED, KeyTable, room};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column};
use flow_plan::DataType;
use flow_plan::physical::hidden::NO_WATERMARK;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

pub(super) struct Contents {
    table: KeyTable,
    /// Columns of the input: those that are given, event time, and what else is compared.
    columns: Vec<usize>,
    /// How many of them are given.
    given: usize,
    timed: bool,
    /// The number of each content's first copy; [`NONE`] without one.
    first: Vec<i64>,
    /// Of contents that are there several times, the other copies.
    more: HashMap<u32, VecDeque<i64>>,
    crowded: usize,
}

const NONE: i64 = -1;

impl Contents {
    pub(super) fn new(frame: &Frame, by: impl Iterator<Item = usize>) -> Contents {
        let given = frame.row.len();
        let mut columns = frame.row.clone();
        columns.extend(frame.hidden.time);
        for column in frame.keys.iter().copied().chain(by) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let types: Vec<&DataType> = columns.iter().map(|&column| &frame.input.fields[column].ty).collect();
        Contents {
            table: KeyTable::exact(types.into_iter()),
            columns,
            given,
            timed: frame.hidden.time.is_some(),
            first: Vec::new(),
            more: HashMap::new(),
            crowded: CROWDED,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.bytes() + room(&self.first) + self.more.len() * 48
    }

    /// The content of every row.
    pub(super) fn find(&mut self, batch: &Batch, hashes: &mut Vec<u64>, out: &mut Vec<u32>) {
        let columns: Vec<&Column> =
            self.columns.iter().map(|&column| batch.columns[column].as_ref()).collect();
        hash_columns(&columns, batch.len, hashes);
        self.table.slots(&columns, hashes, out);
        self.first.resize(self.table.len(), NONE);
    }

    /// A copy comes.
    pub(super) fn add(&mut self, content: u32, number: i64) {
        let first = &mut self.first[content as usize];
        if *first == NONE {
            *first = number;
        } else {
            self.more.entry(content).or_default().push_back(number);
        }
    }

    /// The copy that came first goes.
    pub(super) fn take(&mut self, content: u32) -> Option<i64> {
        let number = self.first[content as usize];
        if number == NONE {
            return None;
        }
        self.remove(content, number);
        Some(number)
    }

    /// A copy goes.
    pub(super) fn remove(&mut self, content: u32, number: i64) {
        let first = &mut self.first[content as usize];
        let more = self.more.get_mut(&content);
        if *first != number {
            more.into_iter().for_each(|more| more.retain(|copy| *copy != number));
            return;
        }
        *first = more.and_then(VecDeque::pop_front).unwrap_or(NONE);
        if *first == NONE {
            self.more.remove(&content);
        }
    }

    /// The copies of a content with these numbers.
    pub(super) fn copies(&self, content: u32, numbers: Range<i64>) -> impl Iterator<Item = i64> {
        let Range { start, end } = numbers;
        let first = Some(self.first[content as usize]).filter(|number| *number != NONE);
        let more = self.more.get(&content).map(|more| {
            // They come in the order of their numbers.
            more.range(more.partition_point(|number| *number < start)..)
        });
        let all = first.into_iter().chain(more.into_iter().flatten().copied());
        all.skip_while(move |number| *number < start).take_while(move |number| *number < end)
    }

    /// Event time of a content.
    pub(super) fn time(&self, content: u32) -> i64 {
        if self.timed { self.table.int(self.given, content) } else { NO_WATERMARK }
    }

    /// Are the columns that are given the same?
    pub(super) fn same(&self, a: u32, b: u32) -> bool {
        a == b || self.table.same(0..self.given, a, b)
    }

    /// The columns that are given.
    pub(super) fn rows(&self, contents: &[u32]) -> Vec<Column> {
        self.table.gather_of(0..self.given, contents)
    }

    /// Columns of the input, which are all that contents say of a row.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Some columns of the input of contents.
    pub(super) fn gather(&self, columns: &[usize], contents: &[u32]) -> Vec<Column> {
        let all = self.table.gather(contents);
        let of = |column: &usize| self.columns.iter().position(|of| of == column);
        columns.iter().filter_map(of).map(|at| all[at].clone()).collect()
    }

    /// May there be as many contents without a row as with one?
    pub(super) fn is_crowded(&self) -> bool {
        self.table.len() >= self.crowded
    }

    /// Which contents have rows.
    pub(super) fn used(&self) -> Vec<bool> {
        self.first.iter().map(|first| *first != NONE).collect()
    }

    /// Keeps these contents if they are fewer than the others; gives where each went.
    pub(super) fn retain(&mut self, used: &[bool]) -> Option<Vec<u32>> {
        let kept = used.iter().filter(|used| **used).count();
        self.crowded = (kept * 2).max(CROWDED);
        (kept * 2 <= used.len()).then(|| self.keep(used))
    }

    /// Keeps these contents; gives where each went.
    pub(super) fn keep(&mut self, used: &[bool]) -> Vec<u32> {
        let kept: Vec<u32> = (0..used.len() as u32).filter(|content| used[*content as usize]).collect();
        self.crowded = (kept.len() * 2).max(CROWDED);
        self.table.retain(&kept);
        self.first = kept.iter().map(|&content| self.first[content as usize]).collect();
        let mut moved = vec![u32::MAX; used.len()];
        kept.iter().enumerate().for_each(|(to, &from)| moved[from as usize] = to as u32);
        let more = self.more.drain().map(|(content, more)| (moved[content as usize], more));
        self.more = more.filter(|(content, _)| *content != u32::MAX).collect();
        moved
    }
}
