//! Is a plan well-formed? Run after the checker and after every pass (in debug builds and tests), so
//! that a mistake of the compiler is found where it was made and not as a wrong result.

mod expr;
mod graph;
mod plan;
mod stateful;

pub use expr::check as expression;
pub use expr::value_fits;
pub use graph::validate_graph;
pub use plan::validate_plan;

use crate::types::{DataType, RecordType};

/// What is wrong, for developers.
pub type Finding = String;

/// Can a value of this type stand where that one is wanted? `T` may stand for `T?`, also inside.
pub fn fits(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    match (from, to) {
        (T::Optional(a), T::Optional(b)) => fits(a, b),
        (T::Optional(_), _) => false,
        (a, T::Optional(b)) => fits(a, b),
        (T::List(a), T::List(b)) | (T::Map(a), T::Map(b)) => fits(a, b),
        (T::Record(a), T::Record(b)) => record_fits(a, b),
        _ => from == to,
    }
}

/// The same, field by field; names are not looked at.
pub fn record_fits(from: &RecordType, to: &RecordType) -> bool {
    from.fields.len() == to.fields.len()
        && from.fields.iter().zip(&to.fields).all(|(a, b)| fits(&a.ty, &b.ty))
}

/// Is it the same type, or the same without `?` after a test for null?
pub fn narrows(from: &DataType, to: &DataType) -> bool {
    fits(from, to) || fits(from.unwrapped(), to)
}
