//! Equality, order and hash of values: total, and the same for keys, sorts, `==` and `hash(x)`.
//!
//! NaN equals itself and is greater than every other float; `-0.0` equals `0.0`; decimals compare by
//! number; null is less than everything; lists compare element by element, then by length. JSON numbers
//! compare by number, objects without regard to the order of their keys.

use crate::value::Value;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        compare(self, other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        compare(self, other)
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(hash64(self));
    }
}

/// The total order. Values of different types (which never meet in a typed plan) go by kind.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    use Value::*;
    match (a, b) {
        (Bool(a), Bool(b)) => a.cmp(b),
        (Int(a), Int(b)) | (Timestamp(a), Timestamp(b)) | (Duration(a), Duration(b)) => a.cmp(b),
        (Float(a), Float(b)) => compare_floats(*a, *b),
        (Decimal(a), Decimal(b)) => a.cmp(b),
        (String(a), String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Bytes(a), Bytes(b)) => a.cmp(b),
        (List(a), List(b)) | (Record(a), Record(b)) => a.iter().cmp(b.iter()),
        (Map(a), Map(b)) => a.iter().cmp(b.iter()),
        (Json(a), Json(b)) => compare_json(a, b),
        _ => kind(a).cmp(&kind(b)),
    }
}

/// The total order of floats.
pub fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Are two values the same in every bit that can be seen? Stricter than equality: `-0.0` and `0.0`
/// differ, decimals of different scale differ; but all NaNs are the same.
pub fn identical(a: &Value, b: &Value) -> bool {
    use Value::*;
    match (a, b) {
        (Float(a), Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (Decimal(a), Decimal(b)) => a.serialize() == b.serialize(),
        (List(a), List(b)) | (Record(a), Record(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| identical(a, b))
        }
        (Map(a), Map(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|((k, a), (l, b))| k == l && identical(a, b))
        }
        _ => a == b,
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) => 2,
        Value::Float(_) => 3,
        Value::Decimal(_) => 4,
        Value::String(_) => 5,
        Value::Bytes(_) => 6,
        Value::Timestamp(_) => 7,
        Value::Duration(_) => 8,
        Value::List(_) => 9,
        Value::Map(_) => 10,
        Value::Record(_) => 11,
        Value::Json(_) => 12,
    }
}

fn json_kind(value: &Json) -> u8 {
    match value {
        Json::Null => 0,
        Json::Bool(_) => 1,
        Json::Number(_) => 2,
        Json::String(_) => 3,
        Json::Array(_) => 4,
        Json::Object(_) => 5,
    }
}

fn compare_json(a: &Json, b: &Json) -> Ordering {
    match (a, b) {
        (Json::Bool(a), Json::Bool(b)) => a.cmp(b),
        (Json::Number(a), Json::Number(b)) => match (json_integer(a), json_integer(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => compare_floats(json_float(a), json_float(b)),
        },
        (Json::String(a), Json::String(b)) => a.cmp(b),
        (Json::Array(a), Json::Array(b)) => {
            let different = a.iter().zip(b).map(|(a, b)| compare_json(a, b)).find(|o| o.is_ne());
            different.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Json::Object(a), Json::Object(b)) => {
            let (a, b) = (sorted(a), sorted(b));
            let pairs = a.iter().zip(&b);
            let different =
                pairs.map(|(a, b)| a.0.cmp(b.0).then_with(|| compare_json(a.1, b.1))).find(|o| o.is_ne());
            different.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => json_kind(a).cmp(&json_kind(b)),
    }
}

fn sorted(object: &serde_json::Map<String, Json>) -> Vec<(&String, &Json)> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

/// The number if it is whole; floats that are whole count too, so that 1 equals 1.0.
fn json_integer(number: &serde_json::Number) -> Option<i128> {
    let whole = |x: f64| (x.trunc() == x && x.abs() < 1e18).then_some(x as i128);
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
        .or_else(|| number.as_f64().and_then(whole))
}

fn json_float(number: &serde_json::Number) -> f64 {
    number.as_f64().unwrap_or(f64::NAN)
}

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const MIX: u64 = 0xD6E8_FEB8_6659_FD93;

/// The hash behind `hash(x)`: equal values have equal hashes, on every machine and in every version.
/// Never change what it computes: scripts store its results.
pub fn hash64(value: &Value) -> u64 {
    finish(feed(SEED, value))
}

/// [`hash64`] of a string without making a value.
pub fn hash_str(text: &str) -> u64 {
    finish(feed_bytes(step(SEED, 5), text.as_bytes()))
}

/// [`hash64`] of an int without making a value.
pub fn hash_int(number: i64) -> u64 {
    finish(step(step(SEED, 2), number as u64))
}

fn step(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * u128::from(MIX);
    (product as u64) ^ ((product >> 64) as u64) ^ hash.rotate_left(23)
}

fn finish(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    hash ^ (hash >> 33)
}

fn feed_bytes(mut hash: u64, bytes: &[u8]) -> u64 {
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = step(hash, u64::from_le_bytes(word));
    }
    step(hash, bytes.len() as u64)
}

fn feed(hash: u64, value: &Value) -> u64 {
    let hash = step(hash, u64::from(kind(value)));
    match value {
        Value::Null => hash,
        Value::Bool(x) => step(hash, u64::from(*x)),
        Value::Int(x) | Value::Timestamp(x) | Value::Duration(x) => step(hash, *x as u64),
        Value::Float(x) => step(hash, canonical_bits(*x)),
        Value::Decimal(x) => feed_bytes(hash, &canonical_decimal(*x)),
        Value::String(x) => feed_bytes(hash, x.as_bytes()),
        Value::Bytes(x) => feed_bytes(hash, x),
        Value::List(items) | Value::Record(items) => step(items.iter().fold(hash, feed), items.len() as u64),
        Value::Map(entries) => {
            let fold = |h, (k, v): &(std::sync::Arc<str>, Value)| feed(feed_bytes(h, k.as_bytes()), v);
            step(entries.iter().fold(hash, fold), entries.len() as u64)
        }
        Value::Json(json) => feed_json(hash, json),
    }
}

/// One bit pattern for equal floats.
fn canonical_bits(x: f64) -> u64 {
    if x.is_nan() {
        f64::NAN.to_bits()
    } else if x == 0.0 {
        0
    } else {
        x.to_bits()
    }
}

/// One byte pattern for equal decimals.
fn canonical_decimal(x: Decimal) -> [u8; 16] {
    x.normalize().serialize()
}

fn feed_json(hash: u64, json: &Json) -> u64 {
    let hash = step(hash, u64::from(json_kind(json)));
    match json {
        Json::Null => hash,
        Json::Bool(x) => step(hash, u64::from(*x)),
        Json::Number(x) => match json_integer(x) {
            Some(whole) => step(hash, whole as u64),
            None => step(hash, canonical_bits(json_float(x))),
        },
        Json::String(x) => feed_bytes(hash, x.as_bytes()),
        Json::Array(items) => step(items.iter().fold(hash, feed_json), items.len() as u64),
        Json::Object(object) => {
            let entries = sorted(object);
            let hash = entries.iter().fold(hash, |h, (k, v)| feed_json(feed_bytes(h, k.as_bytes()), v));
            step(hash, entries.len() as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_equals_itself_and_is_greatest() {
        let nan = Value::Float(f64::NAN);
        assert_eq!(nan, Value::Float(-f64::NAN));
        assert!(nan > Value::Float(f64::INFINITY));
        assert_eq!(hash64(&nan), hash64(&Value::Float(-f64::NAN)));
    }

    #[test]
    fn both_zeros_are_equal_but_not_identical() {
        let (plus, minus) = (Value::Float(0.0), Value::Float(-0.0));
        assert_eq!(plus, minus);
        assert_eq!(hash64(&plus), hash64(&minus));
        assert!(!identical(&plus, &minus));
    }

    #[test]
    fn decimals_compare_by_number_not_by_scale() {
        let (a, b) = (Value::Decimal(Decimal::new(10, 1)), Value::Decimal(Decimal::new(1, 0)));
        assert_eq!(a, b);
        assert_eq!(hash64(&a), hash64(&b));
        let zero = Value::Decimal(-Decimal::new(0, 3));
        assert_eq!(hash64(&zero), hash64(&Value::Decimal(Decimal::ZERO)));
    }

    #[test]
    fn json_objects_are_equal_in_any_key_order() {
        let json = |text: &str| Value::Json(std::sync::Arc::new(serde_json::from_str(text).unwrap()));
        let (a, b) = (json(r#"{"a":1,"b":[2]}"#), json(r#"{"b":[2.0],"a":1}"#));
        assert_eq!(a, b);
        assert_eq!(hash64(&a), hash64(&b));
    }

    #[test]
    fn short_forms_of_the_hash_agree_with_the_long_one() {
        assert_eq!(hash_str("word count"), hash64(&Value::string("word count")));
        assert_eq!(hash_int(-7), hash64(&Value::Int(-7)));
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash_int(1), 155_710_199_359_733_861);
        assert_eq!(hash_str("flow"), 7_649_357_109_893_031_173);
    }
}
