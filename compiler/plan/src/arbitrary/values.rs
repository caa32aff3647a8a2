//! Values: ordinary ones, and the edges of their types.

use super::Arbitrary;
use crate::types::{DataType, RecordType};
use crate::value::Value;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Arbitrary {
    /// Rows of a schema.
    pub fn rows(&mut self, schema: &RecordType, count: usize) -> Vec<Vec<Value>> {
        (0..count).map(|_| schema.fields.iter().map(|field| self.value(&field.ty)).collect()).collect()
    }

    /// A value of a type.
    pub fn value(&mut self, ty: &DataType) -> Value {
        match ty {
            DataType::Bool => Value::Bool(self.one_in(2)),
            DataType::Int => Value::Int(self.int()),
            DataType::Float => Value::Float(self.float()),
            DataType::Decimal => Value::Decimal(self.decimal()),
            DataType::String => Value::string(self.text()),
            DataType::Bytes => Value::Bytes((0..self.below(20)).map(|_| self.word() as u8).collect()),
            DataType::Timestamp => Value::Timestamp(self.moment()),
            DataType::Duration => Value::Duration(self.duration()),
            DataType::List(of) => Value::List((0..self.below(4)).map(|_| self.value(of)).collect()),
            DataType::Map(of) => {
                let entries: BTreeMap<Arc<str>, Value> =
                    (0..self.below(4)).map(|_| (self.text().into(), self.value(of))).collect();
                Value::Map(entries.into_iter().collect())
            }
            DataType::Record(record) => {
                Value::Record(record.fields.iter().map(|f| self.value(&f.ty)).collect())
            }
            DataType::Json => Value::Json(Arc::new(self.json(2))),
            DataType::Optional(_) if self.one_in(3) => Value::Null,
            DataType::Optional(of) => self.value(of),
        }
    }

    fn int(&mut self) -> i64 {
        const EDGES: [i64; 12] = [
            i64::MIN,
            i64::MIN + 1,
            i64::MAX,
            i64::MAX - 1,
            0,
            -1,
            1,
            10,
            255,
            256,
            i32::MAX as i64,
            i32::MIN as i64,
        ];
        match self.below(8) {
            0 => *self.pick(&EDGES),
            1 => self.word() as i64,
            2 => self.below(2_000_000) as i64 - 1_000_000,
            _ => self.below(20) as i64 - 5,
        }
    }

    fn float(&mut self) -> f64 {
        const EDGES: [f64; 14] = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            f64::MIN,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            9_223_372_036_854_775_808.0,
            -9_223_372_036_854_775_808.0,
            0.1,
            1e16,
            1e-7,
        ];
        match self.below(6) {
            0 => *self.pick(&EDGES),
            1 => f64::from_bits(self.word()),
            2 => self.int() as f64,
            _ => (self.below(20_000) as f64 - 10_000.0) / 100.0,
        }
    }

    fn decimal(&mut self) -> Decimal {
        match self.below(8) {
            0 => {
                *self.pick(&[Decimal::MAX, Decimal::MIN, Decimal::ZERO, Decimal::ONE, Decimal::NEGATIVE_ONE])
            }
            1 => Decimal::new(self.word() as i64, self.below(29) as u32),
            2 => Decimal::new(0, self.below(29) as u32),
            _ => Decimal::new(self.below(20_000) as i64 - 10_000, self.below(4) as u32),
        }
    }

    /// A text; lengths cluster around those where string views change their form (4, 12, 13 bytes).
    pub(super) fn text(&mut self) -> String {
        const WORDS: [&str; 26] = [
            "",
            " ",
            "a",
            "ab",
            "abc",
            "abcd",
            "abcde",
            "hello world",
            "hello world!",
            "hello world!!",
            "naïve",
            "Straße",
            "żółw",
            "🐢🐢🐢",
            "42",
            "-7",
            "3.5",
            "1e3",
            "true",
            "2026-01-31T12:00:00Z",
            "1h30min",
            "{\"a\":[1,null]}",
            "a,b,,c",
            "  Ab \t",
            "https://u@example.org:80/p?q=a%20b#f",
            "a longer text than any view holds inline, ÄÖÜ",
        ];
        const LETTERS: [&str; 10] = ["a", "b", "A", " ", "0", "9", "é", "ß", "漢", "🦀"];
        match self.below(4) {
            0 => {
                let longest = *self.pick(&[1, 3, 4, 5, 11, 12, 13, 14, 16, 40]);
                let mut text = String::new();
                while text.len() < longest {
                    let letter: &str = self.pick::<&str>(&LETTERS);
                    text.push_str(letter);
                }
                text
            }
            _ => (*self.pick(&WORDS)).to_string(),
        }
    }

    fn moment(&mut self) -> i64 {
        match self.below(8) {
            0 => {
                *self.pick(&[i64::MIN, i64::MAX, 0, -1, 1, 253_402_300_799_999_999, -62_167_219_200_000_000])
            }
            1 => self.word() as i64,
            _ => 1_700_000_000_000_000 + (self.word() % 100_000_000_000_000) as i64,
        }
    }

    fn duration(&mut self) -> i64 {
        match self.below(8) {
            0 => *self.pick(&[i64::MIN, i64::MAX, 0, -1, 1]),
            1 => self.word() as i64,
            _ => (self.below(200_000) as i64 - 50_000) * 1_000_000,
        }
    }

    fn json(&mut self, depth: usize) -> serde_json::Value {
        use serde_json::Value as Json;
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => Json::Null,
            1 => Json::Bool(self.one_in(2)),
            2 => Json::from(self.int()),
            3 => Json::from(self.float()),
            4 => Json::from(self.text()),
            5 => (0..self.below(3)).map(|_| self.json(depth - 1)).collect(),
            _ => {
                const KEYS: [&str; 3] = ["a", "b", "c"];
                let entries = (0..self.below(3)).map(|i| (KEYS[i].to_string(), self.json(depth - 1)));
                Json::Object(entries.collect())
            }
        }
    }
}
