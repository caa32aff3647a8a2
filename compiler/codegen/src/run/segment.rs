//! Running the kernels of one segment over the rows of a batch.

use super::Rows;
use super::columns::{self, Room, filled, pick};
use crate::calls::Host;
use crate::emit::{ANY_INPUT, CONSTANTS, MADE, Origins, origin};
use crate::frame::{self, Shape};
use crate::lower::Stored;
use crate::{CompiledChain, CompiledSegment, Variant};
use flow_data::{Buffer, Column};
use std::collections::HashSet;
use std::sync::Arc;

/// The error word of a batch that has errors.
pub(crate) struct Failed(pub(crate) u64);

/// One worker's memory for one segment.
pub(crate) struct Worker {
    frame: Vec<u64>,
    host: Box<Host>,
    selections: [Vec<u32>; 2],
    /// Of each slot: room for its values and its validity.
    rooms: Vec<(Room, Vec<u8>)>,
    /// The validity of columns without nulls.
    ones: Vec<u8>,
}

/// What is left after the phases.
struct Left<'a> {
    rows: usize,
    /// The rows that are left, if some were dropped.
    selection: Option<&'a [u32]>,
}

impl Worker {
    pub(crate) fn new(compiled: &CompiledSegment) -> Worker {
        let slots = &compiled.segment.slots;
        let host = Host {
            composites: slots.iter().map(|_| Vec::new()).collect(),
            dense: slots.iter().map(|s| s.stored == Stored::Dense).collect(),
            ..Host::default()
        };
        Worker {
            frame: vec![0; compiled.map.words()],
            host: Box::new(host),
            selections: [Vec::new(), Vec::new()],
            rooms: slots.iter().map(|s| (Room::new(s.shape, 0), Vec::new())).collect(),
            ones: Vec::new(),
        }
    }

    /// Which rows of the batch are left behind the last run, if it dropped some.
    pub(crate) fn kept(&self) -> &[u32] {
        &self.selections[0]
    }

    pub(crate) fn set_now(&mut self, now: i64) {
        self.host.evaluator.set_now(now);
    }

    /// Runs all phases; the error word, the output columns, and the column that is unfolded next.
    pub(crate) fn run(
        &mut self,
        chain: &CompiledChain,
        number: usize,
        rows: Rows,
        tolerant: bool,
    ) -> Result<(u64, Rows, Option<Arc<Column>>), Failed> {
        let compiled = &chain.segments[number];
        let clean = compiled.no_nulls.as_ref().filter(|_| {
            let columns = compiled.nullable.iter().map(|&slot| &rows.columns[slot]);
            columns.flatten().all(|column| column.validity.is_none())
        });
        let variant = clean.unwrap_or(&compiled.general);
        self.enter(compiled, variant, &rows)?;
        let mut errors = 0;
        let mut left = rows.len;
        let mut dropped = false;
        for (index, kernel) in variant.kernels.phases.iter().enumerate() {
            let Some(kernel) = *kernel else { continue };
            let phase = &compiled.segment.phases[index];
            self.make_room(compiled, index, rows.len, left);
            let [read, write] = &mut self.selections;
            self.frame[frame::ROWS as usize] = left as u64;
            self.frame[frame::SEL_IN as usize] = read.as_ptr() as u64;
            if phase.filter.is_some() {
                write.clear();
                write.reserve(left);
                self.frame[frame::SEL_OUT as usize] = write.as_mut_ptr() as u64;
            }
            // SAFETY: `enter` and `make_room` have set every address the phase uses, with room for
            // all its rows; the selection it reads has `left` rows below the batch's length.
            errors |= unsafe { chain.code.run(kernel, self.frame.as_mut_ptr()) };
            if errors != 0 && !tolerant {
                self.host.made.take();
                return Err(Failed(errors));
            }
            if phase.filter.is_some() {
                left = self.frame[frame::KEPT as usize] as usize;
                // SAFETY: the kernel has written so many row numbers into the room reserved above.
                unsafe { self.selections[1].set_len(left) };
                self.selections.swap(0, 1);
                dropped = dropped || left < rows.len;
            }
            if left == 0 {
                break;
            }
        }
        let made = self.host.made.take();
        if left == 0 {
            let empty = Rows { len: 0, columns: Vec::new() };
            return Ok((errors, empty, None));
        }
        let selection = std::mem::take(&mut self.selections[0]);
        let state = Left { rows: left, selection: dropped.then_some(&selection[..]) };
        let mut finished: Vec<Option<Arc<Column>>> = vec![None; compiled.segment.slots.len()];
        let mut finish = |slot: usize| {
            finished[slot]
                .get_or_insert_with(|| self.finish(compiled, variant, &rows, &made, slot, &state))
                .clone()
        };
        let columns = compiled.segment.outputs.iter().map(|slot| slot.map(&mut finish)).collect();
        let unfolded = crate::emit::unfolded(&compiled.segment.end).map(&mut finish);
        self.selections[0] = selection;
        Ok((errors, Rows { len: left, columns }, unfolded))
    }

    /// Points the frame at the input.
    fn enter(&mut self, compiled: &CompiledSegment, variant: &Variant, rows: &Rows) -> Result<(), Failed> {
        let host: *mut Host = &mut *self.host;
        self.frame[frame::HOST as usize] = host as u64;
        self.host.sites = variant.sites.clone();
        if self.ones.len() < rows.len {
            self.ones.resize(rows.len, 1);
        }
        self.host.columns.clear();
        self.host.columns.extend_from_slice(&rows.columns);
        if rows.columns.len() != compiled.segment.inputs {
            return Err(Failed(u64::MAX));
        }
        for (slot, column) in rows.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            // A column of another type or length is a mistake of the engine: the interpreter will say so.
            let shape = compiled.segment.slots[slot].shape;
            let fits =
                column.len() == rows.len && column.validity.as_ref().is_none_or(|v| v.len() == rows.len);
            let address = columns::address(column, shape).filter(|_| fits).ok_or(Failed(u64::MAX))?;
            let validity = column.validity.as_ref().map_or(self.ones.as_ptr(), |v| v.as_ptr());
            self.frame[compiled.map.data(slot) as usize] = address;
            self.frame[compiled.map.validity(slot) as usize] = validity as u64;
        }
        Ok(())
    }

    /// Room for what a phase stores.
    fn make_room(&mut self, compiled: &CompiledSegment, index: usize, rows: usize, left: usize) {
        for item in &compiled.segment.phases[index].items {
            let slot = &compiled.segment.slots[item.slot];
            let room = match slot.stored {
                Stored::Sparse => rows,
                Stored::Dense => left,
                Stored::No | Stored::Input => continue,
            };
            if slot.shape == Shape::Any {
                let values = &mut self.host.composites[item.slot];
                values.clear();
                values.resize(room, flow_plan::Value::Null);
                continue;
            }
            let (values, validity) = &mut self.rooms[item.slot];
            values.renew(room);
            validity.clear();
            validity.reserve(room);
            self.frame[compiled.map.data(item.slot) as usize] = values.address();
            self.frame[compiled.map.validity(item.slot) as usize] = validity.as_mut_ptr() as u64;
        }
    }

    /// The column of a slot for the rows that are left.
    fn finish(
        &mut self,
        compiled: &CompiledSegment,
        variant: &Variant,
        rows: &Rows,
        made: &[Buffer],
        slot: usize,
        left: &Left<'_>,
    ) -> Arc<Column> {
        let info = &compiled.segment.slots[slot];
        if info.stored == Stored::Input {
            let column = rows.columns[slot].as_ref().expect("a column that is read is there");
            return match left.selection {
                None => column.clone(),
                // SAFETY: the selection's rows are below the batch's length, checked by `enter`.
                Some(selection) => Arc::new(unsafe { columns::gather(column, selection) }),
            };
        }
        let sparse = info.stored == Stored::Sparse;
        if info.shape == Shape::Any {
            let values = std::mem::take(&mut self.host.composites[slot]);
            let values = match left.selection.filter(|_| sparse) {
                Some(selection) => selection.iter().map(|&row| values[row as usize].clone()).collect(),
                None => values,
            };
            return Arc::new(columns::composites(values, info.ty.is_optional()));
        }
        let state = variant.kernels.states[slot];
        let buffers = || buffers_of(state.origins, compiled, variant, rows, made);
        let (room, validity) = &mut self.rooms[slot];
        // SAFETY: the kernels have written the slot for all rows that are left: at their places in
        // the input (sparse) or in the output (dense). Views come from the origins.
        let column = unsafe {
            match left.selection.filter(|_| sparse) {
                Some(selection) => Column {
                    data: room.gather(selection, &info.ty, buffers),
                    validity: state.nullable.then(|| pick(validity.as_ptr(), selection)),
                },
                None => {
                    let room = std::mem::replace(room, Room::new(info.shape, 0));
                    let validity = std::mem::take(validity);
                    Column {
                        data: room.column(left.rows, &info.ty, buffers),
                        validity: state.nullable.then(|| filled(validity, left.rows)),
                    }
                }
            }
        };
        Arc::new(column)
    }
}

/// The buffers that a slot's views may point into.
fn buffers_of(
    origins: Origins,
    compiled: &CompiledSegment,
    variant: &Variant,
    rows: &Rows,
    made: &[Buffer],
) -> Vec<Buffer> {
    let inputs = (0..compiled.segment.inputs).filter(|&slot| origins & (origin(slot) | ANY_INPUT) != 0);
    let mut lists: Vec<&[Buffer]> =
        inputs.filter_map(|slot| rows.columns[slot].as_deref().map(columns::buffers)).collect();
    if origins & MADE != 0 {
        lists.push(made);
    }
    if origins & CONSTANTS != 0 {
        lists.push(&variant.kernels.constants);
    }
    if let [only] = lists[..] {
        return only.to_vec();
    }
    let mut seen = HashSet::new();
    let all = lists.into_iter().flatten();
    all.filter(|buffer| seen.insert(Arc::as_ptr(buffer))).cloned().collect()
}
