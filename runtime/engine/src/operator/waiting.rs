//! What waits for the next beat, of operators that give results `every:` so long: in the order in which it began to wait, also
//! if some of it is on disk meanwhile.

use super::on_disk;
use crate::context::Context;
use crate::error::Halt;
use crate::state::{Cold, ColdError, KeyTable, Turns, room};

/// So many keys come back at once.
const PIECE: usize = 1 << 12;

/// Slots that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Those in memory, in the order in which they began to.
    slots: Vec<u32>,
    /// Where some may be on disk.
    asleep: Option<Asleep>,
}

/// The order of those that wait, where slots do not have it.
struct Asleep {
    /// Those on disk, by their places, and how many they are.
    turns: Turns,
    on_disk: usize,
    /// By slot: its place; 0 if it does not wait.
    places: Vec<i64>,
    last: i64,
}

impl Waiting {
    /// Where some may be on disk, entries go beside these.
    pub(crate) fn new(beside: Option<&Cold>) -> Waiting {
        let asleep =
            |beside: &Cold| Asleep { turns: beside.turns(), on_disk: 0, places: Vec::new(), last: 0 };
        Waiting { slots: Vec::new(), asleep: beside.map(asleep) }
    }

    /// Does nothing wait?
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.asleep.as_ref().is_none_or(|asleep| asleep.on_disk == 0)
    }

    /// A slot begins to wait.
    pub(crate) fn push(&mut self, slot: u32) {
        self.slots.push(slot);
        if let Some(asleep) = &mut self.asleep {
            asleep.last += 1;
            asleep.set(slot, asleep.last);
        }
    }

    /// What is written down of a slot that waits for so many rows: none, if it does not. On disk it is the place that
    /// counts.
    pub(crate) fn written(&self, slot: u32, rows: u64) -> i64 {
        match &self.asleep {
            Some(asleep) if rows > 0 => asleep.place(slot),
            _ => rows as i64,
        }
    }

    /// Slots go to disk.
    pub(crate) fn leave(&mut self, slots: &[u32], of: &KeyTable) -> Result<(), ColdError> {
        let Some(asleep) = &mut self.asleep else { return Ok(()) };
        for &slot in slots {
            let place = asleep.place(slot);
            if place > 0 {
                asleep.turns.put(place, of.hashes()[slot as usize])?;
                asleep.on_disk += 1;
            }
        }
        Ok(())
    }

    /// A slot that waits is there, and this was written down of it: it is back from disk, or a job goes on with it.
    pub(crate) fn came(&mut self, slot: u32, of: &KeyTable, written: i64) -> Result<(), ColdError> {
        if let Some(asleep) = &mut self.asleep
            && asleep.turns.remove(written, of.hashes()[slot as usize])?
        {
            asleep.on_disk -= 1;
            asleep.set(slot, written);
            self.slots.push(slot);
        } else {
            self.push(slot);
        }
        Ok(())
    }

    /// The same of all slots from `known` on, of which this was written down: 0 if one does not wait.
    pub(crate) fn all_came(&mut self, known: usize, of: &KeyTable, written: &[u64]) -> Result<(), ColdError> {
        for slot in (known..written.len()).filter(|slot| written[*slot] > 0) {
            self.came(slot as u32, of, written[slot] as i64)?;
        }
        Ok(())
    }

    /// Only these slots are in memory now, which ascend: they become `0..`.
    pub(crate) fn keep(&mut self, slots: &[u32]) {
        let moved = |slot: &u32| slots.binary_search(slot).ok().map(|slot| slot as u32);
        self.slots = self.slots.iter().filter_map(moved).collect();
        if let Some(asleep) = &mut self.asleep {
            asleep.places = slots.iter().map(|&slot| asleep.place(slot)).collect();
        }
    }

    /// Those that have to be in memory before the next ones are given, by the hashes of their keys; and up to which place these
    /// are then.
    fn next(&self) -> Result<(Vec<u64>, i64), ColdError> {
        let Some(asleep) = &self.asleep else { return Ok((Vec::new(), i64::MAX)) };
        let next = asleep.turns.firsts(PIECE)?;
        let up_to = next.last().filter(|_| next.len() == PIECE).map_or(i64::MAX, |(place, _)| *place);
        let mut hashes: Vec<u64> = next.into_iter().map(|(_, hash)| hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Ok((hashes, up_to))
    }

    /// Takes those up to a place, in order. They keep their places until they were given: a checkpoint on its way may still need
    /// them as they waited.
    fn take(&mut self, up_to: i64) -> Vec<u32> {
        let mut slots = std::mem::take(&mut self.slots);
        if let Some(asleep) = &mut self.asleep {
            slots.sort_unstable_by_key(|&slot| asleep.place(slot));
            let behind = slots.partition_point(|&slot| asleep.place(slot) <= up_to);
            self.slots = slots.split_off(behind);
        }
        slots
    }

    /// These were given: they have no places any more.
    fn gave(&mut self, slots: &[u32]) {
        if let Some(asleep) = &mut self.asleep {
            slots.iter().for_each(|&slot| asleep.set(slot, 0));
        }
    }

    /// The bytes it has taken.
    pub(crate) fn bytes(&self) -> usize {
        room(&self.slots) + self.asleep.as_ref().map_or(0, |asleep| room(&asleep.places))
    }
}

impl Asleep {
    fn place(&self, slot: u32) -> i64 {
        self.places.get(slot as usize).copied().unwrap_or_default()
    }

    fn set(&mut self, slot: u32, place: i64) {
        let all = self.places.len().max(slot as usize + 1);
        self.places.resize(all, 0);
        self.places[slot as usize] = place;
    }
}

/// An operator that gives what waits at each beat.
pub(crate) trait Beaten {
    /// What waits.
    fn waiting(&mut self) -> &mut Waiting;
    /// Brings back the keys with these hashes, which are on disk.
    fn wake(&mut self, hashes: &[u64]) -> Result<(), ColdError>;
    /// Gives the results of slots, which do not wait any more.
    fn give_due(&mut self, cx: &mut Context<'_>, slots: &[u32]) -> Result<(), Halt>;
    /// Others may have to go to disk.
    fn make_room(&mut self) -> Result<(), ColdError>;

    /// Gives all that waits.
    fn beat(&mut self, cx: &mut Context<'_>) -> Result<(), Halt> {
        loop {
            let (hashes, up_to) = self.waiting().next().map_err(|error| on_disk(cx, &error))?;
            self.wake(&hashes).map_err(|error| on_disk(cx, &error))?;
            let due = self.waiting().take(up_to);
            self.give_due(cx, &due)?;
            self.waiting().gave(&due);
            self.make_room().map_err(|error| on_disk(cx, &error))?;
            if up_to == i64::MAX {
                return Ok(());
            }
        }
    }
}
