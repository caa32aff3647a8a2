//! Strings in registers: the length and the first four bytes decide most comparisons.

use super::RowGen;
use super::arith::condition;
use super::value::{MADE, Val};
use crate::calls;
use crate::frame::Shape;
use crate::native::asm::{I8, ICmp, V};
use flow_data::view::INLINE;
use flow_plan::expr::BinaryOp as Op;

impl RowGen<'_, '_> {
    /// Compares two strings byte by byte.
    pub(super) fn compare_views(&mut self, op: Op, a: Val, b: Val) -> V {
        match op {
            Op::Eq | Op::Ne => {
                let equal = self.views_equal(a, b);
                if op == Op::Eq { equal } else { super::asm_not(&mut self.asm, equal) }
            }
            _ => self.views_order(op, a, b),
        }
    }

    /// Equal words are equal strings; only long strings of one length and prefix need a look at
    /// their bytes.
    fn views_equal(&mut self, a: Val, b: Val) -> V {
        let short = self.inline_length(a).or_else(|| self.inline_length(b));
        let low = self.asm.icmp(ICmp::Equal, a.lo, b.lo);
        match short {
            // Length and prefix are all there is.
            Some(length) if length <= 4 => return low,
            Some(_) => {
                let high = self.asm.icmp(ICmp::Equal, a.hi, b.hi);
                return self.asm.and(low, high);
            }
            None => {}
        }
        let high = self.asm.icmp(ICmp::Equal, a.hi, b.hi);
        let same = self.asm.and(low, high);
        let result = self.asm.var(I8);
        self.asm.set(result, same);
        let (look, slow, end) = (self.asm.label(), self.asm.label(), self.asm.label());
        let differ = super::asm_not(&mut self.asm, high);
        let maybe = self.asm.and(low, differ);
        self.asm.branch(maybe, look, end);
        self.asm.place(look);
        let length = self.length(a);
        let long = self.asm.icmp_const(ICmp::UnsignedGreaterThan, length, INLINE as i64);
        self.asm.branch(long, slow, end);
        self.asm.place(slow);
        let equal = self.asm.call(calls::VIEW_EQ, &[a.lo, a.hi, b.lo, b.hi]);
        let equal = self.asm.low_byte(equal);
        self.asm.set(result, equal);
        self.asm.jump(end);
        self.asm.place(end);
        self.asm.get(result)
    }

    /// The first four bytes decide unless they tie (shorter strings are padded with zeros, which
    /// are least; if that makes a tie, the helper decides).
    fn views_order(&mut self, op: Op, a: Val, b: Val) -> V {
        let (x, y) = (self.prefix(a), self.prefix(b));
        let result = self.asm.var(I8);
        let cond = match op {
            Op::Lt | Op::Le => ICmp::UnsignedLessThan,
            _ => ICmp::UnsignedGreaterThan,
        };
        let quick = self.asm.icmp(cond, x, y);
        self.asm.set(result, quick);
        let (slow, end) = (self.asm.label(), self.asm.label());
        let tie = self.asm.icmp(ICmp::Equal, x, y);
        self.asm.branch(tie, slow, end);
        self.asm.place(slow);
        let order = self.asm.call(calls::VIEW_CMP, &[a.lo, a.hi, b.lo, b.hi]);
        let decided = self.asm.icmp_const(condition(op), order, 0);
        self.asm.set(result, decided);
        self.asm.jump(end);
        self.asm.place(end);
        self.asm.get(result)
    }

    /// The first four bytes as a number that orders like they do.
    fn prefix(&mut self, a: Val) -> V {
        let bytes = self.asm.shr(a.lo, 32);
        let swapped = self.asm.swap_bytes(bytes);
        self.asm.shr(swapped, 32)
    }

    /// Length in bytes.
    pub(super) fn length(&mut self, a: Val) -> V {
        let mask = self.asm.word(0xffff_ffff);
        self.asm.and(a.lo, mask)
    }

    /// The length of a constant that is stored inline.
    fn inline_length(&self, a: Val) -> Option<usize> {
        let length = (self.asm.constant(a.lo)? & 0xffff_ffff) as usize;
        (length <= INLINE).then_some(length)
    }

    /// `x in ["a", "b"]`, `x in [1, 2]` of short constants.
    pub(super) fn in_set(&mut self, a: Val, set: &[flow_plan::value::Value]) -> Val {
        let mut found = self.asm.byte(0);
        for value in set {
            let constant = self.literal(value, a.shape);
            let equal = self.compare(Op::Eq, a, constant);
            found = self.asm.or(found, equal);
        }
        Val::bool(found)
    }

    /// Strings joined.
    pub(super) fn concat(&mut self, parts: &[Val]) -> Val {
        let mut parts = parts.iter();
        let Some(&first) = parts.next() else { return self.constant(b"") };
        parts.fold(first, |a, b| {
            self.call_fallible(calls::CONCAT, &[a.lo, a.hi, b.lo, b.hi]);
            self.result(Shape::View, false, MADE)
        })
    }

    /// `startsWith` and `endsWith`.
    pub(super) fn has_affix(&mut self, a: Val, affix: Val, start: bool) -> Val {
        if start && let Some(length) = self.inline_length(affix).filter(|&n| n <= 4) {
            // The string is at least as long, and its prefix begins so.
            let wanted = self.asm.constant(affix.lo).unwrap_or(0) as u64 >> 32;
            let mask = (1u64 << (8 * length)) - 1;
            let mask = self.asm.word((mask << 32) as i64);
            let bytes = self.asm.and(a.lo, mask);
            let same = self.asm.icmp_const(ICmp::Equal, bytes, (wanted << 32) as i64);
            let own = self.length(a);
            let long = self.asm.icmp_const(ICmp::UnsignedGreaterThanOrEqual, own, length as i64);
            return Val::bool(self.asm.and(same, long));
        }
        let helper = if start { calls::STARTS_WITH } else { calls::ENDS_WITH };
        let found = self.asm.call(helper, &[a.lo, a.hi, affix.lo, affix.hi]);
        Val::bool(self.asm.low_byte(found))
    }
}
