//! Test support: random well-typed expressions, chains and rows, the same for the same seed. Native
//! code is compared with the evaluator on them; nothing else uses this module.

mod chains;
mod exprs;
#[cfg(test)]
mod tests;
mod values;

use crate::types::{DataType, Field, RecordType};
use std::sync::Arc;

/// Makes random things. The same seed makes the same things in the same order.
#[derive(Clone, Debug)]
pub struct Arbitrary {
    state: u64,
}

impl Arbitrary {
    /// A maker of its own.
    pub fn new(seed: u64) -> Arbitrary {
        Arbitrary { state: seed ^ 0x5DEE_CE66_D1CE_4E5B }
    }

    /// A random word (splitmix64).
    pub fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n` (0 of 0).
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.word() % n as u64) as usize }
    }

    /// True once in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these; there must be some.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A scalar type.
    pub fn scalar(&mut self) -> DataType {
        use DataType::*;
        self.pick(&[Bool, Int, Int, Float, Float, Decimal, String, String, Bytes, Timestamp, Duration])
            .clone()
    }

    /// Any type; most are scalars, some optional.
    pub fn ty(&mut self) -> DataType {
        let ty = match self.below(12) {
            0 => DataType::list(self.scalar()),
            1 => DataType::list(self.scalar().optional()),
            2 => DataType::map(self.scalar()),
            3 => {
                let (a, b) = (self.scalar(), self.scalar().optional());
                match self.one_in(3) {
                    // What `zip` gives.
                    true => {
                        DataType::list(DataType::record(vec![Field::new("left", a), Field::new("right", b)]))
                    }
                    false => DataType::record(vec![Field::new("a", a), Field::new("b", b)]),
                }
            }
            4 => DataType::Json,
            _ => self.scalar(),
        };
        if self.one_in(3) { ty.optional() } else { ty }
    }

    /// Columns `c0`, `c1`, ….
    pub fn schema(&mut self, columns: usize) -> Arc<RecordType> {
        Arc::new(RecordType::new((0..columns).map(|i| Field::new(format!("c{i}"), self.ty())).collect()))
    }
}
