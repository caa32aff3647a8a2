//! Conversions between scalars.

use super::RowGen;
use super::value::{MADE, Origins, Val, Valid};
use crate::calls;
use crate::frame::Shape;
use crate::native::asm::{FCmp, ICmp, V};
use flow_plan::expr::OnFail;
use flow_plan::types::DataType as T;

impl RowGen<'_, '_> {
    /// A conversion; null stays null.
    pub(super) fn cast(&mut self, from: &T, to: &T, on_fail: OnFail, value: Val) -> Val {
        if from == to {
            return value;
        }
        let valid = value.valid;
        let result = match (from, to) {
            (T::Int, T::Float) => Val::one(Shape::F64, self.asm.int_to_float(value.lo)),
            (T::Int, T::Bool) => Val::bool(self.asm.icmp_const(ICmp::NotEqual, value.lo, 0)),
            (T::Bool, T::Int) => Val::one(Shape::I64, self.asm.widen(value.lo)),
            (T::Float, T::Int) => return self.float_to_int(value, on_fail),
            (T::Int | T::Float, T::Decimal) => {
                let [bits, _, _] = value.words(&mut self.asm);
                let ty = self.code(from);
                return self.cast_with(calls::TO_DECIMAL, &[ty, bits], Shape::Decimal, 0, on_fail, value);
            }
            (T::Decimal, _) if *to != T::String => {
                let shape = Shape::of(to);
                let ty = self.code(to);
                return self.cast_with(
                    calls::OF_DECIMAL,
                    &[ty, value.lo, value.hi],
                    shape,
                    0,
                    on_fail,
                    value,
                );
            }
            (T::String, _) => {
                let ty = self.code(to);
                let shape = Shape::of(to);
                return self.cast_with(calls::FROM_TEXT, &[ty, value.lo, value.hi], shape, 0, on_fail, value);
            }
            (_, T::String) => {
                let [lo, hi, _] = value.words(&mut self.asm);
                let ty = self.code(from);
                return self.cast_with(calls::TO_TEXT, &[ty, lo, hi], Shape::View, MADE, on_fail, value);
            }
            // Moments and spans are microseconds.
            _ => value,
        };
        result.with_valid(valid)
    }

    fn code(&mut self, ty: &T) -> V {
        self.asm.word(calls::code_of(ty).unwrap_or(-1))
    }

    /// A conversion by a helper: its status says whether the value converts.
    fn cast_with(
        &mut self,
        helper: usize,
        args: &[V],
        shape: Shape,
        origins: Origins,
        on_fail: OnFail,
        value: Val,
    ) -> Val {
        let status = self.asm.call(helper, args);
        let result = self.result(shape, false, origins).with_valid(value.valid);
        match on_fail {
            OnFail::Null => {
                let fits = self.asm.icmp_const(ICmp::Equal, status, 0);
                result.only_if(&mut self.asm, fits)
            }
            OnFail::Error => {
                let bad = self.asm.icmp_const(ICmp::NotEqual, status, 0);
                self.fail_where_valid(bad, value.valid);
                result
            }
        }
    }

    /// Null converts to null, whatever its placeholder does.
    fn fail_where_valid(&mut self, bad: V, valid: Valid) {
        match valid {
            Valid::Always => self.fail_if(bad),
            Valid::Never => {}
            Valid::When(valid) => {
                let bad = self.asm.and(bad, valid);
                self.fail_if(bad);
            }
        }
    }

    fn float_to_int(&mut self, value: Val, on_fail: OnFail) -> Val {
        // -2^63 and 2^63 are floats; all between them (toward zero) are ints. NaN fits nowhere.
        let (low, high) =
            (self.asm.float(-9_223_372_036_854_775_808.0), self.asm.float(9_223_372_036_854_775_808.0));
        let above = self.asm.fcmp(FCmp::GreaterThanOrEqual, value.lo, low);
        let below = self.asm.fcmp(FCmp::LessThan, value.lo, high);
        let fits = self.asm.and(above, below);
        let result = Val::one(Shape::I64, self.asm.float_to_int(value.lo)).with_valid(value.valid);
        match on_fail {
            OnFail::Null => result.only_if(&mut self.asm, fits),
            OnFail::Error => {
                let bad = super::asm_not(&mut self.asm, fits);
                self.fail_where_valid(bad, value.valid);
                result
            }
        }
    }
}
