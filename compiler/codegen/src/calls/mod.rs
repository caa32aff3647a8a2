//! The functions that kernels may call: each takes the frame and words, gives a word, and never
//! unwinds. A status of 1 means that there is a record error; results wider than a word lie in the
//! frame.

mod convert;
mod format;
mod generic;
mod number;
mod text;

use crate::emit::Site;
use crate::frame::{self, Shape};
use crate::native::jit::Helper;
use flow_data::{Buffer, Column, View};
use flow_plan::Value;
use flow_plan::eval::Evaluator;
use std::sync::Arc;

macro_rules! helpers {
    ($($constant:ident $module:ident :: $function:ident ($params:literal);)*) => {
        helpers!(@number 0usize; $($constant)*);
        /// Every helper, in the order of the constants.
        pub(crate) static HELPERS: &[Helper] = &[
            $(Helper {
                name: stringify!($function),
                address: $module::$function as *const u8,
                params: $params,
            },)*
        ];
    };
    (@number $n:expr; $first:ident $($rest:ident)*) => {
        pub(crate) const $first: usize = $n;
        helpers!(@number $n + 1; $($rest)*);
    };
    (@number $n:expr;) => {};
}

helpers! {
    GENERIC generic::flow_evaluate (3);
    VIEW_EQ text::flow_view_eq (4);
    VIEW_CMP text::flow_view_cmp (4);
    STARTS_WITH text::flow_starts_with (4);
    ENDS_WITH text::flow_ends_with (4);
    CONTAINS text::flow_contains (4);
    STR_LEN text::flow_str_len (2);
    CONCAT text::flow_concat (4);
    FLOAT_REM number::flow_float_rem (2);
    DECIMAL_OP number::flow_decimal_op (5);
    DECIMAL_CMP number::flow_decimal_cmp (4);
    CASE text::flow_case (3);
    PART text::flow_part (3);
    SUBSTRING text::flow_substring (4);
    CHAR_AT text::flow_char_at (3);
    INDEX_OF text::flow_index_of (4);
    REPLACE text::flow_replace (6);
    HASH_TEXT text::flow_hash_text (2);
    HASH_INT number::flow_hash_int (1);
    FLOAT_FUNCTION number::flow_float_function (2);
    FLOAT_PAIR number::flow_float_pair (3);
    FLOAT_ROUND number::flow_float_round (2);
    CALENDAR_NUMBER number::flow_calendar (2);
    TRUNCATE number::flow_truncate (2);
    FORMAT format::flow_format (3);
    SPLIT_PART text::flow_split_part (5);
    TO_TEXT convert::flow_to_text (3);
    FROM_TEXT convert::flow_from_text (3);
    TO_DECIMAL convert::flow_to_decimal (2);
    OF_DECIMAL convert::flow_of_decimal (3);
}

pub(crate) use convert::code_of;
pub(crate) use number::{CALENDAR, FLOAT_FUNCTIONS, decimal_words};
pub(crate) use text::PARTS;

/// What helpers work on: one worker's state for one segment.
#[derive(Default)]
pub(crate) struct Host {
    /// Computes what kernels cannot.
    pub(crate) evaluator: Evaluator,
    /// Moments as text.
    pub(crate) formats: format::Formats,
    /// Strings made in this batch.
    pub(crate) made: Made,
    /// Composite values of computed slots.
    pub(crate) composites: Vec<Vec<Value>>,
    /// Are a slot's composites at the row's place in the output (or in the input)?
    pub(crate) dense: Vec<bool>,
    /// The batch.
    pub(crate) columns: Vec<Option<Arc<Column>>>,
    /// Expressions of this variant's kernels.
    pub(crate) sites: Arc<[Site]>,
    /// The row as the evaluator takes it.
    pub(crate) row: Vec<Value>,
}

/// Memory for strings that helpers make: chunks that never move once a view points into them.
#[derive(Default)]
pub(crate) struct Made {
    full: Vec<Buffer>,
    open: Vec<u8>,
}

impl Made {
    /// A view of a copy.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> View {
        if let Some(view) = View::inline(bytes) {
            return view;
        }
        let start = self.reserve(bytes.len());
        self.open.extend_from_slice(bytes);
        View::of(&self.open[start..])
    }

    /// A view of two copies, one behind the other.
    pub(crate) fn push_two(&mut self, a: &[u8], b: &[u8]) -> View {
        let length = a.len() + b.len();
        if length <= flow_data::view::INLINE {
            let mut joined = [0; flow_data::view::INLINE];
            joined[..a.len()].copy_from_slice(a);
            joined[a.len()..length].copy_from_slice(b);
            return View::of(&joined[..length]);
        }
        // `a` and `b` may lie in the open chunk: it is never moved while it is open, only sealed.
        let start = self.reserve(length);
        self.open.extend_from_slice(a);
        self.open.extend_from_slice(b);
        View::of(&self.open[start..])
    }

    /// A view of a changed copy of the same length.
    pub(crate) fn push_with(&mut self, bytes: &[u8], change: impl FnOnce(&mut [u8])) -> View {
        if bytes.len() <= flow_data::view::INLINE {
            let mut copy = [0; flow_data::view::INLINE];
            copy[..bytes.len()].copy_from_slice(bytes);
            change(&mut copy[..bytes.len()]);
            return View::of(&copy[..bytes.len()]);
        }
        let start = self.reserve(bytes.len());
        self.open.extend_from_slice(bytes);
        change(&mut self.open[start..]);
        View::of(&self.open[start..])
    }

    /// Room for so many bytes behind the open chunk's end, which is returned.
    fn reserve(&mut self, length: usize) -> usize {
        if self.open.capacity() - self.open.len() < length {
            let size = length.max((self.open.capacity() * 2).clamp(4096, 1 << 20));
            let sealed = std::mem::replace(&mut self.open, Vec::with_capacity(size));
            if !sealed.is_empty() {
                self.full.push(Arc::new(sealed));
            }
        }
        self.open.len()
    }

    /// Everything made since the last time; starts anew.
    pub(crate) fn take(&mut self) -> Vec<Buffer> {
        if !self.open.is_empty() {
            // Moving the Vec moves its header, not the bytes that views point at.
            self.full.push(Arc::new(std::mem::take(&mut self.open)));
        }
        std::mem::take(&mut self.full)
    }
}

/// Runs what might panic: a panic must not cross a kernel.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()
}

/// The text of a view.
///
/// # Safety
/// The view is of living text.
unsafe fn text_of(view: &View) -> &str {
    // SAFETY: by the caller's word.
    unsafe { std::str::from_utf8_unchecked(view.bytes()) }
}

/// The driver's state behind a frame.
///
/// # Safety
/// The frame's host word must point at a [`Host`] that nobody else uses during the call.
unsafe fn host<'a>(frame: *mut u64) -> &'a mut Host {
    // SAFETY: by the caller's word.
    unsafe { &mut *(*frame.add(frame::HOST as usize) as *mut Host) }
}

/// Leaves a result in the frame.
///
/// # Safety
/// `frame` must be a frame.
unsafe fn give(frame: *mut u64, lo: u64, hi: u64, valid: bool) {
    let result = frame::RESULT as usize;
    // SAFETY: every frame has these words.
    unsafe {
        *frame.add(result) = lo;
        *frame.add(result + 1) = hi;
        *frame.add(result + 2) = u64::from(valid);
    }
}

/// Leaves a string in the frame.
///
/// # Safety
/// `frame` must be a frame with a host.
unsafe fn give_text(frame: *mut u64, bytes: &[u8]) {
    // SAFETY: by the caller's word.
    unsafe {
        let view = host(frame).made.push(bytes);
        give(frame, view.lo, view.hi, true);
    }
}

/// Leaves a value of the evaluator in the frame.
///
/// # Safety
/// `frame` must be a frame with a host.
unsafe fn give_value(frame: *mut u64, value: &Value) -> bool {
    // SAFETY: by the caller's word.
    unsafe {
        match value {
            Value::Null => give(frame, 0, 0, false),
            Value::Bool(x) => give(frame, u64::from(*x), 0, true),
            Value::Int(x) | Value::Timestamp(x) | Value::Duration(x) => give(frame, *x as u64, 0, true),
            Value::Float(x) => give(frame, x.to_bits(), 0, true),
            Value::Decimal(x) => {
                let [lo, hi] = decimal_words(*x);
                give(frame, lo, hi, true);
            }
            Value::String(x) => give_text(frame, x.as_bytes()),
            Value::Bytes(x) => give_text(frame, x),
            _ => return false,
        }
    }
    true
}

/// A value of a shape from the words of an operand.
///
/// # Safety
/// The view, if it is one, must point at living memory.
unsafe fn take_value(ty: &flow_plan::DataType, lo: u64, hi: u64) -> Value {
    use flow_plan::DataType as T;
    match ty.unwrapped() {
        T::Bool => Value::Bool(lo != 0),
        T::Timestamp => Value::Timestamp(lo as i64),
        T::Duration => Value::Duration(lo as i64),
        T::Float => Value::Float(f64::from_bits(lo)),
        T::Decimal => Value::Decimal(number::decimal_of(lo, hi)),
        T::String | T::Bytes => {
            let view = View { lo, hi };
            // SAFETY: by the caller's word.
            let bytes = unsafe { view.bytes() };
            if Shape::of(ty) == Shape::View && *ty.unwrapped() == T::Bytes {
                return Value::Bytes(bytes.into());
            }
            // SAFETY: text columns and text helpers only hold UTF-8.
            Value::string(unsafe { std::str::from_utf8_unchecked(bytes) })
        }
        _ => Value::Int(lo as i64),
    }
}
