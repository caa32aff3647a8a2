//! Conversions between scalars.

use super::RowGen;
use super::value::{Val, Valid};
use crate::frame::Shape;
use crate::native::asm::{FCmp, ICmp};
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
            // Moments and spans are microseconds.
            _ => value,
        };
        result.with_valid(valid)
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
                let mut bad = super::asm_not(&mut self.asm, fits);
                if let Valid::When(valid) = value.valid {
                    bad = self.asm.and(bad, valid);
                }
                if !matches!(value.valid, Valid::Never) {
                    self.fail_if(bad);
                }
                result
            }
        }
    }
}
