//! Sessions as tables: each with its key and bounds, what it holds and what it waits for; what was given of it.

use super::super::births::{Reborn, Written};
use super::super::written::{Rows, WINDOW_END, WINDOW_START, add_bounds, add_states, load_given, states};
use super::{Common, Disk, NONE, Session, Sessions};
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column, ColumnData};
use flow_env::planted;
use std::sync::Arc;

impl Sessions {
    fn keys_of(&self, slots: &[u32]) -> Vec<Column> {
        let keys: Vec<u32> = slots.iter().map(|&slot| self.sessions[slot as usize].key).collect();
        self.keys.gather(&keys)
    }

    pub(super) fn bounds_of(&self, slot: u32) -> (i64, i64) {
        let Session { start, end, .. } = self.sessions[slot as usize];
        (start, end)
    }

    /// What tells sessions, of these keys and bounds, from all others.
    pub(super) fn identities(&self, of: &[(u32, i64, i64)]) -> Batch {
        let keys: Vec<u32> = of.iter().map(|(key, ..)| *key).collect();
        let bound = |bound: fn(&(i64, i64)) -> i64| {
            let bounds = of.iter().map(|&(_, start, end)| bound(&(start, end)));
            Column::new(ColumnData::I64(bounds.collect()))
        };
        let columns = self.keys.gather(&keys).into_iter().chain([bound(|b| b.0), bound(|b| b.1)]);
        Batch::new(of.len(), columns.map(Arc::new).collect())
    }

    /// Sessions as a checkpoint has them.
    pub(super) fn entries(&self, common: &Common, slots: &[u32]) -> Columns {
        let shape = &common.shape;
        let mut columns = Columns::default();
        columns.rows(&shape.key_fields(), self.keys_of(slots));
        add_bounds(&mut columns, &slots.iter().map(|&slot| self.bounds_of(slot)).collect::<Vec<_>>());
        self.calls.store(shape, slots, &mut columns);
        add_states(
            &mut columns,
            &slots.iter().map(|&slot| self.sessions[slot as usize].state).collect::<Vec<_>>(),
        );
        let mut births = Written::new(common.output.origin);
        births.add(&self.births, slots.iter().copied());
        births.finish(columns)
    }

    /// Writes down what was given of sessions: of all, or of these, beside the keys of all that changed.
    pub(super) fn save_given(
        &self,
        common: &Common,
        out: &mut Saving,
        changes: Option<(&[u32], Vec<Batch>)>,
    ) {
        let (slots, gone) = changes.unzip();
        let given = self.given_of(slots);
        match self.disk.as_ref().is_some_and(Disk::has_given) {
            true => given.begin(common, out, gone),
            false => given.save(common, out, gone),
        }
    }

    /// What was given of sessions: of all, or of these.
    pub(super) fn given_of(&self, slots: Option<&[u32]>) -> Rows {
        let mut given = Rows::new();
        given.add(&self.given, slots, |slots| self.keys_of(slots), |slot| self.bounds_of(slot));
        given
    }

    pub(super) fn load_all(&mut self, common: &mut Common, from: &mut Loading) -> Result<(), String> {
        common.output.origin.widen(from.rank_columns("sessions"));
        self.births.widen(common.output.origin);
        let saved = Reborn::new(&from.table("sessions"), common.output.origin);
        let slots = self.add_saved(common, &saved)?;
        if planted("lose-a-timer") {
            slots.first().into_iter().for_each(|&slot| self.sessions[slot as usize].bucket = i64::MIN);
        }
        common.rows += saved.groups.len() as u64;
        self.load_given(common, &from.table("given"))?;
        self.relieve(common).map_err(|error| error.to_string())
    }

    /// Adds sessions that were written down; gives their slots.
    pub(super) fn add_saved(&mut self, common: &Common, saved: &Reborn) -> Result<Vec<u32>, String> {
        self.find_saved(common, &saved.groups)?;
        self.first.resize(self.keys.len(), NONE);
        let (starts, ends) = (saved.groups.ints(WINDOW_START), saved.groups.ints(WINDOW_END));
        let known = self.sessions.len() as u32;
        for ((row, &key), state) in self.key_slots.iter().enumerate().zip(states(&saved.groups)) {
            let next = std::mem::replace(&mut self.first[key as usize], known + row as u32);
            let (start, end) = (starts[row], ends[row]);
            self.sessions.push(Session { start, end, key, next, bucket: i64::MIN, state });
            self.births.push(&saved.birth(row as u32));
        }
        let slots: Vec<u32> = (known..self.sessions.len() as u32).collect();
        self.calls.grow(self.sessions.len());
        self.calls.load(&common.shape, &slots, &saved.groups)?;
        slots.iter().for_each(|&slot| self.watch(slot));
        Ok(slots)
    }

    /// Takes over what was given of sessions.
    pub(super) fn load_given(&mut self, common: &Common, saved: &Loaded) -> Result<(), String> {
        let mut rows = Vec::new();
        let found = |saved: &Loaded, bounds: &[(i64, i64)]| self.find_sessions(common, saved, bounds);
        load_given(common, saved, found, |_, slot, values| rows.push((slot, values)))?;
        rows.into_iter().for_each(|(slot, values)| self.given.push(slot, values));
        Ok(())
    }

    /// The session of every entry, of which these are the bounds, if it is there.
    pub(super) fn find_sessions(
        &mut self,
        common: &Common,
        saved: &Loaded,
        bounds: &[(i64, i64)],
    ) -> Result<Vec<Option<u32>>, String> {
        self.find_saved(common, saved)?;
        self.first.resize(self.keys.len(), NONE);
        let session = |(&key, &bounds): (&u32, &(i64, i64))| {
            let mut slot = self.first[key as usize];
            while slot != NONE && self.bounds_of(slot) != bounds {
                slot = self.sessions[slot as usize].next;
            }
            (slot != NONE).then_some(slot)
        };
        Ok(self.key_slots.iter().zip(bounds).map(session).collect())
    }

    /// The key of every entry.
    fn find_saved(&mut self, common: &Common, saved: &Loaded) -> Result<(), String> {
        let keys = saved.rows(&common.shape.key_fields())?;
        let columns: Vec<&Column> = keys.iter().map(AsRef::as_ref).collect();
        hash_columns(&columns, saved.len(), &mut self.hashes);
        self.keys.slots(&columns, &self.hashes, &mut self.key_slots);
        Ok(())
    }
}
