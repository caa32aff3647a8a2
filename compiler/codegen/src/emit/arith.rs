//! Arithmetic and comparison.

use super::RowGen;
use super::value::{Val, Valid, asm_not, compare_floats};
use crate::calls;
use crate::frame::Shape;
use crate::native::asm::{FCmp, ICmp, V};
use flow_plan::expr::BinaryOp as Op;
use flow_plan::types::DataType;

impl RowGen<'_, '_> {
    /// `-x`.
    pub(super) fn negate(&mut self, value: Val) -> Val {
        if value.shape == Shape::F64 {
            return Val { lo: self.asm.fneg(value.lo), ..value };
        }
        let zero = self.asm.word(0);
        let (result, overflow) = self.asm.sub_checked(zero, value.lo);
        self.fail_if(overflow);
        Val::one(value.shape, result)
    }

    /// A strict operator.
    pub(super) fn binary(&mut self, op: Op, left: &DataType, right: &DataType, a: Val, b: Val) -> Val {
        if matches!(op, Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge) {
            return Val::bool(self.compare(op, a, b));
        }
        match (left, right) {
            (DataType::Float, _) => self.float(op, a.lo, b.lo),
            (DataType::Decimal, _) => self.decimal(op, a, b),
            (DataType::String, _) => self.concat(&[a, b]),
            (DataType::Duration, DataType::Duration) if op == Op::Div => {
                let (x, y) = (self.asm.int_to_float(a.lo), self.asm.int_to_float(b.lo));
                self.float(op, x, y)
            }
            _ => self.integer(op, a.lo, b.lo),
        }
    }

    fn integer(&mut self, op: Op, a: V, b: V) -> Val {
        let (result, failed) = match op {
            Op::Add => self.asm.add_checked(a, b),
            Op::Sub => self.asm.sub_checked(a, b),
            Op::Mul => self.asm.mul_checked(a, b),
            _ => {
                let constant = self.asm.constant(b);
                let (divisor, failed) = match constant {
                    Some(c) if c != 0 && c != -1 => (b, None),
                    _ => {
                        let (divisor, bad) = self.asm.guard(a, b);
                        // The least int % -1 is 0: only the quotient overflows.
                        let zero = self.asm.icmp_const(ICmp::Equal, b, 0);
                        (divisor, Some(if op == Op::Div { bad } else { zero }))
                    }
                };
                let result =
                    if op == Op::Div { self.asm.sdiv(a, divisor) } else { self.asm.srem(a, divisor) };
                match failed {
                    Some(failed) => (result, failed),
                    None => return Val::one(Shape::I64, result),
                }
            }
        };
        self.fail_if(failed);
        Val::one(Shape::I64, result)
    }

    fn float(&mut self, op: Op, a: V, b: V) -> Val {
        if matches!(op, Op::Div | Op::Rem) {
            let zero = self.asm.float(0.0);
            let by_zero = self.asm.fcmp(FCmp::Equal, b, zero);
            self.fail_if(by_zero);
        }
        let result = match op {
            Op::Add => self.asm.fadd(a, b),
            Op::Sub => self.asm.fsub(a, b),
            Op::Mul => self.asm.fmul(a, b),
            Op::Div => self.asm.fdiv(a, b),
            _ => {
                let (x, y) = (self.asm.float_bits(a), self.asm.float_bits(b));
                let bits = self.asm.call(calls::FLOAT_REM, &[x, y]);
                self.asm.bits_float(bits)
            }
        };
        Val::one(Shape::F64, result)
    }

    fn decimal(&mut self, op: Op, a: Val, b: Val) -> Val {
        let code = self.asm.word(match op {
            Op::Add => 0,
            Op::Sub => 1,
            Op::Mul => 2,
            Op::Div => 3,
            _ => 4,
        });
        self.call_fallible(calls::DECIMAL_OP, &[code, a.lo, a.hi, b.lo, b.hi]);
        self.result(Shape::Decimal, false, 0)
    }

    /// A comparison; null equals null and nothing else.
    pub(super) fn compare(&mut self, op: Op, a: Val, b: Val) -> V {
        match (a.valid, b.valid) {
            (Valid::Always, Valid::Always) => self.compare_values(op, a, b),
            _ if !matches!(op, Op::Eq | Op::Ne) => self.compare_values(op, a, b),
            (Valid::Never, _) | (_, Valid::Never) => {
                let (x, y) = (a.valid_byte(&mut self.asm), b.valid_byte(&mut self.asm));
                // One of them is null: equal only if neither is there.
                let either = self.asm.or(x, y);
                if op == Op::Ne { either } else { asm_not(&mut self.asm, either) }
            }
            _ => {
                let same = self.compare_values(Op::Eq, a, b);
                let (x, y) = (a.valid_byte(&mut self.asm), b.valid_byte(&mut self.asm));
                let both = self.asm.and(x, y);
                let either = self.asm.or(x, y);
                let neither = asm_not(&mut self.asm, either);
                let equal = self.asm.and(same, both);
                let equal = self.asm.or(equal, neither);
                if op == Op::Eq { equal } else { asm_not(&mut self.asm, equal) }
            }
        }
    }

    fn compare_values(&mut self, op: Op, a: Val, b: Val) -> V {
        match a.shape {
            Shape::F64 => compare_floats(&mut self.asm, op, a.lo, b.lo),
            Shape::View => self.compare_views(op, a, b),
            Shape::Decimal => {
                let order = self.asm.call(calls::DECIMAL_CMP, &[a.lo, a.hi, b.lo, b.hi]);
                self.asm.icmp_const(condition(op), order, 0)
            }
            _ => self.asm.icmp(condition(op), a.lo, b.lo),
        }
    }
}

/// The condition of signed words.
pub(super) fn condition(op: Op) -> ICmp {
    match op {
        Op::Eq => ICmp::Equal,
        Op::Ne => ICmp::NotEqual,
        Op::Lt => ICmp::SignedLessThan,
        Op::Le => ICmp::SignedLessThanOrEqual,
        Op::Gt => ICmp::SignedGreaterThan,
        _ => ICmp::SignedGreaterThanOrEqual,
    }
}
