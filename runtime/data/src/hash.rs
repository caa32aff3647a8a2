//! Hashing of keys: one fixed function of 64 bits, version [`VERSION`], for ever. Exchanges, state
//! tables and state files divide keys by it, so it must never change without a new version; the
//! vectors in the tests pin it.
//!
//! Values that are equal in the language hash equally: `-0.0` as `0.0`, every NaN alike, decimals
//! by number. Equal columns of different types need not.
//!
//! The function folds 128-bit products (as wyhash, rapidhash and foldhash do): a column gives one
//! word a row, words are absorbed in the order of the columns, and one more fold finishes.

use crate::column::{Column, ColumnData};
use crate::view::{INLINE, ViewColumn};
use flow_plan::Value;
use rust_decimal::Decimal;

/// Version of the function.
pub const VERSION: u32 = 1;

const SEED: u64 = 0x2d35_8dcc_aa6c_78a5;
const K0: u64 = 0x8bb8_4b93_962e_acc9;
const K1: u64 = 0x4b33_a62e_d433_d4a3;
const K2: u64 = 0x4d5a_2da5_1de1_aa47;
const K3: u64 = 0xa076_1d64_78bd_642f;
const K4: u64 = 0xe703_7ed1_a0b4_28db;
const NULL: u64 = 0x9fb2_1c65_1e98_df25;

/// The hash of every row over these columns, in their order. Without columns all rows hash alike.
pub fn hash_columns(columns: &[&Column], rows: usize, out: &mut Vec<u64>) {
    out.clear();
    out.resize(rows, SEED);
    for column in columns {
        hash_column(column, out);
    }
    out.iter_mut().for_each(|hash| *hash = finish(*hash));
}

/// Which of `parts` equal ranges of hashes this hash lies in.
#[inline]
pub fn range_of(hash: u64, parts: usize) -> usize {
    ((u128::from(hash) * parts as u128) >> 64) as usize
}

/// A hash of one value: of a column of one row with this value.
pub fn hash_value(value: &Value) -> u64 {
    finish(absorb(SEED, value_word(value)))
}

/// A hash of two words.
pub fn hash_pair(a: u64, b: u64) -> u64 {
    finish(absorb(absorb(SEED, a), b))
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline]
fn absorb(hash: u64, word: u64) -> u64 {
    fold(hash ^ word, K2)
}

#[inline]
fn finish(hash: u64) -> u64 {
    fold(hash ^ K3, K4)
}

fn hash_column(column: &Column, hashes: &mut [u64]) {
    let valid = column.validity.as_deref();
    match &column.data {
        ColumnData::Bool(v) => absorb_all(hashes, valid, v, |x| u64::from(*x)),
        ColumnData::I64(v) => absorb_all(hashes, valid, v, |x| *x as u64),
        ColumnData::F64(v) => absorb_all(hashes, valid, v, |x| float_word(*x)),
        ColumnData::Decimal(v) => absorb_all(hashes, valid, v, decimal_word),
        ColumnData::Str(v) => hash_views(v.column(), valid, hashes),
        ColumnData::Bytes(v) => hash_views(v, valid, hashes),
        ColumnData::Any(v) => absorb_all(hashes, valid, v, value_word),
    }
}

#[inline]
fn absorb_all<T>(hashes: &mut [u64], valid: Option<&[u8]>, values: &[T], word: impl Fn(&T) -> u64) {
    match valid {
        None => hashes.iter_mut().zip(values).for_each(|(hash, x)| *hash = absorb(*hash, word(x))),
        Some(valid) => {
            for ((hash, x), valid) in hashes.iter_mut().zip(values).zip(valid) {
                *hash = absorb(*hash, if *valid != 0 { word(x) } else { NULL });
            }
        }
    }
}

/// Strings of up to 12 bytes are their two words; equal strings are of equal length, so longer ones
/// may hash in another way.
fn hash_views(column: &ViewColumn, valid: Option<&[u8]>, hashes: &mut [u64]) {
    for (row, (hash, view)) in hashes.iter_mut().zip(column.views()).enumerate() {
        let word = if valid.is_some_and(|valid| valid[row] == 0) {
            NULL
        } else if view.is_inline() {
            short_word(view.lo, view.hi)
        } else {
            long_word(column.get(row))
        };
        *hash = absorb(*hash, word);
    }
}

#[inline]
fn short_word(lo: u64, hi: u64) -> u64 {
    fold(lo ^ K0, hi ^ K1)
}

fn bytes_word(bytes: &[u8]) -> u64 {
    match crate::view::View::inline(bytes) {
        Some(view) => short_word(view.lo, view.hi),
        None => long_word(bytes),
    }
}

fn word_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// Pieces of 16 bytes; the last one overlaps the one before it.
fn long_word(bytes: &[u8]) -> u64 {
    debug_assert!(bytes.len() > INLINE);
    let len = bytes.len();
    let mut hash = fold(len as u64 ^ K0, K1);
    let mut at = 0;
    while at + 16 < len {
        hash = fold(word_at(bytes, at) ^ hash, word_at(bytes, at + 8) ^ K1);
        at += 16;
    }
    if len >= 16 {
        fold(word_at(bytes, len - 16) ^ hash, word_at(bytes, len - 8) ^ K4)
    } else {
        fold(word_at(bytes, 0) ^ hash, word_at(bytes, len - 8) ^ K4)
    }
}

#[inline]
fn float_word(x: f64) -> u64 {
    if x == 0.0 {
        0
    } else if x.is_nan() {
        f64::NAN.to_bits()
    } else {
        x.to_bits()
    }
}

fn decimal_word(x: &Decimal) -> u64 {
    if x.is_zero() {
        return 0;
    }
    let x = x.normalize();
    let digits = x.mantissa() as u128;
    fold(digits as u64 ^ K0, (digits >> 64) as u64 ^ K1 ^ u64::from(x.scale()))
}

fn value_word(value: &Value) -> u64 {
    match value {
        Value::Null => NULL,
        Value::Bool(x) => u64::from(*x),
        Value::Int(x) | Value::Timestamp(x) | Value::Duration(x) => *x as u64,
        Value::Float(x) => float_word(*x),
        Value::Decimal(x) => decimal_word(x),
        Value::String(x) => bytes_word(x.as_bytes()),
        Value::Bytes(x) => bytes_word(x),
        Value::List(items) | Value::Record(items) => sequence_word(items.iter().map(value_word)),
        Value::Map(entries) => {
            sequence_word(entries.iter().flat_map(|(k, v)| [bytes_word(k.as_bytes()), value_word(v)]))
        }
        Value::Json(json) => json_word(json),
    }
}

fn sequence_word(words: impl Iterator<Item = u64>) -> u64 {
    let mut count = 0u64;
    let hash = words.fold(K3, |hash, word| {
        count += 1;
        absorb(hash, word)
    });
    fold(hash ^ count, K4)
}

fn json_word(json: &serde_json::Value) -> u64 {
    use serde_json::Value as J;
    match json {
        J::Null => NULL,
        J::Bool(x) => 1 + u64::from(*x),
        // However a number was written: equal numbers are equal as floats.
        J::Number(x) => x.as_f64().map_or_else(|| bytes_word(x.to_string().as_bytes()), float_word),
        J::String(x) => bytes_word(x.as_bytes()),
        J::Array(items) => sequence_word(items.iter().map(json_word)),
        // The order of an object's fields has no meaning.
        J::Object(fields) => fields
            .iter()
            .map(|(k, v)| finish(absorb(bytes_word(k.as_bytes()), json_word(v))))
            .fold(K0, u64::wrapping_add),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::ColumnBuilder;
    use flow_plan::DataType;

    fn column(ty: DataType, values: &[Value]) -> Column {
        let mut builder = ColumnBuilder::new(&ty);
        values.iter().for_each(|value| builder.push(value));
        builder.finish()
    }

    fn hashes(columns: &[&Column]) -> Vec<u64> {
        let mut out = Vec::new();
        hash_columns(columns, columns[0].len(), &mut out);
        out
    }

    #[test]
    fn the_function_never_changes() {
        let texts =
            ["", "a", "twelve bytes", "thirteen byte", "exactly 16 bytes", "more than sixteen bytes, in two"];
        let texts: Vec<Value> = texts.iter().map(|t| Value::string(*t)).collect();
        assert_eq!(hashes(&[&column(DataType::String, &texts)]), PINNED_TEXTS);
        let ints: Vec<Value> = [0, 1, -1, i64::MAX].into_iter().map(Value::Int).collect();
        assert_eq!(hashes(&[&column(DataType::Int, &ints)]), PINNED_INTS);
        let both = hashes(&[&column(DataType::String, &texts[..4]), &column(DataType::Int, &ints)]);
        assert_eq!(both, PINNED_PAIRS);
    }

    const PINNED_TEXTS: [u64; 6] = [
        0x513be2dae6f31e5d,
        0x1b7f3588818e0845,
        0x28d53bc8268f713b,
        0xcfbc0267ca6e5d8a,
        0xf8c318d691e087e,
        0x4f61f2e7e815753f,
    ];
    const PINNED_INTS: [u64; 4] =
        [0xd56c5f9859b16561, 0xd30f9e610ce4cc18, 0x446916e792e39aec, 0x968383deecef4af4];
    const PINNED_PAIRS: [u64; 4] =
        [0x21a1771e3ba246d0, 0xc930a7a3612b5441, 0x671e70fcb6f1bbf7, 0xcac5a642459cf213];

    #[test]
    fn equal_values_hash_equally() {
        let floats = [0.0, -0.0, f64::NAN, -f64::NAN].map(Value::Float);
        let h = hashes(&[&column(DataType::Float, &floats)]);
        assert_eq!(h[0], h[1]);
        assert_eq!(h[2], h[3]);
        let decimals =
            [Decimal::new(10, 1), Decimal::ONE, Decimal::new(0, 3), Decimal::ZERO].map(Value::Decimal);
        let h = hashes(&[&column(DataType::Decimal, &decimals)]);
        assert_eq!(h[0], h[1]);
        assert_eq!(h[2], h[3]);
        let json = |text: &str| Value::Json(std::sync::Arc::new(serde_json::from_str(text).unwrap()));
        assert_eq!(hash_value(&json(r#"{"a":1,"b":[2]}"#)), hash_value(&json(r#"{"b":[2],"a":1}"#)));
    }

    #[test]
    fn a_value_hashes_as_its_column() {
        for value in [Value::Int(7), Value::string("a long string of words"), Value::Bool(true), Value::Null]
        {
            let ty = match value {
                Value::Int(_) => DataType::Int,
                Value::Bool(_) => DataType::Bool,
                _ => DataType::String,
            };
            assert_eq!(hashes(&[&column(ty, std::slice::from_ref(&value))]), [hash_value(&value)]);
        }
    }

    #[test]
    fn null_is_a_key_of_its_own() {
        let h = hashes(&[&column(DataType::Int, &[Value::Null, Value::Int(0)])]);
        assert_ne!(h[0], h[1]);
    }

    #[test]
    fn hashes_of_small_numbers_spread_over_ranges_and_low_bits() {
        let ints: Vec<Value> = (0..10_000).map(Value::Int).collect();
        let h = hashes(&[&column(DataType::Int, &ints)]);
        for buckets in [2, 3, 8] {
            let mut high = vec![0usize; buckets];
            let mut low = vec![0usize; buckets];
            for &hash in &h {
                high[range_of(hash, buckets)] += 1;
                low[(hash % buckets as u64) as usize] += 1;
            }
            let fair = 10_000 / buckets;
            assert!(high.iter().chain(&low).all(|n| n.abs_diff(fair) < fair / 10), "{high:?} {low:?}");
        }
    }
}
