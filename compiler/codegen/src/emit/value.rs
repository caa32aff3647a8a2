//! A value of the row in registers.

use crate::frame::Shape;
use crate::native::asm::{Asm, F64, FCmp, I8, I64, Ty, V, Var};

/// Which memory the views of a value may point into: a bit per input slot, and these.
pub(crate) type Origins = u128;
/// Any input column.
pub(crate) const ANY_INPUT: Origins = 1 << 127;
/// What helpers made in this batch.
pub(crate) const MADE: Origins = 1 << 126;
/// Constants of the chain.
pub(crate) const CONSTANTS: Origins = 1 << 125;

/// The origin of an input column's views.
pub(crate) fn origin(slot: usize) -> Origins {
    if slot < 125 { 1 << slot } else { ANY_INPUT }
}

/// Is the value there?
#[derive(Clone, Copy, Debug)]
pub(crate) enum Valid {
    /// It is never null.
    Always,
    /// It is always null.
    Never,
    /// If this byte is 1.
    When(V),
}

/// A value: one word (two for views and decimals), and whether it is null.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Val {
    /// How it would lie in memory.
    pub(crate) shape: Shape,
    /// The value, or its low word.
    pub(crate) lo: V,
    /// The high word of views and decimals; `lo` again otherwise.
    pub(crate) hi: V,
    /// Is it null?
    pub(crate) valid: Valid,
    /// Where its bytes may lie.
    pub(crate) origins: Origins,
}

/// The register type of a shape.
pub(crate) fn register(shape: Shape) -> Ty {
    match shape {
        Shape::Bool => I8,
        Shape::F64 => F64,
        Shape::I64 | Shape::Decimal | Shape::View | Shape::Any => I64,
    }
}

fn wide(shape: Shape) -> bool {
    matches!(shape, Shape::View | Shape::Decimal)
}

impl Val {
    /// A value of one register that is not null.
    pub(crate) fn one(shape: Shape, value: V) -> Val {
        Val { shape, lo: value, hi: value, valid: Valid::Always, origins: 0 }
    }

    /// A value of two words that is not null.
    pub(crate) fn two(shape: Shape, lo: V, hi: V, origins: Origins) -> Val {
        Val { shape, lo, hi, valid: Valid::Always, origins }
    }

    /// A bool.
    pub(crate) fn bool(value: V) -> Val {
        Val::one(Shape::Bool, value)
    }

    /// The placeholder of a null.
    pub(crate) fn null(asm: &mut Asm<'_>, shape: Shape) -> Val {
        let lo = match shape {
            Shape::Bool => asm.byte(0),
            Shape::F64 => asm.float(0.0),
            _ => asm.word(0),
        };
        Val { shape, lo, hi: lo, valid: Valid::Never, origins: 0 }
    }

    /// The value, null also where `ok` is 0.
    pub(crate) fn only_if(mut self, asm: &mut Asm<'_>, ok: V) -> Val {
        self.valid = match self.valid {
            Valid::Always => Valid::When(ok),
            Valid::Never => Valid::Never,
            Valid::When(valid) => Valid::When(asm.and(valid, ok)),
        };
        self
    }

    /// With the nulls of another value.
    pub(crate) fn with_valid(self, valid: Valid) -> Val {
        Val { valid, ..self }
    }

    /// The validity as a byte.
    pub(crate) fn valid_byte(&self, asm: &mut Asm<'_>) -> V {
        match self.valid {
            Valid::Always => asm.byte(1),
            Valid::Never => asm.byte(0),
            Valid::When(valid) => valid,
        }
    }

    /// Picks one of two values of the same type without branching.
    pub(crate) fn select(asm: &mut Asm<'_>, cond: V, a: Val, b: Val) -> Val {
        let (a, b) = (a.fitting(asm, b.shape), b.fitting(asm, a.shape));
        let lo = asm.select(cond, a.lo, b.lo);
        let hi = if wide(a.shape) { asm.select(cond, a.hi, b.hi) } else { lo };
        let valid = match (a.valid, b.valid) {
            (Valid::Always, Valid::Always) => Valid::Always,
            (Valid::Never, Valid::Never) => Valid::Never,
            _ => {
                let (x, y) = (a.valid_byte(asm), b.valid_byte(asm));
                Valid::When(asm.select(cond, x, y))
            }
        };
        Val { shape: a.shape, lo, hi, valid, origins: a.origins | b.origins }
    }

    /// The literal `null` takes the other side's shape.
    fn fitting(self, asm: &mut Asm<'_>, shape: Shape) -> Val {
        match self.valid {
            Valid::Never if self.shape != shape => Val::null(asm, shape),
            _ => self,
        }
    }

    /// Three words for a generic call: low, high, not null.
    pub(crate) fn words(&self, asm: &mut Asm<'_>) -> [V; 3] {
        let lo = match self.shape {
            Shape::Bool => asm.widen(self.lo),
            Shape::F64 => asm.float_bits(self.lo),
            _ => self.lo,
        };
        let hi = if wide(self.shape) { self.hi } else { lo };
        let valid = self.valid_byte(asm);
        [lo, hi, asm.widen(valid)]
    }

    /// A value from two words.
    pub(crate) fn from_words(asm: &mut Asm<'_>, shape: Shape, lo: V, hi: V, origins: Origins) -> Val {
        match shape {
            Shape::Bool => Val::bool(asm.low_byte(lo)),
            Shape::F64 => Val::one(shape, asm.bits_float(lo)),
            _ if wide(shape) => Val::two(shape, lo, hi, origins),
            _ => Val::one(shape, lo),
        }
    }
}

/// A value that differs by path.
pub(crate) struct ValVar {
    lo: Var,
    hi: Var,
    valid: Var,
    shape: Shape,
    always: bool,
    origins: Origins,
}

impl ValVar {
    /// A variable for values of a shape.
    pub(crate) fn new(asm: &mut Asm<'_>, shape: Shape) -> ValVar {
        let (lo, hi) = (asm.var(register(shape)), asm.var(register(shape)));
        ValVar { lo, hi, valid: asm.var(I8), shape, always: true, origins: 0 }
    }

    /// Sets it on this path.
    pub(crate) fn set(&mut self, asm: &mut Asm<'_>, value: Val) {
        let value = value.fitting(asm, self.shape);
        asm.set(self.lo, value.lo);
        if wide(self.shape) {
            asm.set(self.hi, value.hi);
        }
        let valid = value.valid_byte(asm);
        asm.set(self.valid, valid);
        self.always &= matches!(value.valid, Valid::Always);
        self.origins |= value.origins;
    }

    /// Its value where the paths meet.
    pub(crate) fn get(&self, asm: &mut Asm<'_>) -> Val {
        let lo = asm.get(self.lo);
        let hi = if wide(self.shape) { asm.get(self.hi) } else { lo };
        let valid = if self.always { Valid::Always } else { Valid::When(asm.get(self.valid)) };
        Val { shape: self.shape, lo, hi, valid, origins: self.origins }
    }
}

/// Total order of floats: NaN equals itself and is greatest.
pub(crate) fn compare_floats(asm: &mut Asm<'_>, op: flow_plan::expr::BinaryOp, a: V, b: V) -> V {
    use flow_plan::expr::BinaryOp as Op;
    match op {
        Op::Eq | Op::Ne => {
            let same = asm.fcmp(FCmp::Equal, a, b);
            let (x, y) = (asm.fcmp(FCmp::Unordered, a, a), asm.fcmp(FCmp::Unordered, b, b));
            let both = asm.and(x, y);
            let equal = asm.or(same, both);
            if op == Op::Eq { equal } else { asm_not(asm, equal) }
        }
        Op::Gt => compare_floats(asm, Op::Lt, b, a),
        Op::Ge => compare_floats(asm, Op::Le, b, a),
        // a < b, or b alone is NaN.
        Op::Lt => {
            let less = asm.fcmp(FCmp::LessThan, a, b);
            let (nan, number) = (asm.fcmp(FCmp::Unordered, b, b), asm.fcmp(FCmp::Ordered, a, a));
            let last = asm.and(nan, number);
            asm.or(less, last)
        }
        // a <= b, or b is NaN.
        _ => {
            let less = asm.fcmp(FCmp::LessThanOrEqual, a, b);
            let nan = asm.fcmp(FCmp::Unordered, b, b);
            asm.or(less, nan)
        }
    }
}

/// The other bool.
pub(crate) fn asm_not(asm: &mut Asm<'_>, value: V) -> V {
    let one = asm.byte(1);
    asm.xor(value, one)
}
