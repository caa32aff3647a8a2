//! Values of the language as the reference evaluator holds them: one row is a `Vec<Value>`.

use rust_decimal::Decimal;
use std::sync::Arc;

/// One value. Equality, order and hash are total (see [`crate::order`]): NaN equals itself and is
/// greater than every other float; `-0.0` equals `0.0`; decimals compare by number, not by scale.
#[derive(Clone, Debug)]
pub enum Value {
    /// Absent.
    Null,
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `float`.
    Float(f64),
    /// `decimal`.
    Decimal(Decimal),
    /// `string`.
    String(Arc<str>),
    /// `bytes`.
    Bytes(Arc<[u8]>),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// Microseconds.
    Duration(i64),
    /// `list<T>`.
    List(Arc<[Value]>),
    /// `map<string, T>`: sorted by key, keys unique.
    Map(Arc<[(Arc<str>, Value)]>),
    /// A record's fields in the order of its type.
    Record(Arc<[Value]>),
    /// `json`.
    Json(Arc<serde_json::Value>),
}

impl Value {
    /// A string value.
    pub fn string(text: impl Into<Arc<str>>) -> Value {
        Value::String(text.into())
    }

    /// Is it null?
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}
