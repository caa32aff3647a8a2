//! Keeps each row with a probability, decided by a hash of where the row stands: the same rows in
//! every run, at any parallelism.
//!
//! Where rows of one number lie on one worker, that is the number and the row's place in it. Behind
//! an exchange by key a worker does not know that place; there it is the number, the row itself, and
//! how many equal rows came before it in that number (they are all on this worker: their key is equal).
//!
//! Of a changelog, the row alone decides, without number, time and whether it is added or withdrawn: what is
//! withdrawn was kept before if and only if the withdrawal is.

use super::Operator;
use crate::context::Context;
use crate::error::Halt;
use crate::number::Number;
use crate::snapshot::{Loading, Saving};
use flow_data::hash::{hash_columns, hash_pair};
use flow_data::{Batch, Column};
use flow_plan::RecordType;
use flow_plan::physical::hidden;
use std::collections::HashMap;

pub(crate) struct SampleOperator {
    /// Rows whose hash is below are kept.
    below: u64,
    /// Is there an exchange by key above (whether or not there are several workers)?
    keyed: bool,
    /// Is it a changelog?
    changes: bool,
    /// The first columns, which are the row.
    columns: usize,
    number: Number,
    place: u64,
    seen: HashMap<u64, u64>,
    hashes: Vec<u64>,
}

impl SampleOperator {
    pub(crate) fn new(probability: f64, keyed: bool, rows: &RecordType) -> SampleOperator {
        // 2^64 is not a u64: a probability of 1 keeps all but one of 2^64 hashes, which is why it is told apart.
        let below = if probability >= 1.0 { u64::MAX } else { (probability.max(0.0) * 2f64.powi(64)) as u64 };
        let changes = hidden::position(rows, hidden::CHANGE).is_some();
        SampleOperator {
            below,
            keyed,
            changes,
            columns: if changes { hidden::visible(rows) } else { rows.fields.len() },
            number: 0,
            place: 0,
            seen: HashMap::new(),
            hashes: Vec::new(),
        }
    }
}

impl Operator for SampleOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        if self.number != cx.number {
            self.number = cx.number;
            self.place = 0;
            self.seen.clear();
        }
        if self.keyed || self.changes {
            let columns: Vec<&Column> = batch.columns[..self.columns].iter().map(AsRef::as_ref).collect();
            hash_columns(&columns, batch.len, &mut self.hashes);
        }
        let number = if self.changes { 0 } else { self.number };
        let mut keep = Vec::new();
        for row in 0..batch.len {
            let place = if self.changes {
                self.hashes[row]
            } else if self.keyed {
                let before = self.seen.entry(self.hashes[row]).or_insert(0);
                *before += 1;
                hash_pair(self.hashes[row], *before)
            } else {
                self.place += 1;
                self.place
            };
            if self.below == u64::MAX || hash_pair(number, place) < self.below {
                keep.push(row as u32);
            }
        }
        if keep.len() == batch.len {
            cx.emit(batch);
        } else {
            cx.emit(batch.gather(&keep));
        }
        Ok(())
    }

    fn save(&mut self, _out: &mut Saving) {
        // It decides by the number and what came before in the same one.
    }

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}
