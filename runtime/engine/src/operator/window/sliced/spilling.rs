//! Windows whose slices have groups on disk: merged a range of hashes at a time, and given from there in their order.

use super::super::births::Places;
use super::super::bounds::Bounds;
use super::super::pane::{Pane, RefusedResult};
use super::super::windows::{Common, error};
use super::{Between, Sliced, clamp, slice};
use crate::context::Context;
use crate::error::Halt;
use crate::operator::on_disk;
use crate::state::{ColdError, Row, Shelf};
use flow_data::Column;
use flow_data::hash::hash_columns;
use flow_plan::Place;
use flow_plan::error::Fault;
use std::ops::RangeInclusive;

/// About so many groups of all slices are merged at once.
const PIECE: usize = 1 << 12;

/// A result that was refused: where it stands among others, why, the aggregate's place, and the record.
struct Refusal {
    order: Vec<u8>,
    fault: Fault,
    place: Place,
    record: String,
}

/// What is merged: a window, its slices, and of each those groups that are in memory, by the hashes of their keys.
struct Merging<'a> {
    bounds: Bounds,
    slices: Vec<(Shelf, Vec<(u64, u32)>)>,
    between: &'a Between,
    /// The hashes of the rows in between.
    hashes: Vec<u64>,
}

impl Sliced {
    /// The slices of the window that ends there.
    fn slices_of(&self, end: i128) -> Vec<Shelf> {
        let first = self.windows.window(end).start;
        self.slices.range(slice(first)..=slice(clamp(end - 1).max(first)))
    }

    /// Is all of a window in memory, or finds room there?
    pub(super) fn in_memory(&mut self, common: &Common, end: i128) -> Result<bool, ColdError> {
        self.slices.bring_back(common, &self.slices_of(end))
    }

    /// Merges the slices of a window, and tells of the results that are refused; the others are given by `next_piece`.
    pub(super) fn merge_on_disk(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        end: i128,
        between: &Between,
    ) -> Result<(), Halt> {
        let Some(mut row) = self.slices.row() else { return Ok(()) };
        let merging = self.merging(common, end, between);
        let mut refusals = Vec::new();
        for hashes in self.pieces(&merging, cx.shared.workers()) {
            let merged = self.merge_piece(common, cx, &merging, hashes, &mut row);
            refusals.extend(merged.map_err(|error| on_disk(cx, &error))?);
        }
        refusals.sort_by(|a, b| a.order.cmp(&b.order));
        for Refusal { fault, place, record, .. } in refusals {
            error(cx, fault, place, (record, None))?;
        }
        self.slices.give_row(row, self.windows.window(end));
        Ok(())
    }

    fn merging<'a>(&self, common: &Common, end: i128, between: &'a Between) -> Merging<'a> {
        let in_memory = |key: &Shelf| self.slices.open().get(key).map(hashes_of).unwrap_or_default();
        let slices = self.slices_of(end).into_iter().map(|key| (key, in_memory(&key)));
        let keys = common.shape.keys.iter().filter(|_| between.batch.len > 0);
        let keys: Vec<&Column> = keys.map(|&key| between.batch.columns[key].as_ref()).collect();
        let mut hashes = Vec::new();
        hash_columns(&keys, between.batch.len, &mut hashes);
        Merging { bounds: self.windows.window(end), slices: slices.collect(), between, hashes }
    }

    /// Ranges of hashes, each of which has so few groups that there is room for them. This worker may have one of many parts
    /// of all hashes.
    fn pieces(
        &self,
        merging: &Merging<'_>,
        workers: usize,
    ) -> impl Iterator<Item = RangeInclusive<u64>> + use<> {
        let keys: Vec<Shelf> = merging.slices.iter().map(|(key, _)| *key).collect();
        let in_memory: usize = merging.slices.iter().map(|(_, slots)| slots.len()).sum();
        let pieces = ((self.slices.on_disk(&keys) + in_memory) / PIECE + 1) * workers;
        let bits = pieces.next_power_of_two().trailing_zeros();
        let from = move |piece: u64| u128::from(piece) << (64 - bits);
        (0..1u64 << bits).map(move |piece| from(piece) as u64..=(from(piece + 1) - 1) as u64)
    }

    fn merge_piece(
        &self,
        common: &mut Common,
        cx: &Context<'_>,
        merging: &Merging<'_>,
        hashes: RangeInclusive<u64>,
        row: &mut Row,
    ) -> Result<Vec<Refusal>, ColdError> {
        let mut all = Pane::new(&common.shape, &common.output);
        let mut refused: Vec<RefusedResult> = Vec::new();
        for (key, in_memory) in &merging.slices {
            let from = in_memory.partition_point(|(hash, _)| hash < hashes.start());
            let to = in_memory.partition_point(|(hash, _)| hash <= hashes.end());
            let slots: Vec<u32> = in_memory[from..to].iter().map(|(_, slot)| *slot).collect();
            let mut part = self.slices.part(common, *key, hashes.clone(), &slots)?;
            let rows = merging.rows(key.0, &hashes);
            let (shape, scratch) = (&common.shape, &mut common.scratch);
            if !rows.is_empty() {
                // What they refuse is told when the rows are added to the slice itself.
                let batch = merging.between.batch.gather(&rows);
                part.add(shape, scratch, cx.number, Places::new(common.rows, Some(rows)), batch);
            }
            all.merge(shape, scratch, &part, &mut refused);
        }
        let is_refused = |slot: &u32| refused.iter().any(|refused| refused.slot == *slot);
        let good: Vec<u32> = (0..all.len() as u32).filter(|slot| !is_refused(slot)).collect();
        self.slices.line_up(common, row, &all, &good)?;
        let refusal = |RefusedResult { slot, fault, place }| Refusal {
            order: self.slices.order_of(common, &all, slot),
            record: common.group_text(&all, slot, merging.bounds),
            fault,
            place,
        };
        Ok(refused.into_iter().map(refusal).collect())
    }
}

impl Merging<'_> {
    /// Rows in between that belong to a slice, and that the window is given with.
    fn rows(&self, start: i64, hashes: &RangeInclusive<u64>) -> Vec<u32> {
        let Between { met, rows, .. } = self.between;
        let is_in = |row: &u32| {
            met[*row as usize] < clamp(self.bounds.end.into()) && hashes.contains(&self.hashes[*row as usize])
        };
        rows.get(&start).into_iter().flatten().copied().filter(is_in).collect()
    }
}

/// The groups of a pane by the hashes of their keys.
fn hashes_of(pane: &Pane) -> Vec<(u64, u32)> {
    let slots: Vec<u32> = (0..pane.len() as u32).collect();
    let keys = pane.keys(&slots);
    let mut hashes = Vec::new();
    hash_columns(&keys.iter().collect::<Vec<_>>(), slots.len(), &mut hashes);
    let mut all: Vec<(u64, u32)> = hashes.into_iter().zip(slots).collect();
    all.sort_unstable();
    all
}
