//! Functions of the catalogue that are instructions or helper calls.

use super::RowGen;
use super::value::{Val, compare_floats};
use crate::calls;
use crate::frame::Shape;
use crate::native::asm::{FCmp, ICmp};
use flow_plan::catalogue::Func;
use flow_plan::expr::{BinaryOp as Op, Node};
use flow_plan::types::DataType as T;

/// Is there code for this function on arguments of these types?
pub(super) fn is_native(func: Func, args: &[&T]) -> bool {
    let word = |ty: &T| matches!(ty, T::Int | T::Timestamp | T::Duration);
    match (func, args) {
        (Func::IsNull, [a]) => Shape::of(a) != Shape::Any,
        (Func::Len, [T::String | T::Bytes]) => true,
        (Func::StartsWith | Func::EndsWith | Func::Contains, [T::String, T::String]) => true,
        (Func::IsNaN, [T::Float]) | (Func::Sqrt, [T::Float]) => true,
        (Func::Abs, [T::Int | T::Float | T::Duration]) => true,
        (Func::Min | Func::Max, [first, rest @ ..]) => {
            (word(first) || **first == T::Float) && rest.iter().all(|ty| ty == first)
        }
        _ => false,
    }
}

impl RowGen<'_, '_> {
    /// A call; see [`is_native`].
    pub(super) fn call(&mut self, func: Func, nodes: &[&Node], args: &[Val]) -> Val {
        match func {
            Func::IsNull => {
                let valid = args[0].valid_byte(&mut self.asm);
                Val::bool(super::asm_not(&mut self.asm, valid))
            }
            Func::Len if nodes[0].ty == T::Bytes => Val::one(Shape::I64, self.length(args[0])),
            Func::Len => {
                let count = self.asm.call(calls::STR_LEN, &[args[0].lo, args[0].hi]);
                Val::one(Shape::I64, count)
            }
            Func::StartsWith => self.has_affix(args[0], args[1], true),
            Func::EndsWith => self.has_affix(args[0], args[1], false),
            Func::Contains => {
                let found = self.asm.call(calls::CONTAINS, &[args[0].lo, args[0].hi, args[1].lo, args[1].hi]);
                Val::bool(self.asm.low_byte(found))
            }
            Func::IsNaN => Val::bool(self.asm.fcmp(FCmp::Unordered, args[0].lo, args[0].lo)),
            Func::Sqrt => Val::one(Shape::F64, self.asm.fsqrt(args[0].lo)),
            Func::Abs if args[0].shape == Shape::F64 => Val::one(Shape::F64, self.asm.fabs(args[0].lo)),
            Func::Abs => {
                let negated = {
                    let zero = self.asm.word(0);
                    let (negated, overflow) = self.asm.sub_checked(zero, args[0].lo);
                    self.fail_if(overflow);
                    negated
                };
                let negative = self.asm.icmp_const(ICmp::SignedLessThan, args[0].lo, 0);
                Val::one(Shape::I64, self.asm.select(negative, negated, args[0].lo))
            }
            _ => self.extreme(func == Func::Max, args),
        }
    }

    /// The first of the least (greatest) values.
    fn extreme(&mut self, greatest: bool, args: &[Val]) -> Val {
        let op = if greatest { Op::Gt } else { Op::Lt };
        let mut best = args[0];
        for &next in &args[1..] {
            let better = if best.shape == Shape::F64 {
                compare_floats(&mut self.asm, op, next.lo, best.lo)
            } else {
                self.asm.icmp(super::arith::condition(op), next.lo, best.lo)
            };
            best = Val::select(&mut self.asm, better, next, best);
        }
        best
    }
}
