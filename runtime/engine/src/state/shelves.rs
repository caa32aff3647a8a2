//! Entries of windows that memory has no room for, on disk: a shelf for each window (or slice of windows).
//!
//! As in [`super::cold`], an entry is a row of the operator's table in a checkpoint, here or in memory, never in both. It is
//! found by its window and the hash of its key, so that all of a window stand together, to be given and to go together. Each
//! says when it was put, by the barriers so far, and whether it had changed then: so it need not be in memory which entries a
//! checkpoint has to get. Knows bytes, hashes and which windows there are; never what the columns mean, nor time.

use super::cold::{ColdError, Spill, Taken, joined};
use super::lsm::Tree;
use super::seen::Seen;
use crate::snapshot::{Columns, Loaded};
use flow_data::Batch;
use flow_data::codec::{self, Bytes};
use flow_plan::RecordType;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// What tells windows apart: the end and the start of one, or where a slice begins.
pub(crate) type Shelf = (i64, i64);

/// Where an entry stands: its shelf, and the hash of its key.
type Place = [u8; 24];

/// Of so few entries that changed it is always known which they are.
const FEW: usize = 8;

pub(crate) struct Shelves {
    spill: Arc<Spill>,
    tree: Tree,
    /// The columns of entries, once there was one.
    schema: Arc<RecordType>,
    shelves: BTreeMap<Shelf, Known>,
    entries: usize,
    /// Barriers so far.
    round: u32,
    /// Of entries that changed since the last one: how many, and where they stand, unless those are too many.
    changes: usize,
    changed: Option<BTreeSet<Place>>,
    left: Left,
    /// Shelves that are no more. What is on them is only for the checkpoint on its way.
    over: BTreeSet<Shelf>,
    /// Those that not even it needs any more.
    swept: BTreeSet<Shelf>,
}

/// What is known of a shelf in memory.
#[derive(Default)]
struct Known {
    entries: usize,
    /// How many changed since a barrier, and how many there had been then.
    changes: (u32, usize),
    /// Which hashes it may have.
    seen: Seen,
}

/// What a checkpoint on its way still has to copy, of what was here at its barrier.
enum Left {
    Nothing,
    /// Entries from this place on: all, or those that had changed.
    From(Place, bool),
    /// Those that stand there.
    Of(BTreeSet<Place>),
}

fn place((end, start): Shelf, hash: u64) -> Place {
    let mut place = [0; 24];
    // Bytes are compared as if they had no sign.
    place[..8].copy_from_slice(&(end ^ i64::MIN).to_be_bytes());
    place[8..16].copy_from_slice(&(start ^ i64::MIN).to_be_bytes());
    place[16..].copy_from_slice(&hash.to_be_bytes());
    place
}

/// The first place of a shelf, and the bytes behind its last one.
fn bounds(shelf: Shelf) -> (Place, Vec<u8>) {
    let mut behind = place(shelf, u64::MAX).to_vec();
    behind.push(0);
    (place(shelf, 0), behind)
}

fn shelf_of(place: &[u8]) -> Shelf {
    let word = |at: usize| {
        let bytes = place.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        i64::from_be_bytes(bytes) ^ i64::MIN
    };
    (word(0), word(8))
}

/// One entry as it stands on a shelf.
struct Entry {
    round: u32,
    changed: bool,
    row: Batch,
}

impl Shelves {
    pub(crate) fn new(spill: &Arc<Spill>) -> Result<Shelves, ColdError> {
        Ok(Shelves {
            tree: spill.tree(),
            spill: spill.clone(),
            schema: Arc::default(),
            shelves: BTreeMap::new(),
            entries: 0,
            round: 0,
            changes: 0,
            changed: Some(BTreeSet::new()),
            left: Left::Nothing,
            over: BTreeSet::new(),
            swept: BTreeSet::new(),
        })
    }

    /// Bytes that the operator's tables may take in memory.
    pub(crate) fn budget(&self) -> usize {
        self.spill.budget()
    }

    /// How many entries.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// How many of them have changed since the last barrier.
    pub(crate) fn changes(&self) -> usize {
        self.changes
    }

    /// How many entries are on a shelf.
    pub(crate) fn on(&self, shelf: Shelf) -> usize {
        self.shelves.get(&shelf).map_or(0, |known| known.entries)
    }

    /// The first shelf with entries.
    pub(crate) fn first(&self) -> Option<Shelf> {
        self.shelves.keys().next().copied()
    }

    /// The shelves with entries, of a range.
    pub(crate) fn filled(&self, of: RangeInclusive<Shelf>) -> impl Iterator<Item = Shelf> + '_ {
        self.shelves.range(of).map(|(shelf, _)| *shelf)
    }

    /// What it takes in memory itself, about.
    pub(crate) fn bytes(&self) -> usize {
        self.known_bytes() + self.tree.bytes()
    }

    /// What of it grows with entries and windows, and takes of the room that the operator's tables have.
    pub(crate) fn known_bytes(&self) -> usize {
        let left = if let Left::Of(left) = &self.left { left.len() } else { 0 };
        let places = self.changed.as_ref().map_or(0, BTreeSet::len) + left;
        let seen = |known: &Known| known.seen.bytes();
        let shelves = self.shelves.values().map(|known| 64 + seen(known)).sum::<usize>();
        places * 2 * size_of::<Place>() + shelves
    }

    /// Puts entries, whose keys have these hashes, on a shelf. Have they changed since the last barrier? Those whose copy a
    /// checkpoint still needs have been copied by the caller.
    pub(crate) fn put(
        &mut self,
        shelf: Shelf,
        hashes: &[u64],
        entries: Columns,
        changed: &[bool],
    ) -> Result<(), ColdError> {
        debug_assert!(!self.over.contains(&shelf), "a window that is over gets no more entries");
        let (schema, batch) = entries.into_rows();
        self.schema = schema;
        let most = (self.budget() / 16 / size_of::<Place>() / 2).max(FEW);
        let most_words = Seen::most_words(self.budget());
        let known = self.shelves.entry(shelf).or_default();
        for (row, (&hash, &has_changed)) in hashes.iter().zip(changed).enumerate() {
            let at = place(shelf, hash);
            // Another key may have the same hash.
            let other = if known.seen.perhaps(hash) { self.tree.remove(&at)? } else { None };
            let mut bytes = other.unwrap_or_default();
            bytes.push(u8::from(has_changed));
            bytes.extend_from_slice(&self.round.to_le_bytes());
            codec::encode_rows(&batch, row..row + 1, &mut bytes)
                .map_err(|why| ColdError::new(why.to_string()))?;
            self.tree.add(&at, bytes)?;
            known.seen.note(hash, most_words);
            if has_changed {
                self.changes += 1;
                *known.changes(self.round) += 1;
                self.changed.take_if(|changed| {
                    changed.insert(at);
                    changed.len() > most
                });
            }
        }
        known.entries += batch.len;
        self.entries += batch.len;
        Ok(())
    }

    /// The entries of a place.
    fn decode(&self, bytes: &[u8]) -> Result<Vec<Entry>, ColdError> {
        let broken = |_| ColdError::new("what was put there comes back otherwise".into());
        let mut bytes = Bytes::new(bytes);
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            let changed = bytes.u8().map_err(broken)? != 0;
            let round = bytes.u32().map_err(broken)?;
            entries.push(Entry {
                round,
                changed,
                row: codec::decode(&mut bytes, &self.schema).map_err(broken)?,
            });
        }
        Ok(entries)
    }

    /// Takes the entries of these hashes, each of which comes once, from a shelf.
    pub(crate) fn take(&mut self, shelf: Shelf, hashes: &[u64]) -> Result<Taken, ColdError> {
        let Some(known) = self.shelves.get(&shelf) else { return Ok(Taken::default()) };
        let mut places = Vec::new();
        for &hash in hashes.iter().filter(|hash| known.seen.perhaps(**hash)) {
            let at = place(shelf, hash);
            places.extend(self.tree.remove(&at)?.map(|bytes| (at, bytes)));
        }
        self.taken(shelf, places)
    }

    /// Takes all entries from a shelf.
    pub(crate) fn take_all(&mut self, shelf: Shelf) -> Result<Taken, ColdError> {
        let mut places = Vec::new();
        if self.shelves.contains_key(&shelf) {
            let (from, to) = bounds(shelf);
            for entry in self.tree.range(&from, Some(&to))? {
                let (at, bytes) = entry?;
                places.extend(<Place>::try_from(at).ok().map(|at| (at, bytes)));
            }
            self.tree.remove_range(&from, Some(&to))?;
        }
        self.taken(shelf, places)
    }

    /// What was on a shelf at these places, and is not any more.
    fn taken(&mut self, shelf: Shelf, places: Vec<(Place, Vec<u8>)>) -> Result<Taken, ColdError> {
        let (mut rows, mut changed, mut marked) = (Vec::new(), Vec::new(), Vec::new());
        for (at, bytes) in places {
            let all = match &mut self.left {
                Left::Nothing => None,
                Left::From(from, all) => (at >= *from).then_some(*all),
                Left::Of(left) => left.remove(&at).then_some(false),
            };
            if let Some(places) = &mut self.changed {
                places.remove(&at);
            }
            for entry in self.decode(&bytes)? {
                if all.is_some_and(|all| self.was_marked(&entry, all)) {
                    marked.push(entry.row.clone());
                }
                let has_changed = entry.changed && entry.round == self.round;
                changed.push(has_changed);
                rows.push(entry.row);
            }
        }
        let changes = changed.iter().filter(|changed| **changed).count();
        self.changes -= changes;
        self.entries -= rows.len();
        if let Some(known) = self.shelves.get_mut(&shelf) {
            known.entries -= rows.len();
            *known.changes(self.round) -= changes;
            if known.entries == 0 {
                self.shelves.remove(&shelf);
            }
        }
        Ok(Taken {
            entries: joined(rows).map(|rows| Loaded::of(self.schema.clone(), rows)),
            changed,
            marked: joined(marked).map(|rows| Columns::of(&self.schema, rows)),
        })
    }

    /// Was it here at the last barrier, and had it changed by then, or is all wanted?
    fn was_marked(&self, entry: &Entry, all: bool) -> bool {
        entry.round < self.round && (all || (entry.changed && entry.round + 1 == self.round))
    }

    /// A checkpoint needs what is here now: all of it, or what changed since the last one.
    pub(crate) fn mark(&mut self, all: bool) {
        self.round += 1;
        self.changes = 0;
        // A checkpoint that was given up needs nothing any more.
        self.swept.append(&mut self.over);
        self.left = match self.changed.replace(BTreeSet::new()) {
            Some(changed) if !all => Left::Of(changed),
            _ => Left::From(place((i64::MIN, i64::MIN), 0), all),
        };
    }

    /// About so many entries that the checkpoint still has to copy, as they were; `None`: it has all.
    pub(crate) fn next_marked(&mut self, most: usize) -> Result<Option<Columns>, ColdError> {
        let (mut found, mut all, mut ends) = (Vec::new(), false, false);
        match &mut self.left {
            Left::Nothing => return Ok(None),
            Left::From(from, everything) => {
                all = *everything;
                let mut next = None;
                for (at, entry) in self.tree.range(&*from, None)?.enumerate() {
                    let (place, bytes) = entry?;
                    if at == most {
                        next = Place::try_from(place).ok();
                        break;
                    }
                    if !self.swept.contains(&shelf_of(&place)) {
                        found.push(bytes);
                    }
                }
                match next {
                    Some(next) => *from = next,
                    None => ends = true,
                }
            }
            Left::Of(left) => {
                for place in std::iter::from_fn(|| left.pop_first()).take(most) {
                    found.extend(self.tree.get(&place)?);
                }
                ends = left.is_empty();
            }
        }
        let mut rows = Vec::new();
        for bytes in &found {
            // What came here since the barrier was copied in memory.
            let entries = self.decode(bytes)?.into_iter().filter(|entry| self.was_marked(entry, all));
            rows.extend(entries.map(|entry| entry.row));
        }
        if ends {
            self.left = Left::Nothing;
            self.sweep()?;
        }
        Ok(Some(joined(rows).map(|rows| Columns::of(&self.schema, rows)).unwrap_or_default()))
    }

    /// A window is over: its entries are no more, but for a checkpoint that still has to copy them.
    pub(crate) fn leave(&mut self, shelf: Shelf) -> Result<(), ColdError> {
        let Some(mut known) = self.shelves.remove(&shelf) else { return Ok(()) };
        self.entries -= known.entries;
        self.changes -= *known.changes(self.round);
        if let Some(changed) = &mut self.changed {
            let first = place(shelf, 0);
            let mut behind = changed.split_off(&first);
            changed.extend(
                behind.split_off(&place(shelf, u64::MAX)).into_iter().filter(|at| at[..16] != first[..16]),
            );
        }
        self.over.insert(shelf);
        self.sweep()
    }

    /// Removes what nobody needs any more.
    fn sweep(&mut self) -> Result<(), ColdError> {
        if matches!(self.left, Left::Nothing) {
            self.swept.append(&mut self.over);
        }
        while let Some(shelf) = self.swept.pop_first() {
            let (from, to) = bounds(shelf);
            self.tree.remove_range(&from, Some(&to))?;
        }
        Ok(())
    }

    /// The next entries of a shelf from this hash on, so many at most, and where those behind them begin. What is here stays.
    pub(crate) fn read(
        &self,
        shelf: Shelf,
        hashes: RangeInclusive<u64>,
        most: usize,
    ) -> Result<(Option<Loaded>, Option<u64>), ColdError> {
        let (mut rows, mut next) = (Vec::new(), None);
        let to = match hashes.end().checked_add(1) {
            Some(end) => place(shelf, end).to_vec(),
            None => bounds(shelf).1,
        };
        for entry in self.tree.range(&place(shelf, *hashes.start()), Some(&to))? {
            let (at, bytes) = entry?;
            if rows.len() >= most {
                next = at.get(16..).and_then(|hash| hash.try_into().ok()).map(u64::from_be_bytes);
                break;
            }
            rows.extend(self.decode(&bytes)?.into_iter().map(|entry| entry.row));
        }
        Ok((joined(rows).map(|rows| Loaded::of(self.schema.clone(), rows)), next))
    }

    /// A row, in which nothing stands yet.
    pub(crate) fn row(&self) -> Row {
        Row::new(&self.spill)
    }
}

/// Entries in an order, on disk.
pub(crate) struct Row {
    tree: Tree,
    /// Their columns, once there was one.
    schema: Arc<RecordType>,
    entries: u64,
}

impl Row {
    /// One in which nothing stands yet.
    pub(super) fn new(spill: &Spill) -> Row {
        Row { tree: spill.tree(), schema: Arc::default(), entries: 0 }
    }

    /// What it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.tree.bytes()
    }

    /// Adds entries, each of which stands where these bytes say.
    pub(crate) fn add(&mut self, order: Vec<Vec<u8>>, entries: Loaded) -> Result<(), ColdError> {
        let (schema, entries) = entries.into_parts();
        self.schema = schema;
        for (at, mut place) in order.into_iter().enumerate() {
            // Of those that stand at one place, the first to come is first.
            place.extend_from_slice(&self.entries.to_be_bytes());
            self.entries += 1;
            let mut bytes = Vec::new();
            codec::encode_rows(&entries, at..at + 1, &mut bytes)
                .map_err(|why| ColdError::new(why.to_string()))?;
            self.tree.add(&place, bytes)?;
        }
        Ok(())
    }

    /// Takes the next entries, so many at most; `None`: there are no more.
    pub(crate) fn next(&mut self, most: usize) -> Result<Option<Loaded>, ColdError> {
        let broken = |_| ColdError::new("what was put there comes back otherwise".into());
        let (mut rows, mut behind) = (Vec::new(), None);
        for entry in self.tree.range(&[], None)? {
            let (at, bytes) = entry?;
            if rows.len() == most {
                behind = Some(at);
                break;
            }
            rows.push(codec::decode(&mut Bytes::new(&bytes), &self.schema).map_err(broken)?);
        }
        self.tree.remove_range(&[], behind.as_deref())?;
        Ok(joined(rows).map(|rows| Loaded::of(self.schema.clone(), rows)))
    }
}

impl Known {
    /// How many changed since the barrier of this round.
    fn changes(&mut self, round: u32) -> &mut usize {
        if self.changes.0 != round {
            self.changes = (round, 0);
        }
        &mut self.changes.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::cold::Spill;
    use flow_env::SimDisk;

    #[test]
    fn entries_that_are_not_written_yet_count_as_what_is_in_memory() {
        let mut shelves = Shelves::new(&Arc::new(Spill::of(SimDisk::new(1), 64 << 20))).unwrap();
        let before = shelves.bytes();
        let hashes: Vec<u64> = (0..4_000).map(|key: u64| key.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let mut entries = Columns::default();
        entries.ints("value", hashes.iter().map(|hash| *hash as i64));
        shelves.put((10, 0), &hashes, entries, &vec![false; hashes.len()]).unwrap();
        assert!(shelves.bytes() - before > hashes.len() * 32, "{}", shelves.bytes());
        assert!(shelves.known_bytes() < shelves.bytes() / 8, "{}", shelves.known_bytes());
    }
}
