//! The helper that lets the evaluator compute a subtree for one row.

use super::{Host, give, give_value, host, take_value};
use crate::emit::Operand;
use crate::frame::{self, Shape};
use flow_plan::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Evaluates a site of the segment for a row; its place in the selection is `position`.
///
/// # Safety
/// Called by kernels only: the frame is laid out as its map says, and its host is this worker's.
pub(super) unsafe extern "C" fn flow_evaluate(frame: *mut u64, site: u64, row: u64, position: u64) -> u64 {
    // SAFETY: by the caller's word.
    let (result, slot) = unsafe {
        let host = host(frame);
        let sites = host.sites.clone();
        let Some(site) = sites.get(site as usize) else { return 1 };
        let mut values = std::mem::take(&mut host.row);
        values.clear();
        for (index, operand) in site.operands.iter().enumerate() {
            values.push(match operand {
                Operand::Words(ty) => {
                    let at = frame.add((frame::ARGS + index as u32 * frame::ARG_WORDS) as usize);
                    if *at.add(2) == 0 { Value::Null } else { take_value(ty, *at, *at.add(1)) }
                }
                Operand::Slot(slot, ty) => composite(host, *slot, ty, row as usize, position as usize),
            });
        }
        let evaluator = &mut host.evaluator;
        // A panic must not cross the kernel; the interpreter will meet it again where it may.
        let result = catch_unwind(AssertUnwindSafe(|| evaluator.eval(&site.expr, &values)));
        host.row = values;
        (result, (site.shape == Shape::Any).then_some(site.slot))
    };
    let Ok(Ok(value)) = result else {
        // SAFETY: by the caller's word.
        unsafe { give(frame, 0, 0, false) };
        return 1;
    };
    // SAFETY: by the caller's word.
    unsafe {
        if let Some(slot) = slot {
            // Nobody reads a slot that is not kept: only its errors count.
            let Some(slot) = slot else { return 0 };
            let host = host(frame);
            let index = if host.dense[slot] { position } else { row } as usize;
            match host.composites[slot].get_mut(index) {
                Some(place) => *place = value,
                None => return 1,
            }
            return 0;
        }
        u64::from(!give_value(frame, &value))
    }
}

/// A composite value of an input column or of a computed slot.
fn composite(host: &Host, slot: usize, ty: &flow_plan::DataType, row: usize, position: usize) -> Value {
    match host.columns.get(slot) {
        Some(Some(column)) => column.value(row, ty),
        Some(None) => Value::Null,
        None => {
            let index = if host.dense[slot] { position } else { row };
            host.composites[slot].get(index).cloned().unwrap_or(Value::Null)
        }
    }
}
