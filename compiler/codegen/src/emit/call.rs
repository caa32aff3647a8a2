//! Functions of the catalogue that are instructions or helper calls.

use super::RowGen;
use super::value::{MADE, Val, compare_floats};
use crate::calls::{self, CALENDAR, FLOAT_FUNCTIONS, PARTS};
use crate::frame::Shape;
use crate::native::asm::{FCmp, ICmp, V};
use flow_plan::catalogue::Func;
use flow_plan::expr::{BinaryOp as Op, Expr, Kind, Node, NodeId};
use flow_plan::functions::pattern::Pattern;
use flow_plan::types::DataType as T;
use flow_plan::value::Value;

/// Is there code for this function on these arguments?
pub(super) fn is_native(expr: &Expr, func: Func, args: &[NodeId]) -> bool {
    let types: Vec<&T> = args.iter().map(|arg| &expr[*arg].ty).collect();
    let word = |ty: &T| matches!(ty, T::Int | T::Timestamp | T::Duration);
    let utc =
        |at: usize| matches!(&expr[args[at]].kind, Kind::Literal(Value::String(zone)) if &**zone == "UTC");
    match (func, &types[..]) {
        (Func::IsNull, [a]) => Shape::of(a) != Shape::Any,
        (Func::Len, [T::String | T::Bytes]) => true,
        (Func::StartsWith | Func::EndsWith | Func::Contains | Func::IndexOf, [T::String, T::String]) => true,
        (Func::Lower | Func::Upper, [T::String]) => true,
        (func, [T::String]) if PARTS.contains(&func) => true,
        (Func::Substring, [T::String, T::Int] | [T::String, T::Int, T::Int]) => true,
        (Func::CharAt, [T::String, T::Int]) => true,
        (Func::Replace, [T::String, T::String, T::String]) => true,
        (Func::Concat, parts) => parts.iter().all(|ty| **ty == T::String),
        (Func::Hash, [T::String | T::Int]) => true,
        (Func::IsNaN | Func::Sqrt, [T::Float]) => true,
        (Func::Floor | Func::Ceil, [T::Int]) => true,
        (func, [T::Float]) if FLOAT_FUNCTIONS.contains(&func) => true,
        (Func::Pow | Func::Atan2, [T::Float, T::Float]) | (Func::Round, [T::Float, T::Int]) => true,
        (Func::Abs, [T::Int | T::Float | T::Duration]) => true,
        (Func::Sign, [T::Int | T::Duration]) => true,
        (Func::Min | Func::Max | Func::Clamp, [first, rest @ ..]) => {
            (word(first) || **first == T::Float) && rest.iter().all(|ty| ty == first)
        }
        (Func::EpochMillis, [T::Timestamp]) | (Func::FromEpochMillis, [T::Int]) => true,
        (func, [T::Timestamp]) if CALENDAR.contains(&func) => true,
        (func, [T::Timestamp, T::String]) if CALENDAR.contains(&func) => utc(1),
        (Func::Truncate, [T::Timestamp, T::Duration]) => true,
        (Func::Format, [T::Timestamp, T::String]) => has_pattern(expr, args[1]),
        (Func::Format, [T::Timestamp, T::String, T::String]) => has_pattern(expr, args[1]) && utc(2),
        (Func::SplitPart, [T::String, T::String, T::Int]) => true,
        _ => false,
    }
}

/// Is it a constant pattern, and a good one?
fn has_pattern(expr: &Expr, id: NodeId) -> bool {
    matches!(&expr[id].kind, Kind::Literal(Value::String(text)) if Pattern::parse(text).is_ok())
}

fn place_of(list: &[Func], func: Func) -> Option<i64> {
    list.iter().position(|&f| f == func).map(|n| n as i64)
}

impl RowGen<'_, '_> {
    /// A call; see [`is_native`].
    pub(super) fn call(&mut self, func: Func, nodes: &[&Node], args: &[Val]) -> Val {
        match func {
            Func::IsNull => {
                let valid = args[0].valid_byte(&mut self.asm);
                Val::bool(super::asm_not(&mut self.asm, valid))
            }
            Func::IsNaN => Val::bool(self.asm.fcmp(FCmp::Unordered, args[0].lo, args[0].lo)),
            Func::Sqrt => Val::one(Shape::F64, self.asm.fsqrt(args[0].lo)),
            Func::Abs => self.absolute(args[0]),
            Func::Sign => self.sign(args[0].lo),
            Func::Min | Func::Max => self.extreme(func == Func::Max, args),
            Func::Clamp => self.clamp(args),
            Func::Floor | Func::Ceil if nodes[0].ty == T::Int => args[0],
            Func::Round if args.len() == 2 => {
                let bits = self.asm.float_bits(args[0].lo);
                let result = self.asm.call(calls::FLOAT_ROUND, &[bits, args[1].lo]);
                Val::one(Shape::F64, self.asm.bits_float(result))
            }
            Func::EpochMillis => self.epoch_millis(args[0].lo),
            Func::FromEpochMillis => {
                let thousand = self.asm.word(1000);
                let (micros, overflow) = self.asm.mul_checked(args[0].lo, thousand);
                self.fail_if(overflow);
                Val::one(Shape::I64, micros)
            }
            Func::Truncate => {
                self.call_fallible(calls::TRUNCATE, &[args[0].lo, args[1].lo]);
                self.result(Shape::I64, false, 0)
            }
            Func::Format => {
                self.call_fallible(calls::FORMAT, &[args[0].lo, args[1].lo, args[1].hi]);
                self.result(Shape::View, false, MADE)
            }
            Func::SplitPart => {
                let (text, by, index) = (args[0], args[1], args[2]);
                self.asm.call(calls::SPLIT_PART, &[text.lo, text.hi, by.lo, by.hi, index.lo]);
                self.result(Shape::View, true, text.origins)
            }
            Func::Hash if nodes[0].ty == T::Int => {
                Val::one(Shape::I64, self.asm.call(calls::HASH_INT, &[args[0].lo]))
            }
            _ => self.table_call(func, args).unwrap_or_else(|| self.text_call(func, nodes, args)),
        }
    }

    /// Functions that a helper finds by number.
    fn table_call(&mut self, func: Func, args: &[Val]) -> Option<Val> {
        if let Some(number) = place_of(&FLOAT_FUNCTIONS, func) {
            let (number, bits) = (self.asm.word(number), self.asm.float_bits(args[0].lo));
            let result = self.asm.call(calls::FLOAT_FUNCTION, &[number, bits]);
            return Some(Val::one(Shape::F64, self.asm.bits_float(result)));
        }
        if let Some(number) = [Func::Pow, Func::Atan2].iter().position(|&f| f == func) {
            let number = self.asm.word(number as i64);
            let (a, b) = (self.asm.float_bits(args[0].lo), self.asm.float_bits(args[1].lo));
            let result = self.asm.call(calls::FLOAT_PAIR, &[number, a, b]);
            return Some(Val::one(Shape::F64, self.asm.bits_float(result)));
        }
        let number = place_of(&CALENDAR, func)?;
        let number = self.asm.word(number);
        Some(Val::one(Shape::I64, self.asm.call(calls::CALENDAR_NUMBER, &[number, args[0].lo])))
    }

    fn text_call(&mut self, func: Func, nodes: &[&Node], args: &[Val]) -> Val {
        let first = args.first().copied();
        match (func, first) {
            (Func::Len, Some(a)) if nodes[0].ty == T::Bytes => Val::one(Shape::I64, self.length(a)),
            (Func::Len, Some(a)) => Val::one(Shape::I64, self.asm.call(calls::STR_LEN, &[a.lo, a.hi])),
            (Func::Hash, Some(a)) => Val::one(Shape::I64, self.asm.call(calls::HASH_TEXT, &[a.lo, a.hi])),
            (Func::StartsWith, Some(a)) => self.has_affix(a, args[1], true),
            (Func::EndsWith, Some(a)) => self.has_affix(a, args[1], false),
            (Func::Contains, Some(a)) => {
                let found = self.asm.call(calls::CONTAINS, &[a.lo, a.hi, args[1].lo, args[1].hi]);
                Val::bool(self.asm.low_byte(found))
            }
            (Func::IndexOf, Some(a)) => {
                self.asm.call(calls::INDEX_OF, &[a.lo, a.hi, args[1].lo, args[1].hi]);
                self.result(Shape::I64, true, 0)
            }
            (Func::Lower | Func::Upper, Some(a)) => {
                let upper = self.asm.word(i64::from(func == Func::Upper));
                self.call_fallible(calls::CASE, &[upper, a.lo, a.hi]);
                self.result(Shape::View, false, a.origins | MADE)
            }
            (Func::Substring, Some(a)) => {
                let end = match args.get(2) {
                    Some(end) => end.lo,
                    None => self.asm.word(i64::MAX),
                };
                self.call_fallible(calls::SUBSTRING, &[a.lo, a.hi, args[1].lo, end]);
                self.result(Shape::View, false, a.origins)
            }
            (Func::CharAt, Some(a)) => {
                self.call_fallible(calls::CHAR_AT, &[a.lo, a.hi, args[1].lo]);
                self.result(Shape::View, true, a.origins)
            }
            (Func::Replace, Some(a)) => {
                let (from, to) = (args[1], args[2]);
                self.call_fallible(calls::REPLACE, &[a.lo, a.hi, from.lo, from.hi, to.lo, to.hi]);
                self.result(Shape::View, false, a.origins | MADE)
            }
            (Func::Concat, _) => self.concat(args),
            (func, Some(a)) => {
                let part = self.asm.word(place_of(&PARTS, func).unwrap_or(0));
                self.call_fallible(calls::PART, &[part, a.lo, a.hi]);
                self.result(Shape::View, func != Func::Trim, a.origins)
            }
            (_, None) => unreachable!("every function of the list but concat takes an argument"),
        }
    }

    fn absolute(&mut self, value: Val) -> Val {
        if value.shape == Shape::F64 {
            return Val::one(Shape::F64, self.asm.fabs(value.lo));
        }
        let zero = self.asm.word(0);
        let (negated, overflow) = self.asm.sub_checked(zero, value.lo);
        let negative = self.asm.icmp_const(ICmp::SignedLessThan, value.lo, 0);
        let failed = self.asm.and(negative, overflow);
        self.fail_if(failed);
        Val::one(Shape::I64, self.asm.select(negative, negated, value.lo))
    }

    fn sign(&mut self, value: V) -> Val {
        let above = self.asm.icmp_const(ICmp::SignedGreaterThan, value, 0);
        let below = self.asm.icmp_const(ICmp::SignedLessThan, value, 0);
        let (above, below) = (self.asm.widen(above), self.asm.widen(below));
        Val::one(Shape::I64, self.asm.sub(above, below))
    }

    /// The value, but at least low and at most high; low wins.
    fn clamp(&mut self, args: &[Val]) -> Val {
        let (value, low, high) = (args[0], args[1], args[2]);
        let above = self.compare(Op::Gt, value, high);
        let below = self.compare(Op::Lt, value, low);
        let result = Val::select(&mut self.asm, above, high, value);
        Val::select(&mut self.asm, below, low, result)
    }

    /// Microseconds to milliseconds, rounded down.
    fn epoch_millis(&mut self, micros: V) -> Val {
        let thousand = self.asm.word(1000);
        let (quotient, rest) = (self.asm.sdiv(micros, thousand), self.asm.srem(micros, thousand));
        let below = self.asm.icmp_const(ICmp::SignedLessThan, rest, 0);
        let below = self.asm.widen(below);
        Val::one(Shape::I64, self.asm.sub(quotient, below))
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
