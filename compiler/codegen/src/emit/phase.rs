//! One kernel per phase: loads, expressions, stores, the filter.

use super::value::{Origins, Val, Valid, origin, register};
use super::{Pool, RowGen, Site};
use crate::frame::{FrameMap, Shape};
use crate::lower::{End, Item, Phase, Segment, Stored, columns_of};
use crate::native::asm::{I8, I64, Selections};
use crate::native::jit::Assembler;
use flow_data::Buffer;
use std::collections::BTreeSet;

/// What is known about a slot once its phase is compiled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlotState {
    /// May it be null?
    pub(crate) nullable: bool,
    /// Where its bytes may lie.
    pub(crate) origins: Origins,
}

/// The kernels of a segment, for one of its two variants.
pub(crate) struct Kernels {
    /// Kernel of each phase; `None`: the phase computes nothing.
    pub(crate) phases: Vec<Option<usize>>,
    /// What is known about the slots.
    pub(crate) states: Vec<SlotState>,
    /// Expressions that the evaluator computes.
    pub(crate) sites: Vec<Site>,
    /// Long string constants.
    pub(crate) constants: Vec<Buffer>,
}

/// The layout of a segment's frame.
pub(crate) fn frame_map(segment: &Segment) -> FrameMap {
    let operands = segment.phases.iter().flat_map(works).map(|w| {
        // Every operand of a generic call is a column or a local of its expression.
        let columns: BTreeSet<usize> = columns_of(&w.expr).collect();
        let lets =
            w.expr.nodes.iter().filter(|n| matches!(n.kind, flow_plan::expr::Kind::Let { .. })).count();
        columns.len() + lets
    });
    FrameMap::new(operands.max().unwrap_or(0), segment.slots.iter().map(|s| s.shape).collect())
}

fn works(phase: &Phase) -> impl Iterator<Item = &crate::lower::Work> {
    phase.items.iter().map(|i| &i.work).chain(&phase.filter)
}

/// Compiles the phases of a segment. `all_valid`: no input column has a null.
pub(crate) fn compile_segment(
    assembler: &mut Assembler,
    number: usize,
    segment: &Segment,
    map: &FrameMap,
    all_valid: bool,
) -> Result<Kernels, String> {
    let states = segment.slots.iter().enumerate().map(|(slot, info)| SlotState {
        nullable: slot < segment.inputs && info.ty.is_optional() && !all_valid,
        origins: if slot < segment.inputs { origin(slot) } else { 0 },
    });
    let mut states: Vec<SlotState> = states.collect();
    let mut pool = Pool::default();
    let mut phases = Vec::new();
    for (index, phase) in segment.phases.iter().enumerate() {
        if phase.items.is_empty() && phase.filter.is_none() {
            phases.push(None);
            continue;
        }
        let read = slots_read(segment, index, phase);
        let words = words_used(segment, map, phase, &read);
        let selections = Selections { reads: index > 0, writes: phase.filter.is_some() };
        let title = format!("segment {number}, phase {index}{}", if all_valid { ", no nulls" } else { "" });
        let kernel = assembler.kernel(&title, map, &words, selections, |asm, config| {
            let mut row = RowGen::new(asm, &mut pool, map);
            for &slot in &read {
                let value = row.load(segment, slot, states[slot]);
                row.slots.insert(slot, value);
            }
            for item in &phase.items {
                states[item.slot] = row.item(segment, item);
            }
            let keep = phase.filter.as_ref().map(|work| row.compute(work).lo);
            row.asm.finish(keep, config);
        })?;
        phases.push(Some(kernel));
    }
    Ok(Kernels { phases, states, sites: pool.sites, constants: pool.constants })
}

/// Slots of earlier phases that a phase reads, in order.
fn slots_read(segment: &Segment, index: usize, phase: &Phase) -> Vec<usize> {
    let slots: BTreeSet<usize> =
        works(phase).flat_map(|w| columns_of(&w.expr).map(|c| w.scope[c]).collect::<Vec<_>>()).collect();
    slots.into_iter().filter(|&s| s < segment.inputs || segment.slots[s].phase < index).collect()
}

/// Words of the frame whose addresses the phase needs.
fn words_used(segment: &Segment, map: &FrameMap, phase: &Phase, read: &[usize]) -> Vec<u32> {
    let stored = phase.items.iter().map(|i| i.slot).filter(|&s| segment.slots[s].stored != Stored::No);
    read.iter().copied().chain(stored).flat_map(|slot| [map.data(slot), map.validity(slot)]).collect()
}

impl RowGen<'_, '_> {
    /// A slot of the input or of an earlier phase.
    fn load(&mut self, segment: &Segment, slot: usize, state: SlotState) -> Val {
        let shape = segment.slots[slot].shape;
        let row = self.asm.row();
        let mut value = if shape == Shape::Any {
            Val::null(&mut self.asm, shape).with_valid(Valid::Always)
        } else {
            let address = self.asm.data_at(slot, row);
            let lo = self.asm.load(register(shape), address, 0, true);
            match shape {
                Shape::View | Shape::Decimal => {
                    let hi = self.asm.load(I64, address, 8, true);
                    Val::two(shape, lo, hi, state.origins)
                }
                _ => Val::one(shape, lo),
            }
        };
        if state.nullable && shape != Shape::Any {
            let address = self.asm.validity_at(slot, row);
            let valid = self.asm.load(I8, address, 0, true);
            value = value.only_if(&mut self.asm, valid);
        }
        value
    }

    /// Computes a slot and stores it if it is needed later.
    fn item(&mut self, segment: &Segment, item: &Item) -> SlotState {
        let info = &segment.slots[item.slot];
        let composite = info.shape == Shape::Any;
        let kept = (info.stored != Stored::No).then_some(item.slot);
        let value = if composite { self.compute_composite(item, kept) } else { self.compute(&item.work) };
        self.slots.insert(item.slot, value);
        let nullable = if composite { info.ty.is_optional() } else { !matches!(value.valid, Valid::Always) };
        let state = SlotState { nullable, origins: value.origins };
        let index = match info.stored {
            Stored::Sparse => self.asm.row(),
            Stored::Dense => self.asm.position(),
            Stored::No | Stored::Input => return state,
        };
        if !composite {
            self.store(item.slot, index, value);
        }
        state
    }

    fn store(&mut self, slot: usize, index: crate::native::asm::V, value: Val) {
        let mut value = value;
        if let Valid::When(valid) = value.valid {
            // Nulls hold zeros, so that equal columns are equal bytes.
            let null = Val::null(&mut self.asm, value.shape).with_valid(Valid::Always);
            value = Val::select(&mut self.asm, valid, value.with_valid(Valid::Always), null);
            let address = self.asm.validity_at(slot, index);
            self.asm.store(valid, address, 0);
        } else if matches!(value.valid, Valid::Never) {
            let none = self.asm.byte(0);
            let address = self.asm.validity_at(slot, index);
            self.asm.store(none, address, 0);
        }
        let address = self.asm.data_at(slot, index);
        self.asm.store(value.lo, address, 0);
        if matches!(value.shape, Shape::View | Shape::Decimal) {
            self.asm.store(value.hi, address, 8);
        }
    }
}

/// Input columns that kernels read and that may hold nulls.
pub(crate) fn nullable_inputs(segment: &Segment) -> Vec<usize> {
    let read = segment.phases.iter().enumerate().flat_map(|(i, p)| slots_read(segment, i, p));
    let read: BTreeSet<usize> = read.collect();
    let native =
        |slot: usize| segment.slots[slot].ty.is_optional() && segment.slots[slot].shape != Shape::Any;
    read.into_iter().filter(|&slot| slot < segment.inputs && native(slot)).collect()
}

/// The slot that a `flatMap` unfolds.
pub(crate) fn unfolded(end: &End) -> Option<usize> {
    match end {
        End::Done => None,
        End::Split { text: slot, .. } | End::Elements { list: slot, .. } => Some(*slot),
    }
}

impl RowGen<'_, '_> {
    /// An expression whose value is a list, map, record or JSON: the helper puts it into its slot.
    fn compute_composite(&mut self, item: &Item, kept: Option<usize>) -> Val {
        self.begin();
        let expr = &item.work.expr;
        let value = self.generic_into(expr, expr.root(), &item.work.scope, kept);
        self.end(item.work.bit);
        value.with_valid(Valid::Always)
    }
}
