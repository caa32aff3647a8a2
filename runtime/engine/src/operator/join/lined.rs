//! Windows of joins that end, of more rows than memory has room for. The left rows of what ends are lined up on disk in the
//! order in which they came; then they come back with the rows of their keys, a piece at a time, and are given as any others
//! are. Behind them, all keys that had a row in it come back once more, to be told that it is given.

use super::saved::ROW;
use super::saved::ints;
use super::spilled::PIECE;
use super::stream::{Bound, Core};
use crate::snapshot::{Columns, Loaded};
use crate::state::{ColdError, Row};
use flow_data::NO_ROW;
use flow_data::hash::hash_columns;
use std::collections::{HashMap, HashSet};

/// In a row on disk: the hash of a left row's key.
const HASH: &str = "hash";

/// What ends now.
pub(super) trait Ends: Bound {
    /// Keys on disk with a row in it have turns up to this one ([`Bound::first_over`]).
    fn turn(&self) -> i64;

    /// Does a left row that is in memory lie in it?
    fn has(&self, core: &Core, row: u32) -> bool;

    /// All such rows, in no order.
    fn left(&self, core: &Core) -> Vec<u32>;

    /// It is given. What is in memory of it goes, or is noted to be given; it may be asked again when more of it is.
    fn leave(&mut self, core: &mut Core);
}

/// Left rows that are still to be given.
pub(super) struct Lined {
    row: Row,
    /// What tells the one that came last from others: who went to disk while others were lined up may stand there twice.
    last: Option<(i64, i64)>,
}

impl Core {
    /// Lines up the left rows of what ends.
    pub(super) fn line_up(&mut self, of: &mut impl Ends) -> Result<Option<Lined>, ColdError> {
        let Some(spilled) = &mut self.spilled else { return Ok(None) };
        let mut lined = Lined { row: spilled.keys.table(0).row(), last: None };
        self.stand(&mut lined, &of.left(self))?;
        let mut last = None;
        while let Some(hashes) = self.next_over(&mut last, of.turn(), false)? {
            let mut left = self.bring(of, &hashes)?;
            left.retain(|&row| of.has(self, row));
            self.stand(&mut lined, &left)?;
            self.relieve(of)?;
        }
        Ok(Some(lined))
    }

    /// The same, if keys are on disk that have a turn up to this one.
    pub(super) fn line_up_over(&mut self, of: &mut impl Ends, turn: i64) -> Result<Option<Lined>, ColdError> {
        let first = self.next_turn(i64::MAX)?;
        if first.is_some_and(|first| first <= turn) { self.line_up(of) } else { Ok(None) }
    }

    /// The hashes of the next keys on disk that have a turn up to this one, behind the last; `None`: there are no more. They
    /// may lose their turn, to get another one when they go to disk again.
    fn next_over(
        &mut self,
        last: &mut Option<(i64, u64)>,
        turn: i64,
        takes: bool,
    ) -> Result<Option<Vec<u64>>, ColdError> {
        let Some(spilled) = &mut self.spilled else { return Ok(None) };
        let found = spilled.turns.behind(*last, turn, PIECE)?;
        *last = found.last().copied();
        for &(time, hash) in found.iter().filter(|_| takes) {
            spilled.turns.remove(time, hash)?;
        }
        Ok(last.map(|_| distinct(found.iter().map(|(_, hash)| *hash))))
    }

    /// Left rows of what ends stand in line.
    fn stand(&self, lined: &mut Lined, rows: &[u32]) -> Result<(), ColdError> {
        let names = self.names(rows);
        let mut columns = Columns::default();
        columns.ints(ROW, names.iter().map(|(id, _)| *id));
        columns.ints(HASH, names.iter().map(|(_, hash)| *hash));
        let (schema, entries) = columns.into_rows();
        lined.row.add(self.places(rows), Loaded::of(schema, entries))
    }

    /// What tells left rows from all others, wherever they are: their ids, and the hashes of their keys.
    fn names(&self, rows: &[u32]) -> Vec<(i64, i64)> {
        let kept = &self.kept[0];
        let keyless: Vec<u32> = rows.iter().copied().filter(|row| kept.key(*row).is_none()).collect();
        let mut of_keyless = Vec::new();
        if !keyless.is_empty() {
            let keys = self.sides[0].keys.iter().map(|&key| kept.gather(key, &keyless));
            let keys: Vec<_> = keys.collect();
            hash_columns(&keys.iter().collect::<Vec<_>>(), keyless.len(), &mut of_keyless);
        }
        let mut of_keyless = of_keyless.into_iter();
        let mut hash = |row: u32| match kept.key(row) {
            Some(slot) => self.table.hashes()[slot as usize],
            None => of_keyless.next().unwrap_or_default(),
        };
        rows.iter().map(|&row| (kept.id(row) as i64, hash(row) as i64)).collect()
    }

    /// Where left rows stand among all that came, whatever worker or file they came from.
    fn places(&self, rows: &[u32]) -> Vec<Vec<u8>> {
        let kept = &self.kept[0];
        let ranks: Vec<_> = self.ranks(0).map(|column| kept.gather(column, rows)).collect();
        let place = |(at, (&row, (id, hash))): (usize, (&u32, (i64, i64)))| {
            let mut place = kept.number(row).to_be_bytes().to_vec();
            for rank in &ranks {
                place.extend_from_slice(&(ints(rank)[at] ^ i64::MIN).to_be_bytes());
            }
            place.extend_from_slice(&id.to_be_bytes());
            place.extend_from_slice(&hash.to_be_bytes());
            place
        };
        rows.iter().zip(self.names(rows)).enumerate().map(place).collect()
    }

    /// Puts left rows in the order in which they came, also if some were on disk.
    pub(super) fn sort_left(&self, rows: &mut Vec<u32>) {
        let mut places: Vec<_> = self.places(rows).into_iter().zip(rows.drain(..)).collect();
        places.sort_unstable();
        rows.extend(places.into_iter().map(|(_, row)| row));
    }

    /// The next left rows that stand in line, in memory with all rows of their keys; `None`: there are no more.
    pub(super) fn next_lined(
        &mut self,
        of: &mut impl Ends,
        lined: &mut Lined,
    ) -> Result<Option<Vec<u32>>, ColdError> {
        let Some(entries) = lined.row.next(PIECE)? else { return Ok(None) };
        self.bring(of, &distinct(entries.ints(HASH).into_iter().map(|hash| hash as u64)))?;
        let mut names: Vec<_> = entries.ints(ROW).into_iter().zip(entries.ints(HASH)).collect();
        names.dedup();
        if names.first() == lined.last.as_ref() {
            names.remove(0);
        }
        lined.last = names.last().copied().or(lined.last);
        let places: HashMap<(i64, i64), usize> = names.iter().copied().zip(0..).collect();
        let ids: HashSet<i64> = names.iter().map(|(id, _)| *id).collect();
        let mut left = of.left(self);
        left.retain(|&row| ids.contains(&(self.kept[0].id(row) as i64)));
        let mut rows = vec![NO_ROW; names.len()];
        for (name, row) in self.names(&left).into_iter().zip(left) {
            if let Some(&at) = places.get(&name) {
                rows[at] = row;
            }
        }
        debug_assert!(!rows.contains(&NO_ROW), "who stands in line is there when its turn comes");
        rows.retain(|row| *row != NO_ROW);
        Ok(Some(rows))
    }

    /// All that ends is given: whoever had a row in it is told so, wherever it is.
    pub(super) fn leave_ended(&mut self, of: &mut impl Ends) -> Result<(), ColdError> {
        let turn = of.turn();
        of.leave(self);
        let mut last = None;
        while let Some(hashes) = self.next_over(&mut last, turn, true)? {
            self.bring(of, &hashes)?;
            of.leave(self);
            self.relieve(of)?;
        }
        self.spilled.as_mut().map_or(Ok(()), |spilled| spilled.turns.look())
    }
}

/// Each hash once.
fn distinct(hashes: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut hashes: Vec<u64> = hashes.collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}
