//! What an operator's entries are to others than itself: which have changed since the last checkpoint, what the one on
//! its way still has to copy, and which are on disk because memory has no room for them.

use super::changes::{Changes, Rest};
use super::cold::{Cold, ColdError, InOrder, Sorted, unknown};
use super::crowd::{Going, Pieces, in_order_of_hashes, share};
use super::index::NO_SLOT;
use super::table::KeyTable;
use super::touched::Touched;
use crate::snapshot::{Columns, Loaded, Saving};
use flow_checkpoint::state::Home;
use flow_data::{Batch, Column};
use std::sync::Arc;

/// Entries by key, one for each slot.
pub(crate) trait Entries {
    /// The slots of keys.
    fn table(&self) -> &KeyTable;
    /// How many rows the entry of a slot is; none if there is no more to it than its key: then nothing is written of it.
    fn rows(&self, _slot: u32) -> usize {
        1
    }
    /// The entries of slots, as a checkpoint has them: the rows of one behind those of the other.
    fn entries(&mut self, slots: &[u32]) -> Columns;
    /// Takes entries in whose keys have no slots; gives the slot of each row.
    fn take_in(&mut self, saved: &Loaded) -> Result<Vec<u32>, String>;
    /// These slots are about to go to disk.
    fn leave(&mut self, _slots: &[u32]) -> Result<(), ColdError> {
        Ok(())
    }
    /// Keeps these slots, which ascend; they become slots `0..`.
    fn keep(&mut self, slots: &[u32]);
    /// The bytes that all slots take.
    fn bytes(&self) -> usize;
}

/// The slots of some of sorted entries, and the bytes at which the one behind them stands.
pub(crate) type Piece = (Vec<u32>, Option<Vec<u8>>);

/// An operator whose entries have a ledger.
pub(crate) trait Ledgered: Entries + Sized {
    /// Where it stands.
    fn ledger(&mut self) -> &mut Ledger;

    /// Does something with the entries and what is known of them.
    fn with_ledger<T>(&mut self, act: impl FnOnce(&mut Ledger, &mut Self) -> T) -> T {
        let mut ledger = std::mem::take(self.ledger());
        let done = act(&mut ledger, self);
        *self.ledger() = ledger;
        done
    }

    /// From here on only the next of sorted entries are in memory, see [`Cold::next_of`]: their slots, and where the one behind
    /// them stands; `None` if there are no more.
    fn only_next(
        &mut self,
        sorted: &mut Sorted,
        prefix: usize,
        most: usize,
    ) -> Result<Option<Piece>, ColdError> {
        let Some(InOrder { entries, next }) = self.ledger().next_of(sorted, prefix, most)? else {
            return Ok(None);
        };
        self.keep(&[]);
        Ok(Some((self.take_in(&entries).map_err(ColdError::new)?, next)))
    }
}

#[derive(Default)]
pub(crate) struct Ledger {
    /// Will somebody want to know what has changed since it was last saved?
    tracks: bool,
    /// What has changed, and what the checkpoint on its way still has to copy.
    changes: Changes,
    /// Is it worth while to note what changes?
    rest: Rest,
    /// What was copied for it since it was last asked, of entries that were about to change.
    ahead: Vec<Columns>,
    /// The keys of entries that are no more since the last barrier.
    gone: Vec<Batch>,
    gone_rows: usize,
    /// More went than are there: the next checkpoint holds everything.
    too_many: bool,
    /// What memory has no room for.
    cold: Option<Cold>,
    /// Which were used lately. Kept if some may be on disk.
    touched: Touched,
}

/// More went than so many, at least, before it is too much to say which.
const PIECE: usize = 1 << 12;

/// An entry from disk takes as long as so many from memory.
pub(crate) const COLDER: usize = 8;

impl Ledger {
    /// Is it noted what changes between checkpoints? Where do entries go that memory has no room for?
    pub(crate) fn new(tracks: bool, cold: Option<Cold>) -> Ledger {
        Ledger { tracks, cold, ..Ledger::default() }
    }

    /// May entries be on disk?
    pub(crate) fn spills(&self) -> bool {
        self.cold.is_some()
    }

    /// How many are there.
    pub(crate) fn on_disk(&self) -> usize {
        self.cold.as_ref().map_or(0, Cold::len)
    }

    /// The bytes it has taken itself.
    pub(crate) fn bytes(&self) -> usize {
        self.changes.bytes() + self.cold.as_ref().map_or(0, Cold::bytes)
    }

    /// Brings back the entries of keys with these hashes.
    pub(crate) fn bring(
        &mut self,
        of: &mut impl Entries,
        keys: &[&Column],
        hashes: &[u64],
    ) -> Result<(), ColdError> {
        if self.cold.is_none() {
            return Ok(());
        }
        let mut found = Vec::new();
        of.table().known(keys, hashes, &mut found);
        self.bring_back(of, &unknown(hashes, &found, NO_SLOT))
    }

    /// Brings back the entries of keys with these hashes, each of which comes once.
    pub(crate) fn bring_back(&mut self, of: &mut impl Entries, hashes: &[u64]) -> Result<(), ColdError> {
        let Some(cold) = &mut self.cold else { return Ok(()) };
        let taken = cold.take(hashes)?;
        self.ahead.extend(taken.marked);
        let Some(entries) = taken.entries else { return Ok(()) };
        let slots = of.take_in(&entries).map_err(ColdError::new)?;
        let changed = slots.iter().zip(&taken.changed).filter(|(_, changed)| **changed);
        let changed: Vec<u32> = changed.map(|(slot, _)| *slot).collect();
        self.changed(&changed, of.table().len());
        Ok(())
    }

    /// Copies what a checkpoint still needs of entries that are about to change.
    pub(crate) fn ahead(&mut self, of: &mut impl Entries, slots: &[u32]) {
        let mut slots = self.changes.ahead(slots);
        slots.retain(|&slot| of.rows(slot) > 0);
        if !slots.is_empty() {
            self.ahead.push(of.entries(&slots));
        }
    }

    /// These slots have changed, or are new; there are so many in all.
    #[inline]
    pub(crate) fn changed(&mut self, slots: &[u32], all: usize) {
        self.changes.change(slots, all);
    }

    /// Only these slots stay, which ascend: the entries of the others, these, are over.
    pub(crate) fn free(&mut self, of: &mut impl Entries, live: &[u32], over: &[u32]) {
        self.ahead(of, over);
        let keys = of.table().gather(over).into_iter().map(Arc::new).collect();
        self.gone(Batch::new(over.len(), keys), of.table().len());
        of.keep(live);
        self.changes.retain(live);
        self.touched.keep(live);
    }

    /// The entries of keys with these hashes are over, and go from where they are: the disk.
    pub(crate) fn free_on_disk(&mut self, of: &impl Entries, hashes: &[u64]) -> Result<(), ColdError> {
        let Some(cold) = &mut self.cold else { return Ok(()) };
        let taken = cold.take(hashes)?;
        self.ahead.extend(taken.marked);
        if let Some(entries) = taken.entries {
            let rows = entries.into_rows();
            let keys = rows.columns[..of.table().columns()].to_vec();
            self.gone(Batch::new(rows.len, keys), of.table().len());
        }
        Ok(())
    }

    /// These keys have no entry any more; there are so many in memory.
    fn gone(&mut self, keys: Batch, all: usize) {
        if !self.changes.notes() || self.too_many || keys.len == 0 {
            return;
        }
        self.gone_rows += keys.len;
        self.gone.push(keys);
        if self.gone_rows > (all + self.on_disk()).max(PIECE) {
            // What is there is less than what would be said of these.
            self.too_many = true;
            self.gone.clear();
        }
    }

    /// These slots were used; entries go to disk if all of them take too much memory.
    pub(crate) fn relieve(&mut self, of: &mut impl Entries, used: &[u32]) -> Result<(), ColdError> {
        let Some(cold) = &self.cold else { return Ok(()) };
        let (all, budget) = (of.table().len(), cold.budget());
        self.touched.touch(used.iter().copied(), all);
        if of.bytes() <= budget {
            return Ok(());
        }
        let kept = self.touched.stay(all);
        self.cool(of, &kept)
    }

    /// All other entries go to disk, in the order of their hashes; these, which ascend, become slots `0..`.
    fn cool(&mut self, of: &mut impl Entries, kept: &[u32]) -> Result<(), ColdError> {
        let all = of.table().len();
        let goes = in_order_of_hashes(of.table(), kept, |slot| of.rows(slot));
        if let Some(cold) = &mut self.cold {
            cold.begin_crowd(goes.len(), share(of.bytes(), goes.len(), all))?;
        }
        for piece in Pieces(&goes) {
            self.put(of, piece)?;
        }
        if let Some(cold) = &mut self.cold {
            cold.end_crowd()?;
        }
        of.keep(kept);
        self.changes.retain(kept);
        self.touched.forget(kept);
        Ok(())
    }

    /// Puts entries on disk.
    fn put(&mut self, of: &mut impl Entries, entries: &[Going]) -> Result<(), ColdError> {
        let slots: Vec<u32> = entries.iter().map(|going| going.slot).collect();
        self.ahead(of, &slots);
        of.leave(&slots)?;
        let (mut hashes, mut changed) = (Vec::new(), Vec::new());
        for &Going { hash, slot, rows } in entries {
            hashes.resize(hashes.len() + rows as usize, hash);
            changed.resize(changed.len() + rows as usize, self.changes.has(slot));
        }
        match &mut self.cold {
            Some(cold) => cold.put(&hashes, of.entries(&slots), &changed),
            None => Ok(()),
        }
    }

    /// What was loaded is what the last checkpoint holds of this worker, if entries of this home belong to one worker: from
    /// here on it is noted what changes.
    pub(crate) fn follow(&mut self, home: Home) {
        if self.tracks && matches!(home, Home::Key(1..)) {
            self.changes = Changes::noted();
        }
    }

    /// A barrier: marks what the checkpoint is to get, all of it or what has changed.
    pub(crate) fn save(
        &mut self,
        of: &mut impl Entries,
        out: &mut Saving,
        name: &str,
        home: Home,
        keys: usize,
    ) {
        let all = of.table().len();
        let rests = self.cold.is_none() && self.rest.barrier(&self.changes, all);
        let too_many = std::mem::take(&mut self.too_many);
        let whole = out.whole() || !self.changes.notes() || rests || too_many;
        self.changes.mark(whole, all, self.tracks && !rests);
        if let Some(cold) = &mut self.cold {
            cold.mark(whole);
        }
        let none = of.entries(&[]);
        let gone = std::mem::take(&mut self.gone);
        self.gone_rows = 0;
        out.begin_changes(name, home, keys, none, (!whole).then_some(gone));
    }

    /// Copies about so many entries of what was marked; gives whether there is more.
    pub(crate) fn save_more(
        &mut self,
        of: &mut impl Entries,
        out: &mut Saving,
        entries: usize,
    ) -> Result<bool, String> {
        self.ahead.drain(..).for_each(|copy| out.more(copy));
        let mut next = self.changes.next(entries);
        if !next.is_empty() {
            next.retain(|&slot| of.rows(slot) > 0);
            out.more(of.entries(&next));
            return Ok(true);
        }
        if let Some(cold) = &mut self.cold
            && let Some(copy) =
                cold.next_marked(entries.div_ceil(COLDER)).map_err(|error| error.to_string())?
        {
            out.more(copy);
            return Ok(true);
        }
        Ok(false)
    }

    /// Puts all entries on disk, in the order of the places that `place` gives; those without are left out.
    pub(crate) fn sort(
        &mut self,
        of: &mut impl Entries,
        place: impl Fn(&Loaded) -> Option<Vec<u8>>,
    ) -> Result<Sorted, ColdError> {
        self.cool(of, &[])?;
        match &self.cold {
            Some(cold) => cold.sorted(place),
            None => Err(ColdError::new("nothing is on disk".into())),
        }
    }

    /// The next of sorted entries, see [`Cold::next_of`].
    fn next_of(&self, sorted: &mut Sorted, prefix: usize, most: usize) -> Result<Option<InOrder>, ColdError> {
        match &self.cold {
            Some(cold) => cold.next_of(sorted, prefix, most),
            None => Ok(None),
        }
    }
}
