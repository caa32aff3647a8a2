//! Which type can be converted to which, and whether that can fail; the conversion itself is the
//! evaluator's.

use crate::types::DataType;

/// What is known about a conversion before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastRule {
    /// There is none.
    Never,
    /// Every value converts.
    Total,
    /// Some values do not convert: a record error, or null of the `try…` form.
    Fallible,
}

/// The rule for a conversion between two types that are not optional. (A null operand gives null.)
pub fn rule(from: &DataType, to: &DataType) -> CastRule {
    use CastRule::{Fallible, Never, Total};
    use DataType as T;
    match (from, to) {
        _ if from == to => Total,
        (T::Optional(_), _) | (_, T::Optional(_)) => Never,
        // The least int has no exact decimal trouble: 28 digits hold every int.
        (T::Int, T::Float | T::Decimal | T::Bool | T::Timestamp | T::Duration) => Total,
        (T::Float, T::Int | T::Decimal) => Fallible,
        (T::Decimal, T::Int) => Fallible,
        (T::Decimal, T::Float) => Total,
        (T::Bool | T::Timestamp | T::Duration, T::Int) => Total,
        (T::Bytes, T::String) => Fallible,
        (_, T::String) => Total,
        (T::String | T::Json, T::Int | T::Float | T::Decimal | T::Bool | T::Timestamp | T::Duration) => {
            Fallible
        }
        // Literals take the type that is wanted: `[1, 2]` as list<float>, a record with an int as float.
        (T::List(a), T::List(b)) | (T::Map(a), T::Map(b)) => element(a, b),
        (T::Record(a), T::Record(b)) if a.fields.len() == b.fields.len() => {
            let rules = a.fields.iter().zip(&b.fields).map(|(x, y)| element(&x.ty, &y.ty));
            rules.fold(Total, worse)
        }
        (T::Json, T::List(of)) | (T::Json, T::Map(of)) if rule(&T::Json, of.unwrapped()) != Never => Fallible,
        (T::Json, T::Record(record)) => {
            let all = record.fields.iter().all(|f| rule(&T::Json, f.ty.unwrapped()) != Never);
            if all { Fallible } else { Never }
        }
        (_, T::Json) => Total,
        _ => Never,
    }
}

fn element(from: &DataType, to: &DataType) -> CastRule {
    match (from, to) {
        (DataType::Optional(a), DataType::Optional(b)) => rule(a, b),
        (DataType::Optional(_), _) => CastRule::Never,
        (a, b) => rule(a, b.unwrapped()),
    }
}

fn worse(a: CastRule, b: CastRule) -> CastRule {
    match (a, b) {
        (CastRule::Never, _) | (_, CastRule::Never) => CastRule::Never,
        (CastRule::Fallible, _) | (_, CastRule::Fallible) => CastRule::Fallible,
        _ => CastRule::Total,
    }
}
