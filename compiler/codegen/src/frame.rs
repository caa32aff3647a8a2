//! The memory that a kernel and its driver share: one array of words, and what its words mean.
//! Knows neither Cranelift nor batches.

/// Number of rows the kernel runs over.
pub(crate) const ROWS: u32 = 0;
/// Address of the selection it reads (u32 row numbers), if it reads one.
pub(crate) const SEL_IN: u32 = 1;
/// Address of the selection it writes, if it filters.
pub(crate) const SEL_OUT: u32 = 2;
/// How many rows it kept.
pub(crate) const KEPT: u32 = 3;
/// Address of the driver's state, for helpers.
pub(crate) const HOST: u32 = 4;
/// What a helper gives back: low word, high word, not null.
pub(crate) const RESULT: u32 = 5;
/// Operands of generic calls: three words each (low, high, not null).
pub(crate) const ARGS: u32 = 8;
/// Words per operand of a generic call.
pub(crate) const ARG_WORDS: u32 = 3;

/// How a column's values lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One byte, 0 or 1.
    Bool,
    /// `int`, `timestamp`, `duration`.
    I64,
    /// `float`.
    F64,
    /// 16 bytes that only helpers look into.
    Decimal,
    /// `string` and `bytes`.
    View,
    /// `list`, `map`, record, `json`: the evaluator's values; kernels never touch them.
    Any,
}

impl Shape {
    /// The shape of values of a type.
    pub(crate) fn of(ty: &flow_plan::DataType) -> Shape {
        use flow_plan::DataType as T;
        match ty.unwrapped() {
            T::Bool => Shape::Bool,
            T::Int | T::Timestamp | T::Duration => Shape::I64,
            T::Float => Shape::F64,
            T::Decimal => Shape::Decimal,
            T::String | T::Bytes => Shape::View,
            T::List(_) | T::Map(_) | T::Record(_) | T::Json | T::Optional(_) => Shape::Any,
        }
    }

    /// log2 of the size of an element.
    pub(crate) fn shift(self) -> u8 {
        match self {
            Shape::Bool => 0,
            Shape::I64 | Shape::F64 => 3,
            Shape::Decimal | Shape::View => 4,
            Shape::Any => 0,
        }
    }

    /// Size of an element in bytes (0: kernels never touch it).
    pub(crate) fn size(self) -> usize {
        if self == Shape::Any { 0 } else { 1 << self.shift() }
    }
}

/// Which word of the frame holds what, for one segment's kernels.
#[derive(Clone, Debug)]
pub(crate) struct FrameMap {
    args: u32,
    /// The shape of each slot.
    pub(crate) slots: Vec<Shape>,
}

impl FrameMap {
    /// A frame with room for so many operands of one generic call and these slots.
    pub(crate) fn new(args: usize, slots: Vec<Shape>) -> FrameMap {
        FrameMap { args: args as u32, slots }
    }

    /// First word of an operand.
    pub(crate) fn arg(&self, index: usize) -> u32 {
        ARGS + index as u32 * ARG_WORDS
    }

    /// The word with the address of a slot's values.
    pub(crate) fn data(&self, slot: usize) -> u32 {
        ARGS + self.args * ARG_WORDS + slot as u32 * 2
    }

    /// The word with the address of a slot's validity bytes.
    pub(crate) fn validity(&self, slot: usize) -> u32 {
        self.data(slot) + 1
    }

    /// Words of the whole frame.
    pub(crate) fn words(&self) -> usize {
        self.data(self.slots.len()) as usize
    }

    /// What the address in a word of the frame points at: size of an element, may kernels write it?
    /// `None`: the word holds no address that kernels may use.
    pub(crate) fn pointee(&self, word: u32) -> Option<usize> {
        if word == SEL_IN || word == SEL_OUT {
            return Some(4);
        }
        let first = self.data(0);
        let slot = self.slots.get((word.checked_sub(first)? / 2) as usize)?;
        match (word - first) % 2 {
            0 => Some(slot.size()).filter(|&size| size > 0),
            _ => Some(1),
        }
    }
}
